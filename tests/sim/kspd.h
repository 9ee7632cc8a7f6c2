/* SPDX-License-Identifier: MIT */
/* A model of Linux' SPD and of what becomes of packets: policies, queues of those that wait, the check at the end. */
#ifndef TESTS_SIM_KSPD_H
#define TESTS_SIM_KSPD_H

#include "keyd/kern/request.h"
#include "tests/sim/nat.h"

#define KSPD_POLICIES_MAX 48
#define KSPD_QUEUE 101		/* packets that wait for one policy */

struct host;
struct key;

struct packet {
	uint32_t id;
	uint16_t flow;
	uint64_t sent_at;
};

struct kpol {
	struct ipsec_policy pol;
	struct packet queue[KSPD_QUEUE];
	unsigned nqueue;
	uint64_t timeout, timer_at, timer;	/* of the queue: µs, when, which */
};

struct kspd {
	struct kpol *pol[KSPD_POLICIES_MAX];
	unsigned n;
	uint64_t timers;
	uint32_t last_index;
};

/* A packet in ESP, on its way. */
struct esp {
	uint32_t spi;
	const struct key *key;
	uint64_t seq;
	struct packet packet;
	bool doubled;		/* by the network */
};

/* Takes the place of one with the same selector and direction, and its queue. */
void kspd_add(struct host *h, const struct ipsec_policy *pol);
void kspd_remove(struct host *h, uint32_t reqid);
/* By hand: the one with the same selector and direction. 0 or -ENOENT. */
int kspd_delete(struct host *h, const struct ipsec_policy *pol);
/* All go, with what waits; lost: that is a loss. */
void kspd_clear(struct host *h);
/* A packet of the machine's own. */
void kspd_send(struct host *h, struct packet p);
/* ESP has come in over this path. */
void kspd_receive(struct host *h, const struct esp *esp, const struct outer *path);
/* The SA that such a packet would take now; NULL: none. */
struct ksa *kspd_sender(struct host *h, const struct ipsec_selector *flow);

#endif
