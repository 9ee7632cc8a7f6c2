/* SPDX-License-Identifier: MIT */
/* The Configuration payload (RFC 7296 3.15). */
#ifndef KEYD_WIRE_CP_H
#define KEYD_WIRE_CP_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

#include <stdbool.h>

struct wire_cp {
	uint8_t type;		/* enum ikev2_cfg_type */
	struct view attrs;	/* well formed; read with wire_cp_next */
};

struct wire_cp_attr {
	uint16_t type;		/* enum ikev2_cfg_attr, without the reserved bit */
	struct view value;
};

RD_MUST_CHECK int wire_cp_get(struct wire_cp *cp, struct view body);
void wire_cp_put(struct wr *w, const struct wire_cp *cp);
/* Start with r = rd_of_view(cp.attrs); false at the end. */
bool wire_cp_next(struct rd *r, struct wire_cp_attr *a);
/* Appends one attribute: either into a buffer that becomes cp.attrs, or straight behind a wire_cp_put without attrs. */
void wire_cp_attr_put(struct wr *w, const struct wire_cp_attr *a);

#endif
