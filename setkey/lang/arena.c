// SPDX-License-Identifier: MIT
/* Memory for a script: blocks that are filled from the front. */
#include "setkey/lang/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK 65536

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	_Alignas(max_align_t) uint8_t bytes[];
};

static struct arena_block *block_add(struct arena *a, size_t n)
{
	size_t size = n > ARENA_BLOCK ? n : ARENA_BLOCK;
	struct arena_block *b;

	if (n > SIZE_MAX / 2)
		return NULL;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	b->next = a->blocks;
	b->size = size;
	b->used = 0;
	a->blocks = b;
	return b;
}

static void *take(struct arena *a, size_t n, size_t align)
{
	struct arena_block *b = a->blocks;
	size_t skip = b ? -b->used & (align - 1) : 0;
	void *p;

	if (!b || b->size - b->used < skip || b->size - b->used - skip < n) {
		b = block_add(a, n);
		skip = 0;
	}
	if (!b)
		return NULL;
	p = b->bytes + b->used + skip;
	b->used += skip + n;
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = take(a, n, _Alignof(uint64_t));

	return p ? memset(p, 0, n) : NULL;
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
	void *copy = take(a, n, _Alignof(uint64_t));

	return copy && n ? memcpy(copy, p, n) : copy;
}

char *arena_text(struct arena *a, const char *p, size_t n)
{
	char *copy = n < SIZE_MAX ? take(a, n + 1, 1) : NULL;

	if (!copy)
		return NULL;
	if (n)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

void arena_clear(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		explicit_bzero(b->bytes, b->used);
		free(b);
	}
}
