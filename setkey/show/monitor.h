/* SPDX-License-Identifier: MIT */
/* "setkey -x": what happens in the kernel's databases, as it happens. */
#ifndef SETKEY_SHOW_MONITOR_H
#define SETKEY_SHOW_MONITOR_H

#include "setkey/show/dump.h"

struct monitor_options {
	const struct dump_options *dump;	/* with out, where all of it goes */
	bool unix_time;				/* stamps as seconds since 1970 */
	bool hex;				/* each message as it came, too */
	bool json;				/* one object in each line; not with hex */
	bool keys;				/* in them */
};

/* Prints events until SIGINT or SIGTERM comes or the output is gone. 0 or -errno. */
int monitor_run(struct ipsec *ip, const struct monitor_options *opt);
/* "add", "spdflush" and so on. */
const char *monitor_event_name(uint8_t type);

#endif
