// SPDX-License-Identifier: MIT
// The Configuration payload.
#include "keyd/wire/cp.h"

#define RESERVED_LEN 3
#define ATTR_RESERVED 0x8000	/* must be ignored (RFC 7296 3.15.1) */

static int attr_get(struct rd *r, struct wire_cp_attr *a)
{
	uint16_t type, length;

	if (rd_u16(r, &type) || rd_u16(r, &length))
		return WIRE_SHORT;
	if (rd_view(r, length, &a->value))
		return WIRE_LENGTH;
	a->type = type & ~ATTR_RESERVED;
	return WIRE_OK;
}

int wire_cp_get(struct wire_cp *cp, struct view body)
{
	struct rd r = rd_of_view(body), attrs;
	uint8_t type;

	if (rd_u8(&r, &type) || rd_skip(&r, RESERVED_LEN))
		return WIRE_SHORT;
	attrs = r;
	while (rd_left(&r)) {
		struct wire_cp_attr a;
		int error = attr_get(&r, &a);

		if (error)
			return error;
	}
	*cp = (struct wire_cp){ .type = type, .attrs = rd_rest(&attrs) };
	return WIRE_OK;
}

void wire_cp_put(struct wr *w, const struct wire_cp *cp)
{
	wr_u8(w, cp->type);
	wr_zero(w, RESERVED_LEN);
	wr_put(w, cp->attrs);
}

bool wire_cp_next(struct rd *r, struct wire_cp_attr *a)
{
	return rd_left(r) && !attr_get(r, a);
}

void wire_cp_attr_put(struct wr *w, const struct wire_cp_attr *a)
{
	if (a->value.n > UINT16_MAX)
		w->overflow = true;
	wr_u16(w, a->type & ~ATTR_RESERVED);
	wr_u16(w, (uint16_t)a->value.n);
	wr_put(w, a->value);
}
