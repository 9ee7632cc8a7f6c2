// SPDX-License-Identifier: MIT
/* Memory for a script: blocks that are filled from the front. */
#include "setkey/arena.h"

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

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_block *b = a->blocks;
	void *p;

	if (n > SIZE_MAX - align)
		return NULL;
	n = (n + align - 1) / align * align;
	if (!b || b->size - b->used < n)
		b = block_add(a, n);
	if (!b)
		return NULL;
	p = b->bytes + b->used;
	b->used += n;
	return memset(p, 0, n);
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (copy && n)
		memcpy(copy, p, n);
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
