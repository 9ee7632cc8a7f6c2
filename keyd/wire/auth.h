/* SPDX-License-Identifier: MIT */
/* The Authentication payload (RFC 7296 3.8). */
#ifndef KEYD_WIRE_AUTH_H
#define KEYD_WIRE_AUTH_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

struct wire_auth {
	uint8_t method;		/* enum ikev2_auth_method */
	struct view data;	/* never empty */
};

RD_MUST_CHECK int wire_auth_get(struct wire_auth *auth, struct view body);
void wire_auth_put(struct wr *w, const struct wire_auth *auth);

#endif
