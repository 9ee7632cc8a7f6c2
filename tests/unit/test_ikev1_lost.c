// SPDX-License-Identifier: MIT
// IKEv1's messages that nothing answers get lost: deletes, the last one of quick mode; and what both ends make of it.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/crypto/alg.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/ike/version.h"
#include "keyd/ikev1/exchanges.h"
#include "keyd/wire/isakmp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void up(uint64_t seed)
{
	world_init(&w, seed, true);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.version = 1;
		world_configure(&w, i);
	}
	assert_true(world_up(&w));
}

static void assert_settled(void)
{
	assert_true(world_joined(&w));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(world_count(&w.host[i], true), 1);
		assert_int_equal(world_count(&w.host[i], false), 1);
		assert_int_equal(w.host[i].lost_keying, 0);
	}
}

/* Of host, in this state. */
static struct child_sa *child_of(unsigned host, enum child_state state)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		list_each(c, &sa->children, struct child_sa, link)
			if (c->state == state)
				return c;
	return NULL;
}

static void delete_child(unsigned host)
{
	struct child_sa *c = child_of(host, CHILD_UP);

	assert_non_null(c);
	w.host[host].engine->now = w.now;
	c->sa->version->delete_child(c);
	engine_settle(w.host[host].engine);
}

/* A delete is said for half a minute. Who is cut off for longer goes on sending, and that is received until he has heard of it. */
static void test_delete(void **state)
{
	(void)state;
	for (unsigned cut = 20; cut <= 70; cut += 10) {
		up(cut);
		w.host[0].mute = true;
		w.traffic = true;
		w.loss = 100;
		delete_child(0);
		world_run(&w, SECONDS(cut));
		assert_int_equal(world_count(&w.host[1], true), 1);
		w.loss = 0;
		world_run(&w, SECONDS(60));
		w.traffic = false;
		assert_true(w.host[0].received > 1000 * cut);
		world_run(&w, SECONDS(120));
		assert_settled();
		assert_int_equal(w.host[1].events[ENGINE_CHILD_DOWN], 1);
		assert_null(strstr(w.host[0].log, "counts as dead"));
		world_free(&w);
	}
}

/* Every message of host 0's quick modes but the first one becomes nonsense. */
static void spoil_third(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	static uint8_t first[4];

	(void)world;
	if (from || n < 32 || bytes[18] != ISAKMP_EXCH_QUICK)
		return;
	if (memcmp(first, bytes + 20, sizeof(first)) != 0)
		memcpy(first, bytes + 20, sizeof(first));
	else
		bytes[30] ^= 1;	/* under its HASH */
}

/* Its initiator has installed it all the same, and sends: who gives it up says so, and receives meanwhile. */
static void test_last_message(void **state)
{
	(void)state;
	up(1);
	w.host[1].mute = true;
	w.tap = spoil_third;
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(80));
	w.tap = NULL;
	w.traffic = true;
	world_run(&w, SECONDS(60));
	w.traffic = false;
	world_run(&w, SECONDS(60));
	assert_non_null(strstr(w.host[1].log, "the peer asked for it, and did not go on"));
	assert_settled();
	world_free(&w);
}

/* The one that was replaced is there again, at both ends. */
static void restore(unsigned host)
{
	struct child_sa *old = child_of(host, CHILD_REPLACED);

	assert_non_null(old);
	w.host[host].engine->now = w.now;
	old->replaced_by = 0;
	old->redundant = old->muted = false;
	child_restore(old);
	engine_settle(w.host[host].engine);
}

static unsigned count_up(unsigned host)
{
	unsigned n = 0;

	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		list_each(c, &sa->children, struct child_sa, link)
			n += c->state == CHILD_UP && !c->redundant;
	return n;
}

/* Of two for the same only one is renewed, also where lives are too short for them to be looked at in quiet. */
static void test_doubled(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 4; seed++) {
		up(seed);
		w.traffic = true;
		engine_rekey(w.host[seed & 1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, SECONDS(3));
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			restore(i);
			assert_int_equal(count_up(i), 2);
		}
		for (unsigned i = 0; i < 3; i++) {
			engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
			engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
			world_run(&w, SECONDS(10));
		}
		for (unsigned i = 0; i < WORLD_HOSTS; i++)
			assert_int_equal(count_up(i), 1);
		w.traffic = false;
		world_run(&w, SECONDS(100));
		assert_settled();
		world_free(&w);
	}
}

static uint8_t spoilt;			/* the exchange that host 0 says in vain */

static void spoil(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	if (!from && n > 32 && bytes[18] == spoilt)
		bytes[30] ^= 1;
}

/* The old one's delete is lost: all the same nothing goes out by it any more, also when the new one meets a limit. */
static void test_old_is_quiet(void **state)
{
	(void)state;
	up(1);
	spoilt = ISAKMP_EXCH_INFORMATIONAL;
	w.tap = spoil;
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(20));
	assert_true(world_joined(&w));
	assert_int_equal(world_count(&w.host[1], true), 1);
	assert_int_equal(world_count(&w.host[1], false), 2);
	world_free(&w);
}

/* What is waited with, as an old one works meanwhile, is not when somebody has flushed both. */
static void test_flushed(void **state)
{
	(void)state;
	up(1);
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, MILLISECONDS(500));
	assert_non_null(child_of(0, CHILD_INBOUND));
	world_flush(&w, 0);
	assert_true(world_until(&w, SECONDS(1), world_joined));
	world_free(&w);
}

static struct ike_sa *sa_of(unsigned host)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		if (sa->state == IKE_ESTABLISHED)
			return sa;
	return NULL;
}

/* Killed while a rekey waits for the next ISAKMP SA, or while it is under way on one that was replaced: the next daemon goes on with it. */
static void test_killed(void **state)
{
	(void)state;
	for (unsigned gone = 0; gone < 2; gone++) {
		up(1);
		spoilt = gone ? ISAKMP_EXCH_MAIN : ISAKMP_EXCH_QUICK;
		w.tap = spoil;
		w.host[0].engine->now = w.now;
		if (gone)
			v1_gone(sa_of(0), "for the test");
		engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, MILLISECONDS(100));
		if (!gone)
			engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
		world_run(&w, SECONDS(1));
		w.pause = SECONDS(1);
		world_kill(&w, 0);
		world_run(&w, SECONDS(2));
		w.tap = NULL;
		world_run(&w, SECONDS(50));
		assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
		world_run(&w, SECONDS(100));
		assert_settled();
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_last_message),
		cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_old_is_quiet),
		cmocka_unit_test(test_flushed),
		cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
