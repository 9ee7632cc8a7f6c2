// SPDX-License-Identifier: MIT
// The Authentication payload.
#include "keyd/wire/auth.h"

#define RESERVED_LEN 3

int wire_auth_get(struct wire_auth *auth, struct view body)
{
	struct rd r = rd_of_view(body);
	struct wire_auth got;

	if (rd_u8(&r, &got.method) || rd_skip(&r, RESERVED_LEN) || !rd_left(&r))
		return WIRE_SHORT;
	got.data = rd_rest(&r);
	*auth = got;
	return WIRE_OK;
}

void wire_auth_put(struct wr *w, const struct wire_auth *auth)
{
	wr_u8(w, auth->method);
	wr_zero(w, RESERVED_LEN);
	wr_put(w, auth->data);
}
