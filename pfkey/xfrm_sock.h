/* SPDX-License-Identifier: MIT */
/* A netlink socket to XFRM: one request and its answers, or the multicast groups. Knows nothing of SAs. */
#ifndef PFKEY_XFRM_SOCK_H
#define PFKEY_XFRM_SOCK_H

#include "pfkey/xfrm_answer.h"

#define XFRM_SOCK_BUF 32768		/* the kernel never makes a larger message of a dump */

struct xfrm_sock {
	int fd;
	uint32_t seq;			/* of the last request */
	uint8_t *buf;			/* for what arrives, XFRM_SOCK_BUF bytes */
	char words[XFRM_WORDS_MAX];	/* the kernel's, about the last request that failed; "" if it gave none */
};

/* 0 or -errno of socket(). */
int xfrm_sock_open(struct xfrm_sock *s);
/* Safe on a zeroed struct with fd -1, and twice. What arrived may hold keys and is cleansed. */
void xfrm_sock_close(struct xfrm_sock *s);
/*
 * Sends nlh and reads until its acknowledgement, the end of its dump, or (with neither asked for) its one answer.
 * Returns 0, what fn returned, the kernel's -errno, -EINTR for a dump that changed under way, -EBADMSG for an answer
 * that makes no sense, -ENOBUFS for one that was lost.
 */
int xfrm_sock_request(struct xfrm_sock *s, struct nlmsghdr *nlh, xfrm_answer_fn *fn, void *arg);

/*
 * The steps of a request, for those who put several into one datagram. send: 0 or -errno. receive: one datagram of the
 * kernel's into buf; its length, -EAGAIN (flags MSG_DONTWAIT, or nothing came for long), -ENOBUFS: some was lost before.
 */
int xfrm_sock_send(struct xfrm_sock *s, const void *p, size_t n);
ssize_t xfrm_sock_receive(struct xfrm_sock *s, int flags);
/* Wishes for a receive buffer of at least n bytes as the kernel counts them; returns what there is now. */
unsigned int xfrm_sock_widen(struct xfrm_sock *s, unsigned int n);

/* Joins every group with events but AEVENTS, does not block from now on, and has a large receive buffer. 0 or -errno. */
int xfrm_sock_listen(struct xfrm_sock *s);
/* Joins or leaves the group AEVENTS as well. */
int xfrm_sock_listen_ae(struct xfrm_sock *s, bool on);
/*
 * Reads one datagram of events; fn's result is ignored. Returns 1, 0 when there is none, -ENOBUFS when some were lost
 * before this one, or -errno.
 */
int xfrm_sock_read_event(struct xfrm_sock *s, xfrm_answer_fn *fn, void *arg);

#endif
