// SPDX-License-Identifier: MIT
// Whole IKEv2 messages: header, chain, SK, and an IKE_SA_INIT request written out byte by byte from RFC 7296.
#include "tests/unit/test_wire_same.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* HDR, SAi1, KEi, Ni, N(NAT_DETECTION_SOURCE_IP): sections 3.1 to 3.10 with the pen. */
static const uint8_t init_request[] = {
	/* 3.1 header */
	0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,		/* IKE SA initiator's SPI */
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,		/* responder's SPI: none yet */
	0x21, 0x20, 0x22, 0x08,					/* next SA (33), version 2.0, IKE_SA_INIT (34), I */
	0x00, 0x00, 0x00, 0x00,					/* message id 0 */
	0x00, 0x00, 0x00, 0xb8,					/* length 184 */
	/* 3.2 generic header: next KE (34), not critical, 48 bytes */
	0x22, 0x00, 0x00, 0x30,
	/* 3.3.1 proposal: last (0), 44 bytes, number 1, IKE (1), no SPI, 4 transforms */
	0x00, 0x00, 0x00, 0x2c, 0x01, 0x01, 0x00, 0x04,
	/* 3.3.2 transforms: more (3), length, type, id; 3.3.5 attribute: Key Length (14) in the short form */
	0x03, 0x00, 0x00, 0x0c, 0x01, 0x00, 0x00, 0x0c, 0x80, 0x0e, 0x00, 0x80,	/* ENCR_AES_CBC, 128 bits */
	0x03, 0x00, 0x00, 0x08, 0x02, 0x00, 0x00, 0x05,		/* PRF_HMAC_SHA2_256 */
	0x03, 0x00, 0x00, 0x08, 0x03, 0x00, 0x00, 0x0c,		/* AUTH_HMAC_SHA2_256_128 */
	0x00, 0x00, 0x00, 0x08, 0x04, 0x00, 0x00, 0x1f,		/* the last (0): Curve25519 */
	/* 3.4 key exchange: next Nonce (40), 40 bytes; group 31 */
	0x28, 0x00, 0x00, 0x28, 0x00, 0x1f, 0x00, 0x00,
	0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
	0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f,
	/* 3.9 nonce: next Notify (41), 36 bytes */
	0x29, 0x00, 0x00, 0x24,
	0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f,
	0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f,
	/* 3.10 notify: no next payload, 32 bytes; protocol 0, no SPI, NAT_DETECTION_SOURCE_IP (16388), 20 bytes + 4 */
	0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x40, 0x04,
	0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf,
	0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7,
};

static const struct view init_datagram = { init_request, sizeof(init_request) };

/* Into a buffer of exactly n bytes, with the header's length set to n: the sanitizer guards the end. */
static uint8_t *cut(const uint8_t *from, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, from, n);
	if (n >= WIRE_HEADER_LEN) {
		copy[24] = copy[25] = 0;
		copy[26] = (uint8_t)(n >> 8);
		copy[27] = (uint8_t)n;
	}
	return copy;
}

static void decodes_init_by_hand(void **state)
{
	static struct wire_message m;
	static struct wire_sa sa;
	struct wire_nonce nonce;
	struct wire_notify notify;
	struct wire_ke ke;
	static const struct wire_transform want[] = {
		{ IKEV2_TRANSFORM_ENCR, IKEV2_ENCR_AES_CBC, 128 },
		{ IKEV2_TRANSFORM_PRF, IKEV2_PRF_HMAC_SHA2_256, 0 },
		{ IKEV2_TRANSFORM_INTEG, IKEV2_INTEG_HMAC_SHA2_256_128, 0 },
		{ IKEV2_TRANSFORM_DH, IKEV2_DH_CURVE25519, 0 },
	};

	(void)state;
	assert_int_equal(wire_message_get(&m, init_datagram), WIRE_OK);
	assert_memory_equal(m.h.spi_i, "\1\2\3\4\5\6\7\10", 8);
	assert_memory_equal(m.h.spi_r, "\0\0\0\0\0\0\0\0", 8);
	assert_int_equal(m.h.exchange, IKEV2_EXCH_IKE_SA_INIT);
	assert_int_equal(m.h.flags, IKEV2_FLAG_INITIATOR);
	assert_int_equal(m.h.major, 2);
	assert_int_equal(m.h.minor, 0);
	assert_int_equal(m.h.length, 184);
	assert_int_equal(m.n, 4);
	assert_int_equal(m.n_clear, 4);
	assert_int_equal(m.sk_next, 0);
	assert_true(m.present_clear == (WIRE_BIT(33) | WIRE_BIT(34) | WIRE_BIT(40) | WIRE_BIT(41)));
	assert_true(m.present_sk == 0);
	assert_null(wire_unknown_critical(&m));

	assert_int_equal(wire_sa_get(&sa, wire_find(&m, IKEV2_PL_SA)->body), WIRE_OK);
	assert_int_equal(sa.n, 1);
	assert_false(sa.skipped);
	assert_int_equal(sa.p[0].number, 1);
	assert_int_equal(sa.p[0].protocol, IKEV2_PROTO_IKE);
	assert_int_equal(sa.p[0].spi.n, 0);
	assert_false(sa.p[0].skipped_unknown);
	assert_int_equal(sa.p[0].n, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(sa.p[0].t[i].type, want[i].type);
		assert_int_equal(sa.p[0].t[i].id, want[i].id);
		assert_int_equal(sa.p[0].t[i].key_bits, want[i].key_bits);
	}
	assert_int_equal(wire_proposal_types(&sa.p[0]), 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4);

	assert_int_equal(wire_ke_get(&ke, wire_find(&m, IKEV2_PL_KE)->body), WIRE_OK);
	assert_int_equal(ke.group, IKEV2_DH_CURVE25519);
	assert_int_equal(ke.data.n, 32);
	assert_int_equal(ke.data.p[0], 0x80);
	assert_int_equal(wire_nonce_get(&nonce, wire_find(&m, IKEV2_PL_NONCE)->body), WIRE_OK);
	assert_int_equal(nonce.data.n, 32);
	assert_int_equal(nonce.data.p[31], 0x5f);
	assert_int_equal(wire_notify_get(&notify, wire_find(&m, IKEV2_PL_NOTIFY)->body), WIRE_OK);
	assert_int_equal(notify.type, IKEV2_N_NAT_DETECTION_SOURCE_IP);
	assert_int_equal(notify.spi.n, 0);
	assert_int_equal(notify.data.n, 24);
}

static void encodes_init_by_hand(void **state)
{
	struct wire_header h = { .spi_i = { 1, 2, 3, 4, 5, 6, 7, 8 }, .major = 2, .exchange = IKEV2_EXCH_IKE_SA_INIT,
				 .flags = IKEV2_FLAG_INITIATOR, .next_payload = 99, .length = 99 };
	static const struct wire_sa sa = { .n = 1, .p = { { .number = 1, .protocol = IKEV2_PROTO_IKE, .n = 4, .t = {
		{ IKEV2_TRANSFORM_ENCR, IKEV2_ENCR_AES_CBC, 128 },
		{ IKEV2_TRANSFORM_PRF, IKEV2_PRF_HMAC_SHA2_256, 0 },
		{ IKEV2_TRANSFORM_INTEG, IKEV2_INTEG_HMAC_SHA2_256_128, 0 },
		{ IKEV2_TRANSFORM_DH, IKEV2_DH_CURVE25519, 0 },
	} } } };
	uint8_t buf[sizeof(init_request)];
	struct wire_out out;
	struct view datagram;
	size_t mark;

	(void)state;
	wire_out_begin(&out, buf, sizeof(buf), &h);
	mark = wire_payload_begin(&out, IKEV2_PL_SA);
	wire_sa_put(&out.w, &sa);
	wire_payload_end(&out, mark);
	mark = wire_payload_begin(&out, IKEV2_PL_KE);
	wire_ke_put(&out.w, &(struct wire_ke){ IKEV2_DH_CURVE25519, { init_request + 84, 32 } });
	wire_payload_end(&out, mark);
	mark = wire_payload_begin(&out, IKEV2_PL_NONCE);
	wire_nonce_put(&out.w, &(struct wire_nonce){ { init_request + 120, 32 } });
	wire_payload_end(&out, mark);
	mark = wire_payload_begin(&out, IKEV2_PL_NOTIFY);
	wire_notify_put(&out.w, &(struct wire_notify){ .type = IKEV2_N_NAT_DETECTION_SOURCE_IP,
						       .data = { init_request + 160, 24 } });
	wire_payload_end(&out, mark);
	assert_int_equal(wire_out_end(&out, &datagram), WIRE_OK);
	assert_int_equal(datagram.n, sizeof(init_request));
	assert_memory_equal(datagram.p, init_request, sizeof(init_request));
}

static void refuses_every_truncation(void **state)
{
	static struct wire_message m;

	(void)state;
	for (size_t n = 0; n < sizeof(init_request); n++) {
		uint8_t *copy = cut(init_request, n);
		int error = wire_message_get(&m, (struct view){ copy, n });

		if (n < WIRE_HEADER_LEN)
			assert_int_equal(error, WIRE_SHORT);
		else
			assert_true(error == WIRE_SHORT || error == WIRE_LENGTH);
		assert_int_equal(m.n, 0);
		assert_true(m.present_clear == 0);
		/* Not even with the old length. */
		if (n >= WIRE_HEADER_LEN) {
			memcpy(copy + 24, init_request + 24, 4);
			assert_int_equal(wire_message_get(&m, (struct view){ copy, n }), WIRE_LENGTH);
			assert_int_equal(m.h.exchange, IKEV2_EXCH_IKE_SA_INIT);
		}
		free(copy);
	}
}

static void refuses_what_is_not_a_message(void **state)
{
	static struct wire_message m;
	uint8_t bad[sizeof(init_request) + 1];
	struct view v = { bad, sizeof(init_request) };
	uint8_t *longer;

	(void)state;
	memcpy(bad, init_request, sizeof(init_request));
	bad[17] = 0x10;	/* version 1.0: the header is there all the same */
	assert_int_equal(wire_message_get(&m, v), WIRE_VERSION);
	assert_int_equal(m.h.major, 1);
	assert_int_equal(m.h.exchange, IKEV2_EXCH_IKE_SA_INIT);
	bad[17] = 0x2f;	/* a minor version is to be ignored (2.5) */
	assert_int_equal(wire_message_get(&m, v), WIRE_OK);
	assert_int_equal(m.h.minor, 15);
	bad[17] = 0x20;
	bad[31] = 3;	/* a payload shorter than its own header */
	assert_int_equal(wire_message_get(&m, v), WIRE_LENGTH);
	bad[31] = 0x30;
	bad[16] = 0;	/* no payload, but bytes */
	assert_int_equal(wire_message_get(&m, v), WIRE_TRAILING);
	bad[16] = 0x21;

	bad[sizeof(init_request)] = 0;
	longer = cut(bad, sizeof(bad));
	assert_int_equal(wire_message_get(&m, (struct view){ longer, sizeof(bad) }), WIRE_TRAILING);
	free(longer);
}

static void header_round_trips(void **state)
{
	struct wire_header a, b;
	uint8_t raw[WIRE_HEADER_LEN], buf[WIRE_HEADER_LEN];
	struct wr w;
	struct rd r;

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 1000; round++) {
		for (size_t i = 0; i < sizeof(raw); i++)
			raw[i] = (uint8_t)rand();
		r = rd_of(raw, sizeof(raw));
		assert_int_equal(wire_header_get(&r, &a), a.length == sizeof(raw) ? WIRE_OK : WIRE_LENGTH);
		assert_int_equal(rd_left(&r), 0);
		w = wr_of(buf, sizeof(buf));
		wire_header_put(&w, &a);
		assert_memory_equal(buf, raw, sizeof(raw));
		wire_header_finish(&w);
		r = rd_of(buf, sizeof(buf));
		assert_int_equal(wire_header_get(&r, &b), WIRE_OK);
		assert_int_equal(b.length, sizeof(raw));
	}
}

/* A message with n payloads of this type, the critical bit on all of them if wanted. */
static struct view many(uint8_t *buf, size_t cap, unsigned n, uint8_t type, bool critical)
{
	struct wire_header h = { .major = 2, .exchange = IKEV2_EXCH_INFORMATIONAL };
	struct wire_out out;
	struct view datagram;

	wire_out_begin(&out, buf, cap, &h);
	for (unsigned i = 0; i < n; i++) {
		size_t mark = critical ? wire_payload_begin_critical(&out, type) : wire_payload_begin(&out, type);

		wr_u8(&out.w, (uint8_t)i);
		wire_payload_end(&out, mark);
	}
	assert_int_equal(wire_out_end(&out, &datagram), WIRE_OK);
	return datagram;
}

static void caps_the_payloads(void **state)
{
	static struct wire_message m;
	uint8_t buf[1024];

	(void)state;
	assert_int_equal(wire_message_get(&m, many(buf, sizeof(buf), WIRE_PAYLOADS_MAX, 43, false)), WIRE_OK);
	assert_int_equal(m.n, WIRE_PAYLOADS_MAX);
	assert_int_equal(wire_count(&m, 43), WIRE_PAYLOADS_MAX);
	assert_int_equal(wire_message_get(&m, many(buf, sizeof(buf), WIRE_PAYLOADS_MAX + 1, 43, false)), WIRE_TOO_MANY);
	assert_int_equal(m.n, 0);
}

static void finds_payloads_in_order(void **state)
{
	static struct wire_message m;
	const struct wire_payload *pl = NULL;
	uint8_t buf[256];

	(void)state;
	assert_int_equal(wire_message_get(&m, many(buf, sizeof(buf), 3, IKEV2_PL_NOTIFY, false)), WIRE_OK);
	for (unsigned i = 0; i < 3; i++) {
		pl = wire_next(&m, IKEV2_PL_NOTIFY, pl);
		assert_non_null(pl);
		assert_int_equal(pl->body.p[0], i);
	}
	assert_null(wire_next(&m, IKEV2_PL_NOTIFY, pl));
	assert_null(wire_find(&m, IKEV2_PL_SA));
	assert_int_equal(wire_count(&m, IKEV2_PL_SA), 0);
	assert_int_equal(wire_message_get(&m, many(buf, sizeof(buf), 0, 0, false)), WIRE_OK);
	assert_int_equal(m.n, 0);
}

static void shows_unknown_critical_payloads(void **state)
{
	static struct wire_message m;
	uint8_t buf[256];

	(void)state;
	assert_int_equal(wire_message_get(&m, many(buf, sizeof(buf), 1, 200, true)), WIRE_OK);
	assert_true(m.pl[0].critical);
	assert_ptr_equal(wire_unknown_critical(&m), &m.pl[0]);
	assert_true(m.present_clear == 0);
	assert_int_equal(wire_message_get(&m, many(buf, sizeof(buf), 1, 200, false)), WIRE_OK);
	assert_false(m.pl[0].critical);
	assert_null(wire_unknown_critical(&m));
	/* On a known type the bit is ignored. */
	assert_int_equal(wire_message_get(&m, many(buf, sizeof(buf), 1, IKEV2_PL_SA, true)), WIRE_OK);
	assert_true(m.pl[0].critical);
	assert_null(wire_unknown_critical(&m));
	/* A reserved bit is not the critical bit. */
	many(buf, sizeof(buf), 1, 200, false);
	buf[29] = 0x7f;
	assert_int_equal(wire_message_get(&m, (struct view){ buf, 33 }), WIRE_OK);
	assert_null(wire_unknown_critical(&m));
}

static struct view sealed(uint8_t *buf, size_t cap, size_t block, struct wire_seal *seal)
{
	struct wire_header h = { .major = 2, .exchange = IKEV2_EXCH_INFORMATIONAL, .message_id = 7 };
	struct wire_out out;
	size_t mark;

	wire_out_begin(&out, buf, cap, &h);
	wire_payload_put(&out, IKEV2_PL_VENDOR, (struct view){ (const uint8_t *)"clear", 5 });
	wire_sk_begin(&out, 8);
	mark = wire_payload_begin(&out, IKEV2_PL_DELETE);
	wire_delete_put_spi(&out.w, IKEV2_PROTO_ESP, 0x11223344);
	wire_payload_end(&out, mark);
	wire_payload_put(&out, IKEV2_PL_VENDOR, (struct view){ (const uint8_t *)"inside", 6 });
	assert_int_equal(wire_sk_end(&out, wire_sk_pad_len(&out, block), 16, seal), WIRE_OK);
	return seal->datagram;
}

/* Where everything stands: header 28, clear payload 9, SK header 4, IV 8, inner 12 + 10, padding, ICV 16. */
static void seals_and_opens(void **state)
{
	static struct wire_message m;
	static const size_t blocks[] = { 0, 1, 4, 16, 23 }, pads[] = { 0, 0, 1, 9, 0 };
	const struct wire_payload *sk;
	uint8_t buf[256];
	struct wire_seal seal;
	struct wire_sk part;
	struct wire_delete d;
	struct view inner, v;
	uint32_t spi = 0;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		memset(buf, 0xff, sizeof(buf));
		v = sealed(buf, sizeof(buf), blocks[i], &seal);
		assert_ptr_equal(v.p, buf);
		assert_int_equal(v.n, 28 + 9 + 4 + 8 + 22 + pads[i] + 1 + 16);
		assert_int_equal(seal.aad.n, 28 + 9 + 4);
		assert_ptr_equal(seal.aad.p, buf);
		assert_ptr_equal(seal.iv, buf + 41);
		assert_int_equal(seal.iv_len, 8);
		assert_ptr_equal(seal.plain, buf + 49);
		assert_int_equal(seal.plain_len, 22 + pads[i] + 1);
		assert_ptr_equal(seal.icv, seal.plain + seal.plain_len);
		assert_int_equal(seal.icv_len, 16);
		assert_int_equal(buf[16], IKEV2_PL_VENDOR);
		assert_int_equal(buf[28], IKEV2_PL_SK);
		assert_int_equal(buf[37], IKEV2_PL_DELETE);
		assert_int_equal(buf[40], v.n - 37);
		assert_int_equal(seal.plain[seal.plain_len - 1], pads[i]);

		assert_int_equal(wire_message_get(&m, v), WIRE_OK);
		assert_int_equal(m.n, 2);
		assert_int_equal(m.sk_next, IKEV2_PL_DELETE);
		sk = wire_find(&m, IKEV2_PL_SK);
		assert_int_equal(wire_sk_split(sk, 8, 16, &part), WIRE_OK);
		assert_true(same_view(wire_sk_aad(v, sk), seal.aad));
		assert_ptr_equal(part.iv.p, seal.iv);
		assert_ptr_equal(part.cipher.p, seal.plain);
		assert_int_equal(part.cipher.n, seal.plain_len);
		assert_ptr_equal(part.icv.p, seal.icv);
		assert_int_equal(part.icv.n, 16);
		assert_int_equal(wire_sk_unpad(part.cipher, &inner), WIRE_OK);
		assert_int_equal(inner.n, 22);
		assert_int_equal(wire_inner_get(&m, m.sk_next, inner), WIRE_OK);
		assert_int_equal(m.n, 4);
		assert_int_equal(m.n_clear, 2);
		assert_true(m.present_clear == (WIRE_BIT(IKEV2_PL_VENDOR) | WIRE_BIT(IKEV2_PL_SK)));
		assert_true(m.present_sk == (WIRE_BIT(IKEV2_PL_VENDOR) | WIRE_BIT(IKEV2_PL_DELETE)));
		assert_int_equal(wire_delete_get(&d, wire_find(&m, IKEV2_PL_DELETE)->body), WIRE_OK);
		assert_true(wire_delete_spi(&d, 0, &spi));
		assert_int_equal(spi, 0x11223344);
		assert_false(wire_delete_spi(&d, 1, &spi));
	}
}

static void refuses_bad_encrypted_payloads(void **state)
{
	static struct wire_message m;
	uint8_t buf[256];
	struct wire_seal seal;
	struct wire_payload short_sk = { .type = IKEV2_PL_SK };
	struct wire_sk part;
	struct view v, inner;

	(void)state;
	v = sealed(buf, sizeof(buf), 1, &seal);
	/* SK must be the last payload. */
	buf[40]--;
	assert_int_equal(wire_message_get(&m, v), WIRE_TRAILING);
	assert_int_equal(m.n, 0);
	buf[40]++;
	assert_int_equal(wire_message_get(&m, v), WIRE_OK);

	/* Inner chains: cut anywhere, with bytes behind, or with SK inside; the message stays as it was. */
	for (size_t n = 0; n < 22; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, seal.plain, n);
		assert_int_not_equal(wire_inner_get(&m, m.sk_next, (struct view){ copy, n }), WIRE_OK);
		assert_int_equal(m.n, 2);
		assert_true(m.present_sk == 0);
		free(copy);
	}
	assert_int_equal(wire_inner_get(&m, m.sk_next, (struct view){ seal.plain, 23 }), WIRE_TRAILING);
	assert_int_equal(wire_inner_get(&m, IKEV2_PL_NONE, (struct view){ seal.plain, 22 }), WIRE_TRAILING);
	assert_int_equal(wire_inner_get(&m, IKEV2_PL_SK, (struct view){ seal.plain, 22 }), WIRE_NESTED);
	assert_int_equal(wire_inner_get(&m, IKEV2_PL_SKF, (struct view){ seal.plain, 22 }), WIRE_NESTED);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.sk_next, IKEV2_PL_DELETE);
	assert_int_equal(wire_inner_get(&m, IKEV2_PL_NONE, (struct view){ seal.plain, 0 }), WIRE_OK);

	short_sk.body = (struct view){ buf, 24 };
	assert_int_equal(wire_sk_split(&short_sk, 8, 16, &part), WIRE_SHORT);
	short_sk.body.n = 5;
	assert_int_equal(wire_sk_split(&short_sk, 8, 16, &part), WIRE_SHORT);
	short_sk.body.n = 25;
	assert_int_equal(wire_sk_split(&short_sk, 8, 16, &part), WIRE_OK);
	assert_int_equal(part.cipher.n, 1);

	assert_int_equal(wire_sk_unpad((struct view){ buf, 0 }, &inner), WIRE_SHORT);
	assert_int_equal(wire_sk_unpad((struct view){ (const uint8_t *)"\0\0\3", 3 }, &inner), WIRE_PADDING);
	assert_int_equal(wire_sk_unpad((struct view){ (const uint8_t *)"x\1\2", 3 }, &inner), WIRE_OK);
	assert_int_equal(inner.n, 0);
}

static void seals_fragments(void **state)
{
	static struct wire_message m;
	struct wire_header h = { .major = 2, .exchange = IKEV2_EXCH_IKE_AUTH, .message_id = 1 };
	const struct wire_payload *skf;
	struct wire_out out;
	struct wire_seal seal;
	struct wire_skf f;
	struct wire_sk part;
	struct view piece;
	uint8_t buf[128];

	(void)state;
	for (uint16_t number = 1; number <= 2; number++) {
		wire_out_begin(&out, buf, sizeof(buf), &h);
		wire_skf_begin(&out, IKEV2_PL_IDI, number, 2, 8);
		wr_mem(&out.w, "piece", 5);
		assert_int_equal(wire_sk_end(&out, 0, 16, &seal), WIRE_OK);
		assert_int_equal(seal.aad.n, 28 + 4 + 4);
		assert_int_equal(wire_message_get(&m, seal.datagram), WIRE_OK);
		assert_int_equal(m.sk_next, number == 1 ? IKEV2_PL_IDI : IKEV2_PL_NONE);
		skf = wire_find(&m, IKEV2_PL_SKF);
		assert_int_equal(wire_skf_get(&f, skf->body), WIRE_OK);
		assert_int_equal(f.number, number);
		assert_int_equal(f.total, 2);
		assert_int_equal(wire_sk_aad(seal.datagram, skf).n, seal.aad.n);
		assert_int_equal(wire_sk_split(skf, 8, 16, &part), WIRE_OK);
		assert_ptr_equal(part.iv.p, seal.iv);
		assert_int_equal(wire_sk_unpad(part.cipher, &piece), WIRE_OK);
		assert_true(same_view(piece, (struct view){ (const uint8_t *)"piece", 5 }));
	}
	assert_int_equal(wire_skf_get(&f, (struct view){ (const uint8_t *)"\0\1\0", 3 }), WIRE_SHORT);
	assert_int_equal(wire_skf_get(&f, (struct view){ (const uint8_t *)"\0\0\0\1", 4 }), WIRE_VALUE);
	assert_int_equal(wire_skf_get(&f, (struct view){ (const uint8_t *)"\0\2\0\1", 4 }), WIRE_VALUE);
}

/* Whatever the buffer's size: either all of it fits, or WIRE_FULL and not one byte behind the end. */
static void full_buffers_are_errors(void **state)
{
	uint8_t buf[256], whole[256];
	struct wire_seal seal;
	size_t need = sealed(whole, sizeof(whole), 16, &seal).n;

	(void)state;
	for (size_t cap = 0; cap < need; cap++) {
		struct wire_header h = { .major = 2, .exchange = IKEV2_EXCH_INFORMATIONAL, .message_id = 7 };
		struct wire_out out;
		struct view v;
		size_t mark;

		memset(buf, 0xee, sizeof(buf));
		wire_out_begin(&out, buf, cap, &h);
		wire_payload_put(&out, IKEV2_PL_VENDOR, (struct view){ (const uint8_t *)"clear", 5 });
		wire_sk_begin(&out, 8);
		mark = wire_payload_begin(&out, IKEV2_PL_DELETE);
		wire_delete_put_spi(&out.w, IKEV2_PROTO_ESP, 0x11223344);
		wire_payload_end(&out, mark);
		wire_payload_put(&out, IKEV2_PL_VENDOR, (struct view){ (const uint8_t *)"inside", 6 });
		assert_int_equal(wire_sk_end(&out, 9, 16, &seal), WIRE_FULL);
		for (size_t i = cap; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 0xee);
		assert_int_equal(wire_out_end(&out, &v), WIRE_FULL);
	}
}

static void long_payloads_are_errors(void **state)
{
	struct wire_header h = { .major = 2 };
	size_t cap = 70000;
	uint8_t *buf = malloc(cap);
	struct wire_out out;
	struct wire_seal seal;
	struct view v;
	size_t mark;

	(void)state;
	assert_non_null(buf);
	for (unsigned longer = 0; longer < 2; longer++) {
		wire_out_begin(&out, buf, cap, &h);
		mark = wire_payload_begin(&out, IKEV2_PL_VENDOR);
		wr_zero(&out.w, 65535 - WIRE_GENERIC_LEN + longer);
		wire_payload_end(&out, mark);
		assert_int_equal(wire_out_end(&out, &v), longer ? WIRE_FULL : WIRE_OK);
	}
	wire_out_begin(&out, buf, cap, &h);
	wire_sk_begin(&out, 8);
	assert_int_equal(wire_sk_end(&out, 256, 16, &seal), WIRE_FULL);
	free(buf);
}

static void names_are_the_rfcs(void **state)
{
	(void)state;
	assert_string_equal(ikev2_exchange_name(34), "IKE_SA_INIT");
	assert_string_equal(ikev2_exchange_name(37), "INFORMATIONAL");
	assert_string_equal(ikev2_exchange_name(33), "?");
	assert_string_equal(ikev2_payload_name(44), "TSi");
	assert_string_equal(ikev2_payload_name(255), "?");
	assert_string_equal(ikev2_notify_name(14), "NO_PROPOSAL_CHOSEN");
	assert_string_equal(ikev2_notify_name(16390), "COOKIE");
	assert_string_equal(ikev2_notify_name(16394), "ESP_TFC_PADDING_NOT_SUPPORTED");
	assert_string_equal(ikev2_notify_name(65535), "?");
	assert_string_equal(ikev2_protocol_name(3), "ESP");
	assert_string_equal(ikev2_transform_type_name(5), "ESN");
	assert_string_equal(ikev2_transform_name(1, 20), "ENCR_AES_GCM_16");
	assert_string_equal(ikev2_transform_name(3, 12), "AUTH_HMAC_SHA2_256_128");
	assert_string_equal(ikev2_transform_name(4, 14), "MODP_2048");
	assert_string_equal(ikev2_transform_name(6, 36), "ML_KEM_768");
	assert_string_equal(ikev2_transform_name(0, 1), "?");
	assert_string_equal(ikev2_transform_name(200, 1), "?");
	assert_string_equal(ikev2_transform_name(1, 999), "?");
	assert_string_equal(ikev2_id_type_name(2), "ID_FQDN");
	assert_string_equal(ikev2_auth_method_name(2), "Shared Key Message Integrity Code");
	assert_string_equal(ikev2_cfg_type_name(1), "CFG_REQUEST");
	assert_string_equal(ikev2_cfg_attr_name(25), "INTERNAL_DNS_DOMAIN");
	assert_string_equal(ikev2_ts_type_name(7), "TS_IPV4_ADDR_RANGE");
	assert_string_equal(ikev2_cert_encoding_name(4), "X.509 Certificate - Signature");
	assert_string_equal(ikev2_hash_name(2), "SHA2_256");
}

/* Each row of each table is found: the search wants them sorted. */
static void every_number_has_its_name(void **state)
{
	(void)state;
#define EXCHANGE(constant, value, name) assert_string_equal(ikev2_exchange_name(value), name);
#define PAYLOAD(constant, value, name) assert_string_equal(ikev2_payload_name(value), name);
#define NOTIFY(constant, value, name) assert_string_equal(ikev2_notify_name(value), name);
#define PROTOCOL(constant, value, name) assert_string_equal(ikev2_protocol_name(value), name);
#define TYPE(constant, value, name) assert_string_equal(ikev2_transform_type_name(value), name);
#define ENCR(constant, value, name) assert_string_equal(ikev2_transform_name(1, value), name);
#define PRF(constant, value, name) assert_string_equal(ikev2_transform_name(2, value), name);
#define INTEG(constant, value, name) assert_string_equal(ikev2_transform_name(3, value), name);
#define DH(constant, value, name) assert_string_equal(ikev2_transform_name(4, value), name);
#define ESN(constant, value, name) assert_string_equal(ikev2_transform_name(5, value), name);
#define AUTH(constant, value, name) assert_string_equal(ikev2_auth_method_name(value), name);
#define ID(constant, value, name) assert_string_equal(ikev2_id_type_name(value), name);
#define CERT(constant, value, name) assert_string_equal(ikev2_cert_encoding_name(value), name);
#define CFG(constant, value, name) assert_string_equal(ikev2_cfg_type_name(value), name);
#define CFG_ATTR(constant, value, name) assert_string_equal(ikev2_cfg_attr_name(value), name);
#define TS(constant, value, name) assert_string_equal(ikev2_ts_type_name(value), name);
#define HASH(constant, value, name) assert_string_equal(ikev2_hash_name(value), name);
	IKEV2_EXCHANGES(EXCHANGE)
	IKEV2_PAYLOADS(PAYLOAD)
	IKEV2_NOTIFIES(NOTIFY)
	IKEV2_PROTOCOLS(PROTOCOL)
	IKEV2_TRANSFORM_TYPES(TYPE)
	IKEV2_ENCRS(ENCR)
	IKEV2_PRFS(PRF)
	IKEV2_INTEGS(INTEG)
	IKEV2_DHS(DH)
	IKEV2_ESNS(ESN)
	IKEV2_AUTHS(AUTH)
	IKEV2_IDS(ID)
	IKEV2_CERTS(CERT)
	IKEV2_CFGS(CFG)
	IKEV2_CFG_ATTRS(CFG_ATTR)
	IKEV2_TSS(TS)
	IKEV2_HASHES(HASH)
}

static void every_error_has_words(void **state)
{
	(void)state;
	for (int error = WIRE_FULL; error <= WIRE_OK; error++) {
		assert_non_null(wire_strerror(error));
		assert_string_not_equal(wire_strerror(error), "unknown error");
	}
	assert_string_equal(wire_strerror(1), "unknown error");
	assert_string_equal(wire_strerror(WIRE_FULL - 1), "unknown error");
	assert_string_equal(wire_strerror(WIRE_SPI), "SPI size does not fit the protocol");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_init_by_hand),
		cmocka_unit_test(encodes_init_by_hand),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(refuses_what_is_not_a_message),
		cmocka_unit_test(header_round_trips),
		cmocka_unit_test(caps_the_payloads),
		cmocka_unit_test(finds_payloads_in_order),
		cmocka_unit_test(shows_unknown_critical_payloads),
		cmocka_unit_test(seals_and_opens),
		cmocka_unit_test(refuses_bad_encrypted_payloads),
		cmocka_unit_test(seals_fragments),
		cmocka_unit_test(full_buffers_are_errors),
		cmocka_unit_test(long_payloads_are_errors),
		cmocka_unit_test(names_are_the_rfcs),
		cmocka_unit_test(every_number_has_its_name),
		cmocka_unit_test(every_error_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
