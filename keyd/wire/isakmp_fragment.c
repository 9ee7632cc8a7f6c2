// SPDX-License-Identifier: MIT
// The fragment payload of ISAKMP.
#include "keyd/wire/isakmp_fragment.h"

#define LAST 1

int isakmp_fragment_get(struct isakmp_fragment *f, struct view body)
{
	struct rd r = rd_of_view(body);
	struct isakmp_fragment got;
	uint8_t flags;

	if (rd_u16(&r, &got.id) || rd_u8(&r, &got.number) || rd_u8(&r, &flags) || !rd_left(&r))
		return WIRE_SHORT;
	if (!got.number)
		return WIRE_VALUE;
	got.last = flags & LAST;
	got.data = rd_rest(&r);
	*f = got;
	return WIRE_OK;
}

void isakmp_fragment_put(struct wr *w, const struct isakmp_fragment *f)
{
	wr_u16(w, f->id);
	wr_u8(w, f->number);
	wr_u8(w, f->last ? LAST : 0);
	wr_put(w, f->data);
}
