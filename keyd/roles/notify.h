/* SPDX-License-Identifier: MIT */
/* Tells a service manager how we are (sd_notify's protocol), and whoever started us in the background. */
#ifndef KEYD_ROLES_NOTIFY_H
#define KEYD_ROLES_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Takes $NOTIFY_SOCKET and $WATCHDOG_USEC over, out of the environment. */
void notify_open(void);
/* Within so many µs the service manager wants to hear WATCHDOG=1, again and again; 0: it does not. */
uint64_t notify_watchdog(void);
/* "READY=1", "RELOADING=1", "STOPPING=1", or several lines. Does nothing without a service manager. */
void notify_send(const char *state);
/* The same with a descriptor, which the manager gets a copy of ("FDSTORE=1"). */
void notify_send_fd(const char *state, int fd);
bool notify_manager(void);
/* RELOADING=1 with the time that systemd wants to see. */
void notify_reloading(void);

/*
 * Goes to the background: returns in the new process, while the old one waits for background_done and exits with its
 * code. 0 or -errno.
 */
int background_start(void);
/* The first call counts; with code 0 standard streams are left as well. Does nothing in the foreground. */
void background_done(int code);

#endif
