// SPDX-License-Identifier: MIT
/* The jobs that need no statements, and what all jobs have in common. */
#include "setkey/jobs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "setkey/show/json.h"
#include "setkey/show/monitor.h"
#include "setkey/show/show.h"
#include "setkey/lang/write.h"

int job_open(struct options *opt)
{
	char why[256] = "";
	int err;

	err = ipsec_open(&opt->apply.ip, opt->backend, why, sizeof(why));
	if (!err)
		return EXIT_OK;
	fprintf(stderr, "setkey: %s\n", why[0] ? why : strerror(-err));
	return EXIT_WRONG;
}

int job_failed(const struct options *opt, int err)
{
	const char *why = ipsec_error(opt->apply.ip);

	fflush(stdout);
	fprintf(stderr, "setkey: %s%s%s%s\n", show_error(err), why[0] ? " (" : "", why, why[0] ? ")" : "");
	return EXIT_WRONG;
}

int job_outcome(const struct apply *ap)
{
	if (ap->forbidden)
		return EXIT_WRONG;
	return ap->errexit && ap->refused ? EXIT_REFUSED : EXIT_OK;
}

void job_text_error(void *arg, unsigned int line, const char *msg, const char *token)
{
	const struct options *opt = arg;

	fflush(stdout);
	if (token)
		fprintf(stderr, "setkey: %s,%u: %s at `%s'\n", opt->apply.file, line, msg, token);
	else
		fprintf(stderr, "setkey: %s,%u: %s\n", opt->apply.file, line, msg);
}

static int dump_json(const struct options *opt)
{
	const struct json_options json = { .out = stdout, .keys = opt->keys, .all = opt->apply.dump.all };
	size_t count;

	return opt->policies ? json_dump_spd(opt->apply.ip, &json, &count) :
	       json_dump_sad(opt->apply.ip, 0, &json, &count);
}

static int dump_text(const struct options *opt)
{
	const struct dump_options *dump = &opt->apply.dump;
	size_t count;
	int err;

	err = opt->policies ? show_spd(opt->apply.ip, dump, &count) : show_sad(opt->apply.ip, 0, dump, &count);
	if (!err && !count && !opt->forever)
		printf("No %s entries.\n", opt->policies ? "SPD" : "SAD");
	return err;
}

int job_dump(struct options *opt)
{
	int err;

	if (job_open(opt))
		return EXIT_WRONG;
	opt->apply.dump.brief = opt->forever && !opt->policies;
	if (opt->apply.dump.brief)
		printf("%-4s %-3s %-1s %-8s %-7s %s -> %s\n", "time", "p", "s", "spi", "ltime", "src", "dst");
	do {
		err = opt->json ? dump_json(opt) : dump_text(opt);
		if (err)
			return job_failed(opt, err);
	} while (opt->forever && !fflush(stdout) && !sleep(1));
	return EXIT_OK;
}

int job_script(struct options *opt)
{
	size_t left_out = 0;
	int err;

	if (job_open(opt))
		return EXIT_WRONG;
	err = write_script(opt->apply.ip, stdout, opt->sas, opt->policies, &left_out);
	if (err)
		return job_failed(opt, err);
	if (!left_out)
		return EXIT_OK;
	fflush(stdout);
	fprintf(stderr, "setkey: %zu could not be written as statements; comments in the script tell which and why\n", left_out);
	return EXIT_WRONG;
}

int job_flush(struct options *opt)
{
	int err;

	if (opt->parse_only)
		return EXIT_OK;
	if (job_open(opt))
		return EXIT_WRONG;
	err = opt->policies ? ipsec_policy_flush(opt->apply.ip) : ipsec_sa_flush(opt->apply.ip, 0);
	return err ? job_failed(opt, err) : EXIT_OK;
}

int job_monitor(struct options *opt)
{
	const struct monitor_options mon = {
		.dump = &opt->apply.dump,
		.unix_time = opt->stamps > 1,
		.hex = opt->hex,
		.json = opt->json,
		.keys = opt->keys,
	};
	int err;

	if (job_open(opt))
		return EXIT_WRONG;
	err = monitor_run(opt->apply.ip, &mon);
	return err ? job_failed(opt, err) : EXIT_OK;
}
