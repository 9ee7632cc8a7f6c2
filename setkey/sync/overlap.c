// SPDX-License-Identifier: MIT
/* Whether the order of policies of one priority matters, and is wrong. */
#include "setkey/sync/overlap.h"

#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX (50u * 1000 * 1000)	/* looked at for one priority: about a second */
/* So many policies, and one more for so many, are compared with all others; the rest only with those nearby. */
#define WIDE_MIN 16
#define WIDE_SHARE 10000

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

/* The longest length that all but a few have. */
static uint8_t usual_length(const size_t counts[static 256], size_t few)
{
	size_t shorter = 0;
	uint8_t len = 0;

	while (len < 128 && shorter + counts[len] <= few)
		shorter += counts[len++];
	return len;
}

static struct lengths usual_lengths(const struct sync_place *places, size_t n)
{
	size_t src[256] = { 0 }, dst[256] = { 0 };

	for (size_t i = 0; i < n; i++) {
		src[places[i].sel.src_len]++;
		dst[places[i].sel.dst_len]++;
	}
	return (struct lengths){ usual_length(src, WIDE_MIN + n / WIDE_SHARE), usual_length(dst, WIDE_MIN + n / WIDE_SHARE) };
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
	struct sync_place *places;
	size_t pairs;
};

/* All that overlap, directly or by others, have one root (union-find with halved paths). */
static uint32_t root(struct sync_place *places, uint32_t i)
{
	while (places[i].parent != i) {
		places[i].parent = places[places[i].parent].parent;
		i = places[i].parent;
	}
	return i;
}

static void join(struct sync_place *places, uint32_t i, uint32_t j)
{
	i = root(places, i);
	j = root(places, j);
	places[j].parent = i;
	places[i].wrong |= places[j].wrong;
}

/* In whatever order they come: their places in the array tell which is wanted first. False: that is enough. */
static bool look(struct search *s, struct sync_place *x, struct sync_place *y)
{
	struct sync_place *a = x < y ? x : y, *b = x < y ? y : x;

	if (++s->pairs > PAIRS_MAX)
		return false;
	if (a->going || !overlap(a, b))
		return true;
	if (!b->going) {
		a->meets = b->meets = true;
		join(s->places, (uint32_t)(a - s->places), (uint32_t)(b - s->places));
	}
	if (wrong(a, b))
		s->places[root(s->places, (uint32_t)(a - s->places))].wrong = true;
	return true;
}

/* Those with long prefixes meet only who has the same usual bits. */
static void look_near(struct search *s, struct near *near, size_t n)
{
	qsort(near, n, sizeof(*near), near_cmp);
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++) {
			if (ipsec_addr_cmp(&near[i].src, &near[j].src) || ipsec_addr_cmp(&near[i].dst, &near[j].dst))
				break;
			if (!look(s, near[i].place, near[j].place))
				return;
		}
}

/* Every pair that can overlap. */
static void look_all(struct search *s, struct near *near, size_t n)
{
	struct lengths usual = usual_lengths(s->places, n);
	size_t nnear = 0;

	for (size_t i = 0; i < n; i++) {
		const struct ipsec_selector *sel = &s->places[i].sel;

		if (sel->src_len >= usual.src && sel->dst_len >= usual.dst) {
			near[nnear] = (struct near){ sel->src, sel->dst, &s->places[i] };
			truncate_addr(&near[nnear].src, usual.src);
			truncate_addr(&near[nnear].dst, usual.dst);
			nnear++;
			continue;
		}
		for (size_t j = 0; j < n; j++)
			if (j != i && !look(s, &s->places[i], &s->places[j]))
				return;
	}
	look_near(s, near, nnear);
}

static void all_wrong(struct sync_place *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		places[i].wrong = true;
}

void sync_places_check(struct sync_place *places, size_t n)
{
	struct search s = { .places = places };
	struct near *near;

	if (monotonous(places, n))
		return;
	near = calloc(n, sizeof(*near));
	if (!near) {
		all_wrong(places, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		places[i].parent = (uint32_t)i;
	look_all(&s, near, n);
	if (s.pairs > PAIRS_MAX)
		all_wrong(places, n);
	for (size_t i = 0; i < n; i++)
		places[i].wrong = places[root(places, (uint32_t)i)].wrong;
	free(near);
}
