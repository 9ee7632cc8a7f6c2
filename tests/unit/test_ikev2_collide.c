// SPDX-License-Identifier: MIT
// Both sides act at once, at every distance in time, with and without loss: in the end they agree, and no packet is lost.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/ike/version.h"
#include "keyd/ikev2/collide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

/* --- what a side does --- */

static void rekey_child(unsigned host)
{
	engine_rekey(w.host[host].engine, w.now, NULL, ENGINE_REKEY_CHILD);
}

static void rekey_ike(unsigned host)
{
	engine_rekey(w.host[host].engine, w.now, NULL, ENGINE_REKEY_IKE);
}

static void delete_ike(unsigned host)
{
	engine_down(w.host[host].engine, w.now, NULL);
}

static void delete_child(unsigned host)
{
	struct engine *e = w.host[host].engine;

	e->now = w.now;
	list_each(sa, &e->sas, struct ike_sa, link)
		list_each(c, &sa->children, struct child_sa, link)
			if (c->state == CHILD_UP && c->pol.tmpl[0].reqid != WORLD_OTHER_REQID)
				ikev2_version.delete_child(c);
	engine_settle(e);
}

static void create_child(unsigned host)
{
	struct ipsec_policy pol = world_other(&w, host);
	struct world_host *h = &w.host[host];

	h->engine->now = w.now;
	if (!child_serving(h->engine, &pol, &h->addr, &w.host[1 - host].addr))
		child_begin(h->engine, &pol, &h->addr, &w.host[1 - host].addr, NULL);
	engine_settle(h->engine);
}

static const struct op {
	const char *name;
	void (*run)(unsigned host);
	bool ends;			/* packets may have to wait for another SA */
} ops[] = {
	{ "rekey child", rekey_child, false }, { "rekey IKE SA", rekey_ike, false },
	{ "create child", create_child, false }, { "delete child", delete_child, true },
	{ "delete IKE SA", delete_ike, true },
};
#define OPS (sizeof(ops) / sizeof(ops[0]))

/* --- what must hold afterwards --- */

struct census {
	unsigned ike, children, old, others;
};

static void count_ike(void *arg, const struct engine_ike_info *info)
{
	struct census *c = arg;

	(void)info;
	c->ike++;
}

static void count_child(void *arg, const struct engine_child_info *info)
{
	struct census *c = arg;

	if (info->old)
		c->old++;
	else if (info->reqid == WORLD_OTHER_REQID)
		c->others++;
	else
		c->children++;
}

static void fail_run(const char *what, unsigned n, unsigned host)
{
	print_error("%s (%u) at host %u\n", what, n, host);
	fail();
}

/* One of each, the same at both, nothing left over in the kernels. */
static void assert_agreed(bool nothing)
{
	struct census seen[WORLD_HOSTS] = { { 0 } };

	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct census *c = &seen[i];

		engine_walk(w.host[i].engine, w.now, count_ike, count_child, c);
		if (c->ike != !nothing)
			fail_run("IKE SAs", c->ike, i);
		if (c->children != !nothing)
			fail_run("children", c->children, i);
		if (c->old)
			fail_run("old children", c->old, i);
		if (c->others > 1)
			fail_run("other children", c->others, i);
		if (w.host[i].nsas != 2 * (c->children + c->others))
			fail_run("kernel SAs", w.host[i].nsas, i);
		if (w.host[i].lost_keying)
			fail_run("packets lost", w.host[i].lost_keying, i);
	}
	assert_int_equal(seen[0].others, seen[1].others);
	if (!nothing)
		assert_true(world_joined(&w));
}

static void up(uint64_t seed)
{
	world_init(&w, seed, true);
	w.delay = 20000;
	world_load_other(&w);
	assert_true(world_up(&w));
	w.host[0].held = 0;
}

/* One after the other, apart microseconds; negative: host 1 is first. */
static void collide(const struct op *a, const struct op *b, int64_t apart)
{
	unsigned first = apart < 0;

	(first ? b : a)->run(first);
	world_run(&w, (uint64_t)(apart < 0 ? -apart : apart));
	(first ? a : b)->run(1 - first);
}

static const char *running;
static char running_buf[128];

static void one_run(const struct op *a, const struct op *b, int64_t apart, uint64_t seed, unsigned loss)
{
	snprintf(running_buf, sizeof(running_buf), "%s / %s, %+.3f ms, seed %llu, loss %u %%", a->name, b->name,
		 (double)apart / 1000, (unsigned long long)seed, loss);
	running = running_buf;
	up(seed);
	w.traffic = true;
	w.loss = loss;
	w.dup = loss ? seed % 3 * 10 : 0;
	w.jitter = loss ? seed % 4 * 10000 : 0;
	collide(a, b, apart);
	world_run(&w, loss ? SECONDS(2) : MILLISECONDS(500));
	w.loss = 0;
	/* An outbound SA may drain for a second before the next packet asks for another. */
	world_run(&w, loss ? SECONDS(4) : a->ends || b->ends ? MILLISECONDS(1200) : 0);
	w.traffic = false;
	world_run(&w, SECONDS(200));
	assert_agreed(false);
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		if (w.host[i].held && !a->ends && !b->ends)
			fail_run("packets held", w.host[i].held, i);
	world_free(&w);
	running = NULL;
}

static int tell_run(void **state)
{
	(void)state;
	if (running)
		print_error("in: %s\n", running);
	return 0;
}

/* Every pair, every distance. WORLD_FINE=1: each millisecond. */
static void test_pairs(void **state)
{
	unsigned k = 0, fine = getenv("WORLD_FINE") != NULL;

	(void)state;
	for (unsigned a = 0; a < OPS; a++)
		for (unsigned b = 0; b < OPS; b++)
			for (int64_t apart = -150000 + (int64_t)(k++ % 5) * 977; apart <= 150000; apart += fine ? 977 : 4885)
				one_run(&ops[a], &ops[b], apart, 1 + k, 0);
}

static void test_pairs_with_loss(void **state)
{
	unsigned seeds = getenv("WORLD_FINE") ? 400 : 10;

	(void)state;
	for (unsigned a = 0; a < OPS; a++)
		for (unsigned b = 0; b < OPS; b++)
			for (unsigned seed = 1; seed <= seeds; seed++)
				one_run(&ops[a], &ops[b], (int64_t)(seed * 7919 % 300) * 1000 - 150000, seed + 100 * a + b,
					20);
}

static void test_lower(void **state)
{
	static const struct {
		const char *a, *b;
		bool lower;
	} t[] = {
		{ "a", "b", true }, { "b", "a", false }, { "a", "a", false }, { "ab", "abc", true },
		{ "abc", "ab", false }, { "b", "abc", false }, { "\x7f", "\x80", true }, { "", "a", true },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(collide_lower((struct view){ (const uint8_t *)t[i].a, strlen(t[i].a) },
					       (struct view){ (const uint8_t *)t[i].b, strlen(t[i].b) }),
				 t[i].lower);
}

/* WORLD_RUN="0 1 -31000 4 20": that one alone, for looking at it with WORLD_TRACE. */
static void test_one(void **state)
{
	const char *which = getenv("WORLD_RUN");
	unsigned a, b, loss;
	long long apart;
	unsigned long long seed;

	(void)state;
	assert_int_equal(sscanf(which, "%u %u %lld %llu %u", &a, &b, &apart, &seed, &loss), 5);
	one_run(&ops[a % OPS], &ops[b % OPS], apart, seed, loss);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lower),
		cmocka_unit_test_teardown(test_pairs, tell_run),
		cmocka_unit_test_teardown(test_pairs_with_loss, tell_run),
	};

	const struct CMUnitTest one[] = { cmocka_unit_test_teardown(test_one, tell_run) };

	if (getenv("WORLD_RUN"))
		return cmocka_run_group_tests(one, with_crypto, without_crypto);
	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
