/* SPDX-License-Identifier: MIT */
/* Nonces and key exchange: as an IKE SA begins, and in CREATE_CHILD_SA (RFC 7296 1.3, 2.10) for children and IKE SAs. */
#ifndef KEYD_IKEV2_KEX_H
#define KEYD_IKEV2_KEX_H

#include "keyd/ike/exchange.h"

/* A fresh nonce of ours. 0 or -1. */
int kex_nonce(struct secret *nonce);
/* In IKE_SA_INIT: sa->kex of group ke, which may be NULL. 0 or -1. */
int kex_begin(struct ike_sa *sa, const struct crypto_alg *ke);
/* Its keys from what both sides have said (2.14); sa->kex is gone then. 0, or -1 and *why. */
int kex_end(struct ike_sa *sa, struct view peer_ke, const char **why);
/* As initiator: x->kex of the group that was asked for, or of the first in ours; none where ours has no group. 0 or -1. */
int kex_fresh(struct exchange *x, const struct conf_proposals *ours);
/*
 * As initiator: sends the request once more where the refusal says how it may succeed: later (TEMPORARY_FAILURE), or with
 * another group (INVALID_KE_PAYLOAD). False: it does not, or it was tried often enough.
 */
bool kex_retry(struct exchange *x, uint16_t error);
/* As initiator: x->shared from the KE of the answer, which must be of group ke. 0 or -1 (logged). */
int kex_take(struct exchange *x, const struct crypto_alg *ke);
/* As responder: x->kex and x->shared from the KE of the request. 0, or the notify to answer with. */
uint16_t kex_serve(struct exchange *x, const struct crypto_alg *ke);
/* Answers with notify alone; INVALID_KE_PAYLOAD names the group of x->choice. Ends x. */
void kex_refuse(struct exchange *x, uint16_t notify);

#endif
