/* SPDX-License-Identifier: MIT */
/* Exchanges of both sides that cross: which of the two SAs that they make is the one too many (RFC 7296 2.8.1, 2.8.2). */
#ifndef KEYD_IKEV2_COLLIDE_H
#define KEYD_IKEV2_COLLIDE_H

#include "keyd/ike/exchange.h"

/*
 * Compares as strings of octets; where one is the beginning of the other, the shorter one is lower. Nonces are no secrets.
 */
bool collide_lower(struct view a, struct view b);
/* The lower one. */
struct view collide_lowest(struct view a, struct view b);
/* The peer's exchange with these nonces crosses ours. The caller sets ours->rival.child or .ike. 0, or -1 without memory. */
int collide_note(struct exchange *ours, struct view ni, struct view nr);
/* x, which has both its nonces, has the lowest of the four: what it made is redundant. False if nothing crossed it. */
bool collide_lost(const struct exchange *x);

#endif
