// SPDX-License-Identifier: GPL-2.0-only
/* SADB_ADD and SADB_UPDATE: what a message says of an SA, as the kernel's own struct. */
#include <linux/slab.h>

#include "pfkey.h"

/* ---- algorithms ---- */

/* The key of an extension, which has room for its bits. 0, or -EINVAL: there is none, and the algorithm has one. */
static int key_said(const struct sadb_key *x, bool keyless, const void **key, unsigned int *bits)
{
	*key = x ? x + 1 : NULL;
	*bits = x ? x->sadb_key_bits : 0;
	return *bits || keyless ? 0 : -EINVAL;
}

static int auth_set(struct xfrm_state *x, const struct pfkey_req *rq, u8 id)
{
	const struct sadb_x_icv *icv = rq->ext[SADB_X_EXT_ICV];
	const struct xfrm_algo_desc *alg;
	unsigned int bits;
	const void *key;
	int err;

	if (!id)
		return icv ? -EINVAL : 0;
	err = key_said(rq->ext[SADB_EXT_KEY_AUTH], id == SADB_X_AALG_NULL, &key, &bits);
	if (err)
		return err;
	alg = xfrm_aalg_get_byid(id);
	if (!alg || !alg->pfkey_supported)
		return -ENOSYS;
	if (icv && icv->sadb_x_icv_bits > alg->uinfo.auth.icv_fullbits)
		return -EINVAL;
	x->aalg = kzalloc(struct_size(x->aalg, alg_key, BITS_TO_BYTES(bits)), GFP_KERNEL);
	if (!x->aalg)
		return -ENOMEM;
	strscpy(x->aalg->alg_name, alg->name, sizeof(x->aalg->alg_name));
	x->aalg->alg_key_len = bits;
	x->aalg->alg_trunc_len = icv ? icv->sadb_x_icv_bits : alg->uinfo.auth.icv_truncbits;
	memcpy(x->aalg->alg_key, key, BITS_TO_BYTES(bits));
	x->props.aalgo = id;
	return 0;
}

static int aead_set(struct xfrm_state *x, const struct pfkey_req *rq, const struct pfkey_aead *aead)
{
	const struct xfrm_algo_desc *alg;
	unsigned int bits;
	const void *key;
	int err = key_said(rq->ext[SADB_EXT_KEY_ENCRYPT], false, &key, &bits);

	if (err || x->aalg)
		return -EINVAL;
	alg = xfrm_aead_get_byname(aead->name, aead->icv_bits, 1);
	if (!alg)
		return -ENOSYS;
	x->aead = kzalloc(struct_size(x->aead, alg_key, BITS_TO_BYTES(bits)), GFP_KERNEL);
	if (!x->aead)
		return -ENOMEM;
	strscpy(x->aead->alg_name, alg->name, sizeof(x->aead->alg_name));
	x->aead->alg_key_len = bits;
	x->aead->alg_icv_len = aead->icv_bits;
	memcpy(x->aead->alg_key, key, BITS_TO_BYTES(bits));
	x->props.ealgo = alg->desc.sadb_alg_id;
	x->geniv = alg->uinfo.aead.geniv;
	return 0;
}

static int enc_set(struct xfrm_state *x, const struct pfkey_req *rq, u8 id)
{
	const struct pfkey_aead *aead = pfkey_aead_by_id(id);
	const struct xfrm_algo_desc *alg;
	unsigned int bits;
	const void *key;
	int err;

	if (aead)
		return aead_set(x, rq, aead);
	err = key_said(rq->ext[SADB_EXT_KEY_ENCRYPT], id == SADB_EALG_NULL, &key, &bits);
	if (err)
		return err;
	if (!id)
		return 0;
	alg = xfrm_ealg_get_byid(id);
	if (!alg || !alg->pfkey_supported)
		return -ENOSYS;
	x->ealg = kzalloc(struct_size(x->ealg, alg_key, BITS_TO_BYTES(bits)), GFP_KERNEL);
	if (!x->ealg)
		return -ENOMEM;
	strscpy(x->ealg->alg_name, alg->name, sizeof(x->ealg->alg_name));
	x->ealg->alg_key_len = bits;
	memcpy(x->ealg->alg_key, key, BITS_TO_BYTES(bits));
	x->props.ealgo = id;
	x->geniv = alg->uinfo.encr.geniv;
	return 0;
}

/* As KAME has it, sadb_sa_encrypt is what compresses. */
static int comp_set(struct xfrm_state *x, u8 id)
{
	const struct xfrm_algo_desc *alg = xfrm_calg_get_byid(id);

	if (!alg || !alg->pfkey_supported)
		return -ENOSYS;
	x->calg = kzalloc(sizeof(*x->calg), GFP_KERNEL);
	if (!x->calg)
		return -ENOMEM;
	strscpy(x->calg->alg_name, alg->name, sizeof(x->calg->alg_name));
	x->props.calgo = id;
	return 0;
}

static int algs_set(struct xfrm_state *x, const struct pfkey_req *rq)
{
	const struct sadb_sa *sa = rq->ext[SADB_EXT_SA];
	int err;

	switch (x->id.proto) {
	case IPPROTO_AH:
		return sa->sadb_sa_auth && !sa->sadb_sa_encrypt ? auth_set(x, rq, sa->sadb_sa_auth) : -EINVAL;
	case IPPROTO_ESP:
		err = auth_set(x, rq, sa->sadb_sa_auth);
		return err ? err : enc_set(x, rq, sa->sadb_sa_encrypt);
	default:
		return sa->sadb_sa_encrypt && !sa->sadb_sa_auth ? comp_set(x, sa->sadb_sa_encrypt) : -EINVAL;
	}
}

/* ---- the rest ---- */

static int encap_set(struct xfrm_state *x, const struct pfkey_req *rq)
{
	const struct sadb_x_nat_t_port *sport = rq->ext[SADB_X_EXT_NAT_T_SPORT];
	const struct sadb_x_nat_t_port *dport = rq->ext[SADB_X_EXT_NAT_T_DPORT];
	const struct sadb_x_nat_t_type *type = rq->ext[SADB_X_EXT_NAT_T_TYPE];

	if (!type)
		return 0;
	if (rq->oa.family && rq->oa.family != rq->src.family)
		return -EINVAL;
	x->encap = kzalloc(sizeof(*x->encap), GFP_KERNEL);
	if (!x->encap)
		return -ENOMEM;
	x->encap->encap_type = type->sadb_x_nat_t_type_type;
	x->encap->encap_sport = sport ? sport->sadb_x_nat_t_port_port : 0;
	x->encap->encap_dport = dport ? dport->sadb_x_nat_t_port_port : 0;
	/* af_key drops it, and nothing in the kernel looks at it: kept for those who are told of it again. */
	if (READ_ONCE(pfkey_sk(rq->sk)->extended))
		x->encap->encap_oa = rq->oa.a;
	return 0;
}

static int wide_replay_set(struct xfrm_state *x, const struct sadb_x_replay *r)
{
	unsigned int words = DIV_ROUND_UP(r->sadb_x_replay_window, 32);

	x->replay_esn = kzalloc(struct_size(x->replay_esn, bmp, words), GFP_KERNEL);
	x->preplay_esn = kzalloc(struct_size(x->replay_esn, bmp, words), GFP_KERNEL);
	if (!x->replay_esn || !x->preplay_esn)
		return -ENOMEM;
	x->replay_esn->bmp_len = words;
	x->replay_esn->replay_window = r->sadb_x_replay_window;
	x->replay_esn->oseq = lower_32_bits(r->sadb_x_replay_oseq);
	x->replay_esn->oseq_hi = upper_32_bits(r->sadb_x_replay_oseq);
	x->replay_esn->seq = lower_32_bits(r->sadb_x_replay_seq);
	x->replay_esn->seq_hi = upper_32_bits(r->sadb_x_replay_seq);
	/* What came before is not to come again: its numbers count as received. */
	if (r->sadb_x_replay_seq)
		memset(x->replay_esn->bmp, 0xff, words * sizeof(x->replay_esn->bmp[0]));
	memcpy(x->preplay_esn, x->replay_esn, struct_size(x->replay_esn, bmp, words));
	if (r->sadb_x_replay_flags & SADB_X_REPLAY_ESN)
		x->props.flags |= XFRM_STATE_ESN;
	return 0;
}

static int replay_set(struct xfrm_state *x, const struct pfkey_req *rq)
{
	const struct sadb_x_replay *r = rq->ext[SADB_X_EXT_REPLAY];
	const struct sadb_sa *sa = rq->ext[SADB_EXT_SA];
	const unsigned int narrow = 8 * sizeof(x->replay.bitmap);

	x->replay_maxdiff = rq->net->xfrm.sysctl_aevent_rseqth;
	x->replay_maxage = rq->net->xfrm.sysctl_aevent_etime * HZ / XFRM_AE_ETH_M;
	if (!r) {
		x->props.replay_window = min_t(unsigned int, sa->sadb_sa_replay, narrow);
		return 0;
	}
	if (x->id.proto == IPPROTO_COMP)
		return -EINVAL;
	if (r->sadb_x_replay_window > narrow || r->sadb_x_replay_flags & SADB_X_REPLAY_ESN)
		return wide_replay_set(x, r);
	x->props.replay_window = r->sadb_x_replay_window;
	x->replay.oseq = r->sadb_x_replay_oseq;
	x->replay.seq = r->sadb_x_replay_seq;
	x->replay.bitmap = r->sadb_x_replay_seq ? U32_MAX : 0;
	x->preplay = x->replay;
	return 0;
}

/* xfrm_init_state() looks whether the family goes with the SA's own and its mode. */
static int selector_set(struct xfrm_state *x, const struct pfkey_req *rq)
{
	const struct sadb_x_selector *s = rq->ext[SADB_X_EXT_SELECTOR];

	if (!s) {
		/* Of a selector PF_KEY has the source; without one all that a policy sends here is let through. */
		x->sel.family = rq->proxy.family ? rq->proxy.family : x->props.family;
		x->sel.saddr = rq->proxy.a;
		x->sel.prefixlen_s = rq->proxy.prefixlen;
		return 0;
	}
	if (rq->proxy.family || (!s->sadb_x_selector_family && x->props.mode != XFRM_MODE_TUNNEL))
		return -EINVAL;
	if (!s->sadb_x_selector_family)
		x->props.flags |= XFRM_STATE_AF_UNSPEC;
	x->sel.family = s->sadb_x_selector_family;
	x->sel.prefixlen_s = s->sadb_x_selector_splen;
	x->sel.prefixlen_d = s->sadb_x_selector_dplen;
	x->sel.proto = s->sadb_x_selector_proto;
	x->sel.ifindex = s->sadb_x_selector_ifindex;
	x->sel.sport = s->sadb_x_selector_sport;
	x->sel.sport_mask = s->sadb_x_selector_sport_mask;
	x->sel.dport = s->sadb_x_selector_dport;
	x->sel.dport_mask = s->sadb_x_selector_dport_mask;
	memcpy(&x->sel.saddr, s->sadb_x_selector_saddr, sizeof(x->sel.saddr));
	memcpy(&x->sel.daddr, s->sadb_x_selector_daddr, sizeof(x->sel.daddr));
	return 0;
}

static int head_set(struct xfrm_state *x, const struct pfkey_req *rq)
{
	static const struct { u32 said; u8 flag; } flags[] = {
		{ SADB_SAFLAGS_NOECN, XFRM_STATE_NOECN },
		{ SADB_SAFLAGS_DECAP_DSCP, XFRM_STATE_DECAP_DSCP },
		{ SADB_SAFLAGS_NOPMTUDISC, XFRM_STATE_NOPMTUDISC },
	};
	const struct sadb_x_sa2 *sa2 = rq->ext[SADB_X_EXT_SA2];
	const struct sadb_sa *sa = rq->ext[SADB_EXT_SA];
	unsigned int i;
	int mode;

	if (rq->proto == IPPROTO_COMP && ntohl(sa->sadb_sa_spi) > U16_MAX)	/* a CPI (RFC 3173) */
		return -EINVAL;
	x->id.proto = rq->proto;
	x->id.spi = sa->sadb_sa_spi;
	x->id.daddr = rq->dst.a;
	x->props.saddr = rq->src.a;
	x->props.family = rq->src.family;
	/* Setkeys always say LARVAL: sadb_sa_state is not looked at. */
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (sa->sadb_sa_flags & flags[i].said)
			x->props.flags |= flags[i].flag;
	mode = pfkey_mode_get(sa2 ? sa2->sadb_x_sa2_mode : IPSEC_MODE_ANY);
	if (mode < 0)
		return mode;
	x->props.mode = mode;
	x->props.reqid = sa2 ? sa2->sadb_x_sa2_reqid : 0;
	pfkey_lifetimes_get(&x->lft, rq->ext[SADB_EXT_LIFETIME_HARD], rq->ext[SADB_EXT_LIFETIME_SOFT]);
	x->km.seq = rq->msg->sadb_msg_seq;
	return 0;
}

static int ctx_set(struct xfrm_state *x, const struct pfkey_req *rq)
{
	struct xfrm_user_sec_ctx *ctx = pfkey_ctx_get(rq->ext[SADB_X_EXT_SEC_CTX], GFP_KERNEL);
	int err;

	if (IS_ERR_OR_NULL(ctx))
		return PTR_ERR_OR_ZERO(ctx);
	err = security_xfrm_state_alloc(x, ctx);
	kfree(ctx);
	return err;
}

static int state_set(struct xfrm_state *x, const struct pfkey_req *rq)
{
	int (*const steps[])(struct xfrm_state *x, const struct pfkey_req *rq) = {
		head_set, selector_set, algs_set, encap_set, replay_set, ctx_set,
	};
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		err = steps[i](x, rq);
		if (err)
			return err;
	}
	return xfrm_init_state(x);
}

struct xfrm_state *pfkey_state_new(const struct pfkey_req *rq)
{
	struct xfrm_state *x;
	int err;

	if (!rq->proto || rq->proto == IPSEC_PROTO_ANY)
		return ERR_PTR(-EINVAL);
	x = xfrm_state_alloc(rq->net);
	if (!x)
		return ERR_PTR(-ENOBUFS);
	err = state_set(x, rq);
	if (!err)
		return x;
	x->km.state = XFRM_STATE_DEAD;
	xfrm_state_put(x);
	return ERR_PTR(err);
}
