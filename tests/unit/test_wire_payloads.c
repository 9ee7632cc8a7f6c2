// SPDX-License-Identifier: MIT
// Each payload: random values there and back again, every truncation, and what must be refused.
#include "tests/unit/test_wire_round.h"
#include "tests/unit/test_wire_same.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUND_TRIP(name, type, strict) ROUND_TRIP_OF(wire, name, type, strict)

static void random_proposal(struct wire_proposal *p, uint8_t number)
{
	static const uint8_t spi_sizes[] = { 0, 8, 4, 4, 0 };

	p->number = number;
	p->protocol = (uint8_t)(1 + rnd(4));
	p->spi = rnd_view(spi_sizes[p->protocol], spi_sizes[p->protocol]);
	if (p->protocol == IKEV2_PROTO_IKE && rnd(2))
		p->spi.n = 0;
	p->n = 1 + rnd(WIRE_TRANSFORMS_MAX);
	for (unsigned i = 0; i < p->n; i++)
		p->t[i] = (struct wire_transform){ (uint8_t)rnd(256), (uint16_t)rnd(65536),
						   rnd(2) ? (uint16_t)rnd(65536) : 0 };
}

static void random_sa(struct wire_sa *sa)
{
	sa->n = 1 + rnd(WIRE_PROPOSALS_MAX);
	for (unsigned i = 0; i < sa->n; i++)
		random_proposal(&sa->p[i], (uint8_t)(i + 1));
}

static void random_ke(struct wire_ke *ke)
{
	ke->group = (uint16_t)rnd(65536);
	ke->data = rnd_view(1, 1024);
}

static void random_nonce(struct wire_nonce *nonce)
{
	nonce->data = rnd_view(WIRE_NONCE_MIN, WIRE_NONCE_MAX);
}

static void random_id(struct wire_id *id)
{
	id->type = (uint8_t)rnd(16);
	id->data = rnd_view(0, 100);
	if (id->type == IKEV2_ID_IPV4_ADDR)
		id->data.n = 4;
	if (id->type == IKEV2_ID_IPV6_ADDR)
		id->data = rnd_view(16, 16);
}

static void random_auth(struct wire_auth *auth)
{
	auth->method = (uint8_t)rnd(256);
	auth->data = rnd_view(1, 600);
}

static void random_notify(struct wire_notify *n)
{
	static const uint8_t spi_sizes[] = { 0, 8, 4, 4 };

	n->protocol = (uint8_t)rnd(4);
	n->type = (uint16_t)rnd(65536);
	if (rnd(2))
		n->spi = rnd_view(spi_sizes[n->protocol], spi_sizes[n->protocol]);
	n->data = rnd_view(0, 200);
}

static void random_delete(struct wire_delete *d)
{
	d->protocol = (uint8_t)(1 + rnd(3));
	if (d->protocol == IKEV2_PROTO_IKE)
		return;
	d->spi_size = 4;
	d->count = (uint16_t)rnd(100);
	d->spis = rnd_view(4u * d->count, 4u * d->count);
}

static void random_selector(struct wire_ts *ts)
{
	uint16_t a = (uint16_t)rnd(65536), b = (uint16_t)rnd(65536);
	bool six = rnd(2);
	struct view x, y;

	ts->type = six ? IKEV2_TS_IPV6_ADDR_RANGE : IKEV2_TS_IPV4_ADDR_RANGE;
	ts->addr_len = six ? 16 : 4;
	ts->proto = (uint8_t)rnd(256);
	ts->port_start = a < b ? a : b;
	ts->port_end = a < b ? b : a;
	if (rnd(8) == 0) {
		ts->port_start = 65535;	/* OPAQUE */
		ts->port_end = 0;
	}
	x = rnd_view(ts->addr_len, ts->addr_len);
	y = rnd_view(ts->addr_len, ts->addr_len);
	if (memcmp(x.p, y.p, ts->addr_len) > 0) {
		struct view swap = x;

		x = y;
		y = swap;
	}
	memcpy(ts->start, x.p, ts->addr_len);
	memcpy(ts->end, y.p, ts->addr_len);
}

static void random_ts(struct wire_ts_list *l)
{
	l->n = rnd(WIRE_TS_MAX + 1);
	for (unsigned i = 0; i < l->n; i++)
		random_selector(&l->ts[i]);
}

static void random_cert(struct wire_cert *c)
{
	c->encoding = (uint8_t)rnd(256);
	c->data = rnd_view(1, 2000);
}

static void random_certreq(struct wire_cert *c)
{
	size_t hashes = 20 * rnd(10);

	c->encoding = IKEV2_CERT_X509_SIGNATURE;
	c->data = rnd_view(hashes, hashes);
}

static void random_vendor(struct wire_vendor *v)
{
	v->data = rnd_view(0, 100);
}

static void random_cp(struct wire_cp *cp)
{
	static uint8_t buf[8192];
	struct wr w = wr_of(buf, sizeof(buf));

	for (unsigned i = rnd(10); i > 0; i--)
		wire_cp_attr_put(&w, &(struct wire_cp_attr){ (uint16_t)rnd(0x8000), rnd_view(0, 300) });
	assert_true(wr_ok(&w));
	cp->type = (uint8_t)(1 + rnd(4));
	cp->attrs = wr_view(&w);
}

static void random_eap(struct wire_eap *eap)
{
	static uint8_t buf[512];
	uint16_t n = (uint16_t)(4 + rnd(300));

	memcpy(buf, rnd_view(n, n).p, n);
	buf[2] = (uint8_t)(n >> 8);
	buf[3] = (uint8_t)n;
	eap->data = (struct view){ buf, n };
}

ROUND_TRIP(sa, wire_sa, true)
ROUND_TRIP(ke, wire_ke, false)
ROUND_TRIP(nonce, wire_nonce, false)
ROUND_TRIP(id, wire_id, false)
ROUND_TRIP(auth, wire_auth, false)
ROUND_TRIP(notify, wire_notify, false)
ROUND_TRIP(delete, wire_delete, true)
ROUND_TRIP(ts, wire_ts_list, true)
ROUND_TRIP(cert, wire_cert, false)
ROUND_TRIP(certreq, wire_cert, false)
ROUND_TRIP(vendor, wire_vendor, false)
ROUND_TRIP(cp, wire_cp, false)
ROUND_TRIP(eap, wire_eap, true)

struct refused {
	const char *what;
	struct view body;
	int error;
};

static void refuse(const struct refused *cases, size_t n, int (*get)(struct view body))
{
	for (size_t i = 0; i < n; i++) {
		int error = get(cases[i].body);

		if (error != cases[i].error)
			fail_msg("%s: %s instead of %s", cases[i].what, wire_strerror(error),
				 wire_strerror(cases[i].error));
	}
}

#define REFUSE(cases, get) refuse(cases, sizeof(cases) / sizeof((cases)[0]), get)

#define ENCR "\0\0\0\10\1\0\0\14"		/* the last transform: AES-CBC without Key Length */
#define MORE_ENCR "\3\0\0\10\1\0\0\14"

static void refuses_malformed_sa(void **state)
{
	static const struct refused cases[] = {
		{ "nothing", { NULL, 0 }, WIRE_SHORT },
		{ "good", CASE("\0\0\0\20\1\1\0\1" ENCR), WIRE_OK },
		{ "reserved bytes set", CASE("\0\377\0\20\1\1\0\1\0\377\0\10\1\377\0\14"), WIRE_OK },
		{ "length below the minimum", CASE("\0\0\0\7\1\1\0\1" ENCR), WIRE_LENGTH },
		{ "length too long", CASE("\0\0\0\21\1\1\0\1" ENCR), WIRE_LENGTH },
		{ "says more, is last", CASE("\2\0\0\20\1\1\0\1" ENCR), WIRE_LAST },
		{ "last is 1", CASE("\1\0\0\20\1\1\0\1" ENCR), WIRE_LAST },
		{ "says last, has more", CASE("\0\0\0\20\1\1\0\1" ENCR "\0\0\0\20\2\1\0\1" ENCR), WIRE_LAST },
		{ "two", CASE("\2\0\0\20\1\1\0\1" ENCR "\0\0\0\20\2\1\0\1" ENCR), WIRE_OK },
		{ "the same number twice", CASE("\2\0\0\20\1\1\0\1" ENCR "\0\0\0\20\1\1\0\1" ENCR), WIRE_VALUE },
		{ "number 0", CASE("\0\0\0\20\0\1\0\1" ENCR), WIRE_VALUE },
		{ "IKE with an SPI of 4", CASE("\0\0\0\24\1\1\4\1abcd" ENCR), WIRE_SPI },
		{ "ESP without SPI", CASE("\0\0\0\20\1\3\0\1" ENCR), WIRE_SPI },
		{ "ESP with an SPI of 8", CASE("\0\0\0\30\1\3\10\1abcdefgh" ENCR), WIRE_SPI },
		{ "AH with an SPI of 4", CASE("\0\0\0\24\1\2\4\1abcd" ENCR), WIRE_OK },
		{ "SPI beyond the proposal", CASE("\0\0\0\10\1\3\4\1"), WIRE_LENGTH },
		{ "no transforms", CASE("\0\0\0\10\1\1\0\0"), WIRE_COUNT },
		{ "fewer transforms than said", CASE("\0\0\0\20\1\1\0\2" MORE_ENCR), WIRE_COUNT },
		{ "more transforms than said", CASE("\0\0\0\30\1\1\0\1" ENCR ENCR), WIRE_COUNT },
		{ "transform says more, is last", CASE("\0\0\0\20\1\1\0\1" MORE_ENCR), WIRE_LAST },
		{ "transform says last, has more", CASE("\0\0\0\30\1\1\0\2" ENCR ENCR), WIRE_LAST },
		{ "transform cut", CASE("\0\0\0\13\1\1\0\1\0\0\0"), WIRE_SHORT },
		{ "transform too short", CASE("\0\0\0\20\1\1\0\1\0\0\0\7\1\0\0\14"), WIRE_LENGTH },
		{ "transform too long", CASE("\0\0\0\20\1\1\0\1\0\0\0\11\1\0\0\14"), WIRE_LENGTH },
		{ "attribute cut", CASE("\0\0\0\22\1\1\0\1\0\0\0\12\1\0\0\14\200\16"), WIRE_SHORT },
		{ "Key Length in the long form", CASE("\0\0\0\26\1\1\0\1\0\0\0\16\1\0\0\14\0\16\0\2\1\0"),
		  WIRE_VALUE },
		{ "Key Length twice", CASE("\0\0\0\30\1\1\0\1\0\0\0\20\1\0\0\14\200\16\1\0\200\16\1\0"), WIRE_VALUE },
		{ "attribute longer than its transform", CASE("\0\0\0\24\1\1\0\1\0\0\0\14\1\0\0\14\0\143\0\1"),
		  WIRE_LENGTH },
	};

	(void)state;
	REFUSE(cases, get_sa);
}

/* Two ENCR, one with an attribute nobody knows: only the other one is left. */
static void drops_unknown_attributes(void **state)
{
	static struct wire_sa sa;

	(void)state;
	assert_int_equal(wire_sa_get(&sa, BYTES("\0\0\0\44\1\3\4\2abcd\3\0\0\14\1\0\0\24\0\143\0\0"
						"\0\0\0\14\1\0\0\24\200\16\1\0")), WIRE_OK);
	assert_int_equal(sa.n, 1);
	assert_false(sa.skipped);
	assert_true(sa.p[0].skipped_unknown);
	assert_int_equal(sa.p[0].n, 1);
	assert_int_equal(sa.p[0].t[0].id, IKEV2_ENCR_AES_GCM_16);
	assert_int_equal(sa.p[0].t[0].key_bits, 256);
}

/* A Diffie-Hellman transform that cannot be used must not turn into "no Diffie-Hellman wanted". */
static void drops_proposals_that_lost_a_type(void **state)
{
	static struct wire_sa sa;

	(void)state;
	assert_int_equal(wire_sa_get(&sa, BYTES("\2\0\0\40\1\3\4\2abcd" MORE_ENCR "\0\0\0\14\4\0\0\16\200\143\0\1"
						"\0\0\0\24\2\3\4\1abcd" ENCR)), WIRE_OK);
	assert_true(sa.skipped);
	assert_int_equal(sa.n, 1);
	assert_int_equal(sa.p[0].number, 2);
	/* Key Length 0 is no key length. */
	assert_int_equal(wire_sa_get(&sa, BYTES("\0\0\0\24\1\1\0\1\0\0\0\14\1\0\0\14\200\16\0\0")), WIRE_OK);
	assert_true(sa.skipped);
	assert_int_equal(sa.n, 0);
}

static void knows_the_types_of_a_proposal(void **state)
{
	static const struct wire_proposal p = {
		.n = 4, .t = { { 1, 20, 128 }, { 1, 12, 0 }, { 31, 1, 0 }, { 241, 1, 0 } }
	};

	(void)state;
	assert_int_equal(wire_proposal_types(&p), 1u << 1 | 1u << 31 | 1u);
	assert_int_equal(wire_proposal_types(&(struct wire_proposal){ .n = 0 }), 0);
}

/* Beyond the caps the walk goes on: more is flagged, and an error at the very end is still seen. */
static void caps_proposals_and_transforms(void **state)
{
	static struct wire_sa a, b;
	static uint8_t buf[65536];
	struct wr w = wr_of(buf, sizeof(buf));
	uint8_t *at;

	(void)state;
	for (unsigned i = 1; i <= WIRE_PROPOSALS_MAX + 4; i++) {
		wr_mem(&w, i < WIRE_PROPOSALS_MAX + 4 ? "\2\0\0\20" : "\0\0\0\20", 4);
		wr_u8(&w, (uint8_t)i);
		wr_mem(&w, "\1\0\1" ENCR, 11);
	}
	assert_int_equal(wire_sa_get(&a, wr_view(&w)), WIRE_OK);
	assert_int_equal(a.n, WIRE_PROPOSALS_MAX);
	assert_true(a.skipped);
	buf[w.len - 8] = 3;
	assert_int_equal(wire_sa_get(&a, wr_view(&w)), WIRE_LAST);
	assert_int_equal(a.n, 0);

	w = wr_of(buf, sizeof(buf));
	wr_mem(&w, "\0\0\0\0\1\1\0", 7);
	wr_u8(&w, WIRE_TRANSFORMS_MAX + 1);
	for (unsigned i = 0; i < WIRE_TRANSFORMS_MAX; i++)
		wr_mem(&w, MORE_ENCR, 8);
	at = wr_room(&w, 8);
	assert_non_null(at);
	memcpy(at, ENCR, 8);
	wr_patch_u16(&w, 2, (uint16_t)w.len);
	assert_int_equal(wire_sa_get(&b, wr_view(&w)), WIRE_OK);
	assert_int_equal(b.n, 1);
	assert_int_equal(b.p[0].n, WIRE_TRANSFORMS_MAX);
	assert_true(b.p[0].skipped_unknown);
	at[4] = 4;	/* the one too many is the only one of its type */
	assert_int_equal(wire_sa_get(&b, wr_view(&w)), WIRE_OK);
	assert_int_equal(b.n, 0);
	assert_true(b.skipped);
}

static void refuses_malformed_small_ones(void **state)
{
	static const struct refused ke[] = {
		{ "no data", CASE("\0\37\0\0"), WIRE_SHORT },
		{ "reserved set", CASE("\0\37\377\377x"), WIRE_OK },
	}, nonce[] = {
		{ "15 bytes", { pool, 15 }, WIRE_LENGTH },
		{ "16 bytes", { pool, 16 }, WIRE_OK },
		{ "256 bytes", { pool, 256 }, WIRE_OK },
		{ "257 bytes", { pool, 257 }, WIRE_LENGTH },
	}, id[] = {
		{ "three bytes", CASE("\2\0\0"), WIRE_SHORT },
		{ "IPv4 of 3", CASE("\1\0\0\0abc"), WIRE_LENGTH },
		{ "IPv4 of 4", CASE("\1\0\0\0abcd"), WIRE_OK },
		{ "IPv6 of 4", CASE("\5\0\0\0abcd"), WIRE_LENGTH },
		{ "IPv6 of 17", CASE("\5\0\0\0abcdefghijklmnopq"), WIRE_LENGTH },
		{ "empty FQDN", CASE("\2\0\0\0"), WIRE_OK },
	}, auth[] = {
		{ "no data", CASE("\2\0\0\0"), WIRE_SHORT },
	}, cert[] = {
		{ "nothing", { NULL, 0 }, WIRE_SHORT },
		{ "no data", CASE("\4"), WIRE_SHORT },
	}, certreq[] = {
		{ "nothing", { NULL, 0 }, WIRE_SHORT },
		{ "any CA", CASE("\4"), WIRE_OK },
		{ "half a hash", CASE("\4abcdefghij"), WIRE_LENGTH },
		{ "another encoding", CASE("\1abcdefghij"), WIRE_OK },
	}, eap[] = {
		{ "length too short", CASE("\1\1\0\4x"), WIRE_LENGTH },
		{ "length too long", CASE("\1\1\0\6x"), WIRE_LENGTH },
		{ "three bytes", CASE("\1\1\0"), WIRE_SHORT },
		{ "Success", CASE("\3\1\0\4"), WIRE_OK },
	}, cp[] = {
		{ "no attributes", CASE("\1\0\0\0"), WIRE_OK },
		{ "half an attribute", CASE("\1\0\0\0\0\1\0"), WIRE_SHORT },
		{ "value too long", CASE("\1\0\0\0\0\1\0\2x"), WIRE_LENGTH },
	};

	(void)state;
	REFUSE(ke, get_ke);
	REFUSE(nonce, get_nonce);
	REFUSE(id, get_id);
	REFUSE(auth, get_auth);
	REFUSE(cert, get_cert);
	REFUSE(certreq, get_certreq);
	REFUSE(eap, get_eap);
	REFUSE(cp, get_cp);
}

static void refuses_malformed_notify_and_delete(void **state)
{
	static const struct refused notify[] = {
		{ "three bytes", CASE("\0\0\100"), WIRE_SHORT },
		{ "no protocol, SPI", CASE("\0\4\100\11abcd"), WIRE_SPI },
		{ "protocol without SPI", CASE("\1\0\100\11"), WIRE_OK },
		{ "IKE with an SPI of 4", CASE("\1\4\100\11abcd"), WIRE_SPI },
		{ "ESP with an SPI of 8", CASE("\3\10\100\11abcdefgh"), WIRE_SPI },
		{ "ESP, SPI cut", CASE("\3\4\100\11abc"), WIRE_SHORT },
		{ "ESP", CASE("\3\4\100\11abcd"), WIRE_OK },
		{ "an unknown protocol", CASE("\11\2\100\11ab"), WIRE_OK },
	}, delete[] = {
		{ "IKE", CASE("\1\0\0\0"), WIRE_OK },
		{ "IKE with SPIs", CASE("\1\10\0\1abcdefgh"), WIRE_SPI },
		{ "IKE with a count", CASE("\1\0\0\1"), WIRE_COUNT },
		{ "ESP, none", CASE("\3\4\0\0"), WIRE_OK },
		{ "ESP, SPI size 0", CASE("\3\0\0\0"), WIRE_SPI },
		{ "ESP, one too few", CASE("\3\4\0\2abcd"), WIRE_COUNT },
		{ "ESP, one too many", CASE("\3\4\0\1abcdefgh"), WIRE_COUNT },
		{ "ESP, largest count", CASE("\3\4\377\377abcd"), WIRE_COUNT },
	};

	(void)state;
	REFUSE(notify, get_notify);
	REFUSE(delete, get_delete);
}

#define V4_HEAD "\7\0\0\20\0\0\377\377"

static void refuses_malformed_selectors(void **state)
{
	static const struct refused cases[] = {
		{ "three bytes", CASE("\1\0\0"), WIRE_SHORT },
		{ "none", CASE("\0\0\0\0"), WIRE_OK },
		{ "one address", CASE("\1\0\0\0" V4_HEAD "\12\0\0\1\12\0\0\1"), WIRE_OK },
		{ "reserved set", CASE("\1\377\377\377" V4_HEAD "\12\0\0\1\12\0\0\1"), WIRE_OK },
		{ "ends before it starts", CASE("\1\0\0\0" V4_HEAD "\12\0\0\2\12\0\0\1"), WIRE_RANGE },
		{ "ports end before they start", CASE("\1\0\0\0\7\6\0\20\0\2\0\1\12\0\0\1\12\0\0\1"), WIRE_RANGE },
		{ "OPAQUE ports", CASE("\1\0\0\0\7\6\0\20\377\377\0\0\12\0\0\1\12\0\0\1"), WIRE_OK },
		{ "fewer than said", CASE("\2\0\0\0" V4_HEAD "\12\0\0\1\12\0\0\1"), WIRE_COUNT },
		{ "more than said", CASE("\0\0\0\0" V4_HEAD "\12\0\0\1\12\0\0\1"), WIRE_COUNT },
		{ "length of IPv6", CASE("\1\0\0\0\7\0\0\50\0\0\377\377\12\0\0\1\12\0\0\1"), WIRE_LENGTH },
		{ "length one short", CASE("\1\0\0\0\7\0\0\17\0\0\377\377\12\0\0\1\12\0\0\1"), WIRE_LENGTH },
		{ "length one long", CASE("\1\0\0\0\7\0\0\21\0\0\377\377\12\0\0\1\12\0\0\1x"), WIRE_LENGTH },
		{ "length below the minimum", CASE("\1\0\0\0\11\0\0\3"), WIRE_LENGTH },
		{ "unknown, too long", CASE("\1\0\0\0\11\0\0\10abc"), WIRE_LENGTH },
	};

	(void)state;
	REFUSE(cases, get_ts);
}

static void drops_selectors_and_says_so(void **state)
{
	static struct wire_ts_list l;
	static uint8_t buf[4 + 255 * 16];
	struct wr w = wr_of(buf, sizeof(buf));

	(void)state;
	assert_int_equal(wire_ts_get(&l, BYTES("\2\0\0\0\12\0\0\6xx" V4_HEAD "\12\0\0\0\12\0\0\377")), WIRE_OK);
	assert_int_equal(l.n, 1);
	assert_true(l.skipped);
	assert_int_equal(l.ts[0].addr_len, 4);
	assert_int_equal(l.ts[0].port_end, 65535);
	assert_memory_equal(l.ts[0].end, "\12\0\0\377\0\0\0\0\0\0\0\0\0\0\0\0", 16);

	wr_u8(&w, 255);
	wr_zero(&w, 3);
	for (unsigned i = 0; i < 255; i++)
		wr_mem(&w, V4_HEAD "\12\0\0\1\12\0\0\1", 16);
	assert_true(wr_ok(&w));
	assert_int_equal(wire_ts_get(&l, wr_view(&w)), WIRE_OK);
	assert_int_equal(l.n, WIRE_TS_MAX);
	assert_true(l.skipped);
	buf[w.len - 1] = 0;	/* the very last ends before it starts */
	assert_int_equal(wire_ts_get(&l, wr_view(&w)), WIRE_RANGE);
	assert_int_equal(l.n, 0);
}

static void walks_spis_and_attributes(void **state)
{
	struct wire_cp_attr a;
	struct wire_delete d;
	struct wire_cp cp;
	uint32_t spi = 0;
	uint8_t buf[64];
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r;

	(void)state;
	assert_int_equal(wire_delete_get(&d, BYTES("\3\4\0\2\1\2\3\4\377\376\375\374")), WIRE_OK);
	assert_true(wire_delete_spi(&d, 0, &spi));
	assert_int_equal(spi, 0x01020304);
	assert_true(wire_delete_spi(&d, 1, &spi));
	assert_true(spi == 0xfffefdfc);
	assert_false(wire_delete_spi(&d, 2, &spi));
	assert_false(wire_delete_spi(&d, UINT32_MAX, &spi));
	wire_delete_put_spi(&w, IKEV2_PROTO_AH, 0x01020304);
	assert_true(same_view(wr_view(&w), BYTES("\2\4\0\1\1\2\3\4")));

	/* The reserved bit of an attribute's type is ignored. */
	assert_int_equal(wire_cp_get(&cp, BYTES("\2\0\0\0\200\1\0\4\12\0\0\1\0\3\0\0")), WIRE_OK);
	r = rd_of_view(cp.attrs);
	assert_true(wire_cp_next(&r, &a));
	assert_int_equal(a.type, IKEV2_CFG_ATTR_INTERNAL_IP4_ADDRESS);
	assert_true(same_view(a.value, BYTES("\12\0\0\1")));
	assert_true(wire_cp_next(&r, &a));
	assert_int_equal(a.type, IKEV2_CFG_ATTR_INTERNAL_IP4_DNS);
	assert_int_equal(a.value.n, 0);
	assert_false(wire_cp_next(&r, &a));
}

/* What a length field of one or two bytes cannot say is an overflow, not a truncated number. */
static void refuses_to_encode_what_does_not_fit(void **state)
{
	static uint8_t buf[1 << 17];
	static uint8_t large[65536];
	static struct wire_sa sa = { .n = 1, .p = { { .number = 1, .protocol = 9, .spi = { large, 256 }, .n = 1 } } };
	struct wr w = wr_of(buf, sizeof(buf));

	(void)state;
	wire_sa_put(&w, &sa);
	assert_false(wr_ok(&w));
	w = wr_of(buf, sizeof(buf));
	wire_notify_put(&w, &(struct wire_notify){ .protocol = 9, .spi = { large, 256 } });
	assert_false(wr_ok(&w));
	w = wr_of(buf, sizeof(buf));
	wire_cp_attr_put(&w, &(struct wire_cp_attr){ 1, { large, 65536 } });
	assert_false(wr_ok(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sa),
		cmocka_unit_test(test_ke),
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_ts),
		cmocka_unit_test(test_cert),
		cmocka_unit_test(test_certreq),
		cmocka_unit_test(test_vendor),
		cmocka_unit_test(test_cp),
		cmocka_unit_test(test_eap),
		cmocka_unit_test(refuses_malformed_sa),
		cmocka_unit_test(drops_unknown_attributes),
		cmocka_unit_test(drops_proposals_that_lost_a_type),
		cmocka_unit_test(knows_the_types_of_a_proposal),
		cmocka_unit_test(caps_proposals_and_transforms),
		cmocka_unit_test(refuses_malformed_small_ones),
		cmocka_unit_test(refuses_malformed_notify_and_delete),
		cmocka_unit_test(refuses_malformed_selectors),
		cmocka_unit_test(drops_selectors_and_says_so),
		cmocka_unit_test(walks_spis_and_attributes),
		cmocka_unit_test(refuses_to_encode_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
