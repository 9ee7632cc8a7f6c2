/* SPDX-License-Identifier: MIT */
/* The Security Association payload: proposals and their transforms (RFC 2408 3.4 to 3.6, RFC 2407 4.6.1). */
#ifndef KEYD_WIRE_ISAKMP_SA_H
#define KEYD_WIRE_ISAKMP_SA_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"
#include "keyd/wire/isakmp.h"

#include <stdbool.h>

#define ISAKMP_PROPOSALS_MAX 32		/* of one payload */
#define ISAKMP_TRANSFORMS_MAX 192	/* of one payload, all proposals together */

struct isakmp_transform {
	uint8_t number, id;	/* id: ISAKMP_KEY_IKE, enum isakmp_esp, enum isakmp_ah */
	struct view attrs;	/* well formed; see isakmp_attr.h. An answer repeats them byte by byte (RFC 2409 5) */
};

/*
 * Proposals with the same number belong together: all of them or none (RFC 2408 4.2). Those with different ones are
 * alternatives in order of preference.
 */
struct isakmp_proposal {
	uint8_t number, protocol;	/* enum isakmp_protocol */
	struct view spi;		/* ISAKMP: 0 to 16 bytes, to be ignored; AH, ESP: 4; IPCOMP: 2 or 4 */
	unsigned first, n;		/* its transforms: isakmp_sa.t[first] and those behind it; alternatives */
};

struct isakmp_sa {
	uint32_t doi, situation;
	unsigned n;
	struct isakmp_proposal p[ISAKMP_PROPOSALS_MAX];
	unsigned nt;
	struct isakmp_transform t[ISAKMP_TRANSFORMS_MAX];
	bool skipped;			/* proposals or transforms were dropped: beyond the caps, or of other protocols */
};

/*
 * Must be well formed throughout; WIRE_SHORT, WIRE_LENGTH, WIRE_COUNT, WIRE_LAST, WIRE_SPI; WIRE_VALUE: another DOI or
 * situation than ISAKMP_DOI_IPSEC, ISAKMP_SIT_IDENTITY_ONLY (both are filled in then). Too much is dropped and flagged: with
 * a proposal those of the same number, so that one never chooses half of what belongs together. n can be 0 after dropping.
 * What a transform of an unknown protocol says is kept.
 */
RD_MUST_CHECK int isakmp_sa_get(struct isakmp_sa *sa, struct view body);
/* Proposals need not have their transforms in any order in t. */
void isakmp_sa_put(struct wr *w, const struct isakmp_sa *sa);

/* The SPI of an AH or ESP proposal in host order; 0 for others. */
uint32_t isakmp_proposal_spi(const struct isakmp_proposal *p);

#endif
