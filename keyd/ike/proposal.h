/* SPDX-License-Identifier: MIT */
/* Offering and choosing proposals (RFC 7296 2.7 and 3.3), and saying in words where two sides differ. */
#ifndef KEYD_IKE_PROPOSAL_H
#define KEYD_IKE_PROPOSAL_H

#include "keyd/conf/conf.h"
#include "keyd/crypto/alg.h"
#include "keyd/wire/sa.h"

/* What one proposal came down to. prf only for IKE; integ NULL with AEAD; ke NULL: none. */
struct proposal_choice {
	uint8_t number;			/* as the initiator numbered it */
	const struct crypto_alg *encr, *prf, *integ, *ke;
	bool esn;
	unsigned none;			/* 1u << type: answered by NONE, because it was offered so */
	struct view spi;		/* the peer's, in the message that it came in */
};

enum proposal_ke {
	PROPOSAL_KE_NONE,		/* no KE transform: the child of IKE_AUTH */
	PROPOSAL_KE_REQUIRED,		/* IKE SAs */
	PROPOSAL_KE_OPTIONAL,		/* children: wanted, but not refused without */
};

/* What we would propose: protocol is IKEV2_PROTO_*; spi is ours (empty in IKE_SA_INIT) and must outlive *out. */
void proposal_offer(const struct conf_proposals *ours, uint8_t protocol, struct view spi, enum proposal_ke ke,
		    struct wire_sa *out);
/* Our first proposal that one of theirs fits, in our order of preference. False: none fits. */
bool proposal_choose(const struct conf_proposals *ours, const struct wire_sa *theirs, uint8_t protocol,
		     enum proposal_ke ke, struct proposal_choice *out);
/*
 * What theirs, one proposal, has nothing in common with ours in: 1u << type of transform for each; 0: it fits, and *c
 * is the choice. A bit above ESN: it demands something that nobody here knows. ~0: it is for another protocol.
 */
unsigned proposal_differs(const struct conf_proposal *ours, const struct wire_proposal *theirs, uint8_t protocol,
			  enum proposal_ke ke, struct proposal_choice *c);
/* Is theirs, an answer, exactly one choice from what proposal_offer made of ours? */
bool proposal_check(const struct conf_proposals *ours, const struct wire_sa *theirs, uint8_t protocol,
		    enum proposal_ke ke, struct proposal_choice *out);
/* The choice as the one proposal of an answer. */
void proposal_answer(const struct proposal_choice *c, uint8_t protocol, struct view spi, struct wire_sa *out);

/* Does a proposal of ours for this protocol have this group? */
bool proposal_has_group(const struct conf_proposals *ours, uint16_t group);
/* The group that we prefer, or NULL. */
const struct crypto_alg *proposal_first_group(const struct conf_proposals *ours);

/* "aes128gcm16/aes256gcm16-prfsha256-x25519/ecp256, …" into buf[n], returned. */
const char *proposal_format(const struct wire_sa *sa, char *buf, size_t n);
/*
 * Why proposal_choose found nothing: which of theirs is nearest to one of ours, in what kinds of transform they differ,
 * and what to add on which side. One sentence without its full stop into buf[n], returned.
 */
const char *proposal_explain(const struct conf_proposals *ours, const struct wire_sa *theirs, uint8_t protocol,
			     enum proposal_ke ke, char *buf, size_t n);
const char *proposal_choice_format(const struct proposal_choice *c, char *buf, size_t n);

#endif
