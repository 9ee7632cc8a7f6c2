/* SPDX-License-Identifier: MIT */
/* Private to keyd/crypto: OpenSSL's certificate behind a crypto_cert. */
#ifndef KEYD_CRYPTO_CERT_EVP_H
#define KEYD_CRYPTO_CERT_EVP_H

#include "keyd/crypto/cert.h"

#include <openssl/x509.h>

/* The certificate's; not to be freed. */
X509 *crypto_cert_evp(const struct crypto_cert *c);

#endif
