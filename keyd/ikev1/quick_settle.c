// SPDX-License-Identifier: MIT
// Which children stay where several are for the same: the newest, or of two that crossed the one that both ends choose.
#include "keyd/ikev1/quick.h"

#include "keyd/ike/report.h"
#include "keyd/ike/selector.h"
#include "keyd/ike/straggler.h"

#include <string.h>

/* The old child stays so long when the new one sends: our last message may be lost, and is repeated. */
#define OLD_STAYS SECONDS(5)
/* Whoever has not made the new one hears by then that the old one is deleted, or that was lost. */
#define QUIET_AFTER SECONDS(10)
/* Of two children for the same one is seen to go by then. */
#define DOUBLED_LOOK SECONDS(90)

static bool lower(const struct secret *a, const struct secret *b)
{
	size_t n = a->n < b->n ? a->n : b->n;
	int order = n ? memcmp(a->p, b->p, n) : 0;

	return order ? order < 0 : a->n < b->n;
}

static bool at_once(const struct child_sa *a, const struct child_sa *b)
{
	uint64_t apart = a->up_at > b->up_at ? a->up_at - b->up_at : b->up_at - a->up_at;

	/*
	 * Others than our like take the newest for the one that stays, unless they see as well as we do that the two
	 * crossed.
	 */
	if (a->sa->v1->kin && a->replaces ? a->replaces != b->replaces : !(a->crossed && b->crossed))
		return false;
	return a != b && a->sa == b->sa && a->initiator != b->initiator && a->nonce.n && b->nonce.n &&
	       apart < V1_AT_ONCE && !b->redundant && !b->deleting && b->state >= CHILD_UP && b->out_addr.family &&
	       !b->muted && selector_equal(&a->sel, &b->sel);
}

/* Of two that both sides made for the same at once both ends let the same go, by the nonces; who has made it deletes it. */
static void settle(struct child_sa *c, struct child_sa *other)
{
	struct child_sa *goes = lower(&c->nonce, &other->nonce) ? c : other, *stays = goes == c ? other : c;

	if (stays->state == CHILD_REPLACED)
		child_restore(stays);
	stays->replaced_by = 0;
	child_redundant(goes, stays);
	child_mute(goes);		/* it may be the newest, by which the kernel sends */
	goes->muted = true;
	if (goes->initiator)
		child_retire_within(goes, OLD_STAYS);
}

static bool doubles(const struct child_sa *a, const struct child_sa *b)
{
	return a != b && a->sa == b->sa && a->nonce.n && b->nonce.n && b->state == CHILD_UP && !b->replaced_by &&
	       !b->redundant && !b->deleting && !b->rekeying && selector_equal(&a->sel, &b->sel);
}

/*
 * Where messages were lost the two ends may have seen different things cross, and two children be left that both send by. When all is
 * quiet, both see the same: by the nonces one goes.
 */
static void doubled_due(struct timer *t)
{
	struct child_sa *c = container_of(t, struct child_sa, switchover);

	child_touch(c);
	for (struct child_sa *o = child_first(c->sa->e, &c->pol); o; o = child_next(o, &c->pol)) {
		if (c->state != CHILD_UP || c->replaced_by || c->rekeying || c->deleting || !doubles(c, o))
			continue;
		settle(c, o);
		return;
	}
}

bool v1_settled_instead(struct child_sa *c)
{
	for (struct child_sa *o = child_first(c->sa->e, &c->pol); o; o = child_next(o, &c->pol)) {
		if (!c->sa->v1->kin || c->lost || o->lost || !doubles(c, o) || !lower(&c->nonce, &o->nonce))
			continue;
		c->rekeying = false;
		settle(c, o);
		return true;
	}
	return false;
}

/* Nothing may go back to it any more: not the kernel either, which does when the new one meets a soft limit. */
static void quiet_due(struct timer *t)
{
	struct child_sa *c = container_of(t, struct child_sa, switchover);
	struct ipsec_sa_id out = { .dst = c->out_addr, .proto = IPPROTO_ESP, .spi = c->spi_out, .mark = c->pol.mark };

	child_touch(c);
	if (c->state != CHILD_REPLACED || c->muted || !out.dst.family || !v1_predecessor(c))
		return;
	straggler_add(c->sa->e, &out, 0);
	c->muted = true;
}

void v1_child_up(struct child_sa *c)
{
	struct child_sa *old = c->replaces ? child_find(c->sa->e, c->replaces) : NULL;

	if (old && c->initiator) {
		child_retire_within(old, OLD_STAYS);
	} else if (old) {
		timer_set(&c->sa->e->timers, &old->switchover, c->sa->e->now + QUIET_AFTER, quiet_due);
		child_touch(old);
	}
	if (c->sa->v1->kin)
		timer_set(&c->sa->e->timers, &c->switchover, c->sa->e->now + DOUBLED_LOOK, doubled_due);
	for (struct child_sa *o = child_first(c->sa->e, &c->pol); o; o = child_next(o, &c->pol)) {
		if (!at_once(c, o))
			continue;
		settle(c, o);
		return;
	}
}
