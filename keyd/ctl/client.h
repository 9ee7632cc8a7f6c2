/* SPDX-License-Identifier: MIT */
/* keydctl's end of the control socket. */
#ifndef KEYD_CTL_CLIENT_H
#define KEYD_CTL_CLIENT_H

#include <jansson.h>
#include <stdint.h>

enum keydctl_exit { KEYDCTL_DONE = 0, KEYDCTL_FAILED = 1, KEYDCTL_USAGE = 2, KEYDCTL_NO_KEYD = 3,
		    KEYDCTL_NOBODY = 5 /* a PIN or a passphrase is wanted, and there is nobody to ask */ };

struct ctl_conn {
	int fd;
	char *buf;		/* owned: what has been read and not been taken yet */
	size_t n, room;
};

/* 0 or -errno, and no word. */
int ctl_conn_try(struct ctl_conn *c, const char *path);
/* 0, or an exit code when a sentence about it has been printed. */
int ctl_conn_open(struct ctl_conn *c, const char *path);
void ctl_conn_close(struct ctl_conn *c);
/* Sends o as one line, leaves nothing of it behind, and drops the reference. 0 or -errno. */
int ctl_conn_send(struct ctl_conn *c, json_t *o);
/*
 * The next line as an object (a new reference), or NULL with *error: -ETIMEDOUT (deadline: seconds of CLOCK_MONOTONIC,
 * 0: none), -EPIPE (keyd is gone), -EPROTO (not JSON), -ENOMEM.
 */
json_t *ctl_conn_read(struct ctl_conn *c, double deadline, int *error);
/* Seconds of CLOCK_MONOTONIC. */
double ctl_clock(void);

#endif
