// SPDX-License-Identifier: MIT
// When a child is replaced: its time is over, somebody asks for it, or the kernel has lost it.
#include "keyd/ike/child_inside.h"

#include "keyd/ike/exchange.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ike/version.h"

#include <errno.h>

/* No peer sends a request again after this long: it has our answer, or has given up. */
#define CONFIRMED_AFTER SECONDS(120)
#define RETRY_LOST_AFTER SECONDS(1)

static void rekey_due(struct timer *t)
{
	struct child_sa *c = container_of(t, struct child_sa, rekey);

	child_touch(c);
	child_rekey(c, c->rekey_why ? c->rekey_why : "time");
}

void child_rekey_at(struct child_sa *c, uint64_t at)
{
	timer_set(&c->sa->e->timers, &c->rekey, at, rekey_due);
}

bool child_confirmed(const struct child_sa *c)
{
	return c->initiator || c->confirmed || c->sa->e->now - c->up_at > CONFIRMED_AFTER;
}

void child_rekey(struct child_sa *c, const char *why)
{
	if (c->state == CHILD_REPLACED || c->rekeying || c->replaced_by || proof_lost(c->sa))
		return;
	c->rekey_why = why;
	child_touch(c);
	if (c->state == CHILD_INBOUND) {
		if (c->lost && c->waits)	/* nothing can be received by it: no sign of the peer's will come */
			child_confirm(c, "it is lost, and is to be replaced");
		child_rekey_later(c, CHILD_LOOK_AGAIN);
		return;
	}
	c->rekeying = true;
	report_detail(c->sa, c, ENGINE_REKEY_BEGUN, NULL, 0, "%s", why);
	c->sa->version->rekey_child(c);
}

void child_rekey_later(struct child_sa *c, uint64_t delay)
{
	if (c->rekeying)
		report_detail(c->sa, c, ENGINE_REKEY_FAILED, NULL, 0, "again in %.1f s", (double)delay / 1e6);
	c->rekeying = false;
	c->rekey_at = c->sa->e->now + delay;
	child_touch(c);
	if (c->state != CHILD_REPLACED)
		child_rekey_at(c, c->rekey_at);
}

void child_rekey_failed(struct child_sa *c)
{
	uint64_t delay;

	if (!c)
		return;
	delay = c->lost ? RETRY_LOST_AFTER : CHILD_RETRY_AFTER;
	if (c->replaced_by || c->deleting)
		c->rekeying = false;
	else
		child_rekey_later(c, delay + engine_random_below(delay));
	child_touch(c);
}

void child_rekey_unless_peer(struct child_sa *c, const char *why, uint64_t patience)
{
	if (c->rekeying || c->replaced_by || c->rekey_at <= c->sa->e->now + patience)
		return;
	c->rekey_why = why;
	child_rekey_later(c, patience);
}

/* c's IKE SA was to take over: the old one's child goes on as if nothing had been. */
static void take_back(struct child_sa *old)
{
	old->rekeying = false;
	child_touch(old);
	if (old->state == CHILD_REPLACED && !old->deleting && old->sa->state == IKE_ESTABLISHED)
		child_restore(old);
}

void child_restore(struct child_sa *old)
{
	uint64_t now = old->sa->e->now;

	old->rekeying = false;
	child_set_state(old, CHILD_UP);
	timer_cancel(&old->sa->e->timers, &old->retire);
	if (old->lost)	/* while it had a successor, so that nobody minded; for the peer it is there */
		child_rekey(old, "lost");
	else
		child_rekey_later(old, old->rekey_at > now + CHILD_LOOK_AGAIN ? old->rekey_at - now : CHILD_LOOK_AGAIN);
}

void child_give_back(struct child_sa *c)
{
	struct child_sa *old = c->replaces && (c->state < CHILD_UP || c->takes_over) ? child_find(c->sa->e, c->replaces) : NULL;

	if (!old || (old->replaced_by && old->replaced_by != c->spi_in))
		return;
	child_touch(old);
	if (c->takes_over) {
		old->replaced_by = c->replaced_by;
		if (!old->replaced_by)
			take_back(old);
	} else if (old->replaced_by) {
		old->replaced_by = 0;
		if (!old->rekeying && !old->deleting)
			child_rekey_later(old, CHILD_LOOK_AGAIN + engine_random_below(CHILD_LOOK_AGAIN));
	}
}

/* A rekey that the peer refused for the moment waits no longer. */
static void hurry(struct child_sa *c)
{
	list_each(x, &c->sa->queue, struct exchange, link) {
		if (x->old_spi != c->spi_in || x->not_before <= c->sa->e->now || x->not_before == ENGINE_NEVER)
			continue;
		x->not_before = 0;
		ike_sa_kick(c->sa);
		return;
	}
}

void child_lost(struct child_sa *c, const char *reason)
{
	if (c->lost)
		return;
	c->lost = true;
	child_touch(c);
	if (c->state == CHILD_REPLACED)
		return;
	report_child(c, LOG_LEVEL_WARNING, "CHILD_SA", "lost", "%s; it is replaced at once", reason);
	hurry(c);
	child_rekey(c, "lost");
}

static void doubt_answered(struct ask *a, const struct kern_answer *an)
{
	struct child_sa *c = container_of(a, struct child_sa, ask);

	if (an->error == -ESRCH)
		child_lost(c, "the kernel asks for an SA that it should have");
	else
		c->acquired = false;
	child_touch(c);
}

/*
 * An ACQUIRE that was raised before the outbound SA was there may be read after; the kernel has then filled or dropped its
 * larval SA by itself. So ask, and believe only that it is gone.
 */
void child_doubt(struct child_sa *c)
{
	struct kern_request rq = { .op = KERN_SA_GET };

	if (c->ask.id || c->lost)
		return;
	rq.sa.dst = c->out_addr;
	rq.sa.proto = IPPROTO_ESP;
	rq.sa.spi = c->spi_out;
	rq.sa.mark = c->pol.mark;
	ask_kern(c->sa->e, &c->ask, &rq, doubt_answered);
}
