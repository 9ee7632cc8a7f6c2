// SPDX-License-Identifier: MIT
/* PF_KEYv2 framing: a message being written, and the extensions of one that arrived, every length of them checked. */
#include "pfkey/pfkey.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define WORD sizeof(uint64_t)	/* PF_KEY counts lengths in these */

/* RFC 2367 begins with SADB_SATYPE_*; IPComp is KAME's. */
static const struct { uint8_t proto, satype; } satypes[] = {
	{ IPPROTO_ESP, SADB_SATYPE_ESP },
	{ IPPROTO_AH, SADB_SATYPE_AH },
	{ IPPROTO_COMP, SADB_X_SATYPE_IPCOMP },
};
#define SATYPES (sizeof(satypes) / sizeof(satypes[0]))

uint8_t pfkey_satype(uint8_t proto)
{
	for (size_t i = 0; i < SATYPES; i++)
		if (satypes[i].proto == proto)
			return satypes[i].satype;
	return SADB_SATYPE_UNSPEC;
}

uint8_t pfkey_proto(uint8_t satype)
{
	for (size_t i = 0; i < SATYPES; i++)
		if (satypes[i].satype == satype)
			return satypes[i].proto;
	return 0;
}

/* ---- writing ---- */

void pfkey_msg_start(struct pfkey_msg *m, uint8_t type, uint8_t satype)
{
	m->head = (struct sadb_msg){ .sadb_msg_version = PF_KEY_V2, .sadb_msg_type = type, .sadb_msg_satype = satype,
				     .sadb_msg_len = sizeof(struct sadb_msg) / WORD };
}

size_t pfkey_msg_size(const struct pfkey_msg *m)
{
	return m->head.sadb_msg_len * WORD;
}

void *pfkey_ext_room(struct pfkey_msg *m, uint16_t type, size_t n)
{
	size_t words = (n + WORD - 1) / WORD, at = pfkey_msg_size(m);
	struct sadb_ext *ext = (struct sadb_ext *)(m->bytes + at);

	assert(words * WORD <= sizeof(m->bytes) - at);
	memset(ext, 0, words * WORD);
	ext->sadb_ext_len = (uint16_t)words;
	ext->sadb_ext_type = type;
	m->head.sadb_msg_len = (uint16_t)(m->head.sadb_msg_len + words);
	return ext;
}

/* ---- reading: is an extension of n bytes as long as it says? ---- */

static bool address_ok(const void *e, size_t n)
{
	struct ipsec_addr a;

	return !ipsec_addr_from_sockaddr(&a, NULL, (const struct sockaddr *)((const char *)e + sizeof(struct sadb_address)),
					 (socklen_t)(n - sizeof(struct sadb_address)));
}

static bool key_ok(const void *e, size_t n)
{
	const struct sadb_key *x = e;

	return (x->sadb_key_bits + 7u) / 8 <= n - sizeof(*x);
}

/* The name is a string that ends within (RFC 2367 2.3.4), or there is none. */
static bool ident_ok(const void *e, size_t n)
{
	const size_t head = sizeof(struct sadb_ident);

	return n == head || memchr((const char *)e + head, '\0', n - head);
}

static bool sensitivity_ok(const void *e, size_t n)
{
	const struct sadb_sens *x = e;

	return (size_t)(x->sadb_sens_sens_len + x->sadb_sens_integ_len) * WORD <= n - sizeof(*x);
}

static bool proposal_ok(const void *e, size_t n)
{
	(void)e;
	return (n - sizeof(struct sadb_prop)) % sizeof(struct sadb_comb) == 0;
}

static bool ctx_ok(const void *e, size_t n)
{
	const struct sadb_x_sec_ctx *x = e;

	return x->sadb_x_ctx_len <= n - sizeof(*x);
}

static bool kmaddress_ok(const void *e, size_t n)
{
	const size_t head = sizeof(struct sadb_x_kmaddress);
	struct ipsec_addr src, dst;

	return !pfkey_pair_get(&src, &dst, (const char *)e + head, n - head);
}

/* The requests follow one another to the end; what is in them is for who reads them. */
static bool policy_ok(const void *e, size_t n)
{
	struct sadb_x_ipsecrequest rq;
	size_t at = sizeof(struct sadb_x_policy);

	while (at < n) {
		if (n - at < sizeof(rq))
			return false;
		memcpy(&rq, (const char *)e + at, sizeof(rq));
		if (rq.sadb_x_ipsecrequest_len < sizeof(rq) || rq.sadb_x_ipsecrequest_len > n - at)
			return false;
		at += rq.sadb_x_ipsecrequest_len;
	}
	return true;
}

static const struct {
	uint16_t min;				/* bytes; 0: not known here, passed over */
	bool (*ok)(const void *e, size_t n);	/* e has at least min; NULL: there is no more to it */
} rules[PFKEY_EXT_TOP + 1] = {
	[SADB_EXT_SA] = { sizeof(struct sadb_sa), NULL },
	[SADB_EXT_LIFETIME_CURRENT] = { sizeof(struct sadb_lifetime), NULL },
	[SADB_EXT_LIFETIME_HARD] = { sizeof(struct sadb_lifetime), NULL },
	[SADB_EXT_LIFETIME_SOFT] = { sizeof(struct sadb_lifetime), NULL },
	[SADB_EXT_ADDRESS_SRC] = { sizeof(struct sadb_address), address_ok },
	[SADB_EXT_ADDRESS_DST] = { sizeof(struct sadb_address), address_ok },
	[SADB_EXT_ADDRESS_PROXY] = { sizeof(struct sadb_address), address_ok },
	[SADB_EXT_KEY_AUTH] = { sizeof(struct sadb_key), key_ok },
	[SADB_EXT_KEY_ENCRYPT] = { sizeof(struct sadb_key), key_ok },
	[SADB_EXT_IDENTITY_SRC] = { sizeof(struct sadb_ident), ident_ok },
	[SADB_EXT_IDENTITY_DST] = { sizeof(struct sadb_ident), ident_ok },
	[SADB_EXT_SENSITIVITY] = { sizeof(struct sadb_sens), sensitivity_ok },
	[SADB_EXT_PROPOSAL] = { sizeof(struct sadb_prop), proposal_ok },
	[SADB_EXT_SUPPORTED_AUTH] = { sizeof(struct sadb_supported), NULL },	/* then 8 bytes for each algorithm */
	[SADB_EXT_SUPPORTED_ENCRYPT] = { sizeof(struct sadb_supported), NULL },
	[SADB_EXT_SPIRANGE] = { sizeof(struct sadb_spirange), NULL },
	[SADB_X_EXT_KMPRIVATE] = { sizeof(struct sadb_x_kmprivate), NULL },
	[SADB_X_EXT_POLICY] = { sizeof(struct sadb_x_policy), policy_ok },
	[SADB_X_EXT_SA2] = { sizeof(struct sadb_x_sa2), NULL },
	[SADB_X_EXT_NAT_T_TYPE] = { sizeof(struct sadb_x_nat_t_type), NULL },
	[SADB_X_EXT_NAT_T_SPORT] = { sizeof(struct sadb_x_nat_t_port), NULL },
	[SADB_X_EXT_NAT_T_DPORT] = { sizeof(struct sadb_x_nat_t_port), NULL },
	[SADB_X_EXT_NAT_T_OA] = { sizeof(struct sadb_address), address_ok },
	[SADB_X_EXT_SEC_CTX] = { sizeof(struct sadb_x_sec_ctx), ctx_ok },
	[SADB_X_EXT_KMADDRESS] = { sizeof(struct sadb_x_kmaddress), kmaddress_ok },
	[SADB_X_EXT_FILTER] = { sizeof(struct sadb_x_filter), NULL },
	[SADB_X_EXT_REPLAY] = { sizeof(struct sadb_x_replay), NULL },
	[SADB_X_EXT_ICV] = { sizeof(struct sadb_x_icv), NULL },
	[SADB_X_EXT_EXTENDED] = { sizeof(struct sadb_x_extended), NULL },
	[SADB_X_EXT_SELECTOR] = { sizeof(struct sadb_x_selector), NULL },
};

/*
 * Of a policy whose templates are of two families af_key tells a wrong length in the head, but the datagram is right, and
 * so are the extensions.
 */
static bool length_may_be_wrong(uint8_t type)
{
	return type >= SADB_X_SPDUPDATE && type <= SADB_X_SPDDELETE2;
}

static bool head_ok(const struct sadb_msg *msg, size_t n)
{
	if (n < sizeof(*msg) || n % WORD || msg->sadb_msg_version != PF_KEY_V2)
		return false;
	return msg->sadb_msg_len * WORD == n || length_may_be_wrong(msg->sadb_msg_type);
}

int pfkey_exts_get(struct pfkey_exts *t, const struct sadb_msg *msg, size_t n)
{
	memset(t, 0, sizeof(*t));
	if (!head_ok(msg, n))
		return -EBADMSG;
	for (size_t at = sizeof(*msg), len; at < n; at += len) {
		const struct sadb_ext *ext = (const struct sadb_ext *)((const char *)msg + at);
		uint16_t type = ext->sadb_ext_type;

		len = ext->sadb_ext_len * WORD;
		if (!len || len > n - at || type == SADB_EXT_RESERVED)
			return -EBADMSG;
		if (type > PFKEY_EXT_TOP || !rules[type].min)
			continue;
		if (t->e[type] || len < rules[type].min || (rules[type].ok && !rules[type].ok(ext, len)))
			return -EBADMSG;
		t->e[type] = ext;
	}
	return 0;
}
