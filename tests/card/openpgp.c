// SPDX-License-Identifier: MIT
// An OpenPGP card's commands: PINs, keys, signatures. Its data objects are in openpgp_data.c.
#include "tests/card/openpgp.h"
#include "tests/card/tlv.h"

#include <openssl/rand.h>
#include <string.h>

#define CHALLENGE_MOST 256

static const uint8_t crt[] = { 0xb6, 0xb8, 0xa4 };

static void put_atr(const struct card *c, struct wr *w)
{
	static const uint8_t head[] = { 0x3b, 0xda, 0x18, 0xff, 0x81, 0xb1, 0xfe, 0x75, 0x1f, 0x03 };
	size_t begin = w->len;
	uint8_t sum = 0;

	wr_mem(w, head, sizeof(head));
	openpgp_historical(c, w);
	for (size_t i = begin + 1; i < w->len; i++)
		sum ^= w->buf[i];
	wr_u8(w, sum);
}

static void key_new(struct card *c, unsigned int i)
{
	if (i == OPENPGP_SIGN)
		c->signatures = 0;
	if (c->keys[i])
		openpgp_algorithm_set(c, i, key_kind_of(c->keys[i]));
}

static void store_certificate(struct card *c, uint32_t object, struct view der)
{
	card_object_set(c, object, der);
}

static unsigned int select_application(struct card *c, const struct apdu *a, struct wr *w)
{
	(void)w;
	if (a->p1 != 4)
		return SW_PARAMETERS;
	if (!a->data.n || a->data.n > sizeof(openpgp_aid) || memcmp(a->data.p, openpgp_aid, a->data.n))
		return SW_NOT_FOUND;
	card_wake(c);
	return c->terminated ? SW_TERMINATED : SW_OK;
}

/* The reference in P2: its PIN and its access bit; -1 for none. */
static int pin_of(uint8_t ref, unsigned int *bit)
{
	if (ref < 0x81 || ref > 0x83)
		return -1;
	*bit = 1u << (ref - 0x81);
	return ref == 0x83 ? OPENPGP_ADMIN : OPENPGP_USER;
}

static unsigned int verify(struct card *c, const struct apdu *a, struct wr *w)
{
	unsigned int bit;
	int i = pin_of(a->p2, &bit);

	(void)w;
	if (i < 0)
		return SW_NO_REFERENCE;
	if (a->p1 == 0xff && !a->data.n) {
		c->access &= ~bit;
		return SW_OK;
	}
	if (a->p1)
		return SW_PARAMETERS;
	if (!a->data.n)
		return c->access & bit ? SW_OK : SW_TRIES | c->pins[i].tries;
	c->access &= ~bit;
	switch (card_pin_try(c, (unsigned int)i, a->data)) {
	case PIN_BLOCKED:
		return SW_BLOCKED;
	case PIN_WRONG:
		return SW_NOT_ALLOWED;
	default:
		c->access |= bit;
		return SW_OK;
	}
}

/* The old PIN and the new one in a row: the card knows how long the old one is. */
static unsigned int change_pin(struct card *c, const struct apdu *a, struct wr *w)
{
	unsigned int bit;
	int i = pin_of(a->p2, &bit);
	size_t n;

	(void)w;
	if (i < 0 || a->p2 == 0x82)
		return SW_NO_REFERENCE;
	n = a->data.n < c->pins[i].n ? a->data.n : c->pins[i].n;
	c->access &= i == OPENPGP_ADMIN ? ~OPENPGP_MAY_ADMIN : ~(OPENPGP_MAY_SIGN | OPENPGP_MAY_USE);
	switch (card_pin_try(c, (unsigned int)i, (struct view){ a->data.p, n })) {
	case PIN_BLOCKED:
		return SW_BLOCKED;
	case PIN_WRONG:
		return SW_NOT_ALLOWED;
	default:
		return card_pin_set(c, (unsigned int)i, (struct view){ a->data.p + n, a->data.n - n }) ? SW_DATA : SW_OK;
	}
}

/* P1 2: the administrator; 0: whoever has the resetting code, which comes before the new PIN. */
static unsigned int unblock_pin(struct card *c, const struct apdu *a, struct wr *w)
{
	size_t n = a->p1 ? 0 : c->pins[OPENPGP_RESET].n;

	(void)w;
	if ((a->p1 && a->p1 != 2) || a->p2 != 0x81)
		return SW_PARAMETERS;
	if (a->p1 && !(c->access & OPENPGP_MAY_ADMIN))
		return SW_NOT_ALLOWED;
	if (n > a->data.n)
		n = a->data.n;
	if (!a->p1)
		switch (card_pin_try(c, OPENPGP_RESET, (struct view){ a->data.p, n })) {
		case PIN_BLOCKED:
			return SW_BLOCKED;
		case PIN_WRONG:
			return SW_NOT_ALLOWED;
		default:
			break;
		}
	c->access &= ~(OPENPGP_MAY_SIGN | OPENPGP_MAY_USE);
	return card_pin_set(c, OPENPGP_USER, (struct view){ a->data.p + n, a->data.n - n }) ? SW_DATA : SW_OK;
}

static unsigned int put_public(EVP_PKEY *key, struct wr *w)
{
	size_t begin = tlv_open(w, 0x7f49);

	if (key_public(key, w))
		return SW_INTERNAL;
	tlv_close(w, begin);
	return SW_OK;
}

/* P1 80 makes a key, 81 reads the public one. */
static unsigned int generate(struct card *c, const struct apdu *a, struct wr *w)
{
	const struct key_kind *kind;
	EVP_PKEY *key;
	unsigned int i;

	if ((a->p1 != 0x80 && a->p1 != 0x81) || a->p2)
		return SW_PARAMETERS;
	for (i = 0; i < sizeof(crt) && (!a->data.n || a->data.p[0] != crt[i]); i++)
		;
	if (i == sizeof(crt))
		return SW_DATA;
	if (a->p1 == 0x80) {
		if (!(c->access & OPENPGP_MAY_ADMIN))
			return SW_NOT_ALLOWED;
		kind = openpgp_algorithm(c, i);
		key = kind ? key_generate(kind) : NULL;
		if (!key)
			return SW_INTERNAL;
		card_key_set(c, i, key);
	}
	return c->keys[i] ? put_public(c->keys[i], w) : SW_NO_REFERENCE;
}

static unsigned int sign(struct card *c, const struct apdu *a, struct wr *w)
{
	if (!(c->access & OPENPGP_MAY_SIGN))
		return SW_NOT_ALLOWED;
	if (!c->keys[OPENPGP_SIGN])
		return SW_NO_REFERENCE;
	if (key_sign(c->keys[OPENPGP_SIGN], KEY_PKCS1, a->data, w))
		return SW_DATA;
	c->signatures++;
	if (openpgp_pin_for_each(c))
		c->access &= ~OPENPGP_MAY_SIGN;
	return SW_OK;
}

/* RSA: 00 and the cryptogram; EC: A6 { 7F49 { 86 point } }. */
static unsigned int decipher(struct card *c, const struct apdu *a, struct wr *w)
{
	EVP_PKEY *key = c->keys[OPENPGP_DECRYPT];
	struct view cipher, public, point;

	if (!(c->access & OPENPGP_MAY_USE))
		return SW_NOT_ALLOWED;
	if (!key || !a->data.n)
		return key ? SW_DATA : SW_NO_REFERENCE;
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return key_decipher(key, KEY_PKCS1, (struct view){ a->data.p + 1, a->data.n - 1 }, w) ? SW_DATA : SW_OK;
	if (tlv_find(a->data, 0xa6, &cipher) || tlv_find(cipher, 0x7f49, &public) || tlv_find(public, 0x86, &point))
		return SW_DATA;
	return key_derive(key, point, w) ? SW_DATA : SW_OK;
}

static unsigned int perform(struct card *c, const struct apdu *a, struct wr *w)
{
	if (a->p1 == 0x9e && a->p2 == 0x9a)
		return sign(c, a, w);
	if (a->p1 == 0x80 && a->p2 == 0x86)
		return decipher(c, a, w);
	return SW_PARAMETERS;
}

static unsigned int authenticate(struct card *c, const struct apdu *a, struct wr *w)
{
	if (!(c->access & OPENPGP_MAY_USE))
		return SW_NOT_ALLOWED;
	if (!c->keys[OPENPGP_AUTH])
		return SW_NO_REFERENCE;
	return key_sign(c->keys[OPENPGP_AUTH], KEY_PKCS1, a->data, w) ? SW_DATA : SW_OK;
}

static unsigned int get_challenge(struct card *c, const struct apdu *a, struct wr *w)
{
	uint8_t *room = a->most && a->most <= CHALLENGE_MOST ? wr_room(w, a->most) : NULL;

	(void)c;
	return room && RAND_bytes(room, (int)a->most) == 1 ? SW_OK : SW_LENGTH;
}

/* Everything is over until the card is activated: by the administrator, or when no PIN can be given any more. */
static unsigned int terminate(struct card *c, const struct apdu *a, struct wr *w)
{
	(void)a;
	(void)w;
	if (!(c->access & OPENPGP_MAY_ADMIN) && (c->pins[OPENPGP_USER].tries || c->pins[OPENPGP_ADMIN].tries))
		return SW_NO_CONDITION;
	c->terminated = true;
	return SW_OK;
}

static unsigned int activate(struct card *c, const struct apdu *a, struct wr *w)
{
	(void)a;
	(void)w;
	if (c->terminated)
		card_make(c, &card_openpgp);
	return SW_OK;
}

static const struct {
	uint8_t ins;
	bool always;			/* in a terminated card, too */
	unsigned int (*run)(struct card *c, const struct apdu *a, struct wr *w);
} commands[] = {
	{ 0x20, false, verify }, { 0x24, false, change_pin }, { 0x2a, false, perform },
	{ 0x2c, false, unblock_pin }, { 0x44, true, activate }, { 0x47, false, generate },
	{ 0x84, false, get_challenge }, { 0x88, false, authenticate }, { 0xa4, true, select_application },
	{ 0xa5, false, openpgp_select_data }, { 0xca, false, openpgp_get_data }, { 0xda, false, openpgp_put_data },
	{ 0xe6, false, terminate },
};

static unsigned int command(struct card *c, const struct apdu *a, struct wr *w)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].ins == a->ins)
			return c->terminated && !commands[i].always ? SW_NO_CONDITION : commands[i].run(c, a, w);
	return SW_INSTRUCTION;
}

const struct card_kind card_openpgp = {
	.name = "openpgp",
	.pins = { { "user", "123456", 6, CARD_PIN_MAX, 3 },
		  { "reset", "", 8, CARD_PIN_MAX, 3 },
		  { "admin", "12345678", 8, CARD_PIN_MAX, 3 } },
	.keys = { { "sign", 0xb6, OPENPGP_CERTIFICATE + 0x20000 },
		  { "decrypt", 0xb8, OPENPGP_CERTIFICATE + 0x10000 },
		  { "auth", 0xa4, OPENPGP_CERTIFICATE } },
	.make = openpgp_make_objects,
	.command = command,
	.atr = put_atr,
	.key_new = key_new,
	.enroll = openpgp_enroll,
	.certificate = store_certificate,
};
