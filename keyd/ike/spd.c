// SPDX-License-Identifier: MIT
// The mirror of the SPD and the choice of a policy for a peer's proposal.
#include "keyd/ike/spd.h"

#include "keyd/ike/selector.h"

#include <stdlib.h>
#include <string.h>

void spd_init(struct spd *s)
{
	list_init(&s->policies);
	list_init(&s->inbound);
	s->n = 0;
}

static void spd_drop(struct spd *s, struct spd_policy *p)
{
	list_del(&p->link);
	free(p);
	s->n--;
}

void spd_free(struct spd *s)
{
	list_each(p, &s->policies, struct spd_policy, link)
		spd_drop(s, p);
	list_each(q, &s->inbound, struct spd_policy, link)
		spd_drop(s, q);
}

static struct list *list_of(struct spd *s, const struct ipsec_policy *pol)
{
	return pol->dir == IPSEC_DIR_OUT ? &s->policies : &s->inbound;
}

static bool same_key(const struct ipsec_policy *a, const struct ipsec_policy *b)
{
	if (a->index && b->index)
		return a->index == b->index;
	return a->dir == b->dir && a->if_id == b->if_id && a->type == b->type && a->mark.value == b->mark.value &&
	       a->mark.mask == b->mark.mask && selector_equal(&a->sel, &b->sel);
}

void spd_remove(struct spd *s, const struct ipsec_policy *key)
{
	list_each(p, list_of(s, key), struct spd_policy, link)
		if (same_key(&p->pol, key))
			spd_drop(s, p);
}

void spd_put(struct spd *s, const struct ipsec_policy *pol)
{
	struct spd_policy *p;

	spd_remove(s, pol);
	if (pol->dir == IPSEC_DIR_FWD || pol->socket || pol->action != IPSEC_ACTION_ALLOW || !pol->ntmpl ||
	    s->n >= SPD_POLICIES_MAX)
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->pol = *pol;
	list_add_tail(list_of(s, pol), &p->link);
	s->n++;
}

uint32_t spd_inbound_reqid(const struct spd *s, const struct ipsec_policy *pol)
{
	struct ipsec_selector back = pol->sel;

	selector_turn(&back);
	list_each(p, &s->inbound, struct spd_policy, link)
		if (selector_equal(&p->pol.sel, &back) && p->pol.tmpl[0].mode == pol->tmpl[0].mode &&
		    p->pol.tmpl[0].proto == pol->tmpl[0].proto && p->pol.if_id == pol->if_id)
			return p->pol.tmpl[0].reqid;
	return pol->tmpl[0].reqid;
}

static bool addr_fits(const struct ipsec_addr *end, const struct ipsec_addr *a)
{
	return ipsec_addr_is_any(end) || ipsec_addr_equal(end, a);
}

bool spd_policy_joins(const struct ipsec_policy *pol, const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	const struct ipsec_tmpl *t = &pol->tmpl[0];

	if (t->mode == IPSEC_MODE_TUNNEL)
		return addr_fits(&t->src, local) && addr_fits(&t->dst, remote);
	return ipsec_addr_in_prefix(local, &pol->sel.src, pol->sel.src_len) &&
	       ipsec_addr_in_prefix(remote, &pol->sel.dst, pol->sel.dst_len);
}

/* How much a policy shares with what is proposed: bits that are left open count, all of it is better than a part. */
static int share(const struct ipsec_policy *pol, const struct wire_ts_list *ts_local,
		 const struct wire_ts_list *ts_remote)
{
	struct wire_ts_list l, r;

	if (!selector_narrow(&pol->sel, SELECTOR_SRC, ts_local, &l) ||
	    !selector_narrow(&pol->sel, SELECTOR_DST, ts_remote, &r))
		return -1;
	return 1 + ts_list_bits(&l) + ts_list_bits(&r);
}

const struct ipsec_policy *spd_match(const struct spd *s, const struct ipsec_addr *local,
				     const struct ipsec_addr *remote, const struct wire_ts_list *ts_local,
				     const struct wire_ts_list *ts_remote, bool transport, const char **why)
{
	const struct ipsec_policy *best = NULL;
	bool other_mode = false;
	int best_share = 0;

	*why = "no outbound policy with ESP between these addresses (setkey -DP shows the policies)";
	list_each(p, &s->policies, struct spd_policy, link) {
		const struct ipsec_policy *pol = &p->pol;
		int n;

		if (pol->tmpl[0].proto != IPPROTO_ESP || !spd_policy_joins(pol, local, remote))
			continue;
		n = share(pol, ts_local, ts_remote);
		if (n >= 0 && pol->tmpl[0].mode == IPSEC_MODE_TRANSPORT && !transport) {
			other_mode = true;
			continue;
		}
		*why = "no policy between these addresses covers the peer's traffic selectors";
		if (n < 0 || n < best_share || (best && n == best_share && pol->priority >= best->priority))
			continue;
		best = pol;
		best_share = n;
	}
	if (other_mode)
		*why = "our policy says transport, the peer asks for tunnel mode";
	return best;
}
