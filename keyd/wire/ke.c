// SPDX-License-Identifier: MIT
// The Key Exchange payload.
#include "keyd/wire/ke.h"

int wire_ke_get(struct wire_ke *ke, struct view body)
{
	struct rd r = rd_of_view(body);
	struct wire_ke got;
	uint16_t reserved;

	if (rd_u16(&r, &got.group) || rd_u16(&r, &reserved) || !rd_left(&r))
		return WIRE_SHORT;
	got.data = rd_rest(&r);
	*ke = got;
	return WIRE_OK;
}

void wire_ke_put(struct wr *w, const struct wire_ke *ke)
{
	wr_u16(w, ke->group);
	wr_u16(w, 0);
	wr_put(w, ke->data);
}
