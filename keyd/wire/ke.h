/* SPDX-License-Identifier: MIT */
/* The Key Exchange payload (RFC 7296 3.4). */
#ifndef KEYD_WIRE_KE_H
#define KEYD_WIRE_KE_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

struct wire_ke {
	uint16_t group;		/* enum ikev2_dh */
	struct view data;	/* never empty; whether its length fits the group is for crypto to say */
};

RD_MUST_CHECK int wire_ke_get(struct wire_ke *ke, struct view body);
void wire_ke_put(struct wr *w, const struct wire_ke *ke);

#endif
