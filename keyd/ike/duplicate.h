/* SPDX-License-Identifier: MIT */
/* More than one IKE SA with the same peer: who has begun anew, who began at the same moment as we (RFC 7296 2.4). */
#ifndef KEYD_IKE_DUPLICATE_H
#define KEYD_IKE_DUPLICATE_H

#include "keyd/ike/ike_sa.h"

/* sa is established, and found by its identities from now on; as long as it is. */
void duplicate_know(struct ike_sa *sa);
void duplicate_forget(struct ike_sa *sa);
/* Those that are established with the peer of sa, which is one of them or about to be; NULL ends it. */
struct ike_sa *duplicate_first(const struct ike_sa *sa);
struct ike_sa *duplicate_next(const struct ike_sa *sa);
/* As initiator, before IKE_AUTH: have we no other IKE SA with this identity of this peer, so that INITIAL_CONTACT is true? */
bool duplicate_alone(const struct ike_sa *sa, const struct conf_id *remote_id);
/*
 * As responder, with a peer that has proved who it is: must the newcomer go, because the peer's older SA comes from
 * elsewhere and "unique keep" lets it stay? Then the older one is asked whether it is alive.
 */
bool duplicate_unwelcome(struct ike_sa *sa);
/* sa carries traffic, or never will: ends the SAs that were there before it began and that it replaces. */
void duplicate_supersede(struct ike_sa *sa);
/*
 * sa has been established. What we began ourselves at the same moment goes: at once, if the peer does not know of it yet;
 * otherwise both ends agree which one stays, and the initiator of the other one deletes it.
 */
void duplicate_drop(struct ike_sa *sa);
/*
 * sa is established beside another one, however that came to be: if one of the two turns out to carry nothing that the other
 * does not, its originator deletes it in a while. (Answers may be lost for so long that nothing was begun at once any more.)
 */
void duplicate_look(struct ike_sa *sa);
/* sa, which we began, goes at that time; what only it carries is made elsewhere before. */
void duplicate_goes(struct ike_sa *sa, uint64_t at);

#endif
