// SPDX-License-Identifier: MIT
// Fragments of IKEv1: pieces in every order, twice, of different messages and never all; and two engines that need them.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/crypto/alg.h"
#include "keyd/ike/engine_state.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/ikev1/fragment.h"
#include "keyd/wire/isakmp_fragment.h"
#include "keyd/wire/isakmp_vendor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- pieces by themselves --- */

static struct ike_sa sa;
static struct ikev1_state state_v1;
static struct peer peer;
static uint8_t message[70000];
static struct secret whole;

static int setup_pieces(void **state)
{
	(void)state;
	memset(&sa, 0, sizeof(sa));
	memset(&state_v1, 0, sizeof(state_v1));
	memset(&peer, 0, sizeof(peer));
	peer.conf.fragment_size = 1280;
	sa.peer = &peer;
	sa.v1 = &state_v1;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 7 + i / 256);
	return 0;
}

static int teardown_pieces(void **state)
{
	(void)state;
	v1_fragment_forget(&state_v1);
	secret_clear(&whole);
	return 0;
}

/* Piece number of n bytes each, the last one shorter; last: it says that it is. */
static bool piece(unsigned number, size_t n, size_t total, bool last)
{
	static struct wire_message m;
	static uint8_t body[70000];
	struct wr w = wr_of(body, sizeof(body));
	size_t at = (number - 1) * n;
	struct isakmp_fragment f = { .id = 1, .number = (uint8_t)number, .last = last,
				     .data = { message + at, total - at < n ? total - at : n } };

	isakmp_fragment_put(&w, &f);
	m.n = 1;
	m.pl[0] = (struct wire_payload){ .type = ISAKMP_PL_FRAGMENT, .body = wr_view(&w) };
	return v1_fragment_take(&sa, &m, &whole);
}

static void assert_whole(size_t total)
{
	assert_int_equal(whole.n, total);
	assert_memory_equal(whole.p, message, total);
	assert_null(state_v1.pieces);
	secret_clear(&whole);
}

static void test_every_order(void **state)
{
	static const unsigned orders[6][3] = { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 }, { 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 } };

	(void)state;
	for (unsigned k = 0; k < 6; k++) {
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(piece(orders[k][i], 100, 250, orders[k][i] == 3), i == 2);
			if (i < 2)	/* a copy changes nothing */
				assert_false(piece(orders[k][i], 100, 250, orders[k][i] == 3));
		}
		assert_whole(250);
	}
	assert_true(piece(1, 100, 60, true));
	assert_whole(60);
}

/* A piece is left of a message before: the new one, which has the same id, is had all the same when it comes again. */
static void test_leftovers(void **state)
{
	(void)state;
	assert_false(piece(2, 50, 200, false));
	for (unsigned i = 1; i <= 3; i++)
		assert_false(piece(i, 100, 250, i == 3));
	assert_true(piece(1, 100, 250, false));
	assert_whole(250);

	/* One beyond the end of the new one, and one more than it has. */
	assert_false(piece(7, 50, 400, false));
	assert_false(piece(2, 100, 150, true));
	assert_true(piece(1, 100, 150, false));
	assert_whole(150);
	assert_false(piece(2, 100, 150, true));
	assert_false(piece(3, 100, 250, true));
	assert_false(piece(1, 100, 250, false));
	assert_true(piece(2, 100, 250, false));
	assert_whole(250);
}

static void test_limits(void **state)
{
	(void)state;
	/* As many as there may be; one more is none. */
	for (unsigned i = 1; i <= V1_PIECES_MAX; i++)
		assert_int_equal(piece(i, 1000, 1000 * V1_PIECES_MAX, i == V1_PIECES_MAX), i == V1_PIECES_MAX);
	assert_whole(1000 * V1_PIECES_MAX);
	assert_false(piece(V1_PIECES_MAX + 1, 100, 100 * (V1_PIECES_MAX + 1), true));
	assert_null(state_v1.pieces);
	/* More bytes than a datagram may have: all is forgotten. */
	assert_false(piece(1, 33000, 66001, false));
	assert_false(piece(2, 33000, 66001, false));
	assert_null(state_v1.pieces);
	assert_false(piece(3, 33000, 66001, true));
	v1_fragment_forget(&state_v1);
	/* Switched off. */
	peer.conf.fragment_size = 0;
	assert_false(piece(1, 100, 60, true));
	assert_null(state_v1.pieces);
}

/* --- two engines --- */

static struct world w;
static unsigned pieces_seen, longest;

static void tap(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	static struct wire_message m;
	struct view text;

	(void)world;
	(void)from;
	if (isakmp_message_get(&m, (struct view){ bytes, n }, &text))
		return;
	pieces_seen += m.n && m.pl[0].type == ISAKMP_PL_FRAGMENT;
	if (n > longest)
		longest = (unsigned)n;
}

/* MODP 4096 in phase 1 and in quick mode: what holds a public value is longer than the smallest datagrams. */
static void begin(uint64_t seed, bool aggressive, uint16_t alice, uint16_t bob)
{
	world_init(&w, seed, true);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct conf_peer *p = &w.host[i].conf.defaults;

		p->version = 1;
		p->exchange = aggressive ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN;
		p->fragment_size = i ? bob : alice;
		p->pfs = true;
		p->ike = (struct conf_proposals){ .n = 1, .p = { { .n = 4, .t = {
			{ CRYPTO_ENCR, 12, 128 }, { CRYPTO_PRF, 5, 0 }, { CRYPTO_INTEG, 12, 0 }, { CRYPTO_KE, 16, 0 } } } } };
		world_configure(&w, i);
	}
	pieces_seen = longest = 0;
	w.tap = tap;
}

static void come_up(void)
{
	bool up = world_up(&w);

	for (unsigned i = 0; !up && i < WORLD_HOSTS; i++)
		fputs(w.host[i].log, stderr);
	assert_true(up);
}

static void test_needed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		begin(seed, seed & 1, 576, 576);
		w.mtu = seed & 1 ? 0 : 576;	/* the first message of aggressive mode comes before anybody can know */
		w.loss = !(seed & 1) && seed & 2 ? 10 : 0;
		w.dup = seed & 4 ? 20 : 0;
		w.jitter = seed & 4 ? 15000 : 0;
		come_up();
		assert_true(pieces_seen >= (seed & 1 ? 4 : 8));
		w.loss = w.dup = 0;
		w.jitter = 0;
		assert_int_equal(engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD), 1);
		world_run(&w, SECONDS(10));
		assert_int_equal(w.host[1].events[ENGINE_CHILD_REKEYED], 1);
		world_free(&w);
	}
}

/* One end says nothing of it: whole messages, where they get through. */
static void test_not_agreed(void **state)
{
	(void)state;
	for (unsigned off = 0; off < WORLD_HOSTS; off++) {
		begin(1, false, off ? 576 : 0, off ? 0 : 576);
		assert_true(world_up(&w));
		assert_int_equal(pieces_seen, 0);
		assert_true(longest > 576);
		world_free(&w);
	}
}

static void test_short_ones_stay_whole(void **state)
{
	(void)state;
	begin(1, false, 1280, 1280);
	assert_true(world_up(&w));
	assert_int_equal(pieces_seen, 0);
	world_free(&w);
}

/* A piece that holds a piece, and pieces for nobody: nothing comes of them. */
static void test_hostile(void **state)
{
	uint8_t inner[200], outer[300];
	struct wire_header h = { .major = ISAKMP_MAJOR, .exchange = ISAKMP_EXCH_MAIN, .spi_i = "nobody's", .spi_r = "nothing " };
	struct isakmp_fragment f = { .id = 1, .number = 1, .last = true, .data = { message, 50 } };
	struct wire_out out;
	struct view in, all;
	size_t mark;

	(void)state;
	begin(1, false, 576, 576);
	assert_true(world_up(&w));
	list_each(s, &w.host[1].engine->sas, struct ike_sa, link) {
		memcpy(h.spi_i, s->spi_i, sizeof(h.spi_i));
		memcpy(h.spi_r, s->spi_r, sizeof(h.spi_r));
	}
	wire_out_begin(&out, inner, sizeof(inner), &h);
	mark = wire_payload_begin(&out, ISAKMP_PL_FRAGMENT);
	isakmp_fragment_put(&out.w, &f);
	wire_payload_end(&out, mark);
	assert_int_equal(wire_out_end(&out, &in), WIRE_OK);
	f.data = in;
	wire_out_begin(&out, outer, sizeof(outer), &h);
	mark = wire_payload_begin(&out, ISAKMP_PL_FRAGMENT);
	isakmp_fragment_put(&out.w, &f);
	wire_payload_end(&out, mark);
	assert_int_equal(wire_out_end(&out, &all), WIRE_OK);
	for (unsigned k = 0; k < 3; k++) {
		world_inject(&w, 1, all.p, all.n);
		world_inject(&w, 1, in.p, in.n);
		outer[0] ^= (uint8_t)(1u << k);	/* and then of nobody */
	}
	world_run(&w, SECONDS(1));
	assert_int_equal(engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD), 1);
	world_run(&w, SECONDS(10));
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
	assert_true(world_joined(&w));
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_order, setup_pieces, teardown_pieces),
		cmocka_unit_test_setup_teardown(test_leftovers, setup_pieces, teardown_pieces),
		cmocka_unit_test_setup_teardown(test_limits, setup_pieces, teardown_pieces),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_not_agreed),
		cmocka_unit_test(test_short_ones_stay_whole),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
