// SPDX-License-Identifier: MIT
// One revocation list.
#include "keyd/crypto/crl.h"

#include "keyd/crypto/cert_evp.h"
#include "keyd/crypto/hash.h"

#include <stdlib.h>
#include <string.h>

bool crypto_hash_is_broken(int signature_nid)
{
	int hash = NID_undef;

	return OBJ_find_sigid_algs(signature_nid, &hash, NULL) == 1 && (hash == NID_md5 || hash == NID_md4 || hash == NID_md2);
}

/* RFC 5280 5.2, 5.3: what must be understood is, in the list and in each of its entries. */
static bool understood(const STACK_OF(X509_EXTENSION) *extensions)
{
	static const int known[] = { NID_issuing_distribution_point, NID_delta_crl, NID_crl_number, NID_authority_key_identifier,
				     NID_crl_reason, NID_invalidity_date };
	bool all = true;

	for (int i = 0; all && i < sk_X509_EXTENSION_num(extensions); i++) {
		X509_EXTENSION *e = sk_X509_EXTENSION_value(extensions, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));

		all = !X509_EXTENSION_get_critical(e);
		for (size_t j = 0; !all && j < sizeof(known) / sizeof(*known); j++)
			all = nid == known[j];
	}
	return all;
}

/* RFC 5280 6.3.3 (f), (g) */
static int check_signer(X509_CRL *x, X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	if (!key || X509_NAME_cmp(X509_CRL_get_issuer(x), X509_get_subject_name(issuer)) ||
	    !(X509_get_key_usage(issuer) & X509v3_KU_CRL_SIGN))
		return CRYPTO_STATUS_ISSUER;
	if (crypto_hash_is_broken(X509_CRL_get_signature_nid(x)) || X509_CRL_verify(x, key) != 1)
		return CRYPTO_STATUS_SIGNATURE;
	return 0;
}

static int get_number(const X509_CRL *x, int nid, struct crl_number *out)
{
	int critical, n, r = 0;
	ASN1_INTEGER *i = X509_CRL_get_ext_d2i(x, nid, &critical, NULL);

	*out = (struct crl_number){ .there = i };
	if (!i)
		return critical == -1 ? 0 : CRYPTO_STATUS_MALFORMED;
	n = ASN1_STRING_length(i);
	if (ASN1_STRING_type(i) == V_ASN1_NEG_INTEGER || n > SERIAL_LEN)
		r = CRYPTO_STATUS_MALFORMED;
	else if (n)
		memcpy(out->b + SERIAL_LEN - n, ASN1_STRING_get0_data(i), (size_t)n);
	ASN1_INTEGER_free(i);
	return r;
}

/* RFC 5280 5.2.5. What speaks of others' certificates is not for us. */
static int get_scope(struct crl *c, const X509_CRL *x)
{
	uint8_t *der = NULL, hash[CRYPTO_SHA256_LEN];
	struct view view;
	int critical, n, r;

	c->idp = X509_CRL_get_ext_d2i(x, NID_issuing_distribution_point, &critical, NULL);
	if (!c->idp)
		return critical == -1 ? 0 : CRYPTO_STATUS_MALFORMED;
	if (c->idp->indirectCRL > 0 || (c->idp->distpoint && c->idp->distpoint->type))
		return CRYPTO_STATUS_UNSUPPORTED;
	n = i2d_ISSUING_DIST_POINT(c->idp, &der);
	view = (struct view){ der, n > 0 ? (size_t)n : 0 };
	r = n > 0 ? crypto_sha256(&view, 1, hash) : -1;
	OPENSSL_free(der);
	if (r)
		return CRYPTO_STATUS_FAILED;
	memcpy(c->scope, hash, sizeof(c->scope));
	return 0;
}

static int get_times(struct crl *c, const X509_CRL *x, int64_t now)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(x);

	c->since = crypto_asn1_seconds(X509_CRL_get0_lastUpdate(x));
	c->until = next ? crypto_asn1_seconds(next) : INT64_MAX;
	if (c->since == INT64_MIN || c->until == INT64_MIN)
		return CRYPTO_STATUS_MALFORMED;
	return c->since > now + STATUS_SKEW ? CRYPTO_STATUS_NOT_YET : 0;
}

static int compare(const void *a, const void *b)
{
	return serial_cmp(&((const struct revoked *)a)->serial, &((const struct revoked *)b)->serial);
}

static int get_entries(struct crl *c, X509_CRL *x)
{
	const STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(x);
	int n = sk_X509_REVOKED_num(all);

	if (n <= 0)
		return 0;
	c->entry = calloc((size_t)n, sizeof(*c->entry));
	if (!c->entry)
		return CRYPTO_STATUS_FAILED;
	for (int i = 0; i < n; i++) {
		const X509_REVOKED *r = sk_X509_REVOKED_value(all, i);
		ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);
		long value = reason ? ASN1_ENUMERATED_get(reason) : 0;

		ASN1_ENUMERATED_free(reason);
		if (!understood(X509_REVOKED_get0_extensions(r)))
			return CRYPTO_STATUS_UNSUPPORTED;
		if (serial_of(X509_REVOKED_get0_serialNumber(r), &c->entry[i].serial))
			return CRYPTO_STATUS_FAILED;
		c->entry[i].reason = value > 0 && value <= UINT8_MAX ? (uint8_t)value : 0;
	}
	c->n = (size_t)n;
	qsort(c->entry, c->n, sizeof(*c->entry), compare);
	return 0;
}

int crl_new(struct crl **out, X509_CRL *x, X509 *issuer, int64_t now)
{
	int r = understood(X509_CRL_get0_extensions(x)) ? check_signer(x, issuer) : CRYPTO_STATUS_UNSUPPORTED;
	struct crl *c = r ? NULL : calloc(1, sizeof(*c));

	if (!c)
		return r ? r : CRYPTO_STATUS_FAILED;
	r = issuer_id_of(issuer, &c->issuer) ? CRYPTO_STATUS_FAILED : get_times(c, x, now);
	if (!r)
		r = get_number(x, NID_crl_number, &c->number);
	if (!r)
		r = get_number(x, NID_delta_crl, &c->base);
	if (!r && c->base.there && !c->number.there)
		r = CRYPTO_STATUS_MALFORMED;
	if (!r)
		r = get_scope(c, x);
	if (!r)
		r = get_entries(c, x);
	if (r)
		crl_free(c);
	else
		*out = c;
	return r;
}

void crl_free(struct crl *c)
{
	if (!c)
		return;
	ISSUING_DIST_POINT_free(c->idp);
	free(c->entry);
	free(c);
}

const struct revoked *crl_find(const struct crl *c, const struct serial *serial)
{
	const struct revoked key = { .serial = *serial };

	return c->n ? bsearch(&key, c->entry, c->n, sizeof(*c->entry), compare) : NULL;
}

bool crl_same_kind(const struct crl *a, const struct crl *b)
{
	return !memcmp(&a->issuer, &b->issuer, sizeof(a->issuer)) && !memcmp(a->scope, b->scope, sizeof(a->scope)) &&
	       a->base.there == b->base.there;
}

int crl_newer(const struct crl *a, const struct crl *b, int64_t now)
{
	int by_number = a->number.there && b->number.there ? memcmp(a->number.b, b->number.b, SERIAL_LEN) : 0;
	int by_time = a->since > b->since ? 1 : a->since < b->since ? -1 : 0;

	/* A CA that was made anew from a backup counts from below: heed it once the list that we have has run out. */
	if (by_number < 0 && by_time > 0 && b->until <= now)
		return 1;
	return by_number ? by_number : by_time;
}

bool crl_fits_delta(const struct crl *c, const struct crl *d)
{
	return d->base.there && !c->base.there && c->number.there && !memcmp(&c->issuer, &d->issuer, sizeof(c->issuer)) &&
	       !memcmp(c->scope, d->scope, sizeof(c->scope)) && memcmp(d->base.b, c->number.b, SERIAL_LEN) <= 0 &&
	       memcmp(d->number.b, c->number.b, SERIAL_LEN) >= 0;
}

static bool in_common(const GENERAL_NAMES *a, const GENERAL_NAMES *b)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(a); i++)
		for (int j = 0; j < sk_GENERAL_NAME_num(b); j++)
			if (!GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a, i), sk_GENERAL_NAME_value(b, j)))
				return true;
	return false;
}

bool crl_speaks_of(const struct crl *c, const struct chain_link *l)
{
	const ISSUING_DIST_POINT *idp = c->idp;

	if (!idp)
		return true;
	if ((idp->onlyuser > 0 && l->ca) || (idp->onlyCA > 0 && !l->ca) || idp->onlyattr > 0 || idp->onlysomereasons)
		return false;
	if (!idp->distpoint)
		return true;
	for (int i = 0; i < sk_DIST_POINT_num(l->points); i++) {
		const DIST_POINT_NAME *name = sk_DIST_POINT_value(l->points, i)->distpoint;

		if (name && name->type == 0 && in_common(idp->distpoint->name.fullname, name->name.fullname))
			return true;
	}
	return false;
}
