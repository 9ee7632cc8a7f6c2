/* SPDX-License-Identifier: MIT */
/* SAs whose child has ended: they stay a while for packets that are still on their way (RFC 7296 2.8). */
#ifndef KEYD_IKE_STRAGGLER_H
#define KEYD_IKE_STRAGGLER_H

#include "keyd/ike/engine_state.h"

/* An outbound SA with a successor leaves the kernel after this long: packets that have taken it are then through. */
#define OUTBOUND_DRAIN SECONDS(1)

/* The SA leaves the kernel linger microseconds from now (0: now). Without memory it leaves now. */
void straggler_add(struct engine *e, const struct ipsec_sa_id *id, uint64_t linger);
/* The kernel has not got that one any more. An SA that has moved leaves another one of its SPI, at another address. */
void stragglers_forget(struct engine *e, const struct ipsec_sa_id *id);
/* It has none of them any more. */
void stragglers_free(struct engine *e);

#endif
