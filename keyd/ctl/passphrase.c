// SPDX-License-Identifier: MIT
// Reads a passphrase.
#include "keyd/ctl/passphrase.h"

#include <stdbool.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define INTERRUPT 3

/* False: it is no terminal. */
static bool echo_off(struct termios *was)
{
	struct termios quiet;

	if (tcgetattr(STDIN_FILENO, was))
		return false;
	quiet = *was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);	/* who interrupts must not leave the terminal without echo */
	return !tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
}

/* Byte by byte, so that no buffer of stdio keeps it. -1: nothing, or no room. */
static int read_line(char *buf, size_t n)
{
	size_t len = 0;

	while (len + 1 < n && read(STDIN_FILENO, buf + len, 1) == 1 && buf[len] != '\n' && buf[len] != INTERRUPT)
		len++;
	if (len + 1 == n || buf[len] == INTERRUPT)
		return -1;
	buf[len] = 0;
	return len ? 0 : -1;
}

int passphrase_read(const char *prompt, char *buf, size_t n)
{
	struct termios was;
	bool quiet = echo_off(&was);
	int r;

	if (quiet)
		fprintf(stderr, "%s: ", prompt);
	r = read_line(buf, n);
	if (quiet) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	if (r)
		fprintf(stderr, "keydctl: no passphrase of 1 to %zu bytes was given\n", n - 2);
	return r;
}
