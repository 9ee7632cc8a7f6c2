// SPDX-License-Identifier: MIT
// The end of a child: what leaves the kernel, and when.
#include "keyd/ike/child_inside.h"

#include "keyd/ike/exchange.h"
#include "keyd/ike/report.h"
#include "keyd/ike/retry.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"

#include <stdlib.h>

void child_withdraw(const struct child_sa *c)
{
	struct ipsec_sa_id in = { .dst = c->sa->local, .proto = IPPROTO_ESP, .spi = c->spi_in };

	straggler_add(c->sa->e, &in, 0);
}

void child_early_remove(struct child_sa *c)
{
	struct ipsec_sa_id in = { .dst = c->sa->local, .proto = IPPROTO_ESP, .spi = c->spi_in };

	if (c->early)
		straggler_add(c->sa->e, &in, 0);
	c->early = false;
}

/* What is being made anew may be in the kernel since the first time. */
static void withdraw_thawed(struct child_sa *c)
{
	struct ipsec_sa_id out = { .dst = c->sa->remote, .proto = IPPROTO_ESP, .spi = c->spi_out, .mark = c->pol.mark };

	child_withdraw(c);
	if (c->spi_out)
		straggler_add(c->sa->e, &out, 0);
}

static void drop_traffic(struct child_sa *c)
{
	if (!c->traffic)
		return;
	tunnel_child_gone(c->sa->e, c->traffic);
	traffic_put(c->traffic);
}

void child_free(struct child_sa *c)
{
	struct engine *e = c->sa->e;

	child_give_back(c);
	if (c->state == CHILD_NEW && c->thawed && c->encr && !e->keep_closed)
		withdraw_thawed(c);
	child_early_remove(c);
	/* What went down with an SA that was up, or by command, is no failure, and may be tried again at once. */
	if (c->state == CHILD_NEW && c->initiator && !c->replaces &&
	    (c->failed || (!c->sa->established_at && !c->sa->unwanted)))
		retry_failed(c);
	if (c->acquired && c->state < CHILD_UP)
		child_larval_delete(c);
	if (c->state != CHILD_NEW)
		e->stats.child_now--;
	timer_cancel(&e->timers, &c->switchover);
	timer_cancel(&e->timers, &c->rekey);
	timer_cancel(&e->timers, &c->retire);
	ask_cancel(&c->ask);
	ask_cancel(&c->move);
	child_forget_keys(c);
	secret_clear(&c->nonce);
	if (c->state == CHILD_NEW || c->unfinished)
		ike_sa_touch(c->sa);
	keep_end(e, &c->keep);
	list_del(&c->link);
	table_del(&e->by_child, &c->node);
	table_del(&e->by_policy, &c->by_policy);
	table_del(&e->by_out, &c->by_out);
	drop_traffic(c);
	free(c);
}

static void kernel_forget(struct child_sa *c)
{
	struct engine *e = c->sa->e;
	struct ipsec_sa_id out = { .dst = c->out_addr, .proto = IPPROTO_ESP, .spi = c->spi_out, .mark = c->pol.mark };
	struct ipsec_sa_id in = { .dst = c->sa->local, .proto = IPPROTO_ESP, .spi = c->spi_in };

	/* With a successor, nothing new takes the outbound SA; a packet that has taken it may still be in it. */
	if (out.dst.family)
		straggler_add(e, &out, c->replaced_by ? OUTBOUND_DRAIN : 0);
	out.dst = c->move_addr;
	if (c->move.id && !ipsec_addr_equal(&c->move_addr, &c->out_addr))
		straggler_add(e, &out, c->replaced_by ? OUTBOUND_DRAIN : 0);
	if (c->state >= CHILD_INBOUND)
		straggler_add(e, &in, SECONDS(c->sa->peer->conf.linger) + c->lingers);
}

bool child_has_heir(const struct child_sa *c)
{
	return c->replaced_by || c->redundant;
}

/* Another one sends by now. */
static bool heir_sends(const struct child_sa *c)
{
	const struct child_sa *heir = c->replaced_by ? child_find(c->sa->e, c->replaced_by) : NULL;

	return heir && heir->state == CHILD_UP && !heir->lost;
}

/* The IKE SA is being deleted, and the one that stands in for c with it. */
static bool heir_goes(const struct child_sa *c)
{
	const struct child_sa *heir = c->replaced_by ? child_find(c->sa->e, c->replaced_by) : NULL;

	return c->sa->state == IKE_DELETING && heir && heir->sa == c->sa;
}

void child_mute(struct child_sa *c)
{
	struct ipsec_sa_id out = { .dst = c->out_addr, .proto = IPPROTO_ESP, .spi = c->spi_out, .mark = c->pol.mark };

	/* The kernel takes the newest of all, which may be this one, if its heir was made on another IKE SA. */
	if (out.dst.family && heir_sends(c))
		straggler_add(c->sa->e, &out, OUTBOUND_DRAIN);
	else if (out.dst.family && heir_goes(c))
		straggler_add(c->sa->e, &out, 0);
	if (child_has_heir(c) || c->state == CHILD_NEW)
		return;
	if (out.dst.family)
		straggler_add(c->sa->e, &out, 0);
	child_set_state(c, CHILD_REPLACED);
	timer_cancel(&c->sa->e->timers, &c->rekey);
	timer_cancel(&c->sa->e->timers, &c->switchover);
}

/* An exchange of ours has it, until the kernel has its outbound half, too. */
static bool being_added(const struct child_sa *c)
{
	const struct exchange *x = child_maker(c);

	return x && x->ops;
}

void child_end(struct child_sa *c, enum engine_event_type type, const char *reason)
{
	if (being_added(c)) {
		c->ends = true;
		return;
	}
	kernel_forget(c);	/* also when it is lost: perhaps only a half of it is, and what is gone is no error */
	report_child(c, type < ENGINE_EVENT_TYPES ? LOG_LEVEL_NOTICE : LOG_LEVEL_DEBUG, "CHILD_SA", "down", "%s",
		     reason);
	if (type < ENGINE_EVENT_TYPES)
		report_event(c->sa, c, type, "%s", reason);
	child_free(c);
}
