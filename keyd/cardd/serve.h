/* SPDX-License-Identifier: MIT */
/* What keyd-card does with its channel: answers what is asked of its driver, or tells what comes and goes. */
#ifndef KEYD_CARDD_SERVE_H
#define KEYD_CARDD_SERVE_H

#include "keyd/card/driver.h"

#define EXIT_OPEN 1		/* the module cannot be loaded; the channel has been told why */
#define EXIT_BROKEN 3		/* what came through the channel is no request */

/* Each returns an exit code when the channel is at its end; then nothing is closed: whose module it is may never return from that. */
int serve(struct card *c, int fd);
int watch_module(struct card *c, int fd);
int watch_readers(int fd);

/* For all of them. 0, or -1: there is nobody any more. */
int tell(int fd, uint16_t type, uint32_t id, const void *body, size_t n);
int tell_done(int fd, uint32_t id, int error, const char *why);

#endif
