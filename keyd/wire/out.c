// SPDX-License-Identifier: MIT
// Building an IKEv2 message.
#include "keyd/wire/out.h"
#include "keyd/wire/payload.h"

#define NEXT_PAYLOAD_AT 16
#define CRITICAL 0x80

void wire_out_begin(struct wire_out *out, void *buf, size_t cap, const struct wire_header *h)
{
	struct wire_header first = *h;

	*out = (struct wire_out){ .w = wr_of(buf, cap), .next_at = NEXT_PAYLOAD_AT };
	first.next_payload = IKEV2_PL_NONE;
	first.length = 0;
	wire_header_put(&out->w, &first);
}

static size_t payload_begin(struct wire_out *out, uint8_t type, uint8_t flags)
{
	size_t mark = out->w.len;

	wr_patch_u8(&out->w, out->next_at, type);
	out->next_at = mark;
	wr_u8(&out->w, IKEV2_PL_NONE);
	wr_u8(&out->w, flags);
	wr_u16(&out->w, 0);
	return mark;
}

size_t wire_payload_begin(struct wire_out *out, uint8_t type)
{
	return payload_begin(out, type, 0);
}

size_t wire_payload_begin_critical(struct wire_out *out, uint8_t type)
{
	return payload_begin(out, type, CRITICAL);
}

void wire_payload_end(struct wire_out *out, size_t mark)
{
	size_t length = out->w.len - mark;

	if (length > UINT16_MAX)
		out->w.overflow = true;
	wr_patch_u16(&out->w, mark + 2, (uint16_t)length);
}

void wire_payload_put(struct wire_out *out, uint8_t type, struct view body)
{
	size_t mark = wire_payload_begin(out, type);

	wr_put(&out->w, body);
	wire_payload_end(out, mark);
}

int wire_out_end(struct wire_out *out, struct view *datagram)
{
	wire_header_finish(&out->w);
	if (!wr_ok(&out->w))
		return WIRE_FULL;
	*datagram = wr_view(&out->w);
	return WIRE_OK;
}
