// SPDX-License-Identifier: GPL-2.0-only
/* Policies: SADB_X_SPDADD, SPDUPDATE, SPDSETIDX, SPDDELETE, SPDDELETE2, SPDGET, SPDFLUSH; those of sockets. */
#include <linux/slab.h>

#include "pfkey.h"

static const struct xfrm_mark no_mark;

/* ---- reading ---- */

void pfkey_selector_get(const struct pfkey_req *rq, struct xfrm_selector *sel)
{
	memset(sel, 0, sizeof(*sel));
	sel->family = rq->src.family;
	sel->saddr = rq->src.a;
	sel->daddr = rq->dst.a;
	sel->prefixlen_s = rq->src.prefixlen;
	sel->prefixlen_d = rq->dst.prefixlen;
	/* Both addresses have it; the same, if their writer is sane. */
	sel->proto = rq->dst.proto == IPSEC_PROTO_ANY ? 0 : rq->dst.proto;
	sel->sport = rq->src.port;
	sel->dport = rq->dst.port;
	sel->sport_mask = sel->sport ? htons(0xffff) : 0;
	sel->dport_mask = sel->dport ? htons(0xffff) : 0;
}

static int uses_reqid(struct xfrm_policy *xp, int dir, int count, void *reqid)
{
	unsigned int i;

	for (i = 0; i < xp->xfrm_nr; i++)
		if (xp->xfrm_vec[i].reqid == *(u32 *)reqid)
			return -EEXIST;
	return 0;
}

/* The next one above those that are for people. Policies of sockets are made under no lock of ours. */
static u32 next_reqid(struct pfkey_net *pn)
{
	u32 reqid = atomic_inc_return(&pn->reqid);

	if (reqid > IPSEC_MANUAL_REQID_MAX)
		return reqid;
	atomic_set(&pn->reqid, IPSEC_MANUAL_REQID_MAX + 1);
	return IPSEC_MANUAL_REQID_MAX + 1;
}

#define REQIDS_TRIED 1024	/* each costs a walk of the SPD, for sockets without a pause */

/* One that no policy has. 0: none was found; who asks again goes on behind those that were tried. */
static u32 new_reqid(struct net *net)
{
	struct xfrm_policy_walk walk;
	unsigned int tries;
	u32 reqid;
	int rc;

	for (tries = 0; tries < REQIDS_TRIED; tries++) {
		reqid = next_reqid(pfkey_net(net));
		xfrm_policy_walk_init(&walk, XFRM_POLICY_TYPE_MAIN);
		rc = xfrm_policy_walk(net, &walk, uses_reqid, &reqid);
		xfrm_policy_walk_done(&walk, net);
		if (rc != -EEXIST)
			return reqid;
	}
	return 0;
}

static int level_get(struct xfrm_tmpl *t, const struct sadb_x_ipsecrequest *rq, struct net *net, u8 dir)
{
	switch (rq->sadb_x_ipsecrequest_level) {
	case IPSEC_LEVEL_USE:
		/* Without the tunnel its addresses would go, too: inbound it means that plain packets may come. */
		if (t->mode != XFRM_MODE_TRANSPORT && dir == IPSEC_DIR_OUTBOUND)
			return -EINVAL;
		t->optional = 1;
		return 0;
	case IPSEC_LEVEL_UNIQUE:
		t->reqid = rq->sadb_x_ipsecrequest_reqid;
		if (!t->reqid || t->reqid > IPSEC_MANUAL_REQID_MAX)
			t->reqid = new_reqid(net);
		return t->reqid ? 0 : -ENOBUFS;
	case IPSEC_LEVEL_DEFAULT:
	case IPSEC_LEVEL_REQUIRE:
		return 0;
	}
	return -EINVAL;
}

/* family: of what is in the packet before this rule; that of what it makes when the rule is a tunnel. */
static int tmpl_get(struct xfrm_tmpl *t, const struct sadb_x_ipsecrequest *rq, struct net *net, u8 dir, u16 *family)
{
	size_t n = rq->sadb_x_ipsecrequest_len - sizeof(*rq);
	int mode = pfkey_mode_get(rq->sadb_x_ipsecrequest_mode), err;

	if (mode < 0 || rq->sadb_x_ipsecrequest_mode == IPSEC_MODE_ANY || rq->sadb_x_ipsecrequest_proto > U8_MAX ||
	    !xfrm_id_proto_valid(rq->sadb_x_ipsecrequest_proto))
		return -EINVAL;
	t->id.proto = rq->sadb_x_ipsecrequest_proto;
	t->mode = mode;
	t->allalgs = 1;
	err = level_get(t, rq, net, dir);
	/* Of other modes, addresses that some programs give mean nothing. */
	if (!err && (mode == XFRM_MODE_TUNNEL || (mode == XFRM_MODE_BEET && n)))
		err = pfkey_pair_get(rq + 1, n, &t->saddr, &t->id.daddr, family);
	t->encap_family = *family;
	return err;
}

/* x has passed pfkey_ext_check(). */
static int tmpls_get(struct xfrm_policy *xp, const struct sadb_x_policy *x)
{
	size_t n = x->sadb_x_policy_len * PFKEY_WORD, at = sizeof(*x);
	u16 family = xp->family;
	int err = 0;

	if (x->sadb_x_policy_type != IPSEC_POLICY_IPSEC)
		return 0;
	while (at < n && !err) {
		const struct sadb_x_ipsecrequest *rq = (const void *)x + at;

		if (xp->xfrm_nr == XFRM_MAX_DEPTH)
			return -ELOOP;
		err = tmpl_get(&xp->xfrm_vec[xp->xfrm_nr++], rq, xp_net(xp), x->sadb_x_policy_dir, &family);
		at += rq->sadb_x_ipsecrequest_len;
	}
	return err;
}

static int ctx_get(struct xfrm_sec_ctx **ctx, const struct sadb_x_sec_ctx *x, gfp_t gfp)
{
	struct xfrm_user_sec_ctx *user = pfkey_ctx_get(x, gfp);
	int err;

	*ctx = NULL;
	if (IS_ERR_OR_NULL(user))
		return PTR_ERR_OR_ZERO(user);
	err = security_xfrm_policy_alloc(ctx, user, gfp);
	kfree(user);
	return err;
}

/* Never linked: nobody else has seen it. */
static void discard(struct xfrm_policy *xp)
{
	xp->walk.dead = 1;
	xfrm_policy_destroy(xp);
}

static bool dir_ok(const struct sadb_x_policy *x, u8 max)
{
	return x->sadb_x_policy_dir && x->sadb_x_policy_dir <= max;
}

static struct xfrm_policy *policy_new(struct net *net, const struct sadb_x_policy *x, u16 family, gfp_t gfp)
{
	struct xfrm_policy *xp = xfrm_policy_alloc(net, gfp);

	if (!xp)
		return NULL;
	xp->family = family;
	xp->action = x->sadb_x_policy_type == IPSEC_POLICY_DISCARD ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	xp->priority = x->sadb_x_policy_priority;
	pfkey_lifetimes_get(&xp->lft, NULL, NULL);
	return xp;
}

/* ---- SADB_X_SPDADD, SPDUPDATE, SPDSETIDX ---- */

int pfkey_do_spdadd(const struct pfkey_req *rq)
{
	const struct sadb_x_policy *x = rq->ext[SADB_X_EXT_POLICY];
	bool update = rq->msg->sadb_msg_type == SADB_X_SPDUPDATE;
	struct km_event c = pfkey_event_of(rq, update ? XFRM_MSG_UPDPOLICY : XFRM_MSG_NEWPOLICY);
	struct xfrm_policy *xp;
	int err;

	if (x->sadb_x_policy_type > IPSEC_POLICY_IPSEC || !dir_ok(x, IPSEC_DIR_FWD))
		return -EINVAL;
	xp = policy_new(rq->net, x, rq->src.family, GFP_KERNEL);
	if (!xp)
		return -ENOBUFS;
	pfkey_selector_get(rq, &xp->selector);
	pfkey_lifetimes_get(&xp->lft, rq->ext[SADB_EXT_LIFETIME_HARD], rq->ext[SADB_EXT_LIFETIME_SOFT]);
	err = ctx_get(&xp->security, rq->ext[SADB_X_EXT_SEC_CTX], GFP_KERNEL);
	if (!err)
		err = tmpls_get(xp, x);
	if (!err) {
		err = xfrm_policy_insert(x->sadb_x_policy_dir - 1, xp, !update);
		xfrm_audit_policy_add(xp, !err, true);
	}
	if (err) {
		discard(xp);
		return err;
	}
	km_policy_notify(xp, x->sadb_x_policy_dir - 1, &c);
	xfrm_pol_put(xp);
	return 0;
}

/* ---- SADB_X_SPDDELETE, SPDDELETE2, SPDGET ---- */

/* Tells of a policy that has been taken out of the SPD, unless the security module kept it there (err). */
static int deleted(const struct pfkey_req *rq, struct xfrm_policy *xp, int dir, bool by_index, int err)
{
	struct km_event c = pfkey_event_of(rq, XFRM_MSG_DELPOLICY);

	xfrm_audit_policy_delete(xp, !err, true);
	c.data.byid = by_index;
	if (!err)
		km_policy_notify(xp, dir, &c);
	xfrm_pol_put(xp);
	return err;
}

int pfkey_do_spddelete(const struct pfkey_req *rq)
{
	const struct sadb_x_policy *x = rq->ext[SADB_X_EXT_POLICY];
	int dir = x->sadb_x_policy_dir - 1, err;
	struct xfrm_selector sel;
	struct xfrm_policy *xp;
	struct xfrm_sec_ctx *ctx;

	if (!dir_ok(x, IPSEC_DIR_FWD))
		return -EINVAL;
	pfkey_selector_get(rq, &sel);
	err = ctx_get(&ctx, rq->ext[SADB_X_EXT_SEC_CTX], GFP_KERNEL);
	if (err)
		return err;
	xp = xfrm_policy_bysel_ctx(rq->net, &no_mark, 0, XFRM_POLICY_TYPE_MAIN, dir, &sel, ctx, 1, &err);
	security_xfrm_policy_free(ctx);
	return xp ? deleted(rq, xp, dir, false, err) : -ENOENT;
}

int pfkey_do_spdget(const struct pfkey_req *rq)
{
	const struct sadb_x_policy *x = rq->ext[SADB_X_EXT_POLICY];
	bool delete = rq->msg->sadb_msg_type == SADB_X_SPDDELETE2;
	int dir = xfrm_policy_id2dir(x->sadb_x_policy_id), err = 0;
	struct xfrm_policy *xp;
	struct sk_buff *skb;

	if (dir >= XFRM_POLICY_MAX)
		return -EINVAL;
	xp = xfrm_policy_byid(rq->net, &no_mark, 0, XFRM_POLICY_TYPE_MAIN, dir, x->sadb_x_policy_id, delete, &err);
	if (!xp)
		return -ENOENT;
	if (delete)
		return deleted(rq, xp, dir, true, err);
	skb = pfkey_policy_msg(xp, dir, SADB_X_SPDGET, rq->msg->sadb_msg_seq, rq->msg->sadb_msg_pid);
	xfrm_pol_put(xp);
	return pfkey_answer(rq->sk, skb);
}

/* ---- SADB_X_SPDFLUSH ---- */

int pfkey_do_spdflush(const struct pfkey_req *rq)
{
	struct km_event c = pfkey_event_of(rq, XFRM_MSG_FLUSHPOLICY);
	int err = xfrm_policy_flush(rq->net, XFRM_POLICY_TYPE_MAIN, true);

	if (err == -ESRCH)
		return pfkey_answer(rq->sk, pfkey_msg_head(rq->msg, 0, GFP_KERNEL));
	if (err)
		return err;
	c.data.type = XFRM_POLICY_TYPE_MAIN;
	km_policy_notify(NULL, 0, &c);
	return 0;
}

/* ---- policies of sockets: setsockopt(IP_IPSEC_POLICY), by which key managers let their own packets through ---- */

static bool is_ours(const struct sock *sk, int opt)
{
	return (sk->sk_family == AF_INET && opt == IP_IPSEC_POLICY) ||
	       (IS_ENABLED(CONFIG_IPV6) && sk->sk_family == AF_INET6 && opt == IPV6_IPSEC_POLICY);
}

/*
 * A policy extension, and a label behind it, whatever types they name: openiked says another. Called under
 * rcu_read_lock.
 */
struct xfrm_policy *pfkey_compile_policy(struct sock *sk, int opt, u8 *data, int len, int *dir)
{
	const struct sadb_x_policy *x = (const void *)data;
	const void *ctx = NULL;
	struct xfrm_policy *xp;
	int n, err;

	*dir = -EOPNOTSUPP;
	if (!is_ours(sk, opt))
		return NULL;
	*dir = -EINVAL;
	n = pfkey_ext_check(data, len, SADB_X_EXT_POLICY);
	if (n < 0 || x->sadb_x_policy_type > IPSEC_POLICY_BYPASS || !dir_ok(x, IPSEC_DIR_OUTBOUND))
		return NULL;
	if (n < len && pfkey_ext_check(data + n, len - n, SADB_X_EXT_SEC_CTX) < 0)
		return NULL;
	if (n < len)
		ctx = data + n;
	*dir = -ENOBUFS;
	xp = policy_new(sock_net(sk), x, sk->sk_family, GFP_ATOMIC);
	if (!xp)
		return NULL;
	err = ctx_get(&xp->security, ctx, GFP_ATOMIC);
	if (!err)
		err = tmpls_get(xp, x);
	if (err) {
		discard(xp);
		xp = NULL;
	}
	*dir = err ? err : x->sadb_x_policy_dir - 1;
	return xp;
}
