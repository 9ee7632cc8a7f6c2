/* SPDX-License-Identifier: MIT */
/* Diffie-Hellman over MODP (RFC 3526), ECP (RFC 5903) and Curve25519 (RFC 8031); peers are checked by RFC 6989. */
#ifndef KEYD_CRYPTO_KEX_H
#define KEYD_CRYPTO_KEX_H

#include "keyd/crypto/alg.h"
#include "keyd/util/secret.h"

/* A key pair of one group. */
struct crypto_kex;

/* A fresh key pair. NULL without memory or when OpenSSL failed. */
struct crypto_kex *crypto_kex_new(const struct crypto_alg *ke);
/*
 * The key pair of a known private value (big-endian for MODP and ECP, the 32 bytes of RFC 7748 for x25519). For test
 * vectors, deterministic runs, and exchanges that another process began. NULL when it is out of range.
 */
struct crypto_kex *crypto_kex_from_private(const struct crypto_alg *ke, struct view priv);
void crypto_kex_free(struct crypto_kex *k);

const struct crypto_alg *crypto_kex_alg(const struct crypto_kex *k);
/*
 * Our public value as it is sent: always ke->public_len bytes, MODP padded on the left, ECP x | y. Lives as long as k.
 */
struct view crypto_kex_public(const struct crypto_kex *k);

/* The private value, for crypto_kex_from_private. 0 or -1. */
int crypto_kex_private(const struct crypto_kex *k, struct secret *priv) RD_MUST_CHECK;

/*
 * The shared secret, ke->shared_len bytes (MODP padded on the left; ECP the x coordinate). 0, or -1 with *shared empty
 * when the peer's value is refused: wrong length, MODP outside 1 < y < p-1, point not on the curve, all-zero result.
 */
int crypto_kex_derive(const struct crypto_kex *k, struct view peer_public, struct secret *shared) RD_MUST_CHECK;

#endif
