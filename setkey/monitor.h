/* SPDX-License-Identifier: MIT */
/* "setkey -x": what happens in the kernel's databases, as it happens. */
#ifndef SETKEY_MONITOR_H
#define SETKEY_MONITOR_H

#include "setkey/dump.h"

/* Prints events until the program is interrupted or the output is gone. unix_time: stamps as seconds since 1970. 0 or -errno. */
int monitor_run(struct ipsec *ip, const struct dump_options *opt, bool unix_time);

#endif
