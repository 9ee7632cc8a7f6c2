// SPDX-License-Identifier: MIT
// Sorts what a peer has shown in its CERT payloads.
#include "keyd/trust/shown.h"

#include "keyd/trust/codec.h"

#include <stdarg.h>
#include <stdio.h>

/* RFC 7296 3.6, RFC 4806, RFC 7670 */
enum encoding {
	ENCODING_PKCS7 = 1, ENCODING_PGP = 2, ENCODING_DNS = 3, ENCODING_X509 = 4, ENCODING_KERBEROS = 6, ENCODING_CRL = 7,
	ENCODING_ARL = 8, ENCODING_SPKI = 9, ENCODING_ATTRIBUTE = 10, ENCODING_RAW_RSA = 11, ENCODING_URL = 12,
	ENCODING_URL_BUNDLE = 13, ENCODING_OCSP = 14, ENCODING_RAW_KEY = 15,
};

/* Where the text of an error goes, and what of it is not known yet. */
struct reading {
	struct shown *s;
	unsigned payloads, certificates, odd;	/* odd: of an encoding that we do not read */
	uint8_t odd_encoding;
	char *text;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static enum trust_error bad(struct reading *rd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(rd->text, rd->n, fmt, ap);
	va_end(ap);
	return TRUST_BAD_CERT;
}

static enum trust_error certificate(struct reading *rd, struct view der)
{
	struct shown *s = rd->s;
	struct crypto_cert *c;
	int error;

	rd->certificates++;
	if (s->leaf && s->nothers == CRYPTO_CHAIN_MAX)
		return bad(rd, "has more than %d others beside it", CRYPTO_CHAIN_MAX);
	error = crypto_cert_from_der(&c, der);
	if (error)
		return bad(rd, "(number %u of what it shows) cannot be read: %s", rd->certificates,
			   crypto_cert_strerror(error));
	s->bytes += der.n;
	if (!s->leaf)
		s->leaf = c;
	else
		s->others[s->nothers++] = c;
	return TRUST_OK;
}

static enum trust_error raw_key(struct reading *rd, struct view spki)
{
	int error;

	if (rd->s->key)
		return bad(rd, "is one of several raw public keys, of which there may be one");
	error = crypto_key_from_spki(&rd->s->key, spki);
	return error ? bad(rd, "cannot be read: %s", crypto_key_strerror(error)) : TRUST_OK;
}

static enum trust_error payload(struct reading *rd, struct view body)
{
	struct rd r = rd_of_view(body);
	uint8_t encoding;
	struct view data;

	if (++rd->payloads > SHOWN_PAYLOADS_MAX)
		return bad(rd, "came in more than %d CERT payloads", SHOWN_PAYLOADS_MAX);
	if (rd_u8(&r, &encoding) || !rd_left(&r))
		return bad(rd, "came with an empty CERT payload");
	data = rd_rest(&r);
	switch (encoding) {
	case ENCODING_X509:
		return certificate(rd, data);
	case ENCODING_RAW_KEY:
		return raw_key(rd, data);
	case ENCODING_OCSP:
		if (rd->s->nstaples < SHOWN_STAPLES_MAX)
			rd->s->staples[rd->s->nstaples++] = data;
		return TRUST_OK;
	case ENCODING_URL:
	case ENCODING_URL_BUNDLE:
		rd->s->url = true;
		return TRUST_OK;
	case ENCODING_CRL:	/* we get our own; what a peer shows may be old */
	case ENCODING_ARL:
		return TRUST_OK;
	default:
		rd->odd++;
		rd->odd_encoding = encoding;
		return TRUST_OK;
	}
}

static const char *encoding_name(uint8_t encoding)
{
	switch (encoding) {
	case ENCODING_PKCS7: return "PKCS #7";
	case ENCODING_PGP: return "PGP";
	case ENCODING_DNS: return "DNS signed key";
	case ENCODING_KERBEROS: return "Kerberos token";
	case ENCODING_SPKI: return "SPKI";
	case ENCODING_ATTRIBUTE: return "attribute certificate";
	case ENCODING_RAW_RSA: return "raw RSA key";
	default: return "unknown";
	}
}

enum trust_error shown_read(struct shown *s, struct view certs, char *text, size_t n)
{
	struct reading rd = { .s = s, .text = text, .n = n };
	struct rd r = rd_of_view(certs);
	enum trust_error error = TRUST_OK;
	struct view body;

	*s = (struct shown){ 0 };
	while (!error && rd_left(&r))
		error = trust_item_get(&r, &body) ? bad(&rd, "is cut short") : payload(&rd, body);
	if (!error && rd.odd && !s->leaf && !s->key && !s->url)
		error = bad(&rd, "is in an encoding that is not supported: %s (%u)",
			    encoding_name(rd.odd_encoding), rd.odd_encoding);
	return error;
}

void shown_clear(struct shown *s)
{
	crypto_cert_free(s->leaf);
	for (unsigned i = 0; i < s->nothers; i++)
		crypto_cert_free(s->others[i]);
	crypto_key_free(s->key);
	*s = (struct shown){ 0 };
}
