// SPDX-License-Identifier: MIT
// Requests to the simulated kernel.
#include "tests/sim/kernel.h"

#include "keyd/ike/timer.h"
#include "tests/sim/sim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BUG_LATE_BY MILLISECONDS(200)
#define BUG_GAP MILLISECONDS(5)

struct request {
	struct event ev;
	struct host *h;
	unsigned life;
	struct kern_request rq;
};

struct answer {
	struct event ev;
	struct host *h;
	unsigned life;
	struct kern_answer an;
};

static void answer_run(struct event *ev)
{
	struct answer *a = (struct answer *)ev;

	if (a->h->engine && a->h->life == a->life) {
		engine_kern_answer(a->h->engine, host_clock(a->h), &a->an);
		host_settle(a->h);
	}
}

/* Policies that keyd makes: out, in and fwd of each selector, as keyd/kern/policy.c has them. */
static void traffic_set(struct host *h, const struct kern_traffic *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct ipsec_policy pol = { .sel = t->sel[i], .dir = IPSEC_DIR_OUT, .ntmpl = 1,
					    .priority = KERN_OWN_PRIORITY };

		pol.tmpl[0] = (struct ipsec_tmpl){ .src = t->local, .dst = t->remote, .proto = IPPROTO_ESP,
						   .mode = IPSEC_MODE_TUNNEL, .reqid = t->reqid };
		kspd_add(h, &pol);
		pol.dir = IPSEC_DIR_IN;
		pol.sel.src = t->sel[i].dst;
		pol.sel.src_len = t->sel[i].dst_len;
		pol.sel.dst = t->sel[i].src;
		pol.sel.dst_len = t->sel[i].src_len;
		pol.tmpl[0].src = (struct ipsec_addr){ .family = t->local.family };
		pol.tmpl[0].dst = t->local;
		kspd_add(h, &pol);
	}
}

static int execute(struct host *h, const struct kern_request *rq, struct kern_answer *an)
{
	struct ksa *s;

	switch (rq->op) {
	case KERN_SA_ADD: return sad_add(h, &rq->sa);
	case KERN_SA_DELETE: sad_delete(h, &rq->sa); return 0;
	case KERN_SA_MOVE: return sad_move(h, rq);
	case KERN_LARVAL_DELETE: sad_delete_larval(h, &rq->sa); return 0;
	case KERN_SOURCE_GET: an->addr = h->addr; return 0;
	case KERN_TRAFFIC_SET: traffic_set(h, &rq->traffic); return 0;
	case KERN_TRAFFIC_CLEAR: kspd_remove(h, rq->traffic.reqid); return 0;
	case KERN_SA_GET:
		s = sad_find(h, &rq->sa.dst, rq->sa.spi);
		if (s)
			an->usage = s->sa.usage;
		return s ? 0 : -ESRCH;
	default: return 0;
	}
}

static void answer(struct request *r, const struct kern_answer *an)
{
	struct host *h = r->h;
	struct sim *w = h->w;
	uint64_t at = w->now + rng_below(&w->world, w->plan->host[h->index].kernel_delay);
	struct answer *a;

	if (!r->rq.id || (w->plan->bug == BUG_ANSWERS_FORGOTTEN && rng_chance(&w->world, 10)))
		return;
	h->told_until = at = at > h->told_until ? at : h->told_until;
	a = event_add(&w->events, at, sizeof(*a), answer_run);
	a->h = h;
	a->life = r->life;
	a->an = *an;
	a->an.id = r->rq.id;
}

/* A planted bug: done long after it was said to be done. True: this is such a one. */
static void late_run(struct event *ev)
{
	struct request *r = (struct request *)ev;
	struct kern_answer an = { 0 };

	execute(r->h, &r->rq, &an);
}

static bool planted(struct request *r)
{
	struct sim *w = r->h->w;
	bool late = w->plan->bug == BUG_INBOUND_LATE && r->rq.op == KERN_SA_ADD &&
		    ipsec_addr_equal(&r->rq.sa.dst, &r->h->addr);
	bool gap = w->plan->bug == BUG_POLICY_GAP && r->rq.op == KERN_TRAFFIC_SET;
	struct request *later;

	if (gap)
		kspd_remove(r->h, r->rq.traffic.reqid);
	if (!late && !gap)
		return false;
	later = event_add(&w->events, w->now + (late ? BUG_LATE_BY : BUG_GAP), sizeof(*later), late_run);
	later->h = r->h;
	later->rq = r->rq;
	return true;
}

static const char *const names[KERN_OPS] = {
	[KERN_SA_ADD] = "add", [KERN_SA_DELETE] = "delete", [KERN_SA_GET] = "get", [KERN_LARVAL_DELETE] = "delete larval",
	[KERN_SA_MOVE] = "move", [KERN_TRAFFIC_SET] = "set policies", [KERN_TRAFFIC_CLEAR] = "clear policies",
	[KERN_GUARD_SET] = "set guard", [KERN_GUARD_CLEAR] = "clear guard", [KERN_VIRTUAL_SET] = "set address",
	[KERN_VIRTUAL_CLEAR] = "clear address", [KERN_SOURCE_GET] = "get source",
};

static void request_run(struct event *ev)
{
	struct request *r = (struct request *)ev;
	struct kern_answer an = { 0 };

	if (r->h->off || r->life <= r->h->dropped)
		return;
	if (!planted(r))
		an.error = execute(r->h, &r->rq, &an);
	if (an.error)
		snprintf(an.why, sizeof(an.why), "%s", strerror(-an.error));
	if (r->rq.op <= KERN_SA_MOVE)
		sim_trace(r->h->w, r->h, "kernel: %s %s %08x%s%s", names[r->rq.op],
			  ipsec_addr_equal(&r->rq.sa.dst, &r->h->addr) ? "inbound" : "outbound", r->rq.sa.spi,
			  an.error ? ": " : "", an.why);
	else
		sim_trace(r->h->w, r->h, "kernel: %s", names[r->rq.op]);
	answer(r, &an);
}

void kernel_ask(struct host *h, const struct kern_request *rq)
{
	struct sim *w = h->w;
	uint64_t at = w->now + 20 + rng_below(&w->world, w->plan->host[h->index].kernel_delay);
	struct request *r;

	h->asked_until = at = at > h->asked_until ? at : h->asked_until;
	r = event_add(&w->events, at, sizeof(*r), request_run);
	r->h = h;
	r->life = h->life;
	r->rq = *rq;
}
