/* SPDX-License-Identifier: MIT */
/* The Traffic Selector payloads TSi and TSr (RFC 7296 3.13). */
#ifndef KEYD_WIRE_TS_H
#define KEYD_WIRE_TS_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

#include <stdbool.h>

#define WIRE_TS_MAX 32

struct wire_ts {
	uint8_t type;			/* IKEV2_TS_IPV4_ADDR_RANGE or IKEV2_TS_IPV6_ADDR_RANGE */
	uint8_t proto;			/* IP protocol, 0: any */
	uint16_t port_start, port_end;	/* 0 to 65535: any; 65535 to 0: OPAQUE; ICMP: type << 8 | code */
	uint8_t start[16], end[16];	/* the first addr_len bytes count, the others are zero */
	uint8_t addr_len;		/* 4 or 16, after the type */
};

struct wire_ts_list {
	unsigned n;
	struct wire_ts ts[WIRE_TS_MAX];
	bool skipped;			/* selectors were dropped: of a type we do not know, or beyond the cap */
};

/*
 * The payload must be well formed throughout; WIRE_SHORT, WIRE_LENGTH, WIRE_COUNT (fewer or more selectors than it
 * says), WIRE_RANGE. What is unknown or too much is dropped and flagged; n can be 0.
 */
RD_MUST_CHECK int wire_ts_get(struct wire_ts_list *l, struct view body);
void wire_ts_put(struct wr *w, const struct wire_ts_list *l);

#endif
