// SPDX-License-Identifier: MIT
// Hash table with chains.
#include "keyd/util/table.h"

#include <stdlib.h>

#define TABLE_SLOTS_MIN 64

static struct table_node **slot_of(const struct table *t, uint64_t key)
{
	return &t->slots[(key ^ key >> 32) & (t->nslots - 1)];
}

int table_init(struct table *t)
{
	*t = (struct table){ .nslots = TABLE_SLOTS_MIN };
	t->slots = calloc(t->nslots, sizeof(*t->slots));
	return t->slots ? 0 : -1;
}

void table_free(struct table *t)
{
	free(t->slots);
	*t = (struct table){ 0 };
}

static void push(struct table_node **slot, struct table_node *node)
{
	node->next = *slot;
	node->from = slot;
	if (node->next)
		node->next->from = &node->next;
	*slot = node;
}

static void table_grow(struct table *t)
{
	struct table bigger = { .nslots = t->nslots * 2, .n = t->n };

	bigger.slots = calloc(bigger.nslots, sizeof(*bigger.slots));
	if (!bigger.slots)
		return;
	for (size_t i = 0; i < t->nslots; i++) {
		while (t->slots[i]) {
			struct table_node *node = t->slots[i];

			t->slots[i] = node->next;
			push(slot_of(&bigger, node->key), node);
		}
	}
	free(t->slots);
	*t = bigger;
}

void table_add(struct table *t, struct table_node *node, uint64_t key)
{
	if (t->n >= t->nslots)
		table_grow(t);
	node->key = key;
	push(slot_of(t, key), node);
	t->n++;
}

/* Without a walk: of one key there may be very many, as of one policy for all peers. */
void table_del(struct table *t, struct table_node *node)
{
	if (!node->from)
		return;
	*node->from = node->next;
	if (node->next)
		node->next->from = node->from;
	node->from = NULL;
	t->n--;
}

struct table_node *table_find(const struct table *t, uint64_t key)
{
	struct table_node *node = *slot_of(t, key);

	while (node && node->key != key)
		node = node->next;
	return node;
}

struct table_node *table_next(const struct table_node *node)
{
	struct table_node *next = node->next;

	while (next && next->key != node->key)
		next = next->next;
	return next;
}

/* FNV-1a, and a last mix (of splitmix64) that lets every byte count in the low bits. */
uint64_t table_hash(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = p;

	h ^= UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * UINT64_C(0x100000001b3);
	h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return h ^ h >> 31;
}
