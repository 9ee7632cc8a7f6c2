/* SPDX-License-Identifier: MIT */
/* What the tests of the hub have in common: one world, a few keys that are wanted, and what is expected of each. */
#ifndef TESTS_UNIT_TEST_CARD_HUB_H
#define TESTS_UNIT_TEST_CARD_HUB_H

#include "tests/unit/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A "pkcs11:token=a"
#define B "pkcs11:token=b"

static struct world w;

static const struct world_want want_a __attribute__((unused)) = { A, 0, CARD_PIN_GIVEN, "1234", 11, false };
static const struct world_want want_b __attribute__((unused)) = { B, 1, CARD_PIN_GIVEN, "1234", 12, false };
static const struct world_want asked_a __attribute__((unused)) = { A, 0, CARD_PIN_ASK, NULL, 0, false };
static const struct world_want wrong_a __attribute__((unused)) = { A, 0, CARD_PIN_GIVEN, "9999", 13, false };

static inline int setup(void **state)
{
	(void)state;
	world_new(&w);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	world_free(&w);
	return 0;
}

static inline void signs(uint32_t id, int key)
{
	const struct world_done *d;

	world_sign(&w, id, key, 0);
	d = world_signed(&w, id);
	assert_non_null(d);
	assert_int_equal(d->s.error, CARD_OK);
}

static inline void refuses(uint32_t id, int key, int error, enum token_need need)
{
	const struct world_done *d;

	world_sign(&w, id, key, 0);
	d = world_signed(&w, id);
	assert_non_null(d);
	assert_int_equal(d->s.error, error);
	assert_int_equal(d->s.need, need);
}

static inline void is_state(int key, enum token_state state, bool usable)
{
	const struct card_state *s = world_state(&w, key);

	assert_non_null(s);
	assert_int_equal(s->state, state);
	assert_int_equal(s->usable, usable);
}

static inline void says(uint32_t id, int error, const char *text)
{
	const struct world_done *d = world_done(&w, id);

	assert_non_null(d);
	assert_string_equal(d->d.text, text);
	assert_int_equal(d->d.error, error);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
