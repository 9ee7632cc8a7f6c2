// SPDX-License-Identifier: MIT
// The Vendor ID payload.
#include "keyd/wire/vendor.h"

int wire_vendor_get(struct wire_vendor *v, struct view body)
{
	v->data = body;
	return WIRE_OK;
}

void wire_vendor_put(struct wr *w, const struct wire_vendor *v)
{
	wr_put(w, v->data);
}
