// SPDX-License-Identifier: MIT
// Sending, and sending again.
#include "keyd/ikev1/window.h"

#include "keyd/crypto/rand.h"
#include "keyd/ike/report.h"
#include "keyd/ikev1/exchanges.h"
#include "keyd/ikev1/message.h"

#include <stdio.h>
#include <string.h>

/* Doubling ends here: 64 times the first wait. */
#define BACKOFF_STEPS_MAX 6
/* So many signs of life are asked for before the SA is doubted. */
#define DOUBTED_AFTER 3
#define DISOWNED_AFTER 2	/* where somebody says that the peer has lost it */
/* Who hears a delete answers a R-U-THERE behind it within this. */
#define ANSWERS_WITHIN SECONDS(2)

uint64_t v1_wait(const struct ike_sa *sa, unsigned n)
{
	unsigned step = n ? n - 1 : 0;

	return MILLISECONDS(sa->peer->conf.retransmit_ms) << (step < BACKOFF_STEPS_MAX ? step : BACKOFF_STEPS_MAX);
}

/* By answers to what was sent once only (RFC 6298 2, 3). */
static void measure(struct ike_sa *sa)
{
	uint64_t took = sa->e->now - sa->sent_at, off = took > sa->rtt ? took - sa->rtt : sa->rtt - took;

	if (sa->sendings != 1)
		return;
	sa->rtt_var = sa->rtt ? (3 * sa->rtt_var + off) / 4 : took / 2;
	sa->rtt = sa->rtt ? (7 * sa->rtt + took) / 8 : took;
	sa->rtt += !sa->rtt;
}

static void retransmit_due(struct timer *t);

static void send_again(struct ike_sa *sa)
{
	struct path path = path_of(sa);

	sa->sendings++;
	timer_set(&sa->e->timers, &sa->retransmit, sa->e->now + v1_wait(sa, sa->sendings), retransmit_due);
	v1_message_send(sa, &path, secret_view(&sa->sent));
}

/* What was said without proof is no reason to give up, but it may be the reason why. */
static void give_up(struct ike_sa *sa)
{
	struct exchange *x = sa->active;
	char reason[224];

	if (x->ops->silent) {
		x->ops->silent(x);
		return;
	}
	if (x->doubt[0])
		snprintf(reason, sizeof(reason), "%s", x->doubt);
	else
		snprintf(reason, sizeof(reason), "no answer to %s after %u sendings: the peer counts as dead", x->ops->name, sa->sendings);
	sa->e->stats.dpd_dead++;
	report_reason(sa, REASON_PEER_DEAD);
	ike_sa_end(sa, reason);
}

static void renew(struct exchange *x);

static unsigned doubted_after(const struct ike_sa *sa)
{
	return sa->v1->disowned ? DISOWNED_AFTER : DOUBTED_AFTER;
}

/* A quick mode that nobody answers may be on an SA that the peer has lost: its second try is on another, and has the whole time. */
static unsigned tries_of(const struct ike_sa *sa)
{
	const struct exchange *x = sa->active;
	unsigned all = sa->peer->conf.retransmit_tries;

	return x->ops->type == ISAKMP_EXCH_QUICK && !x->tries && all > DOUBTED_AFTER ? doubted_after(sa) + 1 : all;
}

static void retransmit_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, retransmit);

	if (!sa->active)
		return;
	if (sa->sendings >= tries_of(sa)) {
		give_up(sa);
		return;
	}
	sa->e->stats.retransmitted++;
	report_detail(sa, sa->active->child, ENGINE_RETRANSMITTED, sa->active->ops->name, sa->active->message_id,
		      "sending %u of %u", sa->sendings + 1, sa->peer->conf.retransmit_tries);
	report_sa(sa, LOG_LEVEL_INFO, sa->active->ops->name, "retransmit", "message_id=%08x sending %u of %u",
		  sa->active->message_id, sa->sendings + 1, sa->peer->conf.retransmit_tries);
	if (sa->active->ops->anew)
		renew(sa->active);
	send_again(sa);
	/* It may have lost this SA, and not its children: another shows it while there is time. */
	if (sa->active->ops == &v1_liveness_ops && sa->sendings == doubted_after(sa))
		v1_rekey_ike(sa);
}

void v1_send(struct exchange *x, struct view datagram)
{
	struct ike_sa *sa = x->sa;

	if (secret_set(&sa->sent, datagram.p, datagram.n)) {
		ike_sa_end(sa, "out of memory");
		return;
	}
	sa->sendings = 0;
	sa->sent_at = sa->e->now;
	report_detail(sa, x->child, ENGINE_REQUEST_SENT, x->ops->name, x->message_id, "%zu bytes", datagram.n);
	send_again(sa);
}

void v1_send_once(struct exchange *x, struct view datagram)
{
	struct path path = path_of(x->sa);

	report_detail(x->sa, x->child, ENGINE_ANSWER_SENT, x->ops ? x->ops->name : x->sa->version->exchange_name(x->m.h.exchange),
		      x->message_id, "%zu bytes", datagram.n);
	v1_message_send(x->sa, &path, datagram);
}

void v1_answered(struct ike_sa *sa)
{
	report_detail(sa, sa->active->child, ENGINE_ANSWER_RECEIVED, sa->active->ops->name, sa->active->message_id,
		      "after %u sendings", sa->sendings);
	timer_cancel(&sa->e->timers, &sa->retransmit);
	ike_sa_touch(sa);
	measure(sa);
	sa->heard_at = sa->e->now;
	sa->v1->disowned = false;
}

int v1_fresh_message_id(struct ike_sa *sa, uint32_t *id)
{
	do {
		if (crypto_rand(id, sizeof(*id)))
			return -1;
	} while (!*id || v1_memo_find(sa, *id) || v1_serving(sa, *id) || (sa->v1->nseen < V1_SEEN_MAX && v1_seen(sa, *id)));
	return v1_see(sa, *id);
}

/* What is said under the keys of the SA: a HASH payload, then what the exchange has to say. 0; 1: nothing, any more; or -1. */
static int build(struct exchange *x, struct view *datagram)
{
	struct ike_sa *sa = x->sa;
	struct wire_out out;
	size_t at;

	if (v1_fresh_message_id(sa, &x->message_id) || ikev1_iv_phase2(&sa->v1->suite, sa->v1->iv, x->message_id, x->v1.iv))
		return -1;
	v1_message_begin(sa, &out, x->ops->type, x->message_id, true);
	at = v1_hash_begin(sa, &out);
	if (!x->ops->build(x, &out))
		return 1;
	if (v1_hash_end(sa, &out, at, x->message_id, (struct view){ 0 }) || v1_message_end(sa, &out, x->v1.iv, datagram))
		return -1;
	return 0;
}

void v1_send_next(struct ike_sa *sa)
{
	struct exchange *x = sa->active;
	struct view datagram;
	int r;

	if (x->v1.phase1) {
		v1_phase1_send(x);
		return;
	}
	r = build(x, &datagram);
	if (r < 0) {
		ike_sa_end(sa, "a message could not be built");
	} else if (r) {
		if (x->ops->abandon)
			x->ops->abandon(x);
		exchange_free(x);
	} else if (x->ops->one_way) {
		v1_send_once(x, datagram);
		if (secret_set(&sa->sent, datagram.p, datagram.n))
			secret_clear(&sa->sent);
		x->answered = true;
		x->ops->answer(x);
	} else {
		v1_send(x, datagram);
	}
}

/* A peer that knows a message id already need not look at it again. */
static void renew(struct exchange *x)
{
	struct view datagram;

	if (build(x, &datagram) || secret_set(&x->sa->sent, datagram.p, datagram.n))
		report_sa(x->sa, LOG_LEVEL_ERROR, x->ops->name, "failed", "it could not be built again");
}

void v1_resume(struct ike_sa *sa)
{
	sa->sendings = 0;
	sa->sent_at = sa->e->now;
	send_again(sa);
}

/* Anything counts: then the way is open, and what was said just before has come, too. */
static bool heard_since(const struct v1_memo *m)
{
	const struct ike_sa *heir = ike_sa_heir(m->sa);

	return m->sa->heard_at > m->asked_at || heir->heard_at > m->asked_at;
}

static void last_due(struct timer *t);

static void look_back(struct v1_memo *m)
{
	m->asked = true;
	m->asked_at = m->sa->e->now;
	timer_set(&m->sa->e->timers, &m->timer, m->sa->e->now + ANSWERS_WITHIN, last_due);
}

static void last_due(struct timer *t)
{
	struct v1_memo *m = container_of(t, struct v1_memo, timer);
	struct path path = path_of(m->sa);

	if ((m->asked || !m->message_id) && heard_since(m)) {
		v1_memo_rest(m);
		return;
	}
	if (m->asked) {
		m->asked = false;
		timer_set(&m->sa->e->timers, t, m->sa->e->now + v1_wait(m->sa, m->most), last_due);
		return;
	}
	m->sendings++;
	v1_message_send(m->sa, &path, secret_view(&m->answer));
	if (m->sendings < m->most)
		timer_set(&m->sa->e->timers, t, m->sa->e->now + v1_wait(m->sa, m->sendings), last_due);
	else if (m->deleted && v1_delete_may_be_lost(m, ANSWERS_WITHIN + v1_wait(m->sa, m->most)))
		look_back(m);
	else
		v1_memo_rest(m);
}

void v1_memo_repeat(struct v1_memo *m, unsigned times)
{
	m->sendings = 1;
	m->most = times;
	m->asked_at = m->sa->e->now;
	timer_set(&m->sa->e->timers, &m->timer, m->sa->e->now + v1_wait(m->sa, 1), last_due);
}
