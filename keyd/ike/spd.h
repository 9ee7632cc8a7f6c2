/* SPDX-License-Identifier: MIT */
/* A mirror of the kernel's policies: what a responder may agree to, what "keydctl up" brings up, which reqid fits. */
#ifndef KEYD_IKE_SPD_H
#define KEYD_IKE_SPD_H

#include "keyd/ike/selector.h"
#include "keyd/util/list.h"
#include "keyd/util/table.h"

#define SPD_POLICIES_MAX 200000
#define SPD_SHAPES_MAX 64

struct spd_policy {
	struct list link;
	struct table_node by_index, by_sel;
	uint64_t order;			/* rises: of two of one priority the kernel takes the older */
	struct ipsec_policy pol;
};

/* Which prefix lengths and ends outbound policies have: with few of them, a lookup is that many hashes. */
struct spd_shape {
	uint16_t family;		/* of the selector */
	uint8_t src_len, dst_len;
	bool src_end, dst_end;		/* the tunnel's end is a certain one */
	unsigned n;			/* policies */
};

struct spd {
	struct list policies;		/* outbound ones; of struct spd_policy, in the order of coming */
	struct list inbound;
	struct table by_index, by_sel;
	unsigned n;
	uint64_t order;
	struct spd_shape shapes[SPD_SHAPES_MAX];
	unsigned nshapes;
	bool shapeless;			/* there are more: only walking helps */
};

/* 0, or -1 without memory. */
int spd_init(struct spd *s);
/* Forgets all policies. */
void spd_clear(struct spd *s);
void spd_free(struct spd *s);
/* Keeps policies of either direction that ask for IPsec and forgets what they replace; others are ignored. */
void spd_put(struct spd *s, const struct ipsec_policy *pol);
/* By index, or by selector where the index is 0. */
void spd_remove(struct spd *s, const struct ipsec_policy *key);
/* The policy that is like this one, by index or by selector; NULL: not there any more. */
const struct ipsec_policy *spd_find(const struct spd *s, const struct ipsec_policy *key);

/* The policy of the other direction for the traffic that comes back, or NULL. */
const struct ipsec_policy *spd_inbound(const struct spd *s, const struct ipsec_policy *pol);
/* The reqid that the inbound SA must have for pol's traffic coming back: that of the policy in the other direction. */
uint32_t spd_inbound_reqid(const struct spd *s, const struct ipsec_policy *pol);

/* What keyd can negotiate: ESP alone, in transport or tunnel mode. NULL, or a sentence that says what is in the way. */
const char *spd_policy_unfit(const struct ipsec_policy *pol);
/* The ends of the SA that a policy's first template asks for; transport: taken from the selector, may be prefixes. */
bool spd_policy_joins(const struct ipsec_policy *pol, const struct ipsec_addr *local, const struct ipsec_addr *remote);

/* A child that a peer proposes, or that we do, between two addresses. */
struct spd_query {
	const struct ipsec_addr *local, *remote;
	const struct wire_ts_list *ts_local, *ts_remote;
	bool transport;			/* transport mode is possible; not demanded */
};

/*
 * What pol lets through between local and remote, as the traffic selector of one side. In transport mode it is the one
 * address, and of ICMP the remote side has the type that the inbound policy has (RFC 4301 4.4.1.1).
 */
void spd_policy_ts(const struct spd *s, const struct ipsec_policy *pol, const struct spd_query *q,
		   enum selector_side side, struct wire_ts *ts);
/*
 * The policy for a child that a peer proposes: joins both ends, can have the mode, and shares traffic with both lists.
 * One that covers the first selector of each list is best, and of several that which the kernel takes (RFC 7296 2.9);
 * else the one with the largest share. NULL: none; *why then says the nearest reason.
 */
const struct ipsec_policy *spd_match(const struct spd *s, const struct spd_query *q, const char **why);
/* Would another policy than pol let through something of q that is not in local and remote (ADDITIONAL_TS_POSSIBLE)? */
bool spd_has_more(const struct spd *s, const struct spd_query *q, const struct ipsec_policy *pol,
		  const struct wire_ts_list *local, const struct wire_ts_list *remote);

#endif
