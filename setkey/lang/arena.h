/* SPDX-License-Identifier: MIT */
/* Memory for everything that a script says: taken in small pieces, cleansed (there are keys in it) and freed as one. */
#ifndef SETKEY_LANG_ARENA_H
#define SETKEY_LANG_ARENA_H

#include <stddef.h>

struct arena_block;

/* Zero-initialise it; release with arena_clear. */
struct arena {
	struct arena_block *blocks;	/* the one in use first */
};

/* n zero bytes, aligned for pointers and integers; NULL without memory. */
void *arena_alloc(struct arena *a, size_t n);
/* A copy of n bytes that hold such things. */
void *arena_copy(struct arena *a, const void *p, size_t n);
/* A copy of n characters, followed by a NUL that is not counted. */
char *arena_text(struct arena *a, const char *p, size_t n);
/* Cleanses and frees everything. */
void arena_clear(struct arena *a);

#endif
