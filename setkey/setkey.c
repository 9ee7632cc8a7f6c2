// SPDX-License-Identifier: MIT
/* setkey(8): loads, shows and flushes security associations and policies. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "setkey/apply.h"
#include "setkey/monitor.h"
#include "setkey/resolve.h"
#include "setkey/script.h"

enum { EXIT_OK, EXIT_WRONG, EXIT_REFUSED };

enum job { JOB_NONE, JOB_COMMANDS, JOB_FILE, JOB_DUMP, JOB_FLUSH, JOB_MONITOR };

struct options {
	enum job job;
	const char *file;
	const char *backend;
	bool policies;		/* -P */
	bool check_only;	/* -n */
	bool forever;		/* -l */
	unsigned int stamps;	/* how many -x */
	struct apply apply;
};

static const char usage_text[] =
	"usage: setkey [-ekrnv] -f FILE      load FILE (- is standard input), all of it or, if it has an error, nothing\n"
	"       setkey [-ekrnv] -c           do the commands on standard input one by one\n"
	"       setkey [-alp] -D             show the security associations\n"
	"       setkey [-p] -DP              show the policies\n"
	"       setkey -F                    flush the security associations\n"
	"       setkey -FP                   flush the policies\n"
	"       setkey -x                    show what happens in the kernel, until interrupted\n"
	"       setkey -h | -V               this text; the version\n"
	"\n"
	"  -a  show dead associations too       -n  read and check only, change nothing\n"
	"  -e  stop and exit 2 at the first     -p  show ports\n"
	"      statement the kernel refuses     -r  every in policy counts for forwarding too (default)\n"
	"  -k  in policies as they are written  -v  say what is done\n"
	"  -l  with -D: one line each, again every second\n"
	"  --backend xfrm|fake  how to talk to the kernel\n"
	"\n"
	"Example: spdadd 10.0.1.0/24 10.0.2.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;\n"
	"The whole language is in setkey(8).\n";

static void script_error(void *arg, unsigned int line, const char *msg, const char *token)
{
	const struct options *opt = arg;

	fflush(stdout);
	if (token)
		fprintf(stderr, "setkey: %s,%u: %s at `%s'\n", opt->file, line, msg, token);
	else
		fprintf(stderr, "setkey: %s,%u: %s\n", opt->file, line, msg);
}

static int open_backend(struct options *opt)
{
	char why[256] = "";
	int err;

	err = ipsec_open(&opt->apply.ip, opt->backend, why, sizeof(why));
	if (err)
		fprintf(stderr, "setkey: %s\n", why[0] ? why : strerror(-err));
	return err;
}

static int outcome(const struct apply *ap)
{
	if (ap->forbidden)
		return EXIT_WRONG;
	return ap->errexit && ap->refused ? EXIT_REFUSED : EXIT_OK;
}

/* Nothing is applied before the last line was read: an error in it changes nothing, and no policy is away for long. */
static int load_file(struct options *opt)
{
	struct script sc = { .on_error = script_error, .arg = opt };
	FILE *file = strcmp(opt->file, "-") ? fopen(opt->file, "re") : stdin;
	int err, code = EXIT_WRONG;

	if (!file) {
		fprintf(stderr, "setkey: Can't open `%s': %s\n", opt->file, strerror(errno));
		return EXIT_WRONG;
	}
	err = script_parse_file(&sc, file);
	if (file != stdin)
		fclose(file);
	if (err < -1) {
		fprintf(stderr, "setkey: Can't read `%s': %s\n", opt->file, strerror(-err));
		goto out;
	}
	if (err || resolve_script(&sc)) {
		fprintf(stderr, "setkey: %s,%u: parse failed\n", opt->file, sc.error_line);
		goto out;
	}
	code = EXIT_OK;
	if (opt->check_only)
		goto out;
	code = EXIT_WRONG;
	if (open_backend(opt))
		goto out;
	for (const struct statement *st = sc.first; st && !opt->apply.stop; st = st->next)
		apply_statement(&opt->apply, st);
	code = outcome(&opt->apply);
out:
	script_clear(&sc);
	return code;
}

struct session {
	struct options *opt;
	struct script sc;
};

static void session_error(void *arg, unsigned int line, const char *msg, const char *token)
{
	script_error(((struct session *)arg)->opt, line, msg, token);
}

static void session_statement(void *arg, struct statement *st)
{
	struct session *s = arg;
	const char *token = NULL;
	char msg[120];

	if (s->opt->apply.stop)
		return;
	if (resolve_statement(&s->sc, st, msg, sizeof(msg), &token)) {
		s->sc.errors++;
		script_error(s->opt, st->line, msg, token);
		return;
	}
	if (!s->opt->check_only)
		apply_statement(&s->opt->apply, st);
	fflush(stdout);
	if (s->opt->apply.stop)
		s->sc.ended = true;
}

/* Statement by statement, as a person types or a program writes them and waits for the answer. */
static int do_commands(struct options *opt)
{
	struct session s = {
		.opt = opt,
		.sc = { .on_error = session_error, .on_statement = session_statement },
	};
	int err;

	s.sc.arg = &s;
	opt->file = "<stdin>";
	opt->apply.file = opt->file;
	opt->apply.answers = true;
	if (!opt->check_only && open_backend(opt))
		return EXIT_WRONG;
	err = script_parse_stream(&s.sc, stdin);
	script_clear(&s.sc);
	return err || s.sc.errors ? EXIT_WRONG : outcome(&opt->apply);
}

static int say_failure(const struct options *opt, int err)
{
	const char *why = ipsec_error(opt->apply.ip);

	fflush(stdout);
	fprintf(stderr, "setkey: %s%s%s%s\n", err == -EINTR ? "The database changed while it was read; ask again" :
		strerror(-err), why[0] ? " (" : "", why, why[0] ? ")" : "");
	return EXIT_WRONG;
}

static int dump_once(struct options *opt)
{
	const struct dump_options *dump = &opt->apply.dump;
	size_t count = 0;
	int err;

	err = opt->policies ? dump_spd(opt->apply.ip, dump, &count) : dump_sad(opt->apply.ip, 0, dump, &count);
	if (err)
		return say_failure(opt, err);
	if (!count && !opt->forever)
		printf("No %s entries.\n", opt->policies ? "SPD" : "SAD");
	if (fflush(stdout)) {
		fprintf(stderr, "setkey: writing: %s\n", strerror(errno));
		return EXIT_WRONG;
	}
	return EXIT_OK;
}

static int dump_all(struct options *opt)
{
	int code;

	if (open_backend(opt))
		return EXIT_WRONG;
	opt->apply.dump.brief = opt->forever && !opt->policies;
	if (opt->apply.dump.brief)
		printf("%-4s %-3s %-1s %-8s %-7s %s -> %s\n", "time", "p", "s", "spi", "ltime", "src", "dst");
	do {
		code = dump_once(opt);
	} while (opt->forever && code == EXIT_OK && !sleep(1));
	return code;
}

static int flush_all(struct options *opt)
{
	int err;

	if (open_backend(opt))
		return EXIT_WRONG;
	err = opt->policies ? ipsec_policy_flush(opt->apply.ip) : ipsec_sa_flush(opt->apply.ip, 0);
	return err ? say_failure(opt, err) : EXIT_OK;
}

static int monitor(struct options *opt)
{
	int err;

	if (open_backend(opt))
		return EXIT_WRONG;
	err = monitor_run(opt->apply.ip, &opt->apply.dump, opt->stamps > 1);
	return err ? say_failure(opt, err) : EXIT_OK;
}

static int usage(FILE *out, int code)
{
	fputs(usage_text, out);
	return code;
}

static int version(void)
{
	puts("setkey (gapless) " GAPLESS_VERSION);
	return EXIT_OK;
}

enum { OPT_BACKEND = 256 };

static const struct option long_options[] = {
	{ "backend", required_argument, NULL, OPT_BACKEND },
	{ "errexit", no_argument, NULL, 'e' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

/* Returns an exit code when there is nothing more to do, or -1. */
static int read_options(struct options *opt, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "acef:klnprvxDFHPVh", long_options, NULL)) != -1) {
		switch (c) {
		case 'a': opt->apply.dump.all = true; break;
		case 'c': opt->job = JOB_COMMANDS; break;
		case 'e': opt->apply.errexit = true; break;
		case 'f': opt->job = JOB_FILE; opt->file = optarg; break;
		case 'k': opt->apply.kernel_mode = true; break;
		case 'l': opt->forever = true; break;
		case 'n': opt->check_only = true; break;
		case 'p': opt->apply.dump.ports = true; break;
		case 'r': opt->apply.kernel_mode = false; break;
		case 'v': opt->apply.verbose = true; break;
		case 'x': opt->job = JOB_MONITOR; opt->stamps++; break;
		case 'D': opt->job = JOB_DUMP; break;
		case 'F': opt->job = JOB_FLUSH; break;
		case 'H': break;	/* a hexadecimal dump of PF_KEY messages, of which there are none */
		case 'P': opt->policies = true; break;
		case 'V': return version();
		case 'h': return usage(stdout, EXIT_OK);
		case OPT_BACKEND: opt->backend = optarg; break;
		default: return usage(stderr, EXIT_WRONG);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "setkey: what is `%s'? A file of commands is named with -f\n", argv[optind]);
		return EXIT_WRONG;
	}
	opt->apply.file = opt->file;
	return -1;
}

int main(int argc, char **argv)
{
	static int (*const jobs[])(struct options *) = {
		[JOB_COMMANDS] = do_commands,
		[JOB_FILE] = load_file,
		[JOB_DUMP] = dump_all,
		[JOB_FLUSH] = flush_all,
		[JOB_MONITOR] = monitor,
	};
	struct options opt = { .apply = { .err = stderr, .dump.out = stdout } };
	int code = read_options(&opt, argc, argv);

	if (code >= 0)
		return code;
	if (opt.job == JOB_NONE)
		return usage(stderr, EXIT_WRONG);
	code = jobs[opt.job](&opt);
	ipsec_close(opt.apply.ip);
	if (fflush(stdout) && code == EXIT_OK) {
		fprintf(stderr, "setkey: writing: %s\n", strerror(errno));
		code = EXIT_WRONG;
	}
	return code;
}
