/* SPDX-License-Identifier: MIT */
/* One request and its answer (RFC 7296 1 and 2.3): ours from the queue to the end, or the peer's until we answer. */
#ifndef KEYD_IKE_EXCHANGE_H
#define KEYD_IKE_EXCHANGE_H

#include "keyd/ike/ike_sa.h"
#include "keyd/ike/path.h"
#include "keyd/wire/out.h"
#include "keyd/wire/payload.h"
#include "keyd/wire/ts.h"

struct v1_phase1;

/* Of IKEv1, where an exchange is more than a request and its answer (keyd/ikev1/). */
struct exchange_v1 {
	const struct v1_phase1 *phase1;	/* how it goes; NULL: it is no exchange of phase 1 */
	uint8_t step;			/* the message, from 0, that is to be sent or awaited */
	bool busy;			/* what came is being worked on: copies of it are no news */
	uint8_t iv[CRYPTO_IV_MAX];	/* for the next message, */
	uint8_t next[CRYPTO_IV_MAX];	/* and for the one behind m, if m is good */
	uint8_t heard[32];		/* SHA-256 of the newest message of the peer */
	void (*then)(struct exchange *x);	/* when an answer of auth is here */
	uint32_t tell_seconds;		/* RESPONDER-LIFETIME; 0: there is nothing to tell */
	uint64_t tell_bytes;
};

/* One kind of exchange that we begin. Every function may end the SA. */
struct exchange_ops {
	const char *name;		/* for logs: "CREATE_CHILD_SA rekey" */
	uint8_t type;			/* IKEV2_EXCH_* or ISAKMP_EXCH_*, by its SA's version */
	bool of_this_sa;		/* about this very IKE SA: one that replaces it does not inherit it */
	/* Writes the payloads. False: there is nothing to say any more, and the exchange is dropped. */
	bool (*build)(struct exchange *x, struct wire_out *out);
	/*
	 * Answers are in clear and prove nothing: answer itself judges them, and calls window_answered for one that it
	 * believes. The request goes on being sent until then.
	 */
	bool unproven;
	bool one_way;			/* nothing is answered: answer is called as soon as it is sent */
	bool anew;			/* each sending is a message of its own */
	bool again;			/* kept, and begun anew by the next engine if it was under way and not answered */
	/* x->m holds the answer. Ends with exchange_done or exchange_fail, now or later. */
	void (*answer)(struct exchange *x);
	/* Given up: the peer is dead, the SA ends, or the answer was of no use. May be NULL. */
	void (*abandon)(struct exchange *x);
	/* Nobody answers, and all sendings are used up. NULL: the SA ends. */
	void (*silent)(struct exchange *x);
	/*
	 * Of those that survive an engine: a number that never changes, from 1. What has not been answered is sent again,
	 * and an answer that was being worked on is thereby had again; where the answer is not to be had again, resume goes
	 * on with x->child and its keys.
	 */
	uint8_t kept;
	void (*resume)(struct exchange *x);
};

/* The peer's exchange about the same SA that crossed ours; which of the two counts, the nonces say (RFC 7296 2.8.1). */
struct exchange_rival {
	struct secret nonce;		/* the lower of its two; empty: there is none */
	uint32_t child;			/* inbound SPI of the child that it made */
	uint8_t ike[8];			/* or our SPI of the IKE SA that it made */
	bool awaited;			/* ours is through, and waits until the kernel has what the other one made */
};

/* With what its child is in the kernel early (ikev2/child_early.h), and what comes next. */
struct exchange_early {
	void (*then)(struct exchange *x);	/* NULL: the kernel has answered */
	const struct crypto_alg *encr, *integ;
	bool esn;
	struct ipsec_selector sel;
};

/* Our proof of one round of IKE_AUTH as it is made, and the peer's as it is judged (ikev2/auth_proof.h). */
struct exchange_proof {
	uint8_t round;			/* from 0; more than one with RFC 4739 */
	uint8_t method;			/* of our AUTH payload (RFC 7296 3.8); 0: there is none in this round */
	struct secret data;		/* its data */
	void (*then)(struct exchange *x, const char *why);
};

/* An exchange of ours from the queue to its end, or the peer's from its request to our answer. */
struct exchange {
	struct list link;		/* in ike_sa.queue while it waits for the window */
	struct ike_sa *sa;
	const struct exchange_ops *ops;	/* NULL: the peer began it */
	uint32_t message_id;
	bool answered;			/* the answer is here and being worked on: copies of it are no news */
	uint64_t not_before;		/* waits until then (after TEMPORARY_FAILURE) */
	struct ask ask;
	struct path from;		/* what the peer sent came over this one */
	struct wire_message m;		/* what the peer sent, decrypted; its views point into bytes */
	uint8_t *bytes;
	size_t nbytes;
	/* what it is about */
	struct child_sa *child;		/* being made; owned */
	uint32_t old_spi;		/* inbound SPI of the child to be replaced or deleted; 0: none */
	uint32_t made_spi;		/* inbound SPI of the child that it made */
	struct ike_sa *new_sa;		/* being made by a rekey of the IKE SA; owned until it is established */
	struct crypto_kex *kex;
	bool no_kex;			/* the peer takes no key exchange for children */
	struct secret ni, nr, shared;
	struct proposal_choice choice;
	struct exchange_early early;
	struct exchange_proof proof;
	struct exchange_rival rival;
	struct exchange_v1 v1;
	unsigned tries;			/* INVALID_KE_PAYLOAD, COOKIE or TEMPORARY_FAILURE came that often */
	uint16_t group;			/* that the peer asked for by INVALID_KE_PAYLOAD; 0: ours */
	struct wire_ts_list ts_local, ts_remote;	/* of the child: as offered, or as responder as agreed */
	bool more_ts;			/* responder: there are policies for more (ADDITIONAL_TS_POSSIBLE) */
	uint16_t refuse;		/* responder: the error notify that the child gets */
	uint16_t doubted;		/* an error that an unproven answer reported; 0: none, or no error notify */
	char doubt[160];		/* why that answer was of no use: the reason, if no better one comes */
	void (*then)(struct ike_sa *sa);	/* a sign of life: who wants to know of the answer; may be NULL */
	/* the kernel has what child_install gave it (child), or has refused it (NULL) */
	void (*installed)(struct exchange *x, struct child_sa *child);
};

/* What the peer asked in a request that has been answered, and that is done when another one has come. */
struct held {
	struct wire_message m;
	uint8_t *bytes;
	size_t nbytes;
};

/* The SA keeps what is asked in x, and x has nothing of it any more. 0 or -1 (no memory). */
int exchange_hold(struct exchange *x) RD_MUST_CHECK;
/* x asks what the SA has kept, if it has, instead of what it asked itself. */
void exchange_release(struct exchange *x);
void held_free(struct held **h);

/* Exchanges. A new one of ours, not queued yet. NULL without memory. */
struct exchange *exchange_new(struct ike_sa *sa, const struct exchange_ops *ops);
/* To the end of the queue; it starts when the window is free. */
void exchange_queue(struct exchange *x);
/* To the front: what nobody can send without, deletes that free the old. */
void exchange_queue_first(struct exchange *x);
/* Ends it, frees it, starts the next. */
void exchange_done(struct exchange *x);
/* The same after abandon. */
void exchange_fail(struct exchange *x);
void exchange_free(struct exchange *x);
#endif
