/* SPDX-License-Identifier: MIT */
/* What an IKE SA's proofs of identity rest on as long as it lives: the peer's certificate expires, or is revoked. */
#ifndef KEYD_IKE_PROOF_H
#define KEYD_IKE_PROOF_H

#include "keyd/ike/creds.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/wire/payload.h"

/* The peer has proved itself by a signature: what can become of its certificate is watched from now on. 0 or -1 (no memory). */
int proof_take(struct ike_sa *sa, const struct trust_answer *an) RD_MUST_CHECK;
/* It is established: what became known before that counts, too. */
void proof_established(struct ike_sa *sa);
/* Asks about every peer's certificate again. */
void proof_ask_all(struct engine *e);
/* fresh takes the place of old. */
void proof_move(struct ike_sa *old, struct ike_sa *fresh);
void proof_free(struct ike_sa *sa);
/* Its certificate has expired, as the clock says: does as "expired" in its section wants. True: it is not to be proved again now. */
bool proof_expired(struct ike_sa *sa);
/* Why neither sa nor its children are renewed now; NULL: they are. */
const char *proof_lost(const struct ike_sa *sa);

/* Why sa is deleted by us, where that is so because of the peer's certificate or our token, and its reason; NULL: it is not. */
const char *proof_why(const struct ike_sa *sa, enum engine_reason *reason);

/* For status: how each end has proved who it is. an NULL: by a shared key; scheme is that of our signature. */
void proof_say_peer(struct ike_sa *sa, unsigned round, const struct trust_answer *an);
void proof_say_ours(struct ike_sa *sa, unsigned round, uint8_t way, const char *scheme);

/* What a refusal means: the reason, and a sentence without its full stop about a peer that proves itself in this way. */
enum engine_reason proof_reason(const struct trust_answer *an);
void proof_words(const struct trust_answer *an, uint8_t way, char *buf, size_t n);

/* Ours could not be made (an->error): logs it and says so in reason[n]. no_scheme: what AUTH_NO_SCHEME means here. */
void proof_not_signed(struct ike_sa *sa, const char *exchange, const struct auth_answer *an, const char *no_scheme, char *reason,
		      size_t n);
/*
 * The key has signed, but its certificate is not known yet, or we did not know whom it names when we said who we are: then the IKE
 * SA is to begin anew.
 */
bool proof_half_known(struct ike_sa *sa, uint8_t way, const struct cred *c);
/* All bodies of payloads of this type, CERT, as trust_request.certs has them. 0 or -1: no memory. */
int proof_certs(const struct wire_message *m, uint8_t type, struct secret *out) RD_MUST_CHECK;

#endif
