// SPDX-License-Identifier: MIT
// RSA's padding (RFC 8017), for keys elsewhere that do not know it. OpenSSL pads only for its own.
#include "keyd/crypto/sig_parts.h"

#include "keyd/crypto/rand.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#define ZEROS 8			/* in front of what a PSS salt is hashed with */
#define TRAILER 0xbc

/* 9.2: 00 01 FF … FF 00 DigestInfo */
static int pad_pkcs1(const struct crypto_sig *s, struct view hash, uint8_t *out, size_t n)
{
	uint8_t info[CRYPTO_SIG_INFO_MAX];
	size_t len;

	if (crypto_sig_digest_info(s, hash, info, &len) || len + 11 > n)
		return -1;
	memset(out, 0xff, n);
	out[0] = 0;
	out[1] = 1;
	out[n - len - 1] = 0;
	memcpy(out + n - len, info, len);
	return 0;
}

static int digest(const EVP_MD *md, const struct view *parts, unsigned nparts, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx && EVP_DigestInit_ex2(ctx, md, NULL) == 1;

	for (unsigned i = 0; ok && i < nparts; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

/* B.2.1, xor the mask onto what is there. */
static int mask(const EVP_MD *md, struct view seed, uint8_t *data, size_t n)
{
	uint8_t counter[4] = { 0 }, block[EVP_MAX_MD_SIZE];
	const struct view parts[] = { seed, { counter, sizeof(counter) } };
	size_t len = (size_t)EVP_MD_get_size(md);

	for (size_t at = 0; at < n; at++) {
		if (at % len == 0) {
			counter[3] = (uint8_t)(at / len);
			if (digest(md, parts, 2, block))
				return -1;
		}
		data[at] ^= block[at % len];
	}
	return 0;
}

/* 9.1.1, with a salt as long as the hash. bits: of the modulus, less one. */
static int pad_pss(const EVP_MD *md, struct view hash, unsigned bits, uint8_t *out, size_t n)
{
	static const uint8_t zeros[ZEROS];
	uint8_t salt[EVP_MAX_MD_SIZE];
	const struct view parts[] = { { zeros, ZEROS }, hash, { salt, hash.n } };
	size_t len = (bits + 7) / 8, db = len - hash.n - 1;
	uint8_t *em = out + (n - len), *h = em + db;

	if (len < 2 * hash.n + 2 || crypto_rand(salt, hash.n) || digest(md, parts, 3, h))
		return -1;
	memset(out, 0, n - len + db);
	em[db - hash.n - 1] = 1;
	memcpy(em + db - hash.n, salt, hash.n);
	if (mask(md, (struct view){ h, hash.n }, em, db))
		return -1;
	em[0] &= (uint8_t)(0xff >> (8 * len - bits));
	em[len - 1] = TRAILER;
	return 0;
}

int crypto_sig_pad(const struct crypto_sig *s, const struct crypto_key *k, struct view hash, uint8_t *out, size_t *n)
{
	unsigned bits = crypto_key_bits(k);
	size_t room = *n, len = (bits + 7) / 8;
	EVP_MD *md;
	int r;

	*n = len;
	if (s->key != CRYPTO_KEY_RSA || !crypto_sig_fits(s, k) || room < CRYPTO_SIG_MAX || len > room)
		return -1;
	if (!s->pss)
		return pad_pkcs1(s, hash, out, len);
	md = EVP_MD_fetch(NULL, s->digest, NULL);
	r = md && hash.n == (size_t)EVP_MD_get_size(md) ? pad_pss(md, hash, bits - 1, out, len) : -1;
	EVP_MD_free(md);
	ERR_clear_error();
	return r;
}
