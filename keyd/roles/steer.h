/* SPDX-License-Identifier: MIT */
/*
 * Two sockets on one port: first requests, which anybody can send in any number, wait in a queue of their own, and those of
 * IKE SAs never stand behind them or are dropped for them. The kernel sorts, by a program of eight lines.
 */
#ifndef KEYD_ROLES_STEER_H
#define KEYD_ROLES_STEER_H

#include <stdbool.h>

/*
 * For the socket of first requests when it is bound, and for the other one before. As the first one binds alone, another
 * daemon is found out all the same, and so are we by it. 0 or -errno.
 */
int steer_share(int fd);
/* Both are bound, that of first requests before fd. marked: messages have a non-ESP marker in front (RFC 3948 2.2). 0 or -errno. */
int steer_sort(int fd, bool marked);

#endif
