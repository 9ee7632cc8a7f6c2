// SPDX-License-Identifier: MIT
// Certification requests.
#include "keyd/crypto/csr.h"

#include "keyd/crypto/key_evp.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct crypto_csr {
	X509_REQ *req;
	uint8_t *octets;		/* OpenSSL's memory */
	size_t n;
};

/* Of hashes, the one as long as the curve first; of paddings, PSS last: some CAs do not know it. */
static int rank(const struct crypto_sig *s, const struct crypto_key *k)
{
	unsigned bits = crypto_key_bits(k);
	uint8_t fit = s->key != CRYPTO_KEY_EC || bits <= 256 ? 2 : bits <= 384 ? 3 : 4;

	return (s->pss ? 10 : 0) + (s->hash == fit ? 0 : 1 + s->hash);
}

const struct crypto_sig *crypto_csr_scheme(const struct crypto_key *k, uint32_t schemes)
{
	const struct crypto_sig *s = NULL, *best = NULL;

	for (; (s = crypto_sig_next(s)); schemes >>= 1)
		if ((schemes & 1) && s->algid.n && !s->legacy && crypto_sig_fits(s, k) && (!best || rank(s, k) < rank(best, k)))
			best = s;
	return best;
}

static ASN1_STRING *string_of(int type, struct view v)
{
	ASN1_STRING *s = ASN1_STRING_type_new(type);

	if (s && ASN1_STRING_set(s, v.p, (int)v.n))
		return s;
	ASN1_STRING_free(s);
	return NULL;
}

static const struct {
	int general, asn1;
	size_t min, max;		/* bytes */
} forms[] = {
	[CRYPTO_NAME_IPV4] = { GEN_IPADD, V_ASN1_OCTET_STRING, 4, 4 },
	[CRYPTO_NAME_FQDN] = { GEN_DNS, V_ASN1_IA5STRING, 1, 253 },
	[CRYPTO_NAME_RFC822] = { GEN_EMAIL, V_ASN1_IA5STRING, 3, 254 },
	[CRYPTO_NAME_IPV6] = { GEN_IPADD, V_ASN1_OCTET_STRING, 16, 16 },
};

static int push_name(GENERAL_NAMES *all, const struct crypto_csr_name *n)
{
	GENERAL_NAME *g;
	ASN1_STRING *s;

	if (n->type >= sizeof(forms) / sizeof(*forms) || n->value.n < forms[n->type].min || n->value.n > forms[n->type].max)
		return -1;
	for (size_t i = 0; forms[n->type].asn1 == V_ASN1_IA5STRING && i < n->value.n; i++)
		if (n->value.p[i] <= 0x20 || n->value.p[i] >= 0x7f)
			return -1;
	s = string_of(forms[n->type].asn1, n->value);
	g = GENERAL_NAME_new();
	if (s && g)
		GENERAL_NAME_set0_value(g, forms[n->type].general, s);
	else
		ASN1_STRING_free(s);
	if (s && g && sk_GENERAL_NAME_push(all, g))
		return 0;
	GENERAL_NAME_free(g);
	return -1;
}

static int add_names(X509_REQ *req, const struct crypto_csr_name *names, unsigned n)
{
	GENERAL_NAMES *all = GENERAL_NAMES_new();
	STACK_OF(X509_EXTENSION) *exts = NULL;
	int r = all && n <= CRYPTO_CSR_NAMES_MAX ? 0 : -1;

	for (unsigned i = 0; !r && i < n; i++)
		r = push_name(all, &names[i]);
	if (!r && n)
		r = X509V3_add1_i2d(&exts, NID_subject_alt_name, all, 0, 0) == 1 && X509_REQ_add_extensions(req, exts) ? 0 : -1;
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	GENERAL_NAMES_free(all);
	return r;
}

static int set_subject(X509_REQ *req, struct view dn)
{
	const unsigned char *p = dn.p;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)dn.n);
	int r = name && p == dn.p + dn.n && X509_REQ_set_subject_name(req, name) ? 0 : -1;

	X509_NAME_free(name);
	return r;
}

static int set_scheme(X509_REQ *req, const struct crypto_sig *s)
{
	const unsigned char *p = s->algid.p;
	X509_ALGOR *algor = d2i_X509_ALGOR(NULL, &p, (long)s->algid.n);
	int r = algor && X509_REQ_set1_signature_algo(req, algor) ? 0 : -1;

	X509_ALGOR_free(algor);
	return r;
}

int crypto_csr_new(struct crypto_csr **out, const struct crypto_key *k, const struct crypto_sig *s, struct view dn,
		   const struct crypto_csr_name *names, unsigned n)
{
	struct crypto_csr *c = calloc(1, sizeof(*c));
	int len = -1;

	if (!c)
		return -1;
	c->req = X509_REQ_new();
	if (c->req && X509_REQ_set_version(c->req, X509_REQ_VERSION_1) && X509_REQ_set_pubkey(c->req, crypto_key_evp(k)) &&
	    !set_subject(c->req, dn) && !add_names(c->req, names, n) && !set_scheme(c->req, s))
		len = i2d_re_X509_REQ_tbs(c->req, &c->octets);
	if (len < 0) {
		crypto_csr_free(c);
		return -1;
	}
	c->n = (size_t)len;
	*out = c;
	return 0;
}

void crypto_csr_free(struct crypto_csr *c)
{
	if (!c)
		return;
	X509_REQ_free(c->req);
	OPENSSL_free(c->octets);
	free(c);
}

struct view crypto_csr_octets(const struct crypto_csr *c)
{
	return (struct view){ c->octets, c->n };
}

/* All of its bits count, also zeros at its end. */
static int set_signature(X509_REQ *req, struct view signature)
{
	ASN1_STRING *bits = string_of(V_ASN1_BIT_STRING, signature);

	if (!bits)
		return -1;
	bits->flags = (bits->flags & ~(ASN1_STRING_FLAG_BITS_LEFT | 7L)) | ASN1_STRING_FLAG_BITS_LEFT;
	X509_REQ_set0_signature(req, bits);
	return 0;
}

int crypto_csr_finish(struct crypto_csr *c, struct view signature, struct secret *pem)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *text;
	long n;
	int r = -1;

	/* As whoever gets it will look at it: with its own words for the key and the scheme. */
	if (b && !set_signature(c->req, signature) && X509_REQ_verify(c->req, X509_REQ_get0_pubkey(c->req)) == 1 &&
	    PEM_write_bio_X509_REQ(b, c->req)) {
		n = BIO_get_mem_data(b, &text);
		r = n > 0 ? secret_set(pem, text, (size_t)n) : -1;
	}
	BIO_free(b);
	return r;
}
