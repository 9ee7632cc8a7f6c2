/* SPDX-License-Identifier: MIT */
/* The Vendor ID payload (RFC 7296 3.12). */
#ifndef KEYD_WIRE_VENDOR_H
#define KEYD_WIRE_VENDOR_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

struct wire_vendor {
	struct view data;	/* may be empty */
};

RD_MUST_CHECK int wire_vendor_get(struct wire_vendor *v, struct view body);
void wire_vendor_put(struct wr *w, const struct wire_vendor *v);

#endif
