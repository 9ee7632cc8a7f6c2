/* SPDX-License-Identifier: MIT */
/* PKCS#12 (RFC 7292): a private key and its certificates in one file, as browsers, Windows and openssl pkcs12 write it. */
#ifndef KEYD_CRYPTO_P12_H
#define KEYD_CRYPTO_P12_H

#include "keyd/crypto/cert.h"

#define CRYPTO_P12_MAX (1 << 20)		/* bytes of a file */
#define CRYPTO_P12_CERTS_MAX 64			/* in it */
#define CRYPTO_P12_ROUNDS_MAX 4000000		/* of hashing in one file; Firefox asks for 600,000, three times */

enum crypto_p12_error {		/* the first four are of enum crypto_key_error */
	CRYPTO_P12_MALFORMED = CRYPTO_KEY_MALFORMED,
	CRYPTO_P12_UNSUPPORTED = CRYPTO_KEY_UNSUPPORTED,	/* the key is of no type that we know; or ciphers that we do not */
	CRYPTO_P12_PASSPHRASE = CRYPTO_KEY_PASSPHRASE,		/* it does not fit, or is missing */
	CRYPTO_P12_FAILED = CRYPTO_KEY_FAILED,
	CRYPTO_P12_LEGACY = -5,		/* of RC2, which this OpenSSL has only in its legacy provider, and that is not installed */
	CRYPTO_P12_CERT = -6,		/* a certificate in it is damaged, or too big, or there are too many */
	CRYPTO_P12_COSTLY = -7,		/* the passphrase would have to be hashed more than CRYPTO_P12_ROUNDS_MAX times */
};

/* What the bytes look like: DER of a PFX. What is neither this nor PEM may be a certificate or a key in DER. */
bool crypto_is_p12(struct view bytes);
/*
 * The key, and each certificate to fn, who takes it over: first the one of the key, then the others as they stand. Other than 0 from fn
 * ends the walk and is the result. An empty passphrase stands for none. *key is NULL where there is no key in it, else the
 * caller's. 0, or an enum crypto_p12_error; *key is then NULL, but fn may have been called.
 */
int crypto_p12_load(struct crypto_key **key, struct view bytes, struct view passphrase,
		    int (*fn)(void *arg, struct crypto_cert *c), void *arg) RD_MUST_CHECK;
const char *crypto_p12_strerror(int error);

#endif
