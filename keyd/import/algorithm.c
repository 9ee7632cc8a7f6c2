// SPDX-License-Identifier: MIT
// Algorithms by the names that racoon and the plutos gave them, and proposals made of them.
#include "keyd/import/draft.h"

#include "keyd/crypto/alg.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 40

static const struct {
	const char *theirs, *ours;
} spellings[] = {
	{ "rijndael", "aes" }, { "aes_cbc", "aes" }, { "aes-cbc", "aes" }, { "null_enc", "null" },
	{ "hmac_sha1", "sha1" }, { "hmac_md5", "md5" }, { "des3", "3des" }, { "3des-cbc", "3des" },
	{ "3des_cbc", "3des" }, { "hmac_sha256", "sha256" }, { "hmac_sha2_256", "sha256" }, { "hmac_sha384", "sha384" },
	{ "hmac_sha2_384", "sha384" }, { "hmac_sha512", "sha512" }, { "hmac_sha2_512", "sha512" }, { "sha2", "sha256" },
	{ "sha", "sha1" }, { "aes_gcm", "aesgcm" }, { "aes_gcm_16", "aesgcm" }, { "aes_gcm_c", "aesgcm" },
	{ "aes_gcm_16_", "aesgcm" }, { "chacha20_poly1305", "chacha20poly1305" }, { "ecp_256", "ecp256" },
	{ "ecp_384", "ecp384" }, { "ecp_521", "ecp521" },
};

/* In small letters, with "-cbc" and the like as we write it. */
static void normalise(char word[WORD_MAX], const char *text, unsigned *bits)
{
	size_t n = 0, digits;

	for (; n < WORD_MAX - 1 && text[n]; n++)
		word[n] = (char)tolower((unsigned char)text[n]);
	word[n] = 0;
	/* "aes_gcm_c256", "aes_cbc128": the bits stand at the end of a name with a mark in it */
	for (digits = n; digits && isdigit((unsigned char)word[digits - 1]);)
		digits--;
	if (!strncmp(word, "aes_", 4) && n - digits == 3) {
		*bits = (unsigned)atoi(word + digits);
		word[digits] = 0;
	}
	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++)
		if (!strcmp(word, spellings[i].theirs)) {
			snprintf(word, WORD_MAX, "%s", spellings[i].ours);
			return;
		}
}

/* "dh14", "2" */
static const struct crypto_alg *group_of(const char *word)
{
	const char *digits = !strncmp(word, "dh", 2) ? word + 2 : word;
	char *end;
	unsigned long n = strtoul(digits, &end, 10);

	return isdigit((unsigned char)*digits) && !*end && n < 256 ? crypto_alg_by_id(CRYPTO_KE, (unsigned)n, 0) : NULL;
}

const struct crypto_alg *draft_alg(unsigned kind, const char *text, unsigned bits)
{
	static const enum crypto_kind kinds[] = { CRYPTO_ENCR, CRYPTO_INTEG, CRYPTO_PRF, CRYPTO_KE };
	const struct crypto_alg *alg = NULL;
	char word[WORD_MAX], with[WORD_MAX + 12];

	normalise(word, text, &bits);
	if (!strcmp(word, "aesgcm"))
		snprintf(with, sizeof(with), "aes%ugcm16", bits ?: 128);
	else if (!strcmp(word, "aes"))
		snprintf(with, sizeof(with), "aes%u", bits ?: 128);
	else
		snprintf(with, sizeof(with), "%s", word);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && !alg; i++)
		if (!kind || kind == kinds[i])
			alg = crypto_alg_by_name(kinds[i], with);
	if (!alg && (kind == CRYPTO_KE || (!kind && !strncmp(word, "dh", 2))))
		alg = group_of(word);
	return alg;
}

void draft_alg_add(struct draft_algs *a, const struct crypto_alg *alg)
{
	for (unsigned i = 0; i < a->n[alg->kind]; i++)
		if (a->alg[alg->kind][i] == alg)
			return;
	if (a->n[alg->kind] < ALGS_MAX)
		a->alg[alg->kind][a->n[alg->kind]++] = alg;
}

/* With --modernise what is old goes. */
static void drop_old(struct draft *d, struct draft_peer *p, struct import_at at, struct draft_algs *a)
{
	for (unsigned kind = CRYPTO_ENCR; kind <= CRYPTO_KE; kind++) {
		unsigned n = 0;

		for (unsigned i = 0; i < a->n[kind]; i++) {
			const struct crypto_alg *alg = a->alg[kind][i];

			if (alg->flags & CRYPTO_LEGACY)
				draft_note(d, p, IMPORT_CHOICE, at, "%s is too weak today and was left out", alg->name);
			else
				a->alg[kind][n++] = alg;
		}
		a->n[kind] = n;
	}
}

/* Without it, it stays as the file has it. A daemon hears of it from keyd.conf's reader. */
static void tell_old(struct draft *d, struct draft_peer *p, struct import_at at, const struct draft_algs *a)
{
	const char *names = "";

	for (unsigned kind = CRYPTO_ENCR; kind <= CRYPTO_KE && !d->options->daemon; kind++)
		for (unsigned i = 0; i < a->n[kind]; i++)
			if (a->alg[kind][i]->flags & CRYPTO_LEGACY && kind != CRYPTO_PRF)
				names = draft_text(d, "%s%s%s", names, *names ? ", " : "", a->alg[kind][i]->name);
	if (*names)
		draft_note(d, p, IMPORT_CHOICE, at,
			   "%s: too weak today, and here because the file names it; --modernise leaves it out", names);
}

static bool usable(const struct crypto_alg *alg, bool esp)
{
	if (alg->kind == CRYPTO_KE)
		return true;
	return esp ? alg->kind != CRYPTO_PRF && alg->kernel_name : !(alg->flags & CRYPTO_ESP_ONLY);
}

/* An AEAD has its own integrity; what stands beside it is the PRF of IKE, and nothing in ESP. */
static void settle_aead(struct draft_algs *a, bool esp, bool aead)
{
	for (unsigned i = 0; aead && !esp && i < a->n[CRYPTO_INTEG]; i++) {
		char name[WORD_MAX];
		const struct crypto_alg *prf;

		snprintf(name, sizeof(name), "prf%s", a->alg[CRYPTO_INTEG][i]->name);
		prf = crypto_alg_by_name(CRYPTO_PRF, name);
		if (prf)
			draft_alg_add(a, prf);
	}
	if (aead)
		a->n[CRYPTO_INTEG] = 0;
}

static const char *words(struct draft *d, const struct draft_algs *a, bool esp, bool aead)
{
	const char *text = "";

	for (unsigned kind = CRYPTO_ENCR; kind <= CRYPTO_KE; kind++)
		for (unsigned i = 0; i < a->n[kind]; i++)
			if (usable(a->alg[kind][i], esp) && (kind != CRYPTO_ENCR || a->alg[kind][i]->aead == aead))
				text = draft_text(d, "%s%s%s", text, *text ? "-" : "", a->alg[kind][i]->name);
	if (esp && a->esn)
		text = draft_text(d, "%s-esn%s", text, a->noesn ? "-noesn" : "");
	return text;
}

/* What is missing; NULL: nothing. */
static const char *missing(const struct draft_algs *a, bool esp, bool aead)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->n[CRYPTO_ENCR]; i++)
		n += a->alg[CRYPTO_ENCR][i]->aead == aead && usable(a->alg[CRYPTO_ENCR][i], esp);
	if (!n)
		return "encryption";
	if (!aead && !a->n[CRYPTO_INTEG])
		return "integrity";
	return !esp && !a->n[CRYPTO_KE] ? "key exchange" : NULL;
}

static const char *proposal(struct draft *d, struct draft_peer *p, struct import_at at, bool esp,
			    const struct draft_algs *given)
{
	struct draft_algs a = *given;
	const char *text = NULL, *lacks = NULL;

	if (d->options->modernise)
		drop_old(d, p, at, &a);
	else
		tell_old(d, p, at, &a);
	for (int aead = 1; aead >= 0; aead--) {
		struct draft_algs one = a;

		settle_aead(&one, esp, aead);
		lacks = missing(&one, esp, aead);
		if (!lacks)
			text = draft_text(d, "%s%s%s", text ?: "", text ? ", " : "", words(d, &one, esp, aead));
	}
	if (!text)
		draft_note(d, p, d->options->modernise ? IMPORT_CHOICE : IMPORT_NOT, at,
			   "this proposal has no %s that keyd knows%s: keyd's own %s proposals are used in its place",
			   lacks ?: "algorithm", d->options->modernise ? " and that is good today" : "",
			   esp ? "esp" : "ike");
	return text;
}

/* How many there are: as many as there are commas, and one. */
static unsigned count(const char *proposals)
{
	unsigned n = *proposals != 0;

	for (; *proposals; proposals++)
		n += *proposals == ',';
	return n;
}

static bool has(const char *proposals, const char *one)
{
	size_t n = strlen(one);

	for (const char *at = proposals; at; at = strchr(at, ',')) {
		at += strspn(at, ", ");
		if (!strncmp(at, one, n) && (!at[n] || at[n] == ','))
			return true;
	}
	return false;
}

static void add_all(struct draft_algs *to, const struct draft_algs *from)
{
	for (unsigned kind = CRYPTO_ENCR; kind <= CRYPTO_KE; kind++)
		for (unsigned i = 0; i < from->n[kind]; i++)
			draft_alg_add(to, from->alg[kind][i]);
	to->esn = to->esn || from->esn;
	to->noesn = to->noesn || from->noesn || !from->esn;
}

void draft_propose(struct draft *d, struct draft_peer *p, struct import_at at, bool esp, const struct draft_algs *a)
{
	enum draft_set set = esp ? SET_ESP : SET_IKE;
	const char *so_far = p->set[set] ?: "", *text = proposal(d, p, at, esp, a);

	if (!text)
		return;
	add_all(&p->all[esp], a);
	if (!p->folded[esp] && has(so_far, text))
		return;
	if (!p->folded[esp] && count(so_far) + count(text) <= CONF_PROPOSALS_MAX) {
		draft_say(p, set, at, draft_text(d, "%s%s%s", so_far, *so_far ? ", " : "", text));
		return;
	}
	if (!p->folded[esp])
		draft_note(d, p, IMPORT_CHOICE, at,
			   "keyd takes %u proposals at most: these became one, with all that they name as alternatives",
			   CONF_PROPOSALS_MAX);
	p->folded[esp] = true;
	draft_say(p, set, at, proposal(d, p, at, esp, &p->all[esp]));
}

void draft_propose_none(struct draft_peer *p)
{
	p->set[SET_IKE] = NULL;
	p->all[0] = (struct draft_algs){ .esn = false };
	p->folded[0] = false;
}
