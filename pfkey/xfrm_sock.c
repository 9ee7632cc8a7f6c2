// SPDX-License-Identifier: MIT
/* Netlink's ways: sequence numbers, acknowledgements with words, dumps, multicast groups, lost messages. */
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
	XFRMNLGRP_ACQUIRE, XFRMNLGRP_EXPIRE, XFRMNLGRP_SA, XFRMNLGRP_POLICY, XFRMNLGRP_AEVENTS, XFRMNLGRP_MIGRATE,
	XFRMNLGRP_MAPPING,
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

/* One datagram that the kernel itself sent (others may send to us as well). Returns its length or -errno. */
static ssize_t receive(struct xfrm_sock *s)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { s->buf, XFRM_SOCK_BUF };
		struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = recvmsg(s->fd, &msg, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (from.nl_pid != 0)
			continue;
		return msg.msg_flags & MSG_TRUNC ? -EBADMSG : n;
	}
}

/* NLMSGERR_ATTR_MSG behind the error, and behind the request when that is echoed. */
static void keep_words(struct xfrm_sock *s, const struct nlmsghdr *nlh, const struct nlmsgerr *e)
{
	size_t at = MNL_NLMSG_HDRLEN + sizeof(*e), end = nlh->nlmsg_len;
	const uint8_t *p = (const uint8_t *)nlh;
	struct nlattr attr;

	s->words[0] = '\0';
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > MNL_NLMSG_HDRLEN)
		at += NLMSG_ALIGN((size_t)e->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
	while (at + sizeof(attr) <= end) {
		memcpy(&attr, p + at, sizeof(attr));
		if (attr.nla_len < sizeof(attr) || attr.nla_len > end - at)
			return;
		if ((attr.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
			size_t n = attr.nla_len - sizeof(attr);

			if (n >= sizeof(s->words))
				n = sizeof(s->words) - 1;
			memcpy(s->words, p + at + sizeof(attr), n);
			s->words[n] = '\0';
		}
		at += NLA_ALIGN((size_t)attr.nla_len);
	}
}

/* NLMSG_ERROR and NLMSG_DONE: the result they bear. */
static int result_of(struct xfrm_sock *s, const struct nlmsghdr *nlh)
{
	struct nlmsgerr e;
	int32_t done = 0;

	if (nlh->nlmsg_type == NLMSG_DONE) {
		if (nlh->nlmsg_len >= MNL_NLMSG_HDRLEN + sizeof(done))
			memcpy(&done, mnl_nlmsg_get_payload(nlh), sizeof(done));
		return done < 0 ? done : 0;
	}
	if (nlh->nlmsg_len < MNL_NLMSG_HDRLEN + sizeof(e))
		return -EBADMSG;
	memcpy(&e, mnl_nlmsg_get_payload(nlh), sizeof(e));
	if (e.error < 0)
		keep_words(s, nlh, &e);
	return e.error < 0 ? e.error : 0;
}

/* Steps over the messages of a datagram: the next whole one, or NULL with *left the bytes that make none. */
static const struct nlmsghdr *next_message(const uint8_t **p, size_t *left)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)*p;
	size_t step;

	if (*left < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > *left)
		return NULL;
	step = NLMSG_ALIGN((size_t)nlh->nlmsg_len);
	if (step > *left)
		step = *left;
	*p += step;
	*left -= step;
	return nlh;
}

struct request {
	uint16_t flags;
	bool interrupted, finished;
	int result;
	xfrm_answer_fn *fn;
	void *arg;
};

static void take_datagram(struct xfrm_sock *s, struct request *r, size_t left)
{
	const uint8_t *p = s->buf;
	const struct nlmsghdr *nlh;

	while (!r->finished && (nlh = next_message(&p, &left))) {
		if (nlh->nlmsg_seq != s->seq)		/* of a request whose answer we stopped waiting for */
			continue;
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			r->interrupted = true;
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
			int err = result_of(s, nlh);

			if (!r->result)
				r->result = err;
			r->finished = true;
		} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE) {
			/* After an error of fn's the rest is read all the same: the socket must be clear for the next. */
			if (r->fn && !r->result)
				r->result = r->fn(nlh, r->arg);
			r->finished = !(r->flags & (NLM_F_ACK | NLM_F_DUMP));
		}
	}
	if (!r->finished && left) {
		r->result = -EBADMSG;
		r->finished = true;
	}
}

int xfrm_sock_request(struct xfrm_sock *s, struct nlmsghdr *nlh, xfrm_answer_fn *fn, void *arg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct request r = { .flags = nlh->nlmsg_flags, .fn = fn, .arg = arg };
	ssize_t n;

	s->words[0] = '\0';
	nlh->nlmsg_seq = ++s->seq;
	nlh->nlmsg_pid = (uint32_t)getpid();	/* not looked at, but told to all who listen as the cause of the event */
	do {
		n = sendto(s->fd, nlh, nlh->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	while (!r.finished) {
		n = receive(s);
		if (n < 0)
			return n == -EAGAIN ? -ENOBUFS : (int)n;
		take_datagram(s, &r, (size_t)n);
	}
	return !r.result && r.interrupted ? -EINTR : r.result;
}

int xfrm_sock_listen(struct xfrm_sock *s)
{
	const struct timeval no_timeout = { 0 };
	const int size = EVENT_BUF;

	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &no_timeout, sizeof(no_timeout)) ||
	    fcntl(s->fd, F_SETFL, O_NONBLOCK))
		return -errno;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (setsockopt(s->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(groups[i])))
			return -errno;
	return 0;
}

int xfrm_sock_read_event(struct xfrm_sock *s, xfrm_answer_fn *fn, void *arg)
{
	const uint8_t *p = s->buf;
	const struct nlmsghdr *nlh;
	ssize_t n = receive(s);
	size_t left;

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	left = (size_t)n;
	while ((nlh = next_message(&p, &left)))
		fn(nlh, arg);
	return left ? -EBADMSG : 1;
}
