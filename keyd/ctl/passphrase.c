// SPDX-License-Identifier: MIT
// Reads a passphrase or a PIN, so that nothing of it stays anywhere but in the caller's buffer.
#include "keyd/ctl/passphrase.h"

#include "keyd/ctl/client.h"
#include "keyd/ctl/pinentry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
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
	quiet.c_cc[VEOL] = INTERRUPT;			/* … and need not end the line */
	return !tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
}

/* Byte by byte, so that no buffer of stdio keeps it. -1: nothing, or no room. */
static int read_line(int fd, char *buf, size_t n)
{
	size_t len = 0;

	while (len + 1 < n) {
		ssize_t got = read(fd, buf + len, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got != 1 || !buf[len] || buf[len] == '\n' || buf[len] == INTERRUPT)
			break;
		len++;
	}
	if (len + 1 == n || buf[len] == INTERRUPT)
		return -1;
	buf[len] = 0;
	return len ? 0 : -1;
}

/* More and error on lines of their own, then what is asked for; on standard error, for standard output may be read by a program. */
static int read_terminal(const struct passphrase_question *q, char *buf, size_t n)
{
	struct termios was;
	int r;

	if (q->error)
		fprintf(stderr, "%s\n", q->error);
	if (*q->more)
		fprintf(stderr, "%s\n", q->more);
	if (!echo_off(&was))
		return -1;
	fprintf(stderr, "%s: ", q->what);
	r = read_line(STDIN_FILENO, buf, n);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	fputc('\n', stderr);
	return r;
}

static int read_pinentry(const char *program, const struct passphrase_question *q, char *buf, size_t n, char *why, size_t nwhy)
{
	char desc[600], reason[160];
	struct pinentry_question pq = { "gapless", desc, strstr(q->what, "PIN") ? "PIN:" : "Passphrase:", q->error };
	int r;

	snprintf(desc, sizeof(desc), "%s%s%s", q->what, *q->more ? "\n" : "", q->more);
	r = pinentry_ask(program, &pq, buf, n, reason, sizeof(reason));
	if (r == PINENTRY_CANCELLED)
		snprintf(why, nwhy, "%s: nothing was given", q->what);
	else if (r)
		snprintf(why, nwhy, "%s: '%s' cannot ask: %s", q->what, program, reason);
	return r ? KEYDCTL_FAILED : 0;
}

static const char *program(const struct passphrase_from *from)
{
	if (from->fd >= 0 || from->pinentry)
		return from->fd >= 0 ? NULL : from->pinentry;
	return from->pipe && !isatty(STDIN_FILENO) ? NULL : from->usual;
}

bool passphrase_again(const struct passphrase_from *from)
{
	return program(from) || (from->fd < 0 && isatty(STDIN_FILENO));
}

int passphrase_read(const struct passphrase_from *from, const struct passphrase_question *q, char *buf, size_t n,
		    char *why, size_t nwhy)
{
	bool terminal = isatty(STDIN_FILENO);
	int r;

	prctl(PR_SET_DUMPABLE, 0);	/* no core, and no debugger of the same user's, from now on */
	if (program(from))
		return read_pinentry(program(from), q, buf, n, why, nwhy);
	if (from->fd < 0 && !terminal && !from->pipe) {
		snprintf(why, nwhy, "%s: there is nobody to ask: standard input is no terminal, and neither --fd nor "
			 "--pinentry is given", q->what);
		return KEYDCTL_NOBODY;
	}
	if (from->fd >= 0)
		r = read_line(from->fd, buf, n);
	else
		r = terminal ? read_terminal(q, buf, n) : read_line(STDIN_FILENO, buf, n);
	if (r)
		snprintf(why, nwhy, "%s: nothing of 1 to %zu bytes was given", q->what, n - 2);
	return r ? KEYDCTL_FAILED : 0;
}
