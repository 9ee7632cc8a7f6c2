/* SPDX-License-Identifier: MIT */
/* One connection to the control socket: lines in, lines out, neither without bound. */
#ifndef KEYD_ROLES_CTL_CLIENT_H
#define KEYD_ROLES_CTL_CLIENT_H

#include "keyd/ctl/line.h"
#include "keyd/util/loop.h"

#include <jansson.h>
#include <stdbool.h>

struct client;

struct client_hooks {
	ctl_line_fn *line;		/* arg is the client; non-zero ends it after what was sent */
	void (*ended)(struct client *c);	/* it is about to be freed */
};

/* Takes over fd. NULL without memory (fd is closed). */
struct client *client_new(struct loop *l, int fd, const struct client_hooks *hooks);
/* At once, and tells hooks->ended. */
void client_free(struct client *c);
/* Sends o as one line and drops the reference. A client that does not read is ended, soon and not from inside here. */
void client_send(struct client *c, json_t *o);
/* No more requests: ends it as soon as all is sent. */
void client_finish(struct client *c);

/* A number for each client of this process's life. */
uint32_t client_id(const struct client *c);
bool *client_watches(struct client *c);		/* a flag for its owner's use */

#endif
