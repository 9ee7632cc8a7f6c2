// SPDX-License-Identifier: MIT
// ISAKMP SAs in each other's place. Children outlive the one that made them (RFC 2408 5.15): they go to the next one.
#include "keyd/ikev1/exchanges.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ikev1/message.h"

#include <string.h>

/* What the peer still says on the one that was replaced is waited for so long, before we delete it. */
#define REPLACED_STAYS SECONDS(5)
/* One without keys is looked at that often: has it anything left? */
#define GONE_LOOK SECONDS(5)
/* A quick mode that was begun on one that was replaced is finished on it, even if its time is over: for so long. */
#define ANSWERS_AT_MOST SECONDS(60)
/* A rekey that failed is tried again after this, and as much again at random. */
#define RETRY_AFTER SECONDS(5)

static void delete_due(struct timer *t)
{
	v1_delete_ike(container_of(t, struct ike_sa, end));
}

static void end_due(struct timer *t);

static void expired_due(struct timer *t)
{
	v1_gone(container_of(t, struct ike_sa, end), "its time is over, and no other has taken its place");
}

static uint64_t over_at(const struct ike_sa *sa)
{
	return sa->established_at + SECONDS(sa->life);
}

/* Does a quick mode of the peer's wait for its last message? */
static bool answers(const struct ike_sa *sa)
{
	list_each(m, &sa->v1->memos, struct v1_memo, link)
		if (m->child)
			return true;
	return !list_empty(&sa->v1->serving);
}

static void end_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, end);

	if (answers(sa) && sa->e->now < over_at(sa) + ANSWERS_AT_MOST)
		timer_set(&sa->e->timers, t, sa->e->now + SECONDS(1), end_due);
	else
		ike_sa_end(sa, "replaced, and its time is over");
}

/*
 * old waits until its time is over, as the peer may use it until then (it may be the one that stays for it); who has made the one that
 * stays deletes it. But clients with a password may hold on to the one that they have begun: strongSwan's leave their children there,
 * and end them with it.
 */
static void wait_for_end(struct ike_sa *old, const struct ike_sa *fresh)
{
	if (fresh != old && fresh->initiator && fresh->peer->conf.xauth != CONF_XAUTH_SERVER)
		timer_set(&old->e->timers, &old->end, old->e->now + REPLACED_STAYS, delete_due);
	else
		timer_set(&old->e->timers, &old->end, over_at(old), end_due);
}

static void replace(struct ike_sa *old, struct ike_sa *fresh)
{
	bool gone = old->v1->gone;

	ike_sa_succeed(old, fresh);
	v1_delete_go_on(old, fresh);
	if (gone)		/* what is still on its way in it, deletes of children for one, counts for a minute */
		return;
	wait_for_end(old, fresh);
}

static bool same_way(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b && a->v1 && b->v1 && ipsec_addr_equal(&a->local, &b->local) && ipsec_addr_equal(&a->remote, &b->remote) &&
	       ike_sa_same_peer(a, b);
}

/* Both ends began: by the cookies both see the same one stay, in whatever order they see them. */
static bool crossed_and_stays(const struct ike_sa *other, const struct ike_sa *sa)
{
	return other->initiator != sa->initiator && other->established_at >= sa->created_at &&
	       memcmp(other->spi_i, sa->spi_i, sizeof(other->spi_i)) > 0;
}

/* We have made sa because other does not answer, or is to be renewed. */
static bool replaces(const struct ike_sa *sa, const struct ike_sa *other)
{
	return sa->initiator && !memcmp(sa->v1->of, ike_sa_our_spi(other), sizeof(sa->v1->of));
}

static struct ike_sa *next_before(struct ike_sa *sa)
{
	for (struct ike_sa *o = ike_sa_first_between(sa->e, &sa->local, &sa->remote); o; o = ike_sa_next_between(o))
		/* A peer that has lost all has lost what its older ones made: those go when the new one sends (duplicate.c). */
		if (same_way(o, sa) && (replaces(sa, o) || !(sa->initial_contact && o->established_at < sa->created_at)))
			return o;
	return NULL;
}

void v1_succeed(struct ike_sa *sa)
{
	struct ike_sa *old;

	while ((old = next_before(sa))) {
		if (crossed_and_stays(old, sa)) {
			report_sa(sa, LOG_LEVEL_INFO, "IKE_SA", "redundant", "both sides began at once, and the other one stays");
			ike_sa_established(sa, "established");
			replace(sa, old);
			return;
		}
		report_sa(old, LOG_LEVEL_INFO, "IKE_SA", "replaced", "another one is there, and takes its children");
		replace(old, sa);
	}
	if (sa->state != IKE_ESTABLISHED) {
		ike_sa_established(sa, "established");
	}
	timer_set(&sa->e->timers, &sa->end, over_at(sa), expired_due);
	if (sa->initial_contact)
		v1_begun_anew(sa);
}

static bool needless(const struct ike_sa *sa)
{
	return list_empty(&sa->children) && list_empty(&sa->unborn) && list_empty(&sa->queue);
}

static void gone_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, end);

	if (needless(sa)) {
		ike_sa_end(sa, "it has no keys any more, and nothing that wants any");
		return;
	}
	timer_set(&sa->e->timers, &sa->end, sa->e->now + GONE_LOOK, gone_due);
	/* The next one may have been under way when we were killed. */
	if (!list_empty(&sa->queue))
		v1_rekey_ike(sa);
}

/* What waits for an answer is asked again on the next one. */
static void take_back_active(struct ike_sa *sa)
{
	struct exchange *x = sa->active;

	if (!x)
		return;
	timer_cancel(&sa->e->timers, &sa->retransmit);
	if (x->answered || !x->ops->again) {
		if (!x->answered)
			exchange_fail(x);
		return;
	}
	sa->active = NULL;
	secret_clear(&sa->sent);
	x->not_before = 0;
	list_add_head(&sa->queue, &x->link);
}

void v1_gone(struct ike_sa *sa, const char *why)
{
	if (sa->state != IKE_ESTABLISHED || sa->v1->gone)
		return;
	sa->v1->gone = true;
	ike_sa_touch(sa);
	timer_cancel(&sa->e->timers, &sa->rekey);
	take_back_active(sa);
	if (needless(sa)) {
		ike_sa_end(sa, why);
		return;
	}
	report_sa(sa, LOG_LEVEL_NOTICE, "IKE_SA", "gone", "%s; its children stay, and another is made when they need one", why);
	timer_set(&sa->e->timers, &sa->end, sa->e->now + GONE_LOOK, gone_due);
	if (!list_empty(&sa->queue))
		v1_rekey_ike(sa);
}

/* What was under way on one that was replaced begins anew on the one that took its place, when that goes on: it is the younger one. */
static void give_queue(struct ike_sa *sa, struct ike_sa *heir)
{
	list_each(x, &sa->queue, struct exchange, link) {
		if (x->ops->of_this_sa)
			continue;
		list_del(&x->link);
		x->sa = heir;
		list_add_tail(&heir->queue, &x->link);
	}
	ike_sa_touch(sa);
	ike_sa_touch(heir);
}

static void replaced_thawed(struct ike_sa *sa)
{
	struct ike_sa *heir = ike_sa_heir(sa);

	if (heir != sa && heir->state == IKE_ESTABLISHED)
		give_queue(sa, heir);
	wait_for_end(sa, heir);
}

void v1_succeed_thawed(struct ike_sa *sa)
{
	if (sa->v1->gone) {
		timer_cancel(&sa->e->timers, &sa->rekey);
		timer_set(&sa->e->timers, &sa->end, sa->e->now + GONE_LOOK, gone_due);
	} else if (sa->state == IKE_ESTABLISHED) {
		timer_set(&sa->e->timers, &sa->end, over_at(sa), expired_due);
	} else if (sa->state == IKE_REPLACED) {
		replaced_thawed(sa);
	}
}

static bool asks_for_life(const struct ike_sa *sa)
{
	list_each(x, &sa->queue, struct exchange, link)
		if (x->ops == &v1_liveness_ops)
			return true;
	return false;
}

void v1_not_succeeded(struct ike_sa *sa, const char *why)
{
	struct list failed;

	if (sa->state != IKE_ESTABLISHED)
		return;
	if (!sa->v1->gone) {
		ike_sa_rekey_later(sa, RETRY_AFTER + engine_random_below(RETRY_AFTER));
		return;
	}
	if (asks_for_life(sa)) {
		report_reason(sa, REASON_PEER_DEAD);
		ike_sa_end(sa, why);
		return;
	}
	list_init(&failed);
	list_splice_tail(&failed, &sa->queue);
	list_each(x, &failed, struct exchange, link) {
		if (x->ops->abandon)
			x->ops->abandon(x);
		exchange_free(x);
	}
}
