// SPDX-License-Identifier: MIT
// Proposals: algorithm words joined by '-', as strongSwan writes them, to transforms and back.
#include "keyd/conf/parser.h"
#include "keyd/conf/proposal.h"
#include "keyd/crypto/alg.h"

#include <string.h>
#include <strings.h>

#define KIND_ESN 5			/* RFC 7296 3.3.2, beside enum crypto_kind */
#define KINDS 6
#define WORD_MAX 32

static const char *const kind_names[KINDS] = {
	[CRYPTO_ENCR] = "encryption", [CRYPTO_PRF] = "PRF", [CRYPTO_INTEG] = "integrity", [CRYPTO_KE] = "key exchange",
	[KIND_ESN] = "sequence number",
};

/* In the order in which a word is looked for: "sha256" is an integrity algorithm, its PRF is "prfsha256". */
static const enum crypto_kind kinds[] = { CRYPTO_ENCR, CRYPTO_INTEG, CRYPTO_PRF, CRYPTO_KE };
#define NKINDS (sizeof(kinds) / sizeof(*kinds))

/* One proposal while its words are read. */
struct draft {
	struct conf_parser *p;
	bool esp;
	bool ok;
	struct conf_where at;		/* of the word being read */
	char word[WORD_MAX];
	struct conf_proposal *out;
	unsigned n[KINDS];		/* transforms of each kind */
	unsigned aead;			/* of the ENCRs */
};

#define complain(d, ...) (conf_err((d)->p, &(d)->at, __VA_ARGS__), (d)->ok = false)

static bool usable(const struct draft *d, const struct crypto_alg *alg)
{
	if (alg->kind == CRYPTO_KE)
		return true;
	if (d->esp)
		return alg->kind != CRYPTO_PRF && alg->kernel_name;
	return !(alg->flags & CRYPTO_ESP_ONLY);
}

static void known_of_kind(const struct draft *d, enum crypto_kind kind, char *buf, size_t cap)
{
	size_t n = strlen(buf);

	n += (size_t)snprintf(buf + n, cap - n, "%s for %s:", n ? ";" : ". Known", kind_names[kind]);
	for (const struct crypto_alg *a = crypto_alg_next(NULL, kind); a && n < cap; a = crypto_alg_next(a, kind))
		if (usable(d, a))
			n += (size_t)snprintf(buf + n, cap - n, " %s", a->name);
}

/* The nearest name of a kind, or one that begins like the word: which kind was probably meant. */
static const char *nearest(const struct draft *d, enum crypto_kind kind, bool *akin)
{
	const char *names[64];
	size_t n = 0;

	for (const struct crypto_alg *a = crypto_alg_next(NULL, kind); a && n < 63; a = crypto_alg_next(a, kind)) {
		if (!usable(d, a))
			continue;
		names[n++] = a->name;
		*akin |= strlen(d->word) >= 2 && !strncasecmp(a->name, d->word, 2);
	}
	names[n] = NULL;
	return conf_did_you_mean(d->word, names);
}

static void unknown_word(struct draft *d)
{
	char text[1024] = "";
	const char *near = NULL;
	bool akin[NKINDS] = { false }, any = false;

	for (size_t i = 0; i < NKINDS && !near; i++) {
		near = nearest(d, kinds[i], &akin[i]);
		any |= akin[i];
		if (near)
			known_of_kind(d, kinds[i], text, sizeof(text));
	}
	for (size_t i = 0; i < NKINDS && !near; i++)
		if ((akin[i] || !any) && !(d->esp && kinds[i] == CRYPTO_PRF))
			known_of_kind(d, kinds[i], text, sizeof(text));
	if (near)
		complain(d, "unknown algorithm '%s'; did you mean '%s'?%s", d->word, near, text + 1);
	else
		complain(d, "unknown algorithm '%s'%s", d->word, text);
}

static void add(struct draft *d, unsigned type, unsigned id, unsigned key_bits)
{
	struct conf_transform t = { .type = (uint8_t)type, .id = (uint16_t)id, .key_bits = (uint16_t)key_bits };
	struct conf_proposal *out = d->out;

	for (unsigned i = 0; i < out->n; i++) {
		if (out->t[i].type == t.type && out->t[i].id == t.id && out->t[i].key_bits == t.key_bits) {
			complain(d, "'%s' is in this proposal twice", d->word);
			return;
		}
	}
	if (out->n == CONF_TRANSFORMS_MAX) {
		complain(d, "more than %u algorithms in one proposal", CONF_TRANSFORMS_MAX);
		return;
	}
	out->t[out->n++] = t;
	d->n[type]++;
}

static void add_alg(struct draft *d, const struct crypto_alg *alg)
{
	if (d->esp && alg->kind == CRYPTO_PRF)
		complain(d, "'%s' is a PRF: it has a place in ike only", d->word);
	else if (!usable(d, alg))
		complain(d, "'%s' cannot be used for %s", d->word, d->esp ? "ESP" : "IKE");
	else
		add(d, alg->kind, alg->ikev2_id, alg->key_bits);
	d->aead += alg->kind == CRYPTO_ENCR && alg->aead;
}

static void add_word(struct draft *d)
{
	const struct crypto_alg *alg = NULL;
	bool esn = !strcasecmp(d->word, "esn");

	for (size_t i = 0; i < NKINDS && !alg; i++)
		alg = crypto_alg_by_name(kinds[i], d->word);
	if (alg)
		add_alg(d, alg);
	else if (!esn && strcasecmp(d->word, "noesn"))
		unknown_word(d);
	else if (!d->esp)
		complain(d, "'%s' has a place in esp only", d->word);
	else
		add(d, KIND_ESN, esn, 0);
}

static void split_words(struct draft *d, const struct conf_word *w)
{
	for (size_t from = 0, n; from <= w->n; from += n + 1) {
		n = strcspn(w->s + from, "-");
		d->at.column = w->at.column + (unsigned)from;
		if (n == 0) {
			complain(d, "an algorithm is missing before or after '-'");
		} else {
			snprintf(d->word, sizeof(d->word), "%.*s", (int)n, w->s + from);
			add_word(d);
		}
	}
	d->at = w->at;
}

/* RFC 7296 2.7: the PRF that belongs to each integrity algorithm; with an AEAD, all that are not old. */
static void derive_prf(struct draft *d)
{
	for (unsigned i = 0, n = d->out->n; i < n; i++) {
		const struct conf_transform *t = &d->out->t[i];
		const struct crypto_alg *alg = t->type == CRYPTO_INTEG ? crypto_alg_by_id(CRYPTO_INTEG, t->id, 0) : NULL;
		char name[WORD_MAX + 4];

		if (!alg)
			continue;
		snprintf(name, sizeof(name), "prf%s", alg->name);
		alg = crypto_alg_by_name(CRYPTO_PRF, name);
		if (alg)
			add(d, CRYPTO_PRF, alg->ikev2_id, alg->key_bits);
	}
	if (!d->aead)
		return;
	for (const struct crypto_alg *a = crypto_alg_next(NULL, CRYPTO_PRF); a; a = crypto_alg_next(a, CRYPTO_PRF))
		if (!(a->flags & CRYPTO_LEGACY))
			add(d, CRYPTO_PRF, a->ikev2_id, a->key_bits);
}

/* RFC 7296 3.3.3: what a proposal must and must not have; RFC 5282 8: an AEAD stands alone. */
static void complete(struct draft *d)
{
	const char *what = d->esp ? "esp" : "ike";

	if (!d->n[CRYPTO_ENCR])
		complain(d, "this %s proposal has no encryption algorithm, such as aes128gcm16", what);
	else if (d->aead && d->aead != d->n[CRYPTO_ENCR])
		complain(d, "algorithms with and without integrity of their own cannot share a proposal: make two, with ',' between");
	else if (d->aead && d->n[CRYPTO_INTEG])
		complain(d, "the encryption here has its own integrity: no integrity algorithm beside it%s",
			 d->esp ? "" : " (a PRF is written like prfsha256)");
	else if (!d->aead && !d->n[CRYPTO_INTEG])
		complain(d, "this %s proposal has no integrity algorithm, such as sha256", what);
	if (!d->esp && !d->n[CRYPTO_KE])
		complain(d, "this ike proposal has no key exchange, such as x25519");
	if (!d->ok)
		return;
	if (!d->esp && !d->n[CRYPTO_PRF])
		derive_prf(d);
	if (d->ok && !d->esp && !d->n[CRYPTO_PRF])
		complain(d, "this ike proposal needs a PRF, such as prfsha256");
	if (d->esp && !d->n[KIND_ESN])
		add(d, KIND_ESN, 0, 0);
}

/* By type, and within a type as written. */
static void sort_by_type(struct conf_proposal *p)
{
	struct conf_proposal sorted = { 0 };

	for (unsigned type = 1; type < KINDS; type++)
		for (unsigned i = 0; i < p->n; i++)
			if (p->t[i].type == type)
				sorted.t[sorted.n++] = p->t[i];
	*p = sorted;
}

bool conf_proposal_parse(struct conf_parser *p, bool esp, const struct conf_word *w, struct conf_proposal *out)
{
	struct draft d = { .p = p, .esp = esp, .ok = true, .at = w->at, .out = out };

	*out = (struct conf_proposal){ 0 };
	split_words(&d, w);
	if (d.ok)
		complete(&d);
	sort_by_type(out);
	return d.ok;
}

const char *conf_transform_format(const struct conf_transform *t, char *buf, size_t n)
{
	const struct crypto_alg *alg = t->type < KIND_ESN ? crypto_alg_by_id(t->type, t->id, t->key_bits) : NULL;

	if (alg)
		snprintf(buf, n, "%s", alg->name);
	else if (t->type == KIND_ESN && t->id <= 1)
		snprintf(buf, n, "%s", t->id ? "esn" : "noesn");
	else if (t->key_bits)
		snprintf(buf, n, "%u:%u:%u", t->type, t->id, t->key_bits);
	else
		snprintf(buf, n, "%u:%u", t->type, t->id);
	return buf;
}

const char *conf_proposals_format(const struct conf_proposals *ps, char *buf, size_t n)
{
	size_t len = 0;

	if (n)
		*buf = 0;
	for (unsigned i = 0; i < ps->n && i < CONF_PROPOSALS_MAX; i++) {
		for (unsigned j = 0; j < ps->p[i].n && j < CONF_TRANSFORMS_MAX; j++) {
			char name[CONF_TRANSFORM_STRLEN];
			const char *between = j ? "-" : i ? ", " : "";

			conf_transform_format(&ps->p[i].t[j], name, sizeof(name));
			if (len < n)
				len += (size_t)snprintf(buf + len, n - len, "%s%s", between, name);
		}
	}
	return buf;
}
