/* SPDX-License-Identifier: MIT */
/* A NAT before a host: a port of its own for each that leaves, forgotten after silence. */
#ifndef TESTS_SIM_NAT_H
#define TESTS_SIM_NAT_H

#include "pfkey/addr.h"

#define NAT_MAPPINGS 64

/* What an outer header says. Ports 0: ESP without UDP. */
struct outer {
	struct ipsec_addr src, dst;
	uint16_t sport, dport;
};

struct nat {
	bool there;
	struct ipsec_addr outside;
	uint64_t patience;		/* µs of silence that a mapping survives; 0: any */
	struct nat_mapping {
		uint16_t inner, outer;
		uint64_t used_at;
	} map[NAT_MAPPINGS];		/* the newest last */
	unsigned n;
	uint16_t next;			/* outer port */
};

/* Changes the path of what leaves; false: it is not let through. */
bool nat_leave(struct nat *nat, uint64_t now, struct outer *p);
/* The same of what comes to its outside, for the host with this address. */
bool nat_enter(struct nat *nat, uint64_t now, const struct ipsec_addr *inside, struct outer *p);
/* All mappings are forgotten. */
void nat_forget(struct nat *nat);

#endif
