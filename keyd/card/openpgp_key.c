// SPDX-License-Identifier: MIT
// OpenPGP cards: public keys, certificates, signatures.
#include "keyd/card/openpgp.h"

#include "keyd/card/ber.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/key_parts.h"
#include "keyd/crypto/sig_parts.h"

#include <string.h>

#define INS_GENERATE 0x47
#define INS_AUTHENTICATE 0x88
#define INS_PERFORM 0x2a
#define GENERATE_READ 0x81
#define SIGNATURE_ANSWER 1024
#define INPUT_MAX 4096		/* bytes that an EdDSA key is given; no card takes as many */

static const uint8_t ed25519[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01 };

int openpgp_key_pair(struct apdu_way *w, uint8_t p1, enum openpgp_slot slot, struct view *template)
{
	const uint8_t crt[] = { openpgp_places[slot].crt, 0 };
	const struct apdu a = { .name = "GENERATE ASYMMETRIC KEY PAIR", .ins = INS_GENERATE, .p1 = p1, .data = { crt, sizeof(crt) },
				.most = OPENPGP_KEY_ANSWER };
	struct view all;
	int status = apdu_send(w, &a, &all);

	/* Cards differ in how they say that there is none. */
	if (p1 == GENERATE_READ && status > 0 && status != APDU_OK)
		return CARD_NO_KEY;
	if (status != APDU_OK)
		return apdu_error(w, &a, status);
	return ber_find(all, 0x7f49, template) ? apdu_nonsense(w, a.name) : CARD_OK;
}

/* Of curve attributes: algorithm, object identifier, perhaps FF ("with the public key", of imports). */
static struct view curve_of(struct view algorithm)
{
	if (algorithm.p[algorithm.n - 1] == 0xff)
		algorithm.n--;
	return (struct view){ algorithm.p + 1, algorithm.n - 1 };
}

int openpgp_public(struct view template, struct view algorithm, struct crypto_key **out)
{
	struct view curve, point;

	if (algorithm.n < 2)
		return CARD_UNSUPPORTED;
	if (algorithm.p[0] == OPENPGP_RSA)
		return native_rsa_get(template, out);
	curve = curve_of(algorithm);
	if (algorithm.p[0] == OPENPGP_ECDSA || algorithm.p[0] == OPENPGP_ECDH)
		return native_ec_get(template, curve, out);
	if (algorithm.p[0] != OPENPGP_EDDSA || curve.n != sizeof(ed25519) || memcmp(curve.p, ed25519, curve.n))
		return CARD_UNSUPPORTED;
	return ber_find(template, 0x86, &point) || crypto_key_from_ed25519(out, point) ? CARD_BROKEN : CARD_OK;
}

static uint32_t schemes_of(enum openpgp_slot slot, const struct crypto_key *k)
{
	/* It pads by itself, in one way only. */
	return slot == OPENPGP_DECRYPT ? 0 : native_schemes(k, false);
}

/* CARD_NO_KEY: there is none, or none of a kind that we know. */
static int read_key(struct apdu_way *w, enum openpgp_slot slot, struct view algorithm, bool each, struct card_key *out)
{
	struct crypto_key *public = NULL;
	struct view template;
	int r = openpgp_key_pair(w, GENERATE_READ, slot, &template);

	if (r)
		return r;
	r = openpgp_public(template, algorithm, &public);
	if (r)
		return r == CARD_UNSUPPORTED ? CARD_NO_KEY : apdu_nonsense(w, "public key");
	r = native_key_set(out, public, (uint8_t)(slot + 1), openpgp_places[slot].label);
	if (r)
		return r;
	out->seen = true;
	out->each = each && slot == OPENPGP_SIGN;
	out->schemes = schemes_of(slot, public);
	return CARD_OK;
}

/* Before 3.0 there is one, for authentication. What is no certificate of this key is left out. */
static int read_cert(struct apdu_way *w, enum openpgp_slot slot, struct card_key *k)
{
	struct crypto_cert *c = NULL;
	struct crypto_key *public = NULL;
	struct view der;
	int r = openpgp_choose_cert(w, slot);

	if (r == CARD_GONE || r == CARD_LOCKED)
		return r;
	if (r && slot != OPENPGP_AUTH)
		return CARD_OK;
	r = openpgp_get(w, OPENPGP_CERT, OPENPGP_CERT_ANSWER, &der);
	if (r || crypto_cert_from_der(&c, der))
		return r;
	if (!crypto_cert_key(c, &public) && crypto_key_equal(public, k->public) && secret_set(&k->cert, der.p, der.n))
		r = CARD_FAILED;
	crypto_key_free(public);
	crypto_cert_free(c);
	return r;
}

int openpgp_keys(struct apdu_way *w, struct card_keys *out)
{
	struct openpgp_data d;
	uint8_t algorithm[OPENPGP_SLOTS][32];
	size_t n[OPENPGP_SLOTS];
	bool each;
	int r = openpgp_read(w, &d);

	if (r)
		return r;
	each = !d.pins.p[0];
	for (unsigned i = 0; i < OPENPGP_SLOTS; i++) {
		n[i] = d.algorithm[i].n <= sizeof(algorithm[i]) ? d.algorithm[i].n : 0;
		if (n[i])
			memcpy(algorithm[i], d.algorithm[i].p, n[i]);
	}
	for (enum openpgp_slot i = 0; i < OPENPGP_SLOTS; i++) {
		struct card_key *k = &out->key[out->n];

		r = read_key(w, i, (struct view){ algorithm[i], n[i] }, each, k);
		if (r == CARD_NO_KEY)
			continue;
		if (r)
			return r;
		out->n++;
		r = read_cert(w, i, k);
		if (r)
			return r;
	}
	return CARD_OK;
}

int openpgp_slot_of(const struct card_key *k, enum openpgp_slot *out)
{
	if (k->nid != 1 || k->id[0] < 1 || k->id[0] > OPENPGP_SLOTS)
		return -1;
	*out = (enum openpgp_slot)(k->id[0] - 1);
	return 0;
}

/* What the card signs: a DigestInfo, a hash, or all of it. */
static int input_of(const struct card_key *k, const struct crypto_sig *s, const struct view *parts, unsigned nparts,
		    uint8_t out[INPUT_MAX], size_t *n)
{
	uint8_t hash[CRYPTO_SIG_HASH_MAX];
	size_t at = 0;

	if (s->key == CRYPTO_KEY_RSA) {
		if (s->pss)
			return CARD_NO_SCHEME;
		return crypto_sig_hash(s, parts, nparts, hash, n) ||
		       crypto_sig_digest_info(s, (struct view){ hash, *n }, out, n) ? CARD_FAILED : CARD_OK;
	}
	if (s->key == CRYPTO_KEY_EC)
		return native_ec_input(s, k->public, parts, nparts, false, out, n);
	for (unsigned i = 0; i < nparts; i++) {
		if (parts[i].n > INPUT_MAX - at)
			return CARD_NO_SCHEME;
		if (parts[i].n)
			memcpy(out + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	*n = at;
	return CARD_OK;
}

int openpgp_sign(struct apdu_way *w, const struct card_key *k, const struct crypto_sig *s, const struct view *parts, unsigned nparts,
		 struct view pin, struct view *answer)
{
	struct apdu a = { .name = "INTERNAL AUTHENTICATE", .ins = INS_AUTHENTICATE, .most = SIGNATURE_ANSWER };
	uint8_t input[INPUT_MAX];
	enum openpgp_slot slot;
	int r;

	if (openpgp_slot_of(k, &slot) || slot == OPENPGP_DECRYPT)
		return CARD_NO_KEY;
	if (slot == OPENPGP_SIGN)
		a = (struct apdu){ .name = "COMPUTE DIGITAL SIGNATURE", .ins = INS_PERFORM, .p1 = 0x9e, .p2 = 0x9a, .most = a.most };
	r = input_of(k, s, parts, nparts, input, &a.data.n);
	a.data.p = input;
	/* A signature that fits in a short answer is asked for as one: not every reader knows the long form. */
	if (crypto_key_bits(k->public) <= 8 * (APDU_SHORT_MAX - 1))
		a.most = APDU_SHORT_MAX;
	if (!r && pin.n)
		r = openpgp_verify(w, slot == OPENPGP_SIGN ? OPENPGP_PIN_SIGN : OPENPGP_PIN_OTHER, pin);
	return r ? r : apdu_ask(w, &a, answer);
}
