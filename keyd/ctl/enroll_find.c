// SPDX-License-Identifier: MIT
// Finds the token that is meant: in the module that is named, or in the readers of pcscd.
#include "keyd/ctl/enroll_inside.h"

#include "keyd/card/module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULES_MAX 16		/* of p11-kit's list that are looked into */
#define SEEN_MAX 500		/* bytes of what is said of tokens that do not fit */

struct search {
	struct enroll *e;
	struct card_uri *uri;		/* NULL: who is a label or a serial number */
	unsigned found, nseen;
	bool pcscd;			/* it has answered */
	const char *module;		/* of p11-kit's list, that has the token */
	char names[MODULES_MAX][CARD_MODULE_NAME_MAX];
	char seen[SEEN_MAX];		/* for a message */
};

static bool fits(const struct search *s, const struct card_token *t)
{
	const char *who = s->e->who;

	if (s->uri)
		return card_uri_fits_token(s->uri, t);
	return !who || !strcmp(who, t->label) || !strcmp(who, t->serial);
}

static void note_seen(struct search *s, const struct card_token *t)
{
	size_t n = strlen(s->seen);

	s->nseen++;
	snprintf(s->seen + n, sizeof(s->seen) - n, "%s\"%s\" (serial number %s)", n ? ", " : "", t->label, t->serial);
}

/* The tokens of one worker, which is kept if the one that is meant is among them. */
static int look_in(struct search *s, struct card *c)
{
	struct enroll *e = s->e;
	struct card_token t[CARD_TOKENS_MAX];
	unsigned n = CARD_TOKENS_MAX;
	int error = c->driver->tokens(c, t, &n);

	for (unsigned i = 0; !error && i < n; i++) {
		note_seen(s, &t[i]);
		if (!fits(s, &t[i]) || s->found++)
			continue;
		e->t = t[i];
		e->card = c;
		e->d = c->driver;
	}
	return error;
}

static int open_place(struct search *s, const char *option, const char *what)
{
	struct enroll *e = s->e;
	struct card_remote_how how = { e->worker, option, what, e->call_ms, e->long_ms };
	char why[CARD_WHY_MAX] = "";
	struct card *c;
	int r = 0, error = card_remote_open(&c, &how, why);

	if (error)
		return enroll_fail(e, "%s %s", what, *why ? why : card_strerror(error));
	error = look_in(s, c);
	if (error)
		r = enroll_fail(e, "%s: %s: %s", what, card_strerror(error), c->driver->error(c));
	if (e->card != c)
		c->driver->close(c);
	return r;
}

/* A reader whose card is of no kind that we know is no failure of the others. */
static int open_readers(struct search *s)
{
	struct enroll *e = s->e;
	struct card_remote_how how = { e->worker, NULL, NULL, e->call_ms, e->long_ms };
	struct card_wire_reader readers[CARD_WIRE_READERS_MAX];
	unsigned n = CARD_WIRE_READERS_MAX;
	char why[CARD_WHY_MAX] = "";
	int r = 0, error = card_remote_readers(&how, readers, &n, why);

	s->pcscd = error != CARD_GONE;
	if (error == CARD_GONE)
		return 0;
	if (error)
		return enroll_fail(e, "readers: %s", *why ? why : card_strerror(error));
	for (unsigned i = 0; !r && i < n; i++)
		r = open_place(s, "--reader", readers[i].name);
	return r;
}

/*
 * The one that was named is in no reader: each module that p11-kit lists, in a process of its own. One that does not
 * work is no failure of the others; of what it does not have, nobody needs to hear.
 */
static void look_in_modules(struct search *s)
{
	struct enroll *e = s->e;
	unsigned n = card_modules_listed(s->names, MODULES_MAX);

	for (unsigned i = 0; i < n; i++) {
		struct card_remote_how how = { e->worker, "--module", s->names[i], e->call_ms, e->long_ms };
		unsigned before = s->found;
		char why[CARD_WHY_MAX];
		struct card *c;

		if (card_remote_open(&c, &how, why))
			continue;
		look_in(s, c);
		if (s->found != before && e->card == c)
			s->module = s->names[i];
		if (e->card != c)
			c->driver->close(c);
	}
}

static int judge(struct search *s, const char *module)
{
	struct enroll *e = s->e;
	const char *where = module ? module : e->who ? "the readers, and the modules that p11-kit lists" : "the readers";
	const char *hint = module ? "" : !s->pcscd ?
			   "; no reader can be asked, as pcscd is not there; of another token name its module with --module" :
			   "; of a token that is no OpenPGP or PIV card name its module with --module";

	if (s->found == 1)
		return 0;
	if (s->found)
		return enroll_fail(e, "several tokens fit: say which by its serial number: %s", s->seen);
	if (!s->nseen)
		return enroll_fail(e, "there is no token in %s%s", where, hint);
	return enroll_fail(e, "there is no token \"%s\" in %s, only %s%s", e->who, where, s->seen, hint);
}

bool enroll_is_native(const struct enroll *e)
{
	return strcmp(card_remote_driver(e->card), "pkcs11") != 0;
}

bool enroll_is_piv(const struct enroll *e)
{
	return enroll_is_native(e) && !strcmp(e->t.manufacturer, "piv_II");
}

static void name_it(struct enroll *e)
{
	snprintf(e->place, sizeof(e->place), "%s", *e->t.label ? e->t.label : e->t.serial);
}

/* keyd.conf and the worker have no folder of ours to begin from. */
static int whole_name(struct enroll *e, const char **module)
{
	if (!*module || !strchr(*module, '/'))
		return 0;
	if (!realpath(*module, e->module_room))
		return enroll_fail(e, "%s: %s", *module, strerror(errno));
	*module = e->module = e->module_room;
	return 0;
}

int enroll_find(struct enroll *e)
{
	static const char scheme[] = "pkcs11:";
	struct search s = { .e = e };
	const char *why, *module = e->module;
	int r;

	if (e->who && !strncmp(e->who, scheme, sizeof(scheme) - 1) && card_uri_parse(&s.uri, e->who, &why))
		return enroll_fail(e, "%s %s", e->who, why);
	if (!module && s.uri)
		module = card_uri_module_path(s.uri) ? card_uri_module_path(s.uri) : card_uri_module_name(s.uri);
	r = whole_name(e, &module);
	if (!r)
		r = module ? open_place(&s, "--module", module) : open_readers(&s);
	if (!r && !module && !s.found && e->who) {
		look_in_modules(&s);
		r = judge(&s, NULL);
		module = s.module;
	} else if (!r) {
		r = judge(&s, module);
	}
	/* A name outlives the URI that it may stand in. */
	if (!r && module && !e->module) {
		snprintf(e->module_room, sizeof(e->module_room), "%s", module);
		e->module = e->module_room;
	}
	card_uri_free(s.uri);
	name_it(e);
	return r;
}
