// SPDX-License-Identifier: GPL-2.0-only
/* Each thing that pfkeyv2.ko refuses, beside the same message without it, which is taken. */
#include "kmod/selftest/pfkey_say.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#define SPI 0x5000
#define NO_SUCH_ALG 200

static struct heard h;
static struct pfkey_msg m;

/* ---- messages, whole ---- */

static void take_out(uint16_t type)
{
	struct sadb_ext *e = part_of(&m, type);
	size_t n = e->sadb_ext_len * 8u, behind = pfkey_msg_size(&m) - (size_t)((uint8_t *)e - m.bytes) - n;

	memmove(e, (uint8_t *)e + n, behind);
	m.head.sadb_msg_len = (uint16_t)(m.head.sadb_msg_len - n / 8);
}

static void a_get(void)
{
	make_head(&m, SADB_GET, SADB_SATYPE_ESP);
	put_sa(&m, SPI, 0, 0);
	put_ends(&m, AF_INET);
}

static void an_esp(void)
{
	make_add(&m, AF_INET, SPI);
}

static void an_ah(void)
{
	make_head(&m, SADB_ADD, SADB_SATYPE_AH);
	put_sa(&m, SPI, SADB_AALG_SHA1HMAC, 0);
	put_ends(&m, AF_INET);
	put_key(&m, SADB_EXT_KEY_AUTH, 160);
}

static void an_ipcomp(void)
{
	make_head(&m, SADB_ADD, SADB_X_SATYPE_IPCOMP);
	put_sa(&m, SPI, 0, SADB_X_CALG_DEFLATE);
	put_ends(&m, AF_INET);
}

static void ipcomp_with_long_cpi(void)
{
	an_ipcomp();
	((struct sadb_sa *)part_of(&m, SADB_EXT_SA))->sadb_sa_spi = htonl(0x10000);
}

static void of_two_families(void)
{
	const struct ipsec_addr v6 = { .family = AF_INET6, .b = { 0x20, 1, 0xd, 0xb8 } };

	an_esp();
	take_out(SADB_EXT_ADDRESS_DST);
	pfkey_addr_put(&m, SADB_EXT_ADDRESS_DST, &v6, 128, 0, 0);
}

static void with_long_address(void)
{
	a_get();
	((struct sadb_address *)part_of(&m, SADB_EXT_ADDRESS_DST))->sadb_address_len++;		/* the last one */
	m.head.sadb_msg_len++;
}

static void with_unknown(void)
{
	an_esp();
	pfkey_ext_room(&m, SADB_X_EXT_SELECTOR + 1, 8);
	pfkey_ext_room(&m, SADB_EXT_RESERVED + 50, 8);
}

static void with_type_0(void)
{
	an_esp();
	pfkey_ext_room(&m, SADB_EXT_RESERVED, 8);
}

static void with_label(void)
{
	an_esp();
	pfkey_ctx_put(&m, "a label");
}

static void with_sa2(void)
{
	an_esp();
	pfkey_ext_room(&m, SADB_X_EXT_SA2, sizeof(struct sadb_x_sa2));
}

static void with_two_sa2(void)
{
	with_sa2();
	pfkey_ext_room(&m, SADB_X_EXT_SA2, sizeof(struct sadb_x_sa2));
}

static void with_short_sa2(void)
{
	an_esp();
	pfkey_ext_room(&m, SADB_X_EXT_SA2, 8);
}

static void with_oa(void)
{
	const struct ipsec_addr oa = { .family = AF_INET, .b = { 10, 0, 0, 1 } };
	struct sadb_x_nat_t_type *type;

	an_esp();
	type = pfkey_ext_room(&m, SADB_X_EXT_NAT_T_TYPE, sizeof(*type));
	type->sadb_x_nat_t_type_type = 2;
	pfkey_addr_put(&m, SADB_X_EXT_NAT_T_OA, &oa, 32, 0, 0);
}

static void with_oa6(void)
{
	const struct ipsec_addr oa = { .family = AF_INET6, .b = { 0x20, 1, 0xd, 0xb8 } };

	with_oa();
	take_out(SADB_X_EXT_NAT_T_OA);
	pfkey_addr_put(&m, SADB_X_EXT_NAT_T_OA, &oa, 128, 0, 0);
}

static void with_replay(void)
{
	an_esp();
	put_replay(&m, 64, 0, 0, 0);
}

static void ipcomp_with_replay(void)
{
	an_ipcomp();
	put_replay(&m, 64, 0, 0, 0);
}

static void with_icv(void)
{
	an_esp();
	put_icv(&m, 96);
}

static void with_selector(void)
{
	an_esp();
	put_selector(&m, AF_INET, 24, 0);
}

static void with_selector_and_proxy(void)
{
	const struct ipsec_addr proxy = { .family = AF_INET, .b = { 192, 0, 2, 0 } };

	with_selector();
	pfkey_addr_put(&m, SADB_EXT_ADDRESS_PROXY, &proxy, 24, 0, 0);
}

static void an_update(void)
{
	an_esp();
	m.head.sadb_msg_type = SADB_UPDATE;
}

static void a_delete(void)
{
	a_get();
	m.head.sadb_msg_type = SADB_DELETE;
}

static void a_getspi(void)
{
	struct sadb_spirange *x;

	make_head(&m, SADB_GETSPI, SADB_SATYPE_ESP);
	put_ends(&m, AF_INET);
	pfkey_ext_room(&m, SADB_X_EXT_SA2, sizeof(struct sadb_x_sa2));
	x = pfkey_ext_room(&m, SADB_EXT_SPIRANGE, sizeof(*x));
	x->sadb_spirange_min = 0x100;
	x->sadb_spirange_max = 0x10000;
}

static void an_acquire(void)
{
	make_head(&m, SADB_ACQUIRE, SADB_SATYPE_ESP);
	pfkey_ext_room(&m, SADB_X_EXT_EXTENDED, 8);
}

static void a_flush(void)
{
	make_head(&m, SADB_FLUSH, SADB_SATYPE_UNSPEC);
}

static void a_dump(void)
{
	struct sadb_x_filter *x;

	make_head(&m, SADB_DUMP, SADB_SATYPE_ESP);
	x = pfkey_ext_room(&m, SADB_X_EXT_FILTER, sizeof(*x));
	x->sadb_x_filter_family = AF_INET;
}

static void promisc(void)
{
	make_head(&m, SADB_X_PROMISC, 0);
}

static void promisc_with_more(void)
{
	promisc();
	pfkey_ext_room(&m, SADB_X_EXT_EXTENDED, 8);
}

static void a_policy(void)
{
	make_spdadd(&m, AF_INET, 2, 1, AF_INET);
}

static void a_policy_deleted(void)
{
	a_policy();
	m.head.sadb_msg_type = SADB_X_SPDDELETE;
}

/* A rule without addresses */
static void a_short_rule(void)
{
	struct sadb_x_ipsecrequest rq;
	struct sadb_x_policy *x;

	a_policy();
	rq = *request_of(&m);
	rq.sadb_x_ipsecrequest_len = sizeof(rq);
	rq.sadb_x_ipsecrequest_mode = PFKEY_MODE_TRANSPORT;
	make_head(&m, SADB_X_SPDADD, SADB_SATYPE_UNSPEC);
	put_ends(&m, AF_INET);
	x = pfkey_ext_room(&m, SADB_X_EXT_POLICY, sizeof(*x) + sizeof(rq));
	x->sadb_x_policy_type = PFKEY_POLICY_IPSEC;
	x->sadb_x_policy_dir = 2;
	memcpy(x + 1, &rq, sizeof(rq));
}

static void by_index(void)
{
	struct sadb_x_policy *x;

	make_head(&m, SADB_X_SPDGET, SADB_SATYPE_UNSPEC);
	x = pfkey_ext_room(&m, SADB_X_EXT_POLICY, sizeof(*x));
	x->sadb_x_policy_id = 9;
}

static void a_move(void)
{
	make_migrate(&m, AF_INET, 2, 1, AF_INET);
}

static void no_move(void)
{
	make_migrate(&m, AF_INET, 2, 0, AF_INET);
}

static void with_kmaddress(void)
{
	const struct ipsec_addr local = { .family = AF_INET, .b = { 192, 0, 2, 1 } }, remote = { .family = AF_INET, .b = { 192, 0, 2, 3 } };

	a_move();
	pfkey_pair_put((struct sadb_x_kmaddress *)pfkey_ext_room(&m, SADB_X_EXT_KMADDRESS, 40) + 1, &local, &remote);
}

/* ---- what is changed in one ---- */

#define HEAD 0
#define GONE 0xffff

struct change {
	uint16_t ext;			/* HEAD: in the message's head */
	uint16_t at, n;			/* n bytes; 0: nothing; GONE: all of the extension, with its name */
	uint64_t value;
};

#define OF(ext, type, member, value) { ext, offsetof(struct type, member), sizeof(((struct type *)0)->member), value }
#define RULE_SIZE (sizeof(struct sadb_x_ipsecrequest) + 2 * sizeof(struct sockaddr_in))
#define OF_RULE(i, member, value) \
	{ SADB_X_EXT_POLICY, sizeof(struct sadb_x_policy) + (i) * RULE_SIZE + offsetof(struct sadb_x_ipsecrequest, member), \
	  sizeof(((struct sadb_x_ipsecrequest *)0)->member), value }
#define OF_HEAD(member, value) OF(HEAD, sadb_msg, member, value)
#define OF_SA(member, value) OF(SADB_EXT_SA, sadb_sa, member, value)
#define OF_POLICY(member, value) OF(SADB_X_EXT_POLICY, sadb_x_policy, member, value)
#define OF_REPLAY(member, value) OF(SADB_X_EXT_REPLAY, sadb_x_replay, member, value)
#define OF_SELECTOR(member, value) OF(SADB_X_EXT_SELECTOR, sadb_x_selector, member, value)
#define WITHOUT(ext) { ext, 0, GONE, 0 }

static const struct {
	const char *what;
	void (*make)(void);
	int err;			/* of the answer; below 0: of send() */
	struct change changes[2];
} rows[] = {
	/* the head */
	{ "a question about no SA", a_get, ESRCH, { } },
	{ "of another version", a_get, -EINVAL, { OF_HEAD(sadb_msg_version, 1) } },
	{ "with something reserved", a_get, -EINVAL, { OF_HEAD(sadb_msg_reserved, 1) } },
	{ "of no type", a_get, -EINVAL, { OF_HEAD(sadb_msg_type, 0) } },
	{ "of a type there is not", a_get, -EINVAL, { OF_HEAD(sadb_msg_type, SADB_MAX + 1) } },
	{ "of a type that only the kernel says, EXPIRE", a_get, EOPNOTSUPP, { OF_HEAD(sadb_msg_type, SADB_EXPIRE) } },
	{ "NAT_T_NEW_MAPPING", a_get, EOPNOTSUPP, { OF_HEAD(sadb_msg_type, SADB_X_NAT_T_NEW_MAPPING) } },
	{ "SPDEXPIRE", a_get, EOPNOTSUPP, { OF_HEAD(sadb_msg_type, SADB_X_SPDEXPIRE) } },
	{ "SPDACQUIRE", a_get, EOPNOTSUPP, { OF_HEAD(sadb_msg_type, SADB_X_SPDACQUIRE) } },
	{ "and one that nobody says, PCHANGE", a_get, EOPNOTSUPP, { OF_HEAD(sadb_msg_type, SADB_X_PCHANGE) } },
	/* extensions */
	{ "extensions of types that are not known are passed over", with_unknown, 0, { } },
	{ "one of type 0 is not", with_type_0, EINVAL, { } },
	{ "of length 0", a_get, EINVAL, { OF_SA(sadb_sa_len, 0) } },
	{ "longer than the message", a_get, EINVAL, { OF_SA(sadb_sa_len, 0xffff) } },
	{ "twice", with_two_sa2, EINVAL, { } },
	{ "shorter than what it is", with_short_sa2, EINVAL, { } },
	{ "an address longer than it is", with_long_address, EINVAL, { } },
	{ "of a family there is not", a_get, EINVAL, { { SADB_EXT_ADDRESS_DST, sizeof(struct sadb_address), 2, AF_UNIX } } },
	{ "of two families", of_two_families, EINVAL, { } },
	{ "a label longer than it is", with_label, EINVAL, { OF(SADB_X_EXT_SEC_CTX, sadb_x_sec_ctx, sadb_x_ctx_len, 9) } },
	{ "shorter", with_label, EINVAL, { OF(SADB_X_EXT_SEC_CTX, sadb_x_sec_ctx, sadb_x_ctx_len, 0) } },
	/* SAs */
	{ "ESP", an_esp, 0, { } },
	{ "without SA", an_esp, EINVAL, { WITHOUT(SADB_EXT_SA) } },
	{ "without source", an_esp, EINVAL, { WITHOUT(SADB_EXT_ADDRESS_SRC) } },
	{ "without destination", an_esp, EINVAL, { WITHOUT(SADB_EXT_ADDRESS_DST) } },
	{ "without one key", an_esp, EINVAL, { WITHOUT(SADB_EXT_KEY_AUTH) } },
	{ "without the other", an_esp, EINVAL, { WITHOUT(SADB_EXT_KEY_ENCRYPT) } },
	{ "with a key of no bits", an_esp, EINVAL, { OF(SADB_EXT_KEY_ENCRYPT, sadb_key, sadb_key_bits, 0) } },
	{ "of no kind", an_esp, EINVAL, { OF_HEAD(sadb_msg_satype, SADB_SATYPE_UNSPEC) } },
	{ "of one there is not", an_esp, EINVAL, { OF_HEAD(sadb_msg_satype, 4) } },
	{ "with an integrity algorithm there is not", an_esp, ENOSYS, { OF_SA(sadb_sa_auth, NO_SUCH_ALG) } },
	{ "with an encryption there is not", an_esp, ENOSYS, { OF_SA(sadb_sa_encrypt, NO_SUCH_ALG) } },
	{ "AH", an_ah, 0, { } },
	{ "without an algorithm", an_ah, EINVAL, { OF_SA(sadb_sa_auth, 0) } },
	{ "with encryption", an_ah, EINVAL, { OF_SA(sadb_sa_encrypt, SADB_X_EALG_AESCBC) } },
	{ "without a key", an_ah, EINVAL, { WITHOUT(SADB_EXT_KEY_AUTH) } },
	{ "IPComp", an_ipcomp, 0, { } },
	{ "without an algorithm", an_ipcomp, EINVAL, { OF_SA(sadb_sa_encrypt, 0) } },
	{ "with integrity", an_ipcomp, EINVAL, { OF_SA(sadb_sa_auth, SADB_AALG_SHA1HMAC) } },
	{ "with one there is not", an_ipcomp, ENOSYS, { OF_SA(sadb_sa_encrypt, NO_SUCH_ALG) } },
	{ "with a number of more than 16 bits", ipcomp_with_long_cpi, EINVAL, { } },
	{ "with numbers of packets", ipcomp_with_replay, EINVAL, { } },
	{ "a mode of none", with_sa2, 0, { } },
	{ "of those there are not", with_sa2, EINVAL, { OF(SADB_X_EXT_SA2, sadb_x_sa2, sadb_x_sa2_mode, 4) } },
	{ "an original address", with_oa, 0, { } },
	{ "of the other family", with_oa6, EINVAL, { } },
	{ "a window", with_replay, 0, { } },
	{ "with something reserved", with_replay, EINVAL, { OF_REPLAY(sadb_x_replay_reserved, 1) } },
	{ "a long number sent, without ESN", with_replay, EINVAL, { OF_REPLAY(sadb_x_replay_oseq, 1ull << 32) } },
	{ "the length of an ICV", with_icv, 0, { } },
	{ "of 0", with_icv, EINVAL, { OF(SADB_X_EXT_ICV, sadb_x_icv, sadb_x_icv_bits, 0) } },
	{ "with something reserved", with_icv, EINVAL, { OF(SADB_X_EXT_ICV, sadb_x_icv, sadb_x_icv_reserved, 1) } },
	{ "a selector", with_selector, 0, { } },
	{ "beside another", with_selector_and_proxy, EINVAL, { } },
	{ "with something reserved", with_selector, EINVAL, { OF_SELECTOR(sadb_x_selector_reserved[2], 1) } },
	{ "of 33 bits", with_selector, EINVAL, { OF_SELECTOR(sadb_x_selector_splen, 33) } },
	{ "of 129 bits", with_selector, EINVAL,
	  { OF_SELECTOR(sadb_x_selector_family, AF_INET6), OF_SELECTOR(sadb_x_selector_dplen, 129) } },
	{ "SADB_UPDATE of no SA", an_update, ESRCH, { } },
	{ "without SA", an_update, EINVAL, { WITHOUT(SADB_EXT_SA) } },
	{ "SADB_DELETE of none", a_delete, ESRCH, { } },
	{ "without SA", a_delete, EINVAL, { WITHOUT(SADB_EXT_SA) } },
	{ "without destination", a_delete, EINVAL, { WITHOUT(SADB_EXT_ADDRESS_DST) } },
	{ "SADB_GET without SA", a_get, EINVAL, { WITHOUT(SADB_EXT_SA) } },
	{ "without source", a_get, EINVAL, { WITHOUT(SADB_EXT_ADDRESS_SRC) } },
	{ "SADB_GETSPI", a_getspi, 0, { } },
	{ "without destination", a_getspi, EINVAL, { WITHOUT(SADB_EXT_ADDRESS_DST) } },
	{ "for no kind of SA", a_getspi, EINVAL, { OF_HEAD(sadb_msg_satype, SADB_SATYPE_UNSPEC) } },
	{ "in a mode there is not", a_getspi, EINVAL, { OF(SADB_X_EXT_SA2, sadb_x_sa2, sadb_x_sa2_mode, 4) } },
	{ "from a range that ends before it begins", a_getspi, EINVAL,
	  { OF(SADB_EXT_SPIRANGE, sadb_spirange, sadb_spirange_min, 0x10001) } },
	{ "for IPComp, beyond 16 bits", a_getspi, EINVAL, { OF_HEAD(sadb_msg_satype, SADB_X_SATYPE_IPCOMP) } },
	{ "SADB_ACQUIRE with more than a head", an_acquire, EOPNOTSUPP, { } },
	{ "SADB_FLUSH", a_flush, 0, { } },
	{ "of a kind of SA there is not", a_flush, EINVAL, { OF_HEAD(sadb_msg_satype, 4) } },
	{ "SADB_DUMP of nothing", a_dump, ENOENT, { } },
	{ "of a kind of SA there is not", a_dump, EINVAL, { OF_HEAD(sadb_msg_satype, 4) } },
	{ "to prefixes of 33 bits", a_dump, EINVAL, { OF(SADB_X_EXT_FILTER, sadb_x_filter, sadb_x_filter_dplen, 33) } },
	{ "SADB_X_PROMISC", promisc, 0, { } },
	{ "of a third kind", promisc, EINVAL, { OF_HEAD(sadb_msg_satype, 2) } },
	{ "with a message in it", promisc_with_more, EOPNOTSUPP, { } },
	/* policies */
	{ "a policy", a_policy, 0, { } },
	{ "without its rules", a_policy, EINVAL, { WITHOUT(SADB_X_EXT_POLICY) } },
	{ "without source", a_policy, EINVAL, { WITHOUT(SADB_EXT_ADDRESS_SRC) } },
	{ "of a type for sockets", a_policy, EINVAL, { OF_POLICY(sadb_x_policy_type, PFKEY_POLICY_ENTRUST) } },
	{ "of no direction", a_policy, EINVAL, { OF_POLICY(sadb_x_policy_dir, 0) } },
	{ "of a fourth", a_policy, EINVAL, { OF_POLICY(sadb_x_policy_dir, 4) } },
	{ "with a rule of 15 bytes", a_policy, EINVAL, { OF_RULE(0, sadb_x_ipsecrequest_len, 15) } },
	{ "of half a word", a_policy, EINVAL, { OF_RULE(0, sadb_x_ipsecrequest_len, 44) } },
	{ "longer than all rules", a_policy, EINVAL, { OF_RULE(0, sadb_x_ipsecrequest_len, 56) } },
	{ "without a mode", a_policy, EINVAL, { OF_RULE(0, sadb_x_ipsecrequest_mode, PFKEY_MODE_ANY) } },
	{ "in a mode there is not", a_policy, EINVAL, { OF_RULE(0, sadb_x_ipsecrequest_mode, 4) } },
	{ "for UDP", a_policy, EINVAL, { OF_RULE(0, sadb_x_ipsecrequest_proto, IPPROTO_UDP) } },
	{ "of a level there is not", a_policy, EINVAL, { OF_RULE(0, sadb_x_ipsecrequest_level, 4) } },
	{ "of level use, for a tunnel outbound", a_policy, EINVAL, { OF_RULE(0, sadb_x_ipsecrequest_level, PFKEY_LEVEL_USE) } },
	{ "which may be inbound", a_policy, 0,
	  { OF_RULE(0, sadb_x_ipsecrequest_level, PFKEY_LEVEL_USE), OF_POLICY(sadb_x_policy_dir, 1) } },
	{ "a tunnel whose ends are of two families", a_policy, EINVAL,
	  { { SADB_X_EXT_POLICY, sizeof(struct sadb_x_policy) + RULE_SIZE - sizeof(struct sockaddr_in), 2, AF_INET6 } } },
	{ "a rule without addresses", a_short_rule, 0, { } },
	{ "for a tunnel", a_short_rule, EINVAL, { OF_RULE(0, sadb_x_ipsecrequest_mode, PFKEY_MODE_TUNNEL) } },
	{ "SADB_X_SPDUPDATE without a policy", a_policy, EINVAL,
	  { OF_HEAD(sadb_msg_type, SADB_X_SPDUPDATE), WITHOUT(SADB_X_EXT_POLICY) } },
	{ "SADB_X_SPDSETIDX without one", a_policy, EINVAL,
	  { OF_HEAD(sadb_msg_type, SADB_X_SPDSETIDX), WITHOUT(SADB_X_EXT_POLICY) } },
	{ "SADB_X_SPDDELETE of no policy", a_policy_deleted, ENOENT, { } },
	{ "without its direction", a_policy_deleted, EINVAL, { WITHOUT(SADB_X_EXT_POLICY) } },
	{ "of no direction", a_policy_deleted, EINVAL, { OF_POLICY(sadb_x_policy_dir, 0) } },
	{ "of a fourth", a_policy_deleted, EINVAL, { OF_POLICY(sadb_x_policy_dir, 4) } },
	{ "SADB_X_SPDGET of none", by_index, ENOENT, { } },
	{ "by the number of a socket's", by_index, EINVAL, { OF_POLICY(sadb_x_policy_id, 11) } },
	{ "by no number", by_index, EINVAL, { WITHOUT(SADB_X_EXT_POLICY) } },
	{ "SADB_X_SPDDELETE2 of none", by_index, ENOENT, { OF_HEAD(sadb_msg_type, SADB_X_SPDDELETE2) } },
	{ "by the number of a socket's", by_index, EINVAL,
	  { OF_HEAD(sadb_msg_type, SADB_X_SPDDELETE2), OF_POLICY(sadb_x_policy_id, 12) } },
	/* moves */
	{ "SADB_X_MIGRATE of no policy", a_move, ENOENT, { } },
	{ "without rules", a_move, EINVAL, { WITHOUT(SADB_X_EXT_POLICY) } },
	{ "with a list of none", no_move, EINVAL, { } },
	{ "to another protocol", a_move, EINVAL, { OF_RULE(1, sadb_x_ipsecrequest_proto, IPPROTO_AH) } },
	{ "to another mode", a_move, EINVAL, { OF_RULE(1, sadb_x_ipsecrequest_mode, PFKEY_MODE_TRANSPORT) } },
	{ "to another reqid", a_move, EINVAL, { OF_RULE(1, sadb_x_ipsecrequest_reqid, 7) } },
	{ "in a mode there is not", a_move, EINVAL,
	  { OF_RULE(0, sadb_x_ipsecrequest_mode, 4), OF_RULE(1, sadb_x_ipsecrequest_mode, 4) } },
	{ "of a protocol that is one only when cut to a byte", a_move, EINVAL,
	  { OF_RULE(0, sadb_x_ipsecrequest_proto, 0x100 + IPPROTO_ESP), OF_RULE(1, sadb_x_ipsecrequest_proto, 0x100 + IPPROTO_ESP) } },
	{ "with a key manager's addresses", with_kmaddress, ENOENT, { } },
	{ "of two families", with_kmaddress, EINVAL,
	  { { SADB_X_EXT_KMADDRESS, sizeof(struct sadb_x_kmaddress) + sizeof(struct sockaddr_in), 2, AF_INET6 } } },
};

static void change(const struct change *c)
{
	uint8_t *at = c->ext == HEAD ? m.bytes : part_of(&m, c->ext);

	if (c->n == GONE)
		take_out(c->ext);
	else if (c->n == 1)
		at[c->at] = (uint8_t)c->value;
	else if (c->n == 2)
		*(uint16_t *)(at + c->at) = (uint16_t)c->value;
	else if (c->n == 4)
		*(uint32_t *)(at + c->at) = (uint32_t)c->value;
	else
		*(uint64_t *)(at + c->at) = c->value;
}

static void flush(int fd)
{
	make_head(&m, SADB_FLUSH, SADB_SATYPE_UNSPEC);
	ask(fd, &m, &h);
	make_head(&m, SADB_X_SPDFLUSH, SADB_SATYPE_UNSPEC);
	ask(fd, &m, &h);
}

void test_refused(int fd)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rows[i].make();
		for (size_t j = 0; j < 2; j++)
			if (rows[i].changes[j].n)
				change(&rows[i].changes[j]);
		is(rows[i].what, ask(fd, &m, &h), rows[i].err);
		if (!rows[i].err)
			flush(fd);
	}
	a_dump();
	is("what is refused leaves no SA", ask(fd, &m, &h), ENOENT);
	make_head(&m, SADB_X_SPDDUMP, SADB_SATYPE_UNSPEC);
	is("and no policy", ask(fd, &m, &h), ENOENT);
}
