// SPDX-License-Identifier: GPL-2.0-only
/* PF_KEY by hand: messages as a program could say them, and what comes back looked at byte by byte. */
#include "kmod/selftest/pfkey_say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORD 8
#define WAIT_MS 10000		/* under emulation, with algorithms to be loaded; LAB_SLOWER times as long */
#define QUIET_MS 300

int say_open(void)
{
	int fd = socket(PF_KEY, SOCK_RAW | SOCK_CLOEXEC, PF_KEY_V2);

	if (fd < 0) {
		printf("Bail out! there are no PF_KEY sockets: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

int say(int fd, struct pfkey_msg *m)
{
	static uint32_t seq = 1000;

	m->head.sadb_msg_seq = ++seq;
	m->head.sadb_msg_pid = (uint32_t)getpid();
	return send(fd, m->bytes, pfkey_msg_size(m), 0) < 0 ? -errno : 0;
}

static int slower(void)
{
	const char *times = getenv("LAB_SLOWER");

	return times && atoi(times) > 0 ? atoi(times) : 1;
}

static int hear_for(int fd, struct heard *h, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const char *why;
	ssize_t n;

	if (poll(&p, 1, ms) < 1)
		return -EAGAIN;
	n = recv(fd, h->p, sizeof(h->p), MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	h->n = (size_t)n;
	why = wrong(h->p, h->n);
	if (!why)
		return 0;
	ok(false, "message of type %u is right: %s", h->p[1], why);
	for (size_t i = 0; i < h->n && i < 512; i++)
		printf("%s%02x", i % 16 ? " " : "\n# ", h->p[i]);
	printf("\n");
	exit(tap_end());
}

int hear(int fd, struct heard *h)
{
	return hear_for(fd, h, QUIET_MS * slower());
}

int hear_now(int fd, struct heard *h)
{
	return hear_for(fd, h, 0);
}

int ask(int fd, struct pfkey_msg *m, struct heard *h)
{
	int err = say(fd, m);

	while (!err) {
		err = hear_for(fd, h, WAIT_MS * slower());
		if (!err && heard_msg(h)->sadb_msg_seq == m->head.sadb_msg_seq && heard_msg(h)->sadb_msg_type == m->head.sadb_msg_type)
			return heard_msg(h)->sadb_msg_errno;
	}
	return err;
}

void hear_out(int fd)
{
	static struct heard h;

	while (!hear_now(fd, &h))
		;
}

unsigned int drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t n = sizeof(info);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n);
	return info[SK_MEMINFO_DROPS];
}

void is(const char *what, long got, long wanted)
{
	if (!ok(got == wanted, "%s", what))
		printf("# got %ld, wanted %ld\n", got, wanted);
}

const struct sadb_msg *heard_msg(const struct heard *h)
{
	return (const struct sadb_msg *)h->p;
}

const void *heard_ext(const struct heard *h, uint16_t type)
{
	const struct sadb_ext *e;

	for (size_t at = sizeof(struct sadb_msg); at < h->n; at += e->sadb_ext_len * WORD) {
		e = (const struct sadb_ext *)(h->p + at);
		if (e->sadb_ext_type == type)
			return e;
	}
	return NULL;
}

/* ---- is it right? ---- */

static bool zero(const unsigned char *p, size_t n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

/* A sockaddr's length, or 0 when it is none or has bytes that are not 0 and mean nothing. */
static size_t sockaddr_ok(const unsigned char *p, size_t n)
{
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin;

	if (n < sizeof(sin))
		return 0;
	memcpy(&sin, p, sizeof(sin));
	if (sin.sin_family == AF_INET)
		return zero((unsigned char *)sin.sin_zero, sizeof(sin.sin_zero)) ? sizeof(sin) : 0;
	if (sin.sin_family != AF_INET6 || n < sizeof(sin6))
		return 0;
	memcpy(&sin6, p, sizeof(sin6));
	return sin6.sin6_flowinfo || sin6.sin6_scope_id ? 0 : sizeof(sin6);
}

static bool address_right(const unsigned char *e, size_t n)
{
	const size_t head = sizeof(struct sadb_address);
	size_t size = sockaddr_ok(e + head, n - head);

	return size && n - head - size < WORD && zero(e + 6, 2) && zero(e + head + size, n - head - size);
}

static bool key_right(const unsigned char *e, size_t n)
{
	struct sadb_key x;
	size_t size;

	memcpy(&x, e, sizeof(x));
	size = sizeof(x) + (x.sadb_key_bits + 7u) / 8;
	return size <= n && n - size < WORD && !x.sadb_key_reserved && zero(e + size, n - size);
}

static bool policy_right(const unsigned char *e, size_t n)
{
	struct sadb_x_ipsecrequest rq;
	size_t at = sizeof(struct sadb_x_policy), size, i;

	if (e[7])
		return false;
	for (; at < n; at += rq.sadb_x_ipsecrequest_len) {
		if (n - at < sizeof(rq))
			return false;
		memcpy(&rq, e + at, sizeof(rq));
		if (rq.sadb_x_ipsecrequest_len < sizeof(rq) || rq.sadb_x_ipsecrequest_len > n - at ||
		    rq.sadb_x_ipsecrequest_reserved1 || rq.sadb_x_ipsecrequest_reserved2)
			return false;
		for (i = sizeof(rq); i < rq.sadb_x_ipsecrequest_len; i += size) {
			size = sockaddr_ok(e + at + i, rq.sadb_x_ipsecrequest_len - i);
			if (!size)
				return false;
		}
	}
	return true;
}

static bool supported_right(const unsigned char *e, size_t n)
{
	if (!zero(e + 4, 4))
		return false;
	for (size_t at = 8; at < n; at += sizeof(struct sadb_alg))
		if (!e[at] || !zero(e + at + 6, 2))	/* an algorithm has a number */
			return false;
	return true;
}

static bool prop_right(const unsigned char *e, size_t n)
{
	struct sadb_comb c;

	if (!zero(e + 5, 3) || (n - 8) % sizeof(c))
		return false;
	for (size_t at = 8; at < n; at += sizeof(c)) {
		memcpy(&c, e + at, sizeof(c));
		if ((!c.sadb_comb_auth && !c.sadb_comb_encrypt) || c.sadb_comb_flags || c.sadb_comb_reserved || c.sadb_comb_soft_bytes)
			return false;
	}
	return true;
}

static bool ctx_right(const unsigned char *e, size_t n)
{
	struct sadb_x_sec_ctx x;

	memcpy(&x, e, sizeof(x));
	return x.sadb_x_ctx_len <= n - sizeof(x);
}

static bool kmaddress_right(const unsigned char *e, size_t n)
{
	size_t one = sockaddr_ok(e + 8, n - 8), two = one ? sockaddr_ok(e + 8 + one, n - 8 - one) : 0;

	return two && zero(e + 8 + one + two, n - 8 - one - two);
}

/* Of those of one length: bytes [at, at + n) mean nothing. */
static const struct {
	uint16_t size;
	struct { uint8_t at, n; } none;
	bool (*right)(const unsigned char *e, size_t n);
} rules[SADB_X_EXT_SELECTOR + 1] = {
	[SADB_EXT_SA] = { sizeof(struct sadb_sa), { 0, 0 }, NULL },
	[SADB_EXT_LIFETIME_CURRENT] = { sizeof(struct sadb_lifetime), { 0, 0 }, NULL },
	[SADB_EXT_LIFETIME_HARD] = { sizeof(struct sadb_lifetime), { 0, 0 }, NULL },
	[SADB_EXT_LIFETIME_SOFT] = { sizeof(struct sadb_lifetime), { 0, 0 }, NULL },
	[SADB_EXT_ADDRESS_SRC] = { 0, { 0, 0 }, address_right },
	[SADB_EXT_ADDRESS_DST] = { 0, { 0, 0 }, address_right },
	[SADB_EXT_ADDRESS_PROXY] = { 0, { 0, 0 }, address_right },
	[SADB_EXT_KEY_AUTH] = { 0, { 0, 0 }, key_right },
	[SADB_EXT_KEY_ENCRYPT] = { 0, { 0, 0 }, key_right },
	[SADB_EXT_PROPOSAL] = { 0, { 0, 0 }, prop_right },
	[SADB_EXT_SUPPORTED_AUTH] = { 0, { 0, 0 }, supported_right },
	[SADB_EXT_SUPPORTED_ENCRYPT] = { 0, { 0, 0 }, supported_right },
	[SADB_X_EXT_POLICY] = { 0, { 0, 0 }, policy_right },
	[SADB_X_EXT_SA2] = { sizeof(struct sadb_x_sa2), { 5, 7 }, NULL },
	[SADB_X_EXT_NAT_T_TYPE] = { sizeof(struct sadb_x_nat_t_type), { 5, 3 }, NULL },
	[SADB_X_EXT_NAT_T_SPORT] = { sizeof(struct sadb_x_nat_t_port), { 6, 2 }, NULL },
	[SADB_X_EXT_NAT_T_DPORT] = { sizeof(struct sadb_x_nat_t_port), { 6, 2 }, NULL },
	[SADB_X_EXT_NAT_T_OA] = { 0, { 0, 0 }, address_right },
	[SADB_X_EXT_SEC_CTX] = { 0, { 0, 0 }, ctx_right },
	[SADB_X_EXT_KMADDRESS] = { 0, { 0, 0 }, kmaddress_right },
	[SADB_X_EXT_REPLAY] = { sizeof(struct sadb_x_replay), { 12, 4 }, NULL },
	[SADB_X_EXT_ICV] = { sizeof(struct sadb_x_icv), { 6, 2 }, NULL },
	[SADB_X_EXT_EXTENDED] = { sizeof(struct sadb_x_extended), { 4, 4 }, NULL },
	[SADB_X_EXT_SELECTOR] = { sizeof(struct sadb_x_selector), { 9, 3 }, NULL },
};

static bool ext_right(const unsigned char *e, size_t n, unsigned int type)
{
	if (type > SADB_X_EXT_SELECTOR || (!rules[type].size && !rules[type].right))
		return false;
	if (rules[type].size)
		return n == rules[type].size && zero(e + rules[type].none.at, rules[type].none.n);
	return n >= 8 && rules[type].right(e, n);
}

const char *wrong(const void *p, size_t n)
{
	static char why[64];
	const unsigned char *b = p;
	struct sadb_msg msg;
	struct sadb_ext ext;
	uint64_t seen = 0;

	if (n < sizeof(msg))
		return "it has no head";
	memcpy(&msg, p, sizeof(msg));
	if (msg.sadb_msg_version != PF_KEY_V2 || (size_t)msg.sadb_msg_len * WORD != n)
		return "its length is not what it says";
	for (size_t at = sizeof(msg); at < n; at += (size_t)ext.sadb_ext_len * WORD) {
		memcpy(&ext, b + at, sizeof(ext));
		if (!ext.sadb_ext_len || (size_t)ext.sadb_ext_len * WORD > n - at)
			return "an extension's length is wrong";
		snprintf(why, sizeof(why), "extension %u", ext.sadb_ext_type);
		if (!ext_right(b + at, (size_t)ext.sadb_ext_len * WORD, ext.sadb_ext_type) || seen & 1ull << ext.sadb_ext_type)
			return why;
		seen |= 1ull << ext.sadb_ext_type;
	}
	return NULL;
}

/* ---- parts ---- */

static struct ipsec_addr addr(int family, uint8_t host)
{
	struct ipsec_addr a = { .family = (uint8_t)family };

	inet_pton(family, family == AF_INET6 ? "2001:db8::" : "192.0.2.0", a.b);
	a.b[family == AF_INET6 ? 15 : 3] = host;
	return a;
}

static void put_pair(struct pfkey_msg *m, int family, uint8_t src, uint8_t dst)
{
	const struct ipsec_addr s = addr(family, src), d = addr(family, dst);
	uint8_t bits = family == AF_INET6 ? 128 : 32;

	pfkey_addr_put(m, SADB_EXT_ADDRESS_SRC, &s, bits, 0, PFKEY_PROTO_ANY);
	pfkey_addr_put(m, SADB_EXT_ADDRESS_DST, &d, bits, 0, PFKEY_PROTO_ANY);
}

void put_ends(struct pfkey_msg *m, int family)
{
	put_pair(m, family, 1, 2);
}

void put_sa(struct pfkey_msg *m, uint32_t spi, uint8_t auth, uint8_t enc)
{
	struct sadb_sa *x = pfkey_ext_room(m, SADB_EXT_SA, sizeof(*x));

	x->sadb_sa_spi = htonl(spi);
	x->sadb_sa_auth = auth;
	x->sadb_sa_encrypt = enc;
	x->sadb_sa_state = SADB_SASTATE_MATURE;
}

void put_key(struct pfkey_msg *m, uint16_t type, unsigned int bits)
{
	struct sadb_key *x = pfkey_ext_room(m, type, sizeof(*x) + bits / 8);

	x->sadb_key_bits = (uint16_t)bits;
	for (unsigned int i = 0; i < bits / 8; i++)
		((uint8_t *)(x + 1))[i] = (uint8_t)(0xa0 + i % 64);
}

void put_replay(struct pfkey_msg *m, uint32_t window, uint32_t flags, uint64_t oseq, uint64_t seq)
{
	struct sadb_x_replay *x = pfkey_ext_room(m, SADB_X_EXT_REPLAY, sizeof(*x));

	x->sadb_x_replay_window = window;
	x->sadb_x_replay_flags = flags;
	x->sadb_x_replay_oseq = oseq;
	x->sadb_x_replay_seq = seq;
}

void put_icv(struct pfkey_msg *m, uint16_t bits)
{
	struct sadb_x_icv *x = pfkey_ext_room(m, SADB_X_EXT_ICV, sizeof(*x));

	x->sadb_x_icv_bits = bits;
}

void put_selector(struct pfkey_msg *m, uint16_t family, uint8_t dplen, uint8_t proto)
{
	struct sadb_x_selector *x = pfkey_ext_room(m, SADB_X_EXT_SELECTOR, sizeof(*x));
	const struct ipsec_addr net = addr(AF_INET, 0);

	x->sadb_x_selector_family = family;
	x->sadb_x_selector_dplen = dplen;
	x->sadb_x_selector_proto = proto;
	if (dplen)
		memcpy(x->sadb_x_selector_daddr, net.b, 4);
}

void make_head(struct pfkey_msg *m, uint8_t type, uint8_t satype)
{
	memset(m, 0, sizeof(*m));
	pfkey_msg_start(m, type, satype);
}

void make_add(struct pfkey_msg *m, int family, uint32_t spi)
{
	make_head(m, SADB_ADD, SADB_SATYPE_ESP);
	put_sa(m, spi, SADB_AALG_SHA1HMAC, SADB_X_EALG_AESCBC);
	put_ends(m, family);
	put_key(m, SADB_EXT_KEY_ENCRYPT, 128);
	put_key(m, SADB_EXT_KEY_AUTH, 160);
}

int get(int fd, uint32_t spi, struct heard *h)
{
	struct pfkey_msg m;

	make_head(&m, SADB_GET, SADB_SATYPE_ESP);
	put_sa(&m, spi, 0, 0);
	put_ends(&m, AF_INET);
	return ask(fd, &m, h);
}

void *part_of(struct pfkey_msg *m, uint16_t type)
{
	struct sadb_ext *e;

	for (size_t at = sizeof(struct sadb_msg); at < pfkey_msg_size(m); at += e->sadb_ext_len * WORD) {
		e = (struct sadb_ext *)(m->bytes + at);
		if (e->sadb_ext_type == type)
			return e;
	}
	abort();
}

struct sadb_x_ipsecrequest *request_of(struct pfkey_msg *m)
{
	return (struct sadb_x_ipsecrequest *)((struct sadb_x_policy *)part_of(m, SADB_X_EXT_POLICY) + 1);
}

static size_t request_size(int family)
{
	return sizeof(struct sadb_x_ipsecrequest) + pfkey_pair_size((uint16_t)family);
}

static uint8_t *put_tunnel(uint8_t *p, int family, uint8_t src, uint8_t dst)
{
	struct sadb_x_ipsecrequest *rq = (struct sadb_x_ipsecrequest *)p;
	const struct ipsec_addr s = addr(family, src), d = addr(family, dst);

	rq->sadb_x_ipsecrequest_len = (uint16_t)request_size(family);
	rq->sadb_x_ipsecrequest_proto = IPPROTO_ESP;
	rq->sadb_x_ipsecrequest_mode = PFKEY_MODE_TUNNEL;
	rq->sadb_x_ipsecrequest_level = PFKEY_LEVEL_REQUIRE;
	pfkey_pair_put(rq + 1, &s, &d);
	return p + request_size(family);
}

static uint8_t *put_policy(struct pfkey_msg *m, unsigned int requests, int family)
{
	struct sadb_x_policy *x = pfkey_ext_room(m, SADB_X_EXT_POLICY, sizeof(*x) + requests * request_size(family));

	x->sadb_x_policy_type = PFKEY_POLICY_IPSEC;
	x->sadb_x_policy_dir = 2;
	return (uint8_t *)(x + 1);
}

void make_spdadd(struct pfkey_msg *m, int family, uint8_t host, unsigned int n, int tunnel_family)
{
	uint8_t *p;

	make_head(m, SADB_X_SPDADD, SADB_SATYPE_UNSPEC);
	put_pair(m, family, 1, host);
	p = put_policy(m, n, tunnel_family);
	while (n--)
		p = put_tunnel(p, tunnel_family, 1, 2);
}

void make_migrate(struct pfkey_msg *m, int family, uint8_t host, unsigned int n, int tunnel_family)
{
	uint8_t *p;

	make_head(m, SADB_X_MIGRATE, SADB_SATYPE_UNSPEC);
	put_pair(m, family, 1, host);
	p = put_policy(m, 2 * n, tunnel_family);
	while (n--) {
		p = put_tunnel(p, tunnel_family, 1, 2);
		p = put_tunnel(p, tunnel_family, 1, (uint8_t)(3 + n));
	}
}
