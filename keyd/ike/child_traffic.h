/* SPDX-License-Identifier: MIT */
/* Which traffic a child is for (RFC 7296 2.9, 2.23.1): offered, taken from the peer's answer, chosen for what it asks. */
#ifndef KEYD_IKE_CHILD_TRAFFIC_H
#define KEYD_IKE_CHILD_TRAFFIC_H

#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"

/* As initiator: what is to be asked for goes into x->ts_local and ts_remote: the packet that asks first, then the policy. */
void child_traffic_offer(struct exchange *x);
/*
 * As initiator: what the answer makes of that; fills in the selectors of x->child. The lists change where a NAT lies
 * between. NULL, or why it will not do; codes and sides have been reported.
 */
const char *child_traffic_take(struct exchange *x, struct wire_ts_list *local, struct wire_ts_list *remote);
/*
 * As responder: the policy for what the peer asks for, x->child for it, and what is agreed to in x->ts_local and ts_remote.
 * transport: transport mode is possible. 0, or why not as a notify of IKEv2 (logged).
 */
uint16_t child_traffic_choose(struct exchange *x, const struct wire_ts_list *local, const struct wire_ts_list *remote,
			      bool transport);

#endif
