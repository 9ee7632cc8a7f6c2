// SPDX-License-Identifier: MIT
// Certificates of keys by themselves.
#include "keyd/crypto/self_cert.h"

#include "keyd/crypto/key_evp.h"
#include "keyd/crypto/rand.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define SERIAL_LEN 16

struct crypto_self_cert {
	X509 *x;
	uint8_t *octets;		/* OpenSSL's memory */
	size_t n;
};

static int set_serial(X509 *x)
{
	uint8_t bytes[SERIAL_LEN];
	BIGNUM *n;
	int r;

	if (crypto_rand(bytes, sizeof(bytes)))
		return -1;
	bytes[0] = (bytes[0] & 0x7f) | 0x40;	/* positive, and as long as that */
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	r = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) ? 0 : -1;
	BN_free(n);
	return r;
}

static int set_names(X509 *x, struct view dn)
{
	const unsigned char *p = dn.p;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)dn.n);
	int r = name && p == dn.p + dn.n && X509_set_subject_name(x, name) && X509_set_issuer_name(x, name) ? 0 : -1;

	X509_NAME_free(name);
	return r;
}

/* RFC 5280 4.1.2.5: what has no end. */
static int set_times(X509 *x)
{
	return X509_gmtime_adj(X509_getm_notBefore(x), 0) && ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "99991231235959Z") ? 0 : -1;
}

static int set_no_ca(X509 *x)
{
	BASIC_CONSTRAINTS none = { 0 };

	return X509_add1_ext_i2d(x, NID_basic_constraints, &none, 1, 0) == 1 ? 0 : -1;
}

/* OpenSSL fills both in when it signs by itself, and has no other way for them. */
static int set_scheme(X509 *x, const struct crypto_sig *s)
{
	const unsigned char *p = s->algid.p;
	X509_ALGOR *algor = d2i_X509_ALGOR(NULL, &p, (long)s->algid.n);
	const X509_ALGOR *outside;
	int r;

	X509_get0_signature(NULL, &outside, x);
	r = algor && X509_ALGOR_copy((X509_ALGOR *)X509_get0_tbs_sigalg(x), algor) &&
	    X509_ALGOR_copy((X509_ALGOR *)outside, algor) ? 0 : -1;
	X509_ALGOR_free(algor);
	return r;
}

int crypto_self_cert_new(struct crypto_self_cert **out, const struct crypto_key *k, const struct crypto_sig *s, struct view dn)
{
	struct crypto_self_cert *c = calloc(1, sizeof(*c));
	int len = -1;

	if (!c)
		return -1;
	c->x = X509_new();
	if (c->x && X509_set_version(c->x, X509_VERSION_3) && X509_set_pubkey(c->x, crypto_key_evp(k)) && !set_serial(c->x) &&
	    !set_names(c->x, dn) && !set_times(c->x) && !set_no_ca(c->x) && !set_scheme(c->x, s))
		len = i2d_re_X509_tbs(c->x, &c->octets);
	if (len < 0) {
		crypto_self_cert_free(c);
		return -1;
	}
	c->n = (size_t)len;
	*out = c;
	return 0;
}

void crypto_self_cert_free(struct crypto_self_cert *c)
{
	if (!c)
		return;
	X509_free(c->x);
	OPENSSL_free(c->octets);
	free(c);
}

struct view crypto_self_cert_octets(const struct crypto_self_cert *c)
{
	return (struct view){ c->octets, c->n };
}

int crypto_self_cert_finish(struct crypto_self_cert *c, struct view signature, struct secret *der)
{
	const ASN1_BIT_STRING *old;
	ASN1_BIT_STRING *bits;
	uint8_t *bytes = NULL;
	int len, r;

	X509_get0_signature(&old, NULL, c->x);
	bits = (ASN1_BIT_STRING *)old;
	if (!ASN1_STRING_set(bits, signature.p, (int)signature.n))
		return -1;
	/* All of its bits count, also zeros at its end. */
	bits->flags = (bits->flags & ~(ASN1_STRING_FLAG_BITS_LEFT | 7L)) | ASN1_STRING_FLAG_BITS_LEFT;
	if (X509_verify(c->x, X509_get0_pubkey(c->x)) != 1)
		return -1;
	len = i2d_X509(c->x, &bytes);
	r = len > 0 ? secret_set(der, bytes, (size_t)len) : -1;
	OPENSSL_free(bytes);
	return r;
}
