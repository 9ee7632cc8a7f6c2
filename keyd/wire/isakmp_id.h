/* SPDX-License-Identifier: MIT */
/* The Identification payload (RFC 2407 4.6.2): who somebody is in phase 1, what traffic is meant in phase 2. */
#ifndef KEYD_WIRE_ISAKMP_ID_H
#define KEYD_WIRE_ISAKMP_ID_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"
#include "keyd/wire/isakmp.h"

struct isakmp_id {
	uint8_t type;		/* enum isakmp_id_type */
	uint8_t proto;		/* IP protocol, 0: any; phase 1: 0 or 17 */
	uint16_t port;		/* 0: any; phase 1: 0, 500 or 4500 */
	struct view data;	/* addresses: 4 or 16 bytes; subnets (address, mask) and ranges (first, last): twice that */
};

/*
 * WIRE_SHORT; WIRE_LENGTH when addresses have another length. The hashes cover the payload's body as it was sent (IDii_b):
 * take it from the wire_payload, not from here.
 */
RD_MUST_CHECK int isakmp_id_get(struct isakmp_id *id, struct view body);
void isakmp_id_put(struct wr *w, const struct isakmp_id *id);

/* What an address, a subnet or a range of phase 2 covers, both ends included; len: 4 or 16. */
struct isakmp_id_range {
	uint8_t len, first[16], last[16];
};

/* WIRE_VALUE: no such type, or a mask with holes; WIRE_RANGE: it ends before it starts. */
RD_MUST_CHECK int isakmp_id_range(const struct isakmp_id *id, struct isakmp_id_range *r);
/*
 * The other way round: an address, else a subnet where it is one, else a range. data of *id points into buf, which has 32
 * bytes; proto and port are left as they are.
 */
void isakmp_id_of_range(struct isakmp_id *id, const struct isakmp_id_range *r, uint8_t buf[32]);

/* NAT-OA, RFC 3947 5.2: an address as in an ID payload. WIRE_SHORT, WIRE_LENGTH, WIRE_VALUE (no address). */
RD_MUST_CHECK int isakmp_nat_oa_get(struct view *addr, struct view body);
/* addr: 4 or 16 bytes. */
void isakmp_nat_oa_put(struct wr *w, struct view addr);

#endif
