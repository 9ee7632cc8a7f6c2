// SPDX-License-Identifier: MIT
// When a responder begins to send on a new child: at the peer's first packet on it, or its next request (RFC 7296 2.8). And when
// somebody takes the SAs away meanwhile.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/ike/engine_state.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/wire/ikev2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define EXCHANGE_AT 18		/* in the header */

static struct world w;
static bool silent;		/* no INFORMATIONAL arrives, from either side */

static void lose_informational(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)from;
	world->loss = silent && n > EXCHANGE_AT && bytes[EXCHANGE_AT] == IKEV2_EXCH_INFORMATIONAL ? 100 : 0;
}

static void begin(uint64_t seed)
{
	world_init(&w, seed, true);
	w.tap = lose_informational;
	silent = false;
}

static void up(uint64_t seed)
{
	begin(seed);
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(10), world_joined));
	world_run(&w, SECONDS(1));
}

static void nothing_lost(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		assert_int_equal(w.host[i].lost_keying, 0);
}

static void switched_by(const char *sign)
{
	assert_non_null(strstr(w.host[1].log, sign));
}

static void rekey(void)
{
	world_log_clear(&w);
	w.traffic = true;
	world_run(&w, MILLISECONDS(50));
	assert_int_equal(engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD), 1);
}

static bool rekeyed(struct world *world)
{
	return world->host[1].events[ENGINE_CHILD_REKEYED] > 0;
}

/* The DELETE does not arrive; the responder sends on the new SA half a round trip after the initiator has begun to. */
static void test_traffic_is_a_sign(void **state)
{
	uint64_t began;

	(void)state;
	up(1);
	silent = true;
	rekey();
	began = w.now;
	assert_true(world_until(&w, SECONDS(3), rekeyed));
	assert_in_range(w.now - began, 3 * w.delay, 3 * w.delay + MILLISECONDS(5));
	switched_by("the peer sends on it");
	assert_true(world_joined(&w));
	assert_int_equal(w.host[1].firsts, 2);
	world_run(&w, SECONDS(5));
	silent = false;
	world_run(&w, SECONDS(30));
	nothing_lost();
	assert_true(world_joined(&w));
	assert_int_equal(world_count(&w.host[1], true), 1);
	world_free(&w);
}

/* A kernel that tells of no packet, and one without packets: the DELETE does it. */
static void test_request_is_a_sign(void **state)
{
	(void)state;
	for (unsigned idle = 0; idle < 2; idle++) {
		up(2);
		w.host[1].old_kernel = !idle;
		w.host[0].mute = idle;
		silent = true;
		rekey();
		world_run(&w, SECONDS(3));
		assert_int_equal(w.host[1].events[ENGINE_CHILD_REKEYED], 0);
		silent = false;
		assert_true(world_until(&w, SECONDS(10), rekeyed));
		switched_by("the peer goes on");
		world_run(&w, SECONDS(30));
		nothing_lost();
		assert_true(world_joined(&w));
		world_free(&w);
	}
}

/* After IKE_AUTH as well: what the initiator sends at once need not wait for the word that it promised. */
static void test_first_child(void **state)
{
	(void)state;
	begin(3);
	silent = true;
	w.host[1].mute = true;		/* else it begins as well */
	w.traffic = true;
	assert_true(world_until(&w, SECONDS(5), world_joined));
	switched_by("the peer sends on it");
	world_run(&w, SECONDS(3));
	nothing_lost();
	world_free(&w);
}

/* What the kernel may tell beside, or twice, or late, changes nothing. */
static void test_other_words(void **state)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_AE };
	uint32_t spi[2];

	(void)state;
	up(4);
	w.host[1].old_kernel = true;
	silent = true;
	rekey();
	world_run(&w, SECONDS(1));
	spi[0] = world_newest(&w.host[1], false)->sa.spi;
	spi[1] = world_newest(&w.host[1], true)->sa.spi;
	world_log_clear(&w);
	ev.ae.seq = 1;
	ev.ae.id.dst = w.host[1].addr;
	ev.ae.id.spi = spi[1];
	engine_kern_event(w.host[1].engine, w.now, &ev);	/* the peer's SPI */
	ev.ae.id.spi = spi[0] + 1;
	engine_kern_event(w.host[1].engine, w.now, &ev);
	ev.ae.id.spi = spi[0];
	ev.ae.id.dst = w.host[0].addr;
	engine_kern_event(w.host[1].engine, w.now, &ev);
	world_run(&w, MILLISECONDS(100));
	assert_null(strstr(w.host[1].log, "the peer sends on it"));
	ev.ae.id.dst = w.host[1].addr;
	for (unsigned i = 0; i < 3; i++)
		engine_kern_event(w.host[1].engine, w.now, &ev);
	assert_true(world_until(&w, MILLISECONDS(10), rekeyed));
	engine_kern_event(w.host[1].engine, w.now, &ev);
	world_run(&w, SECONDS(1));
	assert_int_equal(w.host[1].events[ENGINE_CHILD_REKEYED], 1);
	world_free(&w);
}

/* Any datagram may be lost, packets overtake each other, and the kernels be of either kind: nothing is lost by keying. */
static void test_anything_lost(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++) {
		up(seed);
		w.tap = NULL;
		w.traffic = true;
		w.loss = seed % 4 * 15;
		w.dup = seed % 3 * 20;
		w.jitter = seed % 5 * 8000;
		w.esp_jitter = seed % 7 * 6000;
		w.host[0].old_kernel = seed & 1;
		w.host[1].old_kernel = seed & 2;
		for (unsigned k = 0; k < 4; k++) {
			engine_rekey(w.host[(seed >> k) & 1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
			world_run(&w, SECONDS(1) + seed * 20000);
		}
		w.loss = 0;
		world_run(&w, SECONDS(100));
		nothing_lost();
		assert_true(world_joined(&w));
		assert_int_equal(world_count(&w.host[0], true), 1);
		world_free(&w);
	}
}

/* Our answer to the DELETE ends what the peer receives on. However slow our kernel is, we send on the new SA by then. */
static void test_answer_waits_for_the_kernel(void **state)
{
	(void)state;
	for (unsigned kernel = 1; kernel <= 50; kernel += 7) {
		begin(kernel);
		w.host[0].conf.defaults.linger = 0;
		world_configure(&w, 0);
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(10), world_joined));
		w.host[1].kernel_delay = MILLISECONDS(kernel);
		world_run(&w, SECONDS(1));
		w.host[0].mute = true;	/* the DELETE is the sign */
		rekey();
		world_run(&w, SECONDS(3));
		assert_true(rekeyed(&w));
		w.traffic = false;
		world_run(&w, SECONDS(1));
		nothing_lost();
		world_free(&w);
	}
}

/* The IKE SA has been rekeyed, as far as the host knows; it has no keys for the new one, which is not used here. */
static void rekeyed_meanwhile(unsigned host)
{
	struct engine *e = w.host[host].engine;
	struct ike_sa *old = list_entry(e->sas.next, struct ike_sa, link), *fresh;

	e->now = w.now;
	fresh = ike_sa_new(e, old->peer, false, &old->local, old->local_port, &old->remote, old->remote_port);
	fresh->suite = old->suite;
	ike_sa_replace(old, fresh);
	engine_settle(e);
}

/* The same for a DELETE that is late, and finds the children on the next IKE SA. */
static void test_late_delete_waits_for_the_kernel(void **state)
{
	(void)state;
	begin(9);
	w.host[0].conf.defaults.linger = 0;
	world_configure(&w, 0);
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(10), world_joined));
	world_run(&w, SECONDS(1));
	w.host[1].kernel_delay = MILLISECONDS(50);
	w.host[0].mute = silent = true;
	rekey();
	world_run(&w, MILLISECONDS(300));
	rekeyed_meanwhile(1);
	silent = false;
	world_run(&w, SECONDS(2));
	assert_true(rekeyed(&w));
	switched_by("the peer deletes the old one");
	w.traffic = false;
	world_run(&w, SECONDS(1));
	nothing_lost();
	world_free(&w);
}

static unsigned creates;

/* Requests of CREATE_CHILD_SA */
static void count_creates(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	(void)from;
	creates += n > EXCHANGE_AT + 1 && bytes[EXCHANGE_AT] == IKEV2_EXCH_CREATE_CHILD_SA &&
		   !(bytes[EXCHANGE_AT + 1] & IKEV2_FLAG_RESPONSE);
}

/*
 * Somebody flushes the SAD, on either side, at any moment of a rekey: both can send again after one exchange at most, or with the
 * one that is under way; and nothing else comes of it.
 */
static void test_flush(void **state)
{
	(void)state;
	for (unsigned host = 0; host < WORLD_HOSTS; host++) {
		for (unsigned at = 0; at <= 100; at++) {
			up(at + 1);
			rekey();
			world_run(&w, MILLISECONDS(at));
			w.tap = count_creates;
			creates = 0;
			world_flush(&w, host);
			assert_true(world_until(&w, 6 * w.delay, world_joined));
			world_run(&w, SECONDS(20));
			assert_in_range(creates, 0, 1);
			assert_true(world_joined(&w));
			for (unsigned i = 0; i < WORLD_HOSTS; i++) {
				assert_int_equal(world_count(&w.host[i], true), 1);
				assert_int_equal(world_count(&w.host[i], false), 1);
			}
			assert_non_null(strstr(w.host[host].log, "somebody flushed the SAD"));
			world_free(&w);
		}
	}
}

static bool replacing(struct world *world)
{
	return world_count(&world->host[1], false) == 2;
}

static bool receiving(struct world *world)
{
	return world_count(&world->host[0], false) == 2;
}

/* Nobody sends while an IKE SA is being deleted: its DELETE may have arrived long ago, whatever becomes of the answers. */
static void assert_mute(unsigned host)
{
	assert_int_equal(engine_down(w.host[host].engine, w.now, NULL), 1);
	world_run(&w, MILLISECONDS(200));
	assert_int_equal(world_count(&w.host[host], true), 0);
	w.tap = NULL;
	w.loss = 0;
	world_run(&w, SECONDS(60));
	assert_int_equal(w.host[host].nsas, 0);
	world_free(&w);
}

/* Not on what waits for its DELETE, and whose successor goes with it before that has sent. */
static void test_mute_the_old(void **state)
{
	(void)state;
	up(5);
	w.host[1].old_kernel = true;
	silent = true;
	rekey();
	assert_true(world_until(&w, SECONDS(1), replacing));
	w.traffic = false;
	world_run(&w, MILLISECONDS(100));
	assert_mute(1);
}

/* Not on what comes up only then. */
static void test_mute_the_new(void **state)
{
	(void)state;
	up(6);
	w.host[0].kernel_delay = MILLISECONDS(5);
	silent = true;
	rekey();
	assert_true(world_until(&w, SECONDS(1), receiving));
	w.traffic = false;
	assert_mute(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traffic_is_a_sign), cmocka_unit_test(test_request_is_a_sign),
		cmocka_unit_test(test_first_child), cmocka_unit_test(test_other_words), cmocka_unit_test(test_anything_lost),
		cmocka_unit_test(test_answer_waits_for_the_kernel), cmocka_unit_test(test_late_delete_waits_for_the_kernel),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_mute_the_old), cmocka_unit_test(test_mute_the_new),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
