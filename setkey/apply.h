/* SPDX-License-Identifier: MIT */
/* Statements into deeds: each becomes its calls of libpfkey. */
#ifndef SETKEY_APPLY_H
#define SETKEY_APPLY_H

#include "setkey/dump.h"
#include "setkey/statement.h"

struct apply {
	struct ipsec *ip;
	const char *file;		/* for messages */
	FILE *err;
	struct dump_options dump;	/* where dumps, and in answer mode refusals, go */
	bool kernel_mode;		/* -k: an in policy gets no fwd twin */
	bool verbose;
	bool answers;			/* -c: "No entry." and the like on dump.out, as a person is there to read it */
	bool errexit;			/* -e: stop at the first refusal */

	unsigned int refused;		/* statements that the kernel refused */
	bool stop;			/* nothing more is to be applied: errexit, or no right to do anything */
	bool forbidden;			/* the kernel said EPERM */
};

/* 0, or -1 after the refusal was told. The statement must have been resolved. */
int apply_statement(struct apply *ap, const struct statement *st);

#endif
