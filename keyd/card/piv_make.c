// SPDX-License-Identifier: MIT
// PIV cards: new keys, certificates, and the management key that both want.
#include "keyd/card/piv.h"

#include "keyd/card/ber.h"
#include "keyd/crypto/block.h"
#include "keyd/crypto/cert.h"
#include "keyd/crypto/rand.h"
#include "keyd/util/wr.h"

#include <stdlib.h>
#include <string.h>

#define INS_GENERATE 0x47
#define INS_PUT_DATA 0xdb
#define KEY_ANSWER 700
#define KEY_MAX 32		/* bytes of a management key */
#define FRAME_MAX 32		/* bytes around a certificate in PUT DATA */

/* Ciphers of management keys (SP 800-78-4 table 6-2), those with keys of the same length in the order in which they are tried. */
static const struct manager {
	uint8_t algorithm;
	enum crypto_block cipher;
} managers[] = {
	{ 0x03, CRYPTO_BLOCK_3DES }, { 0x08, CRYPTO_BLOCK_AES128 }, { 0x0a, CRYPTO_BLOCK_AES192 }, { 0x0c, CRYPTO_BLOCK_AES256 },
};

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal digits, perhaps with colons. 0, or CARD_ADMIN_WRONG. */
static int key_of(struct view text, uint8_t out[KEY_MAX], size_t *n)
{
	unsigned half = 0;

	for (size_t i = 0; i < text.n; i++) {
		int d = digit(text.p[i]);

		if (text.p[i] == ':')
			continue;
		if (d < 0 || half == 2 * KEY_MAX)
			return CARD_ADMIN_WRONG;
		out[half / 2] = (uint8_t)(half % 2 ? out[half / 2] << 4 | d : d);
		half++;
	}
	*n = half / 2;
	return half % 2 ? CARD_ADMIN_WRONG : CARD_OK;
}

/* 7C { a, b }; b may be left out (NULL). */
static struct view template_of(uint8_t buf[64], uint8_t tag_a, struct view a, uint8_t tag_b, const struct view *b)
{
	struct wr w = wr_of(buf, 64);

	ber_head(&w, PIV_TEMPLATE, ber_size(tag_a, a.n) + (b ? ber_size(tag_b, b->n) : 0));
	ber_put(&w, tag_a, a);
	if (b)
		ber_put(&w, tag_b, *b);
	return wr_view(&w);
}

/*
 * Mutual authentication (SP 800-73-4 part 2, table 22): the card shows a witness, which we decrypt, and encrypts a challenge of
 * ours. CARD_NO_SCHEME: it wants another cipher.
 */
static int authenticate(struct apdu_way *w, const struct manager *m, struct view key)
{
	uint8_t buf[64], witness[CRYPTO_BLOCK_MAX], challenge[CRYPTO_BLOCK_MAX], expected[CRYPTO_BLOCK_MAX];
	size_t n = crypto_block_len(m->cipher);
	const struct view ours = { challenge, n };
	struct view all, v;
	int r = piv_ask(w, m->algorithm, PIV_ADMIN_KEY, template_of(buf, PIV_WITNESS, (struct view){ 0 }, 0, NULL), &all);

	if (r)
		return r == CARD_GONE || r == CARD_BROKEN || r == CARD_LOCKED ? r : CARD_NO_SCHEME;
	if (ber_find(all, PIV_WITNESS, &v) || v.n != n)
		return CARD_NO_SCHEME;
	if (crypto_block_run(m->cipher, false, key, v, witness) || crypto_rand(challenge, n) ||
	    crypto_block_run(m->cipher, true, key, ours, expected))
		return CARD_FAILED;
	r = piv_ask(w, m->algorithm, PIV_ADMIN_KEY,
			     template_of(buf, PIV_WITNESS, (struct view){ witness, n }, PIV_CHALLENGE, &ours), &all);
	if (r)
		return r == CARD_GONE || r == CARD_BROKEN ? r : CARD_ADMIN_WRONG;
	if (ber_find(all, PIV_RESPONSE, &v) || !secret_equal(v, (struct view){ expected, n }))
		return CARD_ADMIN_WRONG;
	return CARD_OK;
}

static int administrate(struct apdu_way *w, struct view admin)
{
	uint8_t key[KEY_MAX];
	size_t n = 0;
	int r = key_of(admin, key, &n);

	if (!r)
		r = CARD_ADMIN_WRONG;
	for (size_t i = 0; n && i < sizeof(managers) / sizeof(*managers); i++) {
		if (crypto_block_key_len(managers[i].cipher) != n)
			continue;
		r = authenticate(w, &managers[i], (struct view){ key, n });
		if (r != CARD_NO_SCHEME)
			break;
	}
	secret_cleanse(key, sizeof(key));
	return r == CARD_NO_SCHEME ? CARD_ADMIN_WRONG : r;
}

/* 5C { tag } 53 { value } */
static int put_object(struct apdu_way *w, uint32_t object, struct view value)
{
	const uint8_t tag[] = { (uint8_t)(object >> 16), (uint8_t)(object >> 8), (uint8_t)object };
	uint8_t *buf = malloc(value.n + FRAME_MAX);
	struct wr wr = wr_of(buf, value.n + FRAME_MAX);
	struct apdu a = { .name = "PUT DATA", .ins = INS_PUT_DATA, .p1 = 0x3f, .p2 = 0xff };
	int r;

	if (!buf)
		return CARD_FAILED;
	ber_put(&wr, 0x5c, (struct view){ tag, sizeof(tag) });
	ber_put(&wr, 0x53, value);
	a.data = wr_view(&wr);
	r = wr_ok(&wr) ? apdu_ask(w, &a, NULL) : CARD_FAILED;
	free(buf);
	return r == CARD_LOCKED ? CARD_ADMIN_WRONG : r;
}

/* 70 certificate, 71 not compressed, FE no checksum. */
static int put_cert(struct apdu_way *w, enum piv_slot slot, struct view der)
{
	static const uint8_t plain = 0;
	uint8_t *buf = der.n <= CRYPTO_CERT_MAX ? malloc(der.n + FRAME_MAX) : NULL;
	struct wr wr = wr_of(buf, der.n + FRAME_MAX);
	int r;

	if (!buf)
		return CARD_FAILED;
	ber_put(&wr, 0x70, der);
	ber_put(&wr, 0x71, (struct view){ &plain, 1 });
	ber_put(&wr, 0xfe, (struct view){ 0 });
	r = wr_ok(&wr) ? put_object(w, piv_places[slot].cert, wr_view(&wr)) : CARD_FAILED;
	free(buf);
	return r;
}

/* Whether a key is there that has no certificate: it is asked to sign zeros, without a PIN. */
static int has_key(struct apdu_way *w, enum piv_slot slot, bool *has)
{
	static const uint8_t zeros[CRYPTO_SIG_MAX];
	unsigned bits;
	uint8_t algorithm;
	struct view all;

	*has = false;
	for (unsigned i = 0; (algorithm = piv_algorithm_next(i, &bits)); i++) {
		int r = piv_ask_signature(w, slot, algorithm, (struct view){ zeros, bits / 8 }, &all);

		if (r == CARD_GONE)
			return r;
		*has |= r == CARD_OK || r == CARD_LOCKED;
	}
	return CARD_OK;
}

static int place(struct apdu_way *w, const struct card_make *how, enum piv_slot *slot)
{
	struct card_key k = { .id = { how->nid ? how->id[0] : PIV_AUTH + 1 }, .nid = how->nid ? how->nid : 1 };
	struct secret der = { 0 };
	bool has = true;
	int r;

	if (piv_slot_of(&k, slot))
		return CARD_NO_KEY;
	if (how->replace)
		return CARD_OK;
	r = piv_cert(w, *slot, &der, NULL);
	secret_clear(&der);
	if (r == CARD_NO_KEY)
		r = has_key(w, *slot, &has);
	return r ? r : has ? CARD_KEY_THERE : CARD_OK;
}

/* AC { 80 algorithm } */
static int make(struct apdu_way *w, enum piv_slot slot, uint8_t algorithm, struct crypto_key **public)
{
	const uint8_t control[] = { 0xac, 3, 0x80, 1, algorithm };
	const struct apdu a = { .name = "GENERATE ASYMMETRIC KEY PAIR", .ins = INS_GENERATE, .p2 = piv_places[slot].ref,
				.data = { control, sizeof(control) }, .most = KEY_ANSWER };
	struct view all, template;
	int r = apdu_ask(w, &a, &all);

	if (r)
		return r == CARD_NO_SCHEME ? CARD_UNSUPPORTED : r == CARD_LOCKED ? CARD_ADMIN_WRONG : r;
	if (ber_find(all, 0x7f49, &template))
		return apdu_nonsense(w, a.name);
	r = piv_public(template, algorithm, public);
	return r == CARD_BROKEN ? apdu_nonsense(w, a.name) : r;
}

int piv_generate(struct apdu_way *w, const struct card_make *how, struct card_key *out)
{
	uint8_t algorithm = piv_algorithm(how->type, how->bits);
	struct crypto_key *public = NULL;
	enum piv_slot slot;
	struct view old;
	int r = algorithm ? place(w, how, &slot) : CARD_UNSUPPORTED;

	if (!r)
		r = administrate(w, how->admin);
	if (!r)
		r = make(w, slot, algorithm, &public);
	if (r)
		return r;
	/* The certificate of the key before it would be taken for this one's. */
	r = piv_get(w, piv_places[slot].cert, &old);
	if (!r && old.n)
		r = put_object(w, piv_places[slot].cert, (struct view){ 0 });
	if (r) {
		crypto_key_free(public);
		return r;
	}
	r = native_key_set(out, public, (uint8_t)(slot + 1), piv_places[slot].label);
	if (r)
		return r;
	out->seen = true;
	out->each = piv_places[slot].each;
	out->open = piv_places[slot].open;
	out->schemes = piv_places[slot].signs ? native_schemes(public, true) : 0;
	return CARD_OK;
}

int piv_store_cert(struct apdu_way *w, const struct card_key *k, struct view der, struct view admin)
{
	enum piv_slot slot;
	int r = piv_slot_of(k, &slot) ? CARD_NO_KEY : administrate(w, admin);

	return r ? r : put_cert(w, slot, der);
}
