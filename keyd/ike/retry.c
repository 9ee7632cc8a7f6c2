// SPDX-License-Identifier: MIT
// Pauses between attempts for the same policy.
#include "keyd/ike/retry.h"

#include "keyd/ike/report.h"

#include <stdlib.h>

/* After the pause the number of failures is remembered for so long. */
#define REMEMBERED (2 * RETRY_PAUSE_MAX)
#define DENIED_PER_SECOND 20

struct retry {
	struct list link;
	struct table_node node;
	struct timer timer;
	struct engine *e;
	struct ipsec_policy pol;
	struct ipsec_addr local, remote;
	unsigned failures;
	uint64_t begun, next;		/* the last attempt; the next one not before */
	/*
	 * The peer lets through something of the policy, and not this flow. Linux has one larval SA for all of the
	 * policy's flows, so this one's must not stay: others may get through.
	 */
	struct ipsec_selector left_out;	/* src.family 0: all of the policy failed */
	struct rate denied;		/* ACQUIREs for it that were answered at once */
	bool waiting;			/* acquire is to be dealt with when timer is due */
	struct ipsec_event acquire;
};

static bool policy_same(const struct ipsec_policy *a, const struct ipsec_policy *b)
{
	return a->if_id == b->if_id && a->mark.value == b->mark.value && a->mark.mask == b->mark.mask &&
	       selector_equal(&a->sel, &b->sel);
}

static uint64_t key_of(const struct ipsec_policy *pol)
{
	return selector_hash(pol->if_id, &pol->sel);
}

static void retry_free(struct retry *r)
{
	if (r->waiting)
		acquire_larval_delete(r->e, &r->acquire);
	timer_cancel(&r->e->timers, &r->timer);
	table_del(&r->e->by_retry, &r->node);
	list_del(&r->link);
	r->e->nretries--;
	free(r);
}

void retries_free(struct engine *e)
{
	list_each(r, &e->retries, struct retry, link)
		retry_free(r);
}

/* remote NULL: whatever the ends are. */
static struct retry *find(const struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
			  const struct ipsec_addr *remote)
{
	struct table_node *node = table_find(&e->by_retry, key_of(pol));

	for (; node; node = table_next(node)) {
		struct retry *r = container_of(node, struct retry, node);

		if (policy_same(&r->pol, pol) && (!remote || (ipsec_addr_equal(&r->local, local) &&
							      ipsec_addr_equal(&r->remote, remote))))
			return r;
	}
	return NULL;
}

static void begin(struct engine *e, const struct ipsec_event *acquire)
{
	const struct ipsec_policy *pol = &acquire->acquire.policy;
	const struct ipsec_addr *local = &acquire->acquire.src, *remote = &acquire->acquire.dst;
	struct child_sa *c = child_serving_flow(e, pol, local, remote, &acquire->acquire.sel);

	if (c)
		child_acquired(c, acquire);
	else if (!retry_waits(e, pol, local, remote, acquire))
		child_begin(e, pol, local, remote, acquire);
}

static void due(struct timer *t)
{
	struct retry *r = container_of(t, struct retry, timer);
	struct engine *e = r->e;
	struct ipsec_event acquire = r->acquire;
	bool waiting = r->waiting;

	if (!waiting && e->now >= r->next + REMEMBERED) {
		retry_free(r);
		return;
	}
	r->waiting = false;
	timer_set(&e->timers, &r->timer, (r->next > e->now ? r->next : e->now) + REMEMBERED, due);
	if (waiting)
		begin(e, &acquire);
}

void retries_hurry(struct engine *e)
{
	list_each(r, &e->retries, struct retry, link) {
		r->failures = 0;
		r->begun = 0;
		r->next = e->now;
		if (r->waiting)
			timer_set(&e->timers, &r->timer, e->now, due);
	}
}

static struct retry *retry_new(const struct child_sa *c)
{
	struct engine *e = c->sa->e;
	struct retry *r = e->nretries < RETRIES_MAX ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	r->e = e;
	r->pol = c->pol;
	r->local = c->sa->local;
	r->remote = c->sa->remote;
	list_add_tail(&e->retries, &r->link);
	table_add(&e->by_retry, &r->node, key_of(&r->pol));
	e->nretries++;
	return r;
}

void retry_failed(const struct child_sa *c)
{
	struct engine *e = c->sa->e;
	struct retry *r = find(e, &c->pol, &c->sa->local, &c->sa->remote);
	uint64_t pause = RETRY_PAUSE_MIN;

	if (!r)
		r = retry_new(c);
	if (!r)
		return;
	for (unsigned i = 0; i < r->failures && pause < RETRY_PAUSE_MAX; i++)
		pause *= 2;
	r->failures++;
	r->left_out = c->flow_left_out ? c->flow : (struct ipsec_selector){ 0 };
	/* From the beginning of the attempt: what took long to fail has cost its time already. */
	r->begun = c->begun_at;
	r->next = c->begun_at + (pause < RETRY_PAUSE_MAX ? pause : RETRY_PAUSE_MAX);
	if (!r->waiting)
		timer_set(&e->timers, &r->timer, (r->next > e->now ? r->next : e->now) + REMEMBERED, due);
}

void retry_forget(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		  const struct ipsec_addr *remote)
{
	struct retry *r;

	while ((r = find(e, pol, local, remote)))
		retry_free(r);
}

/* The next connection of the same kind has another port on our side. */
static bool same_flow(const struct ipsec_selector *a, const struct ipsec_selector *b)
{
	return a->proto == b->proto && a->dport == b->dport && ipsec_addr_equal(&a->src, &b->src) &&
	       ipsec_addr_equal(&a->dst, &b->dst);
}

static void wait_until(struct retry *r, uint64_t at, const struct ipsec_event *acquire)
{
	if (!r->waiting)
		report_engine(r->e, LOG_LEVEL_DEBUG, "the last attempt for policy %u failed; what asks waits for %u ms",
			      r->pol.index, (unsigned)((at - r->e->now) / MILLISECONDS(1)));
	r->waiting = true;
	r->acquire = *acquire;
	timer_set(&r->e->timers, &r->timer, at, due);
}

bool retry_waits(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		 const struct ipsec_addr *remote, const struct ipsec_event *acquire)
{
	struct retry *r = find(e, pol, local, remote);
	bool other = r && r->left_out.src.family && !same_flow(&r->left_out, &acquire->acquire.sel);
	uint64_t earliest = !r ? 0 : other ? r->begun + RETRY_PAUSE_MIN : r->next;

	if (earliest <= e->now)
		return false;
	if (!r->left_out.src.family || other)
		wait_until(r, earliest, acquire);
	else if (rate_pass(e, &r->denied, DENIED_PER_SECOND))
		acquire_larval_delete(e, acquire);
	else	/* a storm: the kernel may be silent for the rest of this second */
		wait_until(r, (e->now / SECONDS(1) + 1) * SECONDS(1), acquire);
	return true;
}
