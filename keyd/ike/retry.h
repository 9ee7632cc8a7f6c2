/* SPDX-License-Identifier: MIT */
/*
 * Policies whose children failed, and when the next attempt may begin. What asks earlier waits: the kernel holds its
 * packets meanwhile, and raises no ACQUIRE for each of them.
 */
#ifndef KEYD_IKE_RETRY_H
#define KEYD_IKE_RETRY_H

#include "keyd/ike/child_sa.h"

#define RETRIES_MAX 4096
/* From one attempt to the next, doubled with each failure; less than net.core.xfrm_acq_expires (30 s) at the most. */
#define RETRY_PAUSE_MIN SECONDS(2)
#define RETRY_PAUSE_MAX SECONDS(6)

/* A child of ours did not come up. */
void retry_failed(const struct child_sa *c);
/*
 * It came up, somebody insists, or the policy is gone: nothing is waited for any more. remote NULL: whatever the ends
 * are.
 */
void retry_forget(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		  const struct ipsec_addr *remote);
/* True: it is too early, and acquire will be dealt with in time. */
bool retry_waits(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
		 const struct ipsec_addr *remote, const struct ipsec_event *acquire);
/* The configuration is another one, so what failed may work now: whatever waits is dealt with at once. */
void retries_hurry(struct engine *e);
void retries_free(struct engine *e);

#endif
