/* SPDX-License-Identifier: MIT */
/*
 * SAs whose first packet somebody waits for. The kernel tells of packets to nobody while this is empty, and of each of these
 * SAs no more than once, or a few times until it has been asked to stop: what is busy costs nothing.
 */
#ifndef KEYD_KERN_AWAIT_H
#define KEYD_KERN_AWAIT_H

#include "keyd/util/table.h"
#include "pfkey/ipsec.h"

struct ipsec;

struct awaits {
	struct table by_spi;		/* struct await; slots NULL: not begun */
};

/*
 * Before sa is added: with ae IPSEC_AE_FIRST it is awaited, or, where that cannot be, its ae becomes IPSEC_AE_NEVER. For the
 * one with SPI settled (0: none) nobody waits any more.
 */
void await_prepare(struct awaits *a, struct ipsec *ip, struct ipsec_sa *sa, uint32_t settled);
/* It has not been added. What is not awaited is no error, here and elsewhere. */
void await_cancel(struct awaits *a, struct ipsec *ip, const struct ipsec_sa *sa);
/* What the kernel tells. False: nobody waits for that, it is to be kept from the engine. */
bool await_wanted(struct awaits *a, struct ipsec *ip, const struct ipsec_event *ev);
void awaits_free(struct awaits *a, struct ipsec *ip);

#endif
