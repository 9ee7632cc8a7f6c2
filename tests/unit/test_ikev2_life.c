// SPDX-License-Identifier: MIT
// The life of SAs: round-trip time, limits and margins, signs of life, reauthentication.
#include "tests/unit/world.h"

#include "keyd/crypto/alg.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void up(uint64_t delay, uint64_t seed)
{
	world_init(&w, seed, true);
	w.delay = delay;
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(60), world_joined));
	world_run(&w, SECONDS(2));
}

static struct ike_sa *sa_of(unsigned host)
{
	return list_entry(w.host[host].engine->sas.next, struct ike_sa, link);
}

/* --- round-trip time --- */

static void test_rtt(void **state)
{
	static const uint64_t delays[] = { 0, 500, 10000, 250000 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t rtt = 2 * delays[i];

		up(delays[i], 1);
		for (unsigned k = 0; k < 20; k++) {
			engine_rekey(w.host[0].engine, w.now, NULL, k % 5 == 4 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD);
			world_run(&w, SECONDS(3));
		}
		assert_in_range(sa_of(0)->rtt, rtt, rtt + 1000);
		assert_true(sa_of(0)->rtt_var <= 1000 + rtt / 4);
		world_free(&w);
	}
}

static unsigned to_lose, lost;

/* Loses the next of the first host's datagrams. */
static void lose(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)bytes;
	(void)n;
	world->loss = !from && to_lose ? 100 : 0;
	if (world->loss) {
		to_lose--;
		lost++;
	}
}

/* What is lost is repeated soon, and an answer to a repetition tells nothing of the time. */
static void test_rtt_of_repeated(void **state)
{
	uint64_t began;

	(void)state;
	for (unsigned losses = 1; losses <= 3; losses++) {
		static const uint64_t longest[] = { 0, 150, 550, 1550 };

		up(10000, 1);
		w.tap = lose;
		to_lose = losses;
		began = w.now;
		engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
		while (w.host[1].events[ENGINE_IKE_REKEYED] < 1 && w.now < began + SECONDS(10))
			world_run(&w, MILLISECONDS(1));
		assert_int_equal(lost, losses);
		lost = 0;
		assert_in_range(w.now - began, MILLISECONDS(longest[losses] - 50), MILLISECONDS(longest[losses]));
		world_run(&w, MILLISECONDS(50));
		assert_true(sa_of(0)->rtt < 22000);
		w.tap = NULL;
		world_free(&w);
	}
}

static int setup(void **state)
{
	(void)state;
	return crypto_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rtt),
		cmocka_unit_test(test_rtt_of_repeated),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
