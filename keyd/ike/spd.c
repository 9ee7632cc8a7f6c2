// SPDX-License-Identifier: MIT
// The mirror of the SPD and the choice of a policy for a child.
#include "keyd/ike/spd.h"

#include <stdlib.h>
#include <string.h>

int spd_init(struct spd *s)
{
	*s = (struct spd){ 0 };
	list_init(&s->policies);
	list_init(&s->inbound);
	return table_init(&s->by_index) || table_init(&s->by_sel) ? -1 : 0;
}

static uint64_t hash_prefix(uint64_t h, const struct ipsec_addr *a, uint8_t len)
{
	struct ipsec_addr first, last;

	ipsec_addr_prefix_range(a, len, &first, &last);
	h = table_hash(h, &first.family, sizeof(first.family));
	h = table_hash(h, first.b, sizeof(first.b));
	return table_hash(h, &len, sizeof(len));
}

/* src_end, dst_end: NULL where it may be any. */
static uint64_t outbound_key(const struct ipsec_selector *sel, const struct ipsec_addr *src_end,
			     const struct ipsec_addr *dst_end)
{
	static const struct ipsec_addr any;
	uint64_t h = hash_prefix(hash_prefix(1, &sel->src, sel->src_len), &sel->dst, sel->dst_len);

	h = hash_prefix(h, src_end ? src_end : &any, 128);
	return hash_prefix(h, dst_end ? dst_end : &any, 128);
}

static uint64_t inbound_key(const struct ipsec_selector *sel, uint32_t if_id)
{
	uint64_t h = hash_prefix(hash_prefix(2, &sel->src, sel->src_len), &sel->dst, sel->dst_len);

	return table_hash(h, &if_id, sizeof(if_id));
}

static uint64_t index_key(uint32_t index)
{
	return table_hash(0, &index, sizeof(index));
}

static struct spd_shape shape_of(const struct ipsec_policy *pol)
{
	const struct ipsec_tmpl *t = &pol->tmpl[0];
	bool tunnel = t->mode == IPSEC_MODE_TUNNEL;

	return (struct spd_shape){
		.family = pol->sel.src.family, .src_len = pol->sel.src_len, .dst_len = pol->sel.dst_len,
		.src_end = tunnel && !ipsec_addr_is_any(&t->src), .dst_end = tunnel && !ipsec_addr_is_any(&t->dst),
	};
}

static uint64_t sel_key(const struct ipsec_policy *pol)
{
	struct spd_shape shape = shape_of(pol);

	if (pol->dir != IPSEC_DIR_OUT)
		return inbound_key(&pol->sel, pol->if_id);
	return outbound_key(&pol->sel, shape.src_end ? &pol->tmpl[0].src : NULL,
			    shape.dst_end ? &pol->tmpl[0].dst : NULL);
}

static struct spd_shape *find_shape(struct spd *s, const struct spd_shape *like)
{
	for (unsigned i = 0; i < s->nshapes; i++) {
		struct spd_shape *at = &s->shapes[i];

		if (at->family == like->family && at->src_len == like->src_len && at->dst_len == like->dst_len &&
		    at->src_end == like->src_end && at->dst_end == like->dst_end)
			return at;
	}
	return NULL;
}

static void shape_add(struct spd *s, const struct ipsec_policy *pol)
{
	struct spd_shape shape = shape_of(pol), *at = find_shape(s, &shape);

	if (!at && s->nshapes < SPD_SHAPES_MAX) {
		at = &s->shapes[s->nshapes++];
		*at = shape;
	}
	if (at)
		at->n++;
	else
		s->shapeless = true;
}

static void shape_drop(struct spd *s, const struct ipsec_policy *pol)
{
	struct spd_shape shape = shape_of(pol), *at = find_shape(s, &shape);

	if (at && !--at->n)
		*at = s->shapes[--s->nshapes];
}

static void spd_drop(struct spd *s, struct spd_policy *p)
{
	table_del(&s->by_index, &p->by_index);
	table_del(&s->by_sel, &p->by_sel);
	list_del(&p->link);
	if (p->pol.dir == IPSEC_DIR_OUT)
		shape_drop(s, &p->pol);
	free(p);
	s->n--;
	if (!s->n)
		s->shapeless = false;
}

void spd_clear(struct spd *s)
{
	list_each(p, &s->policies, struct spd_policy, link)
		spd_drop(s, p);
	list_each(q, &s->inbound, struct spd_policy, link)
		spd_drop(s, q);
}

void spd_free(struct spd *s)
{
	spd_clear(s);
	table_free(&s->by_index);
	table_free(&s->by_sel);
}

static bool same_key(const struct ipsec_policy *a, const struct ipsec_policy *b)
{
	if (a->index && b->index)
		return a->index == b->index;
	return a->dir == b->dir && a->if_id == b->if_id && a->type == b->type && a->mark.value == b->mark.value &&
	       a->mark.mask == b->mark.mask && selector_equal(&a->sel, &b->sel);
}

static struct spd_policy *find_by_index(const struct spd *s, const struct ipsec_policy *key)
{
	struct table_node *node = table_find(&s->by_index, index_key(key->index));

	for (; node; node = table_next(node)) {
		struct spd_policy *p = container_of(node, struct spd_policy, by_index);

		if (same_key(&p->pol, key))
			return p;
	}
	return NULL;
}

/* A backend may tell no index, and a key has no template, so that its ends are not known: then all are walked. */
static struct spd_policy *find(const struct spd *s, const struct ipsec_policy *key)
{
	const struct list *l = key->dir == IPSEC_DIR_OUT ? &s->policies : &s->inbound;

	if (key->index && s->by_index.n == s->n)
		return find_by_index(s, key);
	list_each(p, l, struct spd_policy, link)
		if (same_key(&p->pol, key))
			return p;
	return NULL;
}

const struct ipsec_policy *spd_find(const struct spd *s, const struct ipsec_policy *key)
{
	struct spd_policy *p = find(s, key);

	return p ? &p->pol : NULL;
}

void spd_remove(struct spd *s, const struct ipsec_policy *key)
{
	struct spd_policy *p;

	while ((p = find(s, key)))
		spd_drop(s, p);
}

void spd_put(struct spd *s, const struct ipsec_policy *pol)
{
	struct spd_policy *old = find(s, pol), *p;
	uint64_t order = old ? old->order : ++s->order;

	spd_remove(s, pol);
	if (pol->dir == IPSEC_DIR_FWD || pol->socket || pol->action != IPSEC_ACTION_ALLOW || !pol->ntmpl ||
	    s->n >= SPD_POLICIES_MAX)
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->pol = *pol;
	p->order = order;
	list_add_tail(pol->dir == IPSEC_DIR_OUT ? &s->policies : &s->inbound, &p->link);
	if (pol->index)
		table_add(&s->by_index, &p->by_index, index_key(pol->index));
	table_add(&s->by_sel, &p->by_sel, sel_key(pol));
	if (pol->dir == IPSEC_DIR_OUT)
		shape_add(s, pol);
	s->n++;
}

const struct ipsec_policy *spd_inbound(const struct spd *s, const struct ipsec_policy *pol)
{
	const struct ipsec_policy *best = NULL;
	struct ipsec_selector back = pol->sel;
	struct table_node *node;

	selector_turn(&back);
	for (node = table_find(&s->by_sel, inbound_key(&back, pol->if_id)); node; node = table_next(node)) {
		const struct ipsec_policy *in = &container_of(node, struct spd_policy, by_sel)->pol;

		if (in->dir != IPSEC_DIR_IN || in->tmpl[0].mode != pol->tmpl[0].mode ||
		    in->tmpl[0].proto != pol->tmpl[0].proto || in->if_id != pol->if_id ||
		    !ipsec_addr_equal(&in->sel.src, &back.src) || !ipsec_addr_equal(&in->sel.dst, &back.dst))
			continue;
		if (selector_equal(&in->sel, &back))
			return in;
		/* Echoes go out as one type and come back as another. */
		if (ts_proto_has_types(back.proto) && (in->sel.proto == back.proto || !in->sel.proto))
			best = in;
	}
	return best;
}

uint32_t spd_inbound_reqid(const struct spd *s, const struct ipsec_policy *pol)
{
	const struct ipsec_policy *in = spd_inbound(s, pol);

	return in ? in->tmpl[0].reqid : pol->tmpl[0].reqid;
}

const char *spd_policy_unfit(const struct ipsec_policy *pol)
{
	const struct ipsec_tmpl *t = &pol->tmpl[0];

	if (pol->ntmpl != 1)
		return "the policy asks for several protocols; only a single ESP rule is negotiated";
	if (t->proto != IPPROTO_ESP)
		return "the policy asks for AH or IPComp; only ESP is negotiated";
	if (t->mode != IPSEC_MODE_TRANSPORT && t->mode != IPSEC_MODE_TUNNEL)
		return "the policy asks for a mode that IKEv2 does not have; transport and tunnel are negotiated";
	return NULL;
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

void spd_policy_ts(const struct spd *s, const struct ipsec_policy *pol, const struct spd_query *q,
		   enum selector_side side, struct wire_ts *ts)
{
	bool transport = pol->tmpl[0].mode == IPSEC_MODE_TRANSPORT;
	const struct ipsec_policy *in = NULL;
	struct wire_ts back;

	selector_to_ts(&pol->sel, side, ts);
	if (side == SELECTOR_DST && ts_proto_has_types(pol->sel.proto) && pol->sel.sport_mask)
		in = spd_inbound(s, pol);
	if (in) {
		selector_to_ts(&in->sel, SELECTOR_SRC, &back);
		ts->port_start = back.port_start;
		ts->port_end = back.port_end;
	}
	if (transport)
		ts_set_host(ts, side == SELECTOR_SRC ? q->local : q->remote);
}

/* --- the choice --- */

struct best {
	const struct spd_policy *p;
	bool first;			/* it covers the first selector of each list */
	int share;			/* bits that are left open; all of what was asked is better than a part */
	bool joined, other_mode;	/* for the reason, if there is none */
};

static bool better(const struct best *b, const struct spd_policy *p, bool first, int share)
{
	if (!b->p || first != b->first)
		return !b->p || first;
	if (!first && share != b->share)
		return share > b->share;
	if (p->pol.priority != b->p->pol.priority)
		return p->pol.priority < b->p->pol.priority;
	return p->order < b->p->order;
}

static void consider(const struct spd *s, const struct spd_query *q, const struct spd_policy *p, struct best *b)
{
	const struct ipsec_policy *pol = &p->pol;
	struct wire_ts_list l, r;
	struct wire_ts local, remote;
	bool first;
	int share;

	if (spd_policy_unfit(pol) || !spd_policy_joins(pol, q->local, q->remote))
		return;
	b->joined = true;
	spd_policy_ts(s, pol, q, SELECTOR_SRC, &local);
	spd_policy_ts(s, pol, q, SELECTOR_DST, &remote);
	if (!ts_list_narrow(&local, q->ts_local, &l) || !ts_list_narrow(&remote, q->ts_remote, &r))
		return;
	if (pol->tmpl[0].mode == IPSEC_MODE_TRANSPORT && !q->transport) {
		b->other_mode = true;
		return;
	}
	first = ts_within(&q->ts_local->ts[0], &local) && ts_within(&q->ts_remote->ts[0], &remote);
	share = ts_list_bits(&l) + ts_list_bits(&r);
	if (better(b, p, first, share)) {
		b->p = p;
		b->first = first;
		b->share = share;
	}
}

/* Those whose prefixes and ends are around the first selectors: one lookup for each shape that there is. */
static void consider_around(const struct spd *s, const struct spd_query *q, struct best *b)
{
	const struct wire_ts *local = &q->ts_local->ts[0], *remote = &q->ts_remote->ts[0];
	struct ipsec_selector sel = { 0 };

	if (ipsec_addr_from_bytes(&sel.src, local->start, local->addr_len) ||
	    ipsec_addr_from_bytes(&sel.dst, remote->start, remote->addr_len))
		return;
	for (unsigned i = 0; i < s->nshapes; i++) {
		const struct spd_shape *shape = &s->shapes[i];
		struct table_node *node;

		if (shape->family != sel.src.family)
			continue;
		sel.src_len = shape->src_len;
		sel.dst_len = shape->dst_len;
		node = table_find(&s->by_sel, outbound_key(&sel, shape->src_end ? q->local : NULL,
							   shape->dst_end ? q->remote : NULL));
		for (; node; node = table_next(node))
			if (container_of(node, struct spd_policy, by_sel)->pol.dir == IPSEC_DIR_OUT)
				consider(s, q, container_of(node, struct spd_policy, by_sel), b);
	}
}

const struct ipsec_policy *spd_match(const struct spd *s, const struct spd_query *q, const char **why)
{
	struct best b = { 0 };

	if (!s->shapeless)
		consider_around(s, q, &b);
	if (!b.p || !b.first)
		list_each(p, &s->policies, struct spd_policy, link)
			consider(s, q, p, &b);
	if (b.other_mode)
		*why = "our policy says transport, the peer asks for tunnel mode";
	else if (b.joined)
		*why = "no policy between these addresses covers the peer's traffic selectors";
	else
		*why = "no outbound policy with ESP between these addresses (setkey -DP shows the policies)";
	return b.p ? &b.p->pol : NULL;
}

bool spd_has_more(const struct spd *s, const struct spd_query *q, const struct ipsec_policy *pol,
		  const struct wire_ts_list *local, const struct wire_ts_list *remote)
{
	list_each(p, &s->policies, struct spd_policy, link) {
		struct wire_ts_list l, r;
		struct wire_ts mine, theirs;

		if (&p->pol == pol || spd_policy_unfit(&p->pol) || !spd_policy_joins(&p->pol, q->local, q->remote) ||
		    (p->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT && !q->transport))
			continue;
		spd_policy_ts(s, &p->pol, q, SELECTOR_SRC, &mine);
		spd_policy_ts(s, &p->pol, q, SELECTOR_DST, &theirs);
		if (ts_list_narrow(&mine, q->ts_local, &l) && ts_list_narrow(&theirs, q->ts_remote, &r) &&
		    !(ts_list_within(&l, local) && ts_list_within(&r, remote)))
			return true;
	}
	return false;
}
