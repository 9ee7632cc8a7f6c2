/* SPDX-License-Identifier: MIT */
/*
 * SA payloads of IKEv1: each transform is a whole suite (RFC 2407 4.5, RFC 2409 appendix A). A suite is compared, and told of, as a
 * proposal of IKEv2 that has one transform of each type, so that proposal.h chooses and explains for both versions.
 */
#ifndef KEYD_IKEV1_PROPOSAL_H
#define KEYD_IKEV1_PROPOSAL_H

#include "keyd/ike/proposal.h"
#include "keyd/wire/isakmp_attr.h"
#include "keyd/wire/isakmp_sa.h"

/* Transforms of an offer, at most; more than that would fill several datagrams. */
#define V1_OFFER_MAX 24
#define V1_ATTRS_MAX 64			/* bytes of one's attributes */

/* A payload of ours; attributes and SPI stand beside it, so it is not to be copied. */
struct v1_offer {
	struct isakmp_sa sa;
	uint8_t spi[4];
	uint8_t attrs[V1_OFFER_MAX][V1_ATTRS_MAX];
};

/* What one transform came down to. Views point into the message. */
struct v1_choice {
	struct proposal_choice algs;
	const struct isakmp_proposal *proposal;
	const struct isakmp_transform *transform;
	struct isakmp_life life;	/* 0: not stated */
	uint16_t method, encap;		/* phase 1: enum isakmp_auth; phase 2: enum isakmp_encap */
	uint32_t spi;			/* phase 2: the peer's */
};

/* Phase 1: what the section offers and IKEv1 has a number for. only NULL: every group; else this one alone. */
void v1_offer_ike(const struct conf_peer *conf, uint16_t method, const struct crypto_alg *only, struct v1_offer *o);
/* Our first suite that one of theirs is. method 0: any. False: none is. */
bool v1_choose_ike(const struct conf_peer *conf, uint16_t method, const struct isakmp_sa *theirs, struct v1_choice *c);

/* Phase 2; group NULL: without PFS. Lifetimes as they are said to the peer; 0 kilobytes: none. */
struct v1_ask {
	uint32_t spi;
	uint16_t encap;
	const struct crypto_alg *group;
	struct isakmp_life life;
};
void v1_offer_esp(const struct conf_proposals *ours, const struct v1_ask *ask, struct v1_offer *o);
/* encap 0: any mode that we know. group: PROPOSAL_KE_OPTIONAL or _NONE, as in IKEv2. */
bool v1_choose_esp(const struct conf_proposals *ours, uint16_t encap, enum proposal_ke ke, const struct isakmp_sa *theirs,
		   struct v1_choice *c);

/* Does an answer hold exactly one suite? */
bool v1_is_answer(const struct isakmp_sa *sa);
/* The choice as the one proposal of an answer, its attributes byte by byte (RFC 2409 5). spi 0: phase 1. */
void v1_answer(const struct v1_choice *c, uint32_t spi, struct v1_offer *o);

/* Proposals of the section without what IKEv1 cannot name. */
void v1_proposals(const struct conf_proposals *all, bool esp, struct conf_proposals *out);
/* The suites of a payload, as far as there is room, for proposal_format and proposal_explain. */
void v1_as_proposals(const struct isakmp_sa *sa, bool esp, struct wire_sa *out);
/* The group for an exchange that has one only; NULL: the section has none for IKEv1. */
const struct crypto_alg *v1_first_group(const struct conf_peer *conf);

#endif
