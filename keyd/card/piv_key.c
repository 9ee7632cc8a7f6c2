// SPDX-License-Identifier: MIT
// PIV cards: certificates, public keys, signatures.
#include "keyd/card/piv.h"

#include "keyd/card/ber.h"
#include "keyd/card/gunzip.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/sig_parts.h"

#include <string.h>

#define INS_AUTHENTICATE 0x87
#define INS_METADATA 0xf7	/* Yubikeys, and who follows them */
#define POLICY_NEVER 1
#define POLICY_ALWAYS 3
#define SIGNATURE_ANSWER 1100
#define TEMPLATE_MAX (CRYPTO_SIG_MAX + 16)

static const struct {
	enum crypto_key_type type;
	unsigned bits;
	uint8_t algorithm;
} algorithms[] = {
	{ CRYPTO_KEY_RSA, 1024, 0x06 }, { CRYPTO_KEY_RSA, 2048, 0x07 }, { CRYPTO_KEY_RSA, 3072, 0x05 }, { CRYPTO_KEY_RSA, 4096, 0x16 },
	{ CRYPTO_KEY_EC, 256, 0x11 }, { CRYPTO_KEY_EC, 384, 0x14 },
};

uint8_t piv_algorithm(enum crypto_key_type type, unsigned bits)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++)
		if (algorithms[i].type == type && algorithms[i].bits == bits)
			return algorithms[i].algorithm;
	return 0;
}

uint8_t piv_algorithm_next(unsigned i, unsigned *bits)
{
	if (i >= sizeof(algorithms) / sizeof(*algorithms))
		return 0;
	*bits = algorithms[i].bits;
	return algorithms[i].algorithm;
}

int piv_public(struct view template, uint8_t algorithm, struct crypto_key **out)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++)
		if (algorithms[i].algorithm == algorithm)
			return algorithms[i].type == CRYPTO_KEY_RSA ? native_rsa_get(template, out) :
			       native_ec_get(template, native_curve(algorithms[i].bits), out);
	return CARD_UNSUPPORTED;
}

/* Bytes into memory of their own, uncompressed. 0, or CARD_NO_KEY: it is damaged. */
static int unpack(struct view v, struct secret *out)
{
	size_t n = CRYPTO_CERT_MAX;
	struct secret room = { 0 };
	int r;

	if (!gunzip_is(v))
		return secret_set(out, v.p, v.n) ? CARD_FAILED : CARD_OK;
	if (secret_alloc(&room, n))
		return CARD_FAILED;
	r = gunzip(v, room.p, &n) ? CARD_NO_KEY : secret_set(out, room.p, n) ? CARD_FAILED : CARD_OK;
	secret_clear(&room);
	return r;
}

int piv_cert(struct apdu_way *w, enum piv_slot slot, struct secret *der, struct crypto_key **k)
{
	struct crypto_cert *c = NULL;
	struct view object, cert;
	int r = piv_get(w, piv_places[slot].cert, &object);

	if (r)
		return r;
	r = ber_find(object, 0x70, &cert) || !cert.n ? CARD_NO_KEY : unpack(cert, der);
	if (!r && crypto_cert_from_der(&c, secret_view(der)))
		r = CARD_NO_KEY;
	if (!r && k && crypto_cert_key(c, k))
		r = CARD_NO_KEY;
	crypto_cert_free(c);
	if (r)
		secret_clear(der);
	return r;
}

/* 01 algorithm, 02 policies (PIN, touch), 04 public key. What is not told stays as it is. */
static int read_metadata(struct apdu_way *w, enum piv_slot slot, struct crypto_key **k, struct card_key *out)
{
	const struct apdu a = { .name = "GET METADATA", .ins = INS_METADATA, .p2 = piv_places[slot].ref, .most = SIGNATURE_ANSWER };
	struct view all, algorithm, policy, public;
	int status = apdu_send(w, &a, &all);

	if (status != APDU_OK)
		return status < 0 ? status : CARD_OK;
	if (!ber_find(all, 0x02, &policy) && policy.n == 2 && policy.p[0] >= POLICY_NEVER && policy.p[0] <= POLICY_ALWAYS) {
		out->each = policy.p[0] == POLICY_ALWAYS;
		out->open = policy.p[0] == POLICY_NEVER;
	}
	if (*k || ber_find(all, 0x01, &algorithm) || algorithm.n != 1 || ber_find(all, 0x04, &public))
		return CARD_OK;
	return piv_public(public, algorithm.p[0], k) == CARD_BROKEN ? apdu_nonsense(w, a.name) : CARD_OK;
}

static int read_key(struct apdu_way *w, enum piv_slot slot, struct card_key *out)
{
	struct crypto_key *public = NULL;
	struct secret der = { 0 };
	struct card_key told = { .each = piv_places[slot].each, .open = piv_places[slot].open };
	int r = piv_cert(w, slot, &der, &public);

	if (!r || r == CARD_NO_KEY)
		r = read_metadata(w, slot, &public, &told);
	if (r || !public) {
		crypto_key_free(public);
		secret_clear(&der);
		return r ? r : CARD_NO_KEY;
	}
	r = native_key_set(out, public, (uint8_t)(slot + 1), piv_places[slot].label);
	if (r) {
		secret_clear(&der);
		return r;
	}
	secret_move(&out->cert, &der);
	out->seen = true;
	out->each = told.each;
	out->open = told.open;
	if (piv_places[slot].signs && piv_algorithm(crypto_key_type(public), crypto_key_bits(public)))
		out->schemes = native_schemes(public, true);
	return CARD_OK;
}

int piv_keys(struct apdu_way *w, struct card_keys *out)
{
	for (enum piv_slot i = 0; i < PIV_SLOTS; i++) {
		int r = read_key(w, i, &out->key[out->n]);

		if (!r)
			out->n++;
		else if (r != CARD_NO_KEY)
			return r;
	}
	return CARD_OK;
}

int piv_slot_of(const struct card_key *k, enum piv_slot *out)
{
	if (k->nid != 1 || k->id[0] < 1 || k->id[0] > PIV_SLOTS)
		return -1;
	*out = (enum piv_slot)(k->id[0] - 1);
	return 0;
}

int piv_ask(struct apdu_way *w, uint8_t algorithm, uint8_t ref, struct view data, struct view *out)
{
	const struct apdu a = { .name = "GENERAL AUTHENTICATE", .ins = INS_AUTHENTICATE, .p1 = algorithm, .p2 = ref, .data = data,
				.most = SIGNATURE_ANSWER };
	struct view all;
	int r = apdu_ask(w, &a, &all);

	*out = (struct view){ 0 };
	if (!r && all.n && ber_find(all, PIV_TEMPLATE, out))
		return apdu_nonsense(w, a.name);
	return r;
}

/* What the card's bare algorithm is given. */
static int input_of(const struct card_key *k, const struct crypto_sig *s, const struct view *parts, unsigned nparts,
		    uint8_t out[CRYPTO_SIG_MAX], size_t *n)
{
	uint8_t hash[CRYPTO_SIG_HASH_MAX];
	struct view v = { hash, 0 };

	if (s->key == CRYPTO_KEY_EC)
		return native_ec_input(s, k->public, parts, nparts, true, out, n);
	if (crypto_sig_hash(s, parts, nparts, hash, &v.n))
		return CARD_FAILED;
	*n = CRYPTO_SIG_MAX;
	return crypto_sig_pad(s, k->public, v, out, n) ? CARD_NO_SCHEME : CARD_OK;
}

int piv_ask_signature(struct apdu_way *w, enum piv_slot slot, uint8_t algorithm, struct view input, struct view *out)
{
	uint8_t template[TEMPLATE_MAX];
	struct wr wr = wr_of(template, sizeof(template));

	ber_head(&wr, PIV_TEMPLATE, ber_size(PIV_RESPONSE, 0) + ber_size(PIV_CHALLENGE, input.n));
	ber_put(&wr, PIV_RESPONSE, (struct view){ 0 });
	ber_put(&wr, PIV_CHALLENGE, input);
	return wr_ok(&wr) ? piv_ask(w, algorithm, piv_places[slot].ref, wr_view(&wr), out) : CARD_FAILED;
}

int piv_sign(struct apdu_way *w, const struct card_key *k, const struct crypto_sig *s, const struct view *parts, unsigned nparts,
	     struct view pin, struct view *answer)
{
	uint8_t algorithm = piv_algorithm(crypto_key_type(k->public), crypto_key_bits(k->public));
	uint8_t input[CRYPTO_SIG_MAX];
	struct view all;
	enum piv_slot slot;
	size_t n;
	int r;

	if (piv_slot_of(k, &slot) || !piv_places[slot].signs)
		return CARD_NO_KEY;
	r = algorithm ? input_of(k, s, parts, nparts, input, &n) : CARD_NO_SCHEME;
	/* Nothing comes between the PIN and the signature that it is for. */
	if (!r && pin.n)
		r = piv_verify(w, pin);
	if (!r)
		r = piv_ask_signature(w, slot, algorithm, (struct view){ input, n }, &all);
	if (r)
		return r;
	return ber_find(all, PIV_RESPONSE, answer) ? apdu_nonsense(w, "GENERAL AUTHENTICATE") : CARD_OK;
}
