/* SPDX-License-Identifier: MIT */
/* Bytes written as hex, for the test vectors of keyd/crypto. */
#ifndef TEST_CRYPTO_HEX_H
#define TEST_CRYPTO_HEX_H

#include "keyd/util/rd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct bytes {
	uint8_t p[1024];
	size_t n;
};

static inline struct bytes hex(const char *s)
{
	struct bytes b = { .n = 0 };
	unsigned v;

	assert_true(strlen(s) % 2 == 0 && strlen(s) <= 2 * sizeof(b.p));
	for (; *s; s += 2) {
		assert_int_equal(sscanf(s, "%2x", &v), 1);
		b.p[b.n++] = (uint8_t)v;
	}
	return b;
}

static inline struct view view_of(const struct bytes *b)
{
	return (struct view){ b->p, b->n };
}

static inline struct view text(const char *s)
{
	return (struct view){ (const uint8_t *)s, strlen(s) };
}

static inline void assert_hex(const void *p, size_t n, const char *expected)
{
	struct bytes b = hex(expected);

	assert_int_equal(n, b.n);
	assert_memory_equal(p, b.p, n);
}

#endif
