/* SPDX-License-Identifier: MIT */
/* Keys that sign and verify: RSA, ECDSA over P-256, P-384 and P-521, Ed25519, Ed448. */
#ifndef KEYD_CRYPTO_KEY_H
#define KEYD_CRYPTO_KEY_H

#include "keyd/util/secret.h"

#include <stdbool.h>

#define CRYPTO_SPKI_MAX 2200		/* bytes of a SubjectPublicKeyInfo: RSA with 16384 bits */
#define CRYPTO_KEY_FILE_MAX 65536	/* of a file with a private key */
#define CRYPTO_PUBLIC_FILE_MAX 65536	/* of a file with a public one */
#define CRYPTO_DIGEST_LEN 32		/* SHA-256, which names a key and a set of CAs */
#define CRYPTO_RSA_BITS_MAX 8192	/* more costs whoever verifies too much, and its signature fits in no AUTH payload */

enum crypto_key_type { CRYPTO_KEY_RSA, CRYPTO_KEY_EC, CRYPTO_KEY_ED25519, CRYPTO_KEY_ED448, CRYPTO_KEY_TYPES };

enum crypto_key_error {
	CRYPTO_KEY_MALFORMED = -1,	/* no key of a form that we know */
	CRYPTO_KEY_UNSUPPORTED = -2,	/* a key, but of no type above, or of another curve, or too long */
	CRYPTO_KEY_PASSPHRASE = -3,	/* encrypted, and there is no passphrase or it does not fit */
	CRYPTO_KEY_FAILED = -4,		/* OpenSSL or memory */
};

struct crypto_key;

/*
 * From a SubjectPublicKeyInfo in DER (RFC 5280 4.1.2.7), which a peer may have sent. 0 and *out is the caller's, or an
 * enum crypto_key_error.
 */
int crypto_key_from_spki(struct crypto_key **out, struct view spki) RD_MUST_CHECK;
/*
 * A public key as an administrator has it: SubjectPublicKeyInfo in DER, in PEM, or as one word of base64 (blanks and ends of
 * lines in it do not count); a private key's file is refused. 0 and *out is the caller's, or an enum crypto_key_error.
 */
int crypto_key_from_public(struct crypto_key **out, struct view bytes) RD_MUST_CHECK;
/*
 * A private key from a file's bytes: PEM or DER; PKCS#8, encrypted or not, or the older forms of each type. An empty
 * passphrase stands for none. 0 and *out is the caller's, or an enum crypto_key_error.
 */
int crypto_key_from_private(struct crypto_key **out, struct view bytes, struct view passphrase) RD_MUST_CHECK;
/* Whether bytes are such a file, in an encrypted form: it cannot be read without a passphrase. */
bool crypto_key_is_encrypted(struct view bytes);
/* A fresh key pair; bits for RSA (2048 to 8192) and EC (256, 384, 521). 0 or an enum crypto_key_error. */
int crypto_key_generate(struct crypto_key **out, enum crypto_key_type type, unsigned bits) RD_MUST_CHECK;
void crypto_key_free(struct crypto_key *k);

const char *crypto_key_strerror(int error);

enum crypto_key_type crypto_key_type(const struct crypto_key *k);
/* Of the modulus or the curve: 256 for P-256 and Ed25519, 456 for Ed448. */
unsigned crypto_key_bits(const struct crypto_key *k);
/* Which of two floors, in bits, is that of keys of its type. */
unsigned crypto_key_floor(const struct crypto_key *k, unsigned rsa, unsigned ec);
bool crypto_key_is_private(const struct crypto_key *k);
/* "RSA-3072", "P-256", "Ed25519"; into buf, which is returned. */
const char *crypto_key_name(const struct crypto_key *k, char *buf, size_t n);
/* The public part as a SubjectPublicKeyInfo in DER. 0 or -1; *out is the caller's. */
int crypto_key_spki(const struct crypto_key *k, struct secret *out) RD_MUST_CHECK;
/* SHA-256 of it, which names the key. 0 or -1. */
int crypto_key_digest(const struct crypto_key *k, uint8_t digest[CRYPTO_DIGEST_LEN]) RD_MUST_CHECK;
/* The private key as PKCS#8 in PEM, not encrypted. 0 or -1; *out is the caller's. */
int crypto_key_private_pem(const struct crypto_key *k, struct secret *out) RD_MUST_CHECK;
/* Whether both have the same public part. */
bool crypto_key_equal(const struct crypto_key *a, const struct crypto_key *b);

#endif
