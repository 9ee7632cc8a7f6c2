/* SPDX-License-Identifier: MIT */
/*
 * A Child SA: two SAs of the kernel, from the proposal to the last straggler. The order is what keeps packets: inbound
 * first; outbound only when the peer can receive; an old inbound SA stays for a while (RFC 7296 2.8).
 */
#ifndef KEYD_IKE_CHILD_SA_H
#define KEYD_IKE_CHILD_SA_H

#include "keyd/ike/ike_sa.h"
#include "keyd/wire/ts.h"

enum child_state {
	CHILD_NEW,		/* being negotiated: the kernel knows nothing */
	CHILD_INBOUND,		/* we can receive */
	CHILD_UP,		/* we can receive and send */
	CHILD_REPLACED,		/* a newer one sends; waits for its DELETE */
	CHILD_STATES
};

/* What one of a child's SAs had carried when the kernel was last asked. */
struct traffic;

struct child_meter {
	uint64_t at, bytes, packets;
};

struct child_sa {
	struct list link;		/* in ike_sa.children once inbound is installed, before that in ike_sa.unborn */
	struct keep keep;
	bool thawed;			/* an engine before this one made it: what it adds to the kernel may be there */
	bool unfinished;		/* the exchange of ours that made it is not over yet, see freeze.h */
	bool doomed;			/* the peer has deleted it before that: it ends with the exchange */
	bool doubted, seen_in, seen_out;	/* the kernel is telling what it has, and has told its two SAs */
	struct table_node node, by_policy;	/* from the beginning */
	struct table_node by_out;	/* once inbound is installed */
	struct ike_sa *sa;
	enum child_state state;
	bool initiator;			/* of the exchange that made it */
	bool waits;			/* we made it, and yet wait as a responder does for a sign that the peer can receive */
	uint64_t lingers;		/* µs that its inbound SA stays beyond "linger", once it has ended */
	bool muted;			/* its outbound SA has left the kernel, or is about to, though another is there for it */
	bool crossed;			/* an exchange of the other side for the same was under way at the same time (IKEv1) */
	bool first;			/* made by IKE_AUTH */
	bool confirmed;			/* the peer has shown that it has it too; ours are, from the answer on */
	bool sign_promised;		/* the peer will send one when it has it (ikev2_will_confirm) */
	bool early;			/* new, but its inbound SA is in the kernel already (ikev2/child_early.h) */
	bool takes_over;		/* from one of another IKE SA, which its own takes over from */
	bool lost;			/* the kernel has not got it any more */
	bool rekeying;			/* an exchange to replace it is queued or under way */
	bool ends;			/* as soon as the kernel has it: until then an exchange has it, too */
	bool deleting;			/* our DELETE for it is queued or under way */
	bool redundant;			/* the peer made one for the same traffic at the same moment, and that one stays */
	const char *rekey_why;		/* one static word: time, bytes, packets, command, lost; NULL: not by us */
	uint32_t spi_in, spi_out;
	uint32_t line;			/* inbound SPI of the first of those that replaced each other */
	uint32_t beats;			/* line of one that both sides made at the same moment: it goes when this sends; or 0 */
	struct secret nonce;		/* the lower one of the exchange that made it, if we began that */
	uint32_t replaces;		/* inbound SPI of the child that it replaces; 0: none */
	uint32_t replaced_by;		/* inbound SPI of the child that replaces it; 0: none yet */
	struct ipsec_policy pol;	/* the outbound policy it serves */
	struct traffic *traffic;	/* whose first policy that is, when keyd makes them; NULL: somebody else's */
	struct ipsec_selector flow;	/* the packet that raised ACQUIRE; src.family AF_UNSPEC: none */
	uint32_t acquire_seq;
	bool acquired;			/* the kernel holds a larval SA for it */
	const struct crypto_alg *encr, *integ, *ke;
	bool esn;
	bool offered;			/* its flow is in an offer, and will not change any more */
	bool single_pair;		/* the peer wants one pair of addresses for each child (RFC 7296 2.9) */
	bool sel_exact;			/* selectors have been agreed: */
	struct ipsec_selector sel;	/* of the outbound SA: inside of what was agreed */
	struct ipsec_selector sel_in;	/* of the inbound SA, src is the peer's: around it; src.family 0: none will do */
	bool failed;			/* refused, by either side or the kernel */
	bool flow_left_out;		/* the packet that asked is not in what was agreed */
	bool no_tfc;			/* the peer cannot take padding (ESP_TFC_PADDING_NOT_SUPPORTED) */
	struct ipsec_addr nat_real;	/* transport mode: the address that the peer has behind its NAT */
	struct secret key_in, auth_in, key_out, auth_out;	/* gone once installed */
	struct timer switchover, rekey, retire;
	struct ask ask;			/* outbound, where no exchange waits for it */
	struct ipsec_addr out_addr;	/* where the kernel's outbound SA leads; AF_UNSPEC: there is none, … */
	uint16_t out_port;		/* …and, in UDP, to which port */
	uint16_t in_port;		/* that the kernel's inbound SA expects the peer to send from, in UDP */
	uint64_t packets_out;		/* that it had sent when keepalive.c last looked */
	struct ask move;		/* it is on its way to these: */
	struct ipsec_addr move_addr;
	uint16_t move_port;
	uint64_t begun_at, up_at, rekey_at;
	bool life_longer;		/* it keeps it as much longer as we do, so that nothing ends with the first try to renew it */
	uint32_t life_seconds;		/* that the peer keeps it at most (RFC 2407 4.5.4); 0: it did not say, as in IKEv2 */
	uint64_t life_bytes;		/* the same */
	struct ipsec_lifetime soft, hard;	/* of both SAs; see lifetime.h */
	struct child_meter meter_in, meter_out;
	uint64_t byte_rate, packet_rate;	/* a second, of the busier direction, lately */
	uint32_t rekeys;
};

/* A child for pol between the ends of sa, with a fresh inbound SPI; unborn. NULL without memory. */
struct child_sa *child_new(struct ike_sa *sa, const struct ipsec_policy *pol, bool initiator);
/* It is, or will be, one of sa's. */
void child_belongs(struct child_sa *c, struct ike_sa *sa);
/* The exchange that is making c, of whichever IKE SA. NULL: it is there, or nobody makes it any more. */
struct exchange *child_maker(const struct child_sa *c);
/* It has changed, see keep.h. */
void child_touch(struct child_sa *c);
/* One that an engine before this one had; its policy and spi_in are set, and its state is CHILD_NEW. Unborn. */
int child_take(struct child_sa *c, struct ike_sa *sa, uint32_t reqid);
/* When each is due; 0: it does not run. */
struct child_timers {
	uint64_t rekey, switchover, drop, retire;
};
void child_timers_get(const struct child_sa *c, struct child_timers *t);
/* It was in that state, and goes on. */
void child_take_up(struct child_sa *c, enum child_state state, const struct child_timers *t);
/* Forgets it and removes nothing from the kernel, except a larval SA that waits for it. */
void child_free(struct child_sa *c);
/* Before child_free: the kernel has been asked for its inbound SA and has not answered yet; what it adds leaves it again. */
void child_withdraw(const struct child_sa *c);

/* It serves t from now on, which keyd makes the policies for. */
void child_adopt(struct child_sa *c, struct traffic *t);

/* Requests for the kernel, from the agreed keys. The caller asks. Inbound comes first, and chooses the lifetimes. */
void child_inbound_request(struct child_sa *c, struct kern_request *rq);
/* Notes where the SA will lead. */
void child_outbound_request(struct child_sa *c, struct kern_request *rq);
/* To where the IKE SA's path leads now; outbound to move_addr and move_port. Without keys: the kernel has them. */
void child_inbound_move(struct child_sa *c, struct kern_request *rq);
void child_outbound_move(const struct child_sa *c, struct kern_request *rq);

/* Removes the larval SA that waits for c: else the kernel would be silent for net.core.xfrm_acq_expires (30 s). */
void child_larval_delete(struct child_sa *c);
/* The same of an ACQUIRE that gets no child. */
void acquire_larval_delete(struct engine *e, const struct ipsec_event *acquire);

/* The inbound SA that was there early leaves the kernel. */
void child_early_remove(struct child_sa *c);
/* Inbound is in the kernel: the child belongs to the SA from now on. */
void child_inbound_done(struct child_sa *c);
/* The peer went on after our answer: it has the child. Switches. */
void child_confirm(struct child_sa *c, const char *why);
/* False: our answer may still be on its way, and the peer not know yet that the child exists. */
bool child_confirmed(const struct child_sa *c);
/*
 * Installs outbound if it is not yet, without waiting; the child it replaces sends no more. why is for the log.
 */
void child_switch(struct child_sa *c, const char *why);
/*
 * Of two that were made for the same traffic at the same moment, stays (NULL: the peer has taken it back) stays and c
 * goes: it sends no more once stays does, takes what comes, and waits for its DELETE (RFC 7296 2.8.1).
 */
void child_redundant(struct child_sa *c, struct child_sa *stays);
/* The kernel refuses c's SA because it is there: an engine before this one has added it, with the same keys. */
bool child_has_been_added(const struct child_sa *c, const struct kern_answer *an);
/* Outbound is in the kernel (an exchange asked for it and had the answer). */
void child_outbound_done(struct child_sa *c);
/* Waits for a sign that the peer can receive; after that long it switches all the same. */
void child_wait_for_peer(struct child_sa *c, uint64_t at_most);

/* What c, which sends no more, waits for may take this long yet; then we delete it. */
void child_retire_within(struct child_sa *c, uint64_t time);
/* Another one had taken its place, and goes: c, which still is in the kernel, is as it was. */
void child_restore(struct child_sa *c);
/* Another one carries, or will carry, its traffic. */
bool child_has_heir(const struct child_sa *c);
/*
 * Before we delete it: unless it has an heir, it leaves the kernel's outbound side now, so that packets wait for another
 * one and are not sent to a peer that may have deleted it already, while its answer is lost again and again. With
 * an heir that sends, it drains.
 */
void child_mute(struct child_sa *c);
/*
 * The end of a child: outbound leaves the kernel now, inbound after the linger. type is the event to tell, or
 * ENGINE_EVENT_TYPES for none. One that is still being added to the kernel ends after that.
 */
void child_end(struct child_sa *c, enum engine_event_type type, const char *reason);
/* Begins a rekey, unless one is under way or done. why is one static word for the log. */
void child_rekey(struct child_sa *c, const char *why);
/* The same, if the peer has not begun by then, µs from now. */
void child_rekey_unless_peer(struct child_sa *c, const char *why, uint64_t patience);
/* A rekey came to nothing: it is tried again after delay microseconds. */
void child_rekey_later(struct child_sa *c, uint64_t delay);
#define CHILD_RETRY_AFTER SECONDS(5)	/* what it mostly is, and as much again at random */
/* The exchange that was to replace c was given up: again in a while, sooner if the kernel has lost c. NULL: there was none. */
void child_rekey_failed(struct child_sa *c);
/* The kernel asks for what c serves or will serve: its larval SA is filled or removed with c. */
void child_acquired(struct child_sa *c, const struct ipsec_event *acquire);
/* The kernel asks for what c sends by: it is asked whether the SA is still there. */
void child_doubt(struct child_sa *c);
/* The kernel lost it (flush, foreign delete, hard expiry): it is replaced at once. */
void child_lost(struct child_sa *c, const char *reason);

/*
 * Negotiates a child for pol: on an SA that is there, or on a new one. flow (may be NULL) is the acquire that asked for
 * it.
 */
void child_begin(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		 const struct ipsec_addr *remote, const struct ipsec_event *acquire);

/* The same for a certain flow, which the first packet of it may ask for later (acquire will be NULL then). */
void child_begin_for(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		     const struct ipsec_addr *remote, const struct ipsec_selector *flow);

/* The peer does not want c, which is in the making, on its IKE SA: it is made with another one, which begins. */
void child_begin_elsewhere(struct child_sa *c);

struct child_sa *child_find(struct engine *e, uint32_t spi_in);
/* By the SPI that the peer receives on: what its DELETE and REKEY_SA name. */
struct child_sa *child_find_out(struct ike_sa *sa, uint32_t spi_out);
/* A child that is there and carries what c, which is in the making, is to carry; not c itself. NULL: none. */
struct child_sa *child_twin(const struct child_sa *c);
/* The same, also in the making, on another IKE SA. */
struct child_sa *child_twin_on(const struct child_sa *c, const struct ike_sa *sa);
/* The larval SA that waits for c waits for to instead; or is removed, if to (may be NULL) sends already. */
void child_hand_over(struct child_sa *c, struct child_sa *to);
/* The same of one that the kernel sends by, to this address. */
struct child_sa *child_find_sent_to(struct engine *e, const struct ipsec_addr *remote, uint32_t spi_out);
/* All that were made for a policy, in whatever state, in no order; NULL: no (more). */
struct child_sa *child_first(const struct engine *e, const struct ipsec_policy *pol);
struct child_sa *child_next(const struct child_sa *c, const struct ipsec_policy *pol);
/* Any child, also one in the making, that serves pol between these ends. */
struct child_sa *child_serving(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
			       const struct ipsec_addr *remote);
/* One that sends this packet, or may when its selectors are known; flow NULL: any. */
struct child_sa *child_serving_flow(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
				    const struct ipsec_addr *remote, const struct ipsec_selector *flow);

#endif
