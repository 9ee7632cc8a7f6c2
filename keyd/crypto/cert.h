/* SPDX-License-Identifier: MIT */
/* Certificates (RFC 5280): what they say, read out of hostile bytes. Whether it is true is for trust.h to say. */
#ifndef KEYD_CRYPTO_CERT_H
#define KEYD_CRYPTO_CERT_H

#include "keyd/crypto/key.h"

#define CRYPTO_CERT_MAX 32768		/* bytes of one in DER; larger ones are not looked at */
#define CRYPTO_CERT_FILE_MAX (8 << 20)	/* of a file with many of them */
#define CRYPTO_DAY_LEN 16		/* bytes, with NUL */
#define CRYPTO_CERT_HASH_LEN 20		/* SHA-1 of a SubjectPublicKeyInfo: what CERTREQ names a CA by (RFC 7296 3.7) */

enum crypto_cert_error {
	CRYPTO_CERT_MALFORMED = -1,
	CRYPTO_CERT_TOO_BIG = -2,
	CRYPTO_CERT_FAILED = -3,	/* no memory */
};

/* Names that a certificate vouches for. The values of the first four are identification types (RFC 7296 3.5). */
enum crypto_name { CRYPTO_NAME_IPV4 = 1, CRYPTO_NAME_FQDN = 2, CRYPTO_NAME_RFC822 = 3, CRYPTO_NAME_IPV6 = 5, CRYPTO_NAME_DN = 9 };

struct crypto_cert;

/* 0 and *out is the caller's, or an enum crypto_cert_error. All of der must be the certificate. */
int crypto_cert_from_der(struct crypto_cert **out, struct view der) RD_MUST_CHECK;
/*
 * Each certificate of a file, one in DER or any number in PEM with anything between them, to fn, who takes it over; other than
 * 0 from it ends the walk and is the result. 0, or an enum crypto_cert_error: nothing in it, or one that is damaged.
 */
int crypto_certs_from_file(struct view bytes, int (*fn)(void *arg, struct crypto_cert *c), void *arg) RD_MUST_CHECK;
void crypto_cert_free(struct crypto_cert *c);
const char *crypto_cert_strerror(int error);

/* These live as long as c. Names are in DER. */
struct view crypto_cert_der(const struct crypto_cert *c);
struct view crypto_cert_subject(const struct crypto_cert *c);
struct view crypto_cert_issuer(const struct crypto_cert *c);
/* The serial number as an INTEGER in DER; its length in bytes, or 0: there is no room for it. */
size_t crypto_cert_serial(const struct crypto_cert *c, uint8_t *out, size_t room);
/* The subject's key. 0 and *out is the caller's, or an enum crypto_key_error. */
int crypto_cert_key(const struct crypto_cert *c, struct crypto_key **out) RD_MUST_CHECK;
/* 0 or -1 */
int crypto_cert_key_hash(const struct crypto_cert *c, uint8_t hash[CRYPTO_CERT_HASH_LEN]) RD_MUST_CHECK;
/* Seconds since 1970. */
int64_t crypto_cert_begins(const struct crypto_cert *c);
int64_t crypto_cert_ends(const struct crypto_cert *c);
/* It says of itself that it may sign others (basicConstraints). */
bool crypto_cert_is_ca(const struct crypto_cert *c);
/* "2026-11-12", for people; into buf, which is returned. */
const char *crypto_day(int64_t seconds, char buf[CRYPTO_DAY_LEN]);

/*
 * Whether the certificate is for this name: among its subjectAltNames, or, a DN, its subject. Host names, and mail addresses
 * as a whole, compare without case; a DN may have "*" (crypto_dn_match). No name in a certificate is a pattern.
 */
bool crypto_cert_has_name(const struct crypto_cert *c, enum crypto_name type, struct view name);
/* Calls fn with each name, the subject first. Kinds that IKE does not know are left out. */
void crypto_cert_names(const struct crypto_cert *c, void (*fn)(void *arg, enum crypto_name type, struct view name), void *arg);

#endif
