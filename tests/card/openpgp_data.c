// SPDX-License-Identifier: MIT
// An OpenPGP card's data objects: what is read out, what may be written, and what is put together of several.
#include "tests/card/openpgp.h"
#include "tests/card/tlv.h"

#include <string.h>

#define FINGERPRINT 20
#define FINGERPRINTS 0xc7
#define TIMESTAMP 4
#define TIMESTAMPS 0xce
#define RESETTING_CODE 0xd3
#define CERTIFICATE_MOST 2048
#define PRIVATE_MOST 254

/* Version 3.4, manufacturer for tests, serial number 00 00 00 07. */
const uint8_t openpgp_aid[16] = { 0xd2, 0x76, 0x00, 0x01, 0x24, 0x01, 0x03, 0x04, 0xff, 0xfe, 0, 0, 0, 0x07, 0, 0 };

void openpgp_historical(const struct card *c, struct wr *w)
{
	/* Compact TLV: services of the card; selection by name, coding of data, chaining (80) and extended length (40). */
	static const uint8_t head[] = { 0x00, 0x31, 0xf5, 0x73, 0xc0, 0x01 };

	wr_mem(w, head, sizeof(head));
	wr_u8(w, c->extended ? 0xc0 : 0x80);
	wr_u8(w, c->terminated ? 0x03 : 0x05);
	wr_u16(w, SW_OK);
}

static const struct key_kind *algorithm_of(struct view v)
{
	if (v.n < 2)
		return NULL;
	if (v.p[0] == 1)
		return v.n < 5 ? NULL : key_kind_by_bits((unsigned int)v.p[1] << 8 | v.p[2]);
	/* A last byte FF asks for the public key in imports. */
	return key_kind_by_oid((struct view){ v.p + 1, v.n - 1 - (v.p[v.n - 1] == 0xff) });
}

const struct key_kind *openpgp_algorithm(const struct card *c, unsigned int i)
{
	return algorithm_of(card_object(c, OPENPGP_ALGORITHM + i));
}

void openpgp_algorithm_set(struct card *c, unsigned int i, const struct key_kind *kind)
{
	uint8_t value[16] = { 1, (uint8_t)(kind->bits >> 8), (uint8_t)kind->bits, 0, 17, 0 };
	size_t n = 6;

	if (kind->type != EVP_PKEY_RSA) {
		value[0] = kind->type == EVP_PKEY_ED25519 ? 0x16 : i == OPENPGP_DECRYPT ? 0x12 : 0x13;
		memcpy(value + 1, kind->oid, kind->noid);
		n = 1u + kind->noid;
	}
	card_object_set(c, OPENPGP_ALGORITHM + i, (struct view){ value, n });
}

void openpgp_make_objects(struct card *c)
{
	static const uint8_t each_needs_pin = 0, sex_unknown = '9';

	for (unsigned int i = OPENPGP_SIGN; i <= OPENPGP_AUTH; i++)
		openpgp_algorithm_set(c, i, key_kind_by_name("rsa2048"));
	card_object_set(c, OPENPGP_PW_STATUS, (struct view){ &each_needs_pin, 1 });
	card_object_set(c, 0x5f35, (struct view){ &sex_unknown, 1 });
	card_object_set(c, 0x5f2d, (struct view){ (const uint8_t *)"en", 2 });
}

/* Not the fingerprint of RFC 4880, which nobody checks; but it is another one for each key. */
void openpgp_enroll(struct card *c, unsigned int i)
{
	static const uint8_t time[TIMESTAMP] = { 0x65, 0x92, 0x00, 0x80 };
	uint8_t public[CARD_BODY_MAX], sum[EVP_MAX_MD_SIZE];
	struct wr w = wr_of(public, sizeof(public));
	unsigned int n;

	if (key_public(c->keys[i], &w) || EVP_Digest(public, w.len, sum, &n, EVP_sha1(), NULL) != 1 || n != FINGERPRINT)
		return;
	card_object_set(c, FINGERPRINTS + i, (struct view){ sum, n });
	card_object_set(c, TIMESTAMPS + i, (struct view){ time, sizeof(time) });
}

bool openpgp_pin_for_each(const struct card *c)
{
	struct view v = card_object(c, OPENPGP_PW_STATUS);

	return !v.n || !v.p[0];
}

static void put_aid(const struct card *c, struct wr *w)
{
	(void)c;
	wr_mem(w, openpgp_aid, sizeof(openpgp_aid));
}

static void put_capabilities(const struct card *c, struct wr *w)
{
	/* GET CHALLENGE, PW status changeable, private objects, algorithms changeable; no secure messaging. */
	(void)c;
	wr_u8(w, 0x40 | 0x10 | 0x08 | 0x04);
	wr_u8(w, 0);
	wr_u16(w, 255);
	wr_u16(w, CERTIFICATE_MOST);
	wr_u16(w, PRIVATE_MOST);
	wr_u16(w, 0);
}

static void put_lengths(const struct card *c, struct wr *w)
{
	static const uint8_t limit[] = { CARD_LIMIT >> 8, CARD_LIMIT & 0xff };

	(void)c;
	tlv_put(w, 0x02, (struct view){ limit, sizeof(limit) });
	tlv_put(w, 0x02, (struct view){ limit, sizeof(limit) });
}

static void put_pw_status(const struct card *c, struct wr *w)
{
	wr_u8(w, !openpgp_pin_for_each(c));
	for (unsigned int i = 0; i < CARD_PINS; i++)
		wr_u8(w, c->kind->pins[i].most);
	for (unsigned int i = 0; i < CARD_PINS; i++)
		wr_u8(w, c->pins[i].tries);
}

/* Three objects of n bytes, zeros where there is none. */
static void put_three(const struct card *c, uint32_t first, size_t n, struct wr *w)
{
	for (uint32_t tag = first; tag < first + 3; tag++) {
		struct view v = card_object(c, tag);

		if (v.n == n)
			wr_put(w, v);
		else
			wr_zero(w, n);
	}
}

static void put_fingerprints(const struct card *c, struct wr *w)
{
	put_three(c, FINGERPRINTS, FINGERPRINT, w);
}

static void put_ca_fingerprints(const struct card *c, struct wr *w)
{
	put_three(c, 0xca, FINGERPRINT, w);
}

static void put_timestamps(const struct card *c, struct wr *w)
{
	put_three(c, TIMESTAMPS, TIMESTAMP, w);
}

static void put_keys(const struct card *c, struct wr *w)
{
	for (unsigned int i = 0; i <= OPENPGP_AUTH; i++) {
		wr_u8(w, (uint8_t)(i + 1));
		wr_u8(w, c->keys[i] ? 1 : 0);
	}
}

static void put_signatures(const struct card *c, struct wr *w)
{
	wr_u8(w, (uint8_t)(c->signatures >> 16));
	wr_u16(w, (uint16_t)c->signatures);
}

/* What is read: made by a function, or of parts, or kept as it was written. */
static const struct object {
	uint32_t tag;
	void (*put)(const struct card *c, struct wr *w);
	uint32_t parts[14];
	bool inside;			/* is not read by itself */
} objects[] = {
	{ .tag = 0x4f, .put = put_aid },
	{ .tag = 0x5f52, .put = openpgp_historical },
	{ .tag = 0x65, .parts = { 0x5b, 0x5f2d, 0x5f35 } },
	{ .tag = 0x6e, .parts = { 0x4f, 0x5f52, 0x7f66, 0x73 } },
	{ .tag = 0x73, .parts = { 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xcd, 0xde } },
	{ .tag = 0x7a, .parts = { 0x93 } },
	{ .tag = 0x7f66, .put = put_lengths },
	{ .tag = 0x93, .put = put_signatures, .inside = true },
	{ .tag = 0xc0, .put = put_capabilities },
	{ .tag = OPENPGP_PW_STATUS, .put = put_pw_status },
	{ .tag = 0xc5, .put = put_fingerprints },
	{ .tag = 0xc6, .put = put_ca_fingerprints },
	{ .tag = 0xcd, .put = put_timestamps },
	{ .tag = 0xde, .put = put_keys },
};

static const struct object *object_of(uint32_t tag)
{
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (objects[i].tag == tag)
			return &objects[i];
	return NULL;
}

static bool absent(const struct card *c, uint32_t tag)
{
	return tag == 0x7f66 && !c->extended;
}

/* The deepest is 6E, 73, a part of it. */
static void put_value(const struct card *c, uint32_t tag, struct wr *w) /* NOLINT(misc-no-recursion) */
{
	const struct object *o = object_of(tag);

	if (!o)
		wr_put(w, card_object(c, tag));
	else if (o->put)
		o->put(c, w);
	else
		for (const uint32_t *part = o->parts; *part; part++) {
			size_t begin;

			if (absent(c, *part))
				continue;
			begin = tlv_open(w, *part);
			put_value(c, *part, w);
			tlv_close(w, begin);
		}
}

/* What may be written, and read as it is: limits, and who may. */
static const struct kept {
	uint32_t tag;
	uint16_t least, most;
	unsigned int reader, writer;	/* access bits; 0: everybody */
	bool hidden;			/* seen only as a part of others */
} kept[] = {
	{ 0x5b, 0, 39, 0, OPENPGP_MAY_ADMIN, false },
	{ 0x5e, 0, PRIVATE_MOST, 0, OPENPGP_MAY_ADMIN, false },
	{ 0x5f2d, 2, 8, 0, OPENPGP_MAY_ADMIN, false },
	{ 0x5f35, 1, 1, 0, OPENPGP_MAY_ADMIN, false },
	{ 0x5f50, 0, PRIVATE_MOST, 0, OPENPGP_MAY_ADMIN, false },
	{ 0x0101, 0, PRIVATE_MOST, 0, OPENPGP_MAY_USE, false },
	{ 0x0102, 0, PRIVATE_MOST, 0, OPENPGP_MAY_ADMIN, false },
	{ 0x0103, 0, PRIVATE_MOST, OPENPGP_MAY_USE, OPENPGP_MAY_USE, false },
	{ 0x0104, 0, PRIVATE_MOST, OPENPGP_MAY_ADMIN, OPENPGP_MAY_ADMIN, false },
	{ OPENPGP_CERTIFICATE, 0, CERTIFICATE_MOST, 0, OPENPGP_MAY_ADMIN, false },
	{ 0xc1, 2, 16, 0, OPENPGP_MAY_ADMIN, false },
	{ 0xc2, 2, 16, 0, OPENPGP_MAY_ADMIN, false },
	{ 0xc3, 2, 16, 0, OPENPGP_MAY_ADMIN, false },
	{ OPENPGP_PW_STATUS, 1, 1, 0, OPENPGP_MAY_ADMIN, false },
	{ 0xc7, FINGERPRINT, FINGERPRINT, 0, OPENPGP_MAY_ADMIN, true },
	{ 0xc8, FINGERPRINT, FINGERPRINT, 0, OPENPGP_MAY_ADMIN, true },
	{ 0xc9, FINGERPRINT, FINGERPRINT, 0, OPENPGP_MAY_ADMIN, true },
	{ 0xca, FINGERPRINT, FINGERPRINT, 0, OPENPGP_MAY_ADMIN, true },
	{ 0xcb, FINGERPRINT, FINGERPRINT, 0, OPENPGP_MAY_ADMIN, true },
	{ 0xcc, FINGERPRINT, FINGERPRINT, 0, OPENPGP_MAY_ADMIN, true },
	{ 0xce, TIMESTAMP, TIMESTAMP, 0, OPENPGP_MAY_ADMIN, true },
	{ 0xcf, TIMESTAMP, TIMESTAMP, 0, OPENPGP_MAY_ADMIN, true },
	{ 0xd0, TIMESTAMP, TIMESTAMP, 0, OPENPGP_MAY_ADMIN, true },
	{ RESETTING_CODE, 0, CARD_PIN_MAX, 0, OPENPGP_MAY_ADMIN, true },
};

static const struct kept *kept_of(uint32_t tag)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (kept[i].tag == tag)
			return &kept[i];
	return NULL;
}

static uint32_t tag_of(const struct apdu *a)
{
	return (uint32_t)a->p1 << 8 | a->p2;
}

static uint32_t place_of(const struct card *c, uint32_t tag)
{
	return tag == OPENPGP_CERTIFICATE ? tag + 0x10000 * c->chosen : tag;
}

unsigned int openpgp_get_data(struct card *c, const struct apdu *a, struct wr *w)
{
	uint32_t tag = tag_of(a);
	const struct object *o = object_of(tag);
	const struct kept *k = kept_of(tag);

	if (o ? o->inside || absent(c, tag) : !k || k->hidden)
		return SW_NO_REFERENCE;
	if (!o && (k->reader & ~c->access))
		return SW_NOT_ALLOWED;
	put_value(c, place_of(c, tag), w);
	return SW_OK;
}

static unsigned int set_resetting_code(struct card *c, struct view code)
{
	if (!code.n)
		c->pins[OPENPGP_RESET] = (struct card_pin){ .n = 0 };
	else if (card_pin_set(c, OPENPGP_RESET, code))
		return SW_DATA;
	return SW_OK;
}

/* Another algorithm: the key of before is gone. */
static unsigned int set_algorithm(struct card *c, uint32_t tag, struct view value)
{
	unsigned int i = tag - OPENPGP_ALGORITHM;
	const struct key_kind *kind = algorithm_of(value);

	if (!kind || card_object_set(c, tag, value))
		return SW_DATA;
	if (c->keys[i] && key_kind_of(c->keys[i]) != kind)
		card_key_set(c, i, NULL);
	return SW_OK;
}

unsigned int openpgp_put_data(struct card *c, const struct apdu *a, struct wr *w)
{
	uint32_t tag = tag_of(a);
	const struct kept *k = kept_of(tag);

	(void)w;
	if (!k)
		return SW_NO_REFERENCE;
	if (k->writer & ~c->access)
		return SW_NOT_ALLOWED;
	if (a->data.n < k->least || a->data.n > k->most)
		return SW_LENGTH;
	if (tag == RESETTING_CODE)
		return set_resetting_code(c, a->data);
	if (tag >= OPENPGP_ALGORITHM && tag <= OPENPGP_ALGORITHM + OPENPGP_AUTH)
		return set_algorithm(c, tag, a->data);
	return card_object_set(c, place_of(c, tag), a->data) ? SW_INTERNAL : SW_OK;
}

/* 60 { 5C { tag } }; P1 is the occurrence. */
unsigned int openpgp_select_data(struct card *c, const struct apdu *a, struct wr *w)
{
	static const uint8_t certificate[] = { OPENPGP_CERTIFICATE >> 8, OPENPGP_CERTIFICATE & 0xff };
	struct view general, tags;

	(void)w;
	if (a->p2 != 4 || a->p1 > OPENPGP_AUTH)
		return SW_PARAMETERS;
	if (tlv_find(a->data, 0x60, &general) || tlv_find(general, 0x5c, &tags))
		return SW_DATA;
	if (tags.n != sizeof(certificate) || memcmp(tags.p, certificate, tags.n))
		return SW_NO_REFERENCE;
	c->chosen = a->p1;
	return SW_OK;
}
