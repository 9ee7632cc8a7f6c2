// SPDX-License-Identifier: MIT
// A chain that holds, and what it says of where to ask about revocation.
#include "keyd/crypto/chain.h"

#include "keyd/crypto/cert_evp.h"
#include "keyd/crypto/hash.h"
#include "keyd/crypto/status.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int issuer_id_of(const X509 *x, struct issuer_id *out)
{
	uint8_t *name = NULL, *key = NULL, hash[CRYPTO_SHA256_LEN];
	int nname = i2d_X509_NAME(X509_get_subject_name(x), &name), nkey = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &key);
	int r = -1;

	if (nname > 0 && nkey > 0) {
		struct view parts[] = { { name, (size_t)nname }, { key, (size_t)nkey } };

		r = crypto_sha256(parts, 2, hash);
	}
	if (!r)
		memcpy(out->b, hash, sizeof(out->b));
	OPENSSL_free(name);
	OPENSSL_free(key);
	return r;
}

int serial_of(const ASN1_INTEGER *number, struct serial *out)
{
	struct view v = { ASN1_STRING_get0_data(number), (size_t)ASN1_STRING_length(number) };
	uint8_t sign = ASN1_STRING_type(number) == V_ASN1_NEG_INTEGER;
	struct view parts[] = { { &sign, 1 }, v };

	*out = (struct serial){ 0 };
	if (sign || v.n > SERIAL_LEN) {
		_Static_assert(SERIAL_LEN == CRYPTO_SHA1_LEN, "so it fits");
		out->n = SERIAL_LEN + 1;
		return crypto_sha1(parts, 2, out->b);
	}
	out->n = (uint8_t)v.n;
	if (v.n)
		memcpy(out->b, v.p, v.n);
	return 0;
}

int serial_cmp(const struct serial *a, const struct serial *b)
{
	_Static_assert(sizeof(*a) == 1 + SERIAL_LEN, "no holes");
	return memcmp(a, b, sizeof(*a));
}

/* A URL that we would follow: http, and of characters that a URL has. NULL: it is none. The caller frees it. */
static char *http_url(const GENERAL_NAME *name)
{
	const char *p;
	size_t n;

	if (name->type != GEN_URI)
		return NULL;
	p = (const char *)ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
	n = (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier);
	if (n < 8 || n > CRYPTO_URL_MAX || strncasecmp(p, "http://", 7))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] > '~' || strchr("\"<>\\^`{|}", p[i]))
			return NULL;
	return strndup(p, n);
}

static void add_url(char **urls, unsigned *n, const GENERAL_NAME *name)
{
	char *url = *n < CRYPTO_LINK_URLS_MAX ? http_url(name) : NULL;

	for (unsigned i = 0; url && i < *n; i++)
		if (!strcmp(urls[i], url)) {
			free(url);
			url = NULL;
		}
	if (url)
		urls[(*n)++] = url;
}

static void add_points(struct chain_link *l, const CRL_DIST_POINTS *points)
{
	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT_NAME *name = sk_DIST_POINT_value(points, i)->distpoint;

		for (int j = 0; name && name->type == 0 && j < sk_GENERAL_NAME_num(name->name.fullname); j++)
			add_url(l->crls, &l->ncrls, sk_GENERAL_NAME_value(name->name.fullname, j));
	}
}

static void add_responders(struct chain_link *l, const X509 *x)
{
	AUTHORITY_INFO_ACCESS *all = X509_get_ext_d2i(x, NID_info_access, NULL, NULL);

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(all); i++) {
		const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(all, i);

		if (OBJ_obj2nid(d->method) == NID_ad_OCSP)
			add_url(l->ocsps, &l->nocsps, d->location);
	}
	AUTHORITY_INFO_ACCESS_free(all);
}

static int link_set(struct chain_link *l, const X509 *x, const X509 *issuer)
{
	CRL_DIST_POINTS *deltas;

	if (issuer_id_of(issuer, &l->issuer) || serial_of(X509_get0_serialNumber(x), &l->serial))
		return -1;
	l->ca = X509_get_extension_flags((X509 *)x) & EXFLAG_CA;
	l->points = X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	add_points(l, l->points);
	deltas = X509_get_ext_d2i(x, NID_freshest_crl, NULL, NULL);
	add_points(l, deltas);
	CRL_DIST_POINTS_free(deltas);
	add_responders(l, x);
	return 0;
}

static int chain_add(struct crypto_chain *c, X509 *x)
{
	int64_t ends = crypto_asn1_seconds(X509_get0_notAfter(x));

	if (X509_up_ref(x) != 1 || crypto_cert_of_evp(&c->cert[c->n], x))
		return -1;
	c->n++;
	c->ends = ends < c->ends ? ends : c->ends;
	return c->n > 1 ? link_set(&c->link[c->n - 2], crypto_cert_evp(c->cert[c->n - 2]), x) : 0;
}

struct crypto_chain *chain_new(const STACK_OF(X509) *certs)
{
	_Static_assert(sizeof(((struct chain_link *)0)->crls) / sizeof(char *) == CRYPTO_LINK_URLS_MAX, "the same");
	struct crypto_chain *c = sk_X509_num(certs) <= CRYPTO_CHAIN_MAX + 2 ? calloc(1, sizeof(*c)) : NULL;
	int r = c ? 0 : -1;

	if (c)
		c->ends = INT64_MAX;
	for (int i = 0; !r && i < sk_X509_num(certs); i++)
		r = chain_add(c, sk_X509_value(certs, i));
	if (!r)
		r = c->n ? issuer_id_of(crypto_cert_evp(c->cert[c->n - 1]), &c->top) : -1;
	ERR_clear_error();
	if (!r)
		return c;
	crypto_chain_free(c);
	return NULL;
}

void crypto_chain_free(struct crypto_chain *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < CRYPTO_CHAIN_MAX + 1; i++) {
		CRL_DIST_POINTS_free(c->link[i].points);
		for (unsigned j = 0; j < CRYPTO_LINK_URLS_MAX; j++) {
			free(c->link[i].crls[j]);
			free(c->link[i].ocsps[j]);
		}
	}
	for (unsigned i = 0; i < c->n; i++)
		crypto_cert_free(c->cert[i]);
	free(c);
}

unsigned crypto_chain_length(const struct crypto_chain *c)
{
	return c->n;
}

const struct crypto_cert *crypto_chain_cert(const struct crypto_chain *c, unsigned depth)
{
	return depth < c->n ? c->cert[depth] : NULL;
}

int64_t crypto_chain_ends(const struct crypto_chain *c)
{
	return c->ends;
}
