/* SPDX-License-Identifier: MIT */
/* Messages of wire.h for a process that has nothing else to do: it waits for each, up to a limit. */
#ifndef KEYD_CARD_WIRE_IO_H
#define KEYD_CARD_WIRE_IO_H

#include "keyd/util/ipc.h"
#include "keyd/util/rd.h"

#include <sys/uio.h>

#define CARD_WIRE_FOREVER INT64_MAX

/* Milliseconds of CLOCK_MONOTONIC: what deadlines are in. */
int64_t card_wire_clock(void);

/* 0, -EPIPE: the other end is gone, -ETIMEDOUT, or -errno. */
int card_wire_send(int fd, uint16_t type, uint32_t id, const struct view *parts, unsigned nparts, int64_t deadline) RD_MUST_CHECK;
/*
 * Waits for a message and looks at its header, without taking it. 0, -EPIPE: the other end is gone, -ETIMEDOUT, -EPROTO: it is
 * none of ours, or -errno.
 */
int card_wire_peek(int fd, struct ipc_hdr *h, int64_t deadline) RD_MUST_CHECK;
/*
 * The bytes of the message that was looked at, its header first, into parts; keep: it stays to be taken. 0, or -EPROTO:
 * fewer than there is room for. Descriptors in it are closed.
 */
int card_wire_take(int fd, struct iovec *parts, unsigned nparts, bool keep) RD_MUST_CHECK;

#endif
