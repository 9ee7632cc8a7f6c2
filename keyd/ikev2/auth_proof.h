/* SPDX-License-Identifier: MIT */
/*
 * What both ends prove in IKE_AUTH, round by round: by a shared key (RFC 7296 2.15), or by a signature and what vouches for its
 * key: a certificate (RFC 7296 3.6, RFC 7427), or the configuration (RFC 7670).
 */
#ifndef KEYD_IKEV2_AUTH_PROOF_H
#define KEYD_IKEV2_AUTH_PROOF_H

#include "keyd/ike/exchange.h"

/* why is NULL when it went well; else the reason of the SA's end, which has been told. */
typedef void auth_proof_fn(struct exchange *x, const char *why);

/* Makes our proof of this round, if there is one; then is called at once or later. */
void auth_prove(struct exchange *x, auth_proof_fn *then);
/* As initiator: is the peer's proof of this round in x->m, or, where there is none to be had, did it take ours? */
bool auth_is_answered(const struct exchange *x);
/* Judges the peer's in x->m, which must be of the kind that its section asks for in this round. */
void auth_judge(struct exchange *x, auth_proof_fn *then);

/* Writes CERT and AUTH payloads of this round. */
void auth_put_proof(struct exchange *x, struct wire_out *out);
/* Asks the peer for certificates by the CAs of its section, raw keys, OCSP responses; as these ask for any of it. */
void auth_put_requests(const struct ike_sa *sa, struct wire_out *out);
/* What the peer's CERTREQs ask for. */
void auth_take_requests(struct ike_sa *sa, const struct wire_message *m);
/* The hashes that we take in signatures (SIGNATURE_HASH_ALGORITHMS, RFC 7427 4); nothing if no section could want one. */
void auth_put_hashes(const struct ike_sa *sa, struct wire_out *out);
void auth_take_hashes(struct ike_sa *sa, const struct wire_message *m);

/* Could any section that may be meant have more than one proof? Then the peer is told that we know of such (RFC 4739). */
bool auth_may_repeat(const struct ike_sa *sa);
/* What may be the matter when the peer does not take our proof. */
const char *auth_disbelief(const struct ike_sa *sa);
/* Are there proofs in the round after this, by us or by the peer? */
bool auth_more_of_us(const struct exchange *x);
bool auth_more_of_peer(const struct exchange *x);
/* What the peer announces in x->m must be what its section asks for. NULL, or why not (told). */
const char *auth_rounds_differ(const struct exchange *x);

#endif
