// SPDX-License-Identifier: MIT
// The end of an IKE SA: what it was doing, had and owed.
#include "keyd/ike/ike_sa.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/duplicate.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/keepalive.h"
#include "keyd/ike/liveness.h"
#include "keyd/ike/pieces.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ike/story.h"
#include "keyd/ike/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Half of the longest that a peer asks again and again; the last of its requests are the furthest apart. */
#define CLOSED_LIFE SECONDS(60)

static void drop_timers(struct ike_sa *sa)
{
	struct timer *all[] = { &sa->retransmit, &sa->rekey, &sa->end, &sa->kick, &sa->reauth.timer };

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		timer_cancel(&sa->e->timers, all[i]);
	liveness_stop(sa);
	keepalive_stop(sa);
}

static void drop_exchanges(struct ike_sa *sa)
{
	struct exchange *x;

	while ((x = sa->active) || (!list_empty(&sa->queue) &&
				    (x = list_entry(sa->queue.next, struct exchange, link)))) {
		if (x->ops->abandon)
			x->ops->abandon(x);
		exchange_free(x);
	}
	if (sa->serving)
		exchange_free(sa->serving);
	if (sa->version->drop)
		sa->version->drop(sa);
}

static void log_end(struct ike_sa *sa, bool stranger, const char *reason)
{
	if (stranger && !rate_allow(sa->e, &sa->e->noise))
		return;
	report_sa(sa, stranger || sa->quiet ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE, "IKE_SA",
		  ike_state_half_open(sa->state) ? "failed" : "down", "%s", reason);
}

static void tell_end(struct ike_sa *sa, bool was_up, const char *reason)
{
	if (!was_up && !sa->quiet) {
		sa->e->stats.failed++;
		report_event(sa, NULL, ENGINE_FAILED, "%s", reason);
	} else if (was_up && !sa->quiet) {
		report_event(sa, NULL, ENGINE_IKE_DOWN, "%s", reason);
	}
}

static void give_back_leases(struct ike_sa *sa)
{
	for (unsigned f = 0; f < 2; f++) {
		if (sa->lease[f])
			lease_put(&sa->e->pools, sa->lease[f], sa->e->now);
		sa->lease[f] = NULL;
	}
}

/* A child that was asked for and does not come to be. The reason goes on to be that of the SA. */
static void tell_unborn(struct ike_sa *sa, const struct exchange *x, const char *reason)
{
	struct story_pending why = sa->e->stories.pending;

	if (!x || !x->child || x->child->state != CHILD_NEW || !x->child->initiator || x->child->replaces)
		return;
	sa->e->stats.failed++;
	report_event(sa, x->child, ENGINE_FAILED, "%s", reason);
	sa->e->stories.pending = why;
}

static void give_back(struct child_sa *c)
{
	const struct exchange *x = child_maker(c);

	if (x && x->sa != c->sa)
		child_belongs(c, x->sa);
}

/* Exchanges that are still under way on SAs whose place sa has taken would give sa their children: each keeps its own now. */
static void leave_unborn(struct ike_sa *sa)
{
	list_each(c, &sa->unborn, struct child_sa, link)
		give_back(c);
	list_each(c, &sa->children, struct child_sa, link)
		give_back(c);
}

static void end(struct ike_sa *sa, enum ike_state to, const char *why)
{
	bool was_up = !ike_state_half_open(sa->state);
	/* Anybody can begin and not go on: that is no news of the peer whose address was used. */
	bool stranger = !sa->initiator && (sa->state == IKE_INIT || half_open_is_unshown(sa));
	char reason[256];

	snprintf(reason, sizeof(reason), "%s", why);	/* it may belong to an exchange that is freed below */
	log_end(sa, stranger, reason);
	if (was_up && !sa->quiet) {
		tell_unborn(sa, sa->active, reason);
		list_each(x, &sa->queue, struct exchange, link)
			tell_unborn(sa, x, reason);
	}
	ike_sa_set_state(sa, to);
	drop_timers(sa);
	drop_exchanges(sa);
	leave_unborn(sa);
	reauth_ended(sa, reason);
	reauth_hand_over(sa);
	list_each(c, &sa->children, struct child_sa, link)
		child_end(c, ENGINE_CHILD_DOWN, reason);
	give_back_leases(sa);
	if (stranger)
		story_failed(sa, NULL, reason);
	else
		tell_end(sa, was_up, reason);
}

void ike_sa_end(struct ike_sa *sa, const char *reason)
{
	if (sa->state == IKE_CLOSED)
		ike_sa_set_state(sa, IKE_DEAD);
	else if (sa->state != IKE_DEAD)
		end(sa, IKE_DEAD, reason);
}

static void closed_due(struct timer *t)
{
	ike_sa_end(container_of(t, struct ike_sa, end), "closed");
}

static void replaced_due(struct timer *t)
{
	ike_sa_end(container_of(t, struct ike_sa, end), "replaced, and its DELETE never came");
}

static void crossed_due(struct timer *t)
{
	ike_sa_end(container_of(t, struct ike_sa, end), "both sides rekeyed at once and the other one stays; no DELETE came");
}

/* Which end it is waiting for follows from the state. */
static void (*end_due(enum ike_state state))(struct timer *t)
{
	return state == IKE_CLOSED ? closed_due : state == IKE_CROSSED ? crossed_due : replaced_due;
}

void ike_sa_end_at(struct ike_sa *sa, uint64_t at)
{
	timer_set(&sa->e->timers, &sa->end, at, end_due(sa->state));
}

void ike_sa_close(struct ike_sa *sa, const char *reason)
{
	if (sa->state >= IKE_CLOSED)
		return;
	end(sa, IKE_CLOSED, reason);
	ike_sa_end_at(sa, sa->e->now + CLOSED_LIFE);
}

/* Of IKEv1 one that was replaced may be asked for children long after the one that took its place has gone in its turn. */
static void bridge(struct ike_sa *sa)
{
	struct ike_sa *before = ike_sa_find(sa->e, sa->predecessor), *after = ike_sa_find(sa->e, sa->successor);

	if (!sa->v1 || !before || !after || memcmp(before->successor, ike_sa_our_spi(sa), sizeof(before->successor)) != 0)
		return;
	memcpy(before->successor, sa->successor, sizeof(before->successor));
	ike_sa_touch(before);
	if (memcmp(after->predecessor, ike_sa_our_spi(sa), sizeof(after->predecessor)) != 0)
		return;
	memcpy(after->predecessor, sa->predecessor, sizeof(after->predecessor));
	ike_sa_touch(after);
}

void ike_sa_free(struct ike_sa *sa)
{
	if (sa->state != IKE_DEAD)
		ike_sa_set_state(sa, IKE_DEAD);
	drop_timers(sa);
	drop_exchanges(sa);
	leave_unborn(sa);
	bridge(sa);
	list_each(u, &sa->unborn, struct child_sa, link)
		child_free(u);
	list_each(c, &sa->children, struct child_sa, link)
		child_free(c);
	give_back_leases(sa);
	story_move(sa, NULL);
	keep_end(sa->e, &sa->keep);
	list_del(&sa->link);
	list_del(&sa->dead);
	half_open_forget(sa);
	table_del(&sa->e->by_spi, &sa->node);
	table_del(&sa->e->by_ends, &sa->by_ends);
	duplicate_forget(sa);
	ikev2_keys_clear(&sa->keys);
	if (sa->version->freed)
		sa->version->freed(sa);
	crypto_cipher_free(sa->seal);
	crypto_cipher_free(sa->open);
	crypto_kex_free(sa->kex);
	pieces_free(&sa->pieces[0]);
	pieces_free(&sa->pieces[1]);
	held_free(&sa->auth.held);
	proof_free(sa);
	struct secret *all[] = { &sa->ni, &sa->nr, &sa->init_request, &sa->init_response, &sa->cookie, &sa->sent,
				 &sa->answered };
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		secret_clear(all[i]);
	peer_put(sa->peer);
	free(sa);
}

void ike_sa_reap(struct engine *e)
{
	while (!list_empty(&e->dead))
		ike_sa_free(list_entry(e->dead.next, struct ike_sa, dead));
}
