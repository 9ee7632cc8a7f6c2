/* SPDX-License-Identifier: MIT */
/* A whole file in memory that is cleansed afterwards, and whether it is fit to hold secrets. */
#ifndef KEYD_CONF_FILE_H
#define KEYD_CONF_FILE_H

#include <stddef.h>

struct conf_file {
	char *text;			/* n bytes and two NULs, owned */
	size_t n;
	char exposed[512];		/* a sentence saying why it may not hold a secret, with the remedy; "": it may */
};

/*
 * Reads a regular file of at most max bytes. 0, or -errno with a sentence in why[n] that does not name the file.
 * Release with conf_file_clear.
 */
int conf_file_read(struct conf_file *f, const char *path, size_t max, char *why, size_t n);
void conf_file_clear(struct conf_file *f);

#endif
