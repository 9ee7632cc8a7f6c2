// SPDX-License-Identifier: MIT
// The life of ISAKMP SAs and their children: aggressive mode, lifetimes, deletes, restarts, dead peers, what is played back.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/crypto/alg.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/timer.h"
#include "keyd/ike/version.h"
#include "keyd/ikev1/message.h"
#include "keyd/ikev1/window.h"
#include "keyd/wire/isakmp_delete.h"

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
	w.host[0].held = w.host[1].held = 0;
}

static void assert_settled(void)
{
	assert_true(world_joined(&w));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(world_count(&w.host[i], true), 1);
		assert_int_equal(world_count(&w.host[i], false), 1);
	}
}

static void assert_lossless(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].lost_keying, 0);
		assert_int_equal(w.host[i].held, 0);
	}
}

/* The one that is established at host; NULL: none. */
static struct ike_sa *sa_of(unsigned host)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		if (sa->state == IKE_ESTABLISHED)
			return sa;
	return NULL;
}

static void test_aggressive(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		begin(seed & 1, seed);
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			w.host[i].conf.defaults.exchange = CONF_EXCHANGE_AGGRESSIVE;
			world_configure(&w, i);
		}
		w.loss = seed > 5 ? seed : 0;
		w.dup = seed > 10 ? seed : 0;
		for (int i = 0; i < 300 && !world_joined(&w); i++) {
			world_packet(&w, 0);
			world_until(&w, SECONDS(1), world_joined);
		}
		world_run(&w, SECONDS(8));
		w.host[0].lost_keying = w.host[1].lost_keying = w.host[0].held = w.host[1].held = 0;
		w.traffic = true;
		engine_rekey(w.host[seed & 1].engine, w.now, NULL, ENGINE_REKEY_IKE);
		world_run(&w, SECONDS(20));
		w.traffic = false;
		w.loss = 0;
		world_run(&w, SECONDS(100));
		assert_settled();
		assert_lossless();
		world_free(&w);
	}
}

/* What one side speaks the other one must have in its section, too. */
static void test_other_exchange(void **state)
{
	(void)state;
	begin(true, 1);
	w.host[0].conf.defaults.exchange = CONF_EXCHANGE_AGGRESSIVE;
	world_configure(&w, 0);
	world_packet(&w, 0);
	world_run(&w, SECONDS(70));
	assert_false(world_joined(&w));
	assert_non_null(strstr(w.host[1].log, "in its section \"exchange\" says otherwise"));
	world_free(&w);
}

/* Ten minutes of short lives, of both, by either side's settings. */
static void test_lifetimes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		begin(true, 5 + i);
		w.host[i & 1].conf.defaults.ike_lifetime = 90;
		w.host[i >> 1].conf.defaults.child_lifetime = 60;
		for (unsigned k = 0; k < WORLD_HOSTS; k++)
			world_configure(&w, k);
		assert_true(world_up(&w));
		w.host[0].held = w.host[1].held = 0;
		/* The peer's shorter one counts at both ends (RFC 2407 4.5.4, 4.6.3.1). */
		for (unsigned k = 0; k < WORLD_HOSTS; k++)
			assert_true(world_newest(&w.host[k], true)->sa.soft.add_seconds <= 60);
		w.traffic = true;
		world_run(&w, SECONDS(600));
		w.traffic = false;
		assert_lossless();
		assert_true(w.host[0].events[ENGINE_CHILD_REKEYED] >= 9);
		assert_true(w.host[0].events[ENGINE_IKE_REKEYED] >= 5);
		assert_int_equal(w.host[0].hard_met + w.host[1].hard_met, 0);
		assert_true(world_joined(&w));
		world_free(&w);
	}
}

static void test_bytes(void **state)
{
	(void)state;
	begin(true, 3);
	w.host[1].conf.defaults.child_bytes = 30 << 20;
	world_configure(&w, 1);
	assert_true(world_up(&w));
	w.host[0].held = w.host[1].held = 0;
	w.traffic = true;
	world_run(&w, SECONDS(120));
	w.traffic = false;
	assert_lossless();
	assert_true(w.host[0].events[ENGINE_CHILD_REKEYED] >= 4);
	assert_int_equal(w.host[0].hard_met + w.host[1].hard_met, 0);
	world_free(&w);
}

/* host says that it deletes its ISAKMP SA, and only that. */
static void delete_isakmp(unsigned host)
{
	struct ike_sa *sa = sa_of(host);
	struct isakmp_delete d = { .doi = ISAKMP_DOI_IPSEC, .protocol = ISAKMP_PROTO_ISAKMP, .spi_size = 16, .count = 1 };
	uint8_t cookies[16], iv[CRYPTO_IV_MAX];
	struct wire_out out;
	struct view datagram;
	size_t at, mark;

	assert_non_null(sa);
	v1_cookies(sa, cookies);
	d.spis = (struct view){ cookies, sizeof(cookies) };
	assert_int_equal(ikev1_iv_phase2(&sa->v1->suite, sa->v1->iv, 77, iv), 0);
	v1_message_begin(sa, &out, ISAKMP_EXCH_INFORMATIONAL, 77, true);
	at = v1_hash_begin(sa, &out);
	mark = wire_payload_begin(&out, ISAKMP_PL_DELETE);
	isakmp_delete_put(&out.w, &d);
	wire_payload_end(&out, mark);
	assert_int_equal(v1_hash_end(sa, &out, at, 77, (struct view){ 0 }), 0);
	assert_int_equal(v1_message_end(sa, &out, iv, &datagram), 0);
	world_inject(&w, 1 - host, datagram.p, datagram.n);
}

/* Children outlive it, and are rekeyed on the next one, which is made when it is needed. */
static void test_isakmp_deleted(void **state)
{
	(void)state;
	up(true, 4);
	w.traffic = true;
	delete_isakmp(1);
	world_run(&w, SECONDS(2));
	assert_non_null(strstr(w.host[0].log, "the peer deleted it; its children stay"));
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(10));
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
	w.traffic = false;
	world_run(&w, SECONDS(100));
	assert_settled();
	assert_lossless();
	world_free(&w);
}

/* Of those that host 1 is making for the peer; NULL: there is none. */
static struct child_sa *served(struct ike_sa *sa)
{
	list_each(x, &sa->v1->serving, struct exchange, link)
		return x->child;
	return NULL;
}

static bool is_there(unsigned host, const struct ike_sa *which)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		if (sa == which)
			return true;
	return false;
}

/* The kernel of host 1 takes its time for what the peer asks for; then phase 1 is made anew so often. Which child it is. */
static struct child_sa *serve_and_replace(unsigned times)
{
	struct child_sa *c;

	begin(true, 20);
	w.host[1].kernel_delay = SECONDS(3);
	world_packet(&w, 0);
	world_run(&w, MILLISECONDS(500));
	c = served(sa_of(1));
	assert_non_null(c);
	for (unsigned i = 0; i < times; i++) {
		engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
		world_run(&w, MILLISECONDS(500));
	}
	assert_int_equal(w.host[1].events[ENGINE_IKE_REKEYED], times);
	assert_ptr_equal(c->sa, sa_of(1));
	return c;
}

/* What is being made for the peer goes to the SA that is there when it is, however often that has changed, … */
static void test_replaced_while_serving(void **state)
{
	(void)state;
	for (unsigned times = 0; times < 4; times++) {
		serve_and_replace(times);
		assert_true(world_until(&w, SECONDS(20), world_joined));
		assert_false(list_empty(&sa_of(1)->children));
		world_run(&w, SECONDS(60));
		assert_settled();
		world_free(&w);
	}
}

/* … whether the peer still speaks on that or not; … */
static void test_deleted_while_serving(void **state)
{
	(void)state;
	for (unsigned times = 0; times < 4; times++) {
		serve_and_replace(times);
		delete_isakmp(0);
		w.traffic = true;
		world_run(&w, SECONDS(100));
		w.traffic = false;
		assert_true(world_joined(&w));
		world_free(&w);
	}
}

/* … and when that one ends meanwhile it stays with the one that it was asked for on. */
static void test_ended_while_serving(void **state)
{
	(void)state;
	for (unsigned times = 1; times < 4; times++) {
		struct child_sa *c = serve_and_replace(times);
		struct ike_sa *heir = c->sa;

		ike_sa_end(heir, "the test wants it");
		engine_tick(w.host[1].engine, w.now);
		assert_false(is_there(1, heir));
		assert_true(is_there(1, c->sa));
		w.traffic = true;
		assert_true(world_until(&w, SECONDS(600), world_joined));
		world_free(&w);
	}
}

static bool asks;			/* what is on the wire is of a quick mode of host 0 */

static void watch_quick(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	(void)n;
	asks = !from && bytes[18] == ISAKMP_EXCH_QUICK;
}

static bool lose_quick(struct world *world, unsigned from, struct world_path *p)
{
	(void)world;
	(void)from;
	(void)p;
	return !asks;
}

/* What is asked for on the oldest goes to the newest, also when those between have gone. */
static void test_asked_after_generations(void **state)
{
	(void)state;
	begin(true, 23);
	w.tap = watch_quick;
	w.route = lose_quick;
	world_packet(&w, 0);
	world_run(&w, MILLISECONDS(300));
	for (unsigned i = 0; i < 3; i++) {
		struct ike_sa *before = i ? sa_of(1) : NULL;

		engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
		world_run(&w, MILLISECONDS(300));
		assert_int_equal(w.host[1].events[ENGINE_IKE_REKEYED], i + 1);
		if (before)
			ike_sa_end(before, "the test wants it");
		engine_tick(w.host[1].engine, w.now);
	}
	w.tap = NULL;
	w.route = NULL;
	assert_true(world_until(&w, SECONDS(4), world_joined));
	assert_false(list_empty(&sa_of(1)->children));
	world_run(&w, SECONDS(100));
	assert_settled();
	world_free(&w);
}

/* One that only says that it has ended takes nothing over from the one that is asked. */
static void test_asked_when_heir_is_closed(void **state)
{
	(void)state;
	begin(true, 22);
	w.tap = watch_quick;
	w.route = lose_quick;
	world_packet(&w, 0);
	world_run(&w, MILLISECONDS(300));
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
	world_run(&w, MILLISECONDS(300));
	assert_int_equal(w.host[1].events[ENGINE_IKE_REKEYED], 1);
	ike_sa_close(sa_of(1), "the test wants it");
	w.tap = NULL;
	w.route = NULL;
	world_run(&w, SECONDS(4));
	list_each(sa, &w.host[1].engine->sas, struct ike_sa, link)
		assert_true(sa->state < IKE_CLOSED || list_empty(&sa->children));
	w.traffic = true;
	world_run(&w, SECONDS(400));
	w.traffic = false;
	world_run(&w, SECONDS(200));
	assert_settled();
	world_free(&w);
}

/* The other daemon begins anew, without what it knew; its kernel has its SAs yet, or not. */
static void test_restart(void **state)
{
	(void)state;
	for (unsigned keeps = 0; keeps < 2; keeps++) {
		up(true, 6);
		world_restart(&w, 1, keeps);
		w.traffic = true;
		world_run(&w, SECONDS(60));
		w.host[0].lost_keying = w.host[1].lost_keying = w.host[0].held = w.host[1].held = 0;
		world_run(&w, SECONDS(200));
		w.traffic = false;
		assert_true(world_joined(&w));
		assert_lossless();
		world_free(&w);
	}
}

static void test_dead(void **state)
{
	(void)state;
	up(true, 8);
	w.traffic = true;
	w.loss = 100;
	w.host[1].mute = true;
	world_run(&w, SECONDS(200));
	w.traffic = false;
	assert_non_null(strstr(w.host[0].log, "the peer counts as dead"));
	world_run(&w, SECONDS(100));
	assert_int_equal(world_count(&w.host[0], true), 0);
	world_free(&w);
}

static struct {
	uint8_t bytes[2000];
	size_t n;
} kept[64];
static unsigned nkept;

static void overhear(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	if (from || nkept == 64 || n > sizeof(kept[0].bytes))
		return;
	memcpy(kept[nkept].bytes, bytes, n);
	kept[nkept++].n = n;
}

/* All that host 0 has said in a day's work, and each bit of it turned, changes nothing at the other end. */
static void test_played_back(void **state)
{
	(void)state;
	up(true, 9);
	nkept = 0;
	w.tap = overhear;
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(8));
	engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(100));
	w.tap = NULL;
	assert_settled();
	assert_true(nkept > 4);
	for (unsigned i = 0; i < nkept; i++) {
		world_inject(&w, 1, kept[i].bytes, kept[i].n);
		world_run(&w, SECONDS(1));
		for (size_t at = 0; at < kept[i].n; at += 3) {
			kept[i].bytes[at] ^= 0x10;
			world_inject(&w, 1, kept[i].bytes, kept[i].n);
			kept[i].bytes[at] ^= 0x10;
		}
		world_run(&w, SECONDS(1));
	}
	assert_settled();
	w.traffic = true;
	world_run(&w, SECONDS(5));
	w.traffic = false;
	assert_lossless();
	world_free(&w);
}

/* What host says comes back to it, from elsewhere. */
static unsigned mirrored = WORLD_HOSTS;

static void mirror(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	struct world_path p = { .dst = world->host[from].addr, .sport = 4500, .dport = 500 };

	if (from != mirrored)
		return;
	assert_int_equal(ipsec_addr_parse(&p.src, "203.0.113.9"), 0);
	world_inject_from(world, from, &p, bytes, n);
}

static void ask_for_life(unsigned host)
{
	struct engine *e = w.host[host].engine;

	e->now = w.now;
	sa_of(host)->version->liveness(sa_of(host));
	engine_settle(e);
}

/* Both ends have the same keys, but who hears itself hears nobody: neither does a peer move by that, … */
static void test_mirror_moves_nothing(void **state)
{
	(void)state;
	for (unsigned host = 0; host < WORLD_HOSTS; host++) {
		up(true, 10);
		w.traffic = true;
		sa_of(host)->nat_follow = true;
		w.tap = mirror;
		mirrored = host;
		ask_for_life(0);
		ask_for_life(1);
		world_run(&w, SECONDS(1));
		engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, SECONDS(20));
		engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, SECONDS(100));
		w.tap = NULL;
		w.traffic = false;
		assert_null(strstr(w.host[host].log, "moved"));
		assert_settled();
		assert_lossless();
		world_free(&w);
	}
}

/* … nor does one live that is dead. */
static void test_mirror_is_no_life(void **state)
{
	(void)state;
	for (unsigned host = 0; host < WORLD_HOSTS; host++) {
		up(true, 12);
		w.host[1 - host].down = true;
		w.tap = mirror;
		mirrored = host;
		w.traffic = true;
		world_run(&w, SECONDS(200));
		w.tap = NULL;
		assert_non_null(strstr(w.host[host].log, "the peer counts as dead"));
		world_free(&w);
	}
}

/* … nor does anybody begin to speak with himself, or give up for that. */
static void test_mirror_begins_nothing(void **state)
{
	(void)state;
	for (unsigned exchange = CONF_EXCHANGE_MAIN; exchange <= CONF_EXCHANGE_AGGRESSIVE; exchange++) {
		begin(true, 12);
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			w.host[i].conf.defaults.exchange = (enum conf_exchange)exchange;
			world_configure(&w, i);
		}
		w.host[1].down = true;
		w.tap = mirror;
		mirrored = 0;
		world_packet(&w, 0);
		world_run(&w, SECONDS(20));
		w.tap = NULL;
		assert_non_null(strstr(w.host[0].log, "with a cookie of ours"));
		assert_null(strstr(w.host[0].log, "doubted"));
		assert_int_equal(w.host[0].engine->half_open.n, 0);
		assert_int_equal(w.host[0].events[ENGINE_FAILED], 0);	/* but it goes on waiting for the right one */
		world_free(&w);
	}
}

/* When was the peer of host heard last, after it has been played that? */
static uint64_t heard_after(unsigned host, unsigned which)
{
	world_run(&w, MILLISECONDS(200));
	world_inject(&w, host, kept[which].bytes, kept[which].n);
	world_run(&w, SECONDS(1));
	return sa_of(host)->heard_at;
}

/* However much has been said since, the first is known; another SA is there before that is no more so. */
static void test_played_back_late(void **state)
{
	struct ike_sa *sa;

	(void)state;
	up(true, 13);
	w.traffic = true;
	nkept = 0;
	w.tap = overhear;
	ask_for_life(0);
	world_run(&w, SECONDS(1));
	w.tap = NULL;
	assert_int_equal(nkept, 1);
	sa = sa_of(1);
	for (unsigned i = 0; i < V1_SEEN_MAX / 2; i++) {
		if (i % 100 == 99 && sa == sa_of(1))
			assert_true(heard_after(1, 0) < w.now - SECONDS(1));
		ask_for_life(0);
		world_run(&w, MILLISECONDS(40));
	}
	world_run(&w, SECONDS(20));
	w.traffic = false;
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		assert_int_equal(w.host[i].events[ENGINE_IKE_REKEYED], 1);
	assert_non_null(strstr(w.host[0].log, "reason: messages"));
	world_run(&w, SECONDS(100));
	assert_settled();
	assert_lossless();
	world_free(&w);
}

/* One that cannot be renewed hears nothing any more, and can say that it goes. */
static void test_used_up(void **state)
{
	struct ike_sa *sa;
	uint64_t before;
	uint32_t id;

	(void)state;
	up(true, 14);
	sa = sa_of(1);
	while (sa->v1->nseen < V1_SEEN_MAX)
		assert_int_equal(v1_see(sa, 1000000 + sa->v1->nseen), 0);
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(v1_seen(sa, i * 4321));
		assert_int_equal(v1_fresh_message_id(sa, &id), 0);
	}
	assert_int_equal(sa->v1->nseen, V1_SEEN_MAX);
	before = sa->heard_at;
	ask_for_life(0);
	world_run(&w, MILLISECONDS(400));
	assert_int_equal(sa->heard_at, before);
	w.traffic = true;
	world_run(&w, SECONDS(20));	/* which is long enough for both to have another */
	w.traffic = false;
	assert_ptr_not_equal(sa, sa_of(1));
	assert_lossless();
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aggressive),
		cmocka_unit_test(test_other_exchange),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_isakmp_deleted),
		cmocka_unit_test(test_replaced_while_serving),
		cmocka_unit_test(test_deleted_while_serving),
		cmocka_unit_test(test_ended_while_serving),
		cmocka_unit_test(test_asked_after_generations),
		cmocka_unit_test(test_asked_when_heir_is_closed),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_dead),
		cmocka_unit_test(test_played_back),
		cmocka_unit_test(test_mirror_moves_nothing),
		cmocka_unit_test(test_mirror_is_no_life),
		cmocka_unit_test(test_mirror_begins_nothing),
		cmocka_unit_test(test_played_back_late),
		cmocka_unit_test(test_used_up),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
