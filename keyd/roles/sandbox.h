/* SPDX-License-Identifier: MIT */
/* How a role gives up everything that its row does not name. */
#ifndef KEYD_ROLES_SANDBOX_H
#define KEYD_ROLES_SANDBOX_H

#include "keyd/roles/role.h"

#include <stddef.h>
#include <sys/types.h>

/* Closes every descriptor beyond the channel to the parent. */
void sandbox_close_others(void);
/*
 * Locks memory, leaves the file system, becomes the unprivileged user, keeps the one capability and the system calls of
 * the role. 0, or -1 and one sentence in why[n]; the process must then end. Built with a sanitizer, or with --no-sandbox,
 * the file system and the system calls stay.
 */
int sandbox_enter(const struct role *role, const struct options *o, char *why, size_t n);
/* The system calls alone (seccomp). */
int sandbox_seccomp(enum role_id id, char *why, size_t n);

/* The ids that roles run under. */
void sandbox_user(uid_t *uid, gid_t *gid);

#endif
