/* SPDX-License-Identifier: MIT */
/*
 * NAT traversal of IKEv1: RFC 3947, and draft-ietf-ipsec-nat-t-ike-02 (and 03), which has other numbers of payloads and modes. What
 * comes of it is as with IKEv2: sa->nat_local, nat_remote, encap, nat_follow, and the NAT ports (ike/path.h).
 */
#ifndef KEYD_IKEV1_NAT_H
#define KEYD_IKEV1_NAT_H

#include "keyd/ikev1/state.h"
#include "keyd/wire/isakmp_message.h"
#include "keyd/wire/isakmp_vendor.h"

/* VID payloads: as initiator all that we know, as responder the best that the peer knows, too. */
void v1_nat_put_vendors(const struct ike_sa *sa, struct wire_out *out);
void v1_nat_take_vendor(struct ike_sa *sa, enum isakmp_vid vid);

/* NAT-D payloads, in the first message of each end after the cookies are known; the responder's, where there were some. */
void v1_nat_put(struct exchange *x, struct wire_out *out);
/* Those of x->m, if there are any: who is behind a NAT. The initiator goes on to the NAT ports at once (RFC 3947 4). */
void v1_nat_take(struct exchange *x);
/* Phase 1 is through: is ESP to go in UDP? Before the SA is established. */
void v1_nat_settle(struct ike_sa *sa);

/* Mode of a child as an attribute of its transform: plain, or in UDP as the peer counts (RFC 3947 5.1). */
uint16_t v1_encap_of(const struct child_sa *c);
/* NAT-OA payloads of quick mode, where transport mode goes through a NAT: initiator's address, responder's (RFC 3947 5.2). */
void v1_nat_put_addresses(struct exchange *x, const struct child_sa *c, struct wire_out *out);

#endif
