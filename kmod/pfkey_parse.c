// SPDX-License-Identifier: GPL-2.0-only
/* PF_KEY messages from user space: the one place where lengths are checked, by a table. */
#include <linux/slab.h>

#include "pfkey.h"

/* ---- words ---- */

static const struct { u8 proto, satype; } satypes[] = {
	{ IPSEC_PROTO_ANY, SADB_SATYPE_UNSPEC },
	{ IPPROTO_AH, SADB_SATYPE_AH },
	{ IPPROTO_ESP, SADB_SATYPE_ESP },
	{ IPPROTO_COMP, SADB_X_SATYPE_IPCOMP },
};

u8 pfkey_proto_of(u8 satype)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(satypes); i++)
		if (satypes[i].satype == satype)
			return satypes[i].proto;
	return 0;
}

u8 pfkey_satype_of(u8 proto)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(satypes); i++)
		if (satypes[i].proto == proto)
			return satypes[i].satype;
	return SADB_SATYPE_UNSPEC;
}

int pfkey_mode_get(u8 mode)
{
	/* KAME's setkey says ANY when nothing was said. */
	static const u8 modes[] = {
		[IPSEC_MODE_ANY] = XFRM_MODE_TRANSPORT,
		[IPSEC_MODE_TRANSPORT] = XFRM_MODE_TRANSPORT,
		[IPSEC_MODE_TUNNEL] = XFRM_MODE_TUNNEL,
		[IPSEC_MODE_BEET] = XFRM_MODE_BEET,
	};

	return mode < ARRAY_SIZE(modes) ? modes[mode] : -EINVAL;
}

u8 pfkey_mode_put(u8 mode)
{
	switch (mode) {
	case XFRM_MODE_TRANSPORT:
		return IPSEC_MODE_TRANSPORT;
	case XFRM_MODE_TUNNEL:
		return IPSEC_MODE_TUNNEL;
	case XFRM_MODE_BEET:
		return IPSEC_MODE_BEET;
	}
	return IPSEC_MODE_ANY;
}

/* ---- addresses ---- */

/* A sockaddr at p, in n bytes: its length, or 0. */
static size_t sockaddr_get(const void *p, size_t n, xfrm_address_t *a, u16 *family, __be16 *port)
{
	const struct sockaddr_in6 *sin6 = p;
	const struct sockaddr_in *sin = p;

	if (n < sizeof(*sin))
		return 0;
	memset(a, 0, sizeof(*a));
	*family = sin->sin_family;
	*port = sin->sin_port;		/* at the same place in both */
	if (sin->sin_family == AF_INET) {
		a->a4 = sin->sin_addr.s_addr;
		return sizeof(*sin);
	}
	if (!IS_ENABLED(CONFIG_IPV6) || sin->sin_family != AF_INET6 || n < sizeof(*sin6))
		return 0;
	a->in6 = sin6->sin6_addr;
	return sizeof(*sin6);
}

int pfkey_pair_get(const void *p, size_t n, xfrm_address_t *src, xfrm_address_t *dst, u16 *family)
{
	size_t one, two;
	u16 dst_family;
	__be16 port;

	one = sockaddr_get(p, n, src, family, &port);
	if (!one)
		return -EINVAL;
	two = sockaddr_get(p + one, n - one, dst, &dst_family, &port);
	return two && dst_family == *family ? 0 : -EINVAL;
}

/* x, whose length has been checked. */
static void addr_get(struct pfkey_addr *addr, const struct sadb_address *x)
{
	if (!x)
		return;
	sockaddr_get(x + 1, x->sadb_address_len * PFKEY_WORD - sizeof(*x), &addr->a, &addr->family, &addr->port);
	addr->prefixlen = x->sadb_address_prefixlen;
	addr->proto = x->sadb_address_proto;
}

/* ---- is an extension of n bytes, its least or more, as long as it says? ---- */

static bool address_ok(const void *e, size_t n)
{
	const struct sadb_address *x = e;
	struct pfkey_addr addr;
	size_t size = sockaddr_get(x + 1, n - sizeof(*x), &addr.a, &addr.family, &addr.port);

	return size && n == ALIGN(sizeof(*x) + size, PFKEY_WORD) &&
	       x->sadb_address_prefixlen <= (addr.family == AF_INET6 ? 128 : 32);
}

static bool key_ok(const void *e, size_t n)
{
	const struct sadb_key *x = e;

	return BITS_TO_BYTES(x->sadb_key_bits) <= n - sizeof(*x);
}

static bool ctx_ok(const void *e, size_t n)
{
	const struct sadb_x_sec_ctx *x = e;

	return x->sadb_x_ctx_len <= PAGE_SIZE && n == ALIGN(sizeof(*x) + x->sadb_x_ctx_len, PFKEY_WORD);
}

/* Requests follow one another to the end. */
static bool policy_ok(const void *e, size_t n)
{
	size_t at = sizeof(struct sadb_x_policy);

	while (at < n) {
		const struct sadb_x_ipsecrequest *rq = e + at;

		if (n - at < sizeof(*rq) || rq->sadb_x_ipsecrequest_len < sizeof(*rq) ||
		    rq->sadb_x_ipsecrequest_len > n - at || rq->sadb_x_ipsecrequest_len % PFKEY_WORD)
			return false;
		at += rq->sadb_x_ipsecrequest_len;
	}
	return true;
}

static bool kmaddress_ok(const void *e, size_t n)
{
	const size_t head = sizeof(struct sadb_x_kmaddress);
	xfrm_address_t src, dst;
	u16 family;

	return !pfkey_pair_get(e + head, n - head, &src, &dst, &family);
}

static bool filter_ok(const void *e, size_t n)
{
	const struct sadb_x_filter *x = e;
	u8 bits = x->sadb_x_filter_family == AF_INET ? 32 : 128;

	return x->sadb_x_filter_splen <= bits && x->sadb_x_filter_dplen <= bits;
}

static bool replay_ok(const void *e, size_t n)
{
	const struct sadb_x_replay *x = e;
	bool esn = x->sadb_x_replay_flags & SADB_X_REPLAY_ESN;

	return x->sadb_x_replay_window <= SADB_X_REPLAY_MAX && !(x->sadb_x_replay_flags & ~SADB_X_REPLAY_ESN) &&
	       !x->sadb_x_replay_reserved && (x->sadb_x_replay_window || !esn) &&
	       (esn || (x->sadb_x_replay_oseq <= U32_MAX && x->sadb_x_replay_seq <= U32_MAX));
}

static bool icv_ok(const void *e, size_t n)
{
	const struct sadb_x_icv *x = e;

	return x->sadb_x_icv_bits && x->sadb_x_icv_bits % 8 == 0 && !x->sadb_x_icv_reserved;
}

static bool selector_ok(const void *e, size_t n)
{
	const struct sadb_x_selector *x = e;
	u8 bits = x->sadb_x_selector_family == AF_INET ? 32 : 128;

	if (memchr_inv(x->sadb_x_selector_reserved, 0, sizeof(x->sadb_x_selector_reserved)))
		return false;
	if (!x->sadb_x_selector_family)
		return !memchr_inv(&x->sadb_x_selector_splen, 0,
				   sizeof(*x) - offsetof(struct sadb_x_selector, sadb_x_selector_splen));
	return (x->sadb_x_selector_family == AF_INET ||
		(IS_ENABLED(CONFIG_IPV6) && x->sadb_x_selector_family == AF_INET6)) &&
	       x->sadb_x_selector_splen <= bits && x->sadb_x_selector_dplen <= bits;
}

static const struct rule {
	u16 min;				/* bytes; 0: not known here, passed over */
	bool (*ok)(const void *e, size_t n);	/* NULL: there is no more to it */
} rules[PFKEY_EXT_TOP + 1] = {
	[SADB_EXT_SA] = { sizeof(struct sadb_sa) },
	[SADB_EXT_LIFETIME_CURRENT] = { sizeof(struct sadb_lifetime) },
	[SADB_EXT_LIFETIME_HARD] = { sizeof(struct sadb_lifetime) },
	[SADB_EXT_LIFETIME_SOFT] = { sizeof(struct sadb_lifetime) },
	[SADB_EXT_ADDRESS_SRC] = { sizeof(struct sadb_address), address_ok },
	[SADB_EXT_ADDRESS_DST] = { sizeof(struct sadb_address), address_ok },
	[SADB_EXT_ADDRESS_PROXY] = { sizeof(struct sadb_address), address_ok },
	[SADB_EXT_KEY_AUTH] = { sizeof(struct sadb_key), key_ok },
	[SADB_EXT_KEY_ENCRYPT] = { sizeof(struct sadb_key), key_ok },
	[SADB_EXT_IDENTITY_SRC] = { sizeof(struct sadb_ident) },
	[SADB_EXT_IDENTITY_DST] = { sizeof(struct sadb_ident) },
	[SADB_EXT_SENSITIVITY] = { sizeof(struct sadb_sens) },
	[SADB_EXT_PROPOSAL] = { sizeof(struct sadb_prop) },
	[SADB_EXT_SUPPORTED_AUTH] = { sizeof(struct sadb_supported) },
	[SADB_EXT_SUPPORTED_ENCRYPT] = { sizeof(struct sadb_supported) },
	[SADB_EXT_SPIRANGE] = { sizeof(struct sadb_spirange) },
	[SADB_X_EXT_KMPRIVATE] = { sizeof(struct sadb_x_kmprivate) },
	[SADB_X_EXT_POLICY] = { sizeof(struct sadb_x_policy), policy_ok },
	[SADB_X_EXT_SA2] = { sizeof(struct sadb_x_sa2) },
	[SADB_X_EXT_NAT_T_TYPE] = { sizeof(struct sadb_x_nat_t_type) },
	[SADB_X_EXT_NAT_T_SPORT] = { sizeof(struct sadb_x_nat_t_port) },
	[SADB_X_EXT_NAT_T_DPORT] = { sizeof(struct sadb_x_nat_t_port) },
	[SADB_X_EXT_NAT_T_OA] = { sizeof(struct sadb_address), address_ok },
	[SADB_X_EXT_SEC_CTX] = { sizeof(struct sadb_x_sec_ctx), ctx_ok },
	[SADB_X_EXT_KMADDRESS] = { sizeof(struct sadb_x_kmaddress), kmaddress_ok },
	[SADB_X_EXT_FILTER] = { sizeof(struct sadb_x_filter), filter_ok },
	[SADB_X_EXT_REPLAY] = { sizeof(struct sadb_x_replay), replay_ok },
	[SADB_X_EXT_ICV] = { sizeof(struct sadb_x_icv), icv_ok },
	[SADB_X_EXT_EXTENDED] = { sizeof(struct sadb_x_extended) },
	[SADB_X_EXT_SELECTOR] = { sizeof(struct sadb_x_selector), selector_ok },
};

int pfkey_ext_check(const void *p, size_t n, u16 type)
{
	const struct sadb_ext *ext = p;
	const struct rule *rule;
	size_t len;

	if (n < sizeof(*ext))
		return -EINVAL;
	len = ext->sadb_ext_len * PFKEY_WORD;
	if (!len || len > n || type == SADB_EXT_RESERVED)
		return -EINVAL;
	if (type > PFKEY_EXT_TOP || !rules[type].min)
		return len;
	rule = &rules[type];
	return len < rule->min || (rule->ok && !rule->ok(p, len)) ? -EINVAL : (int)len;
}

/* ---- the whole message ---- */

static int exts_get(struct pfkey_req *rq)
{
	const void *p = rq->msg;
	size_t at = sizeof(*rq->msg);

	while (at < rq->len) {
		const struct sadb_ext *ext = p + at;
		u16 type = ext->sadb_ext_type;	/* lengths are whole words: a head is there */
		int n = pfkey_ext_check(ext, rq->len - at, type);

		if (n < 0)
			return n;
		at += n;
		if (type > PFKEY_EXT_TOP || !rules[type].min)
			continue;
		if (rq->ext[type])
			return -EINVAL;
		rq->ext[type] = ext;
	}
	return 0;
}

int pfkey_parse(struct pfkey_req *rq)
{
	int err;

	memset(rq->ext, 0, sizeof(rq->ext));
	err = exts_get(rq);
	if (err)
		return err;
	rq->proto = pfkey_proto_of(rq->msg->sadb_msg_satype);
	addr_get(&rq->src, rq->ext[SADB_EXT_ADDRESS_SRC]);
	addr_get(&rq->dst, rq->ext[SADB_EXT_ADDRESS_DST]);
	addr_get(&rq->proxy, rq->ext[SADB_EXT_ADDRESS_PROXY]);
	addr_get(&rq->oa, rq->ext[SADB_X_EXT_NAT_T_OA]);
	return rq->src.family && rq->dst.family && rq->src.family != rq->dst.family ? -EINVAL : 0;
}

/* 0 says "no limit", as all ones do in the kernel. */
static u64 limit(u64 said)
{
	return said ? said : XFRM_INF;
}

void pfkey_lifetimes_get(struct xfrm_lifetime_cfg *lft, const struct sadb_lifetime *hard,
			 const struct sadb_lifetime *soft)
{
	lft->hard_packet_limit = limit(hard ? hard->sadb_lifetime_allocations : 0);
	lft->hard_byte_limit = limit(hard ? hard->sadb_lifetime_bytes : 0);
	lft->soft_packet_limit = limit(soft ? soft->sadb_lifetime_allocations : 0);
	lft->soft_byte_limit = limit(soft ? soft->sadb_lifetime_bytes : 0);
	lft->hard_add_expires_seconds = hard ? hard->sadb_lifetime_addtime : 0;
	lft->hard_use_expires_seconds = hard ? hard->sadb_lifetime_usetime : 0;
	lft->soft_add_expires_seconds = soft ? soft->sadb_lifetime_addtime : 0;
	lft->soft_use_expires_seconds = soft ? soft->sadb_lifetime_usetime : 0;
}

struct xfrm_user_sec_ctx *pfkey_ctx_get(const struct sadb_x_sec_ctx *x, gfp_t gfp)
{
	struct xfrm_user_sec_ctx *ctx;

	if (!x)
		return NULL;
	ctx = kzalloc(sizeof(*ctx) + x->sadb_x_ctx_len, gfp);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	ctx->len = sizeof(*ctx) + x->sadb_x_ctx_len;
	ctx->exttype = x->sadb_x_sec_exttype;
	ctx->ctx_alg = x->sadb_x_ctx_alg;
	ctx->ctx_doi = x->sadb_x_ctx_doi;
	ctx->ctx_len = x->sadb_x_ctx_len;
	memcpy(ctx + 1, x + 1, x->sadb_x_ctx_len);
	return ctx;
}
