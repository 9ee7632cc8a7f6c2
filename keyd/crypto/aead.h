/* SPDX-License-Identifier: MIT */
/*
 * Protection of SK payloads: one pair of functions for AEAD (RFC 5282, RFC 7634) and for a cipher with a separate ICV
 * (RFC 7296 3.14: encrypt, then MAC over aad | iv | ciphertext).
 */
#ifndef KEYD_CRYPTO_AEAD_H
#define KEYD_CRYPTO_AEAD_H

#include "keyd/crypto/alg.h"

#include <stdbool.h>

/* Keys of one direction, ready to use. */
struct crypto_cipher;

/*
 * encr_key is SK_e with its salt, integ_key is SK_a; integ is NULL and integ_key empty for AEAD. NULL when the lengths
 * or the combination do not fit, or without memory. The keys are copied.
 */
struct crypto_cipher *crypto_cipher_new(const struct crypto_alg *encr, const struct crypto_alg *integ,
					struct view encr_key, struct view integ_key);
void crypto_cipher_free(struct crypto_cipher *c);

/* Bytes. The text given to seal and open is a multiple of block (padding is the caller's; AEAD: 1). */
size_t crypto_cipher_iv_len(const struct crypto_cipher *c);
size_t crypto_cipher_block(const struct crypto_cipher *c);
size_t crypto_cipher_icv_len(const struct crypto_cipher *c);

/*
 * Encrypts n bytes of text in place, writes iv and icv. The IV is a counter for AEAD and CTR, so that none comes twice
 * under one key, and random for CBC. aad: RFC 5282 5.1, from the IKE header up to and with the SK payload's header
 * (unencrypted payloads included). 0, or -1: length, counter used up, or OpenSSL failed; text is then all zero.
 */
int crypto_seal(struct crypto_cipher *c, struct view aad, uint8_t *iv, uint8_t *text, size_t n,
		uint8_t *icv) RD_MUST_CHECK;
/*
 * Checks icv (in constant time) and decrypts n bytes of text in place. 0, or -1: forged, or a wrong length. After a
 * failure text holds no plaintext: it is unchanged, or all zero.
 */
int crypto_open(struct crypto_cipher *c, struct view aad, const uint8_t *iv, uint8_t *text, size_t n,
		const uint8_t *icv) RD_MUST_CHECK;

/*
 * The number of messages sealed, which is the next counter IV. Who restores keys sets it beyond every value ever used
 * with them; it only goes up (-1 otherwise).
 */
uint64_t crypto_cipher_counter(const struct crypto_cipher *c);
int crypto_cipher_set_counter(struct crypto_cipher *c, uint64_t next) RD_MUST_CHECK;

#endif
