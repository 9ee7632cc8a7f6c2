/* SPDX-License-Identifier: MIT */
/* Private to keyd/crypto: OpenSSL's key behind a crypto_key. */
#ifndef KEYD_CRYPTO_KEY_EVP_H
#define KEYD_CRYPTO_KEY_EVP_H

#include "keyd/crypto/key.h"

#include <openssl/evp.h>

/* The key's; not to be freed. */
EVP_PKEY *crypto_key_evp(const struct crypto_key *k);
/* Takes over pkey, also when it fails. 0 or an enum crypto_key_error. */
int crypto_key_of_evp(struct crypto_key **out, EVP_PKEY *pkey, bool private_part) RD_MUST_CHECK;

#endif
