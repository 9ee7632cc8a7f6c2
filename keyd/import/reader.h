/* SPDX-License-Identifier: MIT */
/* Private to the reading of trees: what the two scanners share. */
#ifndef KEYD_IMPORT_READER_H
#define KEYD_IMPORT_READER_H

#include "keyd/import/tree.h"

struct import_reader {
	struct import_tree *t;
	conf_error_fn *err;
	void *arg;
	bool no_files;
	unsigned errors, depth;
	int error;			/* the result, once errors is not 0 */
	const char *include_dir;	/* of racoon's "path include", or NULL */
	struct import_stmt **end;	/* where the next statement goes */
	struct import_stmt *section;	/* of ipsec.conf, or NULL */
	struct import_stmt **inside;	/* where its next pair goes */
	/* the file that is being read */
	unsigned file, line;
};

void import_complain(struct import_reader *r, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* At *where, which moves on. NULL: too many, or no memory (told). */
struct import_stmt *import_add(struct import_reader *r, struct import_stmt ***where, unsigned line);
/* false: told */
bool import_add_word(struct import_reader *r, struct import_stmt *s, const char *text, size_t n, bool quoted);
/* A file or a pattern of names, relative to include_dir or to the file that says so. */
void import_include(struct import_reader *r, unsigned line, const char *name);

/* The scanners; text[n] is NUL. */
void import_scan_racoon(struct import_reader *r, const char *text, size_t n);
void import_scan_ipsec(struct import_reader *r, const char *text, size_t n);

#endif
