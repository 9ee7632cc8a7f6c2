// SPDX-License-Identifier: MIT
// Signs of life: from the kernel's counters first, from the peer last.
#include "keyd/ike/liveness.h"

#include "keyd/ike/lifetime.h"
#include "keyd/ike/report.h"
#include "keyd/ike/version.h"

#include <errno.h>

/* So many children are looked at; one that receives is enough, and an SA with thousands must not cost more. */
#define LOOKS_MAX 8
/* Anybody can hint. */
#define HINT_EVERY SECONDS(10)

static void look_on(struct ike_sa *sa);
static void liveness_due(struct timer *t);

/* Twice as often as the peer may be silent, so that it is noticed when we send and nothing comes back. */
static uint64_t half(const struct ike_sa *sa)
{
	return SECONDS(sa->peer->conf.dpd) / 2;
}

static void wait_until(struct ike_sa *sa, uint64_t at)
{
	timer_set(&sa->e->timers, &sa->liveness, at, liveness_due);
}

static void ask_peer(struct ike_sa *sa, const char *why)
{
	if (sa->state != IKE_ESTABLISHED || sa->active)
		return;
	report_sa(sa, LOG_LEVEL_DEBUG, "INFORMATIONAL", "liveness", "the peer is asked for a sign of life: %s", why);
	sa->version->liveness(sa);
}

/* Every child that was looked at is silent, or there is none. */
static void found_silent(struct ike_sa *sa)
{
	if (sa->look.sends)
		ask_peer(sa, "we send and nothing comes back");
	else if (sa->e->now >= sa->heard_at + 2 * half(sa))
		ask_peer(sa, "nothing was heard of it");
}

static void ask_usage(struct ike_sa *sa, const struct child_sa *c, bool outbound,
		      void (*fn)(struct ask *a, const struct kern_answer *an))
{
	struct kern_request rq = { .op = KERN_SA_GET };

	rq.sa.proto = IPPROTO_ESP;
	rq.sa.dst = outbound ? c->out_addr : sa->local;
	rq.sa.spi = outbound ? c->spi_out : c->spi_in;
	if (outbound)
		rq.sa.mark = c->pol.mark;
	ask_kern(sa->e, &sa->look.ask, &rq, fn);
}

static struct ike_sa *sa_of(struct ask *a)
{
	return container_of(a, struct ike_sa, look.ask);
}

/* The child that the answer is about; NULL: it has ended or moved meanwhile. */
static struct child_sa *looked_at(struct ike_sa *sa)
{
	struct child_sa *c = child_find(sa->e, sa->look.spi);

	return c && c->sa == sa ? c : NULL;
}

static void outbound_answered(struct ask *a, const struct kern_answer *an)
{
	struct ike_sa *sa = sa_of(a);
	struct child_sa *c = looked_at(sa);

	if (c && !an->error) {
		sa->look.sends = sa->look.sends || an->usage.packets > c->meter_out.packets;
		lifetime_take_usage(c, true, &an->usage);
	}
	look_on(sa);
}

static void inbound_answered(struct ask *a, const struct kern_answer *an)
{
	struct ike_sa *sa = sa_of(a);
	struct child_sa *c = looked_at(sa);
	bool heard = c && !an->error && an->usage.packets > c->meter_in.packets;

	if (c && an->error == -ESRCH)
		child_lost(c, "the kernel has not got its inbound SA any more");
	else if (c && !an->error)
		lifetime_take_usage(c, false, &an->usage);
	if (heard) {
		sa->heard_at = sa->e->now;
		ike_sa_touch(sa);
	} else if (c && c->state == CHILD_UP && !c->lost && !sa->look.sends) {
		ask_usage(sa, c, true, outbound_answered);
	} else {
		look_on(sa);
	}
}

static struct child_sa *next_child(struct ike_sa *sa)
{
	bool past = !sa->look.spi || !looked_at(sa);

	list_each(c, &sa->children, struct child_sa, link) {
		if (past && c->state != CHILD_REPLACED && !c->lost)
			return c;
		past = past || c->spi_in == sa->look.spi;
	}
	return NULL;
}

static void look_on(struct ike_sa *sa)
{
	struct child_sa *c = sa->look.looks < LOOKS_MAX && sa->state == IKE_ESTABLISHED ? next_child(sa) : NULL;

	if (!c) {
		found_silent(sa);
		return;
	}
	sa->look.looks++;
	sa->look.spi = c->spi_in;
	ask_usage(sa, c, false, inbound_answered);
}

static void liveness_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, liveness);
	uint64_t now = sa->e->now;

	if (sa->heard_at + half(sa) > now) {
		wait_until(sa, sa->heard_at + half(sa));
		return;
	}
	wait_until(sa, now + half(sa));
	/* What we wait for will show it as well. */
	if (sa->active || sa->look.ask.id)
		return;
	sa->look.looks = 0;
	sa->look.spi = 0;
	sa->look.sends = false;
	look_on(sa);
}

void liveness_start(struct ike_sa *sa)
{
	if (sa->peer->conf.dpd)
		wait_until(sa, sa->e->now + half(sa));
}

void liveness_stop(struct ike_sa *sa)
{
	timer_cancel(&sa->e->timers, &sa->liveness);
	ask_cancel(&sa->look.ask);
}

void liveness_hint(struct ike_sa *sa)
{
	if (sa->state != IKE_ESTABLISHED || sa->active || (sa->hinted_at && sa->e->now - sa->hinted_at < HINT_EVERY))
		return;
	sa->hinted_at = sa->e->now;
	ike_sa_touch(sa);
	ask_peer(sa, "somebody says that it does not know us any more");
}
