/* SPDX-License-Identifier: MIT */
/* Public keys in the pieces in which tokens and cards tell them. */
#ifndef KEYD_CRYPTO_KEY_PARTS_H
#define KEYD_CRYPTO_KEY_PARTS_H

#include "keyd/crypto/key.h"

/* Big-endian numbers. 0 and *out is the caller's, or an enum crypto_key_error. */
int crypto_key_from_rsa(struct crypto_key **out, struct view modulus, struct view exponent) RD_MUST_CHECK;
/*
 * params: the curve as an OBJECT IDENTIFIER in DER (RFC 5480 2.1.1). point: uncompressed (SEC 1 2.3.3), in an OCTET STRING as
 * PKCS#11 has it, or bare, as cards and some modules do. 0 and *out is the caller's, or an enum crypto_key_error.
 */
int crypto_key_from_ec(struct crypto_key **out, struct view params, struct view point) RD_MUST_CHECK;
/* point: 32 bytes (RFC 8032 5.1.2), or with 40 in front, as OpenPGP has it. 0 and *out is the caller's, or an enum crypto_key_error. */
int crypto_key_from_ed25519(struct crypto_key **out, struct view point) RD_MUST_CHECK;

#endif
