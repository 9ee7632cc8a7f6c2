// SPDX-License-Identifier: MIT
// Phase 1 with somebody on the path who is faster than the right message, and with messages that are lost: it comes up all the same.
#include "keyd/crypto/alg.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/timer.h"
#include "keyd/ikev1/message.h"
#include "tests/unit/with_crypto.h"
#include "tests/unit/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void begin(bool aggressive, uint64_t seed)
{
	world_init(&w, seed, true);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.version = 1;
		w.host[i].conf.defaults.exchange = aggressive ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN;
		world_configure(&w, i);
	}
}

static bool phase1(const uint8_t *bytes)
{
	return bytes[18] == ISAKMP_EXCH_MAIN || bytes[18] == ISAKMP_EXCH_AGGRESSIVE;
}

static bool encrypted(const uint8_t *bytes)
{
	return bytes[19] & ISAKMP_FLAG_ENCRYPTED;
}

/* It comes up by the first try of both, and in so many milliseconds. */
static void assert_up(unsigned ms)
{
	world_packet(&w, 0);
	assert_true(world_until(&w, MILLISECONDS(ms), world_joined));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].events[ENGINE_FAILED], 0);
		assert_int_equal(w.host[i].events[ENGINE_IKE_UP], 1);
	}
	w.tap = NULL;
	world_free(&w);
}

static struct ike_sa *sa_of(unsigned host)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		if (sa->state < IKE_CLOSED)
			return sa;
	return NULL;
}

/* --- forged and encrypted, without the keys --- */

static struct {
	uint8_t first;			/* payload, as the header says */
	size_t text;			/* bytes behind it */
} forged;

static void forge_text(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	uint8_t copy[28 + 256] = { 0 };
	size_t all = 28 + forged.text;

	(void)n;
	if (!phase1(bytes) || !encrypted(bytes))
		return;
	memcpy(copy, bytes, 28);
	copy[16] = forged.first;
	copy[26] = (uint8_t)(all >> 8);
	copy[27] = (uint8_t)all;
	for (unsigned i = 0; i < 20; i++) {
		for (size_t k = 28; k < all; k++)
			copy[k] = (uint8_t)(k * 37 + i * 11);
		world_inject(world, 1 - from, copy, all);
	}
}

static void test_text(void **state)
{
	static const uint8_t types[] = { ISAKMP_PL_NONE, ISAKMP_PL_ID, ISAKMP_PL_HASH, ISAKMP_PL_SIG, ISAKMP_PL_NOTIFY, ISAKMP_PL_NAT_D };
	static const size_t sizes[] = { 16, 32, 64, 256 };

	(void)state;
	for (unsigned k = 0; k < 2 * sizeof(types) * 4; k++) {
		begin(k & 1, 1 + k);
		forged.first = types[k / 2 % sizeof(types)];
		forged.text = sizes[k / 2 / sizeof(types)];
		w.tap = forge_text;
		assert_up(1000);
	}
}

/* --- with the keys, as by chance: the HASH alone is wrong --- */

static void forge_hash(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	struct ike_sa *sa = sa_of(1);
	uint8_t copy[2000], iv[CRYPTO_IV_MAX];
	struct wire_message m = { 0 };
	struct view text;

	if (from || !phase1(bytes) || !encrypted(bytes) || !sa || sa->state != IKE_AUTH)
		return;
	assert_true(n <= sizeof(copy));
	memcpy(copy, bytes, n);
	memcpy(iv, sa->v1->iv, sizeof(iv));
	assert_int_equal(isakmp_message_get(&m, (struct view){ copy, n }, &text), 0);
	assert_int_equal(ikev1_decrypt(&sa->v1->suite, &sa->v1->keys, iv, copy + 28, n - 28), 0);
	assert_int_equal(isakmp_inner_get(&m, text), 0);
	copy[wire_find(&m, ISAKMP_PL_HASH)->body.p - copy] ^= 1;
	memcpy(iv, sa->v1->iv, sizeof(iv));
	assert_int_equal(ikev1_encrypt(&sa->v1->suite, &sa->v1->keys, iv, copy + 28, n - 28), 0);
	world_inject(world, 1, copy, n);
}

static void test_hash(void **state)
{
	(void)state;
	for (unsigned aggressive = 0; aggressive < 2; aggressive++) {
		begin(aggressive, 3);
		w.tap = forge_hash;
		assert_up(1000);
	}
}

/* --- the answer of aggressive mode, which is in clear --- */

static size_t flipped;			/* the n-th byte of what its HASH covers */
static bool flips, flip_now;

static void flip(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	static const uint8_t types[] = { ISAKMP_PL_KE, ISAKMP_PL_NONCE, ISAKMP_PL_ID, ISAKMP_PL_HASH };
	uint8_t copy[2000];
	size_t at = flipped;
	struct wire_message m;
	struct view text;

	if (from != 1 || !phase1(bytes) || encrypted(bytes) || !flip_now)
		return;
	flip_now = false;	/* whoever is faster each time keeps them apart */
	assert_true(n <= sizeof(copy));
	memcpy(copy, bytes, n);
	assert_int_equal(isakmp_message_get(&m, (struct view){ copy, n }, &text), 0);
	flips = at < 8;
	if (flips)
		copy[8 + at] ^= 0x40;		/* our cookie */
	at -= 8;
	for (unsigned i = 0; i < sizeof(types) && !flips; i++) {
		struct view body = wire_find(&m, types[i])->body;

		flips = at < body.n;
		if (flips)
			copy[body.p - copy + at] ^= 0x40;
		at -= body.n;
	}
	if (flips)
		world_inject(world, 0, copy, n);
}

static void test_answer(void **state)
{
	unsigned n = 0;

	(void)state;
	flips = true;
	for (flipped = 0; flips; flipped += 5, n++) {
		begin(true, 5);
		w.tap = flip;
		flip_now = true;
		assert_up(3000);
	}
	assert_true(n > 20);
}

/* --- what a host has said itself comes back --- */

static unsigned mirrored;

static void mirror(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	if (from == mirrored)
		world_inject(world, from, bytes, n);
}

static void test_mirror(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		begin(i & 1, 6);
		mirrored = i / 2;
		w.tap = mirror;
		assert_up(3000);
	}
}

/* --- a notification in clear --- */

static void hint(void)
{
	const struct ike_sa *sa = sa_of(0);
	struct isakmp_notify n = { .doi = ISAKMP_DOI_IPSEC, .protocol = ISAKMP_PROTO_ISAKMP, .type = ISAKMP_N_NO_PROPOSAL_CHOSEN };
	struct wire_header h = { .major = ISAKMP_MAJOR, .exchange = ISAKMP_EXCH_INFORMATIONAL };
	struct wire_out out;
	struct view datagram;
	uint8_t buf[200];
	size_t mark;

	if (!sa || sa->state >= IKE_ESTABLISHED)
		return;
	memcpy(h.spi_i, sa->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, sa->spi_r, sizeof(h.spi_r));
	wire_out_begin(&out, buf, sizeof(buf), &h);
	mark = wire_payload_begin(&out, ISAKMP_PL_NOTIFY);
	isakmp_notify_put(&out.w, &n);
	wire_payload_end(&out, mark);
	assert_int_equal(wire_out_end(&out, &datagram), 0);
	world_inject(&w, 0, datagram.p, datagram.n);
}

static void hint_first(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)n;
	world->auth_delay = from ? SECONDS(3) : 0;	/* of what host 0 does with it */
	if (from && phase1(bytes))
		hint();
}

static bool judging(void)
{
	const struct ike_sa *sa = sa_of(0);

	return sa && sa->active && sa->active->v1.phase1 && sa->active->v1.busy;
}

/* It comes before each message of the peer's, and while that is being judged, which takes longer than a better one is waited for. */
static void test_hint(void **state)
{
	(void)state;
	for (unsigned aggressive = 0; aggressive < 2; aggressive++) {
		unsigned hints = 0;

		begin(aggressive, 7);
		w.tap = hint_first;
		world_packet(&w, 0);
		for (unsigned i = 0; i < 4000 && !world_joined(&w); i++) {
			if (judging() && i % 10 == 0) {
				hint();
				hints++;
			}
			world_run(&w, MILLISECONDS(1));
		}
		assert_true(hints > 100);
		assert_up(5000);
	}
}

/* --- the last message of aggressive mode is lost --- */

static struct {
	unsigned seconds, thirds;	/* messages of aggressive mode that were on the wire */
	bool second, third;		/* what is there now */
	bool asked;			/* a copy of message 2 has come since message 3 */
} wire;

static void watch(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	(void)n;
	wire.second = from == 1 && bytes[18] == ISAKMP_EXCH_AGGRESSIVE;
	wire.third = from == 0 && bytes[18] == ISAKMP_EXCH_AGGRESSIVE && encrypted(bytes);
	wire.seconds += wire.second;
	wire.thirds += wire.third;
	if (wire.second)
		wire.asked = wire.seconds > 1;
}

static bool lose_first(struct world *world, unsigned from, struct world_path *p)
{
	(void)world;
	(void)from;
	(void)p;
	return !(wire.third && wire.thirds == 1);
}

/* The peer does not ask again. */
static bool lose_first_and_copies(struct world *world, unsigned from, struct world_path *p)
{
	return lose_first(world, from, p) && !(wire.second && wire.seconds > 1);
}

/* We do not say it again but when we are asked. */
static bool lose_unasked(struct world *world, unsigned from, struct world_path *p)
{
	bool asked = wire.asked;

	(void)world;
	(void)from;
	(void)p;
	if (wire.third)
		wire.asked = false;
	return !wire.third || asked;
}

static bool lose_all(struct world *world, unsigned from, struct world_path *p)
{
	(void)world;
	(void)from;
	(void)p;
	return !wire.third;
}

static void test_last_lost(void **state)
{
	static bool (*const ways[])(struct world *, unsigned, struct world_path *) = { lose_first, lose_first_and_copies, lose_unasked };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		begin(true, 9);
		memset(&wire, 0, sizeof(wire));
		w.tap = watch;
		w.route = ways[i];
		assert_up(3000);
		assert_true(wire.thirds > 1);
	}
}

/* Whoever began in another's name has our answer sent there a few times, and no more. */
static void test_last_never(void **state)
{
	(void)state;
	begin(true, 9);
	memset(&wire, 0, sizeof(wire));
	w.tap = watch;
	w.route = lose_all;
	world_packet(&w, 0);
	world_run(&w, SECONDS(6));
	assert_int_equal(wire.seconds, 4);
	w.tap = NULL;
	w.route = NULL;
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_mirror),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_last_lost),
		cmocka_unit_test(test_last_never),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
