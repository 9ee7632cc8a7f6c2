// SPDX-License-Identifier: MIT
// Pauses between attempts for the same policy.
#include "keyd/ike/retry.h"

#include "keyd/ike/report.h"

#include <stdlib.h>

/* After the pause the number of failures is remembered for as long again as the longest pause. */
#define REMEMBERED RETRY_PAUSE_MAX

struct retry {
	struct list link;
	struct table_node node;
	struct timer timer;
	struct engine *e;
	struct ipsec_policy pol;
	struct ipsec_addr local, remote;
	unsigned failures;
	uint64_t next;			/* not before */
	bool waiting;			/* acquire is to be dealt with then */
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

static void begin(struct retry *r)
{
	struct engine *e = r->e;
	struct child_sa *c = child_serving_flow(e, &r->pol, &r->local, &r->remote, &r->acquire.acquire.sel);

	r->waiting = false;
	if (c)
		child_acquired(c, &r->acquire);
	else
		child_begin(e, &r->pol, &r->local, &r->remote, &r->acquire);
}

static void due(struct timer *t)
{
	struct retry *r = container_of(t, struct retry, timer);
	struct engine *e = r->e;

	if (e->now >= r->next + REMEMBERED) {
		retry_free(r);
		return;
	}
	timer_set(&e->timers, &r->timer, r->next + REMEMBERED, due);
	if (r->waiting)
		begin(r);
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
	/* From the beginning of the attempt: what took long to fail has cost its time already. */
	r->next = c->begun_at + (pause < RETRY_PAUSE_MAX ? pause : RETRY_PAUSE_MAX);
	timer_set(&e->timers, &r->timer, r->next > e->now ? r->next : e->now, due);
}

void retry_forget(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		  const struct ipsec_addr *remote)
{
	struct retry *r;

	while ((r = find(e, pol, local, remote)))
		retry_free(r);
}

bool retry_waits(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		 const struct ipsec_addr *remote, const struct ipsec_event *acquire)
{
	struct retry *r = find(e, pol, local, remote);

	if (!r || r->next <= e->now)
		return false;
	if (!r->waiting)
		report_engine(e, LOG_LEVEL_INFO, "the last attempt for policy %u failed; the next one begins in %u ms",
			      pol->index, (unsigned)((r->next - e->now) / MILLISECONDS(1)));
	r->waiting = true;
	r->acquire = *acquire;
	return true;
}
