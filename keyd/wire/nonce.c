// SPDX-License-Identifier: MIT
// The Nonce payload.
#include "keyd/wire/nonce.h"

int wire_nonce_get(struct wire_nonce *nonce, struct view body)
{
	if (body.n < WIRE_NONCE_MIN || body.n > WIRE_NONCE_MAX)
		return WIRE_LENGTH;
	nonce->data = body;
	return WIRE_OK;
}

void wire_nonce_put(struct wr *w, const struct wire_nonce *nonce)
{
	wr_put(w, nonce->data);
}
