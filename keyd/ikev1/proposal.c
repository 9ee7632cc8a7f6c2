// SPDX-License-Identifier: MIT
// SA payloads of IKEv1, offered and chosen from.
#include "keyd/ikev1/proposal.h"

#include "keyd/crypto/keymat_v1.h"
#include "keyd/wire/ikev2.h"

#include <string.h>

/* --- suites as proposals of IKEv2 --- */

/* IKEv1 has one hash, for PRF and integrity; IKEv2 names both (RFC 2409 4, RFC 7296 3.3.2). */
static const struct { uint16_t prf, integ; } hashes[] = {
	{ 1, 1 },	/* MD5 */
	{ 2, 2 },	/* SHA-1 */
	{ 5, 12 },	/* SHA-256 */
	{ 6, 13 },
	{ 7, 14 },
};

static uint16_t integ_of(const struct crypto_alg *prf)
{
	for (unsigned i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (hashes[i].prf == prf->ikev2_id)
			return hashes[i].integ;
	return 0;
}

static const struct crypto_alg *alg_of(const struct conf_transform *t)
{
	return t->type <= CRYPTO_KE ? crypto_alg_by_id((enum crypto_kind)t->type, t->id, t->key_bits) : NULL;
}

static bool has_number(const struct conf_transform *t, bool esp)
{
	const struct crypto_alg *alg = alg_of(t);

	if (t->type == IKEV2_TRANSFORM_ESN)
		return esp;
	if (!alg)
		return false;
	if (t->type == IKEV2_TRANSFORM_ENCR)
		return esp ? alg->ikev1_esp_id : alg->ikev1_id;
	if (t->type == IKEV2_TRANSFORM_INTEG)
		return esp ? alg->ikev1_esp_id : true;
	return alg->ikev1_id;
}

static bool has_type(const struct conf_proposal *p, uint8_t type)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->t[i].type == type)
			return true;
	return false;
}

void v1_proposals(const struct conf_proposals *all, bool esp, struct conf_proposals *out)
{
	out->n = 0;
	for (unsigned i = 0; i < all->n; i++) {
		struct conf_proposal *to = &out->p[out->n];

		to->n = 0;
		for (unsigned k = 0; k < all->p[i].n; k++)
			if (has_number(&all->p[i].t[k], esp))
				to->t[to->n++] = all->p[i].t[k];
		if (has_type(to, IKEV2_TRANSFORM_ENCR) && (esp || (has_type(to, IKEV2_TRANSFORM_PRF) && has_type(to, IKEV2_TRANSFORM_DH))))
			out->n++;
	}
}

static void add(struct wire_proposal *p, uint8_t type, uint16_t id, uint16_t key_bits)
{
	p->t[p->n++] = (struct wire_transform){ type, id, key_bits };
}

/* False: it demands what nobody here knows. */
static bool ike_suite(const struct isakmp_transform *t, struct isakmp_ike_attrs *a, struct wire_proposal *out)
{
	const struct crypto_alg *encr, *prf, *ke;

	memset(out, 0, sizeof(*out));
	if (t->id != ISAKMP_KEY_IKE || isakmp_ike_attrs_get(a, t->attrs) || a->unknown)
		return false;
	encr = ikev1_alg_encr(a->encr, a->key_bits);
	prf = ikev1_alg_hash(a->hash);
	ke = ikev1_alg_group(a->group);
	if (!encr || !prf || !ke)
		return false;
	out->number = 1;
	out->protocol = IKEV2_PROTO_IKE;
	add(out, IKEV2_TRANSFORM_ENCR, encr->ikev2_id, encr->key_bits);
	add(out, IKEV2_TRANSFORM_PRF, prf->ikev2_id, 0);
	add(out, IKEV2_TRANSFORM_INTEG, integ_of(prf), 0);
	add(out, IKEV2_TRANSFORM_DH, ke->ikev2_id, 0);
	return true;
}

static bool esp_suite(const struct isakmp_transform *t, struct isakmp_ipsec_attrs *a, struct wire_proposal *out)
{
	const struct crypto_alg *encr, *integ = NULL, *ke = NULL;

	memset(out, 0, sizeof(*out));
	if (isakmp_ipsec_attrs_get(a, t->attrs) || a->unknown)
		return false;
	encr = ikev1_alg_esp(t->id, a->key_bits);
	if (a->auth)
		integ = ikev1_alg_esp_auth(a->auth);
	if (a->group)
		ke = ikev1_alg_group(a->group);
	if (!encr || (a->auth && !integ) || (a->group && !ke) || (encr->aead && integ))
		return false;
	out->number = 1;
	out->protocol = IKEV2_PROTO_ESP;
	add(out, IKEV2_TRANSFORM_ENCR, encr->ikev2_id, encr->key_bits);
	if (integ)
		add(out, IKEV2_TRANSFORM_INTEG, integ->ikev2_id, 0);
	if (ke)
		add(out, IKEV2_TRANSFORM_DH, ke->ikev2_id, 0);
	add(out, IKEV2_TRANSFORM_ESN, a->esn ? IKEV2_ESN_ESN : IKEV2_ESN_NONE, 0);
	return true;
}

/* Several protocols under one number are all wanted (RFC 2408 4.2), and ESP alone is negotiated here. */
static bool alone(const struct isakmp_sa *sa, const struct isakmp_proposal *p)
{
	for (unsigned i = 0; i < sa->n; i++)
		if (&sa->p[i] != p && sa->p[i].number == p->number)
			return false;
	return true;
}

static bool of_protocol(const struct isakmp_sa *sa, const struct isakmp_proposal *p, bool esp)
{
	return p->protocol == (esp ? ISAKMP_PROTO_ESP : ISAKMP_PROTO_ISAKMP) && (!esp || alone(sa, p));
}

void v1_as_proposals(const struct isakmp_sa *sa, bool esp, struct wire_sa *out)
{
	struct isakmp_ipsec_attrs ipsec;
	struct isakmp_ike_attrs ike;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < sa->n; i++) {
		for (unsigned k = 0; k < sa->p[i].n && out->n < WIRE_PROPOSALS_MAX; k++) {
			const struct isakmp_transform *t = &sa->t[sa->p[i].first + k];
			struct wire_proposal *to = &out->p[out->n];

			if (!of_protocol(sa, &sa->p[i], esp) || !(esp ? esp_suite(t, &ipsec, to) : ike_suite(t, &ike, to)))
				continue;
			to->number = (uint8_t)++out->n;
		}
	}
}

/* --- offers --- */

const struct crypto_alg *v1_first_group(const struct conf_peer *conf)
{
	struct conf_proposals ours;

	v1_proposals(&conf->ike, false, &ours);
	return proposal_first_group(&ours);
}

static struct isakmp_proposal *offer_begin(struct v1_offer *o, uint8_t protocol)
{
	memset(&o->sa, 0, sizeof(o->sa));
	o->sa.doi = ISAKMP_DOI_IPSEC;
	o->sa.situation = ISAKMP_SIT_IDENTITY_ONLY;
	o->sa.n = 1;
	o->sa.p[0] = (struct isakmp_proposal){ .number = 1, .protocol = protocol };
	return &o->sa.p[0];
}

static void put_spi(struct v1_offer *o, uint32_t spi)
{
	for (unsigned i = 0; i < 4; i++)
		o->spi[i] = (uint8_t)(spi >> (24 - 8 * i));
	o->sa.p[0].spi = (struct view){ o->spi, sizeof(o->spi) };
}

/* Room for the attributes of one more; NULL: there is none. */
static struct isakmp_transform *one_more(struct v1_offer *o, uint8_t id, struct wr *w)
{
	struct isakmp_transform *t;

	if (o->sa.nt >= V1_OFFER_MAX)
		return NULL;
	*w = wr_of(o->attrs[o->sa.nt], V1_ATTRS_MAX);
	t = &o->sa.t[o->sa.nt++];
	o->sa.p[0].n = o->sa.nt;
	*t = (struct isakmp_transform){ .number = (uint8_t)o->sa.nt, .id = id };
	return t;
}

static void add_ike(struct v1_offer *o, const struct crypto_alg *encr, const struct crypto_alg *prf, const struct crypto_alg *ke,
		    uint16_t method, uint32_t seconds)
{
	struct isakmp_ike_attrs a = { .encr = encr->ikev1_id, .hash = prf->ikev1_id, .auth = method, .group = ke->ikev1_id,
				      .key_bits = encr->key_bits, .life.seconds = seconds };
	struct wr w;
	struct isakmp_transform *t = one_more(o, ISAKMP_KEY_IKE, &w);

	if (!t)
		return;
	isakmp_ike_attrs_put(&w, &a);
	t->attrs = wr_view(&w);
}

static void offer_ike(const struct conf_proposal *p, uint16_t method, const struct crypto_alg *only, uint32_t seconds,
		      struct v1_offer *o)
{
	for (unsigned g = 0; g < p->n; g++)
		for (unsigned c = 0; c < p->n && p->t[g].type == IKEV2_TRANSFORM_DH; c++)
			for (unsigned h = 0; h < p->n && p->t[c].type == IKEV2_TRANSFORM_ENCR; h++)
				if (p->t[h].type == IKEV2_TRANSFORM_PRF && (!only || alg_of(&p->t[g]) == only))
					add_ike(o, alg_of(&p->t[c]), alg_of(&p->t[h]), alg_of(&p->t[g]), method, seconds);
}

void v1_offer_ike(const struct conf_peer *conf, uint16_t method, const struct crypto_alg *only, struct v1_offer *o)
{
	struct conf_proposals ours;

	offer_begin(o, ISAKMP_PROTO_ISAKMP);
	v1_proposals(&conf->ike, false, &ours);
	for (unsigned i = 0; i < ours.n; i++)
		offer_ike(&ours.p[i], method, only, conf->ike_lifetime, o);
}

static void add_esp(struct v1_offer *o, const struct crypto_alg *encr, const struct crypto_alg *integ, bool esn, const struct v1_ask *ask)
{
	struct isakmp_ipsec_attrs a = { .group = ask->group ? ask->group->ikev1_id : 0, .encap = ask->encap,
					.auth = integ ? integ->ikev1_esp_id : 0, .key_bits = encr->key_bits, .esn = esn,
					.life = ask->life };
	struct wr w;
	struct isakmp_transform *t = one_more(o, (uint8_t)encr->ikev1_esp_id, &w);

	if (!t)
		return;
	isakmp_ipsec_attrs_put(&w, &a);
	t->attrs = wr_view(&w);
}

static void offer_esp(const struct conf_proposal *p, bool esn, const struct v1_ask *ask, struct v1_offer *o)
{
	for (unsigned c = 0; c < p->n; c++) {
		const struct crypto_alg *encr = p->t[c].type == IKEV2_TRANSFORM_ENCR ? alg_of(&p->t[c]) : NULL;

		if (encr && encr->aead)
			add_esp(o, encr, NULL, esn, ask);
		for (unsigned h = 0; encr && !encr->aead && h < p->n; h++)
			if (p->t[h].type == IKEV2_TRANSFORM_INTEG)
				add_esp(o, encr, alg_of(&p->t[h]), esn, ask);
	}
}

void v1_offer_esp(const struct conf_proposals *ours, const struct v1_ask *ask, struct v1_offer *o)
{
	struct conf_proposals named;

	offer_begin(o, ISAKMP_PROTO_ESP);
	put_spi(o, ask->spi);
	v1_proposals(ours, true, &named);
	for (unsigned i = 0; i < named.n; i++)
		for (unsigned k = 0; k < named.p[i].n; k++)
			if (named.p[i].t[k].type == IKEV2_TRANSFORM_ESN)
				offer_esp(&named.p[i], named.p[i].t[k].id == IKEV2_ESN_ESN, ask, o);
}

/* --- choices --- */

static bool choose_ike(const struct conf_proposal *ours, uint16_t method, const struct isakmp_sa *theirs, const struct isakmp_proposal *p,
		       const struct isakmp_transform *t, struct v1_choice *c)
{
	struct isakmp_ike_attrs a;
	struct wire_proposal suite;

	if (!of_protocol(theirs, p, false) || !ike_suite(t, &a, &suite) || (method && a.auth != method) ||
	    proposal_differs(ours, &suite, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, &c->algs))
		return false;
	c->method = a.auth;
	c->life = a.life;
	return true;
}

static bool known_encap(uint16_t encap)
{
	return encap == ISAKMP_ENCAP_TUNNEL || encap == ISAKMP_ENCAP_TRANSPORT || encap == ISAKMP_ENCAP_UDP_TUNNEL ||
	       encap == ISAKMP_ENCAP_UDP_TRANSPORT || encap == ISAKMP_ENCAP_UDP_TUNNEL_DRAFT || encap == ISAKMP_ENCAP_UDP_TRANSPORT_DRAFT;
}

static bool choose_esp(const struct conf_proposal *ours, uint16_t encap, enum proposal_ke ke, const struct isakmp_sa *theirs,
		       const struct isakmp_proposal *p, const struct isakmp_transform *t, struct v1_choice *c)
{
	struct isakmp_ipsec_attrs a;
	struct wire_proposal suite;

	if (!of_protocol(theirs, p, true) || !esp_suite(t, &a, &suite))
		return false;
	if (encap ? a.encap != encap : a.encap && !known_encap(a.encap))
		return false;
	if (proposal_differs(ours, &suite, IKEV2_PROTO_ESP, ke, &c->algs))
		return false;
	c->encap = a.encap;
	c->life = a.life;
	c->spi = isakmp_proposal_spi(p);
	return true;
}

bool v1_choose_ike(const struct conf_peer *conf, uint16_t method, const struct isakmp_sa *theirs, struct v1_choice *c)
{
	struct conf_proposals ours;

	v1_proposals(&conf->ike, false, &ours);
	for (unsigned o = 0; o < ours.n; o++) {
		for (unsigned i = 0; i < theirs->n; i++) {
			for (unsigned k = 0; k < theirs->p[i].n; k++) {
				*c = (struct v1_choice){ .proposal = &theirs->p[i], .transform = &theirs->t[theirs->p[i].first + k] };
				if (choose_ike(&ours.p[o], method, theirs, c->proposal, c->transform, c))
					return true;
			}
		}
	}
	return false;
}

bool v1_choose_esp(const struct conf_proposals *ours, uint16_t encap, enum proposal_ke ke, const struct isakmp_sa *theirs,
		   struct v1_choice *c)
{
	struct conf_proposals named;

	v1_proposals(ours, true, &named);
	for (unsigned o = 0; o < named.n; o++) {
		for (unsigned i = 0; i < theirs->n; i++) {
			for (unsigned k = 0; k < theirs->p[i].n; k++) {
				*c = (struct v1_choice){ .proposal = &theirs->p[i], .transform = &theirs->t[theirs->p[i].first + k] };
				if (choose_esp(&named.p[o], encap, ke, theirs, c->proposal, c->transform, c))
					return true;
			}
		}
	}
	return false;
}

bool v1_is_answer(const struct isakmp_sa *sa)
{
	return sa->n == 1 && sa->p[0].n == 1 && !sa->skipped;
}

void v1_answer(const struct v1_choice *c, uint32_t spi, struct v1_offer *o)
{
	struct isakmp_proposal *p = offer_begin(o, c->proposal->protocol);

	p->number = c->proposal->number;
	p->n = o->sa.nt = 1;
	o->sa.t[0] = *c->transform;
	if (spi)
		put_spi(o, spi);
}
