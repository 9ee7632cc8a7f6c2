/* SPDX-License-Identifier: MIT */
/* What a worker gives up before it loads somebody else's code. */
#ifndef KEYD_CARDD_HARDEN_H
#define KEYD_CARDD_HARDEN_H

/* All descriptors but fd and standard error go. 0, or -1 with errno. */
int harden(int fd);

#endif
