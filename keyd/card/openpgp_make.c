// SPDX-License-Identifier: MIT
// OpenPGP cards: new keys, with what makes other programs see them; certificates.
#include "keyd/card/openpgp.h"

#include "keyd/card/ber.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/sig_parts.h"
#include "keyd/util/wr.h"

#include <string.h>
#include <time.h>

#define INS_PUT_DATA 0xda
#define ALGORITHM 0xc1		/* + slot */
#define FINGERPRINT 0xc7
#define CREATED 0xce
#define GENERATE_MAKE 0x80
#define GENERATE_READ 0x81
#define KEY_PACKET 0x99		/* RFC 4880 12.2: what a fingerprint is made of */
#define KEY_VERSION 4
#define FINGERPRINT_LEN 20

static int put(struct apdu_way *w, unsigned tag, struct view value)
{
	const struct apdu a = { .name = "PUT DATA", .ins = INS_PUT_DATA, .p1 = (uint8_t)(tag >> 8), .p2 = (uint8_t)tag, .data = value };

	return apdu_ask(w, &a, NULL);
}

/* RSA: bits of modulus and exponent, form of imports, both as the card has them now, or as most have them. */
static void put_rsa(struct wr *w, unsigned bits, struct view now)
{
	static const uint8_t usual[] = { 0x00, 0x20, 0x00 };

	wr_u8(w, OPENPGP_RSA);
	wr_u16(w, (uint16_t)bits);
	if (now.n == 6 && now.p[0] == OPENPGP_RSA)
		wr_mem(w, now.p + 3, 3);
	else
		wr_mem(w, usual, sizeof(usual));
}

/* The attributes of the key that is wanted. */
static int wanted(const struct card_make *how, enum openpgp_slot slot, struct view now, struct wr *w)
{
	struct view curve = native_curve(how->bits);

	if (how->type == CRYPTO_KEY_RSA) {
		put_rsa(w, how->bits, now);
	} else if (how->type == CRYPTO_KEY_EC && curve.n) {
		wr_u8(w, slot == OPENPGP_DECRYPT ? OPENPGP_ECDH : OPENPGP_ECDSA);
		wr_put(w, curve);
	} else {
		return CARD_UNSUPPORTED;
	}
	return wr_ok(w) ? CARD_OK : CARD_FAILED;
}

static bool equal(struct view a, struct view b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

/* Only where it is another one: to set it deletes the key on some cards, others cannot. */
static int set_algorithm(struct apdu_way *w, enum openpgp_slot slot, struct view wants)
{
	struct openpgp_data d;
	int r = openpgp_read(w, &d);

	if (r || equal(d.algorithm[slot], wants))
		return r;
	r = put(w, ALGORITHM + slot, wants);
	return r == CARD_NO_KEY || r == CARD_NO_SCHEME ? CARD_UNSUPPORTED : r;
}

static unsigned bits_of(struct view number)
{
	unsigned bits = (unsigned)number.n * 8;

	for (uint8_t top = number.n ? number.p[0] : 0xff; !(top & 0x80); top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

/* RFC 4880 3.2 */
static void put_number(struct wr *w, struct view number)
{
	while (number.n && !number.p[0]) {
		number.p++;
		number.n--;
	}
	wr_u16(w, (uint16_t)bits_of(number));
	wr_put(w, number);
}

/* RFC 4880 5.5.2, RFC 6637 9 */
static void put_public(struct wr *w, struct view template, struct view algorithm)
{
	struct view n, e;

	wr_u8(w, algorithm.p[0]);
	if (algorithm.p[0] == OPENPGP_RSA && !ber_find(template, 0x81, &n) && !ber_find(template, 0x82, &e)) {
		put_number(w, n);
		put_number(w, e);
	} else if (!ber_find(template, 0x86, &n)) {
		wr_u8(w, (uint8_t)(algorithm.n - 1));
		wr_mem(w, algorithm.p + 1, algorithm.n - 1);
		put_number(w, n);
	}
	if (algorithm.p[0] == OPENPGP_ECDH)
		wr_mem(w, "\x03\x01\x08\x07", 4);	/* SHA-256, AES-128 */
}

static int fingerprint(struct view template, struct view algorithm, uint32_t created, uint8_t out[CRYPTO_SIG_HASH_MAX])
{
	uint8_t body[OPENPGP_KEY_ANSWER], head[] = { KEY_PACKET, 0, 0 };
	struct wr w = wr_of(body, sizeof(body));
	struct view parts[2] = { { head, sizeof(head) } };
	size_t n;

	wr_u8(&w, KEY_VERSION);
	wr_u32(&w, created);
	put_public(&w, template, algorithm);
	if (!wr_ok(&w))
		return CARD_BROKEN;
	head[1] = (uint8_t)(w.len >> 8);
	head[2] = (uint8_t)w.len;
	parts[1] = wr_view(&w);
	return crypto_sig_hash(crypto_sig_by_name("rsa-sha1"), parts, 2, out, &n) || n != FINGERPRINT_LEN ? CARD_FAILED : CARD_OK;
}

/* Without these OpenSC and GnuPG do not believe in the key. */
static int announce(struct apdu_way *w, enum openpgp_slot slot, struct view template, struct view algorithm)
{
	const uint32_t now = (uint32_t)time(NULL);
	const uint8_t created[] = { (uint8_t)(now >> 24), (uint8_t)(now >> 16), (uint8_t)(now >> 8), (uint8_t)now };
	uint8_t sum[CRYPTO_SIG_HASH_MAX];
	int r = fingerprint(template, algorithm, now, sum);

	if (!r)
		r = put(w, FINGERPRINT + slot, (struct view){ sum, FINGERPRINT_LEN });
	return r ? r : put(w, CREATED + slot, (struct view){ created, sizeof(created) });
}

static int drop_cert(struct apdu_way *w, enum openpgp_slot slot)
{
	struct view der;
	int r = openpgp_choose_cert(w, slot);

	/* There is none of this key, or it is the only one. */
	if (r && slot != OPENPGP_AUTH)
		return CARD_OK;
	r = openpgp_get(w, OPENPGP_CERT, OPENPGP_CERT_ANSWER, &der);
	return r || !der.n ? r : put(w, OPENPGP_CERT, (struct view){ 0 });
}

static int make(struct apdu_way *w, enum openpgp_slot slot, struct view algorithm, struct crypto_key **public)
{
	struct view template;
	uint8_t kept[OPENPGP_KEY_ANSWER];
	int r = set_algorithm(w, slot, algorithm);

	if (!r)
		r = openpgp_key_pair(w, GENERATE_MAKE, slot, &template);
	if (!r && template.n > sizeof(kept))
		r = apdu_nonsense(w, "GENERATE ASYMMETRIC KEY PAIR");
	if (r)
		return r;
	memcpy(kept, template.p, template.n);
	template.p = kept;
	r = announce(w, slot, template, algorithm);
	if (!r)
		r = drop_cert(w, slot);
	return r ? r : openpgp_public(template, algorithm, public);
}

static int administrate(struct apdu_way *w, struct view admin)
{
	return native_admin_error(openpgp_verify(w, OPENPGP_PIN_ADMIN, admin));
}

/* Which slot is meant, and what stands in the way. */
static int place(struct apdu_way *w, const struct card_make *how, enum openpgp_slot *slot)
{
	struct card_key k = { .id = { how->nid ? how->id[0] : OPENPGP_AUTH + 1 }, .nid = how->nid ? how->nid : 1 };
	struct view template;
	int r;

	if (openpgp_slot_of(&k, slot))
		return CARD_NO_KEY;
	r = openpgp_key_pair(w, GENERATE_READ, *slot, &template);
	if (!r)
		return how->replace ? CARD_OK : CARD_KEY_THERE;
	return r == CARD_NO_KEY ? CARD_OK : r;
}

int openpgp_generate(struct apdu_way *w, const struct card_make *how, struct card_key *out)
{
	uint8_t algorithm[16];
	struct wr wants = wr_of(algorithm, sizeof(algorithm));
	struct crypto_key *public = NULL;
	struct openpgp_data d;
	enum openpgp_slot slot;
	bool each = false;
	int r = place(w, how, &slot);

	if (!r)
		r = openpgp_read(w, &d);
	if (!r) {
		each = !d.pins.p[0];
		r = wanted(how, slot, d.algorithm[slot], &wants);
	}
	if (!r)
		r = administrate(w, how->admin);
	if (r)
		return r;
	r = make(w, slot, wr_view(&wants), &public);
	if (!r)
		r = native_key_set(out, public, (uint8_t)(slot + 1), openpgp_places[slot].label);
	if (r)
		return r == CARD_LOCKED ? CARD_BROKEN : r;
	out->seen = true;
	out->each = each && slot == OPENPGP_SIGN;
	out->schemes = slot == OPENPGP_DECRYPT ? 0 : native_schemes(public, false);
	return CARD_OK;
}

int openpgp_store_cert(struct apdu_way *w, const struct card_key *k, struct view der, struct view admin)
{
	enum openpgp_slot slot;
	int r = openpgp_slot_of(k, &slot) ? CARD_NO_KEY : administrate(w, admin);

	if (r)
		return r;
	r = openpgp_choose_cert(w, slot);
	/* A card that knows one only keeps it for the authentication key. */
	if (!r || slot == OPENPGP_AUTH)
		r = put(w, OPENPGP_CERT, der);
	return r == CARD_LOCKED ? CARD_BROKEN : r;
}
