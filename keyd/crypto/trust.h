/* SPDX-License-Identifier: MIT */
/* Whether a certificate is to be believed: chains up to CAs (RFC 5280 6), revocation lists, and what IKE asks for (RFC 4945 5.1). */
#ifndef KEYD_CRYPTO_TRUST_H
#define KEYD_CRYPTO_TRUST_H

#include "keyd/crypto/cert.h"

#define CRYPTO_CHAIN_MAX 10		/* certificates that a peer may send beside its own; and of CAs above it */
#define CRYPTO_CRL_MAX (16 << 20)	/* bytes of a revocation list */

enum crypto_trust_result {
	CRYPTO_TRUSTED,
	CRYPTO_TRUST_NO_CA,		/* no way up to a CA of ours */
	CRYPTO_TRUST_SIGNATURE,		/* a signature in the chain is wrong */
	CRYPTO_TRUST_EXPIRED,
	CRYPTO_TRUST_NOT_YET,
	CRYPTO_TRUST_NOT_CA,		/* who signed may not sign certificates */
	CRYPTO_TRUST_NAME,		/* a CA may not vouch for such a name (name constraints) */
	CRYPTO_TRUST_USAGE,		/* key usage or extended key usage is not for this */
	CRYPTO_TRUST_WEAK,		/* a key or a hash below the floors */
	CRYPTO_TRUST_REVOKED,
	CRYPTO_TRUST_NO_CRL,		/* strict, and nothing current says whether it is revoked */
	CRYPTO_TRUST_REFUSED,		/* for another reason, which text tells */
	CRYPTO_TRUST_FAILED,		/* we could not: no memory */
};

/* What becomes of a certificate when no current CRL is there for it. */
enum crypto_revocation { CRYPTO_REVOCATION_OFF, CRYPTO_REVOCATION_LENIENT, CRYPTO_REVOCATION_STRICT };

struct crypto_trust_rules {
	enum crypto_revocation revocation;
	unsigned rsa_bits_min, ec_bits_min;	/* of every key in the chain */
	bool allow_sha1;			/* as the hash of signatures in the chain */
};

struct crypto_verdict {
	enum crypto_trust_result result;
	unsigned depth;			/* where: 0 the peer's certificate, 1 who signed it, … */
	int64_t ends;			/* trusted: when the first one of the chain runs out; seconds since 1970 */
	char subject[160];		/* of the certificate at depth */
	char text[160];			/* a sentence's end: "has expired on 2026-11-12" */
};

/* The CAs that are believed, and revocation lists. */
struct crypto_trust;

/* NULL: no memory. */
struct crypto_trust *crypto_trust_new(void);
void crypto_trust_free(struct crypto_trust *t);
/* Believes c, which stays the caller's. 0 or -1 (no memory). */
int crypto_trust_add_ca(struct crypto_trust *t, const struct crypto_cert *c) RD_MUST_CHECK;
/*
 * A CRL in DER or PEM, complete or delta. *next is when the next one is due, seconds since 1970 (INT64_MAX: it does not say). 0
 * or an enum crypto_cert_error. Its signature is checked when it is used, as its CA may come later.
 */
int crypto_trust_add_crl(struct crypto_trust *t, struct view bytes, int64_t *next) RD_MUST_CHECK;

/*
 * Judges leaf with the help of n others in any order, which are not believed by themselves, at the time now (seconds since
 * 1970). Returns v->result; all of *v is set.
 */
enum crypto_trust_result crypto_trust_verify(const struct crypto_trust *t, const struct crypto_cert *leaf,
					     const struct crypto_cert *const *others, unsigned n, int64_t now,
					     const struct crypto_trust_rules *rules, struct crypto_verdict *v);

#endif
