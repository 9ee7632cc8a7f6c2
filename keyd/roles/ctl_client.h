/* SPDX-License-Identifier: MIT */
/* One connection to the control socket: lines in, lines out, neither without bound. */
#ifndef KEYD_ROLES_CTL_CLIENT_H
#define KEYD_ROLES_CTL_CLIENT_H

#include "keyd/ctl/line.h"
#include "keyd/util/loop.h"

#include <jansson.h>
#include <stdbool.h>

#define CLIENT_STATE_MAX 1024

struct client;

struct client_hooks {
	ctl_line_fn *line;		/* arg is the client; non-zero ends it after what was sent */
	void (*ended)(struct client *c);	/* it is about to be freed */
	void (*drained)(struct client *c);	/* it has read all that waited for it */
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
/* Bytes that wait to be read by it. */
size_t client_queued(const struct client *c);
void *client_state(struct client *c);		/* CLIENT_STATE_MAX bytes for its owner's use, zero at first */

#endif
