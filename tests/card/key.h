/* SPDX-License-Identifier: MIT */
/* A card's private keys, by OpenSSL, in the forms in which cards give and take what belongs to them. */
#ifndef TESTS_CARD_KEY_H
#define TESTS_CARD_KEY_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"

#include <openssl/evp.h>

struct key_kind {
	const char *name;		/* "rsa2048" */
	int type;			/* EVP_PKEY_… */
	unsigned int bits;
	const char *group;		/* EC: OpenSSL's name */
	uint8_t piv;			/* algorithm identifier of SP 800-78; 0: PIV has none */
	uint8_t noid, oid[10];		/* OpenPGP: of the curve, without tag and length */
};

/* NULL when nothing fits. */
const struct key_kind *key_kind_by_name(const char *name);
const struct key_kind *key_kind_by_piv(uint8_t algorithm);
const struct key_kind *key_kind_by_oid(struct view oid);
const struct key_kind *key_kind_by_bits(unsigned int rsa_bits);
const struct key_kind *key_kind_of(const EVP_PKEY *key);
/* The n-th kind; NULL after the last. */
const struct key_kind *key_kind_next(unsigned int n);

/* New keys belong to the caller; NULL on failure. */
EVP_PKEY *key_generate(const struct key_kind *kind);
EVP_PKEY *key_from_file(const char *path);		/* PEM without a passphrase */
EVP_PKEY *key_from_der(struct view der);
unsigned char *key_to_der(EVP_PKEY *key, int *n);	/* PKCS#8; OPENSSL_free it */

enum key_form {
	KEY_PKCS1,			/* RSA: in is a DigestInfo and gets PKCS#1 padding; EC: r‖s; Ed25519: in is the message */
	KEY_PLAIN			/* RSA: in has been padded; EC: DER */
};

/* Each writes its result to w and returns 0, or -1 when the key cannot do that with in. */
int key_sign(EVP_PKEY *key, enum key_form form, struct view in, struct wr *w);
int key_decipher(EVP_PKEY *key, enum key_form form, struct view in, struct wr *w);	/* RSA */
int key_derive(EVP_PKEY *key, struct view point, struct wr *w);				/* EC */
/* What stands in 7F49: 81 modulus, 82 exponent; or 86 point. */
int key_public(EVP_PKEY *key, struct wr *w);

#endif
