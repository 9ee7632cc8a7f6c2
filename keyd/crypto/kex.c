// SPDX-License-Identifier: MIT
// Key exchange.
#include "keyd/crypto/kex.h"

#include "keyd/crypto/evp.h"
#include "keyd/crypto/kex_group.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <stdlib.h>
#include <string.h>

struct crypto_kex {
	const struct crypto_alg *ke;
	EVP_PKEY *pkey;
	uint8_t public[CRYPTO_KE_PUBLIC_MAX];
};

/* Takes over pkey, also when it fails. */
static struct crypto_kex *kex_of(const struct crypto_alg *ke, EVP_PKEY *pkey)
{
	struct crypto_kex *k = calloc(1, sizeof(*k));
	uint8_t *encoded = NULL;
	size_t n = pkey ? EVP_PKEY_get1_encoded_public_key(pkey, &encoded) : 0;
	size_t skip = crypto_group_point_prefix(ke);

	if (k && n == ke->public_len + skip) {
		k->ke = ke;
		k->pkey = pkey;
		memcpy(k->public, encoded + skip, ke->public_len);
	} else {
		EVP_PKEY_free(pkey);
		free(k);
		k = NULL;
	}
	OPENSSL_free(encoded);
	return k;
}

struct crypto_kex *crypto_kex_new(const struct crypto_alg *ke)
{
	const struct crypto_evp *e = crypto_evp_of(ke, CRYPTO_KE);
	EVP_PKEY *pkey = NULL;

	if (!e)
		return NULL;
	if (crypto_rand_is_set())
		pkey = crypto_group_key_from_rand(e, ke);
	else if (EVP_PKEY_generate(e->keygen, &pkey) != 1)
		pkey = NULL;
	return pkey ? kex_of(ke, pkey) : NULL;
}

struct crypto_kex *crypto_kex_from_private(const struct crypto_alg *ke, struct view priv)
{
	const struct crypto_evp *e = crypto_evp_of(ke, CRYPTO_KE);
	EVP_PKEY *pkey = e ? crypto_group_key(e, ke, priv) : NULL;

	return pkey ? kex_of(ke, pkey) : NULL;
}

void crypto_kex_free(struct crypto_kex *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

const struct crypto_alg *crypto_kex_alg(const struct crypto_kex *k)
{
	return k->ke;
}

struct view crypto_kex_public(const struct crypto_kex *k)
{
	return (struct view){ k->public, k->ke->public_len };
}

/* RFC 6989 2.1: 1 < y < p - 1; both have the length of p. */
static bool modp_in_range(const struct crypto_evp *e, struct view y)
{
	uint8_t high = 0;

	for (size_t i = 0; i + 1 < y.n; i++)
		high |= y.p[i];
	return (high || y.p[y.n - 1] > 1) && memcmp(y.p, e->p_minus_1, y.n) < 0;
}

static EVP_PKEY *peer_of(const struct crypto_alg *ke, struct view v)
{
	const struct crypto_evp *e = crypto_evp_of(ke, CRYPTO_KE);
	uint8_t encoded[1 + CRYPTO_KE_PUBLIC_MAX] = { 4 };	/* an uncompressed point */
	size_t skip = crypto_group_point_prefix(ke);
	EVP_PKEY *peer;

	if (!e || v.n != ke->public_len || (e->p_minus_1 && !modp_in_range(e, v)))
		return NULL;
	if (!e->group)
		return EVP_PKEY_new_raw_public_key_ex(NULL, ke->evp_name, NULL, v.p, v.n);
	memcpy(encoded + skip, v.p, v.n);
	peer = EVP_PKEY_new();
	/* For ECP this is where a point that is not on the curve is refused. */
	if (peer && EVP_PKEY_copy_parameters(peer, e->group) == 1 &&
	    EVP_PKEY_set1_encoded_public_key(peer, encoded, skip + v.n) == 1)
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

static bool all_zero(const struct secret *s)
{
	uint8_t any = 0;

	for (size_t i = 0; i < s->n; i++)
		any |= s->p[i];
	return !any;
}

int crypto_kex_derive(const struct crypto_kex *k, struct view peer_public, struct secret *shared)
{
	EVP_PKEY *peer = peer_of(k->ke, peer_public);
	EVP_PKEY_CTX *ctx = peer ? EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL) : NULL;
	bool modp = ctx && EVP_PKEY_is_a(k->pkey, "DH");
	size_t n = k->ke->shared_len;
	int ret = -1;

	secret_clear(shared);
	if (!ctx || EVP_PKEY_derive_init(ctx) != 1 || (modp && EVP_PKEY_CTX_set_dh_pad(ctx, 1) != 1))
		goto out;
	/* The peer's value has been checked above; OpenSSL's own check is an exponentiation. */
	if (EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) != 1 || secret_alloc(shared, n))
		goto out;
	if (EVP_PKEY_derive(ctx, shared->p, &n) == 1 && n == shared->n && !all_zero(shared))
		ret = 0;
out:
	if (ret)
		secret_clear(shared);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	return ret;
}

int crypto_kex_private(const struct crypto_kex *k, struct secret *priv)
{
	size_t n = CRYPTO_KE_PUBLIC_MAX;
	BIGNUM *bn = NULL;
	int ret = -1;

	if (secret_alloc(priv, n))
		return -1;
	if (EVP_PKEY_get_raw_private_key(k->pkey, priv->p, &n) == 1) {
		priv->n = n;
		return 0;
	}
	/* Of a group of numbers; big-endian, as crypto_kex_from_private takes it. */
	if (EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &bn) == 1 && (size_t)BN_num_bytes(bn) <= priv->n) {
		priv->n = (size_t)BN_bn2bin(bn, priv->p);
		ret = 0;
	}
	BN_clear_free(bn);
	if (ret)
		secret_clear(priv);
	return ret;
}
