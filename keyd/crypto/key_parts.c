// SPDX-License-Identifier: MIT
// Public keys put together.
#include "keyd/crypto/key_parts.h"

#include "keyd/crypto/key_evp.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>

#define PART_MAX 2048	/* bytes */
#define ED25519_LEN 32
#define ED25519_NATIVE 0x40	/* draft-ietf-openpgp-rfc4880bis 13.2 */

/* 0 and *out is the caller's, or an enum crypto_key_error. */
static int build(struct crypto_key **out, const char *type, OSSL_PARAM_BLD *parts)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(parts);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;
	int r = CRYPTO_KEY_FAILED;

	if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		r = EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1 && pkey ?
			    crypto_key_of_evp(out, pkey, false) : CRYPTO_KEY_MALFORMED;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return r;
}

int crypto_key_from_rsa(struct crypto_key **out, struct view modulus, struct view exponent)
{
	OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL, *e = NULL;
	int r = CRYPTO_KEY_MALFORMED;

	if (modulus.n && modulus.n <= PART_MAX && exponent.n && exponent.n <= PART_MAX) {
		n = BN_bin2bn(modulus.p, (int)modulus.n, NULL);
		e = BN_bin2bn(exponent.p, (int)exponent.n, NULL);
		r = parts && n && e && OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
		    OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, e) == 1 ? build(out, "RSA", parts) : CRYPTO_KEY_FAILED;
	}
	OSSL_PARAM_BLD_free(parts);
	BN_free(n);
	BN_free(e);
	return r;
}

/* OpenSSL's name of the curve; NULL: it is none. */
static const char *curve_name(struct view params)
{
	const uint8_t *p = params.p;
	ASN1_OBJECT *oid = params.n && params.n < 64 ? d2i_ASN1_OBJECT(NULL, &p, (long)params.n) : NULL;
	int nid = oid && p == params.p + params.n ? OBJ_obj2nid(oid) : NID_undef;

	ASN1_OBJECT_free(oid);
	return nid == NID_undef ? NULL : OBJ_nid2sn(nid);
}

/* 0 and *out is the caller's, or an enum crypto_key_error. */
static int build_ec(struct crypto_key **out, const char *curve, struct view point)
{
	OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
	int r = CRYPTO_KEY_FAILED;

	if (parts && OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n) == 1)
		r = build(out, "EC", parts);
	OSSL_PARAM_BLD_free(parts);
	ERR_clear_error();
	return r;
}

int crypto_key_from_ec(struct crypto_key **out, struct view params, struct view point)
{
	const char *curve = curve_name(params);
	const uint8_t *p = point.p;
	ASN1_OCTET_STRING *framed;
	int r;

	if (!point.n || point.n > PART_MAX)
		return CRYPTO_KEY_MALFORMED;
	if (!curve)
		return CRYPTO_KEY_UNSUPPORTED;
	/* Both forms begin with 04; but only one has the right length for the curve. */
	r = build_ec(out, curve, point);
	framed = r == CRYPTO_KEY_MALFORMED ? d2i_ASN1_OCTET_STRING(NULL, &p, (long)point.n) : NULL;
	if (framed && p == point.p + point.n && ASN1_STRING_length(framed) > 0)
		r = build_ec(out, curve, (struct view){ ASN1_STRING_get0_data(framed), (size_t)ASN1_STRING_length(framed) });
	ASN1_OCTET_STRING_free(framed);
	ERR_clear_error();
	return r;
}

int crypto_key_from_ed25519(struct crypto_key **out, struct view point)
{
	EVP_PKEY *pkey;

	if (point.n == ED25519_LEN + 1 && point.p[0] == ED25519_NATIVE) {
		point.p++;
		point.n--;
	}
	if (point.n != ED25519_LEN)
		return CRYPTO_KEY_MALFORMED;
	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.p, point.n);
	ERR_clear_error();
	return pkey ? crypto_key_of_evp(out, pkey, false) : CRYPTO_KEY_FAILED;
}
