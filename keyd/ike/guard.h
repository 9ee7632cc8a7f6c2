/* SPDX-License-Identifier: MIT */
/*
 * Guards of pools: policies that drop what goes to an address that no client has now, or comes from it outside of a tunnel.
 * Without them, packets for a client that has just gone would leave in clear. And those that "drop" of keyd.conf asks for.
 */
#ifndef KEYD_IKE_GUARD_H
#define KEYD_IKE_GUARD_H

#include "keyd/ike/engine_state.h"

void guards_free(struct engine *e);
/* The configuration has changed. 0 or -1 without memory. */
int guards_configure(struct engine *e);
/* All of them into the kernel, whether they are there or not. */
void guards_assert(struct engine *e);
bool guard_is_own(const struct ipsec_policy *pol);
/* One of ours is there, or is gone. */
void guard_heard(struct engine *e, const struct ipsec_policy *pol);
void guard_vanished(struct engine *e, const struct ipsec_policy *pol);

#endif
