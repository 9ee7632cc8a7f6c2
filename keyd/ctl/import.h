/* SPDX-License-Identifier: MIT */
/* keydctl import: racoon.conf and ipsec.conf as keyd.conf(5), on standard output. Needs no keyd. */
#ifndef KEYD_CTL_IMPORT_H
#define KEYD_CTL_IMPORT_H

#include <stdbool.h>

struct import_asked {
	const char *file;
	const char *format;		/* "racoon", "ipsec.conf"; NULL: what it looks like */
	const char *setkey;		/* a file for policies; NULL: none is asked for */
	bool modernise, json;
};

/* An exit code; why it failed has been said. */
int import_main(const struct import_asked *asked);

#endif
