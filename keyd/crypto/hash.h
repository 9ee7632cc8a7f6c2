/* SPDX-License-Identifier: MIT */
/* Plain hashes for what is not a negotiated algorithm: NAT detection, cookies, fingerprints. */
#ifndef KEYD_CRYPTO_HASH_H
#define KEYD_CRYPTO_HASH_H

#include "keyd/crypto/alg.h"
#include "keyd/util/rd.h"

#define CRYPTO_SHA1_LEN 20
#define CRYPTO_SHA256_LEN 32

/* Over the parts one after the other. 0, or -1 with out all zero. */
int crypto_sha1(const struct view *parts, unsigned nparts, uint8_t out[CRYPTO_SHA1_LEN]) RD_MUST_CHECK;
int crypto_sha256(const struct view *parts, unsigned nparts, uint8_t out[CRYPTO_SHA256_LEN]) RD_MUST_CHECK;
/* The bare hash that a PRF is made with (IKEv1's hash()); out gets prf->prf bytes. */
int crypto_hash(const struct crypto_alg *prf, const struct view *parts, unsigned nparts, uint8_t *out) RD_MUST_CHECK;
int crypto_hmac_sha256(struct view key, const struct view *parts, unsigned nparts,
		       uint8_t out[CRYPTO_SHA256_LEN]) RD_MUST_CHECK;

#endif
