/* SPDX-License-Identifier: MIT */
/* Private to keyd/crypto: OpenSSL's certificate behind a crypto_cert. */
#ifndef KEYD_CRYPTO_CERT_EVP_H
#define KEYD_CRYPTO_CERT_EVP_H

#include "keyd/crypto/cert.h"

#include <openssl/x509.h>

/* The certificate's; not to be freed. */
X509 *crypto_cert_evp(const struct crypto_cert *c);
/* Takes over x, also when it fails. 0 or an enum crypto_cert_error. */
int crypto_cert_of_evp(struct crypto_cert **out, X509 *x) RD_MUST_CHECK;
/* Seconds since 1970; NULL and what is no time: INT64_MIN. */
int64_t crypto_asn1_seconds(const ASN1_TIME *t);
/* A file begins with a SEQUENCE: it is DER, else PEM. */
bool crypto_is_der(struct view bytes);
/* For OpenSSL's readers of PEM: what is public is not encrypted, and nobody is there to be asked for a passphrase. */
int crypto_no_passphrase(char *buf, int size, int writes, void *arg);

#endif
