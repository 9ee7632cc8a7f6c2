/* SPDX-License-Identifier: MIT */
/*
 * What will be done to which hosts over what network, decided before a run begins: from the seed, by a scenario. The
 * shrinker takes pieces out of a plan; the run itself draws nothing that changes it.
 */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include "tests/sim/bugs.h"
#include "tests/sim/rng.h"

#include <stdio.h>

#define PLAN_HOSTS_MAX 5
#define PLAN_OPS_MAX 64
#define PLAN_POLICIES_MAX 3

struct scenario;

enum op_kind {
	OP_REKEY_CHILD, OP_REKEY_IKE, OP_REAUTH, OP_DELETE_CHILD, OP_DOWN,
	OP_FLUSH,		/* by hand: setkey -F */
	OP_STEAL,		/* somebody deletes the outbound SA, by hand */
	OP_RESTART,		/* the daemon ends, and another begins arg µs later; the kernel keeps its SAs */
	OP_KILL,		/* the daemon is killed within one of its next calls, and another goes on where it was, arg µs later */
	OP_REBOOT,		/* the machine is away for arg µs, and forgets everything */
	OP_PARTITION,		/* the host's network is away for arg µs */
	OP_NAT_FORGET, OP_NAT_MOVE,
	OP_CLOCK,		/* somebody sets the clock, by arg seconds (signed) */
	OP_FLOOD,		/* arg first requests from strangers */
	OP_RELOAD,		/* the settings are loaded again */
	OP_KINDS
};

struct op {
	uint64_t at;		/* µs after the tunnels are up */
	uint8_t kind, host;
	uint64_t arg;
};

struct plan_host {
	uint64_t delay, jitter;		/* µs, of its line, each way; jitter is that of IKE, */
	uint64_t esp_jitter;		/* and this that of ESP */
	unsigned loss, esp_loss, dup;	/* per cent */
	size_t mtu;			/* longer IKE datagrams vanish; 0: none do */
	bool nat;
	uint64_t nat_patience;		/* of silence that its mappings survive, µs; 0: any */
	int drift;			/* of its clock, millionths */
	uint64_t kernel_delay;		/* µs until a request reaches the kernel, and an answer the daemon, at most */
	uint64_t auth_delay;		/* µs that a proof takes */
};

struct plan {
	const struct scenario *scenario;
	uint64_t seed;
	unsigned nhosts;		/* the first talks with each of the others */
	unsigned npolicies;		/* of each pair */
	bool tunnel;
	bool own;			/* the daemons write the policies (traffic in keyd.conf) */
	bool pfs;
	bool ikev1;
	unsigned ike_lifetime, child_lifetime, reauth_lifetime;	/* s; 0: far away */
	uint64_t child_packets;		/* 0: no limit */
	unsigned linger, dpd, tries;
	struct plan_host host[PLAN_HOSTS_MAX];
	uint64_t packet_every;		/* µs between packets of a flow */
	uint64_t active;		/* µs after the tunnels are up until the network is well, and stays so */
	struct op op[PLAN_OPS_MAX];
	unsigned nops;
	enum bug bug;
};

const char *op_name(enum op_kind kind);
/* After it, packets may have to wait for an SA, so that a queue may overflow: what is an end and no renewal. */
bool op_ends(enum op_kind kind);
/* Is there such an op in the plan? */
bool plan_ends(const struct plan *p);
bool plan_has(const struct plan *p, enum op_kind kind);
/* SAs are renewed all the time. */
bool plan_renews(const struct plan *p);
/* IKE datagrams may be lost. */
bool plan_lossy(const struct plan *p);

/* A quiet plan of two hosts, from a seed. Scenarios change it. */
void plan_begin(struct plan *p, const struct scenario *s, uint64_t seed, struct rng *r);
/* In the order of time from now on. */
void plan_op(struct plan *p, uint64_t at, enum op_kind kind, unsigned host, uint64_t arg);
void plan_print(const struct plan *p, FILE *out);

#endif
