// SPDX-License-Identifier: MIT
/* libedit as a stream. */
#include "setkey/edit.h"

#include <ctype.h>
#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "setkey/complete.h"

#define HISTORY_SIZE 1000

struct edit {
	EditLine *el;
	History *history;
	FILE *stream;
	const char *line;		/* libedit's, what of it was not given to the reader yet */
	size_t left;
	unsigned int lines;
	bool begun, quoted;		/* there is text since the last ';'; within a string */
	bool abandon, interrupted;
	bool again;			/* the stream was ended by abandon or interrupted */
};

static const char help[] =
	"A statement ends with `;' and may take several lines. For example:\n"
	"  spddump;  dump;  spdflush;  flush;\n"
	"  spdadd 10.0.1.0/24 10.0.2.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;\n"
	"  add 192.0.2.1 192.0.2.2 esp 0x1001 -E aes-cbc 0x... -A hmac-sha256 0x...;\n"
	"Tab completes words, Ctrl-C gives up a statement, Ctrl-D or `exit;' ends. setkey(8) has the whole language.\n";

static struct edit *of(EditLine *el)
{
	void *e = NULL;

	el_get(el, EL_CLIENTDATA, &e);
	return e;
}

static char *prompt(EditLine *el)
{
	static char first[] = "setkey> ", more[] = "      > ";
	const struct edit *e = of(el);

	return e->begun || e->quoted ? more : first;
}

static unsigned char on_interrupt(EditLine *el, int c)
{
	(void)c;
	of(el)->interrupted = true;
	return CC_NEWLINE;
}

/* libedit has a handler that gives the terminal back, and takes it again later. */
static unsigned char on_suspend(EditLine *el, int c)
{
	(void)el;
	(void)c;
	raise(SIGTSTP);
	return CC_REDISPLAY;
}

/* What the candidates have in common, and how many they are. */
struct found {
	char common[64];
	unsigned int n;
	bool list;
};

static void on_candidate(const char *word, void *arg)
{
	struct found *f = arg;
	size_t same = 0;

	if (f->list)
		printf("%s%s", f->n ? "  " : "\n", word);
	if (!f->n++) {
		snprintf(f->common, sizeof(f->common), "%s", word);
		return;
	}
	while (f->common[same] && f->common[same] == word[same])
		same++;
	f->common[same] = '\0';
}

static unsigned char on_tab(EditLine *el, int c)
{
	const LineInfo *line = el_line(el);
	size_t before = (size_t)(line->cursor - line->buffer), n;
	const struct edit *e = of(el);
	struct found f = { .n = 0 };

	(void)c;
	if (e->quoted)
		return CC_ERROR;
	n = complete_word(line->buffer, before, e->begun, on_candidate, &f);
	if (f.n && strlen(f.common) > n) {
		el_insertstr(el, f.common + n);
		if (f.n == 1)
			el_insertstr(el, " ");
		return CC_REFRESH;
	}
	if (f.n < 2)
		return CC_ERROR;
	f = (struct found){ .list = true };
	complete_word(line->buffer, before, e->begun, on_candidate, &f);
	putchar('\n');
	return CC_REDISPLAY;
}

/* Only for the prompt and for completion, so it need not know the language better than this. */
static void follow(struct edit *e, const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = line[i];

		if (c == '"')
			e->quoted = !e->quoted;
		if (e->quoted || (c != ';' && c != '#' && !isspace((unsigned char)c)))
			e->begun = true;
		else if (c == ';')
			e->begun = false;
		else if (c == '#')
			return;
	}
}

static bool is_help(const char *line, size_t n)
{
	while (n && (isspace((unsigned char)line[n - 1]) || line[n - 1] == ';'))
		n--;
	while (n && isspace((unsigned char)*line)) {
		line++;
		n--;
	}
	return (n == 4 && !memcmp(line, "help", 4)) || (n == 1 && *line == '?');
}

static void remember(struct edit *e, const char *line, size_t n)
{
	HistEvent ev;

	for (size_t i = 0; i < n; i++) {
		if (isspace((unsigned char)line[i]))
			continue;
		history(e->history, &ev, H_ENTER, line);
		return;
	}
}

/* The next line into e->line. False at an end, be it only of a statement. */
static bool next_line(struct edit *e)
{
	for (;;) {
		int n = 0;

		fflush(stdout);
		e->line = el_gets(e->el, &n);
		if (e->interrupted) {
			fputs("^C\n", stdout);
			break;
		}
		if (!e->line || n <= 0) {
			putchar('\n');
			return false;
		}
		e->left = (size_t)n;
		e->lines++;
		remember(e, e->line, e->left);
		if (e->begun || e->quoted || !is_help(e->line, e->left))
			return true;
		fputs(help, stdout);
	}
	e->again = true;
	return false;
}

static ssize_t edit_read(void *cookie, char *buf, size_t size)
{
	struct edit *e = cookie;
	size_t n;

	if (!e->left && e->abandon) {
		e->again = true;
		return 0;
	}
	if (!e->left) {
		if (!next_line(e)) {
			e->left = 0;
			return 0;
		}
		follow(e, e->line, e->left);
	}
	n = e->left < size ? e->left : size;
	memcpy(buf, e->line, n);
	e->line += n;
	e->left -= n;
	return (ssize_t)n;
}

static bool open_history(struct edit *e)
{
	HistEvent ev;

	e->history = history_init();
	if (!e->history)
		return false;
	history(e->history, &ev, H_SETSIZE, HISTORY_SIZE);
	history(e->history, &ev, H_SETUNIQUE, 1);
	el_set(e->el, EL_HIST, history, e->history);
	return true;
}

static bool open_terminal(struct edit *e)
{
	setlocale(LC_CTYPE, "");
	e->el = el_init("setkey", stdin, stdout, stderr);
	if (!e->el || !open_history(e))
		return false;
	el_set(e->el, EL_CLIENTDATA, e);
	el_set(e->el, EL_PROMPT, prompt);
	el_set(e->el, EL_EDITOR, "emacs");
	el_set(e->el, EL_SIGNAL, 1);
	el_source(e->el, NULL);
	/* While a line is being typed, Ctrl-C is a key like others, and not a signal that comes when it likes. */
	el_set(e->el, EL_SETTY, "-d", "-isig", NULL);
	el_set(e->el, EL_ADDFN, "setkey-abandon", "Give up the statement", on_interrupt);
	el_set(e->el, EL_BIND, "^C", "setkey-abandon", NULL);
	el_set(e->el, EL_ADDFN, "setkey-suspend", "Stop the program for a while", on_suspend);
	el_set(e->el, EL_BIND, "^Z", "setkey-suspend", NULL);
	el_set(e->el, EL_ADDFN, "setkey-complete", "Complete the word", on_tab);
	el_set(e->el, EL_BIND, "\t", "setkey-complete", NULL);
	return true;
}

struct edit *edit_open(void)
{
	static const cookie_io_functions_t io = { .read = edit_read };
	struct edit *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	if (!open_terminal(e))
		goto fail;
	e->stream = fopencookie(e, "r", io);
	if (!e->stream)
		goto fail;
	/* No copy of what is typed stays in a buffer. */
	setvbuf(e->stream, NULL, _IONBF, 0);
	return e;
fail:
	edit_close(e);
	return NULL;
}

/* The entries are the history's own copies, and it does not cleanse them. */
static void cleanse(History *history_list)
{
	HistEvent ev;

	for (int r = history(history_list, &ev, H_FIRST); r >= 0; r = history(history_list, &ev, H_NEXT))
		explicit_bzero((char *)(uintptr_t)ev.str, strlen(ev.str));
}

void edit_close(struct edit *e)
{
	if (!e)
		return;
	if (e->stream)
		fclose(e->stream);
	if (e->history) {
		cleanse(e->history);
		history_end(e->history);
	}
	if (e->el)
		el_end(e->el);
	free(e);
}

FILE *edit_stream(struct edit *e)
{
	return e->stream;
}

void edit_abandon(struct edit *e)
{
	e->abandon = true;
}

bool edit_interrupted(const struct edit *e)
{
	return e->interrupted;
}

bool edit_again(struct edit *e)
{
	bool again = e->again;

	e->begun = e->quoted = e->abandon = e->interrupted = e->again = false;
	clearerr(e->stream);
	return again;
}

unsigned int edit_lines(const struct edit *e)
{
	return e->lines;
}
