// SPDX-License-Identifier: MIT
// Which program is meant: the file is read as keyd reads it, and the section is the one that keyd has chosen.
#include "keyd/front/hook.h"

#include "keyd/import/load.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

static void say(const char *text, void *arg)
{
	(void)arg;
	hook_say("%s", text);
}

static void quiet(const char *text, void *arg)
{
	(void)text;
	(void)arg;
}

/*
 * Reads the file as it is now, as keyd does; local: an address that was ours when keyd did so, or NULL. false: it has
 * mistakes (told to err), or there is no memory.
 */
static bool load(const struct hook *h, const char *local, struct import_tree *t, struct import_result *r,
		 conf_error_fn *err)
{
	struct ipsec_addr own[IMPORT_OWN_MAX + 1];
	struct import_options o = { .daemon = true, .look = true, .own = own,
				    .nown = import_own_addresses(own, IMPORT_OWN_MAX) };

	if (local && !ipsec_addr_parse(&own[o.nown], local))
		o.nown++;
	if (import_tree_read(t, h->file, h->format, err, NULL))
		return false;
	if (!import_convert(r, t, &o))
		return true;
	import_tree_free(t);
	return false;
}

char *hook_program(const struct hook *h, const json_t *event, enum import_when when)
{
	struct import_result r = { .nnotes = 0 };
	struct import_tree t = { .nfiles = 0 };
	const char *found = h->command[when];
	char *copy;

	if (!h->file)
		return found ? strdup(found) : NULL;
	if (!load(h, hook_text(event, "local"), &t, &r, say))
		return NULL;
	found = import_script(&r, hook_text(event, "peer"), when);
	copy = found ? strdup(found) : NULL;
	import_result_free(&r);
	import_tree_free(&t);
	return copy;
}

bool hook_readable(const struct hook *h)
{
	struct import_result r = { .nnotes = 0 };
	struct import_tree t = { .nfiles = 0 };

	if (!h->file)
		return true;
	if (!load(h, NULL, &t, &r, say))
		return false;
	import_result_free(&r);
	import_tree_free(&t);
	return true;
}

bool hook_check(const struct hook *h)
{
	struct import_result r = { .nnotes = 0 };
	struct import_tree t = { .nfiles = 0 };

	if (!h->file || !load(h, NULL, &t, &r, quiet))
		return !h->file;
	for (unsigned i = 0; i < r.nnotes; i++)
		if (strstr(r.notes[i].text, "keyd-hook"))
			printf("%s:%u: %s\n", r.notes[i].file, r.notes[i].line, r.notes[i].text);
	import_result_free(&r);
	import_tree_free(&t);
	return true;
}
