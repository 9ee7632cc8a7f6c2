/* SPDX-License-Identifier: MIT */
/* The Notification payload of ISAKMP (RFC 2408 3.14) and the data of those that have some. */
#ifndef KEYD_WIRE_ISAKMP_NOTIFY_H
#define KEYD_WIRE_ISAKMP_NOTIFY_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"
#include "keyd/wire/isakmp.h"

struct isakmp_notify {
	uint32_t doi;
	uint8_t protocol;	/* enum isakmp_protocol */
	uint16_t type;		/* enum isakmp_notify_type */
	struct view spi;	/* both cookies for ISAKMP, 4 bytes for AH and ESP; peers send other sizes, too */
	struct view data;	/* RESPONDER-LIFETIME: attributes of phase 2 (or 1, with protocol ISAKMP); DPD: a number */
};

/* WIRE_SHORT. SPI sizes are not judged. */
RD_MUST_CHECK int isakmp_notify_get(struct isakmp_notify *n, struct view body);
void isakmp_notify_put(struct wr *w, const struct isakmp_notify *n);

/* The SPI of a notification about AH or ESP in host order; false when it has none of 4 bytes. */
bool isakmp_notify_spi(const struct isakmp_notify *n, uint32_t *spi);
/* The sequence number of R-U-THERE and its ACK (RFC 3706 5.3); false when it is not 4 bytes. */
bool isakmp_notify_dpd(const struct isakmp_notify *n, uint32_t *seq);

#endif
