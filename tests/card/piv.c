// SPDX-License-Identifier: MIT
// A PIV card's commands, but for GENERAL AUTHENTICATE: PINs, data objects, new keys.
#include "tests/card/piv.h"
#include "tests/card/tlv.h"

#include <string.h>

#define PIN_BYTES 8
#define DISCOVERY 0x7e
#define CHUID 0x5fc102
#define CERTIFICATE_AUTH 0x5fc105
#define CERTIFICATE_SIGN 0x5fc10a
#define CERTIFICATE_MANAGE 0x5fc10b
#define CERTIFICATE_CARD 0x5fc101

static const uint8_t aid[] = { 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00 };

/* Who the holder is: a FASC-N of nines as for those outside the US government, a GUID, an expiry date. */
static void make(struct card *c)
{
	static const uint8_t fasc_n[] = { 0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c, 0xed, 0x39, 0xce, 0x73, 0x9d, 0x83, 0x68,
					  0x58, 0x21, 0x08, 0x42, 0x10, 0x84, 0x21, 0xc8, 0x42, 0x10, 0xc3, 0xeb };
	static const uint8_t guid[] = { 0x67, 0x61, 0x70, 0x6c, 0x65, 0x73, 0x73, 0x40, 0x80, 0, 0, 0, 0, 0, 0, 0x07 };
	uint8_t buf[128];
	struct wr w = wr_of(buf, sizeof(buf));

	tlv_put(&w, 0x30, (struct view){ fasc_n, sizeof(fasc_n) });
	tlv_put(&w, 0x34, (struct view){ guid, sizeof(guid) });
	tlv_put(&w, 0x35, (struct view){ (const uint8_t *)"20991231", 8 });
	tlv_put(&w, 0x3e, (struct view){ NULL, 0 });
	tlv_put(&w, 0xfe, (struct view){ NULL, 0 });
	card_object_set(c, CHUID, wr_view(&w));
}

static void put_atr(const struct card *c, struct wr *w)
{
	/* T=1; chaining (80), extended length (40); "PIV". */
	uint8_t atr[] = { 0x3b, 0x89, 0x01, 0x80, 0x73, 0xc0, 0x01, c->extended ? 0xc0 : 0x80, 0x53, 'P', 'I', 'V', 0 };

	for (size_t i = 1; i < sizeof(atr) - 1; i++)
		atr[sizeof(atr) - 1] ^= atr[i];
	wr_mem(w, atr, sizeof(atr));
}

/* 70 certificate, 71 not compressed, FE no checksum. */
static void store_certificate(struct card *c, uint32_t object, struct view der)
{
	static const uint8_t plain = 0;
	uint8_t buf[CARD_BODY_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	tlv_put(&w, 0x70, der);
	tlv_put(&w, 0x71, (struct view){ &plain, 1 });
	tlv_put(&w, 0xfe, (struct view){ NULL, 0 });
	if (wr_ok(&w))
		card_object_set(c, object, wr_view(&w));
}

/* The application property template. */
static unsigned int select_application(struct card *c, const struct apdu *a, struct wr *w)
{
	size_t all, authority;

	(void)c;
	if (a->p1 != 4)
		return SW_PARAMETERS;
	if (a->data.n < 5 || a->data.n > sizeof(aid) || memcmp(a->data.p, aid, a->data.n))
		return SW_NOT_FOUND;
	/* What the PIN permitted stays permitted (3.1.1): there is only this application. */
	all = tlv_open(w, 0x61);
	tlv_put(w, 0x4f, (struct view){ aid + 5, 6 });
	authority = tlv_open(w, 0x79);
	tlv_put(w, 0x4f, (struct view){ aid, 5 });
	tlv_close(w, authority);
	tlv_close(w, all);
	return SW_OK;
}

static unsigned int pin_status(struct card *c, enum pin_result result, unsigned int i)
{
	if (result == PIN_RIGHT)
		return SW_OK;
	return result == PIN_WRONG ? SW_TRIES | c->pins[i].tries : SW_BLOCKED;
}

static unsigned int verify(struct card *c, const struct apdu *a, struct wr *w)
{
	enum pin_result result;

	(void)w;
	if (a->p2 != 0x80)
		return SW_NO_REFERENCE;
	if (a->p1 == 0xff && !a->data.n) {
		c->access &= ~(PIV_MAY_USE | PIV_FRESH);
		return SW_OK;
	}
	if (a->p1)
		return SW_PARAMETERS;
	if (!a->data.n) {
		if (c->access & PIV_MAY_USE)
			return SW_OK;
		return c->pins[PIV_PIN].tries ? SW_TRIES | c->pins[PIV_PIN].tries : SW_BLOCKED;
	}
	if (a->data.n != PIN_BYTES)
		return SW_DATA;
	c->access &= ~(PIV_MAY_USE | PIV_FRESH);
	result = card_pin_try(c, PIV_PIN, a->data);
	if (result == PIN_RIGHT)
		c->access |= PIV_MAY_USE | PIV_FRESH;
	return pin_status(c, result, PIV_PIN);
}

/* Two values of 8 bytes: the one that must be right, and the new PIN or PUK. */
static unsigned int replace(struct card *c, const struct apdu *a, unsigned int tried, unsigned int set)
{
	enum pin_result result;

	if (a->p1)
		return SW_PARAMETERS;
	if (a->data.n != 2 * PIN_BYTES)
		return SW_DATA;
	result = card_pin_try(c, tried, (struct view){ a->data.p, PIN_BYTES });
	if (result == PIN_RIGHT && card_pin_set(c, set, (struct view){ a->data.p + PIN_BYTES, PIN_BYTES }))
		return SW_DATA;
	return pin_status(c, result, tried);
}

static unsigned int change_pin(struct card *c, const struct apdu *a, struct wr *w)
{
	(void)w;
	if (a->p2 != 0x80 && a->p2 != 0x81)
		return SW_NO_REFERENCE;
	return replace(c, a, a->p2 == 0x80 ? PIV_PIN : PIV_PUK, a->p2 == 0x80 ? PIV_PIN : PIV_PUK);
}

static unsigned int unblock_pin(struct card *c, const struct apdu *a, struct wr *w)
{
	(void)w;
	return a->p2 == 0x80 ? replace(c, a, PIV_PUK, PIV_PIN) : SW_NO_REFERENCE;
}

/* 5C { tag }, as a number; 0: none. */
static uint32_t tag_of(const struct apdu *a)
{
	struct view v;
	uint32_t tag = 0;

	if (a->p1 != 0x3f || a->p2 != 0xff || tlv_find(a->data, 0x5c, &v) || v.n > 3)
		return 0;
	for (size_t i = 0; i < v.n; i++)
		tag = tag << 8 | v.p[i];
	return tag;
}

static void put_discovery(struct wr *w)
{
	static const uint8_t policy[] = { 0x40, 0x00 };
	size_t all = tlv_open(w, DISCOVERY);

	tlv_put(w, 0x4f, (struct view){ aid, sizeof(aid) });
	tlv_put(w, 0x5f2f, (struct view){ policy, sizeof(policy) });
	tlv_close(w, all);
}

static bool known(uint32_t tag)
{
	return (tag >= 0x5fc101 && tag <= 0x5fc123) || tag == 0x7f61;
}

/* Fingerprints, face, printed information. */
static bool needs_pin(uint32_t tag)
{
	return tag == 0x5fc103 || tag == 0x5fc108 || tag == 0x5fc109;
}

static unsigned int get_data(struct card *c, const struct apdu *a, struct wr *w)
{
	uint32_t tag = tag_of(a);

	if (tag == DISCOVERY) {
		put_discovery(w);
		return SW_OK;
	}
	if (!known(tag) || !card_object(c, tag).n)
		return SW_NOT_FOUND;
	if (needs_pin(tag) && !(c->access & PIV_MAY_USE))
		return SW_NOT_ALLOWED;
	tlv_put(w, 0x53, card_object(c, tag));
	return SW_OK;
}

static unsigned int put_data(struct card *c, const struct apdu *a, struct wr *w)
{
	struct view value;
	uint32_t tag = tag_of(a);

	(void)w;
	if (!(c->access & PIV_MAY_ADMIN))
		return SW_NOT_ALLOWED;
	if (!known(tag) || tlv_find(a->data, 0x53, &value))
		return SW_DATA;
	return card_object_set(c, tag, value) ? SW_INTERNAL : SW_OK;
}

/* AC { 80 algorithm } */
static unsigned int generate(struct card *c, const struct apdu *a, struct wr *w)
{
	int i = card_key_by_ref(c, a->p2);
	struct view template, algorithm;
	const struct key_kind *kind;
	EVP_PKEY *key;
	size_t begin;

	if (!(c->access & PIV_MAY_ADMIN))
		return SW_NOT_ALLOWED;
	if (a->p1 || i < 0)
		return SW_PARAMETERS;
	if (tlv_find(a->data, 0xac, &template) || tlv_find(template, 0x80, &algorithm) || algorithm.n != 1)
		return SW_DATA;
	kind = key_kind_by_piv(algorithm.p[0]);
	if (!kind)
		return SW_DATA;
	key = key_generate(kind);
	if (!key)
		return SW_INTERNAL;
	card_key_set(c, (unsigned int)i, key);
	begin = tlv_open(w, 0x7f49);
	if (key_public(key, w))
		return SW_INTERNAL;
	tlv_close(w, begin);
	return SW_OK;
}

static const struct {
	uint8_t ins;
	unsigned int (*run)(struct card *c, const struct apdu *a, struct wr *w);
} commands[] = {
	{ 0x20, verify }, { 0x24, change_pin }, { 0x2c, unblock_pin }, { 0x47, generate },
	{ 0x87, piv_authenticate }, { 0xa4, select_application }, { 0xcb, get_data }, { 0xdb, put_data },
};

static unsigned int command(struct card *c, const struct apdu *a, struct wr *w)
{
	unsigned int sw = SW_INSTRUCTION;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].ins == a->ins)
			sw = commands[i].run(c, a, w);
	if (a->ins != 0x20)
		c->access &= ~PIV_FRESH;
	return sw;
}

const struct card_kind card_piv = {
	.name = "piv",
	.pins = { { "user", "123456\xff\xff", PIN_BYTES, PIN_BYTES, 3 }, { "puk", "12345678", PIN_BYTES, PIN_BYTES, 3 } },
	.keys = { { "9a", 0x9a, CERTIFICATE_AUTH }, { "9c", 0x9c, CERTIFICATE_SIGN },
		  { "9d", 0x9d, CERTIFICATE_MANAGE }, { "9e", 0x9e, CERTIFICATE_CARD } },
	.make = make,
	.command = command,
	.atr = put_atr,
	.certificate = store_certificate,
};
