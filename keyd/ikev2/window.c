// SPDX-License-Identifier: MIT
// One request of ours and one of the peer's at a time, each until its answer.
#include "keyd/ikev2/window.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/fragment.h"
#include "keyd/ikev2/message.h"

#include <stdio.h>
#include <stdlib.h>

/* Doubling ends here: 64 times the first wait. */
#define BACKOFF_STEPS_MAX 6
/* No answer counts as late before this: a peer may have a key exchange, a card or a neighbour's burst to deal with. */
#define EARLY_LEAST MILLISECONDS(100)
/* A peer that says that it has lost the SA is asked so often before it is believed a little. */
#define LOST_AFTER 2

static void retransmit_due(struct timer *t);

/*
 * Where the round-trip time is known and short, a lost datagram is repeated once ahead of the configured times (RFC 6298
 * 2.3). Those stay as they are: they say how long a peer may be away before it counts as dead.
 */
static uint64_t early_wait(const struct ike_sa *sa)
{
	uint64_t wait = sa->rtt + 4 * sa->rtt_var;

	if (wait < EARLY_LEAST)
		wait = EARLY_LEAST;
	return sa->rtt && wait < MILLISECONDS(sa->peer->conf.retransmit_ms) ? wait : 0;
}

/* Sendings until a peer counts as dead of which nothing is heard. */
static unsigned round_of(const struct ike_sa *sa)
{
	return sa->peer->conf.retransmit_tries + !!sa->early;
}

static uint64_t wait_of(const struct ike_sa *sa)
{
	uint64_t first = MILLISECONDS(sa->peer->conf.retransmit_ms);
	unsigned step = (sa->sendings - 1) % round_of(sa);

	if (sa->early && !step)
		return sa->early;
	if (sa->early && !--step)
		return first - sa->early;
	return first << (step < BACKOFF_STEPS_MAX ? step : BACKOFF_STEPS_MAX);
}

/*
 * A peer whose requests came since the last sending lives (RFC 7296 2.4): ours or its answers were lost, each time. They
 * have a second round, with short waits first; no third, as that peer may not mean to answer.
 */
static unsigned tries_of(const struct ike_sa *sa)
{
	unsigned n = round_of(sa);
	bool lives = sa->sendings == n && sa->state == IKE_ESTABLISHED && sa->heard_at + wait_of(sa) > sa->e->now;

	return sa->sendings > n || lives ? 2 * n : n;
}

/* By answers to what was sent once only: another may belong to either sending (Karn; RFC 6298 3). */
static void measure(struct ike_sa *sa)
{
	uint64_t took = sa->e->now - sa->sent_at, off = took > sa->rtt ? took - sa->rtt : sa->rtt - took;

	if (sa->sendings != 1)
		return;
	sa->rtt_var = sa->rtt ? (3 * sa->rtt_var + off) / 4 : took / 2;
	sa->rtt = sa->rtt ? (7 * sa->rtt + took) / 8 : took;
	sa->rtt += !sa->rtt;
}

static void send_once(struct ike_sa *sa)
{
	sa->sendings++;
	timer_set(&sa->e->timers, &sa->retransmit, sa->e->now + wait_of(sa), retransmit_due);
	message_send(sa, secret_view(&sa->sent));
}

/* Nobody answered. What was said without proof is no reason to give up, but it may be the reason why. */
static void give_up(struct ike_sa *sa)
{
	struct exchange *x = sa->active;
	unsigned rounds = sa->sendings / round_of(sa);
	char reason[224], said[64] = "";

	if (sa->hint)
		snprintf(said, sizeof(said), " (it said without proof: %s)", ikev2_notify_name(sa->hint));
	if (x->doubt[0])
		snprintf(reason, sizeof(reason), "%s", x->doubt);
	else	/* as often as configured; that one may have been repeated early is no matter of the peer's life */
		snprintf(reason, sizeof(reason), "no answer to %s after %u sendings: the peer counts as dead%s",
			 x->ops->name, rounds * sa->peer->conf.retransmit_tries, said);
	sa->e->stats.dpd_dead++;
	if (x->doubt[0])
		report_refusal(sa, x->doubted, false);
	else
		report_reason(sa, sa->state <= IKE_INIT ? REASON_NO_ANSWER : REASON_PEER_DEAD);
	ike_sa_end(sa, reason);
}

/* Without proof: but what it says is so far true, as no proof came either. */
static bool says_lost(const struct ike_sa *sa)
{
	return sa->hint == IKEV2_N_INVALID_IKE_SPI && sa->sendings >= LOST_AFTER;
}

void window_hinted(struct ike_sa *sa)
{
	if (sa->active && says_lost(sa) && sa->state < IKE_ESTABLISHED && reauth_old(sa))
		ike_sa_end(sa, "the peer says that it does not have the new IKE SA any more");
}

static void retransmit_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, retransmit);

	if (!sa->active)
		return;
	if (says_lost(sa) && sa->state == IKE_DELETING) {
		ike_sa_end(sa, "deleted; the peer says that it did not have it any more");
		return;
	}
	if (says_lost(sa))
		reauth_lost(sa);
	if (sa->sendings >= tries_of(sa)) {
		give_up(sa);
		return;
	}
	sa->e->stats.retransmitted++;
	if (sa->sendings - !!sa->early >= FRAGMENT_SMALLER_AFTER)
		fragment_smaller(sa, &sa->sent);
	report_detail(sa, sa->active->child, ENGINE_RETRANSMITTED, sa->active->ops->name, sa->active->message_id,
		      "sending %u of %u", sa->sendings + 1, tries_of(sa));
	report_sa(sa, LOG_LEVEL_INFO, sa->active->ops->name, "retransmit", "message_id=%u sending %u of %u",
		  sa->active->message_id, sa->sendings + 1, tries_of(sa));
	send_once(sa);
}

void window_send_next(struct ike_sa *sa)
{
	struct exchange *x = sa->active;
	struct view datagram;
	struct wire_out out;

	if (sa->next_request == UINT32_MAX) {
		ike_sa_end(sa, "all its message IDs are used up (RFC 7296 2.2)");
		return;
	}
	x->message_id = sa->next_request;
	message_begin(sa, &out, x->ops->type, false, x->message_id);
	if (!x->ops->build(x, &out)) {
		if (x->ops->abandon)
			x->ops->abandon(x);
		exchange_free(x);
		return;
	}
	if (message_end(sa, &out, &datagram) || secret_set(&sa->sent, datagram.p, datagram.n)) {
		ike_sa_end(sa, "a request could not be built");
		return;
	}
	if (x->ops->type == IKEV2_EXCH_IKE_SA_INIT && secret_set(&sa->init_request, datagram.p, datagram.n)) {
		ike_sa_end(sa, "out of memory");
		return;
	}
	sa->sendings = 0;
	sa->hint = 0;
	sa->sent_at = sa->e->now;
	sa->early = early_wait(sa);
	report_detail(sa, x->child, ENGINE_REQUEST_SENT, x->ops->name, x->message_id, "%zu bytes", datagram.n);
	send_once(sa);
}

/* The first answer of a peer that began the SA: it has had ours to IKE_AUTH. */
static void answers_at_all(struct ike_sa *sa)
{
	list_each(c, &sa->children, struct child_sa, link)
		if (c->first)
			child_confirm(c, "the peer answers");
}

void window_answered(struct ike_sa *sa)
{
	report_detail(sa, sa->active->child, ENGINE_ANSWER_RECEIVED, sa->active->ops->name, sa->active->message_id,
		      "after %u sendings", sa->sendings);
	timer_cancel(&sa->e->timers, &sa->retransmit);
	ike_sa_touch(sa);
	measure(sa);
	sa->heard_at = sa->e->now;
	sa->reauth.lost = false;
	if (!sa->next_request++ && !sa->initiator)
		answers_at_all(sa);
}

void window_resume(struct ike_sa *sa)
{
	sa->sendings = 1;	/* at least; nobody knows when, so its answer says nothing of the round-trip time */
	sa->sent_at = sa->e->now;
	sa->early = 0;
	send_once(sa);
}

void window_retry(struct exchange *x, uint64_t delay)
{
	struct ike_sa *sa = x->sa;

	sa->active = NULL;
	secret_clear(&sa->sent);
	x->answered = false;
	if (sa->state <= IKE_INIT)
		sa->next_request = 0;
	x->not_before = delay ? sa->e->now + delay : 0;
	exchange_queue_first(x);
}

void window_answer_begin(struct exchange *x, struct wire_out *out)
{
	message_begin(x->sa, out, x->m.h.exchange, true, x->m.h.message_id);
}

void window_answer_end(struct exchange *x, struct wire_out *out)
{
	struct ike_sa *sa = x->sa;
	struct view datagram;

	if (message_end(sa, out, &datagram) || secret_set(&sa->answered, datagram.p, datagram.n)) {
		ike_sa_end(sa, "an answer could not be built");
		return;
	}
	sa->have_answered = true;
	sa->resendings = 0;
	sa->next_expected++;
	report_detail(sa, NULL, ENGINE_ANSWER_SENT, ikev2_exchange_name(x->m.h.exchange), x->m.h.message_id, "%zu bytes",
		      datagram.n);
	message_send_over(sa, &x->from, datagram);
	exchange_done(x);
}

void window_answer_again(struct ike_sa *sa, const struct path *to)
{
	sa->e->stats.retransmitted++;
	if (++sa->resendings >= FRAGMENT_SMALLER_AFTER)
		fragment_smaller(sa, &sa->answered);
	message_send_over(sa, to, secret_view(&sa->answered));
}

/* A peer that we know may ask once more, if our answer is lost; strangers leave nothing here. */
static void give_up_on(struct ike_sa *sa, const char *reason)
{
	if (sa->state < IKE_ESTABLISHED)
		ike_sa_end(sa, reason);
	else
		ike_sa_close(sa, reason);
}

void window_refuse(struct exchange *x, uint16_t notify)
{
	window_refuse_with(x, notify, (struct view){ 0 });
}

void window_refuse_with(struct exchange *x, uint16_t notify, struct view data)
{
	struct ike_sa *sa = x->sa;
	struct wire_out out;

	window_answer_begin(x, &out);
	message_put_notify(&out, notify, data);
	window_answer_end(x, &out);
	if (notify == IKEV2_N_INVALID_SYNTAX)
		give_up_on(sa, "a request of the peer breaks the protocol (INVALID_SYNTAX); see the log");
}
