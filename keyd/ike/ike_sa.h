/* SPDX-License-Identifier: MIT */
/* An IKE SA, the exchanges that it is in, and its life (RFC 7296 1.2, 2.8). */
#ifndef KEYD_IKE_IKE_SA_H
#define KEYD_IKE_IKE_SA_H

#include "keyd/crypto/aead.h"
#include "keyd/crypto/kex.h"
#include "keyd/crypto/keymat.h"
#include "keyd/ike/engine_state.h"
#include "keyd/ike/proposal.h"

struct child_sa;
struct exchange;
struct held;
struct ike_version;
struct ikev1_state;
struct pieces;

enum ike_state {
	IKE_NEW,		/* nothing sent yet */
	IKE_INIT,		/* initiator: IKE_SA_INIT sent; responder: answered */
	IKE_AUTH,		/* IKE_AUTH under way */
	IKE_ESTABLISHED,
	IKE_REPLACED,		/* rekeyed: its children live elsewhere, it waits for its DELETE */
	IKE_DELETING,		/* our DELETE is under way */
	IKE_CROSSED,		/* both sides rekeyed at once, and this is not, or not yet, the one that stays: no children */
	IKE_CLOSED,		/* the peer deleted it; it answers copies of that request, as our answer may be lost */
	IKE_DEAD,		/* freed when the engine has finished its call */
	IKE_STATES
};

struct ike_sa {
	struct list link;
	struct keep keep;
	uint64_t thawed_at;		/* since when it goes on after an engine before this one; 0: it was made here */
	struct list dead;		/* in engine.dead once it has ended */
	struct table_node node, by_ends, by_ids;
	struct half_open_member half_open;	/* when the peer began it */
	struct engine *e;
	struct peer *peer;
	const struct ike_version *version;
	struct ikev1_state *v1;		/* owned by keyd/ikev1/; NULL with version 2 */
	uint32_t life;			/* seconds that both ends agreed on for its keys; 0: nothing was said */
	enum ike_state state;
	bool initiator;			/* of this IKE SA */
	bool childless;			/* the peer lets it begin without a child (RFC 6023) */
	bool unwanted;			/* taken down by command */
	bool quiet;			/* what there is to tell of its end has been told, or its successor carries on */
	bool full;			/* the peer takes no more children on it (NO_ADDITIONAL_SAS) */
	uint64_t refused_since;		/* it answers TEMPORARY_FAILURE to everything since then; 0: it does not */
	bool newcomer;			/* the peer began it, and older SAs with it have not been put away yet */
	bool initial_contact;		/* the peer said so, and older SAs have not been put away yet */
	uint8_t spi_i[8], spi_r[8];
	struct ipsec_addr local, remote;
	uint16_t local_port, remote_port;
	bool nat_local, nat_remote;	/* who is behind a NAT, as IKE_SA_INIT showed (RFC 7296 2.23) */
	bool nat_asked;			/* the peer looks for NATs, too */
	bool encap;			/* ESP of its children goes in UDP, between local_port and remote_port (RFC 3948) */
	bool nat_follow;		/* the remote end is where the newest authentic packet came from */
	struct ipsec_addr left_addr;	/* where it was before… */
	uint16_t left_port;
	uint64_t moved_at;		/* …until then; 0: it has never moved */
	uint64_t spoke_at;		/* when the newest datagram left for the peer, */
	uint64_t looked_at;		/* when keepalive.c last looked what the kernel had sent, */
	uint32_t counting;		/* and at whose count it looks: inbound SPI of a child */
	struct ask count;
	struct conf_id local_id, remote_id;
	struct ikev2_suite suite;
	const struct crypto_alg *ke;
	struct ikev2_keys keys;
	struct crypto_cipher *seal, *open;
	/* until authenticated */
	struct secret ni, nr;
	struct secret init_request, init_response;	/* as sent: AUTH covers them */
	struct crypto_kex *kex;
	struct secret cookie;
	struct {
		uint8_t hashes;		/* bit n: the peer takes hash n in signatures (RFC 7427 4) */
		bool multiple;		/* it may prove itself more than once (RFC 4739) */
		bool wants_key, wants_ocsp;	/* what its CERTREQs ask for: raw public keys, OCSP responses */
		uint8_t round;		/* as responder: so many IKE_AUTH requests were answered */
		struct held *held;	/* as responder: the first of them, as long as another follows; owned */
	} auth;
	/* windows of one (RFC 7296 2.3) */
	uint32_t next_request, next_expected;
	struct exchange *active;	/* our request under way */
	struct list queue;		/* our exchanges to come */
	struct exchange *serving;	/* the peer's request that we have not answered yet */
	struct secret sent, answered;	/* our request under way; our last answer. Both as datagrams, one behind the other */
	unsigned sendings, resendings;	/* of sent; of answered, because its request came again */
	uint64_t sent_at;		/* when our request under way was sent first */
	uint64_t early;			/* the wait before its repetition ahead of the configured ones; 0: there is none */
	uint64_t rtt, rtt_var;		/* of our requests, µs, smoothed and its variation (RFC 6298 2); rtt 0: unknown */
	uint8_t answered_hash[32];	/* of the request that it answers */
	bool have_answered;
	uint16_t fragment_size;		/* IP datagrams longer than this go as fragments (RFC 7383); 0: not agreed on */
	struct pieces *pieces[2];	/* of what comes: a request, a response */
	/* */
	struct list children;		/* struct child_sa .link */
	struct list unborn;		/* the same of those that are in the making, here or on an SA whose place this one took */
	uint8_t origin[8];		/* spi_i of the SA of IKE_AUTH that it goes back to */
	uint64_t origin_at;		/* when that was established */
	bool originator;		/* and whether it was ours */
	uint64_t redundant_at;		/* both sides began at once; this one goes, deleted by us at that time. 0: stays */
	uint8_t predecessor[8], successor[8];	/* our SPIs of what it was made from, and what took its place; or zero */
	struct timer retransmit, rekey, liveness, end, kick, keepalive;
	uint64_t created_at, established_at, rekey_at, heard_at;
	struct {
		struct ask ask;		/* what a child has received or sent */
		uint32_t spi;		/* inbound, of that child */
		unsigned looks;		/* at so many children */
		bool sends;		/* one of them has sent since the last look */
	} look;				/* see liveness.c */
	uint64_t hinted_at;		/* when an unproven hint last made us ask the peer whether it lives */
	uint16_t hint;			/* the error that such an answer gave, for the reason of our end; 0: none */
	uint32_t rekeys;
	bool limit_told;		/* that a child's volume is small for its traffic */
	struct lease *lease[2];		/* what we gave the peer: IPv4, IPv6 */
	struct ipsec_addr assigned[2];	/* and what it gave us; AF_UNSPEC: nothing */
	struct conf_net narrowed;	/* what alone is behind it, as it says; AF_UNSPEC: what the settings say */
	const char *rekey_why;		/* one static word: time, messages, command; NULL: not by us */
	struct {
		struct timer timer;	/* of the next step */
		uint8_t of[8];		/* our SPI of the IKE SA that this one takes over from; zero: none */
		uint8_t by[8];		/* of the one that takes over from this one; zero: none */
		uint64_t at;		/* when it begins; 0: never */
		uint64_t end;		/* when this SA ends if it does not succeed; 0: it does not */
		unsigned tries;
		bool confirmed;		/* the peer has answered a request behind the last child: it sends on all of them */
		bool merges;		/* the other SA was no older one, but one too many */
		bool lost;		/* the peer says that it has lost this one, and answers nothing on it */
	} reauth;			/* see reauth.h */
	/* told to people */
	struct story *story;		/* of the attempt that made it; belongs to the engine, which may take it away */
	struct conf_at secret_at;	/* of the secret that its proofs are made with */
	struct {			/* what they rest on, see proof.h */
		struct secret ticket;	/* of the trust role, to ask again; empty: there is no certificate */
		struct ask still;
		uint32_t news;		/* engine.trust_news, when it was last found good, or asked about */
		uint64_t ends;		/* when the peer's certificate expires; 0: never */
		bool lost;		/* it has expired, or is revoked, and so the SA is not renewed */
		struct conf_digest key;	/* of ours that has signed; none: by shared keys only */
		uint8_t why;		/* the SA is deleted for: of these, enum engine_reason; else 0 */
		char remote[112], local[48];	/* how each end has proved who it is: "certificate \"CN=gw\", Ed25519" */
	} proof;
};

const char *ike_state_name(enum ike_state s);
/* Nobody has proved anything yet. */
bool ike_state_half_open(enum ike_state s);

/* A new SA in IKE_NEW, with a fresh SPI of ours and a reference on peer. NULL without memory. */
struct ike_sa *ike_sa_new(struct engine *e, struct peer *peer, bool initiator, const struct ipsec_addr *local,
			  uint16_t local_port, const struct ipsec_addr *remote, uint16_t remote_port);
/* The one place that changes an SA's state: checks the step, counts, logs and arms timers. */
void ike_sa_set_state(struct ike_sa *sa, enum ike_state to);
/*
 * The end of an SA: what it was doing is abandoned, its children leave the kernel (outbound now, inbound after the
 * linger), reason is logged and told. It is freed by ike_sa_reap.
 */
void ike_sa_end(struct ike_sa *sa, const char *reason);
/* The same after the peer's last request (DELETE): but for another minute the SA answers that one when it comes again. */
void ike_sa_close(struct ike_sa *sa, const char *reason);
/* It ends at that time by itself, whatever it waits for in the state that it is in: a DELETE, or copies of one. */
void ike_sa_end_at(struct ike_sa *sa, uint64_t at);
/* Frees what has ended. Called once at the end of each engine call. */
void ike_sa_reap(struct engine *e);
void ike_sa_free(struct ike_sa *sa);

/* Ready for SK payloads: makes the ciphers from sa->keys. 0 or -1. */
int ike_sa_ciphers(struct ike_sa *sa);
/* Established: arms rekey and liveness, counts, tells. */
void ike_sa_established(struct ike_sa *sa, const char *how);
/* fresh takes over the children, the exchanges to come and the identities of old, which then waits for its DELETE. */
void ike_sa_replace(struct ike_sa *old, struct ike_sa *fresh);
/*
 * The same where fresh was made beside old and not from it (IKEv1): it has identities, proofs and a path of its own. It may be
 * established already.
 */
void ike_sa_succeed(struct ike_sa *old, struct ike_sa *fresh);
/* The children of old, also those in the making, belong to fresh from now on. */
void ike_sa_give_children(struct ike_sa *old, struct ike_sa *fresh);
/* fresh was made from old by one of two rekeys that crossed: it waits for what becomes of it, for a while. */
void ike_sa_cross(struct ike_sa *fresh, const struct ike_sa *old);
/* Where the children of a replaced SA are now: sa itself, or the last that took its place and has not ended. */
struct ike_sa *ike_sa_heir(struct ike_sa *sa);
/* A rekey came to nothing: it is tried again after delay microseconds. */
void ike_sa_rekey_later(struct ike_sa *sa, uint64_t delay);

const uint8_t *ike_sa_our_spi(const struct ike_sa *sa);
struct ike_sa *ike_sa_find(struct engine *e, const uint8_t spi[8]);
/* The peer speaks from there now. No other way changes where an SA is found. */
void ike_sa_set_remote(struct ike_sa *sa, const struct ipsec_addr *remote, uint16_t port);
/* Every SA between these addresses, in no order: NULL ends it. */
struct ike_sa *ike_sa_first_between(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote);
struct ike_sa *ike_sa_next_between(const struct ike_sa *sa);
/* An SA to this peer that is established or that we are bringing up, to put a new child on. NULL: none. */
struct ike_sa *ike_sa_between(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote);
bool ike_sa_alive(const struct ike_sa *sa);
/* Is a another SA than b, established, between the same two identities? */
bool ike_sa_same_peer(const struct ike_sa *a, const struct ike_sa *b);

/* It has changed, see keep.h. */
void ike_sa_touch(struct ike_sa *sa);
/*
 * One that an engine before this one had, in that state, with timers as they were (0: not running). peer and addresses as in
 * ike_sa_new; spi_i and spi_r as they are. NULL without memory, or when there is one with our SPI.
 */
struct ike_sa *ike_sa_take(struct engine *e, struct peer *peer, bool initiator, const uint8_t spi_i[8],
			   const uint8_t spi_r[8]);
void ike_sa_take_up(struct ike_sa *sa, enum ike_state state, uint64_t rekey_at, uint64_t end_at);

/* Starts the next one, if the window is free. */
void ike_sa_kick(struct ike_sa *sa);

#endif
