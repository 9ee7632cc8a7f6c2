/* SPDX-License-Identifier: MIT */
/*
 * When SAs are renewed, and where the kernel stops using them. A soft limit begins a rekey. The hard one lies so far
 * behind it that a line of 10 Gbit/s, or one twice as fast as was measured, does not meet it while a peer that answers
 * at all takes its time.
 */
#ifndef KEYD_IKE_LIFETIME_H
#define KEYD_IKE_LIFETIME_H

#include "keyd/ike/child_sa.h"

/* The longest time, µs, from a soft limit until the end of a rekey that the peer answers at all. */
uint64_t lifetime_rekey_time(const struct ike_sa *sa);

/*
 * A soft limit, shortened at random by as much as the configuration lets it, in lifetime's unit. Who goes first is
 * shortened by more than the half of that and the other side by less, so that both seldom begin at once.
 */
uint64_t lifetime_soft(const struct conf_peer *conf, uint64_t lifetime, bool first);

/* When a child is rekeyed by time, µs after it came up: before the peer ends it, if that has said when it does. */
uint64_t lifetime_soft_child(const struct child_sa *c);

/*
 * The limits of one kind of volume. wanted: the configured soft limit, 0: none. cap: what no configuration exceeds, 0:
 * none. slack: what may pass during a rekey. The soft limit comes without jitter; both are 0 where there is none.
 */
void lifetime_limit(uint64_t wanted, uint64_t cap, uint64_t slack, uint64_t *soft, uint64_t *hard);

/* How many bytes a key of this algorithm may protect; 0: no limit that matters. */
uint64_t lifetime_cap_bytes(const struct crypto_alg *encr);

/* Chooses c->soft and c->hard, once. Its algorithms are known. */
void lifetime_choose(struct child_sa *c);

/* The kernel told what one of c's SAs has carried: c is rekeyed if that comes too near to the end at the rate it has. */
void lifetime_take_usage(struct child_sa *c, bool outbound, const struct ipsec_usage *usage);
/* The same for the SA whose soft limit is met. */
void lifetime_soft_met(struct child_sa *c, bool outbound, const struct ipsec_sa *sa);

#endif
