/* SPDX-License-Identifier: MIT */
/* A passphrase from whoever sits there, or from a pipe. */
#ifndef KEYD_CTL_PASSPHRASE_H
#define KEYD_CTL_PASSPHRASE_H

#include <stddef.h>

/*
 * One line of standard input without its newline into buf[n], NUL at its end; from a terminal with prompt in front and without echo.
 * 0, or -1: nothing came, or it is too long (said on standard error). The caller cleanses buf.
 */
int passphrase_read(const char *prompt, char *buf, size_t n);

#endif
