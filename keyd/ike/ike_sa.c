// SPDX-License-Identifier: MIT
// IKE SAs: how they begin, change state and end.
#include "keyd/ike/ike_sa.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/rand.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/duplicate.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/keepalive.h"
#include "keyd/ike/keylog.h"
#include "keyd/ike/lifetime.h"
#include "keyd/ike/liveness.h"
#include "keyd/ike/pieces.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/story.h"
#include "keyd/ike/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A rekey that is not wanted now is looked at again after this. */
#define REKEY_POSTPONED SECONDS(10)
/* A replaced or redundant SA whose DELETE never comes goes after this long. */
#define REPLACED_LIFE SECONDS(60)
/* Half of the longest that a peer asks again and again; the last of its requests are the furthest apart. */
#define CLOSED_LIFE SECONDS(60)

static const char *const state_names[IKE_STATES] = {
	[IKE_NEW] = "new",
	[IKE_INIT] = "init",
	[IKE_AUTH] = "auth",
	[IKE_ESTABLISHED] = "established",
	[IKE_REPLACED] = "replaced",
	[IKE_DELETING] = "deleting",
	[IKE_CROSSED] = "crossed",
	[IKE_CLOSED] = "closed",
	[IKE_DEAD] = "dead",
};

/* From (row) to (bits): everything may die, and what has been established may be closed. */
static const unsigned state_steps[IKE_STATES] = {
	[IKE_NEW] = 1u << IKE_INIT | 1u << IKE_ESTABLISHED | 1u << IKE_CROSSED,
	[IKE_INIT] = 1u << IKE_AUTH,
	[IKE_AUTH] = 1u << IKE_ESTABLISHED | 1u << IKE_DELETING,
	[IKE_ESTABLISHED] = 1u << IKE_REPLACED | 1u << IKE_DELETING,
	[IKE_REPLACED] = 1u << IKE_DELETING,
	[IKE_DELETING] = 0,
	[IKE_CROSSED] = 1u << IKE_ESTABLISHED | 1u << IKE_DELETING,
	[IKE_CLOSED] = 0,
	[IKE_DEAD] = 0,
};

const char *ike_state_name(enum ike_state s)
{
	return s < IKE_STATES ? state_names[s] : "?";
}

static uint64_t spi_key(const uint8_t spi[8])
{
	uint64_t key;

	memcpy(&key, spi, sizeof(key));
	return key;
}

const uint8_t *ike_sa_our_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

struct ike_sa *ike_sa_find(struct engine *e, const uint8_t spi[8])
{
	struct table_node *node = table_find(&e->by_spi, spi_key(spi));

	return node ? container_of(node, struct ike_sa, node) : NULL;
}

/* Zero is no SPI (RFC 7296 2.6), and ours are unique among ours. */
static int fresh_spi(struct engine *e, uint8_t spi[8])
{
	do {
		if (crypto_rand(spi, 8))
			return -1;
	} while (!spi_key(spi) || ike_sa_find(e, spi));
	return 0;
}

static uint64_t ends_key(const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	uint64_t h = table_hash(0, local->b, ipsec_addr_bits(local->family) / 8);

	return table_hash(h, remote->b, ipsec_addr_bits(remote->family) / 8);
}

void ike_sa_set_remote(struct ike_sa *sa, const struct ipsec_addr *remote, uint16_t port)
{
	table_del(&sa->e->by_ends, &sa->by_ends);
	sa->remote = *remote;
	sa->remote_port = port;
	ike_sa_touch(sa);
	table_add(&sa->e->by_ends, &sa->by_ends, ends_key(&sa->local, remote));
}

static struct ike_sa *between_or_next(struct table_node *node, const struct ipsec_addr *local,
				      const struct ipsec_addr *remote)
{
	for (; node; node = table_next(node)) {
		struct ike_sa *sa = container_of(node, struct ike_sa, by_ends);

		if (ipsec_addr_equal(&sa->local, local) && ipsec_addr_equal(&sa->remote, remote))
			return sa;
	}
	return NULL;
}

struct ike_sa *ike_sa_first_between(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	return between_or_next(table_find(&e->by_ends, ends_key(local, remote)), local, remote);
}

struct ike_sa *ike_sa_next_between(const struct ike_sa *sa)
{
	return between_or_next(table_next(&sa->by_ends), &sa->local, &sa->remote);
}

void ike_sa_touch(struct ike_sa *sa)
{
	keep_touch(sa->e, &sa->keep, KEEP_IKE_SA);
}

struct ike_sa *ike_sa_take(struct engine *e, struct peer *peer, bool initiator, const uint8_t spi_i[8],
			   const uint8_t spi_r[8])
{
	const uint8_t *ours = initiator ? spi_i : spi_r;
	struct ike_sa *sa = spi_key(ours) && !ike_sa_find(e, ours) ? calloc(1, sizeof(*sa)) : NULL;

	if (!sa)
		return NULL;
	sa->e = e;
	sa->initiator = initiator;
	memcpy(sa->spi_i, spi_i, sizeof(sa->spi_i));
	memcpy(sa->spi_r, spi_r, sizeof(sa->spi_r));
	sa->peer = peer_get(peer);
	sa->created_at = sa->heard_at = e->now;
	list_init(&sa->queue);
	list_init(&sa->dead);
	list_init(&sa->half_open.link);
	list_init(&sa->children);
	list_add_tail(&e->sas, &sa->link);
	table_add(&e->by_spi, &sa->node, spi_key(ike_sa_our_spi(sa)));
	e->stats.ike_now++;
	e->stats.half_open_now++;
	return sa;
}

struct ike_sa *ike_sa_new(struct engine *e, struct peer *peer, bool initiator, const struct ipsec_addr *local,
			  uint16_t local_port, const struct ipsec_addr *remote, uint16_t remote_port)
{
	uint8_t spi[2][8] = { { 0 } };
	struct ike_sa *sa = fresh_spi(e, spi[!initiator]) ? NULL : ike_sa_take(e, peer, initiator, spi[0], spi[1]);

	if (!sa)
		return NULL;
	sa->local = *local;
	sa->local_port = local_port;
	ike_sa_set_remote(sa, remote, remote_port);
	return sa;
}

static bool half_open(enum ike_state s)
{
	return s < IKE_ESTABLISHED;
}

void ike_sa_set_state(struct ike_sa *sa, enum ike_state to)
{
	enum ike_state from = sa->state;

	if (from == to)
		return;
	if (to < IKE_CLOSED && !(state_steps[from] & 1u << to)) {
		report_sa(sa, LOG_LEVEL_ERROR, "state", "refused", "no step from %s to %s", ike_state_name(from),
			  ike_state_name(to));
		return;
	}
	sa->state = to;
	ike_sa_touch(sa);
	/* One that only answers copies of its DELETE is nobody's tunnel any more. */
	if (from < IKE_CLOSED && to >= IKE_CLOSED)
		sa->e->stats.ike_now--;
	report_state(sa, NULL, ike_state_name(from), ike_state_name(to));
	/* The first state in which the peer speaks by these keys. */
	if (to == IKE_AUTH || (to == IKE_ESTABLISHED && from == IKE_NEW))
		keylog_ike(sa);
	if (half_open(from) && !half_open(to)) {
		sa->e->stats.half_open_now--;
		half_open_done(sa);
	}
	if (to == IKE_DEAD)
		list_add_tail(&sa->e->dead, &sa->dead);
	report_sa(sa, LOG_LEVEL_DEBUG, "state", ike_state_name(to), "was %s", ike_state_name(from));
}

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
}

static void log_end(struct ike_sa *sa, bool stranger, const char *reason)
{
	if (stranger && !rate_allow(sa->e, &sa->e->noise))
		return;
	report_sa(sa, stranger || sa->quiet ? LOG_LEVEL_INFO : LOG_LEVEL_NOTICE, "IKE_SA",
		  half_open(sa->state) ? "failed" : "down", "%s", reason);
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

static void give_back_unborn(struct exchange *x, const struct ike_sa *sa)
{
	struct child_sa *c = x ? x->child : NULL;

	if (!c || c->sa != sa || x->sa == sa)
		return;
	c->sa = x->sa;
	list_del(&c->link);
	if (c->state != CHILD_NEW)
		list_add_tail(&x->sa->children, &c->link);
}

/* An exchange that is still under way on the SA that sa was made from would give sa its child: it keeps that now. */
static void leave_unborn(struct ike_sa *sa)
{
	struct ike_sa *old = ike_sa_find(sa->e, sa->predecessor);

	if (!old)
		return;
	give_back_unborn(old->active, sa);
	give_back_unborn(old->serving, sa);
}

static void end(struct ike_sa *sa, enum ike_state to, const char *why)
{
	bool was_up = !half_open(sa->state);
	/* Anybody can begin and not go on: that is no news of the peer whose address was used. */
	bool stranger = !sa->initiator && sa->state == IKE_INIT;
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

void ike_sa_close(struct ike_sa *sa, const char *reason)
{
	if (sa->state >= IKE_CLOSED)
		return;
	end(sa, IKE_CLOSED, reason);
	timer_set(&sa->e->timers, &sa->end, sa->e->now + CLOSED_LIFE, closed_due);
}

void ike_sa_free(struct ike_sa *sa)
{
	if (sa->state != IKE_DEAD)
		ike_sa_set_state(sa, IKE_DEAD);
	drop_timers(sa);
	drop_exchanges(sa);
	leave_unborn(sa);
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
	crypto_cipher_free(sa->seal);
	crypto_cipher_free(sa->open);
	crypto_kex_free(sa->kex);
	pieces_free(&sa->pieces[0]);
	pieces_free(&sa->pieces[1]);
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

int ike_sa_ciphers(struct ike_sa *sa)
{
	const struct ikev2_keys *k = &sa->keys;
	struct crypto_cipher *i = crypto_cipher_new(sa->suite.encr, sa->suite.integ, secret_view(&k->sk_ei),
						    secret_view(&k->sk_ai));
	struct crypto_cipher *r = crypto_cipher_new(sa->suite.encr, sa->suite.integ, secret_view(&k->sk_er),
						    secret_view(&k->sk_ar));

	sa->seal = sa->initiator ? i : r;
	sa->open = sa->initiator ? r : i;
	return i && r ? 0 : -1;
}

bool ike_sa_alive(const struct ike_sa *sa)
{
	/* One that a rekey is making has no exchange of its own yet: it belongs to that rekey, and goes with it. */
	bool own = sa->state != IKE_NEW || sa->active || !list_empty(&sa->queue);

	return sa->state < IKE_REPLACED && own;
}

struct ike_sa *ike_sa_between(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	struct ike_sa *best = NULL;

	for (struct ike_sa *sa = ike_sa_first_between(e, local, remote); sa; sa = ike_sa_next_between(sa)) {
		if (!ike_sa_alive(sa) || sa->full)
			continue;
		/* A half-open SA that a stranger began must not swallow our traffic. */
		if (half_open(sa->state) && !sa->initiator)
			continue;
		/* Behind one NAT may be many: who has no child yet is likelier the one that this is for. */
		if (best && best->state == IKE_ESTABLISHED && best->nat_remote && list_empty(&best->children) &&
		    !list_empty(&sa->children))
			continue;
		if (!best || best->redundant_at || (sa->state == IKE_ESTABLISHED && !sa->redundant_at))
			best = sa;
	}
	return best;
}

static void rekey_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, rekey);

	if (ike_sa_find(sa->e, sa->reauth.by)) {	/* the next SA takes over: no use in fresh keys for this one */
		ike_sa_rekey_later(sa, REKEY_POSTPONED);
		return;
	}
	if (!sa->rekey_why)
		sa->rekey_why = "time";
	ike_sa_touch(sa);
	ikev2_version.rekey_ike(sa);
}

void ike_sa_established(struct ike_sa *sa, const char *how)
{
	const struct conf_peer *conf = &sa->peer->conf;
	struct proposal_choice algs = { .encr = sa->suite.encr, .prf = sa->suite.prf, .integ = sa->suite.integ,
					.ke = sa->ke };
	struct engine *e = sa->e;
	char text[128];

	ike_sa_set_state(sa, IKE_ESTABLISHED);
	duplicate_know(sa);
	if (!sa->rekeys) {
		memcpy(sa->origin, sa->spi_i, sizeof(sa->origin));
		sa->originator = sa->initiator;
		sa->origin_at = sa->e->now;
	}
	timer_cancel(&e->timers, &sa->end);
	sa->established_at = sa->heard_at = e->now;
	sa->rekey_at = e->now + lifetime_soft(conf, SECONDS(conf->ike_lifetime), sa->initiator);
	timer_set(&e->timers, &sa->rekey, sa->rekey_at, rekey_due);
	liveness_start(sa);
	proposal_choice_format(&algs, text, sizeof(text));
	report_sa(sa, LOG_LEVEL_NOTICE, "IKE_SA", how, "%s as %s%s%s", text, sa->initiator ? "initiator" : "responder",
		  sa->rekey_why ? "; reason: " : "", sa->rekey_why ? sa->rekey_why : "");
	sa->rekey_why = NULL;
	report_event(sa, NULL, sa->rekeys ? ENGINE_IKE_REKEYED : ENGINE_IKE_UP, "%s", text);
	if (sa->rekeys)
		e->stats.ike_rekeyed++;
	else
		e->stats.ike_up++;
	keepalive_start(sa);
	if (!sa->rekeys)
		reauth_established(sa);
	ike_sa_kick(sa);
}

static void replaced_due(struct timer *t)
{
	ike_sa_end(container_of(t, struct ike_sa, end), "replaced, and its DELETE never came");
}

static void move_exchange(struct exchange *x, struct ike_sa *to)
{
	x->sa = to;
	if (x->child)
		x->child->sa = to;
}

static void move_queue(struct ike_sa *old, struct ike_sa *fresh)
{
	list_each(x, &old->queue, struct exchange, link) {
		if (x->ops->of_this_sa)
			exchange_free(x);
		else
			move_exchange(x, fresh);
	}
	list_splice_tail(&fresh->queue, &old->queue);
	/* What is being answered is answered on the old SA, but what it makes lives on the new one. */
	if (old->serving && old->serving->child)
		old->serving->child->sa = fresh;
	if (old->active && old->active->child)
		old->active->child->sa = fresh;
}

void ike_sa_replace(struct ike_sa *old, struct ike_sa *fresh)
{
	struct engine *e = old->e;

	list_each(c, &old->children, struct child_sa, link) {
		c->sa = fresh;
		child_touch(c);
	}
	list_splice_tail(&fresh->children, &old->children);
	move_queue(old, fresh);
	memcpy(old->successor, ike_sa_our_spi(fresh), sizeof(old->successor));
	memcpy(fresh->predecessor, ike_sa_our_spi(old), sizeof(fresh->predecessor));
	fresh->quiet = false;
	fresh->nat_local = old->nat_local;
	fresh->nat_remote = old->nat_remote;
	fresh->nat_asked = old->nat_asked;
	fresh->encap = old->encap;
	fresh->nat_follow = old->nat_follow;
	ike_sa_set_remote(fresh, &old->remote, old->remote_port);
	fresh->local_id = old->local_id;
	fresh->remote_id = old->remote_id;
	fresh->rekeys = old->rekeys + 1;
	fresh->fragment_size = old->fragment_size;
	fresh->rekey_why = fresh->initiator && old->rekey_why ? old->rekey_why : "the peer asked for it";
	memcpy(fresh->lease, old->lease, sizeof(fresh->lease));
	memset(old->lease, 0, sizeof(old->lease));
	memcpy(fresh->assigned, old->assigned, sizeof(fresh->assigned));
	fresh->rtt = old->rtt;
	fresh->rtt_var = old->rtt_var;
	old->quiet = true;
	story_move(old, fresh);
	ike_sa_set_state(old, IKE_REPLACED);
	timer_cancel(&e->timers, &old->rekey);
	liveness_stop(old);
	timer_cancel(&e->timers, &old->kick);
	keepalive_stop(old);
	timer_set(&e->timers, &old->end, e->now + REPLACED_LIFE, replaced_due);
	memcpy(fresh->origin, old->origin, sizeof(fresh->origin));
	fresh->originator = old->originator;
	fresh->origin_at = old->origin_at;
	ike_sa_established(fresh, "rekeyed");
	reauth_replaced(old, fresh);
	if (old->redundant_at)
		duplicate_goes(fresh, old->redundant_at);
	else
		duplicate_look(fresh);
}

static void crossed_due(struct timer *t)
{
	ike_sa_end(container_of(t, struct ike_sa, end), "both sides rekeyed at once and the other one stays; no DELETE came");
}

void ike_sa_cross(struct ike_sa *fresh, const struct ike_sa *old)
{
	fresh->quiet = true;
	memcpy(fresh->predecessor, ike_sa_our_spi(old), sizeof(fresh->predecessor));
	ike_sa_set_state(fresh, IKE_CROSSED);
	timer_set(&fresh->e->timers, &fresh->end, fresh->e->now + REPLACED_LIFE, crossed_due);
}

struct ike_sa *ike_sa_heir(struct ike_sa *sa)
{
	struct ike_sa *next;

	while (spi_key(sa->successor) && (next = ike_sa_find(sa->e, sa->successor)))
		sa = next;
	return sa;
}

void ike_sa_rekey_later(struct ike_sa *sa, uint64_t delay)
{
	report_detail(sa, NULL, ENGINE_REKEY_FAILED, NULL, 0, "again in %.1f s", (double)delay / 1e6);
	sa->rekey_at = sa->e->now + delay;
	timer_set(&sa->e->timers, &sa->rekey, sa->rekey_at, rekey_due);
	ike_sa_touch(sa);
}

/* Which end it is waiting for follows from the state. */
static void (*end_due(enum ike_state state))(struct timer *t)
{
	return state == IKE_CLOSED ? closed_due : state == IKE_CROSSED ? crossed_due : replaced_due;
}

void ike_sa_take_up(struct ike_sa *sa, enum ike_state state, uint64_t rekey_at, uint64_t end_at)
{
	struct engine *e = sa->e;

	sa->thawed_at = e->now;
	sa->state = state;
	e->stats.half_open_now--;
	if (state >= IKE_CLOSED)
		e->stats.ike_now--;
	ike_sa_touch(sa);
	if (end_at && sa->redundant_at && state == IKE_ESTABLISHED)
		duplicate_goes(sa, end_at);
	else if (end_at && state != IKE_ESTABLISHED)
		timer_set(&e->timers, &sa->end, end_at, end_due(state));
	if (state != IKE_ESTABLISHED)
		return;
	keylog_ike(sa);
	duplicate_know(sa);
	if (rekey_at)
		timer_set(&e->timers, &sa->rekey, rekey_at, rekey_due);
	liveness_start(sa);
	keepalive_start(sa);
}

bool ike_sa_same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b && a->state == IKE_ESTABLISHED && conf_id_equal(&a->remote_id, &b->remote_id) &&
	       conf_id_equal(&a->local_id, &b->local_id);
}
