// SPDX-License-Identifier: MIT
// A hierarchical set of bits.
#include "keyd/util/bitset.h"

#include <stdlib.h>

#define WORDS(bits) (((uint64_t)(bits) + 63) / 64)
#define FULL UINT64_MAX

/* Bits behind the last number count as used, so that a word can be full. */
static void close_tail(uint64_t *words, uint32_t bits)
{
	if (bits % 64)
		words[bits / 64] = FULL << bits % 64;
}

int bitset_init(struct bitset *s, uint32_t n)
{
	uint32_t bits = n;

	*s = (struct bitset){ .n = n };
	if (!n || n > BITSET_MAX)
		return -1;
	for (unsigned int i = 0; i < BITSET_LEVELS; i++) {
		s->level[i] = calloc(WORDS(bits), sizeof(uint64_t));
		if (!s->level[i]) {
			bitset_free(s);
			return -1;
		}
		close_tail(s->level[i], bits);
		bits = (uint32_t)WORDS(bits);
	}
	return 0;
}

void bitset_free(struct bitset *s)
{
	for (unsigned int i = 0; i < BITSET_LEVELS; i++)
		free(s->level[i]);
	*s = (struct bitset){ 0 };
}

bool bitset_has(const struct bitset *s, uint32_t i)
{
	return i >= s->n || s->level[0][i / 64] >> i % 64 & 1;
}

bool bitset_add(struct bitset *s, uint32_t i)
{
	if (bitset_has(s, i))
		return false;
	for (unsigned int k = 0; k < BITSET_LEVELS; k++, i /= 64) {
		s->level[k][i / 64] |= 1ull << i % 64;
		if (s->level[k][i / 64] != FULL)
			break;
	}
	s->used++;
	return true;
}

bool bitset_del(struct bitset *s, uint32_t i)
{
	if (i >= s->n || !bitset_has(s, i))
		return false;
	for (unsigned int k = 0; k < BITSET_LEVELS; k++, i /= 64) {
		bool was_full = s->level[k][i / 64] == FULL;

		s->level[k][i / 64] &= ~(1ull << i % 64);
		if (!was_full)
			break;
	}
	s->used--;
	return true;
}

/* The first gap from bit i on in words [i / 64, …) of one level, found from the level above. */
static uint32_t gap_from(const struct bitset *s, unsigned int k, uint32_t i, uint32_t bits)
{
	uint32_t word = i / 64;
	uint64_t open;

	if (i >= bits)
		return BITSET_NONE;
	open = ~s->level[k][word] & FULL << i % 64;
	if (!open) {
		if (++word >= WORDS(bits) || k + 1 == BITSET_LEVELS)
			return BITSET_NONE;
		word = gap_from(s, k + 1, word, (uint32_t)WORDS(bits));
		if (word == BITSET_NONE)
			return BITSET_NONE;
		open = ~s->level[k][word];
	}
	return word * 64 + (uint32_t)__builtin_ctzll(open);
}

uint32_t bitset_gap(const struct bitset *s, uint32_t i)
{
	uint32_t gap = gap_from(s, 0, i, s->n);

	return gap == BITSET_NONE && i ? gap_from(s, 0, 0, s->n) : gap;
}
