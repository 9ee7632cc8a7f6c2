// SPDX-License-Identifier: MIT
// Connections to the control socket.
#include "keyd/roles/ctl_client.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_MAX (64u << 20)	/* bytes that may wait: a status of many SAs fits */
#define QUEUE_HIGH (1u << 20)	/* bytes from which on no more requests are read */
#define READ_MAX 4096

struct client {
	uint32_t id;
	int fd;
	const struct client_hooks *hooks;
	struct loop_fd *watch;
	struct loop_timer *end;		/* frees it from the loop */
	struct ctl_line line;
	char *out;
	size_t sent, n, room;		/* of out */
	bool finishing, ended;
	_Alignas(max_align_t) uint8_t state[CLIENT_STATE_MAX];
};

static void end_soon(struct client *c)
{
	if (c->ended)
		return;
	c->ended = true;
	loop_fd_want(c->watch, 0);
	loop_timer_set(c->end, 0);
}

static void on_end(void *arg)
{
	client_free(arg);
}

static void flush(struct client *c)
{
	ssize_t n;

	while (c->sent < c->n) {
		n = sendmsg(c->fd, &(struct msghdr){ .msg_iov = &(struct iovec){ c->out + c->sent, c->n - c->sent },
			    .msg_iovlen = 1 }, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return end_soon(c);
		c->sent += (size_t)n;
	}
	if (c->sent == c->n) {
		free(c->out);
		c->out = NULL;
		c->sent = c->n = c->room = 0;
		if (c->finishing)
			return end_soon(c);
	}
	loop_fd_want(c->watch, (c->finishing || c->n - c->sent > QUEUE_HIGH ? 0u : LOOP_READ) |
				       (c->n ? LOOP_WRITE : 0u));
}

static void on_ready(void *arg, unsigned int ready)
{
	struct client *c = arg;
	char buf[READ_MAX];
	ssize_t n;

	if (ready & LOOP_WRITE)
		flush(c);
	if (ready & LOOP_WRITE && !c->n && !c->ended)
		c->hooks->drained(c);
	if (c->ended || c->finishing || !(ready & LOOP_READ))
		return;
	n = read(c->fd, buf, sizeof(buf));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		return end_soon(c);
	if (!ctl_line_feed(&c->line, buf, (size_t)n, c->hooks->line, c))
		return;
	client_send(c, json_pack("{s:s}", "error", "the request is longer than a line may be"));
	client_finish(c);
}

struct client *client_new(struct loop *l, int fd, const struct client_hooks *hooks)
{
	static uint32_t last;
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	c->id = ++last;
	c->fd = fd;
	c->hooks = hooks;
	c->watch = loop_fd_new(l, fd, LOOP_READ, on_ready, c);
	c->end = loop_timer_new(l, on_end, c);
	if (c->watch && c->end)
		return c;
	c->hooks = NULL;
	client_free(c);
	return NULL;
}

void client_free(struct client *c)
{
	if (c->hooks)
		c->hooks->ended(c);
	loop_fd_free(c->watch);
	loop_timer_free(c->end);
	close(c->fd);
	free(c->out);
	free(c);
}

static int make_room(struct client *c, size_t n)
{
	size_t room = c->room ? c->room : 4096;
	char *out;

	while (room < c->n + n)
		room *= 2;
	if (room == c->room)
		return 0;
	out = room <= QUEUE_MAX ? realloc(c->out, room) : NULL;
	if (!out)
		return -1;
	c->out = out;
	c->room = room;
	return 0;
}

static int append(const char *p, size_t n, void *arg)
{
	struct client *c = arg;

	if (make_room(c, n))
		return -1;
	memcpy(c->out + c->n, p, n);
	c->n += n;
	return 0;
}

void client_send(struct client *c, json_t *o)
{
	if (!c->ended && (!o || json_dump_callback(o, append, c, JSON_COMPACT | JSON_REAL_PRECISION(13)) || append("\n", 1, c)))
		end_soon(c);
	json_decref(o);
	if (!c->ended)
		flush(c);
}

void client_finish(struct client *c)
{
	c->finishing = true;
	if (!c->ended)
		flush(c);
}

uint32_t client_id(const struct client *c)
{
	return c->id;
}

size_t client_queued(const struct client *c)
{
	return c->n - c->sent;
}

void *client_state(struct client *c)
{
	return c->state;
}
