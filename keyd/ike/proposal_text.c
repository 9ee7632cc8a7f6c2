// SPDX-License-Identifier: MIT
// Proposals in words: as the configuration writes them, and where two sides differ.
#include "keyd/ike/proposal.h"

#include "keyd/wire/ikev2.h"

#include <stdio.h>
#include <string.h>

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

/* --- where two sides differ --- */

struct type_word {
	uint8_t type;
	const char *word;
};

static const struct type_word type_words[] = {
	{ IKEV2_TRANSFORM_ENCR, "encryption" }, { IKEV2_TRANSFORM_INTEG, "integrity" }, { IKEV2_TRANSFORM_PRF, "PRF" },
	{ IKEV2_TRANSFORM_DH, "key exchange" }, { IKEV2_TRANSFORM_ESN, "extended sequence numbers" },
};
#define TYPE_WORDS (sizeof(type_words) / sizeof(type_words[0]))

/* The transforms of one type, joined by '/'; "none" where there are none. */
static const char *words_of(const struct wire_proposal *p, uint8_t type, char *buf, size_t n)
{
	char word[64];
	size_t used = 0;

	snprintf(buf, n, "none");
	for (unsigned i = 0; i < p->n && used < n; i++)
		if (p->t[i].type == type)
			used += (size_t)snprintf(buf + used, n - used, "%s%s", used ? "/" : "",
						 transform_word(&p->t[i], word, sizeof(word)));
	return buf;
}

static unsigned bits_in(unsigned mask)
{
	unsigned n = 0;

	for (; mask; mask &= mask - 1)
		n++;
	return n;
}

/* The first of theirs that could stand in our configuration; NULL: none. */
static const char *addable(const struct wire_proposal *theirs, uint8_t type, bool esp)
{
	for (unsigned i = 0; i < theirs->n; i++) {
		const struct wire_transform *t = &theirs->t[i];
		const struct crypto_alg *alg;

		if (t->type != type)
			continue;
		if (type == IKEV2_TRANSFORM_ESN)
			return t->id ? "esn" : "noesn";
		alg = type < IKEV2_TRANSFORM_ESN ? crypto_alg_by_id((enum crypto_kind)type, t->id, t->key_bits) : NULL;
		if (!alg)
			continue;
		if (type == IKEV2_TRANSFORM_DH || (esp ? alg->kernel_name != NULL : !(alg->flags & CRYPTO_ESP_ONLY)))
			return alg->name;
	}
	return NULL;
}

/* "integrity (the peer has sha1, we have sha256)", and what to add where. */
static size_t say_types(const struct wire_proposal *ours, const struct wire_proposal *theirs, unsigned differ,
			char *buf, size_t n)
{
	char a[120], b[120];
	size_t used = 0;

	for (size_t i = 0; i < TYPE_WORDS && used < n; i++)
		if (differ & 1u << type_words[i].type)
			used += (size_t)snprintf(buf + used, n - used, "%s%s (the peer has %s, we have %s)",
						 used ? " and " : "", type_words[i].word,
						 words_of(theirs, type_words[i].type, a, sizeof(a)),
						 words_of(ours, type_words[i].type, b, sizeof(b)));
	if (differ & ~0x3eu && used < n)
		used += (size_t)snprintf(buf + used, n - used, "%sa kind of transform that nobody here knows",
					 used ? " and " : "");
	return used < n ? used : n;
}

static size_t say_remedy(const struct wire_proposal *ours, const struct wire_proposal *theirs, unsigned differ,
			 const char *setting, char *buf, size_t n)
{
	size_t used = 0;
	char b[120];

	for (size_t i = 0; i < TYPE_WORDS && used < n; i++) {
		uint8_t type = type_words[i].type;
		const char *word = addable(theirs, type, theirs->protocol != IKEV2_PROTO_IKE);

		words_of(ours, type, b, sizeof(b));
		if (!(differ & 1u << type) || !strcmp(b, "none"))
			continue;
		b[strcspn(b, "/")] = 0;
		if (word)
			used += (size_t)snprintf(buf + used, n - used, "%sadd %s to \"%s\" here, or %s there",
						 used ? "; " : ": ", word, setting, b);
		else
			used += (size_t)snprintf(buf + used, n - used, "%sgive the peer %s", used ? "; " : ": ", b);
	}
	return used < n ? used : n;
}

const char *proposal_explain(const struct conf_proposals *ours, const struct wire_sa *theirs, uint8_t protocol,
			     enum proposal_ke ke, char *buf, size_t n)
{
	const char *setting = protocol == IKEV2_PROTO_IKE ? "ike" : "esp";
	unsigned least = 0, mine = 0, nearest = 0;
	struct proposal_choice c;
	struct wire_sa offer;
	size_t used;

	for (unsigned i = 0; i < ours->n; i++) {
		for (unsigned k = 0; k < theirs->n; k++) {
			unsigned differ = proposal_differs(&ours->p[i], &theirs->p[k], protocol, ke, &c);

			if (differ != ~0u && (!least || bits_in(differ) < bits_in(least))) {
				least = differ;
				mine = i;
				nearest = k;
			}
		}
	}
	if (!least) {
		snprintf(buf, n, "the peer proposes nothing for %s that has only transforms known here",
			 ikev2_protocol_name(protocol));
		return buf;
	}
	/* What may go without a key exchange does not lack one: what we would offer has its groups. */
	proposal_offer(ours, protocol, (struct view){ 0 }, ke == PROPOSAL_KE_NONE ? ke : PROPOSAL_KE_REQUIRED, &offer);
	used = (size_t)snprintf(buf, n, "the peer's proposal %u is nearest to ours, and differs in ",
				theirs->p[nearest].number);
	if (used < n)
		used += say_types(&offer.p[mine], &theirs->p[nearest], least, buf + used, n - used);
	if (used < n)
		say_remedy(&offer.p[mine], &theirs->p[nearest], least, setting, buf + used, n - used);
	return buf;
}
