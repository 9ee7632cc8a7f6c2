// SPDX-License-Identifier: MIT
// Connects to keyd, sends requests, reads answers.
#include "keyd/ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX (256u << 20)	/* bytes */

double ctl_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int explain(const char *path, int error)
{
	if (error == ENOENT || error == ECONNREFUSED) {
		fprintf(stderr,
			"keydctl: keyd is not running: nobody answers on %s; start it with \"systemctl start gapless\" or "
			"\"keyd --psk %s/psk.txt\"\n", path, GAPLESS_ETC);
		return KEYDCTL_NO_KEYD;
	}
	if (error == EACCES || error == EPERM)
		fprintf(stderr, "keydctl: only root and members of the group gapless may talk to keyd on %s\n", path);
	else
		fprintf(stderr, "keydctl: %s: %s\n", path, strerror(error));
	return KEYDCTL_FAILED;
}

int ctl_conn_try(struct ctl_conn *c, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	*c = (struct ctl_conn){ .fd = -1 };
	if (strlen(path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	strcpy(un.sun_path, path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&un, sizeof(un)))
		return -errno;
	return 0;
}

int ctl_conn_open(struct ctl_conn *c, const char *path)
{
	int r = ctl_conn_try(c, path);

	return r ? explain(path, -r) : 0;
}

void ctl_conn_close(struct ctl_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	*c = (struct ctl_conn){ .fd = -1 };
}

int ctl_conn_send(struct ctl_conn *c, json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	size_t n = text ? strlen(text) : 0;
	int r = text ? 0 : -ENOMEM;

	json_decref(o);
	if (text)
		text[n++] = '\n';	/* in the place of the final NUL */
	for (size_t at = 0; !r && at < n;) {
		ssize_t sent = send(c->fd, text + at, n - at, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			r = -errno;
		else if (sent > 0)
			at += (size_t)sent;
	}
	if (text)
		explicit_bzero(text, n);
	free(text);
	return r;
}

static int wait_readable(const struct ctl_conn *c, double deadline)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	double left;
	int r;

	do {
		left = deadline ? deadline - ctl_clock() : -1;
		if (deadline && left <= 0)
			return -ETIMEDOUT;
		r = poll(&p, 1, deadline ? (int)(left * 1000) + 1 : -1);
	} while (r == 0 || (r < 0 && errno == EINTR));
	return r < 0 ? -errno : 0;
}

static int read_more(struct ctl_conn *c)
{
	size_t room = c->room ? 2 * c->room : 65536;
	ssize_t n;
	char *buf;

	if (c->n == c->room) {
		buf = room <= ANSWER_MAX ? realloc(c->buf, room) : NULL;
		if (!buf)
			return -ENOMEM;
		c->buf = buf;
		c->room = room;
	}
	n = read(c->fd, c->buf + c->n, c->room - c->n);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return -EPIPE;
	c->n += (size_t)n;
	return 0;
}

json_t *ctl_conn_read(struct ctl_conn *c, double deadline, int *error)
{
	char *end = c->n ? memchr(c->buf, '\n', c->n) : NULL;
	size_t seen, len;
	json_t *o;

	for (*error = 0; !end && !*error;) {
		seen = c->n;
		*error = wait_readable(c, deadline);
		if (!*error)
			*error = read_more(c);
		end = c->n > seen ? memchr(c->buf + seen, '\n', c->n - seen) : NULL;
	}
	if (!end)
		return NULL;
	*error = 0;
	len = (size_t)(end - c->buf);
	o = json_loadb(c->buf, len, 0, NULL);
	c->n -= len + 1;
	memmove(c->buf, end + 1, c->n);
	if (!json_is_object(o)) {
		json_decref(o);
		o = NULL;
		*error = -EPROTO;
	}
	return o;
}
