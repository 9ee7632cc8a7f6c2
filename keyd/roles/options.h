/* SPDX-License-Identifier: MIT */
/* The command line of keyd(8), and the exit codes that its manual promises. */
#ifndef KEYD_ROLES_OPTIONS_H
#define KEYD_ROLES_OPTIONS_H

#include "keyd/util/log.h"

#include <stdbool.h>

enum keyd_exit {
	KEYD_OK = 0,
	KEYD_FAILED = 1,	/* at run time: a port taken, no rights, a role that keeps dying */
	KEYD_USAGE = 2,
	KEYD_CONFIG = 3,	/* configuration or secrets cannot be read or are wrong */
	KEYD_KERNEL = 4,	/* the kernel lacks something */
};

/* What the configuration is written in. */
enum keyd_language {
	KEYD_GUESS,		/* keyd.conf, or another that it looks like */
	KEYD_RACOON,
	KEYD_IPSEC,
};

#define KEYD_CONF_DEFAULT GAPLESS_ETC "/keyd.conf"

struct options {
	const char *conf;	/* NULL: none, defaults apply */
	enum keyd_language language;
	const char *psk;	/* NULL: none */
	const char *run_dir;
	const char *cache_dir;	/* what was fetched */
	const char *backend;	/* NULL: the best one */
	const char *role;	/* NULL: the parent; otherwise started by it */
	enum log_level level;
	enum log_target target;
	bool check, dump, background, no_sandbox;
};

/* 0 to go on, or an exit code + 1 when all is said (--help gives 1). Texts live as long as argv or until exit. */
int options_parse(struct options *o, int argc, char **argv);

#endif
