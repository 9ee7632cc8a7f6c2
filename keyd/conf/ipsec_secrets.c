// SPDX-License-Identifier: MIT
// Entries of ipsec.secrets, as Pluto, charon and their kin take them. No message has a byte of a secret in it.
#include "keyd/conf/file.h"
#include "keyd/conf/ipsec_inside.h"
#include "keyd/conf/load.h"

#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tokens that belong together. */
struct entry {
	struct ipsec_token t[IPSEC_TOKENS_MAX];
	unsigned n, open;		/* open: "{" that no "}" has followed */
	bool colon, long_, broken;	/* between selectors and kind; more tokens than fit; a mistake that was told */
};

static void __attribute__((format(printf, 4, 0))) tell(struct ipsec_reader *r, unsigned line, const char *word, const char *fmt, va_list ap)
{
	char text[1536];
	size_t n = (size_t)snprintf(text, sizeof(text) / 2, "%.300s:%u: %s", r->name, line, word);

	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	if (r->err)
		r->err(text, r->arg);
}

void ipsec_complain(struct ipsec_reader *r, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (r->errors++ < IPSEC_ERRORS_MAX)
		tell(r, line, "", fmt, ap);
	va_end(ap);
}

void ipsec_warn(struct ipsec_reader *r, unsigned line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(r, line, "warning: ", fmt, ap);
	va_end(ap);
}

/* --- the colon, which may be written to what stands beside it --- */

static bool is_colon(const struct ipsec_token *t)
{
	return ipsec_token_is(t, ":");
}

/* "::" at its end belongs to an IPv6 address. */
static bool ends_in_colon(const struct ipsec_token *t)
{
	size_t colons = 0;

	while (!t->quote && colons < t->n && t->s[t->n - 1 - colons] == ':')
		colons++;
	return t->n > 1 && (colons == 1 || colons == 3);
}

/* ":PSK" */
static bool begins_with_colon(const struct ipsec_token *t)
{
	struct ipsec_token rest = *t;

	if (t->quote || t->n < 2 || *t->s != ':')
		return false;
	rest.s++;
	rest.n--;
	return ipsec_kind_of(&rest) != NULL;
}

/* Whether the colon stands at t, or between it and the one before (which may be NULL). */
static bool colon_at(const struct ipsec_token *before, const struct ipsec_token *t)
{
	return is_colon(t) || begins_with_colon(t) || (before && ends_in_colon(before) && ipsec_kind_of(t));
}

/* A distinguished name may have blanks, and no quotes around it. */
static unsigned join_name(struct ipsec_token *t, unsigned n)
{
	bool name = false;

	for (unsigned i = 0; i < n; i++) {
		if (t[i].quote || t[i].line != t->line)
			return n;
		name = name || memchr(t[i].s, '=', t[i].n);
	}
	if (!name)
		return n;
	t->n = (size_t)(t[n - 1].s + t[n - 1].n - t->s);
	return 1;
}

/* Selectors, colon, kind, the rest. */
static void take_entry(struct ipsec_reader *r, struct entry *e)
{
	struct ipsec_selectors who = { .t = e->t, .line = e->t->line };
	const struct ipsec_kind *kind;
	unsigned i = 0;

	while (i < e->n && !colon_at(i ? &e->t[i - 1] : NULL, &e->t[i]))
		i++;
	if (i == e->n || (is_colon(&e->t[i]) && i + 1 == e->n)) {
		ipsec_complain(r, who.line, "selectors, a colon and PSK, RSA, ECDSA, PKCS8, P12 or PIN are expected");
		return;
	}
	who.n = i;
	if (is_colon(&e->t[i])) {
		i++;
	} else if (begins_with_colon(&e->t[i])) {
		e->t[i].s++;
		e->t[i].n--;
	} else {
		e->t[i - 1].n--;
	}
	who.n = join_name(e->t, who.n);
	kind = ipsec_kind_of(&e->t[i]);
	if (!kind)
		ipsec_complain(r, who.line, "after the colon PSK, RSA, ECDSA, PKCS8, P12 or PIN is expected");
	else
		ipsec_kind_take(r, kind, &who, &e->t[i + 1], e->n - i - 1);
}

/* --- files --- */

static void read_text(struct ipsec_reader *r, const char *text, size_t n);

static void include_file(struct ipsec_reader *r, unsigned line, const char *path)
{
	const char *name = r->name;
	uint8_t file = r->file;
	struct conf_file f;
	char why[256];
	int e = conf_file_read(&f, path, PSK_FILE_MAX, why, sizeof(why));

	if (e == -ENOENT) {		/* Debian's has one that is there only now and then */
		ipsec_warn(r, line, "'%s' %s", path, why);
		return;
	}
	if (e == -EISDIR)
		return;
	if (e < 0) {
		ipsec_complain(r, line, "'%s' %s", path, why);
		r->error = e;
		return;
	}
	if (*f.exposed) {
		ipsec_complain(r, line, "'%s': %s", path, f.exposed);
		r->error = -EACCES;
	} else {
		r->name = path;
		r->file = conf_file_number(r->c, path);
		r->depth++;
		read_text(r, f.text, f.n);
		r->name = name;
		r->file = file;
		r->depth--;
	}
	conf_file_clear(&f);
}

static void include(struct ipsec_reader *r, unsigned line, const char *pattern)
{
	glob_t found;
	int e = glob(pattern, 0, NULL, &found);

	if (e == GLOB_NOMATCH && !strpbrk(pattern, "*?["))
		include_file(r, line, pattern);
	else if (e && e != GLOB_NOMATCH)
		ipsec_complain(r, line, "'%s' cannot be looked for", pattern);
	if (e)
		return;
	for (size_t i = 0; i < found.gl_pathc && r->errors < IPSEC_ERRORS_MAX; i++) {
		if (r->files++ == IPSEC_FILES_MAX)
			ipsec_complain(r, line, "more than %u files are included", IPSEC_FILES_MAX);
		if (r->files > IPSEC_FILES_MAX)
			break;
		include_file(r, line, found.gl_pathv[i]);
	}
	globfree(&found);
}

static bool is_include(const struct entry *e)
{
	return e->n && ipsec_token_is(&e->t[0], "include") && !(e->n > 1 && colon_at(&e->t[0], &e->t[1]));
}

static void take_include(struct ipsec_reader *r, const struct entry *e)
{
	const struct ipsec_token *t = &e->t[1];
	const char *slash = strrchr(r->name, '/');
	char path[2 * CONF_PATH_MAX];
	int dir;

	if (e->n != 2 || !t->n)
		ipsec_complain(r, e->t->line, "after include the name of one file, or a pattern of names, is expected");
	else if (!r->c)
		ipsec_complain(r, e->t->line, "this text is no file and cannot name others");
	else if (r->depth >= IPSEC_DEPTH_MAX)
		ipsec_complain(r, e->t->line, "%u files include one another: does this one include itself?", IPSEC_DEPTH_MAX);
	else {
		dir = *t->s == '/' || !slash ? 0 : (int)(slash - r->name) + 1;
		if (snprintf(path, sizeof(path), "%.*s%.*s", dir, r->name, (int)t->n, t->s) < (int)sizeof(path))
			include(r, e->t->line, path);
		else
			ipsec_complain(r, e->t->line, "the name of the file is too long");
	}
}

static void end_entry(struct ipsec_reader *r, struct entry *e)
{
	if (e->n && !e->broken && e->long_)
		ipsec_complain(r, e->t->line, "this entry has more than %u words", IPSEC_TOKENS_MAX);
	else if (e->n && !e->broken && is_include(e))
		take_include(r, e);
	else if (e->n && !e->broken)
		take_entry(r, e);
	e->n = e->open = 0;
	e->colon = e->long_ = e->broken = false;
}

/* Of the line that t is the first token of, s stands behind it. */
static bool line_has_colon(struct ipsec_scanner s, const struct ipsec_token *t)
{
	struct ipsec_token before = *t, next;

	if (colon_at(NULL, t))
		return true;
	while (ipsec_scan(&s, &next) == IPSEC_SCAN_TOKEN && !next.first) {
		if (colon_at(&before, &next))
			return true;
		before = next;
	}
	return false;
}

/* At the left margin; and, as charon has it, an indented line with a colon of its own behind an entry that had one. */
static bool begins_entry(const struct entry *e, const struct ipsec_scanner *s, const struct ipsec_token *t)
{
	if (!t->first)
		return false;
	if (!t->indented)
		return !(e->open && ipsec_token_is(t, "}"));
	return !e->open && (is_include(e) || ipsec_token_is(t, "include") || (e->colon && line_has_colon(*s, t)));
}

static void add_token(struct entry *e, const struct ipsec_token *t)
{
	e->colon = e->colon || colon_at(e->n ? &e->t[e->n - 1] : NULL, t);
	e->open += ipsec_token_is(t, "{");
	if (e->open && ipsec_token_is(t, "}"))
		e->open--;
	if (e->n < IPSEC_TOKENS_MAX)
		e->t[e->n++] = *t;
	else
		e->long_ = true;
}

static void read_text(struct ipsec_reader *r, const char *text, size_t n)
{
	struct ipsec_scanner s = { .at = text, .end = text + n, .line_start = text, .line = 1 };
	struct entry *e = calloc(1, sizeof(*e));
	struct ipsec_token t;
	int got;

	if (!e) {
		ipsec_complain(r, 0, "out of memory");
		r->error = -ENOMEM;
		return;
	}
	while (r->errors < IPSEC_ERRORS_MAX && (got = ipsec_scan(&s, &t)) != IPSEC_SCAN_END) {
		if (begins_entry(e, &s, &t))
			end_entry(r, e);
		if (got == IPSEC_SCAN_TOKEN) {
			add_token(e, &t);
			continue;
		}
		ipsec_complain(r, t.line, got == IPSEC_SCAN_NUL ? "this line has a NUL byte" : "a quote is not closed on its line");
		e->n += e->n == 0;
		e->broken = true;
	}
	if (r->errors < IPSEC_ERRORS_MAX)
		end_entry(r, e);
	free(e);
}

/* --- */

/* Does one of its lines say what only ipsec.secrets says? */
bool ipsec_secrets_is(const char *text, size_t n)
{
	struct ipsec_scanner s = { .at = text, .end = text + n, .line_start = text, .line = 1 };
	struct ipsec_token before = { 0 }, t;
	int got;

	while ((got = ipsec_scan(&s, &t)) != IPSEC_SCAN_END) {
		if (got != IPSEC_SCAN_TOKEN)
			continue;
		if (t.first && ipsec_token_is(&t, "include"))
			return true;
		if (begins_with_colon(&t) || (ipsec_kind_of(&t) && before.n && before.line + 1 >= t.line &&
					      (is_colon(&before) || ends_in_colon(&before))))
			return true;
		before = t;
	}
	return false;
}

static void truncate_to(struct ipsec_secrets *s, size_t nkeys, size_t npins, size_t nlogins)
{
	while (s->nlogins > nlogins)
		secret_clear(&s->logins[--s->nlogins].password);
	while (s->nkeys > nkeys) {
		struct ipsec_key *k = &s->keys[--s->nkeys];

		secret_clear(&k->bytes);
		secret_clear(&k->passphrase);
	}
	while (s->npins > npins)
		secret_clear(&s->pins[--s->npins].pin);
}

static int read_first(struct ipsec_reader *r, const char *text, size_t n)
{
	size_t nkeys = r->out->nkeys, npins = r->out->npins, nlogins = r->out->nlogins, npsks = r->psks->n;

	r->base = r->name;
	r->file = r->psks->file;
	read_text(r, text, n);
	if (!r->errors)
		return 0;
	truncate_to(r->out, nkeys, npins, nlogins);
	psk_truncate(r->psks, npsks);
	return r->error ? r->error : -EINVAL;
}

int ipsec_secrets_read(struct ipsec_secrets *out, struct conf_secrets *psks, struct conf *c, const char *path, const char *text,
		       size_t n, conf_error_fn *err, void *arg)
{
	struct ipsec_reader r = { .out = out, .psks = psks, .c = c, .name = path, .err = err, .arg = arg };

	return read_first(&r, text, n);
}

int ipsec_secrets_buffer(struct ipsec_secrets *out, struct conf_secrets *psks, const char *name, const char *text, size_t n,
			 conf_error_fn *err, void *arg)
{
	struct ipsec_reader r = { .out = out, .psks = psks, .name = name, .err = err, .arg = arg };

	return read_first(&r, text, n);
}

void ipsec_secrets_free(struct ipsec_secrets *s)
{
	truncate_to(s, 0, 0, 0);
	free(s->keys);
	free(s->pins);
	free(s->logins);
	*s = (struct ipsec_secrets){ 0 };
}
