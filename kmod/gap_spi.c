// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inbound packets whose SPI no usable SA has: from whom, how many, and whether the SPI was known before or became known later.
 *
 * Anybody can send such packets. So there is an upper bound for all sources, and one for each, and only those that say something about keying are
 * always told of.
 */
#include "gap.h"

#include <linux/ratelimit.h>
#include <linux/slab.h>

static u32 key_of(const xfrm_address_t *source, u16 family)
{
	return gap_addr_hash(source, family);
}

static bool same_sa(const struct gap_spi *s, __be32 spi, u8 proto, const xfrm_address_t *local, u16 family)
{
	return s->spi == spi && s->proto == proto && s->family == family && gap_addr_equal(&s->local, local, family);
}

static void count(struct gap_spi *s, unsigned int bytes, ktime_t now)
{
	gap_count(&s->count, bytes);
	WRITE_ONCE(s->last, now);
}

/* RCU or the lock. mine: how many this source has */
static struct gap_spi *find(struct gap_net *gn, const struct gap_spi *what, unsigned int *mine)
{
	struct gap_spi *s;

	*mine = 0;
	hash_for_each_possible_rcu(gn->spis, s, node, key_of(&what->source, what->family), lockdep_is_held(&gn->lock)) {
		if (s->family != what->family || !gap_addr_equal(&s->source, &what->source, s->family))
			continue;
		if (same_sa(s, what->spi, what->proto, &what->local, what->family))
			return s;
		++*mine;
	}
	return NULL;
}

static void tell(struct gap_net *gn, const struct gap_spi *s, u32 type, ktime_t now)
{
	struct gap_event *e = gap_event_new(gn, type, now);

	if (!e)
		return;
	e->family = s->family;
	e->local = s->local;
	e->peer = s->source;
	e->proto = s->proto;
	e->spi = s->spi;
	e->fate = s->fate;
	e->known_us = s->known_us;
	e->spi_packets = atomic64_read(&s->count.packets);
	e->spi_bytes = atomic64_read(&s->count.bytes);
	e->first = s->first;
	e->last = s->last;
	gap_event_add(gn, e);
}

static const struct gap_gone *gone_of(const struct gap_net *gn, const struct gap_spi *s)
{
	const struct gap_gone *newest = NULL, *g;

	for (g = gn->gone; g && g < gn->gone + GAP_GONE_MAX; g++)
		if (g->spi == s->spi && same_sa(s, g->spi, g->proto, &g->local, g->family) && (!newest || ktime_after(g->when, newest->when)))
			newest = g;
	return newest;
}

static void judge(struct gap_net *gn, struct gap_spi *s)
{
	const struct gap_gone *g = s->fate == IPSEC_GAP_FATE_LARVAL ? NULL : gone_of(gn, s);

	if (!g)
		return;
	s->fate = IPSEC_GAP_FATE_LATE;
	s->known_us = ktime_us_delta(s->first, g->when);
}

static void begin(struct gap_net *gn, const struct gap_spi *what, unsigned int bytes, ktime_t now)
{
	static struct ratelimit_state strangers = RATELIMIT_STATE_INIT_FLAGS(strangers, 10 * HZ, 20, RATELIMIT_MSG_ON_RELEASE);
	struct gap_spi *s = kmemdup(what, sizeof(*s), GFP_ATOMIC | __GFP_NOWARN);

	if (!s) {
		atomic64_inc(&gn->missed);
		return;
	}
	s->first = now;
	count(s, bytes, now);
	judge(gn, s);
	hash_add_rcu(gn->spis, &s->node, key_of(&s->source, s->family));
	if (!gn->spi_count++)
		schedule_delayed_work(&gn->age, HZ);
	if (s->fate != IPSEC_GAP_FATE_UNKNOWN || __ratelimit(&strangers))
		tell(gn, s, IPSEC_GAP_TYPE_SPI, now);
}

void gap_spi_seen(struct gap_net *gn, const struct gap_spi *what, unsigned int bytes)
{
	ktime_t now = ktime_get();
	unsigned int mine;
	struct gap_spi *s = find(gn, what, &mine);

	if (s) {
		count(s, bytes, now);
		return;
	}
	if (mine >= GAP_SPIS_SOURCE || READ_ONCE(gn->spi_count) >= GAP_SPIS_MAX) {
		atomic64_inc(&gn->other_packets);
		return;
	}
	spin_lock_bh(&gn->lock);
	s = find(gn, what, &mine);
	if (s)
		count(s, bytes, now);
	else if (!gn->dead)
		begin(gn, what, bytes, now);
	spin_unlock_bh(&gn->lock);
}

void gap_spi_known(struct gap_net *gn, const struct xfrm_state *x, ktime_t now)
{
	struct gap_spi *s;

	hash_for_each_possible(gn->spis, s, node, key_of(&x->props.saddr, x->props.family)) {
		if (!same_sa(s, x->id.spi, x->id.proto, &x->id.daddr, x->props.family) || s->fate == IPSEC_GAP_FATE_EARLY)
			continue;
		s->fate = IPSEC_GAP_FATE_EARLY;
		s->known_us = ktime_us_delta(now, s->first);
		tell(gn, s, IPSEC_GAP_TYPE_SPI_KNOWN, now);
	}
}

static void spi_free(struct gap_net *gn, struct gap_spi *s)
{
	hash_del_rcu(&s->node);
	gn->spi_count--;
	kfree_rcu(s, rcu);
}

void gap_spi_gone(struct gap_net *gn, const struct xfrm_state *x, ktime_t now)
{
	struct hlist_node *next;
	struct gap_gone *g;
	struct gap_spi *s;

	/* What came before its SA has been told; what comes from now on is something else. */
	hash_for_each_possible_safe(gn->spis, s, next, node, key_of(&x->props.saddr, x->props.family))
		if (same_sa(s, x->id.spi, x->id.proto, &x->id.daddr, x->props.family))
			spi_free(gn, s);
	if (!gn->gone)
		gn->gone = kcalloc(GAP_GONE_MAX, sizeof(*gn->gone), GFP_ATOMIC | __GFP_NOWARN);
	if (!gn->gone) {
		atomic64_inc(&gn->missed);
		return;
	}
	g = &gn->gone[gn->gone_next++ % GAP_GONE_MAX];
	g->local = x->id.daddr;
	g->spi = x->id.spi;
	g->family = x->props.family;
	g->proto = x->id.proto;
	g->when = now;
}

void gap_spi_age(struct gap_net *gn, ktime_t now, bool all)
{
	struct hlist_node *next;
	struct gap_spi *s;
	int i;

	hash_for_each_safe(gn->spis, i, next, s, node)
		if (all || ktime_ms_delta(now, READ_ONCE(s->last)) > GAP_SPI_SECONDS * MSEC_PER_SEC)
			spi_free(gn, s);
}
