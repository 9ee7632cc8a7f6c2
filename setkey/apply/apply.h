/* SPDX-License-Identifier: MIT */
/* Statements into deeds: each becomes its calls of libpfkey. */
#ifndef SETKEY_APPLY_APPLY_H
#define SETKEY_APPLY_APPLY_H

#include "setkey/show/dump.h"
#include "setkey/apply/reqids.h"
#include "setkey/lang/statement.h"

struct apply {
	struct ipsec *ip;
	const char *file;		/* for messages */
	FILE *err;
	struct dump_options dump;	/* where dumps, and in answer mode refusals, go */
	bool kernel_mode;		/* -k: an in policy gets no fwd twin */
	bool verbose;
	bool answers;			/* -c: "No entry." and the like on dump.out, as a person is there to read it */
	bool errexit;			/* -e: stop at the first refusal */
	bool gather;			/* changes may wait for one another, and go to the kernel many at a time */
	struct reqids reqids;		/* for level unique without a number, taken beforehand; may be empty */

	unsigned int refused;		/* statements that the kernel refused */
	bool stop;			/* nothing more is to be applied: errexit, or no right to do anything */
	bool forbidden;			/* the kernel said EPERM, or takes no requests any more */

	/* change.c's own */
	bool batch;			/* one was begun */
	const struct statement *st;	/* whose results are coming in; NULL: none */
	bool failed;			/* one of them was a refusal */
};

/*
 * Refusals are told in the order of the statements. The statement must have been resolved, and with gather it must stay
 * where it is until apply_settle. 0, or -1 when it was refused already.
 */
int apply_statement(struct apply *ap, const struct statement *st);
/* Everything that was gathered is done and told when it returns. */
void apply_settle(struct apply *ap);

#endif
