// SPDX-License-Identifier: MIT
// The words of racoon.conf: statements end with ';', blocks stand in braces, quotes have no escapes and may span lines.
#include "keyd/import/reader.h"

#include <stdlib.h>
#include <string.h>

struct scanner {
	struct import_reader *r;
	const char *at, *end;
	unsigned line;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

/* To the first byte of a token; false: there is none any more. */
static bool skip(struct scanner *s)
{
	for (; s->at < s->end; s->at++) {
		if (*s->at == '#')
			s->at = memchr(s->at, '\n', (size_t)(s->end - s->at)) ?: s->end;
		if (s->at == s->end || !is_blank(*s->at))
			break;
		s->line += *s->at == '\n';
	}
	return s->at < s->end;
}

static size_t word_len(const struct scanner *s)
{
	size_t left = (size_t)(s->end - s->at), n = 1;

	if (*s->at == ',' || *s->at == ']')
		return 1;
	if (*s->at == '[') {
		const char *to = memchr(s->at, ']', left);

		return to ? (size_t)(to - s->at) + 1 : 1;
	}
	while (n < left && !is_blank(s->at[n]) && !strchr(";{},\"#[]", s->at[n]))
		n++;
	return n;
}

/* "/24" behind a blank belongs to the address before it. */
static bool joins(const struct import_stmt *st, const char *text, size_t n)
{
	return n > 1 && *text == '/' && text[1] >= '0' && text[1] <= '9' && st->nwords &&
	       !st->words[st->nwords - 1].quoted && !strchr(st->words[st->nwords - 1].s, '/') &&
	       *st->words[st->nwords - 1].s != ',';
}

static bool join(struct scanner *s, struct import_stmt *st, size_t n)
{
	struct import_word *w = &st->words[st->nwords - 1];
	size_t had = strlen(w->s);
	char *both = realloc(w->s, had + n + 1);

	if (!both || memchr(s->at, 0, n)) {
		import_complain(s->r, s->line, both ? "there is a NUL byte in this statement" : "out of memory");
		w->s = both ?: w->s;
		return false;
	}
	memcpy(both + had, s->at, n);
	both[had + n] = 0;
	w->s = both;
	return true;
}

static bool take_word(struct scanner *s, struct import_stmt *st)
{
	size_t n;
	bool ok;

	if (*s->at == '"') {
		const char *to = memchr(s->at + 1, '"', (size_t)(s->end - s->at - 1));

		if (!to) {
			import_complain(s->r, s->line, "a quote is not closed");
			return false;
		}
		ok = import_add_word(s->r, st, s->at + 1, (size_t)(to - s->at - 1), true);
		for (; s->at <= to; s->at++)
			s->line += *s->at == '\n';
		return ok;
	}
	n = word_len(s);
	ok = joins(st, s->at, n) ? join(s, st, n) : import_add_word(s->r, st, s->at, n, false);
	s->at += n;
	return ok;
}

/* Words up to ';' or '{'. 0: to be thrown away, which was told; else the mark. */
static char take_words(struct scanner *s, struct import_stmt *st)
{
	while (skip(s)) {
		if (*s->at == ';' || *s->at == '{')
			return *s->at++;
		if (*s->at == '}') {
			import_complain(s->r, st->at.line, "there is no ';' behind '%s'", st->words[st->nwords - 1].s);
			return 0;
		}
		if (!take_word(s, st)) {
			s->at = s->end;		/* what follows would be guessed at */
			return 0;
		}
	}
	import_complain(s->r, st->at.line, "there is no ';' behind '%s'",
			st->nwords ? st->words[st->nwords - 1].s : "");
	return 0;
}

/* "path include" and "include" act where they stand. */
static void act(struct scanner *s, struct import_stmt *st, struct import_stmt ***where)
{
	if (import_word_is(st, 0, "path") && import_word_is(st, 1, "include") && st->nwords == 3)
		s->r->include_dir = st->words[2].s;	/* lives as long as the tree */
	if (!import_word_is(st, 0, "include") || st->block)
		return;
	if (st->nwords != 2) {
		import_complain(s->r, st->at.line, "after include the name of a file is expected");
		return;
	}
	s->r->end = *where;
	import_include(s->r, st->at.line, st->words[1].s);
	*where = s->r->end;
}

/* The statements of a block up to its '}', or (depth 0) of the file. */
static void take_block(struct scanner *s, struct import_stmt ***where, unsigned depth, unsigned from)
{
	while (s->r->errors < IMPORT_ERRORS_MAX && skip(s)) {
		struct import_stmt *st, **inside;
		char mark;

		if (*s->at == ';') {
			s->at++;
			continue;
		}
		if (*s->at == '}' && s->at++) {
			if (depth)
				return;
			import_complain(s->r, s->line, "this '}' closes nothing");
			continue;
		}
		if (*s->at == '{') {
			import_complain(s->r, s->line, "a name is missing before '{'");
			s->at = s->end;
			return;
		}
		st = import_add(s->r, where, s->line);
		mark = st ? take_words(s, st) : 0;
		if (mark == ';' && !depth)
			act(s, st, where);
		if (mark != '{')
			continue;
		st->block = true;
		if (depth == IMPORT_NESTING_MAX) {
			import_complain(s->r, st->at.line, "more than %u blocks one inside the other",
					IMPORT_NESTING_MAX);
			s->at = s->end;
			return;
		}
		inside = &st->inside;
		take_block(s, &inside, depth + 1, st->at.line);
	}
	if (depth && s->r->errors < IMPORT_ERRORS_MAX)
		import_complain(s->r, from, "the '{' of this block has no '}'");
}

void import_scan_racoon(struct import_reader *r, const char *text, size_t n)
{
	struct scanner s = { .r = r, .at = text, .end = text + n, .line = 1 };

	take_block(&s, &r->end, 0, 1);
}
