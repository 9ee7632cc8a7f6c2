// SPDX-License-Identifier: MIT
// Whether a certificate is to be believed.
#include "keyd/crypto/trust.h"

#include "keyd/crypto/cert_evp.h"
#include "keyd/crypto/chain.h"
#include "keyd/crypto/dn.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OID_IPSEC_IKE "1.3.6.1.5.5.7.3.17"	/* id-kp-ipsecIKE, RFC 4945 5.1.3.12 */
#define NO_MEMORY "could not be checked: there is no memory"
#define OID_IKE_INTERMEDIATE "1.3.6.1.5.5.8.2.2"	/* what came before it */

struct crypto_trust_set {
	uint8_t digest[CRYPTO_DIGEST_LEN];
	STACK_OF(X509) *cas;
	struct issuer_id *ids;		/* of each of them */
};

struct crypto_trust {
	struct crypto_trust_set *sets;
	size_t nsets;
};

struct crypto_trust *crypto_trust_new(void)
{
	return calloc(1, sizeof(struct crypto_trust));
}

void crypto_trust_free(struct crypto_trust *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nsets; i++) {
		sk_X509_pop_free(t->sets[i].cas, X509_free);
		free(t->sets[i].ids);
	}
	free(t->sets);
	free(t);
}

static struct crypto_trust_set *find_set(const struct crypto_trust *t, const uint8_t digest[CRYPTO_DIGEST_LEN])
{
	for (size_t i = t->nsets; i-- > 0;)	/* the newest is the one that is being filled */
		if (!memcmp(t->sets[i].digest, digest, CRYPTO_DIGEST_LEN))
			return &t->sets[i];
	return NULL;
}

static struct crypto_trust_set *new_set(struct crypto_trust *t, const uint8_t digest[CRYPTO_DIGEST_LEN])
{
	struct crypto_trust_set *sets = realloc(t->sets, (t->nsets + 1) * sizeof(*sets)), *set;

	if (!sets)
		return NULL;
	t->sets = sets;
	set = &sets[t->nsets];
	*set = (struct crypto_trust_set){ .cas = sk_X509_new_null() };
	if (!set->cas)
		return NULL;
	memcpy(set->digest, digest, CRYPTO_DIGEST_LEN);
	t->nsets++;
	return set;
}

int crypto_trust_add_ca(struct crypto_trust *t, const uint8_t digest[CRYPTO_DIGEST_LEN], const struct crypto_cert *c)
{
	struct crypto_trust_set *set = find_set(t, digest);
	X509 *x = crypto_cert_evp(c);
	struct issuer_id *ids;
	size_t n;

	if (!set)
		set = new_set(t, digest);
	n = set ? (size_t)sk_X509_num(set->cas) : 0;
	for (size_t i = 0; i < n; i++)
		if (!X509_cmp(sk_X509_value(set->cas, (int)i), x))
			return 0;
	ids = set ? realloc(set->ids, (n + 1) * sizeof(*ids)) : NULL;
	if (!ids)
		return -1;
	set->ids = ids;
	if (issuer_id_of(x, &ids[n]) || X509_up_ref(x) != 1)
		return -1;
	if (sk_X509_push(set->cas, x) > 0)
		return 0;
	X509_free(x);
	return -1;
}

bool crypto_trust_has_sets(const struct crypto_trust *t, const uint8_t (*sets)[CRYPTO_DIGEST_LEN], unsigned nsets)
{
	for (unsigned i = 0; i < nsets; i++)
		if (!find_set(t, sets[i]))
			return false;
	return true;
}

bool trust_has_issuer(const struct crypto_trust *t, const uint8_t (*sets)[CRYPTO_DIGEST_LEN], unsigned nsets,
		      const struct issuer_id *id)
{
	for (unsigned i = 0; i < nsets; i++) {
		const struct crypto_trust_set *set = find_set(t, sets[i]);

		for (int j = 0; set && j < sk_X509_num(set->cas); j++)
			if (!memcmp(&set->ids[j], id, sizeof(*id)))
				return true;
	}
	return false;
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
	{ X509_V_ERR_OUT_OF_MEM, CRYPTO_TRUST_FAILED, NO_MEMORY },
};

enum crypto_trust_result verdict_set(struct crypto_verdict *v, enum crypto_trust_result result, unsigned depth, const X509 *x,
				     const char *text)
{
	uint8_t *dn = NULL;
	int n = x ? i2d_X509_NAME(X509_get_subject_name(x), &dn) : 0;
	char when[CRYPTO_DAY_LEN] = "";

	*v = (struct crypto_verdict){ .result = result, .depth = depth };
	crypto_dn_format((struct view){ dn, n > 0 ? (size_t)n : 0 }, v->subject, sizeof(v->subject));
	if (result == CRYPTO_TRUST_EXPIRED)
		crypto_day(crypto_asn1_seconds(X509_get0_notAfter(x)), when);
	else if (result == CRYPTO_TRUST_NOT_YET)
		crypto_day(crypto_asn1_seconds(X509_get0_notBefore(x)), when);
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
			return verdict_set(v, errors[i].result, (unsigned)depth, x, errors[i].text);
	return verdict_set(v, CRYPTO_TRUST_REFUSED, (unsigned)depth, x, X509_verify_cert_error_string(error));
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

/* Below its floor, or of a kind that has none: NULL, or what is to be said of it. */
static const char *weak_key(const EVP_PKEY *pkey, const struct crypto_trust_rules *rules)
{
	static const struct {
		const char *type;
		bool rsa;
		const char *text;
	} kinds[] = {
		{ "RSA", true, "has an RSA key that is too short" }, { "RSA-PSS", true, "has an RSA key that is too short" },
		{ "EC", false, "has an EC key that is too short" }, { "ED25519", false, "has an Ed25519 key, which is too short" },
		{ "ED448", false, "has an Ed448 key, which is too short" },
	};

	for (size_t i = 0; pkey && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (EVP_PKEY_is_a(pkey, kinds[i].type))
			return (unsigned)EVP_PKEY_get_bits(pkey) < (kinds[i].rsa ? rules->rsa_bits_min : rules->ec_bits_min) ?
				       kinds[i].text : NULL;
	return "has a key that is not supported";
}

/* Below the floors: NULL, or what is. */
static const char *weakness(X509 *x, bool signature, const struct crypto_trust_rules *rules)
{
	const char *key = weak_key(X509_get0_pubkey(x), rules);
	int hash = NID_undef;

	if (key)
		return key;
	if (!signature || X509_get_signature_info(x, &hash, NULL, NULL, NULL) != 1)
		return NULL;
	if (hash == NID_md5 || hash == NID_md4 || hash == NID_md2)
		return "is signed with MD5";
	return hash == NID_sha1 && !rules->allow_sha1 ? "is signed with SHA-1" : NULL;
}

/* What IKE and the configuration ask of a chain that holds. The last one is our own CA, whose signature says nothing. */
static enum crypto_trust_result check_chain(const STACK_OF(X509) *chain, const struct crypto_trust_rules *rules,
					    struct crypto_verdict *v, struct crypto_chain **out)
{
	X509 *leaf = sk_X509_value(chain, 0);

	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		const char *weak = weakness(x, i + 1 < sk_X509_num(chain), rules);

		if (weak)
			return verdict_set(v, CRYPTO_TRUST_WEAK, (unsigned)i, x, weak);
	}
	if (!signs(leaf))
		return verdict_set(v, CRYPTO_TRUST_USAGE, 0, leaf, "has a key usage without digital signatures");
	if (!for_ike(leaf))
		return verdict_set(v, CRYPTO_TRUST_USAGE, 0, leaf, "has an extended key usage that is not for IKE");
	*out = chain_new(chain);
	if (!*out)
		return verdict_set(v, CRYPTO_TRUST_FAILED, 0, leaf, NO_MEMORY);
	verdict_set(v, CRYPTO_TRUSTED, 0, leaf, "is trusted");
	v->ends = crypto_chain_ends(*out);
	return CRYPTO_TRUSTED;
}

/* What is believed, and what may help to get there. Neither holds references. */
struct stacks {
	STACK_OF(X509) *believed, *others;
	bool no_root;		/* something that is believed is none */
};

static bool is_root(X509 *x)
{
	return X509_get_extension_flags(x) & EXFLAG_SS;
}

static int stacks_fill(struct stacks *s, const struct crypto_trust *t, const struct crypto_trust_rules *rules,
		       const struct crypto_cert *const *others, unsigned n)
{
	s->believed = sk_X509_new_null();
	s->others = sk_X509_new_null();
	if (!s->believed || !s->others)
		return -1;
	for (unsigned i = 0; i < n; i++)
		if (sk_X509_push(s->others, crypto_cert_evp(others[i])) <= 0)
			return -1;
	for (unsigned i = 0; i < rules->nsets; i++) {
		const struct crypto_trust_set *set = find_set(t, rules->sets[i]);

		for (int j = 0; set && j < sk_X509_num(set->cas); j++) {
			X509 *x = sk_X509_value(set->cas, j);

			if (!is_root(x) && X509_check_ca(x) <= 0)
				continue;	/* somebody's own certificate makes no other believed, nor itself */
			if (sk_X509_push(s->believed, x) <= 0)
				return -1;
			s->no_root = s->no_root || !is_root(x);
		}
	}
	return 0;
}

/*
 * With X509_V_FLAG_X509_STRICT OpenSSL is as exact as RFC 5280 6.1 wants, and more: these bind who makes certificates, and nobody
 * who validates them. A CA of "openssl req -x509" has no key usage, one of certutil no key identifiers.
 */
static int tolerate(int ok, X509_STORE_CTX *ctx)
{
	static const int tolerated[] = {
		X509_V_ERR_CA_CERT_MISSING_KEY_USAGE, X509_V_ERR_CA_BCONS_NOT_CRITICAL, X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER,
		X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER, X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL,
		X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL, X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL,
	};

	for (size_t i = 0; !ok && i < sizeof(tolerated) / sizeof(*tolerated); i++)
		ok = X509_STORE_CTX_get_error(ctx) == tolerated[i];
	return ok;
}

/* partial: a CA of ours may be the top though it is no root. */
static enum crypto_trust_result attempt(const struct stacks *s, X509 *leaf, int64_t now, const struct crypto_trust_rules *rules,
					bool partial, struct crypto_verdict *v, struct crypto_chain **chain)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	enum crypto_trust_result r;

	if (!ctx || X509_STORE_CTX_init(ctx, NULL, leaf, s->others) != 1) {
		r = verdict_set(v, CRYPTO_TRUST_FAILED, 0, leaf, NO_MEMORY);
		goto out;
	}
	X509_STORE_CTX_set0_trusted_stack(ctx, s->believed);
	X509_STORE_CTX_set_verify_cb(ctx, tolerate);
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE |
				    (partial ? X509_V_FLAG_PARTIAL_CHAIN : 0));
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	X509_VERIFY_PARAM_set_depth(param, CRYPTO_CHAIN_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, 0);	/* the floors are ours: weakness() */
	if (X509_verify_cert(ctx) == 1)
		r = check_chain(X509_STORE_CTX_get0_chain(ctx), rules, v, chain);
	else
		r = refused(ctx, v);
out:
	ERR_clear_error();
	X509_STORE_CTX_free(ctx);
	return r;
}

enum crypto_trust_result crypto_trust_verify(const struct crypto_trust *t, const struct crypto_cert *leaf,
					     const struct crypto_cert *const *others, unsigned n, int64_t now,
					     const struct crypto_trust_rules *rules, struct crypto_verdict *v,
					     struct crypto_chain **chain)
{
	X509 *x = crypto_cert_evp(leaf);
	struct stacks s = { 0 };
	enum crypto_trust_result r;

	*chain = NULL;
	if (n > CRYPTO_CHAIN_MAX) {
		r = verdict_set(v, CRYPTO_TRUST_REFUSED, 0, x, "was sent with too many others");
	} else if (stacks_fill(&s, t, rules, others, n)) {
		r = verdict_set(v, CRYPTO_TRUST_FAILED, 0, x, NO_MEMORY);
	} else {
		r = attempt(&s, x, now, rules, false, v, chain);
		/* Only then: whether an intermediate is revoked is not asked where it is the top. */
		if (r == CRYPTO_TRUST_NO_CA && s.no_root)
			r = attempt(&s, x, now, rules, true, v, chain);
	}
	sk_X509_free(s.believed);
	sk_X509_free(s.others);
	return r;
}
