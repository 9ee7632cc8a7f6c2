// SPDX-License-Identifier: MIT
// The life of SAs: round-trip time, limits and margins, signs of life.
#include "tests/unit/rogue.h"
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/load.h"
#include "keyd/crypto/alg.h"
#include "keyd/ike/lifetime.h"
#include "keyd/ike/liveness.h"
#include "keyd/ike/timer.h"
#include "keyd/wire/ikev2.h"

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
	assert_true(world_up(&w));
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
		assert_in_range(rogue_sa(&w, 0)->rtt, rtt, rtt + 1000);
		assert_true(rogue_sa(&w, 0)->rtt_var <= 1000 + rtt / 4);
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
		assert_true(rogue_sa(&w, 0)->rtt < 22000);
		w.tap = NULL;
		world_free(&w);
	}
}

/* --- limits --- */

static void test_limit(void **state)
{
	static const struct {
		uint64_t wanted, cap, slack, soft, hard;
	} t[] = {
		{ 0, 0, 100, 0, 0 },
		{ 1000, 0, 100, 1000, 1251 },		/* a quarter is more than the slack */
		{ 1000, 0, 5000, 1000, 6000 },		/* the slack is more than a quarter */
		{ 0, 10000, 100, 9900, 10000 },
		{ 1000, 10000, 5000, 1000, 6000 },
		{ 8000, 10000, 100, 8000, 10000 },
		{ 9990, 10000, 100, 9900, 10000 },	/* beyond what the cap leaves */
		{ 50000, 10000, 100, 9900, 10000 },
		{ 0, 10000, 90000, 5000, 10000 },	/* never earlier than at the half */
		{ UINT64_MAX, 0, 100, 0, 0 },
		{ UINT64_MAX, 10000, 100, 9900, 10000 },
		{ 1, 0, 0, 1, 2 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t soft, hard;

		lifetime_limit(t[i].wanted, t[i].cap, t[i].slack, &soft, &hard);
		assert_int_equal(soft, t[i].soft);
		assert_int_equal(hard, t[i].hard);
	}
}

/* Every algorithm that encrypts has its limit or a reason to have none. */
static void test_caps(void **state)
{
	(void)state;
	for (const struct crypto_alg *a = NULL; (a = crypto_alg_next(a, CRYPTO_ENCR));) {
		bool unbounded = !strcmp(a->name, "chacha20poly1305") || !strcmp(a->name, "null");

		assert_int_equal(lifetime_cap_bytes(a) == 0, unbounded);
	}
}

/* 10,000 SAs that begin together end well apart, and both ends of one do not begin its rekey at once. */
static void test_spread(void **state)
{
	enum { CHILDREN = 10000, BINS = 18 };
	struct conf conf;

	(void)state;
	world_init(&w, 1, true);
	conf_defaults(&conf);
	for (int first = 0; first < 2; first++) {
		uint64_t lifetime = SECONDS(3600), least = lifetime / 100 * (first ? 90 : 96), most = lifetime / 100 * (first ? 95 : 100);
		unsigned bins[BINS] = { 0 };

		for (unsigned i = 0; i < CHILDREN; i++) {
			uint64_t v = lifetime_soft(&conf.defaults, lifetime, first);

			assert_in_range(v, least, most);
			bins[(v - least) * BINS / (most - least + 1)]++;
		}
		for (unsigned i = 0; i < BINS; i++)
			if (bins[i])	/* the other side's range ends before ours begins */
				assert_in_range(bins[i], CHILDREN / BINS / 2, CHILDREN / BINS * 2);
		assert_true(first || lifetime_soft(&conf.defaults, 0, false) == 0);
	}
	conf.defaults.jitter = 0;
	assert_int_equal(lifetime_soft(&conf.defaults, 6400, false), 6400);
	assert_int_equal(lifetime_soft(&conf.defaults, 6400, true), 6300);
	world_free(&w);
}

static void lifetimes(uint32_t seconds, uint64_t bytes, uint64_t packets)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.child_lifetime = seconds;
		w.host[i].conf.defaults.child_bytes = bytes;
		w.host[i].conf.defaults.child_packets = packets;
		w.host[i].conf.defaults.linger = 1;
		world_configure(&w, i);
	}
}

#define LINE_WEIGHT 833		/* packets of 1,500 bytes in a millisecond: 10 Gbit/s */

/* Sendings of a request that are lost, or whose answer is: fewer than there are. */
#define LOSSES 6
static struct { uint8_t id[4]; unsigned lost; } exchanges[WORLD_HOSTS];

/* Loses as much as a peer that still answers may lose: the worst that margins are made for. */
static void lose_most(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	unsigned asks = bytes[19] & IKEV2_FLAG_RESPONSE ? 1 - from : from;

	assert_true(n >= 28);
	if (memcmp(exchanges[asks].id, bytes + 20, 4)) {
		memcpy(exchanges[asks].id, bytes + 20, 4);
		exchanges[asks].lost = 0;
	}
	world->loss = exchanges[asks].lost < LOSSES && engine_random_below(100) < 70 ? 100 : 0;
	exchanges[asks].lost += world->loss != 0;
}

static bool both_rekeyed(struct world *world)
{
	return world->host[0].events[ENGINE_CHILD_REKEYED] && world->host[1].events[ENGINE_CHILD_REKEYED];
}

/* The line is full, or by turns silent and full. */
static bool full_line(bool bursts)
{
	bool done = false;

	w.weight = LINE_WEIGHT;
	w.tap = lose_most;
	memset(exchanges, 0xff, sizeof(exchanges));
	for (uint64_t end = w.now + SECONDS(150); !done && w.now < end;) {
		w.traffic = !bursts || !w.traffic;
		done = world_until(&w, bursts ? MILLISECONDS(200) + w.now % SECONDS(2) : SECONDS(150), both_rekeyed);
	}
	w.traffic = false;
	w.tap = NULL;
	w.loss = 0;
	world_run(&w, SECONDS(80));
	return done;
}

static void assert_nothing_lost(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].hard_met, 0);
		assert_int_equal(w.host[i].lost_keying, 0);
		assert_int_equal(w.host[i].events[ENGINE_IKE_DOWN], 0);
	}
}

/*
 * However fast the line and slow the way, and whatever is lost of IKE: as long as the peer answers at all no hard limit
 * is met, and so not a packet is lost.
 */
static void test_full_line(void **state)
{
	static const uint64_t delays[] = { 500, 10000, 50000, 250000 };
	static const struct { uint64_t bytes, packets; } limits[] = {
		{ 10000000, 0 }, { 1000000000, 0 }, { 10000000000, 0 }, { 0, 100000 }, { 0, 10000000 },
	};

	(void)state;
	for (unsigned d = 0; d < 4; d++) {
		for (unsigned l = 0; l < 5; l++) {
			world_init(&w, 1 + d * 100 + l * 10, true);
			lifetimes(3600, limits[l].bytes, limits[l].packets);
			w.delay = delays[d];
			world_packet(&w, 0);
			assert_true(world_until(&w, SECONDS(60), world_joined));
			world_run(&w, SECONDS(2));
			assert_true(full_line((d + l) % 2));
			assert_nothing_lost();
			world_free(&w);
		}
	}
}

/* The same before the limits that nobody configured: sequence numbers, and what a key may protect. */
static void test_caps_on_full_line(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct ipsec_lifetime soft;

		up(seed % 2 ? 250000 : 10000, seed);
		soft = world_newest(&w.host[0], true)->sa.soft;	/* it began, and goes first */
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			for (unsigned k = 0; k < w.host[i].nsas; k++) {
				struct ipsec_sa *sa = &w.host[i].sas[k].sa;

				assert_int_equal(sa->hard.packets, UINT32_MAX);
				assert_true(sa->hard.bytes && sa->soft.bytes >= soft.bytes && sa->soft.bytes < sa->hard.bytes);
				if (seed % 3)
					sa->usage.packets = soft.packets - 1000;
				else
					sa->usage.bytes = soft.bytes - 1000000;
			}
		}
		full_line(false);
		assert_true(w.host[0].events[ENGINE_CHILD_REKEYED] >= 1);
		assert_nothing_lost();
		world_free(&w);
	}
}

/* At a low rate an SA lives nearly as long as it may. */
static void test_slow_line(void **state)
{
	(void)state;
	for (int packets = 0; packets < 2; packets++) {
		world_init(&w, 5, true);
		lifetimes(3600, packets ? 0 : 30000000, packets ? 20000 : 0);	/* both are over in 20 s */
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(5), world_joined));
		w.traffic = true;
		world_run(&w, SECONDS(200));
		assert_in_range(w.host[0].events[ENGINE_CHILD_REKEYED], 10, 12);
		assert_non_null(strstr(w.host[0].log, packets ? "reason: packets" : "reason: bytes"));
		assert_int_equal(w.host[0].hard_met + w.host[1].hard_met, 0);
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
		world_free(&w);
	}
}

/* With the same limits on both sides the one that began goes on rekeying, and the other one need not. */
static void test_one_goes_first(void **state)
{
	(void)state;
	for (int by_time = 0; by_time < 2; by_time++) {
		world_init(&w, 9, true);
		lifetimes(by_time ? 20 : 3600, by_time ? 0 : 30000000, 0);
		w.delay = 100000;
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(5), world_joined));
		world_log_clear(&w);
		w.traffic = true;
		world_run(&w, SECONDS(300));
		assert_true(w.host[0].events[ENGINE_CHILD_REKEYED] >= 14);
		assert_null(strstr(w.host[0].log, "the peer asked for it"));
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
		world_free(&w);
	}
}

static void test_small_limit_is_told(void **state)
{
	const char *line;

	(void)state;
	world_init(&w, 5, true);
	lifetimes(3600, 1000000, 0);
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
	w.traffic = true;
	world_run(&w, SECONDS(10));
	line = strstr(w.host[0].log, "its bytes were used up within ");
	assert_non_null(line);
	assert_null(strstr(line + 1, "its bytes were used up within "));	/* once */
	assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
	world_free(&w);
}

/* A faster line than most is measured, and gets a wider margin. */
static void test_margin_follows_rate(void **state)
{
	uint64_t before, after;

	(void)state;
	world_init(&w, 5, true);
	lifetimes(3600, 20000000000, 0);
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
	before = world_newest(&w.host[0], true)->sa.hard.bytes;
	w.weight = 10 * LINE_WEIGHT;
	w.traffic = true;
	world_run(&w, SECONDS(6));
	after = world_newest(&w.host[0], true)->sa.hard.bytes;
	assert_true(w.host[0].events[ENGINE_CHILD_REKEYED] >= 2);
	assert_true(after > before * 2);
	assert_int_equal(w.host[0].hard_met + w.host[1].hard_met, 0);
	world_free(&w);
}

/* --- signs of life --- */

static unsigned asked(unsigned host)
{
	unsigned n = 0;

	for (const char *p = w.host[host].log; (p = strstr(p, "asked for a sign of life")); p++)
		n++;
	return n;
}

static void forget(void)
{
	world_log_clear(&w);
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		w.host[i].gets = w.host[i].datagrams = 0;
}

/* Who hears the other's traffic does not ask; who hears nothing does, and his question is a sign for the other. */
static void test_traffic_is_life(void **state)
{
	(void)state;
	for (unsigned mute = 0; mute <= WORLD_HOSTS; mute++) {
		up(10000, 1 + mute);
		forget();
		if (mute < WORLD_HOSTS)
			w.host[mute].mute = true;
		w.traffic = true;
		world_run(&w, SECONDS(900));
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			/* dpd is 30 s: a look each 15 s, one more where nothing is heard; and with a mute peer an exchange, too */
			assert_int_equal(asked(i), i == 1 - mute ? 60 : 0);
			assert_in_range(w.host[i].gets, 1, i == 1 - mute ? 122 : 61);
			assert_int_equal(w.host[i].datagrams, mute < WORLD_HOSTS ? 60 : 0);
		}
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
		world_free(&w);
	}
}

/* An idle tunnel costs one exchange for each dpd, whichever side asks, and a few looks. */
static void test_idle(void **state)
{
	(void)state;
	up(10000, 1);
	forget();
	world_run(&w, SECONDS(3000));
	assert_in_range(asked(0) + asked(1), 90, 101);
	assert_in_range(w.host[0].datagrams, 90, 101);
	assert_in_range(w.host[0].gets, 100, 410);
	assert_int_equal(w.host[0].events[ENGINE_IKE_DOWN], 0);
	world_free(&w);
}

static bool host0_alone(struct world *world)
{
	return world->host[0].events[ENGINE_IKE_DOWN] > 0;
}

/* A peer that is gone is found out, sooner when we send to it; what was made for it goes, and traffic brings it back. */
static void test_peer_dies(void **state)
{
	(void)state;
	for (unsigned traffic = 0; traffic < 2; traffic++) {
		uint64_t died;

		up(10000, 1 + traffic);
		w.traffic = traffic;
		world_run(&w, SECONDS(100));
		died = w.now;
		w.host[1].down = w.host[1].mute = true;
		assert_true(world_until(&w, SECONDS(200), host0_alone));
		/* To the first question at most 15 s (with traffic) or 45 s; then what "retransmit" says, 63.5 s */
		assert_in_range(w.now - died, SECONDS(63), SECONDS(traffic ? 63 + 31 : 63 + 46));
		assert_non_null(strstr(w.host[0].last_text, "counts as dead"));
		world_run(&w, MILLISECONDS(1));
		assert_int_equal(world_count(&w.host[0], true), 0);
		w.host[1].down = w.host[1].mute = false;
		world_restart(&w, 1, false);
		if (!traffic)
			world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(70), world_joined));
		world_free(&w);
	}
}

/* An SA that the kernel lost without a word is found missing, and made anew. */
static void test_inbound_gone(void **state)
{
	(void)state;
	up(10000, 1);
	w.host[0].nsas = 0;
	world_run(&w, SECONDS(17));
	assert_non_null(strstr(w.host[0].log, "the kernel has not got its inbound SA any more"));
	world_run(&w, SECONDS(30));
	assert_true(world_joined(&w));
	world_free(&w);
}

static void hint(void)
{
	w.host[0].engine->now = w.now;
	liveness_hint(rogue_sa(&w, 0));
	engine_settle(w.host[0].engine);
}

static void test_hints(void **state)
{
	(void)state;
	up(10000, 1);
	forget();
	for (unsigned i = 0; i < 100; i++) {
		hint();
		world_run(&w, MILLISECONDS(50));
	}
	assert_int_equal(asked(0), 1);
	world_run(&w, SECONDS(6));
	hint();
	assert_int_equal(asked(0), 2);
	world_run(&w, SECONDS(1));
	assert_int_equal(w.host[0].datagrams, 2);
	world_free(&w);
}

/* A child of its own in both kernels' tables, without traffic. */
static void add_child(unsigned host)
{
	struct world_host *h = &w.host[host];
	struct child_sa *c = child_new(rogue_sa(&w, host), &h->out, true);
	struct world_sa in = { .sa = world_newest(h, false)->sa };

	assert_non_null(c);
	in.sa.spi = c->spi_in;
	in.sa.usage = (struct ipsec_usage){ 0 };
	h->sas[h->nsas++] = in;
	child_inbound_done(c);
	timer_cancel(&h->engine->timers, &c->rekey);
}

/* A peer with many children is not looked at more closely than one with few. */
static void test_many_children(void **state)
{
	(void)state;
	up(10000, 1);
	for (unsigned i = 0; i < 200; i++)
		add_child(0);
	forget();
	world_run(&w, SECONDS(17));
	assert_in_range(w.host[0].gets, 8, 9);
	world_run(&w, SECONDS(300));
	assert_in_range(w.host[0].gets, 8, 9 * 22);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rtt),
		cmocka_unit_test(test_rtt_of_repeated),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_full_line),
		cmocka_unit_test(test_caps_on_full_line),
		cmocka_unit_test(test_slow_line),
		cmocka_unit_test(test_one_goes_first),
		cmocka_unit_test(test_small_limit_is_told),
		cmocka_unit_test(test_margin_follows_rate),
		cmocka_unit_test(test_traffic_is_life),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_peer_dies),
		cmocka_unit_test(test_inbound_gone),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_many_children),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
