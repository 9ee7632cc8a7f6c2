// SPDX-License-Identifier: MIT
// Messages of wire.h, one after the other.
#include "keyd/card/wire_io.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PARTS_MAX 8

int64_t card_wire_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 0: ready, or at its end. */
static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline == CARD_WIRE_FOREVER ? -1 : deadline - card_wire_clock();
		int r = deadline != CARD_WIRE_FOREVER && left <= 0 ? 0 : poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);

		if (r > 0)
			return 0;
		if (!r)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int card_wire_send(int fd, uint16_t type, uint32_t id, const struct view *parts, unsigned nparts, int64_t deadline)
{
	struct ipc_hdr h = { .type = type, .version = IPC_VERSION, .id = id };
	struct iovec io[PARTS_MAX + 1] = { { &h, sizeof(h) } };
	struct msghdr mh = { .msg_iov = io, .msg_iovlen = nparts + 1 };
	int r;

	if (nparts > PARTS_MAX)
		return -EMSGSIZE;
	for (unsigned i = 0; i < nparts; i++) {
		io[i + 1] = (struct iovec){ (void *)parts[i].p, parts[i].n };
		h.len += (uint32_t)parts[i].n;
	}
	for (;;) {
		if (sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == ECONNRESET)
			return -EPIPE;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLOUT, deadline);
		if (r)
			return r;
	}
}

int card_wire_peek(int fd, struct ipc_hdr *h, int64_t deadline)
{
	ssize_t n;
	int r;

	for (;;) {
		r = wait_for(fd, POLLIN, deadline);
		if (r)
			return r;
		n = recv(fd, h, sizeof(*h), MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
		if (!n)
			return -EPIPE;
		if (n > 0)
			break;
		/* ECONNRESET: the other end went without reading all; what it said before comes after this. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNRESET)
			return -errno;
	}
	return (size_t)n < sizeof(*h) || (size_t)n != sizeof(*h) + h->len || h->version != IPC_VERSION || h->len > IPC_BODY_MAX ?
		       -EPROTO : 0;
}

int card_wire_take(int fd, struct iovec *parts, unsigned nparts, bool keep)
{
	struct msghdr mh = { .msg_iov = parts, .msg_iovlen = nparts };
	size_t want = 0;
	ssize_t n;

	for (unsigned i = 0; i < nparts; i++)
		want += parts[i].iov_len;
	do
		n = recvmsg(fd, &mh, MSG_DONTWAIT | (keep ? MSG_PEEK : 0));
	while (n < 0 && errno == EINTR);
	return n >= 0 && (size_t)n == want ? 0 : -EPROTO;
}
