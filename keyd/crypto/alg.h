/* SPDX-License-Identifier: MIT */
/* The algorithms of IKE and ESP in one const table: identifiers, names, sizes. Start and end of keyd/crypto. */
#ifndef KEYD_CRYPTO_ALG_H
#define KEYD_CRYPTO_ALG_H

#include "keyd/util/rd.h"

#include <stdbool.h>

/* The values are the transform types of RFC 7296 3.3.2. */
enum crypto_kind { CRYPTO_ENCR = 1, CRYPTO_PRF = 2, CRYPTO_INTEG = 3, CRYPTO_KE = 4 };

enum {						/* struct crypto_alg .flags */
	CRYPTO_LEGACY = 1 << 0,			/* only when configured by name; never in a default proposal */
	CRYPTO_ESP_ONLY = 1 << 1,		/* has no place in an IKE SA */
};

/* Upper bounds over the whole table, bytes. */
#define CRYPTO_PRF_MAX 64
#define CRYPTO_ICV_MAX 32
#define CRYPTO_IV_MAX 16
#define CRYPTO_KE_PUBLIC_MAX 512
#define CRYPTO_KE_SHARED_MAX 512

/* Sizes are bytes unless they say bits; 0: does not apply. */
struct crypto_alg {
	const char *name;		/* in configuration and logs: "aes128gcm16", "prfsha256", "x25519" */
	const char *kernel_name;	/* XFRM's: "rfc4106(gcm(aes))"; NULL: not for ESP */
	const char *evp_name;		/* OpenSSL's cipher, digest or group; NULL: nothing to compute */
	uint8_t kind;			/* enum crypto_kind */
	uint8_t flags;
	bool aead;			/* ENCR that brings its own ICV: no INTEG beside it */
	uint16_t ikev2_id;		/* transform ID, RFC 7296 3.3.2 */
	uint16_t ikev1_id;		/* phase 1 attribute value (cipher, hash, group), RFC 2409 appendix A */
	uint16_t ikev1_esp_id;		/* ENCR: ESP transform; INTEG: authentication attribute; RFC 2407 4 */
	uint16_t key_bits;		/* the Key Length attribute; 0: the transform carries none */
	uint16_t key;			/* ENCR, INTEG: without salt; PRF: the preferred key, as SK_d and SK_p* */
	uint16_t salt;			/* ENCR: implicit nonce bytes after the key in the key material */
	uint16_t iv;			/* ENCR: explicit, sent in each message */
	uint16_t icv;			/* AEAD, INTEG: sent in each message */
	uint16_t icv_bits;		/* the same for the kernel */
	uint16_t block;			/* ENCR: the plaintext is a multiple of this */
	uint16_t prf;			/* PRF: output */
	uint16_t public_len;		/* KE: public value */
	uint16_t shared_len;		/* KE: shared secret */
};

/* Walks the table in order of preference within each kind: NULL gives the first, the last gives NULL. */
const struct crypto_alg *crypto_alg_next(const struct crypto_alg *alg, enum crypto_kind kind);
/* key_bits is the Key Length attribute, 0 when it is absent. NULL: not supported. */
const struct crypto_alg *crypto_alg_by_id(enum crypto_kind kind, unsigned id, unsigned key_bits);
/* Also knows other usual spellings ("aes128gcm", "curve25519", "sha2_256"). Any case. NULL: unknown. */
const struct crypto_alg *crypto_alg_by_name(enum crypto_kind kind, const char *name);

/* Length of an encryption key with its salt, as derived and as given to the kernel. */
static inline size_t crypto_alg_encr_key_len(const struct crypto_alg *encr)
{
	return (size_t)encr->key + encr->salt;
}

/*
 * Fetches every OpenSSL object that the table names, before a role gives up its rights. Once per process, one thread
 * only; calling it again does nothing. 0, or -1 with crypto_error() saying what is missing.
 */
int crypto_init(void) RD_MUST_CHECK;
void crypto_exit(void);
/* One sentence about the last failure of crypto_init; never NULL. */
const char *crypto_error(void);

#endif
