// SPDX-License-Identifier: MIT
// keyd-card: lends a process to a PKCS#11 module or to a card in a reader, which may block in it, or bring it down.
#include "keyd/card/module.h"
#include "keyd/card/wire.h"
#include "keyd/cardd/harden.h"
#include "keyd/cardd/serve.h"
#include "keyd/crypto/alg.h"
#include "keyd/util/log.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXIT_USAGE 2

enum { OPT_MODULE = 256, OPT_READER, OPT_WATCH_MODULE, OPT_WATCH_READERS, OPT_LOG_LEVEL, OPT_SYSLOG };

struct options {
	int mode;			/* OPT_MODULE to OPT_WATCH_READERS; 0: not stated */
	const char *what;		/* module's file, reader's name */
	enum log_level level;
	enum log_target target;
};

static const struct option longs[] = {
	{ "module", required_argument, NULL, OPT_MODULE },
	{ "reader", required_argument, NULL, OPT_READER },
	{ "watch-module", required_argument, NULL, OPT_WATCH_MODULE },
	{ "watch-readers", no_argument, NULL, OPT_WATCH_READERS },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "syslog", no_argument, NULL, OPT_SYSLOG },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int usage(FILE *to)
{
	fputs("usage: keyd-card --module FILE | --reader NAME | --watch-module FILE | --watch-readers\n"
	      "                 [--log-level LEVEL] [--syslog]\n"
	      "  --module FILE        answer for the tokens of a PKCS#11 module\n"
	      "  --reader NAME        answer for the OpenPGP or PIV card in a reader of pcscd's\n"
	      "  --watch-module FILE  tell when tokens of a module come or go\n"
	      "  --watch-readers      tell when cards in pcscd's readers do, and pcscd itself\n"
	      "It is started by keyd and keydctl, which talk to it through descriptor 3.\n", to);
	return to == stdout ? 0 : EXIT_USAGE;
}

/* 0 to go on, or an exit code + 1. */
static int option(struct options *o, int c)
{
	int level;

	switch (c) {
	case OPT_MODULE: case OPT_READER: case OPT_WATCH_MODULE: case OPT_WATCH_READERS:
		if (o->mode)
			return usage(stderr) + 1;
		o->mode = c;
		o->what = optarg ? optarg : "readers";
		return 0;
	case OPT_SYSLOG: o->target = LOG_TARGET_SYSLOG; return 0;
	case OPT_LOG_LEVEL:
		level = log_level_by_name(optarg);
		o->level = (enum log_level)level;
		return level < 0 ? usage(stderr) + 1 : 0;
	case 'V': puts("keyd-card (gapless) " GAPLESS_VERSION); return 1;
	case 'h': return usage(stdout) + 1;
	default: return usage(stderr) + 1;
	}
}

static bool is_channel(int fd)
{
	int type = 0;
	socklen_t n = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) && type == SOCK_SEQPACKET;
}

/* "keyd-card[opensc-pkcs11]" */
static const char *log_name(const struct options *o)
{
	static char name[64];
	const char *base = strrchr(o->what, '/');

	base = base ? base + 1 : o->what;
	snprintf(name, sizeof(name), "keyd-card[%.40s", base);
	if (o->mode != OPT_READER && strstr(name, ".so"))
		*strstr(name, ".so") = 0;
	strcat(name, "]");
	return name;
}

static int serve_driver(const struct card_driver *d, const struct options *o)
{
	char why[CARD_WHY_MAX] = "is no module that p11-kit knows; its file has to be named", path[PATH_MAX];
	bool found = d != &card_driver_pkcs11 || !card_module_file(o->what, path, sizeof(path));
	struct card *c;
	int r = found ? d->open(&c, d == &card_driver_pkcs11 ? path : o->what, why) : CARD_BROKEN;

	if (r) {
		log_info("%s %s", o->what, *why ? why : card_strerror(r));
		tell_done(CARD_WIRE_FD, 0, r, why);
		return EXIT_OPEN;
	}
	if (tell(CARD_WIRE_FD, CARD_WIRE_READY, 0, d->name, strlen(d->name)))
		return 0;
	return o->mode == OPT_WATCH_MODULE ? watch_module(c, CARD_WIRE_FD) : serve(c, CARD_WIRE_FD);
}

static int run(const struct options *o)
{
	if (o->mode == OPT_WATCH_READERS)
		return watch_readers(CARD_WIRE_FD);
	if (crypto_init()) {
		log_error("OpenSSL cannot be used");
		return EXIT_OPEN;
	}
	return serve_driver(o->mode == OPT_READER ? &card_driver_native : &card_driver_pkcs11, o);
}

int main(int argc, char **argv)
{
	struct options o = { .level = LOG_LEVEL_NOTICE };
	int c, r;

	while ((c = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		r = option(&o, c);
		if (r)
			return r - 1;
	}
	if (!o.mode || optind != argc)
		return usage(stderr);
	if (!is_channel(CARD_WIRE_FD)) {
		fprintf(stderr, "keyd-card: it is started by keyd and keydctl themselves\n");
		return EXIT_USAGE;
	}
	if (harden(CARD_WIRE_FD)) {
		fprintf(stderr, "keyd-card: rights cannot be given up: %s\n", strerror(errno));
		return EXIT_OPEN;
	}
	log_open(log_name(&o), o.target, o.level);	/* now: syslog's descriptor must stay */
	/* Not exit(): what a module does at the end of a process, or in its other threads, is nobody's concern any more. */
	_exit(run(&o));
}
