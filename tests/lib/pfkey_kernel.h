/* SPDX-License-Identifier: MIT */
/* A thread in the kernel's place at the other end of a PF_KEY socket. For unit tests: cmocka comes first. */
#ifndef TESTS_LIB_PFKEY_KERNEL_H
#define TESTS_LIB_PFKEY_KERNEL_H

#include "pfkey/pfkey_sock.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define KERNEL_TIMEOUT_MS 200

/* The kernel's side: answers each request as it is told to, until the socket is closed. */
struct kernel {
	int fd;
	pthread_t thread;
	void (*answer)(struct kernel *k, const struct pfkey_msg *asked);
	unsigned int requests;
};

static inline void say(struct kernel *k, const struct pfkey_msg *m)
{
	if (send(k->fd, m->bytes, pfkey_msg_size(m), MSG_NOSIGNAL) < 0)
		abort();
}

static inline void *kernel_main(void *arg)
{
	struct kernel *k = arg;
	struct pfkey_msg m;

	while (recv(k->fd, m.bytes, sizeof(m.bytes), 0) > 0) {
		k->requests++;
		k->answer(k, &m);
	}
	return NULL;
}

static inline void kernel_start(struct kernel *k, struct pfkey_sock *s, void (*answer)(struct kernel *k, const struct pfkey_msg *asked))
{
	int fds[2];

	memset(k, 0, sizeof(*k));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(pfkey_sock_adopt(s, fds[0]), 0);
	pfkey_sock_set_timeout(s, KERNEL_TIMEOUT_MS);
	k->fd = fds[1];
	k->answer = answer;
	assert_int_equal(pthread_create(&k->thread, NULL, kernel_main, k), 0);
}

static inline void kernel_end(struct kernel *k, struct pfkey_sock *s)
{
	if (s)
		pfkey_sock_close(s);
	assert_int_equal(pthread_join(k->thread, NULL), 0);
	close(k->fd);
}

/* ---- some answers ---- */

static inline void echo(struct kernel *k, const struct pfkey_msg *asked)
{
	say(k, asked);
}

static inline void with_error(struct kernel *k, const struct pfkey_msg *asked, uint8_t err)
{
	struct pfkey_msg m = { .head = asked->head };

	m.head.sadb_msg_len = 2;
	m.head.sadb_msg_errno = err;
	say(k, &m);
}

static inline void nothing(struct kernel *k, const struct pfkey_msg *asked)
{
	(void)k;
	(void)asked;
}

#endif
