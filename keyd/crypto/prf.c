// SPDX-License-Identifier: MIT
// prf and prf+ (RFC 7296 2.13).
#include "keyd/crypto/prf.h"

#include "keyd/crypto/evp.h"
#include "keyd/util/secret.h"

#include <string.h>

/* To OpenSSL a NULL key would mean "the one before". */
static int set_key(EVP_MAC_CTX *hmac, struct view key)
{
	return EVP_MAC_init(hmac, key.n ? key.p : (const uint8_t *)"", key.n, NULL) == 1 ? 0 : -1;
}

int crypto_prf(const struct crypto_alg *prf, struct view key, const struct view *parts, unsigned nparts, uint8_t *out)
{
	static const uint8_t no_key[1];
	const struct crypto_evp *e = crypto_evp_of(prf, CRYPTO_PRF);
	int ret = -1;

	if (e && !set_key(e->hmac, key))
		ret = crypto_evp_mac(e->hmac, parts, nparts, out, prf->prf);
	/* The context lives as long as the process; the key shall not stay in it. */
	if (e && set_key(e->hmac, (struct view){ no_key, sizeof(no_key) }))
		ret = -1;
	if (ret)
		memset(out, 0, prf->prf);
	return ret;
}

int crypto_prf_plus(const struct crypto_alg *prf, struct view key, const struct view *seed, unsigned nseed,
		    uint8_t *out, size_t len)
{
	struct view parts[CRYPTO_PRF_PARTS_MAX + 2];
	uint8_t t[CRYPTO_PRF_MAX], number = 0;
	size_t done = 0;
	int ret = -1;

	if (nseed > CRYPTO_PRF_PARTS_MAX || len > 255 * (size_t)prf->prf)
		goto out;
	parts[0] = (struct view){ t, 0 };	/* T1 has no block before it */
	if (nseed)
		memcpy(&parts[1], seed, nseed * sizeof(*seed));
	parts[nseed + 1] = (struct view){ &number, 1 };
	while (done < len) {
		size_t n = len - done < prf->prf ? len - done : prf->prf;

		number++;
		if (crypto_prf(prf, key, parts, nseed + 2, t))
			goto out;
		memcpy(out + done, t, n);
		done += n;
		parts[0].n = prf->prf;
	}
	ret = 0;
out:
	secret_cleanse(t, sizeof(t));
	if (ret && len)
		memset(out, 0, len);
	return ret;
}
