/* SPDX-License-Identifier: MIT */
/*
 * Reauthentication (RFC 7296 2.8.3), make before break: a new IKE SA is made beside the old one, each child gets its
 * successor there, and when all have one the old IKE SA is deleted. Until then the old one is whole.
 */
#ifndef KEYD_IKE_REAUTH_H
#define KEYD_IKE_REAUTH_H

#include "keyd/ike/child_sa.h"

/* sa is authenticated anew from now: arms the time for the next. */
void reauth_arm(struct ike_sa *sa);
/* The peer says that it takes our proof for so many seconds more (AUTH_LIFETIME, RFC 4478). */
void reauth_limit(struct ike_sa *sa, uint32_t seconds);
/*
 * Seconds that the peer has to be told (AUTH_LIFETIME, RFC 4478), because it alone can begin anew: it has an address of
 * ours, which it must ask for. 0: nothing.
 */
uint32_t reauth_asked_of_peer(const struct ike_sa *sa);
/* Begins, unless it is under way already. why is one static word for the log. False: it does not go now. */
bool reauth_begin(struct ike_sa *sa, const char *why);

/* The same also where each rekey proves who the ends are, as the settings that are in force now name another version. */
bool reauth_beside(struct ike_sa *sa, const char *why);
/* It has failed, and is tried again when a pause is over. */
bool reauth_pauses(const struct ike_sa *sa);

/*
 * The peer says, without proof, that it has sa no more, and answers nothing: a new IKE SA is made beside it. If that comes
 * to be, the peer has proved itself there, and sa ends; if not, nothing has changed. Where there is another one already
 * that does all that sa does, sa is deleted instead.
 */
void reauth_lost(struct ike_sa *sa);

/* The SA that sa takes over from; NULL: none, or it has ended. */
struct ike_sa *reauth_old(const struct ike_sa *sa);
/* sa is established: goes on to the other children, if it takes over from another SA. */
void reauth_established(struct ike_sa *sa);
/* old was rekeyed: fresh stands in its place, whichever of the two SAs it was. */
void reauth_replaced(struct ike_sa *old, struct ike_sa *fresh);
/* sa ends, whichever of the two it was. */
void reauth_ended(struct ike_sa *sa, const char *reason);

/* The peer has answered a request behind the last child that sa takes over. */
void reauth_confirmed(struct ike_sa *sa);
/* sa was there before this engine, and everything else, too: at is when its timer was due, 0: it did not run. */
void reauth_thawed(struct ike_sa *sa, uint64_t at);

/* A child of old that can be taken over now, and that fresh (NULL: nobody) has not got yet. NULL: none. */
struct child_sa *reauth_next_child(const struct ike_sa *old, const struct ike_sa *fresh);
/* What shall take the place of old, on fresh; it is for the caller to negotiate it. NULL without memory. */
struct child_sa *reauth_successor(struct ike_sa *fresh, struct child_sa *old);
/* How many children of old cannot be taken over now, as they are being replaced. */
unsigned reauth_busy(const struct ike_sa *old);
/* A child on another IKE SA with the same peer that carries, or will carry, all that c carries. NULL: none. */
struct child_sa *reauth_sibling(const struct child_sa *c);
/*
 * Before sa ends: children that have a sibling elsewhere have their heir in it; where that does not send yet, it begins
 * to. Returns how many do not send yet.
 */
unsigned reauth_hand_over(struct ike_sa *sa);
/* It neither takes over from another SA, nor another one from it. */
bool reauth_idle(const struct ike_sa *sa);
/* Has every child of sa its sibling? */
bool reauth_needless(const struct ike_sa *sa);
/* The same, and do those siblings send already? */
bool reauth_outlived(const struct ike_sa *sa);
/* Of two SAs with the same peer sa is one too many: the other one takes over from it. False: there is none that can now. */
bool reauth_merge(struct ike_sa *sa);

#endif
