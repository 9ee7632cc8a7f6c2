// SPDX-License-Identifier: MIT
// A daemon that speaks IKEv1 is killed at any moment and goes on: nothing is lost, and both ends agree.
#include "tests/unit/with_crypto.h"
#include "tests/unit/world.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/ike/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void rekey_child(unsigned host)
{
	engine_rekey(w.host[host].engine, w.now, NULL, ENGINE_REKEY_CHILD);
}

static void rekey_ike(unsigned host)
{
	engine_rekey(w.host[host].engine, w.now, NULL, ENGINE_REKEY_IKE);
}

static void liveness(unsigned host)
{
	struct engine *e = w.host[host].engine;

	e->now = w.now;
	list_each(sa, &e->sas, struct ike_sa, link)
		if (sa->state == IKE_ESTABLISHED)
			sa->version->liveness(sa);
	engine_settle(e);
}

static void nothing(unsigned host)
{
	(void)host;
}

static const struct op {
	const char *name;
	void (*run)(unsigned host);
} ops[] = {
	{ "nothing", nothing }, { "rekey child", rekey_child }, { "rekey IKE SA", rekey_ike }, { "liveness", liveness },
};
#define OPS (sizeof(ops) / sizeof(ops[0]))

struct census {
	unsigned children, old;
};

static void count_ike(void *arg, const struct engine_ike_info *info)
{
	(void)arg;
	(void)info;
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

static void assert_agreed(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct census c = { 0 };

		engine_walk(w.host[i].engine, w.now, count_ike, count_child, &c);
		if (c.children != 1)
			fail_run("children", c.children, i);
		if (c.old)
			fail_run("old children", c.old, i);
		if (w.host[i].nsas != 2)
			fail_run("kernel SAs", w.host[i].nsas, i);
		if (w.host[i].lost_keying)
			fail_run("packets lost", w.host[i].lost_keying, i);
		if (w.host[i].held)
			fail_run("packets held", w.host[i].held, i);
	}
	if (!world_joined(&w))
		fail_run("not joined", 0, 0);
}

static void up(uint64_t seed)
{
	world_init(&w, seed, true);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.version = 1;
		world_configure(&w, i);
	}
	w.strict = true;
	w.delay = 5000;
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(60), world_joined));
	world_run(&w, SECONDS(6));
	w.host[0].held = w.host[1].held = 0;
}

/* a by host 0, and b by host 1 apart later. Returns how much the host that may be killed gave away meanwhile. */
static unsigned run(const struct op *a, const struct op *b, uint64_t apart, unsigned host, unsigned kill_at, bool deaf,
		    uint64_t pause)
{
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
	world_run(&w, SECONDS(7));
	n = w.host[host].outputs - before;
	world_run(&w, SECONDS(20) + pause);
	w.traffic = false;
	world_run(&w, SECONDS(300));
	assert_agreed();
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
				if (fine || nth++ % (b == ops ? 3 : 20) == 0)
					run(a, b, apart, host, k, how == 1, how == 2 ? MILLISECONDS(300) : 0);
	}
}

static void test_one_side(void **state)
{
	(void)state;
	for (unsigned a = 1; a < OPS; a++)
		every_moment(&ops[a], &ops[0], 0);
}

static void test_both_sides(void **state)
{
	(void)state;
	for (unsigned a = 1; a < OPS; a++)
		for (unsigned b = 1; b < OPS; b++)
			every_moment(&ops[a], &ops[b], 977 * (a + 2 * b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_side),
		cmocka_unit_test(test_both_sides),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
