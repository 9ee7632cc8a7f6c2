// SPDX-License-Identifier: MIT
/* What of an SA is said by the extensions of kmod/uapi/pfkeyv2_ext.h: ESN, wide windows, sequence numbers, lengths of ICVs, selectors. */
#include "pfkey/pfkey.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define NARROW_WINDOW 32	/* what sadb_sa_replay means the same by everywhere */

void pfkey_extended_put(struct pfkey_msg *m)
{
	pfkey_ext_room(m, SADB_X_EXT_EXTENDED, sizeof(struct sadb_x_extended));
}

static void replay_put(struct pfkey_msg *m, const struct ipsec_sa *sa)
{
	struct sadb_x_replay *x;

	if (sa->replay_window <= NARROW_WINDOW && !(sa->flags & IPSEC_SA_ESN) && !sa->resume)
		return;
	x = pfkey_ext_room(m, SADB_X_EXT_REPLAY, sizeof(*x));
	x->sadb_x_replay_window = sa->replay_window;
	x->sadb_x_replay_flags = sa->flags & IPSEC_SA_ESN ? SADB_X_REPLAY_ESN : 0;
	if (sa->resume) {
		x->sadb_x_replay_oseq = sa->usage.oseq;
		x->sadb_x_replay_seq = sa->usage.seq;
	}
}

static void icv_put(struct pfkey_msg *m, uint16_t bits)
{
	struct sadb_x_icv *x = pfkey_ext_room(m, SADB_X_EXT_ICV, sizeof(*x));

	x->sadb_x_icv_bits = bits;
}

/* Linux reads source and prefix from SADB_EXT_ADDRESS_PROXY, and nothing else. */
bool pfkey_sa_selector_fits(const struct ipsec_sa *sa)
{
	const struct ipsec_selector *s = &sa->sel;

	if (!s->src.family)
		return !(sa->flags & IPSEC_SA_AF_UNSPEC);
	return !s->dst_len && ipsec_addr_is_any(&s->dst) && !s->proto && !s->sport_mask && !s->dport_mask && !s->sport &&
	       !s->dport && !s->ifindex;
}

static void selector_put(struct pfkey_msg *m, const struct ipsec_selector *s)
{
	struct sadb_x_selector *x = pfkey_ext_room(m, SADB_X_EXT_SELECTOR, sizeof(*x));

	if (!s->src.family)
		return;
	x->sadb_x_selector_family = s->src.family;
	x->sadb_x_selector_splen = s->src_len;
	x->sadb_x_selector_dplen = s->dst_len;
	x->sadb_x_selector_proto = s->proto;
	x->sadb_x_selector_ifindex = s->ifindex;
	x->sadb_x_selector_sport = htons(s->sport);
	x->sadb_x_selector_sport_mask = htons(s->sport_mask);
	x->sadb_x_selector_dport = htons(s->dport);
	x->sadb_x_selector_dport_mask = htons(s->dport_mask);
	memcpy(x->sadb_x_selector_saddr, s->src.b, ipsec_addr_size(s->src.family));
	memcpy(x->sadb_x_selector_daddr, s->dst.b, ipsec_addr_size(s->src.family));
}

static int selector_get(const struct sadb_x_selector *x, struct ipsec_sa *sa)
{
	uint16_t family = x->sadb_x_selector_family;
	struct ipsec_selector *s = &sa->sel;

	memset(s, 0, sizeof(*s));
	if (!family) {
		sa->flags |= IPSEC_SA_AF_UNSPEC;
		return 0;
	}
	if ((family != AF_INET && family != AF_INET6) || x->sadb_x_selector_splen > ipsec_addr_bits((uint8_t)family) ||
	    x->sadb_x_selector_dplen > ipsec_addr_bits((uint8_t)family))
		return -EBADMSG;
	s->src.family = s->dst.family = (uint8_t)family;
	s->src_len = x->sadb_x_selector_splen;
	s->dst_len = x->sadb_x_selector_dplen;
	s->proto = x->sadb_x_selector_proto;
	s->ifindex = x->sadb_x_selector_ifindex;
	s->sport = ntohs(x->sadb_x_selector_sport);
	s->sport_mask = ntohs(x->sadb_x_selector_sport_mask);
	s->dport = ntohs(x->sadb_x_selector_dport);
	s->dport_mask = ntohs(x->sadb_x_selector_dport_mask);
	memcpy(s->src.b, x->sadb_x_selector_saddr, ipsec_addr_size(s->src.family));
	memcpy(s->dst.b, x->sadb_x_selector_daddr, ipsec_addr_size(s->src.family));
	return 0;
}

void pfkey_sa_extended_put(struct pfkey_msg *m, const struct ipsec_sa *sa, uint16_t icv)
{
	const struct ipsec_addr *oa = &sa->encap.oa;

	replay_put(m, sa);
	if (!pfkey_sa_selector_fits(sa))
		selector_put(m, &sa->sel);
	if (sa->auth.name[0] && sa->auth.icv_bits && sa->auth.icv_bits != icv)
		icv_put(m, sa->auth.icv_bits);
	if (!sa->encap.type || ipsec_addr_is_any(oa))
		return;
	pfkey_addr_put(m, SADB_X_EXT_NAT_T_OA, oa, ipsec_addr_bits(oa->family), 0, 0);
	pfkey_extended_put(m);	/* it is old, but kept for those only who speak the others */
}

int pfkey_sa_extended_get(const struct pfkey_exts *t, struct ipsec_sa *sa)
{
	const struct sadb_x_replay *r = t->e[SADB_X_EXT_REPLAY];
	const struct sadb_x_selector *s = t->e[SADB_X_EXT_SELECTOR];
	const struct sadb_x_icv *icv = t->e[SADB_X_EXT_ICV];

	if (s && selector_get(s, sa))
		return -EBADMSG;
	if (r) {
		sa->replay_window = r->sadb_x_replay_window;
		sa->flags |= r->sadb_x_replay_flags & SADB_X_REPLAY_ESN ? IPSEC_SA_ESN : 0;
		sa->usage.oseq = r->sadb_x_replay_oseq;
		sa->usage.seq = r->sadb_x_replay_seq;
	}
	if (!icv || !sa->auth.name[0])
		return 0;
	sa->auth.icv_bits = icv->sadb_x_icv_bits;
	return sa->auth.icv_bits ? 0 : -EBADMSG;
}
