/* SPDX-License-Identifier: MIT */
/* Kernel SAs that an earlier keyd left behind: traffic goes on over them until new ones are there. */
#ifndef KEYD_IKE_ORPHAN_H
#define KEYD_IKE_ORPHAN_H

#include "keyd/ike/child_sa.h"

#define ORPHANS_MAX 100000

/* c sends now: what it stands in for leaves the kernel, outbound when it has drained, inbound after the linger. */
void orphans_retire(const struct child_sa *c);
/* By command: those with a peer of that name or address (NULL or empty: with any) leave the kernel. How many. */
unsigned orphans_down(struct engine *e, const char *peer);
/* Is there one with this reqid? */
bool orphans_of(const struct engine *e, uint32_t reqid);
/* The kernel has the one with these no more. */
void orphan_gone(struct engine *e, const struct ipsec_addr *dst, uint32_t spi);
/* The SAD was flushed. */
void orphans_free(struct engine *e);

#endif
