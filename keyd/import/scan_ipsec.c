// SPDX-License-Identifier: MIT
// The lines of ipsec.conf: sections begin at the left margin, what belongs to them is indented.
#include "keyd/import/reader.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Without blanks at its ends. */
static void trim(const char **s, size_t *n)
{
	while (*n && is_blank(**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n && is_blank((*s)[*n - 1]))
		(*n)--;
}

/* Without its comment, which begins at a # at the start of a word, outside of quotes. */
static size_t before_comment(const char *s, size_t n)
{
	char quote = 0;

	for (size_t i = 0; i < n; i++) {
		if (quote)
			quote = s[i] == quote ? 0 : quote;
		else if (s[i] == '"')
			quote = s[i];
		else if (s[i] == '#' && (!i || is_blank(s[i - 1])))
			return i;
	}
	return n;
}

static bool is_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && !strncasecmp(s, word, n);
}

/* A value in quotes loses them; one in which they end early keeps all that it has. */
static bool add_value(struct import_reader *r, struct import_stmt *st, const char *s, size_t n)
{
	bool quoted = n >= 2 && (*s == '"' || *s == '\'') && s[n - 1] == *s && !memchr(s + 1, *s, n - 2);

	if (n && *s == '"' && !memchr(s + 1, '"', n - 1)) {
		import_complain(r, st->at.line, "a quote is not closed on its line");
		return false;
	}
	return import_add_word(r, st, s + quoted, n - 2U * quoted, quoted);
}

static void take_include(struct import_reader *r, const char *s, size_t n)
{
	char name[4096];
	struct import_stmt *section = r->section, **inside = r->inside;

	trim(&s, &n);
	if (n >= 2 && *s == '"' && s[n - 1] == '"') {
		s++;
		n -= 2;
	}
	if (!n || n >= sizeof(name) || memchr(s, 0, n)) {
		import_complain(r, r->line, "after include the name of a file, or a pattern of names, is expected");
		return;
	}
	memcpy(name, s, n);
	name[n] = 0;
	r->section = NULL;
	import_include(r, r->line, name);
	r->section = section;
	r->inside = inside;
}

/* "leftid = @a" below a section */
static void take_pair(struct import_reader *r, const char *s, size_t n)
{
	const char *eq = memchr(s, '=', n), *value = eq ? eq + 1 : s;
	size_t nkey = eq ? (size_t)(eq - s) : 0, nvalue = eq ? n - nkey - 1 : 0;
	struct import_stmt *st;

	trim(&s, &nkey);
	trim(&value, &nvalue);
	if (!nkey) {
		import_complain(r, r->line, "a name, '=' and a value are expected");
		return;
	}
	if (!r->section) {
		import_complain(r, r->line, "this line is indented, but stands below no section");
		return;
	}
	st = import_add(r, &r->inside, r->line);
	if (st && import_add_word(r, st, s, nkey, false))
		add_value(r, st, value, nvalue);
}

static bool begins_section(const struct import_stmt *st)
{
	return import_word_is(st, 0, "conn") || import_word_is(st, 0, "config") || import_word_is(st, 0, "ca");
}

/* At the left margin: "conn NAME", "config setup", "version 2.0" */
static void take_head(struct import_reader *r, const char *s, size_t n)
{
	struct import_stmt *st;
	size_t first = 0;

	while (first < n && !is_blank(s[first]))
		first++;
	if (memchr(s, '=', n) && !is_word(s, first, "conn")) {
		import_complain(r, r->line,
				"this line stands at the left margin: what belongs to a section is indented");
		return;
	}
	st = import_add(r, &r->end, r->line);
	while (st && n) {
		for (first = 0; first < n && !is_blank(s[first]); first++)
			;
		if (!add_value(r, st, s, first))
			return;
		s += first;
		n -= first;
		trim(&s, &n);
	}
	r->section = NULL;
	if (!st || !begins_section(st))
		return;
	if (st->nwords != 2)
		import_complain(r, r->line, "after '%s' one name is expected", st->words[0].s);
	st->block = true;
	r->section = st;
	r->inside = &st->inside;
}

static void take_line(struct import_reader *r, const char *s, size_t n)
{
	bool indented = n && is_blank(*s);
	size_t first = 0;

	n = before_comment(s, n);
	trim(&s, &n);
	while (first < n && !is_blank(s[first]))
		first++;
	if (!n)
		return;
	if (is_word(s, first, "include") && !memchr(s, '=', n))
		take_include(r, s + first, n - first);
	else if (indented)
		take_pair(r, s, n);
	else
		take_head(r, s, n);
}

void import_scan_ipsec(struct import_reader *r, const char *text, size_t n)
{
	unsigned outer = r->line;

	r->line = 1;
	for (const char *end = text + n; text < end && r->errors < IMPORT_ERRORS_MAX; r->line++) {
		const char *eol = memchr(text, '\n', (size_t)(end - text)) ?: end;

		take_line(r, text, (size_t)(eol - text));
		text = eol + 1;
	}
	r->line = outer;
}
