// SPDX-License-Identifier: MIT
/* "setkey -f" and --sync: a file is read whole before anything of it is applied, as fast as the kernel takes it. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "setkey/jobs.h"
#include "setkey/lang/resolve.h"
#include "setkey/sync/sync.h"

#define PROGRESS_EVERY 256	/* statements between two looks at the clock */
#define PROGRESS_AFTER 2	/* seconds */

/* Reads and resolves opt->file; every error in it is told. 0 or -1. */
static int read_script(struct options *opt, struct script *sc)
{
	FILE *file = strcmp(opt->file, "-") ? fopen(opt->file, "re") : stdin;
	int err;

	if (!file) {
		fprintf(stderr, "setkey: Can't open `%s': %s\n", opt->file, strerror(errno));
		return -1;
	}
	sc->on_error = job_text_error;
	sc->arg = opt;
	err = script_parse_file(sc, file);
	if (file != stdin)
		fclose(file);
	if (err < -1) {
		fprintf(stderr, "setkey: Can't read `%s': %s\n", opt->file, strerror(-err));
		return -1;
	}
	/* Names in statements that were read are asked for all the same: who corrects a file wants to know all of it. */
	if (resolve_script(sc))
		err = -1;
	if (err)
		fprintf(stderr, "setkey: %s,%u: parse failed\n", opt->file, sc->error_line);
	return err;
}

struct progress {
	time_t began, shown;		/* shown 0: never */
	size_t done, all;
};

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Once a second. The cursor stays at the line's beginning, where a message then takes its place. */
static void progress_step(struct progress *p)
{
	time_t t;

	p->done++;
	if (p->done % PROGRESS_EVERY)
		return;
	t = now();
	if (t - p->began < PROGRESS_AFTER || t == p->shown || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "%zu of %zu statements\r", p->done, p->all);
	p->shown = t;
}

static void progress_end(const struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "%*s\r", 54, "");
}

static void apply_script(struct apply *ap, const struct script *sc)
{
	struct progress progress = { .began = now(), .all = sc->count };

	ap->gather = true;
	reqids_reserve(&ap->reqids, ap->ip, sc);
	for (const struct statement *st = sc->first; st && !ap->stop; st = st->next) {
		apply_statement(ap, st);
		progress_step(&progress);
	}
	apply_settle(ap);
	progress_end(&progress);
	reqids_clear(&ap->reqids);
}

int job_load(struct options *opt)
{
	struct script sc = { 0 };
	int code = EXIT_WRONG;

	if (read_script(opt, &sc))
		goto out;
	code = opt->parse_only ? EXIT_OK : job_open(opt);
	if (code || opt->parse_only)
		goto out;
	apply_script(&opt->apply, &sc);
	code = job_outcome(&opt->apply);
out:
	script_clear(&sc);
	return code;
}

int job_sync(struct options *opt)
{
	const struct sync_options sync = {
		.check = opt->job == JOB_CHECK,
		.json = opt->json,
		.drain_ms = opt->drain_ms,
	};
	struct script sc = { 0 };
	int err, code = EXIT_WRONG;

	if (read_script(opt, &sc))
		goto out;
	code = opt->parse_only ? EXIT_OK : job_open(opt);
	if (code || opt->parse_only)
		goto out;
	err = sync_run(&opt->apply, &sc, &sync);
	code = !err ? EXIT_OK : err == -1 || opt->apply.forbidden ? EXIT_WRONG : EXIT_REFUSED;
out:
	script_clear(&sc);
	return code;
}
