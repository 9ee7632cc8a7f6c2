/* SPDX-License-Identifier: MIT */
/* Traffic selectors and mode of a child: asked for, narrowed, agreed (RFC 7296 2.9, 2.23.1). */
#ifndef KEYD_IKEV2_CHILD_TS_H
#define KEYD_IKEV2_CHILD_TS_H

#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"

/* As initiator: TSi, TSr and USE_TRANSPORT_MODE for x->child. */
void child_ts_put_offer(struct exchange *x, struct wire_out *out);
/*
 * As initiator: what the answer in x->m makes of the offer; fills in the selectors of x->child. NULL, or why it will
 * not do; codes and sides have been reported.
 */
const char *child_ts_take(struct exchange *x);

/* As responder: the policy for what x->m asks for, and x->child for it. 0, or the notify to answer with (logged). */
uint16_t child_ts_choose(struct exchange *x);
/* As responder: TSi, TSr and their notifies. */
void child_ts_put_answer(struct exchange *x, struct wire_out *out);

#endif
