/* SPDX-License-Identifier: MIT */
/* The Nonce payload (RFC 7296 3.9). */
#ifndef KEYD_WIRE_NONCE_H
#define KEYD_WIRE_NONCE_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

#define WIRE_NONCE_MIN 16
#define WIRE_NONCE_MAX 256

struct wire_nonce {
	struct view data;	/* 16 to 256 bytes */
};

/* WIRE_LENGTH outside 16 to 256 bytes. */
RD_MUST_CHECK int wire_nonce_get(struct wire_nonce *nonce, struct view body);
void wire_nonce_put(struct wr *w, const struct wire_nonce *nonce);

#endif
