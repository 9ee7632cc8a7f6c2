// SPDX-License-Identifier: MIT
// Whether a certificate is to be believed.
#include "keyd/crypto/trust.h"

#include "keyd/crypto/cert_evp.h"
#include "keyd/crypto/dn.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OID_IPSEC_IKE "1.3.6.1.5.5.7.3.17"	/* id-kp-ipsecIKE, RFC 4945 5.1.3.12 */
#define OID_IKE_INTERMEDIATE "1.3.6.1.5.5.8.2.2"	/* what came before it */

struct crypto_trust {
	X509_STORE *store;
};


struct crypto_trust *crypto_trust_new(void)
{
	struct crypto_trust *t = calloc(1, sizeof(*t));

	if (t)
		t->store = X509_STORE_new();
	if (t && !t->store) {
		free(t);
		t = NULL;
	}
	return t;
}

void crypto_trust_free(struct crypto_trust *t)
{
	if (!t)
		return;
	X509_STORE_free(t->store);
	free(t);
}

int crypto_trust_add_ca(struct crypto_trust *t, const struct crypto_cert *c)
{
	return X509_STORE_add_cert(t->store, crypto_cert_evp(c)) == 1 ? 0 : -1;
}

static X509_CRL *crl_of(struct view bytes)
{
	const uint8_t *p = bytes.p;
	X509_CRL *crl = NULL;
	BIO *bio;

	if (crypto_is_der(bytes)) {
		crl = d2i_X509_CRL(NULL, &p, (long)bytes.n);
	} else if (bytes.n) {
		bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);
		crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
		BIO_free(bio);
	}
	ERR_clear_error();
	return crl;
}

int crypto_trust_add_crl(struct crypto_trust *t, struct view bytes, int64_t *next)
{
	X509_CRL *crl = bytes.n <= CRYPTO_CRL_MAX ? crl_of(bytes) : NULL;
	int r;

	if (!crl)
		return bytes.n <= CRYPTO_CRL_MAX ? CRYPTO_CERT_MALFORMED : CRYPTO_CERT_TOO_BIG;
	*next = crypto_asn1_seconds(X509_CRL_get0_nextUpdate(crl));
	if (*next == INT64_MIN)
		*next = INT64_MAX;
	r = X509_STORE_add_crl(t->store, crl) == 1 ? 0 : CRYPTO_CERT_FAILED;
	X509_CRL_free(crl);
	return r;
}

/* What OpenSSL says, in our words; what is not here is CRYPTO_TRUST_REFUSED with OpenSSL's. */
static const struct {
	int error;
	enum crypto_trust_result result;
	const char *text;
} errors[] = {
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, CRYPTO_TRUST_NO_CA, "was signed by nobody whom we know" },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, CRYPTO_TRUST_NO_CA, "was signed by nobody whom we know" },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, CRYPTO_TRUST_NO_CA, "was signed by nobody whom we know" },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, CRYPTO_TRUST_NO_CA, "has signed itself" },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, CRYPTO_TRUST_NO_CA, "is a CA that is none of ours" },
	{ X509_V_ERR_CERT_CHAIN_TOO_LONG, CRYPTO_TRUST_NO_CA, "is too far below a CA of ours" },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, CRYPTO_TRUST_SIGNATURE, "has a wrong signature" },
	{ X509_V_ERR_CERT_HAS_EXPIRED, CRYPTO_TRUST_EXPIRED, "has expired on" },
	{ X509_V_ERR_CERT_NOT_YET_VALID, CRYPTO_TRUST_NOT_YET, "is not valid before" },
	{ X509_V_ERR_INVALID_CA, CRYPTO_TRUST_NOT_CA, "is no CA and has signed another one" },
	{ X509_V_ERR_PATH_LENGTH_EXCEEDED, CRYPTO_TRUST_NOT_CA, "may have no further CA below it" },
	{ X509_V_ERR_KEYUSAGE_NO_CERTSIGN, CRYPTO_TRUST_NOT_CA, "may not sign certificates" },
	{ X509_V_ERR_PERMITTED_VIOLATION, CRYPTO_TRUST_NAME, "has a name that a CA above it may not vouch for" },
	{ X509_V_ERR_EXCLUDED_VIOLATION, CRYPTO_TRUST_NAME, "has a name that a CA above it may not vouch for" },
	{ X509_V_ERR_SUBTREE_MINMAX, CRYPTO_TRUST_NAME, "has name constraints that are not understood" },
	{ X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, CRYPTO_TRUST_NAME, "has a name whose constraints are not understood" },
	{ X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, CRYPTO_TRUST_NAME, "has name constraints that are not understood" },
	{ X509_V_ERR_CERT_REVOKED, CRYPTO_TRUST_REVOKED, "is revoked" },
	{ X509_V_ERR_UNABLE_TO_GET_CRL, CRYPTO_TRUST_NO_CRL, "may be revoked: there is no revocation list of its CA" },
	{ X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, CRYPTO_TRUST_NO_CRL, "may be revoked: who signed the revocation list is not known" },
	{ X509_V_ERR_CRL_HAS_EXPIRED, CRYPTO_TRUST_NO_CRL, "may be revoked: the revocation list of its CA has expired" },
	{ X509_V_ERR_CRL_NOT_YET_VALID, CRYPTO_TRUST_NO_CRL, "may be revoked: the revocation list of its CA is not valid yet" },
	{ X509_V_ERR_CRL_SIGNATURE_FAILURE, CRYPTO_TRUST_NO_CRL, "may be revoked: the revocation list has a wrong signature" },
	{ X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, CRYPTO_TRUST_NO_CRL, "may be revoked: its CA may not sign revocation lists" },
	{ X509_V_ERR_DIFFERENT_CRL_SCOPE, CRYPTO_TRUST_NO_CRL, "may be revoked: the revocation list is for others" },
	{ X509_V_ERR_OUT_OF_MEM, CRYPTO_TRUST_FAILED, "could not be checked: there is no memory" },
};

static void day(const ASN1_TIME *t, char *buf, size_t n)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1 || !strftime(buf, n, "%Y-%m-%d", &tm))
		snprintf(buf, n, "an unknown day");
}

static enum crypto_trust_result judge(struct crypto_verdict *v, enum crypto_trust_result result, unsigned depth, const X509 *x,
				      const char *text)
{
	uint8_t *dn = NULL;
	int n = x ? i2d_X509_NAME(X509_get_subject_name(x), &dn) : 0;
	char when[32] = "";

	*v = (struct crypto_verdict){ .result = result, .depth = depth };
	crypto_dn_format((struct view){ dn, n > 0 ? (size_t)n : 0 }, v->subject, sizeof(v->subject));
	if (result == CRYPTO_TRUST_EXPIRED)
		day(X509_get0_notAfter(x), when, sizeof(when));
	else if (result == CRYPTO_TRUST_NOT_YET)
		day(X509_get0_notBefore(x), when, sizeof(when));
	snprintf(v->text, sizeof(v->text), "%s%s%s", text, *when ? " " : "", when);
	OPENSSL_free(dn);
	return result;
}

static enum crypto_trust_result refused(X509_STORE_CTX *ctx, struct crypto_verdict *v)
{
	int error = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);
	const X509 *x = X509_STORE_CTX_get_current_cert(ctx);

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].error == error)
			return judge(v, errors[i].result, (unsigned)depth, x, errors[i].text);
	return judge(v, CRYPTO_TRUST_REFUSED, (unsigned)depth, x, X509_verify_cert_error_string(error));
}

/* Lenient: what no current list speaks of is not revoked. The chain itself was checked before lists are looked at. */
static int on_error(int ok, X509_STORE_CTX *ctx)
{
	int error = X509_STORE_CTX_get_error(ctx);

	if (ok)
		return 1;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].error == error && errors[i].result == CRYPTO_TRUST_NO_CRL)
			return 1;
	return 0;
}

/* RFC 4945 5.1.3.2: whoever says what the key is for must say that it signs. */
static bool signs(X509 *x)
{
	return X509_get_key_usage(x) & (X509v3_KU_DIGITAL_SIGNATURE | X509v3_KU_NON_REPUDIATION);
}

/* Without extended key usage anything is meant; with it IKE, or what is commonly written for it. */
static bool for_ike(X509 *x)
{
	static const char *const oids[] = {
		OID_IPSEC_IKE, OID_IKE_INTERMEDIATE, "2.5.29.37.0" /* any */, "1.3.6.1.5.5.7.3.1" /* TLS server */,
		"1.3.6.1.5.5.7.3.2" /* TLS client */, "1.3.6.1.5.5.7.3.5" /* IPsec end system, RFC 2459 */,
		"1.3.6.1.5.5.7.3.6" /* IPsec tunnel */, "1.3.6.1.5.5.7.3.7" /* IPsec user */,
	};
	EXTENDED_KEY_USAGE *all = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	bool found = !all;
	char oid[64];

	for (int i = 0; !found && i < sk_ASN1_OBJECT_num(all); i++) {
		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(all, i), 1);
		for (size_t j = 0; j < sizeof(oids) / sizeof(*oids); j++)
			found = found || !strcmp(oid, oids[j]);
	}
	EXTENDED_KEY_USAGE_free(all);
	return found;
}

/* Below the floors: NULL, or what is. */
static const char *weakness(X509 *x, bool signature, const struct crypto_trust_rules *rules)
{
	EVP_PKEY *pkey = X509_get0_pubkey(x);
	int hash = NID_undef;

	if (!pkey)
		return "has a key that is not supported";
	if (EVP_PKEY_is_a(pkey, "RSA") && (unsigned)EVP_PKEY_get_bits(pkey) < rules->rsa_bits_min)
		return "has an RSA key that is too short";
	if (EVP_PKEY_is_a(pkey, "EC") && (unsigned)EVP_PKEY_get_bits(pkey) < rules->ec_bits_min)
		return "has an EC key that is too short";
	if (!signature || X509_get_signature_info(x, &hash, NULL, NULL, NULL) != 1)
		return NULL;
	if (hash == NID_md5 || hash == NID_md4 || hash == NID_md2)
		return "is signed with MD5";
	return hash == NID_sha1 && !rules->allow_sha1 ? "is signed with SHA-1" : NULL;
}

/* What IKE and the configuration ask of a chain that holds. The last one is our own CA, whose signature says nothing. */
static enum crypto_trust_result check_chain(X509_STORE_CTX *ctx, const struct crypto_trust_rules *rules,
					    struct crypto_verdict *v)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	X509 *leaf = sk_X509_value(chain, 0);
	int64_t ends = INT64_MAX;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		const char *weak = weakness(x, i + 1 < sk_X509_num(chain), rules);
		int64_t end = crypto_asn1_seconds(X509_get0_notAfter(x));

		if (weak)
			return judge(v, CRYPTO_TRUST_WEAK, (unsigned)i, x, weak);
		ends = end < ends ? end : ends;
	}
	if (!signs(leaf))
		return judge(v, CRYPTO_TRUST_USAGE, 0, leaf, "has a key usage without digital signatures");
	if (!for_ike(leaf))
		return judge(v, CRYPTO_TRUST_USAGE, 0, leaf, "has an extended key usage that is not for IKE");
	judge(v, CRYPTO_TRUSTED, 0, leaf, "is trusted");
	v->ends = ends;
	return CRYPTO_TRUSTED;
}

static int prepare(X509_STORE_CTX *ctx, const struct crypto_trust *t, X509 *leaf, STACK_OF(X509) *others, int64_t now,
		   const struct crypto_trust_rules *rules)
{
	X509_VERIFY_PARAM *param;
	unsigned long flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE;

	if (X509_STORE_CTX_init(ctx, t->store, leaf, others) != 1)
		return -1;
	if (rules->revocation != CRYPTO_REVOCATION_OFF)
		flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL | X509_V_FLAG_EXTENDED_CRL_SUPPORT |
			 X509_V_FLAG_USE_DELTAS;
	if (rules->revocation == CRYPTO_REVOCATION_LENIENT)
		X509_STORE_CTX_set_verify_cb(ctx, on_error);
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, flags);
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	X509_VERIFY_PARAM_set_depth(param, CRYPTO_CHAIN_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, 0);	/* the floors are ours: weakness() */
	return 0;
}

enum crypto_trust_result crypto_trust_verify(const struct crypto_trust *t, const struct crypto_cert *leaf,
					     const struct crypto_cert *const *others, unsigned n, int64_t now,
					     const struct crypto_trust_rules *rules, struct crypto_verdict *v)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *more = sk_X509_new_null();
	bool ready = ctx && more && n <= CRYPTO_CHAIN_MAX;
	enum crypto_trust_result r;

	for (unsigned i = 0; ready && i < n; i++)
		ready = sk_X509_push(more, crypto_cert_evp(others[i])) > 0;
	if (!ready || prepare(ctx, t, crypto_cert_evp(leaf), more, now, rules))
		r = judge(v, CRYPTO_TRUST_FAILED, 0, crypto_cert_evp(leaf), "could not be checked: there is no memory");
	else if (X509_verify_cert(ctx) == 1)
		r = check_chain(ctx, rules, v);
	else
		r = refused(ctx, v);
	ERR_clear_error();
	X509_STORE_CTX_free(ctx);
	sk_X509_free(more);
	return r;
}
