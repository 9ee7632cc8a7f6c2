/* SPDX-License-Identifier: MIT */
/* The Notify payload (RFC 7296 3.10). */
#ifndef KEYD_WIRE_NOTIFY_H
#define KEYD_WIRE_NOTIFY_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

struct wire_notify {
	uint8_t protocol;	/* enum ikev2_protocol; means nothing when spi is empty */
	uint16_t type;		/* enum ikev2_notify_type */
	struct view spi;	/* empty, 8 bytes for IKE, 4 for AH and ESP */
	struct view data;
};

/*
 * WIRE_SHORT; WIRE_SPI when an SPI is there and its size does not fit the protocol, or the protocol is 0: then the type alone
 * is filled in.
 */
RD_MUST_CHECK int wire_notify_get(struct wire_notify *n, struct view body);
void wire_notify_put(struct wr *w, const struct wire_notify *n);

#endif
