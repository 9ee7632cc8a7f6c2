// SPDX-License-Identifier: MIT
/* Netlink sockets: sending, waiting, multicast groups, lost messages. */
#include "pfkey/xfrm_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define EVENT_BUF (4 << 20)		/* the default of 212 KB overflows when a thousand SAs expire at once */
#define ANSWER_TIMEOUT_S 10		/* the kernel answers before send() returns; later means never */

static const int groups[] = {
	XFRMNLGRP_ACQUIRE, XFRMNLGRP_EXPIRE, XFRMNLGRP_SA, XFRMNLGRP_POLICY, XFRMNLGRP_MIGRATE, XFRMNLGRP_MAPPING,
};

int xfrm_sock_open(struct xfrm_sock *s)
{
	const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };
	const int on = 1;
	int err;

	memset(s, 0, sizeof(*s));
	s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_XFRM);
	if (s->fd < 0)
		return -errno;
	s->buf = malloc(XFRM_SOCK_BUF);
	if (!s->buf) {
		xfrm_sock_close(s);
		return -ENOMEM;
	}
	/* Words and short acknowledgements are a comfort, so a kernel too old for them will do. */
	setsockopt(s->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(s->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ||
	    bind(s->fd, (struct sockaddr *)&local, sizeof(local))) {
		err = -errno;
		xfrm_sock_close(s);
		return err;
	}
	return 0;
}

void xfrm_sock_close(struct xfrm_sock *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	if (s->buf)
		explicit_bzero(s->buf, XFRM_SOCK_BUF);
	free(s->buf);
	s->buf = NULL;
}

int xfrm_sock_send(struct xfrm_sock *s, const void *p, size_t n)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	do {
		sent = sendto(s->fd, p, n, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Others than the kernel may send to us as well. */
ssize_t xfrm_sock_receive(struct xfrm_sock *s, int flags)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { s->buf, XFRM_SOCK_BUF };
		struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = recvmsg(s->fd, &msg, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (from.nl_pid != 0)
			continue;
		return msg.msg_flags & MSG_TRUNC ? -EBADMSG : n;
	}
}

int xfrm_sock_request(struct xfrm_sock *s, struct nlmsghdr *nlh, xfrm_answer_fn *fn, void *arg)
{
	struct xfrm_answer a = { .seq = ++s->seq, .flags = nlh->nlmsg_flags, .fn = fn, .arg = arg };
	ssize_t n;

	s->words[0] = '\0';
	nlh->nlmsg_seq = s->seq;
	nlh->nlmsg_pid = (uint32_t)getpid();	/* not looked at, but told to all who listen as the cause of the event */
	n = xfrm_sock_send(s, nlh, nlh->nlmsg_len);
	if (n < 0)
		return (int)n;
	while (!a.finished) {
		n = xfrm_sock_receive(s, 0);
		if (n < 0)
			return n == -EAGAIN ? -ENOBUFS : (int)n;
		xfrm_answer_take(&a, s->buf, (size_t)n);
	}
	memcpy(s->words, a.words, sizeof(s->words));
	return !a.result && a.interrupted ? -EINTR : a.result;
}

/* SO_RCVBUFFORCE goes beyond net.core.rmem_max, but not from within a user namespace. */
static void set_buffer(struct xfrm_sock *s, int size)
{
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

unsigned int xfrm_sock_widen(struct xfrm_sock *s, unsigned int n)
{
	socklen_t len = sizeof(int);
	int have = 0;

	getsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &have, &len);
	if (have >= 0 && (unsigned int)have < n) {
		set_buffer(s, (int)n);
		getsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &have, &len);
	}
	return have < 0 ? 0 : (unsigned int)have;
}

int xfrm_sock_listen(struct xfrm_sock *s)
{
	const struct timeval no_timeout = { 0 };

	set_buffer(s, EVENT_BUF);
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &no_timeout, sizeof(no_timeout)) ||
	    fcntl(s->fd, F_SETFL, O_NONBLOCK))
		return -errno;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (setsockopt(s->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(groups[i])))
			return -errno;
	return 0;
}

int xfrm_sock_listen_ae(struct xfrm_sock *s, bool on)
{
	const int group = XFRMNLGRP_AEVENTS;

	return setsockopt(s->fd, SOL_NETLINK, on ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &group,
			  sizeof(group)) ? -errno : 0;
}

int xfrm_sock_read_event(struct xfrm_sock *s, xfrm_answer_fn *fn, void *arg)
{
	ssize_t n = xfrm_sock_receive(s, 0);

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	return xfrm_each_message(s->buf, (size_t)n, fn, arg) ? -EBADMSG : 1;
}
