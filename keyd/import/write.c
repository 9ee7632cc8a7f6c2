// SPDX-License-Identifier: MIT
// A draft as the text of keyd.conf.
#include "keyd/import/draft.h"

#include <stdlib.h>
#include <string.h>

static const char *const keywords[SET_END] = {
	[SET_ADDRESS] = "address", [SET_LOCAL] = "local", [SET_ID_LOCAL] = "id local", [SET_ID_REMOTE] = "id remote",
	[SET_AUTH_LOCAL] = "auth local", [SET_AUTH_REMOTE] = "auth remote", [SET_CERT] = "cert", [SET_KEY] = "key", [SET_CA] = "ca",
	[SET_REMOTE_KEY] = "remote-key", [SET_KEY_FLOOR] = "key-floor", [SET_REVOCATION] = "revocation", [SET_IKE] = "ike", [SET_ESP] = "esp", [SET_PFS] = "pfs",
	[SET_UNIQUE] = "unique", [SET_LIFE_IKE] = "lifetime ike", [SET_LIFE_REAUTH] = "lifetime reauth",
	[SET_LIFE_CHILD] = "lifetime child", [SET_JITTER] = "rekey jitter", [SET_DPD] = "dpd", [SET_RETRANSMIT] = "retransmit",
	[SET_REPLAY] = "replay-window", [SET_TFC] = "tfc", [SET_FRAGMENT] = "fragment", [SET_LINGER] = "linger", [SET_PORT] = "port",
	[SET_NAT_PORT] = "nat-port", [SET_NAT] = "nat", [SET_KEEPALIVE] = "keepalive", [SET_POOL] = "pool",
	[SET_VIRTUAL] = "virtual-address", [SET_TRAFFIC] = "traffic", [SET_START] = "start",
};

static void write_notes(const struct draft *d, const struct draft_notes *notes, const char *prefix, FILE *out)
{
	for (const struct draft_note *n = notes->first; n; n = n->next)
		fprintf(out, "%s# %s:%u: %s: %s\n", prefix, d->tree->files[n->at.file], n->at.line, import_how_name(n->how), n->text);
}

static void write_settings(const struct draft_peer *p, FILE *out)
{
	for (unsigned i = 0; i < SET_END; i++)
		if (p->set[i])
			fprintf(out, "\t%s %s\n", keywords[i], p->set[i]);
}

static void write_section(const struct draft *d, const struct draft_peer *p, FILE *out)
{
	struct draft *room = (struct draft *)d;	/* only its text grows */

	write_notes(d, &p->notes, "\t", out);
	write_settings(p, out);
	if (p->npairs && !p->set[SET_TRAFFIC] && !p->assigned && !p->set[SET_VIRTUAL] && !d->options->setkey && d->tree->format == IMPORT_IPSEC) {
		fputs("\t# Its policies, for setkey -f (keydctl import --setkey FILE writes them there):\n", out);
		draft_write_policies(room, p, "\t#\t", out);
	}
}

/* Each line behind "# ". */
static void write_as_comment(const char *text, FILE *out)
{
	for (const char *eol; *text; text = eol + 1) {
		eol = strchr(text, '\n');
		fprintf(out, "# %.*s\n", (int)(eol - text), text);
	}
}

static void write_peer(const struct draft *d, const struct draft_peer *p, FILE *out)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to;

	fprintf(out, "\n# %s:%u: %s\n", d->tree->files[p->at.file], p->at.line, p->head);
	if (!p->off) {
		fprintf(out, "peer %s {\n", draft_quote((struct draft *)d, p->name));
		write_section(d, p, out);
		fputs("}\n", out);
		return;
	}
	fprintf(out, "# This section is a comment: %s\n", p->off);
	to = open_memstream(&text, &n);
	if (!to)
		return;
	fprintf(to, "peer %s {\n", draft_quote((struct draft *)d, p->name));
	write_section(d, p, to);
	fputs("}\n", to);
	if (!fclose(to))
		write_as_comment(text, out);
	free(text);
}

static void write_pool(const struct draft *d, const struct draft_pool *p, FILE *out)
{
	fprintf(out, "\npool %s {\n\taddress ", draft_quote((struct draft *)d, p->name));
	for (unsigned i = 0; i < p->n; i++)
		fprintf(out, "%s%s", i ? ", " : "", p->range[i].text);
	putc('\n', out);
	if (p->dns)
		fprintf(out, "\tdns %s\n", p->dns);
	if (p->domain)
		fprintf(out, "\tdomain %s\n", p->domain);
	fputs("}\n", out);
}

static bool has_settings(const struct draft_peer *p)
{
	for (unsigned i = 0; i < SET_END; i++)
		if (p->set[i])
			return true;
	return false;
}

void draft_write(const struct draft *d, FILE *out)
{
	fprintf(out, "# Made by keydctl import from %s, in the language of %s. Each remark begins with the line that it is about.\n",
		d->tree->files[0], d->tree->format == IMPORT_RACOON ? "racoon.conf" : "ipsec.conf");
	write_notes(d, &d->notes, "", out);
	if (d->listen)
		fprintf(out, "listen %s\n", d->listen);
	if (d->port)
		fprintf(out, "port %s\n", d->port);
	if (d->nat_port)
		fprintf(out, "nat-port %s\n", d->nat_port);
	if (d->crl)
		fprintf(out, "crl %s\n", d->crl);
	for (unsigned i = 0; i < d->nsecrets; i++)
		fprintf(out, "secrets %s\n", draft_quote((struct draft *)d, d->secrets[i]));
	if (has_settings(&d->defaults) || d->defaults.notes.first) {
		fputs("\ndefault {\n", out);
		write_notes(d, &d->defaults.notes, "\t", out);
		write_settings(&d->defaults, out);
		fputs("}\n", out);
	}
	for (const struct draft_pool *p = d->pools; p; p = p->next)
		write_pool(d, p, out);
	for (const struct draft_peer *p = d->peers; p; p = p->next)
		write_peer(d, p, out);
}
