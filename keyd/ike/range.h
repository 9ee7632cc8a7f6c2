/* SPDX-License-Identifier: MIT */
/* Ranges of addresses as the prefixes that the kernel's policies want. */
#ifndef KEYD_IKE_RANGE_H
#define KEYD_IKE_RANGE_H

#include "keyd/kern/request.h"

/* The fewest prefixes that make up first to last. How many, or 0: more than max, or no range of one family. */
unsigned range_prefixes(const struct ipsec_addr *first, const struct ipsec_addr *last, struct kern_prefix *out, unsigned max);

#endif
