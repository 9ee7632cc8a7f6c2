// SPDX-License-Identifier: MIT
/* Words of the language by their place: commands first, algorithms after -E, -A and -C, else those that are common. */
#include "setkey/complete.h"

#include <ctype.h>
#include <string.h>

#include "pfkey/alg.h"
#include "setkey/lang/statement.h"

static const char *const other_commands[] = { "exit", "help", "quit" };

static const char *const words[] = {
	"ah", "any", "discard", "esp", "esp-udp", "fwd", "icmp", "icmp6", "in", "ipcomp", "ipsec", "none", "out", "prio",
	"tcp", "transport", "tunnel", "udp",
	"-A", "-C", "-E", "-P", "-bh", "-bs", "-ctx", "-dir", "-esn", "-f", "-if-id", "-lh", "-ls", "-m", "-mark", "-offload",
	"-output-mark", "-r", "-sel", "-trunc", "-u",
};

static const char *const levels[] = { "require", "unique", "unique:", "use", "default" };

struct place {
	const char *word;
	size_t n;
	complete_fn *fn;
	void *arg;
};

static void offer(const struct place *p, const char *word)
{
	if (word && !strncmp(word, p->word, p->n))
		p->fn(word, p->arg);
}

static void offer_list(const struct place *p, const char *const list[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		offer(p, list[i]);
}

static void offer_algs(const struct place *p, char option)
{
	for (const struct ipsec_alg_info *a = ipsec_alg_next(NULL); a; a = ipsec_alg_next(a)) {
		char fits = a->kind == IPSEC_ALG_AUTH ? 'A' : a->kind == IPSEC_ALG_COMP ? 'C' : 'E';

		if (fits == option && !(a->flags & IPSEC_ALG_ABSENT))
			offer_list(p, a->names, IPSEC_ALG_NAMES);
	}
}

/* Where the word at the end of text begins; a rule's parts are words, too. */
static size_t word_start(const char *text, size_t n)
{
	while (n && !isspace((unsigned char)text[n - 1]) && text[n - 1] != ';' && text[n - 1] != '/')
		n--;
	return n;
}

size_t complete_word(const char *text, size_t n, bool begun, complete_fn *fn, void *arg)
{
	size_t at = word_start(text, n), before = at;
	struct place p = { text + at, n - at, fn, arg };

	while (before && isspace((unsigned char)text[before - 1]))
		before--;
	if (before ? text[before - 1] == ';' : !begun) {
		for (unsigned int c = 0; c < COMMANDS; c++)
			offer(&p, command_name((enum command)c));
		offer_list(&p, other_commands, sizeof(other_commands) / sizeof(other_commands[0]));
	} else if (before >= 2 && before < at && text[before - 2] == '-' && strchr("EAC", text[before - 1])) {
		offer_algs(&p, text[before - 1]);
	} else {
		offer_list(&p, words, sizeof(words) / sizeof(words[0]));
		if (at && text[at - 1] == '/')
			offer_list(&p, levels, sizeof(levels) / sizeof(levels[0]));
	}
	return n - at;
}
