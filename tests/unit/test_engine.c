// SPDX-License-Identifier: MIT
// Two engines talk in memory: set-up, rekeys, deletes, failures, loss, reordering, hostile datagrams.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void up(bool tunnel, uint64_t seed)
{
	world_init(&w, seed, tunnel);
	assert_true(world_up(&w));
}

static void assert_settled(void)
{
	assert_true(world_joined(&w));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(world_count(&w.host[i], true), 1);
		assert_int_equal(world_count(&w.host[i], false), 1);
	}
}

static void test_up_by_acquire(void **state)
{
	(void)state;
	for (int tunnel = 0; tunnel < 2; tunnel++) {
		struct world_sa *out;

		up(tunnel, 1);
		assert_settled();
		out = world_newest(&w.host[0], true);
		assert_int_equal(out->sa.mode, tunnel ? IPSEC_MODE_TUNNEL : IPSEC_MODE_TRANSPORT);
		assert_int_equal(out->sa.acquire_seq, 1);
		assert_int_equal(out->sa.sel.dst_len, tunnel ? 24 : 32);
		assert_int_equal(w.host[0].events[ENGINE_CHILD_UP], 1);
		assert_int_equal(w.host[1].events[ENGINE_CHILD_UP], 1);
		assert_int_equal(w.host[1].acquires, 0);
		world_free(&w);
	}
}

static void test_rekeys_lose_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		up(seed & 1, seed);
		w.traffic = true;
		for (int i = 0; i < 12; i++) {
			struct engine *e = w.host[i & 1].engine;

			assert_int_equal(engine_rekey(e, w.now, NULL,
						      i % 3 == 2 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD), 1);
			world_run(&w, SECONDS(1) + i * 1237);
		}
		w.traffic = false;
		world_run(&w, SECONDS(30));
		assert_settled();
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_int_equal(w.host[i].lost_keying, 0);
			assert_int_equal(w.host[i].held, i == 0 ? 1 : 0);
			assert_int_equal(w.host[i].events[ENGINE_CHILD_REKEYED], 8);
			assert_int_equal(w.host[i].events[ENGINE_IKE_REKEYED], 4);
			assert_true(w.host[i].received > 11000);
		}
		world_free(&w);
	}
}

/* Whatever the network does to IKE, the two end up agreeing, and ESP packets always find their SA. */
static void test_bad_network(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		world_init(&w, seed, seed & 1);
		w.loss = seed % 30;
		w.dup = seed % 20;
		w.jitter = 40000;
		/* A set-up may fail altogether; the next packet begins another. */
		for (int i = 0; i < 300 && !world_joined(&w); i++) {
			world_packet(&w, 0);
			world_until(&w, SECONDS(1), world_joined);
		}
		assert_true(world_joined(&w));
		world_run(&w, SECONDS(3));
		w.host[0].lost_keying = w.host[1].lost_keying = 0;
		w.traffic = true;
		for (int i = 0; i < 8; i++) {
			engine_rekey(w.host[i & 1].engine, w.now, NULL,
				     i % 4 == 3 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD);
			world_run(&w, SECONDS(5));
		}
		w.traffic = false;
		w.loss = 0;
		world_run(&w, SECONDS(150));
		assert_settled();
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
		world_free(&w);
	}
}

/* Both sides rekey the same thing at the same moment, or nearly. */
static void test_collisions(void **state)
{
	static const int kinds[][2] = {
		{ ENGINE_REKEY_CHILD, ENGINE_REKEY_CHILD }, { ENGINE_REKEY_IKE, ENGINE_REKEY_IKE },
		{ ENGINE_REKEY_CHILD, ENGINE_REKEY_IKE }, { ENGINE_REKEY_IKE, ENGINE_REKEY_CHILD },
	};

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		for (uint64_t apart = 0; apart <= 40000; apart += 5000) {
			up(true, 7 + apart);
			w.traffic = true;
			engine_rekey(w.host[0].engine, w.now, NULL, kinds[k][0]);
			world_run(&w, apart + 1);
			engine_rekey(w.host[1].engine, w.now, NULL, kinds[k][1]);
			world_run(&w, SECONDS(20));
			w.traffic = false;
			world_run(&w, SECONDS(60));
			assert_settled();
			assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
			world_free(&w);
		}
	}
}

/* Both hosts have something to say at once: two negotiations cross, and one pair remains. */
static void test_both_begin(void **state)
{
	(void)state;
	for (uint64_t apart = 0; apart <= 60000; apart += 4000) {
		world_init(&w, 3 + apart, true);
		world_packet(&w, 0);
		world_run(&w, apart + 1);
		world_packet(&w, 1);
		assert_true(world_until(&w, SECONDS(10), world_joined));
		w.traffic = true;
		world_run(&w, SECONDS(10));
		w.traffic = false;
		world_run(&w, SECONDS(60));
		assert_settled();
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
		world_free(&w);
	}
}

static void test_timers_rekey(void **state)
{
	(void)state;
	world_init(&w, 5, true);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.child_lifetime = 10;
		w.host[i].conf.defaults.ike_lifetime = 25;
		world_configure(&w, i);
	}
	world_packet(&w, 0);
	w.traffic = true;
	world_run(&w, SECONDS(100));
	w.traffic = false;
	world_run(&w, SECONDS(1));
	assert_true(w.host[0].events[ENGINE_CHILD_REKEYED] >= 9);
	assert_true(w.host[0].events[ENGINE_IKE_REKEYED] >= 3);
	assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
	assert_true(world_joined(&w));
	world_free(&w);
}

static void test_wrong_secret(void **state)
{
	(void)state;
	world_init(&w, 1, false);
	w.host[1].psk = "battery staple";
	world_packet(&w, 0);
	assert_true(w.host[0].larval);
	world_run(&w, SECONDS(5));
	assert_int_equal(w.host[0].events[ENGINE_FAILED], 1);
	assert_non_null(strstr(w.host[0].last_text, "AUTHENTICATION_FAILED"));
	assert_non_null(strstr(w.host[1].log, "does not have the same secret"));
	assert_null(strstr(w.host[1].log, "battery"));
	/* The larval SA is gone, so that the next packet asks again at once. */
	assert_false(w.host[0].larval);
	world_packet(&w, 0);
	assert_int_equal(w.host[0].acquires, 2);
	world_run(&w, SECONDS(60));
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		assert_int_equal(w.host[i].nsas, 0);
	world_free(&w);
}

static void test_no_secret(void **state)
{
	(void)state;
	for (unsigned who = 0; who < WORLD_HOSTS; who++) {
		world_init(&w, 1, false);
		w.host[who].psk = NULL;
		world_packet(&w, 0);
		world_run(&w, SECONDS(5));
		assert_non_null(strstr(w.host[who].log, "no secret for peer"));
		assert_int_equal(w.host[0].events[ENGINE_FAILED], 1);
		assert_false(w.host[0].larval);
		world_free(&w);
	}
}

/* Nobody is somebody else: an address that is not its own, a name that is not the configured one. */
static void test_identities(void **state)
{
	static const struct {
		const char *says, *expected;	/* by host 1, by host 0; NULL: not configured */
		bool up;
	} t[] = {
		{ NULL, NULL, true }, { "192.0.2.9", NULL, false }, { "b.example", NULL, true },
		{ "b.example", "b.example", true }, { "b.example", "c.example", false },
		{ "192.0.2.9", "192.0.2.9", true }, { NULL, "b.example", false },
	};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(t) / sizeof(t[0]); i++) {
		unsigned k = i / 2, begins = i % 2;

		world_init(&w, 1 + i, false);
		if (t[k].says)
			conf_id_parse(&w.host[1].conf.defaults.local_id, t[k].says);
		if (t[k].expected)
			conf_id_parse(&w.host[0].conf.defaults.remote_id, t[k].expected);
		world_configure(&w, 0);
		world_configure(&w, 1);
		world_packet(&w, begins);
		assert_int_equal(world_until(&w, SECONDS(5), world_joined), t[k].up);
		if (!t[k].up)
			assert_non_null(strstr(w.host[0].log, "; expected \""));
		world_run(&w, SECONDS(60));
		for (unsigned h = 0; h < WORLD_HOSTS; h++) {
			assert_int_equal(w.host[h].nsas, t[k].up ? 2 : 0);
			assert_false(w.host[h].larval);
		}
		world_free(&w);
	}
}

static void only(struct conf_proposals *ps, uint8_t type, uint16_t id, uint16_t key_bits)
{
	ps->n = 1;
	for (unsigned i = 0; i < ps->p[0].n;) {
		struct conf_transform *t = &ps->p[0].t[i];

		if (t->type == type && (t->id != id || t->key_bits != key_bits))
			*t = ps->p[0].t[--ps->p[0].n];
		else
			i++;
	}
}

static void test_no_proposal(void **state)
{
	(void)state;
	world_init(&w, 1, false);
	only(&w.host[0].conf.defaults.ike, 1, 20, 128);	/* aes128gcm16 */
	only(&w.host[1].conf.defaults.ike, 1, 20, 256);
	world_configure(&w, 0);
	world_configure(&w, 1);
	world_packet(&w, 0);
	world_run(&w, SECONDS(2));
	assert_non_null(strstr(w.host[0].last_text, "NO_PROPOSAL_CHOSEN"));
	assert_non_null(strstr(w.host[1].log, "the peer offers aes128gcm16"));
	assert_non_null(strstr(w.host[1].log, "we accept aes256gcm16"));
	assert_false(w.host[0].larval);
	/* The more attempts fail, the longer the next one waits; whoever puts it right does not wait. */
	for (unsigned i = 0; i < 4; i++) {
		world_packet(&w, 0);
		world_run(&w, SECONDS(10));
	}
	world_packet(&w, 0);
	world_run(&w, SECONDS(3));
	world_packet(&w, 0);
	world_run(&w, SECONDS(1));
	assert_true(w.host[0].larval);
	w.host[0].conf.defaults.ike = w.host[1].conf.defaults.ike;
	world_configure(&w, 0);
	assert_true(world_until(&w, SECONDS(1), world_joined));
	world_free(&w);
}

static void test_no_child_proposal(void **state)
{
	(void)state;
	world_init(&w, 1, false);
	only(&w.host[0].conf.defaults.esp, 1, 20, 128);
	only(&w.host[1].conf.defaults.esp, 1, 20, 256);
	world_configure(&w, 0);
	world_configure(&w, 1);
	world_packet(&w, 0);
	world_run(&w, SECONDS(2));
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 1);
	assert_int_equal(w.host[0].events[ENGINE_FAILED], 1);
	assert_non_null(strstr(w.host[1].log, "NO_PROPOSAL_CHOSEN for ESP: the peer offers aes128gcm16"));
	assert_false(w.host[0].larval);
	world_free(&w);
}

static void test_other_policy(void **state)
{
	(void)state;
	world_init(&w, 1, true);
	w.host[0].out.sel.src_len = 16;
	ipsec_addr_parse(&w.host[0].out.sel.src, "172.16.0.0");
	world_packet(&w, 0);
	world_run(&w, SECONDS(2));
	assert_non_null(strstr(w.host[1].log, "TS_UNACCEPTABLE"));
	assert_non_null(strstr(w.host[1].log, "172.16.0.0-172.16.255.255"));
	assert_non_null(strstr(w.host[0].log, "TS_UNACCEPTABLE"));
	world_free(&w);
}

static void test_other_group(void **state)
{
	(void)state;
	world_init(&w, 1, false);
	only(&w.host[1].conf.defaults.ike, 4, 19, 0);	/* the responder has P-256 only */
	world_configure(&w, 1);
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
	assert_non_null(strstr(w.host[0].log, "INVALID_KE_PAYLOAD"));
	world_run(&w, SECONDS(1));
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(2));
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
	world_run(&w, SECONDS(30));
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
	assert_int_equal(w.host[0].events[ENGINE_IKE_REKEYED], 1);
	assert_settled();
	world_free(&w);
}

static void test_cookie(void **state)
{
	struct engine_stats st;

	(void)state;
	world_init(&w, 1, false);
	w.host[1].conf.cookie_threshold = 0;
	world_configure(&w, 1);
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
	engine_stats(w.host[1].engine, &st);
	assert_int_equal(st.cookies_asked, 1);
	assert_non_null(strstr(w.host[0].log, "COOKIE"));
	world_free(&w);
}

static void test_dead_peer(void **state)
{
	(void)state;
	up(true, 1);
	w.host[1].down = true;
	world_run(&w, SECONDS(300));
	assert_int_equal(w.host[0].events[ENGINE_IKE_DOWN], 1);
	assert_non_null(strstr(w.host[0].last_text, "counts as dead"));
	assert_int_equal(world_count(&w.host[0], true), 0);
	/* Back again: the next packet brings it up. */
	w.host[1].down = false;
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
	world_free(&w);
}

static void test_unreachable_peer(void **state)
{
	(void)state;
	world_init(&w, 1, true);
	w.host[1].down = true;
	world_packet(&w, 0);
	world_run(&w, SECONDS(200));
	assert_int_equal(w.host[0].events[ENGINE_FAILED], 1);
	assert_non_null(strstr(w.host[0].last_text, "no answer to IKE_SA_INIT"));
	assert_false(w.host[0].larval);
	world_free(&w);
}

static void test_flush(void **state)
{
	(void)state;
	for (unsigned who = 0; who < WORLD_HOSTS; who++) {
		up(true, 1 + who);
		world_flush(&w, who);
		assert_true(world_until(&w, MILLISECONDS(100), world_joined));
		assert_non_null(strstr(w.host[who].log, "flushed"));
		world_run(&w, SECONDS(60));
		assert_settled();
		world_free(&w);
	}
}

/* An ACQUIRE that comes late is no reason for a rekey; one because the SA is gone without a word is. */
static void test_late_acquire(void **state)
{
	(void)state;
	for (unsigned who = 0; who < WORLD_HOSTS; who++) {
		up(true, 1 + who);
		world_acquire(&w, who);
		world_run(&w, SECONDS(30));
		assert_settled();
		assert_int_equal(w.host[who].events[ENGINE_CHILD_REKEYED], 0);
		w.host[who].nsas = 0;
		world_packet(&w, who);
		assert_true(world_until(&w, MILLISECONDS(100), world_joined));
		world_run(&w, SECONDS(30));
		assert_settled();
		world_free(&w);
	}
}

static void test_restart(void **state)
{
	(void)state;
	for (unsigned who = 0; who < WORLD_HOSTS; who++) {
		/* The daemon is new, the kernel still has the SAs: not a packet is lost. */
		up(true, 1 + who);
		w.traffic = true;
		world_restart(&w, who, true);
		world_run(&w, SECONDS(5));
		w.traffic = false;
		world_run(&w, SECONDS(60));
		assert_settled();
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
		world_free(&w);
		/* The whole host is new. */
		up(true, 1 + who);
		world_restart(&w, who, false);
		world_packet(&w, who);
		assert_true(world_until(&w, SECONDS(1), world_joined));
		world_run(&w, SECONDS(60));
		assert_settled();
		world_free(&w);
	}
}

static bool kernel_has(const struct world_host *h, uint32_t spi)
{
	for (unsigned i = 0; i < h->nsas; i++)
		if (h->sas[i].sa.spi == spi)
			return true;
	return false;
}

/* What an earlier daemon left in the kernel goes down with its peer, too, whether or not somebody has begun to renew it. */
static void test_down_after_restart(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		unsigned who = i & 1;
		struct world_host *h = &w.host[who];
		uint32_t in, out;

		up(i & 2, 1 + i);
		in = world_newest(h, false)->sa.spi;
		out = world_newest(h, true)->sa.spi;
		world_restart(&w, who, true);
		if (i & 4)	/* the IKE SA is being made */
			world_run(&w, MILLISECONDS(25));
		assert_int_equal(engine_down(h->engine, w.now, "192.0.2.9"), 0);
		assert_int_equal(engine_down(h->engine, w.now, who ? "192.0.2.2" : "192.0.2.1"), 0);
		assert_true(kernel_has(h, in) && kernel_has(h, out));
		assert_true(engine_down(h->engine, w.now, who ? "192.0.2.1" : "192.0.2.2") >= 2);
		world_run(&w, MILLISECONDS(10));
		assert_true(kernel_has(h, in) && !kernel_has(h, out));
		world_run(&w, SECONDS(15));	/* more than the linger */
		assert_false(kernel_has(h, in));
		world_free(&w);
	}
}

static void test_commands(void **state)
{
	(void)state;
	world_init(&w, 1, true);
	assert_int_equal(engine_up(w.host[0].engine, w.now, "192.0.2.9", NULL), 0);
	assert_int_equal(engine_up(w.host[0].engine, w.now, "192.0.2.2", NULL), 1);
	assert_true(world_until(&w, SECONDS(5), world_joined));
	world_run(&w, SECONDS(1));
	assert_int_equal(engine_down(w.host[0].engine, w.now, NULL), 1);
	world_run(&w, SECONDS(30));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].events[ENGINE_IKE_DOWN], 1);
		assert_int_equal(w.host[i].events[ENGINE_CHILD_DOWN], 1);
		assert_int_equal(w.host[i].nsas, 0);
	}
	world_free(&w);
}

/* --- hostile datagrams --- */

#define KEPT 32
static struct {
	uint8_t bytes[1500];
	size_t n;
	unsigned from;
} kept[KEPT];
static unsigned nkept;

static void keep(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	if (nkept == KEPT || n > sizeof(kept[0].bytes))
		return;
	memcpy(kept[nkept].bytes, bytes, n);
	kept[nkept].n = n;
	kept[nkept++].from = from;
}

static void record(void)
{
	nkept = 0;
	world_init(&w, 11, true);
	w.tap = keep;
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
	world_run(&w, SECONDS(1));
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(1));
	w.tap = NULL;
	assert_true(nkept >= 10);
}

static void assert_undisturbed(void)
{
	world_run(&w, SECONDS(40));
	assert_settled();
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].events[ENGINE_IKE_DOWN], 0);
		assert_int_equal(w.host[i].events[ENGINE_CHILD_REKEYED], 1);
	}
	engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(20));
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 2);
	assert_settled();
	world_free(&w);
}

static void test_replayed(void **state)
{
	(void)state;
	record();
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < nkept; i++)
			world_inject(&w, 1 - kept[i].from, kept[i].bytes, kept[i].n);
	assert_undisturbed();
	record();	/* reflected to the sender */
	for (unsigned i = 0; i < nkept; i++)
		world_inject(&w, kept[i].from, kept[i].bytes, kept[i].n);
	assert_undisturbed();
}

static void test_truncated_and_flipped(void **state)
{
	(void)state;
	record();
	for (unsigned i = 0; i < nkept; i++) {
		for (size_t n = 0; n < kept[i].n; n += 1 + n / 8)
			world_inject(&w, 1 - kept[i].from, kept[i].bytes, n);
		for (size_t at = 0; at < kept[i].n; at += 1 + at / 16) {
			kept[i].bytes[at] ^= 0x41;
			world_inject(&w, 1 - kept[i].from, kept[i].bytes, kept[i].n);
			kept[i].bytes[at] ^= 0x41;
		}
	}
	assert_undisturbed();
}

static void test_garbage(void **state)
{
	uint8_t junk[600];
	uint64_t x = 88172645463325252u;

	(void)state;
	record();
	for (unsigned round = 0; round < 2000; round++) {
		for (size_t i = 0; i < sizeof(junk); i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			junk[i] = (uint8_t)(x >> 24);
		}
		if (round & 1)
			memcpy(junk, kept[round % nkept].bytes, 28);
		world_inject(&w, round & 1 ? 1 - kept[round % nkept].from : 0, junk, x % sizeof(junk));
	}
	assert_undisturbed();
}

/* A flood of half-open SAs is bounded, and what is up stays up. */
static void test_flood(void **state)
{
	struct engine_stats st;

	(void)state;
	record();
	for (unsigned i = 0; i < 3000; i++) {
		memcpy(kept[0].bytes, &i, sizeof(i));
		world_inject(&w, 1, kept[0].bytes, kept[0].n);
	}
	world_run(&w, SECONDS(1));
	engine_stats(w.host[1].engine, &st);
	assert_true(st.half_open_now <= w.host[1].conf.cookie_threshold);
	assert_true(st.half_open_now > 10);
	world_run(&w, SECONDS(60));	/* they end, and nobody is told that the honest peer failed */
	assert_int_equal(w.host[1].events[ENGINE_FAILED], 0);
	assert_true(st.cookies_asked > 2900);
	assert_undisturbed();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up_by_acquire),
		cmocka_unit_test(test_rekeys_lose_nothing),
		cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_both_begin),
		cmocka_unit_test(test_timers_rekey),
		cmocka_unit_test(test_wrong_secret),
		cmocka_unit_test(test_no_secret),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_no_proposal),
		cmocka_unit_test(test_no_child_proposal),
		cmocka_unit_test(test_other_policy),
		cmocka_unit_test(test_other_group),
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_dead_peer),
		cmocka_unit_test(test_unreachable_peer),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_late_acquire),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_down_after_restart),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_replayed),
		cmocka_unit_test(test_truncated_and_flipped),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
