/* SPDX-License-Identifier: MIT */
/*
 * racoon.conf (ipsec-tools' racoon.conf(5)) and ipsec.conf (of FreeS/WAN's descendants) as plain data: each statement
 * with its place. What they mean is for others: nothing here knows a keyword but those that files are made of.
 */
#ifndef KEYD_IMPORT_TREE_H
#define KEYD_IMPORT_TREE_H

#include "keyd/conf/report.h"

#include <stdbool.h>
#include <stddef.h>

#define IMPORT_FILE_MAX (1 << 20)	/* bytes of one file */
#define IMPORT_FILES_MAX 256		/* in all */
#define IMPORT_DEPTH_MAX 10		/* files that include files */
#define IMPORT_STMTS_MAX 65536		/* in all */
#define IMPORT_WORDS_MAX 256		/* of one statement */
#define IMPORT_NESTING_MAX 4		/* blocks inside of blocks */
#define IMPORT_ERRORS_MAX 20

enum import_format { IMPORT_GUESS, IMPORT_RACOON, IMPORT_IPSEC };

struct import_at {
	unsigned file, line;		/* file: of import_tree.files */
};

/*
 * racoon.conf: a statement up to its ';' or '}', as words; ',' and "[500]" are words of their own, "/24" belongs to the
 * word before.
 * ipsec.conf: a section ("conn", "NAME") whose inside are pairs ("leftid", "@a"), or a line ("version", "2.0").
 */
struct import_stmt {
	struct import_stmt *next;
	struct import_stmt *inside;	/* of its block, in the order of the file */
	struct import_at at;
	bool block;			/* it has one, which may be empty */
	unsigned nwords;		/* at least 1 */
	struct import_word {
		char *s;		/* owned; no quotes, no NUL in it */
		bool quoted;
	} *words;			/* owned */
};

/* Zero-initialise; release with import_tree_free. */
struct import_tree {
	enum import_format format;
	struct import_stmt *first;	/* outside of blocks; included files stand where they are included */
	char *files[IMPORT_FILES_MAX];	/* owned: names as they were opened */
	unsigned nfiles, nstmts;
};

/*
 * Reads path and what it includes. 0, or -EINVAL (mistakes of form; each was told with file and line) or another
 * -errno, which was told, too; t then owns nothing. IMPORT_GUESS: what it looks like.
 */
int import_tree_read(struct import_tree *t, const char *path, enum import_format format, conf_error_fn *err, void *arg);
/* The same from memory, without files: include is a mistake. */
int import_tree_buffer(struct import_tree *t, const char *name, const char *text, size_t n, enum import_format format,
		       conf_error_fn *err, void *arg);
void import_tree_free(struct import_tree *t);

/* Whether the i-th word is there and is that one, as a keyword (racoon knows case, ipsec.conf does not: this does). */
bool import_word_is(const struct import_stmt *s, unsigned i, const char *word);
/* The i-th word, or "". */
const char *import_word(const struct import_stmt *s, unsigned i);

#endif
