/* SPDX-License-Identifier: MIT */
/* Between the files of quick mode (RFC 2409 5.5). */
#ifndef KEYD_IKEV1_QUICK_H
#define KEYD_IKEV1_QUICK_H

#include "keyd/ike/child_install.h"
#include "keyd/ikev1/exchanges.h"
#include "keyd/ikev1/message.h"
#include "keyd/ikev1/proposal.h"

/* What both sides made within this was made at once, and one of the two goes. */
#define V1_AT_ONCE SECONDS(30)

/* --- quick_ids.c: IDci and IDcr are selectors --- */

/* Can an ID payload say this? IKEv1 has no ranges of ports. */
bool v1_id_says(const struct wire_ts *ts);
/* As initiator: both ID payloads for x->ts_local and ts_remote, which have one entry each. An answer repeats them. */
void v1_put_ids(struct exchange *x, struct wire_out *out);
/* Those of x->m, or where there are none the two ends; as selectors of ours and the peer's. NULL, or what is wrong with them. */
const char *v1_take_ids(const struct exchange *x, struct wire_ts_list *local, struct wire_ts_list *remote);

/* --- quick_keys.c --- */

/* IKEv1 does not say which child another is to replace; among our like a notification does. 0: the peer says nothing. */
void v1_put_replaced(const struct exchange *x, struct wire_out *out);
uint32_t v1_take_replaced(const struct exchange *x);

/* The other end's KE, with x->kex, which is made of that group if it is not there yet. NULL, or why it will not do. */
const char *v1_quick_kex(struct exchange *x, const struct crypto_alg *group);
int v1_quick_nonce(struct secret *n) RD_MUST_CHECK;
/* The keys of x->child, whose SPIs and algorithms are known. 0 or -1. */
int v1_quick_derive(struct exchange *x) RD_MUST_CHECK;

bool v1_encap_is_transport(uint16_t encap);
/* What the peer keeps it for, if that is shorter than what we would. 0 seconds: RFC 2407's default. */
void v1_limit_child(struct child_sa *c, const struct isakmp_life *life);
/* What we ask for, or keep it for. */
struct isakmp_life v1_life_of(const struct conf_peer *conf);

/* c is being made: with what the other side makes for the same at the same time, both are marked. */
void v1_note_crossing(struct child_sa *c);
/* Both ends compare them, should both have made one for the same at once: the lower one of the exchange stays with its child. */
void v1_note_nonce(const struct exchange *x, struct child_sa *c);

/* The newest child that sends what c is for: c takes its place. NULL: none does. */
struct child_sa *v1_predecessor(const struct child_sa *c);

/* --- quick_settle.c --- */

/* Another is there for the same, and by the rule of both ends c is the one that goes: it is not renewed. */
bool v1_settled_instead(struct child_sa *c);

/* --- quick.c --- */

/* What the peer says to ours will not do. It has made its half already, and is told that there is no other. */
void v1_quick_give_up(struct exchange *x, const char *why);

/* --- quick_serve.c --- */

void v1_quick_serve(struct exchange *x);
/* The third message of a quick mode that we answered, for m, in x->m. */
void v1_quick_third(struct v1_memo *m, struct exchange *x);

#endif
