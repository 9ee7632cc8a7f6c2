// SPDX-License-Identifier: MIT
// The EAP payload.
#include "keyd/wire/eap.h"

int wire_eap_get(struct wire_eap *eap, struct view body)
{
	struct rd r = rd_of_view(body);
	uint8_t code, identifier;
	uint16_t length;

	if (rd_u8(&r, &code) || rd_u8(&r, &identifier) || rd_u16(&r, &length))
		return WIRE_SHORT;
	if (length != body.n)
		return WIRE_LENGTH;
	eap->data = body;
	return WIRE_OK;
}

void wire_eap_put(struct wr *w, const struct wire_eap *eap)
{
	wr_put(w, eap->data);
}
