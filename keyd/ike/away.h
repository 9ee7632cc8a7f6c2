/* SPDX-License-Identifier: MIT */
/* Tokens that our keys are on: what becomes of IKE SAs while theirs is away ("pulled"), and what begins when it can sign. */
#ifndef KEYD_IKE_AWAY_H
#define KEYD_IKE_AWAY_H

#include "keyd/ike/ike_sa.h"

/* Its token is away, and its section says "pulled no-rekey": neither sa nor its children are renewed meanwhile. */
bool away_lost(const struct ike_sa *sa);
/* sa is deleted next, for want of its token: it comes back with that. */
void away_ends(struct ike_sa *sa);
/* sa could not be authenticated for want of its token: if we began it, we do so again when the token can sign. */
void away_failed(const struct ike_sa *sa);
/*
 * sa, in which nothing has been said yet, could not be proved, as its token is away: then it ends here, as it would with
 * away_failed, and the peer is not left with half an SA for each of our attempts. Whether it does.
 */
bool away_stops(struct ike_sa *sa);
/* A reload: other keys, other rules. */
void away_look(struct engine *e);
void away_free(struct engine *e);

#endif
