/* SPDX-License-Identifier: MIT */
/* The Identification payloads IDi and IDr (RFC 7296 3.5). */
#ifndef KEYD_WIRE_ID_H
#define KEYD_WIRE_ID_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

struct wire_id {
	uint8_t type;		/* enum ikev2_id_type */
	struct view data;
};

/*
 * WIRE_LENGTH when an address has not 4 or 16 bytes. AUTH covers the payload's body as it was sent, reserved bytes
 * included (RFC 7296 2.15): take it from the wire_payload, not from here.
 */
RD_MUST_CHECK int wire_id_get(struct wire_id *id, struct view body);
void wire_id_put(struct wr *w, const struct wire_id *id);

#endif
