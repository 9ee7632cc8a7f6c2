// SPDX-License-Identifier: MIT
/* The order of a plan's deeds. order.h says why it is as it is. */
#include "setkey/sync/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "setkey/sync/diff.h"
#include "setkey/sync/overlap.h"

#define BEHIND_ALL (UINT64_C(1) << 32)	/* of what is written now: indices and ages of the kernel have 32 bits */

/* ---- the order of equals ---- */

/* A policy that is wanted; or as the kernel has it, if that goes, to make room or for another value. */
struct member {
	uint8_t dir, type;
	bool going;
	uint32_t priority;
	uint32_t if_id;
	unsigned int seq;
	const struct sync_wish *wish;
	uint32_t change;		/* its index, or NO_CHANGE */
};

#define NO_CHANGE UINT32_MAX

static int member_class_cmp(const struct member *a, const struct member *b)
{
	if (a->dir != b->dir)
		return a->dir < b->dir ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->if_id != b->if_id)
		return a->if_id < b->if_id ? -1 : 1;
	return a->priority < b->priority ? -1 : a->priority > b->priority;
}

static int member_cmp(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int cmp = member_class_cmp(x, y);

	if (cmp)
		return cmp;
	if (x->going != y->going)
		return x->going ? 1 : -1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int member_policy(const struct sync_plan *plan, const struct member *mb, struct ipsec_policy *pol)
{
	char why[160];

	if (mb->going)
		return sync_change_old_policy(&plan->changes[mb->change], pol);
	return sync_wish_policy(mb->wish, pol, why, sizeof(why));
}

static void member_fill(struct member *mb, const struct ipsec_policy *pol)
{
	mb->dir = pol->dir;
	mb->type = pol->type;
	mb->priority = pol->priority;
	mb->if_id = pol->if_id;
}

static bool is_moved(const struct sync_change *c, const struct member *mb)
{
	return c->op == SYNC_UPDATE && !mb->going && c->priority != mb->priority;
}

/* Where it will stand among its equals if nothing special is done. */
static void place_fill(const struct sync_plan *plan, const struct member *mb, struct sync_place *p)
{
	const struct sync_change *c = mb->change == NO_CHANGE ? NULL : &plan->changes[mb->change];

	p->going = mb->going;
	if (!c) {
		p->index = mb->wish->index >> 3;
		p->age = mb->wish->age;
		return;
	}
	p->moved = is_moved(c, mb);
	p->rewritten = !mb->going && c->op == SYNC_UPDATE && !p->moved;
	p->index = c->op == SYNC_ADD ? BEHIND_ALL + mb->seq : c->index >> 3;
	p->age = mb->going ? c->age : BEHIND_ALL + mb->seq;
	/* It is made again after everything that is just new. */
	if (p->moved)
		p->index = p->age = 2 * BEHIND_ALL + mb->seq;
}

/* A policy that is wanted is made again. */
static int member_again(struct sync_plan *plan, struct member *mb)
{
	struct sync_change *c;

	if (mb->change == NO_CHANGE) {
		c = sync_plan_change(plan);
		if (!c)
			return -ENOMEM;
		c->wish = mb->wish;
		c->policy = true;
		c->op = SYNC_UPDATE;
		c->priority = mb->wish->priority;
		c->index = mb->wish->index;
		c->age = mb->wish->age;
		plan->kept--;
		mb->change = (uint32_t)(c - plan->changes);
	}
	c = &plan->changes[mb->change];
	c->again = true;
	if (c->op == SYNC_UPDATE)
		c->diff |= SYNC_DIFF_ORDER;
	return 0;
}

static int places_again(struct sync_plan *plan, struct member *mb, const struct sync_place *places, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		if (places[i].going)
			continue;
		if (places[i].wrong)
			err = member_again(plan, &mb[i]);
		/*
		 * One that comes from another priority brings its index along, and would later be taken for older than it is
		 * here. That can matter only where it meets others.
		 */
		else if (places[i].moved && places[i].meets)
			plan->changes[mb[i].change].again = true;
	}
	return err;
}

static int class_check(struct sync_plan *plan, struct member *mb, size_t n)
{
	struct sync_place *places = calloc(n, sizeof(*places));
	struct ipsec_policy pol;
	int err = 0;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < n && !err; i++) {
		err = member_policy(plan, &mb[i], &pol);
		places[i].sel = pol.sel;
		places[i].mark = pol.mark;
		places[i].treatment = sync_treatment(&pol);
		place_fill(plan, &mb[i], &places[i]);
	}
	if (!err) {
		sync_places_check(places, n);
		err = places_again(plan, mb, places, n);
	}
	free(places);
	return err;
}

static int classes_check(struct sync_plan *plan, struct member *mb, size_t n)
{
	size_t end;
	int err = 0;

	for (size_t begin = 0; begin < n && !err; begin = end) {
		for (end = begin + 1; end < n && !member_class_cmp(&mb[begin], &mb[end]); end++)
			;
		if (end - begin > 1)
			err = class_check(plan, mb + begin, end - begin);
	}
	return err;
}

/* Where the change of each wish is, by the wish's address: they are found in the order of the plan and asked for in another. */
struct link {
	const struct sync_wish *wish;
	uint32_t change;
};

static int link_cmp(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	return x->wish < y->wish ? -1 : x->wish > y->wish;
}

static int collect(struct sync_plan *plan, const struct sync_model *m, struct member *mb, struct link *links, size_t *count)
{
	size_t n = 0, nlinks = 0;
	struct ipsec_policy pol;

	for (size_t i = 0; i < plan->n; i++) {
		const struct sync_change *c = &plan->changes[i];

		if (!c->policy)
			continue;
		if (c->op != SYNC_DELETE)
			links[nlinks++] = (struct link){ c->wish, (uint32_t)i };
		if (c->op == SYNC_ADD)
			continue;
		mb[n] = (struct member){ .going = true, .change = (uint32_t)i };
		if (member_policy(plan, &mb[n], &pol))
			return -ENOMEM;
		member_fill(&mb[n++], &pol);
	}
	qsort(links, nlinks, sizeof(*links), link_cmp);
	for (const struct sync_wish *w = m->first; w; w = w->next) {
		struct link *link;

		if (!w->policy || !sync_model_wants(m, w))
			continue;
		link = bsearch(&(struct link){ w, 0 }, links, nlinks, sizeof(*links), link_cmp);
		mb[n] = (struct member){ .wish = w, .seq = w->seq, .change = link ? link->change : NO_CHANGE };
		if (member_policy(plan, &mb[n], &pol))
			return -ENOMEM;
		member_fill(&mb[n++], &pol);
	}
	*count = n;
	return 0;
}

static int order_equals(struct sync_plan *plan, const struct sync_model *m)
{
	size_t n = m->count + plan->n;
	struct member *mb = calloc(n + 1, sizeof(*mb));
	struct link *links = calloc(plan->n + 1, sizeof(*links));
	int err = mb && links ? 0 : -ENOMEM;

	if (!err)
		err = collect(plan, m, mb, links, &n);
	if (!err) {
		qsort(mb, n, sizeof(*mb), member_cmp);
		err = classes_check(plan, mb, n);
	}
	free(mb);
	free(links);
	return err;
}

int sync_bridge(struct ipsec_policy *pol, unsigned int half)
{
	uint32_t bit = UINT32_C(1) << 31;

	while (bit && pol->mark.mask & bit)
		bit >>= 1;
	if (!bit)
		return -EOPNOTSUPP;
	pol->mark.mask |= bit;
	if (half)
		pol->mark.value |= bit;
	pol->index = 0;
	return 0;
}

/* ---- deeds ---- */

struct deeds {
	struct sync_plan *plan;
	uint32_t change;
	int err;
};

static void deed(struct deeds *ds, enum sync_phase phase, enum ipsec_op_type type, enum sync_value value,
		 uint64_t rank_high, uint64_t rank_low)
{
	struct sync_deed *d = sync_plan_deed(ds->plan);

	if (!d) {
		ds->err = -ENOMEM;
		return;
	}
	d->phase = (uint8_t)phase;
	d->type = (uint8_t)type;
	d->value = (uint8_t)value;
	d->change = ds->change;
	d->rank_high = rank_high;
	d->rank_low = rank_low;
}

static void sa_deeds(struct deeds *ds, const struct sync_change *c)
{
	switch (c->op) {
	case SYNC_ADD:
		deed(ds, SYNC_PHASE_SA_NEW, IPSEC_OP_SA_ADD, SYNC_VALUE_NEW, c->wish->seq, 0);
		break;
	case SYNC_UPDATE:
		deed(ds, SYNC_PHASE_SA_NEW, IPSEC_OP_SA_UPDATE, SYNC_VALUE_NEW, c->wish->seq, 0);
		break;
	case SYNC_REPLACE:
		deed(ds, SYNC_PHASE_SA_REPLACE, IPSEC_OP_SA_DELETE, SYNC_VALUE_OLD, ds->change, 0);
		deed(ds, SYNC_PHASE_SA_REPLACE, IPSEC_OP_SA_ADD, SYNC_VALUE_NEW, ds->change, 1);
		break;
	case SYNC_DELETE:
		deed(ds, SYNC_PHASE_SA_OLD, IPSEC_OP_SA_DELETE, SYNC_VALUE_OLD, ds->change, 0);
		break;
	}
}

/* The last to decide goes first. */
static void take_out(struct deeds *ds, const struct sync_change *c, enum ipsec_op_type type, enum sync_value value)
{
	deed(ds, SYNC_PHASE_POLICY_OLD, type, value, ~(uint64_t)c->priority, ~(uint64_t)(c->index >> 3));
}

static void again_deeds(struct deeds *ds, const struct sync_change *c, uint32_t priority)
{
	uint64_t at = BEHIND_ALL + c->wish->seq;

	deed(ds, SYNC_PHASE_POLICY_NEW, IPSEC_OP_POLICY_ADD, SYNC_VALUE_BRIDGE_0, priority, at);
	deed(ds, SYNC_PHASE_POLICY_NEW, IPSEC_OP_POLICY_ADD, SYNC_VALUE_BRIDGE_1, priority, at);
	if (c->op == SYNC_UPDATE)
		take_out(ds, c, IPSEC_OP_POLICY_DELETE, SYNC_VALUE_OLD);
	deed(ds, SYNC_PHASE_POLICY_AGAIN, IPSEC_OP_POLICY_ADD, SYNC_VALUE_NEW, priority, at);
	deed(ds, SYNC_PHASE_BRIDGE_OLD, IPSEC_OP_POLICY_DELETE, SYNC_VALUE_BRIDGE_0, ~(uint64_t)priority, ~at);
	deed(ds, SYNC_PHASE_BRIDGE_OLD, IPSEC_OP_POLICY_DELETE, SYNC_VALUE_BRIDGE_1, ~(uint64_t)priority, ~at);
}

static void policy_deeds(struct deeds *ds, const struct sync_change *c)
{
	struct ipsec_policy pol;
	uint64_t at;

	if (c->op == SYNC_DELETE) {
		take_out(ds, c, IPSEC_OP_POLICY_DELETE, SYNC_VALUE_OLD);
		return;
	}
	if (sync_change_new_policy(c, &pol)) {
		ds->err = -ENOMEM;
		return;
	}
	at = BEHIND_ALL + c->wish->seq;
	if (c->again) {
		again_deeds(ds, c, pol.priority);
	} else if (c->op == SYNC_ADD) {
		deed(ds, SYNC_PHASE_POLICY_NEW, IPSEC_OP_POLICY_ADD, SYNC_VALUE_NEW, pol.priority, at);
	} else if (pol.priority > c->priority) {
		take_out(ds, c, IPSEC_OP_POLICY_UPDATE, SYNC_VALUE_NEW);
	} else {
		if (pol.priority == c->priority)
			at = c->index >> 3;
		deed(ds, SYNC_PHASE_POLICY_NEW, IPSEC_OP_POLICY_UPDATE, SYNC_VALUE_NEW, pol.priority, at);
	}
}

static int deed_cmp(const void *a, const void *b)
{
	const struct sync_deed *x = a, *y = b;

	if (x->phase != y->phase)
		return x->phase < y->phase ? -1 : 1;
	if (x->rank_high != y->rank_high)
		return x->rank_high < y->rank_high ? -1 : 1;
	if (x->rank_low != y->rank_low)
		return x->rank_low < y->rank_low ? -1 : 1;
	if (x->change != y->change)
		return x->change < y->change ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

int sync_order(struct sync_plan *plan, const struct sync_model *m)
{
	struct deeds ds = { .plan = plan };

	ds.err = order_equals(plan, m);
	for (size_t i = 0; i < plan->n && !ds.err; i++) {
		ds.change = (uint32_t)i;
		if (plan->changes[i].policy)
			policy_deeds(&ds, &plan->changes[i]);
		else
			sa_deeds(&ds, &plan->changes[i]);
	}
	if (!ds.err && plan->ndeeds)
		qsort(plan->deeds, plan->ndeeds, sizeof(*plan->deeds), deed_cmp);
	return ds.err;
}
