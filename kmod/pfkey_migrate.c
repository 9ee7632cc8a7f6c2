// SPDX-License-Identifier: GPL-2.0-only
/* SADB_X_MIGRATE (draft-sugimoto-mip6-pfkey-migrate): the ends of a policy's SAs and tunnels move. */
#include "pfkey.h"

#ifdef CONFIG_XFRM_MIGRATE

/* One of a pair of requests. Its length, or -EINVAL. */
static int end_get(const struct sadb_x_ipsecrequest *rq, size_t n, xfrm_address_t *src, xfrm_address_t *dst,
		   u16 *family)
{
	/* The chain of requests has been checked; there may be an odd number of them. */
	if (n < sizeof(*rq))
		return -EINVAL;
	if (pfkey_pair_get(rq + 1, rq->sadb_x_ipsecrequest_len - sizeof(*rq), src, dst, family))
		return -EINVAL;
	return rq->sadb_x_ipsecrequest_len;
}

static bool same_sa(const struct sadb_x_ipsecrequest *a, const struct sadb_x_ipsecrequest *b)
{
	return a->sadb_x_ipsecrequest_proto == b->sadb_x_ipsecrequest_proto &&
	       a->sadb_x_ipsecrequest_mode == b->sadb_x_ipsecrequest_mode &&
	       a->sadb_x_ipsecrequest_reqid == b->sadb_x_ipsecrequest_reqid;
}

/* The next two requests, where it was and where it goes. Their length, or -EINVAL. */
static int move_get(struct xfrm_migrate *mv, const void *p, size_t n)
{
	const struct sadb_x_ipsecrequest *from = p, *to;
	int old = end_get(from, n, &mv->old_saddr, &mv->old_daddr, &mv->old_family), new, mode;

	if (old < 0)
		return old;
	to = p + old;
	new = end_get(to, n - old, &mv->new_saddr, &mv->new_daddr, &mv->new_family);
	if (new < 0)
		return new;
	mode = pfkey_mode_get(from->sadb_x_ipsecrequest_mode);
	if (mode < 0 || from->sadb_x_ipsecrequest_proto > U8_MAX || !same_sa(from, to))
		return -EINVAL;
	mv->proto = from->sadb_x_ipsecrequest_proto;
	mv->mode = mode;
	mv->reqid = from->sadb_x_ipsecrequest_reqid;
	return old + new;
}

static int kmaddress_get(struct xfrm_kmaddress *k, const struct sadb_x_kmaddress *x)
{
	memset(k, 0, sizeof(*k));
	return pfkey_pair_get(x + 1, x->sadb_x_kmaddress_len * PFKEY_WORD - sizeof(*x), &k->local, &k->remote,
			      &k->family);
}

int pfkey_do_migrate(const struct pfkey_req *rq)
{
	const struct sadb_x_policy *x = rq->ext[SADB_X_EXT_POLICY];
	const struct sadb_x_kmaddress *kx = rq->ext[SADB_X_EXT_KMADDRESS];
	struct xfrm_migrate moves[XFRM_MAX_DEPTH] = {};
	size_t n = x->sadb_x_policy_len * PFKEY_WORD, at = sizeof(*x);
	struct xfrm_selector sel;
	struct xfrm_kmaddress k;
	unsigned int count = 0;

	if (!x->sadb_x_policy_dir || x->sadb_x_policy_dir > IPSEC_DIR_FWD || (kx && kmaddress_get(&k, kx)))
		return -EINVAL;
	while (at < n) {
		int len = count < XFRM_MAX_DEPTH ? move_get(&moves[count], (const void *)x + at, n - at) : -EINVAL;

		if (len < 0)
			return len;
		at += len;
		count++;
	}
	if (!count)
		return -EINVAL;
	pfkey_selector_get(rq, &sel);
	return xfrm_migrate(&sel, x->sadb_x_policy_dir - 1, XFRM_POLICY_TYPE_MAIN, moves, count, kx ? &k : NULL,
			    rq->net, NULL, 0, NULL);
}

#else

int pfkey_do_migrate(const struct pfkey_req *rq)
{
	return -ENOPROTOOPT;
}

#endif
