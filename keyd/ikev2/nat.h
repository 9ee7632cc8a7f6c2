/* SPDX-License-Identifier: MIT */
/* NAT detection (RFC 7296 2.23): both ends show each other a hash of the addresses and ports that they see. */
#ifndef KEYD_IKEV2_NAT_H
#define KEYD_IKEV2_NAT_H

#include "keyd/ike/exchange.h"

/* IKE_SA_INIT: the hashes for the path that sa has, as responder where the peer showed its own. */
void nat_put_notifies(struct ike_sa *sa, struct wire_out *out);
/* The peer's IKE_SA_INIT, which came over that path: who is behind a NAT, and whether ESP goes in UDP. */
void nat_take_notifies(struct ike_sa *sa, const struct wire_message *m, const struct path *from);
/* IKE_AUTH begins: the initiator goes on to the NAT ports (2.23), and both ends say once what was found. */
void nat_settle(struct ike_sa *sa);

#endif
