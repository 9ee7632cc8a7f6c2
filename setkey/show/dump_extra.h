/* SPDX-License-Identifier: MIT */
/*
 * The line "xfrm:" of dumps, which has what PF_KEY knows no word for. It is there only where something of it was set, so
 * that programs which read the dumps of old see no more than they know.
 */
#ifndef SETKEY_SHOW_DUMP_EXTRA_H
#define SETKEY_SHOW_DUMP_EXTRA_H

#include "pfkey/ipsec.h"

#include <stdio.h>

struct dump_extra {
	FILE *out;
	bool begun;
};

/* One more item; the first begins the line. */
void dump_extra(struct dump_extra *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void dump_extra_mark(struct dump_extra *x, const char *name, const struct ipsec_mark *mark);
/* "offload=eth0,crypto" */
void dump_extra_offload(struct dump_extra *x, const struct ipsec_offload *offload);
void dump_extra_end(struct dump_extra *x);

#endif
