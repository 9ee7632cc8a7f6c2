// SPDX-License-Identifier: GPL-2.0-only
/* The key manager that XFRM sees: what happens to SAs and policies, whoever did it. No callback may sleep. */
#include "pfkey.h"

/* ---- SAs ---- */

static int tell_expire(struct xfrm_state *x, const struct km_event *c)
{
	u8 satype = pfkey_satype_of(x->id.proto);
	struct pfkey_msg m;

	pfkey_msg_start(&m, SADB_EXPIRE, satype, GFP_ATOMIC);
	/* The limit that was reached is the one that is told. */
	pfkey_put_state(&m, x, false, c->data.hard ? PFKEY_HARD : PFKEY_SOFT);
	pfkey_tell_registered(xs_net(x), pfkey_msg_end(&m, 0, 0), satype);
	return 0;
}

static int tell_head(struct net *net, const struct km_event *c, u8 type, u8 satype)
{
	const struct sadb_msg msg = { .sadb_msg_type = type, .sadb_msg_satype = satype, .sadb_msg_seq = c->seq,
				      .sadb_msg_pid = c->portid };

	pfkey_tell_all(net, pfkey_msg_head(&msg, 0, GFP_ATOMIC));
	return 0;
}

static int tell_state(struct xfrm_state *x, const struct km_event *c, u8 type)
{
	pfkey_tell_all(xs_net(x), pfkey_state_msg(x, type, c->seq, c->portid));
	return 0;
}

static int notify(struct xfrm_state *x, const struct km_event *c)
{
	struct net *net = x ? xs_net(x) : c->net;

	if (!atomic_read(&pfkey_net(net)->open))
		return 0;
	switch (c->event) {
	case XFRM_MSG_NEWSA:
		return tell_state(x, c, SADB_ADD);
	case XFRM_MSG_UPDSA:
		return tell_state(x, c, SADB_UPDATE);
	case XFRM_MSG_DELSA:
		return tell_state(x, c, SADB_DELETE);
	case XFRM_MSG_EXPIRE:
		return tell_expire(x, c);
	case XFRM_MSG_FLUSHSA:
		return tell_head(net, c, SADB_FLUSH, pfkey_satype_of(c->data.proto));
	}
	return 0;			/* PF_KEY has no word for the rest (XFRM_MSG_NEWAE) */
}

/* ---- policies ---- */

static int tell_policy(struct xfrm_policy *xp, int dir, const struct km_event *c, u8 type)
{
	pfkey_tell_all(xp_net(xp), pfkey_policy_msg(xp, dir, type, c->seq, c->portid));
	return 0;
}

/* Linux had the number, and never said it. To those who keep keys, whatever they have registered for. */
static int tell_policy_expire(struct xfrm_policy *xp, int dir, const struct km_event *c)
{
	pfkey_tell_registered(xp_net(xp), pfkey_policy_expire_msg(xp, dir, c->data.hard), SADB_SATYPE_UNSPEC);
	return 0;
}

static int notify_policy(struct xfrm_policy *xp, int dir, const struct km_event *c)
{
	struct net *net = xp ? xp_net(xp) : c->net;

	if (!atomic_read(&pfkey_net(net)->open))
		return 0;
	if ((xp ? xp->type : c->data.type) != XFRM_POLICY_TYPE_MAIN)
		return 0;
	switch (c->event) {
	case XFRM_MSG_NEWPOLICY:
		return tell_policy(xp, dir, c, SADB_X_SPDADD);
	case XFRM_MSG_UPDPOLICY:
		return tell_policy(xp, dir, c, SADB_X_SPDUPDATE);
	case XFRM_MSG_DELPOLICY:
		return tell_policy(xp, dir, c, c->data.byid ? SADB_X_SPDDELETE2 : SADB_X_SPDDELETE);
	case XFRM_MSG_POLEXPIRE:
		return tell_policy_expire(xp, dir, c);
	case XFRM_MSG_FLUSHPOLICY:
		return tell_head(net, c, SADB_X_SPDFLUSH, SADB_SATYPE_UNSPEC);
	}
	return 0;
}

/* ---- what the kernel wants ---- */

static void put_ends(struct pfkey_msg *m, const struct xfrm_state *x, const xfrm_address_t *src,
		     const xfrm_address_t *dst)
{
	u8 bits = x->props.family == AF_INET6 ? 128 : 32;

	pfkey_put_addr(m, SADB_EXT_ADDRESS_SRC, src, x->props.family, 0, bits, 0);
	pfkey_put_addr(m, SADB_EXT_ADDRESS_DST, dst, x->props.family, 0, bits, 0);
}

static void put_policy_id(struct pfkey_msg *m, u8 dir, u32 index, u32 priority)
{
	struct sadb_x_policy *pol = pfkey_put(m, SADB_X_EXT_POLICY, sizeof(*pol));

	if (!pol)
		return;
	pol->sadb_x_policy_type = IPSEC_POLICY_IPSEC;
	pol->sadb_x_policy_dir = dir;
	pol->sadb_x_policy_id = index;
	pol->sadb_x_policy_priority = priority;
}

/*
 * 0: somebody negotiates. All key managers are asked in turn, and one number is all that the larval SA has for them:
 * one that is there is kept.
 */
static int acquire(struct xfrm_state *x, struct xfrm_tmpl *t, struct xfrm_policy *xp)
{
	u8 satype = pfkey_satype_of(x->id.proto);
	struct net *net = xs_net(x);
	struct pfkey_msg m;

	if (!pfkey_is_registered(net, satype))
		return -ESRCH;
	if (!x->km.seq)
		x->km.seq = xfrm_get_acqseq();
	pfkey_msg_start(&m, SADB_ACQUIRE, satype, GFP_ATOMIC);
	put_ends(&m, x, &x->props.saddr, &x->id.daddr);
	put_policy_id(&m, IPSEC_DIR_OUTBOUND, xp->index, xp->priority);
	if (x->id.proto == IPPROTO_AH || x->id.proto == IPPROTO_ESP)
		pfkey_put_proposal(&m, x->id.proto, t);
	pfkey_put_ctx(&m, x->security);
	return pfkey_tell_registered(net, pfkey_msg_end(&m, x->km.seq, 0), satype);
}

/* The kernel met a packet for which there should be a policy (Mobile IPv6): KAME's SADB_X_SPDACQUIRE. */
static int report(struct net *net, u8 proto, struct xfrm_selector *sel, xfrm_address_t *addr)
{
	u8 any = sel->proto ? sel->proto : IPSEC_PROTO_ANY;
	struct pfkey_msg m;

	if (!pfkey_is_registered(net, SADB_SATYPE_UNSPEC))
		return -ESRCH;
	pfkey_msg_start(&m, SADB_X_SPDACQUIRE, SADB_SATYPE_UNSPEC, GFP_ATOMIC);
	pfkey_put_addr(&m, SADB_EXT_ADDRESS_SRC, &sel->saddr, sel->family, sel->sport, sel->prefixlen_s, any);
	pfkey_put_addr(&m, SADB_EXT_ADDRESS_DST, &sel->daddr, sel->family, sel->dport, sel->prefixlen_d, any);
	put_policy_id(&m, IPSEC_DIR_INBOUND, 0, 0);
	return pfkey_tell_registered(net, pfkey_msg_end(&m, 0, 0), SADB_SATYPE_UNSPEC);
}

static void put_port(struct pfkey_msg *m, u16 type, __be16 port)
{
	struct sadb_x_nat_t_port *x = pfkey_put(m, type, sizeof(*x));

	if (x)
		x->sadb_x_nat_t_port_port = port;
}

/* A peer behind a NAT sends from elsewhere: "source" is where it was, "destination" where it is. */
static int new_mapping(struct xfrm_state *x, xfrm_address_t *addr, __be16 sport)
{
	u8 satype = pfkey_satype_of(x->id.proto);
	struct sadb_sa *sa;
	struct pfkey_msg m;

	if (x->id.proto != IPPROTO_ESP || !x->encap)
		return -EINVAL;
	if (!pfkey_is_registered(xs_net(x), satype))
		return -ESRCH;
	pfkey_msg_start(&m, SADB_X_NAT_T_NEW_MAPPING, satype, GFP_ATOMIC);
	sa = pfkey_put(&m, SADB_EXT_SA, sizeof(*sa));
	if (sa)
		sa->sadb_sa_spi = x->id.spi;
	put_ends(&m, x, &x->props.saddr, addr);
	put_port(&m, SADB_X_EXT_NAT_T_SPORT, x->encap->encap_sport);
	put_port(&m, SADB_X_EXT_NAT_T_DPORT, sport);
	return pfkey_tell_registered(xs_net(x), pfkey_msg_end(&m, x->km.seq, 0), satype);
}

/* ---- SADB_X_MIGRATE ---- */

static void put_end(struct pfkey_msg *m, const struct xfrm_migrate *mv, const xfrm_address_t *src,
		    const xfrm_address_t *dst, u16 family)
{
	struct sadb_x_ipsecrequest *rq = pfkey_put_more(m, sizeof(*rq));

	if (!rq)
		return;
	rq->sadb_x_ipsecrequest_len = sizeof(*rq) + pfkey_pair_size(family);
	rq->sadb_x_ipsecrequest_proto = mv->proto;
	rq->sadb_x_ipsecrequest_mode = pfkey_mode_put(mv->mode);
	rq->sadb_x_ipsecrequest_level = mv->reqid ? IPSEC_LEVEL_UNIQUE : IPSEC_LEVEL_REQUIRE;
	rq->sadb_x_ipsecrequest_reqid = mv->reqid;
	pfkey_put_pair(m, src, dst, family);
}

static void put_kmaddress(struct pfkey_msg *m, const struct xfrm_kmaddress *k)
{
	if (k && pfkey_put(m, SADB_X_EXT_KMADDRESS, sizeof(struct sadb_x_kmaddress)))
		pfkey_put_pair(m, &k->local, &k->remote, k->family);
}

static int migrate(const struct xfrm_selector *sel, u8 dir, u8 type, const struct xfrm_migrate *mv, int count,
		   const struct xfrm_kmaddress *k, struct net *net, const struct xfrm_encap_tmpl *encap)
{
	u8 any = sel->proto ? sel->proto : IPSEC_PROTO_ANY;
	struct pfkey_msg m;
	int i;

	if (type != XFRM_POLICY_TYPE_MAIN || count <= 0 || !atomic_read(&pfkey_net(net)->open))
		return 0;
	pfkey_msg_start(&m, SADB_X_MIGRATE, pfkey_satype_of(mv->proto), GFP_ATOMIC);
	put_kmaddress(&m, k);
	pfkey_put_addr(&m, SADB_EXT_ADDRESS_SRC, &sel->saddr, sel->family, sel->sport, sel->prefixlen_s, any);
	pfkey_put_addr(&m, SADB_EXT_ADDRESS_DST, &sel->daddr, sel->family, sel->dport, sel->prefixlen_d, any);
	put_policy_id(&m, dir + 1, 0, 0);
	for (i = 0; i < count; i++) {
		put_end(&m, &mv[i], &mv[i].old_saddr, &mv[i].old_daddr, mv[i].old_family);
		put_end(&m, &mv[i], &mv[i].new_saddr, &mv[i].new_daddr, mv[i].new_family);
	}
	pfkey_tell_all(net, pfkey_msg_end(&m, 0, 0));
	return 0;
}

static bool is_alive(const struct km_event *c)
{
	return pfkey_is_registered(c->net, SADB_SATYPE_UNSPEC);
}

struct xfrm_mgr pfkey_mgr = {
	.notify = notify,
	.acquire = acquire,
	.compile_policy = pfkey_compile_policy,
	.new_mapping = new_mapping,
	.notify_policy = notify_policy,
	.report = report,
	.migrate = migrate,
	.is_alive = is_alive,
};
