// SPDX-License-Identifier: GPL-2.0-only
/* When a gap begins and ends, and when packets change to another SA. */
#include "gap.h"

struct gap_event *gap_event_of(struct gap_net *gn, const struct gap_path *p, u32 type, ktime_t now)
{
	struct gap_event *e = gap_event_new(gn, type, now);

	if (!e)
		return NULL;
	e->index = p->index;
	e->sel = p->sel;
	e->family = p->family;
	e->proto = p->proto;
	e->mode = p->mode;
	e->reqid = p->reqid;
	e->if_id = p->if_id;
	e->mark = p->mark;
	e->local = p->local;
	e->peer = p->peer;
	return e;
}

static void tell_gap(struct gap_event *e, const struct gap *g, ktime_t now)
{
	e->cause = g->cause;
	e->by = g->by;
	e->out_old = g->old;
	e->in_old = g->old_in;
	e->acquires = g->acquires;
	e->lasted_us = gap_us(g->lost, now);
	e->keyed = g->keyed;
	e->keyed_us = e->keyed ? gap_us(g->lost, g->keyed) : 0;
	e->waited = g->wanted;
	e->waited_us = e->waited ? gap_us(g->wanted, now) : 0;
}

static void begin(struct gap_net *gn, struct gap_path *p, u32 cause, ktime_t now)
{
	memset(&p->gap, 0, sizeof(p->gap));
	p->gap.cause = cause;
	p->gap.lost = now;
	p->last = now;
	WRITE_ONCE(p->gap.open, true);
	atomic_inc(&gn->watched);
	gap_count_move(&p->now[GAP_DROPPED], &p->early);
	gap_count_move(&p->now[GAP_DROPPED], &p->guess);
	if (p->optional && list_empty(&p->unmet))
		gap_path_bare(gn, p, now);
}

/* Whose other end may be anybody's address is not always told of. */
static void tell_begin(struct gap_net *gn, struct gap_path *p, ktime_t now)
{
	struct gap_event *e;

	if (!list_empty(&p->unmet) && !__ratelimit(&gn->strangers))
		return;
	e = gap_event_of(gn, p, IPSEC_GAP_TYPE_OPEN, now);
	if (!e)
		return;
	tell_gap(e, &p->gap, now);
	gap_event_add(gn, e);
}

/* A flush is told of after it was done: a packet may have asked meanwhile, and then the gap is there without its cause. */
void gap_lost(struct gap_net *gn, struct gap_path *p, u32 cause, const struct gap_by *by, const struct gap_sa_seen *old, ktime_t now)
{
	bool there = p->gap.open;

	if (!p->index || (there && p->gap.old.spi))
		return;
	if (!there)
		begin(gn, p, cause, now);
	p->gap.cause = cause;
	p->gap.by = *by;
	p->gap.old = *old;
	gap_sa_inbound(gn, p, NULL, &p->gap.old_in);
	WRITE_ONCE(p->spi, 0);
	gap_stale(gn, p);
	if (!there)
		tell_begin(gn, p, now);
}

void gap_wanted(struct gap_net *gn, struct gap_path *p, ktime_t now)
{
	bool there = p->gap.open;

	if (!there)
		begin(gn, p, IPSEC_GAP_CAUSE_ACQUIRE, now);
	if (!p->gap.wanted)
		WRITE_ONCE(p->gap.wanted, now);
	if (!there)
		tell_begin(gn, p, now);
}

void gap_acquired(struct gap_net *gn, struct gap_path *p, ktime_t now)
{
	gap_wanted(gn, p, now);
	p->gap.acquires++;
}

void gap_fresh(struct gap_net *gn, struct gap_path *p)
{
	if (p->fresh)
		return;
	WRITE_ONCE(p->fresh, true);
	atomic_inc(&gn->watched);
}

void gap_stale(struct gap_net *gn, struct gap_path *p)
{
	if (!p->fresh)
		return;
	WRITE_ONCE(p->fresh, false);
	atomic_dec(&gn->watched);
}

void gap_keyed(struct gap_net *gn, struct gap_path *p, __be32 spi, ktime_t now)
{
	struct gap_sa_seen new;

	if (!p->index)
		return;
	gap_path_met(gn, p);
	gap_fresh(gn, p);
	if (!p->gap.open)
		return;
	if (!p->gap.keyed)
		p->gap.keyed = now;
	if (p->gap.wanted)
		return;
	gap_sa_look(gn, p, spi, &new);
	gap_ended(gn, p, IPSEC_GAP_END_SA, &new, now);
}

/*
 * With an SA, packets dropped at the end of another were no gap's, and those that only their flow makes this path's
 * were dropped for another reason. Without one, the end of an SA is told yet; otherwise they are the gap's first.
 */
void gap_asked(struct gap_net *gn, struct gap_path *p, ktime_t now)
{
	ktime_t asked = p->asked;
	bool usable = gap_sa_usable(gn, p, NULL);

	WRITE_ONCE(p->asked, 0);
	smp_mb(); /* pairs with that of dropped() */
	if (p->asks && p->index && !p->gap.open && !usable && !gn->dead)
		gap_wanted(gn, p, asked);
	WRITE_ONCE(p->asks, false);
	if (p->gap.open) {
		gap_count_move(&p->now[GAP_DROPPED], &p->early);
		gap_count_move(&p->now[GAP_DROPPED], &p->guess);
	} else if (usable) {
		gap_count_move(&p->sum[GAP_DROPPED], &p->early);
		atomic64_set(&p->guess.packets, 0);
		atomic64_set(&p->guess.bytes, 0);
	}
}

static void count_up(struct gap_path *p, struct gap_event *e, enum gap_kind kind)
{
	u64 packets = atomic64_xchg(&p->now[kind].packets, 0);
	u64 bytes = atomic64_xchg(&p->now[kind].bytes, 0);

	atomic64_add(packets, &p->sum[kind].packets);
	atomic64_add(bytes, &p->sum[kind].bytes);
	if (!e)
		return;
	e->packets[kind] = packets;
	e->bytes[kind] = bytes;
}

void gap_ended(struct gap_net *gn, struct gap_path *p, u32 end, const struct gap_sa_seen *new, ktime_t now)
{
	struct gap_event *e;
	u64 waited;

	if (!p->gap.open)
		return;
	e = gap_event_of(gn, p, IPSEC_GAP_TYPE_CLOSED, now);
	WRITE_ONCE(p->gap.open, false);
	atomic_dec(&gn->watched);
	waited = p->gap.wanted ? gap_us(p->gap.wanted, now) : 0;
	p->gaps++;
	p->total_us += waited;
	p->longest_us = max(p->longest_us, waited);
	count_up(p, e, GAP_HELD);
	count_up(p, e, GAP_DROPPED);
	if (e) {
		tell_gap(e, &p->gap, now);
		e->end = end;
		if (new) {
			e->out_new = *new;
			gap_sa_inbound(gn, p, &e->in_new, NULL);
		}
		if (e->in_old.spi == e->in_new.spi)
			e->in_old.spi = 0;
		e->packets[GAP_CLEAR] = atomic64_read(&p->now[GAP_CLEAR].packets);
		e->bytes[GAP_CLEAR] = atomic64_read(&p->now[GAP_CLEAR].bytes);
		gap_event_add(gn, e);
	}
	if (p->optional && end != IPSEC_GAP_END_POLICY)
		gap_path_dressed(gn, p, now);
}

static void tell_switch(struct gap_net *gn, struct gap_path *p, const struct gap_sa_seen *new, ktime_t now)
{
	struct gap_event *e = gap_event_of(gn, p, IPSEC_GAP_TYPE_SWITCH, now);

	p->switches++;
	if (!e)
		return;
	gap_sa_look(gn, p, p->spi, &e->out_old);
	if (!e->out_old.spi && p->was.spi == p->spi)
		e->out_old = p->was;
	e->out_old.spi = p->spi;
	e->out_new = *new;
	gap_sa_inbound(gn, p, &e->in_new, &e->in_old);
	gap_event_add(gn, e);
}

void gap_left(struct gap_net *gn, struct gap_path *p, __be32 spi, ktime_t now)
{
	struct gap_sa_seen new, in = {};

	if (!p->gap.open && p->spi == spi)
		return;
	gap_sa_look(gn, p, spi, &new);
	new.spi = spi;
	if (p->gap.open)
		gap_ended(gn, p, IPSEC_GAP_END_PACKET, &new, now);
	else if (p->spi)
		tell_switch(gn, p, &new, now);
	WRITE_ONCE(p->spi, spi);
	gap_sa_inbound(gn, p, &in, NULL);
	p->spi_in = in.spi;
	memset(&p->was_in, 0, sizeof(p->was_in));
	if (!gap_sa_newer(gn, p, spi))
		gap_stale(gn, p);
}
