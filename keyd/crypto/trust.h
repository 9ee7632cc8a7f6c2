/* SPDX-License-Identifier: MIT */
/* Whether a certificate is to be believed: chains up to CAs (RFC 5280 6), and what IKE asks for (RFC 4945 5.1). Revocation: status.h. */
#ifndef KEYD_CRYPTO_TRUST_H
#define KEYD_CRYPTO_TRUST_H

#include "keyd/crypto/cert.h"

#define CRYPTO_CHAIN_MAX 10		/* certificates that a peer may send beside its own; and of CAs above it */
#define CRYPTO_TICKET_MAX 512		/* bytes */

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

/* What becomes of a certificate when nothing current says whether it is revoked. */
enum crypto_revocation { CRYPTO_REVOCATION_OFF, CRYPTO_REVOCATION_LENIENT, CRYPTO_REVOCATION_STRICT };

struct crypto_trust_rules {
	unsigned nsets;
	const uint8_t (*sets)[CRYPTO_DIGEST_LEN];	/* of CAs that are believed here; an unknown one is an empty one */
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

/* CAs, in sets that have names. To change one, make all anew: chains and tickets outlive it. */
struct crypto_trust;
/* A chain that holds: from the peer's certificate to a CA of ours. */
struct crypto_chain;

/* NULL: no memory. */
struct crypto_trust *crypto_trust_new(void);
void crypto_trust_free(struct crypto_trust *t);
/* Puts c, which stays the caller's, into a set; what is in it already is not put in again. 0 or -1 (no memory). */
int crypto_trust_add_ca(struct crypto_trust *t, const uint8_t set[CRYPTO_DIGEST_LEN], const struct crypto_cert *c) RD_MUST_CHECK;

/* Whether each of the sets is there. */
bool crypto_trust_has_sets(const struct crypto_trust *t, const uint8_t (*sets)[CRYPTO_DIGEST_LEN], unsigned nsets);

/*
 * Judges leaf with the help of n others in any order, which are not believed by themselves, at the time now (seconds since
 * 1970); all but whether something in the chain is revoked, which crypto_chain_check says. A CA of ours that is no root is
 * the chain's top where no root of ours is above it. Returns v->result; all of *v is set. *chain is the caller's when
 * CRYPTO_TRUSTED, else NULL.
 */
enum crypto_trust_result crypto_trust_verify(const struct crypto_trust *t, const struct crypto_cert *leaf,
					     const struct crypto_cert *const *others, unsigned n, int64_t now,
					     const struct crypto_trust_rules *rules, struct crypto_verdict *v,
					     struct crypto_chain **chain);
void crypto_chain_free(struct crypto_chain *c);
/* How many certificates there are, the top included: at least 1. */
unsigned crypto_chain_length(const struct crypto_chain *c);
/* Number depth of them; lives as long as the chain. NULL: there is none. */
const struct crypto_cert *crypto_chain_cert(const struct crypto_chain *c, unsigned depth);
/* When the first one of them runs out; seconds since 1970. */
int64_t crypto_chain_ends(const struct crypto_chain *c);

#endif
