/* SPDX-License-Identifier: MIT */
/* What every role but the parent does alike: start, give up rights, hold channels, end when the parent is gone. */
#ifndef KEYD_ROLES_WORKER_H
#define KEYD_ROLES_WORKER_H

#include "keyd/roles/message.h"
#include "keyd/roles/role.h"

struct worker {
	const struct role *role;
	const struct options *options;
	struct loop *loop;
	struct ipc *parent;
	struct ipc *peer[ROLES];	/* NULL: not there now */
	struct ipc_table tables[ROLES];
	void *state;			/* the role's own */
};

/* The life of a role's process; returns its exit code. */
int worker_main(const struct role *role, const struct options *o);

/* Tells the parent that all is well here; text may be "". */
void worker_ready(struct worker *w, const char *text);
/* Tells the parent why the daemon cannot run, and ends the loop. Returns -1. */
int worker_fail(struct worker *w, enum keyd_exit code, const char *why);

#endif
