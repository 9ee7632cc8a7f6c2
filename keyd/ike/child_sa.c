// SPDX-License-Identifier: MIT
// Child SAs: what goes into the kernel, in which order, and what leaves it.
#include "keyd/ike/child_sa.h"

#include "keyd/crypto/rand.h"
#include "keyd/ike/duplicate.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/lifetime.h"
#include "keyd/ike/orphan.h"
#include "keyd/ike/path.h"
#include "keyd/ike/report.h"
#include "keyd/ike/retry.h"
#include "keyd/ike/selector.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ike/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* SPIs below 256 are reserved (RFC 4303 2.1); those up to 4095 are what people type by hand. */
#define SPI_MIN 0x1000u
/* A replaced child whose DELETE never comes goes after this long. */
#define RETIRE_AFTER SECONDS(60)
/* No peer sends a request again after this long: it has our answer, or has given up. */
#define CONFIRMED_AFTER SECONDS(120)
/* A rekey that comes before the child can send waits this long and looks again. */
#define NOT_YET_RETRY MILLISECONDS(500)

struct child_sa *child_find(struct engine *e, uint32_t spi_in)
{
	struct table_node *node = table_find(&e->by_child, spi_in);

	return node ? container_of(node, struct child_sa, node) : NULL;
}

static uint64_t out_key(uint32_t spi_out)
{
	return table_hash(0, &spi_out, sizeof(spi_out));
}

static struct child_sa *of_out(struct table_node *node)
{
	return node ? container_of(node, struct child_sa, by_out) : NULL;
}

struct child_sa *child_find_out(struct ike_sa *sa, uint32_t spi_out)
{
	struct child_sa *c = of_out(table_find(&sa->e->by_out, out_key(spi_out)));

	while (c && (c->spi_out != spi_out || c->sa != sa))
		c = of_out(table_next(&c->by_out));
	return c;
}

struct child_sa *child_find_sent_to(struct engine *e, const struct ipsec_addr *remote, uint32_t spi_out)
{
	struct child_sa *c = of_out(table_find(&e->by_out, out_key(spi_out)));

	while (c && (c->spi_out != spi_out || c->state < CHILD_UP || !ipsec_addr_equal(&c->out_addr, remote)))
		c = of_out(table_next(&c->by_out));
	return c;
}

/* Not by index alone: a policy that is loaded again has another one, and is the same to us. */
static bool made_for(const struct child_sa *c, const struct ipsec_policy *pol)
{
	return c->pol.tmpl[0].reqid == pol->tmpl[0].reqid && c->pol.if_id == pol->if_id &&
	       c->pol.mark.value == pol->mark.value && c->pol.mark.mask == pol->mark.mask &&
	       selector_equal(&c->pol.sel, &pol->sel);
}

static uint64_t policy_key(const struct ipsec_policy *pol)
{
	return selector_hash((uint64_t)pol->if_id << 32 | pol->tmpl[0].reqid, &pol->sel);
}

static struct child_sa *made_for_or_next(struct table_node *node, const struct ipsec_policy *pol)
{
	for (; node; node = table_next(node))
		if (made_for(container_of(node, struct child_sa, by_policy), pol))
			return container_of(node, struct child_sa, by_policy);
	return NULL;
}

struct child_sa *child_first(const struct engine *e, const struct ipsec_policy *pol)
{
	return made_for_or_next(table_find(&e->by_policy, policy_key(pol)), pol);
}

struct child_sa *child_next(const struct child_sa *c, const struct ipsec_policy *pol)
{
	return made_for_or_next(table_next(&c->by_policy), pol);
}

/* What is there is worth more than what is being made, whose selectors may still turn out to be others; 0: nothing. */
static int worth(struct engine *e, const struct child_sa *c, const struct ipsec_selector *flow)
{
	if (c->state == CHILD_REPLACED)
		return 0;
	/* A successor is no more than what it succeeds, as long as that is there. */
	if (c->state == CHILD_NEW)
		return c->replaces && child_find(e, c->replaces) ? 0 : 1;
	return !flow || !c->sel_exact || selector_covers(&c->sel, flow) ? 2 : 0;
}

struct child_sa *child_serving_flow(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
				    const struct ipsec_addr *remote, const struct ipsec_selector *flow)
{
	struct child_sa *best = NULL;
	int most = 0;

	for (struct child_sa *c = child_first(e, pol); c; c = child_next(c, pol)) {
		int n = worth(e, c, flow);

		if (n <= most || !ike_sa_alive(c->sa) || !ipsec_addr_equal(&c->sa->local, local) ||
		    !ipsec_addr_equal(&c->sa->remote, remote))
			continue;
		best = c;
		most = n;
	}
	return best;
}

struct child_sa *child_serving(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
			       const struct ipsec_addr *remote)
{
	return child_serving_flow(e, pol, local, remote, NULL);
}

struct child_sa *child_twin_on(const struct child_sa *c, const struct ike_sa *sa)
{
	const struct ipsec_selector *flow = c->flow.src.family ? &c->flow : NULL;

	for (struct child_sa *o = child_first(sa->e, &c->pol); o; o = child_next(o, &c->pol))
		if (o != c && o->sa == sa && worth(sa->e, o, flow))
			return o;
	return NULL;
}

struct child_sa *child_twin(const struct child_sa *c)
{
	struct child_sa *twin = child_twin_on(c, c->sa);

	return twin && twin->state != CHILD_NEW ? twin : NULL;
}

static int fresh_child_spi(struct engine *e, uint32_t *spi)
{
	do {
		if (crypto_rand(spi, sizeof(*spi)))
			return -1;
	} while (*spi < SPI_MIN || child_find(e, *spi));
	return 0;
}

/* What the kernel holds back since there was no child is for this one. */
static void take_traffic(struct child_sa *c, struct traffic *t)
{
	c->traffic = t;
	if (!t)
		return;
	traffic_hold(t);
	if (!t->acquired || c->acquired)
		return;
	c->acquired = true;
	c->acquire_seq = t->acquire_seq;
	t->acquired = false;
}

static void drop_traffic(struct child_sa *c)
{
	if (!c->traffic)
		return;
	tunnel_child_gone(c->sa->e, c->traffic);
	traffic_put(c->traffic);
}

/* It is in no record of its own before it is there, but with what makes it. */
void child_touch(struct child_sa *c)
{
	keep_touch(c->sa->e, &c->keep, KEEP_CHILD);
	if (c->state == CHILD_NEW || c->unfinished)
		ike_sa_touch(c->sa);
}

int child_take(struct child_sa *c, struct ike_sa *sa, uint32_t reqid)
{
	if (c->spi_in < SPI_MIN || child_find(sa->e, c->spi_in))
		return -1;
	list_init(&c->link);
	c->sa = sa;
	table_add(&sa->e->by_child, &c->node, c->spi_in);
	table_add(&sa->e->by_policy, &c->by_policy, policy_key(&c->pol));
	if (traffic_is_own(&c->pol))
		take_traffic(c, traffic_find(sa->e, reqid));
	return 0;
}

struct child_sa *child_new(struct ike_sa *sa, const struct ipsec_policy *pol, bool initiator)
{
	struct child_sa *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->initiator = initiator;
	c->pol = *pol;
	c->begun_at = sa->e->now;
	if (fresh_child_spi(sa->e, &c->spi_in) || child_take(c, sa, pol->tmpl[0].reqid)) {
		free(c);
		return NULL;
	}
	c->line = c->spi_in;
	return c;
}

void child_adopt(struct child_sa *c, struct traffic *t)
{
	struct traffic *before = c->traffic;

	table_del(&c->sa->e->by_policy, &c->by_policy);
	c->pol = t->pol;
	table_add(&c->sa->e->by_policy, &c->by_policy, policy_key(&c->pol));
	take_traffic(c, t);
	if (before)
		traffic_put(before);
}

static void forget_keys(struct child_sa *c)
{
	secret_clear(&c->key_in);
	secret_clear(&c->auth_in);
	secret_clear(&c->key_out);
	secret_clear(&c->auth_out);
}

static const char *const state_names[CHILD_STATES] = {
	[CHILD_NEW] = "new", [CHILD_INBOUND] = "inbound", [CHILD_UP] = "up", [CHILD_REPLACED] = "replaced",
};

/* The one place that changes a child's state. */
static void child_set_state(struct child_sa *c, enum child_state to)
{
	enum child_state from = c->state;

	c->state = to;
	child_touch(c);
	report_state(c->sa, c, state_names[from], state_names[to]);
}

/* c's IKE SA was to take over: the old one's child goes on as if nothing had been. */
static void take_back(struct child_sa *old)
{
	uint64_t now = old->sa->e->now;

	old->rekeying = false;
	child_touch(old);
	if (old->state != CHILD_REPLACED || old->sa->state != IKE_ESTABLISHED)
		return;
	child_set_state(old, CHILD_UP);
	timer_cancel(&old->sa->e->timers, &old->retire);
	child_rekey_later(old, old->rekey_at > now + NOT_YET_RETRY ? old->rekey_at - now : NOT_YET_RETRY);
}

/* A successor that ends before its predecessor, or never came to send, leaves that to be replaced by another. */
static void give_back(struct child_sa *c)
{
	struct child_sa *old = c->replaces && (c->state < CHILD_UP || c->takes_over) ? child_find(c->sa->e, c->replaces) : NULL;

	if (!old || (old->replaced_by && old->replaced_by != c->spi_in))
		return;
	child_touch(old);
	if (c->takes_over) {
		old->replaced_by = c->replaced_by;
		if (!old->replaced_by)
			take_back(old);
	} else if (old->replaced_by) {
		old->replaced_by = 0;
		if (!old->rekeying && !old->deleting)
			child_rekey_later(old, NOT_YET_RETRY + engine_random_below(NOT_YET_RETRY));
	}
}

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

void child_free(struct child_sa *c)
{
	struct engine *e = c->sa->e;

	give_back(c);
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
	forget_keys(c);
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

static void rekey_due(struct timer *t)
{
	struct child_sa *c = container_of(t, struct child_sa, rekey);

	child_touch(c);
	child_rekey(c, c->rekey_why ? c->rekey_why : "time");
}

bool child_confirmed(const struct child_sa *c)
{
	return c->initiator || c->confirmed || c->sa->e->now - c->up_at > CONFIRMED_AFTER;
}

void child_rekey(struct child_sa *c, const char *why)
{
	if (c->state == CHILD_REPLACED || c->rekeying || c->replaced_by)
		return;
	c->rekey_why = why;
	child_touch(c);
	if (c->state == CHILD_INBOUND) {
		child_rekey_later(c, NOT_YET_RETRY);
		return;
	}
	c->rekeying = true;
	report_detail(c->sa, c, ENGINE_REKEY_BEGUN, NULL, 0, "%s", why);
	ikev2_version.rekey_child(c);
}

void child_rekey_later(struct child_sa *c, uint64_t delay)
{
	if (c->rekeying)
		report_detail(c->sa, c, ENGINE_REKEY_FAILED, NULL, 0, "again in %.1f s", (double)delay / 1e6);
	c->rekeying = false;
	c->rekey_at = c->sa->e->now + delay;
	child_touch(c);
	if (c->state != CHILD_REPLACED)
		timer_set(&c->sa->e->timers, &c->rekey, c->rekey_at, rekey_due);
}

void child_rekey_unless_peer(struct child_sa *c, const char *why, uint64_t patience)
{
	if (c->rekeying || c->replaced_by || c->rekey_at <= c->sa->e->now + patience)
		return;
	c->rekey_why = why;
	child_rekey_later(c, patience);
}

/* The peer may have it still: it must hear that it is over. */
static void retire_due(struct timer *t)
{
	struct child_sa *c = container_of(t, struct child_sa, retire);

	if (c->deleting || c->sa->state != IKE_ESTABLISHED) {
		child_end(c, ENGINE_EVENT_TYPES, "replaced, and its DELETE never came");
		return;
	}
	report_child(c, LOG_LEVEL_INFO, "CHILD_SA", "retired", "it was replaced, and its DELETE never came");
	ikev2_version.delete_child(c);
}

/* The older one sends no more (the kernel takes the newest), and waits for its DELETE. */
static void retire(struct child_sa *old)
{
	child_set_state(old, CHILD_REPLACED);
	timer_cancel(&old->sa->e->timers, &old->rekey);
	timer_cancel(&old->sa->e->timers, &old->switchover);
	timer_set(&old->sa->e->timers, &old->retire, old->sa->e->now + RETIRE_AFTER, retire_due);
}

static const char *rekey_reason(const struct child_sa *c, const struct child_sa *old)
{
	if (!c->initiator)
		return "the peer asked for it";
	return old && old->rekey_why ? old->rekey_why : "time";
}

void child_inbound_done(struct child_sa *c)
{
	struct engine *e = c->sa->e;

	struct child_sa *old = c->replaces ? child_find(e, c->replaces) : NULL;

	if (old) {
		if (!c->redundant)
			old->replaced_by = c->spi_in;
		c->rekeys = old->rekeys + 1;
		c->line = old->line;
		c->beats = old->beats;
		if (old->nonce.n)
			secret_move(&c->nonce, &old->nonce);
		child_touch(old);
	}
	c->unfinished = c->initiator;
	child_set_state(c, CHILD_INBOUND);
	c->early = false;
	c->up_at = e->now;
	c->rekey_at = e->now + lifetime_soft(&c->sa->peer->conf, SECONDS(c->sa->peer->conf.child_lifetime), c->initiator);
	timer_set(&e->timers, &c->rekey, c->rekey_at, rekey_due);
	list_add_tail(&c->sa->children, &c->link);
	table_del(&e->by_out, &c->by_out);
	table_add(&e->by_out, &c->by_out, out_key(c->spi_out));
	e->stats.child_now++;
	if (c->redundant)
		retire(c);
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
		retire(c);
}

static void drop_due(struct timer *t);

/* The one that c beats goes, unless it is being rekeyed just now: then a little later. */
static void drop_beaten(struct child_sa *c, struct child_sa *beaten)
{
	const struct exchange *serving = c->sa->serving;

	if (beaten->rekeying || beaten->state != CHILD_UP || (serving && serving->old_spi == beaten->spi_in)) {
		timer_set(&c->sa->e->timers, &c->switchover, c->sa->e->now + NOT_YET_RETRY, drop_due);
		return;
	}
	child_redundant(beaten, c);
	ikev2_version.delete_child(beaten);
}

/* Those that were made beside c go, now that it carries the traffic. */
static void drop_redundant(struct child_sa *c)
{
	list_each(other, &c->sa->children, struct child_sa, link) {
		if (c->beats && other->line == c->beats && !child_has_heir(other) && !other->deleting)
			drop_beaten(c, other);
		else if (other->redundant && other->initiator && other->replaced_by == c->spi_in)
			ikev2_version.delete_child(other);
	}
}

static void drop_due(struct timer *t)
{
	struct child_sa *c = container_of(t, struct child_sa, switchover);

	child_touch(c);
	drop_redundant(c);
}

void child_outbound_done(struct child_sa *c)
{
	struct child_sa *old = c->replaces ? child_find(c->sa->e, c->replaces) : NULL;
	struct proposal_choice algs = { .encr = c->encr, .integ = c->integ, .ke = c->ke, .esn = c->esn };
	char text[96], sel[SELECTOR_STRLEN];

	child_set_state(c, CHILD_UP);
	c->acquired = false;
	forget_keys(c);
	timer_cancel(&c->sa->e->timers, &c->switchover);
	proposal_choice_format(&algs, text, sizeof(text));
	if (old && old->state != CHILD_REPLACED)
		retire(old);
	drop_redundant(c);
	if (c->replaces)
		c->sa->e->stats.child_rekeyed++;
	else
		c->sa->e->stats.child_up++;
	report_child(c, LOG_LEVEL_NOTICE, "CHILD_SA", c->replaces ? "rekeyed" : "up", "%s %s %s as %s%s%s", text,
		     c->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT ? "transport" : "tunnel",
		     selector_format(c->sel_exact ? &c->sel : &c->pol.sel, sel, sizeof(sel)),
		     c->initiator ? "initiator" : "responder", c->replaces ? "; reason: " : "",
		     c->replaces ? rekey_reason(c, old) : "");
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
	ikev2_version.delete_child(c);
}

void child_confirm(struct child_sa *c, const char *why)
{
	if (c->initiator || c->redundant)
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
		ikev2_version.liveness(c->sa);
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
	list_add_tail(&c->sa->children, &c->link);
	table_add(&e->by_out, &c->by_out, out_key(c->spi_out));
	e->stats.child_now++;
	if (t->rekey)
		timer_set(&e->timers, &c->rekey, t->rekey, rekey_due);
	if (t->retire)
		timer_set(&e->timers, &c->retire, t->retire, retire_due);
	if (t->switchover || t->drop)
		timer_set(&e->timers, &c->switchover, t->drop ? t->drop : t->switchover,
			  t->drop ? drop_due : switchover_due);
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
		straggler_add(e, &in, SECONDS(c->sa->peer->conf.linger));
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
static bool being_added(const struct ike_sa *sa, const struct child_sa *c)
{
	return sa && sa->active && sa->active->child == c;
}

void child_end(struct child_sa *c, enum engine_event_type type, const char *reason)
{
	if (being_added(c->sa, c) || being_added(ike_sa_find(c->sa->e, c->sa->predecessor), c)) {
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

/* A rekey that the peer refused for the moment waits no longer. */
static void hurry(struct child_sa *c)
{
	list_each(x, &c->sa->queue, struct exchange, link) {
		if (x->old_spi != c->spi_in || x->not_before <= c->sa->e->now || x->not_before == ENGINE_NEVER)
			continue;
		x->not_before = 0;
		ike_sa_kick(c->sa);
		return;
	}
}

void child_lost(struct child_sa *c, const char *reason)
{
	if (c->lost)
		return;
	c->lost = true;
	child_touch(c);
	if (c->state == CHILD_REPLACED)
		return;
	report_child(c, LOG_LEVEL_WARNING, "CHILD_SA", "lost", "%s; it is replaced at once", reason);
	hurry(c);
	child_rekey(c, "lost");
}

static void doubt_answered(struct ask *a, const struct kern_answer *an)
{
	struct child_sa *c = container_of(a, struct child_sa, ask);

	if (an->error == -ESRCH)
		child_lost(c, "the kernel asks for an SA that it should have");
	else
		c->acquired = false;
	child_touch(c);
}

/*
 * An ACQUIRE that was raised before the outbound SA was there may be read after; the kernel has then filled or dropped its
 * larval SA by itself. So ask, and believe only that it is gone.
 */
void child_doubt(struct child_sa *c)
{
	struct kern_request rq = { .op = KERN_SA_GET };

	if (c->ask.id || c->lost)
		return;
	rq.sa.dst = c->out_addr;
	rq.sa.proto = IPPROTO_ESP;
	rq.sa.spi = c->spi_out;
	rq.sa.mark = c->pol.mark;
	ask_kern(c->sa->e, &c->ask, &rq, doubt_answered);
}

void child_acquired(struct child_sa *c, const struct ipsec_event *acquire)
{
	c->acquired = true;
	c->acquire_seq = acquire->acquire.seq;
	if (c->state == CHILD_NEW && !c->offered)
		c->flow = acquire->acquire.sel;
	child_touch(c);
}
