// SPDX-License-Identifier: MIT
// A daemon that is killed at any moment goes on: nothing is lost, both ends agree, no message ID says two things.
#include "tests/unit/with_crypto.h"
#include "tests/unit/world.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/freeze.h"
#include "keyd/ike/version.h"
#include "keyd/wire/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

/* --- no message ID says two things --- */

#define SAID_MAX 4096

/* Whatever was sent with an SPI, a direction and a message ID. */
static struct said {
	uint8_t spi[16], flags;
	uint32_t id;
	uint64_t hash;
} said[SAID_MAX];
static unsigned nsaid, said_twice;

static void listen_in(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	struct said s = { .hash = table_hash(0, bytes, n) };
	struct rd r = rd_of(bytes, n);
	struct wire_header h;

	(void)world;
	if (wire_header_get(&r, &h) == WIRE_SHORT || h.exchange == IKEV2_EXCH_IKE_SA_INIT)
		return;
	memcpy(s.spi, h.spi_i, 8);
	memcpy(s.spi + 8, h.spi_r, 8);
	s.flags = (uint8_t)(h.flags | from << 7);
	s.id = h.message_id;
	for (unsigned i = 0; i < nsaid; i++) {
		if (said[i].id != s.id || said[i].flags != s.flags || memcmp(said[i].spi, s.spi, sizeof(s.spi)))
			continue;
		said_twice += said[i].hash != s.hash;
		return;
	}
	if (nsaid < SAID_MAX)
		said[nsaid++] = s;
}

/* --- what happens --- */

static void rekey_child(unsigned host)
{
	engine_rekey(w.host[host].engine, w.now, NULL, ENGINE_REKEY_CHILD);
}

static void rekey_ike(unsigned host)
{
	engine_rekey(w.host[host].engine, w.now, NULL, ENGINE_REKEY_IKE);
}

static void reauth(unsigned host)
{
	engine_reauth(w.host[host].engine, w.now, NULL);
}

static void liveness(unsigned host)
{
	struct engine *e = w.host[host].engine;

	e->now = w.now;
	list_each(sa, &e->sas, struct ike_sa, link)
		if (sa->state == IKE_ESTABLISHED)
			ikev2_version.liveness(sa);
	engine_settle(e);
}

static void delete_child(unsigned host)
{
	struct engine *e = w.host[host].engine;

	e->now = w.now;
	list_each(sa, &e->sas, struct ike_sa, link)
		list_each(c, &sa->children, struct child_sa, link)
			if (c->state == CHILD_UP)
				ikev2_version.delete_child(c);
	engine_settle(e);
}

static void nothing(unsigned host)
{
	(void)host;
}

static const struct op {
	const char *name;
	void (*run)(unsigned host);
	bool ends;			/* packets may have to wait for another SA */
} ops[] = {
	{ "nothing", nothing, false }, { "rekey child", rekey_child, false }, { "rekey IKE SA", rekey_ike, false },
	{ "reauthenticate", reauth, false }, { "liveness", liveness, false }, { "delete child", delete_child, true },
};
#define OPS (sizeof(ops) / sizeof(ops[0]))

/* --- what must hold --- */

struct census {
	unsigned ike, children, old;
};

static void count_ike(void *arg, const struct engine_ike_info *info)
{
	(void)info;
	((struct census *)arg)->ike++;
}

static void count_child(void *arg, const struct engine_child_info *info)
{
	struct census *c = arg;

	if (info->old)
		c->old++;
	else
		c->children++;
}

static char running[200];

static void fail_run(const char *what, unsigned n, unsigned host)
{
	print_error("in: %s\n%s (%u) at host %u\n", running, what, n, host);
	fail();
}

static void assert_agreed(bool waits)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct census c = { 0 };

		engine_walk(w.host[i].engine, w.now, count_ike, count_child, &c);
		if (c.ike != 1)
			fail_run("IKE SAs", c.ike, i);
		if (c.children != 1)
			fail_run("children", c.children, i);
		if (c.old)
			fail_run("old children", c.old, i);
		if (w.host[i].nsas != 2)
			fail_run("kernel SAs", w.host[i].nsas, i);
		if (w.host[i].lost_keying)
			fail_run("packets lost", w.host[i].lost_keying, i);
		if (w.host[i].held && !waits)
			fail_run("packets held", w.host[i].held, i);
	}
	if (!world_joined(&w))
		fail_run("not joined", 0, 0);
	if (said_twice)
		fail_run("message IDs used twice", said_twice, 0);
}

static void up(uint64_t seed)
{
	world_init(&w, seed, true);
	w.strict = true;
	w.delay = 5000;
	nsaid = said_twice = 0;
	w.tap = listen_in;
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(60), world_joined));
	world_run(&w, SECONDS(2));
	w.host[0].held = w.host[1].held = 0;
}

/* a by host 0, and b by host 1 apart later. Returns how much the host that may be killed gave away meanwhile. */
static unsigned run(const struct op *a, const struct op *b, uint64_t apart, unsigned host, unsigned kill_at, bool deaf,
		    uint64_t pause)
{
	bool waits = a->ends || b->ends;
	unsigned before, n;

	snprintf(running, sizeof(running), "%s / %s %u us later, host %u killed at output %u%s, back after %u ms", a->name,
		 b->name, (unsigned)apart, host, kill_at, deaf ? ", deaf" : "", (unsigned)(pause / 1000));
	if (getenv("WORLD_TRACE"))
		fprintf(stderr, "--- %s\n", running);
	up(7);
	w.traffic = true;
	w.pause = pause;
	before = w.host[host].outputs;
	if (kill_at)
		w.host[host].kill_at = before + kill_at;
	w.host[host].deaf = deaf;
	a->run(0);
	world_run(&w, apart);
	if (w.host[1].engine)
		b->run(1);
	world_run(&w, SECONDS(1));
	n = w.host[host].outputs - before;
	world_run(&w, SECONDS(4) + pause);
	w.traffic = false;
	world_run(&w, SECONDS(200));
	assert_agreed(waits);
	if (kill_at && !w.host[host].kills)
		fail_run("not killed", 0, host);
	world_free(&w);
	return n;
}

/* WORLD_FINE=1: each of them, in each way. */
static void every_moment(const struct op *a, const struct op *b, uint64_t apart)
{
	static unsigned nth;
	bool fine = getenv("WORLD_FINE") != NULL;

	for (unsigned host = 0; host < WORLD_HOSTS; host++) {
		unsigned n = run(a, b, apart, host, 0, false, 0);

		for (unsigned k = 1; k <= n; k++)
			for (unsigned how = 0; how < 3; how++)
				if (fine || nth++ % (b == ops ? 7 : 60) == 0)
					run(a, b, apart, host, k, how == 1, how == 2 ? MILLISECONDS(300) : 0);
	}
}

static void test_one_side(void **state)
{
	(void)state;
	for (unsigned a = 0; a < OPS; a++)
		every_moment(&ops[a], &ops[0], 0);
}

static void test_both_sides(void **state)
{
	(void)state;
	for (unsigned a = 1; a < OPS; a++)
		for (unsigned b = 1; b < OPS; b++)
			every_moment(&ops[a], &ops[b], 977 * (a + 2 * b));
}

static struct child_sa *being_made(unsigned host, enum child_state state)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		list_each(c, &sa->children, struct child_sa, link)
			if (c->state == state)
				return c;
	return NULL;
}

static bool answered(struct world *world)
{
	(void)world;
	return being_made(1, CHILD_INBOUND);
}

static bool half_there(struct world *world)
{
	(void)world;
	return being_made(0, CHILD_INBOUND);
}

/* The peer deletes the new child before our kernel has all of it. */
static void test_deleted_at_once(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 2; how++) {
		snprintf(running, sizeof(running), "deleted at once, %u", how);
		up(3);
		rekey_child(0);
		assert_true(world_until(&w, SECONDS(1), answered));
		ikev2_version.delete_child(being_made(1, CHILD_INBOUND));
		engine_settle(w.host[1].engine);
		if (how) {
			assert_true(world_until(&w, SECONDS(1), half_there));
			world_kill(&w, 0);
		}
		world_run(&w, SECONDS(2));
		w.traffic = true;
		world_run(&w, SECONDS(20));
		w.traffic = false;
		world_run(&w, SECONDS(200));
		w.host[0].held = w.host[1].held = 0;
		assert_agreed(true);
		world_free(&w);
	}
}

static bool added(struct world *world)
{
	return world_count(&world->host[0], true) == 2;
}

/*
 * It dies before it knows that the new outbound SA is there, and somebody flushes the SAD meanwhile: the SA that is added again
 * begins behind all that may have been sent by it, with the same key.
 */
static void test_no_number_twice(void **state)
{
	struct world_sa *s;
	uint32_t spi;

	(void)state;
	for (unsigned flushed = 0; flushed < 2; flushed++) {
		up(3);
		w.traffic = true;
		w.pause = MILLISECONDS(20);
		rekey_child(0);
		assert_true(world_until(&w, SECONDS(1), added));
		s = world_newest(&w.host[0], true);
		spi = s->sa.spi;
		assert_int_equal(s->sa.usage.oseq, 0);
		world_kill(&w, 0);
		if (flushed)
			w.host[0].nsas = 0;
		world_run(&w, MILLISECONDS(100));
		s = world_newest(&w.host[0], true);
		assert_non_null(s);
		assert_int_equal(s->sa.spi, spi);
		assert_int_equal(s->sa.resume, flushed);
		assert_int_equal(s->sa.usage.oseq, flushed ? UINT32_C(1) << 28 : 0);
		if (flushed && !(s->sa.flags & IPSEC_SA_ESN))
			assert_in_range(s->sa.hard.packets, 1, UINT32_MAX - s->sa.usage.oseq);
		world_free(&w);
	}
}

/* WORLD_RUN="1 0 0 0 3 0 0" */
static void test_one(void **state)
{
	unsigned a, b, apart, host, kill_at, deaf, pause;

	(void)state;
	assert_int_equal(sscanf(getenv("WORLD_RUN"), "%u %u %u %u %u %u %u", &a, &b, &apart, &host, &kill_at, &deaf, &pause), 7);
	run(&ops[a % OPS], &ops[b % OPS], apart, host, kill_at, deaf, pause);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_side),
		cmocka_unit_test(test_both_sides),
		cmocka_unit_test(test_deleted_at_once),
		cmocka_unit_test(test_no_number_twice),
	};
	const struct CMUnitTest one[] = { cmocka_unit_test(test_one) };

	if (getenv("WORLD_RUN"))
		return cmocka_run_group_tests(one, with_crypto, without_crypto);
	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
