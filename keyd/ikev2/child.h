/* SPDX-License-Identifier: MIT */
/*
 * The part of IKE_AUTH and CREATE_CHILD_SA that is about a Child SA: SA, TSi, TSr, its notifies, its keys, its install.
 */
#ifndef KEYD_IKEV2_CHILD_H
#define KEYD_IKEV2_CHILD_H

#include "keyd/ike/child_install.h"
#include "keyd/ike/exchange.h"

/* As initiator: writes what x->child wants. ke: is there a KE in this exchange? */
void child_put_offer(struct exchange *x, struct wire_out *out, enum proposal_ke ke);
/* As initiator: the answer in x->m against the offer. 0; else -1, and the reason has been logged. */
int child_take_answer(struct exchange *x, enum proposal_ke ke);

#define CHILD_REFUSAL_LEN 600
/*
 * Tells the story why the peer refuses the child of x with this notify, and returns text: "" or "; we offer …". n > 20.
 */
const char *child_refusal(struct exchange *x, uint16_t error, enum proposal_ke ke, char *text, size_t n);
/* As initiator: the answer was an error notify. Logs, tells and counts; the child is still x's. */
void child_refused(struct exchange *x, uint16_t error, enum proposal_ke ke);

/*
 * As initiator: the answer was an error notify that leaves something to try: one pair of addresses instead of what the
 * policy covers, or no key exchange. True: x->child is ready to be asked for again in CREATE_CHILD_SA (said in the
 * log).
 */
bool child_ask_otherwise(struct exchange *x, uint16_t error);

/*
 * As responder: finds a policy, chooses algorithms, narrows the selectors and makes x->child. 0, or the notify to
 * answer with; the reason has been logged.
 */
uint16_t child_choose(struct exchange *x, enum proposal_ke ke);
/* As responder: writes the answer for x->child. */
void child_put_answer(struct exchange *x, struct wire_out *out);

/* The keys of x->child from the nonces and x->shared (RFC 7296 2.17). 0 or -1. */
int child_derive(struct exchange *x, struct view ni, struct view nr);

/* The SPI that four bytes of a payload name. */
uint32_t child_spi(struct view v);

#endif
