// SPDX-License-Identifier: MIT
// One sentence for a syntax error: what was found, what may stand there, what was probably meant.
#include "keyd/conf/parser.h"
#include "keyd/conf/conf.tab.h"

#include <stdarg.h>
#include <string.h>

#define TEXT_MAX 48			/* of a found word that is shown */

/* Appends to buf[cap], cut if it does not fit. */
static void CONF_PRINTF(3, 4) put(char *buf, size_t cap, const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + n, cap - n, fmt, ap);
	va_end(ap);
}

static bool is_secret_place(int hint)
{
	return hint == PSK || hint == PASSPHRASE;
}

/* A word after psk, or what follows '=', may be somebody's secret in the wrong place: it is not shown. */
static void put_found(const struct conf_parser *p, const struct conf_syntax *syn, char *buf, size_t cap)
{
	const struct conf_word *w = &p->place.word;
	int shown = (int)strcspn(w->s, "=");

	if (p->place.token == STRING)
		put(buf, cap, "found a quoted string");
	else if (p->place.token == WORD && is_secret_place(p->place.hint))
		put(buf, cap, "found a word (a secret stands in double quotes)");
	else if (p->place.token == WORD)
		put(buf, cap, "found '%.*s%s'", shown < TEXT_MAX ? shown : TEXT_MAX, w->s,
		    shown > TEXT_MAX || w->s[shown] ? "…" : "");
	else if (conf_keyword_of_token(p->place.token))
		put(buf, cap, "found '%s'", syn->found);
	else
		put(buf, cap, "found %s", syn->found);
}

/* At the start of a statement nobody needs to hear that it might end at once; at the end of the file only that helps. */
static void put_expected(const struct conf_parser *p, const struct conf_syntax *syn, char *buf, size_t cap)
{
	const struct conf_keyword *kw = conf_keyword_of_token(p->place.hint);
	const char *all[sizeof(syn->expected) / sizeof(char *) + 2];
	bool start = p->place.before == 0 || p->place.before == END || p->place.before == '{', at_end = p->place.token == 0;
	unsigned n = 0;

	for (unsigned i = 0; i < syn->nexpected; i++)
		if (!start || at_end == (*syn->expected[i] == '\''))
			all[n++] = syn->expected[i];
	if (syn->word_expected)
		all[n++] = kw ? kw->value : "a word";
	if (syn->end_expected && !start)
		all[n++] = "the end of the statement";
	for (unsigned i = 0; i < n; i++)
		put(buf, cap, "%s%s", i == 0 ? ", expected " : i + 1 == n ? " or " : ", ", all[i]);
}

/* Where people choose a name, a keyword may be one, in quotes. */
static bool is_name_place(int hint)
{
	return hint == PEER || hint == ID || hint == KEYID;
}

void conf_syntax_error(struct conf_parser *p, const struct conf_syntax *syn)
{
	char text[1024] = "";
	const char *near = NULL;

	if (p->place.token == '{')
		p->place.skip_depth = 1;
	p->place.recovering = p->place.token != END && p->place.token != '}';
	put_found(p, syn, text, sizeof(text));
	put_expected(p, syn, text, sizeof(text));
	if (p->place.token == WORD && !is_secret_place(p->place.hint))
		near = conf_did_you_mean(p->place.word.s, syn->expected);
	if (p->place.token == '{' && p->place.before == END)
		put(text, sizeof(text), "; a '{' stands in the line of what it belongs to");
	else if (near)
		put(text, sizeof(text), "; did you mean '%s'?", near);
	else if (p->place.token == ',' && p->place.hint == ID)
		put(text, sizeof(text), "; a DN stands in quotes");
	else if (syn->word_expected && is_name_place(p->place.hint) && conf_keyword_of_token(p->place.token))
		put(text, sizeof(text), "; to use '%s' as a name, quote it", syn->found);
	conf_err(p, &syn->at, "%s", text);
}
