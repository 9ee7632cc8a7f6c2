/* SPDX-License-Identifier: MIT */
/* A keyd-card of one's own: starting and ending it. */
#ifndef KEYD_CARD_REMOTE_PROCESS_H
#define KEYD_CARD_REMOTE_PROCESS_H

#include "keyd/card/driver.h"

#include <sys/types.h>

struct remote_process {
	int fd;				/* the channel */
	pid_t pid;
};

/*
 * program: NULL: keyd-card beside this executable; option and what: its arguments, what may be NULL. As another user when it is
 * root's. 0, or CARD_BROKEN with a sentence's end in why.
 */
int remote_process_begin(struct remote_process *p, const char *program, const char *option, const char *what,
			 char why[CARD_WHY_MAX]) RD_MUST_CHECK;
/* Kills it. With why: it has gone by itself, and this is where it is said how. */
void remote_process_end(struct remote_process *p, char *why);

#endif
