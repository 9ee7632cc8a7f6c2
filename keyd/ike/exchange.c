// SPDX-License-Identifier: MIT
// The queue of exchanges of an IKE SA and its window of one.
#include "keyd/ike/exchange.h"

#include "keyd/ike/away.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/report.h"
#include "keyd/ike/version.h"

#include <stdlib.h>

struct exchange *exchange_new(struct ike_sa *sa, const struct exchange_ops *ops)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	list_init(&x->link);
	x->sa = sa;
	x->ops = ops;
	return x;
}

/* What it made has a record of its own from now on. */
static void finish(struct exchange *x)
{
	struct child_sa *c = x->made_spi ? child_find(x->sa->e, x->made_spi) : NULL;

	ike_sa_touch(x->sa);
	if (!x->ops || !c)
		return;
	c->unfinished = false;
	child_touch(c);
	if (c->doomed && c != x->child) {
		report_reason(c->sa, REASON_PEER_DELETED);
		child_end(c, ENGINE_CHILD_DOWN, "the peer deleted it");
	}
}

void exchange_free(struct exchange *x)
{
	struct child_sa *c;

	finish(x);
	if (x->sa->active == x) {
		x->sa->active = NULL;
		secret_clear(&x->sa->sent);
	}
	if (x->sa->serving == x)
		x->sa->serving = NULL;
	list_del(&x->link);
	if (x->child && x->child->state == CHILD_NEW && (x->installed || x->early.then) && x->ask.id)
		child_withdraw(x->child);
	ask_cancel(&x->ask);
	c = x->child;
	x->child = NULL;
	if (c && c->state == CHILD_NEW)
		child_free(c);
	else if (c)
		child_end(c, ENGINE_EVENT_TYPES, "the exchange that made it ended");
	if (x->new_sa)	/* freed by ike_sa_reap: somebody may be walking the list */
		ike_sa_set_state(x->new_sa, IKE_DEAD);
	crypto_kex_free(x->kex);
	secret_clear(&x->ni);
	secret_clear(&x->nr);
	secret_clear(&x->shared);
	secret_clear(&x->rival.nonce);
	secret_clear(&x->proof.data);
	if (x->bytes)
		secret_cleanse(x->bytes, x->nbytes);
	free(x->bytes);
	free(x);
}

void held_free(struct held **h)
{
	if (!*h)
		return;
	secret_cleanse((*h)->bytes, (*h)->nbytes);
	free((*h)->bytes);
	free(*h);
	*h = NULL;
}

int exchange_hold(struct exchange *x)
{
	struct held *h = malloc(sizeof(*h));

	if (!h)
		return -1;
	*h = (struct held){ x->m, x->bytes, x->nbytes };
	held_free(&x->sa->auth.held);
	x->sa->auth.held = h;
	x->m.n = 0;
	x->bytes = NULL;
	x->nbytes = 0;
	return 0;
}

void exchange_release(struct exchange *x)
{
	struct held *h = x->sa->auth.held, now = { x->m, x->bytes, x->nbytes };

	if (!h)
		return;
	h->m.h = x->m.h;		/* it is the new request that is answered */
	x->m = h->m;
	x->bytes = h->bytes;
	x->nbytes = h->nbytes;
	*h = now;
	held_free(&x->sa->auth.held);
}

void exchange_queue(struct exchange *x)
{
	list_add_tail(&x->sa->queue, &x->link);
	ike_sa_touch(x->sa);
	ike_sa_kick(x->sa);
}

void exchange_queue_first(struct exchange *x)
{
	list_add_head(&x->sa->queue, &x->link);
	ike_sa_touch(x->sa);
	ike_sa_kick(x->sa);
}

void exchange_done(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	exchange_free(x);
	ike_sa_kick(sa);
}

void exchange_fail(struct exchange *x)
{
	if (x->ops && x->ops->abandon)
		x->ops->abandon(x);
	exchange_done(x);
}

static void kick_due(struct timer *t)
{
	ike_sa_kick(container_of(t, struct ike_sa, kick));
}

static struct exchange *next_exchange(struct ike_sa *sa)
{
	uint64_t earliest = ENGINE_NEVER;

	list_each(x, &sa->queue, struct exchange, link) {
		if (!sa->version->may_begin(sa, x))
			continue;
		if (x->not_before <= sa->e->now)
			return x;
		if (x->not_before < earliest)
			earliest = x->not_before;
	}
	if (earliest != ENGINE_NEVER)
		timer_set(&sa->e->timers, &sa->kick, earliest, kick_due);
	return NULL;
}

void ike_sa_kick(struct ike_sa *sa)
{
	while (!sa->active && sa->state < IKE_CLOSED) {
		struct exchange *x = next_exchange(sa);

		if (!x || (sa->state == IKE_NEW && sa->initiator && away_stops(sa)))
			return;
		list_del(&x->link);
		sa->active = x;
		sa->version->send_next(sa);
	}
}
