// SPDX-License-Identifier: MIT
// Parses the command line of keyd(8).
#include "keyd/roles/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_PSK = 256, OPT_DUMP, OPT_LEVEL, OPT_BACKEND, OPT_RUN_DIR, OPT_CACHE_DIR, OPT_NO_SANDBOX, OPT_ROLE, OPT_SYSLOG,
	OPT_RACOON, OPT_IPSEC,
};

static const struct option longs[] = {
	{ "config", required_argument, NULL, 'f' },
	{ "racoon-conf", required_argument, NULL, OPT_RACOON },
	{ "ipsec-conf", required_argument, NULL, OPT_IPSEC },
	{ "psk", required_argument, NULL, OPT_PSK },
	{ "check", no_argument, NULL, 'n' },
	{ "dump-config", no_argument, NULL, OPT_DUMP },
	{ "verbose", no_argument, NULL, 'v' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "background", no_argument, NULL, 'b' },
	{ "backend", required_argument, NULL, OPT_BACKEND },
	{ "run-dir", required_argument, NULL, OPT_RUN_DIR },
	{ "cache-dir", required_argument, NULL, OPT_CACHE_DIR },
	{ "no-sandbox", no_argument, NULL, OPT_NO_SANDBOX },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "role", required_argument, NULL, OPT_ROLE },		/* between our own processes */
	{ "syslog", no_argument, NULL, OPT_SYSLOG },		/* likewise */
	{ 0 },
};

static const char usage[] =
	"usage: keyd [-bnqVv] [-f file|--racoon-conf file|--ipsec-conf file] [--psk file]\n"
	"            [--backend name] [--run-dir dir] [--cache-dir dir]\n"
	"            [--log-level level] [--dump-config] [--no-sandbox]\n";

static const char help[] =
	"Negotiates keys for the policies that setkey(8) loads.\n"
	"\n"
	"  -f, --config FILE    configuration (default " KEYD_CONF_DEFAULT ")\n"
	"                       (or racoon.conf, or ipsec.conf: it is recognised)\n"
	"      --racoon-conf FILE, --ipsec-conf FILE\n"
	"                       likewise, whatever it looks like\n"
	"      --psk FILE       shared secrets in the format of racoon's psk.txt; needs no configuration\n"
	"  -n, --check          read configuration and secrets, say what is wrong, and end\n"
	"      --dump-config    print the configuration with every default, and end\n"
	"  -v, --verbose        log more (again: debug)\n"
	"  -q, --quiet          log less\n"
	"      --log-level L    error, warning, notice, info or debug\n"
	"  -b, --background     go to the background once ready, and log to syslog\n"
	"      --backend NAME   xfrm, or fake (nothing reaches the kernel)\n"
	"      --run-dir DIR    where the control socket is (default " GAPLESS_RUN ")\n"
	"      --cache-dir DIR  where fetched revocation lists are kept (default " GAPLESS_CACHE ")\n"
	"      --no-sandbox     no seccomp and no chroot, for debugging\n"
	"  -V, --version\n"
	"  -h, --help\n";

static int bad_usage(void)
{
	fputs(usage, stderr);
	return KEYD_USAGE + 1;
}

static int level_set(struct options *o, const char *name)
{
	int level = log_level_by_name(name);

	if (level < 0) {
		fprintf(stderr, "keyd: \"%s\" is no log level: error, warning, notice, info or debug\n", name);
		return bad_usage();
	}
	o->level = (enum log_level)level;
	return 0;
}

/* A file whose name must hold after a chdir and for every reload. full has room for PATH_MAX. */
static const char *absolute(const char *path, char *full)
{
	return realpath(path, full) ? full : path;
}

static int option(struct options *o, int c)
{
	static char conf[PATH_MAX], psk[PATH_MAX];

	switch (c) {
	case 'f': o->language = KEYD_GUESS; o->conf = absolute(optarg, conf); return 0;
	case OPT_RACOON: o->language = KEYD_RACOON; o->conf = absolute(optarg, conf); return 0;
	case OPT_IPSEC: o->language = KEYD_IPSEC; o->conf = absolute(optarg, conf); return 0;
	case OPT_PSK: o->psk = absolute(optarg, psk); return 0;
	case 'n': o->check = true; return 0;
	case OPT_DUMP: o->dump = true; return 0;
	case 'v': o->level += o->level < LOG_LEVEL_DEBUG; return 0;
	case 'q': o->level -= o->level > LOG_LEVEL_ERROR; return 0;
	case OPT_LEVEL: return level_set(o, optarg);
	case 'b': o->background = true; return 0;
	case OPT_BACKEND: o->backend = optarg; return 0;
	case OPT_RUN_DIR: o->run_dir = optarg; return 0;
	case OPT_CACHE_DIR: o->cache_dir = optarg; return 0;
	case OPT_NO_SANDBOX: o->no_sandbox = true; return 0;
	case OPT_ROLE: o->role = optarg; return 0;
	case OPT_SYSLOG: o->target = LOG_TARGET_SYSLOG; return 0;
	case 'V': puts("keyd (gapless) " GAPLESS_VERSION); return KEYD_OK + 1;
	case 'h': fputs(usage, stdout); fputs(help, stdout); return KEYD_OK + 1;
	default: return bad_usage();
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	int c, r;

	*o = (struct options){ .run_dir = GAPLESS_RUN, .cache_dir = GAPLESS_CACHE, .level = LOG_LEVEL_INFO };
	while ((c = getopt_long(argc, argv, "f:nvqbVh", longs, NULL)) != -1) {
		r = option(o, c);
		if (r)
			return r;
	}
	if (optind < argc) {
		fprintf(stderr, "keyd: unexpected word \"%s\"\n", argv[optind]);
		return bad_usage();
	}
	/* Without -f a missing default file is fine as long as there are secrets; a file that is there must be readable. */
	if (!o->conf && (access(KEYD_CONF_DEFAULT, F_OK) == 0 || errno != ENOENT))
		o->conf = KEYD_CONF_DEFAULT;
	return 0;
}
