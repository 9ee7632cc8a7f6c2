/* SPDX-License-Identifier: MIT */
/*
 * Is the peer still there (RFC 7296 2.4)? What it has proved by IKE or ESP counts, and only when there is nothing it is
 * asked. One timer for each IKE SA, a handful of questions to the kernel, and never a dump.
 */
#ifndef KEYD_IKE_LIVENESS_H
#define KEYD_IKE_LIVENESS_H

#include "keyd/ike/ike_sa.h"

/* So many hints in a second make us look for the SA that is meant. */
#define LIVENESS_HINTS_PER_SECOND 1

/* From now on; does nothing where the configuration has dpd off. */
void liveness_start(struct ike_sa *sa);
void liveness_stop(struct ike_sa *sa);
/* Somebody says, without proof, that the peer has lost the SA (INVALID_IKE_SPI, ICMP): asks soon, but not often. */
void liveness_hint(struct ike_sa *sa);

#endif
