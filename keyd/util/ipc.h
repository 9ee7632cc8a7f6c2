/* SPDX-License-Identifier: MIT */
/*
 * Messages between the processes of keyd: a typed header, a bounded body and perhaps one descriptor, over a
 * SOCK_SEQPACKET pair. The receiver has a const table of what it takes; anything else ends the channel. Sending never
 * blocks: what the kernel does not take waits in a bounded queue, and a full queue ends the channel. Nothing is ever
 * lost in silence.
 */
#ifndef KEYD_UTIL_IPC_H
#define KEYD_UTIL_IPC_H

#include "keyd/util/loop.h"
#include "keyd/util/rd.h"

#include <stdbool.h>

#define IPC_VERSION 1
#define IPC_BODY_MAX (128u << 10)	/* bytes */
#define IPC_QUEUE_MAX (64u << 20)	/* bytes that wait in one channel */
#define IPC_PARTS_MAX 8

struct ipc_hdr {
	uint16_t type;
	uint16_t version;		/* IPC_VERSION: both ends are the same binary */
	uint32_t len;			/* of the body, bytes */
	uint32_t id;			/* what the type says; answers repeat it */
};

struct ipc;

/* body lives until the handler returns, and is cleansed then. fd is -1, or the handler's to take (then set it to -1). */
struct ipc_msg {
	uint16_t type;
	uint32_t id;
	struct view body;
	int fd;
};

/* 0, or -1: the message makes no sense, which ends the channel. */
typedef int ipc_fn(struct ipc *ch, struct ipc_msg *m, void *arg);

/* One row of what a receiver permits. */
struct ipc_rule {
	uint16_t type;
	bool fd;			/* a descriptor comes with it; otherwise none may */
	uint32_t min, max;		/* length of the body, bytes */
	ipc_fn *fn;
};
/* Rows for a message whose body is a struct body, and nothing else; for one without a body. */
#define IPC_EXACT(type, body, fn) { type, false, sizeof(struct body), sizeof(struct body), fn }
#define IPC_EMPTY(type, fn) { type, false, 0, 0, fn }

/* Ends with a row whose fn is NULL. */
struct ipc_table {
	const char *peer;		/* for the log: who is at the other end */
	const struct ipc_rule *rules;
};

enum ipc_end {
	IPC_END_PEER,			/* the other end is gone */
	IPC_END_BROKEN,			/* it broke a rule (logged) */
	IPC_END_FULL,			/* it does not read (logged) */
	IPC_END_ERROR,			/* the system said no (logged) */
};

/* The channel is dead and only waits for ipc_close. Comes from the loop, never from inside another ipc_ call. */
typedef void ipc_end_fn(struct ipc *ch, enum ipc_end why, void *arg);

/* Two ends, non-blocking and close-on-exec. 0 or -errno. */
int ipc_pair(int fds[2]);

/*
 * Takes over fd. table and what it points to must live as long. ended may be NULL. NULL without memory (fd is closed).
 */
struct ipc *ipc_open(struct loop *l, int fd, const struct ipc_table *table, ipc_end_fn *ended, void *arg);
/* Closes and forgets what still waits (cleansed). May be called from any handler, its own included. NULL is allowed. */
void ipc_close(struct ipc *ch);
/* Nothing more is sent or received. */
bool ipc_is_dead(const struct ipc *ch);

/*
 * Sends a copy, parts one after the other; fd (-1: none) is duplicated. 0, or -1: longer than IPC_BODY_MAX (only this
 * message is refused), or the channel is dead by now. ch may be NULL: -1.
 */
int ipc_send(struct ipc *ch, uint16_t type, uint32_t id, const void *body, size_t n);
int ipc_sendv(struct ipc *ch, uint16_t type, uint32_t id, const struct view *parts, unsigned int nparts, int fd);

/* Bytes that wait to be sent. */
size_t ipc_queued(const struct ipc *ch);
/*
 * For somebody who has a great deal to say: blocks until no more than below bytes wait. 0, or -1: the other end did not
 * read for timeout_ms, or is gone.
 */
int ipc_drain(struct ipc *ch, size_t below, int timeout_ms);

#endif
