/* SPDX-License-Identifier: MIT */
/* Traffic selectors of children whose policies keyd makes itself: "traffic" of a peer, with what is assigned in its place. */
#ifndef KEYD_IKE_CHILD_OWN_H
#define KEYD_IKE_CHILD_OWN_H

#include "keyd/ike/exchange.h"

/* As initiator, of a child with traffic of its own: fills in x->ts_local and ts_remote. */
void child_own_offer(struct exchange *x);
/* As initiator: what the answer makes of them. The child has its traffic then. NULL, or why it will not do. */
const char *child_own_take(struct exchange *x, struct wire_ts_list *local, const struct wire_ts_list *remote);

/*
 * What a peer asks for: networks as we see them, transport mode where that is possible, and where it is behind its NAT
 * (AF_UNSPEC: not said).
 */
struct child_wish {
	const struct wire_ts_list *local, *remote;
	bool transport;
	struct ipsec_addr real;
};

/* As responder: do the settings, or the child that is rekeyed, say transport mode? */
bool child_own_transport(const struct exchange *x);
/*
 * As responder: makes x->child, if the peer's settings (or the child that is rekeyed) say what traffic there is, and
 * something of it is asked for. *notify is 0, or what to answer with (logged). False: nothing of it is.
 */
bool child_own_choose(struct exchange *x, const struct child_wish *wish, uint16_t *notify);

#endif
