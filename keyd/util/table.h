/* SPDX-License-Identifier: MIT */
/* A hash table of things by a 64-bit key that is random already (SPIs): it grows by doubling and owns nothing. */
#ifndef KEYD_UTIL_TABLE_H
#define KEYD_UTIL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_node {
	struct table_node *next;
	uint64_t key;
};

struct table {
	struct table_node **slots;
	size_t nslots, n;
};

/* 0, or -1 without memory. */
int table_init(struct table *t);
void table_free(struct table *t);
/* Keys are unique: look first. A failure to grow only makes chains longer. */
void table_add(struct table *t, struct table_node *node, uint64_t key);
void table_del(struct table *t, struct table_node *node);
struct table_node *table_find(const struct table *t, uint64_t key);

#endif
