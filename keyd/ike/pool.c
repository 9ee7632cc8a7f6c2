// SPDX-License-Identifier: MIT
// Pools of addresses: configured, given out, taken back.
#include "keyd/ike/pool.h"

#include "keyd/conf/id.h"

#include <stdlib.h>
#include <string.h>

/* --- addresses as numbers --- */

static struct ipsec_addr addr_plus(const struct ipsec_addr *a, uint32_t n)
{
	struct ipsec_addr r = *a;
	uint64_t carry = n;

	for (size_t i = ipsec_addr_size(a->family); i-- > 0 && carry; carry >>= 8) {
		carry += r.b[i];
		r.b[i] = (uint8_t)carry;
	}
	return r;
}

/* b - a, at most POOL_RANGE_MAX; b is not before a. */
static uint32_t addr_minus(const struct ipsec_addr *b, const struct ipsec_addr *a)
{
	size_t n = ipsec_addr_size(a->family);
	uint64_t diff = 0;

	/* The bytes of a number in base 256, with digits that may be negative. */
	for (size_t i = 0; i < n; i++) {
		int64_t d = (int64_t)(diff * 256) + b->b[i] - a->b[i];

		if (d > 2 * (int64_t)POOL_RANGE_MAX)
			return POOL_RANGE_MAX;
		diff = (uint64_t)d;
	}
	return diff < POOL_RANGE_MAX ? (uint32_t)diff : POOL_RANGE_MAX;
}

static enum pool_family kind(uint16_t family)
{
	return family == AF_INET6 ? POOL_V6 : POOL_V4;
}

/* --- identities --- */

static bool is_name(uint8_t type)
{
	return type == CONF_ID_FQDN || type == CONF_ID_RFC822;
}

/* The same number for the same identity of the same family at any time and everywhere; names without case (RFC 4343). */
static uint64_t hash_name(const struct conf_pool *pool, uint16_t family, uint8_t type, const uint8_t *data, size_t n)
{
	const uint8_t head[2] = { type, (uint8_t)kind(family) };
	uint64_t h = table_hash(0, pool->name, strlen(pool->name) + 1);

	h = table_hash(h, head, sizeof(head));
	for (size_t i = 0; i < n; i++) {
		uint8_t c = is_name(type) && data[i] >= 'A' && data[i] <= 'Z' ? data[i] | 0x20 : data[i];

		h = table_hash(h, &c, 1);
	}
	return h;
}

static uint64_t hash_id(const struct pool *p, uint16_t family, const struct conf_id *id)
{
	return hash_name(&p->conf, family, id->type, id->data, id->len);
}

/* --- leases --- */

static uint64_t addr_key(const struct ipsec_addr *a)
{
	return table_hash(a->family, a->b, sizeof(a->b));
}

static struct lease *lease_at(const struct pools *ps, const struct ipsec_addr *a)
{
	struct table_node *node = table_find(&ps->by_addr, addr_key(a));

	while (node && !ipsec_addr_equal(&container_of(node, struct lease, by_addr)->addr, a))
		node = table_next(node);
	return node ? container_of(node, struct lease, by_addr) : NULL;
}

static bool is_of(const struct lease *l, const struct pool *p, const struct conf_id *id, uint16_t family)
{
	struct conf_id other = { .type = l->id_type, .len = l->id_len };

	memcpy(other.data, l->id_data, l->id_len);
	return l->pool == p && l->addr.family == family && conf_id_equal(&other, id);
}

static struct lease *lease_of(const struct pools *ps, const struct pool *p, const struct conf_id *id, uint16_t family)
{
	struct table_node *node = table_find(&ps->by_id, hash_id(p, family, id));

	while (node && !is_of(container_of(node, struct lease, by_id), p, id, family))
		node = table_next(node);
	return node ? container_of(node, struct lease, by_id) : NULL;
}

static void lease_free(struct pools *ps, struct lease *l)
{
	struct pool *p = l->pool;

	if (l->range < CONF_RANGES_MAX)
		bitset_del(&p->range[l->range].taken, l->offset);
	table_del(&ps->by_id, &l->by_id);
	table_del(&ps->by_addr, &l->by_addr);
	list_del(&l->link);
	list_del(&l->idle);
	p->known--;
	free(l);
}

static struct lease *lease_new(struct pools *ps, struct pool *p, unsigned range, uint32_t offset, const struct conf_id *id)
{
	struct lease *l = calloc(1, sizeof(*l) + id->len);

	if (!l)
		return NULL;
	l->pool = p;
	l->range = (uint8_t)range;
	l->offset = offset;
	l->addr = addr_plus(&p->range[range].first, offset);
	l->id_type = id->type;
	l->id_len = id->len;
	memcpy(l->id_data, id->data, id->len);
	list_init(&l->idle);
	list_add_tail(&p->leases, &l->link);
	bitset_add(&p->range[range].taken, offset);
	if (id->type != CONF_ID_ANY)
		table_add(&ps->by_id, &l->by_id, hash_id(p, l->addr.family, id));
	table_add(&ps->by_addr, &l->by_addr, addr_key(&l->addr));
	p->known++;
	return l;
}

static bool range_find(const struct pool *p, const struct ipsec_addr *a, unsigned *range, uint32_t *offset)
{
	for (*range = 0; *range < p->conf.nranges; ++*range) {
		const struct pool_range *r = &p->range[*range];

		if (r->first.family != a->family || ipsec_addr_cmp(a, &r->first) < 0)
			continue;
		*offset = addr_minus(a, &r->first);
		if (*offset < r->taken.n)
			return true;
	}
	return false;
}

/* The address that hash points to or the next free one, in the range that it points to or the next. */
static bool pick_free(const struct pool *p, uint16_t family, uint64_t like, unsigned *range, uint32_t *offset)
{
	for (unsigned i = 0; i < p->conf.nranges; i++) {
		const struct bitset *taken;

		*range = (unsigned)((like % p->conf.nranges + i) % p->conf.nranges);
		taken = &p->range[*range].taken;
		if (p->range[*range].first.family != family || taken->used == taken->n)
			continue;
		*offset = bitset_gap(taken, (uint32_t)(like / CONF_RANGES_MAX % taken->n));
		return true;
	}
	return false;
}

static struct lease *lease_fresh(struct pools *ps, struct pool *p, const struct conf_id *id, uint16_t family,
				 const struct ipsec_addr *wish)
{
	struct lease *old = wish->family == family ? lease_at(ps, wish) : NULL;
	unsigned range;
	uint32_t offset;

	/* Nobody knows whose it was, and this one says that it is his. */
	if (old && old->pool == p && old->id_type == CONF_ID_ANY && !old->users)
		lease_free(ps, old);
	if (wish->family == family && range_find(p, wish, &range, &offset) && !bitset_has(&p->range[range].taken, offset))
		return lease_new(ps, p, range, offset, id);
	if (!pick_free(p, family, hash_id(p, family, id), &range, &offset)) {
		if (list_empty(&p->idle[kind(family)]))
			return NULL;
		old = list_entry(p->idle[kind(family)].next, struct lease, idle);
		range = old->range;
		offset = old->offset;
		lease_free(ps, old);
	}
	return lease_new(ps, p, range, offset, id);
}

struct lease *lease_take(struct pools *ps, struct pool *p, const struct conf_id *id, uint16_t family,
			 const struct ipsec_addr *wish, uint64_t now)
{
	struct lease *l = lease_of(ps, p, id, family);

	if (l && l->range == CONF_RANGES_MAX && !l->users) {
		lease_free(ps, l);
		l = NULL;
	}
	if (!l)
		l = lease_fresh(ps, p, id, family, wish);
	if (!l)
		return NULL;
	list_del(&l->idle);
	if (!l->users) {
		l->since = now;
		p->online++;
	}
	l->users++;
	return l;
}

void lease_hold(struct lease *l)
{
	l->users++;
}

static void pool_free(struct pools *ps, struct pool *p)
{
	list_each(l, &p->leases, struct lease, link)
		lease_free(ps, l);
	for (unsigned i = 0; i < p->conf.nranges; i++)
		bitset_free(&p->range[i].taken);
	list_del(&p->link);
	free(p);
}

void lease_put(struct pools *ps, struct lease *l, uint64_t now)
{
	struct pool *p = l->pool;

	if (--l->users)
		return;
	p->online--;
	l->since = now;
	if (l->range == CONF_RANGES_MAX)
		lease_free(ps, l);
	else
		list_add_tail(&p->idle[kind(l->addr.family)], &l->idle);
	if (p->gone && !p->online)
		pool_free(ps, p);
}

void pools_reserve(struct pools *ps, const struct ipsec_addr *addr, uint64_t now)
{
	static const struct conf_id nobody;
	struct lease *l;
	unsigned range;
	uint32_t offset;

	list_each(p, &ps->list, struct pool, link) {
		if (p->gone || !range_find(p, addr, &range, &offset) || bitset_has(&p->range[range].taken, offset))
			continue;
		l = lease_new(ps, p, range, offset, &nobody);
		if (!l)
			return;
		l->since = now;
		list_add_tail(&p->idle[kind(addr->family)], &l->idle);
	}
}

/* --- configuration --- */

int pools_init(struct pools *ps)
{
	list_init(&ps->list);
	return table_init(&ps->by_id) || table_init(&ps->by_addr) ? -1 : 0;
}

void pools_free(struct pools *ps)
{
	list_each(p, &ps->list, struct pool, link)
		pool_free(ps, p);
	table_free(&ps->by_id);
	table_free(&ps->by_addr);
}

struct pool *pool_find(const struct pools *ps, const char *name)
{
	list_each(p, &ps->list, struct pool, link)
		if (!p->gone && !strcmp(p->conf.name, name))
			return p;
	return NULL;
}

bool pool_has(const struct pool *p, uint16_t family)
{
	for (unsigned i = 0; i < p->conf.nranges; i++)
		if (p->range[i].first.family == family)
			return true;
	return false;
}

uint32_t pool_size(const struct pool *p)
{
	return p->size;
}

/* The ends of a network are no hosts: network and broadcast (RFC 919), or the routers' anycast (RFC 4291 2.6.1). */
static void except_ends(struct pool_range *r, const struct conf_range *c)
{
	if (!c->len || ipsec_addr_bits(c->first.family) - c->len < 2)
		return;
	bitset_add(&r->taken, 0);
	bitset_add(&r->taken, addr_minus(&c->last, &c->first));	/* beyond what is given out: nothing happens */
}

static int ranges_make(struct pool *p)
{
	for (unsigned i = 0; i < p->conf.nranges; i++) {
		const struct conf_range *c = &p->conf.range[i];
		uint32_t n = addr_minus(&c->last, &c->first);

		p->range[i].first = c->first;
		if (bitset_init(&p->range[i].taken, n < POOL_RANGE_MAX ? n + 1 : n))
			return -1;
		except_ends(&p->range[i], c);
	}
	for (unsigned i = 0; i < p->conf.nexcept; i++) {
		unsigned range;
		uint32_t offset;

		if (range_find(p, &p->conf.except[i], &range, &offset))
			bitset_add(&p->range[range].taken, offset);
	}
	for (unsigned i = 0; i < p->conf.nranges; i++)
		p->size += p->range[i].taken.n - p->range[i].taken.used;
	return 0;
}

static struct pool *pool_new(const struct conf_pool *conf)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->conf = *conf;
	list_init(&p->link);
	list_init(&p->leases);
	for (unsigned i = 0; i < POOL_FAMILIES; i++)
		list_init(&p->idle[i]);
	if (!ranges_make(p))
		return p;
	for (unsigned i = 0; i < conf->nranges; i++)
		bitset_free(&p->range[i].taken);
	free(p);
	return NULL;
}

/* Where a lease lies in the pool as it is now. What is excepted by now, or beyond the ends, lies outside. */
static void lease_move(struct pool *p, struct lease *l)
{
	unsigned range;
	uint32_t offset;

	list_del(&l->link);
	list_add_tail(&p->leases, &l->link);
	l->pool = p;
	l->range = CONF_RANGES_MAX;
	if (range_find(p, &l->addr, &range, &offset) && bitset_add(&p->range[range].taken, offset)) {
		l->range = (uint8_t)range;
		l->offset = offset;
	}
	p->known++;
	p->online += l->users != 0;
}

static void leases_move(struct pools *ps, struct pool *to, struct pool *from)
{
	list_each(l, &from->leases, struct lease, link)
		lease_move(to, l);
	for (unsigned i = 0; i < POOL_FAMILIES; i++)
		list_splice_tail(&to->idle[i], &from->idle[i]);
	from->known = from->online = 0;
	list_each(l, &to->leases, struct lease, link)
		if (l->range == CONF_RANGES_MAX && !l->users)
			lease_free(ps, l);
}

/* Addresses that somebody still has from an older configuration are given to nobody else, until the next one. */
static void keep_clear(const struct pool *from, struct list *fresh)
{
	unsigned range;
	uint32_t offset;

	list_each(l, &from->leases, struct lease, link)
		list_each(p, fresh, struct pool, link)
			if (l->users && (from->gone || l->range == CONF_RANGES_MAX) && range_find(p, &l->addr, &range, &offset))
				bitset_add(&p->range[range].taken, offset);
}

/* Old pools hand their leases to the new ones of the same name; the others go when nobody uses them any more. */
static void pools_replace(struct pools *ps, struct list *fresh)
{
	list_each(old, &ps->list, struct pool, link) {
		old->gone = true;
		list_each(p, fresh, struct pool, link)
			if (!strcmp(p->conf.name, old->conf.name))
				leases_move(ps, p, old);
	}
	list_each(left, &ps->list, struct pool, link)
		keep_clear(left, fresh);
	list_each(p, fresh, struct pool, link)
		keep_clear(p, fresh);
	list_splice_tail(&ps->list, fresh);
	list_each(q, &ps->list, struct pool, link)
		if (q->gone && !q->online)
			pool_free(ps, q);
}

int pools_configure(struct pools *ps, const struct conf *c)
{
	struct list fresh;

	list_init(&fresh);
	for (unsigned i = 0; i < c->npools; i++) {
		struct pool *p = pool_new(&c->pools[i]);

		if (!p) {
			list_each(q, &fresh, struct pool, link)
				pool_free(ps, q);
			return -1;
		}
		list_add_tail(&fresh, &p->link);
	}
	pools_replace(ps, &fresh);
	return 0;
}
