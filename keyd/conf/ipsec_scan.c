// SPDX-License-Identifier: MIT
// The tokens of ipsec.secrets: words and quoted strings; what begins with # is a comment.
#include "keyd/conf/ipsec_inside.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static void next_line(struct ipsec_scanner *s)
{
	const char *end = memchr(s->at, '\n', (size_t)(s->end - s->at));

	if (!end) {
		s->at = s->end;
		return;
	}
	s->at = s->line_start = end + 1;
	s->line++;
}

/* To the first byte of a token; false: there is none any more. */
static bool skip(struct ipsec_scanner *s)
{
	while (s->at < s->end) {
		if (*s->at == '\n' || *s->at == '#')
			next_line(s);
		else if (is_blank(*s->at))
			s->at++;
		else
			return true;
	}
	return false;
}

static bool only_blanks(const char *from, const char *to)
{
	while (from < to && is_blank(*from))
		from++;
	return from == to;
}

static int scan_quoted(struct ipsec_scanner *s, struct ipsec_token *t)
{
	const char *eol = memchr(s->at, '\n', (size_t)(s->end - s->at)) ?: s->end;
	const char *to = memchr(s->at + 1, *s->at, (size_t)(eol - s->at - 1));

	if (!to) {
		next_line(s);
		return IPSEC_SCAN_OPEN_QUOTE;
	}
	t->quote = *s->at;
	t->s = s->at + 1;
	t->n = (size_t)(to - t->s);
	s->at = to + 1;
	return IPSEC_SCAN_TOKEN;
}

int ipsec_scan(struct ipsec_scanner *s, struct ipsec_token *t)
{
	const char *from;
	int r = IPSEC_SCAN_TOKEN;

	*t = (struct ipsec_token){ 0 };
	if (!skip(s))
		return IPSEC_SCAN_END;
	from = s->at;
	t->line = s->line;
	t->first = only_blanks(s->line_start, from);
	t->indented = t->first && from > s->line_start;
	if (*from == '"' || *from == '\'') {
		r = scan_quoted(s, t);
	} else {
		while (s->at < s->end && !is_blank(*s->at) && *s->at != '\n')
			s->at++;
		t->s = from;
		t->n = (size_t)(s->at - from);
	}
	if (r == IPSEC_SCAN_TOKEN && memchr(t->s, 0, t->n)) {
		next_line(s);
		return IPSEC_SCAN_NUL;
	}
	return r;
}

bool ipsec_token_is(const struct ipsec_token *t, const char *word)
{
	return !t->quote && strlen(word) == t->n && !strncasecmp(t->s, word, t->n);
}
