// SPDX-License-Identifier: MIT
/* Whether the order of policies of one priority matters, and is wrong. */
#include "setkey/sync_overlap.h"

#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX (50u * 1000 * 1000)	/* looked at for one priority: about a second */

static uint64_t mix(uint64_t hash, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ b[i]) * 0x100000001b3;	/* FNV-1a */
	return hash;
}

#define MIX(hash, field) mix(hash, &(field), sizeof(field))

uint64_t sync_treatment(const struct ipsec_policy *pol)
{
	uint64_t hash = 0xcbf29ce484222325;

	hash = MIX(hash, pol->action);
	hash = MIX(hash, pol->ntmpl);
	for (unsigned int i = 0; i < pol->ntmpl && i < IPSEC_TMPL_MAX; i++) {
		const struct ipsec_tmpl *t = &pol->tmpl[i];

		hash = mix(hash, t->src.b, sizeof(t->src.b));
		hash = mix(hash, t->dst.b, sizeof(t->dst.b));
		hash = MIX(hash, t->proto);
		hash = MIX(hash, t->mode);
		hash = MIX(hash, t->optional);
		hash = MIX(hash, t->reqid);
		hash = MIX(hash, t->spi);
	}
	return hash;
}

static uint8_t shorter(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

static bool ports_meet(uint16_t a, uint16_t a_mask, uint16_t b, uint16_t b_mask)
{
	return !((a ^ b) & a_mask & b_mask);
}

/* Is there a packet that both match? */
static bool overlap(const struct sync_place *a, const struct sync_place *b)
{
	const struct ipsec_selector *s = &a->sel, *t = &b->sel;

	return ipsec_addr_in_prefix(&s->src, &t->src, shorter(s->src_len, t->src_len)) &&
	       ipsec_addr_in_prefix(&s->dst, &t->dst, shorter(s->dst_len, t->dst_len)) &&
	       (s->proto == t->proto || !s->proto || !t->proto) &&
	       ports_meet(s->sport, s->sport_mask, t->sport, t->sport_mask) &&
	       ports_meet(s->dport, s->dport_mask, t->dport, t->dport_mask) &&
	       (s->ifindex == t->ifindex || !s->ifindex || !t->ifindex) &&
	       !((a->mark.value ^ b->mark.value) & a->mark.mask & b->mark.mask);
}

/* Of two that overlap, a is wanted before b. */
static bool wrong(const struct sync_place *a, const struct sync_place *b)
{
	bool out_of_order = a->index > b->index || a->age > b->age;

	/* One that goes may stand anywhere; but no update may move behind it what was before it. */
	if (b->going)
		out_of_order = a->rewritten && a->index < b->index;
	return out_of_order && a->treatment != b->treatment;
}

/* Do the two witnesses already agree with the order that is wanted? */
static bool monotonous(const struct sync_place *places, size_t n)
{
	uint64_t index = 0, age = 0;
	bool rewritten = false;

	for (size_t i = 0; i < n; i++) {
		if (places[i].going)
			return !rewritten;
		if (places[i].moved)
			return false;
		rewritten |= places[i].rewritten;
		if (places[i].index < index || places[i].age < age)
			return false;
		index = places[i].index;
		age = places[i].age;
	}
	return true;
}

struct lengths {
	uint8_t src, dst;
};

/* The prefix lengths that most of them have. */
static struct lengths usual_lengths(const struct sync_place *places, size_t n)
{
	struct lengths usual = { 0 };
	size_t votes = 0;

	/* Boyer and Moore's vote: right if more than half agree, and else as good as any. */
	for (size_t i = 0; i < n; i++) {
		struct lengths l = { places[i].sel.src_len, places[i].sel.dst_len };

		if (!votes)
			usual = l;
		if (usual.src == l.src && usual.dst == l.dst)
			votes++;
		else
			votes--;
	}
	return usual;
}

/* Zeroes the bits of an address behind the first len. */
static void truncate_addr(struct ipsec_addr *addr, uint8_t len)
{
	size_t whole = len / 8;

	if (whole >= sizeof(addr->b))
		return;
	addr->b[whole] &= (uint8_t)(0xff00 >> len % 8);
	memset(addr->b + whole + 1, 0, sizeof(addr->b) - whole - 1);
}

struct near {
	struct ipsec_addr src, dst;	/* no longer than the usual lengths: those that overlap have the same */
	struct sync_place *place;
};

static int near_cmp(const void *a, const void *b)
{
	const struct near *x = a, *y = b;
	int cmp = ipsec_addr_cmp(&x->src, &y->src);

	if (!cmp)
		cmp = ipsec_addr_cmp(&x->dst, &y->dst);
	if (cmp)
		return cmp;
	return x->place < y->place ? -1 : x->place > y->place;
}

struct search {
	size_t pairs;
	bool found;
};

/* In whatever order they come: their places in the array tell which is wanted first. */
static bool look(struct search *s, struct sync_place *x, struct sync_place *y)
{
	struct sync_place *a = x < y ? x : y, *b = x < y ? y : x;

	if (++s->pairs > PAIRS_MAX)
		return s->found = true;
	if (a->going || !overlap(a, b))
		return false;
	if (!b->going)
		a->meets = b->meets = true;
	return s->found = wrong(a, b);
}

/* Those with long prefixes meet only who has the same usual bits. */
static void look_near(struct search *s, struct near *near, size_t n)
{
	qsort(near, n, sizeof(*near), near_cmp);
	for (size_t i = 0; i < n && !s->found; i++)
		for (size_t j = i + 1; j < n; j++) {
			if (ipsec_addr_cmp(&near[i].src, &near[j].src) || ipsec_addr_cmp(&near[i].dst, &near[j].dst))
				break;
			if (look(s, near[i].place, near[j].place))
				return;
		}
}

bool sync_places_wrong(struct sync_place *places, size_t n)
{
	struct lengths usual = usual_lengths(places, n);
	struct search s = { 0 };
	struct near *near;
	size_t nnear = 0;

	if (monotonous(places, n))
		return false;
	near = calloc(n, sizeof(*near));
	if (!near)
		return true;
	for (size_t i = 0; i < n && !s.found; i++) {
		const struct ipsec_selector *sel = &places[i].sel;

		if (sel->src_len >= usual.src && sel->dst_len >= usual.dst) {
			near[nnear] = (struct near){ sel->src, sel->dst, &places[i] };
			truncate_addr(&near[nnear].src, usual.src);
			truncate_addr(&near[nnear].dst, usual.dst);
			nnear++;
			continue;
		}
		for (size_t j = 0; j < n && !s.found; j++)
			if (j != i)
				look(&s, &places[i], &places[j]);
	}
	if (!s.found)
		look_near(&s, near, nnear);
	free(near);
	return s.found;
}
