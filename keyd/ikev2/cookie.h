/* SPDX-License-Identifier: MIT */
/* Cookies against floods of half-open SAs (RFC 7296 2.6). */
#ifndef KEYD_IKEV2_COOKIE_H
#define KEYD_IKEV2_COOKIE_H

#include "keyd/ike/engine_state.h"
#include "keyd/wire/payload.h"

#define COOKIE_LEN 33

/* The cookie that a sender must show: bound to its nonce, address, port and SPI, and to a secret that changes. */
int cookie_make(struct engine *e, const struct engine_datagram *d, const struct wire_message *m, struct view nonce,
		uint8_t out[COOKIE_LEN]);
/* Does m show a cookie made now or a short while ago? */
bool cookie_shown(struct engine *e, const struct engine_datagram *d, const struct wire_message *m, struct view nonce);

#endif
