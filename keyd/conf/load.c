// SPDX-License-Identifier: MIT
// Loading: files one inside the other, the strings they are made of, and the lines that say what is wrong.
#include "keyd/conf/load.h"
#include "keyd/conf/file.h"
#include "keyd/conf/parser.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct conf_chunk {
	struct conf_chunk *next;
	size_t n;
	char s[];
};

char *conf_keep(struct conf_parser *p, const char *s, size_t n)
{
	struct conf_chunk *c = malloc(sizeof(*c) + n + 1);

	if (!c) {
		conf_err(p, NULL, "out of memory");
		p->error = -ENOMEM;
		return NULL;
	}
	*c = (struct conf_chunk){ .next = p->chunks, .n = n };
	memcpy(c->s, s, n);
	c->s[n] = 0;
	p->chunks = c;
	return c->s;
}

/* One line "where: word text" to whoever listens. */
static void say(struct conf_parser *p, const struct conf_where *at, const char *word, const char *fmt, va_list ap)
{
	char text[1536];
	const char *file = at ? at->file : p->place.file;
	size_t n = 0;

	if (!p->err)
		return;
	if (at && at->line && at->column)
		n = (size_t)snprintf(text, sizeof(text) / 2, "%.300s:%u:%u: ", file, at->line, at->column);
	else if (at && at->line)
		n = (size_t)snprintf(text, sizeof(text) / 2, "%.300s:%u: ", file, at->line);
	else if (file)
		n = (size_t)snprintf(text, sizeof(text) / 2, "%.300s: ", file);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", word);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	p->err(text, p->err_arg);
}

void conf_err(struct conf_parser *p, const struct conf_where *at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (p->errors >= CONF_ERRORS_MAX)
		return;
	va_start(ap, fmt);
	say(p, at, "", fmt, ap);
	va_end(ap);
	if (++p->errors < CONF_ERRORS_MAX || !p->err)
		return;
	snprintf(text, sizeof(text), "%.300s: that is %u mistakes: reading no further", at ? at->file : p->place.file, p->errors);
	p->err(text, p->err_arg);
}

void conf_warn(struct conf_parser *p, const struct conf_where *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(p, at, "warning: ", fmt, ap);
	va_end(ap);
}

struct conf_where conf_here(const struct conf_parser *p)
{
	const struct conf_place *at = &p->place;
	unsigned n = at->line - 1;

	if (!at->origins)
		return (struct conf_where){ .file = at->file, .line = at->line, .column = at->column };
	if (n >= at->norigins)
		return (struct conf_where){ .file = at->file };
	return (struct conf_where){ .file = at->origins[n].file, .line = at->origins[n].line };
}

struct conf_at conf_at_of(struct conf_parser *p, const struct conf_where *at)
{
	return (struct conf_at){ .line = at->line & 0xffffff, .file = conf_file_number(p->conf, at->file) };
}

const char *conf_path(struct conf_parser *p, const struct conf_word *w)
{
	const char *slash = strrchr(p->place.file, '/');
	size_t dir = *w->s == '/' || !slash ? 0 : (size_t)(slash - p->place.file) + 1;
	char *path, *kept;

	if (p->no_files || !w->n || strlen(w->s) != w->n) {
		conf_err(p, &w->at, p->no_files ? "this text is no file and cannot name others" : "this is no name of a file");
		return NULL;
	}
	if (dir == 0)
		return w->s;
	if (asprintf(&path, "%.*s%s", (int)dir, p->place.file, w->s) < 0) {
		conf_err(p, &w->at, "out of memory");
		p->error = -ENOMEM;
		return NULL;
	}
	kept = conf_keep(p, path, strlen(path));
	free(path);
	return kept;
}

static void chunks_free(struct conf_parser *p)
{
	for (struct conf_chunk *c = p->chunks, *next; c; c = next) {
		next = c->next;
		secret_cleanse(c->s, c->n);
		free(c);
	}
	p->chunks = NULL;
}

static void on_secrets(void *arg, const struct conf_word *file)
{
	struct conf_parser *p = arg;
	struct conf_word kept = *file;

	kept.s = conf_keep(p, file->s, file->n);
	if (kept.s)
		conf_foresee_secrets(p, &kept);
}

/* Sections take keys and PINs out of files of secrets, wherever those are named. What is wrong with the text is told when it is read. */
static void foresee_secrets(struct conf_parser *p, const char *text, size_t n)
{
	struct conf_parser quiet = { .conf = p->conf, .place = p->place };
	char *copy = calloc(1, n + 2);

	if (!copy)
		return;
	memcpy(copy, text, n);
	conf_scan_secrets(&quiet, copy, n, on_secrets, p);
	p->secrets_foreseen = true;
	chunks_free(&quiet);
	secret_cleanse(copy, n);
	free(copy);
}

/* Runs the grammar over one text, with the state that belongs to a file put aside meanwhile. place: its file, and what is known of that. */
static void conf_parse_text(struct conf_parser *p, struct conf_place place, char *text, size_t n)
{
	struct conf_place outer = p->place;

	p->place = place;
	p->place.line = p->place.column = 1;
	p->place.depth = outer.depth + 1;
	if (p->place.depth == 1 && !p->no_files)
		foresee_secrets(p, text, n);
	if (conf_scan(p, text, n) == 2) {
		conf_err(p, NULL, "out of memory");
		p->error = -ENOMEM;
	}
	p->place = outer;
}

void conf_parse_file(struct conf_parser *p, const char *path, const struct conf_where *from)
{
	struct conf_where whole = { .file = path };
	struct conf_file f;
	char why[256];
	int r = conf_file_read(&f, path, CONF_FILE_MAX, why, sizeof(why));

	if (r < 0) {
		if (from)
			conf_err(p, from, "'%s' %s", path, why);
		else
			conf_err(p, &whole, "%s", why);
		p->error = r;
		return;
	}
	conf_parse_text(p, (struct conf_place){ .file = path, .exposed = *f.exposed ? f.exposed : NULL }, f.text, f.n);
	conf_file_clear(&f);
}

static void conf_parser_clear(struct conf_parser *p)
{
	chunks_free(p);
	secret_clear(&p->psk);
	secret_clear(&p->password);
	secret_clear(&p->own.passphrase);
	conf_pin_clear(&p->own.pin);
	conf_pin_clear(&p->default_pin);
	conf_ipsec_free(p);
	free(p->peers_at);
	free(p->read);
}

static struct conf_parser conf_parser_start(struct conf *c, struct conf_secrets *s, conf_error_fn *err, void *arg)
{
	conf_defaults(c);
	*s = (struct conf_secrets){ 0 };
	return (struct conf_parser){ .conf = c, .secrets = s, .err = err, .err_arg = arg, .error = -EINVAL };
}

static int conf_parser_finish(struct conf_parser *p)
{
	int r;

	conf_globals_check(p);
	r = p->errors ? p->error : 0;
	if (r < 0) {
		conf_free(p->conf);
		conf_secrets_free(p->secrets);
	}
	conf_parser_clear(p);
	return r;
}

int conf_load(struct conf *c, struct conf_secrets *s, const char *path, conf_error_fn *err, void *arg)
{
	return conf_load_seen(c, s, path, NULL, err, arg);
}

int conf_load_seen(struct conf *c, struct conf_secrets *s, const char *path, const struct conf_sights *seen, conf_error_fn *err,
		   void *arg)
{
	struct conf_parser p = conf_parser_start(c, s, err, arg);

	p.sights = seen;
	conf_parse_file(&p, path, NULL);
	return conf_parser_finish(&p);
}

static void parse_copy(struct conf_parser *p, struct conf_place place, const char *text, size_t n)
{
	char *copy = n <= CONF_FILE_MAX ? calloc(1, n + 2) : NULL;

	if (copy) {
		memcpy(copy, text, n);
		conf_parse_text(p, place, copy, n);
		secret_cleanse(copy, n);
		free(copy);
	} else {
		p->place.file = place.file;
		conf_err(p, NULL, n > CONF_FILE_MAX ? "is larger than %u bytes" :
			 "needs more memory than there is (%u bytes)", CONF_FILE_MAX);
	}
}

int conf_load_buffer(struct conf *c, struct conf_secrets *s, const char *name, const char *text, size_t n,
		     conf_error_fn *err, void *arg)
{
	struct conf_parser p = conf_parser_start(c, s, err, arg);

	p.no_files = true;
	parse_copy(&p, (struct conf_place){ .file = name }, text, n);
	return conf_parser_finish(&p);
}

int conf_load_text(struct conf *c, struct conf_secrets *s, const struct conf_text *t, const struct conf_sights *seen,
		   conf_error_fn *err, void *arg)
{
	struct conf_parser p = conf_parser_start(c, s, err, arg);

	p.sights = seen;
	parse_copy(&p, (struct conf_place){ .file = t->name, .origins = t->lines, .norigins = t->nlines },
		   t->text, t->n);
	if (t->racoon && !p.errors)
		conf_xauth_of_racoon(&p);
	return conf_parser_finish(&p);
}
