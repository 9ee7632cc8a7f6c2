// SPDX-License-Identifier: MIT
/* Reads the command line, and refuses what contradicts itself. */
#include "setkey/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_MS 1000
#define DRAIN_MS_MAX 3600000

const char options_help[] =
	"usage: setkey [-eknrv] -f FILE      load FILE (- is standard input), all of it or, if it has an error, nothing\n"
	"       setkey [-eknrv] -c           do the commands on standard input one by one\n"
	"       setkey [-knrv] --sync FILE   make the kernel's state what FILE says, changing only what differs\n"
	"       setkey [-jkr] --check FILE   say what --sync would change\n"
	"       setkey [-ajlp] -D            show the security associations\n"
	"       setkey [-jlp] -DP            show the policies\n"
	"       setkey [-D | -P] --dump-script   both, or one of them, as a file that -kf loads\n"
	"       setkey -F | -FP              flush the security associations, or the policies\n"
	"       setkey [-Hj] -x | -xx        show what happens in the kernel, until interrupted\n"
	"       setkey -h | -V               this text; the version\n"
	"\n"
	"  -a  show dead associations too       -n  read and check only, change nothing\n"
	"  -e, --errexit  stop and exit 2 at    -p  show ports\n"
	"      the first refused statement      -r  every in policy counts for forwarding too (default)\n"
	"  -H  messages in hexadecimal, too     -v  say what is done\n"
	"  -k  in policies as they are written  -xx time stamps in seconds since 1970\n"
	"  -l  again every second; with -D in one line each\n"
	"  -j, --json           JSON; keys only with --keys\n"
	"  --drain MS           with --sync: how long what is to go stays beside what is new (1000)\n"
	"  --backend xfrm|pfkey how to talk to the kernel, else found by trying\n"
	"\n"
	"Example: spdadd 10.0.1.0/24 10.0.2.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;\n"
	"The whole language is in setkey(8).\n";

enum { OPT_BACKEND = 256, OPT_SYNC, OPT_CHECK, OPT_KEYS, OPT_DUMP_SCRIPT, OPT_DRAIN };

static const struct option long_options[] = {
	{ "backend", required_argument, NULL, OPT_BACKEND },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "drain", required_argument, NULL, OPT_DRAIN },
	{ "dump-script", no_argument, NULL, OPT_DUMP_SCRIPT },
	{ "errexit", no_argument, NULL, 'e' },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "keys", no_argument, NULL, OPT_KEYS },
	{ "sync", required_argument, NULL, OPT_SYNC },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

static const char *const job_names[JOBS] = {
	[JOB_COMMANDS] = "-c",
	[JOB_FILE] = "-f",
	[JOB_SYNC] = "--sync",
	[JOB_CHECK] = "--check",
	[JOB_DUMP] = "-D",
	[JOB_SCRIPT] = "--dump-script",
	[JOB_FLUSH] = "-F",
	[JOB_MONITOR] = "-x",
};

/* What is on the command line and is no job by itself, until it is known what goes together. */
struct reading {
	struct options *opt;
	bool check, dump_script, drain;
	char *why;
	size_t n;
};

__attribute__((format(printf, 2, 3)))
static int wrong(const struct reading *rd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(rd->why, rd->n, fmt, ap);
	va_end(ap);
	return -1;
}

static int set_job(const struct reading *rd, enum job job)
{
	enum job had = rd->opt->job;

	if (had != JOB_NONE && had != job)
		return wrong(rd, "%s and %s are two things to do; choose one", job_names[had], job_names[job]);
	rd->opt->job = (uint8_t)job;
	return 0;
}

static int set_file(const struct reading *rd, enum job job, const char *file)
{
	if (set_job(rd, job))
		return -1;
	if (job == JOB_SYNC && file[0] == '-' && file[1])
		return wrong(rd, "--sync wants a file behind it, not `%s'", file);
	if (rd->opt->file)
		return wrong(rd, "two files, `%s' and `%s'; choose one", rd->opt->file, file);
	rd->opt->file = file;
	return 0;
}

static int set_drain(struct reading *rd, const char *text)
{
	char *end;
	unsigned long ms = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || ms > DRAIN_MS_MAX)
		return wrong(rd, "--drain wants milliseconds, at most %d, not `%s'", DRAIN_MS_MAX, text);
	rd->opt->drain_ms = (unsigned int)ms;
	rd->drain = true;
	return 0;
}

/* Letters that set one thing, and nothing more. */
static const struct { int c; size_t at; } switches[] = {
	{ 'a', offsetof(struct options, apply.dump.all) },
	{ 'e', offsetof(struct options, apply.errexit) },
	{ 'H', offsetof(struct options, hex) },
	{ 'j', offsetof(struct options, json) },
	{ 'k', offsetof(struct options, apply.kernel_mode) },
	{ 'l', offsetof(struct options, forever) },
	{ 'n', offsetof(struct options, parse_only) },
	{ 'p', offsetof(struct options, apply.dump.ports) },
	{ 'P', offsetof(struct options, policies) },
	{ 'v', offsetof(struct options, apply.verbose) },
	{ OPT_KEYS, offsetof(struct options, keys) },
};

static bool set_switch(struct options *opt, int c)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (switches[i].c != c)
			continue;
		*(bool *)((char *)opt + switches[i].at) = true;
		return true;
	}
	return false;
}

static int read_one(struct reading *rd, int c, const char *word)
{
	struct options *opt = rd->opt;

	if (set_switch(opt, c))
		return 0;
	switch (c) {
	case 'c': return set_job(rd, JOB_COMMANDS);
	case 'f': return set_file(rd, JOB_FILE, optarg);
	case OPT_SYNC: return set_file(rd, JOB_SYNC, optarg);
	case 'D': return set_job(rd, JOB_DUMP);
	case 'F': return set_job(rd, JOB_FLUSH);
	case 'x': opt->stamps++; return set_job(rd, JOB_MONITOR);
	case 'r': opt->apply.kernel_mode = false; return 0;
	case OPT_CHECK: rd->check = true; return 0;
	case OPT_DUMP_SCRIPT: rd->dump_script = true; return 0;
	case OPT_DRAIN: return set_drain(rd, optarg);
	case OPT_BACKEND: opt->backend = optarg; return 0;
	case ':': return wrong(rd, "`%s' wants something behind it; setkey -h tells what", word);
	default: break;
	}
	if (!strncmp(word, "--", 2) && strchr(word, '='))
		return wrong(rd, "`%s': this option takes no value, or is unknown", word);
	if (optopt && optopt < OPT_BACKEND)
		return wrong(rd, "unknown option `-%c'; setkey -h lists them", optopt);
	return wrong(rd, "unknown option `%s'; setkey -h lists them", word);
}

/* --check goes with what has a file, or takes one itself; --dump-script with what shows something. */
static int combine(const struct reading *rd, int argc, char **argv)
{
	struct options *opt = rd->opt;

	for (; argc; argc--, argv++) {
		if (!rd->check)
			return wrong(rd, "what is `%s'? A file of statements is named with -f", argv[0]);
		if (set_file(rd, opt->job == JOB_SYNC ? JOB_SYNC : JOB_FILE, argv[0]))
			return -1;
	}
	if (rd->check && opt->job != JOB_FILE && opt->job != JOB_SYNC)
		return opt->job ? wrong(rd, "--check is about a file of statements, and not for %s", job_names[opt->job]) :
		       wrong(rd, "--check of which file?");
	if (rd->check)
		opt->job = JOB_CHECK;
	if (!rd->dump_script)
		return 0;
	opt->sas = !opt->policies;
	if (opt->job == JOB_NONE)
		opt->policies = true;
	if (opt->job == JOB_DUMP)
		opt->job = JOB_NONE;
	return set_job(rd, JOB_SCRIPT);
}

/* The first of what cannot be meant like that, or NULL. */
static const char *contradiction(const struct reading *rd)
{
	const struct options *opt = rd->opt;
	bool shows = opt->job == JOB_DUMP || opt->job == JOB_MONITOR;

	if (opt->job == JOB_NONE)
		return "what is to be done? -f FILE, -c, -D, -F or -x; setkey -h tells more";
	if (opt->forever && opt->job != JOB_DUMP)
		return "-l goes with -D";
	if (opt->json && !shows && opt->job != JOB_CHECK)
		return "--json goes with -D, -x and --check";
	if (opt->json && opt->forever)
		return "--json shows everything once, and -l again and again; choose one";
	if (opt->json && opt->hex)
		return "--json and -H are two ways to show the same; choose one";
	if (opt->keys && !opt->json)
		return "--keys goes with --json; without, -D shows keys anyway";
	if (rd->drain && opt->job != JOB_SYNC && opt->job != JOB_CHECK)
		return "--drain goes with --sync";
	if (opt->parse_only && opt->job == JOB_CHECK)
		return "-n looks at the file alone, and --check at the kernel as well; choose one";
	return NULL;
}

int options_read(struct options *opt, int argc, char **argv, char *why, size_t n)
{
	struct reading rd = { .opt = opt, .why = why, .n = n };
	const char *sentence;
	int c;

	*opt = (struct options){ .drain_ms = DRAIN_MS };
	why[0] = '\0';
	optind = 0;	/* glibc: from the beginning, whatever was read before */
	opterr = 0;
	if (argc < 2)
		return -1;
	while ((c = getopt_long(argc, argv, ":acef:jklnprvxDFHPVh", long_options, NULL)) != -1) {
		if (c == 'h' || c == 'V' || (c == '?' && optopt == '?')) {
			opt->job = c == 'V' ? JOB_VERSION : JOB_HELP;
			return 0;
		}
		if (read_one(&rd, c, argv[optind - 1]))
			return -1;
	}
	if (combine(&rd, argc - optind, argv + optind))
		return -1;
	sentence = contradiction(&rd);
	if (sentence)
		return wrong(&rd, "%s", sentence);
	opt->apply.file = opt->file;
	return 0;
}
