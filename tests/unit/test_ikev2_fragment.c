// SPDX-License-Identifier: MIT
// Fragments (RFC 7383): long messages over narrow, lossy paths, and pieces that a peer should not send.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/alg.h"
#include "keyd/ike/pieces.h"
#include "keyd/ike/timer.h"
#include "keyd/wire/header.h"
#include "keyd/wire/ikev2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* IKE messages in IP datagrams of the two sizes, IPv4 with the marker of port 4500 */
#define ROOM_1280 (1280 - 20 - 8 - 4)
#define ROOM_576 (576 - 20 - 8 - 4)

static struct world w;
static size_t longest;
static unsigned fragments, whole;

/* What goes over the wire behind IKE_SA_INIT. */
static void watch(struct world *unused, unsigned from, uint8_t *bytes, size_t n)
{
	struct rd r = rd_of(bytes, n);
	struct wire_header h;

	(void)unused;
	(void)from;
	assert_int_equal(wire_header_get(&r, &h), 0);
	if (h.exchange == IKEV2_EXCH_IKE_SA_INIT)
		return;
	if (n > longest)
		longest = n;
	if (h.next_payload == IKEV2_PL_SKF)
		fragments++;
	else
		whole++;
}

/* Every ESP cipher in several proposals, and a long name: IKE_AUTH and CREATE_CHILD_SA become long. */
static void talk_long(struct conf *c)
{
	const struct crypto_alg *alg = NULL;
	struct conf_proposals *esp = &c->defaults.esp;

	*esp = (struct conf_proposals){ .n = CONF_PROPOSALS_MAX };
	for (unsigned i = 0; i < esp->n; i++)
		esp->p[i].t[esp->p[i].n++] = (struct conf_transform){ IKEV2_TRANSFORM_ESN, IKEV2_ESN_NONE, 0 };
	while ((alg = crypto_alg_next(alg, CRYPTO_ENCR))) {
		if (!alg->aead)
			continue;
		for (unsigned i = 0; i < esp->n; i++)
			for (unsigned twice = 0; twice < 2 && esp->p[i].n < CONF_TRANSFORMS_MAX; twice++)
				esp->p[i].t[esp->p[i].n++] = (struct conf_transform){ CRYPTO_ENCR, alg->ikev2_id,
										      alg->key_bits };
	}
	c->defaults.local_id = (struct conf_id){ .type = CONF_ID_KEY_ID, .len = CONF_ID_MAX };
	memset(c->defaults.local_id.data, 'a', CONF_ID_MAX);
}

/* Sizes 0: as the configuration has it by itself. */
static void begin(uint64_t seed, unsigned size_a, unsigned size_b)
{
	const unsigned sizes[] = { size_a, size_b };

	world_init(&w, seed, true);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		talk_long(&w.host[i].conf);
		if (sizes[i] != 1)
			w.host[i].conf.defaults.fragment_size = (uint16_t)sizes[i];
		world_configure(&w, i);
	}
	w.tap = watch;
	longest = fragments = whole = 0;
}

static void join(void)
{
	assert_true(world_up(&w));
	assert_true(world_joined(&w));
}

static void test_long_messages_in_pieces(void **state)
{
	(void)state;
	begin(1, 576, 576);
	join();
	assert_true(fragments >= 3);
	assert_true(longest <= ROOM_576);
	/* What is short stays whole. */
	assert_true(whole > 0);
	world_free(&w);
}

static void test_rekeys_go_on_in_pieces(void **state)
{
	(void)state;
	begin(2, 576, 576);
	join();
	assert_int_equal(engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_IKE), 1);
	world_run(&w, SECONDS(2));
	fragments = 0;
	assert_int_equal(engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD), 1);
	world_run(&w, SECONDS(2));
	assert_true(fragments > 1);
	assert_true(longest <= ROOM_576);
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
	world_free(&w);
}

static void test_only_where_both_can(void **state)
{
	static const unsigned sizes[][2] = { { 0, 576 }, { 576, 0 }, { 0, 0 } };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		begin(3, sizes[i][0], sizes[i][1]);
		join();
		assert_int_equal(fragments, 0);
		assert_true(longest > ROOM_576);
		world_free(&w);
	}
}

static void test_loss_doubles_disorder(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		begin(seed, 576, 576);
		w.loss = 10;
		w.dup = 20;
		w.jitter = 50000;
		join();
		assert_true(longest <= ROOM_576);
		assert_int_equal(w.host[1].events[ENGINE_FAILED], 0);
		world_free(&w);
	}
}

/* The path takes less than the configuration believes, in both directions, and nobody is told. */
static void test_narrow_path(void **state)
{
	(void)state;
	begin(4, 1, 1);
	w.mtu = 600;
	join();
	assert_true(longest > 600);
	assert_non_null(strstr(w.host[0].log, "fragments result=smaller"));
	assert_non_null(strstr(w.host[0].log, "none is longer than 576 bytes"));
	longest = 0;
	assert_int_equal(engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD), 1);
	world_run(&w, SECONDS(1));
	/* What was learnt holds. */
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
	assert_true(longest <= ROOM_576);
	world_free(&w);
}

/* Only the way back is narrow: the answer shrinks when its request comes again. */
static void narrow_back(struct world *unused, unsigned from, uint8_t *bytes, size_t n)
{
	watch(unused, from, bytes, n);
	w.mtu = from == 1 ? 600 : 0;
}

static void test_narrow_way_back(void **state)
{
	(void)state;
	begin(5, 1, 1);
	memset(w.host[1].conf.defaults.local_id.data, 'b', CONF_ID_MAX);
	w.host[1].conf.defaults.esp.p[0].n = 2;
	w.tap = narrow_back;
	join();
	world_free(&w);
}

/* A dead peer is not a narrow path: what is short is sent as it is, and given up as ever. */
static void test_dead_peer(void **state)
{
	(void)state;
	begin(6, 1, 1);
	w.host[1].down = true;
	world_packet(&w, 0);
	world_run(&w, SECONDS(120));
	assert_int_equal(w.host[0].events[ENGINE_FAILED], 1);
	assert_int_equal(fragments, 0);
	world_free(&w);
}

/* Captured fragments sent again, in every order, to somebody who has them already: no effect but the answer again. */
static struct { uint8_t bytes[2048]; size_t n; } seen[64];
static unsigned nseen;

static void keep_fragments(struct world *unused, unsigned from, uint8_t *bytes, size_t n)
{
	watch(unused, from, bytes, n);
	if (from == 0 && n > 28 && bytes[16] == IKEV2_PL_SKF && nseen < 64 && n <= sizeof(seen[0].bytes)) {
		memcpy(seen[nseen].bytes, bytes, n);
		seen[nseen++].n = n;
	}
}

static void test_replay(void **state)
{
	unsigned before;

	(void)state;
	nseen = 0;
	begin(7, 576, 576);
	w.tap = keep_fragments;
	join();
	w.tap = NULL;
	assert_true(nseen >= 2);
	before = w.host[1].datagrams;
	for (unsigned i = nseen; i-- > 0;)
		world_inject(&w, 1, seen[i].bytes, seen[i].n);
	world_run(&w, SECONDS(1));
	assert_true(world_joined(&w));
	/* The request of IKE_AUTH is not the last one any more: an INFORMATIONAL followed. */
	assert_int_equal(w.host[1].datagrams, before);
	assert_int_equal(world_count(&w.host[1], true), 1);
	world_free(&w);
}

/* A flipped bit in any fragment costs that fragment, no more. */
static uint64_t turn;

static void flip_some(struct world *unused, unsigned from, uint8_t *bytes, size_t n)
{
	watch(unused, from, bytes, n);
	if (n > 40 && bytes[16] == IKEV2_PL_SKF && ++turn % 5 == 0)
		bytes[28 + turn % (n - 28)] ^= 1;
}

static void test_forged_pieces(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		begin(seed, 576, 576);
		turn = seed;
		w.tap = flip_some;
		join();
		world_free(&w);
	}
}

/* --- the store of pieces, alone --- */

static int take(struct pieces **held, uint32_t id, unsigned number, unsigned total, const char *text, struct secret *out)
{
	return pieces_take(held, id, (uint16_t)number, (uint16_t)total,
			   (struct view){ (const uint8_t *)text, strlen(text) }, out);
}

static void test_pieces(void **state)
{
	static uint8_t big[40000];
	struct pieces *held = NULL;
	struct secret out = { 0 };

	(void)state;
	assert_int_equal(take(&held, 1, 3, 3, "c", &out), PIECES_MORE);
	assert_int_equal(take(&held, 1, 1, 3, "a", &out), PIECES_MORE);
	assert_int_equal(take(&held, 1, 1, 3, "x", &out), PIECES_MORE);	/* the first copy counts */
	assert_int_equal(take(&held, 1, 2, 3, "b", &out), PIECES_ALL);
	assert_null(held);
	assert_int_equal(out.n, 3);
	assert_memory_equal(out.p, "abc", 3);
	secret_clear(&out);
	/* cut anew: what was there is forgotten, and stragglers of it are of no use */
	assert_int_equal(take(&held, 2, 1, 2, "a", &out), PIECES_MORE);
	assert_int_equal(take(&held, 2, 3, 3, "c", &out), PIECES_MORE);
	assert_int_equal(take(&held, 2, 2, 2, "b", &out), -1);
	assert_int_equal(take(&held, 2, 1, 3, "a", &out), PIECES_MORE);
	assert_int_equal(take(&held, 2, 2, 3, "b", &out), PIECES_ALL);
	secret_clear(&out);
	/* another message */
	assert_int_equal(take(&held, 3, 1, 2, "a", &out), PIECES_MORE);
	assert_int_equal(take(&held, 4, 2, 2, "b", &out), PIECES_MORE);
	assert_int_equal(take(&held, 4, 1, 2, "a", &out), PIECES_ALL);
	secret_clear(&out);
	assert_int_equal(take(&held, 5, 1, 1, "one", &out), PIECES_ALL);
	secret_clear(&out);
	/* impossible numbers, too many, nothing, too much */
	assert_int_equal(take(&held, 6, 0, 2, "a", &out), -1);
	assert_int_equal(take(&held, 6, 3, 2, "a", &out), -1);
	assert_int_equal(take(&held, 6, 1, PIECES_MAX + 1, "a", &out), -1);
	assert_int_equal(take(&held, 6, 1, 2, "", &out), -1);
	assert_int_equal(pieces_take(&held, 7, 1, 2, (struct view){ big, sizeof(big) }, &out), PIECES_MORE);
	assert_int_equal(pieces_take(&held, 7, 2, 2, (struct view){ big, sizeof(big) }, &out), -1);
	assert_null(held);
	assert_null(out.p);
	pieces_free(&held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_long_messages_in_pieces),
		cmocka_unit_test(test_rekeys_go_on_in_pieces),
		cmocka_unit_test(test_only_where_both_can),
		cmocka_unit_test(test_loss_doubles_disorder),
		cmocka_unit_test(test_narrow_path),
		cmocka_unit_test(test_narrow_way_back),
		cmocka_unit_test(test_dead_peer),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_forged_pieces),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
