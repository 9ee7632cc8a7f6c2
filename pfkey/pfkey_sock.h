/* SPDX-License-Identifier: MIT */
/*
 * A PF_KEY socket: one request and its answer, one dump, or what the kernel tells by itself. Knows nothing of SAs.
 *
 * The kernel sends most answers to every PF_KEY socket there is, so an answer is known by its type, its sequence number, our
 * process's number and its SPI; and it drops messages in silence when the receive buffer is full, so that is looked for.
 */
#ifndef PFKEY_PFKEY_SOCK_H
#define PFKEY_PFKEY_SOCK_H

#include "pfkey/pfkey.h"

#define PFKEY_SOCK_BUF 65536		/* the largest known, an ACQUIRE with all proposals, has 8 KB */

struct pfkey_sock {
	int fd;
	uint32_t seq;			/* of the last request */
	int timeout_ms;			/* how long an answer may take */
	uint8_t *buf;			/* for what arrives, PFKEY_SOCK_BUF bytes; the last message may hold keys */
	size_t n;			/* bytes of it that are used */
	bool full;			/* of events: the receive buffer has been full, some may be lost */
};

/* The answer, or one entry of a dump. Not 0: no more entries are wanted; it is what the request returns. */
typedef int pfkey_answer_fn(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg);

/* 0 or -errno of socket(). */
int pfkey_sock_open(struct pfkey_sock *s);
/* The same on a descriptor that is given away (tests: one end of a socketpair); closes it when it fails. */
int pfkey_sock_adopt(struct pfkey_sock *s, int fd);
/* The default is 10 s: the kernel's answer is there before send() returns, so that later means never. */
void pfkey_sock_set_timeout(struct pfkey_sock *s, int ms);
/* Safe on a zeroed struct with fd -1, and twice. */
void pfkey_sock_close(struct pfkey_sock *s);

/*
 * Sends m with a sequence number (or its own, where the kernel gives it a meaning) and our process's number, and reads until
 * the answer; fn (may be NULL) sees it. 0, fn's result, the kernel's -errno, -ENOBUFS: the answer was lost, -EBADMSG.
 */
int pfkey_sock_request(struct pfkey_sock *s, struct pfkey_msg *m, pfkey_answer_fn *fn, void *arg);
/*
 * The same for SADB_DUMP and SADB_X_SPDDUMP; fn sees each entry. Entries count 1, 2, 3 … and 0 is the last: a gap is
 * -ENOBUFS, and what has come is then not all. An empty database is 0. What fn refused is read to its end all the same.
 */
int pfkey_sock_dump(struct pfkey_sock *s, struct pfkey_msg *m, pfkey_answer_fn *fn, void *arg);

/* A large receive buffer, and SADB_REGISTER for ESP, AH and IPComp, with SADB_X_EXT_EXTENDED. 0 or -errno. */
int pfkey_sock_listen(struct pfkey_sock *s);
/*
 * Reads one message that is there. 1: it is in s->buf, s->n bytes; 2: it is, too, but some before the next may be lost; 0:
 * there is none; or -errno.
 */
int pfkey_sock_read(struct pfkey_sock *s);

#endif
