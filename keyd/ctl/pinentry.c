// SPDX-License-Identifier: MIT
// The client's half of Assuan, as far as pinentry needs it: one command a line, answered by OK or ERR, data in D lines.
#include "keyd/ctl/pinentry.h"

#include "keyd/ctl/client.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_ASSUAN 1002		/* bytes, with the newline */
#define LINES_MAX 200			/* of one answer */
#define PATIENCE 10.0			/* seconds for what nobody has to type for */
#define TYPING 600.0			/* … for what somebody has to */
#define END_WAIT_MS 1000

struct pinentry {
	int fd;
	pid_t pid;
	char buf[2 * LINE_MAX_ASSUAN];	/* read and not taken yet */
	size_t n;
	char *why;
	size_t nwhy;
};

static int failed(struct pinentry *p, const char *why)
{
	snprintf(p->why, p->nwhy, "%s", why);
	return PINENTRY_FAILED;
}

/* --- the program --- */

static void run_program(const char *program, int fd)
{
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(127);
	execlp(program, program, (char *)NULL);
	_exit(127);
}

static int start(struct pinentry *p, const char *program)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return failed(p, strerror(errno));
	p->fd = fds[0];
	p->pid = fork();
	if (p->pid == 0)
		run_program(program, fds[1]);
	close(fds[1]);
	return p->pid < 0 ? failed(p, strerror(errno)) : 0;
}

/* It has been told to go. Who does not is killed. */
static void stop(struct pinentry *p)
{
	if (p->fd >= 0)
		close(p->fd);
	for (int ms = 0; p->pid > 0 && ms < END_WAIT_MS; ms += 10) {
		if (waitpid(p->pid, NULL, WNOHANG) != 0)
			p->pid = 0;
		else
			poll(NULL, 0, 10);
	}
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	explicit_bzero(p->buf, sizeof(p->buf));
}

/* --- lines --- */

static int read_more(struct pinentry *p, double deadline)
{
	struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
	double left = deadline - ctl_clock();
	ssize_t got;
	int r = left > 0 ? poll(&pfd, 1, (int)(left * 1000) + 1) : 0;

	if (r < 0 && errno == EINTR)
		return 0;
	if (r <= 0)
		return failed(p, r ? strerror(errno) : "it does not answer");
	got = read(p->fd, p->buf + p->n, sizeof(p->buf) - p->n);
	if (got < 0 && errno == EINTR)
		return 0;
	if (got <= 0)
		return failed(p, "it has ended, or there is no such program");
	p->n += (size_t)got;
	return 0;
}

/* The next line into line, without its newline. */
static int read_line(struct pinentry *p, char line[LINE_MAX_ASSUAN], double deadline)
{
	const char *end;
	size_t n;
	int r = 0;

	while (!(end = memchr(p->buf, '\n', p->n)) && p->n < LINE_MAX_ASSUAN && !r)
		r = read_more(p, deadline);
	if (r)
		return r;
	n = end ? (size_t)(end - p->buf) : LINE_MAX_ASSUAN;
	if (n >= LINE_MAX_ASSUAN)
		return failed(p, "its answer is too long");
	memcpy(line, p->buf, n);
	line[n] = 0;
	p->n -= n + 1;
	memmove(p->buf, end + 1, p->n);
	explicit_bzero(p->buf + p->n, n + 1);
	if (n && line[n - 1] == '\r')
		line[n - 1] = 0;
	return strlen(line) + 1 < n ? failed(p, "its answer has a NUL byte") : 0;
}

static int send_line(struct pinentry *p, const char *command, const char *text)
{
	char line[LINE_MAX_ASSUAN];
	size_t at = (size_t)snprintf(line, sizeof(line), "%s%s", command, text ? " " : "");

	for (; text && *text && at + 4 < sizeof(line); text++) {
		bool plain = (unsigned char)*text >= ' ' && *text != '%' && *text != 0x7f;

		at += (size_t)snprintf(line + at, sizeof(line) - at, plain ? "%c" : "%%%02X", (unsigned char)*text);
	}
	line[at++] = '\n';
	for (size_t sent = 0; sent < at;) {
		ssize_t n = send(p->fd, line + sent, at - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return failed(p, "it has ended, or there is no such program");
		sent += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int hex(char c)
{
	static const char digits[] = "0123456789ABCDEF0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

struct data {
	char *buf;
	size_t n, room;			/* with NUL */
};

/* What stands in a D line, with its escapes. 0, or -1: too long, or not well formed. */
static int take_data(struct data *d, const char *s)
{
	for (; *s; s++) {
		char c = *s;

		if (c == '%') {
			int high = hex(s[1]), low = high < 0 ? -1 : hex(s[2]);

			if (low < 0)
				return -1;
			c = (char)(high << 4 | low);
			s += 2;
		}
		if (!c || d->n + 1 >= d->room)
			return -1;
		d->buf[d->n++] = c;
		d->buf[d->n] = 0;
	}
	return 0;
}

static bool word_is(const char *line, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(line, word, n) && (!line[n] || line[n] == ' ');
}

/* Of an error whose source is pinentry: GPG_ERR_CANCELED, _FULLY_CANCELED, or _NOT_CONFIRMED. */
static bool says_cancelled(const char *line)
{
	unsigned long code = strtoul(line + 3, NULL, 10) & 0xffff;

	return code == 99 || code == 198 || code == 114;
}

/* Until OK or ERR. d may be NULL: data is of no use. 0, PINENTRY_CANCELLED (any ERR, then why is what it says), or PINENTRY_FAILED. */
static int read_answer(struct pinentry *p, struct data *d, double patience)
{
	char line[LINE_MAX_ASSUAN];
	double deadline = ctl_clock() + patience;
	int r = PINENTRY_FAILED;

	for (unsigned i = 0; i < LINES_MAX; i++) {
		r = read_line(p, line, deadline);
		if (r || word_is(line, "OK"))
			break;
		if (word_is(line, "ERR")) {
			bool cancelled = says_cancelled(line);

			failed(p, "it refuses to ask");
			r = cancelled ? PINENTRY_CANCELLED : PINENTRY_FAILED;
			break;
		}
		if (word_is(line, "INQUIRE"))
			r = send_line(p, "CAN", NULL);
		else if (d && line[0] == 'D' && line[1] == ' ' && take_data(d, line + 2))
			r = failed(p, "what was typed is too long, or nothing that can be typed");
		if (r || i + 1 == LINES_MAX) {
			r = r ? r : failed(p, "it talks too much");
			break;
		}
	}
	explicit_bzero(line, sizeof(line));
	return r;
}

/* --- what is said to it --- */

static int command(struct pinentry *p, const char *word, const char *text)
{
	int r = send_line(p, word, text);

	return r ? r : read_answer(p, NULL, PATIENCE);
}

/* Programs of the family know some of these, and none of them knows all. */
static int option(struct pinentry *p, const char *name, const char *value)
{
	char text[300];
	int r;

	if (!value || snprintf(text, sizeof(text), "%s=%s", name, value) >= (int)sizeof(text))
		return 0;
	r = send_line(p, "OPTION", text);
	if (r)
		return r;
	r = read_answer(p, NULL, PATIENCE);
	return r == PINENTRY_FAILED && strcmp(p->why, "it refuses to ask") != 0 ? r : 0;
}

static int options(struct pinentry *p)
{
	const char *tty = ttyname(STDIN_FILENO);
	int r = option(p, "ttyname", tty ? tty : getenv("GPG_TTY"));

	if (!r)
		r = option(p, "ttytype", getenv("TERM"));
	if (!r)
		r = option(p, "lc-ctype", setlocale(LC_CTYPE, ""));
	return r;
}

static int converse(struct pinentry *p, const struct pinentry_question *q, struct data *d)
{
	int r = read_answer(p, NULL, PATIENCE);		/* its greeting */

	if (!r)
		r = options(p);
	if (!r)
		r = command(p, "SETTITLE", q->title);
	if (!r)
		r = command(p, "SETDESC", q->desc);
	if (!r)
		r = command(p, "SETPROMPT", q->prompt);
	if (!r && q->error)
		r = command(p, "SETERROR", q->error);
	if (!r)
		r = send_line(p, "GETPIN", NULL);
	if (!r)
		r = read_answer(p, d, TYPING);
	if (!r || r == PINENTRY_CANCELLED)
		send_line(p, "BYE", NULL);
	return r;
}

int pinentry_ask(const char *program, const struct pinentry_question *q, char *buf, size_t n, char *why, size_t nwhy)
{
	struct pinentry p = { .fd = -1, .pid = -1, .why = why, .nwhy = nwhy };
	struct data d = { .buf = buf, .room = n };
	int r;

	*buf = *why = 0;
	r = start(&p, program);
	if (!r)
		r = converse(&p, q, &d);
	stop(&p);
	if (!r && !d.n)
		r = PINENTRY_CANCELLED;
	if (r)
		explicit_bzero(buf, n);
	return r;
}
