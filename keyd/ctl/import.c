// SPDX-License-Identifier: MIT
// keydctl import: reads another daemon's configuration, writes keyd.conf to standard output, and says on stderr what it left out.
#include "keyd/ctl/import.h"

#include "keyd/ctl/keydctl.h"
#include "keyd/import/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct told {
	bool json;
	json_t *mistakes;		/* with json: lines */
};

static void tell(const char *text, void *arg)
{
	struct told *t = arg;

	if (t->json)
		json_array_append_new(t->mistakes, json_string(text));
	else
		fprintf(stderr, "%s\n", text);
}

static int fail(const struct import_asked *a, const struct told *t, const char *text)
{
	json_t *o;

	if (!a->json) {
		fprintf(stderr, "keydctl: import failed: %s\n", text);
		return KEYDCTL_FAILED;
	}
	o = json_pack("{s:s, s:b, s:s, s:O}", "cmd", "import", "ok", 0, "error", text, "mistakes", t->mistakes);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
	return KEYDCTL_FAILED;
}

static int save_policies(const struct import_asked *a, const struct told *t, const char *text)
{
	FILE *f = a->setkey ? fopen(a->setkey, "we") : NULL;
	char why[512];
	bool ok;

	if (!a->setkey)
		return KEYDCTL_DONE;
	ok = f && fputs(text, f) >= 0;
	ok = f && fclose(f) == 0 && ok;
	if (ok)
		return KEYDCTL_DONE;
	snprintf(why, sizeof(why), "%s cannot be written: %s", a->setkey, strerror(errno));
	return fail(a, t, why);
}

static int print_json(const struct import_result *r)
{
	json_t *notes = json_array(), *o;

	for (unsigned i = 0; i < r->nnotes; i++)
		json_array_append_new(notes, json_pack("{s:s, s:i, s:s, s:s+}", "file", r->notes[i].file, "line", (int)r->notes[i].line,
						       "what", import_how_name(r->notes[i].how), "text", r->notes[i].text, ""));
	o = json_pack("{s:s, s:b, s:s, s:s, s:s, s:o}", "cmd", "import", "ok", 1, "text", "done", "conf", r->conf, "setkey", r->spd,
		      "notes", notes);
	if (!o || json_dumpf(o, stdout, JSON_COMPACT) < 0) {
		fputs("keydctl: import failed: a file has text that is not UTF-8, which JSON cannot have\n", stderr);
		json_decref(o);
		return KEYDCTL_FAILED;
	}
	putchar('\n');
	json_decref(o);
	return KEYDCTL_DONE;
}

static int print_text(const struct import_result *r)
{
	for (unsigned i = 0; i < r->nnotes; i++)
		if (r->notes[i].how >= IMPORT_IKEV1)
			fprintf(stderr, "%s:%u: %s: %s\n", r->notes[i].file, r->notes[i].line,
				import_how_name(r->notes[i].how), r->notes[i].text);
	fputs(r->conf, stdout);
	return KEYDCTL_DONE;
}

static int convert(const struct import_asked *a, const struct told *t, const struct import_tree *tree)
{
	struct ipsec_addr own[IMPORT_OWN_MAX];
	struct import_options o = { .modernise = a->modernise, .setkey = a->setkey != NULL, .own = own, .look = true };
	struct import_result r;
	int e;

	o.nown = import_own_addresses(own, IMPORT_OWN_MAX);
	e = import_convert(&r, tree, &o);
	if (e)
		return fail(a, t, e == -E2BIG ? "what would come of it is too large" : "out of memory");
	e = save_policies(a, t, r.spd);
	if (e == KEYDCTL_DONE)
		e = a->json ? print_json(&r) : print_text(&r);
	import_result_free(&r);
	if (fflush(stdout) || ferror(stdout))
		return fail(a, t, "the result cannot be written");
	return e;
}

int import_main(const struct import_asked *a)
{
	enum import_format format = !a->format ? IMPORT_GUESS :
				    !strcmp(a->format, "racoon") ? IMPORT_RACOON : IMPORT_IPSEC;
	struct told t = { .json = a->json };
	struct import_tree tree = { .nfiles = 0 };
	int r;

	if (a->format && strcmp(a->format, "racoon") != 0 && strcmp(a->format, "ipsec.conf") != 0) {
		fprintf(stderr, "keydctl: --format is racoon or ipsec.conf, and not \"%s\"\n", a->format);
		return KEYDCTL_USAGE;
	}
	t.mistakes = json_array();
	if (import_tree_read(&tree, a->file, format, tell, &t))
		r = fail(a, &t, "the file has mistakes, or cannot be read");
	else
		r = convert(a, &t, &tree);
	import_tree_free(&tree);
	json_decref(t.mistakes);
	return r;
}
