/* SPDX-License-Identifier: MIT */
/* One request of wire.h, as a worker takes it out of its channel: PINs go straight into locked memory. */
#ifndef KEYD_CARDD_REQUEST_H
#define KEYD_CARDD_REQUEST_H

#include "keyd/card/pin.h"
#include "keyd/card/wire.h"

/* Zero-initialise it; release with request_clear. */
struct request {
	uint16_t type;			/* enum card_wire */
	uint32_t id;
	struct card_token token;	/* of all that have one */
	union {
		struct card_token token;
		struct card_wire_sign sign;
		struct card_wire_make make;
		struct card_wire_store store;
	} body;
	struct card_pin *admin, *pin;	/* NULL: none */
	uint8_t rest[CARD_WIRE_OCTETS_MAX];	/* octets, certificate */
	size_t nrest;
};

/*
 * Waits for one. 0; -ENOMEM: no memory can be locked for its PIN, which is gone; -EPIPE: the channel is at its end; -EPROTO: what
 * came is no request; or -errno.
 */
int request_receive(struct request *rq, int fd) RD_MUST_CHECK;
/* Cleanses its PINs. */
void request_clear(struct request *rq);

#endif
