/* SPDX-License-Identifier: MIT */
/* The exchanges of IKEv1, and what they want of each other. */
#ifndef KEYD_IKEV1_EXCHANGES_H
#define KEYD_IKEV1_EXCHANGES_H

#include "keyd/ike/version.h"
#include "keyd/ikev1/state.h"

/* --- phase1.c, phase1_doubt.c: an ISAKMP SA, in whatever messages --- */

/*
 * One message of phase 1. Who sends it has put, who receives it take: the payloads of must are there, also that of the proof, and
 * decrypted where it is secret. take ends with v1_phase1_on, now or later, with doubt, or with the SA.
 */
struct v1_step {
	uint32_t must;			/* V1_BIT() of payload types */
	bool proves;			/* it has a HASH or SIG payload */
	bool secret;			/* encrypted */
	const char *name;		/* for logs: "message 5" */
	void (*take)(struct exchange *x);
	void (*believed)(struct exchange *x);	/* it is proved: what else it says counts. NULL: it says nothing else */
	int (*put)(struct exchange *x, struct wire_out *out);	/* 0, or -1: the SA has ended */
	void (*ready)(struct exchange *x);	/* before put, what takes its time; ends with v1_phase1_ready. NULL: nothing */
};

struct v1_phase1 {
	const char *name;
	uint8_t type;			/* enum isakmp_exchange_type */
	uint8_t n;
	const struct v1_step *step;
};

extern const struct v1_phase1 v1_main_mode, v1_aggressive_mode;
extern const struct exchange_ops v1_main_ops, v1_aggressive_ops;

/* May a peer of that section begin with this exchange (enum isakmp_exchange_type)? */
bool v1_may_begin_with(const struct conf_peer *conf, uint8_t type);
void v1_initiate(struct ike_sa *sa, struct child_sa *first);
void v1_rekey_ike(struct ike_sa *sa);
/* Sends the message that is next, which is ours. */
void v1_phase1_send(struct exchange *x);
/* The message in x->m is good: what comes next, or the SA is established. */
void v1_phase1_on(struct exchange *x);
void v1_phase1_ready(struct exchange *x);
/* It is no good, and nothing has proved where it comes from: the right one may still come. */
void v1_phase1_doubt(struct exchange *x, uint16_t notify, const char *why);
/* As initiator: all sendings are used up. */
void v1_phase1_silent(struct exchange *x);
/* It ends; notify (0: none) is what the peer is told. */
void v1_phase1_refuse(struct exchange *x, uint16_t notify, const char *why);
/* A message of phase 1 for sa. */
void v1_phase1_heard(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m);
/* The first one of a peer. */
void v1_phase1_serve(struct engine *e, const struct engine_datagram *d, const struct wire_message *m);
/* Half-open: has the peer proved who it is, or is that being judged? */
bool v1_proves(const struct ike_sa *sa);
/* A notification in clear, of whoever. */
void v1_phase1_hint(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m);

/* --- succeed.c: ISAKMP SAs that take each other's place, and what is left without one --- */

/* sa is established: it takes the children of those before it. */
void v1_succeed(struct ike_sa *sa);
/* It has no keys any more: its children stay, until their own end or the next one (RFC 2408 5.15). */
void v1_gone(struct ike_sa *sa, const char *why);
/* When it ends, or goes without keys, after a restart. */
void v1_succeed_thawed(struct ike_sa *sa);
/* One that was to take the place of another has failed. */
void v1_not_succeeded(struct ike_sa *sa, const char *why);

/* --- quick.c, quick_serve.c --- */

extern const struct exchange_ops v1_quick_ops, v1_quick_rekey_ops;
void v1_create_child(struct ike_sa *sa, struct child_sa *c);
void v1_rekey_child(struct child_sa *old);
void v1_quick_heard(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m);
/* The peer has refused what sa->active asks for, and proved that it is him. */
void v1_quick_refused(struct exchange *x, uint16_t notify);
void v1_child_up(struct child_sa *c);
/* The peer has never said that it has the child of m, by message or by packet, and will not do so any more. */
void v1_quick_never_taken(struct v1_memo *m);
/* m, which was thawed, goes on. */
void v1_quick_resume(struct v1_memo *m);

/* --- info.c, delete.c --- */

extern const struct exchange_ops v1_delete_child_ops, v1_delete_ike_ops, v1_liveness_ops, v1_notify_ops;
void v1_delete_child(struct child_sa *c);
void v1_delete_ike(struct ike_sa *sa);
void v1_liveness(struct ike_sa *sa);
void v1_confirm(struct ike_sa *sa, void (*then)(struct ike_sa *sa));
/* The peer of sa says INITIAL-CONTACT: children of sa that were made before it the peer has lost. They are made anew at once. */
void v1_begun_anew(struct ike_sa *sa);
/* Somebody says in clear, from the peer's address, that it does not know sa (INVALID-COOKIE): it is asked whether it lives. */
void v1_disowned(struct ike_sa *sa);
bool v1_closes_child(const struct exchange *x);
/*
 * Nothing was heard of the peer since the child of m was deleted: it is asked for a sign of life, and takes our packets for this long
 * and "linger" more. False: it cannot be asked.
 */
bool v1_delete_may_be_lost(struct v1_memo *m, uint64_t time);
/* fresh has taken the place of old: deletes that may not have been heard yet are said on it. */
void v1_delete_go_on(struct ike_sa *old, struct ike_sa *fresh);
void v1_info_heard(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m);
/* sa is closed, and the peer has not heard of that: it is told again. */
void v1_bye_again(struct ike_sa *sa);
/* An authentic notification. spi may be empty. */
void v1_notify(struct ike_sa *sa, uint8_t protocol, uint16_t type, struct view spi, struct view data);

/* Those that survive an engine (exchange_ops.kept). Numbers stand in records: none is ever given to another. */
enum { V1_KEPT_QUICK = 1, V1_KEPT_REKEY_CHILD, V1_KEPT_DELETE_CHILD, V1_KEPT_DELETE_IKE, V1_KEPT_LIVENESS, V1_KEPT_EXCHANGES };

#endif
