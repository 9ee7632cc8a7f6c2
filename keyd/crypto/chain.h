/* SPDX-License-Identifier: MIT */
/* Private to keyd/crypto: a chain from the inside, and the names by which what is known of revocation is found. */
#ifndef KEYD_CRYPTO_CHAIN_H
#define KEYD_CRYPTO_CHAIN_H

#include "keyd/crypto/trust.h"

#include <openssl/x509v3.h>

#define ISSUER_LEN 16		/* bytes of what an issuer is known by */
#define SERIAL_LEN 20		/* RFC 5280 4.1.2.2 */

/* Who signs: the first bytes of SHA-256 over its name and its key. Another key, or another name, is another issuer. */
struct issuer_id {
	uint8_t b[ISSUER_LEN];
};

/* A serial number; what is longer than it may be, or negative, by its hash. All of it takes part in comparisons. */
struct serial {
	uint8_t n;		/* bytes; SERIAL_LEN + 1: it is a hash */
	uint8_t b[SERIAL_LEN];
};

/* A certificate that was signed by the next one of the chain. */
struct chain_link {
	struct issuer_id issuer;
	struct serial serial;
	bool ca;
	CRL_DIST_POINTS *points;	/* NULL: it names none */
	unsigned ncrls, nocsps;		/* URLs, owned */
	char *crls[4], *ocsps[4];
};

struct crypto_chain {
	unsigned n;			/* certificates; there is a link for all but the last */
	struct crypto_cert *cert[CRYPTO_CHAIN_MAX + 2];
	struct chain_link link[CRYPTO_CHAIN_MAX + 1];
	struct issuer_id top;		/* the last one as an issuer */
	int64_t ends;
};

/* 0 or -1 */
int issuer_id_of(const X509 *x, struct issuer_id *out) RD_MUST_CHECK;
int serial_of(const ASN1_INTEGER *number, struct serial *out) RD_MUST_CHECK;
/* As memcmp does. */
int serial_cmp(const struct serial *a, const struct serial *b);

/* Of certificates that have been found to be one, the peer's first. NULL: no memory, or too many. */
struct crypto_chain *chain_new(const STACK_OF(X509) *certs);

/* Sets all of *v; x may be NULL. text is a sentence's end, to which some results add a day. Returns result. */
enum crypto_trust_result verdict_set(struct crypto_verdict *v, enum crypto_trust_result result, unsigned depth, const X509 *x,
				     const char *text);
/* Whether a CA that is in one of the sets is this one. */
bool trust_has_issuer(const struct crypto_trust *t, const uint8_t (*sets)[CRYPTO_DIGEST_LEN], unsigned nsets,
		      const struct issuer_id *id);

#endif
