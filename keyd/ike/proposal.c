// SPDX-License-Identifier: MIT
// Offers and choices of algorithms.
#include "keyd/ike/proposal.h"

#include "keyd/wire/ikev2.h"

#include <string.h>

#define TYPES 6		/* transform types 1 to 5 */

static bool wanted_type(uint8_t protocol, enum proposal_ke ke, uint8_t type)
{
	switch (type) {
	case IKEV2_TRANSFORM_PRF:
		return protocol == IKEV2_PROTO_IKE;
	case IKEV2_TRANSFORM_ESN:
		return protocol != IKEV2_PROTO_IKE;
	case IKEV2_TRANSFORM_DH:
		return ke != PROPOSAL_KE_NONE;
	default:
		return type < TYPES;
	}
}

void proposal_offer(const struct conf_proposals *ours, uint8_t protocol, struct view spi, enum proposal_ke ke,
		    struct wire_sa *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < ours->n; i++) {
		const struct conf_proposal *from = &ours->p[i];
		struct wire_proposal *p = &out->p[out->n++];

		p->number = (uint8_t)out->n;
		p->protocol = protocol;
		p->spi = spi;
		for (unsigned k = 0; k < from->n && p->n < WIRE_TRANSFORMS_MAX; k++)
			if (wanted_type(protocol, ke, from->t[k].type))
				p->t[p->n++] = (struct wire_transform){ from->t[k].type, from->t[k].id,
									from->t[k].key_bits };
	}
}

static bool has_transform(const struct wire_proposal *p, const struct conf_transform *t)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->t[i].type == t->type && p->t[i].id == t->id && p->t[i].key_bits == t->key_bits)
			return true;
	return false;
}

static bool has_type(const struct wire_proposal *p, uint8_t type)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->t[i].type == type)
			return true;
	return false;
}

/*
 * "NONE" may stand in for a type: INTEG beside an AEAD, KE where it is optional. It is the same as leaving the type out
 * (RFC 7296 3.3.3), and what was named is answered.
 */
static bool agree_on_none(const struct wire_proposal *theirs, uint8_t type, struct proposal_choice *c)
{
	const struct conf_transform none = { type, 0, 0 };

	if (!has_type(theirs, type))
		return true;
	if (!has_transform(theirs, &none))
		return false;
	c->none |= 1u << type;
	return true;
}

static const struct crypto_alg *common(const struct conf_proposal *ours, const struct wire_proposal *theirs,
				       uint8_t type)
{
	for (unsigned i = 0; i < ours->n; i++) {
		const struct conf_transform *t = &ours->t[i];
		const struct crypto_alg *alg;

		if (t->type != type || !has_transform(theirs, t))
			continue;
		alg = crypto_alg_by_id((enum crypto_kind)type, t->id, t->key_bits);
		if (alg)
			return alg;
	}
	return NULL;
}

/* ESP must have one (RFC 7296 3.3.3), and we always do. */
static bool choose_esn(const struct conf_proposal *ours, const struct wire_proposal *theirs, bool *esn)
{
	for (unsigned i = 0; i < ours->n; i++) {
		if (ours->t[i].type != IKEV2_TRANSFORM_ESN || !has_transform(theirs, &ours->t[i]))
			continue;
		*esn = ours->t[i].id == IKEV2_ESN_ESN;
		return true;
	}
	return false;
}

static bool choose_integ(const struct conf_proposal *ours, const struct wire_proposal *theirs,
			 struct proposal_choice *c)
{
	bool named = false;

	if (c->encr && c->encr->aead)
		return agree_on_none(theirs, IKEV2_TRANSFORM_INTEG, c);
	c->integ = common(ours, theirs, IKEV2_TRANSFORM_INTEG);
	for (unsigned i = 0; i < ours->n; i++)
		named = named || ours->t[i].type == IKEV2_TRANSFORM_INTEG;
	/* Where there is no encryption in common either, it is told all the same whether they are of one kind. */
	return c->integ || (!c->encr && !named && agree_on_none(theirs, IKEV2_TRANSFORM_INTEG, c));
}

static bool choose_ke(const struct conf_proposal *ours, const struct wire_proposal *theirs, enum proposal_ke ke,
		      struct proposal_choice *c)
{
	if (ke != PROPOSAL_KE_NONE)
		c->ke = common(ours, theirs, IKEV2_TRANSFORM_DH);
	return c->ke || (ke != PROPOSAL_KE_REQUIRED && agree_on_none(theirs, IKEV2_TRANSFORM_DH, c));
}

#define BIT(type) (1u << (type))
#define KNOWN_TYPES (BIT(IKEV2_TRANSFORM_ENCR) | BIT(IKEV2_TRANSFORM_PRF) | BIT(IKEV2_TRANSFORM_INTEG) | \
		     BIT(IKEV2_TRANSFORM_DH) | BIT(IKEV2_TRANSFORM_ESN))

unsigned proposal_differs(const struct conf_proposal *ours, const struct wire_proposal *theirs, uint8_t protocol,
			  enum proposal_ke ke, struct proposal_choice *c)
{
	/* A type that the protocol does not have is as unknown as any other (RFC 7296 3.3.3, 3.3.6). */
	unsigned foreign = protocol == IKEV2_PROTO_IKE ? BIT(IKEV2_TRANSFORM_ESN) : BIT(IKEV2_TRANSFORM_PRF);
	unsigned differ = wire_proposal_types(theirs) & (~KNOWN_TYPES | foreign);

	*c = (struct proposal_choice){ .number = theirs->number, .spi = theirs->spi };
	if (theirs->protocol != protocol)
		return ~0u;
	c->encr = common(ours, theirs, IKEV2_TRANSFORM_ENCR);
	if (!c->encr)
		differ |= BIT(IKEV2_TRANSFORM_ENCR);
	if (!choose_integ(ours, theirs, c))
		differ |= BIT(IKEV2_TRANSFORM_INTEG);
	if (protocol == IKEV2_PROTO_IKE) {
		c->prf = common(ours, theirs, IKEV2_TRANSFORM_PRF);
		if (!c->prf)
			differ |= BIT(IKEV2_TRANSFORM_PRF);
	} else if (!choose_esn(ours, theirs, &c->esn)) {
		differ |= BIT(IKEV2_TRANSFORM_ESN);
	}
	if (!choose_ke(ours, theirs, ke, c))
		differ |= BIT(IKEV2_TRANSFORM_DH);
	return differ;
}

bool proposal_choose(const struct conf_proposals *ours, const struct wire_sa *theirs, uint8_t protocol,
		     enum proposal_ke ke, struct proposal_choice *out)
{
	for (unsigned i = 0; i < ours->n; i++)
		for (unsigned k = 0; k < theirs->n; k++)
			if (!proposal_differs(&ours->p[i], &theirs->p[k], protocol, ke, out))
				return true;
	return false;
}

static bool names_group(const struct conf_proposal *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->t[i].type == IKEV2_TRANSFORM_DH)
			return true;
	return false;
}

bool proposal_check(const struct conf_proposals *ours, const struct wire_sa *theirs, uint8_t protocol,
		    enum proposal_ke ke, struct proposal_choice *out)
{
	const struct wire_proposal *p = &theirs->p[0];
	const struct conf_proposal *offered;
	unsigned seen[TYPES] = { 0 };

	if (theirs->n != 1 || theirs->skipped || p->skipped_unknown || p->number < 1 || p->number > ours->n)
		return false;
	for (unsigned i = 0; i < p->n; i++)
		if (p->t[i].type >= TYPES || seen[p->t[i].type]++)
			return false;
	offered = &ours->p[p->number - 1];
	/* We offer no NONE: a peer that leaves the key exchange out takes something away. */
	if (ke == PROPOSAL_KE_OPTIONAL && names_group(offered))
		ke = PROPOSAL_KE_REQUIRED;
	return !proposal_differs(offered, p, protocol, ke, out);
}

static void add(struct wire_proposal *p, uint8_t type, const struct crypto_alg *alg)
{
	if (alg)
		p->t[p->n++] = (struct wire_transform){ type, alg->ikev2_id, alg->key_bits };
}

void proposal_answer(const struct proposal_choice *c, uint8_t protocol, struct view spi, struct wire_sa *out)
{
	struct wire_proposal *p = &out->p[0];

	memset(out, 0, sizeof(*out));
	out->n = 1;
	p->number = c->number;
	p->protocol = protocol;
	p->spi = spi;
	add(p, IKEV2_TRANSFORM_ENCR, c->encr);
	add(p, IKEV2_TRANSFORM_PRF, c->prf);
	add(p, IKEV2_TRANSFORM_INTEG, c->integ);
	add(p, IKEV2_TRANSFORM_DH, c->ke);
	for (uint8_t type = 1; type < TYPES; type++)
		if (c->none & BIT(type))
			p->t[p->n++] = (struct wire_transform){ type, 0, 0 };
	if (protocol != IKEV2_PROTO_IKE)
		p->t[p->n++] = (struct wire_transform){ IKEV2_TRANSFORM_ESN, c->esn ? IKEV2_ESN_ESN : IKEV2_ESN_NONE,
							0 };
}

bool proposal_has_group(const struct conf_proposals *ours, uint16_t group)
{
	for (unsigned i = 0; i < ours->n; i++)
		for (unsigned k = 0; k < ours->p[i].n; k++)
			if (ours->p[i].t[k].type == IKEV2_TRANSFORM_DH && ours->p[i].t[k].id == group)
				return true;
	return false;
}

const struct crypto_alg *proposal_first_group(const struct conf_proposals *ours)
{
	for (unsigned i = 0; i < ours->n; i++) {
		for (unsigned k = 0; k < ours->p[i].n; k++) {
			const struct conf_transform *t = &ours->p[i].t[k];

			if (t->type == IKEV2_TRANSFORM_DH && crypto_alg_by_id(CRYPTO_KE, t->id, 0))
				return crypto_alg_by_id(CRYPTO_KE, t->id, 0);
		}
	}
	return NULL;
}
