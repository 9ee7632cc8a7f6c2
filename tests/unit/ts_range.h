/* SPDX-License-Identifier: MIT */
/* Traffic selectors from what tests write. */
#ifndef TESTS_UNIT_TS_RANGE_H
#define TESTS_UNIT_TS_RANGE_H

#include "keyd/wire/ts.h"
#include "pfkey/addr.h"

#include <string.h>

/* From address to address and from port to port. */
static inline struct wire_ts ts_range(const char *start, const char *end, uint8_t proto, uint16_t p0, uint16_t p1)
{
	struct wire_ts ts = { .proto = proto, .port_start = p0, .port_end = p1 };
	struct ipsec_addr a, b;

	ipsec_addr_parse(&a, start);
	ipsec_addr_parse(&b, end);
	ts.addr_len = (uint8_t)ipsec_addr_size(a.family);
	ts.type = a.family == AF_INET ? IKEV2_TS_IPV4_ADDR_RANGE : IKEV2_TS_IPV6_ADDR_RANGE;
	memcpy(ts.start, a.b, ts.addr_len);
	memcpy(ts.end, b.b, ts.addr_len);
	return ts;
}

#endif
