// SPDX-License-Identifier: MIT
// Protection of SK payloads: AEAD, or a cipher with a separate ICV.
#include "keyd/crypto/aead.h"

#include "keyd/crypto/evp.h"
#include "keyd/crypto/rand.h"
#include "keyd/util/secret.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct crypto_cipher {
	const struct crypto_alg *encr, *integ;
	struct secret key;		/* encryption key with its salt */
	EVP_CIPHER_CTX *ctx[2];		/* [0] opens, [1] seals; made when first needed: one direction needs one */
	EVP_MAC_CTX *hmac;		/* with its key; NULL with AEAD */
	uint64_t counter;		/* the next IV, where IVs are counted */
};

static int set_integ(struct crypto_cipher *c, const struct crypto_alg *integ, struct view key)
{
	const struct crypto_evp *e = crypto_evp_of(integ, CRYPTO_INTEG);

	if (!e || key.n != integ->key)
		return -1;
	c->integ = integ;
	c->hmac = EVP_MAC_CTX_dup(e->hmac);
	return c->hmac && EVP_MAC_init(c->hmac, key.p, key.n, NULL) == 1 ? 0 : -1;
}

struct crypto_cipher *crypto_cipher_new(const struct crypto_alg *encr, const struct crypto_alg *integ,
					struct view encr_key, struct view integ_key)
{
	const struct crypto_evp *e = crypto_evp_of(encr, CRYPTO_ENCR);
	struct crypto_cipher *c;

	if (!e || !e->cipher || encr_key.n != crypto_alg_encr_key_len(encr) || encr->aead != !integ)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->encr = encr;
	if ((integ ? set_integ(c, integ, integ_key) : integ_key.n != 0) ||
	    secret_set(&c->key, encr_key.p, encr_key.n)) {
		crypto_cipher_free(c);
		return NULL;
	}
	return c;
}

void crypto_cipher_free(struct crypto_cipher *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->ctx[0]);
	EVP_CIPHER_CTX_free(c->ctx[1]);
	EVP_MAC_CTX_free(c->hmac);
	secret_clear(&c->key);
	free(c);
}

size_t crypto_cipher_iv_len(const struct crypto_cipher *c)
{
	return c->encr->iv;
}

size_t crypto_cipher_block(const struct crypto_cipher *c)
{
	return c->encr->block;
}

size_t crypto_cipher_icv_len(const struct crypto_cipher *c)
{
	return c->integ ? c->integ->icv : c->encr->icv;
}

uint64_t crypto_cipher_counter(const struct crypto_cipher *c)
{
	return c->counter;
}

int crypto_cipher_set_counter(struct crypto_cipher *c, uint64_t next)
{
	if (next < c->counter)
		return -1;
	c->counter = next;
	return 0;
}

static EVP_CIPHER_CTX *ctx_of(struct crypto_cipher *c, int enc)
{
	EVP_CIPHER_CTX *ctx = c->ctx[enc];

	if (ctx)
		return ctx;
	ctx = EVP_CIPHER_CTX_new();
	if (ctx &&
	    EVP_CipherInit_ex2(ctx, crypto_evp_of(c->encr, CRYPTO_ENCR)->cipher, c->key.p, NULL, enc, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1)
		return c->ctx[enc] = ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

/* What the cipher calls its IV: CBC the IV itself; AEAD salt | IV; CTR salt | IV | 1 (RFC 3686 4). */
static void nonce_of(const struct crypto_cipher *c, const uint8_t *iv, uint8_t nonce[CRYPTO_IV_MAX])
{
	memset(nonce, 0, CRYPTO_IV_MAX);
	memcpy(nonce, c->key.p + c->encr->key, c->encr->salt);
	memcpy(nonce + c->encr->salt, iv, c->encr->iv);
	if (!c->encr->aead && c->encr->salt)
		nonce[CRYPTO_IV_MAX - 1] = 1;
}

/* Encrypts or decrypts in place; tag is NULL unless AEAD. */
static int run(struct crypto_cipher *c, int enc, struct view aad, const uint8_t *iv, uint8_t *text, size_t n,
	       uint8_t *tag)
{
	EVP_CIPHER_CTX *ctx = ctx_of(c, enc);
	uint8_t nonce[CRYPTO_IV_MAX];
	int len;

	nonce_of(c, iv, nonce);
	if (!ctx || EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, enc, NULL) != 1)
		return -1;
	if (tag && !enc && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, c->encr->icv, tag) != 1)
		return -1;
	if (tag && aad.n && EVP_CipherUpdate(ctx, NULL, &len, aad.p, (int)aad.n) != 1)
		return -1;
	if (n && (EVP_CipherUpdate(ctx, text, &len, text, (int)n) != 1 || (size_t)len != n))
		return -1;
	/* What final writes is nothing: no padding, and every block is complete. */
	if (EVP_CipherFinal_ex(ctx, nonce, &len) != 1 || len)
		return -1;
	if (tag && enc && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, c->encr->icv, tag) != 1)
		return -1;
	return 0;
}

/* The ICV over aad | iv | ciphertext, at its full length. */
static int mac(struct crypto_cipher *c, struct view aad, const uint8_t *iv, const uint8_t *text, size_t n,
	       uint8_t full[CRYPTO_PRF_MAX])
{
	const struct view parts[] = { aad, { iv, c->encr->iv }, { text, n } };

	if (EVP_MAC_init(c->hmac, NULL, 0, NULL) != 1)	/* again with the same key */
		return -1;
	return crypto_evp_mac(c->hmac, parts, 3, full, c->integ->key);
}

static bool mac_is(struct crypto_cipher *c, struct view aad, const uint8_t *iv, const uint8_t *text, size_t n,
		   const uint8_t *icv)
{
	uint8_t full[CRYPTO_PRF_MAX];

	return !mac(c, aad, iv, text, n, full) &&
	       secret_equal((struct view){ full, c->integ->icv }, (struct view){ icv, c->integ->icv });
}

static bool fits(const struct crypto_cipher *c, struct view aad, size_t n)
{
	return aad.n <= INT_MAX && n <= INT_MAX && n % c->encr->block == 0;
}

static int next_iv(struct crypto_cipher *c, uint8_t *iv)
{
	if (!c->encr->salt)
		return crypto_rand(iv, c->encr->iv);
	if (c->counter == UINT64_MAX)
		return -1;
	for (int i = 0; i < 8; i++)
		iv[i] = (uint8_t)(c->counter >> (56 - 8 * i));
	c->counter++;
	return 0;
}

int crypto_seal(struct crypto_cipher *c, struct view aad, uint8_t *iv, uint8_t *text, size_t n, uint8_t *icv)
{
	uint8_t full[CRYPTO_PRF_MAX];

	if (!fits(c, aad, n) || next_iv(c, iv) || run(c, 1, aad, iv, text, n, c->hmac ? NULL : icv))
		goto fail;
	if (c->hmac) {
		if (mac(c, aad, iv, text, n, full))
			goto fail;
		memcpy(icv, full, c->integ->icv);
	}
	return 0;
fail:
	secret_cleanse(text, n);
	return -1;
}

int crypto_open(struct crypto_cipher *c, struct view aad, const uint8_t *iv, uint8_t *text, size_t n,
		const uint8_t *icv)
{
	uint8_t tag[CRYPTO_ICV_MAX] = { 0 };	/* OpenSSL wants one that it could write to */

	if (!fits(c, aad, n) || (c->hmac && !mac_is(c, aad, iv, text, n, icv)))
		return -1;
	memcpy(tag, icv, c->encr->icv);
	if (!run(c, 0, aad, iv, text, n, c->hmac ? NULL : tag))
		return 0;
	secret_cleanse(text, n);
	return -1;
}
