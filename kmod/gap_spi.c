// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inbound packets whose SPI no usable SA has: from whom, how many, and whether the SPI was known before or became known later.
 *
 * Anybody can send such packets. So there is an upper bound for all sources, one for each, and a place of their own for
 * those that we have SAs with. Who has not sent for longest makes room. Of what comes from elsewhere, little is told.
 */
#include "gap.h"

#include <linux/slab.h>

static u32 key_of(const xfrm_address_t *source, u16 family)
{
	return gap_addr_hash(source, family);
}

static bool same_sa(const struct gap_spi *s, __be32 spi, u8 proto, const xfrm_address_t *local, u16 family)
{
	return s->spi == spi && s->proto == proto && s->family == family && gap_addr_equal(&s->local, local, family);
}

static void spi_free(struct gap_net *gn, struct gap_spi *s)
{
	hash_del_rcu(&s->node);
	list_del(&s->turn);
	list_del(&s->all);
	gn->spi_count[s->known]--;
	kfree_rcu(s, rcu);
}

static void count(struct gap_spi *s, unsigned int bytes, ktime_t now)
{
	gap_count(&s->count, bytes);
	WRITE_ONCE(s->last, now);
}

/* RCU or the lock. mine: how many this source has; spare: of those the one that we know least of */
static struct gap_spi *find(struct gap_net *gn, const struct gap_stray *what, unsigned int *mine, struct gap_spi **spare)
{
	struct gap_spi *s;

	*mine = 0;
	*spare = NULL;
	hash_for_each_possible_rcu(gn->spis, s, node, key_of(&what->source, what->family), lockdep_is_held(&gn->lock)) {
		if (s->family != what->family || !gap_addr_equal(&s->source, &what->source, s->family))
			continue;
		if (same_sa(s, what->spi, what->proto, &what->local, what->family))
			return s;
		++*mine;
		if (s->fate == IPSEC_GAP_FATE_UNKNOWN && (!*spare || ktime_before(READ_ONCE(s->last), READ_ONCE((*spare)->last))))
			*spare = s;
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

/* The newest one; with another source, an SA's end that has moved, or somebody who has read its SPI on the wire. */
static const struct gap_gone *gone_of(const struct gap_net *gn, const struct gap_spi *s)
{
	const struct gap_gone *newest = NULL, *g;

	for (g = gn->gone; g && g < gn->gone + GAP_GONE_MAX; g++)
		if (g->spi == s->spi && same_sa(s, g->spi, g->proto, &g->local, g->family) &&
		    (!newest || ktime_after(g->when, newest->when)))
			newest = g;
	return newest;
}

static void judge(struct gap_net *gn, struct gap_spi *s)
{
	const struct gap_gone *g = s->fate == IPSEC_GAP_FATE_LARVAL ? NULL : gone_of(gn, s);

	s->known = gap_sa_from(gn, &s->source, s->family);
	if (!g)
		return;
	s->known = s->known || gap_addr_equal(&g->source, &s->source, s->family);
	s->fate = IPSEC_GAP_FATE_LATE;
	s->known_us = gap_us(g->when, s->first);
}

static void describe(struct gap_net *gn, struct gap_spi *s, const struct gap_stray *what)
{
	memset(s, 0, sizeof(*s));
	s->source = what->source;
	s->local = what->local;
	s->spi = what->spi;
	s->family = what->family;
	s->proto = what->proto;
	s->fate = what->fate;
	s->first = what->when;
	count(s, what->bytes, what->when);
	judge(gn, s);
}

static void make_way(struct gap_net *gn, struct gap_spi *s)
{
	atomic64_add(atomic64_read(&s->count.packets), &gn->other_packets);
	atomic64_inc(&gn->forgotten);
	spi_free(gn, s);
}

/* Whose turn it is may stay once more if it has sent since the last time. */
static void make_way_by_turn(struct gap_net *gn, struct list_head *kin)
{
	struct gap_spi *s = list_first_entry(kin, struct gap_spi, turn);

	for (unsigned int i = 0; i < 8 && s->looked != READ_ONCE(s->last); i++) {
		s->looked = READ_ONCE(s->last);
		list_move_tail(&s->turn, kin);
		s = list_first_entry(kin, struct gap_spi, turn);
	}
	make_way(gn, s);
}

/* spare: what the source itself can do without */
static bool make_room(struct gap_net *gn, const struct gap_spi *new, unsigned int mine, struct gap_spi *spare)
{
	if (mine >= GAP_SPIS_SOURCE) {
		if (spare)
			make_way(gn, spare);
		return spare;
	}
	if (gn->spi_count[new->known] >= (new->known ? GAP_SPIS_KNOWN : GAP_SPIS_OTHER))
		make_way_by_turn(gn, &gn->spi_kin[new->known]);
	return true;
}

static bool is_told(struct gap_net *gn, const struct gap_spi *s)
{
	return __ratelimit(s->known && s->fate != IPSEC_GAP_FATE_UNKNOWN ? &gn->kin : &gn->strangers);
}

static void begin(struct gap_net *gn, const struct gap_stray *what, unsigned int mine, struct gap_spi *spare)
{
	struct gap_spi new, *s;

	describe(gn, &new, what);
	if (!make_room(gn, &new, mine, spare)) {
		atomic64_inc(&gn->other_packets);
		return;
	}
	s = kmemdup(&new, sizeof(*s), GFP_ATOMIC | __GFP_NOWARN);
	if (!s) {
		atomic64_inc(&gn->missed);
		return;
	}
	hash_add_rcu(gn->spis, &s->node, key_of(&s->source, s->family));
	list_add_tail(&s->turn, &gn->spi_kin[s->known]);
	list_add_tail(&s->all, &gn->spi_list);
	s->id = ++gn->last_id;
	gn->spi_count[s->known]++;
	schedule_delayed_work(&gn->age, HZ);
	if (is_told(gn, s))
		tell(gn, s, IPSEC_GAP_TYPE_SPI, what->when);
}

/* Only what is not there yet is noted. */
static bool note(struct gap_net *gn, const struct gap_stray *what)
{
	unsigned long flags;
	bool room;

	raw_spin_lock_irqsave(&gn->stray_lock, flags);
	room = gn->stray_count < GAP_STRAYS;
	if (room)
		gn->strays[(gn->stray_first + gn->stray_count++) % GAP_STRAYS] = *what;
	raw_spin_unlock_irqrestore(&gn->stray_lock, flags);
	return room;
}

static bool noted(struct gap_net *gn, struct gap_stray *to)
{
	unsigned long flags;
	bool some;

	raw_spin_lock_irqsave(&gn->stray_lock, flags);
	some = gn->stray_count;
	if (some) {
		*to = gn->strays[gn->stray_first];
		gn->stray_first = (gn->stray_first + 1) % GAP_STRAYS;
		gn->stray_count--;
	}
	raw_spin_unlock_irqrestore(&gn->stray_lock, flags);
	return some;
}

void gap_spi_seen(struct gap_net *gn, const struct gap_stray *what)
{
	struct gap_spi *s, *spare;
	unsigned int mine;

	gap_count(&gn->strays_all, what->bytes);
	s = find(gn, what, &mine, &spare);
	if (s) {
		count(s, what->bytes, what->when);
		return;
	}
	if (!note(gn, what))
		atomic64_inc(&gn->other_packets);
	gap_soon(gn);
}

/* As many as there were room for, lest those that come meanwhile keep us here. */
void gap_spi_catch_up(struct gap_net *gn)
{
	struct gap_spi *s, *spare;
	struct gap_stray what;
	unsigned int mine;

	for (unsigned int i = 0; i < GAP_STRAYS && noted(gn, &what); i++) {
		if (gn->dead)
			continue;
		s = find(gn, &what, &mine, &spare);
		if (s)
			count(s, what.bytes, what.when);
		else
			begin(gn, &what, mine, spare);
	}
}

void gap_spi_known(struct gap_net *gn, const struct xfrm_state *x, ktime_t now)
{
	struct gap_spi *s;

	hash_for_each_possible(gn->spis, s, node, key_of(&x->props.saddr, x->props.family)) {
		if (!same_sa(s, x->id.spi, x->id.proto, &x->id.daddr, x->props.family) || s->fate == IPSEC_GAP_FATE_EARLY)
			continue;
		s->fate = IPSEC_GAP_FATE_EARLY;
		s->known_us = gap_us(s->first, now);
		tell(gn, s, IPSEC_GAP_TYPE_SPI_KNOWN, now);
	}
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
	g->source = x->props.saddr;
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
