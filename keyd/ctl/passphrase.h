/* SPDX-License-Identifier: MIT */
/* A passphrase or a PIN from whoever sits there: a terminal, a descriptor, a program of the pinentry family. */
#ifndef KEYD_CTL_PASSPHRASE_H
#define KEYD_CTL_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>

/* Where it comes from: the first of these that there is. */
struct passphrase_from {
	int fd;				/* a line is read from it; -1: none */
	const char *pinentry;		/* program; NULL: none */
	bool pipe;			/* standard input, where it is no terminal */
	const char *usual;		/* program that somebody has set for all occasions; NULL: none */
};

struct passphrase_question {
	const char *what;		/* "PIN of token \"gate\"" */
	const char *more;		/* what stands above it, "" for nothing */
	const char *error;		/* why it is asked again; NULL: it is not */
};

/* Whether it can be asked for a second time, when the first answer was wrong. */
bool passphrase_again(const struct passphrase_from *from);

/*
 * Into buf[n], NUL at its end; the caller cleanses it. 0, or an exit code of enum keydctl_exit with a sentence about it in why:
 * KEYDCTL_NOBODY where there is nobody to ask, KEYDCTL_FAILED where nothing came, or too much.
 */
int passphrase_read(const struct passphrase_from *from, const struct passphrase_question *q, char *buf, size_t n,
		    char *why, size_t nwhy);

#endif
