// SPDX-License-Identifier: MIT
// Two engines speak IKEv1 in memory: set-up, rekeys by either side and by both, loss, deletes, signs of life.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void begin(bool tunnel, uint64_t seed)
{
	world_init(&w, seed, tunnel);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.version = 1;
		world_configure(&w, i);
	}
}

static void up(bool tunnel, uint64_t seed)
{
	begin(tunnel, seed);
	assert_true(world_up(&w));
}

static void assert_settled(void)
{
	assert_true(world_joined(&w));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(world_count(&w.host[i], true), 1);
		assert_int_equal(world_count(&w.host[i], false), 1);
	}
}

static void test_up(void **state)
{
	(void)state;
	for (int tunnel = 0; tunnel < 2; tunnel++) {
		up(tunnel, 1);
		assert_settled();
		assert_int_equal(world_newest(&w.host[0], true)->sa.mode, tunnel ? IPSEC_MODE_TUNNEL : IPSEC_MODE_TRANSPORT);
		assert_int_equal(world_newest(&w.host[0], true)->sa.acquire_seq, 1);
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_int_equal(w.host[i].events[ENGINE_IKE_UP], 1);
			assert_int_equal(w.host[i].events[ENGINE_CHILD_UP], 1);
		}
		assert_int_equal(w.host[1].acquires, 0);
		world_free(&w);
	}
}

static void test_rekeys_lose_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		up(seed & 1, seed);
		w.traffic = true;
		for (int i = 0; i < 12; i++) {
			struct engine *e = w.host[i & 1].engine;

			assert_int_equal(engine_rekey(e, w.now, NULL, i % 3 == 2 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD), 1);
			world_run(&w, SECONDS(7) + i * 1237);
		}
		w.traffic = false;
		world_run(&w, SECONDS(100));
		assert_settled();
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_int_equal(w.host[i].lost_keying, 0);
			assert_int_equal(w.host[i].held, i == 0 ? 1 : 0);
			assert_int_equal(w.host[i].events[ENGINE_CHILD_REKEYED], 8);
			assert_int_equal(w.host[i].events[ENGINE_IKE_REKEYED], 4);
			assert_true(w.host[i].received > 80000);
		}
		world_free(&w);
	}
}

/* Whatever the network does to IKE, the two end up agreeing, and ESP packets always find their SA. */
static void test_bad_network(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		begin(seed & 1, seed);
		w.loss = seed % 30;
		w.dup = seed % 20;
		w.jitter = 40000;
		for (int i = 0; i < 300 && !world_joined(&w); i++) {
			world_packet(&w, 0);
			world_until(&w, SECONDS(1), world_joined);
		}
		assert_true(world_joined(&w));
		world_run(&w, SECONDS(8));
		w.host[0].lost_keying = w.host[1].lost_keying = 0;
		w.traffic = true;
		for (int i = 0; i < 8; i++) {
			engine_rekey(w.host[i & 1].engine, w.now, NULL, i % 4 == 3 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD);
			world_run(&w, SECONDS(8));
		}
		w.traffic = false;
		w.loss = 0;
		world_run(&w, SECONDS(200));
		assert_settled();
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
		world_free(&w);
	}
}

/* Both sides rekey the same thing at the same moment, or nearly. */
static void test_collisions(void **state)
{
	static const int kinds[][2] = {
		{ ENGINE_REKEY_CHILD, ENGINE_REKEY_CHILD }, { ENGINE_REKEY_IKE, ENGINE_REKEY_IKE },
		{ ENGINE_REKEY_CHILD, ENGINE_REKEY_IKE }, { ENGINE_REKEY_IKE, ENGINE_REKEY_CHILD },
	};

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		for (uint64_t apart = 0; apart <= 90000; apart += 2500) {
			up(true, 7 + apart);
			w.traffic = true;
			engine_rekey(w.host[0].engine, w.now, NULL, kinds[k][0]);
			world_run(&w, apart + 1);
			engine_rekey(w.host[1].engine, w.now, NULL, kinds[k][1]);
			world_run(&w, SECONDS(20));
			w.traffic = false;
			world_run(&w, SECONDS(100));
			assert_settled();
			assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
			world_free(&w);
		}
	}
}

/* Both hosts have something to say at once: two negotiations cross, and one pair remains. */
static void test_both_begin(void **state)
{
	(void)state;
	for (uint64_t apart = 0; apart <= 120000; apart += 3000) {
		begin(true, 11 + apart);
		world_packet(&w, 0);
		world_run(&w, apart + 1);
		world_packet(&w, 1);
		w.traffic = true;
		world_run(&w, SECONDS(20));
		w.traffic = false;
		world_run(&w, SECONDS(100));
		assert_settled();
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
		world_free(&w);
	}
}

static unsigned ikes(unsigned host)
{
	struct engine_stats st;

	engine_stats(w.host[host].engine, &st);
	return st.ike_now;
}

static void test_down(void **state)
{
	(void)state;
	up(true, 3);
	assert_int_equal(engine_down(w.host[1].engine, w.now, NULL), 1);
	world_run(&w, SECONDS(1));
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		assert_int_equal(world_count(&w.host[i], true), 0);
	world_run(&w, SECONDS(100));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].nsas, 0);
		assert_int_equal(ikes(i), 0);
	}
	world_free(&w);
}

static void expect_failure(const char *says)
{
	world_packet(&w, 0);
	world_run(&w, SECONDS(100));
	assert_false(world_joined(&w));
	if (!strstr(w.host[0].log, says) && !strstr(w.host[1].log, says))
		fail_msg("nobody says \"%s\":\n%s\n%s", says, w.host[0].log, w.host[1].log);
	world_free(&w);
}

static void test_failures(void **state)
{
	(void)state;
	begin(true, 1);
	w.host[1].psk = "wrong horse";
	expect_failure("makes no sense when it is decrypted: mostly the shared keys of both ends differ");
	begin(true, 1);
	w.host[1].psk = NULL;
	expect_failure("no secret for peer \"192.0.2.1\"");
	begin(true, 1);
	w.host[1].down = true;
	expect_failure("no answer to message 1 of Main Mode after 7 sendings");
	begin(true, 1);
	w.host[1].conf.defaults.version = 2;
	world_configure(&w, 1);
	expect_failure("IKEv1 is spoken with no such peer here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up),
		cmocka_unit_test(test_rekeys_lose_nothing),
		cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_both_begin),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
