// SPDX-License-Identifier: MIT
// Reauthentication in memory: a new IKE SA takes over from an old one, whatever else happens meanwhile.
#include "tests/unit/rogue.h"
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/crypto/alg.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/timer.h"
#include "keyd/ike/version.h"
#include "keyd/wire/ikev2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void up(uint64_t delay, uint64_t seed)
{
	world_init(&w, seed, true);
	w.delay = delay;
	assert_true(world_up(&w));
}

#define REQID 100

/* A policy of its own for each n, beside the world's own. */
static struct ipsec_policy other_policy(unsigned host, unsigned n)
{
	struct ipsec_policy pol = w.host[host].out;
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW };

	pol.index = 100 + n;
	pol.priority = 50;		/* before the world's own, which covers it */
	pol.tmpl[0].reqid = REQID + n;
	pol.sel.proto = IPPROTO_TCP;
	pol.sel.sport = pol.sel.dport = (uint16_t)(1000 + n);
	pol.sel.sport_mask = pol.sel.dport_mask = 0xffff;
	ev.policy = pol;
	engine_kern_event(w.host[host].engine, w.now, &ev);
	return pol;
}

static void begin_children(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct ipsec_policy pol = other_policy(0, i);

		other_policy(1, i);
		child_begin(w.host[0].engine, &pol, &w.host[0].addr, &w.host[1].addr, NULL);
	}
}

static void more_children(unsigned n)
{
	begin_children(n);
	world_run(&w, SECONDS(5) + n * 4 * w.delay);
}

struct census {
	unsigned ikes, children, old, sending;
	uint8_t spi[8];
};

static void count_ike(void *arg, const struct engine_ike_info *info)
{
	struct census *c = arg;

	c->ikes += !strcmp(info->state, "established");
	memcpy(c->spi, info->spi_i, 8);
}

static void count_child(void *arg, const struct engine_child_info *info)
{
	struct census *c = arg;

	c->children += !info->old;
	c->old += info->old;
	c->sending += info->outbound_used;
}

static struct census census(unsigned host)
{
	struct census c = { 0 };

	engine_walk(w.host[host].engine, w.now, count_ike, count_child, &c);
	return c;
}

/* One IKE SA and so many children at each end, and the kernel has them and nothing else. */
static void assert_one(unsigned children)
{
	struct census a = census(0), b = census(1);

	assert_int_equal(a.ikes, 1);
	assert_int_equal(b.ikes, 1);
	assert_memory_equal(a.spi, b.spi, 8);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct census c = census(i);

		assert_int_equal(c.children, children);
		assert_int_equal(c.sending, children);
		assert_int_equal(c.old, 0);
		assert_int_equal(world_count(&w.host[i], true), children);
		assert_int_equal(world_count(&w.host[i], false), children);
		assert_int_equal(w.host[i].lost_keying, 0);
		assert_int_equal(w.host[i].acquires, i == 0);
	}
	assert_true(world_joined(&w));
}

static void test_reauth(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 24; seed++) {
		unsigned who = seed & 1, children = seed % 3 ? 0 : 7;
		uint8_t before[8];

		up(seed % 4 ? 10000 : 200000, seed);
		more_children(children);
		w.traffic = true;
		memcpy(before, census(0).spi, 8);
		world_log_clear(&w);
		assert_int_equal(engine_reauth(w.host[who].engine, w.now, "192.0.2.9"), 0);
		assert_int_equal(engine_reauth(w.host[who].engine, w.now, NULL), 1);
		world_run(&w, SECONDS(20));
		assert_int_equal(w.host[who].events[ENGINE_IKE_REAUTHENTICATED], 1);
		assert_non_null(strstr(w.host[who].log, "reason: command"));
		assert_non_null(strstr(w.host[who].log, "reason: reauthentication"));
		assert_null(strstr(w.host[1 - who].log, "INITIAL_CONTACT"));
		assert_memory_not_equal(census(0).spi, before, 8);
		w.traffic = false;
		world_run(&w, SECONDS(60));
		assert_one(1 + children);
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_int_equal(w.host[i].events[ENGINE_IKE_UP], 2);
			assert_int_equal(w.host[i].events[ENGINE_IKE_DOWN], 1);
		}
		world_free(&w);
	}
}

/* IKE_AUTH of a new IKE SA leaves when its child can be received on: many a peer sends at once. */
static unsigned early, late;

static void look_at_auth(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	struct world_host *h = &world->host[from];

	if (n < 28 || bytes[18] != IKEV2_EXCH_IKE_AUTH || bytes[19] & IKEV2_FLAG_RESPONSE)
		return;
	if (world_count(h, false) > world_count(h, true))
		early++;
	else
		late++;
}

static void narrow_esp(unsigned host)
{
	w.host[host].conf.defaults.esp = w.host[host].conf.defaults.ike;	/* of those, AES-CBC with SHA-2 */
	w.host[host].conf.defaults.esp.p[0] = (struct conf_proposal){ .n = 3, .t = { { 1, 12, 256 }, { 3, 12, 0 }, { 5, 0, 0 } } };
	w.host[host].conf.defaults.esp.n = 1;
	world_configure(&w, host);
}

static void test_reauth_receives_early(void **state)
{
	(void)state;
	for (unsigned other = 0; other < 2; other++) {
		up(10000, 5);
		if (other) {
			narrow_esp(0);
			narrow_esp(1);
		}
		early = late = 0;
		w.tap = look_at_auth;
		w.traffic = true;
		engine_reauth(w.host[0].engine, w.now, NULL);
		world_run(&w, SECONDS(5));
		w.tap = NULL;
		assert_int_equal(early, 1);
		assert_int_equal(late, 0);
		assert_non_null(strstr(w.host[0].log, other ? "aes256-sha256 tunnel" : "aes128gcm16 tunnel"));
		w.traffic = false;
		world_run(&w, SECONDS(60));
		assert_one(1);
		/* What is refused leaves nothing behind. */
		w.host[1].psk = "another one";
		engine_reauth(w.host[0].engine, w.now, NULL);
		world_run(&w, SECONDS(3));
		assert_non_null(strstr(w.host[0].log, "reauthentication failed"));
		assert_int_equal(world_count(&w.host[0], false), 1);
		world_free(&w);
	}
}

static void test_reauth_bad_network(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		up(20000, seed);
		more_children(seed % 4);
		w.traffic = true;
		w.loss = seed % 31;
		w.dup = seed % 20;
		w.jitter = 40000;
		engine_reauth(w.host[seed & 1].engine, w.now, NULL);
		world_run(&w, SECONDS(60));
		w.traffic = false;
		w.loss = 0;
		world_run(&w, SECONDS(200));
		assert_one(1 + seed % 4);
		assert_true(w.host[seed & 1].events[ENGINE_IKE_REAUTHENTICATED] == 1);
		world_free(&w);
	}
}

static void rekey_child(struct engine *e)
{
	engine_rekey(e, w.now, NULL, ENGINE_REKEY_CHILD);
}

static void rekey_ike(struct engine *e)
{
	engine_rekey(e, w.now, NULL, ENGINE_REKEY_IKE);
}

static void reauth(struct engine *e)
{
	engine_reauth(e, w.now, NULL);
}

/* Whatever else either side does at the same moment: one IKE SA with all children comes out, and nothing is lost. */
static void test_reauth_collides(void **state)
{
	static void (*const ops[])(struct engine *e) = { reauth, rekey_child, rekey_ike };
	bool fine = getenv("WORLD_FINE") != NULL;	/* takes minutes */

	(void)state;
	for (unsigned op = 0; op < 3; op++) {
		for (unsigned who = 0; who < WORLD_HOSTS; who++) {
			for (int ms = -140; ms <= 400; ms += fine ? 1 : 23) {
				unsigned children = ms & 1 ? 3 : 0;

				up(20000, 1000 + (uint64_t)ms);
				more_children(children);
				w.traffic = true;
				w.loss = fine && ms % 3 == 0 ? 20 : 0;
				if (ms < 0) {
					ops[op](w.host[who].engine);
					world_run(&w, MILLISECONDS(-ms));
				}
				engine_reauth(w.host[0].engine, w.now, NULL);
				if (ms >= 0) {
					world_run(&w, MILLISECONDS(ms));
					ops[op](w.host[who].engine);
				}
				world_run(&w, SECONDS(30));
				w.traffic = false;
				w.loss = 0;
				world_run(&w, SECONDS(100));
				if (fine)
					print_message("operation %u by host %u after %d ms\n", op, who, ms);
				assert_one(1 + children);
				assert_true(w.host[0].events[ENGINE_IKE_REAUTHENTICATED] +
					    w.host[1].events[ENGINE_IKE_REAUTHENTICATED] >= 1);
				world_free(&w);
			}
		}
	}
}

static struct ike_sa *established(unsigned host)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		if (sa->state == IKE_ESTABLISHED)
			return sa;
	return NULL;
}

/* The peer ends the old one before we do, as some do as soon as they see another: whoever waits for the new one is told. */
static void test_old_one_ends_first(void **state)
{
	(void)state;
	for (unsigned ms = 20; ms <= 130; ms += 5) {
		struct ike_sa *old;

		up(20000, ms);
		world_run(&w, SECONDS(5));
		old = established(1);
		engine_reauth(w.host[0].engine, w.now, NULL);
		world_run(&w, MILLISECONDS(ms));
		w.host[1].engine->now = w.now;
		ikev2_version.delete_ike(old);
		engine_settle(w.host[1].engine);
		world_run(&w, SECONDS(30));
		assert_int_equal(w.host[0].events[ENGINE_IKE_REAUTHENTICATED], 1);
		world_free(&w);
	}
}

static void reauth_after(uint32_t seconds)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.reauth_lifetime = seconds;
		world_configure(&w, i);
	}
}

static void test_reauth_by_time(void **state)
{
	(void)state;
	world_init(&w, 3, true);
	reauth_after(60);
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);	/* inherits the time */
	w.traffic = true;
	world_run(&w, SECONDS(300));
	w.traffic = false;
	world_run(&w, SECONDS(11));
	assert_in_range(w.host[0].events[ENGINE_IKE_REAUTHENTICATED], 5, 5);
	assert_int_equal(w.host[1].events[ENGINE_IKE_REAUTHENTICATED], 0);
	assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
	world_free(&w);
}

/* A peer that does not take our proof any more: the old SA works until its end, and says what is wrong. */
static void test_reauth_fails(void **state)
{
	(void)state;
	for (unsigned mended = 0; mended < 2; mended++) {
		world_init(&w, 3, true);
		reauth_after(60);
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(5), world_joined));
		w.host[1].psk = "another one";
		w.traffic = true;
		world_run(&w, SECONDS(200));
		assert_true(world_joined(&w));
		assert_int_equal(w.host[0].events[ENGINE_IKE_DOWN], 0);
		assert_in_range(w.host[0].events[ENGINE_FAILED], 3, 12);
		assert_non_null(strstr(w.host[0].log, "reauthentication failed: the peer refused IKE_AUTH: AUTHENTICATION_FAILED"));
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
		if (mended) {
			w.host[1].psk = w.host[0].psk;
			world_run(&w, SECONDS(100));
			assert_true(w.host[0].events[ENGINE_IKE_REAUTHENTICATED] + w.host[1].events[ENGINE_IKE_REAUTHENTICATED] >= 1);
			w.traffic = false;
			world_run(&w, SECONDS(11));
			assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
			assert_true(world_joined(&w));
		} else {
			world_log_clear(&w);
			world_run(&w, SECONDS(162));	/* 60 s and 300 s after that */
			assert_int_equal(w.host[0].events[ENGINE_IKE_DOWN], 1);
			assert_true(strstr(w.host[0].log, "could not be reauthenticated in time") ||
				    strstr(w.host[1].log, "could not be reauthenticated in time"));
			assert_int_equal(world_count(&w.host[0], true) + world_count(&w.host[1], true), 0);
		}
		world_free(&w);
	}
}

static struct ike_sa *newcomer(struct engine *e)
{
	list_each(sa, &e->sas, struct ike_sa, link)
		if (sa->state == IKE_ESTABLISHED && reauth_old(sa))
			return sa;
	return NULL;
}

/* The new one comes up and dies before it has taken over: what it had taken goes back, and nothing is lost. */
static void test_reauth_dies_half_way(void **state)
{
	(void)state;
	for (unsigned ms = 60; ms <= 700; ms += 20) {
		struct ike_sa *fresh;
		struct engine *e;

		up(20000, ms);
		more_children(5);
		e = w.host[0].engine;
		w.traffic = true;
		engine_reauth(e, w.now, NULL);
		world_run(&w, MILLISECONDS(ms));
		fresh = newcomer(e);
		if (fresh) {
			e->now = w.now;
			ikev2_version.delete_ike(fresh);
			engine_settle(e);
		}
		world_run(&w, SECONDS(60));
		w.traffic = false;
		world_run(&w, SECONDS(60));
		assert_one(6);
		world_free(&w);
	}
}

/*
 * The same, and the SAD is flushed before the new one has ended: what the old one has back is gone from the kernel, but not at
 * the peer, which sends by it.
 */
static void test_flushed_half_way(void **state)
{
	unsigned tried = 0;

	(void)state;
	for (unsigned ms = 80; ms <= 400; ms += 20) {
		struct ike_sa *fresh;
		struct engine *e;

		up(20000, ms);
		more_children(5);
		e = w.host[0].engine;
		engine_reauth(e, w.now, NULL);
		world_run(&w, MILLISECONDS(ms));
		fresh = newcomer(e);
		if (fresh) {
			tried++;
			e->now = w.now;
			ikev2_version.delete_ike(fresh);
			engine_settle(e);
			world_run(&w, MILLISECONDS(5));
			world_flush(&w, 0);
			assert_true(world_until(&w, SECONDS(1), world_joined));
		}
		world_run(&w, SECONDS(100));
		w.host[0].acquires = 1;
		assert_one(6);
		world_free(&w);
	}
	assert_in_range(tried, 5, 17);
}

/* A flush costs as many exchanges as there are children: their DELETEs can wait. */
static void test_flush_of_many(void **state)
{
	(void)state;
	up(20000, 1);
	more_children(5);
	world_flush(&w, 0);
	world_run(&w, 6 * 2 * w.delay + MILLISECONDS(10));
	assert_int_equal(world_count(&w.host[0], true), 6);
	world_run(&w, SECONDS(100));
	assert_one(6);
	world_free(&w);
}

static unsigned signs;

static void count_signs(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	signs += !from && n > 19 && bytes[18] == IKEV2_EXCH_INFORMATIONAL && !(bytes[19] & IKEV2_FLAG_RESPONSE);
}

/* What has been lost comes before what has never been; one sign behind many children is enough. */
static void test_order(void **state)
{
	(void)state;
	up(20000, 1);
	w.tap = count_signs;
	signs = 0;
	begin_children(5);
	world_run(&w, MILLISECONDS(5));
	world_flush(&w, 0);
	assert_true(world_until(&w, 3 * 2 * w.delay, world_joined));
	world_run(&w, SECONDS(20));
	assert_int_equal(signs, 2);	/* the sign, and the DELETE of what was lost */
	world_run(&w, SECONDS(80));
	assert_one(6);
	world_free(&w);
}

/* A second IKE SA, as if the answers of one had been lost for so long that nobody remembers that both began at once. */
static void begin_another(unsigned host)
{
	struct engine *e = w.host[host].engine;
	struct ike_sa *sa = established(host), *fresh;

	e->now = w.now;
	fresh = ike_sa_new(e, sa->peer, true, &sa->local, sa->local_port, &sa->remote, sa->remote_port);
	ikev2_version.initiate(fresh, child_new(fresh, &w.host[host].out, true));
	engine_settle(e);
	world_run(&w, SECONDS(2));
}

/* Two IKE SAs that carry the same: one of them goes, whoever has begun which, and nothing is lost. */
static void test_doubled(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 12; seed++) {
		up(20000, seed);
		w.traffic = true;
		begin_another(seed & 1);
		assert_int_equal(census(0).ikes, 2);
		assert_int_equal(census(1).ikes, 2);
		world_run(&w, SECONDS(65));
		w.traffic = false;
		world_run(&w, SECONDS(65));
		assert_one(1);
		world_free(&w);
	}
}

static void lose_auth_answers(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	world->loss = from && n > 19 && bytes[18] == IKEV2_EXCH_IKE_AUTH && bytes[19] & IKEV2_FLAG_RESPONSE ? 100 : 0;
}

/* Both sides begin at once, and one hears of its success late: until then the other one's IKE SA is all that can be sent on. */
static void test_heard_late(void **state)
{
	unsigned held[WORLD_HOSTS];

	(void)state;
	for (unsigned seed = 1; seed <= 8; seed++) {
		world_init(&w, seed, true);
		w.tap = lose_auth_answers;
		world_packet(&w, 0);
		world_packet(&w, 1);
		assert_true(world_until(&w, SECONDS(10), world_joined));
		for (unsigned i = 0; i < WORLD_HOSTS; i++)
			held[i] = w.host[i].held;
		w.traffic = true;
		world_run(&w, SECONDS(8));
		w.tap = NULL;
		w.loss = 0;
		world_run(&w, SECONDS(30));
		w.traffic = false;
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_int_equal(w.host[i].held, held[i]);
			w.host[i].acquires = i == 0;
		}
		world_run(&w, SECONDS(160));
		assert_one(1);
		world_free(&w);
	}
}

/* The peer has one of two IKE SAs no more and says so: what the other one carries needs no third. */
static void test_lost_and_outlived(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 12; seed++) {
		struct ike_sa *gone;

		up(20000, seed);
		begin_another(seed & 1);
		gone = established(1);
		if (seed & 2)
			gone = list_entry(gone->link.next, struct ike_sa, link);
		gone->quiet = true;
		ike_sa_end(gone, "it is forgotten here");
		engine_settle(w.host[1].engine);
		world_log_clear(&w);
		w.traffic = true;
		engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
		world_run(&w, SECONDS(100));
		w.traffic = false;
		world_run(&w, SECONDS(30));
		assert_one(1);
		assert_non_null(strstr(w.host[0].log, "another one carries all that it does"));
		assert_int_equal(w.host[0].events[ENGINE_IKE_REAUTHENTICATED], 0);
		world_free(&w);
	}
}

static bool of_one_kind(struct world *world)
{
	(void)world;
	return census(0).ikes == 1 && census(1).ikes == 1 && world_joined(&w) &&
	       !memcmp(census(0).spi, census(1).spi, sizeof(census(0).spi));
}

/* A host that only answers has forgotten all: the other one asks it, believes it a little, and it is there again. */
static void test_peer_forgets(void **state)
{
	unsigned lost[WORLD_HOSTS];
	uint64_t dpd, began;

	(void)state;
	for (unsigned seed = 1; seed <= 10; seed++) {
		up(20000, seed);
		more_children(3);
		dpd = SECONDS(w.host[0].conf.defaults.dpd);
		w.traffic = true;
		world_run(&w, MILLISECONDS(100 * seed));
		w.host[1].mute = true;
		world_restart(&w, 1, false);
		began = w.now;
		assert_true(world_until(&w, SECONDS(300), of_one_kind));
		/* It is asked before it has been silent for that long, and two seconds are four of our sendings. */
		assert_true(w.now - began < dpd + SECONDS(2));
		for (unsigned i = 0; i < WORLD_HOSTS; i++)
			lost[i] = w.host[i].lost_keying;
		w.host[1].mute = false;
		world_run(&w, SECONDS(1));
		w.traffic = false;
		world_run(&w, SECONDS(60));
		/* What went to who had forgotten it is lost, nothing since. */
		for (unsigned i = 0; i < WORLD_HOSTS; i++)
			w.host[i].lost_keying -= lost[i];
		assert_one(4);
		world_free(&w);
	}
}

/* The second host tells the first how long it takes its proof, as far as n bytes go. */
static void limit(uint32_t seconds, size_t n)
{
	uint8_t notify[8] = { 0, 0, 0x40, 0x13, (uint8_t)(seconds >> 24), (uint8_t)(seconds >> 16), (uint8_t)(seconds >> 8),
			      (uint8_t)seconds };
	struct rogue_payload pl = { IKEV2_PL_NOTIFY, 0, false, { notify, 4 + n } };
	struct ike_sa *sa = rogue_sa(&w, 1);
	struct wire_header h = rogue_header(sa, IKEV2_EXCH_INFORMATIONAL, false, sa->next_request++);
	uint8_t buf[200];
	struct view message = rogue_message(sa, &h, &pl, 1, buf, sizeof(buf));

	world_inject(&w, 0, message.p, message.n);
	world_run(&w, SECONDS(1));
}

/* RFC 4478: in time before the peer ends it. */
static void test_reauth_limited(void **state)
{
	(void)state;
	up(10000, 1);
	limit(30, 3);
	assert_null(strstr(w.host[0].log, "AUTH_LIFETIME"));
	limit(600, 4);
	assert_non_null(strstr(w.host[0].log, "the peer takes our proof for 600 s (AUTH_LIFETIME)"));
	world_run(&w, SECONDS(400));
	assert_int_equal(w.host[0].events[ENGINE_IKE_REAUTHENTICATED], 0);
	world_run(&w, SECONDS(190));
	assert_int_equal(w.host[0].events[ENGINE_IKE_REAUTHENTICATED], 1);
	world_run(&w, SECONDS(70));	/* until the old one is forgotten */
	limit(0, 4);	/* nonsense is no reason for haste */
	world_run(&w, SECONDS(3));
	assert_int_equal(w.host[0].events[ENGINE_IKE_REAUTHENTICATED], 1);
	world_run(&w, SECONDS(100));
	assert_one(1);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reauth),
		cmocka_unit_test(test_reauth_receives_early),
		cmocka_unit_test(test_reauth_bad_network),
		cmocka_unit_test(test_reauth_collides),
		cmocka_unit_test(test_old_one_ends_first),
		cmocka_unit_test(test_reauth_by_time),
		cmocka_unit_test(test_reauth_fails),
		cmocka_unit_test(test_reauth_dies_half_way),
		cmocka_unit_test(test_flushed_half_way),
		cmocka_unit_test(test_flush_of_many),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_heard_late),
		cmocka_unit_test(test_lost_and_outlived),
		cmocka_unit_test(test_peer_forgets),
		cmocka_unit_test(test_reauth_limited),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
