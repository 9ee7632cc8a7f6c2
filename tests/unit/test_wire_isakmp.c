// SPDX-License-Identifier: MIT
// The codec of IKEv1: bytes as the RFCs draw them, random values there and back again, every truncation, what must be refused.
#include "tests/unit/test_isakmp_same.h"
#include "tests/unit/test_wire_round.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_bytes(struct view got, struct view expected)
{
	assert_int_equal(got.n, expected.n);
	assert_memory_equal(got.p, expected.p, got.n);
}

#define ROUND_TRIP(name, type, strict) ROUND_TRIP_OF(isakmp, name, type, strict)

static struct view random_attrs(unsigned max)
{
	static uint8_t buf[1 << 16];
	static size_t used;
	struct wr w;

	if (used > sizeof(buf) / 2)
		used = 0;
	w = wr_of(buf + used, sizeof(buf) - used);
	for (unsigned i = rnd(max + 1); i > 0; i--) {
		uint16_t type = (uint16_t)rnd(0x8000);

		if (rnd(2))
			isakmp_attr_put_basic(&w, type, (uint16_t)rnd(65536));
		else
			isakmp_attr_put_bytes(&w, type, rnd_view(0, 20));
	}
	assert_true(wr_ok(&w));
	used += w.len;
	return wr_view(&w);
}

static void random_sa(struct isakmp_sa *sa)
{
	static const uint8_t spi_sizes[] = { 0, 8, 4, 4, 2 };

	*sa = (struct isakmp_sa){ .doi = ISAKMP_DOI_IPSEC, .situation = ISAKMP_SIT_IDENTITY_ONLY };
	for (unsigned n = 1 + rnd(5); sa->n < n; sa->n++) {
		struct isakmp_proposal *p = &sa->p[sa->n];

		*p = (struct isakmp_proposal){ .number = (uint8_t)rnd(3), .protocol = (uint8_t)(1 + rnd(4)), .first = sa->nt,
					       .n = 1 + rnd(ISAKMP_TRANSFORMS_MAX / 5) };
		p->spi = rnd_view(spi_sizes[p->protocol], spi_sizes[p->protocol]);
		for (unsigned i = 0; i < p->n; i++)
			sa->t[sa->nt++] = (struct isakmp_transform){ (uint8_t)rnd(256), (uint8_t)rnd(256), random_attrs(4) };
	}
}

static void random_id(struct isakmp_id *id)
{
	static const uint8_t sizes[] = { [1] = 4, [4] = 8, [5] = 16, [6] = 32, [7] = 8, [8] = 32, [12] = 0 };

	id->type = (uint8_t)rnd(13);
	id->proto = (uint8_t)rnd(256);
	id->port = (uint16_t)rnd(65536);
	id->data = sizes[id->type] ? rnd_view(sizes[id->type], sizes[id->type]) : rnd_view(0, 100);
}

static void random_cert(struct isakmp_cert *c)
{
	c->encoding = (uint8_t)rnd(256);
	c->data = rnd_view(1, 2000);
}

static void random_certreq(struct isakmp_cert *c)
{
	c->encoding = (uint8_t)rnd(256);
	c->data = rnd_view(0, 200);
}

static void random_notify(struct isakmp_notify *n)
{
	n->doi = rnd(2);
	n->protocol = (uint8_t)rnd(5);
	n->type = (uint16_t)rnd(65536);
	n->spi = rnd_view(0, 16);
	n->data = rnd_view(0, 100);
}

static void random_delete(struct isakmp_delete *d)
{
	d->doi = ISAKMP_DOI_IPSEC;
	d->protocol = (uint8_t)(1 + rnd(3));
	d->spi_size = d->protocol == ISAKMP_PROTO_ISAKMP ? 16 : 4;
	d->count = (uint16_t)rnd(100);
	d->spis = rnd_view((size_t)d->spi_size * d->count, (size_t)d->spi_size * d->count);
}

static void random_cfg(struct isakmp_cfg *c)
{
	c->type = (uint8_t)(1 + rnd(4));
	c->identifier = (uint16_t)rnd(65536);
	c->attrs = random_attrs(10);
}

static void random_fragment(struct isakmp_fragment *f)
{
	f->id = (uint16_t)rnd(65536);
	f->number = (uint8_t)(1 + rnd(255));
	f->last = rnd(2);
	f->data = rnd_view(1, 1400);
}

ROUND_TRIP(sa, isakmp_sa, true)
ROUND_TRIP(id, isakmp_id, false)
ROUND_TRIP(cert, isakmp_cert, false)
ROUND_TRIP(certreq, isakmp_cert, false)
ROUND_TRIP(notify, isakmp_notify, false)
ROUND_TRIP(delete, isakmp_delete, true)
ROUND_TRIP(cfg, isakmp_cfg, false)
ROUND_TRIP(fragment, isakmp_fragment, false)

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
			fail_msg("%s: %s instead of %s", cases[i].what, wire_strerror(error), wire_strerror(cases[i].error));
	}
}

#define REFUSE(cases, get) refuse(cases, sizeof(cases) / sizeof((cases)[0]), get)

#define HEAD "\0\0\0\1\0\0\0\1"				/* DOI, situation */
#define KEY_IKE "\0\0\0\10\1\1\0\0"			/* the last transform, without attributes */
#define MORE_KEY_IKE "\3\0\0\10\1\1\0\0"

static void refuses_malformed_sa(void **state)
{
	static const struct refused cases[] = {
		{ "nothing", { NULL, 0 }, WIRE_SHORT },
		{ "no proposal", CASE(HEAD), WIRE_SHORT },
		{ "good", CASE(HEAD "\0\0\0\20\1\1\0\1" KEY_IKE), WIRE_OK },
		{ "reserved bytes set", CASE(HEAD "\0\377\0\20\1\1\0\1\0\377\0\10\1\1\377\377"), WIRE_OK },
		{ "another DOI", CASE("\0\0\0\2\0\0\0\1\0\0\0\20\1\1\0\1" KEY_IKE), WIRE_VALUE },
		{ "secrecy", CASE("\0\0\0\1\0\0\0\3\0\0\0\20\1\1\0\1" KEY_IKE), WIRE_VALUE },
		{ "length below the minimum", CASE(HEAD "\0\0\0\3\1\1\0\1" KEY_IKE), WIRE_LENGTH },
		{ "length too long", CASE(HEAD "\0\0\0\21\1\1\0\1" KEY_IKE), WIRE_LENGTH },
		{ "says more, is last", CASE(HEAD "\2\0\0\20\1\1\0\1" KEY_IKE), WIRE_LAST },
		{ "another payload's type", CASE(HEAD "\3\0\0\20\1\1\0\1" KEY_IKE), WIRE_LAST },
		{ "bytes behind the last", CASE(HEAD "\0\0\0\20\1\1\0\1" KEY_IKE "\0"), WIRE_TRAILING },
		{ "SPI of 16 bytes", CASE(HEAD "\0\0\0\40\1\1\20\1abcdefghijklmnop" KEY_IKE), WIRE_OK },
		{ "SPI of 17 bytes", CASE(HEAD "\0\0\0\41\1\1\21\1abcdefghijklmnopq" KEY_IKE), WIRE_SPI },
		{ "ESP without SPI", CASE(HEAD "\0\0\0\20\1\3\0\1" KEY_IKE), WIRE_SPI },
		{ "SPI beyond the proposal", CASE(HEAD "\0\0\0\10\1\3\4\1"), WIRE_LENGTH },
		{ "no transforms", CASE(HEAD "\0\0\0\10\1\1\0\0"), WIRE_COUNT },
		{ "fewer transforms than said", CASE(HEAD "\0\0\0\20\1\1\0\2" MORE_KEY_IKE), WIRE_COUNT },
		{ "more transforms than said", CASE(HEAD "\0\0\0\30\1\1\0\1" KEY_IKE KEY_IKE), WIRE_COUNT },
		{ "transform says more, is last", CASE(HEAD "\0\0\0\20\1\1\0\1" MORE_KEY_IKE), WIRE_LAST },
		{ "transform says last, has more", CASE(HEAD "\0\0\0\30\1\1\0\2" KEY_IKE KEY_IKE), WIRE_LAST },
		{ "transform too short", CASE(HEAD "\0\0\0\16\1\1\0\1\0\0\0\6\1\1"), WIRE_SHORT },
		{ "attribute cut", CASE(HEAD "\0\0\0\22\1\1\0\1\0\0\0\12\1\1\0\0\200\1"), WIRE_SHORT },
		{ "attribute longer than its transform", CASE(HEAD "\0\0\0\24\1\1\0\1\0\0\0\14\1\1\0\0\0\14\0\1"), WIRE_LENGTH },
	};

	(void)state;
	REFUSE(cases, get_sa);
}

static void refuses_other_malformed_bodies(void **state)
{
	static const struct refused ids[] = {
		{ "cut", CASE("\1\0\0"), WIRE_SHORT },
		{ "address of 3 bytes", CASE("\1\0\0\0abc"), WIRE_LENGTH },
		{ "subnet of 4 bytes", CASE("\4\0\0\0abcd"), WIRE_LENGTH },
		{ "v6 range of 31 bytes", CASE("\10\0\0\0abcdefghijklmnopabcdefghijklmno"), WIRE_LENGTH },
		{ "a name without a letter", CASE("\2\0\0\0"), WIRE_OK },
	};
	static const struct refused notifies[] = {
		{ "cut", CASE("\0\0\0\1\1\0\0"), WIRE_SHORT },
		{ "SPI beyond the end", CASE("\0\0\0\1\1\20\140\2abcd"), WIRE_SHORT },
		{ "an odd size of SPI", CASE("\0\0\0\1\1\3\140\2abc"), WIRE_OK },
	};
	static const struct refused deletes[] = {
		{ "ESP with an SPI of 8", CASE("\0\0\0\1\3\10\0\1abcdefgh"), WIRE_SPI },
		{ "ISAKMP with an SPI of 8", CASE("\0\0\0\1\1\10\0\1abcdefgh"), WIRE_SPI },
		{ "fewer than said", CASE("\0\0\0\1\3\4\0\2abcd"), WIRE_COUNT },
		{ "more than said", CASE("\0\0\0\1\3\4\0\1abcdefgh"), WIRE_COUNT },
		{ "many of nothing", CASE("\0\0\0\1\4\0\377\377"), WIRE_COUNT },
	};
	static const struct refused cfgs[] = {
		{ "cut", CASE("\1\0\0"), WIRE_SHORT },
		{ "attribute cut", CASE("\1\0\0\7\0\1\0"), WIRE_SHORT },
		{ "attribute too long", CASE("\1\0\0\7\0\1\0\4abc"), WIRE_LENGTH },
		{ "without attributes", CASE("\1\0\0\7"), WIRE_OK },
		{ "filled up to four bytes", CASE("\1\0\0\7\0\1\0\1a\0\0\0"), WIRE_OK },
		{ "filled up with something", CASE("\1\0\0\7\0\1\0\2ab\0\1"), WIRE_SHORT },
	};
	static const struct refused fragments[] = {
		{ "without data", CASE("\0\1\1\1"), WIRE_SHORT },
		{ "number 0", CASE("\0\1\0\1abc"), WIRE_VALUE },
	};
	struct view addr;

	(void)state;
	REFUSE(ids, get_id);
	REFUSE(notifies, get_notify);
	REFUSE(deletes, get_delete);
	REFUSE(cfgs, get_cfg);
	REFUSE(fragments, get_fragment);
	assert_int_equal(get_cert(BYTES("\4")), WIRE_SHORT);
	assert_int_equal(get_certreq(BYTES("\4")), WIRE_OK);
	assert_int_equal(isakmp_nat_oa_get(&addr, BYTES("\1\0\0")), WIRE_SHORT);
	assert_int_equal(isakmp_nat_oa_get(&addr, BYTES("\1\0\0\0abc")), WIRE_LENGTH);
	assert_int_equal(isakmp_nat_oa_get(&addr, BYTES("\4\0\0\0abcdefgh")), WIRE_VALUE);
	assert_int_equal(isakmp_nat_oa_get(&addr, BYTES("\1\0\0\0abcd")), WIRE_OK);
	assert_bytes(addr, BYTES("abcd"));
}

/* What racoon's first message holds for 3DES, SHA-1, PSK, MODP 1024, 8 hours; drawn by RFC 2408 3.3 to 3.6 and RFC 2409 A. */
static void a_phase_1_proposal_by_the_book(void **state)
{
	static const char body[] = HEAD "\0\0\0\50\1\1\0\1" "\0\0\0\40\1\1\0\0"
				   "\200\13\0\1" "\200\14\160\200" "\200\1\0\5" "\200\3\0\1" "\200\2\0\2" "\200\4\0\2";
	static struct isakmp_sa sa;
	struct isakmp_ike_attrs a;
	uint8_t buf[100];
	struct wr w = wr_of(buf, sizeof(buf));

	(void)state;
	assert_int_equal(isakmp_sa_get(&sa, BYTES(body)), WIRE_OK);
	assert_int_equal(sa.n, 1);
	assert_int_equal(sa.p[0].protocol, ISAKMP_PROTO_ISAKMP);
	assert_int_equal(sa.t[0].id, ISAKMP_KEY_IKE);
	assert_int_equal(isakmp_ike_attrs_get(&a, sa.t[0].attrs), WIRE_OK);
	assert_int_equal(a.encr, ISAKMP_ENCR_3DES_CBC);
	assert_int_equal(a.hash, ISAKMP_HASH_SHA);
	assert_int_equal(a.auth, ISAKMP_AUTH_PSK);
	assert_int_equal(a.group, 2);
	assert_int_equal(a.life.seconds, 28800);
	assert_int_equal(a.life.kilobytes, 0);
	assert_int_equal(a.key_bits, 0);
	assert_false(a.unknown);
	/* An answer repeats it byte by byte. */
	isakmp_sa_put(&w, &sa);
	assert_bytes(wr_view(&w), BYTES(body));
}

static void attributes_of_phase_2(void **state)
{
	/* 1 day in the long form of 4 bytes, 4 GB of 8 bytes, tunnel in UDP as the draft has it, HMAC-SHA2-256, AES 256, group 14 */
	static const char attrs[] = "\200\1\0\1" "\0\2\0\4\0\1\121\200" "\200\1\0\2" "\0\2\0\10\0\0\0\0\0\100\0\0"
				    "\200\4\360\3" "\200\5\0\5" "\200\6\1\0" "\200\3\0\16";
	struct isakmp_ipsec_attrs a, b;
	uint8_t buf[100];
	struct wr w = wr_of(buf, sizeof(buf));

	(void)state;
	assert_int_equal(isakmp_ipsec_attrs_get(&a, BYTES(attrs)), WIRE_OK);
	assert_int_equal(a.life.seconds, 86400);
	assert_int_equal(a.life.kilobytes, 4194304);
	assert_int_equal(a.encap, ISAKMP_ENCAP_UDP_TUNNEL_DRAFT);
	assert_int_equal(a.auth, ISAKMP_IPSEC_AUTH_HMAC_SHA2_256);
	assert_int_equal(a.key_bits, 256);
	assert_int_equal(a.group, 14);
	assert_int_equal(a.esn, 0);
	assert_false(a.unknown);
	isakmp_ipsec_attrs_put(&w, &a);
	assert_true(wr_ok(&w));
	assert_int_equal(isakmp_ipsec_attrs_get(&b, wr_view(&w)), WIRE_OK);
	assert_true(same_ipsec_attrs(&a, &b));
}

static void what_is_not_to_be_chosen_is_marked(void **state)
{
	static const struct { const char *what; struct view attrs; bool unknown; } cases[] = {
		{ "good", CASE("\200\1\0\7\200\16\1\0\200\2\0\4\200\3\0\1\200\4\0\16"), false },
		{ "numbers in the long form", CASE("\0\1\0\2\0\7\0\16\0\4\0\0\1\0"), false },
		{ "an attribute that nobody knows", CASE("\200\1\0\7\300\0\0\1"), true },
		{ "a group of one's own", CASE("\200\5\0\1"), true },
		{ "twice the same", CASE("\200\1\0\7\200\1\0\5"), true },
		{ "zero", CASE("\200\1\0\0"), true },
		{ "empty", CASE("\0\1\0\0"), true },
		{ "too large", CASE("\0\1\0\4\0\1\0\0"), true },
		{ "a duration without a type", CASE("\200\14\0\20"), true },
		{ "a type without a duration", CASE("\200\13\0\1"), true },
		{ "a type of life that nobody knows", CASE("\200\13\0\3\200\14\0\1"), true },
		{ "two durations of one type", CASE("\200\13\0\1\200\14\0\20\200\13\0\1\200\14\0\20"), true },
	};
	struct isakmp_ike_attrs a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(isakmp_ike_attrs_get(&a, cases[i].attrs), WIRE_OK);
		if (a.unknown != cases[i].unknown)
			fail_msg("%s", cases[i].what);
	}
	/* A lifetime longer than we can count is a long one. */
	assert_int_equal(isakmp_ike_attrs_get(&a, BYTES("\200\13\0\1\0\14\0\11\1\0\0\0\0\0\0\0\0")), WIRE_OK);
	assert_true(a.life.seconds == UINT64_MAX && !a.unknown);
	assert_int_equal(isakmp_ike_attrs_get(&a, BYTES("\200\1\0\7\0\14\0\11\1")), WIRE_LENGTH);
}

static void put_transforms(struct isakmp_sa *sa, uint8_t number, uint8_t protocol, unsigned n)
{
	static const struct view no_spi, spi = { (const uint8_t *)"abcd", 4 };

	sa->p[sa->n++] = (struct isakmp_proposal){ number, protocol, protocol == ISAKMP_PROTO_ISAKMP ? no_spi : spi, 0, n };
}

/* Who offers more than we take loses what is too much, and with half of a bundle the whole of it. */
static void too_much_is_dropped(void **state)
{
	static struct isakmp_sa sa, got;
	static uint8_t buf[65536];
	struct wr w = wr_of(buf, sizeof(buf));

	(void)state;
	sa = (struct isakmp_sa){ .doi = ISAKMP_DOI_IPSEC, .situation = ISAKMP_SIT_IDENTITY_ONLY };
	for (unsigned i = 0; i < ISAKMP_TRANSFORMS_MAX; i++)
		sa.t[i] = (struct isakmp_transform){ (uint8_t)(i + 1), ISAKMP_ESP_AES_CBC, { NULL, 0 } };
	put_transforms(&sa, 1, ISAKMP_PROTO_ESP, 100);
	put_transforms(&sa, 2, ISAKMP_PROTO_AH, 10);
	put_transforms(&sa, 2, ISAKMP_PROTO_ESP, 100);
	put_transforms(&sa, 2, ISAKMP_PROTO_IPCOMP, 1);
	isakmp_sa_put(&w, &sa);
	assert_true(wr_ok(&w));
	assert_int_equal(isakmp_sa_get(&got, wr_view(&w)), WIRE_OK);
	assert_true(got.skipped);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.p[0].number, 1);
	assert_int_equal(got.p[0].n, 100);

	w = wr_of(buf, sizeof(buf));
	sa.n = 0;
	for (unsigned i = 0; i < ISAKMP_PROPOSALS_MAX; i++)
		put_transforms(&sa, (uint8_t)(i + 1), ISAKMP_PROTO_ESP, 1);
	isakmp_sa_put(&w, &sa);
	assert_int_equal(isakmp_sa_get(&got, wr_view(&w)), WIRE_OK);
	assert_false(got.skipped);
	assert_int_equal(got.n, ISAKMP_PROPOSALS_MAX);
	assert_int_equal(isakmp_proposal_spi(&got.p[7]), 0x61626364);
}

struct range_case {
	uint8_t type;
	struct view data;
	int error;
	uint8_t first[4], last[4];
	uint8_t made;
};

static void selectors(void **state)
{
	static const struct range_case cases[] = {
		{ ISAKMP_ID_IPV4_ADDR, CASE("\12\1\2\3"), 0, { 10, 1, 2, 3 }, { 10, 1, 2, 3 }, ISAKMP_ID_IPV4_ADDR },
		{ ISAKMP_ID_IPV4_ADDR_SUBNET, CASE("\12\1\2\3\377\377\0\0"), 0, { 10, 1, 0, 0 }, { 10, 1, 255, 255 },
		  ISAKMP_ID_IPV4_ADDR_SUBNET },
		{ ISAKMP_ID_IPV4_ADDR_SUBNET, CASE("\0\0\0\0\0\0\0\0"), 0, { 0 }, { 255, 255, 255, 255 },
		  ISAKMP_ID_IPV4_ADDR_SUBNET },
		{ ISAKMP_ID_IPV4_ADDR_SUBNET, CASE("\12\1\2\3\377\377\377\377"), 0, { 10, 1, 2, 3 }, { 10, 1, 2, 3 },
		  ISAKMP_ID_IPV4_ADDR },
		{ ISAKMP_ID_IPV4_ADDR_SUBNET, CASE("\12\1\2\3\377\0\377\0"), WIRE_VALUE, { 0 }, { 0 }, 0 },
		{ ISAKMP_ID_IPV4_ADDR_RANGE, CASE("\12\1\2\3\12\1\2\11"), 0, { 10, 1, 2, 3 }, { 10, 1, 2, 9 },
		  ISAKMP_ID_IPV4_ADDR_RANGE },
		{ ISAKMP_ID_IPV4_ADDR_RANGE, CASE("\12\1\2\0\12\1\3\377"), 0, { 10, 1, 2, 0 }, { 10, 1, 3, 255 },
		  ISAKMP_ID_IPV4_ADDR_SUBNET },
		{ ISAKMP_ID_IPV4_ADDR_RANGE, CASE("\12\1\1\0\12\1\2\377"), 0, { 10, 1, 1, 0 }, { 10, 1, 2, 255 },
		  ISAKMP_ID_IPV4_ADDR_RANGE },
		{ ISAKMP_ID_IPV4_ADDR_RANGE, CASE("\12\1\2\11\12\1\2\3"), WIRE_RANGE, { 0 }, { 0 }, 0 },
		{ ISAKMP_ID_FQDN, CASE("east"), WIRE_VALUE, { 0 }, { 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct isakmp_id id = { .type = cases[i].type, .proto = 6, .port = 22, .data = cases[i].data };
		struct isakmp_id_range r;
		uint8_t buf[32];

		assert_int_equal(isakmp_id_range(&id, &r), cases[i].error);
		if (cases[i].error)
			continue;
		assert_int_equal(r.len, 4);
		assert_memory_equal(r.first, cases[i].first, 4);
		assert_memory_equal(r.last, cases[i].last, 4);
		isakmp_id_of_range(&id, &r, buf);
		assert_int_equal(id.type, cases[i].made);
		assert_int_equal(id.port, 22);
	}
}

static void selectors_of_ipv6(void **state)
{
	static const char data[] = "\40\1\15\270\0\1\0\0\0\0\0\0\0\0\0\7" "\377\377\377\377\377\377\200\0\0\0\0\0\0\0\0\0";
	struct isakmp_id id = { .type = ISAKMP_ID_IPV6_ADDR_SUBNET, .data = BYTES(data) };
	struct isakmp_id_range r;
	uint8_t buf[32];

	(void)state;
	assert_int_equal(isakmp_id_range(&id, &r), WIRE_OK);
	assert_int_equal(r.len, 16);
	assert_memory_equal(r.first, "\40\1\15\270\0\1\0\0\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(r.last, "\40\1\15\270\0\1\177\377\377\377\377\377\377\377\377\377", 16);
	isakmp_id_of_range(&id, &r, buf);
	assert_int_equal(id.type, ISAKMP_ID_IPV6_ADDR_SUBNET);
	assert_int_equal(id.data.n, 32);
	assert_memory_equal(buf + 16, data + 16, 16);
}

static struct wire_header header_of(uint8_t exchange, uint8_t flags, uint32_t message_id)
{
	return (struct wire_header){ .spi_i = "initcook", .spi_r = "respcook", .major = ISAKMP_MAJOR, .exchange = exchange,
				     .flags = flags, .message_id = message_id };
}

/* Quick mode: the hash is filled in last, over all that stands behind it, and padding is no part of that. */
static void an_encrypted_message(void **state)
{
	static struct wire_message m;
	struct wire_header h = header_of(ISAKMP_EXCH_QUICK, ISAKMP_FLAG_ENCRYPTED, 0x01020304);
	struct isakmp_seal seal;
	struct wire_out out;
	struct view text, covered;
	uint8_t buf[256];
	size_t at;

	(void)state;
	wire_out_begin(&out, buf, sizeof(buf), &h);
	at = isakmp_hash_put(&out, 20);
	wire_payload_put(&out, ISAKMP_PL_NONCE, BYTES("nonceofinitiator"));
	wire_payload_put(&out, ISAKMP_PL_ID, BYTES("\1\0\0\0abcd"));
	covered = isakmp_hashed(&out, at, 20);
	assert_bytes(covered, BYTES("\5\0\0\24nonceofinitiator\0\0\0\14\1\0\0\0abcd"));
	isakmp_hash_patch(&out, at, (const uint8_t *)"twenty bytes of hash", 20);
	assert_int_equal(isakmp_out_end(&out, 16, &seal), WIRE_OK);
	assert_int_equal(seal.text_len, 64);
	assert_int_equal(seal.datagram.n, 28 + 64);

	assert_int_equal(isakmp_message_get(&m, seal.datagram, &text), WIRE_OK);
	assert_int_equal(m.n, 0);
	assert_int_equal(m.h.message_id, 0x01020304);
	assert_true(text.p == seal.text && text.n == seal.text_len);
	assert_int_equal(isakmp_inner_get(&m, text), WIRE_OK);
	assert_int_equal(m.n, 3);
	assert_bytes(wire_find(&m, ISAKMP_PL_HASH)->body, BYTES("twenty bytes of hash"));
	assert_true(same_view(isakmp_after(&m, &m.pl[0]), covered));
	assert_int_equal(isakmp_after(&m, &m.pl[2]).n, 0);

	/* What a wrong key makes of it is no chain. */
	seal.text[1] ^= 0xa5;
	assert_int_equal(isakmp_inner_get(&m, text), WIRE_VALUE);
	assert_int_equal(m.n, 0);
	assert_int_equal(wire_count(&m, ISAKMP_PL_HASH), 0);
}

static void messages_in_clear(void **state)
{
	static struct wire_message m;
	struct wire_header h = header_of(ISAKMP_EXCH_MAIN, 0, 0);
	struct view datagram, text, cut;
	struct wire_out out;
	uint8_t buf[256];

	(void)state;
	wire_out_begin(&out, buf, sizeof(buf), &h);
	wire_payload_put(&out, ISAKMP_PL_KE, BYTES("public"));
	wire_payload_put(&out, ISAKMP_PL_NONCE, BYTES("nonce678"));
	wire_payload_put(&out, ISAKMP_PL_NAT_D, BYTES("hash"));
	/* Pluto fills up to a whole word. */
	wr_zero(&out.w, 2);
	assert_int_equal(wire_out_end(&out, &datagram), WIRE_OK);
	assert_int_equal(isakmp_message_get(&m, datagram, &text), WIRE_OK);
	assert_int_equal(text.n, 0);
	assert_int_equal(m.n, 3);
	assert_true(isakmp_nonce_fits(wire_find(&m, ISAKMP_PL_NONCE)->body));
	assert_false(isakmp_nonce_fits(wire_find(&m, ISAKMP_PL_KE)->body));

	for (size_t n = 0; n < datagram.n; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, datagram.p, n);
		cut = (struct view){ copy, n };
		assert_int_equal(isakmp_message_get(&m, cut, &text), n < WIRE_HEADER_LEN ? WIRE_SHORT : WIRE_LENGTH);
		assert_int_equal(m.n, 0);
		free(copy);
	}
	wr_zero(&out.w, 2);
	assert_int_equal(wire_out_end(&out, &datagram), WIRE_OK);
	assert_int_equal(isakmp_message_get(&m, datagram, &text), WIRE_TRAILING);
	assert_int_equal(m.n, 0);
	buf[17] = 0x20;
	assert_int_equal(isakmp_message_get(&m, datagram, &text), WIRE_VERSION);
	buf[17] = 0x10;
	buf[19] = ISAKMP_FLAG_ENCRYPTED;
	buf[27] = WIRE_HEADER_LEN;
	datagram.n = WIRE_HEADER_LEN;
	assert_int_equal(isakmp_message_get(&m, datagram, &text), WIRE_SHORT);	/* nothing is encrypted */
}

static void too_many_payloads(void **state)
{
	static struct wire_message m;
	struct wire_header h = header_of(ISAKMP_EXCH_INFORMATIONAL, 0, 0);
	struct view datagram, text;
	struct wire_out out;
	uint8_t buf[1024];

	(void)state;
	wire_out_begin(&out, buf, sizeof(buf), &h);
	for (unsigned i = 0; i < WIRE_PAYLOADS_MAX; i++)
		wire_payload_put(&out, ISAKMP_PL_VENDOR, (struct view){ 0 });
	assert_int_equal(wire_out_end(&out, &datagram), WIRE_OK);
	assert_int_equal(isakmp_message_get(&m, datagram, &text), WIRE_OK);
	wire_payload_put(&out, ISAKMP_PL_VENDOR, (struct view){ 0 });
	assert_int_equal(wire_out_end(&out, &datagram), WIRE_OK);
	assert_int_equal(isakmp_message_get(&m, datagram, &text), WIRE_TOO_MANY);
}

static void what_does_not_fit_is_not_sent(void **state)
{
	struct wire_header h = header_of(ISAKMP_EXCH_QUICK, ISAKMP_FLAG_ENCRYPTED, 1);
	struct isakmp_seal seal;
	struct wire_out out;
	uint8_t buf[60];
	size_t at;

	(void)state;
	wire_out_begin(&out, buf, sizeof(buf), &h);
	at = isakmp_hash_put(&out, 20);
	wire_payload_put(&out, ISAKMP_PL_NONCE, BYTES("nonceofinitiator"));
	assert_int_equal(isakmp_hashed(&out, at, 20).n, 0);
	isakmp_hash_patch(&out, at, pool, 20);
	assert_int_equal(isakmp_out_end(&out, 16, &seal), WIRE_FULL);
}

static void data_of_notifications(void **state)
{
	struct isakmp_notify n = { .doi = 1, .protocol = ISAKMP_PROTO_ESP, .type = ISAKMP_N_RESPONDER_LIFETIME,
				   .spi = BYTES("\1\2\3\4"), .data = BYTES("\0\0\0\7") };
	struct isakmp_delete d = { 1, ISAKMP_PROTO_ISAKMP, 16, 1, BYTES("initcookrespcook") };
	struct view cookies;
	uint32_t v;

	(void)state;
	assert_true(isakmp_notify_spi(&n, &v));
	assert_int_equal(v, 0x01020304);
	assert_true(isakmp_notify_dpd(&n, &v));
	assert_int_equal(v, 7);
	n.protocol = ISAKMP_PROTO_ISAKMP;
	n.data.n = 3;
	assert_false(isakmp_notify_spi(&n, &v));
	assert_false(isakmp_notify_dpd(&n, &v));
	assert_true(isakmp_delete_cookies(&d, 0, &cookies));
	assert_bytes(cookies, BYTES("initcookrespcook"));
	assert_false(isakmp_delete_cookies(&d, 1, &cookies));
	assert_false(isakmp_delete_spi(&d, 0, &v));
}

/* Cisco's entries are 14 bytes each; some leave the last 6 of the last one away. */
static void split_networks(void **state)
{
	static const char value[] = "\12\0\0\0\377\0\0\0\0\0\0\0\0\0" "\300\0\2\0\377\377\377\0";
	struct isakmp_split s, t = { { 10, 0, 0, 0 }, { 255, 0, 0, 0 } };
	struct rd r = rd_of(value, sizeof(value) - 1);
	uint8_t buf[20];
	struct wr w = wr_of(buf, sizeof(buf));

	(void)state;
	assert_true(isakmp_split_next(&r, &s));
	assert_memory_equal(&s, &t, sizeof(s));
	assert_true(isakmp_split_next(&r, &s));
	assert_memory_equal(s.addr, "\300\0\2\0", 4);
	assert_memory_equal(s.mask, "\377\377\377\0", 4);
	assert_false(isakmp_split_next(&r, &s));
	isakmp_split_put(&w, &t);
	assert_bytes(wr_view(&w), (struct view){ (const uint8_t *)value, 14 });
}

static void vendor_ids(void **state)
{
	struct view dpd = isakmp_vendor_bytes(ISAKMP_VID_DPD);
	uint8_t other[16];

	(void)state;
	for (enum isakmp_vid vid = ISAKMP_VID_UNKNOWN + 1; vid < ISAKMP_VID_END; vid++) {
		struct view bytes = isakmp_vendor_bytes(vid);

		assert_string_not_equal(isakmp_vendor_name(vid), "unknown");
		if (bytes.n)
			assert_int_equal(isakmp_vendor_get(bytes), vid);
	}
	assert_int_equal(isakmp_vendor_get((struct view){ 0 }), ISAKMP_VID_UNKNOWN);
	assert_int_equal(isakmp_vendor_get((struct view){ dpd.p, 13 }), ISAKMP_VID_UNKNOWN);
	memcpy(other, dpd.p, sizeof(other));
	other[15] = 9;
	assert_int_equal(isakmp_vendor_get((struct view){ other, sizeof(other) }), ISAKMP_VID_DPD);
	other[0] ^= 1;
	assert_int_equal(isakmp_vendor_get((struct view){ other, sizeof(other) }), ISAKMP_VID_UNKNOWN);
	assert_int_equal(isakmp_vendor_get(BYTES("OE-Libreswan-4.10")), ISAKMP_VID_LIBRESWAN);
	/* "draft-ietf-ipsec-nat-t-ike-02\n", with and without its last character */
	assert_bytes(isakmp_vendor_bytes(ISAKMP_VID_NAT_T_02_N),
		     BYTES("\x90\xcb\x80\x91\x3e\xbb\x69\x6e\x08\x63\x81\xb5\xec\x42\x7b\x1f"));
	assert_bytes(isakmp_vendor_bytes(ISAKMP_VID_NAT_T_02),
		     BYTES("\xcd\x60\x46\x43\x35\xdf\x21\xf8\x7c\xfd\xb2\xfc\x68\xb6\xa4\x48"));
	assert_int_equal(isakmp_vendor_bytes(ISAKMP_VID_NAT_T_OLD).n, 0);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(isakmp_exchange_name(ISAKMP_EXCH_MAIN), "Main Mode");
	assert_string_equal(isakmp_exchange_name(34), "?");
	assert_string_equal(isakmp_payload_name(132), "FRAGMENT");
	assert_string_equal(isakmp_notify_name(36136), "R-U-THERE");
	assert_string_equal(isakmp_protocol_name(4), "IPCOMP");
	assert_string_equal(isakmp_encr_name(5), "3DES-CBC");
	assert_string_equal(isakmp_hash_name(1), "MD5");
	assert_string_equal(isakmp_auth_name(65001), "XAUTHInitPreShared");
	assert_string_equal(isakmp_transform_name(ISAKMP_PROTO_ESP, 20), "ESP_AES-GCM_16");
	assert_string_equal(isakmp_transform_name(ISAKMP_PROTO_AH, 3), "AH_SHA");
	assert_string_equal(isakmp_transform_name(ISAKMP_PROTO_ISAKMP, 1), "KEY_IKE");
	assert_string_equal(isakmp_transform_name(9, 1), "?");
	assert_string_equal(isakmp_ipsec_auth_name(5), "HMAC-SHA2-256");
	assert_string_equal(isakmp_encap_name(61443), "UDP-Encapsulated-Tunnel (draft)");
	assert_string_equal(isakmp_id_type_name(3), "ID_USER_FQDN");
	assert_string_equal(isakmp_cert_encoding_name(4), "X.509 Certificate - Signature");
	assert_string_equal(isakmp_cfg_type_name(3), "ISAKMP_CFG_SET");
	assert_string_equal(isakmp_cfg_attr_name(28676), "UNITY_SPLIT_INCLUDE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sa, setup),
		cmocka_unit_test_setup(test_id, setup),
		cmocka_unit_test_setup(test_cert, setup),
		cmocka_unit_test_setup(test_certreq, setup),
		cmocka_unit_test_setup(test_notify, setup),
		cmocka_unit_test_setup(test_delete, setup),
		cmocka_unit_test_setup(test_cfg, setup),
		cmocka_unit_test_setup(test_fragment, setup),
		cmocka_unit_test(refuses_malformed_sa),
		cmocka_unit_test(refuses_other_malformed_bodies),
		cmocka_unit_test(a_phase_1_proposal_by_the_book),
		cmocka_unit_test(attributes_of_phase_2),
		cmocka_unit_test(what_is_not_to_be_chosen_is_marked),
		cmocka_unit_test(too_much_is_dropped),
		cmocka_unit_test(selectors),
		cmocka_unit_test(selectors_of_ipv6),
		cmocka_unit_test(an_encrypted_message),
		cmocka_unit_test(messages_in_clear),
		cmocka_unit_test(too_many_payloads),
		cmocka_unit_test(what_does_not_fit_is_not_sent),
		cmocka_unit_test(data_of_notifications),
		cmocka_unit_test(split_networks),
		cmocka_unit_test(vendor_ids),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
