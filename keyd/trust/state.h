/* SPDX-License-Identifier: MIT */
/* Inside keyd/trust: all that the role knows, and who looks after which part of it. */
#ifndef KEYD_TRUST_STATE_H
#define KEYD_TRUST_STATE_H

#include "keyd/crypto/status.h"
#include "keyd/trust/own.h"
#include "keyd/trust/proof.h"
#include "keyd/trust/source.h"

#define BELIEF_CAS_MAX 4096		/* certificates of CAs in all */
#define BELIEF_PINS_MAX 16384
#define BELIEF_OWNS_MAX 1024
#define BELIEF_ISSUERS_MAX 16		/* who a list that somebody put somewhere may be of, at once */
#define SEEN_MAX 256			/* peers whose certificate's end was told of, lately */

struct pin {
	struct conf_digest digest;
	struct crypto_key *key;
};

/* What is believed: one configuration. */
struct belief {
	bool fetch;
	uint32_t warning_days;
	struct crypto_trust *cas;	/* NULL: no memory, nothing is believed */
	struct crypto_trust *issuers;	/* who may have signed our own certificates; a set named all zero */
	struct crypto_cert *issuer[BELIEF_ISSUERS_MAX];
	struct pin *pins;
	struct own **owns;
	char **urls;			/* of revocation lists */
	unsigned ncas, nissuers, npins, nowns, nurls;
};

/* A chain that holds and has signed, and waits until something says whether it is revoked. */
struct waiting {
	struct list link;
	struct crypto_chain *chain;	/* owned */
	uint64_t until;			/* µs */
	struct trust_answer an;		/* as far as it is known */
};

struct trust {
	const struct trust_hooks *hooks;
	void *arg;
	struct belief now, next;
	bool configured, asker, fetcher;
	struct crypto_status *status;
	struct sources sources;
	struct list waiting;		/* the one that waits longest first */
	unsigned nwaiting;
	uint64_t look, looked;		/* µs: when those that wait are looked at again; and were, the last time */
	bool changed;			/* to be told … */
	uint64_t changed_at;		/* … not before */
	int64_t warn_at;		/* seconds since 1970 */
	struct { uint64_t hash; int64_t day; } seen[SEEN_MAX];
};

__attribute__((format(printf, 3, 4))) void trust_log(struct trust *t, enum log_level level, const char *fmt, ...);
/* Gives it away. */
void trust_reply(struct trust *t, struct trust_time now, struct trust_answer *an);
/* Tickets are to be asked about again: told soon, and not all the time. */
void trust_news(struct trust *t);

/* belief.c: a configuration. */
void belief_init(struct belief *b);
void belief_free(struct belief *b);
const struct pin *belief_pin(const struct belief *b, const struct conf_digest *digest);

/* judge.c: TRUST_PROOF. True: *an is the answer. False: it waits, and is answered later. */
bool judge_proof(struct trust *t, struct trust_time now, const struct trust_request *rq, struct trust_answer *an);
/* Whether something says by now that the chain is revoked or not: then *an is the answer. */
bool judge_waiting(struct trust *t, struct trust_time now, const struct crypto_chain *chain, struct trust_answer *an);
/* Strict, and nothing says so. why: the end of a sentence, or "". */
void judge_unknown(struct trust_answer *an, const char *why);
/* TRUST_STILL. */
void judge_still(struct trust *t, struct trust_time now, const struct trust_request *rq, struct trust_answer *an);

/* revoke.c: what is fetched for whom, and who waits for it. */
/* Fetches what may say whether the chain is revoked. False: there is nothing that could; why[n] is the end of a sentence, or "". */
bool revoke_pursue(struct trust *t, struct trust_time now, const struct crypto_chain *chain, char *why, size_t n);
/* Puts it at the end of those that wait, with the answer so far. Takes over chain. 0 or -1: there are too many. */
int revoke_wait(struct trust *t, struct trust_time now, struct crypto_chain *chain, const struct trust_answer *an);
/* Looks at all that wait: who has waited long enough, or need not any more, is answered. */
void revoke_look(struct trust *t, struct trust_time now);
/* Something came: the same now; or, where many wait and much comes, soon. */
void revoke_look_soon(struct trust *t, struct trust_time now);
void revoke_forget_waiting(struct trust *t);
/* What came for a source. */
void revoke_take(struct trust *t, struct trust_time now, struct source *s, struct view bytes);
/* The URLs of a new configuration. */
void revoke_configure(struct trust *t, struct trust_time now);

/* staple.c: OCSP responses for our own certificates (RFC 4806). */
/* Takes over what old knew, and wants the rest. */
void staple_configure(struct trust *t, struct trust_time now, const struct belief *old);
void staple_take(struct trust *t, struct trust_time now, struct source *s, struct view response);
/* All of them, for somebody who is new. */
void staple_tell(struct trust *t);

#endif
