/* SPDX-License-Identifier: MIT */
/* Private to keyd/crypto: the OpenSSL objects behind each row of the algorithm table. */
#ifndef KEYD_CRYPTO_EVP_H
#define KEYD_CRYPTO_EVP_H

#include "keyd/crypto/alg.h"

#include <openssl/evp.h>

#define CRYPTO_ALGS_MAX 64

/* What crypto_init made for one row; what the kind has no use for is NULL. */
struct crypto_evp {
	EVP_CIPHER *cipher;		/* ENCR */
	EVP_MAC_CTX *hmac;		/* PRF, INTEG: the digest is set, the key is not */
	EVP_MD *md;			/* PRF: that digest */
	EVP_PKEY_CTX *keygen;		/* KE: ready to generate */
	EVP_PKEY *group;		/* ECP, MODP: parameters without a key */
	uint8_t *p_minus_1;		/* MODP: ke->public_len bytes */
};

/* The row's number, or -1 for what is no row. */
int crypto_alg_index(const struct crypto_alg *alg);
/* NULL before crypto_init, when alg is not of that kind, or has not been had (crypto_evp_lacks). */
const struct crypto_evp *crypto_evp_of(const struct crypto_alg *alg, enum crypto_kind kind);
/* A row of CRYPTO_LEGACY that this OpenSSL has not: it is then as if the table had not got it. */
bool crypto_evp_lacks(size_t row);
/* Digests of hash.h; NULL before crypto_init. */
const EVP_MD *crypto_evp_sha1(void);
const EVP_MD *crypto_evp_sha256(void);

/* HMAC over the parts with a context that has its key; n is the digest's length. 0 or -1. */
int crypto_evp_mac(EVP_MAC_CTX *hmac, const struct view *parts, unsigned nparts, uint8_t *out, size_t n) RD_MUST_CHECK;

/* rand.c: somebody wants the same run twice. */
bool crypto_rand_is_set(void);

/* kex_group.c: makes and frees what is of a KE. init: 0 or -1. */
int crypto_kex_evp_init(struct crypto_evp *e, const struct crypto_alg *ke) RD_MUST_CHECK;
void crypto_kex_evp_exit(struct crypto_evp *e);

#endif
