// SPDX-License-Identifier: MIT
// Plain hashes.
#include "keyd/crypto/hash.h"

#include "keyd/crypto/evp.h"
#include "keyd/crypto/prf.h"

#include <string.h>

static int hash(const EVP_MD *md, const struct view *parts, unsigned nparts, uint8_t *out, size_t n)
{
	EVP_MD_CTX *ctx = md ? EVP_MD_CTX_new() : NULL;
	int ok = ctx && EVP_DigestInit_ex2(ctx, md, NULL) == 1;

	for (unsigned i = 0; ok && i < nparts; i++)
		ok = !parts[i].n || EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		memset(out, 0, n);
	return ok ? 0 : -1;
}

int crypto_sha1(const struct view *parts, unsigned nparts, uint8_t out[CRYPTO_SHA1_LEN])
{
	return hash(crypto_evp_sha1(), parts, nparts, out, CRYPTO_SHA1_LEN);
}

int crypto_sha256(const struct view *parts, unsigned nparts, uint8_t out[CRYPTO_SHA256_LEN])
{
	return hash(crypto_evp_sha256(), parts, nparts, out, CRYPTO_SHA256_LEN);
}

int crypto_hash(const struct crypto_alg *prf, const struct view *parts, unsigned nparts, uint8_t *out)
{
	const struct crypto_evp *e = crypto_evp_of(prf, CRYPTO_PRF);

	return hash(e ? e->md : NULL, parts, nparts, out, prf->prf);
}

int crypto_hmac_sha256(struct view key, const struct view *parts, unsigned nparts, uint8_t out[CRYPTO_SHA256_LEN])
{
	return crypto_prf(crypto_alg_by_id(CRYPTO_PRF, 5, 0), key, parts, nparts, out);
}
