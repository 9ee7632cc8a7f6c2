// SPDX-License-Identifier: MIT
// The pools' guards in the kernel.
#include "keyd/ike/guard.h"

#include "keyd/ike/range.h"
#include "keyd/ike/report.h"

#include <stdlib.h>

#define GUARDS_OF_RANGE_MAX 64
/* The kern role may hear later than we do what it may let us do. */
#define TRIES_MAX 5
#define TRY_AGAIN SECONDS(1)

static bool same(const struct kern_prefix *a, const struct kern_prefix *b)
{
	return a->len == b->len && ipsec_addr_equal(&a->addr, &b->addr);
}

static bool has(const struct guards *g, const struct kern_prefix *p)
{
	for (unsigned i = 0; i < g->n; i++)
		if (same(&g->list[i], p))
			return true;
	return false;
}

static void clear(struct engine *e, const struct kern_prefix *p)
{
	struct kern_request rq = { .op = KERN_GUARD_CLEAR };

	rq.guard = *p;
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
	char text[IPSEC_ADDR_STRLEN];

	if (an->error && ++g->tries < TRIES_MAX) {
		timer_set(&e->timers, &g->retry, e->now + TRY_AGAIN, retry_due);
		return;
	}
	if (an->error)
		report_engine(e, LOG_LEVEL_ERROR, "packets for clients of %s/%u that are not connected may leave in clear: %s",
			      ipsec_addr_format(&g->list[g->at].addr, text, sizeof(text)), g->list[g->at].len, an->why);
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

/* The prefixes of one range: itself, as far as it was written as one. */
static unsigned of_range(const struct conf_range *r, struct kern_prefix *out)
{
	if (r->len) {
		*out = (struct kern_prefix){ r->first, r->len };
		return 1;
	}
	return range_prefixes(&r->first, &r->last, out, GUARDS_OF_RANGE_MAX);
}

int guards_configure(struct engine *e)
{
	struct guards old = e->guards, *g = &e->guards;
	struct kern_prefix *list = calloc((size_t)e->conf.npools * CONF_RANGES_MAX * GUARDS_OF_RANGE_MAX + 1, sizeof(*list));

	if (!list)
		return -1;
	g->list = list;
	g->n = 0;
	for (unsigned i = 0; i < e->conf.npools; i++)
		for (unsigned k = 0; k < e->conf.pools[i].nranges; k++)
			g->n += of_range(&e->conf.pools[i].range[k], &list[g->n]);
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
	const struct kern_prefix p = { pol->sel.dst, pol->sel.dst_len };

	if (pol->dir == IPSEC_DIR_OUT && !has(&e->guards, &p))
		clear(e, &p);
}

void guard_vanished(struct engine *e, const struct ipsec_policy *pol)
{
	const bool out = pol->dir == IPSEC_DIR_OUT;
	const struct kern_prefix p = { out ? pol->sel.dst : pol->sel.src, out ? pol->sel.dst_len : pol->sel.src_len };

	if (!(out ? pol->sel.src_len : pol->sel.dst_len) && has(&e->guards, &p))
		guards_assert(e);
}
