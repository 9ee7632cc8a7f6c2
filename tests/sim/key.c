// SPDX-License-Identifier: MIT
// Keys, SPIs and sequence numbers: none is ever used twice.
#include "tests/sim/key.h"

#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define RANGES_MAX 8

struct key {
	struct table_node node;
	uint32_t spi;
	struct ipsec_addr dst;
	unsigned inbound;		/* how often it was added at the receiving end */
	unsigned n;			/* SAs that send with it, one after the other */
	struct range {
		uint64_t start, next;
	} range[RANGES_MAX];
};

static uint64_t key_hash(const struct ipsec_sa *sa)
{
	const struct ipsec_alg *a = sa->aead.name[0] ? &sa->aead : &sa->enc;

	return table_hash(table_hash(0, a->name, sizeof(a->name)), a->key, a->key_bits / 8);
}

/* SPIs are per receiver: what was one key's there must not be another one's. */
static void check_spi(struct sim *w, const struct host *h, const struct ipsec_sa *sa, const struct key *k)
{
	for (size_t i = 0; i < w->keys.nslots; i++)
		for (struct table_node *n = w->keys.slots[i]; n; n = n->next) {
			const struct key *o = container_of(n, struct key, node);

			if (o != k && o->spi == sa->spi && ipsec_addr_equal(&o->dst, &sa->dst))
				violate(w, h, CLEARTEXT, "SPI %08x is used again", sa->spi);
		}
}

static struct key *key_of(struct sim *w, const struct host *h, const struct ipsec_sa *sa)
{
	uint64_t hash = key_hash(sa);
	struct table_node *node = table_find(&w->keys, hash);
	struct key *k = node ? container_of(node, struct key, node) : calloc(1, sizeof(*k));

	if (!k)
		abort();
	if (node) {
		if (k->spi != sa->spi)
			violate(w, h, CLEARTEXT, "%08x has the key of %08x", sa->spi, k->spi);
		return k;
	}
	k->spi = sa->spi;
	k->dst = sa->dst;
	check_spi(w, h, sa, k);
	table_add(&w->keys, &k->node, hash);
	return k;
}

struct key *key_added(struct sim *w, const struct host *h, const struct ipsec_sa *sa, bool outbound)
{
	struct key *k = key_of(w, h, sa);
	uint64_t start = sa->resume ? sa->usage.oseq : 0;

	if (!outbound) {
		if (k->inbound++ && !sa->resume)
			violate(w, h, CLEARTEXT, "%08x begins again: what came before can be replayed", sa->spi);
		return k;
	}
	if (k->n == RANGES_MAX) {
		memmove(k->range, k->range + 1, (RANGES_MAX - 1) * sizeof(k->range[0]));
		k->n--;
	}
	for (unsigned i = 0; i < k->n; i++)
		if (k->range[i].next > start + 1)
			violate(w, h, CLEARTEXT, "%08x begins again at sequence number %llu", sa->spi, (unsigned long long)start);
	k->range[k->n++] = (struct range){ start + 1, start + 1 };
	return k;
}

void key_forgotten(struct key *k)
{
	k->inbound = 0;
}

unsigned key_range(const struct key *k)
{
	return k->n - 1;
}

uint64_t key_next(struct sim *w, const struct host *h, struct key *k, unsigned range)
{
	uint64_t seq = k->range[range].next++;

	for (unsigned i = 0; i < k->n; i++)
		if (i != range && k->range[i].start <= seq && seq < k->range[i].next)
			violate(w, h, CLEARTEXT, "sequence number %llu of %08x is used twice", (unsigned long long)seq, k->spi);
	return seq;
}

uint64_t key_oseq(const struct key *k, unsigned range)
{
	return k->range[range].next - 1;
}

void keys_free(struct sim *w)
{
	for (size_t i = 0; i < w->keys.nslots; i++)
		while (w->keys.slots[i]) {
			struct table_node *n = w->keys.slots[i];

			w->keys.slots[i] = n->next;
			free(container_of(n, struct key, node));
		}
	table_free(&w->keys);
}
