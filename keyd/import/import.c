// SPDX-License-Identifier: MIT
// From a tree of statements to the text of keyd.conf, policies for setkey, and remarks.
#include "keyd/import/draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *import_how_name(enum import_how how)
{
	static const char *const names[] = {
		[IMPORT_CHOICE] = "choice", [IMPORT_IDLE] = "no effect", [IMPORT_IKEV1] = "IKEv1",
		[IMPORT_NOT] = "not taken over", [IMPORT_UNKNOWN] = "unknown",
	};

	return names[how];
}

static void take_notes(struct import_result *r, const struct draft *d, const struct draft_notes *notes)
{
	for (const struct draft_note *n = notes->first; n; n = n->next)
		r->notes[r->nnotes++] = (struct import_note){
			.how = n->how, .file = d->tree->files[n->at.file], .line = n->at.line, .text = n->text,
		};
}

static size_t count_notes(const struct draft_notes *notes)
{
	size_t n = 0;

	for (const struct draft_note *at = notes->first; at; at = at->next)
		n++;
	return n;
}

static int all_notes(struct import_result *r, const struct draft *d)
{
	size_t n = count_notes(&d->notes) + count_notes(&d->defaults.notes);

	for (const struct draft_peer *p = d->peers; p; p = p->next)
		n += count_notes(&p->notes) + 1;	/* why it is a comment */
	r->notes = calloc(n + 1, sizeof(*r->notes));
	if (!r->notes)
		return -ENOMEM;
	take_notes(r, d, &d->notes);
	take_notes(r, d, &d->defaults.notes);
	for (const struct draft_peer *p = d->peers; p; p = p->next) {
		take_notes(r, d, &p->notes);
		if (p->off)
			r->notes[r->nnotes++] = (struct import_note){
				.how = p->idle ? IMPORT_IDLE : IMPORT_NOT, .file = d->tree->files[p->at.file],
				.line = p->at.line, .text = p->off,
			};
	}
	return 0;
}

/* What write makes, as a string; NULL: no memory. */
static char *written(const struct draft *d, void (*write)(const struct draft *d, FILE *out))
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int failed;

	if (!out)
		return NULL;
	write(d, out);
	failed = ferror(out);
	if (fclose(out) || failed) {
		free(text);
		return NULL;
	}
	return text;
}

static void write_for_people(struct import_result *r, const struct draft *d)
{
	r->conf = written(d, draft_write);
	r->spd = written(d, draft_write_spd);
}

static void write_places(struct import_result *r, const struct draft *d)
{
	struct draft_places places = { .n = 0 };
	size_t n = 0;
	FILE *out = open_memstream(&r->conf, &n);
	bool failed;

	if (!out)
		return;
	draft_place(&places, (struct import_at){ .line = 1 });
	fputs("# in memory\n", out);		/* there is at least one line */
	draft_write_places(d, out, &places);
	failed = ferror(out) || places.failed;
	if (fclose(out) || failed) {
		free(places.at);
		free(r->conf);
		r->conf = NULL;
		return;
	}
	r->places = places.at;
	r->nplaces = places.n;
}

int import_convert(struct import_result *r, const struct import_tree *t, const struct import_options *o)
{
	struct draft *d = calloc(1, sizeof(*d));
	int e = 0;

	*r = (struct import_result){ .draft = d };
	if (!d)
		return -ENOMEM;
	draft_init(d, t, o);
	if (t->format == IMPORT_RACOON)
		import_racoon(d);
	else
		import_ipsec(d);
	draft_finish(d);
	if (d->failed)
		e = -E2BIG;	/* memory runs out last */
	if (!e) {
		if (o->daemon)
			write_places(r, d);
		else
			write_for_people(r, d);
		e = r->conf && (r->spd || r->places) ? all_notes(r, d) : -ENOMEM;
	}
	if (e)
		import_result_free(r);
	return e;
}

const char *import_script(const struct import_result *r, const char *peer, enum import_when when)
{
	for (const struct draft_peer *p = r->draft->peers; p; p = p->next)
		if (!strcmp(p->name, peer))
			return p->script[when];
	return NULL;
}

void import_result_free(struct import_result *r)
{
	free(r->conf);
	free(r->spd);
	free(r->places);
	free(r->notes);
	if (r->draft)
		draft_free(r->draft);
	free(r->draft);
	*r = (struct import_result){ 0 };
}
