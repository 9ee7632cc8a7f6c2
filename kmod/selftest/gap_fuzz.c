// SPDX-License-Identifier: GPL-2.0-only
// Requests that no program would send to the gap meter: each rule broken, every request cut short, random ones.
#include "kmod/uapi/ipsec_gap.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/xfrm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BUFFER (1 << 16)

static struct mnl_socket *sock;
static uint16_t family;
static uint32_t seq;
static _Alignas(8) uint8_t request[BUFFER], answer[BUFFER];
static unsigned int unsound;	/* answers that break the contract */

/* ---- what may come back ---- */

static const uint16_t lengths[IPSEC_GAP_A_MAX + 1] = {
	[IPSEC_GAP_A_VERSION] = 4, [IPSEC_GAP_A_SEQ] = 8, [IPSEC_GAP_A_TYPE] = 4, [IPSEC_GAP_A_TIME] = 8,
	[IPSEC_GAP_A_POLICY_INDEX] = 4, [IPSEC_GAP_A_SELECTOR] = sizeof(struct xfrm_selector), [IPSEC_GAP_A_FAMILY] = 2,
	[IPSEC_GAP_A_PROTO] = 1, [IPSEC_GAP_A_MODE] = 1, [IPSEC_GAP_A_REQID] = 4, [IPSEC_GAP_A_IF_ID] = 4,
	[IPSEC_GAP_A_CAUSE] = 4, [IPSEC_GAP_A_END] = 4, [IPSEC_GAP_A_BY_PID] = 4, [IPSEC_GAP_A_LASTED_US] = 8,
	[IPSEC_GAP_A_KEYED_US] = 8, [IPSEC_GAP_A_WAITED_US] = 8, [IPSEC_GAP_A_ACQUIRES] = 4,
	[IPSEC_GAP_A_HELD_PACKETS] = 8, [IPSEC_GAP_A_HELD_BYTES] = 8, [IPSEC_GAP_A_DROPPED_PACKETS] = 8,
	[IPSEC_GAP_A_DROPPED_BYTES] = 8, [IPSEC_GAP_A_CLEAR_PACKETS] = 8, [IPSEC_GAP_A_CLEAR_BYTES] = 8,
	[IPSEC_GAP_A_GAPS] = 8, [IPSEC_GAP_A_SWITCHES] = 8, [IPSEC_GAP_A_LONGEST_US] = 8, [IPSEC_GAP_A_TOTAL_US] = 8,
	[IPSEC_GAP_A_SPI] = 4, [IPSEC_GAP_A_FATE] = 4, [IPSEC_GAP_A_FIRST] = 8, [IPSEC_GAP_A_LAST] = 8,
	[IPSEC_GAP_A_PACKETS] = 8, [IPSEC_GAP_A_BYTES] = 8, [IPSEC_GAP_A_KNOWN_US] = 8, [IPSEC_GAP_A_PATHS] = 4,
	[IPSEC_GAP_A_SAS] = 4, [IPSEC_GAP_A_SPIS] = 4, [IPSEC_GAP_A_MISSED] = 8, [IPSEC_GAP_A_OTHER_PACKETS] = 8,
	[IPSEC_GAP_A_FORGOTTEN] = 8, [IPSEC_GAP_A_MARK] = 4, [IPSEC_GAP_A_MARK_MASK] = 4,
};

static int look_at(const struct nlattr *a, void *arg)
{
	uint16_t type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);

	(void)arg;
	if (type > IPSEC_GAP_A_MAX || (lengths[type] && lengths[type] != len) ||
	    ((type == IPSEC_GAP_A_LOCAL || type == IPSEC_GAP_A_PEER) && len != 4 && len != 16))
		unsound++;
	return MNL_CB_OK;
}

struct heard {
	unsigned int objects;
	int error;	/* positive; -1: nothing came */
};

/* One datagram. True: more will come. */
static bool hear(struct heard *h)
{
	ssize_t n = mnl_socket_recvfrom(sock, answer, sizeof(answer));
	const struct nlmsghdr *m = (const struct nlmsghdr *)answer;
	int left = (int)n;
	bool more = false;

	for (; n > 0 && mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
		if (m->nlmsg_seq != seq)
			return true;	/* of a request before */
		if (m->nlmsg_type == NLMSG_ERROR || m->nlmsg_type == NLMSG_DONE) {
			h->error = -*(const int *)mnl_nlmsg_get_payload(m);
			return false;
		}
		more = m->nlmsg_flags & NLM_F_MULTI;
		h->error = 0;
		h->objects++;
		mnl_attr_parse(m, sizeof(struct genlmsghdr), look_at, NULL);
	}
	return more;
}

static struct heard ask(size_t len)
{
	struct heard h = { .error = -1 };

	if (mnl_socket_sendto(sock, request, len) < 0)
		return h;
	while (hear(&h))
		;
	return h;
}

/* ---- requests ---- */

static struct nlmsghdr *head(uint16_t type, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(request);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(m, sizeof(*g));

	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	m->nlmsg_seq = ++seq;
	g->cmd = command;
	g->version = 1;
	return m;
}

static int id_of(const struct nlattr *a, void *arg)
{
	if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
		*(uint16_t *)arg = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

static bool find_family(void)
{
	struct nlmsghdr *m = head(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);

	mnl_attr_put_strz(m, CTRL_ATTR_FAMILY_NAME, IPSEC_GAP_FAMILY);
	if (mnl_socket_sendto(sock, m, m->nlmsg_len) < 0 || mnl_socket_recvfrom(sock, answer, sizeof(answer)) <= 0)
		return false;
	m = (struct nlmsghdr *)answer;
	if (m->nlmsg_type != GENL_ID_CTRL)
		return false;
	mnl_attr_parse(m, sizeof(struct genlmsghdr), id_of, &family);
	return family;
}

static bool alive(void)
{
	struct heard h = ask(head(family, IPSEC_GAP_CMD_INFO, 0)->nlmsg_len);

	return !h.error && h.objects == 1;
}

static void test_rules(void)
{
	static const struct {
		const char *what;
		uint8_t command;
		uint16_t flags, attr, len;
		int error;
	} rows[] = {
		{ "what is there is told", IPSEC_GAP_CMD_PATH, NLM_F_DUMP, 0, 0, 0 },
		{ "a command that is none", 77, NLM_F_ACK, 0, 0, EOPNOTSUPP },
		{ "no single SPI is asked for", IPSEC_GAP_CMD_SPI, NLM_F_ACK, 0, 0, EOPNOTSUPP },
		{ "an attribute too many", IPSEC_GAP_CMD_INFO, NLM_F_ACK, IPSEC_GAP_A_PEER, 4, EINVAL },
		{ "one that is only in answers", IPSEC_GAP_CMD_PATH, NLM_F_DUMP, IPSEC_GAP_A_REQID, 4, EINVAL },
		{ "one that nobody knows", IPSEC_GAP_CMD_EVENT, NLM_F_DUMP, 2000, 4, EINVAL },
		{ "an address of three octets", IPSEC_GAP_CMD_PATH, NLM_F_DUMP, IPSEC_GAP_A_PEER, 3, ERANGE },
		{ "an address of seventeen octets", IPSEC_GAP_CMD_SPI, NLM_F_DUMP, IPSEC_GAP_A_PEER, 17, ERANGE },
		{ "an address of five octets is nobody's", IPSEC_GAP_CMD_SPI, NLM_F_DUMP, IPSEC_GAP_A_PEER, 5, 0 },
		{ "an index of two octets", IPSEC_GAP_CMD_PATH, NLM_F_ACK, IPSEC_GAP_A_POLICY_INDEX, 2, EINVAL },
		{ "no index", IPSEC_GAP_CMD_PATH, NLM_F_ACK, 0, 0, EINVAL },
		{ "the index of no policy", IPSEC_GAP_CMD_PATH, NLM_F_ACK, IPSEC_GAP_A_POLICY_INDEX, 4, ENOENT },
		{ "the number of no event", IPSEC_GAP_CMD_EVENT, NLM_F_ACK, IPSEC_GAP_A_SEQ, 8, ENOENT },
		{ "a number of four octets", IPSEC_GAP_CMD_EVENT, NLM_F_ACK, IPSEC_GAP_A_SEQ, 4, EINVAL },
	};
	static const uint8_t octets[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct nlmsghdr *m = head(family, rows[i].command, rows[i].flags);
		struct heard h;

		if (rows[i].attr)
			mnl_attr_put(m, rows[i].attr, rows[i].len, octets);
		h = ask(m->nlmsg_len);
		ok(h.error == rows[i].error, "%s: %s, not %s", rows[i].what, strerror(h.error), strerror(rows[i].error));
	}
}

/* An attribute that says another length than it has. */
static void test_cut(void)
{
	unsigned int refused = 0;

	for (uint16_t len = 1; len < 40; len++) {
		struct nlmsghdr *m = head(family, IPSEC_GAP_CMD_EVENT, NLM_F_ACK);
		struct nlattr *a = mnl_nlmsg_get_payload_tail(m);

		mnl_attr_put_u64(m, IPSEC_GAP_A_SEQ, 1ull << 60);
		a->nla_len = len;
		refused += ask(m->nlmsg_len).error > 0;
	}
	ok(refused == 39 && alive(), "a number whose length is not right: %u of 39 refused", refused);
}

/* ---- chance ---- */

static uint64_t state;

static uint32_t chance(uint32_t n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33) % n;
}

static void put_any(struct nlmsghdr *m)
{
	static const uint16_t lens[] = { 0, 1, 2, 3, 4, 4, 4, 7, 8, 8, 8, 15, 16, 17, 64, 255 };
	uint16_t len = lens[chance(sizeof(lens) / sizeof(*lens))], type = (uint16_t)chance(IPSEC_GAP_A_MAX + 4);
	struct nlattr *a = mnl_nlmsg_get_payload_tail(m);
	uint8_t octets[256];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = chance(3) ? 0 : (uint8_t)chance(256);
	mnl_attr_put(m, type, len, octets);
	if (!chance(8))
		a->nla_type |= NLA_F_NESTED;
	if (!chance(16))
		a->nla_type |= NLA_F_NET_BYTEORDER;
	if (!chance(8))
		a->nla_len = (uint16_t)chance(300);
}

static void test_chance(unsigned int count)
{
	unsigned int good = 0, refused = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct nlmsghdr *m = head(family, (uint8_t)(chance(8) ? 1 + chance(4) : chance(256)), NLM_F_ACK);
		struct heard h;

		if (chance(2))
			m->nlmsg_flags |= NLM_F_DUMP;
		if (!chance(16))
			m->nlmsg_flags = (uint16_t)(chance(65536) | NLM_F_REQUEST | NLM_F_ACK);
		for (unsigned int n = chance(4); n; n--)
			put_any(m);
		h = ask(m->nlmsg_len);
		good += !h.error;
		refused += h.error > 0;
	}
	ok(alive(), "%u random requests: %u served, %u refused", count, good, refused);
	ok(good && refused, "of each kind there were some");
	ok(!unsound, "all that was answered is as the contract has it: %u attributes are not", unsound);
}

int main(int argc, char **argv)
{
	struct timeval patience = { .tv_sec = 2 };

	if (argc != 3) {
		fprintf(stderr, "usage: gap_fuzz SEED COUNT\n");
		return 2;
	}
	puts("TAP version 13");
	state = strtoull(argv[1], NULL, 0);
	sock = mnl_socket_open(NETLINK_GENERIC);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 || !find_family()) {
		puts("1..0 # SKIP the gap meter is not there");
		return 4;
	}
	setsockopt(mnl_socket_get_fd(sock), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	test_rules();
	test_cut();
	test_chance((unsigned int)strtoul(argv[2], NULL, 0));
	mnl_socket_close(sock);
	return tap_end();
}
