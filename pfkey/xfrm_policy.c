// SPDX-License-Identifier: MIT
/* Policies to XFRM messages and back. */
#include "pfkey/xfrm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const struct { uint8_t ours, flag; } policy_flags[] = {
	{ IPSEC_POLICY_LOCALOK, XFRM_POLICY_LOCALOK },
	{ IPSEC_POLICY_ICMP, XFRM_POLICY_ICMP },
};
#define POLICY_FLAGS (sizeof(policy_flags) / sizeof(policy_flags[0]))

static bool is_tunnel(const struct ipsec_tmpl *t)
{
	return t->mode == IPSEC_MODE_TUNNEL || t->mode == IPSEC_MODE_BEET;
}

/* family: of the packets that reach this step, that is, of the policy or of the tunnel before. */
static void tmpl_put(struct xfrm_user_tmpl *x, const struct ipsec_tmpl *t, uint16_t family)
{
	x->family = family;
	if (t->src.family == family)
		xfrm_addr_put(&x->saddr, &t->src);
	if (t->dst.family == family)
		xfrm_addr_put(&x->id.daddr, &t->dst);
	x->id.proto = t->proto;
	x->id.spi = htonl(t->spi);
	x->mode = xfrm_mode_put(t->mode);
	x->reqid = t->reqid;
	x->optional = t->optional;
	x->aalgos = x->ealgos = x->calgos = UINT32_MAX;		/* any algorithm: the SA decides */
}

static void policy_type_put(struct xfrm_msg *m, uint8_t type)
{
	struct xfrm_userpolicy_type *x;

	if (type == XFRM_POLICY_TYPE_MAIN)
		return;
	x = xfrm_attr_room(m, XFRMA_POLICY_TYPE, sizeof(*x));
	x->type = type;
}

void xfrm_policy_put(struct xfrm_msg *m, const struct ipsec_policy *pol, bool update)
{
	uint16_t family = pol->sel.src.family;
	struct xfrm_userpolicy_info *info;
	struct xfrm_user_tmpl *tmpl;

	info = xfrm_msg_start(m, update ? XFRM_MSG_UPDPOLICY : XFRM_MSG_NEWPOLICY, NLM_F_ACK, sizeof(*info));
	xfrm_selector_put(&info->sel, &pol->sel);
	xfrm_lifetime_put(&info->lft, &pol->soft, &pol->hard);
	info->priority = pol->priority;
	info->index = pol->index;
	info->dir = pol->dir;
	info->action = pol->action == IPSEC_ACTION_BLOCK ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	for (size_t i = 0; i < POLICY_FLAGS; i++)
		if (pol->flags & policy_flags[i].ours)
			info->flags |= policy_flags[i].flag;
	if (pol->ntmpl) {
		tmpl = xfrm_attr_room(m, XFRMA_TMPL, pol->ntmpl * sizeof(*tmpl));
		for (unsigned int i = 0; i < pol->ntmpl; i++) {
			if (is_tunnel(&pol->tmpl[i]))
				family = pol->tmpl[i].dst.family;
			tmpl_put(&tmpl[i], &pol->tmpl[i], family);
		}
	}
	policy_type_put(m, pol->type);
	xfrm_attr_mark(m, &pol->mark, pol->if_id);
	xfrm_attr_offload(m, &pol->offload);
	xfrm_attr_ctx(m, pol->ctx);
}

void xfrm_policy_key_put(struct xfrm_msg *m, uint16_t type, uint16_t flags, const struct ipsec_policy *key)
{
	struct xfrm_userpolicy_id *x = xfrm_msg_start(m, type, flags, sizeof(*x));

	xfrm_selector_put(&x->sel, &key->sel);
	x->index = key->index;
	x->dir = key->index ? key->index & 7 : key->dir;
	policy_type_put(m, key->type);
	xfrm_attr_mark(m, &key->mark, key->if_id);
	xfrm_attr_ctx(m, key->ctx);
}

static int tmpls_get(const struct nlattr *attr, struct ipsec_policy *pol)
{
	const uint8_t *p = mnl_attr_get_payload(attr);
	size_t n = mnl_attr_get_payload_len(attr) / sizeof(struct xfrm_user_tmpl);

	if (n > IPSEC_TMPL_MAX || mnl_attr_get_payload_len(attr) % sizeof(struct xfrm_user_tmpl))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		struct ipsec_tmpl *t = &pol->tmpl[i];
		struct xfrm_user_tmpl x;

		memcpy(&x, p + i * sizeof(x), sizeof(x));
		t->proto = x.id.proto;
		t->spi = ntohl(x.id.spi);
		t->mode = xfrm_mode_get(x.mode);
		t->reqid = x.reqid;
		t->optional = x.optional;
		xfrm_addr_get(&t->src, &x.saddr, x.family);
		xfrm_addr_get(&t->dst, &x.id.daddr, x.family);
		if (!is_tunnel(t) && ipsec_addr_is_any(&t->src) && ipsec_addr_is_any(&t->dst))
			t->src.family = t->dst.family = AF_UNSPEC;
	}
	pol->ntmpl = (uint8_t)n;
	return 0;
}

int xfrm_policy_from(const struct xfrm_userpolicy_info *info, const struct xfrm_attrs *t, struct ipsec_policy *pol)
{
	struct xfrm_userpolicy_type type = { 0 };
	uint8_t dir = info->dir;

	memset(pol, 0, sizeof(*pol));
	/* The policies of sockets use the directions from XFRM_POLICY_MAX up. */
	if (dir >= XFRM_POLICY_MAX) {
		pol->socket = true;
		dir -= XFRM_POLICY_MAX;
	}
	if (dir >= XFRM_POLICY_MAX)
		return -EBADMSG;
	pol->dir = dir;
	pol->action = info->action == XFRM_POLICY_BLOCK ? IPSEC_ACTION_BLOCK : IPSEC_ACTION_ALLOW;
	pol->priority = info->priority;
	pol->index = info->index;
	xfrm_selector_get(&pol->sel, &info->sel);
	xfrm_lifetime_get(&pol->soft, &pol->hard, &info->lft);
	xfrm_usage_get(&pol->usage, &info->curlft);
	xfrm_attr_copy(t, XFRMA_POLICY_TYPE, &type, sizeof(type));
	pol->type = type.type;
	for (size_t i = 0; i < POLICY_FLAGS; i++)
		if (info->flags & policy_flags[i].flag)
			pol->flags |= policy_flags[i].ours;
	xfrm_attr_get_mark(t, &pol->mark, &pol->if_id);
	xfrm_attr_get_offload(t, &pol->offload);
	if (t->a[XFRMA_TMPL] && tmpls_get(t->a[XFRMA_TMPL], pol))
		return -EBADMSG;
	return xfrm_attr_get_ctx(t, pol->ctx);
}

int xfrm_policy_get(const struct nlmsghdr *nlh, struct ipsec_policy *pol)
{
	struct xfrm_userpolicy_info info;
	struct xfrm_attrs t;

	if (xfrm_attrs_get(&t, nlh, sizeof(info)))
		return -EBADMSG;
	memcpy(&info, mnl_nlmsg_get_payload(nlh), sizeof(info));
	return xfrm_policy_from(&info, &t, pol);
}
