// SPDX-License-Identifier: MIT
// Groups as OpenSSL sees them, made once; and keys whose private value is given.
#include "keyd/crypto/kex_group.h"

#include "keyd/crypto/rand.h"
#include "keyd/util/secret.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_EXPONENT 40	/* bytes of a private MODP value made here: twice the strength of modp4096 */

static bool is_x25519(const struct crypto_alg *ke)
{
	return !strcmp(ke->evp_name, "X25519");
}

static bool is_ecp(const struct crypto_alg *ke)
{
	return !strncmp(ke->evp_name, "P-", 2);
}

size_t crypto_group_point_prefix(const struct crypto_alg *ke)
{
	return is_ecp(ke) ? 1 : 0;
}

static EVP_PKEY *pkey_of_params(const char *type, int selection, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx && params && EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *named_group(const char *type, const char *name)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)name, 0),
		OSSL_PARAM_construct_end(),
	};

	return pkey_of_params(type, EVP_PKEY_KEY_PARAMETERS, params);
}

/* The prime of a group that OpenSSL has no name for (RFC 2409 6.1, 6.2), or NULL. */
static BIGNUM *oakley_prime(const struct crypto_alg *ke)
{
	switch (ke->ikev2_id) {
	case 1:
		return BN_get_rfc2409_prime_768(NULL);
	case 2:
		return BN_get_rfc2409_prime_1024(NULL);
	default:
		return NULL;
	}
}

/* Takes over p. */
static EVP_PKEY *group_of_prime(BIGNUM *p)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *g = BN_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *group = NULL;

	if (bld && p && g && BN_set_word(g, 2) && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_FFC_P, p) &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_FFC_G, g))
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params)
		group = pkey_of_params("DH", EVP_PKEY_KEY_PARAMETERS, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(p);
	BN_free(g);
	return group;
}

static BIGNUM *bn_of_group(EVP_PKEY *group, const char *param)
{
	BIGNUM *bn = NULL;

	return EVP_PKEY_get_bn_param(group, param, &bn) == 1 ? bn : NULL;
}

static int set_limit(struct crypto_evp *e, const struct crypto_alg *ke)
{
	BIGNUM *p = bn_of_group(e->group, OSSL_PKEY_PARAM_FFC_P);
	int ok = 0;

	e->p_minus_1 = malloc(ke->public_len);
	if (p && e->p_minus_1)
		ok = BN_sub_word(p, 1) && BN_bn2binpad(p, e->p_minus_1, ke->public_len) == ke->public_len;
	BN_free(p);
	return ok ? 0 : -1;
}

/* Named groups bring a short exponent (RFC 7919 5.2); these would take all their bits. */
static int shorten_exponent(EVP_PKEY_CTX *keygen)
{
	int bits = 160;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_DH_PRIV_LEN, &bits),
		OSSL_PARAM_construct_end(),
	};

	return EVP_PKEY_CTX_set_params(keygen, params) == 1 ? 0 : -1;
}

int crypto_kex_evp_init(struct crypto_evp *e, const struct crypto_alg *ke)
{
	BIGNUM *prime = NULL;

	if (is_x25519(ke)) {
		e->keygen = EVP_PKEY_CTX_new_from_name(NULL, ke->evp_name, NULL);
	} else {
		if (is_ecp(ke))
			e->group = named_group("EC", ke->evp_name);
		else if ((prime = oakley_prime(ke)))
			e->group = group_of_prime(prime);
		else
			e->group = named_group("DH", ke->evp_name);
		if (!e->group || (!is_ecp(ke) && set_limit(e, ke)))
			return -1;
		e->keygen = EVP_PKEY_CTX_new_from_pkey(NULL, e->group, NULL);
	}
	if (!e->keygen || EVP_PKEY_keygen_init(e->keygen) != 1)
		return -1;
	return prime ? shorten_exponent(e->keygen) : 0;
}

void crypto_kex_evp_exit(struct crypto_evp *e)
{
	EVP_PKEY_CTX_free(e->keygen);
	EVP_PKEY_free(e->group);
	free(e->p_minus_1);
}

/* priv times the base point, as 4 | x | y. 0 or -1 (out of range). */
static int ecp_public(const struct crypto_alg *ke, const BIGNUM *priv, uint8_t *out)
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(EC_curve_nist2nid(ke->evp_name));
	EC_POINT *pub = g ? EC_POINT_new(g) : NULL;
	size_t n = 1 + ke->public_len;
	int ok;

	ok = pub && !BN_is_zero(priv) && BN_cmp(priv, EC_GROUP_get0_order(g)) < 0 &&
	     EC_POINT_mul(g, pub, priv, NULL, NULL, NULL) == 1 &&
	     EC_POINT_point2oct(g, pub, POINT_CONVERSION_UNCOMPRESSED, out, n, NULL) == n;
	EC_POINT_free(pub);
	EC_GROUP_free(g);
	return ok ? 0 : -1;
}

static BIGNUM *modp_public(const struct crypto_evp *e, const BIGNUM *priv)
{
	BIGNUM *p = bn_of_group(e->group, OSSL_PKEY_PARAM_FFC_P), *g = bn_of_group(e->group, OSSL_PKEY_PARAM_FFC_G);
	BIGNUM *pub = BN_new();
	BN_CTX *ctx = BN_CTX_new();

	if (!p || !g || !pub || !ctx || BN_is_zero(priv) || BN_is_one(priv) || BN_cmp(priv, p) >= 0 ||
	    BN_mod_exp_mont_consttime(pub, g, priv, p, ctx, NULL) != 1) {
		BN_free(pub);
		pub = NULL;
	}
	BN_CTX_free(ctx);
	BN_free(p);
	BN_free(g);
	return pub;
}

static int push_pair(OSSL_PARAM_BLD *bld, const struct crypto_evp *e, const struct crypto_alg *ke, const BIGNUM *priv,
		     uint8_t point[1 + CRYPTO_KE_PUBLIC_MAX], BIGNUM **pub)
{
	if (OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, priv) != 1)
		return -1;
	if (is_ecp(ke))
		return ecp_public(ke, priv, point) || OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
										      point, 1 + ke->public_len) != 1;
	*pub = modp_public(e, priv);
	return !*pub || OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PUB_KEY, *pub) != 1;
}

EVP_PKEY *crypto_group_key(const struct crypto_evp *e, const struct crypto_alg *ke, struct view priv)
{
	uint8_t point[1 + CRYPTO_KE_PUBLIC_MAX];
	OSSL_PARAM *group = NULL, *pair = NULL, *all = NULL;
	OSSL_PARAM_BLD *bld;
	BIGNUM *bn, *pub = NULL;
	EVP_PKEY *pkey = NULL;

	if (priv.n > CRYPTO_KE_PUBLIC_MAX)
		return NULL;
	if (is_x25519(ke))
		return EVP_PKEY_new_raw_private_key_ex(NULL, ke->evp_name, NULL, priv.p, priv.n);
	bld = OSSL_PARAM_BLD_new();
	bn = BN_bin2bn(priv.p, (int)priv.n, NULL);
	if (bld && bn && !push_pair(bld, e, ke, bn, point, &pub) &&
	    EVP_PKEY_todata(e->group, EVP_PKEY_KEY_PARAMETERS, &group) == 1)
		pair = OSSL_PARAM_BLD_to_param(bld);
	if (pair)
		all = OSSL_PARAM_merge(group, pair);
	if (all)
		pkey = pkey_of_params(is_ecp(ke) ? "EC" : "DH", EVP_PKEY_KEYPAIR, all);
	OPENSSL_free(all);	/* the merge shares the values of both */
	OSSL_PARAM_free(pair);
	OSSL_PARAM_free(group);
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(bn);
	BN_free(pub);
	return pkey;
}

EVP_PKEY *crypto_group_key_from_rand(const struct crypto_evp *e, const struct crypto_alg *ke)
{
	size_t n = is_x25519(ke) || is_ecp(ke) ? ke->shared_len : SHORT_EXPONENT;
	uint8_t priv[CRYPTO_KE_SHARED_MAX];
	EVP_PKEY *pkey = NULL;

	/* A number may be beyond the order of the curve: the next is not, with all likelihood. */
	for (int tries = 0; !pkey && tries < 32 && !crypto_rand(priv, n); tries++) {
		if (n == 66)
			priv[0] &= 1;	/* P-521 */
		pkey = crypto_group_key(e, ke, (struct view){ priv, n });
	}
	secret_cleanse(priv, sizeof(priv));
	return pkey;
}
