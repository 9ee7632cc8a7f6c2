/* SPDX-License-Identifier: MIT */
/* One run: hosts, network, time, and what has been seen to go wrong. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "keyd/util/table.h"
#include "tests/sim/check.h"
#include "tests/sim/event.h"
#include "tests/sim/host.h"
#include "tests/sim/key.h"
#include "tests/sim/plan.h"

#define SIM_FLOWS_MAX (2 * (PLAN_HOSTS_MAX - 1) * PLAN_POLICIES_MAX)

/* Packets of one direction of one policy. */
struct flow {
	unsigned from, to;
	struct ipsec_selector sel;	/* the packet, as it is sent */
};

struct sim {
	const struct plan *plan;
	uint64_t now;			/* µs */
	struct events events;
	struct rng net, crypto, world;
	struct host host[PLAN_HOSTS_MAX];
	unsigned nhosts;
	struct flow flow[SIM_FLOWS_MAX];
	unsigned nflows;
	uint64_t steps_at, steps;	/* since then, so many steps were taken */
	bool over;			/* time stands still */
	uint32_t last_packet;
	uint64_t packet_every;		/* now; 0: there is no traffic */
	uint64_t probe_at;		/* when packets go next because SAs have changed */
	bool well;			/* the network loses nothing (any more) */
	bool up;			/* every tunnel has been up */
	uint64_t up_at, ended_at;	/* … since then; and when something last ended that lets packets wait */
	struct table keys;		/* every key there ever was, see key.c */
	struct verdict verdict;
	FILE *trace;			/* NULL: nobody reads */
};

/* Runs a plan to its end. trace may be NULL. */
void sim_run(const struct plan *p, FILE *trace, struct verdict *out);

/* One line of the trace; host NULL: the world. */
void sim_trace(struct sim *w, const struct host *h, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Some SA has come or gone: packets of all flows look at once, and a little later, what it is like. */
void sim_probe(struct sim *w);

/* Time passes until then. */
void sim_until(struct sim *w, uint64_t then);

#endif
