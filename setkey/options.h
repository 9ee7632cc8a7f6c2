/* SPDX-License-Identifier: MIT */
/* setkey's command line as a value. */
#ifndef SETKEY_OPTIONS_H
#define SETKEY_OPTIONS_H

#include "setkey/apply/apply.h"

enum { EXIT_OK, EXIT_WRONG, EXIT_REFUSED };

enum job {
	JOB_NONE,
	JOB_COMMANDS,		/* -c */
	JOB_FILE,		/* -f */
	JOB_SYNC,		/* --sync */
	JOB_CHECK,		/* --check, with either of them or by itself */
	JOB_DUMP,		/* -D */
	JOB_SCRIPT,		/* --dump-script, with -D or by itself */
	JOB_FLUSH,		/* -F */
	JOB_MONITOR,		/* -x */
	JOB_HELP,
	JOB_VERSION,
	JOBS
};

/* What has no letter of its own here is in apply: -a, -p: dump; -e, -k, -r, -v. */
struct options {
	uint8_t job;			/* enum job */
	const char *file;		/* of JOB_FILE, JOB_SYNC and JOB_CHECK */
	const char *backend;		/* NULL: the best there is */
	bool policies;			/* -P */
	bool sas;			/* JOB_SCRIPT: SAs, which without -P and -D go together with policies */
	bool parse_only;		/* -n */
	bool forever;			/* -l */
	bool hex;			/* -H */
	bool json, keys;
	unsigned int stamps;		/* how many -x */
	unsigned int drain_ms;		/* --drain */
	struct apply apply;
};

/*
 * Fills *opt, which is zeroed first, but opens nothing; strings stay argv's. 0, or -1 with one sentence in why[n], which is
 * empty when there were no arguments at all.
 */
int options_read(struct options *opt, int argc, char **argv, char *why, size_t n);
/* The text of --help. */
extern const char options_help[];

#endif
