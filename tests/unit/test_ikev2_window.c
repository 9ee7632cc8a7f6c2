// SPDX-License-Identifier: MIT
// Message IDs, replays, answers that anybody may have sent, and attempts to make two peers agree on less than they would.
#include "keyd/crypto/alg.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/timer.h"
#include "keyd/ikev2/message.h"
#include "tests/unit/rogue.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world w;
static uint8_t buf[4000];

static void up(void)
{
	world_init(&w, 5, true);
	assert_true(world_up(&w));
	w.tap = rogue_overhear;
}

static void say(unsigned host, struct view datagram)
{
	rogue_heard.times = 0;
	world_inject(&w, host, datagram.p, datagram.n);
	world_run(&w, MILLISECONDS(15));
}

/* --- requests --- */

static void test_request_ids(void **state)
{
	struct wire_header h;
	struct ike_sa *sa, *peer;
	struct view one;
	uint32_t next;

	(void)state;
	up();
	sa = rogue_sa(&w, 0);
	peer = rogue_sa(&w, 1);
	next = peer->next_expected;
	assert_true(next > 1);
	for (uint32_t id = 0; id < 40; id++) {
		uint32_t wrong = id < 20 ? id : UINT32_MAX - (id - 20);

		if (wrong == next)
			continue;
		h = rogue_header(sa, IKEV2_EXCH_INFORMATIONAL, false, wrong);
		say(1, rogue_message(sa, &h, NULL, 0, buf, sizeof(buf)));
		assert_int_equal(rogue_heard.times, 0);
		assert_int_equal(peer->next_expected, next);
	}
	/* The right one under a wrong key, in clear, or as an answer: no. */
	h = rogue_header(sa, IKEV2_EXCH_INFORMATIONAL, false, next);
	one = rogue_message(sa, &h, NULL, 0, buf, sizeof(buf));
	buf[one.n - 1] ^= 1;
	say(1, one);
	h.flags |= IKEV2_FLAG_RESPONSE;
	say(1, rogue_message(sa, &h, NULL, 0, buf, sizeof(buf)));
	assert_int_equal(rogue_heard.times, 0);
	assert_int_equal(peer->next_expected, next);
	h.flags &= (uint8_t)~IKEV2_FLAG_RESPONSE;
	say(1, rogue_message(sa, &h, NULL, 0, buf, sizeof(buf)));
	assert_int_equal(rogue_heard.times, 1);
	assert_int_equal(peer->next_expected, next + 1);
	world_free(&w);
}

/* A copy of the last request gets the last answer byte for byte, and nobody else gets it. */
static void test_replay(void **state)
{
	uint8_t first[4000], answer[4000], second[4000];
	struct view one, two;
	struct wire_header h;
	struct ike_sa *sa;
	size_t n;

	(void)state;
	up();
	sa = rogue_sa(&w, 0);
	h = rogue_header(sa, IKEV2_EXCH_INFORMATIONAL, false, sa->next_request++);
	one = rogue_message(sa, &h, NULL, 0, first, sizeof(first));
	two = rogue_message(sa, &h, NULL, 0, second, sizeof(second));	/* the same request, sealed anew */
	say(1, one);
	assert_int_equal(rogue_heard.times, 1);
	n = rogue_heard.n;
	memcpy(answer, rogue_heard.bytes, n);
	for (int i = 0; i < 5; i++) {
		say(1, one);
		assert_int_equal(rogue_heard.times, 1);
		assert_int_equal(rogue_heard.n, n);
		assert_memory_equal(rogue_heard.bytes, answer, n);
	}
	say(1, two);
	assert_int_equal(rogue_heard.times, 0);
	h.message_id = sa->next_request++;
	say(1, rogue_message(sa, &h, NULL, 0, second, sizeof(second)));
	assert_int_equal(rogue_heard.times, 1);
	say(1, one);		/* two requests old */
	assert_int_equal(rogue_heard.times, 0);
	world_free(&w);
}

/* A peer may say that it has a larger window; we use one of one, and take what it then sends in its order. */
static void test_window_size(void **state)
{
	struct rogue_payload pl = ROGUE(IKEV2_PL_NOTIFY, "\0\0\x40\x01\0\0\0\x10");
	struct ike_sa *sa, *peer;
	struct wire_header h;
	uint32_t id;

	(void)state;
	up();
	sa = rogue_sa(&w, 0);
	peer = rogue_sa(&w, 1);
	id = peer->next_expected;
	h = rogue_header(sa, IKEV2_EXCH_INFORMATIONAL, false, id);
	say(1, rogue_message(sa, &h, &pl, 1, buf, sizeof(buf)));
	assert_int_equal(rogue_heard.times, 1);
	h.message_id = id + 2;	/* ahead of its turn */
	say(1, rogue_message(sa, &h, NULL, 0, buf, sizeof(buf)));
	assert_int_equal(rogue_heard.times, 0);
	h.message_id = id + 1;
	say(1, rogue_message(sa, &h, NULL, 0, buf, sizeof(buf)));
	assert_int_equal(rogue_heard.times, 1);
	h.message_id = id + 2;
	say(1, rogue_message(sa, &h, NULL, 0, buf, sizeof(buf)));
	assert_int_equal(rogue_heard.times, 1);
	sa->next_request = peer->next_expected;
	world_free(&w);
}

/* --- answers --- */

static void drop_answers(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	(void)n;
	if (from == 1 && bytes[19] & IKEV2_FLAG_RESPONSE)
		bytes[0] ^= 0xff;
}

/* Answers with other IDs, of other exchanges, twice: only the one that is waited for counts. */
static void test_answer_ids(void **state)
{
	struct ike_sa *sa, *peer;
	struct wire_header h;
	uint32_t id;

	(void)state;
	up();
	sa = rogue_sa(&w, 0);
	peer = rogue_sa(&w, 1);
	w.tap = drop_answers;
	id = sa->next_request;
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	assert_non_null(sa->active);
	for (uint32_t wrong = 0; wrong < 2 * id + 4; wrong++) {
		uint32_t guess = wrong & 1 ? id + 1 + wrong / 2 : wrong / 2;

		h = rogue_header(peer, IKEV2_EXCH_CREATE_CHILD_SA, true, guess);
		if (guess == id)
			h.exchange = IKEV2_EXCH_INFORMATIONAL;
		say(0, rogue_message(peer, &h, NULL, 0, buf, sizeof(buf)));
		assert_non_null(sa->active);
		assert_int_equal(sa->next_request, id);
	}
	w.tap = NULL;
	world_run(&w, SECONDS(20));
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
	assert_true(world_joined(&w));
	world_free(&w);
}

static void drop_all(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	(void)n;
	if (from == 1)
		bytes[0] ^= 0xff;
}

/* A rekey, with that in the way for so long. */
static void rekey_behind(void (*tap)(struct world *world, unsigned from, uint8_t *bytes, size_t n), unsigned seconds)
{
	up();
	w.tap = tap;
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(seconds));
	w.tap = NULL;
}

/* Who asks for signs of life is not dead, whatever is lost of what it answers: there is a second round, and no third. */
static void test_second_round(void **state)
{
	(void)state;
	rekey_behind(drop_answers, 80);
	world_run(&w, SECONDS(30));
	assert_int_equal(w.host[0].events[ENGINE_IKE_DOWN], 0);
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
	assert_true(world_joined(&w));
	world_free(&w);
	rekey_behind(drop_answers, 130);
	assert_int_equal(w.host[0].events[ENGINE_IKE_DOWN], 1);
	assert_non_null(strstr(w.host[0].log, "after 14 sendings"));
	world_free(&w);
	rekey_behind(drop_all, 65);
	assert_int_equal(w.host[0].events[ENGINE_IKE_DOWN], 1);
	assert_non_null(strstr(w.host[0].log, "after 7 sendings"));
	world_free(&w);
}

/* The genuine answer with more payloads in it: what host 1 said last, opened, extended, sealed with its keys. */
static void extended(const struct rogue_payload *more)
{
	struct ike_sa *peer = rogue_sa(&w, 1);
	struct rogue_payload pl[WIRE_PAYLOADS_MAX];
	struct wire_message m;
	unsigned k = 0;

	assert_true(rogue_heard.bytes[19] & IKEV2_FLAG_RESPONSE);
	rogue_heard.bytes[0] ^= 0xff;
	assert_true(rogue_open(peer, true, rogue_heard.bytes, rogue_heard.n, &m));
	for (unsigned i = m.n_clear; i < m.n; i++)
		pl[k++] = (struct rogue_payload){ .type = m.pl[i].type, .body = m.pl[i].body };
	pl[k++] = *more;
	say(0, rogue_message(peer, &m.h, pl, k, buf, sizeof(buf)));
}

static void spoil_and_keep(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	drop_answers(world, from, bytes, n);
	rogue_overhear(world, from, bytes, n);
}

/* An answer that has everything, and one thing that it must not have, fails its exchange; what only looks odd does not. */
static void test_extended_answers(void **state)
{
	static const struct {
		struct rogue_payload more;
		bool works;
	} t[] = {
		{ ROGUE(IKEV2_PL_NOTIFY, "\0\0\xef\xff status"), true },
		{ ROGUE(IKEV2_PL_NOTIFY, "\0\0\x40\x08"), true },
		{ ROGUE(200, "not critical"), true },
		{ { 200, ROGUE_CRITICAL, false, { (const uint8_t *)"x", 1 } }, false },
		{ ROGUE(IKEV2_PL_NOTIFY, "\0\0\x1f\xff an error that nobody knows"), false },
		{ ROGUE(IKEV2_PL_NONCE, "a second nonce of sufficient length"), false },
		{ ROGUE(IKEV2_PL_DELETE, "\1\0\0\0"), false },
		{ ROGUE(0, "junk"), false },
	};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(t) / sizeof(t[0]); i++) {
		const struct rogue_payload *more = &t[i / 2].more;
		bool works = t[i / 2].works;

		if (i & 1) {	/* IKE_AUTH */
			world_init(&w, 5, true);
			w.tap = rogue_overhear;
			world_packet(&w, 0);
			world_run(&w, MILLISECONDS(30));
		} else {
			up();
		}
		w.tap = spoil_and_keep;
		if (!(i & 1))
			engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, MILLISECONDS(25));
		assert_non_null(rogue_sa(&w, 0)->active);
		w.tap = NULL;
		extended(more);
		world_run(&w, SECONDS(4));
		if (i & 1) {
			assert_int_equal(w.host[0].events[ENGINE_IKE_UP], works);
			assert_int_equal(w.host[0].events[ENGINE_FAILED], !works);
			assert_int_equal(w.host[1].events[ENGINE_IKE_DOWN], !works);	/* it was told */
		} else {
			assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], works);
			assert_int_equal(w.host[0].events[ENGINE_IKE_DOWN], 0);
			assert_true(world_joined(&w));
		}
		world_free(&w);
	}
}

/* --- IKE_SA_INIT: nothing is proven --- */

static struct wire_header init_header(uint8_t mark)
{
	struct wire_header h = rogue_header(rogue_sa(&w, 0), IKEV2_EXCH_IKE_SA_INIT, true, 0);

	h.flags = IKEV2_FLAG_RESPONSE;
	memset(h.spi_r, mark, sizeof(h.spi_r));
	return h;
}

/* Somebody who sees our request is faster than the peer. */
static void forge(uint8_t mark, const struct rogue_payload *pl, unsigned n)
{
	struct wire_header h = init_header(mark);
	struct view d = rogue_message(NULL, &h, pl, n, buf, sizeof(buf));
	struct engine_datagram from = { .local = w.host[0].addr, .remote = w.host[1].addr, .local_port = 500,
					.remote_port = 500, .data = d };

	engine_input(w.host[0].engine, w.now, &from);
}

static const struct rogue_payload forged[] = {
	ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x0e"),			/* NO_PROPOSAL_CHOSEN */
	ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x05"),			/* INVALID_MAJOR_VERSION */
	ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x01\x21"),		/* UNSUPPORTED_CRITICAL_PAYLOAD */
	ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x07"),			/* INVALID_SYNTAX */
	ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x18"),			/* AUTHENTICATION_FAILED */
	ROGUE(IKEV2_PL_NOTIFY, "\0\0\x1f\xff"),			/* whatever that is */
	ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x11\0\x02"),		/* INVALID_KE_PAYLOAD: modp1024 */
	ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x11\0\x1f"),		/* INVALID_KE_PAYLOAD: what we have sent */
	ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x11"),			/* INVALID_KE_PAYLOAD: nothing */
	ROGUE(IKEV2_PL_NOTIFY, "\0\0\x40\x06"),			/* COOKIE: empty */
	ROGUE(IKEV2_PL_SA, "\0\0\0\x0c\1\1\0\1"),		/* an SA that cannot be read */
	ROGUE(IKEV2_PL_NONCE, "0123456789abcdef"),		/* a nonce, and no more */
	{ 200, ROGUE_CRITICAL, false, { NULL, 0 } },
	ROGUE(IKEV2_PL_VENDOR, ""),
};

static void test_forged_refusals(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(forged) / sizeof(forged[0]); i++) {
		bool alone = i & 1;

		world_init(&w, 1, true);
		w.host[1].down = alone;
		world_packet(&w, 0);
		for (unsigned k = 0; k < 3; k++)
			forge((uint8_t)(k * 0x11), &forged[i / 2], 1);
		assert_int_equal(w.host[0].events[ENGINE_FAILED], 0);
		if (!alone) {	/* the peer answers, and is heard */
			assert_true(world_until(&w, SECONDS(2), world_joined));
			world_run(&w, SECONDS(5));
			assert_true(world_joined(&w));
			assert_int_equal(w.host[0].events[ENGINE_FAILED], 0);
		} else {	/* nobody else says anything: then it was that */
			world_run(&w, MILLISECONDS(900));
			assert_int_equal(w.host[0].events[ENGINE_FAILED], 0);
			assert_true(w.host[0].datagrams > 1);	/* our request went on */
			world_run(&w, MILLISECONDS(1200));
			assert_int_equal(w.host[0].events[ENGINE_FAILED], 1);
			assert_null(strstr(w.host[0].last_text, "no answer"));
			assert_false(w.host[0].larval);
		}
		world_free(&w);
	}
}

/*
 * Each request is answered by another cookie, or by another group of ours: that ends after a few. A genuine answer is still
 * taken then; where our request has a value of a group that the peer does not want, the next attempt has it right.
 */
static unsigned forger_says;

static void forger(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	static const uint16_t groups[] = { 19, 31, 20, 14 };
	uint8_t body[] = { 0, 0, 0x40, 0x06, 0, 0 };
	struct rogue_payload pl = { .type = IKEV2_PL_NOTIFY, .body = { body, sizeof(body) } };
	struct wire_header h;

	(void)n;
	if (from || bytes[18] != IKEV2_EXCH_IKE_SA_INIT)
		return;
	body[5] = (uint8_t)world->host[0].datagrams;
	if (forger_says == 1) {
		body[2] = 0;
		body[3] = IKEV2_N_INVALID_KE_PAYLOAD;
		body[5] = (uint8_t)groups[(world->host[0].datagrams + 3) % 4];
	}
	h = init_header(0);
	memcpy(h.spi_i, bytes, 8);
	{
		struct view d = rogue_message(NULL, &h, &pl, 1, buf, sizeof(buf));

		world_inject(world, 0, d.p, d.n);
	}
}

static void test_forged_loops(void **state)
{
	(void)state;
	for (forger_says = 0; forger_says < 2; forger_says++) {
		unsigned sent;

		world_init(&w, 1, true);
		w.host[1].down = true;
		w.tap = forger;
		world_packet(&w, 0);
		world_run(&w, MILLISECONDS(400));
		sent = w.host[0].datagrams;
		assert_true(sent > 3 && sent < 10);
		assert_int_equal(w.host[0].events[ENGINE_FAILED], 0);
		w.host[1].down = false;		/* now the request gets through, once it is repeated */
		w.tap = NULL;
		if (forger_says == 1) {
			world_run(&w, SECONDS(2));
			assert_int_equal(w.host[0].events[ENGINE_FAILED], 1);
			assert_non_null(strstr(w.host[0].last_text, "again and again"));
			world_packet(&w, 0);
		}
		assert_true(world_until(&w, SECONDS(1), world_joined));
		world_free(&w);
	}
}

/* Two who answer, the second one genuine: what the first one says cannot be used, and the second one is heard. */
static void test_two_responders(void **state)
{
	struct rogue_payload pl[8];
	struct wire_message m;
	unsigned n = 0;

	(void)state;
	world_init(&w, 1, true);
	w.tap = spoil_and_keep;
	world_packet(&w, 0);
	world_run(&w, MILLISECONDS(15));
	rogue_heard.bytes[0] ^= 0xff;
	assert_int_equal(wire_message_get(&m, (struct view){ rogue_heard.bytes, rogue_heard.n }), 0);
	for (unsigned i = 0; i < m.n; i++)
		pl[n++] = (struct rogue_payload){ .type = m.pl[i].type, .body = m.pl[i].body };
	w.tap = NULL;
	for (unsigned i = 0; i < n; i++) {	/* x25519 values of small order are refused; so are none at all */
		static const uint8_t zeros[36] = { 0, 31 };

		if (pl[i].type == IKEV2_PL_KE) {
			struct rogue_payload genuine = pl[i];

			pl[i].body = (struct view){ zeros, sizeof(zeros) };
			forge(0x77, pl, n);
			pl[i] = genuine;
		}
	}
	assert_non_null(strstr(w.host[0].log, "is not a valid one"));
	forge(0, pl, n);	/* no SPI */
	assert_int_equal(rogue_sa(&w, 0)->state, IKE_INIT);
	assert_true(world_until(&w, SECONDS(3), world_joined));
	world_free(&w);
}

/* --- downgrade --- */

static unsigned tamper_at;
static int before;

/* Changes one byte of what is agreed on in clear, in repetitions likewise; AUTH covers all of it. */
static void tamper(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	size_t at = 28 + tamper_at / 2;

	(void)world;
	if (bytes[18] != IKEV2_EXCH_IKE_SA_INIT || from != tamper_at % 2 || at >= n)
		return;
	if (before < 0)
		before = bytes[at];
	bytes[at] = (uint8_t)(before ^ 0x04);
	rogue_heard.times++;
}

/*
 * Whatever somebody on the way changes in IKE_SA_INIT: no SA comes of it. A responder may believe in it for the moment that
 * its initiator needs to find out.
 */
static void test_tampered(void **state)
{
	unsigned cases = 0;

	(void)state;
	for (tamper_at = 0; tamper_at < 700; tamper_at += 3) {
		world_init(&w, 1 + tamper_at, true);
		w.tap = tamper;
		before = -1;
		rogue_heard.times = 0;
		world_packet(&w, 0);
		world_run(&w, SECONDS(20));
		if (rogue_heard.times) {
			cases++;
			assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 0);
			assert_int_equal(w.host[1].events[ENGINE_IKE_UP], w.host[1].events[ENGINE_IKE_DOWN]);
			assert_int_equal(w.host[0].nsas + w.host[1].nsas, 0);
		}
		world_free(&w);
	}
	assert_true(cases > 100);
}

/* All but the weakest is struck from the offer: the responder would take it, and its initiator does not believe it. */
static void weaken(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	struct wire_message m;
	const struct wire_payload *sa;

	(void)world;
	if (from || bytes[18] != IKEV2_EXCH_IKE_SA_INIT || wire_message_get(&m, (struct view){ bytes, n }))
		return;
	sa = wire_find(&m, IKEV2_PL_SA);
	for (size_t i = (size_t)(sa->body.p - bytes); i + 8 <= (size_t)(sa->body.p - bytes) + sa->body.n; i++)
		if (!memcmp(bytes + i, "\1\0\0\x14\x80\x0e\1\0", 8) || !memcmp(bytes + i, "\1\0\0\x1c", 4))
			bytes[i + 3] = 99;	/* aes256gcm16, chacha20poly1305: of no type that there is */
	rogue_heard.times++;
}

static void test_downgrade(void **state)
{
	(void)state;
	world_init(&w, 1, true);
	rogue_heard.times = 0;
	w.tap = weaken;
	world_packet(&w, 0);
	world_run(&w, SECONDS(4));
	assert_true(rogue_heard.times > 0);
	assert_non_null(strstr(w.host[1].log, "result=answered"));	/* it did look acceptable */
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP] + w.host[1].events[ENGINE_IKE_UP], 0);
	w.tap = NULL;
	world_run(&w, SECONDS(60));
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(3), world_joined));
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_ids),	 cmocka_unit_test(test_replay),
		cmocka_unit_test(test_window_size),	 cmocka_unit_test(test_answer_ids), cmocka_unit_test(test_second_round),
		cmocka_unit_test(test_extended_answers), cmocka_unit_test(test_forged_refusals),
		cmocka_unit_test(test_forged_loops),	 cmocka_unit_test(test_two_responders),
		cmocka_unit_test(test_tampered),	 cmocka_unit_test(test_downgrade),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
