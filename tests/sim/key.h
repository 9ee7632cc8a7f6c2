/* SPDX-License-Identifier: MIT */
/* Every key that there ever was in a run, and the sequence numbers under it. */
#ifndef TESTS_SIM_KEY_H
#define TESTS_SIM_KEY_H

#include "pfkey/ipsec.h"

struct sim;
struct host;
struct key;

/* A key that the kernel is given: it must be new, but for the other half of its SA. */
struct key *key_added(struct sim *w, const struct host *h, const struct ipsec_sa *sa, bool outbound);
/* Its inbound SA went with all others, by hand: it may be made once more. */
void key_forgotten(struct key *k);
/* The number of the SA that key_added was called for last. */
unsigned key_range(const struct key *k);
/* The next sequence number of that SA, and the last. */
uint64_t key_next(struct sim *w, const struct host *h, struct key *k, unsigned range);
uint64_t key_oseq(const struct key *k, unsigned range);
void keys_free(struct sim *w);

#endif
