// SPDX-License-Identifier: MIT
// SAs from before our time: renewed, then retired.
#include "keyd/ike/orphan.h"

#include "keyd/conf/load.h"
#include "keyd/ike/lifetime.h"
#include "keyd/ike/report.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/version.h"

#include <stdlib.h>

struct orphan {
	struct list link;
	struct ipsec_sa sa;
};

static void orphan_free(struct orphan *o)
{
	list_del(&o->link);
	free(o);
}

void orphans_free(struct engine *e)
{
	list_each(o, &e->orphans, struct orphan, link)
		orphan_free(o);
}

bool orphans_of(const struct engine *e, uint32_t reqid)
{
	list_each(o, &e->orphans, struct orphan, link)
		if (o->sa.reqid == reqid)
			return true;
	return false;
}

static bool is(const struct orphan *o, const struct ipsec_addr *dst, uint32_t spi)
{
	return o->sa.spi == spi && ipsec_addr_equal(&o->sa.dst, dst);
}

void orphan_gone(struct engine *e, const struct ipsec_addr *dst, uint32_t spi)
{
	list_each(o, &e->orphans, struct orphan, link)
		if (is(o, dst, spi))
			orphan_free(o);
}

static bool stands_in(const struct child_sa *c, const struct ipsec_sa *sa)
{
	const struct ike_sa *ike = c->sa;
	bool out = ipsec_addr_equal(&sa->src, &ike->local) && ipsec_addr_equal(&sa->dst, &ike->remote);
	bool in = ipsec_addr_equal(&sa->dst, &ike->local) && ipsec_addr_equal(&sa->src, &ike->remote);

	if (sa->sel.src.family && ((out && !selector_covers(&c->sel, &sa->sel)) ||
				   (in && c->sel_in.src.family && !selector_covers(&c->sel_in, &sa->sel))))
		return false;
	return (out || in) && sa->reqid == c->pol.tmpl[0].reqid && sa->mode == c->pol.tmpl[0].mode;
}

void orphans_retire(const struct child_sa *c)
{
	struct engine *e = c->sa->e;

	list_each(o, &e->orphans, struct orphan, link) {
		bool out = ipsec_addr_equal(&o->sa.dst, &c->sa->remote);
		struct ipsec_sa_id id = { .dst = o->sa.dst, .proto = o->sa.proto, .spi = o->sa.spi,
					  .mark = o->sa.mark };

		if (!stands_in(c, &o->sa))
			continue;
		report_kernel(e, ENGINE_ORPHAN, &o->sa.src, &o->sa.dst, &o->sa.sel, "retired: a new child is there");
		straggler_add(e, &id, out ? OUTBOUND_DRAIN : SECONDS(c->sa->peer->conf.linger));
		orphan_free(o);
	}
}

/* Between which ends, if one of our policies says which of them is ours; an inbound one is its policy's the other way. */
static bool serves(const struct engine *e, const struct ipsec_sa *sa, const struct ipsec_addr *local,
		   const struct ipsec_addr *remote)
{
	list_each(p, &e->spd.policies, struct spd_policy, link) {
		const struct ipsec_tmpl *t = &p->pol.tmpl[0];

		if (t->proto == sa->proto && t->mode == sa->mode && t->reqid == sa->reqid &&
		    spd_policy_joins(&p->pol, local, remote))
			return true;
	}
	return false;
}

static bool is_named(const struct engine *e, const struct ipsec_sa *sa, const struct ipsec_addr *local,
		     const struct ipsec_addr *remote, const char *peer)
{
	return peer_named(conf_peer_find(&e->conf, local, remote), remote, peer) && serves(e, sa, local, remote);
}

unsigned orphans_down(struct engine *e, const char *peer)
{
	unsigned n = 0;

	list_each(o, &e->orphans, struct orphan, link) {
		const struct ipsec_sa *sa = &o->sa;
		bool out = is_named(e, sa, &sa->src, &sa->dst, peer);
		struct ipsec_sa_id id = { .dst = sa->dst, .proto = sa->proto, .spi = sa->spi, .mark = sa->mark };
		const struct conf_peer *conf = conf_peer_find(&e->conf, &sa->dst, &sa->src);

		if (!out && !is_named(e, sa, &sa->dst, &sa->src, peer))
			continue;
		report_kernel(e, ENGINE_ORPHAN, &sa->src, &sa->dst, &sa->sel, "retired: taken down by command");
		straggler_add(e, &id, out ? 0 : SECONDS(conf->linger));
		orphan_free(o);
		n++;
	}
	return n;
}

static bool asks_for(const struct ipsec_policy *pol, const struct ipsec_sa *sa)
{
	const struct ipsec_tmpl *t = &pol->tmpl[0];

	return t->proto == sa->proto && t->mode == sa->mode && t->reqid == sa->reqid && pol->if_id == sa->if_id &&
	       (!sa->sel.src.family || selector_covers(&pol->sel, &sa->sel)) &&
	       spd_policy_joins(pol, &sa->src, &sa->dst);
}

/* The policy that an outbound SA serves; NULL also for inbound ones. */
static const struct ipsec_policy *policy_of(const struct engine *e, const struct ipsec_sa *sa)
{
	struct wire_ts_list src = { .n = 1 }, dst = { .n = 1 };
	struct spd_query q = { &sa->src, &sa->dst, &src, &dst, sa->mode == IPSEC_MODE_TRANSPORT };
	const struct ipsec_policy *pol = NULL;
	const char *why;

	if (sa->sel.src.family) {
		selector_to_ts(&sa->sel, SELECTOR_SRC, &src.ts[0]);
		selector_to_ts(&sa->sel, SELECTOR_DST, &dst.ts[0]);
		pol = spd_match(&e->spd, &q, &why);
	}
	if (pol && asks_for(pol, sa))
		return pol;
	list_each(p, &e->spd.policies, struct spd_policy, link)
		if (asks_for(&p->pol, sa))
			return &p->pol;
	return NULL;
}

/* Is there a child, or one in the making, for all that the SA carries? */
static bool renewed(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_sa *sa)
{
	if (!sa->sel.src.family)
		return child_serving(e, pol, &sa->src, &sa->dst);
	for (struct child_sa *c = child_first(e, pol); c; c = child_next(c, pol))
		if (ike_sa_alive(c->sa) && ipsec_addr_equal(&c->sa->remote, &sa->dst) &&
		    (c->sel_exact ? selector_covers(&c->sel, &sa->sel) : selector_equal(&c->flow, &sa->sel)))
			return true;
	return false;
}

/* Whose it is, if an engine before this one made it and its record came with us, or we did. */
static struct child_sa *owner(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_sa *sa)
{
	struct child_sa *c = child_find(e, sa->spi);

	if (c && ipsec_addr_equal(&c->sa->local, &sa->dst))
		return c;
	c = child_find_sent_to(e, &sa->dst, sa->spi);
	/* One whose exchange begins anew knows what it will send by. */
	for (struct child_sa *o = !c && pol ? child_first(e, pol) : NULL; o; o = child_next(o, pol))
		if (o->thawed && o->spi_out == sa->spi && ipsec_addr_equal(&o->sa->remote, &sa->dst))
			return o;
	return c;
}

/* The kernel has it, and tells how much it has carried. */
static void seen(struct child_sa *c, const struct ipsec_sa *sa)
{
	bool out = !ipsec_addr_equal(&sa->dst, &c->sa->local) || c->spi_in != sa->spi;

	*(out ? &c->seen_out : &c->seen_in) = true;
	if (c->state == CHILD_UP && ((sa->soft.bytes && sa->usage.bytes >= sa->soft.bytes) ||
				     (sa->soft.packets && sa->usage.packets >= sa->soft.packets)))
		lifetime_soft_met(c, out, sa);
}

/* One that sends already, for all that sa carries: what made sa came to nothing. */
static struct child_sa *stand_in(struct engine *e, const struct ipsec_sa *sa)
{
	for (struct ike_sa *ike = ike_sa_first_between(e, &sa->src, &sa->dst); ike; ike = ike_sa_next_between(ike))
		list_each(c, &ike->children, struct child_sa, link)
			if (c->state == CHILD_UP && !c->lost && stands_in(c, sa))
				return c;
	for (struct ike_sa *ike = ike_sa_first_between(e, &sa->dst, &sa->src); ike; ike = ike_sa_next_between(ike))
		list_each(c, &ike->children, struct child_sa, link)
			if (c->state == CHILD_UP && !c->lost && stands_in(c, sa))
				return c;
	return NULL;
}

void engine_kern_orphan(struct engine *e, uint64_t now, const struct ipsec_sa *sa)
{
	struct ipsec_sa_id id = { .dst = sa->dst, .proto = sa->proto, .spi = sa->spi, .mark = sa->mark };
	const struct ipsec_policy *pol;
	struct child_sa *c;
	struct orphan *o;
	unsigned n = 0;

	e->now = now;
	/* What an administrator adds by hand has no lifetime; what a key manager adds always has one. */
	if (sa->proto != IPPROTO_ESP || !sa->hard.add_seconds || sa->state == IPSEC_STATE_LARVAL ||
	    sa->state == IPSEC_STATE_DEAD || straggler_is(e, &sa->dst, sa->spi))
		return;
	pol = policy_of(e, sa);
	c = owner(e, pol, sa);
	if (c) {
		seen(c, sa);
		engine_settle(e);
		return;
	}
	list_each(each, &e->orphans, struct orphan, link)
		if (++n > ORPHANS_MAX || is(each, &sa->dst, sa->spi))
			return;
	c = stand_in(e, sa);
	if (c) {
		straggler_add(e, &id, ipsec_addr_equal(&sa->dst, &c->sa->local) ? SECONDS(c->sa->peer->conf.linger) : OUTBOUND_DRAIN);
		engine_settle(e);
		return;
	}
	o = calloc(1, sizeof(*o));
	if (!o)
		return;
	o->sa = *sa;
	list_add_tail(&e->orphans, &o->link);
	report_kernel(e, ENGINE_ORPHAN, &sa->src, &sa->dst, &sa->sel, pol ? "taken up" : "no policy here fits it");
	if (pol && !renewed(e, pol, sa))
		child_begin_for(e, pol, &sa->src, &sa->dst, &sa->sel);
	engine_settle(e);
}
