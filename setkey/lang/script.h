/* SPDX-License-Identifier: MIT */
/*
 * A text in setkey's language, read into statements. Reading asks neither the kernel nor the resolver. Errors are told
 * one by one and the reading goes on after the next ';', so that one run shows them all.
 */
#ifndef SETKEY_LANG_SCRIPT_H
#define SETKEY_LANG_SCRIPT_H

#include "setkey/lang/arena.h"
#include "setkey/lang/statement.h"

#include <stdio.h>

/* More errors than this are counted but not told. */
#define SCRIPT_ERRORS_TOLD 50

/* token may be NULL. */
typedef void script_error_fn(void *arg, unsigned int line, const char *msg, const char *token);
/* Called for each statement as its ';' is read; what it holds is gone afterwards. */
typedef void script_statement_fn(void *arg, struct statement *st);

/* Zero-initialise it, set what is wanted of the first group; release with script_clear. */
struct script {
	script_error_fn *on_error;		/* NULL: errors are only counted */
	script_statement_fn *on_statement;	/* NULL: statements are collected in first */
	void *arg;				/* of both */

	struct statement *first, *last;
	size_t count;
	unsigned int errors;
	unsigned int line;			/* where reading stands */
	unsigned int error_line;		/* of the last error */
	bool ended;				/* by exit, quit or bye, or by on_statement */

	/* The reader's own */
	struct arena arena;
	FILE *stream;
	struct statement *st;			/* being read */
	struct endpoint *end, *dst;		/* the one being read, and the one after a source: the statement's, or those of -sel */
	struct upper_spec *upper;
	struct rule_spec rule, rules[IPSEC_TMPL_MAX];	/* of its policy: the one being read, and those before */
	bool failed;				/* an error in the present statement was told */
};

/* Reads n bytes of text; text[n] and text[n + 1] must be there and are overwritten. 0, or -1 after any error. */
int script_parse_text(struct script *sc, char *text, size_t n);
/* Reads the stream line by line until its end, for terminals and pipes that want each statement done when its ';' comes. */
int script_parse_stream(struct script *sc, FILE *stream);
/* Reads the whole of a file, then parses it. 0, -1 after any error in it, or -errno if reading it failed. */
int script_parse_file(struct script *sc, FILE *file);
void script_clear(struct script *sc);
/* For the scanner: at most max bytes, and no more than one line, from the stream; 0 at its end. */
size_t script_read(struct script *sc, char *buf, size_t max);

#endif
