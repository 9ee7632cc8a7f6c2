// SPDX-License-Identifier: MIT
// Which of the children that replace each other sends, and what becomes of those that do no more.
#include "keyd/ike/child_inside.h"

#include "keyd/ike/duplicate.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/orphan.h"
#include "keyd/ike/path.h"
#include "keyd/ike/report.h"
#include "keyd/ike/retry.h"
#include "keyd/ike/selector.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ike/version.h"

#include <errno.h>

/* A replaced child whose DELETE never comes goes after this long. */
#define RETIRE_AFTER SECONDS(60)

/* The peer may have it still: it must hear that it is over. */
static void retire_due(struct timer *t)
{
	struct child_sa *c = container_of(t, struct child_sa, retire);

	if (c->deleting || c->sa->state != IKE_ESTABLISHED) {
		child_end(c, ENGINE_EVENT_TYPES, "replaced, and its DELETE never came");
		return;
	}
	report_child(c, LOG_LEVEL_INFO, "CHILD_SA", "retired", "it was replaced, and its DELETE never came");
	c->sa->version->delete_child(c);
}

void child_retire(struct child_sa *old)
{
	child_set_state(old, CHILD_REPLACED);
	timer_cancel(&old->sa->e->timers, &old->rekey);
	timer_cancel(&old->sa->e->timers, &old->switchover);
	timer_set(&old->sa->e->timers, &old->retire, old->sa->e->now + RETIRE_AFTER, retire_due);
}

void child_retire_within(struct child_sa *c, uint64_t time)
{
	if (c->state != CHILD_REPLACED || c->deleting || (c->retire.pos && c->retire.at <= c->sa->e->now + time))
		return;
	timer_set(&c->sa->e->timers, &c->retire, c->sa->e->now + time, retire_due);
	child_touch(c);
}

void child_hand_over(struct child_sa *c, struct child_sa *to)
{
	if (!c->acquired)
		return;
	if (!to || to->state >= CHILD_UP || to->acquired) {
		child_larval_delete(c);
	} else {
		to->acquired = true;
		to->acquire_seq = c->acquire_seq;
		child_touch(to);
	}
	c->acquired = false;
	child_touch(c);
}

void child_redundant(struct child_sa *c, struct child_sa *stays)
{
	report_child(c, LOG_LEVEL_INFO, "CHILD_SA", "redundant", "both sides made one at once; child_in=%08x stays",
		     stays ? stays->spi_in : 0);
	child_hand_over(c, stays);
	c->redundant = true;
	c->replaced_by = stays ? stays->spi_in : 0;
	child_touch(c);
	if (c->state != CHILD_NEW)
		child_retire(c);
}

static void drop_due(struct timer *t);

/* The one that c beats goes, unless it is being rekeyed just now: then a little later. */
static void drop_beaten(struct child_sa *c, struct child_sa *beaten)
{
	const struct exchange *serving = c->sa->serving;

	if (beaten->rekeying || beaten->state != CHILD_UP || (serving && serving->old_spi == beaten->spi_in)) {
		timer_set(&c->sa->e->timers, &c->switchover, c->sa->e->now + CHILD_LOOK_AGAIN, drop_due);
		return;
	}
	child_redundant(beaten, c);
	beaten->sa->version->delete_child(beaten);
}

/* Those that were made beside c go, now that it carries the traffic. */
static void drop_redundant(struct child_sa *c)
{
	list_each(other, &c->sa->children, struct child_sa, link) {
		if (c->beats && !c->lost && other->line == c->beats && !child_has_heir(other) && !other->deleting)
			drop_beaten(c, other);
		else if (other->redundant && other->initiator && other->replaced_by == c->spi_in)
			other->sa->version->delete_child(other);
	}
}

static void drop_due(struct timer *t)
{
	struct child_sa *c = container_of(t, struct child_sa, switchover);

	child_touch(c);
	drop_redundant(c);
}

static const char *rekey_reason(const struct child_sa *c, const struct child_sa *old)
{
	if (!c->initiator)
		return "the peer asked for it";
	return old && old->rekey_why ? old->rekey_why : "time";
}

void child_outbound_done(struct child_sa *c)
{
	struct child_sa *old = c->replaces ? child_find(c->sa->e, c->replaces) : NULL;
	struct proposal_choice algs = { .encr = c->encr, .integ = c->integ, .ke = c->ke, .esn = c->esn };
	const char *why = rekey_reason(c, old);
	char text[96], sel[SELECTOR_STRLEN];

	child_set_state(c, CHILD_UP);
	c->acquired = false;
	child_forget_keys(c);
	timer_cancel(&c->sa->e->timers, &c->switchover);
	proposal_choice_format(&algs, text, sizeof(text));
	if (old && old->state != CHILD_REPLACED)
		child_retire(old);
	drop_redundant(c);		/* old may be one of those: in IKEv1 it is gone when its delete is said */
	if (c->replaces)
		c->sa->e->stats.child_rekeyed++;
	else
		c->sa->e->stats.child_up++;
	report_child(c, LOG_LEVEL_NOTICE, "CHILD_SA", c->replaces ? "rekeyed" : "up", "%s %s %s as %s%s%s", text,
		     c->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT ? "transport" : "tunnel",
		     selector_format(c->sel_exact ? &c->sel : &c->pol.sel, sel, sizeof(sel)),
		     c->initiator ? "initiator" : "responder", c->replaces ? "; reason: " : "",
		     c->replaces ? why : "");
	report_event(c->sa, c, c->replaces ? ENGINE_CHILD_REKEYED : ENGINE_CHILD_UP, "%s", text);
	path_follow(c);
	if (c->flow_left_out)
		retry_failed(c);
	else
		retry_forget(c->sa->e, &c->pol, &c->sa->local, &c->sa->remote);
	orphans_retire(c);
	traffic_follow(c);
	tunnel_sends(c);
	duplicate_supersede(c->sa);
	if (c->sa->version->child_up)
		c->sa->version->child_up(c);
	if (c->sa->state == IKE_DELETING)	/* since it was begun; the peer may have ended it with the others */
		child_mute(c);
	else if (c->lost)	/* before the peer had it: it could not be replaced then */
		child_rekey(c, "lost");
}

bool child_has_been_added(const struct child_sa *c, const struct kern_answer *an)
{
	return c->thawed && an->error == -EEXIST;
}

static void switch_answered(struct ask *a, const struct kern_answer *an)
{
	struct child_sa *c = container_of(a, struct child_sa, ask);

	if (c->state != CHILD_INBOUND)	/* replaced in the meantime; the outbound SA leaves the kernel with it */
		return;
	if (!an->error || child_has_been_added(c, an)) {
		child_outbound_done(c);
		return;
	}
	report_child(c, LOG_LEVEL_ERROR, "CHILD_SA", "failed", "the kernel refused the outbound SA: %s", an->why);
	c->sa->version->delete_child(c);
}

void child_confirm(struct child_sa *c, const char *why)
{
	if ((c->initiator && !c->waits) || c->redundant)
		return;
	if (!c->confirmed)
		child_touch(c);
	c->confirmed = true;
	child_switch(c, why);
}

void child_switch(struct child_sa *c, const char *why)
{
	struct kern_request rq;

	if (c->state != CHILD_INBOUND || c->ask.id)
		return;
	report_child(c, LOG_LEVEL_DEBUG, "CHILD_SA", "switch", "%s", why);
	timer_cancel(&c->sa->e->timers, &c->switchover);
	child_touch(c);
	child_outbound_request(c, &rq);
	ask_kern(c->sa->e, &c->ask, &rq, switch_answered);
	secret_cleanse(&rq, sizeof(rq));
}

/*
 * After IKE_AUTH the peer answers nothing that we ask before it has our answer: so ask. Elsewhere an answer proves nothing,
 * and not every peer gives a sign.
 */
static void switchover_due(struct timer *t)
{
	struct child_sa *c = container_of(t, struct child_sa, switchover);

	child_touch(c);
	if (c->first && !c->sa->next_request) {
		c->sa->version->liveness(c->sa);
		return;
	}
	child_switch(c, "no sign from the peer; it must be able to receive");
}

void child_wait_for_peer(struct child_sa *c, uint64_t at_most)
{
	timer_set(&c->sa->e->timers, &c->switchover, c->sa->e->now + at_most, switchover_due);
	child_touch(c);
}

void child_timers_get(const struct child_sa *c, struct child_timers *t)
{
	bool drops = c->switchover.pos && c->switchover.fn == drop_due;

	*t = (struct child_timers){ .rekey = c->rekey.pos ? c->rekey.at : 0, .retire = c->retire.pos ? c->retire.at : 0,
				    .drop = drops ? c->switchover.at : 0,
				    .switchover = c->switchover.pos && !drops ? c->switchover.at : 0 };
}

void child_take_up(struct child_sa *c, enum child_state state, const struct child_timers *t)
{
	struct engine *e = c->sa->e;

	c->state = state;
	child_touch(c);
	child_belongs(c, c->sa);
	child_index_out(c);
	e->stats.child_now++;
	if (t->rekey)
		child_rekey_at(c, t->rekey);
	if (t->retire)
		timer_set(&e->timers, &c->retire, t->retire, retire_due);
	if (t->switchover || t->drop)
		timer_set(&e->timers, &c->switchover, t->drop ? t->drop : t->switchover,
			  t->drop ? drop_due : switchover_due);
}
