// SPDX-License-Identifier: GPL-2.0-only
/*
 * What pfkeyv2.ko can that af_key cannot: AEADs, extended sequence numbers, wide windows, lengths of ICVs, for those who ask; dumps
 * and answers that are not lost, losses that are counted; rights. Netlink is the second opinion. Writes TAP.
 */
#include "kmod/selftest/pfkey_say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct heard h;
static struct pfkey_msg m;
static struct ipsec *netlink;
static int plain, fd;		/* fd speaks the extensions */

static struct ipsec_sa sa_of(uint32_t spi)
{
	struct ipsec_sa_id id = { .proto = IPPROTO_ESP, .spi = spi, .dst.family = AF_INET };
	struct ipsec_sa sa;

	inet_pton(AF_INET, "192.0.2.2", id.dst.b);
	if (ipsec_sa_get(netlink, &id, &sa))
		memset(&sa, 0, sizeof(sa));
	return sa;
}

static void esp(uint32_t spi, uint8_t auth, unsigned int auth_bits, uint8_t enc, unsigned int enc_bits)
{
	make_head(&m, SADB_ADD, SADB_SATYPE_ESP);
	put_sa(&m, spi, auth, enc);
	put_ends(&m, AF_INET);
	if (enc_bits)
		put_key(&m, SADB_EXT_KEY_ENCRYPT, enc_bits);
	if (auth_bits)
		put_key(&m, SADB_EXT_KEY_AUTH, auth_bits);
}

static void test_register(void)
{
	const struct sadb_supported *x;
	bool gcm = false;

	make_head(&m, SADB_REGISTER, SADB_SATYPE_ESP);
	is("SADB_REGISTER", ask(plain, &m, &h), 0);
	ok(!heard_ext(&h, SADB_X_EXT_EXTENDED), "who does not speak the extensions is not told of them");
	make_head(&m, SADB_REGISTER, SADB_SATYPE_ESP);
	pfkey_ext_room(&m, SADB_X_EXT_EXTENDED, sizeof(struct sadb_x_extended));
	is("SADB_REGISTER by one who does", ask(fd, &m, &h), 0);
	ok(heard_ext(&h, SADB_X_EXT_EXTENDED), "is told that the kernel does");
	x = heard_ext(&h, SADB_EXT_SUPPORTED_ENCRYPT);
	for (size_t at = sizeof(*x); x && at < x->sadb_supported_len * 8u; at += sizeof(struct sadb_alg))
		gcm |= ((const uint8_t *)x)[at] == SADB_X_EALG_AES_GCM_ICV16;
	ok(gcm, "AEADs are among what is supported");
	is("a second time it is refused", ask(fd, &m, &h), EEXIST);
}

static void test_aead(uint32_t spi, const char *name, uint8_t number, unsigned int bits, unsigned int icv)
{
	const struct sadb_key *key;
	const struct sadb_sa *x;
	struct ipsec_sa sa;

	esp(spi, 0, 0, number, bits);
	is(name, ask(plain, &m, &h), 0);
	sa = sa_of(spi);
	ok(!strcmp(sa.aead.name, name) && sa.aead.icv_bits == icv && sa.aead.key_bits == bits, "netlink has it as %s", sa.aead.name);
	is("SADB_GET", get(plain, spi, &h), 0);
	x = heard_ext(&h, SADB_EXT_SA);
	key = heard_ext(&h, SADB_EXT_KEY_ENCRYPT);
	ok(x && x->sadb_sa_encrypt == number && !x->sadb_sa_auth, "and PF_KEY by its number");
	ok(key && key->sadb_key_bits == bits && !memcmp(key + 1, sa.aead.key, bits / 8), "with its key");
}

static void test_aeads(void)
{
	test_aead(0x1001, "rfc4106(gcm(aes))", SADB_X_EALG_AES_GCM_ICV16, 160, 128);
	test_aead(0x1002, "rfc4106(gcm(aes))", SADB_X_EALG_AES_GCM_ICV8, 288, 64);
	test_aead(0x1003, "rfc4309(ccm(aes))", SADB_X_EALG_AES_CCM_ICV12, 152, 96);
	test_aead(0x1004, "rfc4543(gcm(aes))", SADB_X_EALG_NULL_AES_GMAC, 160, 128);
	test_aead(0x1005, "rfc7539esp(chacha20,poly1305)", SADB_X_EALG_CHACHA20POLY1305, 288, 128);
	esp(0x1010, SADB_AALG_SHA1HMAC, 160, SADB_X_EALG_AES_GCM_ICV16, 160);
	is("an AEAD beside an integrity algorithm", ask(plain, &m, &h), EINVAL);
	esp(0x1010, 0, 0, SADB_X_EALG_AES_GCM_ICV16, 0);
	is("an AEAD without a key", ask(plain, &m, &h), EINVAL);
	esp(0x1010, 0, 0, SADB_X_EALG_AES_GCM_ICV16, 136);
	is("a key of another length", ask(plain, &m, &h), EINVAL);
	is("leave nothing", get(plain, 0x1010, &h), ESRCH);
}

static void test_replay(void)
{
	const struct sadb_x_replay *x;
	struct ipsec_sa sa;

	make_add(&m, AF_INET, 0x2001);
	put_replay(&m, 1024, SADB_X_REPLAY_ESN, 0x100000007ull, 0x200000009ull);
	is("extended sequence numbers, a window of 1024", ask(fd, &m, &h), 0);
	sa = sa_of(0x2001);
	ok(sa.flags & IPSEC_SA_ESN && sa.replay_window == 1024, "netlink has both");
	ok(sa.usage.oseq == 0x100000007ull && sa.usage.seq == 0x200000009ull, "and goes on from the numbers that were given");
	is("SADB_GET", get(fd, 0x2001, &h), 0);
	x = heard_ext(&h, SADB_X_EXT_REPLAY);
	ok(x && x->sadb_x_replay_window == 1024 && x->sadb_x_replay_flags == SADB_X_REPLAY_ESN &&
	   x->sadb_x_replay_oseq == 0x100000007ull, "tells them");
	is("SADB_GET by who does not speak it", get(plain, 0x2001, &h), 0);
	ok(!heard_ext(&h, SADB_X_EXT_REPLAY), "does not");
	make_add(&m, AF_INET, 0x2002);
	put_replay(&m, 4096, 0, 0, 0);
	is("the widest window, without them", ask(fd, &m, &h), 0);
	sa = sa_of(0x2002);
	ok(!(sa.flags & IPSEC_SA_ESN) && sa.replay_window == 4096, "netlink has it");
	make_add(&m, AF_INET, 0x2003);
	put_replay(&m, 16, 0, 5, 6);
	is("a narrow one", ask(fd, &m, &h), 0);
	sa = sa_of(0x2003);
	ok(sa.replay_window == 16 && sa.usage.oseq == 5 && sa.usage.seq == 6, "netlink has it, and the numbers");
}

static void refused(const char *what, uint32_t window, uint32_t flags, uint64_t seq)
{
	make_add(&m, AF_INET, 0x2010);
	put_replay(&m, window, flags, 0, seq);
	is(what, ask(fd, &m, &h), EINVAL);
}

static void test_replay_refused(void)
{
	refused("ESN without a window is refused", 0, SADB_X_REPLAY_ESN, 0);
	refused("a window of 4097 is", 4097, 0, 0);
	refused("flags that are not known are", 64, 2, 0);
	refused("long numbers without ESN are", 64, 0, 1ull << 32);
	is("they leave nothing", get(plain, 0x2010, &h), ESRCH);
}

static void sha256(uint32_t spi, uint16_t icv)
{
	esp(spi, SADB_X_AALG_SHA2_256HMAC, 256, SADB_X_EALG_AESCBC, 128);
	if (icv)
		put_icv(&m, icv);
}

static void test_icv(void)
{
	const struct sadb_x_icv *x;

	sha256(0x3001, 128);
	is("HMAC-SHA-256-128 (RFC 4868)", ask(fd, &m, &h), 0);
	is("netlink has 128 bits", sa_of(0x3001).auth.icv_bits, 128);
	is("SADB_GET", get(fd, 0x3001, &h), 0);
	x = heard_ext(&h, SADB_X_EXT_ICV);
	ok(x && x->sadb_x_icv_bits == 128, "tells them");
	sha256(0x3002, 0);
	is("without a word", ask(fd, &m, &h), 0);
	is("it is what af_key makes, 96", sa_of(0x3002).auth.icv_bits, 96);
	sha256(0x3003, 264);
	is("more bits than the hash has", ask(fd, &m, &h), EINVAL);
	sha256(0x3003, 100);
	is("half a byte", ask(fd, &m, &h), EINVAL);
	esp(0x3003, 0, 0, SADB_X_EALG_AES_GCM_ICV16, 160);
	put_icv(&m, 96);
	is("of nothing", ask(fd, &m, &h), EINVAL);
}

static void selector_refused(const char *what, uint16_t family, uint8_t dplen, uint8_t proto)
{
	make_add(&m, AF_INET, 0x3010);
	put_selector(&m, family, dplen, proto);
	ok(ask(fd, &m, &h) > 0, "%s", what);
}

static void test_selector(void)
{
	const struct sadb_x_selector *x;
	struct sadb_x_sa2 *sa2;
	struct ipsec_sa sa;

	make_add(&m, AF_INET, 0x3011);
	put_selector(&m, AF_INET, 24, IPPROTO_UDP);
	is("a selector", ask(fd, &m, &h), 0);
	sa = sa_of(0x3011);
	ok(sa.sel.dst_len == 24 && sa.sel.proto == IPPROTO_UDP && !sa.sel.src_len, "netlink has it");
	x = heard_ext(&h, SADB_X_EXT_SELECTOR);
	ok(x && x->sadb_x_selector_dplen == 24 && x->sadb_x_selector_family == AF_INET, "and it is told");
	make_add(&m, AF_INET, 0x3012);
	sa2 = pfkey_ext_room(&m, SADB_X_EXT_SA2, sizeof(*sa2));
	sa2->sadb_x_sa2_mode = PFKEY_MODE_TUNNEL;
	put_selector(&m, 0, 0, 0);
	is("a tunnel for both families", ask(fd, &m, &h), 0);
	ok(sa_of(0x3012).flags & IPSEC_SA_AF_UNSPEC, "netlink has it");
	ok(heard_ext(&h, SADB_X_EXT_SELECTOR), "and it is told");
	selector_refused("no tunnel for both is refused", 0, 0, 0);
	selector_refused("more than nothing of no family is", 0, 0, IPPROTO_UDP);
	selector_refused("a prefix of 33 is", AF_INET, 33, 0);
	selector_refused("a family of other things is", AF_UNIX, 0, 0);
	selector_refused("packets of the other family are", AF_INET6, 128, 0);
	is("they leave nothing", get(plain, 0x3010, &h), ESRCH);
}

/* Others hear of the same SA in the words that each knows. */
static void test_broadcast(void)
{
	hear_out(plain);
	hear_out(fd);
	sha256(0x3004, 128);
	is("an SA that only extensions tell whole", ask(fd, &m, &h), 0);
	ok(heard_ext(&h, SADB_X_EXT_ICV), "who added it is told all");
	ok(!hear(plain, &h) && heard_msg(&h)->sadb_msg_type == SADB_ADD && !heard_ext(&h, SADB_X_EXT_ICV),
	   "the other one is told what he knows");
}

static void test_details(void)
{
	const struct ipsec_lifetime hard = { .add_seconds = 3600 };
	struct ipsec_addr oa = { .family = AF_INET, .b = { 10, 9, 8, 7 } };
	struct sadb_x_nat_t_type *type;
	struct sadb_lifetime *lt;

	make_add(&m, AF_INET, 0x4001);
	lt = pfkey_ext_room(&m, SADB_EXT_LIFETIME_HARD, sizeof(*lt));
	lt->sadb_lifetime_addtime = hard.add_seconds;
	is("a hard lifetime without a soft one", ask(plain, &m, &h), 0);
	is("netlink has it", (long)sa_of(0x4001).hard.add_seconds, 3600);
	make_add(&m, AF_INET, 0x4002);
	type = pfkey_ext_room(&m, SADB_X_EXT_NAT_T_TYPE, sizeof(*type));
	type->sadb_x_nat_t_type_type = 2;
	pfkey_addr_put(&m, SADB_X_EXT_NAT_T_OA, &oa, 32, 0, 0);
	is("NAT-T with the original address", ask(fd, &m, &h), 0);
	is("which is kept", memcmp(sa_of(0x4002).encap.oa.b, oa.b, 4), 0);
	ok(heard_ext(&h, SADB_X_EXT_NAT_T_OA), "and told");
	make_head(&m, SADB_FLUSH, SADB_SATYPE_UNSPEC);
	is("SADB_FLUSH", ask(plain, &m, &h), 0);
	is("is answered once", hear(plain, &h), -EAGAIN);
	make_head(&m, SADB_FLUSH, SADB_SATYPE_UNSPEC);
	is("of nothing", ask(plain, &m, &h), 0);
	is("as well", hear(plain, &h), -EAGAIN);
}

/* ---- who hears what ---- */

static void test_promisc(void)
{
	int third = say_open();
	unsigned int asked = 0;

	hear_out(plain);
	make_head(&m, SADB_X_PROMISC, 1);
	is("SADB_X_PROMISC", ask(third, &m, &h), 0);
	hear_out(third);
	is("a question of another", get(plain, 0x999, &h), ESRCH);
	while (!hear(third, &h))
		asked += heard_msg(&h)->sadb_msg_type == SADB_GET;
	is("is heard, and its answer, each once", asked, 2);
	make_head(&m, SADB_X_PROMISC, 0);
	is("no more", ask(third, &m, &h), 0);
	hear_out(third);
	get(plain, 0x999, &h);
	is("is nothing heard", hear(third, &h), -EAGAIN);
	close(third);
}

/* Of one SADB_REGISTER: who asked, who has registered, and who hears all, each once. */
static void test_register_told(void)
{
	int asker = say_open(), all = say_open();
	unsigned int told = 0;

	make_head(&m, SADB_X_PROMISC, 1);
	ask(all, &m, &h);
	hear_out(all);
	hear_out(plain);
	make_head(&m, SADB_REGISTER, SADB_SATYPE_ESP);
	is("SADB_REGISTER", ask(asker, &m, &h), 0);
	is("is answered once", hear(asker, &h), -EAGAIN);
	while (!hear(plain, &h))
		told += heard_msg(&h)->sadb_msg_type == SADB_REGISTER;
	is("who has registered is told once", told, 1);
	for (told = 0; !hear(all, &h);)
		told++;
	is("who hears all hears the question and the answer", told, 2);
	close(all);
	close(asker);
}

static void test_policy_expires(void)
{
	struct sadb_lifetime *lt;
	int err;

	hear_out(fd);
	make_spdadd(&m, AF_INET, 77, 1, AF_INET);
	lt = pfkey_ext_room(&m, SADB_EXT_LIFETIME_HARD, sizeof(*lt));
	lt->sadb_lifetime_addtime = 1;
	is("a policy for a second", ask(fd, &m, &h), 0);
	do {
		for (int i = 0; i < 30 && (err = hear(fd, &h)) == -EAGAIN; i++)
			;
	} while (!err && heard_msg(&h)->sadb_msg_type != SADB_X_SPDEXPIRE);
	ok(!err && heard_ext(&h, SADB_EXT_LIFETIME_HARD) && !heard_ext(&h, SADB_EXT_LIFETIME_SOFT) && heard_ext(&h, SADB_X_EXT_POLICY),
	   "SADB_X_SPDEXPIRE tells of its end");
}

/* In a child, for what cannot be undone: its exit code */
static int apart(int (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* As openiked's process that has no rights but the socket that its parent opened. */
static int as_nobody(void)
{
	if (setgid(65534) || setuid(65534))
		return 9;
	if (get(fd, 0x10001, &h) != ESRCH)
		return 1;
	return socket(PF_KEY, SOCK_RAW, PF_KEY_V2) >= 0 || errno != EPERM ? 2 : 0;
}

/* A namespace of users is enough for a socket in a network namespace of its own, and for nothing else. */
static int as_stranger(void)
{
	int own;

	if (unshare(CLONE_NEWUSER))
		return 9;
	own = socket(PF_KEY, SOCK_RAW, PF_KEY_V2);
	if (own >= 0 || errno != EPERM)
		return 1;
	if (unshare(CLONE_NEWNET))
		return 9;
	own = say_open();
	make_add(&m, AF_INET, 0x7001);
	if (ask(own, &m, &h))
		return 2;
	make_head(&m, SADB_DUMP, SADB_SATYPE_UNSPEC);
	return say(own, &m) || hear(own, &h) || heard_msg(&h)->sadb_msg_seq ? 3 : 0;
}

static void test_rights(void)
{
	int all = say_open();

	is("without CAP_NET_ADMIN there is no new socket, but one that was handed over is of use", apart(as_nobody), 0);
	make_head(&m, SADB_X_PROMISC, 1);
	ask(all, &m, &h);
	hear_out(all);
	hear_out(fd);
	is("with it in another namespace of users there is one in a network of that namespace only", apart(as_stranger), 0);
	ok(hear(fd, &h) == -EAGAIN && hear(all, &h) == -EAGAIN, "of which nobody here hears, who hears all neither");
	is("and nothing is here", get(fd, 0x7001, &h), ESRCH);
	close(all);
}

static bool keys_are_zero(void)
{
	const struct sadb_key *x = heard_ext(&h, SADB_EXT_KEY_ENCRYPT), *a = heard_ext(&h, SADB_EXT_KEY_AUTH);
	uint8_t all = 0;

	for (unsigned int i = 0; x && a && i < 16; i++)
		all |= ((const uint8_t *)(x + 1))[i] | ((const uint8_t *)(a + 1))[i];
	return x && a && !all && x->sadb_key_bits == 128 && a->sadb_key_bits == 160;
}

/* Of a kernel that is locked down: what others ask and are told, who hears all. */
static void test_lockdown(void)
{
	unsigned int told = 0, hidden = 0;

	make_head(&m, SADB_X_PROMISC, 1);
	is("SADB_X_PROMISC", ask(plain, &m, &h), 0);
	hear_out(plain);
	make_add(&m, AF_INET, 0x1003);
	is("SADB_ADD of another", ask(fd, &m, &h), 0);
	ok(keys_are_zero(), "the answer has zeros for keys");
	while (!hear(plain, &h)) {
		told++;
		hidden += keys_are_zero();
	}
	ok(told == 2 && hidden == 2, "so have question and answer for who hears all: %u of %u", hidden, told);
	is("SADB_GET", get(fd, 0x1003, &h), 0);
	ok(keys_are_zero(), "as well");
}

int main(int argc, char **argv)
{
	char why[256];

	puts("TAP version 13");
	plain = say_open();
	fd = say_open();
	if (argc == 2 && !strcmp(argv[1], "lockdown")) {
		test_lockdown();
		return tap_end();
	}
	if (ipsec_open(&netlink, "xfrm", why, sizeof(why))) {
		printf("Bail out! %s\n", why);
		return 1;
	}
	test_register();
	test_aeads();
	test_replay();
	test_replay_refused();
	test_icv();
	test_selector();
	test_broadcast();
	test_details();
	test_room(fd);
	test_reqids(fd, netlink);
	test_promisc();
	test_register_told();
	test_policy_expires();
	test_rights();
	ipsec_close(netlink);
	return tap_end();
}
