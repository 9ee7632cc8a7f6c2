// SPDX-License-Identifier: MIT
// Channels between processes.
#include "keyd/util/ipc.h"

#include "keyd/util/log.h"
#include "keyd/util/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST 64			/* messages read before others get their turn */
#define SOCKET_BUFFER (1 << 20)		/* bytes */

struct waiting {
	struct waiting *next;
	int fd;
	size_t n;
	uint8_t bytes[];		/* header and body */
};

struct ipc {
	struct loop *loop;
	int fd;
	const struct ipc_table *table;
	ipc_end_fn *ended;
	void *arg;
	struct loop_fd *watch;
	struct loop_timer *end_timer;
	struct waiting *first, **last;
	size_t queued;
	bool busy, closed, dead;	/* inside on_ready; ipc_close was called; only waits for it */
	bool mute;			/* nobody reads there any more, but there may be last words for us */
	enum ipc_end why;
	uint8_t buf[sizeof(struct ipc_hdr) + IPC_BODY_MAX];
};

int ipc_pair(int fds[2])
{
	int size = SOCKET_BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		return -errno;
	for (int i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

static void waiting_free(struct waiting *w)
{
	if (w->fd >= 0)
		close(w->fd);
	secret_cleanse(w->bytes, w->n);
	free(w);
}

static void queue_clear(struct ipc *ch)
{
	struct waiting *w;

	while ((w = ch->first)) {
		ch->first = w->next;
		waiting_free(w);
	}
	ch->last = &ch->first;
	ch->queued = 0;
}

/* Stops everything now; whoever owns the channel hears of it from the loop. */
static void channel_end(struct ipc *ch, enum ipc_end why)
{
	if (ch->dead)
		return;
	ch->dead = true;
	ch->why = why;
	loop_fd_want(ch->watch, 0);
	queue_clear(ch);
	loop_timer_set(ch->end_timer, 0);
}

static void on_end(void *arg)
{
	struct ipc *ch = arg;

	if (ch->ended)
		ch->ended(ch, ch->why, ch->arg);
}

static const struct ipc_rule *rule_for(const struct ipc_table *t, uint16_t type)
{
	for (const struct ipc_rule *r = t->rules; r->fn; r++)
		if (r->type == type)
			return r;
	return NULL;
}

static void broken(struct ipc *ch, const struct ipc_hdr *h, const char *how)
{
	log_error("a message breaks the rules and its channel is closed: from=%s type=%u len=%u reason=\"%s\"",
		  ch->table->peer, h->type, h->len, how);
	channel_end(ch, IPC_END_BROKEN);
}

/* n bytes are in ch->buf. */
static void dispatch(struct ipc *ch, size_t n, int *fd)
{
	struct ipc_hdr h = { 0 };
	struct ipc_msg m;
	const struct ipc_rule *r;

	memcpy(&h, ch->buf, n < sizeof(h) ? n : sizeof(h));
	r = rule_for(ch->table, h.type);
	if (n < sizeof(h) || h.len != n - sizeof(h))
		return broken(ch, &h, "length");
	if (h.version != IPC_VERSION)
		return broken(ch, &h, "version");
	if (!r)
		return broken(ch, &h, "not permitted");
	if (h.len < r->min || h.len > r->max)
		return broken(ch, &h, "body too short or too long");
	if (r->fd != (*fd >= 0))
		return broken(ch, &h, "descriptor");
	m = (struct ipc_msg){ h.type, h.id, { ch->buf + sizeof(h), h.len }, *fd };
	*fd = -1;
	if (r->fn(ch, &m, ch->arg) && !ch->closed)
		broken(ch, &h, "content");
	*fd = m.fd;
}

/* The first descriptor that came; all others are closed. */
static int descriptor_of(struct msghdr *mh)
{
	int fd = -1, got;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
			memcpy(&got, CMSG_DATA(c) + at, sizeof(got));
			if (fd < 0)
				fd = got;
			else
				close(got);
		}
	}
	return fd;
}

/* Takes one message. Returns true when there may be more. */
static bool receive(struct ipc *ch)
{
	char control[CMSG_SPACE(4 * sizeof(int))] __attribute__((aligned(8)));
	struct iovec io = { ch->buf, sizeof(ch->buf) };
	struct msghdr mh = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control,
			     .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(ch->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fd;

	/* ECONNRESET: the other end went without reading all; what it said before comes after this. */
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
		return errno != EAGAIN;
	if (n <= 0) {
		channel_end(ch, IPC_END_PEER);
		return false;
	}
	fd = descriptor_of(&mh);
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		broken(ch, &(struct ipc_hdr){ 0 }, "too long");
	else
		dispatch(ch, (size_t)n, &fd);
	if (fd >= 0)
		close(fd);
	secret_cleanse(ch->buf, (size_t)n);
	return true;
}

/* 1: sent; 0: the kernel has no room now; -1: the channel is dead, or mute with an empty queue. */
static int transmit(struct ipc *ch, const struct iovec *io, unsigned int nio, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct msghdr mh = { .msg_iov = (struct iovec *)io, .msg_iovlen = nio };
	struct cmsghdr *c;

	if (fd >= 0) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	for (;;) {
		if (sendmsg(ch->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 1;
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS)
			return 0;
		if (errno == EPIPE || errno == ECONNRESET) {
			ch->mute = true;
			queue_clear(ch);
			loop_fd_want(ch->watch, LOOP_READ);
			return -1;
		}
		log_error("sending to a role failed: to=%s error=\"%s\"", ch->table->peer, strerror(errno));
		channel_end(ch, IPC_END_ERROR);
		return -1;
	}
}

static void flush(struct ipc *ch)
{
	struct waiting *w;

	while ((w = ch->first)) {
		if (transmit(ch, &(struct iovec){ w->bytes, w->n }, 1, w->fd) <= 0)
			return;
		ch->first = w->next;
		if (!ch->first)
			ch->last = &ch->first;
		ch->queued -= w->n;
		waiting_free(w);
	}
	loop_fd_want(ch->watch, LOOP_READ);
}

static void channel_free(struct ipc *ch)
{
	queue_clear(ch);
	loop_fd_free(ch->watch);
	loop_timer_free(ch->end_timer);
	if (ch->fd >= 0)
		close(ch->fd);
	free(ch);
}

static void on_ready(void *arg, unsigned int ready)
{
	struct ipc *ch = arg;

	ch->busy = true;
	if (ready & LOOP_WRITE)
		flush(ch);
	for (int i = 0; i < BURST && !ch->dead && !ch->closed && (ready & LOOP_READ); i++)
		if (!receive(ch))
			break;
	ch->busy = false;
	if (ch->closed)
		channel_free(ch);
}

struct ipc *ipc_open(struct loop *l, int fd, const struct ipc_table *table, ipc_end_fn *ended, void *arg)
{
	struct ipc *ch = calloc(1, sizeof(*ch));

	if (!ch) {
		close(fd);
		return NULL;
	}
	ch->loop = l;
	ch->fd = fd;
	ch->table = table;
	ch->ended = ended;
	ch->arg = arg;
	ch->last = &ch->first;
	ch->end_timer = loop_timer_new(l, on_end, ch);
	ch->watch = loop_fd_new(l, fd, LOOP_READ, on_ready, ch);
	if (ch->end_timer && ch->watch)
		return ch;
	channel_free(ch);
	return NULL;
}

void ipc_close(struct ipc *ch)
{
	if (!ch || ch->closed)
		return;
	ch->closed = ch->dead = true;
	loop_timer_set(ch->end_timer, LOOP_NEVER);
	if (!ch->busy)
		channel_free(ch);
}

bool ipc_is_dead(const struct ipc *ch)
{
	return ch->dead;
}

/* Behind what waits already. Takes fd. */
static int enqueue(struct ipc *ch, const struct iovec *io, unsigned int nio, size_t n, int fd)
{
	struct waiting *w;

	if (ch->queued + n > IPC_QUEUE_MAX || !(w = malloc(sizeof(*w) + n))) {
		log_error("a role does not read its messages and its channel is closed: to=%s waiting=%zu",
			  ch->table->peer, ch->queued);
		channel_end(ch, IPC_END_FULL);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	w->next = NULL;
	w->fd = fd;
	w->n = 0;
	for (unsigned int i = 0; i < nio; i++) {
		if (io[i].iov_len)
			memcpy(w->bytes + w->n, io[i].iov_base, io[i].iov_len);
		w->n += io[i].iov_len;
	}
	*ch->last = w;
	ch->last = &w->next;
	ch->queued += n;
	loop_fd_want(ch->watch, LOOP_READ | LOOP_WRITE);
	return 0;
}

int ipc_sendv(struct ipc *ch, uint16_t type, uint32_t id, const struct view *parts, unsigned int nparts, int fd)
{
	struct ipc_hdr h = { .type = type, .version = IPC_VERSION, .id = id };
	struct iovec io[1 + IPC_PARTS_MAX] = { { &h, sizeof(h) } };
	size_t n = 0;
	int sent = 0;

	if (!ch || ch->dead || ch->mute || nparts > IPC_PARTS_MAX)
		return -1;
	for (unsigned int i = 0; i < nparts; i++) {
		io[1 + i] = (struct iovec){ (void *)parts[i].p, parts[i].n };
		n += parts[i].n;
	}
	if (n > IPC_BODY_MAX) {
		log_error("a message is too long and was not sent: to=%s type=%u len=%zu", ch->table->peer, type, n);
		return -1;
	}
	h.len = (uint32_t)n;
	if (!ch->first)
		sent = transmit(ch, io, 1 + nparts, fd);
	if (sent)
		return sent > 0 ? 0 : -1;
	if (fd >= 0 && (fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) {
		log_error("sending to a role failed: to=%s error=\"%s\"", ch->table->peer, strerror(errno));
		channel_end(ch, IPC_END_ERROR);
		return -1;
	}
	return enqueue(ch, io, 1 + nparts, sizeof(h) + n, fd);
}

int ipc_send(struct ipc *ch, uint16_t type, uint32_t id, const void *body, size_t n)
{
	return ipc_sendv(ch, type, id, &(struct view){ body, n }, 1, -1);
}

size_t ipc_queued(const struct ipc *ch)
{
	return ch->queued;
}

int ipc_drain(struct ipc *ch, size_t below, int timeout_ms)
{
	struct pollfd p = { .fd = ch->fd, .events = POLLOUT };
	int r;

	while (!ch->dead && ch->queued > below) {
		r = poll(&p, 1, timeout_ms);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return -1;
		flush(ch);
	}
	return ch->dead || ch->mute ? -1 : 0;
}
