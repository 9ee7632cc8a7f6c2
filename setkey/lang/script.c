// SPDX-License-Identifier: MIT
/* Feeds text to the scanner and the parser, and keeps what they find. */
#include "setkey/lang/script.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "setkey/lang/parse.h"
#include "setkey/lang/scan.h"

#define READ_SIZE 4096u	/* at least as much is read at once */

static int parse(struct script *sc, yyscan_t scanner)
{
	int err;

	sc->line = 1;
	err = setkey_yyparse(scanner, sc);
	if (sc->failed || err) {
		/* The last statement was not even ended, or there is no memory. */
		if (!sc->errors)
			sc->errors = 1;
		sc->st = NULL;
		sc->failed = false;
	}
	return sc->errors ? -1 : 0;
}

static int out_of_memory(struct script *sc)
{
	sc->errors++;
	sc->error_line = sc->line;
	if (sc->on_error)
		sc->on_error(sc->arg, sc->line, "out of memory", NULL);
	return -1;
}

int script_parse_text(struct script *sc, char *text, size_t n)
{
	yyscan_t scanner;
	int err;

	if (n > INT_MAX - 2 || setkey_yylex_init_extra(sc, &scanner))
		return out_of_memory(sc);
	text[n] = text[n + 1] = '\0';
	if (setkey_yy_scan_buffer(text, n + 2, scanner))
		err = parse(sc, scanner);
	else
		err = out_of_memory(sc);
	setkey_yylex_destroy(scanner);
	return err;
}

int script_parse_stream(struct script *sc, FILE *stream)
{
	yyscan_t scanner;
	int err;

	if (setkey_yylex_init_extra(sc, &scanner))
		return out_of_memory(sc);
	sc->stream = stream;
	err = parse(sc, scanner);
	setkey_yylex_destroy(scanner);
	sc->stream = NULL;
	return err;
}

size_t script_read(struct script *sc, char *buf, size_t max)
{
	size_t n = 0;
	int c = 0;

	while (sc->stream && n < max && c != '\n') {
		c = getc(sc->stream);
		if (c == EOF)
			break;
		buf[n++] = (char)c;
	}
	return n;
}

/* Like realloc, for text with keys in it. */
static char *grow(char *old, size_t used, size_t size)
{
	char *text = malloc(size);

	if (text && used)
		memcpy(text, old, used);
	if (text && old) {
		explicit_bzero(old, used);
		free(old);
	}
	return text;
}

/* Room for all of a regular file, so that a large one is not copied about; else a beginning. */
static size_t first_size(FILE *file)
{
	struct stat st;

	if (fstat(fileno(file), &st) || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > INT_MAX)
		return 65536;
	return (size_t)st.st_size + 2 * READ_SIZE;
}

/* What editors of other systems put around a text: a byte order mark before it, a carriage return behind its last line. */
static int parse_whole(struct script *sc, char *text, size_t n)
{
	static const char mark[] = { '\xef', '\xbb', '\xbf' };
	size_t skip = n >= sizeof(mark) && !memcmp(text, mark, sizeof(mark)) ? sizeof(mark) : 0;

	if (n > skip && text[n - 1] == '\r')
		text[n - 1] = '\n';
	return script_parse_text(sc, text + skip, n - skip);
}

int script_parse_file(struct script *sc, FILE *file)
{
	size_t n = 0, size = 0;
	char *text = NULL;
	int err;

	do {
		if (size - n < READ_SIZE) {
			size_t want = size ? size * 2 : first_size(file);
			char *more = grow(text, n, want);

			if (!more) {
				err = -ENOMEM;
				goto out;
			}
			text = more;
			size = want;
		}
		n += fread(text + n, 1, size - n - 2, file);
	} while (!feof(file) && !ferror(file));
	err = ferror(file) ? -(errno ? errno : EIO) : parse_whole(sc, text, n);
out:
	if (text)
		explicit_bzero(text, n);
	free(text);
	return err;
}

void script_clear(struct script *sc)
{
	arena_clear(&sc->arena);
	sc->first = sc->last = sc->st = NULL;
	sc->count = 0;
}
