// SPDX-License-Identifier: MIT
// A PIV card's GENERAL AUTHENTICATE: signatures and key agreement with its keys; who has the administrator's key.
#include "tests/card/piv.h"
#include "tests/card/tlv.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define ADMIN_KEY 0x9b

enum { WITNESS = 0x80, CHALLENGE = 0x81, RESPONSE = 0x82, EXPONENTIATION = 0x85, TEMPLATE = 0x7c };

/* What cards have before somebody changes it: the first 8 bytes three times, or as much of it as an AES key takes. */
static const uint8_t admin_key[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8 };

static const struct admin_cipher {
	uint8_t algorithm, block;
	const EVP_CIPHER *(*cipher)(void);
} admin_ciphers[] = {
	{ 0x00, 8, EVP_des_ede3_ecb }, { 0x03, 8, EVP_des_ede3_ecb },
	{ 0x08, 16, EVP_aes_128_ecb }, { 0x0a, 16, EVP_aes_192_ecb }, { 0x0c, 16, EVP_aes_256_ecb },
};

static const struct admin_cipher *admin_cipher_of(uint8_t algorithm)
{
	for (size_t i = 0; i < sizeof(admin_ciphers) / sizeof(admin_ciphers[0]); i++)
		if (admin_ciphers[i].algorithm == algorithm)
			return &admin_ciphers[i];
	return NULL;
}

static int encrypt(const struct admin_cipher *ac, const uint8_t *in, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	int ok = ctx && EVP_EncryptInit_ex(ctx, ac->cipher(), NULL, admin_key, NULL) == 1 &&
		 EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_EncryptUpdate(ctx, out, &n, in, ac->block) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return ok && n == ac->block ? 0 : -1;
}

static void answer(struct wr *w, uint32_t tag, const uint8_t *p, size_t n)
{
	size_t begin = tlv_open(w, TEMPLATE);

	tlv_put(w, tag, (struct view){ p, n });
	tlv_close(w, begin);
}

/* The card asks: in clear (the other encrypts it), or encrypted (the other decrypts it, and asks in turn). */
static unsigned int ask(struct card *c, const struct admin_cipher *ac, uint32_t tag, struct wr *w)
{
	uint8_t sealed[16];

	if (RAND_bytes(c->challenge, ac->block) != 1 || encrypt(ac, c->challenge, sealed))
		return SW_INTERNAL;
	c->nchallenge = ac->block;
	c->witness = (uint8_t)tag;
	answer(w, tag, tag == WITNESS ? sealed : c->challenge, ac->block);
	return SW_OK;
}

/* Of what the card asked, in the way in which it asked it. */
static bool right(struct card *c, const struct admin_cipher *ac, uint8_t way, struct view got)
{
	uint8_t sealed[16];
	bool ok = c->nchallenge == ac->block && c->witness == way && got.n == ac->block;

	c->nchallenge = 0;
	if (!ok)
		return false;
	if (way == WITNESS)
		return !CRYPTO_memcmp(got.p, c->challenge, ac->block);
	return !encrypt(ac, c->challenge, sealed) && !CRYPTO_memcmp(got.p, sealed, ac->block);
}

static unsigned int administrate(struct card *c, uint8_t algorithm, struct view template, struct wr *w)
{
	const struct admin_cipher *ac = admin_cipher_of(algorithm);
	struct view witness = { NULL, 0 }, challenge = { NULL, 0 }, response = { NULL, 0 };
	bool has_witness, has_challenge, has_response;
	uint8_t sealed[16];

	if (!ac)
		return SW_PARAMETERS;
	has_witness = !tlv_find(template, WITNESS, &witness);
	has_challenge = !tlv_find(template, CHALLENGE, &challenge);
	has_response = !tlv_find(template, RESPONSE, &response);
	if (has_witness && !witness.n)
		return ask(c, ac, WITNESS, w);
	if (has_challenge && !challenge.n && !has_witness)
		return ask(c, ac, CHALLENGE, w);
	if (has_witness ? !right(c, ac, WITNESS, witness) : !has_response || !right(c, ac, CHALLENGE, response))
		return SW_NOT_ALLOWED;
	c->access |= PIV_MAY_ADMIN;
	if (has_witness && challenge.n == ac->block && !encrypt(ac, challenge.p, sealed))
		answer(w, RESPONSE, sealed, ac->block);
	return SW_OK;
}

/* 9E needs no PIN, 9C needs it just before, the others some time. */
static bool permitted(const struct card *c, unsigned int i)
{
	static const unsigned int needs[] = { PIV_MAY_USE, PIV_MAY_USE | PIV_FRESH, PIV_MAY_USE, 0 };

	return !(needs[i] & ~c->access);
}

unsigned int piv_authenticate(struct card *c, const struct apdu *a, struct wr *w)
{
	uint8_t out[1024];
	struct wr result = wr_of(out, sizeof(out));
	struct view template, in;
	const struct key_kind *kind;
	int i = card_key_by_ref(c, a->p2), rc;

	if (tlv_find(a->data, TEMPLATE, &template))
		return SW_DATA;
	if (a->p2 == ADMIN_KEY)
		return administrate(c, a->p1, template, w);
	if (i < 0 || !c->keys[i])
		return SW_NO_REFERENCE;
	kind = key_kind_of(c->keys[i]);
	if (!kind || kind->piv != a->p1)
		return SW_PARAMETERS;
	if (!permitted(c, (unsigned int)i))
		return SW_NOT_ALLOWED;
	if (!tlv_find(template, CHALLENGE, &in))
		rc = key_sign(c->keys[i], KEY_PLAIN, in, &result);
	else
		rc = tlv_find(template, EXPONENTIATION, &in) || key_derive(c->keys[i], in, &result);
	if (rc || !wr_ok(&result))
		return SW_DATA;
	c->signatures++;
	answer(w, RESPONSE, out, result.len);
	return SW_OK;
}
