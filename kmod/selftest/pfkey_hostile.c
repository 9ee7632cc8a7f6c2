// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile PF_KEY messages: the holes that af_key has had over the years, each message with each of its parts missing, cut short
 * at each byte, and random changes of all of them. Whatever comes back must be right to the last byte (pfkey_say.c), and the socket
 * must go on serving. Writes TAP.
 *
 * usage: pfkey_hostile SEED COUNT
 */
#include "kmod/selftest/pfkey_say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct heard h;
static struct pfkey_msg m;
static int fd;

static bool alive(void)
{
	return get(fd, 0xffff, &h) == ESRCH;
}

/* ---- holes ---- */

/* CVE-2022-1353 and before it: kernel memory in the answer's tail; a shift by the caller's number. */
static void test_register(void)
{
	make_head(&m, SADB_REGISTER, SADB_SATYPE_ESP);
	is("SADB_REGISTER's answer is right to the last byte", ask(fd, &m, &h), 0);
	make_head(&m, SADB_REGISTER, 255);
	is("SADB_REGISTER for type 255", ask(fd, &m, &h), EINVAL);
	make_head(&m, SADB_REGISTER, SADB_SATYPE_MAX + 1);
	is("or one more than there are", ask(fd, &m, &h), EINVAL);
}

static int migrate(int dir, unsigned int n, int family)
{
	make_migrate(&m, AF_INET, 2, n, family);
	((struct sadb_x_policy *)part_of(&m, SADB_X_EXT_POLICY))->sadb_x_policy_dir = (uint8_t)dir;
	return ask(fd, &m, &h);
}

/* Of six pairs of 32 bytes and more a message was made in a buffer that was measured for fewer; dir 0 was an index of -1. */
static void test_migrate(void)
{
	is("SADB_X_MIGRATE with direction 0", migrate(0, 1, AF_INET), EINVAL);
	is("and 4", migrate(4, 1, AF_INET), EINVAL);
	ok(migrate(2, 6, AF_INET6) != 0, "with six moves, of tunnels of the other family, of a policy that is not there");
	is("with seven", migrate(2, 7, AF_INET6), EINVAL);
	make_migrate(&m, AF_INET, 2, 1, AF_INET);
	request_of(&m)->sadb_x_ipsecrequest_len = 16;
	is("with a request without addresses", ask(fd, &m, &h), EINVAL);
	make_migrate(&m, AF_INET, 2, 1, AF_INET);
	request_of(&m)->sadb_x_ipsecrequest_len = 96;
	is("with an odd number of requests", ask(fd, &m, &h), EINVAL);
	make_migrate(&m, AF_INET, 2, 1, AF_INET);
	((struct sockaddr *)(request_of(&m) + 1))->sa_family = AF_INET6;
	is("with a family that needs more than there is", ask(fd, &m, &h), EINVAL);
}

static void test_lengths(void)
{
	struct sadb_x_filter *filter;
	struct sadb_key *key;

	make_add(&m, AF_INET, 0x1000);
	key = part_of(&m, SADB_EXT_KEY_ENCRYPT);
	key->sadb_key_bits = 65535;
	is("a key of more bits than there are", ask(fd, &m, &h), EINVAL);
	make_add(&m, AF_INET, 0x1000);
	((struct sadb_address *)part_of(&m, SADB_EXT_ADDRESS_SRC))->sadb_address_prefixlen = 255;
	is("a prefix of 255", ask(fd, &m, &h), EINVAL);
	make_add(&m, AF_INET, 0x1000);
	((struct sockaddr *)((struct sadb_address *)part_of(&m, SADB_EXT_ADDRESS_DST) + 1))->sa_family = AF_INET6;
	is("an IPv6 address in the room of an IPv4 one", ask(fd, &m, &h), EINVAL);
	make_head(&m, SADB_DUMP, SADB_SATYPE_UNSPEC);
	filter = pfkey_ext_room(&m, SADB_X_EXT_FILTER, sizeof(*filter));
	filter->sadb_x_filter_family = AF_INET;
	filter->sadb_x_filter_splen = 129;
	is("a filter of 129 bits", ask(fd, &m, &h), EINVAL);
	make_spdadd(&m, AF_INET, 2, 6, AF_INET);
	request_of(&m)->sadb_x_ipsecrequest_len = 0;
	is("a request of length 0", ask(fd, &m, &h), EINVAL);
	make_spdadd(&m, AF_INET, 2, 7, AF_INET);
	is("more tunnels than a policy holds", ask(fd, &m, &h), ELOOP);
	make_spdadd(&m, AF_INET, 2, 1, AF_INET);
	request_of(&m)->sadb_x_ipsecrequest_proto = 0x100 + IPPROTO_ESP;
	is("a protocol that is one only when cut to a byte", ask(fd, &m, &h), EINVAL);
	make_spdadd(&m, AF_INET6, 9, 6, AF_INET);
	is("tunnels of the other family", ask(fd, &m, &h), 0);
	make_head(&m, SADB_X_SPDDUMP, SADB_SATYPE_UNSPEC);
	is("are told whole", ask(fd, &m, &h) == 0 || heard_ext(&h, SADB_X_EXT_POLICY) ? 0 : 1, 0);
}

static int socket_policy_of(int family, int level, int option, const void *p, socklen_t n)
{
	int s = socket(family, SOCK_DGRAM, 0), err = setsockopt(s, level, option, p, n) ? errno : 0;

	close(s);
	return err;
}

static int socket_policy(const void *p, socklen_t n)
{
	return socket_policy_of(AF_INET, IPPROTO_IP, IP_IPSEC_POLICY, p, n);
}

/* The door without a message around: a length of 0 words once passed, as did a label behind the end. */
static void test_socket_policy(void)
{
	struct { struct sadb_x_policy x; uint8_t more[64]; } pol = {
		.x = { .sadb_x_policy_len = 2, .sadb_x_policy_exttype = SADB_X_EXT_POLICY, .sadb_x_policy_type = PFKEY_POLICY_BYPASS,
		       .sadb_x_policy_dir = 2 },
	};

	is("a socket's policy", socket_policy(&pol, 16), 0);
	pol.x.sadb_x_policy_exttype = SADB_EXT_SENSITIVITY;	/* what openiked calls it, and af_key does not look at */
	is("by another name", socket_policy(&pol, 16), 0);
	is("of an IPv6 socket", socket_policy_of(AF_INET6, IPPROTO_IPV6, IPV6_IPSEC_POLICY, &pol, 16), 0);
	is("by IPv4's option", socket_policy_of(AF_INET6, IPPROTO_IP, IP_IPSEC_POLICY, &pol, 16), EOPNOTSUPP);
	pol.x.sadb_x_policy_exttype = SADB_X_EXT_POLICY;
	pol.x.sadb_x_policy_dir = 3;
	is("for what is forwarded", socket_policy(&pol, 16), EINVAL);
	pol.x.sadb_x_policy_dir = 0;
	is("for no direction", socket_policy(&pol, 16), EINVAL);
	pol.x.sadb_x_policy_dir = 2;
	pol.x.sadb_x_policy_type = PFKEY_POLICY_BYPASS + 1;
	is("of a type there is not", socket_policy(&pol, 16), EINVAL);
	pol.x.sadb_x_policy_type = PFKEY_POLICY_BYPASS;
	pol.x.sadb_x_policy_len = 0;
	is("of length 0", socket_policy(&pol, 16), EINVAL);
	pol.x.sadb_x_policy_len = 1;
	is("of half a head", socket_policy(&pol, 16), EINVAL);
	pol.x.sadb_x_policy_len = 3;
	is("longer than it is", socket_policy(&pol, 16), EINVAL);
	pol.x.sadb_x_policy_len = 2;
	pol.more[0] = 200;
	pol.more[2] = SADB_X_EXT_SEC_CTX;
	is("with a label that ends elsewhere", socket_policy(&pol, 24), EINVAL);
	pol.x.sadb_x_policy_len = 10;
	pol.x.sadb_x_policy_type = PFKEY_POLICY_IPSEC;
	memset(pol.more, 0xff, sizeof(pol.more));
	is("with rules of ones", socket_policy(&pol, sizeof(pol)), EINVAL);
}

/* ---- whole messages, and what can be done to them ---- */

static void make_getspi(struct pfkey_msg *msg, int family)
{
	struct sadb_spirange *x;

	make_head(msg, SADB_GETSPI, SADB_SATYPE_ESP);
	put_ends(msg, family);
	x = pfkey_ext_room(msg, SADB_EXT_SPIRANGE, sizeof(*x));
	x->sadb_spirange_min = 0x100;
	x->sadb_spirange_max = 0x10000;
}

static void make_rich_add(struct pfkey_msg *msg, int family)
{
	const struct ipsec_lifetime soft = { .bytes = 1000 }, hard = { .add_seconds = 30 };
	struct sadb_x_nat_t_type *type;

	make_add(msg, family, 0x2000 + (unsigned int)family);
	pfkey_lifetimes_put(msg, &soft, &hard);
	type = pfkey_ext_room(msg, SADB_X_EXT_NAT_T_TYPE, sizeof(*type));
	type->sadb_x_nat_t_type_type = 2;
	pfkey_ext_room(msg, SADB_X_EXT_NAT_T_SPORT, 8);
	pfkey_ext_room(msg, SADB_X_EXT_NAT_T_DPORT, 8);
	pfkey_ctx_put(msg, "a label");
	put_replay(msg, 128, 0, 0, 0);
	put_icv(msg, 96);
	put_selector(msg, AF_INET, 24, 17);
}

static void make_id(struct pfkey_msg *msg, uint8_t type)
{
	make_head(msg, type, SADB_SATYPE_ESP);
	put_sa(msg, 0x1000, 0, 0);
	put_ends(msg, AF_INET);
}

static void make_index(struct pfkey_msg *msg, uint8_t type)
{
	make_head(msg, type, SADB_SATYPE_UNSPEC);
	((struct sadb_x_policy *)pfkey_ext_room(msg, SADB_X_EXT_POLICY, 16))->sadb_x_policy_id = 9;
}

#define SEEDS 24

static void make_seed(struct pfkey_msg *msg, unsigned int i)
{
	int family = i % 2 ? AF_INET6 : AF_INET;

	switch (i) {
	case 0: case 1:
		return make_add(msg, family, 0x1000);
	case 2: case 3:
		return make_rich_add(msg, family);
	case 4: case 5:
		make_add(msg, family, 0x1000);
		msg->head.sadb_msg_type = SADB_UPDATE;
		return;
	case 6: case 7:
		return make_getspi(msg, family);
	case 8: case 9:
		return make_spdadd(msg, family, 2, 3, AF_INET);
	case 10: case 11:
		return make_spdadd(msg, family, 3, 6, AF_INET6);
	case 12: case 13:
		make_spdadd(msg, family, 2, 1, family);
		msg->head.sadb_msg_type = i == 12 ? SADB_X_SPDUPDATE : SADB_X_SPDDELETE;
		return;
	case 14: case 15:
		return make_migrate(msg, family, 2, 3, i == 14 ? AF_INET6 : AF_INET);
	case 16:
		return make_id(msg, SADB_DELETE);
	case 17:
		return make_id(msg, SADB_GET);
	case 18:
		return make_index(msg, SADB_X_SPDGET);
	case 19:
		return make_index(msg, SADB_X_SPDDELETE2);
	case 20:
		return make_head(msg, SADB_DUMP, SADB_SATYPE_UNSPEC);
	case 21:
		return make_head(msg, SADB_X_SPDDUMP, SADB_SATYPE_UNSPEC);
	case 22:
		return make_head(msg, SADB_X_PROMISC, 1);
	default:
		make_head(msg, SADB_ACQUIRE, SADB_SATYPE_ESP);
		msg->head.sadb_msg_errno = 1;
	}
}

static void without(struct pfkey_msg *to, const struct pfkey_msg *from, size_t at)
{
	const struct sadb_ext *e = (const struct sadb_ext *)(from->bytes + at);
	size_t n = e->sadb_ext_len * 8u;

	*to = *from;
	memmove(to->bytes + at, to->bytes + at + n, pfkey_msg_size(from) - at - n);
	to->head.sadb_msg_len = (uint16_t)(to->head.sadb_msg_len - e->sadb_ext_len);
}

/* A request that lacks what it needs has been the end of kernels. */
static void test_missing(void)
{
	unsigned int said = 0;
	struct pfkey_msg seed;

	for (unsigned int i = 0; i < SEEDS; i++) {
		make_seed(&seed, i);
		for (size_t at = sizeof(struct sadb_msg); at < pfkey_msg_size(&seed);) {
			without(&m, &seed, at);
			said += !say(fd, &m);
			hear_out(fd);
			at += ((struct sadb_ext *)(seed.bytes + at))->sadb_ext_len * 8u;
		}
	}
	ok(alive(), "each message without each of its extensions: %u", said);
}

static void test_cut(void)
{
	unsigned int taken = 0, said = 0;

	for (unsigned int i = 0; i < SEEDS; i++) {
		make_seed(&m, i);
		for (size_t n = 0; n < pfkey_msg_size(&m); n++, said++)
			taken += send(fd, m.bytes, n, 0) >= 0;
	}
	is("messages cut short at each byte are taken", taken, 0);
	for (unsigned int i = 0; i < SEEDS; i++) {
		make_seed(&m, i);
		for (unsigned int words = m.head.sadb_msg_len; words-- > 2;) {
			m.head.sadb_msg_len = (uint16_t)words;
			said += send(fd, m.bytes, words * 8, 0) >= 0;
			hear_out(fd);
		}
	}
	ok(alive(), "nor do those that end in the midst of an extension harm: %u", said);
}

/* ---- what is no message, what is no socket ---- */

static int sent(size_t n, int flags)
{
	static uint8_t room[65536 + 8];

	memcpy(room, m.bytes, pfkey_msg_size(&m));
	return send(fd, room, n, flags) < 0 ? errno : 0;
}

static int opened(int type, int protocol)
{
	int s = socket(PF_KEY, type, protocol), err = s < 0 ? errno : 0;

	if (s >= 0)
		close(s);
	return err;
}

static void test_sends(void)
{
	char byte;

	is("a socket for datagrams", opened(SOCK_DGRAM, PF_KEY_V2), ESOCKTNOSUPPORT);
	is("of another version", opened(SOCK_RAW, 1), EPROTONOSUPPORT);
	is("as it should be", opened(SOCK_RAW, PF_KEY_V2), 0);
	make_id(&m, SADB_GET);
	is("a message of more bytes than it says", sent(pfkey_msg_size(&m) + 8, 0), EMSGSIZE);
	is("of less", sent(pfkey_msg_size(&m) - 8, 0), EMSGSIZE);
	is("of half a head", sent(8, 0), EMSGSIZE);
	is("of more than a message may have", sent(65536 + 8, 0), EMSGSIZE);
	is("from nowhere", send(fd, NULL, sizeof(struct sadb_msg), 0) < 0 ? errno : 0, EFAULT);
	is("out of band", sent(pfkey_msg_size(&m), MSG_OOB), EOPNOTSUPP);
	is("as it should be", sent(pfkey_msg_size(&m), 0), 0);
	is("is read without being taken, of any length",
	   recv(fd, &byte, 1, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT), sizeof(struct sadb_msg));
	is("but not for an error of the network", recv(fd, &byte, 1, MSG_ERRQUEUE | MSG_DONTWAIT) < 0 ? errno : 0, EINVAL);
	is("is there again", hear_now(fd, &h), 0);
	is("and once", hear_now(fd, &h), -EAGAIN);
}

/* ---- memory that runs out ---- */

#define ALLOCATIONS_MAX 200	/* of one message; more would be no end */

/* Sends it, and lets the nth allocation from here on fail; *rc is what say() returns. Returns whether there was one. */
static bool say_starved(int nth_fd, unsigned int nth, int *rc)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(nth_fd, text, (size_t)n, 0) != n)
		return false;
	*rc = say(fd, &m);
	n = (int)pread(nth_fd, text, sizeof(text) - 1, 0);
	if (n < 1 || pwrite(nth_fd, "0", 1, 0) != 1)
		return false;
	text[n] = 0;
	return strtoul(text, NULL, 10) == 0;
}

/*
 * For each message each of its allocations, one after the other (CONFIG_FAILSLAB; pfkey_hostile.sh has said that any may fail).
 * Who asked is told by an answer or by send(), or the loss is counted. To SADB_ACQUIRE, the last of the messages, nobody answers.
 */
static void test_starved(void)
{
	int nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	unsigned int failed = 0, nth = 0, untold = 0, lost;
	int rc;

	if (nth_fd < 0) {
		ok(true, "each allocation fails once # SKIP this kernel has no fault injection");
		return;
	}
	for (unsigned int i = 0; i < SEEDS && nth < ALLOCATIONS_MAX; i++) {
		for (nth = 1; nth < ALLOCATIONS_MAX; nth++) {
			make_seed(&m, i);
			lost = drops(fd);
			if (!say_starved(nth_fd, nth, &rc))
				break;
			failed++;
			untold += !rc && i < SEEDS - 1 && hear_now(fd, &h) && drops(fd) == lost;
			hear_out(fd);
		}
		hear_out(fd);
	}
	close(nth_fd);
	ok(nth < ALLOCATIONS_MAX && failed > SEEDS && alive(), "each allocation fails once: %u", failed);
	is("and nothing is lost without a word", untold, 0);
}

/* ---- chance ---- */

static uint64_t state;

static uint32_t chance(uint32_t n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33) % n;
}

static const uint8_t odd[] = { 0, 1, 2, 3, 7, 8, 9, 10, 16, 31, 32, 33, 60, 61, 62, 63, 64, 127, 128, 129, 251, 253, 254, 255 };

static void spoil(struct pfkey_msg *msg)
{
	size_t n = pfkey_msg_size(msg), at = sizeof(struct sadb_msg), len;

	if (n < sizeof(struct sadb_msg) || n > sizeof(msg->bytes))	/* its length has been spoilt before */
		return;
	switch (chance(6)) {
	case 0:
		msg->bytes[chance((uint32_t)n)] = odd[chance(sizeof(odd))];
		return;
	case 1:
		msg->bytes[chance((uint32_t)n)] ^= (uint8_t)(1 << chance(8));
		return;
	case 2:
		msg->head.sadb_msg_type = (uint8_t)(1 + chance(SADB_MAX));
		if (msg->head.sadb_msg_type == SADB_REGISTER)	/* sends for modules, which takes a second each time */
			msg->head.sadb_msg_type = SADB_FLUSH;
		return;
	case 3:
		msg->head.sadb_msg_satype = odd[chance(10)];
		return;
	default:
		break;
	}
	while (at < n && chance(3)) {	/* an extension's head, where lengths and types are */
		len = ((struct sadb_ext *)(msg->bytes + at))->sadb_ext_len * 8u;
		if (!len || at + len >= n)
			break;
		at += len;
	}
	if (at + 16 <= n)
		msg->bytes[at + chance(16)] = odd[chance(sizeof(odd))];
}

static void test_chance(unsigned int count)
{
	unsigned int good = 0, refused = 0, untaken = 0;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int times = chance(4);
		uint8_t err;

		make_seed(&m, chance(SEEDS));
		while (times--)
			spoil(&m);
		m.head.sadb_msg_version = chance(50) ? PF_KEY_V2 : (uint8_t)chance(256);
		m.head.sadb_msg_seq = i;
		if (send(fd, m.bytes, pfkey_msg_size(&m) < sizeof(m.bytes) ? pfkey_msg_size(&m) : sizeof(m.bytes), 0) < 0) {
			untaken++;
			if (errno != ENOBUFS)
				continue;
		}
		err = hear_now(fd, &h) ? 0 : heard_msg(&h)->sadb_msg_errno;
		refused += err != 0;
		good += err == 0;
		hear_out(fd);
	}
	ok(alive(), "%u random messages: %u served, %u refused, %u not taken", count, good, refused, untaken);
	ok(good && refused && untaken, "of each kind there were some");
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: pfkey_hostile SEED COUNT\n");
		return 2;
	}
	puts("TAP version 13");
	state = strtoull(argv[1], NULL, 0);
	fd = say_open();
	test_sends();
	test_refused(fd);
	test_register();
	test_migrate();
	test_lengths();
	test_socket_policy();
	test_missing();
	test_cut();
	test_starved();
	test_chance((unsigned int)strtoul(argv[2], NULL, 0));
	return tap_end();
}
