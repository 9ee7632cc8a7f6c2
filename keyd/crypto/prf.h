/* SPDX-License-Identifier: MIT */
/* The negotiated pseudorandom function, prf and prf+ (RFC 7296 2.13). */
#ifndef KEYD_CRYPTO_PRF_H
#define KEYD_CRYPTO_PRF_H

#include "keyd/crypto/alg.h"

#define CRYPTO_PRF_PARTS_MAX 8

/* prf(key, parts one after the other); out gets prf->prf bytes. 0, or -1 with out all zero. A key may be empty. */
int crypto_prf(const struct crypto_alg *prf, struct view key, const struct view *parts, unsigned nparts,
	       uint8_t *out) RD_MUST_CHECK;
/*
 * prf+(key, seed), len bytes. 0, or -1 with out all zero: more than 255 blocks asked for, more than
 * CRYPTO_PRF_PARTS_MAX parts, or OpenSSL failed.
 */
int crypto_prf_plus(const struct crypto_alg *prf, struct view key, const struct view *seed, unsigned nseed,
		    uint8_t *out, size_t len) RD_MUST_CHECK;

#endif
