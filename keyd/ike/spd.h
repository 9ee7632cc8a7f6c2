/* SPDX-License-Identifier: MIT */
/* A mirror of the kernel's outbound policies: what a responder may agree to, and what "keydctl up" brings up. */
#ifndef KEYD_IKE_SPD_H
#define KEYD_IKE_SPD_H

#include "keyd/util/list.h"
#include "keyd/wire/ts.h"
#include "pfkey/ipsec.h"

#define SPD_POLICIES_MAX 200000

struct spd_policy {
	struct list link;
	struct ipsec_policy pol;
};

struct spd {
	struct list policies;		/* of struct spd_policy, in no order */
	unsigned n;
};

void spd_init(struct spd *s);
void spd_free(struct spd *s);
/* Keeps outbound policies that ask for IPsec and forgets what they replace; others are ignored. */
void spd_put(struct spd *s, const struct ipsec_policy *pol);
/* By index, or by selector where the index is 0. */
void spd_remove(struct spd *s, const struct ipsec_policy *key);

/* The ends of the SA that a policy's first template asks for; transport: taken from the selector, may be prefixes. */
bool spd_policy_joins(const struct ipsec_policy *pol, const struct ipsec_addr *local, const struct ipsec_addr *remote);

/*
 * The policy for a child that a peer proposes: joins local and remote, has the wanted mode (transport is possible, not
 * demanded, when transport is set) and shares traffic with both lists. Best is the largest share, then the policy the
 * kernel would prefer. NULL: none; *why then says the nearest reason.
 */
const struct ipsec_policy *spd_match(const struct spd *s, const struct ipsec_addr *local,
				     const struct ipsec_addr *remote, const struct wire_ts_list *ts_local,
				     const struct wire_ts_list *ts_remote, bool transport, const char **why);

#endif
