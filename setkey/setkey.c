// SPDX-License-Identifier: MIT
/* setkey(8): loads, shows and flushes security associations and policies. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "setkey/jobs.h"

static int help(struct options *opt)
{
	(void)opt;
	fputs(options_help, stdout);
	return EXIT_OK;
}

static int version(struct options *opt)
{
	(void)opt;
	puts("setkey (gapless) " GAPLESS_VERSION);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	static int (*const jobs[JOBS])(struct options *) = {
		[JOB_COMMANDS] = job_commands,
		[JOB_FILE] = job_load,
		[JOB_SYNC] = job_sync,
		[JOB_CHECK] = job_sync,
		[JOB_DUMP] = job_dump,
		[JOB_SCRIPT] = job_script,
		[JOB_FLUSH] = job_flush,
		[JOB_MONITOR] = job_monitor,
		[JOB_HELP] = help,
		[JOB_VERSION] = version,
	};
	struct options opt;
	char why[256];
	int code;

	if (options_read(&opt, argc, argv, why, sizeof(why))) {
		fprintf(stderr, why[0] ? "setkey: %s\n" : "%s", why[0] ? why : options_help);
		return EXIT_WRONG;
	}
	opt.apply.err = stderr;
	opt.apply.dump.out = stdout;
	code = jobs[opt.job](&opt);
	ipsec_close(opt.apply.ip);
	if ((fflush(stdout) || ferror(stdout)) && code == EXIT_OK) {
		fprintf(stderr, "setkey: writing: %s\n", strerror(errno));
		code = EXIT_WRONG;
	}
	return code;
}
