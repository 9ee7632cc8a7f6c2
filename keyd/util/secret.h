/* SPDX-License-Identifier: MIT */
/* Key material: kept apart from other memory, cleansed when it goes, never printed. */
#ifndef KEYD_UTIL_SECRET_H
#define KEYD_UTIL_SECRET_H

#include "keyd/util/rd.h"

#include <stdbool.h>

/* Owns p (may be NULL when n is 0). Zero-initialise it; release with secret_clear. */
struct secret {
	uint8_t *p;
	size_t n;
};

/* n zero bytes, replacing what was there. 0, or -1 without memory (then it is empty). */
int secret_alloc(struct secret *s, size_t n) RD_MUST_CHECK;
int secret_set(struct secret *s, const void *p, size_t n) RD_MUST_CHECK;
/* Cleanses and frees; s is then empty. */
void secret_clear(struct secret *s);
/* *to takes over what *from had; from is then empty. */
void secret_move(struct secret *to, struct secret *from);
/* Compares in constant time for equal lengths. */
bool secret_equal(struct view a, struct view b);
/* memset that the compiler keeps. */
void secret_cleanse(void *p, size_t n);

static inline struct view secret_view(const struct secret *s)
{
	return (struct view){ s->p, s->n };
}

#endif
