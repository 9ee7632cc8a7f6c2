/* SPDX-License-Identifier: MIT */
/* What only root may open: IKE's UDP ports and the control socket. */
#ifndef KEYD_ROLES_SOCKETS_H
#define KEYD_ROLES_SOCKETS_H

#include "keyd/conf/conf.h"
#include "keyd/roles/message.h"

#include <stddef.h>

#define SOCKETS_MAX (4 * CONF_LISTEN_MAX)	/* port and nat-port of each address, for first requests and the rest */

struct sockets {
	unsigned int n;
	struct {
		int fd;
		struct message_socket where;
	} s[SOCKETS_MAX];
};

/*
 * Binds what c asks for; sockets that old (may be NULL) has already move over to s. 0, or -errno and one sentence in
 * why[n]; then s is empty and old as it was.
 */
int sockets_open(struct sockets *s, struct sockets *old, const struct conf *c, char *why, size_t n);
void sockets_close(struct sockets *s);
/* "0.0.0.0:500,[::]:500" */
const char *sockets_format(const struct sockets *s, char *buf, size_t n);

#define CONTROL_SOCKET_NAME "keyd.sock"

#define PID_FILE_NAME "keyd.pid"

/*
 * Makes dir (and the empty directory that roles are locked up in) and listens on dir/keyd.sock, for root and the group
 * gid; dir/keyd.pid gets our process ID. Returns the descriptor, or -errno and one sentence in why[n].
 */
int control_open(const char *dir, gid_t gid, char *why, size_t n);
/* Removes both files. */
void control_unlink(const char *dir);

#endif
