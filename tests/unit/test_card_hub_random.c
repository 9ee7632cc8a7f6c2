// SPDX-License-Identifier: MIT
// The hub in random runs: whatever tokens, processes and people do, each request is answered once, no PIN is tried twice.
#include "tests/unit/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUNS 50
#define STEPS 200			/* of each */

static struct world w;
static uint64_t rng;

static unsigned pick(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)((rng >> 11) % n);
}

/* What is asked, and what became of it. */
enum fare { FARE_OPEN, FARE_GIVEN_UP };		/* it is to be answered; it must not be any more */
static enum fare asked[STEPS + 1], shown[STEPS + 1];
static bool is_sign[STEPS + 1], is_ask[STEPS + 1];

static void configure(void)
{
	static const char *const uris[] = { "pkcs11:token=a", "pkcs11:token=b", "pkcs11:serial=3", "pkcs11:" };
	static const char *const pins[] = { "1234", "9999", "8888", "1234" };
	struct world_want wants[4];

	for (unsigned i = 0; i < 4; i++) {
		unsigned pin = pick(4);

		wants[i] = (struct world_want){ uris[i], (int)i, (uint8_t)pick(4), NULL, 0, pick(4) == 0 };
		if (wants[i].pin != CARD_PIN_GIVEN)
			continue;
		wants[i].digits = pins[pin];
		wants[i].stamp = 1 + pin % 3;		/* one for each file's contents */
	}
	world_configure(&w, pick(3) ? "ab" : "abc", wants, pick(5));
}

static void moves(void)
{
	static const char *const places[] = { "", "/m/a.so", "/m/b.so", "reader 0", "reader 1", "reader 2" };
	unsigned t = pick(WORLD_TOKENS), to = pick(6);

	/* One place has room for one. */
	for (unsigned i = 0; to && i < WORLD_TOKENS; i++)
		if (!strcmp(w.token[i].where, places[to]))
			to = 0;
	world_moves(&w, t, places[to]);
}

static struct world_process *any_process(void)
{
	struct world_process *p = &w.process[pick(WORLD_PROCESSES)];

	return p->number ? p : NULL;
}

static void misfortune(void)
{
	static const int errors[] = { CARD_BROKEN, CARD_GONE, CARD_LOCKED, CARD_FAILED, CARD_NO_KEY, CARD_BAD_SIGNATURE, CARD_PIN_UNUSED,
				      CARD_PIN_CANCELLED, CARD_NO_SCHEME };

	world_fate(&w, (uint16_t)pick(CARD_WIRE_RESET + 1), pick(4), errors[pick(sizeof(errors) / sizeof(*errors))], 1 + pick(2));
}

static void talk_nonsense(void)
{
	uint8_t noise[600];
	struct world_process *p = any_process();

	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)pick(256);
	if (p)
		world_says(&w, p, (uint16_t)pick(CARD_WIRE_PCSCD + 2), p->id, noise, pick(sizeof(noise)));
}

static void hub_dies(uint32_t now)
{
	for (uint32_t i = 0; i < now; i++) {
		asked[i] = world_signed(&w, i) ? FARE_OPEN : FARE_GIVEN_UP;
		shown[i] = world_done(&w, i) ? FARE_OPEN : FARE_GIVEN_UP;
	}
	world_again(&w);
	configure();
}

static void ask(uint32_t id)
{
	static const char *const names[] = { "", "a", "2", "pkcs11:serial=3", "x" };
	static const char *const pins[] = { "", "h1234", "h1", "h1234" };
	enum card_verb verb = (enum card_verb)pick(CARD_ASK_WATCH);

	is_ask[id] = true;
	world_ask(&w, id, verb, names[pick(5)], pins[pick(4)]);
}

static void step(uint32_t id)
{
	uint32_t other = id ? pick(id) : 0;
	struct world_process *p;

	switch (pick(20)) {
	case 0: configure(); break;
	case 1: case 2: moves(); break;
	case 3: case 4: misfortune(); break;
	case 5:
		p = any_process();
		if (p)
			world_dies(&w, p, (int)pick(6) - 1);
		break;
	case 6: talk_nonsense(); break;
	case 7:
		asked[other] = world_signed(&w, other) ? FARE_OPEN : FARE_GIVEN_UP;
		hub_cancel(w.hub, other, w.now);
		break;
	case 8: if (!pick(4)) hub_dies(id); break;
	case 9:
		p = world_process(&w, HUB_WATCH_READERS, "");
		if (p)
			world_says(&w, p, CARD_WIRE_PCSCD, pick(2), NULL, 0);
		break;
	case 10: case 11: ask(id); break;
	case 12: w.late = pick(3) == 0; break;
	case 13: w.mute = pick(4) == 0; break;
	case 14: world_pass(&w, (uint64_t)pick(100000) * MS); break;
	default:
		is_sign[id] = true;
		world_sign(&w, id, (int)pick(WORLD_KEYS), pick(3));
		world_pass(&w, (uint64_t)pick(3000) * MS);
	}
	world_run(&w);
}

/* In the end all is well: nobody waits any more. */
static void end(void)
{
	w.late = w.mute = false;
	world_fate(&w, 0, FATE_ANSWER, 0, 0);
	world_pass(&w, 400 * SECOND);
	for (uint32_t i = 0; i < STEPS; i++) {
		assert_true((world_signed(&w, i) != NULL) == (is_sign[i] && asked[i] == FARE_OPEN));
		assert_true((world_done(&w, i) != NULL) == (is_ask[i] && shown[i] == FARE_OPEN));
	}
	assert_int_equal(world_logged(&w, "h1"), 0);
	assert_int_equal(world_logged(&w, "1234"), 0);
}

static void run(uint64_t seed)
{
	rng = seed * 0x9e3779b97f4a7c15u + 1;
	memset(asked, 0, sizeof(asked));
	memset(shown, 0, sizeof(shown));
	memset(is_sign, 0, sizeof(is_sign));
	memset(is_ask, 0, sizeof(is_ask));
	world_new(&w);
	for (unsigned i = 0; i < WORLD_TOKENS; i++) {
		w.token[i].shy = pick(4) == 0;
		w.token[i].each = pick(4) == 0;
		w.token[i].open = !w.token[i].each && pick(4) == 0;
		w.token[i].lies = pick(2) == 0;
		w.token[i].tells = pick(2);
		w.token[i].card.pad = pick(5) == 0;
	}
	configure();
	for (uint32_t i = 0; i < STEPS; i++)
		step(i);
	end();
	world_free(&w);
}

/* HUB_SEED=N: that one alone. */
static void anything_may_happen(void **state)
{
	const char *only = getenv("HUB_SEED");

	(void)state;
	for (uint64_t seed = only ? strtoull(only, NULL, 10) : 1; seed <= RUNS || only; seed++) {
		if (getenv("HUB_VERBOSE") || only)
			fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
		run(seed);
		if (only)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(anything_may_happen) };

	return cmocka_run_group_tests_name("card_hub_random", tests, NULL, NULL);
}
