/* SPDX-License-Identifier: MIT */
/* A hash table of things by a 64-bit key that is random (SPIs) or a hash: it grows by doubling and owns nothing. */
#ifndef KEYD_UTIL_TABLE_H
#define KEYD_UTIL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_node {
	struct table_node *next, **from;	/* from: what points here; NULL: in no table */
	uint64_t key;
};

struct table {
	struct table_node **slots;
	size_t nslots, n;
};

/* 0, or -1 without memory. */
int table_init(struct table *t);
void table_free(struct table *t);
/* Of a key that is there already, too. A failure to grow only makes chains longer. */
void table_add(struct table *t, struct table_node *node, uint64_t key);
/* What is not in it, or was never added, is no error. */
void table_del(struct table *t, struct table_node *node);
struct table_node *table_find(const struct table *t, uint64_t key);
/* Another one with the key of node, or NULL; table_find gave the first. */
struct table_node *table_next(const struct table_node *node);

/* A key out of any bytes, which is not secret: two things may share it. Begin with h = 0, go on with the result. */
uint64_t table_hash(uint64_t h, const void *p, size_t n);

#endif
