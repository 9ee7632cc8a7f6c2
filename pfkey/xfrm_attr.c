// SPDX-License-Identifier: MIT
/* What XFRM messages share: attributes, addresses, selectors, lifetimes. */
#include "pfkey/xfrm.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#define CTX_DOI_LSM 1
#define CTX_ALG_SELINUX 1

void *xfrm_msg_start(struct xfrm_msg *m, uint16_t type, uint16_t flags, size_t head)
{
	size_t n = MNL_NLMSG_HDRLEN + MNL_ALIGN(head);

	memset(m, 0, n);
	m->nlh.nlmsg_len = (uint32_t)n;
	m->nlh.nlmsg_type = type;
	m->nlh.nlmsg_flags = NLM_F_REQUEST | flags;
	return mnl_nlmsg_get_payload(&m->nlh);
}

void *xfrm_attr_room(struct xfrm_msg *m, uint16_t type, size_t n)
{
	struct nlattr *attr = mnl_nlmsg_get_payload_tail(&m->nlh);

	assert(m->nlh.nlmsg_len + MNL_ALIGN(MNL_ATTR_HDRLEN + n) <= sizeof(m->bytes));
	memset(attr, 0, MNL_ALIGN(MNL_ATTR_HDRLEN + n));
	attr->nla_type = type;
	attr->nla_len = (uint16_t)(MNL_ATTR_HDRLEN + n);
	m->nlh.nlmsg_len += (uint32_t)MNL_ALIGN(attr->nla_len);
	return mnl_attr_get_payload(attr);
}

void xfrm_attr_u32(struct xfrm_msg *m, uint16_t type, uint32_t v)
{
	memcpy(xfrm_attr_room(m, type, sizeof(v)), &v, sizeof(v));
}

void xfrm_attr_mark(struct xfrm_msg *m, const struct ipsec_mark *mark, uint32_t if_id)
{
	if (mark->mask) {
		struct xfrm_mark *x = xfrm_attr_room(m, XFRMA_MARK, sizeof(*x));

		x->v = mark->value;
		x->m = mark->mask;
	}
	if (if_id)
		xfrm_attr_u32(m, XFRMA_IF_ID, if_id);
}

void xfrm_attr_ctx(struct xfrm_msg *m, const char *ctx)
{
	size_t n = strlen(ctx) + 1;
	struct xfrm_user_sec_ctx *x;

	if (n == 1)
		return;
	x = xfrm_attr_room(m, XFRMA_SEC_CTX, sizeof(*x) + n);
	x->len = (uint16_t)(sizeof(*x) + n);
	x->exttype = XFRMA_SEC_CTX;
	x->ctx_doi = CTX_DOI_LSM;
	x->ctx_alg = CTX_ALG_SELINUX;
	x->ctx_len = (uint16_t)n;
	memcpy(x + 1, ctx, n);
}

void xfrm_attr_offload(struct xfrm_msg *m, const struct ipsec_offload *o)
{
	struct xfrm_user_offload *x;

	if (o->kind == IPSEC_OFFLOAD_NONE)
		return;
	x = xfrm_attr_room(m, XFRMA_OFFLOAD_DEV, sizeof(*x));
	x->ifindex = (int)o->ifindex;
	x->flags = (uint8_t)((o->inbound ? XFRM_OFFLOAD_INBOUND : 0) |
			     (o->kind == IPSEC_OFFLOAD_PACKET ? XFRM_OFFLOAD_PACKET : 0));
}

/* The fixed part of each attribute that is read. */
static const uint16_t attr_min[XFRM_ATTR_MAX + 1] = {
	[XFRMA_ALG_AUTH] = sizeof(struct xfrm_algo),
	[XFRMA_ALG_CRYPT] = sizeof(struct xfrm_algo),
	[XFRMA_ALG_COMP] = sizeof(struct xfrm_algo),
	[XFRMA_ENCAP] = sizeof(struct xfrm_encap_tmpl),
	[XFRMA_SA] = sizeof(struct xfrm_usersa_info),
	[XFRMA_POLICY] = sizeof(struct xfrm_userpolicy_info),
	[XFRMA_SEC_CTX] = sizeof(struct xfrm_user_sec_ctx),
	[XFRMA_LTIME_VAL] = sizeof(struct xfrm_lifetime_cur),
	[XFRMA_REPLAY_VAL] = sizeof(struct xfrm_replay_state),
	[XFRMA_POLICY_TYPE] = sizeof(struct xfrm_userpolicy_type),
	[XFRMA_ALG_AEAD] = sizeof(struct xfrm_algo_aead),
	[XFRMA_ALG_AUTH_TRUNC] = sizeof(struct xfrm_algo_auth),
	[XFRMA_MARK] = sizeof(struct xfrm_mark),
	[XFRMA_TFCPAD] = sizeof(uint32_t),
	[XFRMA_REPLAY_ESN_VAL] = sizeof(struct xfrm_replay_state_esn),
	[XFRMA_SA_EXTRA_FLAGS] = sizeof(uint32_t),
	[XFRMA_OFFLOAD_DEV] = sizeof(struct xfrm_user_offload),
	[XFRMA_SET_MARK] = sizeof(uint32_t),
	[XFRMA_SET_MARK_MASK] = sizeof(uint32_t),
	[XFRMA_IF_ID] = sizeof(uint32_t),
	[XFRM_ATTR_SA_DIR] = sizeof(uint8_t),
	[XFRM_ATTR_NAT_KEEPALIVE] = sizeof(uint32_t),
};

int xfrm_attrs_get(struct xfrm_attrs *t, const struct nlmsghdr *nlh, size_t head)
{
	const uint8_t *p, *end;

	memset(t, 0, sizeof(*t));
	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + head)
		return -EBADMSG;
	p = (const uint8_t *)nlh + MNL_NLMSG_HDRLEN + MNL_ALIGN(head);
	end = (const uint8_t *)nlh + nlh->nlmsg_len;
	while (p < end) {
		const struct nlattr *attr = (const struct nlattr *)p;
		uint16_t type;

		if ((size_t)(end - p) < sizeof(*attr) || attr->nla_len < sizeof(*attr) ||
		    attr->nla_len > (size_t)(end - p))
			return -EBADMSG;
		type = attr->nla_type & NLA_TYPE_MASK;
		if (type <= XFRM_ATTR_MAX) {
			if (mnl_attr_get_payload_len(attr) < attr_min[type])
				return -EBADMSG;
			t->a[type] = attr;
		}
		if ((size_t)(end - p) <= attr->nla_len)		/* the last one may lack its padding */
			break;
		p += MNL_ALIGN(attr->nla_len);
	}
	return 0;
}

bool xfrm_attr_copy(const struct xfrm_attrs *t, uint16_t type, void *out, size_t n)
{
	const struct nlattr *attr = t->a[type];
	size_t have;

	if (!attr)
		return false;
	have = mnl_attr_get_payload_len(attr);
	memcpy(out, mnl_attr_get_payload(attr), n < have ? n : have);
	return true;
}

void xfrm_attr_get_mark(const struct xfrm_attrs *t, struct ipsec_mark *mark, uint32_t *if_id)
{
	struct xfrm_mark x = { 0 };

	xfrm_attr_copy(t, XFRMA_MARK, &x, sizeof(x));
	*mark = (struct ipsec_mark){ .value = x.v, .mask = x.m };
	if (if_id)
		xfrm_attr_copy(t, XFRMA_IF_ID, if_id, sizeof(*if_id));
}

void xfrm_attr_get_offload(const struct xfrm_attrs *t, struct ipsec_offload *o)
{
	struct xfrm_user_offload x;

	if (!xfrm_attr_copy(t, XFRMA_OFFLOAD_DEV, &x, sizeof(x)) || !x.ifindex)
		return;
	o->ifindex = (uint32_t)x.ifindex;
	o->inbound = x.flags & XFRM_OFFLOAD_INBOUND;
	o->kind = x.flags & XFRM_OFFLOAD_PACKET ? IPSEC_OFFLOAD_PACKET : IPSEC_OFFLOAD_CRYPTO;
}

int xfrm_attr_get_ctx(const struct xfrm_attrs *t, char ctx[IPSEC_CTX_MAX])
{
	const struct nlattr *attr = t->a[XFRMA_SEC_CTX];
	struct xfrm_user_sec_ctx x;
	const char *label;
	size_t n;

	ctx[0] = '\0';
	if (!xfrm_attr_copy(t, XFRMA_SEC_CTX, &x, sizeof(x)))
		return 0;
	label = (const char *)mnl_attr_get_payload(attr) + sizeof(x);
	n = x.ctx_len;
	if (n > mnl_attr_get_payload_len(attr) - sizeof(x))
		return -EBADMSG;
	if (n && !label[n - 1])		/* it counts the NUL, and need not have one */
		n--;
	if (n >= IPSEC_CTX_MAX)
		return -EBADMSG;
	memcpy(ctx, label, n);
	ctx[n] = '\0';
	return 0;
}

void xfrm_addr_put(xfrm_address_t *x, const struct ipsec_addr *a)
{
	memset(x, 0, sizeof(*x));
	memcpy(x, a->b, ipsec_addr_size(a->family));
}

void xfrm_addr_get(struct ipsec_addr *a, const xfrm_address_t *x, uint16_t family)
{
	memset(a, 0, sizeof(*a));
	if (!ipsec_addr_size(family))
		return;
	a->family = family;
	memcpy(a->b, x, ipsec_addr_size(family));
}

void xfrm_selector_put(struct xfrm_selector *x, const struct ipsec_selector *s)
{
	memset(x, 0, sizeof(*x));
	xfrm_addr_put(&x->saddr, &s->src);
	xfrm_addr_put(&x->daddr, &s->dst);
	x->family = s->src.family;
	x->prefixlen_s = s->src_len;
	x->prefixlen_d = s->dst_len;
	x->proto = s->proto;
	x->sport = htons(s->sport);
	x->sport_mask = htons(s->sport_mask);
	x->dport = htons(s->dport);
	x->dport_mask = htons(s->dport_mask);
	x->ifindex = (int)s->ifindex;
}

void xfrm_selector_get(struct ipsec_selector *s, const struct xfrm_selector *x)
{
	memset(s, 0, sizeof(*s));
	xfrm_addr_get(&s->src, &x->saddr, x->family);
	xfrm_addr_get(&s->dst, &x->daddr, x->family);
	s->src_len = x->prefixlen_s;
	s->dst_len = x->prefixlen_d;
	s->proto = x->proto;
	s->sport = ntohs(x->sport);
	s->sport_mask = ntohs(x->sport_mask);
	s->dport = ntohs(x->dport);
	s->dport_mask = ntohs(x->dport_mask);
	s->ifindex = (uint32_t)x->ifindex;
}

/* Counters: no limit is XFRM_INF here and 0 there; seconds: 0 in both. */
static uint64_t limit_put(uint64_t v)
{
	return v ? v : XFRM_INF;
}

static uint64_t limit_get(uint64_t v)
{
	return v == XFRM_INF ? 0 : v;
}

void xfrm_lifetime_put(struct xfrm_lifetime_cfg *x, const struct ipsec_lifetime *soft, const struct ipsec_lifetime *hard)
{
	x->soft_byte_limit = limit_put(soft->bytes);
	x->hard_byte_limit = limit_put(hard->bytes);
	x->soft_packet_limit = limit_put(soft->packets);
	x->hard_packet_limit = limit_put(hard->packets);
	x->soft_add_expires_seconds = soft->add_seconds;
	x->hard_add_expires_seconds = hard->add_seconds;
	x->soft_use_expires_seconds = soft->use_seconds;
	x->hard_use_expires_seconds = hard->use_seconds;
}

void xfrm_lifetime_get(struct ipsec_lifetime *soft, struct ipsec_lifetime *hard, const struct xfrm_lifetime_cfg *x)
{
	soft->bytes = limit_get(x->soft_byte_limit);
	hard->bytes = limit_get(x->hard_byte_limit);
	soft->packets = limit_get(x->soft_packet_limit);
	hard->packets = limit_get(x->hard_packet_limit);
	soft->add_seconds = x->soft_add_expires_seconds;
	hard->add_seconds = x->hard_add_expires_seconds;
	soft->use_seconds = x->soft_use_expires_seconds;
	hard->use_seconds = x->hard_use_expires_seconds;
}

void xfrm_usage_get(struct ipsec_usage *u, const struct xfrm_lifetime_cur *x)
{
	u->bytes = x->bytes;
	u->packets = x->packets;
	u->add_time = x->add_time;
	u->use_time = x->use_time;
}

uint8_t xfrm_mode_put(uint8_t mode)
{
	return mode == IPSEC_MODE_TUNNEL ? XFRM_MODE_TUNNEL : mode == IPSEC_MODE_BEET ? XFRM_MODE_BEET : XFRM_MODE_TRANSPORT;
}

uint8_t xfrm_mode_get(uint8_t mode)
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
