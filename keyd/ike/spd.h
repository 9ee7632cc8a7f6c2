/* SPDX-License-Identifier: MIT */
/* A mirror of the kernel's policies: what a responder may agree to, what "keydctl up" brings up, which reqid fits. */
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
	struct list policies;		/* outbound ones; of struct spd_policy, in no order */
	struct list inbound;
	unsigned n;
};

void spd_init(struct spd *s);
void spd_free(struct spd *s);
/* Keeps policies of either direction that ask for IPsec and forgets what they replace; others are ignored. */
void spd_put(struct spd *s, const struct ipsec_policy *pol);
/* By index, or by selector where the index is 0. */
void spd_remove(struct spd *s, const struct ipsec_policy *key);

/* The reqid that the inbound SA must have for pol's traffic coming back: that of the policy in the other direction. */
uint32_t spd_inbound_reqid(const struct spd *s, const struct ipsec_policy *pol);

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
