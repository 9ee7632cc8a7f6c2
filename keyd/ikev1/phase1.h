/* SPDX-License-Identifier: MIT */
/* Between the files of phase 1: parts of its messages, which main mode and aggressive mode have in common (RFC 2409 5). */
#ifndef KEYD_IKEV1_PHASE1_H
#define KEYD_IKEV1_PHASE1_H

#include "keyd/ikev1/exchanges.h"
#include "keyd/ikev1/message.h"
#include "keyd/ikev1/proposal.h"

/* Of what strangers can have us say in phase 1, so much is said in a second. */
#define V1_REPLIES_MAX 100

/* --- parts.c. Those that put: 0, or -1 with the SA ended. Those that take: NULL, or why it is no good --- */

/* SA with all that we offer; one_group: with the first group only. */
int v1_put_offer(struct exchange *x, struct wire_out *out, bool one_group);
/* As responder: chooses, or refuses (false): then the SA has ended. */
bool v1_take_offer(struct exchange *x);
int v1_put_choice(struct exchange *x, struct wire_out *out);
const char *v1_take_choice(struct exchange *x);
/* KE and nonce; the key pair of sa->ke is made, if there is none yet. */
int v1_put_kex(struct exchange *x, struct wire_out *out);
const char *v1_take_kex(struct exchange *x);
/* VID payloads: what we are and can; and what the peer says of itself. */
void v1_put_vendors(struct exchange *x, struct wire_out *out);
void v1_take_vendors(struct exchange *x);
/* What a refusal in clear was about, for the story, when nothing better has come. */
void v1_say_doubted(struct ike_sa *sa);

/* --- proof.c: who the two ends are --- */

/* Is there SKEYID? If not, auth is asked for it; then all keys are made, and then is called, at once or later, or the SA ends. */
void v1_keys(struct exchange *x, void (*then)(struct exchange *x));
/* ready: makes our proof. Needs keys, and both IDs where they go into it. */
void v1_prove(struct exchange *x);
/* Our identity: chosen, its payload's body kept, and written. */
int v1_put_id(struct exchange *x, struct wire_out *out);
/* HASH or SIG, and what goes with them. */
int v1_put_proof(struct exchange *x, struct wire_out *out);
/* The peer's ID payload. NULL, or why it is not whom we expect. */
const char *v1_take_id(struct exchange *x);
/* Judges the peer's proof in x->m, whose identity is known. Ends in v1_phase1_on, doubt or refuse. */
void v1_judge(struct exchange *x);
/* Who has just proved itself said something beside it: INITIAL-CONTACT. */
void v1_put_contact(struct exchange *x, struct wire_out *out);

#endif
