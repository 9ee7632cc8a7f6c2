/* SPDX-License-Identifier: MIT */
/* NATs in a world: a port of their own for each that leaves, forgotten after silence, changed whenever a test wants it. */
#ifndef TESTS_UNIT_WORLD_NAT_H
#define TESTS_UNIT_WORLD_NAT_H

#include "tests/unit/world.h"

#define WORLD_NAT_MAPPINGS 64

struct world_mapping {
	struct ipsec_addr outside;
	uint16_t inner, outer;
	uint64_t used_at;
	bool stale;			/* still leads in, but nothing leaves by it any more */
};

/* What a host is behind, if it is: one for each. */
struct world_nat {
	bool there;
	bool forwards;			/* what comes to 500 and 4500 leads in, whoever sends it */
	bool sees_esp;			/* bare ESP passes, too */
	struct ipsec_addr outside;
	uint64_t patience;		/* of silence that a mapping survives; 0: any */
	struct world_mapping map[WORLD_NAT_MAPPINGS];
	unsigned n;
	uint16_t next;
	unsigned dropped;		/* that no mapping led in */
};

extern struct world_nat world_nat[WORLD_HOSTS];

enum { ALICE = 1 << 0, BOB = 1 << 1 };
/* A world where the hosts in behind have NATs, 203.0.113.1 and .2; policies name what the other end sees. Bob's forwards. */
void world_nat_init(struct world *w, uint64_t seed, bool tunnel, unsigned behind);
/* Everything that was mapped is forgotten: what leaves next has other ports. keep: the old ones still lead in. */
void world_nat_remap(unsigned host, bool keep);
/* The same with another outside address. */
void world_nat_move(unsigned host, const char *outside, bool keep);

#endif
