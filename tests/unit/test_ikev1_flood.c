// SPDX-License-Identifier: MIT
// Floods of IKEv1: first messages from forged addresses, and third ones from real ones; who gets in, and who goes.
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "keyd/ikev1/state.h"
#include "tests/unit/with_crypto.h"
#include "tests/unit/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MAIN 2
#define AGGRESSIVE 4

static struct world w;
static struct {
	uint8_t bytes[2000];
	size_t n;
} first, third;		/* of host 0, in main mode */

static void keep(uint8_t *to, size_t *len, const uint8_t *bytes, size_t n)
{
	assert_true(n <= sizeof(first.bytes));
	memcpy(to, bytes, n);
	*len = n;
}

static void overhear(struct world *world, unsigned from, uint8_t *p, size_t n)
{
	static const uint8_t none[8];

	(void)world;
	if (from || (p[18] != MAIN && p[18] != AGGRESSIVE))
		return;
	if (!memcmp(p + 8, none, sizeof(none)))
		keep(first.bytes, &first.n, p, n);
	else if (!third.n && p[18] == MAIN)
		keep(third.bytes, &third.n, p, n);
}

/* A tunnel between two honest hosts, and what the first of them has said. */
static void begin(uint8_t exchange, uint32_t max, uint32_t per_source)
{
	world_init(&w, 5, true);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.half_open_max = max;
		w.host[i].conf.half_open_per_source = per_source;
		w.host[i].conf.defaults.version = 1;
		w.host[i].conf.defaults.exchange = exchange == MAIN ? CONF_EXCHANGE_MAIN : CONF_EXCHANGE_AGGRESSIVE;
		world_configure(&w, i);
	}
	first.n = third.n = 0;
	w.tap = overhear;
	assert_true(world_up(&w));
	w.tap = NULL;
	assert_true(first.n && (third.n || exchange == AGGRESSIVE));
	world_log_clear(&w);
}

/* The tunnel that was there before is there, and can rekey; and it was all that host 1 had to tell of. */
static void finish(void)
{
	assert_true(world_joined(&w));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].events[ENGINE_IKE_DOWN], 0);
		engine_rekey(w.host[i].engine, w.now, NULL, i ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD);
		world_run(&w, SECONDS(8));
	}
	assert_int_equal(w.host[0].events[ENGINE_IKE_REKEYED], 1);
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
	assert_int_equal(w.host[1].events[ENGINE_FAILED], 0);
	world_run(&w, SECONDS(76));
	assert_int_equal(w.host[1].engine->half_open.n, 0);
	assert_int_equal(w.host[1].engine->half_open.nunshown, 0);
	assert_int_equal(w.host[1].engine->half_open.by_source.n, 0);
	world_free(&w);
}

static const char *address(unsigned i)
{
	static char text[64];

	snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
	return text;
}

static struct engine_datagram datagram(const char *from)
{
	struct engine_datagram d = { .local = w.host[1].addr, .local_port = 500, .remote_port = 500 };

	assert_int_equal(ipsec_addr_parse(&d.remote, from), 0);
	return d;
}

/* Who is half-open at host 1 by that first message; NULL: nobody. */
static struct ike_sa *found(const char *from, uint64_t cookie)
{
	struct engine_datagram d = datagram(from);
	struct ike_sa *sa = half_open_find(w.host[1].engine, &d, (const uint8_t *)&cookie);

	return sa && sa->state < IKE_ESTABLISHED ? sa : NULL;
}

static void say(const char *from, uint64_t cookie, uint8_t *bytes, size_t n)
{
	struct engine_datagram d = datagram(from);

	memcpy(bytes, &cookie, sizeof(cookie));
	d.data = (struct view){ bytes, n };
	w.loss = 100;		/* nobody is there to have the answer */
	engine_input(w.host[1].engine, w.now, &d);
	w.loss = 0;
}

/* The first message, of whoever; true: it is dealt with. */
static bool forge(const char *from, uint64_t cookie)
{
	say(from, cookie, first.bytes, first.n);
	return found(from, cookie);
}

/* Somebody who is at that address goes on in main mode. */
static bool go_on(const char *from, uint64_t cookie)
{
	const struct ike_sa *sa = found(from, cookie);

	if (!sa)
		return false;
	memcpy(third.bytes + 8, sa->spi_r, sizeof(sa->spi_r));
	say(from, cookie, third.bytes, third.n);
	return found(from, cookie);
}

/* Whoever forges addresses has half of the places, and each newcomer is let in all the same. */
static void test_forged(void **state)
{
	static const uint8_t exchanges[] = { MAIN, AGGRESSIVE };

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		begin(exchanges[k], 40, 8);
		for (unsigned i = 0; i < 400; i++) {
			assert_true(forge(address(i), i + 1));
			if (i % 10 == 0)
				world_run(&w, MILLISECONDS(100));
			assert_int_equal(w.host[1].engine->half_open.n, i < 20 ? i + 1 : 20);
			assert_true(!i || found(address(i - 1), i));	/* nor does the next one put him out */
		}
		finish();
	}
}

/* In somebody's name half of his places can be taken; … */
static void test_in_others_name(void **state)
{
	(void)state;
	begin(AGGRESSIVE, 1024, 8);
	for (unsigned i = 0; i < 200; i++)
		assert_true(forge("10.0.0.7", i + 1));
	assert_int_equal(w.host[1].engine->half_open.n, 4);
	finish();
}

/* … and who goes on is not put out by those who have begun. */
static void test_goes_on(void **state)
{
	(void)state;
	begin(MAIN, 40, 8);
	assert_true(forge("10.0.0.7", 7000) && go_on("10.0.0.7", 7000));
	assert_true(forge("10.9.0.7", 8000) && go_on("10.9.0.7", 8000));
	world_run(&w, SECONDS(3));
	for (unsigned i = 0; i < 200; i++)
		assert_true(forge("10.0.0.7", i + 1) && forge(address(1000 + i), i + 1));
	assert_true(found("10.0.0.7", 7000) && found("10.9.0.7", 8000));
	assert_int_equal(w.host[1].engine->half_open.nunshown, 20);
	finish();
}

/* At real addresses all can be taken, up to keys and no further: after two seconds the oldest makes room. */
static void test_never_prove(void **state)
{
	unsigned n = 0;

	(void)state;
	begin(MAIN, 40, 8);
	for (unsigned i = 0; i < 40; i++)
		n += forge(address(i), i + 1) && go_on(address(i), i + 1);
	world_run(&w, SECONDS(1));
	assert_int_equal(n, 40);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(found(address(i), i + 1)->state, IKE_AUTH);
	assert_false(forge("192.0.2.77", 1));
	world_run(&w, SECONDS(2));
	found(address(3), 4)->v1->config.open = true;		/* somebody is typing his password */
	w.host[1].engine->now = w.now;
	for (unsigned i = 0; i < 8; i++) {
		struct engine_datagram d = datagram("192.0.2.78");

		assert_int_equal(half_open_ask(w.host[1].engine, &d, true), HALF_OPEN_ROOM);
		assert_true(forge(address(500 + i), 1) && go_on(address(500 + i), 1));
	}
	assert_int_equal(w.host[1].engine->half_open.n, 40);
	assert_non_null(found(address(3), 4));
	assert_null(found(address(2), 3));
	found(address(3), 4)->v1->config.open = false;
	world_run(&w, SECONDS(76));
	w.host[1].events[ENGINE_FAILED] = 0;
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_in_others_name),
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_never_prove),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
