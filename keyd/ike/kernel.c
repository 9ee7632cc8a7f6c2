// SPDX-License-Identifier: MIT
// What the kernel tells the engine: packets that want an SA, SAs that end, policies that come and go.
#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/guard.h"
#include "keyd/ike/lifetime.h"
#include "keyd/ike/orphan.h"
#include "keyd/ike/path.h"
#include "keyd/ike/report.h"
#include "keyd/ike/retry.h"
#include "keyd/ike/selector.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"

/* What we cannot negotiate must not keep the kernel waiting. */
static void refuse_acquire(struct engine *e, const struct ipsec_event *ev, const char *why)
{
	acquire_larval_delete(e, ev);
	report_failed(e, &ev->acquire.src, &ev->acquire.dst, REASON_POLICY_UNSUPPORTED, why);
}

static void on_acquire(struct engine *e, const struct ipsec_event *ev)
{
	const struct ipsec_policy *pol = &ev->acquire.policy;
	const struct ipsec_addr *local = &ev->acquire.src, *remote = &ev->acquire.dst;
	struct child_sa *c;
	const char *why;
	char sel[SELECTOR_STRLEN];

	if (ev->acquire.tmpl >= IPSEC_TMPL_MAX)
		return;
	if (traffic_is_own(pol)) {
		traffic_acquired(e, ev);
		return;
	}
	why = ev->acquire.tmpl ? "the policy asks for several protocols; only a single ESP rule is negotiated" :
				 spd_policy_unfit(pol);
	if (why) {
		refuse_acquire(e, ev, why);
		return;
	}
	c = child_serving_flow(e, pol, local, remote, &ev->acquire.sel);
	report_engine(e, LOG_LEVEL_DEBUG, "acquire seq=%u policy=%u %s%s", ev->acquire.seq, pol->index,
		      selector_format(&ev->acquire.sel, sel, sizeof(sel)), c ? " (under way)" : "");
	report_kernel(e, ENGINE_ACQUIRED, local, remote, &ev->acquire.sel, c ? "under way" : "");
	if (!c) {
		if (!retry_waits(e, pol, local, remote, ev))
			child_begin(e, pol, local, remote, ev);
		return;
	}
	child_acquired(c, ev);
	if (c->state == CHILD_UP && !c->lost)
		child_doubt(c);
}

/* By either SPI: inbound is ours, outbound is the peer's. */
static struct child_sa *child_of(struct engine *e, const struct ipsec_sa_id *id)
{
	struct child_sa *c = child_find(e, id->spi);

	if (c && c->state != CHILD_NEW && ipsec_addr_equal(&c->sa->local, &id->dst))
		return c;
	return child_find_sent_to(e, &id->dst, id->spi);
}

static void on_expire(struct engine *e, const struct ipsec_event *ev)
{
	const struct ipsec_sa *sa = &ev->expire.sa;
	struct ipsec_sa_id id = { .dst = sa->dst, .proto = sa->proto, .spi = sa->spi };
	struct child_sa *c = child_of(e, &id);

	if (c && ev->expire.hard)
		child_lost(c, "its hard lifetime ran out");
	else if (c)
		lifetime_soft_met(c, ipsec_addr_equal(&sa->dst, &c->sa->remote), sa);
	else if (!ev->expire.hard)
		engine_kern_orphan(e, e->now, sa);
	else
		orphan_gone(e, &sa->dst, sa->spi);
}

static void on_delete(struct engine *e, const struct ipsec_event *ev)
{
	struct child_sa *c = child_of(e, &ev->sa_id);

	if (c)
		child_lost(c, "somebody deleted its SA from the kernel");
	else
		stragglers_forget(e, &ev->sa_id);
	if (!c)
		orphan_gone(e, &ev->sa_id.dst, ev->sa_id.spi);
}

/* Verified, and in an SA that the peer cannot send on before it has it whole (RFC 7296 2.8). */
static void on_first_packet(struct engine *e, const struct ipsec_event *ev)
{
	struct child_sa *c = child_find(e, ev->ae.id.spi);

	if (c && c->state != CHILD_NEW && ipsec_addr_equal(&c->sa->local, &ev->ae.id.dst))
		child_confirm(c, "the peer sends on it");
}

/* What is in the making may be there by half: it will be made in the usual order. */
static void forget_early(struct exchange *x)
{
	if (x && x->child && x->child->state == CHILD_NEW)
		x->child->early = false;
}

static void on_flush(struct engine *e, const struct ipsec_event *ev)
{
	if (ev->flush_proto && ev->flush_proto != IPPROTO_ESP)
		return;
	stragglers_free(e);
	orphans_free(e);
	list_each(sa, &e->sas, struct ike_sa, link) {
		forget_early(sa->active);
		list_each(x, &sa->queue, struct exchange, link)
			forget_early(x);
		list_each(c, &sa->children, struct child_sa, link)
			child_lost(c, "somebody flushed the SAD");
	}
}

static void tell_policy(struct engine *e, const struct ipsec_policy *pol, const char *what)
{
	if (pol->dir == IPSEC_DIR_OUT && pol->ntmpl)
		report_kernel(e, ENGINE_POLICY, &pol->tmpl[0].src, &pol->tmpl[0].dst, &pol->sel, what);
}

/* What keyd has made itself is no policy that anybody asks for: it is known already, or left by a keyd before us. */
static void on_policy(struct engine *e, const struct ipsec_event *ev)
{
	tell_policy(e, &ev->policy, ev->type == IPSEC_EVENT_POLICY_NEW ? "new" : "changed");
	if (traffic_is_own(&ev->policy))
		traffic_heard(e, &ev->policy);
	else if (guard_is_own(&ev->policy))
		guard_heard(e, &ev->policy);
	else
		spd_put(&e->spd, &ev->policy);
}

static void on_policy_delete(struct engine *e, const struct ipsec_event *ev)
{
	tell_policy(e, &ev->policy, "gone");
	retry_forget(e, &ev->policy, NULL, NULL);
	spd_remove(&e->spd, &ev->policy);
	traffic_vanished(e, &ev->policy);
	guard_vanished(e, &ev->policy);
}

/* If what there is is told now, what is not told is not there. */
static void doubt_all(struct engine *e)
{
	list_each(sa, &e->sas, struct ike_sa, link)
		list_each(c, &sa->children, struct child_sa, link) {
			c->doubted = true;
			c->seen_in = c->seen_out = false;
		}
}

void engine_kern_ready(struct engine *e, uint64_t now)
{
	e->now = now;
	list_each(sa, &e->sas, struct ike_sa, link)
		list_each(c, &sa->children, struct child_sa, link) {
			if (c->doubted && (!c->seen_in || (c->state == CHILD_UP && !c->seen_out)))
				child_lost(c, "the kernel has not got it any more");
			c->doubted = false;
		}
	engine_settle(e);
}

/* Also the beginning of all that there is, told anew: what is ours is made sure of. */
static void on_policy_flush(struct engine *e, const struct ipsec_event *ev)
{
	static const struct ipsec_addr none;

	(void)ev;
	doubt_all(e);
	report_kernel(e, ENGINE_POLICY, &none, &none, NULL, "all of them are gone");
	retries_free(e);
	spd_clear(&e->spd);
	e->told = true;
	guards_assert(e);
	traffics_reassert(e);
	tunnels_configure(e);
}

static void (*const handlers[IPSEC_EVENT_TYPES])(struct engine *e, const struct ipsec_event *ev) = {
	[IPSEC_EVENT_ACQUIRE] = on_acquire,
	[IPSEC_EVENT_EXPIRE] = on_expire,
	[IPSEC_EVENT_SA_DELETE] = on_delete,
	[IPSEC_EVENT_SA_FLUSH] = on_flush,
	[IPSEC_EVENT_POLICY_NEW] = on_policy,
	[IPSEC_EVENT_POLICY_UPDATE] = on_policy,
	[IPSEC_EVENT_POLICY_DELETE] = on_policy_delete,
	[IPSEC_EVENT_POLICY_FLUSH] = on_policy_flush,
	[IPSEC_EVENT_AE] = on_first_packet,
	[IPSEC_EVENT_MAPPING] = path_mapped,
};

void engine_kern_event(struct engine *e, uint64_t now, const struct ipsec_event *ev)
{
	e->now = now;
	if (ev->type < IPSEC_EVENT_TYPES && handlers[ev->type])
		handlers[ev->type](e, ev);
	engine_settle(e);
}
