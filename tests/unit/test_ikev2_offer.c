// SPDX-License-Identifier: MIT
// What a peer may ask for in CREATE_CHILD_SA, said by one that says anything: selectors, proposals, notifies.
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "keyd/ikev2/message.h"
#include "tests/unit/rogue.h"
#include "tests/unit/world_spd.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t buf[4000], heard[4000];
static size_t heard_n;

static void overhear(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	if (from != 1 || n > sizeof(heard))
		return;
	memcpy(heard, bytes, n);
	heard_n = n;
}

#define GCM "\x03\0\0\x0c\x01\0\0\x14\x80\x0e\0\x80"
#define NO_ESN "\0\0\0\x08\x05\0\0\0"
#define SA_ESP "\0\0\0\x20" "\x01\x03\x04\x02" "\x12\x34\x56\x78" GCM NO_ESN
#define NONCE "0123456789abcdef0123456789abcdef"

/* CREATE_CHILD_SA with these selectors and one notify (0: none); the answer's payloads. */
static struct wire_message created(struct view sa_payload, struct view ts_i, struct view ts_r, uint16_t notify)
{
	struct ike_sa *sa = rogue_sa(&w, 0);
	struct wire_header h = rogue_header(sa, IKEV2_EXCH_CREATE_CHILD_SA, false, sa->next_request++);
	uint8_t body[4] = { 0, 0, (uint8_t)(notify >> 8), (uint8_t)notify };
	struct rogue_payload pl[] = {
		{ .type = IKEV2_PL_SA, .body = sa_payload }, ROGUE(IKEV2_PL_NONCE, NONCE),
		{ .type = IKEV2_PL_TSI, .body = ts_i }, { .type = IKEV2_PL_TSR, .body = ts_r },
		{ .type = IKEV2_PL_NOTIFY, .body = { body, sizeof(body) } },
	};
	struct view d = rogue_message(sa, &h, pl, notify ? 5 : 4, buf, sizeof(buf));
	struct wire_message m = { .n = 0 };

	w.tap = overhear;
	heard_n = 0;
	world_inject(&w, 1, d.p, d.n);
	world_run(&w, MILLISECONDS(15));
	assert_true(heard_n && rogue_open(sa, false, heard, heard_n, &m));
	return m;
}

#define VIEW(s) (struct view){ (const uint8_t *)(s), sizeof(s) - 1 }
#define TS(n, ...) "\0\0\0" __VA_ARGS__
#define TS_ONE(proto, ports, range) "\x01\0\0\0" "\x07" proto "\0\x10" ports range
#define ANY "\0\0\xff\xff"
#define OPAQUE "\xff\xff\0\0"

static const char *answer_ts(const struct wire_message *m, uint8_t type)
{
	static char text[2][400];
	static unsigned turn;
	const struct wire_payload *p = wire_find(m, type);
	struct wire_ts_list l;

	if (!p)
		return "none";
	assert_int_equal(wire_ts_get(&l, p->body), 0);
	return ts_list_format(&l, text[turn++ & 1], sizeof(text[0]));
}

static void rogue_up(uint64_t seed)
{
	begin(seed);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	policy(1, "10.1.0.0/16", "10.0.0.0/24", 0);
	assert_int_equal(engine_up(w.host[0].engine, w.now, NULL, NULL), 1);
	world_run(&w, SECONDS(3));
	assert_int_equal(w.host[1].events[ENGINE_CHILD_UP], 1);
	world_log_clear(&w);
}

/* Ranges that are no prefixes, several of them, ports and OPAQUE: agreed on as they are, with the first one inside. */
static void test_any_selectors(void **state)
{
	struct wire_message m;
	struct world_sa *out, *in;

	(void)state;
	rogue_up(60);
	m = created(VIEW(SA_ESP), VIEW(TS_ONE("\0", ANY, "\x0a\0\0\x03" "\x0a\0\0\x09")),
		    VIEW(TS_ONE("\x06", "\0\x50\0\x5a", "\x0a\x01\0\0" "\x0a\x01\x04\x07")), 0);
	assert_string_equal(answer_ts(&m, IKEV2_PL_TSI), "10.0.0.3-10.0.0.9");
	assert_string_equal(answer_ts(&m, IKEV2_PL_TSR), "10.1.0.0-10.1.4.7 tcp port 80-90");
	assert_false(message_has_notify(&m, IKEV2_N_ADDITIONAL_TS_POSSIBLE, NULL));
	world_run(&w, SECONDS(1));
	out = world_newest(&w.host[1], true);
	in = world_newest(&w.host[1], false);
	assert_int_equal(out->sa.sel.src_len, 22);	/* 10.1.0.0/22, inside of the range */
	assert_int_equal(in->sa.sel.dst_len, 21);	/* 10.1.0.0/21, around it */
	assert_int_equal(out->sa.sel.sport & out->sa.sel.sport_mask, 80);
	assert_int_equal(out->sa.sel.proto, IPPROTO_TCP);
	/* The packet first, then the network; wider than our policy. */
	m = created(VIEW(SA_ESP), VIEW("\x02\0\0\0" "\x07\x06\0\x10\x04\0\x04\0" "\x0a\0\0\x07\x0a\0\0\x07"
				       "\x07\0\0\x10\0\0\xff\xff" "\x0a\0\0\0\x0a\xff\xff\xff"),
		    VIEW("\x02\0\0\0" "\x07\x06\0\x10\0\x50\0\x50" "\x0a\x01\x02\x03\x0a\x01\x02\x03"
			 "\x07\0\0\x10\0\0\xff\xff" "\x0a\x01\x02\0\x0a\x01\x02\xff"), 0);
	assert_string_equal(answer_ts(&m, IKEV2_PL_TSI), "10.0.0.0-10.0.0.255");
	assert_string_equal(answer_ts(&m, IKEV2_PL_TSR), "10.1.2.0-10.1.2.255");
	m = created(VIEW(SA_ESP), VIEW(TS_ONE("\x11", OPAQUE, "\x0a\0\0\x03" "\x0a\0\0\x09")),
		    VIEW(TS_ONE("\x11", ANY, "\x0a\x01\0\0" "\x0a\x01\x04\x07")), 0);
	assert_string_equal(answer_ts(&m, IKEV2_PL_TSI), "10.0.0.3-10.0.0.9 udp port opaque");
	world_free(&w);
}

/* Two policies share with what is asked: one is taken, and the other is hinted at. */
static void test_additional_possible(void **state)
{
	struct wire_message m;

	(void)state;
	rogue_up(61);
	policy(1, "10.2.0.0/16", "10.0.0.0/24", 0);
	m = created(VIEW(SA_ESP), VIEW(TS_ONE("\0", ANY, "\x0a\0\0\0" "\x0a\0\0\xff")),
		    VIEW(TS_ONE("\0", ANY, "\x0a\0\0\0" "\x0a\xff\xff\xff")), 0);
	assert_string_equal(answer_ts(&m, IKEV2_PL_TSR), "10.1.0.0-10.1.255.255");
	assert_true(message_has_notify(&m, IKEV2_N_ADDITIONAL_TS_POSSIBLE, NULL));
	m = created(VIEW(SA_ESP), VIEW(TS_ONE("\0", ANY, "\x0a\0\0\0" "\x0a\0\0\xff")),
		    VIEW(TS_ONE("\0", ANY, "\x0a\x01\0\0" "\x0a\x01\xff\xff")), 0);
	assert_false(message_has_notify(&m, IKEV2_N_ADDITIONAL_TS_POSSIBLE, NULL));
	world_free(&w);
}

/* What is wrong is answered with its notify, makes no SA and costs nothing else. */
static void test_bad_offers(void **state)
{
	static const struct {
		const char *sa, *i, *r;
		size_t nsa, ni, nr;
		uint16_t notify;
	} t[] = {
#define CASE(sa, i, r, notify) { sa, i, r, sizeof(sa) - 1, sizeof(i) - 1, sizeof(r) - 1, notify }
#define GOOD_I TS_ONE("\0", ANY, "\x0a\0\0\0" "\x0a\0\0\xff")
#define GOOD_R TS_ONE("\0", ANY, "\x0a\x01\0\0" "\x0a\x01\xff\xff")
		CASE(SA_ESP, GOOD_I, TS_ONE("\0", ANY, "\x0a\x02\0\0" "\x0a\x02\xff\xff"), IKEV2_N_TS_UNACCEPTABLE),
		/* of a type that nobody knows */
		CASE(SA_ESP, GOOD_I, "\x01\0\0\0" "\x63\0\0\x08" "abcd", IKEV2_N_TS_UNACCEPTABLE),
		/* cut short, backwards, fewer than it says, none */
		CASE(SA_ESP, GOOD_I, "\x01\0\0\0" "\x07\0\0\x10\0\0\xff\xff" "\x0a\x01\0\0", IKEV2_N_INVALID_SYNTAX),
		CASE(SA_ESP, GOOD_I, TS_ONE("\0", ANY, "\x0a\x01\x01\0" "\x0a\x01\0\0"), IKEV2_N_INVALID_SYNTAX),
		CASE(SA_ESP, "\x02\0\0\0" "\x07\0\0\x10\0\0\xff\xff" "\x0a\0\0\0" "\x0a\0\0\xff", GOOD_R,
		     IKEV2_N_INVALID_SYNTAX),
		/* one family here, the other there */
		CASE(SA_ESP, "\x01\0\0\0" "\x08\0\0\x28\0\0\xff\xff" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0"
		     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", GOOD_R, IKEV2_N_TS_UNACCEPTABLE),
		/* AH, and SPIs that none may have */
		CASE("\0\0\0\x20" "\x01\x02\x04\x02" "\x12\x34\x56\x78" GCM NO_ESN,
		     GOOD_I, GOOD_R, IKEV2_N_NO_PROPOSAL_CHOSEN),
		CASE("\0\0\0\x20" "\x01\x03\x04\x02" "\0\0\0\xff" GCM NO_ESN,
		     GOOD_I, GOOD_R, IKEV2_N_INVALID_SYNTAX),
		/* no ESN transform; a key exchange that is not there */
		CASE("\0\0\0\x18" "\x01\x03\x04\x01" "\x12\x34\x56\x78" "\0\0\0\x0c\x01\0\0\x14\x80\x0e\0\x80", GOOD_I,
		     GOOD_R, IKEV2_N_NO_PROPOSAL_CHOSEN),
	};

	(void)state;
	rogue_up(62);
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		unsigned before = w.host[1].nsas;
		struct wire_message m = created((struct view){ (const uint8_t *)t[i].sa, t[i].nsa },
						(struct view){ (const uint8_t *)t[i].i, t[i].ni },
						(struct view){ (const uint8_t *)t[i].r, t[i].nr }, 0);

		if (message_error(&m) != t[i].notify)
			fail_msg("case %u: %u, not %u", i, message_error(&m), t[i].notify);
		assert_null(wire_find(&m, IKEV2_PL_SA));
		assert_true(!rogue_sa(&w, 1) || w.host[1].nsas == before);
		if (t[i].notify == IKEV2_N_INVALID_SYNTAX && !rogue_sa(&w, 1)) {	/* such a peer is let go */
			world_free(&w);
			rogue_up(63 + i);
		}
	}
	world_free(&w);
}

/* Notifies that mean nothing to us: the child comes all the same, and as if they were not there. */
static void test_ignored_notifies(void **state)
{
	static const uint16_t ignored[] = {
		IKEV2_N_IPCOMP_SUPPORTED, IKEV2_N_NON_FIRST_FRAGMENTS_ALSO, IKEV2_N_HTTP_CERT_LOOKUP_SUPPORTED,
		IKEV2_N_ADDITIONAL_TS_POSSIBLE, 40960, 65535,
	};

	(void)state;
	rogue_up(80);
	for (unsigned i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		struct wire_message m = created(VIEW(SA_ESP), VIEW(GOOD_I), VIEW(GOOD_R), ignored[i]);

		assert_int_equal(message_error(&m), 0);
		assert_non_null(wire_find(&m, IKEV2_PL_SA));
		assert_false(message_has_notify(&m, ignored[i], NULL));
		assert_int_equal(w.host[1].events[ENGINE_IKE_DOWN], 0);
		if (i == 0)	/* the same SPI again is refused by the kernel: away with it */
			break;
	}
	world_free(&w);
	for (unsigned i = 1; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		struct wire_message m;

		rogue_up(80 + i);
		m = created(VIEW(SA_ESP), VIEW(GOOD_I), VIEW(GOOD_R), ignored[i]);
		assert_int_equal(message_error(&m), 0);
		assert_non_null(wire_find(&m, IKEV2_PL_SA));
		assert_false(message_has_notify(&m, ignored[i], NULL));
		world_free(&w);
	}
}

/* A packet of ours that the peer did not want: it says so by INVALID_SELECTORS, which changes nothing. */
static void test_invalid_selectors(void **state)
{
	/* ESP, an SPI, 39, and some of the packet */
	struct rogue_payload pl = ROGUE(IKEV2_PL_NOTIFY, "\x03\x04\0\x27" "\x12\x34\x56\x78" "some of the packet");
	struct ike_sa *sa;
	struct wire_header h;
	struct wire_message m;
	struct view d;

	(void)state;
	rogue_up(95);
	sa = rogue_sa(&w, 0);
	h = rogue_header(sa, IKEV2_EXCH_INFORMATIONAL, false, sa->next_request++);
	d = rogue_message(sa, &h, &pl, 1, buf, sizeof(buf));
	w.tap = overhear;
	heard_n = 0;
	world_inject(&w, 1, d.p, d.n);
	world_run(&w, MILLISECONDS(15));
	assert_true(heard_n && rogue_open(sa, false, heard, heard_n, &m));
	assert_int_equal(m.n, m.n_clear);
	assert_int_equal(w.host[1].nsas, 2);
	assert_non_null(rogue_sa(&w, 1));
	world_free(&w);
}

/*
 * A peer that cannot take padding gets none; one that wants transport mode where our policy is a tunnel gets a tunnel.
 */
static void test_heeded_notifies(void **state)
{
	struct wire_message m;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		rogue_up(90 + i);
		w.host[1].conf.defaults.tfc = 1000;
		world_configure(&w, 1);
		rogue_sa(&w, 1)->peer->conf.tfc = 1000;
		m = created(VIEW(SA_ESP), VIEW(GOOD_I), VIEW(GOOD_R), i ? IKEV2_N_ESP_TFC_PADDING_NOT_SUPPORTED : 0);
		assert_int_equal(message_error(&m), 0);
		world_run(&w, SECONDS(1));
		assert_int_equal(world_newest(&w.host[1], true)->sa.tfc_pad, i ? 0 : 1000);
		world_free(&w);
	}
	rogue_up(92);
	m = created(VIEW(SA_ESP), VIEW(GOOD_I), VIEW(GOOD_R), IKEV2_N_USE_TRANSPORT_MODE);
	assert_non_null(wire_find(&m, IKEV2_PL_SA));
	assert_false(message_has_notify(&m, IKEV2_N_USE_TRANSPORT_MODE, NULL));
	assert_int_equal(world_newest(&w.host[1], false)->sa.mode, IPSEC_MODE_TUNNEL);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_selectors),
		cmocka_unit_test(test_additional_possible),
		cmocka_unit_test(test_bad_offers),
		cmocka_unit_test(test_ignored_notifies),
		cmocka_unit_test(test_invalid_selectors),
		cmocka_unit_test(test_heeded_notifies),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
