/* SPDX-License-Identifier: MIT */
/*
 * Hosts with as many policies as a test wants, and a kernel that looks at selectors: which policy a packet is for,
 * which SA carries it, whether the other end lets it in. There is one world, w.
 */
#ifndef TESTS_UNIT_WORLD_SPD_H
#define TESTS_UNIT_WORLD_SPD_H

#include "keyd/ike/child_sa.h"
#include "keyd/ike/selector.h"
#include "tests/unit/world.h"

#define POLICIES_MAX 128

extern struct world w;
/* Of each host, in both directions, as setkey would load them. */
extern struct ipsec_policy policies[WORLD_HOSTS][2 * POLICIES_MAX];
extern unsigned npolicies[WORLD_HOSTS];
extern unsigned acquires;	/* since the world began */

/* The world anew, with hosts that have no policies but those that follow. */
void begin(uint64_t seed);
/* Ends are written "10.0.0.0/24[80]": address, prefix length, and a port if it is not any. */
struct ipsec_selector selector(const char *src, const char *dst, uint8_t proto);
struct ipsec_selector tcp(const char *src, const char *dst);
struct ipsec_policy *load(unsigned host, uint8_t dir, const struct ipsec_selector *sel, bool tunnel);
/* A tunnel's policies, out and back. */
void policy(unsigned host, const char *src, const char *dst, uint8_t proto);

/* As the kernel sees it; NULL: none. */
const struct ipsec_policy *policy_for(unsigned host, const struct ipsec_selector *flow);
struct world_sa *sender(unsigned host, const struct ipsec_selector *flow);
/* The selector of that SA, or "nothing". */
const char *sent_by(unsigned host, const struct ipsec_selector *flow);
struct child_sa *child_sending(unsigned host, const struct ipsec_selector *flow);
/* There is an SA for it, and its other half at the other host lets it in. */
bool arrives(unsigned host, const struct ipsec_selector *flow);
/* A packet: sent, held, or the cause of an ACQUIRE; while one is unanswered, there is no other. */
void packet(unsigned host, const struct ipsec_selector *flow);
/* Packets every 10 ms, until one arrives. */
bool gets_through(unsigned host, const struct ipsec_selector *flow, unsigned ms);

#endif
