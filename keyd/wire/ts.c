// SPDX-License-Identifier: MIT
// The Traffic Selector payloads.
#include "keyd/wire/ts.h"
#include "keyd/wire/ikev2.h"

#include <string.h>

#define RESERVED_LEN 3
#define PREFIX_LEN 4	/* type, protocol, length */
#define PORTS_LEN 4

static uint8_t addr_len_of(uint8_t type)
{
	switch (type) {
	case IKEV2_TS_IPV4_ADDR_RANGE:
		return 4;
	case IKEV2_TS_IPV6_ADDR_RANGE:
		return 16;
	default:
		return 0;
	}
}

static bool ports_are_opaque(const struct wire_ts *ts)
{
	return ts->port_start == UINT16_MAX && ts->port_end == 0;
}

static int ranges_get(struct wire_ts *ts, struct rd *r)
{
	struct view start, end;

	if (rd_u16(r, &ts->port_start) || rd_u16(r, &ts->port_end) || rd_view(r, ts->addr_len, &start) ||
	    rd_view(r, ts->addr_len, &end) || rd_left(r))
		return WIRE_LENGTH;
	memcpy(ts->start, start.p, start.n);
	memcpy(ts->end, end.p, end.n);
	if (memcmp(ts->start, ts->end, ts->addr_len) > 0 || (ts->port_start > ts->port_end && !ports_are_opaque(ts)))
		return WIRE_RANGE;
	return WIRE_OK;
}

/* addr_len stays 0 when the type is one we do not know. */
static int selector_get(struct wire_ts *ts, struct rd *r)
{
	uint16_t length;
	struct rd body;

	*ts = (struct wire_ts){ 0 };
	if (rd_u8(r, &ts->type) || rd_u8(r, &ts->proto) || rd_u16(r, &length))
		return WIRE_SHORT;
	if (length < PREFIX_LEN || rd_sub(r, length - PREFIX_LEN, &body))
		return WIRE_LENGTH;
	ts->addr_len = addr_len_of(ts->type);
	return ts->addr_len ? ranges_get(ts, &body) : WIRE_OK;
}

int wire_ts_get(struct wire_ts_list *l, struct view body)
{
	struct rd r = rd_of_view(body);
	unsigned n = 0;
	uint8_t count;

	l->n = 0;
	l->skipped = false;
	if (rd_u8(&r, &count) || rd_skip(&r, RESERVED_LEN))
		return WIRE_SHORT;
	for (unsigned i = 0; i < count; i++) {
		struct wire_ts ts;
		int error;

		if (!rd_left(&r))
			return WIRE_COUNT;
		error = selector_get(&ts, &r);
		if (error)
			return error;
		if (ts.addr_len && n < WIRE_TS_MAX)
			l->ts[n++] = ts;
		else
			l->skipped = true;
	}
	if (rd_left(&r))
		return WIRE_COUNT;
	l->n = n;
	return WIRE_OK;
}

void wire_ts_put(struct wr *w, const struct wire_ts_list *l)
{
	wr_u8(w, (uint8_t)l->n);
	wr_zero(w, RESERVED_LEN);
	for (unsigned i = 0; i < l->n; i++) {
		const struct wire_ts *ts = &l->ts[i];

		wr_u8(w, ts->type);
		wr_u8(w, ts->proto);
		wr_u16(w, (uint16_t)(PREFIX_LEN + PORTS_LEN + 2 * ts->addr_len));
		wr_u16(w, ts->port_start);
		wr_u16(w, ts->port_end);
		wr_mem(w, ts->start, ts->addr_len);
		wr_mem(w, ts->end, ts->addr_len);
	}
}
