// SPDX-License-Identifier: MIT
// A new IKE SA takes over from an old one, child by child.
#include "keyd/ike/reauth.h"

#include "keyd/ike/duplicate.h"
#include "keyd/ike/lifetime.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ike/version.h"

#include <string.h>

/* The old SA stays for so many seconds at least when it cannot be renewed. */
#define EXPIRY_MARGIN_MAX SECONDS(3600)	/* before the peer's certificate expires; or a quarter of what is left… */
#define EXPIRY_LEAST SECONDS(60)	/* …if that is more than this: then there was time enough */
#define END_SLACK_MIN 300
/* A try that failed is repeated after this and as much again at random, and twice as long each time up to the last. */
#define RETRY_AFTER SECONDS(5)
#define RETRY_STEPS_MAX 3
/* Children that are being made, rekeyed or deleted right now are looked at again after this. */
#define LOOK_AGAIN MILLISECONDS(500)
/* The same for two SAs with one peer, and so long it takes at most until there is one. */
#define LOOK_AGAIN_AT_SAS SECONDS(2)
#define SETTLES_WITHIN SECONDS(120)
/* Whatever a peer says, it is not renewed more often. */
#define LIMIT_LEAST 10u

static void reauth_due(struct timer *t);

static bool names(const uint8_t spi[8])
{
	static const uint8_t zero[8];

	return memcmp(spi, zero, sizeof(zero)) != 0;
}

static void arm(struct ike_sa *sa, uint64_t at)
{
	if (sa->reauth.end && at > sa->reauth.end)
		at = sa->reauth.end;
	if (sa->proof.ends && at > sa->proof.ends)
		at = sa->proof.ends;
	sa->reauth.at = at;
	ike_sa_touch(sa);
	if (names(sa->reauth.of))	/* the timer has other work, until over() */
		return;
	timer_set(&sa->e->timers, &sa->reauth.timer, at, reauth_due);
}

/* Only a client can ask for the address that it has from us. */
static bool peer_begins(const struct ike_sa *sa)
{
	return sa->lease[0] || sa->lease[1];
}

/* Before the peer's certificate expires it may have a new one, which only another proof shows. */
static void arm_before_expiry(struct ike_sa *sa)
{
	uint64_t left = sa->proof.ends > sa->e->now ? sa->proof.ends - sa->e->now : 0;
	uint64_t margin = left / 4 < EXPIRY_MARGIN_MAX ? left / 4 : EXPIRY_MARGIN_MAX;
	/* Not at the same moment for all whose CA expires. */
	uint64_t at = sa->proof.ends - (left < EXPIRY_LEAST || peer_begins(sa) ? 0 : margin / 2 + engine_random_below(margin / 2 + 1));

	if (sa->proof.ends && (!sa->reauth.at || at < sa->reauth.at))
		arm(sa, at);
}

void reauth_arm(struct ike_sa *sa)
{
	const struct conf_peer *conf = &sa->peer->conf;
	uint64_t life = conf->reauth_lifetime, slack = life / 4 > END_SLACK_MIN ? life / 4 : END_SLACK_MIN;

	if (life) {
		sa->reauth.end = sa->e->now + SECONDS(life + slack);
		arm(sa, peer_begins(sa) ? sa->reauth.end : sa->e->now + lifetime_soft(conf, SECONDS(life), sa->initiator));
	}
	arm_before_expiry(sa);
}

uint32_t reauth_asked_of_peer(const struct ike_sa *sa)
{
	return peer_begins(sa) ? sa->peer->conf.reauth_lifetime : 0;
}

void reauth_limit(struct ike_sa *sa, uint32_t seconds)
{
	uint64_t life = SECONDS(seconds > LIMIT_LEAST ? seconds : LIMIT_LEAST), margin = lifetime_rekey_time(sa);
	uint64_t at = sa->e->now + life - (margin < life / 2 ? margin : life / 2);

	report_sa(sa, LOG_LEVEL_INFO, "IKE_AUTH", "limited", "the peer takes our proof for %u s (AUTH_LIFETIME)", seconds);
	if (!sa->reauth.at || at < sa->reauth.at)
		arm(sa, at);
}

struct ike_sa *reauth_old(const struct ike_sa *sa)
{
	return names(sa->reauth.of) ? ike_sa_find(sa->e, sa->reauth.of) : NULL;
}

static struct ike_sa *new_of(const struct ike_sa *sa)
{
	return names(sa->reauth.by) ? ike_sa_find(sa->e, sa->reauth.by) : NULL;
}

bool reauth_idle(const struct ike_sa *sa)
{
	return !names(sa->reauth.of) && !names(sa->reauth.by);
}

static void retry_later(struct ike_sa *sa)
{
	unsigned step = sa->reauth.tries < RETRY_STEPS_MAX ? sa->reauth.tries : RETRY_STEPS_MAX;
	uint64_t wait = RETRY_AFTER << step;

	sa->reauth.tries++;
	arm(sa, sa->e->now + wait + engine_random_below(wait));
}

/* --- from the first child to the last --- */

/* sa takes over no more. */
static void over(struct ike_sa *sa)
{
	uint64_t at = sa->reauth.at;

	memset(sa->reauth.of, 0, sizeof(sa->reauth.of));
	ike_sa_touch(sa);
	timer_cancel(&sa->e->timers, &sa->reauth.timer);
	if (!sa->reauth.merges)
		reauth_arm(sa);
	if (at && (sa->reauth.merges || !sa->reauth.timer.pos || at < sa->reauth.at))
		arm(sa, at);
	sa->reauth.tries = 0;
	sa->reauth.merges = sa->reauth.confirmed = false;
}

static void finish(struct ike_sa *fresh, struct ike_sa *old, const char *how)
{
	memset(old->reauth.by, 0, sizeof(old->reauth.by));
	ike_sa_touch(old);
	report_sa(fresh, LOG_LEVEL_NOTICE, "IKE_SA", fresh->reauth.merges ? "merged" : "reauthenticated", "the %s IKE SA goes: %s",
		  fresh->reauth.merges ? "other" : "old", how);
	if (!fresh->reauth.merges)
		report_event(fresh, NULL, ENGINE_IKE_REAUTHENTICATED, "%s", how);
	report_reason(old, fresh->reauth.merges ? REASON_REPLACED : REASON_REAUTHENTICATED);
	over(fresh);
	old->version->delete_ike(old);
}

/* The peer has proved itself anew, and had told the truth: nothing that is sent in the old SA's children need arrive. */
static void finish_lost(struct ike_sa *fresh, struct ike_sa *old)
{
	report_event(fresh, NULL, ENGINE_IKE_REAUTHENTICATED, "the peer had lost the old IKE SA");
	report_reason(old, REASON_PEER_DEAD);
	ike_sa_end(old, "the peer had lost it, and has made a new one with us");
	over(fresh);
}

/* Both sides began, and the other one's is to stay (duplicate_drop). */
static void give_way(struct ike_sa *fresh, struct ike_sa *old)
{
	over(fresh);
	memset(old->reauth.by, 0, sizeof(old->reauth.by));
	ike_sa_touch(old);
	report_sa(fresh, LOG_LEVEL_INFO, "IKE_SA", "redundant", "the peer reauthenticates at the same time, and goes on with it");
	retry_later(old);
}

static void step(struct ike_sa *fresh);

void reauth_confirmed(struct ike_sa *fresh)
{
	fresh->reauth.confirmed = true;
	ike_sa_touch(fresh);
	step(fresh);
}

static void step_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, reauth.timer);

	ike_sa_touch(sa);
	step(sa);
}

static void step_later(struct ike_sa *fresh, uint64_t delay)
{
	timer_set(&fresh->e->timers, &fresh->reauth.timer, fresh->e->now + delay, step_due);
	ike_sa_touch(fresh);
}

/* Takes over what is left; the request behind the last of them tells the peer that it can switch, and us to look again. */
static void take_children(struct ike_sa *fresh, struct ike_sa *old)
{
	struct child_sa *next;

	while ((next = reauth_next_child(old, fresh))) {
		struct child_sa *c = reauth_successor(fresh, next);

		if (!c)
			break;
		fresh->version->create_child(fresh, c);
		if (!next->rekeying)	/* it was not asked for: there is something like it already. It is looked at again */
			break;
	}
	fresh->version->confirm(fresh, reauth_confirmed);
}

static void step(struct ike_sa *fresh)
{
	struct ike_sa *old = reauth_old(fresh);

	if (!names(fresh->reauth.of) || fresh->state != IKE_ESTABLISHED)
		return;
	if (!old || old->state != IKE_ESTABLISHED) {
		if (!fresh->reauth.merges)	/* whoever has asked for it waits for that */
			report_event(fresh, NULL, ENGINE_IKE_REAUTHENTICATED, "the old IKE SA had ended before");
		over(fresh);
	} else if (old->reauth.lost) {
		finish_lost(fresh, old);
	} else if (fresh->redundant_at) {
		give_way(fresh, old);
	} else if (old->reauth.end && fresh->e->now >= old->reauth.end) {
		finish(fresh, old, "its time is over, with what could not be taken over");
	} else if (reauth_next_child(old, fresh) && fresh->reauth.tries) {
		report_sa(fresh, LOG_LEVEL_WARNING, "IKE_SA", "incomplete",
			  "not every child could be taken over from the old IKE SA; it stays, and they are tried again");
		fresh->reauth.tries = 0;
		step_later(fresh, RETRY_AFTER + engine_random_below(RETRY_AFTER));
	} else if (reauth_next_child(old, fresh)) {
		fresh->reauth.tries++;
		fresh->reauth.confirmed = false;
		ike_sa_touch(fresh);
		take_children(fresh, old);
	} else if (reauth_busy(old)) {
		fresh->reauth.confirmed = false;
		step_later(fresh, LOOK_AGAIN);
	} else if (!fresh->reauth.confirmed) {
		fresh->version->confirm(fresh, reauth_confirmed);
	} else {
		finish(fresh, old, "every child has its successor");
	}
}

void reauth_established(struct ike_sa *sa)
{
	if (!names(sa->reauth.of))
		reauth_arm(sa);
	else
		step(sa);
}

/* --- the two IKE SAs --- */

static struct ike_sa *sa_beside(struct ike_sa *old)
{
	struct peer *peer = engine_peer(old->e, &old->local, &old->remote);
	struct ike_sa *fresh = ike_sa_new(old->e, peer, true, &old->local, old->local_port, &old->remote, old->remote_port);

	peer_put(peer);
	if (!fresh)
		return NULL;
	memcpy(fresh->reauth.of, ike_sa_our_spi(old), sizeof(fresh->reauth.of));
	memcpy(old->reauth.by, ike_sa_our_spi(fresh), sizeof(old->reauth.by));
	ike_sa_touch(old);
	fresh->rtt = old->rtt;
	fresh->rtt_var = old->rtt_var;
	return fresh;
}

/*
 * Two SAs with one peer, one of them young or in the making: the peer may be at it, or both sides have begun at once. That
 * settles by itself.
 */
static bool unsettled(const struct ike_sa *sa)
{
	for (struct ike_sa *other = ike_sa_first_between(sa->e, &sa->local, &sa->remote); other;
	     other = ike_sa_next_between(other))
		if (other->initiator && (other->state == IKE_INIT || other->state == IKE_AUTH))
			return true;
	for (struct ike_sa *other = duplicate_first(sa); other; other = duplicate_next(other))
		if (other != sa &&
		    sa->e->now - (sa->origin_at > other->origin_at ? sa->origin_at : other->origin_at) < SETTLES_WITHIN)
			return true;
	return false;
}

bool reauth_pauses(const struct ike_sa *sa)
{
	return sa->reauth.tries && sa->reauth.timer.pos;
}

bool reauth_begin(struct ike_sa *sa, const char *why)
{
	if (!sa->version->rekeys_prove)
		return reauth_beside(sa, why);
	sa->rekey_why = why;
	sa->version->rekey_ike(sa);
	return true;
}

bool reauth_beside(struct ike_sa *sa, const char *why)
{
	struct child_sa *first = reauth_next_child(sa, NULL);
	struct ike_sa *fresh;

	if (new_of(sa))
		return true;
	if (sa->state != IKE_ESTABLISHED || peer_begins(sa) || names(sa->reauth.of) || sa->redundant_at)
		return false;
	if (unsettled(sa)) {
		arm(sa, sa->e->now + LOOK_AGAIN_AT_SAS);
		return true;
	}
	fresh = sa_beside(sa);
	if (!fresh) {
		retry_later(sa);
		return false;
	}
	timer_cancel(&sa->e->timers, &sa->reauth.timer);
	fresh->rekey_why = why;
	report_sa(sa, LOG_LEVEL_INFO, "IKE_SA", "reauthenticating", "reason: %s", why);
	fresh->version->initiate(fresh, first ? reauth_successor(fresh, first) : NULL);
	return true;
}

static bool is_one_of_many(const struct ike_sa *sa)
{
	struct ike_sa *other = duplicate_first(sa);

	return sa->state == IKE_ESTABLISHED && other && (other != sa || duplicate_next(sa));
}

void reauth_lost(struct ike_sa *sa)
{
	if (!is_one_of_many(sa) || !reauth_idle(sa) || !reauth_outlived(sa)) {
		sa->reauth.lost = sa->reauth.lost || reauth_begin(sa, "lost");
		return;
	}
	report_sa(sa, LOG_LEVEL_INFO, "IKE_SA", "redundant",
		  "the peer says that it has lost it; another one carries all that it does");
	sa->version->delete_ike(sa);
}

static void reauth_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, reauth.timer);

	ike_sa_touch(sa);
	if (proof_expired(sa)) {
		sa->reauth.at = 0;
		return;
	}
	if (sa->reauth.end && sa->e->now >= sa->reauth.end) {
		report_sa(sa, LOG_LEVEL_WARNING, "IKE_SA", "expired",
			  "it could not be reauthenticated in time (\"lifetime reauth\"), and ends");
		sa->version->delete_ike(sa);
	} else if (!reauth_begin(sa, "time") && !sa->reauth.timer.pos) {
		retry_later(sa);
	}
}

void reauth_replaced(struct ike_sa *old, struct ike_sa *fresh)
{
	struct ike_sa *other = reauth_old(old);

	ike_sa_touch(old);
	ike_sa_touch(fresh);
	memcpy(fresh->reauth.of, old->reauth.of, sizeof(fresh->reauth.of));
	memcpy(fresh->reauth.by, old->reauth.by, sizeof(fresh->reauth.by));
	if (other) {
		memcpy(other->reauth.by, ike_sa_our_spi(fresh), sizeof(other->reauth.by));
		ike_sa_touch(other);
	}
	other = new_of(old);
	if (other) {
		memcpy(other->reauth.of, ike_sa_our_spi(fresh), sizeof(other->reauth.of));
		ike_sa_touch(other);
	}
	memset(old->reauth.of, 0, sizeof(old->reauth.of));
	memset(old->reauth.by, 0, sizeof(old->reauth.by));
	fresh->reauth.end = old->reauth.end;
	fresh->reauth.tries = old->reauth.tries;
	fresh->reauth.at = old->reauth.at;
	fresh->reauth.merges = old->reauth.merges;
	timer_cancel(&old->e->timers, &old->reauth.timer);
	if (names(fresh->reauth.of))
		step_later(fresh, LOOK_AGAIN);
	else if (old->reauth.at)
		arm(fresh, old->reauth.at);
}

void reauth_ended(struct ike_sa *sa, const char *reason)
{
	struct ike_sa *old = reauth_old(sa), *fresh = new_of(sa);

	timer_cancel(&sa->e->timers, &sa->reauth.timer);
	if (fresh && fresh->state == IKE_ESTABLISHED)
		take_children(fresh, sa);	/* what is left, as far as it goes: the old ones end now */
	memset(sa->reauth.of, 0, sizeof(sa->reauth.of));
	if (!old || old->state != IKE_ESTABLISHED)
		return;
	memset(old->reauth.by, 0, sizeof(old->reauth.by));
	if (old->redundant_at) {	/* it was to be merged into this one, and looks for another */
		duplicate_goes(old, old->e->now + LOOK_AGAIN_AT_SAS);
		return;
	}
	retry_later(old);
	report_sa(old, sa->quiet ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "IKE_SA", "kept",
		  "reauthentication failed: %s; it goes on, and tries again in %u s", reason,
		  (unsigned)((old->reauth.at - old->e->now) / SECONDS(1)));
}

void reauth_thawed(struct ike_sa *sa, uint64_t at)
{
	if (names(sa->reauth.by) && !new_of(sa)) {	/* what was to take over had not come as far as to survive */
		memset(sa->reauth.by, 0, sizeof(sa->reauth.by));
		retry_later(sa);
	} else if (names(sa->reauth.of)) {
		step_later(sa, at > sa->e->now ? at - sa->e->now : 0);
	} else if (at) {
		timer_set(&sa->e->timers, &sa->reauth.timer, at, reauth_due);
	}
}

bool reauth_merge(struct ike_sa *sa)
{
	for (struct ike_sa *other = duplicate_first(sa); other; other = duplicate_next(other)) {
		if (other == sa || other->redundant_at || names(other->reauth.of) || names(other->reauth.by))
			continue;
		memcpy(other->reauth.of, ike_sa_our_spi(sa), sizeof(other->reauth.of));
		memcpy(sa->reauth.by, ike_sa_our_spi(other), sizeof(sa->reauth.by));
		other->reauth.merges = true;
		ike_sa_touch(other);
		ike_sa_touch(sa);
		step(other);
		return true;
	}
	return false;
}
