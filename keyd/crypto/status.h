/* SPDX-License-Identifier: MIT */
/*
 * What is known of certificates' revocation: lists of CAs (CRLs, RFC 5280 5) and answers of OCSP responders (RFC 6960), fetched or
 * stapled. All of it is known of an issuer, which is a name and a key; what it has not signed is not kept, and nothing old
 * takes the place of something newer. So it does not matter where the bytes come from.
 */
#ifndef KEYD_CRYPTO_STATUS_H
#define KEYD_CRYPTO_STATUS_H

#include "keyd/crypto/trust.h"

#define CRYPTO_CRL_MAX (16 << 20)	/* bytes of a revocation list */
#define CRYPTO_CRLS_MAX 256		/* that are kept, and as many that wait for their CA */
#define CRYPTO_WAITING_MAX (64 << 20)	/* bytes of all that wait */
#define CRYPTO_ISSUERS_MAX 256		/* CAs that are known; then the oldest is forgotten */
#define CRYPTO_OCSP_MAX 65536		/* bytes of an answer of OCSP */
#define CRYPTO_OCSP_REQUEST_MAX 512	/* bytes of what we ask */
#define CRYPTO_OCSP_KEPT_MAX 65536	/* certificates that answers are kept of */
#define CRYPTO_LINK_URLS_MAX 4
#define CRYPTO_URL_MAX 1024		/* bytes */

enum crypto_status_error {
	CRYPTO_STATUS_MALFORMED = -1,
	CRYPTO_STATUS_TOO_BIG = -2,
	CRYPTO_STATUS_FAILED = -3,	/* no memory, or there are CRYPTO_CRLS_MAX already, or CRYPTO_WAITING_MAX */
	CRYPTO_STATUS_ISSUER = -4,	/* it is of another CA, or of none that may say so */
	CRYPTO_STATUS_SIGNATURE = -5,
	CRYPTO_STATUS_OLD = -6,		/* what is known is newer */
	CRYPTO_STATUS_STALE = -7,	/* OCSP: it has run out */
	CRYPTO_STATUS_NOT_YET = -8,	/* it is of the future */
	CRYPTO_STATUS_UNSUPPORTED = -9,	/* indirect, or with critical extensions that are not known */
	CRYPTO_STATUS_REFUSED = -10,	/* OCSP: the responder answers that it does not answer */
	CRYPTO_STATUS_NONCE = -11,	/* OCSP: the answer is to another question */
};

/* What became of bytes that were given. Times are seconds since 1970. */
struct crypto_news {
	bool changed;			/* it says something that was not known: certificates and tickets are to be asked about again */
	bool waits;			/* CRL: its CA is not known yet */
	int64_t until;			/* it runs out; INT64_MAX: it does not say */
	int64_t refresh;		/* better ask again then: well before it runs out, and at least once a day */
};

struct crypto_status;

/* NULL: no memory. */
struct crypto_status *crypto_status_new(void);
void crypto_status_free(struct crypto_status *s);
const char *crypto_status_strerror(int error);

/* Goes up with all that becomes known; when it has, certificates and tickets are to be asked about again. */
uint64_t crypto_status_version(const struct crypto_status *s);

/*
 * A CA: CRLs that wait for it count from now on. Those of the chains that crypto_chain_check sees are known by themselves; give it
 * those that are believed, and those above our own certificates. 0, also when it is known; -1 without memory.
 */
int crypto_status_add_issuer(struct crypto_status *s, const struct crypto_cert *ca, int64_t now) RD_MUST_CHECK;
/*
 * A CRL in DER or PEM, complete or delta. issuer: whose it must be; NULL: of any CA, for which it waits if it is not known
 * yet (for what an administrator has put there). In PEM there may be several, of which the first wrong one ends it. 0, also
 * when it is known already, or an enum crypto_status_error.
 */
int crypto_status_add_crl(struct crypto_status *s, const struct crypto_cert *issuer, struct view bytes, int64_t now,
			  struct crypto_news *news) RD_MUST_CHECK;
/* CRLs that still wait are forgotten, as before all of an administrator's are given anew. */
void crypto_status_forget_waiting(struct crypto_status *s);

/*
 * An OCSPResponse in DER about certificates of issuer: signed by its key, or by a responder to whom it has delegated that. request:
 * what was asked, for its nonce; empty: stapled or kept, no matter when. 0 or an enum crypto_status_error.
 */
int crypto_status_add_ocsp(struct crypto_status *s, const struct crypto_cert *issuer, struct view response, struct view request,
			   int64_t now, struct crypto_news *news) RD_MUST_CHECK;
/* The same about any certificate of the chain. */
int crypto_chain_add_ocsp(const struct crypto_chain *c, struct crypto_status *s, struct view response, struct view request,
			  int64_t now, struct crypto_news *news) RD_MUST_CHECK;
/* What to POST to ask about the certificate at depth, which is not the top. *n is the room in out, then the length. 0 or -1. */
int crypto_chain_ocsp_request(const struct crypto_chain *c, unsigned depth, bool nonce, uint8_t *out, size_t *n) RD_MUST_CHECK;
/* The same about a certificate and who signed it. */
int crypto_ocsp_request(const struct crypto_cert *cert, const struct crypto_cert *issuer, bool nonce, uint8_t *out,
			size_t *n) RD_MUST_CHECK;

enum crypto_state {
	CRYPTO_STATE_UNKNOWN,		/* nobody says */
	CRYPTO_STATE_STALE,		/* what says that it is good has run out */
	CRYPTO_STATE_GOOD,
	CRYPTO_STATE_REVOKED,		/* also when what says so has run out */
};

struct crypto_link {
	enum crypto_state state;
	int64_t until, refresh;		/* as in crypto_news, of what says GOOD; refresh is now where nothing does */
	/* http URLs, which live as long as the chain */
	unsigned ncrls, nocsps;
	const char *crls[CRYPTO_LINK_URLS_MAX];		/* where the CRL is that speaks of it (and a delta) */
	const char *ocsps[CRYPTO_LINK_URLS_MAX];	/* who answers for it */
};

/* What is known of the certificate at depth, which is not the top. 0, or -1: there is none. */
int crypto_chain_link(const struct crypto_chain *c, struct crypto_status *s, unsigned depth, int64_t now,
		      struct crypto_link *link) RD_MUST_CHECK;
/*
 * CRYPTO_TRUSTED, CRYPTO_TRUST_REVOKED or, strict, CRYPTO_TRUST_NO_CRL (fetch what crypto_chain_link names, and ask again).
 * *pending: something of the chain is neither known to be good nor revoked. Returns v->result; all of *v is set.
 */
enum crypto_trust_result crypto_chain_check(const struct crypto_chain *c, struct crypto_status *s, int64_t now,
					    enum crypto_revocation revocation, struct crypto_verdict *v, bool *pending);

/* What to keep of a chain, to ask later, perhaps in another process. *n is the room in out, at least CRYPTO_TICKET_MAX. 0 or -1. */
int crypto_chain_ticket(const struct crypto_chain *c, uint8_t *out, size_t *n) RD_MUST_CHECK;
/*
 * Whether by all that is known now nothing of the chain is revoked, its top is still in one of the sets, and nothing has expired:
 * CRYPTO_TRUSTED, _REVOKED, _NO_CA, _EXPIRED; _REFUSED: it is damaged, or of another version. That nothing current says
 * that it is good (strict) is not asked here. All of *v is set.
 */
enum crypto_trust_result crypto_ticket_check(struct view ticket, const struct crypto_trust *t, const struct crypto_status *s,
					     const uint8_t (*sets)[CRYPTO_DIGEST_LEN], unsigned nsets, int64_t now,
					     enum crypto_revocation revocation, struct crypto_verdict *v);

#endif
