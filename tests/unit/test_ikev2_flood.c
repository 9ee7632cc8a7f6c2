// SPDX-License-Identifier: MIT
// Floods of IKE_SA_INIT: from forged and from real addresses, from one source and from many; who gets in, and who goes.
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "keyd/ikev2/message.h"
#include "tests/unit/rogue.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct world w;
static uint8_t bytes[2000], heard[2000];
static size_t heard_n;
static unsigned heard_times;
static struct wire_message init;	/* the first request of host 0 */

static void overhear(struct world *world, unsigned from, uint8_t *p, size_t n)
{
	(void)world;
	if (!from && p[18] == IKEV2_EXCH_IKE_SA_INIT) {
		memcpy(bytes, p, n);
		assert_int_equal(wire_message_get(&init, (struct view){ bytes, n }), 0);
	} else if (from == 1 && n <= sizeof(heard)) {
		memcpy(heard, p, n);
		heard_n = n;
		heard_times++;
	}
}

static void begin(uint32_t threshold, uint32_t max, uint32_t per_source)
{
	world_init(&w, 5, true);
	w.host[1].conf.cookie_threshold = threshold;
	w.host[1].conf.half_open_max = max;
	w.host[1].conf.half_open_per_source = per_source;
	world_configure(&w, 1);
	w.tap = overhear;
	assert_true(world_up(&w));
	world_log_clear(&w);
}

/* The tunnel that was there before is there, and can rekey. */
static void finish(void)
{
	w.tap = NULL;
	assert_true(world_joined(&w));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].events[ENGINE_IKE_DOWN], 0);
		engine_rekey(w.host[i].engine, w.now, NULL, i ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD);
		world_run(&w, SECONDS(2));
	}
	assert_int_equal(w.host[0].events[ENGINE_IKE_REKEYED], 1);
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
	assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
	world_free(&w);
}

static unsigned half_open(void)
{
	return w.host[1].engine->half_open.n;
}

enum answer { NOTHING, COOKIE, AGREED, REFUSED };

/* What host 1 says to such a request; cookie (may be empty) stands in front. */
static enum answer ask(const char *from, uint16_t port, uint64_t spi, struct view cookie)
{
	struct engine_datagram d = { .local = w.host[1].addr, .local_port = 500, .remote_port = port };
	struct rogue_payload pl[20] = { 0 };
	uint8_t buf[2000], body[100] = { 0, 0, 0x40, 0x06 };
	struct wire_message m;
	unsigned n = 0;

	assert_int_equal(ipsec_addr_parse(&d.remote, from), 0);
	if (cookie.n) {
		memcpy(body + 4, cookie.p, cookie.n);
		pl[n++] = (struct rogue_payload){ .type = IKEV2_PL_NOTIFY, .body = { body, 4 + cookie.n } };
	}
	for (unsigned i = 0; i < init.n; i++)
		if (init.pl[i].type != IKEV2_PL_NOTIFY)
			pl[n++] = (struct rogue_payload){ .type = init.pl[i].type, .body = init.pl[i].body };
	memcpy(init.h.spi_i, &spi, sizeof(spi));
	d.data = rogue_message(NULL, &init.h, pl, n, buf, sizeof(buf));
	heard_times = 0;
	w.loss = 100;		/* nobody is there to have it */
	engine_input(w.host[1].engine, w.now, &d);
	w.loss = 0;
	if (!heard_times)
		return NOTHING;
	assert_int_equal(heard_times, 1);
	assert_int_equal(wire_message_get(&m, (struct view){ heard, heard_n }), 0);
	return wire_find(&m, IKEV2_PL_SA) ? AGREED : message_has_notify(&m, IKEV2_N_COOKIE, NULL) ? COOKIE : REFUSED;
}

static enum answer forge(const char *from, uint64_t spi)
{
	return ask(from, 500, spi, (struct view){ 0 });
}

static struct view cookie_heard(uint8_t copy[64])
{
	struct wire_message m;
	struct wire_notify n;

	assert_int_equal(wire_message_get(&m, (struct view){ heard, heard_n }), 0);
	assert_true(message_has_notify(&m, IKEV2_N_COOKIE, &n));
	memcpy(copy, n.data.p, n.data.n);
	return (struct view){ copy, n.data.n };
}

/* Somebody who is at that address: shows his cookie when he is asked for it. */
static enum answer honest(const char *from, uint64_t spi)
{
	enum answer a = forge(from, spi);
	uint8_t copy[64];

	return a == COOKIE ? ask(from, 500, spi, cookie_heard(copy)) : a;
}

static const char *address(unsigned i, bool v6)
{
	static char text[64];

	if (v6)
		snprintf(text, sizeof(text), "2001:db8:%x:%x::1", i >> 16, i & 0xffff);
	else
		snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
	return text;
}

/* Whoever forges addresses gets no further than to the threshold, and leaves nothing behind. */
static void test_forged(void **state)
{
	unsigned n[4] = { 0 };

	(void)state;
	begin(64, 1024, 128);
	for (unsigned i = 0; i < 100000; i++)
		n[forge(address(i, i & 1), i + 1)]++;
	assert_int_equal(n[AGREED], 64);
	assert_int_equal(n[COOKIE], 100000 - 64);
	assert_int_equal(half_open(), 64);
	assert_int_equal(honest("192.0.2.77", 1), AGREED);	/* and whoever does not is let in */
	world_run(&w, SECONDS(76));
	assert_int_equal(half_open(), 0);
	assert_int_equal(w.host[1].engine->half_open.by_source.n, 0);
	assert_int_equal(w.host[1].engine->half_open.by_request.n, 1);	/* the tunnel's own */
	finish();
}

/* One source with real addresses fills its own share and no more; a /64 is one source. */
static void test_one_source(void **state)
{
	char text[64];

	(void)state;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		unsigned agreed = 0;

		begin(64, 1024, 16);
		for (unsigned i = 0; i < 2000; i++) {
			snprintf(text, sizeof(text), v6 ? "2001:db8:0:7::%x" : "10.0.0.7", i + 1);
			agreed += honest(text, i + 1) == AGREED;
		}
		assert_int_equal(agreed, 16);
		assert_int_equal(half_open(), 16);
		assert_non_null(strstr(w.host[1].log, "16 half-open SAs from one source are enough"));
		assert_int_equal(honest(v6 ? "2001:db8:0:8::1" : "10.0.0.8", 1), AGREED);
		/* When they have had their time, newer ones of the same source take their places. */
		world_run(&w, SECONDS(3));
		for (unsigned i = 0; i < 2000; i++)
			agreed += honest(v6 ? "2001:db8:0:7::1" : "10.0.0.7", 5000 + i) == AGREED;
		assert_int_equal(agreed, 32);
		assert_int_equal(half_open(), 17);
		finish();
	}
}

/* Requests in somebody's name, which never show a cookie, must not take all his places. */
static void test_in_others_name(void **state)
{
	unsigned agreed = 0;

	(void)state;
	begin(64, 1024, 8);
	for (unsigned i = 0; i < 1000; i++)
		agreed += forge("10.0.0.7", i + 1) == AGREED;
	assert_int_equal(agreed, 4);
	assert_int_equal(honest("10.0.0.7", 7777), AGREED);
	finish();
}

/* All is full: the oldest of the fullest source goes, when it has had two seconds; else the newcomer is sent away. */
static void test_full(void **state)
{
	unsigned agreed = 0;

	(void)state;
	begin(10, 100, 16);
	for (unsigned i = 0; i < 100; i++)
		agreed += honest(i < 60 ? address(i / 16, false) : address(100 + i, i & 1), i + 1) == AGREED;
	assert_int_equal(agreed, 100);
	assert_int_equal(honest("192.0.2.77", 1), NOTHING);
	assert_non_null(strstr(w.host[1].log, "100 half-open SAs are enough"));
	world_run(&w, MILLISECONDS(1900));
	assert_int_equal(honest("192.0.2.77", 1), NOTHING);
	world_run(&w, MILLISECONDS(200));
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(honest(address(500 + i, true), 7), AGREED);
	assert_int_equal(half_open(), 100);
	/* Those who had one each are all known still, or they would be asked for a cookie: only the fullest sources paid. */
	for (unsigned i = 60; i < 100; i++)
		assert_int_equal(forge(address(100 + i, i & 1), i + 1), NOTHING);
	assert_int_equal(half_open(), 100);
	assert_int_equal(w.host[1].events[ENGINE_FAILED], 2);	/* the one that was sent away twice; nobody hears of the others */
	finish();
}

/* Requests that come to nothing cost cookies as well when they are many. */
static void test_refused(void **state)
{
	unsigned n[4] = { 0 };
	uint8_t *group;

	(void)state;
	begin(20, 100, 16);
	group = (uint8_t *)(uintptr_t)wire_find(&init, IKEV2_PL_KE)->body.p;
	group[1] = 14;		/* modp2048, with a value of x25519 */
	for (unsigned i = 0; i < 1000; i++)
		n[forge(address(i, false), i + 1)]++;
	assert_int_equal(n[REFUSED], 20);
	assert_int_equal(n[COOKIE], 980);
	world_run(&w, SECONDS(2));
	assert_int_equal(forge("10.0.0.1", 1), REFUSED);
	finish();
}

/* A cookie is good for one address, port, SPI and nonce, and for a minute or two. */
static void test_cookie(void **state)
{
	uint8_t copy[64];
	struct view c;

	(void)state;
	begin(0, 100, 16);
	assert_int_equal(forge("10.0.0.1", 1), COOKIE);
	c = cookie_heard(copy);
	assert_int_equal(ask("10.0.0.2", 500, 1, c), COOKIE);
	assert_int_equal(ask("10.0.0.1", 501, 1, c), COOKIE);
	assert_int_equal(ask("10.0.0.1", 500, 2, c), COOKIE);
	((uint8_t *)(uintptr_t)wire_find(&init, IKEV2_PL_NONCE)->body.p)[0] ^= 1;
	assert_int_equal(ask("10.0.0.1", 500, 1, c), COOKIE);
	((uint8_t *)(uintptr_t)wire_find(&init, IKEV2_PL_NONCE)->body.p)[0] ^= 1;
	for (unsigned i = 0; i < c.n; i++) {
		copy[i] ^= 1;
		assert_int_equal(ask("10.0.0.1", 500, 1, c), COOKIE);
		copy[i] ^= 1;
	}
	assert_int_equal(ask("10.0.0.1", 500, 1, (struct view){ copy, c.n - 1 }), COOKIE);
	assert_int_equal(half_open(), 0);
	assert_int_equal(ask("10.0.0.1", 500, 1, c), AGREED);
	/* The secret of the minute before is known, the one before that is not, even if nobody came in between. */
	for (unsigned minutes = 1; minutes < 6; minutes++) {
		assert_int_equal(forge("10.0.0.3", minutes), COOKIE);
		c = cookie_heard(copy);
		world_run(&w, SECONDS(60) * minutes);
		assert_int_equal(ask("10.0.0.3", 500, minutes, c), minutes == 1 ? AGREED : COOKIE);
	}
	finish();
}

/* Copies of a request get the same answer until somebody goes on from it, and no second SA ever. */
static void test_copies(void **state)
{
	struct engine_datagram d;
	uint64_t own;
	uint8_t first[2000];
	size_t n;

	(void)state;
	begin(64, 1024, 128);
	memcpy(&own, init.h.spi_i, sizeof(own));
	d = (struct engine_datagram){ .local = w.host[1].addr, .remote = w.host[0].addr, .local_port = 500,
				      .remote_port = 500, .data = { bytes, init.h.length } };
	heard_times = 0;
	for (unsigned i = 0; i < 10; i++)	/* the tunnel's own, late */
		engine_input(w.host[1].engine, w.now, &d);
	assert_int_equal(heard_times, 0);
	assert_int_equal(half_open(), 0);
	assert_int_equal(forge("10.0.0.1", 1), AGREED);
	memcpy(first, heard, heard_n);
	n = heard_n;
	world_run(&w, SECONDS(1));
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(forge("10.0.0.1", 1), AGREED);
		assert_int_equal(heard_n, n);
		assert_memory_equal(heard, first, n);
	}
	assert_int_equal(half_open(), 1);
	/* The same SPI with other words is no copy, and no second SA either. */
	((uint8_t *)(uintptr_t)wire_find(&init, IKEV2_PL_NONCE)->body.p)[0] ^= 1;
	assert_int_equal(forge("10.0.0.1", 1), NOTHING);
	assert_int_equal(half_open(), 1);
	finish();
}

/* CPU time of so many requests from forged addresses, from number first on. */
static clock_t cost(unsigned first, unsigned count)
{
	clock_t began = clock();

	for (unsigned i = 0; i < count; i++)
		forge(address(first + i, false), first + i + 1);
	return clock() - began;
}

/* What a forged request costs does not grow with what is there: SAs, and sources that have half-open ones. */
static void test_cost(void **state)
{
	struct engine *e;
	struct ipsec_addr other;
	struct peer *peer;
	clock_t few, many;

	(void)state;
	begin(5000, 10000, 128);
	e = w.host[1].engine;
	cost(0, 5000);			/* these become half-open, and cost a key exchange each */
	few = cost(5000, 20000);
	for (unsigned i = 0; i < 30000; i++) {
		assert_int_equal(ipsec_addr_parse(&other, address(i, true)), 0);
		peer = engine_peer(e, &w.host[1].addr, &other);
		assert_non_null(ike_sa_new(e, peer, true, &w.host[1].addr, 500, &other, 500));
		peer_put(peer);
	}
	many = cost(30000, 20000);
	print_message("20,000 requests: %ld us; with 30,000 SAs: %ld us\n", (long)few * 1000000 / CLOCKS_PER_SEC,
		      (long)many * 1000000 / CLOCKS_PER_SEC);
	assert_true(many < 8 * few);
	w.tap = NULL;
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forged),	       cmocka_unit_test(test_one_source),
		cmocka_unit_test(test_in_others_name), cmocka_unit_test(test_full),
		cmocka_unit_test(test_refused),	       cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_copies),	       cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
