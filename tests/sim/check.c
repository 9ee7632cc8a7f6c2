// SPDX-License-Identifier: MIT
// The invariants.
#include "tests/sim/check.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/straggler.h"
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* --- what is wrong --- */

static const char *const names[VIOLATIONS] = { [LOST] = "lost", [CLEARTEXT] = "cleartext", [STUCK] = "stuck", [LEAKED] = "leaked" };

const char *violation_name(enum violation v)
{
	return names[v];
}

bool verdict_clean(const struct verdict *v)
{
	for (int i = 0; i < VIOLATIONS; i++)
		if (v->violations[i])
			return false;
	return true;
}

void violate(struct sim *w, const struct host *h, enum violation kind, const char *fmt, ...)
{
	bool first = verdict_clean(&w->verdict);
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);	/* NOLINT(clang-analyzer-valist.Uninitialized): it is not */
	va_end(ap);
	sim_trace(w, h, "VIOLATION %s: %s", names[kind], text);
	w->verdict.violations[kind]++;
	if (!first)
		return;
	w->verdict.first_at = w->now;
	w->verdict.first_kind = kind;
	snprintf(w->verdict.first, sizeof(w->verdict.first), "%s%s%s", h ? h->name : "", h ? ": " : "", text);
}

/* --- packets for SAs that were forgotten --- */

/* How long a sender may go on in vain, when nothing else is lost. */
static uint64_t patience(const struct sim *w)
{
	uint64_t all = SECONDS(1);

	if (plan_lossy(w->plan) || w->verdict.dead)
		return SECONDS(150);
	for (unsigned i = 0; i < w->nhosts; i++)
		all += 10 * (w->plan->host[i].delay + w->plan->host[i].jitter + w->plan->host[i].kernel_delay) +
		       4 * w->plan->host[i].auth_delay;
	/* A request that met no daemon comes again when its sender has waited as long once more, at most. */
	for (unsigned i = 0; i < w->plan->nops; i++)
		if (w->plan->op[i].kind == OP_KILL || w->plan->op[i].kind == OP_RESTART)
			all += 3 * w->plan->op[i].arg;
	return all;
}

void check_forgotten(struct sim *w, const struct host *h, const struct packet *p)
{
	w->verdict.forgotten++;
	if (p->sent_at > w->ended_at + patience(w))
		violate(w, h, LOST, "packet %u still comes in an SA that was forgotten %.3f s before", p->id,
			(double)(p->sent_at - w->ended_at) / 1e6);
}

/* --- numbers and ages --- */

/* SAs for one policy: one, its successors, what drains or lingers, and what each further op may have made. */
static unsigned sas_max(const struct sim *w)
{
	unsigned rekeys = w->plan->child_lifetime ? w->plan->linger / w->plan->child_lifetime + 2 : 2;

	if (w->plan->ikev1 && w->plan->child_lifetime)	/* who did not make it waits a minute for the delete */
		rekeys += 70 / w->plan->child_lifetime;
	if (w->plan->child_packets)
		rekeys += (unsigned)(SECONDS(w->plan->linger + 2) / w->plan->packet_every / w->plan->child_packets) + 8;
	return 8 + 4 * rekeys + 4 * w->plan->nops;
}

void check_number(struct sim *w, const struct host *h)
{
	unsigned n[PLAN_HOSTS_MAX * PLAN_POLICIES_MAX] = { 0 }, max = sas_max(w) * w->plan->npolicies;

	list_each(s, &h->sad.sas, struct ksa, link) {
		const struct ipsec_addr *peer = s->outbound ? &s->sa.dst : &s->sa.src;
		unsigned i = peer->b[3] % PLAN_HOSTS_MAX;

		if (!s->larval && ++n[i] == max + 1)
			violate(w, h, LEAKED, "there are %u SAs with one peer", n[i]);
	}
}

/* From the first sending of a request until its sender must have given up after two rounds, or be done with the answer. */
static uint64_t exchange_max(const struct sim *w)
{
	uint64_t wait = SECONDS(10);

	for (unsigned i = 0; i < w->plan->tries; i++)
		wait += 2 * MILLISECONDS(500) << (i < 6 ? i : 6);
	for (unsigned i = 0; i < w->nhosts; i++)
		wait += 2 * w->plan->host[i].auth_delay;
	return wait;
}

void check_exchanges(struct sim *w)
{
	for (unsigned i = 0; i < w->nhosts; i++) {
		struct host *h = &w->host[i];

		if (!h->engine)
			continue;
		list_each(sa, &h->engine->sas, struct ike_sa, link)
			if (sa->active && sa->sent_at && host_clock(h) > sa->sent_at + exchange_max(w)) {
				violate(w, h, STUCK, "%s does not end", sa->active->ops->name);
				sa->sent_at = host_clock(h);
			}
	}
}

/* --- agreement --- */

struct census {
	unsigned ikes, children, old, waiting;
};

static void count_ike(void *arg, const struct engine_ike_info *info)
{
	struct census *c = arg;

	(void)info;
	c->ikes++;
}

static void count_child(void *arg, const struct engine_child_info *info)
{
	struct census *c = arg;

	c->children++;
	c->old += info->old;
	c->waiting += !info->outbound_used;
}

static bool idle(const struct host *h, char *why)
{
	list_each(sa, &h->engine->sas, struct ike_sa, link) {
		if (!sa->active && list_empty(&sa->queue) && !sa->serving)
			continue;
		snprintf(why, 256, "%s: an exchange is under way", h->name);
		return false;
	}
	if (list_empty(&h->engine->asks))
		return true;
	snprintf(why, 256, "%s waits for an answer of kernel or auth", h->name);
	return false;
}

/* What a list has, whatever it is. */
struct list_of {
	struct list link;
};

static bool of_child(const struct host *h, const struct ksa *s)
{
	list_each(sa, &h->engine->sas, struct ike_sa, link)
		list_each(c, &sa->children, struct child_sa, link)
			if (s->sa.spi == (s->outbound ? c->spi_out : c->spi_in))
				return true;
	return straggler_is(h->engine, &s->sa.dst, s->sa.spi);
}

/* SAs of the kernel that the daemon knows nothing of. */
static unsigned strays(struct host *h)
{
	unsigned n = 0;

	list_each(s, &h->sad.sas, struct ksa, link)
		n += !s->larval && !of_child(h, s);
	return n;
}

/*
 * In IKEv1 an old child waits some seconds for its end, or for the end of its time, as nothing says whether the peer has heard of it.
 * Where lifetimes are as short there is always one, which may have its outbound SA yet, or not.
 */
static bool as_renewed(struct host *h, const struct census *c, unsigned peers, unsigned children)
{
	return h->w->plan->ikev1 && plan_renews(h->w->plan) && c->ikes >= peers && c->children - c->old == children && !strays(h);
}

static bool count_ok(struct host *h, char *why)
{
	unsigned peers = h->index ? 1 : h->w->nhosts - 1, children = peers * h->w->plan->npolicies, sas = 0, larvals = 0, leaving = 0;
	struct census c = { 0 };

	engine_walk(h->engine, host_clock(h), count_ike, count_child, &c);
	list_each(s, &h->sad.sas, struct ksa, link)
		*(s->larval ? &larvals : &sas) += 1;
	list_each(s, &h->engine->stragglers, struct list_of, link)
		leaving++;
	/* Where lifetimes are short, there is always one that lingers. */
	if (!larvals && as_renewed(h, &c, peers, children))
		return true;
	if ((h->w->plan->ikev1 ? c.ikes >= peers : c.ikes == peers) && c.children == children && !c.old && !c.waiting &&
	    sas == 2 * c.children + leaving && !larvals && (!leaving || plan_renews(h->w->plan)))
		return true;
	snprintf(why, 256, "%s has %u IKE SAs for %u peers, %u children (%u old, %u not sending) for %u policies, %u SAs and %u "
		 "larval ones in the kernel", h->name, c.ikes, peers, c.children, c.old, c.waiting, children, sas, larvals);
	return false;
}

static bool joined(struct sim *w, const struct flow *f, char *why)
{
	struct host *from = &w->host[f->from], *to = &w->host[f->to];
	struct ksa *out = kspd_sender(from, &f->sel), *in = out ? sad_find(to, &to->addr, out->sa.spi) : NULL;

	if (in && in->key == out->key)
		return true;
	snprintf(why, 256, "%s cannot send to %s%s", from->name, to->name, out ? ": that has not got the SA" : "");
	return false;
}

bool check_joined(struct sim *w, char *why)
{
	for (unsigned i = 0; i < w->nflows; i++)
		if (!joined(w, &w->flow[i], why))
			return false;
	return true;
}

bool check_agreed(struct sim *w, char *why)
{
	for (unsigned i = 0; i < w->nhosts; i++) {
		struct host *h = &w->host[i];

		if (!h->engine) {
			snprintf(why, 256, "%s is away", h->name);
			return false;
		}
		if (!idle(h, why) || !count_ok(h, why))
			return false;
	}
	return check_joined(w, why);
}
