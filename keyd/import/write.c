// SPDX-License-Identifier: MIT
// A draft as the text of keyd.conf: for people, with remarks, or for keyd, with the place that each line comes from.
#include "keyd/import/draft.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const keywords[SET_END] = {
	[SET_ADDRESS] = "address", [SET_LOCAL] = "local", [SET_VERSION] = "version", [SET_EXCHANGE] = "exchange",
	[SET_XAUTH] = "xauth", [SET_USERS] = "users", [SET_MODE_CONFIG] = "mode-config", [SET_ID_LOCAL] = "id local",
	[SET_ID_REMOTE] = "id remote", [SET_AUTH_LOCAL] = "auth local", [SET_AUTH_REMOTE] = "auth remote",
	[SET_CERT] = "cert", [SET_KEY] = "key", [SET_CA] = "ca", [SET_REMOTE_KEY] = "remote-key",
	[SET_KEY_FLOOR] = "key-floor", [SET_SIGNATURES] = "signatures", [SET_REVOCATION] = "revocation",
	[SET_IKE] = "ike", [SET_ESP] = "esp", [SET_PFS] = "pfs", [SET_UNIQUE] = "unique",
	[SET_LIFE_IKE] = "lifetime ike", [SET_LIFE_REAUTH] = "lifetime reauth", [SET_LIFE_CHILD] = "lifetime child",
	[SET_JITTER] = "rekey jitter", [SET_DPD] = "dpd", [SET_RETRANSMIT] = "retransmit",
	[SET_REPLAY] = "replay-window", [SET_TFC] = "tfc", [SET_FRAGMENT] = "fragment", [SET_LINGER] = "linger",
	[SET_PORT] = "port", [SET_NAT_PORT] = "nat-port", [SET_NAT] = "nat", [SET_KEEPALIVE] = "keepalive",
	[SET_POOL] = "pool", [SET_VIRTUAL] = "virtual-address", [SET_TRAFFIC] = "traffic", [SET_START] = "start",
	[SET_SERVE] = "serve",
};

struct writer {
	struct draft *d;		/* only its text grows */
	FILE *out;
	struct draft_places *places;	/* NULL: for people */
};

/* One line, with where it comes from. */
static void __attribute__((format(printf, 3, 4))) line(struct writer *w, struct import_at at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(w->out, fmt, ap);
	va_end(ap);
	fputc('\n', w->out);
	if (w->places)
		draft_place(w->places, at);
}

static void write_notes(const struct writer *w, const struct draft_notes *notes, const char *prefix)
{
	for (const struct draft_note *n = notes->first; n && !w->places; n = n->next)
		fprintf(w->out, "%s# %s:%u: %s: %s\n", prefix, w->d->tree->files[n->at.file], n->at.line,
			import_how_name(n->how), n->text);
}

static void write_settings(struct writer *w, const struct draft_peer *p)
{
	for (unsigned i = 0; i < SET_END; i++)
		if (p->set[i])
			line(w, p->set_at[i], "\t%s %s", keywords[i], p->set[i]);
}

/* Policies that keyd does not make are shown to whoever reads this. */
static bool shows_policies(const struct writer *w, const struct draft_peer *p)
{
	return !w->places && p->npairs && !p->set[SET_TRAFFIC] && !p->assigned && !p->set[SET_VIRTUAL] &&
	       !w->d->options->setkey && w->d->tree->format == IMPORT_IPSEC;
}

static void write_section(struct writer *w, const struct draft_peer *p)
{
	line(w, p->at, "peer %s {", draft_quote(w->d, p->name));
	write_notes(w, &p->notes, "\t");
	write_settings(w, p);
	if (shows_policies(w, p)) {
		fputs("\t# Its policies, for setkey -f (keydctl import --setkey FILE writes them there):\n", w->out);
		draft_write_policies(w->d, p, "\t#\t", w->out);
	}
	line(w, p->at, "}");
}

/* Each line behind "# ". */
static void write_as_comment(const char *text, FILE *out)
{
	for (const char *eol; *text; text = eol + 1) {
		eol = strchr(text, '\n');
		fprintf(out, "# %.*s\n", (int)(eol - text), text);
	}
}

/* To keyd, a section that cannot be is one whose peer is refused: no other section is to take it. */
static void write_refused(struct writer *w, const struct draft_peer *p)
{
	static const enum draft_set who[] = { SET_ADDRESS, SET_LOCAL, SET_VERSION, SET_ID_LOCAL, SET_ID_REMOTE };

	if (p->idle || p->covered || (!p->remote.family && !p->host && !p->set[SET_ID_REMOTE]))
		return;
	line(w, p->at, "peer %s {", draft_quote(w->d, p->name));
	for (unsigned i = 0; i < sizeof(who) / sizeof(*who); i++)
		if (p->set[who[i]])
			line(w, p->set_at[who[i]], "\t%s %s", keywords[who[i]], p->set[who[i]]);
	line(w, p->at, "\tserve no");
	line(w, p->at, "}");
}

static void write_peer(struct writer *w, const struct draft_peer *p)
{
	struct writer comment = *w;
	char *text = NULL;
	size_t n = 0;

	if (p->off && w->places) {
		write_refused(w, p);
		return;
	}
	if (!w->places)
		fprintf(w->out, "\n# %s:%u: %s\n", w->d->tree->files[p->at.file], p->at.line, p->head);
	if (!p->off) {
		write_section(w, p);
		return;
	}
	fprintf(w->out, "# This section is a comment: %s\n", p->off);
	comment.out = open_memstream(&text, &n);
	if (!comment.out)
		return;
	write_section(&comment, p);
	if (!fclose(comment.out))
		write_as_comment(text, w->out);
	free(text);
}

static void write_pool(struct writer *w, const struct draft_pool *p)
{
	const char *ranges = "";

	for (unsigned i = 0; i < p->n; i++)
		ranges = draft_text(w->d, "%s%s%s", ranges, i ? ", " : "", p->range[i].text);
	if (!w->places)
		fputc('\n', w->out);
	line(w, p->at, "pool %s {", draft_quote(w->d, p->name));
	line(w, p->at, "\taddress %s", ranges);
	if (p->dns)
		line(w, p->at, "\tdns %s", p->dns);
	if (p->domain)
		line(w, p->at, "\tdomain %s", p->domain);
	if (p->banner)
		line(w, p->at, "\tbanner %s", p->banner);
	line(w, p->at, "}");
}

static bool has_settings(const struct draft_peer *p)
{
	for (unsigned i = 0; i < SET_END; i++)
		if (p->set[i])
			return true;
	return false;
}

static void write_globals(struct writer *w)
{
	const struct draft *d = w->d;
	const struct {
		const char *word;
		const struct draft_value *value;
	} rows[] = { { "listen", &d->listen }, { "port", &d->port }, { "nat-port", &d->nat_port }, { "crl", &d->crl } };

	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].value->text)
			line(w, rows[i].value->at, "%s %s", rows[i].word, rows[i].value->text);
	for (unsigned i = 0; i < d->nsecrets; i++)
		line(w, d->secrets[i].at, "secrets %s", draft_quote(w->d, d->secrets[i].text));
	for (unsigned i = 0; i < d->ndrops; i++)
		line(w, d->drops[i].at, "drop %s", d->drops[i].text);
}

static void write_defaults(struct writer *w)
{
	const struct draft_peer *p = &w->d->defaults;

	if (!has_settings(p) && (w->places || !p->notes.first))
		return;
	if (!w->places)
		fputc('\n', w->out);
	line(w, p->at, "default {");
	write_notes(w, &p->notes, "\t");
	write_settings(w, p);
	line(w, p->at, "}");
}

static void write_all(struct writer *w)
{
	write_globals(w);
	write_defaults(w);
	for (const struct draft_pool *p = w->d->pools; p; p = p->next)
		write_pool(w, p);
	for (const struct draft_peer *p = w->d->peers; p; p = p->next)
		write_peer(w, p);
}

void draft_write(const struct draft *d, FILE *out)
{
	struct writer w = { .d = (struct draft *)d, .out = out };

	fprintf(out, "# Made by keydctl import from %s, in the language of %s. "
		"Each remark begins with the line that it is about.\n",
		d->tree->files[0], d->tree->format == IMPORT_RACOON ? "racoon.conf" : "ipsec.conf");
	write_notes(&w, &d->notes, "");
	write_all(&w);
}

void draft_write_places(const struct draft *d, FILE *out, struct draft_places *places)
{
	struct writer w = { .d = (struct draft *)d, .out = out, .places = places };

	write_all(&w);
}
