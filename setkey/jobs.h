/* SPDX-License-Identifier: MIT */
/* What setkey can be told to do. Each returns the exit code, after it told what went wrong. */
#ifndef SETKEY_JOBS_H
#define SETKEY_JOBS_H

#include "setkey/options.h"

int job_load(struct options *opt);		/* -f */
int job_sync(struct options *opt);		/* --sync, --check */
int job_commands(struct options *opt);		/* -c */
int job_dump(struct options *opt);		/* -D, -DP */
int job_script(struct options *opt);		/* --dump-script */
int job_flush(struct options *opt);		/* -F, -FP */
int job_monitor(struct options *opt);		/* -x */

/* Opens opt->apply.ip. 0, or EXIT_WRONG after the reason was told. */
int job_open(struct options *opt);
/* Tells that a call on it failed. Returns EXIT_WRONG. */
int job_failed(const struct options *opt, int err);
/* The exit code after statements were applied. */
int job_outcome(const struct apply *ap);
/* An error in a text: as a script's on_error, whose arg is the options. */
void job_text_error(void *arg, unsigned int line, const char *msg, const char *token);

#endif
