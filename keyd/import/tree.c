// SPDX-License-Identifier: MIT
// Files into a tree of statements: which files, one inside the other, and how much of it.
#include "keyd/import/reader.h"

#include "keyd/conf/file.h"

#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void import_complain(struct import_reader *r, unsigned line, const char *fmt, ...)
{
	const char *name = r->t->nfiles ? r->t->files[r->file] : NULL;	/* NULL: the first cannot be read */
	char text[1024];
	size_t n = 0;
	va_list ap;

	if (r->errors++ >= IMPORT_ERRORS_MAX || !r->err)
		return;
	if (name)
		n = (size_t)(line ? snprintf(text, sizeof(text) / 2, "%.300s:%u: ", name, line) :
				    snprintf(text, sizeof(text) / 2, "%.300s: ", name));
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	r->err(text, r->arg);
}

static void no_memory(struct import_reader *r)
{
	import_complain(r, 0, "out of memory");
	r->error = -ENOMEM;
}

struct import_stmt *import_add(struct import_reader *r, struct import_stmt ***where, unsigned line)
{
	struct import_stmt *s;

	if (r->t->nstmts >= IMPORT_STMTS_MAX) {
		import_complain(r, line, "more than %u statements", IMPORT_STMTS_MAX);
		r->errors = IMPORT_ERRORS_MAX;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		no_memory(r);
		return NULL;
	}
	r->t->nstmts++;
	s->at = (struct import_at){ .file = r->file, .line = line };
	**where = s;
	*where = &s->next;
	return s;
}

bool import_add_word(struct import_reader *r, struct import_stmt *s, const char *text, size_t n, bool quoted)
{
	struct import_word *words;

	if (s->nwords == IMPORT_WORDS_MAX) {
		import_complain(r, s->at.line, "this statement has more than %u words: is a ';' missing?",
				IMPORT_WORDS_MAX);
		return false;
	}
	if (memchr(text, 0, n)) {
		import_complain(r, s->at.line, "there is a NUL byte in this statement");
		return false;
	}
	words = s->nwords & (s->nwords - 1) ? s->words :
		reallocarray(s->words, s->nwords ? 2 * s->nwords : 1, sizeof(*words));
	if (words)
		s->words = words;
	if (!words || !(words[s->nwords].s = strndup(text, n))) {
		no_memory(r);
		return false;
	}
	words[s->nwords++].quoted = quoted;
	return true;
}

/* --- files --- */

static bool looks_like_racoon(const char *text)
{
	static const char *const words[] = {
		"remote", "sainfo", "path", "listen", "timer", "log", "padding", "mode_cfg",
	};

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, " \t\r\n");
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (!strncmp(line, words[i], strlen(words[i])) && strchr(" \t\n\r{", line[strlen(words[i])]))
				return true;
		if (!strncmp(line, "conn", 4) || !strncmp(line, "config", 6))
			return false;
	}
	return false;
}

static void scan(struct import_reader *r, const char *text, size_t n)
{
	if (r->t->format == IMPORT_GUESS)
		r->t->format = looks_like_racoon(text) ? IMPORT_RACOON : IMPORT_IPSEC;
	if (r->t->format == IMPORT_RACOON)
		import_scan_racoon(r, text, n);
	else
		import_scan_ipsec(r, text, n);
}

/* Names of files stand in remarks, each of which is one line. */
static bool is_printable(const char *name)
{
	while (*name && (unsigned char)*name >= 0x20 && *name != 0x7f)
		name++;
	return !*name;
}

/* false: told */
static bool add_file(struct import_reader *r, const char *name)
{
	struct import_tree *t = r->t;

	if (!is_printable(name))
		import_complain(r, r->line, "the name of a file has control characters");
	else if (t->nfiles == IMPORT_FILES_MAX)
		import_complain(r, r->line, "more than %u files", IMPORT_FILES_MAX);
	else if (!(t->files[t->nfiles] = strdup(name)))
		no_memory(r);
	else
		return t->nfiles++, true;
	r->errors = r->errors < IMPORT_ERRORS_MAX ? IMPORT_ERRORS_MAX : r->errors;
	return false;
}

static void read_file(struct import_reader *r, unsigned line, const char *name)
{
	unsigned file = r->file;
	struct conf_file f;
	char why[256];
	int e = conf_file_read(&f, name, IMPORT_FILE_MAX, why, sizeof(why));

	if (e < 0) {
		import_complain(r, line, "'%s' %s", name, why);
		r->error = e;
		return;
	}
	if (add_file(r, name)) {
		r->file = r->t->nfiles - 1;
		r->depth++;
		scan(r, f.text, f.n);
		r->depth--;
		r->file = file;
	}
	conf_file_clear(&f);
}

/*
 * It is no mistake: some have folders that are empty as yet, and the plutos go on without a file that was once
 * delivered with them.
 */
static void warn_nothing(struct import_reader *r, unsigned line, const char *pattern)
{
	char text[1024];

	snprintf(text, sizeof(text), "%.300s:%u: warning: no file fits '%.300s'", r->t->files[r->file], line, pattern);
	if (r->err)
		r->err(text, r->arg);
}

static void include_pattern(struct import_reader *r, unsigned line, const char *pattern)
{
	glob_t found;
	int e = glob(pattern, 0, NULL, &found);

	if (e == GLOB_NOMATCH && (r->t->format == IMPORT_IPSEC || strpbrk(pattern, "*?[")))
		warn_nothing(r, line, pattern);
	else if (e == GLOB_NOMATCH)
		import_complain(r, line, "'%s' is not there", pattern);
	else if (e)
		import_complain(r, line, "'%s' cannot be looked for", pattern);
	if (e)
		return;
	for (size_t i = 0; i < found.gl_pathc && r->errors < IMPORT_ERRORS_MAX; i++)
		read_file(r, line, found.gl_pathv[i]);
	globfree(&found);
}

void import_include(struct import_reader *r, unsigned line, const char *name)
{
	const char *base = r->t->files[r->file], *slash = strrchr(base, '/');
	char *path;
	int n;

	if (r->no_files) {
		import_complain(r, line, "this text is no file and cannot include others");
		return;
	}
	if (r->depth >= IMPORT_DEPTH_MAX) {
		import_complain(r, line, "%u files include one another: does this one include itself?",
				IMPORT_DEPTH_MAX);
		return;
	}
	if (*name == '/')
		n = asprintf(&path, "%s", name);
	else if (r->include_dir && *r->include_dir == '/')
		n = asprintf(&path, "%s/%s", r->include_dir, name);
	else if (r->include_dir)
		n = asprintf(&path, "%.*s%s/%s", slash ? (int)(slash - base) + 1 : 0, base, r->include_dir, name);
	else
		n = asprintf(&path, "%.*s%s", slash ? (int)(slash - base) + 1 : 0, base, name);
	if (n < 0) {
		no_memory(r);
		return;
	}
	include_pattern(r, line, path);
	free(path);
}

/* --- */

static int finish(struct import_reader *r)
{
	if (!r->errors)
		return 0;
	import_tree_free(r->t);
	return r->error;
}

int import_tree_read(struct import_tree *t, const char *path, enum import_format format, conf_error_fn *err, void *arg)
{
	struct import_reader r = { .t = t, .err = err, .arg = arg, .error = -EINVAL };

	*t = (struct import_tree){ .format = format };
	r.end = &t->first;
	read_file(&r, 0, path);
	return finish(&r);
}

int import_tree_buffer(struct import_tree *t, const char *name, const char *text, size_t n, enum import_format format,
		       conf_error_fn *err, void *arg)
{
	struct import_reader r = { .t = t, .err = err, .arg = arg, .no_files = true, .error = -EINVAL };
	char *copy;

	*t = (struct import_tree){ .format = format };
	r.end = &t->first;
	copy = n <= IMPORT_FILE_MAX ? malloc(n + 1) : NULL;
	if (add_file(&r, name) && copy) {
		memcpy(copy, text, n);
		copy[n] = 0;
		scan(&r, copy, n);
	} else if (!r.errors) {
		import_complain(&r, 0, "is larger than %u bytes, or there is no memory", IMPORT_FILE_MAX);
	}
	free(copy);
	return finish(&r);
}

/* Blocks are nested IMPORT_NESTING_MAX deep at most. */
static void free_list(struct import_stmt *s)
{
	while (s) {
		struct import_stmt *next = s->next;

		free_list(s->inside);
		for (unsigned i = 0; i < s->nwords; i++)
			free(s->words[i].s);
		free(s->words);
		free(s);
		s = next;
	}
}

void import_tree_free(struct import_tree *t)
{
	free_list(t->first);
	for (unsigned i = 0; i < t->nfiles; i++)
		free(t->files[i]);
	*t = (struct import_tree){ 0 };
}

bool import_word_is(const struct import_stmt *s, unsigned i, const char *word)
{
	return i < s->nwords && !s->words[i].quoted && !strcasecmp(s->words[i].s, word);
}

const char *import_word(const struct import_stmt *s, unsigned i)
{
	return i < s->nwords ? s->words[i].s : "";
}
