/* SPDX-License-Identifier: MIT */
/* The UDP sockets of the ike role: which address a datagram came to, and from which address one leaves. */
#ifndef KEYD_ROLES_UDP_H
#define KEYD_ROLES_UDP_H

#include "keyd/ike/engine.h"
#include "keyd/roles/message.h"
#include "keyd/util/loop.h"

struct udp;

typedef void udp_fn(void *arg, const struct engine_datagram *d);

typedef void udp_unreachable_fn(void *arg, const struct engine_unreachable *un);

/*
 * NULL without memory. fn gets each datagram that comes; unreachable what came back by ICMP, also from inside udp_send:
 * it must not call the engine then.
 */
struct udp *udp_new(struct loop *l, udp_fn *fn, udp_unreachable_fn *unreachable, void *arg);
void udp_free(struct udp *u);
/* Takes over fd, bound as where says. 0, or -1 (closed; too many or no memory). */
int udp_add(struct udp *u, int fd, const struct message_socket *where);
void udp_clear(struct udp *u);
/* Paused, what comes waits in the sockets. At first it is not. */
void udp_pause(struct udp *u, bool pause);
/* Sends from d->local (AF_UNSPEC: the kernel chooses). What the network refuses is logged, not too often, and lost. */
void udp_send(struct udp *u, const struct engine_datagram *d);

#endif
