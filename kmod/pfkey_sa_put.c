// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel has of an SA, as extensions of a message. */
#include <linux/security.h>

#include "pfkey.h"

static u8 state_of(const struct xfrm_state *x)
{
	switch (x->km.state) {
	case XFRM_STATE_VALID:
		return x->km.dying ? SADB_SASTATE_DYING : SADB_SASTATE_MATURE;
	case XFRM_STATE_ACQ:
		return SADB_SASTATE_LARVAL;
	}
	return SADB_SASTATE_DEAD;
}

static u32 flags_of(const struct xfrm_state *x)
{
	return (x->props.flags & XFRM_STATE_NOECN ? SADB_SAFLAGS_NOECN : 0) |
	       (x->props.flags & XFRM_STATE_DECAP_DSCP ? SADB_SAFLAGS_DECAP_DSCP : 0) |
	       (x->props.flags & XFRM_STATE_NOPMTUDISC ? SADB_SAFLAGS_NOPMTUDISC : 0);
}

/* The numbers in props are those of whoever added the SA; only names tell for sure. */
static u8 number(const struct xfrm_algo_desc *alg)
{
	return alg && alg->pfkey_supported ? alg->desc.sadb_alg_id : 0;
}

static u8 enc_of(const struct xfrm_state *x)
{
	if (x->aead)
		return pfkey_aead_id(x->aead);
	if (x->ealg)
		return number(xfrm_ealg_get_byname(x->ealg->alg_name, 0));
	return x->calg ? number(xfrm_calg_get_byname(x->calg->alg_name, 0)) : 0;
}

static const struct xfrm_algo_desc *auth_of(const struct xfrm_state *x)
{
	return x->aalg ? xfrm_aalg_get_byname(x->aalg->alg_name, 0) : NULL;
}

static void put_sa(struct pfkey_msg *m, const struct xfrm_state *x)
{
	struct sadb_sa *sa = pfkey_put(m, SADB_EXT_SA, sizeof(*sa));
	u32 window = x->replay_esn ? x->replay_esn->replay_window : x->props.replay_window;

	if (!sa)
		return;
	sa->sadb_sa_spi = x->id.spi;
	sa->sadb_sa_replay = min_t(u32, window, U8_MAX);
	sa->sadb_sa_state = state_of(x);
	sa->sadb_sa_auth = number(auth_of(x));
	sa->sadb_sa_encrypt = enc_of(x);
	sa->sadb_sa_flags = flags_of(x);
}

static void put_ends(struct pfkey_msg *m, const struct xfrm_state *x)
{
	u16 family = x->props.family;
	u8 bits = family == AF_INET6 ? 128 : 32;

	pfkey_put_addr(m, SADB_EXT_ADDRESS_SRC, &x->props.saddr, family, 0, bits, 0);
	pfkey_put_addr(m, SADB_EXT_ADDRESS_DST, &x->id.daddr, family, 0, bits, 0);
	/* A selector of the other family, in a tunnel, has none in PF_KEY's eyes unless its own is told. */
	if (!xfrm_addr_equal(&x->sel.saddr, &x->props.saddr, family))
		pfkey_put_addr(m, SADB_EXT_ADDRESS_PROXY, &x->sel.saddr, x->sel.family == AF_INET6 ? AF_INET6 : AF_INET,
			       x->sel.sport, x->sel.prefixlen_s, x->sel.proto ? x->sel.proto : IPSEC_PROTO_ANY);
}

/*
 * One of more bits than sadb_key_bits can tell has come by netlink, and is left out. A kernel that is locked down tells
 * zeros, here as by netlink.
 */
static void put_key(struct pfkey_msg *m, u16 type, const char *key, unsigned int bits)
{
	struct sadb_key *x;

	if (!bits || bits > U16_MAX)
		return;
	x = pfkey_put(m, type, sizeof(*x) + BITS_TO_BYTES(bits));
	if (!x)
		return;
	x->sadb_key_bits = bits;
	if (!security_locked_down(LOCKDOWN_XFRM_SECRET))
		memcpy(x + 1, key, BITS_TO_BYTES(bits));
}

static void put_keys(struct pfkey_msg *m, const struct xfrm_state *x)
{
	if (x->aalg)
		put_key(m, SADB_EXT_KEY_AUTH, x->aalg->alg_key, x->aalg->alg_key_len);
	if (x->aead)
		put_key(m, SADB_EXT_KEY_ENCRYPT, x->aead->alg_key, x->aead->alg_key_len);
	else if (x->ealg)
		put_key(m, SADB_EXT_KEY_ENCRYPT, x->ealg->alg_key, x->ealg->alg_key_len);
}

static void put_sa2(struct pfkey_msg *m, const struct xfrm_state *x)
{
	struct sadb_x_sa2 *sa2 = pfkey_put(m, SADB_X_EXT_SA2, sizeof(*sa2));

	if (!sa2)
		return;
	sa2->sadb_x_sa2_mode = pfkey_mode_put(x->props.mode);
	sa2->sadb_x_sa2_reqid = x->props.reqid;
}

static void put_nat_port(struct pfkey_msg *m, u16 type, __be16 port)
{
	struct sadb_x_nat_t_port *x = pfkey_put(m, type, sizeof(*x));

	if (x)
		x->sadb_x_nat_t_port_port = port;
}

static void put_encap(struct pfkey_msg *m, const struct xfrm_encap_tmpl *encap)
{
	struct sadb_x_nat_t_type *x;

	if (!encap || !encap->encap_type)
		return;
	x = pfkey_put(m, SADB_X_EXT_NAT_T_TYPE, sizeof(*x));
	if (!x)
		return;
	x->sadb_x_nat_t_type_type = encap->encap_type;
	put_nat_port(m, SADB_X_EXT_NAT_T_SPORT, encap->encap_sport);
	put_nat_port(m, SADB_X_EXT_NAT_T_DPORT, encap->encap_dport);
}

/* ---- what only those see who speak it ---- */

static void put_replay(struct pfkey_msg *m, const struct xfrm_state *x)
{
	const struct xfrm_replay_state_esn *r = x->replay_esn;
	struct sadb_x_replay *e;

	if (!r)
		return;
	e = pfkey_put(m, SADB_X_EXT_REPLAY, sizeof(*e));
	if (!e)
		return;
	e->sadb_x_replay_window = r->replay_window;
	e->sadb_x_replay_flags = x->props.flags & XFRM_STATE_ESN ? SADB_X_REPLAY_ESN : 0;
	e->sadb_x_replay_oseq = (u64)r->oseq_hi << 32 | r->oseq;
	e->sadb_x_replay_seq = (u64)r->seq_hi << 32 | r->seq;
}

static void put_icv(struct pfkey_msg *m, const struct xfrm_state *x)
{
	const struct xfrm_algo_desc *alg = auth_of(x);
	struct sadb_x_icv *e;

	if (!alg || x->aalg->alg_trunc_len == alg->uinfo.auth.icv_truncbits)
		return;
	e = pfkey_put(m, SADB_X_EXT_ICV, sizeof(*e));
	if (e)
		e->sadb_x_icv_bits = x->aalg->alg_trunc_len;
}

static void put_oa(struct pfkey_msg *m, const struct xfrm_state *x)
{
	static const xfrm_address_t none;
	u16 family = x->props.family;

	if (!x->encap || xfrm_addr_equal(&x->encap->encap_oa, &none, family))
		return;
	pfkey_put_addr(m, SADB_X_EXT_NAT_T_OA, &x->encap->encap_oa, family, 0, family == AF_INET6 ? 128 : 32, 0);
}

/* Where there is more of it than the source, which SADB_EXT_ADDRESS_PROXY has told. */
static void put_selector(struct pfkey_msg *m, const struct xfrm_state *x)
{
	const struct xfrm_selector *sel = &x->sel;
	struct sadb_x_selector *e;

	if (!(sel->prefixlen_d || sel->proto || sel->ifindex || sel->sport_mask || sel->dport_mask ||
	      (!sel->family && x->props.flags & XFRM_STATE_AF_UNSPEC)))
		return;
	e = pfkey_put(m, SADB_X_EXT_SELECTOR, sizeof(*e));
	if (!e || !sel->family)
		return;
	e->sadb_x_selector_family = sel->family;
	e->sadb_x_selector_splen = sel->prefixlen_s;
	e->sadb_x_selector_dplen = sel->prefixlen_d;
	e->sadb_x_selector_proto = sel->proto;
	e->sadb_x_selector_ifindex = sel->ifindex;
	e->sadb_x_selector_sport = sel->sport;
	e->sadb_x_selector_sport_mask = sel->sport_mask;
	e->sadb_x_selector_dport = sel->dport;
	e->sadb_x_selector_dport_mask = sel->dport_mask;
	memcpy(e->sadb_x_selector_saddr, &sel->saddr, sizeof(sel->saddr));
	memcpy(e->sadb_x_selector_daddr, &sel->daddr, sizeof(sel->daddr));
}

void pfkey_put_state(struct pfkey_msg *m, const struct xfrm_state *x, bool keys, unsigned int lifetimes)
{
	put_sa(m, x);
	if (lifetimes & PFKEY_HARD)
		pfkey_put_lifetime(m, SADB_EXT_LIFETIME_HARD, &x->lft);
	if (lifetimes & PFKEY_SOFT)
		pfkey_put_lifetime(m, SADB_EXT_LIFETIME_SOFT, &x->lft);
	pfkey_put_current(m, &x->curlft);
	put_ends(m, x);
	if (keys)
		put_keys(m, x);
	put_sa2(m, x);
	put_encap(m, x->encap);
	pfkey_put_ctx(m, x->security);
	pfkey_msg_extended(m);
	put_replay(m, x);
	put_icv(m, x);
	put_oa(m, x);
	put_selector(m, x);
}

struct sk_buff *pfkey_state_msg(const struct xfrm_state *x, u8 type, u32 seq, u32 pid)
{
	struct pfkey_msg m;

	pfkey_msg_start(&m, type, pfkey_satype_of(x->id.proto), GFP_ATOMIC);
	pfkey_put_state(&m, x, true, PFKEY_HARD | PFKEY_SOFT);
	return pfkey_msg_end(&m, seq, pid);
}
