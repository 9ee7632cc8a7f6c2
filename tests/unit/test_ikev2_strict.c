// SPDX-License-Identifier: MIT
// What the protocol forbids, said by a peer that has the keys and by one that has none: payload rules, versions, sizes.
#include "keyd/crypto/alg.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/ikev2/message.h"
#include "tests/unit/rogue.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define UNKNOWN 200
#define DATAGRAM_MOST 65507

static struct world w;
static uint8_t buf[70000];
static struct view asked;

static void up(void)
{
	world_init(&w, 5, true);
	assert_true(world_up(&w));
	w.tap = rogue_overhear;
	rogue_heard.times = 0;
	world_log_clear(&w);
}

static void say(struct view datagram)
{
	rogue_heard.times = 0;
	world_inject(&w, 1, datagram.p, datagram.n);
	world_run(&w, MILLISECONDS(15));
}

/* Host 0's SA says this as its next request to host 1. */
static void ask(uint8_t exchange, const struct rogue_payload *pl, unsigned n)
{
	struct ike_sa *sa = rogue_sa(&w, 0);
	struct wire_header h = rogue_header(sa, exchange, false, sa->next_request++);

	asked = rogue_message(sa, &h, pl, n, buf, sizeof(buf));
	say(asked);
}

/* The one notify of the answer that came, which must be sealed; 0: an answer without. */
static uint16_t answered(struct wire_notify *n)
{
	struct wire_message m;
	const struct wire_payload *p;

	assert_int_equal(rogue_heard.times, 1);
	assert_true(rogue_open(rogue_sa(&w, 0), false, rogue_heard.bytes, rogue_heard.n, &m));
	assert_true(m.present_clear == WIRE_BIT(IKEV2_PL_SK));
	p = wire_find(&m, IKEV2_PL_NOTIFY);
	if (!p)
		return 0;
	assert_int_equal(wire_notify_get(n, p->body), 0);
	assert_int_equal(m.n, 2);
	return n->type;
}

/* Host 1 has ended the SA, because of bad syntax. */
static void assert_ended(void)
{
	static uint8_t first[70000];
	struct wire_notify n;
	size_t n_first = rogue_heard.n;

	memcpy(first, rogue_heard.bytes, rogue_heard.n);
	assert_int_equal(answered(&n), IKEV2_N_INVALID_SYNTAX);
	assert_int_equal(n.data.n, 0);
	assert_null(rogue_sa(&w, 1));
	assert_int_equal(w.host[1].events[ENGINE_IKE_DOWN], 1);
	assert_non_null(strstr(w.host[1].log, "INVALID_SYNTAX: "));
	assert_int_equal(world_count(&w.host[1], true), 0);
	/* The same request has the same answer, for a while; nothing else has one. */
	say(asked);
	assert_int_equal(rogue_heard.times, 1);
	assert_int_equal(rogue_heard.n, n_first);
	assert_memory_equal(rogue_heard.bytes, first, n_first);
	buf[asked.n - 1] ^= 1;
	say(asked);
	assert_int_equal(rogue_heard.times, 0);
	world_run(&w, SECONDS(70));
	assert_true(list_empty(&w.host[1].engine->sas));
	world_free(&w);
}

static void assert_fine(void)
{
	struct wire_notify n;

	assert_int_equal(answered(&n), 0);
	assert_non_null(rogue_sa(&w, 1));
	assert_int_equal(w.host[1].events[ENGINE_IKE_DOWN], 0);
}

static void test_critical(void **state)
{
	struct rogue_payload pl[] = { ROGUE(IKEV2_PL_VENDOR, "who"), ROGUE(UNKNOWN, "what"), ROGUE(IKEV2_PL_VENDOR, "") };
	struct wire_notify n;

	(void)state;
	up();
	ask(IKEV2_EXCH_INFORMATIONAL, pl, 3);	/* not critical: skipped */
	assert_fine();
	pl[1].flags = 0x7f;			/* reserved bits mean nothing */
	ask(IKEV2_EXCH_INFORMATIONAL, pl, 3);
	assert_fine();
	pl[0].flags = ROGUE_CRITICAL;		/* on a type that we know it means nothing either */
	ask(IKEV2_EXCH_INFORMATIONAL, pl, 3);
	assert_fine();
	pl[1].flags = ROGUE_CRITICAL;
	ask(IKEV2_EXCH_INFORMATIONAL, pl, 3);
	assert_int_equal(answered(&n), IKEV2_N_UNSUPPORTED_CRITICAL_PAYLOAD);
	assert_int_equal(n.data.n, 1);
	assert_int_equal(n.data.p[0], UNKNOWN);
	assert_non_null(strstr(w.host[1].log, "type 200"));
	pl[1].clear = pl[0].clear = true;	/* in front of SK it is refused as well */
	pl[0] = pl[1];
	ask(IKEV2_EXCH_INFORMATIONAL, pl, 1);
	assert_int_equal(answered(&n), IKEV2_N_UNSUPPORTED_CRITICAL_PAYLOAD);
	assert_non_null(rogue_sa(&w, 1));	/* the SA goes on */
	ask(IKEV2_EXCH_INFORMATIONAL, NULL, 0);
	assert_fine();
	world_free(&w);
}

/* Nothing that stands outside of SK counts: the DELETE there deletes nothing, and whoever puts it there has no manners. */
static void test_outside(void **state)
{
	struct rogue_payload unknown = ROGUE(UNKNOWN, "x"), del = ROGUE(IKEV2_PL_DELETE, "\1\0\0\0");

	(void)state;
	up();
	unknown.clear = true;
	ask(IKEV2_EXCH_INFORMATIONAL, &unknown, 1);
	assert_fine();
	del.clear = true;
	ask(IKEV2_EXCH_INFORMATIONAL, &del, 1);
	assert_ended();
}

static const char nonce[] = "0123456789abcdef0123456789abcdef";

/* Requests that break the rules, each with the words that the log has for it. */
static void test_broken_requests(void **state)
{
	const struct {
		uint8_t exchange;
		const char *says;
		struct rogue_payload pl[4];
		unsigned n;
	} t[] = {
		{ IKEV2_EXCH_CREATE_CHILD_SA, "there is no SA payload", { ROGUE(IKEV2_PL_NONCE, nonce) }, 1 },
		{ IKEV2_EXCH_CREATE_CHILD_SA, "there is no SA payload", { { 0 } }, 0 },
		{ IKEV2_EXCH_CREATE_CHILD_SA, "more than one Nonce payload",
		  { ROGUE(IKEV2_PL_NONCE, nonce), ROGUE(IKEV2_PL_NONCE, nonce) }, 2 },
		{ IKEV2_EXCH_CREATE_CHILD_SA, "malformed Nonce payload", { ROGUE(IKEV2_PL_NONCE, "short") }, 1 },
		{ IKEV2_EXCH_CREATE_CHILD_SA, "malformed SA payload", { ROGUE(IKEV2_PL_SA, "\0\0\0\4") }, 1 },
		{ IKEV2_EXCH_CREATE_CHILD_SA, "malformed SA payload", { ROGUE(IKEV2_PL_SA, "") }, 1 },
		{ IKEV2_EXCH_CREATE_CHILD_SA, "no place there for the IDi payload", { ROGUE(IKEV2_PL_IDI, "\1\0\0\0abcd") }, 1 },
		{ IKEV2_EXCH_INFORMATIONAL, "malformed D payload", { ROGUE(IKEV2_PL_DELETE, "\3\4\0\2abcd") }, 1 },
		{ IKEV2_EXCH_INFORMATIONAL, "malformed N payload", { ROGUE(IKEV2_PL_NOTIFY, "\0\0\1") }, 1 },
		{ IKEV2_EXCH_INFORMATIONAL, "malformed N payload", { ROGUE(IKEV2_PL_NOTIFY, "\3\1\x40\x09z") }, 1 },
		{ IKEV2_EXCH_INFORMATIONAL, "no place there for the KE payload", { ROGUE(IKEV2_PL_KE, "\0\x1f\0\0abcd") }, 1 },
		{ IKEV2_EXCH_INFORMATIONAL, "no chain of payloads", { ROGUE(0, "junk") }, 1 },
		{ IKEV2_EXCH_INFORMATIONAL, "no chain of payloads", { ROGUE(IKEV2_PL_SK, "an SK inside an SK") }, 1 },
		{ IKEV2_EXCH_INFORMATIONAL, "no chain of payloads", { ROGUE(IKEV2_PL_SKF, "\0\1\0\1 inside") }, 1 },
		{ IKEV2_EXCH_IKE_AUTH, "has no place in state established", { { 0 } }, 0 },
		{ IKEV2_EXCH_IKE_AUTH, "has no place in state established", { ROGUE(IKEV2_PL_IDI, "\1\0\0\0abcd") }, 1 },
		{ 240, "exchange type 240 has no place", { { 0 } }, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		up();
		ask(t[i].exchange, t[i].pl, t[i].n);
		if (!strstr(w.host[1].log, t[i].says))
			fail_msg("case %u: no \"%s\" in %s", i, t[i].says, w.host[1].log);
		assert_ended();
	}
}

/* What only looks strange is taken. */
static void test_strange_requests(void **state)
{
	static const struct rogue_payload pl[] = {
		ROGUE(IKEV2_PL_NOTIFY, "\0\0\x40\x08"),			/* HTTP_CERT_LOOKUP_SUPPORTED */
		ROGUE(IKEV2_PL_NOTIFY, "\0\0\x40\x01\0\0\0\7"),		/* SET_WINDOW_SIZE 7 */
		ROGUE(IKEV2_PL_NOTIFY, "\0\0\xef\xff whatever"),	/* an unknown status */
		ROGUE(IKEV2_PL_NOTIFY, "\0\0\x1f\xff whatever"),	/* an unknown error, which a request cannot report */
		ROGUE(IKEV2_PL_NOTIFY, "\7\3\xa0\x01zzz"),		/* of an unknown protocol */
		ROGUE(IKEV2_PL_NOTIFY, "\3\3\xa0\x01zzz"),		/* with an SPI of a wrong size, which we do not need */
		ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x09\0\0\0\1"),		/* INVALID_MESSAGE_ID */
		ROGUE(IKEV2_PL_DELETE, "\3\4\0\1\xff\xff\xff\xff"),	/* of a child that is not there */
		ROGUE(IKEV2_PL_VENDOR, ""), ROGUE(129, "private"),
	};
	struct ike_sa *sa;
	struct wire_header h;

	(void)state;
	up();
	ask(IKEV2_EXCH_INFORMATIONAL, pl, sizeof(pl) / sizeof(pl[0]));
	assert_fine();
	sa = rogue_sa(&w, 0);
	h = rogue_header(sa, IKEV2_EXCH_INFORMATIONAL, false, sa->next_request++);
	h.minor = 15;
	h.flags |= 0x47 | IKEV2_FLAG_VERSION;	/* the reserved ones; and "I speak a higher version" */
	say(rogue_message(sa, &h, NULL, 0, buf, sizeof(buf)));
	assert_fine();
	world_free(&w);
}

/* Turns the chain of inner payloads round, in every protected message that is sent, and seals it anew. */
static void turn_round(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	struct ike_sa *sa = NULL;
	struct rogue_payload pl[WIRE_PAYLOADS_MAX];
	struct wire_message m;
	struct view again;
	unsigned k = 0;

	memcpy(rogue_heard.bytes, bytes, n);
	list_each(each, &world->host[from].engine->sas, struct ike_sa, link)
		if (each->seal && rogue_open(each, true, memcpy(rogue_heard.bytes, bytes, n), n, &m))
			sa = each;
	if (!sa || !(m.present_clear & WIRE_BIT(IKEV2_PL_SK)) || !rogue_open(sa, true, memcpy(rogue_heard.bytes, bytes, n), n, &m))
		return;
	for (unsigned i = m.n; i > m.n_clear; i--)
		pl[k++] = (struct rogue_payload){ .type = m.pl[i - 1].type, .body = m.pl[i - 1].body };
	again = rogue_message(sa, &m.h, pl, k, buf, sizeof(buf));
	assert_int_equal(again.n, n);
	memcpy(bytes, again.p, n);
	rogue_heard.times += k > 1;
}

static void test_any_order_inside(void **state)
{
	(void)state;
	world_init(&w, 5, true);
	w.tap = turn_round;
	rogue_heard.times = 0;
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), world_joined));
	for (int i = 0; i < 4; i++) {
		world_run(&w, SECONDS(5));
		engine_rekey(w.host[i & 1].engine, w.now, NULL, i & 2 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD);
	}
	world_run(&w, SECONDS(30));
	assert_true(rogue_heard.times >= 10);		/* AUTH and four rekeys, there and back */
	assert_true(world_joined(&w));
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 2);
	assert_int_equal(w.host[0].events[ENGINE_IKE_REKEYED], 2);
	world_free(&w);
}

/* --- IKE_SA_INIT --- */

static uint8_t init_bytes[2000];
static struct wire_message init;

/* The first request of a host 0, that host 1 never got; init is it taken apart. */
static void keep_init(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	if (!from && n <= sizeof(init_bytes) && bytes[18] == IKEV2_EXCH_IKE_SA_INIT && !(bytes[19] & IKEV2_FLAG_RESPONSE)) {
		memcpy(init_bytes, bytes, n);
		assert_int_equal(wire_message_get(&init, (struct view){ init_bytes, n }), 0);
	}
}

static unsigned stranger(struct rogue_payload pl[16])
{
	world_init(&w, 5, true);
	w.tap = keep_init;
	w.host[1].down = true;
	world_packet(&w, 0);
	world_run(&w, MILLISECONDS(20));
	w.host[1].down = false;
	w.host[0].down = true;
	w.tap = rogue_overhear;
	for (unsigned i = 0; i < init.n; i++)
		pl[i] = (struct rogue_payload){ .type = init.pl[i].type, .body = init.pl[i].body };
	return init.n;
}

static uint32_t half_open(void)
{
	struct engine_stats st;

	engine_stats(w.host[1].engine, &st);
	return st.half_open_now;
}

static void say_init(const struct rogue_payload *pl, unsigned n)
{
	init.h.spi_i[0]++;	/* never twice the same */
	say(rogue_message(NULL, &init.h, pl, n, buf, sizeof(buf)));
}

static void assert_answer(uint16_t error)
{
	struct wire_message m;
	struct wire_notify n;

	assert_int_equal(rogue_heard.times, 1);
	assert_int_equal(wire_message_get(&m, (struct view){ rogue_heard.bytes, rogue_heard.n }), 0);
	assert_int_equal(m.h.flags, IKEV2_FLAG_RESPONSE);
	if (!error) {
		assert_non_null(wire_find(&m, IKEV2_PL_SA));
		return;
	}
	assert_int_equal(m.n, 1);
	assert_true(message_has_notify(&m, error, &n));
	if (error == IKEV2_N_UNSUPPORTED_CRITICAL_PAYLOAD)
		assert_true(n.data.n == 1 && n.data.p[0] == UNKNOWN);
	assert_memory_equal(m.h.spi_i, init.h.spi_i, 8);
	assert_int_equal(m.h.spi_r[0], 0);
}

static void test_init(void **state)
{
	struct rogue_payload pl[16], first;
	unsigned n = stranger(pl);

	(void)state;
	first = pl[0];
	for (unsigned i = 0; i < n; i++) {	/* any order */
		memmove(pl, pl + 1, (n - 1) * sizeof(pl[0]));
		pl[n - 1] = first;
		first = pl[0];
		say_init(pl, n);
		assert_answer(0);
	}
	pl[n] = (struct rogue_payload)ROGUE(UNKNOWN, "?");
	say_init(pl, n + 1);
	assert_answer(0);
	assert_int_equal(half_open(), n + 1);
	pl[n].flags = ROGUE_CRITICAL;
	say_init(pl, n + 1);
	assert_answer(IKEV2_N_UNSUPPORTED_CRITICAL_PAYLOAD);
	assert_non_null(strstr(w.host[1].log, "critical"));
	assert_int_equal(half_open(), n + 1);
	/* No word about the rest: whoever hears it may not be the one who spoke. */
	pl[n] = pl[0];
	say_init(pl, n + 1);
	assert_int_equal(rogue_heard.times, pl[0].type == IKEV2_PL_NOTIFY);
	for (unsigned i = 0; i < n; i++) {
		struct rogue_payload left[16];

		if (pl[i].type == IKEV2_PL_NOTIFY)
			continue;
		memcpy(left, pl, sizeof(left));
		left[i] = pl[n - 1];
		say_init(left, n - 1);
		assert_int_equal(rogue_heard.times, 0);
		memcpy(left, pl, sizeof(left));
		left[n] = pl[i];
		say_init(left, n + 1);		/* doubled */
		assert_int_equal(rogue_heard.times, 0);
	}
	pl[n] = (struct rogue_payload)ROGUE(IKEV2_PL_IDI, "\1\0\0\0abcd");
	say_init(pl, n + 1);
	assert_int_equal(rogue_heard.times, 0);
	world_free(&w);
}

/* Headers that are not those of a first request. */
static void test_init_headers(void **state)
{
	struct rogue_payload pl[16];
	unsigned n = stranger(pl), before = half_open();
	struct wire_header good = init.h;

	(void)state;
	init.h.message_id = 1;
	say_init(pl, n);
	assert_int_equal(rogue_heard.times, 0);
	init.h = good;
	init.h.spi_r[7] = 1;
	say_init(pl, n);
	assert_int_equal(rogue_heard.times, 0);
	init.h = good;
	memset(init.h.spi_i, 0, 8);
	init.h.spi_i[0] = 0xff;		/* say_init makes it zero */
	say_init(pl, n);
	assert_int_equal(rogue_heard.times, 0);
	init.h = good;
	init.h.flags = 0;
	say_init(pl, n);
	assert_int_equal(rogue_heard.times, 0);
	assert_int_equal(half_open(), before);
	init.h = good;
	init.h.minor = 9;
	init.h.flags |= 0x47 | IKEV2_FLAG_VERSION;
	say_init(pl, n);
	assert_answer(0);
	world_free(&w);
}

/* --- versions and SPIs --- */

static void test_major_version(void **state)
{
	struct rogue_payload pl[16];
	unsigned n = stranger(pl);
	struct wire_message m;

	(void)state;
	for (init.h.major = 3; init.h.major < 16; init.h.major++) {
		say_init(pl, n);
		assert_int_equal(rogue_heard.times, 1);
		assert_int_equal(wire_message_get(&m, (struct view){ rogue_heard.bytes, rogue_heard.n }), 0);
		assert_true(message_has_notify(&m, IKEV2_N_INVALID_MAJOR_VERSION, NULL));
		assert_int_equal(m.h.flags, IKEV2_FLAG_RESPONSE);
		assert_int_equal(m.h.major, IKEV2_MAJOR);
		assert_memory_equal(m.h.spi_i, init.h.spi_i, 8);
	}
	init.h.major = 1;
	say_init(pl, n);
	assert_int_equal(rogue_heard.times, 0);
	init.h.major = 3;
	init.h.flags |= IKEV2_FLAG_RESPONSE;
	say_init(pl, n);
	assert_int_equal(rogue_heard.times, 0);
	init.h.flags = IKEV2_FLAG_INITIATOR;
	init.h.exchange = IKEV2_EXCH_INFORMATIONAL;
	init.h.message_id = 77;
	say_init(NULL, 0);
	assert_int_equal(rogue_heard.times, 1);
	assert_int_equal(wire_message_get(&m, (struct view){ rogue_heard.bytes, rogue_heard.n }), 0);
	assert_int_equal(m.h.exchange, IKEV2_EXCH_INFORMATIONAL);
	assert_int_equal(m.h.message_id, 77);
	/* A limited number of answers: nobody shall have us shout at others. */
	world_run(&w, SECONDS(1) - w.now % SECONDS(1));
	rogue_heard.times = 0;
	for (unsigned i = 0; i < 1000; i++) {
		struct view d = rogue_message(NULL, &init.h, NULL, 0, buf, sizeof(buf));

		world_inject(&w, 1, d.p, d.n);
	}
	world_run(&w, MILLISECONDS(15));
	assert_int_equal(rogue_heard.times, 100);
	world_free(&w);
}

/* A request for an SA that is not there; never an answer to an answer. */
static void test_unknown_spi(void **state)
{
	struct rogue_payload sk = ROGUE(IKEV2_PL_SK, "some bytes that nobody can read, but long enough for it");
	struct wire_header h;
	struct wire_message m;

	(void)state;
	up();
	h = rogue_header(rogue_sa(&w, 0), IKEV2_EXCH_INFORMATIONAL, false, 42);
	h.spi_r[3] ^= 1;
	for (int flags = 0; flags < 2; flags++) {
		h.flags = flags ? IKEV2_FLAG_INITIATOR : 0;
		h.spi_i[3] ^= 1;
		say(rogue_message(NULL, &h, &sk, 1, buf, sizeof(buf)));
		assert_int_equal(rogue_heard.times, 1);
		assert_int_equal(wire_message_get(&m, (struct view){ rogue_heard.bytes, rogue_heard.n }), 0);
		assert_true(message_has_notify(&m, IKEV2_N_INVALID_IKE_SPI, NULL));
		assert_memory_equal(m.h.spi_i, h.spi_i, 8);
		assert_memory_equal(m.h.spi_r, h.spi_r, 8);
		assert_int_equal(m.h.message_id, 42);
		assert_int_equal(m.h.exchange, IKEV2_EXCH_INFORMATIONAL);
		assert_int_equal(m.h.flags, IKEV2_FLAG_RESPONSE | (flags ? 0 : IKEV2_FLAG_INITIATOR));
	}
	h.flags |= IKEV2_FLAG_RESPONSE;
	say(rogue_message(NULL, &h, &sk, 1, buf, sizeof(buf)));
	assert_int_equal(rogue_heard.times, 0);
	/* What we sent ourselves comes back: no answer, whichever flags were turned round on the way. */
	h = rogue_header(rogue_sa(&w, 1), IKEV2_EXCH_INFORMATIONAL, false, 0);
	for (unsigned flags = 0; flags < 4; flags++) {
		h.flags = (uint8_t)((flags & 1 ? IKEV2_FLAG_INITIATOR : 0) | (flags & 2 ? IKEV2_FLAG_RESPONSE : 0));
		say(rogue_message(NULL, &h, &sk, 1, buf, sizeof(buf)));
		assert_int_equal(rogue_heard.times, 0);
	}
	assert_int_equal(w.host[1].events[ENGINE_IKE_DOWN], 0);
	world_free(&w);
}

/* Whatever is said in clear about an SA changes nothing; at most the peer is asked, every ten seconds. */
static void test_hints(void **state)
{
	static const uint16_t errors[] = { IKEV2_N_INVALID_IKE_SPI, IKEV2_N_INVALID_MAJOR_VERSION, IKEV2_N_INVALID_SPI,
					   IKEV2_N_INVALID_SYNTAX, IKEV2_N_AUTHENTICATION_FAILED };
	struct wire_header h;

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(errors) / sizeof(errors[0]); i++) {
		uint16_t error = errors[i / 2];
		const uint8_t body[] = { 0, 0, (uint8_t)(error >> 8), (uint8_t)error };
		struct rogue_payload pl = { .type = IKEV2_PL_NOTIFY, .body = { body, sizeof(body) } };
		unsigned wanted = i / 2 < 3;

		up();
		h = rogue_header(rogue_sa(&w, 0), IKEV2_EXCH_INFORMATIONAL, i & 1, rogue_sa(&w, 1)->next_request);
		say(rogue_message(NULL, &h, &pl, 1, buf, sizeof(buf)));
		assert_int_equal(rogue_heard.times, wanted);
		world_run(&w, SECONDS(1));
		say(rogue_message(NULL, &h, &pl, 1, buf, sizeof(buf)));
		assert_int_equal(rogue_heard.times, 0);
		world_run(&w, SECONDS(10));
		say(rogue_message(NULL, &h, &pl, 1, buf, sizeof(buf)));
		assert_int_equal(rogue_heard.times, wanted);
		world_run(&w, SECONDS(20));
		assert_int_equal(w.host[1].events[ENGINE_IKE_DOWN] + w.host[1].events[ENGINE_CHILD_DOWN], 0);
		assert_true(world_joined(&w));
		world_free(&w);
	}
}

/* INVALID_SPI outside of any SA (1.5): both SPIs zero. */
static void test_hint_child(void **state)
{
	struct wire_header h = { .major = 2, .exchange = IKEV2_EXCH_INFORMATIONAL, .flags = IKEV2_FLAG_INITIATOR };
	uint8_t body[] = { 0, 0, 0, IKEV2_N_INVALID_SPI, 0, 0, 0, 0 };
	struct rogue_payload pl = { .type = IKEV2_PL_NOTIFY, .body = { body, sizeof(body) } };
	uint32_t spi;

	(void)state;
	up();
	say(rogue_message(NULL, &h, &pl, 1, buf, sizeof(buf)));
	assert_int_equal(rogue_heard.times, 0);
	world_run(&w, SECONDS(2));
	spi = world_newest(&w.host[1], true)->sa.spi;
	for (int i = 0; i < 4; i++)
		body[4 + i] = (uint8_t)(spi >> (24 - 8 * i));
	say(rogue_message(NULL, &h, &pl, 1, buf, sizeof(buf)));
	assert_int_equal(rogue_heard.times, 1);
	say(rogue_message(NULL, &h, &pl, 1, buf, sizeof(buf)));
	assert_int_equal(rogue_heard.times, 0);
	world_run(&w, SECONDS(10));
	assert_true(world_joined(&w));
	world_free(&w);
}

/* --- oversized --- */

static uint8_t big[70000];

static size_t repeat(size_t at, const void *bytes, size_t n, unsigned count)
{
	for (unsigned i = 0; i < count; i++, at += n)
		memcpy(big + at, bytes, n);
	return at;
}

static size_t many_proposals(void)
{
	static const uint8_t one[] = { 2, 0, 0, 20, 1, 3, 4, 1, 1, 2, 3, 4, 0, 0, 0, 8, 1, 0, 0, 99 };
	size_t n = repeat(0, one, sizeof(one), 255);

	for (unsigned i = 0; i < 255; i++)
		big[sizeof(one) * i + 4] = (uint8_t)(i + 1);
	big[sizeof(one) * 254] = 0;
	return n;
}

static size_t many_transforms(void)
{
	static const uint8_t head[] = { 0, 0, 8, 4, 1, 3, 4, 255, 1, 2, 3, 4 }, one[] = { 3, 0, 0, 8, 1, 0, 0, 99 };
	size_t n = repeat(repeat(0, head, sizeof(head), 1), one, sizeof(one), 255);

	big[n - 8] = 0;
	return n;
}

static size_t many_attributes(void)
{
	static const uint8_t head[] = { 0, 0, 0xff, 0x00, 1, 3, 4, 1, 1, 2, 3, 4, 0, 0, 0xfe, 0xf4, 1, 0, 0, 20 };
	static const uint8_t one[] = { 0x80, 99, 0, 1 };

	return repeat(repeat(0, head, sizeof(head), 1), one, sizeof(one), (0xff00 - sizeof(head)) / 4);
}

static size_t many_selectors(void)
{
	static const uint8_t head[] = { 255, 0, 0, 0 };
	static const uint8_t one[] = { 7, 0, 0, 16, 0, 0, 0xff, 0xff, 10, 0, 0, 0, 10, 0, 0, 255 };

	return repeat(repeat(0, head, sizeof(head), 1), one, sizeof(one), 255);
}

static size_t many_deletes(void)
{
	static const uint8_t head[] = { 3, 4, 0x3a, 0x98 }, one[] = { 1, 2, 3, 4 };

	return repeat(repeat(0, head, sizeof(head), 1), one, sizeof(one), 15000);
}

static size_t only_zeros(void)
{
	memset(big, 0, sizeof(big));
	return 65000;
}

static void test_oversized_inside(void **state)
{
	static const struct {
		uint8_t exchange, type;
		size_t (*fill)(void);
		uint16_t notify;	/* of the answer */
	} t[] = {
		{ IKEV2_EXCH_CREATE_CHILD_SA, IKEV2_PL_SA, many_proposals, IKEV2_N_NO_PROPOSAL_CHOSEN },
		{ IKEV2_EXCH_CREATE_CHILD_SA, IKEV2_PL_SA, many_transforms, IKEV2_N_NO_PROPOSAL_CHOSEN },
		{ IKEV2_EXCH_CREATE_CHILD_SA, IKEV2_PL_SA, many_attributes, IKEV2_N_NO_PROPOSAL_CHOSEN },
		{ IKEV2_EXCH_CREATE_CHILD_SA, IKEV2_PL_TSI, many_selectors, IKEV2_N_INVALID_SYNTAX },
		{ IKEV2_EXCH_CREATE_CHILD_SA, IKEV2_PL_KE, only_zeros, IKEV2_N_INVALID_SYNTAX },
		{ IKEV2_EXCH_INFORMATIONAL, IKEV2_PL_DELETE, many_deletes, 0 },
		{ IKEV2_EXCH_INFORMATIONAL, IKEV2_PL_NOTIFY, only_zeros, 0 },
		{ IKEV2_EXCH_INFORMATIONAL, IKEV2_PL_VENDOR, only_zeros, 0 },
		{ IKEV2_EXCH_INFORMATIONAL, IKEV2_PL_NONCE, only_zeros, IKEV2_N_INVALID_SYNTAX },
		{ IKEV2_EXCH_INFORMATIONAL, UNKNOWN, only_zeros, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct rogue_payload pl[4] = { { .type = t[i].type, .body = { big, t[i].fill() } },
					       ROGUE(IKEV2_PL_NONCE, nonce),
					       ROGUE(IKEV2_PL_TSI, "\1\0\0\0\7\0\0\20\0\0\xff\xff\12\0\0\0\12\0\0\xff"),
					       ROGUE(IKEV2_PL_TSR, "\1\0\0\0\7\0\0\20\0\0\xff\xff\12\0\1\0\12\0\1\xff") };
		struct wire_notify n;
		unsigned with = t[i].type == IKEV2_PL_SA ? 4 : t[i].exchange == IKEV2_EXCH_CREATE_CHILD_SA ? 2 : 1;

		up();
		ask(t[i].exchange, pl, with);
		if (t[i].notify == IKEV2_N_INVALID_SYNTAX) {
			assert_ended();
			continue;
		}
		assert_int_equal(answered(&n), t[i].notify);
		assert_non_null(rogue_sa(&w, 1));
		world_free(&w);
	}
}

static void test_thousand_payloads(void **state)
{
	static struct rogue_payload pl[1000];

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		pl[i] = (struct rogue_payload)ROGUE(IKEV2_PL_VENDOR, "v");
	up();
	ask(IKEV2_EXCH_INFORMATIONAL, pl, WIRE_PAYLOADS_MAX - 1);
	assert_fine();
	ask(IKEV2_EXCH_INFORMATIONAL, pl, 1000);
	assert_ended();
}

static void test_oversized_in_clear(void **state)
{
	struct wire_header h;
	struct rogue_payload pl[2] = { ROGUE(IKEV2_PL_VENDOR, ""), ROGUE(IKEV2_PL_NOTIFY, "\0\0\x40\0") };

	(void)state;
	up();
	h = rogue_header(rogue_sa(&w, 0), IKEV2_EXCH_IKE_SA_INIT, false, 0);
	memset(h.spi_r, 0, 8);
	memset(big, 0xa5, sizeof(big));
	for (size_t n = DATAGRAM_MOST; n > 64; n /= 3) {
		pl[0].body = (struct view){ big, n - 28 - 4 };
		say(rogue_message(NULL, &h, pl, 1, buf, sizeof(buf)));
		assert_int_equal(rogue_heard.times, 0);
	}
	h.exchange = IKEV2_EXCH_INFORMATIONAL;
	h.spi_r[0] = 1;
	say(rogue_message(NULL, &h, pl, 1, buf, sizeof(buf)));
	assert_true(rogue_heard.n < 64);	/* a long question, a short answer */
	assert_true(world_joined(&w));
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_critical),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_broken_requests),
		cmocka_unit_test(test_strange_requests),
		cmocka_unit_test(test_any_order_inside),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_init_headers),
		cmocka_unit_test(test_major_version),
		cmocka_unit_test(test_unknown_spi),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_hint_child),
		cmocka_unit_test(test_oversized_inside),
		cmocka_unit_test(test_thousand_payloads),
		cmocka_unit_test(test_oversized_in_clear),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
