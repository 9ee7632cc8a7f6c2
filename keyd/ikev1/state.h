/* SPDX-License-Identifier: MIT */
/*
 * What an ISAKMP SA has beside what every IKE SA has (RFC 2408, 2409): its keys, its proof until it is established, and what
 * is known of the exchanges under it. sa->v1 is there from the first message on.
 */
#ifndef KEYD_IKEV1_STATE_H
#define KEYD_IKEV1_STATE_H

#include "keyd/crypto/hash.h"
#include "keyd/crypto/keymat_v1.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/frost.h"

/* Quick modes of the peer that are being answered at a time, and those whose last message is still of use. */
#define V1_SERVING_MAX 16
#define V1_MEMOS_MAX 32
/*
 * So many message ids there are for an ISAKMP SA, of both ends together. Each is known again as long as the SA lives: what was
 * recorded from the wire is not played back, and what we have said is not taken for the peer's when it is reflected, as both have
 * the same keys. When most of them have been used another SA is made; when all have, the peer is not heard any more.
 */
#define V1_SEEN_MAX 2048

/*
 * What was said last in an exchange. A copy of what it answers (heard) gets it again, as both ends send again (RFC 2408 5.1).
 * Where we answered a quick mode, it goes out again by itself until the third message is here.
 */
struct v1_memo {
	struct list link;		/* in ikev1_state.memos, oldest first */
	struct ike_sa *sa;
	uint32_t message_id;		/* 0: it is the last message of phase 1, which goes until the peer is heard behind it */
	uint8_t heard[CRYPTO_SHA256_LEN];
	struct secret answer;
	uint32_t child;			/* inbound SPI, for which HASH(3) is awaited; 0: nothing is */
	uint8_t iv[CRYPTO_IV_MAX];	/* for that, */
	uint8_t hash3[CRYPTO_PRF_MAX];	/* and what it must be */
	unsigned sendings, most;	/* of answer, by itself */
	unsigned copies;		/* that were answered */
	uint32_t deleted;		/* inbound SPI of the child that the answer deletes; 0: it deletes none */
	bool asked;			/* the peer was asked for a sign of life behind it, at, or it began to go by itself at */
	uint64_t asked_at;
	struct timer timer;
};

/* What is said between phase 1 and the first child, see config.h. */
enum { V1_AWAITS_LOGIN = 1, V1_AWAITS_ADDRESS = 2 };
struct v1_config {
	bool open;			/* phase 1 is through */
	uint8_t awaits;			/* of V1_AWAITS_…: what is missing before the SA is established */
	uint16_t identifier;		/* of our request or SET */
	uint32_t last_id;		/* message id of the peer's exchange that was answered last, */
	uint8_t last_iv[CRYPTO_IV_MAX];	/* and what its next message would be encrypted with */
	bool told, good;		/* client: our password was told; gateway: the peer's was right */
	char user[CONF_USER_MAX];	/* gateway: who the peer says it is */
	char why[160];			/* gateway: why it is not let in */
};

struct ikev1_state {
	struct ike_sa *sa;
	struct ikev1_suite suite;
	struct ikev1_keys keys;
	uint16_t method;		/* enum isakmp_auth, as agreed */
	/* The last block of phase 1 so far; from the end on it stays, and every other exchange begins with it. */
	uint8_t iv[CRYPTO_IV_MAX];
	/* Until it is established: what the hashes cover. */
	struct secret sai_b, id_i_b, id_r_b, public_i, public_r, shared;
	struct secret requested;	/* names of CAs that the peer asks for certificates of, each behind 2 bytes of length */
	uint8_t nat_t;			/* what of NAT traversal both know: enum isakmp_vid; 0: nothing */
	struct v1_pieces *pieces;	/* of a message that comes in fragments (fragment.h) */
	bool dpd;			/* the peer knows R-U-THERE (RFC 3706) */
	bool kin;			/* the peer is a keyd, too */
	bool disowned;			/* somebody says that the peer does not know it, and the peer has not been heard since */
	uint64_t disowned_at;
	bool garbled;			/* something came that these keys make no sense of, and was told */
	uint32_t dpd_ours;		/* sequence number of our last R-U-THERE */
	/* The peer has deleted it, or its time is over: it has no keys to speak by, and waits with its children for the next one. */
	bool gone;
	struct v1_config config;
	/* Deletes that nothing acknowledges, as they were sent; they go again by themselves, and to a peer that has not heard them. */
	struct {
		struct secret children, isakmp;
		struct timer timer;
		unsigned sendings;
	} bye;
	uint8_t of[8];			/* our cookie of the one that it is to replace; zero: none */
	struct list serving;		/* quick modes of the peer: struct exchange */
	struct list memos;
	unsigned nmemos;
	uint32_t *seen;			/* message ids of both ends, in the order of their use */
	unsigned nseen, seen_room;
};

/* For a fresh SA. 0 or -1 without memory. */
int v1_state_new(struct ike_sa *sa) RD_MUST_CHECK;
void v1_state_free(struct ike_sa *sa);
/* The peer has proved itself: what only that needed is forgotten. */
void v1_state_proved(struct ike_sa *sa);

/* NULL without memory, or when all that there are still wait for something. The oldest goes for it. */
struct v1_memo *v1_memo_new(struct ike_sa *sa, uint32_t message_id);
struct v1_memo *v1_memo_find(const struct ike_sa *sa, uint32_t message_id);
void v1_memo_free(struct v1_memo *m);
/* Its answer, which has gone once, goes again by itself. */
void v1_memo_repeat(struct v1_memo *m, unsigned times);
/* Nothing more is to be done with it, and it is forgotten when nobody sends copies any more. */
void v1_memo_rest(struct v1_memo *m);

/* Has either end used this message id before, or is there none left for the peer? */
bool v1_seen(const struct ike_sa *sa, uint32_t message_id);
/* Now it has. 0 or -1 without memory. */
int v1_see(struct ike_sa *sa, uint32_t message_id) RD_MUST_CHECK;
/* How many exchanges of the peer are being answered. */
unsigned v1_nserving(const struct ike_sa *sa);
/* That one; NULL: it is not. */
struct exchange *v1_serving(const struct ike_sa *sa, uint32_t message_id);

/* Its part of a record, see keyd/ike/freeze.h; and afterwards what is under way goes on. */
void v1_walk(struct frost *f, struct ike_sa *sa);
void v1_thawed(struct ike_sa *sa);
unsigned v1_left(const struct ike_sa *sa, uint32_t *spis, unsigned max);

#endif
