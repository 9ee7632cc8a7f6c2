/* SPDX-License-Identifier: MIT */
/*
 * What outlives the daemon: the engine's records, and the sockets that take ESP in UDP. A service manager holds them
 * (sd_pid_notify_with_fds(3)); where there is none, a file of root's in memory holds the records.
 */
#ifndef KEYD_ROLES_STORE_H
#define KEYD_ROLES_STORE_H

#include "keyd/roles/sockets.h"

#define STORE_FILE_NAME "state"

struct store {
	int fd;				/* of the records; -1: there are none */
	struct sockets sockets;		/* of a keyd before this one, until they are taken */
};

/* Takes what the service manager has held for us out of the environment. */
void store_inherit(struct store *st);
/* The records, old or new; dir is the run directory. Logs what it cannot do. */
void store_open(struct store *st, const char *dir);
/* For one ike role, while no other has it: a descriptor of its own, or -1. */
int store_lend(const struct store *st);
/* Has the manager hold these, and no others. */
void store_sockets(const struct sockets *s);
void store_close(struct store *st);

#endif
