/* SPDX-License-Identifier: MIT */
/* Private to keyd/crypto: a revocation list (RFC 5280 5) whose signature has been checked, as little of it as is needed. */
#ifndef KEYD_CRYPTO_CRL_H
#define KEYD_CRYPTO_CRL_H

#include "keyd/crypto/chain.h"
#include "keyd/crypto/status.h"

#define STATUS_SKEW 300		/* seconds that another clock may be before ours */
#define REASON_REMOVED 8	/* removeFromCRL: of a delta CRL, it is not revoked any more (RFC 5280 5.3.1) */

struct revoked {
	struct serial serial;
	uint8_t reason;		/* CRLReason */
};

/* A CRL number (RFC 5280 5.2.3), its last byte last. */
struct crl_number {
	bool there;
	uint8_t b[SERIAL_LEN];
};

struct crl {
	struct issuer_id issuer;
	uint8_t scope[ISSUER_LEN];	/* hash of the issuing distribution point; zero: there is none */
	ISSUING_DIST_POINT *idp;	/* NULL: it speaks of all that the issuer has signed */
	struct crl_number number, base;	/* base: it is a delta to that one and later ones (RFC 5280 5.2.4) */
	int64_t since, until;		/* thisUpdate; nextUpdate, INT64_MAX: none */
	size_t n;
	struct revoked *entry;		/* owned, sorted by serial */
};

/* From what crypto_crl_of read; issuer has signed it, else it is refused. 0 or an enum crypto_status_error. */
int crl_new(struct crl **out, X509_CRL *x, X509 *issuer, int64_t now) RD_MUST_CHECK;
void crl_free(struct crl *c);
/* NULL: it is not in the list. */
const struct revoked *crl_find(const struct crl *c, const struct serial *serial);
/* Of the same issuer about the same certificates, both complete or both deltas. */
bool crl_same_kind(const struct crl *a, const struct crl *b);
/* Above 0: a is the newer one; 0: it is the same. */
int crl_newer(const struct crl *a, const struct crl *b, int64_t now);
/* d is a delta that c may be brought up to date with. */
bool crl_fits_delta(const struct crl *c, const struct crl *d);
/* Certificates such as this one would be in it if they were revoked. */
bool crl_speaks_of(const struct crl *c, const struct chain_link *l);

/* MD5 and what came before it say nothing any more. */
bool crypto_hash_is_broken(int signature_nid);

#endif
