// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paths whose packets might leave in clear: their policy has just gone, or does not insist.
 *
 * As long as there are any, every packet in clear is compared with them. So they are found by their selectors'
 * destinations: one look for each length of prefix that is in use, the longest first.
 */
#include "gap.h"

#include <linux/inetdevice.h>
#include <linux/jhash.h>

static u8 bits_of(u16 family)
{
	return family == AF_INET6 ? 128 : 32;
}

/* Bit of a length in gap_net.bare_used */
static unsigned int place_of(const struct gap_path *p)
{
	u8 bits = bits_of(p->sel.family);

	return bits - min(p->sel.prefixlen_d, bits);
}

static u32 key_of(const xfrm_address_t *a, u16 family, unsigned int place)
{
	xfrm_address_t net = {};

	if (family == AF_INET6)
		ipv6_addr_prefix(&net.in6, &a->in6, 128 - place);
	else
		net.a4 = a->a4 & inet_make_mask(32 - place);
	return jhash_1word(gap_addr_hash(&net, family), place);
}

/* RCU */
struct gap_path *gap_path_bare_find(struct gap_net *gn, const struct gap_flow *f)
{
	bool six = f->family == AF_INET6;
	struct gap_path *p;
	unsigned int place;

	for_each_set_bit(place, gn->bare_used[six], bits_of(f->family) + 1)
		hash_for_each_possible_rcu(gn->bare_nets, p, by_net, key_of(&f->to, f->family, place))
			if (gap_flow_fits(p, f))
				return p;
	return NULL;
}

static void put_in(struct gap_net *gn, struct gap_path *p)
{
	bool six = p->sel.family == AF_INET6;
	unsigned int place = place_of(p);

	list_add_tail(&p->bare, &gn->bare);
	hash_add_rcu(gn->bare_nets, &p->by_net, key_of(&p->sel.daddr, p->sel.family, place));
	if (!gn->bare_lengths[six][place]++)
		set_bit(place, gn->bare_used[six]);
	atomic_inc(&gn->bare_count);
}

static void take_out(struct gap_net *gn, struct gap_path *p)
{
	bool six = p->sel.family == AF_INET6;
	unsigned int place = place_of(p);

	list_del(&p->bare);
	hash_del_rcu(&p->by_net);
	if (!--gn->bare_lengths[six][place])
		clear_bit(place, gn->bare_used[six]);
	atomic_dec(&gn->bare_count);
}

/* Who is walking all paths, or those with an index, under the lock, and so with RCU, still gets on by one that goes here. */
static void forget(struct gap_net *gn, struct gap_path *p, ktime_t now)
{
	gap_path_dressed(gn, p, now);
	if (!p->index)
		gap_path_free(gn, p);
	atomic64_inc(&gn->forgotten);
}

bool gap_path_bare_goes(struct gap_net *gn)
{
	struct gap_path *p;

	list_for_each_entry(p, &gn->bare, bare)
		if (!p->index) {
			forget(gn, p, ktime_get());
			return true;
		}
	return false;
}

void gap_path_bare(struct gap_net *gn, struct gap_path *p, ktime_t now)
{
	if (p->bare_since || gn->dead)
		return;
	if (atomic_read(&gn->bare_count) >= GAP_BARE_MAX)
		forget(gn, list_first_entry(&gn->bare, struct gap_path, bare), now);
	p->bare_since = now;
	p->clear_told = false;
	put_in(gn, p);
	schedule_delayed_work(&gn->age, HZ);
}

void gap_path_dressed(struct gap_net *gn, struct gap_path *p, ktime_t now)
{
	u64 packets, bytes;
	struct gap_event *e;

	if (!p->bare_since)
		return;
	take_out(gn, p);
	p->bare_since = 0;
	packets = atomic64_xchg(&p->now[GAP_CLEAR].packets, 0);
	bytes = atomic64_xchg(&p->now[GAP_CLEAR].bytes, 0);
	if (!packets)
		return;
	atomic64_add(packets, &p->sum[GAP_CLEAR].packets);
	atomic64_add(bytes, &p->sum[GAP_CLEAR].bytes);
	e = gap_event_of(gn, p, IPSEC_GAP_TYPE_CLEAR_END, now);
	if (!e)
		return;
	e->packets[GAP_CLEAR] = packets;
	e->bytes[GAP_CLEAR] = bytes;
	gap_event_add(gn, e);
}

/* Policies that went long ago are forgotten; of those that are there and bare, the time goes on. */
void gap_path_age(struct gap_net *gn, ktime_t now)
{
	struct gap_path *p, *next;

	list_for_each_entry_safe(p, next, &gn->bare, bare) {
		if (p->index || ktime_ms_delta(now, p->bare_since) < IPSEC_GAP_CLEAR_SECONDS * MSEC_PER_SEC)
			continue;
		gap_path_dressed(gn, p, now);
		gap_path_free(gn, p);
	}
}
