// SPDX-License-Identifier: MIT
// The guards of pools and of "drop" in the kernel.
#include "keyd/ike/guard.h"

#include "keyd/ike/range.h"
#include "keyd/ike/report.h"
#include "keyd/ike/selector.h"

#include <stdlib.h>

#define GUARDS_OF_RANGE_MAX 64
/* The kern role may hear later than we do what it may let us do. */
#define TRIES_MAX 5
#define TRY_AGAIN SECONDS(1)

static bool has(const struct guards *g, const struct ipsec_selector *sel)
{
	for (unsigned i = 0; i < g->n; i++)
		if (selector_equal(&g->list[i], sel))
			return true;
	return false;
}

static void clear(struct engine *e, const struct ipsec_selector *sel)
{
	struct kern_request rq = { .op = KERN_GUARD_CLEAR };

	rq.guard = *sel;
	leave_kern(e, &rq);
}

static void next(struct engine *e);

static void retry_due(struct timer *t)
{
	next(container_of(t, struct engine, guards.retry));
}

static void answered(struct ask *a, const struct kern_answer *an)
{
	struct engine *e = container_of(a, struct engine, guards.ask);
	struct guards *g = &e->guards;
	char text[SELECTOR_STRLEN];

	if (an->error && ++g->tries < TRIES_MAX) {
		timer_set(&e->timers, &g->retry, e->now + TRY_AGAIN, retry_due);
		return;
	}
	if (an->error)
		report_engine(e, LOG_LEVEL_ERROR, "packets of %s may leave in clear while no tunnel is for them: %s",
			      selector_format(&g->list[g->at], text, sizeof(text)), an->why);
	g->tries = 0;
	g->at++;
	next(e);
}

/* One after the other: there may be many, and their order does not matter. */
static void next(struct engine *e)
{
	struct kern_request rq = { .op = KERN_GUARD_SET };

	if (e->guards.at >= e->guards.n)
		return;
	rq.guard = e->guards.list[e->guards.at];
	ask_kern(e, &e->guards.ask, &rq, answered);
}

void guards_assert(struct engine *e)
{
	ask_cancel(&e->guards.ask);
	timer_cancel(&e->timers, &e->guards.retry);
	e->guards.at = e->guards.tries = 0;
	next(e);
}

static void add(struct guards *g, const struct kern_prefix *to)
{
	g->list[g->n++] = (struct ipsec_selector){ .src.family = to->addr.family, .dst = to->addr, .dst_len = to->len };
}

/* From anywhere to the prefixes of one range: itself, as far as it was written as one. */
static void add_range(struct guards *g, const struct conf_range *r)
{
	struct kern_prefix p[GUARDS_OF_RANGE_MAX] = { { r->first, r->len } };
	unsigned n = r->len ? 1 : range_prefixes(&r->first, &r->last, p, GUARDS_OF_RANGE_MAX);

	for (unsigned i = 0; i < n; i++)
		add(g, &p[i]);
}

/*
 * The kernel has one policy for one selector, whatever its priority, and a tunnel's or an administrator's may have the
 * same networks and ports. So this one has a number behind an empty mask, which nobody looks at; where both ends have a
 * port there is no empty mask.
 */
#define NOT_LOOKED_AT 1

static struct ipsec_selector of_drop(const struct conf_drop *d)
{
	uint16_t l = d->local.port, r = d->remote.port;

	return (struct ipsec_selector){
		.src = d->local.addr, .src_len = d->local.len, .dst = d->remote.addr, .dst_len = d->remote.len,
		.proto = d->local.proto ?: d->remote.proto,
		.sport = l ?: NOT_LOOKED_AT, .sport_mask = l ? UINT16_MAX : 0,
		.dport = r ?: l ? NOT_LOOKED_AT : 0, .dport_mask = r ? UINT16_MAX : 0,
	};
}

int guards_configure(struct engine *e)
{
	struct guards old = e->guards, *g = &e->guards;
	size_t room = (size_t)e->conf.npools * CONF_RANGES_MAX * GUARDS_OF_RANGE_MAX + e->conf.ndrops + 1;
	struct ipsec_selector *list = calloc(room, sizeof(*list));

	if (!list)
		return -1;
	g->list = list;
	g->n = 0;
	for (unsigned i = 0; i < e->conf.npools; i++)
		for (unsigned k = 0; k < e->conf.pools[i].nranges; k++)
			add_range(g, &e->conf.pools[i].range[k]);
	for (unsigned i = 0; i < e->conf.ndrops; i++)
		g->list[g->n++] = of_drop(&e->conf.drop[i]);
	for (unsigned i = 0; i < old.n; i++)
		if (!has(g, &old.list[i]))
			clear(e, &old.list[i]);
	free(old.list);
	if (e->told)
		guards_assert(e);
	return 0;
}

void guards_free(struct engine *e)
{
	ask_cancel(&e->guards.ask);
	timer_cancel(&e->timers, &e->guards.retry);
	free(e->guards.list);
	e->guards = (struct guards){ 0 };
}

bool guard_is_own(const struct ipsec_policy *pol)
{
	return pol->priority == KERN_GUARD_PRIORITY && pol->action == IPSEC_ACTION_BLOCK && !pol->ntmpl;
}

/* What stands there from an older configuration goes. */
void guard_heard(struct engine *e, const struct ipsec_policy *pol)
{
	if (pol->dir == IPSEC_DIR_OUT && !has(&e->guards, &pol->sel))
		clear(e, &pol->sel);
}

void guard_vanished(struct engine *e, const struct ipsec_policy *pol)
{
	struct ipsec_selector sel = pol->sel;

	if (pol->dir != IPSEC_DIR_OUT)
		selector_turn(&sel);
	if (has(&e->guards, &sel))
		guards_assert(e);
}
