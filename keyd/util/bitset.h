/* SPDX-License-Identifier: MIT */
/* A set of small numbers that finds its next gap fast, however full it is: words of bits, and words that tell which are full. */
#ifndef KEYD_UTIL_BITSET_H
#define KEYD_UTIL_BITSET_H

#include <stdbool.h>
#include <stdint.h>

#define BITSET_LEVELS 4			/* of 64 each */
#define BITSET_MAX (1u << 24)
#define BITSET_NONE UINT32_MAX

/* Zero-initialise, or bitset_init. */
struct bitset {
	uint32_t n, used;
	uint64_t *level[BITSET_LEVELS];	/* [0] the bits themselves; [i + 1] has a bit for each full word of [i] */
};

/* Numbers 0 to n - 1, none of them in the set. 0, or -1: no memory, or n is 0 or above BITSET_MAX. */
int bitset_init(struct bitset *s, uint32_t n);
void bitset_free(struct bitset *s);
bool bitset_has(const struct bitset *s, uint32_t i);
/* False: it was so already. */
bool bitset_add(struct bitset *s, uint32_t i);
bool bitset_del(struct bitset *s, uint32_t i);
/* The first number from i on that is not in the set, and from 0 on where there is none; BITSET_NONE: the set is full. */
uint32_t bitset_gap(const struct bitset *s, uint32_t i);

#endif
