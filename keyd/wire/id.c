// SPDX-License-Identifier: MIT
// The Identification payloads.
#include "keyd/wire/id.h"
#include "keyd/wire/ikev2.h"

#define RESERVED_LEN 3

int wire_id_get(struct wire_id *id, struct view body)
{
	struct rd r = rd_of_view(body);
	struct wire_id got;

	if (rd_u8(&r, &got.type) || rd_skip(&r, RESERVED_LEN))
		return WIRE_SHORT;
	got.data = rd_rest(&r);
	if ((got.type == IKEV2_ID_IPV4_ADDR && got.data.n != 4) || (got.type == IKEV2_ID_IPV6_ADDR && got.data.n != 16))
		return WIRE_LENGTH;
	*id = got;
	return WIRE_OK;
}

void wire_id_put(struct wr *w, const struct wire_id *id)
{
	wr_u8(w, id->type);
	wr_zero(w, RESERVED_LEN);
	wr_put(w, id->data);
}
