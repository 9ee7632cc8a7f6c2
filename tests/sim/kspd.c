// SPDX-License-Identifier: MIT
// A kernel's policies and its packets, after net/xfrm/xfrm_policy.c of Linux 6.1.
#include "tests/sim/kspd.h"

#include "keyd/ike/selector.h"
#include "keyd/ike/timer.h"
#include "tests/sim/net.h"
#include "tests/sim/sim.h"
#include "tests/unit/kernel_mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_WAIT_MIN MILLISECONDS(100)	/* XFRM_QUEUE_TMO_MIN */
#define QUEUE_WAIT_MAX SECONDS(60)		/* XFRM_QUEUE_TMO_MAX */

static void tell(struct host *h, enum ipsec_event_type type, const struct ipsec_policy *pol)
{
	struct ipsec_event ev = { .type = (uint8_t)type };

	ev.policy = *pol;
	host_tell(h, &ev);
}

static struct kpol *find(struct kspd *spd, const struct ipsec_policy *pol)
{
	for (unsigned i = 0; i < spd->n; i++)
		if (spd->pol[i]->pol.dir == pol->dir && selector_equal(&spd->pol[i]->pol.sel, &pol->sel))
			return spd->pol[i];
	return NULL;
}

static struct kpol *policy_new(struct kspd *spd, const struct ipsec_policy *pol)
{
	struct kpol *k = calloc(1, sizeof(*k));

	if (!k || spd->n == KSPD_POLICIES_MAX)
		abort();
	spd->pol[spd->n++] = k;
	k->pol.index = 8 * ++spd->last_index + pol->dir;
	return k;
}

static void arm(struct host *h, struct kpol *k, uint64_t at);

void kspd_add(struct host *h, const struct ipsec_policy *pol)
{
	struct kpol *k = find(&h->spd, pol);
	uint32_t index;

	if (!k)
		k = policy_new(&h->spd, pol);
	index = k->pol.index;
	k->pol = *pol;
	k->pol.index = index;
	tell(h, IPSEC_EVENT_POLICY_NEW, &k->pol);
	if (!k->nqueue)
		return;
	k->timeout = QUEUE_WAIT_MIN;	/* xfrm_policy_requeue() */
	arm(h, k, h->w->now);
}

/* What waits for a policy that ends is lost with it. */
static void drop_queue(struct host *h, struct kpol *k, const char *why)
{
	if (k->nqueue && h->w->up && !plan_ends(h->w->plan))
		violate(h->w, h, LOST, "%u packets that waited for an SA: %s", k->nqueue, why);
	h->w->verdict.refused += k->nqueue;
	k->nqueue = 0;
	k->timeout = 0;
}

static void remove_it(struct host *h, struct kpol *k)
{
	struct kspd *spd = &h->spd;
	unsigned i = 0;

	tell(h, IPSEC_EVENT_POLICY_DELETE, &k->pol);
	drop_queue(h, k, "their policy is gone");
	while (spd->pol[i] != k)
		i++;
	spd->n--;
	memmove(&spd->pol[i], &spd->pol[i + 1], (spd->n - i) * sizeof(spd->pol[0]));
	free(k);
}

void kspd_remove(struct host *h, uint32_t reqid)
{
	for (unsigned i = 0; i < h->spd.n;)
		if (h->spd.pol[i]->pol.tmpl[0].reqid == reqid)
			remove_it(h, h->spd.pol[i]);
		else
			i++;
}

int kspd_delete(struct host *h, const struct ipsec_policy *pol)
{
	struct kpol *k = find(&h->spd, pol);

	if (!k)
		return -ENOENT;
	remove_it(h, k);
	return 0;
}

void kspd_clear(struct host *h)
{
	while (h->spd.n)
		free(h->spd.pol[--h->spd.n]);
}

/* The smallest priority, and of two the one that was there first. */
static struct kpol *lookup(struct host *h, unsigned dir, const struct ipsec_selector *flow)
{
	struct kpol *best = NULL;

	for (unsigned i = 0; i < h->spd.n; i++) {
		struct kpol *k = h->spd.pol[i];

		if (k->pol.dir == dir && selector_covers(&k->pol.sel, flow) &&
		    (!best || k->pol.priority < best->pol.priority))
			best = k;
	}
	return best;
}

/* The SA that a policy's packets take, between which ends. */
static struct ksa *sender(struct host *h, const struct ipsec_policy *pol, const struct ipsec_selector *flow,
			  const struct ipsec_addr **ends, bool *waits)
{
	const struct ipsec_tmpl *t = &pol->tmpl[0];
	bool tunnel = t->mode == IPSEC_MODE_TUNNEL;

	ends[0] = tunnel ? &t->src : &flow->src;
	ends[1] = tunnel ? &t->dst : &flow->dst;
	return sad_select(h, t, ends[0], ends[1], flow, waits);
}

struct ksa *kspd_sender(struct host *h, const struct ipsec_selector *flow)
{
	struct kpol *k = lookup(h, IPSEC_DIR_OUT, flow);
	const struct ipsec_addr *ends[2];
	bool waits;

	return k ? sender(h, &k->pol, flow, ends, &waits) : NULL;
}

static void esp_send(struct host *h, struct ksa *s, struct packet p)
{
	struct outer path = { s->sa.src, s->sa.dst, s->sa.encap.sport, s->sa.encap.dport };
	struct esp esp = { .spi = s->sa.spi, .key = s->key, .packet = p };
	uint32_t spi = s->sa.spi;

	if (!sad_limits(h, s)) {
		violate(h->w, h, LOST, "packet %u meets the hard limit of %08x on its way out", p.id, spi);
		return;
	}
	sad_count(s);
	esp.seq = key_next(h->w, h, s->key, s->range);
	net_esp(h, &esp, &path);
}

/* --- packets that wait (xdst_queue_output(), xfrm_policy_queue_process()) --- */

struct queue_timer {
	struct event ev;
	struct host *h;
	uint64_t timer;
};

static void out(struct host *h, struct packet p, bool again);
static void queue_due(struct event *ev);

static void arm(struct host *h, struct kpol *k, uint64_t at)
{
	struct queue_timer *t = event_add(&h->w->events, at, sizeof(*t), queue_due);

	t->h = h;
	t->timer = k->timer = ++h->spd.timers;
	k->timer_at = at;
}

static void hold(struct host *h, struct kpol *k, struct packet p)
{
	struct sim *w = h->w;
	uint64_t at;

	if (k->nqueue == KSPD_QUEUE) {		/* the sender is told EAGAIN */
		w->verdict.refused++;
		if (w->up && !plan_ends(w->plan))
			violate(w, h, LOST, "packet %u is refused: %u wait for an SA already", p.id, KSPD_QUEUE);
		return;
	}
	if (!k->timeout)
		k->timeout = QUEUE_WAIT_MIN;
	at = w->now + k->timeout;
	if (k->nqueue && k->timer_at > w->now && k->timer_at < at)
		at = k->timer_at;
	k->queue[k->nqueue++] = p;
	arm(h, k, at);
}

static void queue_flush(struct host *h, struct kpol *k)
{
	struct packet queue[KSPD_QUEUE];
	unsigned n = k->nqueue;

	memcpy(queue, k->queue, n * sizeof(queue[0]));
	k->nqueue = 0;
	k->timeout = 0;
	for (unsigned i = 0; i < n; i++)
		out(h, queue[i], true);
}

static void queue_process(struct host *h, struct kpol *k)
{
	const struct ipsec_selector *flow = &h->w->flow[k->queue[0].flow].sel;
	const struct ipsec_addr *ends[2];
	bool waits;

	if (sender(h, &k->pol, flow, ends, &waits)) {
		queue_flush(h, k);
		return;
	}
	if (!waits)
		sad_acquire(h, &k->pol, ends[0], ends[1], flow);
	if (k->timeout >= QUEUE_WAIT_MAX) {
		drop_queue(h, k, "no SA in time");
		return;
	}
	k->timeout *= 2;
	arm(h, k, h->w->now + k->timeout);
}

static void queue_due(struct event *ev)
{
	struct queue_timer *t = (struct queue_timer *)ev;

	for (unsigned i = 0; i < t->h->spd.n; i++) {
		struct kpol *k = t->h->spd.pol[i];

		if (k->timer != t->timer)
			continue;
		if (k->nqueue)
			queue_process(t->h, k);
		return;
	}
}

/* --- out and in --- */

static void out(struct host *h, struct packet p, bool again)
{
	const struct ipsec_selector *flow = &h->w->flow[p.flow].sel;
	struct kpol *k = lookup(h, IPSEC_DIR_OUT, flow);
	const struct ipsec_addr *ends[2];
	struct sim *w = h->w;
	struct ksa *s;
	bool waits;

	if (!k) {
		if (w->up)
			violate(w, h, CLEARTEXT, "packet %u has no policy and goes in clear", p.id);
		return;
	}
	s = sender(h, &k->pol, flow, ends, &waits);
	if (s) {
		esp_send(h, s, p);
		return;
	}
	if (!waits)
		sad_acquire(h, &k->pol, ends[0], ends[1], flow);
	if (again)
		return hold(h, k, p);
	w->verdict.held += w->up;
	if (w->up && !plan_ends(w->plan) && !w->verdict.dead)
		violate(w, h, STUCK, "packet %u must wait, although no SA was to end", p.id);
	hold(h, k, p);
}

void kspd_send(struct host *h, struct packet p)
{
	out(h, p, false);
}

static void mapping(struct host *h, const struct ksa *s, const struct outer *path)
{
	struct ipsec_event ev;

	if (kernel_mapping(&s->sa, &path->src, path->sport, &ev))
		host_tell(h, &ev);
}

static bool tmpl_fits(const struct ipsec_tmpl *t, const struct ipsec_sa *sa)
{
	if (t->proto != sa->proto || t->mode != sa->mode || (t->reqid && t->reqid != sa->reqid))
		return false;
	if (t->mode != IPSEC_MODE_TUNNEL)
		return true;
	return (ipsec_addr_is_any(&t->src) || ipsec_addr_equal(&t->src, &sa->src)) &&
	       (ipsec_addr_is_any(&t->dst) || ipsec_addr_equal(&t->dst, &sa->dst));
}

/* __xfrm_policy_check(): NULL, or why what came by this SA goes no further. */
static const char *policy_check(struct host *h, const struct ipsec_selector *flow, const struct ipsec_sa *sa)
{
	struct kpol *k = lookup(h, IPSEC_DIR_IN, flow);

	if (sa->sel.src.family && !selector_covers(&sa->sel, flow))
		return "it is outside of the SA's selector";
	if (!k)
		return sa->mode == IPSEC_MODE_TUNNEL ? "there is no policy" : NULL;
	return tmpl_fits(&k->pol.tmpl[0], sa) ? NULL : "its policy asks for another SA";
}

/* XFRM_MSG_NEWAE comes with the first packet, to who asked for it (keyd/kern/await.c), from an SA that counts them. */
static void first_packet(struct host *h, struct ksa *s)
{
	struct ipsec_event ev;

	if (s->used || s->sa.ae != IPSEC_AE_FIRST || !s->sa.replay_window)
		return;
	s->used = true;
	ev = (struct ipsec_event){ .type = IPSEC_EVENT_AE };
	ev.ae.id = (struct ipsec_sa_id){ .dst = s->sa.dst, .proto = s->sa.proto, .spi = s->sa.spi };
	ev.ae.src = s->sa.src;
	ev.ae.reqid = s->sa.reqid;
	ev.ae.packets = 1;
	host_tell(h, &ev);
}

/* xfrm_input(): an SA takes it. NULL: it is through, else why not. */
static const char *take(struct host *h, struct ksa *s, const struct esp *esp, const struct outer *path)
{
	const char *why;

	if (!s->sa.encap.type != !path->sport)
		return "in UDP or not, the SA has it otherwise";
	why = sad_replay(s, esp->seq);
	if (why)
		return why;
	if (!sad_limits(h, s))
		return "it meets the hard limit";
	if (s->key != esp->key)
		return "the SA has another key";
	mapping(h, s, path);
	sad_received(s, esp->seq);
	first_packet(h, s);
	sad_count(s);
	return policy_check(h, &h->w->flow[esp->packet.flow].sel, &s->sa);
}

void kspd_receive(struct host *h, const struct esp *esp, const struct outer *path)
{
	struct ksa *s = sad_find(h, &h->addr, esp->spi);
	struct sim *w = h->w;
	const char *why = s ? take(h, s, esp, path) : "there is no such SA";

	if (!why) {
		w->verdict.delivered++;
		return;
	}
	if (esp->doubled && why == SAD_TWICE)
		return;
	if (!s && sad_forgot(h, esp->spi))
		check_forgotten(w, h, &esp->packet);
	else
		violate(w, h, LOST, "packet %u, sent %.6f s, comes in by %08x: %s", esp->packet.id,
			(double)esp->packet.sent_at / 1e6, esp->spi, why);
}
