/* SPDX-License-Identifier: MIT */
/* Private to keyd/crypto: groups as OpenSSL sees them, and keys whose private value is given. */
#ifndef KEYD_CRYPTO_KEX_GROUP_H
#define KEYD_CRYPTO_KEX_GROUP_H

#include "keyd/crypto/evp.h"

/* Bytes that OpenSSL puts before a public value: the point format for ECP, nothing for others. */
size_t crypto_group_point_prefix(const struct crypto_alg *ke);
/* A key pair with this private value (kex.h says how it is written); NULL when it is out of range. */
EVP_PKEY *crypto_group_key(const struct crypto_evp *e, const struct crypto_alg *ke, struct view priv);
/* The same with a private value from crypto_rand, not from OpenSSL. */
EVP_PKEY *crypto_group_key_from_rand(const struct crypto_evp *e, const struct crypto_alg *ke);

#endif
