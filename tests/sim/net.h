/* SPDX-License-Identifier: MIT */
/* The network between hosts: delay, jitter, loss, doubles, a largest datagram, cuts, NATs. */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include "tests/sim/kspd.h"

struct engine_datagram;

/* What others send to. */
const struct ipsec_addr *net_address(const struct host *h);
void net_ike(struct host *from, const struct engine_datagram *d);
void net_esp(struct host *from, const struct esp *esp, const struct outer *path);
/* n first requests from strangers come in. */
void net_flood(struct host *to, unsigned n);

#endif
