// SPDX-License-Identifier: MIT
// A daemon's configuration out of racoon.conf or ipsec.conf: tree, draft, keyd.conf's text in memory, its own reader.
#include "keyd/import/load.h"
#include "keyd/import/import.h"

#include "keyd/conf/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What has to be done something about. */
static void tell(const struct import_result *r, conf_error_fn *err, void *arg)
{
	char text[1536];

	for (unsigned i = 0; i < r->nnotes; i++) {
		const struct import_note *n = &r->notes[i];

		if (n->how < IMPORT_IKEV1)
			continue;
		snprintf(text, sizeof(text), "%.300s:%u: warning: %s: %s", n->file, n->line, import_how_name(n->how),
			 n->text);
		err(text, arg);
	}
}

static int fail(int e, const char *path, conf_error_fn *err, void *arg)
{
	char text[512];

	snprintf(text, sizeof(text), "%.300s: %s", path,
		 e == -E2BIG ? "what would come of it is too large" : "out of memory");
	err(text, arg);
	return e;
}

static int read_text(struct conf *c, struct conf_secrets *s, const struct import_tree *t, const struct import_result *r,
		     const struct conf_sights *seen, conf_error_fn *err, void *arg)
{
	struct conf_origin *lines = calloc(r->nplaces, sizeof(*lines));
	struct conf_text text = {
		.name = t->files[0], .text = r->conf, .n = strlen(r->conf), .lines = lines, .nlines = r->nplaces,
		.racoon = t->format == IMPORT_RACOON,
	};
	int e;

	if (!lines)
		return fail(-ENOMEM, t->files[0], err, arg);
	for (unsigned i = 0; i < r->nplaces; i++)
		lines[i] = (struct conf_origin){ .file = t->files[r->places[i].file], .line = r->places[i].line };
	e = conf_load_text(c, s, &text, seen, err, arg);
	for (unsigned i = 0; !e && i < t->nfiles; i++)
		conf_file_number(c, t->files[i]);
	free(lines);
	return e;
}

int import_load(struct conf *c, struct conf_secrets *s, const struct import_source *from,
		const struct conf_sights *seen, conf_error_fn *err, void *arg)
{
	struct import_options o = { .daemon = true, .own = from->own, .nown = from->nown, .look = true };
	struct import_tree tree;
	struct import_result r;
	int e;

	conf_defaults(c);
	*s = (struct conf_secrets){ 0 };
	e = import_tree_read(&tree, from->path, from->format, err, arg);
	if (e)
		return e;
	e = import_convert(&r, &tree, &o);
	if (e) {
		fail(e, from->path, err, arg);
	} else {
		tell(&r, err, arg);
		e = read_text(c, s, &tree, &r, seen, err, arg);
		import_result_free(&r);
	}
	import_tree_free(&tree);
	return e;
}

/* --- which language --- */

/* Words that lines begin with, outside of blocks, in one language only; "listen" is in two: racoon's has a block. */
static const struct {
	const char *word;
	enum import_format format;
} firsts[] = {
	{ "remote", IMPORT_RACOON }, { "sainfo", IMPORT_RACOON }, { "path", IMPORT_RACOON }, { "timer", IMPORT_RACOON },
	{ "log", IMPORT_RACOON }, { "padding", IMPORT_RACOON }, { "mode_cfg", IMPORT_RACOON },
	{ "privsep", IMPORT_RACOON }, { "ldapcfg", IMPORT_RACOON }, { "radiuscfg", IMPORT_RACOON },
	{ "complex_bundle", IMPORT_RACOON }, { "pfkey_buffer", IMPORT_RACOON }, { "gss_id_enc", IMPORT_RACOON },
	{ "conn", IMPORT_IPSEC }, { "config", IMPORT_IPSEC },
	{ "peer", IMPORT_GUESS }, { "default", IMPORT_GUESS }, { "secrets", IMPORT_GUESS }, { "pool", IMPORT_GUESS },
	{ "port", IMPORT_GUESS }, { "nat-port", IMPORT_GUESS },
};

/* To the end of the line; *depth: of braces, which count outside of quotes and comments. */
static const char *line_end(const char *at, unsigned *depth)
{
	bool quoted = false;

	for (; *at && *at != '\n'; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (*at == '#' && !quoted)
			return at + strcspn(at, "\n");
		else if (*at == '{' && !quoted)
			++*depth;
		else if (*at == '}' && !quoted && *depth)
			--*depth;
	}
	return at;
}

enum import_format import_recognise_text(const char *text)
{
	unsigned depth = 0;

	for (const char *line = text; *line; line += *line == '\n') {
		const char *word = line + strspn(line, " \t\r"), *end;
		size_t n = strcspn(word, " \t\r\n{;#");
		bool outside = !depth;

		end = line_end(line, &depth);
		for (size_t i = 0; outside && n && i < sizeof(firsts) / sizeof(*firsts); i++)
			if (n == strlen(firsts[i].word) && !strncmp(word, firsts[i].word, n))
				return firsts[i].format;
		if (outside && n == 6 && !strncmp(word, "listen", 6) && word[6 + strspn(word + 6, " \t")] == '{')
			return IMPORT_RACOON;
		line = end;
	}
	return IMPORT_GUESS;
}

enum import_format import_recognise(const char *path)
{
	enum import_format format = IMPORT_GUESS;
	struct conf_file f;
	char why[256];

	if (!conf_file_read(&f, path, IMPORT_FILE_MAX, why, sizeof(why))) {
		format = import_recognise_text(f.text);
		conf_file_clear(&f);
	}
	return format;
}
