// SPDX-License-Identifier: MIT
// Traffic with policies of keyd's own: who has it, and what of it is in the kernel.
#include "keyd/ike/traffic.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/rand.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/orphan.h"
#include "keyd/ike/range.h"
#include "keyd/ike/selector.h"
#include "keyd/ike/tunnel.h"

#include <stdlib.h>
#include <string.h>

/* Policies that an earlier keyd left come one by one: after this long they are all there. */
#define FOUND_SETTLE MILLISECONDS(200)
/* What nobody has asked for yet is looked at so often: it stays as long as there are SAs for it. */
#define FOUND_LOOK SECONDS(60)

void traffics_init(struct engine *e)
{
	list_init(&e->traffics);
	if (crypto_rand(&e->last_reqid, sizeof(e->last_reqid)))
		e->last_reqid = 0;
}

static void touch(struct traffic *t)
{
	keep_touch(t->e, &t->keep, KEEP_TRAFFIC);
}

static void traffic_free(struct traffic *t)
{
	keep_end(t->e, &t->keep);
	timer_cancel(&t->e->timers, &t->end);
	table_del(&t->e->by_reqid, &t->by_reqid);
	table_del(&t->e->by_traffic, &t->by_sel);
	list_del(&t->link);
	free(t);
}

void traffics_free(struct engine *e)
{
	list_each(t, &e->traffics, struct traffic, link)
		traffic_free(t);
}

struct traffic *traffic_find(const struct engine *e, uint32_t reqid)
{
	struct table_node *node = table_find(&e->by_reqid, reqid);

	return node ? container_of(node, struct traffic, by_reqid) : NULL;
}

bool traffic_is_own(const struct ipsec_policy *pol)
{
	return pol->priority == KERN_OWN_PRIORITY && pol->ntmpl == 1 && pol->tmpl[0].reqid - KERN_OWN_REQID < KERN_OWN_REQIDS;
}

static uint8_t mode_of(const struct traffic *t)
{
	return t->t.transport ? IPSEC_MODE_TRANSPORT : IPSEC_MODE_TUNNEL;
}

/* The ends stay open in what children have: the policies in the kernel follow where the peer is. */
static void policy_fill(struct traffic *t)
{
	t->pol = (struct ipsec_policy){ .sel = t->t.sel[0], .dir = IPSEC_DIR_OUT, .priority = KERN_OWN_PRIORITY, .ntmpl = 1 };
	t->pol.tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .mode = mode_of(t), .reqid = t->t.reqid };
}

static struct traffic *with_reqid(struct engine *e, uint32_t reqid, bool transport)
{
	struct traffic *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->e = e;
	t->t.reqid = reqid;
	t->t.transport = transport;
	policy_fill(t);
	list_add_tail(&e->traffics, &t->link);
	table_add(&e->by_reqid, &t->by_reqid, reqid);
	return t;
}

struct traffic *traffic_new(struct engine *e, bool transport)
{
	struct traffic *t;
	uint32_t reqid;

	do {
		reqid = KERN_OWN_REQID + ++e->last_reqid % KERN_OWN_REQIDS;
	} while (traffic_find(e, reqid));
	t = with_reqid(e, reqid, transport);
	if (t) {
		t->refs = 1;
		touch(t);
	}
	return t;
}

/* --- by selectors --- */

/* The same in whatever order. */
static uint64_t sel_key(const struct ipsec_selector *sel, unsigned n)
{
	uint64_t key = 0;

	for (unsigned i = 0; i < n; i++)
		key ^= selector_hash(0, &sel[i]);
	return key;
}

static bool has_sel(const struct traffic *t, const struct ipsec_selector *sel)
{
	for (unsigned i = 0; i < t->t.n; i++)
		if (selector_equal(&t->t.sel[i], sel))
			return true;
	return false;
}

static bool same_sels(const struct traffic *t, const struct ipsec_selector *sel, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!has_sel(t, &sel[i]))
			return false;
	return t->t.n == n;
}

static struct traffic *with_sels(const struct engine *e, const struct ipsec_selector *sel, unsigned n)
{
	struct table_node *node = table_find(&e->by_traffic, sel_key(sel, n));

	while (node && !same_sels(container_of(node, struct traffic, by_sel), sel, n))
		node = table_next(node);
	return node ? container_of(node, struct traffic, by_sel) : NULL;
}

bool traffic_meets(const struct traffic *t, const struct ipsec_selector *sel, unsigned n)
{
	for (unsigned i = 0; i < t->t.n; i++)
		for (unsigned k = 0; k < n; k++)
			if (selector_meets(&t->t.sel[i], &sel[k]))
				return true;
	return false;
}

static void agree(struct traffic *t, const struct ipsec_selector *sel, unsigned n)
{
	table_del(&t->e->by_traffic, &t->by_sel);
	memmove(t->t.sel, sel, n * sizeof(*sel));
	t->t.n = (uint8_t)n;
	t->agreed = true;
	touch(t);
	policy_fill(t);
	table_add(&t->e->by_traffic, &t->by_sel, sel_key(sel, n));
}

/* The policies leave the kernel, and what waits for an SA with them. */
void traffic_end(struct traffic *t)
{
	struct kern_request rq = { .op = KERN_TRAFFIC_CLEAR };

	rq.traffic = t->t;
	if (t->set)
		leave_kern(t->e, &rq);
	if (t->acquired) {
		rq = (struct kern_request){ .op = KERN_LARVAL_DELETE };
		rq.sa.src = t->t.local;
		rq.sa.dst = t->t.remote;
		rq.sa.proto = IPPROTO_ESP;
		rq.sa.mode = mode_of(t);
		rq.sa.reqid = t->t.reqid;
		rq.sa.acquire_seq = t->acquire_seq;
		leave_kern(t->e, &rq);
	}
	traffic_free(t);
}

struct traffic *traffic_for(struct engine *e, const struct ipsec_selector *sel, unsigned n, bool transport, const struct conf_id *owner)
{
	struct traffic *t = with_sels(e, sel, n);

	if (t && (t->t.transport != transport || (t->owner.type != CONF_ID_ANY && !conf_id_equal(&t->owner, owner)))) {
		/* Its last packets must not be taken for those of the new owner: other reqid, other policies. */
		if (t->refs)
			table_del(&e->by_traffic, &t->by_sel);
		else
			traffic_end(t);
		t = NULL;
	}
	if (t) {
		traffic_hold(t);
	} else {
		t = traffic_new(e, transport);
		if (!t)
			return NULL;
		agree(t, sel, n);
	}
	t->owner = *owner;
	touch(t);
	return t;
}

void traffic_hold(struct traffic *t)
{
	t->refs++;
	t->found = false;
	touch(t);
	timer_cancel(&t->e->timers, &t->end);
}

static void linger_due(struct timer *timer)
{
	traffic_end(container_of(timer, struct traffic, end));
}

void traffic_put(struct traffic *t)
{
	if (--t->refs)
		return;
	touch(t);
	if (!t->set || timer_set(&t->e->timers, &t->end, t->e->now + t->linger, linger_due))
		traffic_end(t);
}

/* --- selectors of both sides --- */

static void add_once(struct wire_ts_list *l, const struct wire_ts *ts)
{
	for (unsigned i = 0; i < l->n; i++)
		if (ts_within(ts, &l->ts[i]))
			return;
	if (l->n < WIRE_TS_MAX)
		l->ts[l->n++] = *ts;
}

void traffic_side(const struct traffic *t, bool local, struct wire_ts_list *out)
{
	struct wire_ts ts;

	out->n = 0;
	for (unsigned i = 0; i < t->t.n; i++) {
		selector_to_ts(&t->t.sel[i], local ? SELECTOR_SRC : SELECTOR_DST, &ts);
		add_once(out, &ts);
	}
}

/* Any port, or one. */
static bool port_of(const struct wire_ts *ts, uint16_t *port, uint16_t *mask)
{
	bool any = !ts->port_start && ts->port_end == UINT16_MAX;

	*port = any ? 0 : ts->port_start;
	*mask = any ? 0 : UINT16_MAX;
	return any || (ts->port_start == ts->port_end && !ts_proto_has_types(ts->proto));
}

static unsigned ts_prefixes(const struct wire_ts *ts, struct kern_prefix out[KERN_TRAFFIC_MAX])
{
	struct ipsec_addr first, last;

	if (ipsec_addr_from_bytes(&first, ts->start, ts->addr_len) || ipsec_addr_from_bytes(&last, ts->end, ts->addr_len))
		return 0;
	return range_prefixes(&first, &last, out, KERN_TRAFFIC_MAX);
}

/* One pair of traffic selectors: -1 when no policies can say it, 0 when they have nothing to do with each other. */
static int pair(const struct wire_ts *l, const struct wire_ts *r, struct ipsec_selector *out, unsigned *n)
{
	struct kern_prefix src[KERN_TRAFFIC_MAX], dst[KERN_TRAFFIC_MAX];
	struct ipsec_selector sel = { .proto = l->proto ? l->proto : r->proto };
	unsigned nsrc, ndst;

	if (l->type != r->type || (l->proto && r->proto && l->proto != r->proto))
		return 0;
	nsrc = ts_prefixes(l, src);
	ndst = ts_prefixes(r, dst);
	if (!nsrc || !ndst || *n + nsrc * ndst > KERN_TRAFFIC_MAX || !port_of(l, &sel.sport, &sel.sport_mask) ||
	    !port_of(r, &sel.dport, &sel.dport_mask))
		return -1;
	for (unsigned i = 0; i < nsrc * ndst; i++) {
		sel.src = src[i / ndst].addr;
		sel.src_len = src[i / ndst].len;
		sel.dst = dst[i % ndst].addr;
		sel.dst_len = dst[i % ndst].len;
		out[(*n)++] = sel;
	}
	return 0;
}

unsigned traffic_pairs(const struct wire_ts_list *local, const struct wire_ts_list *remote,
		       struct ipsec_selector out[KERN_TRAFFIC_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < local->n; i++)
		for (unsigned k = 0; k < remote->n; k++)
			if (pair(&local->ts[i], &remote->ts[k], out, &n))
				return 0;
	return n;
}

/* --- the kernel's policies --- */

static bool between(const struct traffic *t, const struct ike_sa *sa)
{
	return ipsec_addr_equal(&t->t.local, &sa->local) && ipsec_addr_equal(&t->t.remote, &sa->remote);
}

bool traffic_request(const struct child_sa *c, struct kern_request *rq)
{
	struct traffic *t = c->traffic;

	if (!t || (t->set && between(t, c->sa)))
		return false;
	t->fresh = !t->set;
	t->set = true;
	touch(t);
	t->linger = SECONDS(c->sa->peer->conf.linger);
	t->t.local = c->sa->local;
	t->t.remote = c->sa->remote;
	*rq = (struct kern_request){ .op = KERN_TRAFFIC_SET };
	rq->traffic = t->t;
	return true;
}

void traffic_refused(const struct child_sa *c)
{
	if (!c->traffic || !c->traffic->fresh)
		return;
	c->traffic->set = false;
	touch(c->traffic);
}

void traffic_follow(const struct child_sa *c)
{
	struct kern_request rq;

	/* In transport mode the policies are for the addresses themselves: elsewhere there is other traffic. */
	if (!(c->traffic && c->traffic->t.transport) && traffic_request(c, &rq))
		leave_kern(c->sa->e, &rq);
}

static void reassert(struct traffic *t)
{
	struct kern_request rq = { .op = KERN_TRAFFIC_SET };

	rq.traffic = t->t;
	if (t->set)
		leave_kern(t->e, &rq);
}

void traffics_reassert(struct engine *e)
{
	list_each(t, &e->traffics, struct traffic, link)
		reassert(t);
}

void traffic_vanished(struct engine *e, const struct ipsec_policy *pol)
{
	struct ipsec_selector sel = pol->sel;

	if (pol->dir != IPSEC_DIR_OUT)
		selector_turn(&sel);
	list_each(t, &e->traffics, struct traffic, link)
		if (t->refs && has_sel(t, &sel))
			reassert(t);
}

/* --- ACQUIRE --- */

void traffic_acquired(struct engine *e, const struct ipsec_event *ev)
{
	struct traffic *t = traffic_find(e, ev->acquire.policy.tmpl[0].reqid);
	struct child_sa *c = t ? child_serving(e, &t->pol, &ev->acquire.src, &ev->acquire.dst) : NULL;

	if (!t) {
		acquire_larval_delete(e, ev);
		return;
	}
	if (c) {
		child_acquired(c, ev);
		if (c->state == CHILD_UP && !c->lost)
			child_doubt(c);
		return;
	}
	/* The packet waits in the kernel for the next child, or until the policy goes. */
	t->acquired = true;
	t->acquire_seq = ev->acquire.seq;
	tunnel_asked(e, t);
}

/* --- what an earlier keyd left --- */

static void found_due(struct timer *timer)
{
	struct traffic *t = container_of(timer, struct traffic, end);

	if (tunnel_found(t->e, t))
		return;
	if (orphans_of(t->e, t->t.reqid))
		timer_set(&t->e->timers, &t->end, t->e->now + FOUND_LOOK, found_due);
	else
		traffic_end(t);
}

void traffic_heard(struct engine *e, const struct ipsec_policy *pol)
{
	bool transport = pol->tmpl[0].mode == IPSEC_MODE_TRANSPORT;
	struct traffic *t = traffic_find(e, pol->tmpl[0].reqid);
	struct ipsec_selector sel[KERN_TRAFFIC_MAX];

	if (pol->dir != IPSEC_DIR_OUT || (t && (!t->found || t->t.n == KERN_TRAFFIC_MAX || has_sel(t, &pol->sel))))
		return;
	if (!t)
		t = with_reqid(e, pol->tmpl[0].reqid, transport);
	if (!t)
		return;
	t->found = t->set = true;
	t->t.local = transport ? pol->sel.src : pol->tmpl[0].src;
	t->t.remote = transport ? pol->sel.dst : pol->tmpl[0].dst;
	memcpy(sel, t->t.sel, sizeof(sel));
	sel[t->t.n] = pol->sel;
	agree(t, sel, t->t.n + 1u);
	tunnel_reserve(e, t);
	timer_set(&e->timers, &t->end, e->now + FOUND_SETTLE, found_due);
}

/* --- records --- */

/* In a record the mode stands in the highest bit of the number of selectors. */
#define RECORD_TRANSPORT 0x80u
_Static_assert(KERN_TRAFFIC_MAX < RECORD_TRANSPORT, "the bit is free");

bool traffic_walk(struct frost *f, struct traffic *t)
{
	uint8_t n = (uint8_t)(t->t.n | (t->t.transport ? RECORD_TRANSPORT : 0));
	uint64_t end = t->end.pos ? t->end.at : 0;

	if (t->found && !frost_reads(f))
		return false;		/* the kernel's policies tell it again */
	frost_addr(f, &t->t.local);
	frost_addr(f, &t->t.remote);
	frost_u32(f, &t->t.reqid);
	frost_u8(f, &n);
	t->t.n = n & (RECORD_TRANSPORT - 1);
	t->t.transport = n & RECORD_TRANSPORT;
	if (t->t.n > KERN_TRAFFIC_MAX || t->t.reqid - KERN_OWN_REQID >= KERN_OWN_REQIDS)
		f->broken = true;
	for (unsigned i = 0; i < t->t.n && !f->broken; i++) {
		frost_selector(f, &t->t.sel[i]);
		f->broken = f->broken || !t->t.sel[i].src.family;
	}
	frost_id(f, &t->owner);
	frost_u64(f, &t->linger);
	frost_bool(f, &t->agreed);
	frost_bool(f, &t->set);
	frost_u64(f, &end);
	frost_over(f);
	if (frost_reads(f))
		t->end.at = end;
	return !f->broken;
}

int traffic_thaw(struct engine *e, struct frost *f, uint64_t id)
{
	struct traffic read = { 0 }, *t;

	if (!traffic_walk(f, &read) || (read.agreed && !read.t.n) || traffic_find(e, read.t.reqid))
		return -1;
	t = with_reqid(e, read.t.reqid, read.t.transport);
	if (!t)
		return -1;
	t->keep.id = id;
	t->keep.known = true;
	t->t.local = read.t.local;
	t->t.remote = read.t.remote;
	t->owner = read.owner;
	t->linger = read.linger;
	t->set = read.set;
	t->end.at = read.end.at;
	if (read.agreed)
		agree(t, read.t.sel, read.t.n);
	touch(t);
	return 0;
}

void traffics_thawed(struct engine *e)
{
	list_each(t, &e->traffics, struct traffic, link) {
		if (t->refs || t->found)
			continue;
		if (!t->set)
			traffic_end(t);
		else
			timer_set(&e->timers, &t->end, t->end.at > e->now ? t->end.at : e->now + t->linger, linger_due);
	}
}
