/* SPDX-License-Identifier: MIT */
/* The configuration payload: addresses asked for, given and taken (RFC 7296 2.19, 3.15; RFC 8598). */
#ifndef KEYD_IKEV2_CP_H
#define KEYD_IKEV2_CP_H

#include "keyd/ike/exchange.h"

/* As initiator of IKE_AUTH: CFG_REQUEST, if this side is to be assigned addresses. */
void cp_put_request(const struct ike_sa *sa, struct wire_out *out);
/* As initiator: what the answer in x->m gives, if we asked. NULL, or a sentence why it will not do. */
const char *cp_take(struct exchange *x);
/* Does this notify mean that there is no address? */
bool cp_is_refusal(uint16_t error);

/*
 * As responder of IKE_AUTH or INFORMATIONAL: takes leases for what x->m asks for. 0, or the notify that the child gets
 * instead of an address (logged).
 */
uint16_t cp_serve(struct exchange *x);
/* As responder: CFG_REPLY, if x->m asks for something. */
void cp_put_reply(const struct exchange *x, struct wire_out *out);

#endif
