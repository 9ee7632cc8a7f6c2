// SPDX-License-Identifier: MIT
// The rings of stories: how one begins, grows, ends, and makes room.
#include "keyd/ike/story.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/liveness.h"
#include "keyd/ike/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stories of strangers that are written in one second; the others are in the log at most. */
#define STRANGE_PER_SECOND 10

void stories_init(struct stories *all)
{
	list_init(&all->known);
	list_init(&all->strange);
}

static void story_free(struct stories *all, struct story *st)
{
	if (st->sa)
		st->sa->story = NULL;
	list_del(&st->link);
	st->strange ? all->nstrange-- : all->nknown--;
	free(st);
}

void stories_free(struct stories *all)
{
	list_each(k, &all->known, struct story, link)
		story_free(all, k);
	list_each(s, &all->strange, struct story, link)
		story_free(all, s);
}

/* What is worth least goes first: a stranger's, what went well, what is old. */
static unsigned worth(const struct story *st)
{
	return (st->s.secure || st->s.initiator ? 1U : 0U) + (st->s.outcome == STORY_FAILED ? 2U : 0U);
}

/* Makes room for one more about this address, in a ring that may hold so many. */
static void make_room(struct stories *all, bool strange, const struct ipsec_addr *remote)
{
	struct list *ring = strange ? &all->strange : &all->known;
	struct story *least = NULL, *least_same = NULL;
	unsigned same = 0;

	list_each(st, ring, struct story, link) {
		if (!least || worth(st) < worth(least))
			least = st;
		if (!ipsec_addr_equal(&st->s.remote, remote))
			continue;
		same++;
		if (!least_same || (st->s.outcome != STORY_UNDER_WAY && least_same->s.outcome == STORY_UNDER_WAY))
			least_same = st;
	}
	if (same >= STORIES_OF_ONE)
		story_free(all, least_same);
	else if (least && (strange ? all->nstrange : all->nknown) >= (strange ? STORIES_STRANGE : STORIES_MAX))
		story_free(all, least);
}

static struct story *story_add(struct stories *all, bool strange, const struct ipsec_addr *remote)
{
	struct story *st;

	make_room(all, strange, remote);
	st = calloc(1, sizeof(*st));
	if (!st)
		return NULL;
	st->strange = strange;
	st->s.number = ++all->last;
	st->s.times = 1;
	list_add_tail(strange ? &all->strange : &all->known, &st->link);
	strange ? all->nstrange++ : all->nknown++;
	return st;
}

bool story_allowed(struct engine *e)
{
	struct rate *r = &e->stories.rate;

	if (e->now / SECONDS(1) != r->second)
		*r = (struct rate){ .second = e->now / SECONDS(1) };
	return r->used++ < STRANGE_PER_SECOND;
}

/* It proved to be a peer. */
static void adopt(struct stories *all, struct story *st)
{
	if (!st->strange)
		return;
	list_del(&st->link);
	all->nstrange--;
	make_room(all, false, &st->s.remote);
	list_add_tail(&all->known, &st->link);
	all->nknown++;
	st->strange = false;
}

static struct story *begin(struct ike_sa *sa)
{
	bool secure = sa->state >= IKE_ESTABLISHED && sa->state < IKE_DEAD;
	bool strange = !sa->initiator && !secure && !story_named(&sa->peer->conf);
	struct story *st = strange && !story_allowed(sa->e) ? NULL : story_add(&sa->e->stories, strange, &sa->remote);

	if (!st)
		return NULL;
	st->sa = sa;
	sa->story = st;
	st->s.first_at = st->s.began_at = sa->created_at;
	st->s.initiator = sa->initiator;
	st->s.heard = !sa->initiator;
	if (secure)
		st->s.outcome = STORY_UP;
	return st;
}

struct story *story_of(struct ike_sa *sa)
{
	if (sa->story)
		return sa->story;
	/* Anybody can begin: as long as no more than that has come, it is no story. */
	return sa->state < IKE_CLOSED && (sa->initiator || sa->state >= IKE_AUTH) ? begin(sa) : NULL;
}

static bool same_step(const struct story_step *step, const char *exchange, const char *result)
{
	return !strcmp(step->exchange, exchange) && !strcmp(step->result, result);
}

static void step_add(struct engine_story *s, uint64_t now, const char *exchange, const char *result, const char *text)
{
	struct story_step *last = s->nsteps ? &s->steps[s->nsteps - 1] : NULL;

	if (last && same_step(last, exchange, result) && !strcmp(result, "retransmit")) {
		last->times += last->times < UINT16_MAX;
		snprintf(last->text, sizeof(last->text), "%s", text);
		return;
	}
	if (s->nsteps == STORY_STEPS_MAX) {	/* how it began stays, and how it ended */
		memmove(&s->steps[4], &s->steps[5], (STORY_STEPS_MAX - 5) * sizeof(s->steps[0]));
		s->nsteps--;
		s->left_out += s->left_out < UINT16_MAX;
	}
	last = &s->steps[s->nsteps++];
	*last = (struct story_step){ .at = now, .times = 1 };
	snprintf(last->exchange, sizeof(last->exchange), "%s", exchange);
	snprintf(last->result, sizeof(last->result), "%s", result);
	snprintf(last->text, sizeof(last->text), "%s", text);
}

void story_step(struct ike_sa *sa, const char *exchange, const char *result, const char *text)
{
	struct story *st = story_of(sa);

	if (st)
		step_add(&st->s, sa->e->now, exchange, result, text);
}

/* Is there an older one that failed in the same way? Then they are told together. */
static void merge(struct stories *all, struct story *st)
{
	struct list *ring = st->strange ? &all->strange : &all->known;

	list_each(old, ring, struct story, link) {
		if (old == st || old->sa || old->s.outcome != STORY_FAILED || old->s.what != st->s.what ||
		    old->s.reason != st->s.reason || old->s.initiator != st->s.initiator ||
		    !ipsec_addr_equal(&old->s.remote, &st->s.remote) || strcmp(old->s.ours, st->s.ours) ||
		    strcmp(old->s.theirs, st->s.theirs))
			continue;
		st->s.times += old->s.times;
		st->s.first_at = old->s.first_at;
		story_free(all, old);
	}
}

static void take_pending(struct ike_sa *sa, struct engine_story *s)
{
	struct story_pending *p = &sa->e->stories.pending;

	s->reason = REASON_OTHER;
	if (p->sa != sa)
		return;
	s->reason = p->reason ? p->reason : REASON_OTHER;
	s->notify = p->notify;
	s->notify_ours = p->notify_ours;
	memcpy(s->ours, p->ours, sizeof(s->ours));
	memcpy(s->theirs, p->theirs, sizeof(s->theirs));
	memcpy(s->differs, p->differs, sizeof(s->differs));
	memcpy(s->policy, p->policy, sizeof(s->policy));
	memcpy(s->policy_wanted, p->policy_wanted, sizeof(s->policy_wanted));
}

static void finish(struct story *st, struct ike_sa *sa, uint8_t outcome, const char *text)
{
	struct engine *e = sa->e;

	story_header(sa, &st->s);
	st->s.outcome = outcome;
	st->s.ended_at = e->now;
	take_pending(sa, &st->s);
	snprintf(st->s.text, sizeof(st->s.text), "%s", text);
	story_places(e, &sa->peer->conf, &st->s);
	if (outcome == STORY_FAILED)
		merge(&e->stories, st);
}

static void over(struct ike_sa *sa, uint8_t outcome, const char *text)
{
	struct story *st = sa->story ? sa->story : begin(sa);

	if (!st)
		return;
	finish(st, sa, outcome, text);
	st->sa = NULL;
	sa->story = NULL;
}

void story_failed(struct ike_sa *sa, const struct child_sa *child, const char *text)
{
	struct story *whole, *st;

	if (sa->state < IKE_ESTABLISHED || sa->state >= IKE_CLOSED) {
		over(sa, STORY_FAILED, text);
		return;
	}
	st = story_add(&sa->e->stories, false, &sa->remote);
	if (!st)
		return;
	whole = sa->story;	/* story_add may have taken it away */
	st->s.what = child && child->replaces ? STORY_REKEY_CHILD : STORY_CHILD;
	st->s.first_at = st->s.began_at = sa->e->now;
	st->s.initiator = child ? child->initiator : false;
	st->s.secure = st->s.heard = true;
	finish(st, sa, STORY_FAILED, text);
	if (whole)
		step_add(&whole->s, sa->e->now, "CHILD_SA", "failed", text);
}

void story_ended(struct ike_sa *sa, const char *text)
{
	over(sa, STORY_ENDED, text);
}

void story_never(struct engine *e, const struct engine_story *what, bool strange)
{
	struct story *st = story_add(&e->stories, strange, &what->remote);
	uint64_t number;

	if (!st)
		return;
	number = st->s.number;
	st->s = *what;
	st->s.number = number;
	st->s.times = 1;
	st->s.outcome = STORY_FAILED;
	st->s.first_at = st->s.began_at = st->s.ended_at = e->now;
	merge(&e->stories, st);
}

/* Only what we begin and wait for: a hint for whoever looks why nothing comes. */
void engine_unreachable(struct engine *e, uint64_t now, const struct engine_unreachable *un)
{
	e->now = now;
	list_each(st, &e->stories.known, struct story, link) {
		struct ike_sa *sa = st->sa;

		if (!sa || !sa->active || !ipsec_addr_equal(&sa->remote, &un->remote) ||
		    sa->remote_port != un->remote_port || (st->s.icmp_type == un->type && st->s.icmp_code == un->code))
			continue;
		st->s.icmp_type = un->type;
		st->s.icmp_code = un->code;
		report_sa(sa, LOG_LEVEL_INFO, sa->active->ops->name, "unreachable", "somebody answered by ICMP type "
				"%u code %u",
			  un->type, un->code);
	}
	/* ICMP does not tell from where we sent, and anybody can send it: so all are looked at, and not too often. */
	if (rate_pass(e, &e->hints, LIVENESS_HINTS_PER_SECOND))
		list_each(sa, &e->sas, struct ike_sa, link)
			if (ipsec_addr_equal(&sa->remote, &un->remote) && sa->remote_port == un->remote_port)
				liveness_hint(sa);
	engine_settle(e);
}

/* What failed before has come to be: its stories stay, and say so. */
static void settle(struct stories *all, const struct ike_sa *sa, bool child)
{
	list_each(st, &all->known, struct story, link)
		if (st->s.outcome == STORY_FAILED && !st->sa && (st->s.what == STORY_IKE_SA) == !child &&
		    ipsec_addr_equal(&st->s.remote, &sa->remote))
			st->s.settled = 1;
}

void story_up(struct ike_sa *sa, const struct child_sa *child, const struct engine_event *ev)
{
	struct story *st = story_of(sa);

	if (!st)
		return;
	settle(&sa->e->stories, sa, child != NULL);
	adopt(&sa->e->stories, st);
	st->s.outcome = STORY_UP;
	st->s.secure = st->s.heard = true;
	if (!st->s.up_at)
		st->s.up_at = sa->e->now;
	st->s.ike_rekeys += ev->type == ENGINE_IKE_REKEYED;
	st->s.child_rekeys += ev->type == ENGINE_CHILD_REKEYED;
	st->s.children += ev->type == ENGINE_CHILD_UP;
	if (!child)
		snprintf(st->s.agreed, sizeof(st->s.agreed), "%.158s", ev->text);
	else
		snprintf(st->s.child, sizeof(st->s.child), "%.100s %s", ev->text,
			 child->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT ? "transport" : "tunnel");
}

void story_move(struct ike_sa *old, struct ike_sa *fresh)
{
	struct story *st = old->story;

	if (old->e->stories.pending.sa == old)
		old->e->stories.pending.sa = NULL;
	if (!st)
		return;
	old->story = NULL;
	st->sa = fresh;
	if (fresh)
		fresh->story = st;
	else
		st->s.ended_at = old->e->now;
}
