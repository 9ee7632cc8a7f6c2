/* SPDX-License-Identifier: MIT */
/* What the tests of both codecs have in common: random values there and back again, and every truncation. */
#ifndef TEST_WIRE_ROUND_H
#define TEST_WIRE_ROUND_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 300
#define BYTES(text) ((struct view){ (const uint8_t *)(text), sizeof(text) - 1 })
#define CASE(text) { (const uint8_t *)(text), sizeof(text) - 1 }

/* A generator of our own, so that a failure can be had again on every system. */
static uint64_t seed;

static inline uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % below;
}

/* Random bytes that live until the next test. */
static uint8_t pool[1 << 16];

static inline struct view rnd_view(size_t min, size_t max)
{
	size_t n = min + rnd((uint32_t)(max - min + 1));

	return (struct view){ pool + rnd((uint32_t)(sizeof(pool) - max)), n };
}

static inline int setup(void **state)
{
	(void)state;
	seed = UINT64_C(0x9e3779b97f4a7c15);
	for (size_t i = 0; i < sizeof(pool); i++)
		pool[i] = (uint8_t)rnd(256);
	return 0;
}

/* Every proper prefix in a buffer of its own size; strict: all of them must be refused, else they must only be safe. */
static inline void cut_everywhere(struct view whole, int (*get)(struct view body), bool strict)
{
	for (size_t n = 0; n < whole.n; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		int error;

		assert_non_null(copy);
		memcpy(copy, whole.p, n);
		error = get((struct view){ copy, n });
		assert_in_range(-error, 0, -WIRE_FULL);
		if (strict)
			assert_int_not_equal(error, WIRE_OK);
		free(copy);
	}
}

/*
 * test_NAME, for a codec such as wire (wire_NAME_get and _put): random values are put and must come back the same; what
 * came back is put and must be the same bytes; the bytes are cut everywhere.
 */
#define ROUND_TRIP_OF(codec, name, type, strict) \
	static int get_##name(struct view body) \
	{ \
		static struct type x; \
		\
		return codec##_##name##_get(&x, body); \
	} \
	\
	static void test_##name(void **state) \
	{ \
		static struct type a, b; \
		static uint8_t first[65536], second[65536]; \
		\
		(void)state; \
		for (unsigned round = 0; round < ROUNDS; round++) { \
			struct wr w = wr_of(first, sizeof(first)), again = wr_of(second, sizeof(second)); \
			\
			memset(&a, 0, sizeof(a)); \
			memset(&b, 0xff, sizeof(b)); \
			random_##name(&a); \
			codec##_##name##_put(&w, &a); \
			assert_true(wr_ok(&w)); \
			assert_int_equal(codec##_##name##_get(&b, wr_view(&w)), WIRE_OK); \
			assert_true(same_##name(&a, &b)); \
			codec##_##name##_put(&again, &b); \
			assert_true(same_view(wr_view(&w), wr_view(&again))); \
			if (round < 10) \
				cut_everywhere(wr_view(&w), get_##name, strict); \
		} \
	}

#endif
