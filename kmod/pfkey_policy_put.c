// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel has of a policy, as a message. */
#include "pfkey.h"

static u8 level_of(const struct xfrm_tmpl *t)
{
	return t->optional ? IPSEC_LEVEL_USE : t->reqid ? IPSEC_LEVEL_UNIQUE : IPSEC_LEVEL_REQUIRE;
}

/* Addresses stand where a mode has some; KAME's programs know them of tunnels only. */
static void put_tmpl(struct pfkey_msg *m, const struct xfrm_tmpl *t)
{
	bool tunnel = t->mode == XFRM_MODE_TUNNEL;
	struct sadb_x_ipsecrequest *rq = pfkey_put_more(m, sizeof(*rq));

	if (!rq)
		return;
	rq->sadb_x_ipsecrequest_len = sizeof(*rq) + (tunnel ? pfkey_pair_size(t->encap_family) : 0);
	rq->sadb_x_ipsecrequest_proto = t->id.proto;
	rq->sadb_x_ipsecrequest_mode = pfkey_mode_put(t->mode);
	rq->sadb_x_ipsecrequest_level = level_of(t);
	rq->sadb_x_ipsecrequest_reqid = t->reqid;
	if (tunnel)
		pfkey_put_pair(m, &t->saddr, &t->id.daddr, t->encap_family);
}

static void put_policy(struct pfkey_msg *m, const struct xfrm_policy *xp, int dir)
{
	struct sadb_x_policy *x = pfkey_put(m, SADB_X_EXT_POLICY, sizeof(*x));
	unsigned int i;

	if (!x)
		return;
	if (xp->action == XFRM_POLICY_ALLOW)
		x->sadb_x_policy_type = xp->xfrm_nr ? IPSEC_POLICY_IPSEC : IPSEC_POLICY_NONE;
	else
		x->sadb_x_policy_type = IPSEC_POLICY_DISCARD;
	x->sadb_x_policy_dir = dir + 1;
	x->sadb_x_policy_id = xp->index;
	x->sadb_x_policy_priority = xp->priority;
	for (i = 0; i < xp->xfrm_nr; i++)
		put_tmpl(m, &xp->xfrm_vec[i]);
}

static void put_selector(struct pfkey_msg *m, const struct xfrm_selector *sel, u16 family)
{
	u8 proto = sel->proto ? sel->proto : IPSEC_PROTO_ANY;

	pfkey_put_addr(m, SADB_EXT_ADDRESS_SRC, &sel->saddr, family, sel->sport, sel->prefixlen_s, proto);
	pfkey_put_addr(m, SADB_EXT_ADDRESS_DST, &sel->daddr, family, sel->dport, sel->prefixlen_d, proto);
}

static struct sk_buff *policy_msg(const struct xfrm_policy *xp, int dir, u8 type, unsigned int lifetimes, u32 seq,
				  u32 pid)
{
	struct pfkey_msg m;

	pfkey_msg_start(&m, type, SADB_SATYPE_UNSPEC, GFP_ATOMIC);
	/* Of a socket's own policy the selector may have no family. */
	put_selector(&m, &xp->selector, xp->family);
	if (lifetimes & PFKEY_HARD)
		pfkey_put_lifetime(&m, SADB_EXT_LIFETIME_HARD, &xp->lft);
	if (lifetimes & PFKEY_SOFT)
		pfkey_put_lifetime(&m, SADB_EXT_LIFETIME_SOFT, &xp->lft);
	pfkey_put_current(&m, &xp->curlft);
	put_policy(&m, xp, dir);
	pfkey_put_ctx(&m, xp->security);
	/* KAME's setkey shows it as refcnt. */
	if (!m.err)
		((struct sadb_msg *)m.skb->data)->sadb_msg_reserved = refcount_read(&xp->refcnt);
	return pfkey_msg_end(&m, seq, pid);
}

struct sk_buff *pfkey_policy_msg(const struct xfrm_policy *xp, int dir, u8 type, u32 seq, u32 pid)
{
	return policy_msg(xp, dir, type, PFKEY_HARD | PFKEY_SOFT, seq, pid);
}

struct sk_buff *pfkey_policy_expire_msg(const struct xfrm_policy *xp, int dir, bool hard)
{
	return policy_msg(xp, dir, SADB_X_SPDEXPIRE, hard ? PFKEY_HARD : PFKEY_SOFT, 0, 0);
}
