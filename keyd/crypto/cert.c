// SPDX-License-Identifier: MIT
// Certificates.
#include "keyd/crypto/cert.h"

#include "keyd/crypto/cert_evp.h"
#include "keyd/crypto/dn.h"
#include "keyd/crypto/hash.h"
#include "keyd/crypto/key_evp.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct crypto_cert {
	X509 *x;
	uint8_t *der, *subject, *issuer;	/* OpenSSL's memory */
	int nder, nsubject, nissuer;
};

const char *crypto_cert_strerror(int error)
{
	static const char *const words[] = {
		"no error", "it is no certificate, or a damaged one", "it is larger than any certificate should be",
		"there is no memory",
	};

	return error <= 0 && (size_t)-error < sizeof(words) / sizeof(*words) ? words[-error] : "unknown error";
}

int crypto_cert_of_evp(struct crypto_cert **out, X509 *x)
{
	struct crypto_cert *c = calloc(1, sizeof(*c));

	if (!c) {
		X509_free(x);
		return CRYPTO_CERT_FAILED;
	}
	c->x = x;
	c->nder = i2d_X509(x, &c->der);
	c->nsubject = i2d_X509_NAME(X509_get_subject_name(x), &c->subject);
	c->nissuer = i2d_X509_NAME(X509_get_issuer_name(x), &c->issuer);
	if (c->nder <= 0 || c->nder > CRYPTO_CERT_MAX || c->nsubject <= 0 || c->nissuer <= 0) {
		int r = c->nder > CRYPTO_CERT_MAX ? CRYPTO_CERT_TOO_BIG : CRYPTO_CERT_MALFORMED;

		crypto_cert_free(c);
		return r;
	}
	/* Reads all extensions now: what is wrong in one is wrong in the whole, and nothing changes x later. So with times. */
	if (X509_check_purpose(x, -1, 0) != 1 || (X509_get_extension_flags(x) & EXFLAG_INVALID) ||
	    crypto_cert_begins(c) == INT64_MIN || crypto_cert_ends(c) == INT64_MIN) {
		crypto_cert_free(c);
		return CRYPTO_CERT_MALFORMED;
	}
	*out = c;
	return 0;
}

int crypto_cert_from_der(struct crypto_cert **out, struct view der)
{
	const uint8_t *p = der.p;
	X509 *x;

	if (der.n > CRYPTO_CERT_MAX)
		return CRYPTO_CERT_TOO_BIG;
	x = der.n ? d2i_X509(NULL, &p, (long)der.n) : NULL;
	if (x && p != der.p + der.n) {
		X509_free(x);
		x = NULL;
	}
	ERR_clear_error();
	return x ? crypto_cert_of_evp(out, x) : CRYPTO_CERT_MALFORMED;
}

bool crypto_is_der(struct view bytes)
{
	return bytes.n && bytes.p[0] == (V_ASN1_CONSTRUCTED | V_ASN1_SEQUENCE);
}

int crypto_no_passphrase(char *buf, int size, int writes, void *arg)
{
	(void)buf;
	(void)size;
	(void)writes;
	(void)arg;
	return -1;
}

static int from_pem(BIO *bio, int (*fn)(void *arg, struct crypto_cert *c), void *arg)
{
	struct crypto_cert *c;
	bool any = false;
	X509 *x;
	int r;

	while ((x = PEM_read_bio_X509(bio, NULL, crypto_no_passphrase, NULL))) {
		any = true;
		r = crypto_cert_of_evp(&c, x);
		if (!r)
			r = fn(arg, c);
		if (r)
			return r;
	}
	/* The end, or a block that is broken. */
	r = any && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ? 0 : CRYPTO_CERT_MALFORMED;
	ERR_clear_error();
	return r;
}

int crypto_certs_from_file(struct view bytes, int (*fn)(void *arg, struct crypto_cert *c), void *arg)
{
	struct crypto_cert *c;
	BIO *bio;
	int r;

	if (bytes.n > CRYPTO_CERT_FILE_MAX)
		return CRYPTO_CERT_TOO_BIG;
	if (crypto_is_der(bytes)) {
		r = crypto_cert_from_der(&c, bytes);
		return r ? r : fn(arg, c);
	}
	bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);
	if (!bio)
		return CRYPTO_CERT_FAILED;
	ERR_clear_error();
	r = from_pem(bio, fn, arg);
	BIO_free(bio);
	return r;
}

void crypto_cert_free(struct crypto_cert *c)
{
	if (!c)
		return;
	X509_free(c->x);
	OPENSSL_free(c->der);
	OPENSSL_free(c->subject);
	OPENSSL_free(c->issuer);
	free(c);
}

X509 *crypto_cert_evp(const struct crypto_cert *c)
{
	return c->x;
}

struct view crypto_cert_der(const struct crypto_cert *c)
{
	return (struct view){ c->der, (size_t)c->nder };
}

struct view crypto_cert_subject(const struct crypto_cert *c)
{
	return (struct view){ c->subject, (size_t)c->nsubject };
}

struct view crypto_cert_issuer(const struct crypto_cert *c)
{
	return (struct view){ c->issuer, (size_t)c->nissuer };
}

size_t crypto_cert_serial(const struct crypto_cert *c, uint8_t *out, size_t room)
{
	const ASN1_INTEGER *n = X509_get0_serialNumber(crypto_cert_evp(c));
	int len = i2d_ASN1_INTEGER(n, NULL);

	if (len <= 0 || (size_t)len > room)
		return 0;
	return i2d_ASN1_INTEGER(n, &out) > 0 ? (size_t)len : 0;
}

int crypto_cert_key(const struct crypto_cert *c, struct crypto_key **out)
{
	EVP_PKEY *pkey = X509_get_pubkey(c->x);

	return pkey ? crypto_key_of_evp(out, pkey, false) : CRYPTO_KEY_UNSUPPORTED;
}

int crypto_cert_key_hash(const struct crypto_cert *c, uint8_t hash[CRYPTO_CERT_HASH_LEN])
{
	uint8_t *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->x), &der);
	struct view spki = { der, n > 0 ? (size_t)n : 0 };
	int r = n > 0 ? crypto_sha1(&spki, 1, hash) : -1;

	_Static_assert(CRYPTO_CERT_HASH_LEN == CRYPTO_SHA1_LEN, "RFC 7296 3.7");
	OPENSSL_free(der);
	return r;
}

int64_t crypto_asn1_seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : INT64_MIN;
}

int64_t crypto_cert_begins(const struct crypto_cert *c)
{
	return crypto_asn1_seconds(X509_get0_notBefore(c->x));
}

int64_t crypto_cert_ends(const struct crypto_cert *c)
{
	return crypto_asn1_seconds(X509_get0_notAfter(c->x));
}

const char *crypto_day(int64_t seconds, char buf[CRYPTO_DAY_LEN])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, CRYPTO_DAY_LEN, "%Y-%m-%d", &tm))
		snprintf(buf, CRYPTO_DAY_LEN, "an unknown day");
	return buf;
}

bool crypto_cert_is_ca(const struct crypto_cert *c)
{
	return X509_get_extension_flags(c->x) & EXFLAG_CA;
}

/* What IKE calls the kind of a general name; 0: it has no word for it. *dn is DER that the caller frees, of a name only. */
static int name_of(const GENERAL_NAME *g, struct view *name, uint8_t **dn)
{
	const ASN1_STRING *s = g->type == GEN_IPADD ? g->d.iPAddress : g->d.ia5;
	int n;

	*dn = NULL;
	switch (g->type) {
	case GEN_DIRNAME:
		n = i2d_X509_NAME(g->d.directoryName, dn);
		*name = (struct view){ *dn, n > 0 ? (size_t)n : 0 };
		return n > 0 ? CRYPTO_NAME_DN : 0;
	case GEN_DNS:
	case GEN_EMAIL:
	case GEN_IPADD:
		*name = (struct view){ ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s) };
		break;
	default:
		return 0;
	}
	if (g->type != GEN_IPADD)
		return g->type == GEN_DNS ? CRYPTO_NAME_FQDN : CRYPTO_NAME_RFC822;
	return name->n == 4 ? CRYPTO_NAME_IPV4 : name->n == 16 ? CRYPTO_NAME_IPV6 : 0;
}

void crypto_cert_names(const struct crypto_cert *c, void (*fn)(void *arg, enum crypto_name type, struct view name), void *arg)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(c->x, NID_subject_alt_name, NULL, NULL);
	struct view name;
	uint8_t *dn;
	int type;

	if (X509_NAME_entry_count(X509_get_subject_name(c->x)))
		fn(arg, CRYPTO_NAME_DN, crypto_cert_subject(c));
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		type = name_of(sk_GENERAL_NAME_value(all, i), &name, &dn);
		if (type)
			fn(arg, (enum crypto_name)type, name);
		OPENSSL_free(dn);
	}
	GENERAL_NAMES_free(all);
}

struct wanted {
	enum crypto_name type;
	struct view name;
	bool found;
};

static void look(void *arg, enum crypto_name type, struct view name)
{
	struct wanted *w = arg;

	if (type != w->type || w->found)
		return;
	if (type == CRYPTO_NAME_DN)
		w->found = crypto_dn_match(w->name, name);
	else if (type == CRYPTO_NAME_FQDN || type == CRYPTO_NAME_RFC822)
		w->found = view_equal_nocase(w->name, name);
	else
		w->found = name.n == w->name.n && !memcmp(name.p, w->name.p, name.n);
}

bool crypto_cert_has_name(const struct crypto_cert *c, enum crypto_name type, struct view name)
{
	struct wanted w = { .type = type, .name = name };

	if (name.n)
		crypto_cert_names(c, look, &w);
	return w.found;
}
