// SPDX-License-Identifier: MIT
/* What of an SA is said by the extensions of kmod/uapi/pfkeyv2_ext.h: ESN, wide windows, sequence numbers, lengths of ICVs. */
#include "pfkey/pfkey.h"

#include <errno.h>

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

void pfkey_sa_extended_put(struct pfkey_msg *m, const struct ipsec_sa *sa, uint16_t icv)
{
	const struct ipsec_addr *oa = &sa->encap.oa;

	replay_put(m, sa);
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
	const struct sadb_x_icv *icv = t->e[SADB_X_EXT_ICV];

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
