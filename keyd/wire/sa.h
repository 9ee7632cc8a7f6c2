/* SPDX-License-Identifier: MIT */
/* The Security Association payload: proposals and their transforms (RFC 7296 3.3). */
#ifndef KEYD_WIRE_SA_H
#define KEYD_WIRE_SA_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

#include <stdbool.h>

#define WIRE_PROPOSALS_MAX 16
#define WIRE_TRANSFORMS_MAX 32	/* of one proposal */

struct wire_transform {
	uint8_t type;		/* enum ikev2_transform_type, or one we do not know */
	uint16_t id;
	uint16_t key_bits;	/* Key Length attribute; 0: there is none */
};

struct wire_proposal {
	uint8_t number, protocol;
	struct view spi;	/* 0 or 8 bytes for IKE, 4 for AH and ESP */
	unsigned n;
	struct wire_transform t[WIRE_TRANSFORMS_MAX];
	bool skipped_unknown;	/* transforms were dropped: they carry an attribute we do not know, or exceed the cap */
};

struct wire_sa {
	unsigned n;
	struct wire_proposal p[WIRE_PROPOSALS_MAX];
	bool skipped;		/* proposals were dropped: beyond the cap, or nothing left of a type they demand */
};

/*
 * The payload is walked to its end and must be well formed throughout: lengths, counts, "last" fields, SPI sizes,
 * attribute formats, proposal numbers that rise. What is merely unknown or too much is dropped and flagged. A proposal
 * is dropped as a whole when it demands a transform type of which no transform was kept, so one can never choose from
 * it as if it had not asked for that type. A payload without proposals is WIRE_SHORT; n can be 0 after dropping.
 */
RD_MUST_CHECK int wire_sa_get(struct wire_sa *sa, struct view body);
void wire_sa_put(struct wr *w, const struct wire_sa *sa);

/*
 * The transform types that p demands, 1u << type; bit 0 stands for all above 31. A type that is not understood makes the
 * proposal unacceptable (RFC 7296 3.3.6).
 */
uint32_t wire_proposal_types(const struct wire_proposal *p);

#endif
