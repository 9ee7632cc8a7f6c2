// SPDX-License-Identifier: MIT
// Offers and choices of algorithms.
#include "keyd/ike/proposal.h"

#include "keyd/wire/ikev2.h"

#include <stdio.h>
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

/* "NONE" may stand in for a type: INTEG with AEAD, KE where it is optional, ESN. */
static bool may_be_none(const struct wire_proposal *p, uint8_t type)
{
	bool present = false;

	for (unsigned i = 0; i < p->n; i++) {
		if (p->t[i].type != type)
			continue;
		present = true;
		if (p->t[i].id == 0)
			return true;
	}
	return !present;
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

static bool choose_esn(const struct conf_proposal *ours, const struct wire_proposal *theirs, bool *esn)
{
	bool named = false;

	for (unsigned i = 0; i < ours->n; i++) {
		if (ours->t[i].type != IKEV2_TRANSFORM_ESN)
			continue;
		named = true;
		if (has_transform(theirs, &ours->t[i])) {
			*esn = ours->t[i].id == IKEV2_ESN_ESN;
			return true;
		}
	}
	*esn = false;
	return !named && may_be_none(theirs, IKEV2_TRANSFORM_ESN);
}

static bool choose_ke(const struct conf_proposal *ours, const struct wire_proposal *theirs, enum proposal_ke ke,
		      struct proposal_choice *c)
{
	c->ke = NULL;
	if (ke != PROPOSAL_KE_NONE)
		c->ke = common(ours, theirs, IKEV2_TRANSFORM_DH);
	if (c->ke)
		return true;
	return ke != PROPOSAL_KE_REQUIRED && may_be_none(theirs, IKEV2_TRANSFORM_DH);
}

static bool fits(const struct conf_proposal *ours, const struct wire_proposal *theirs, uint8_t protocol,
		 enum proposal_ke ke, struct proposal_choice *c)
{
	if (theirs->protocol != protocol || wire_proposal_types(theirs) & ~0x3eu)
		return false;
	*c = (struct proposal_choice){ .number = theirs->number, .spi = theirs->spi };
	c->encr = common(ours, theirs, IKEV2_TRANSFORM_ENCR);
	if (!c->encr)
		return false;
	if (!c->encr->aead) {
		c->integ = common(ours, theirs, IKEV2_TRANSFORM_INTEG);
		if (!c->integ)
			return false;
	} else if (!may_be_none(theirs, IKEV2_TRANSFORM_INTEG)) {
		return false;
	}
	if (protocol == IKEV2_PROTO_IKE) {
		c->prf = common(ours, theirs, IKEV2_TRANSFORM_PRF);
		if (!c->prf)
			return false;
	} else if (!choose_esn(ours, theirs, &c->esn)) {
		return false;
	}
	return choose_ke(ours, theirs, ke, c);
}

bool proposal_choose(const struct conf_proposals *ours, const struct wire_sa *theirs, uint8_t protocol,
		     enum proposal_ke ke, struct proposal_choice *out)
{
	for (unsigned i = 0; i < ours->n; i++)
		for (unsigned k = 0; k < theirs->n; k++)
			if (fits(&ours->p[i], &theirs->p[k], protocol, ke, out))
				return true;
	return false;
}

bool proposal_check(const struct conf_proposals *ours, const struct wire_sa *theirs, uint8_t protocol,
		    enum proposal_ke ke, struct proposal_choice *out)
{
	unsigned seen[TYPES] = { 0 };
	const struct wire_proposal *p = &theirs->p[0];

	if (theirs->n != 1 || p->number < 1 || p->number > ours->n)
		return false;
	for (unsigned i = 0; i < p->n; i++)
		if (p->t[i].type >= TYPES || seen[p->t[i].type]++)
			return false;
	return fits(&ours->p[p->number - 1], p, protocol, ke, out);
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

static const char *transform_word(const struct wire_transform *t, char *buf, size_t n)
{
	const struct crypto_alg *alg = NULL;
	const char *name;

	if (t->type == IKEV2_TRANSFORM_ESN)
		return t->id ? "esn" : "noesn";
	if (t->type && t->type < IKEV2_TRANSFORM_ESN)
		alg = crypto_alg_by_id((enum crypto_kind)t->type, t->id, t->key_bits);
	if (alg)
		return alg->name;
	name = ikev2_transform_name(t->type, t->id);
	if (!strcmp(name, "?"))
		snprintf(buf, n, "type%u:%u", t->type, t->id);
	else if (t->key_bits)
		snprintf(buf, n, "%s_%u", name, t->key_bits);
	else
		snprintf(buf, n, "%s", name);
	return buf;
}

/* Alternatives are joined by '/', types by '-', in the order that the configuration has them. */
static size_t format_proposal(const struct wire_proposal *p, char *buf, size_t n)
{
	static const uint8_t order[] = { IKEV2_TRANSFORM_ENCR, IKEV2_TRANSFORM_INTEG, IKEV2_TRANSFORM_PRF,
					 IKEV2_TRANSFORM_DH, IKEV2_TRANSFORM_ESN };
	char word[64];
	size_t used = 0;

	for (unsigned k = 0; k < sizeof(order); k++) {
		bool first = true;

		for (unsigned i = 0; i < p->n && used < n; i++) {
			if (p->t[i].type != order[k])
				continue;
			used += (size_t)snprintf(buf + used, n - used, "%s%s", !first ? "/" : used ? "-" : "",
						 transform_word(&p->t[i], word, sizeof(word)));
			first = false;
		}
	}
	return used;
}

const char *proposal_format(const struct wire_sa *sa, char *buf, size_t n)
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < sa->n && used < n; i++) {
		if (i)
			used += (size_t)snprintf(buf + used, n - used, ", ");
		if (used < n)
			used += format_proposal(&sa->p[i], buf + used, n - used);
	}
	if (!sa->n)
		snprintf(buf, n, "nothing that we know");
	return buf;
}

const char *proposal_choice_format(const struct proposal_choice *c, char *buf, size_t n)
{
	const struct crypto_alg *algs[] = { c->encr, c->integ, c->prf, c->ke };
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < sizeof(algs) / sizeof(algs[0]) && used < n; i++)
		if (algs[i])
			used += (size_t)snprintf(buf + used, n - used, "%s%s", used ? "-" : "", algs[i]->name);
	if (c->esn && used < n)
		snprintf(buf + used, n - used, "-esn");
	return buf;
}
