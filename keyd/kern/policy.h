/* SPDX-License-Identifier: MIT */
/* The policies that keyd itself makes: told from others by priority and reqid, and the only ones that it changes. */
#ifndef KEYD_KERN_POLICY_H
#define KEYD_KERN_POLICY_H

#include "keyd/kern/request.h"

#include <stddef.h>

struct ipsec;

/* The policy for selector i of t in one direction (enum ipsec_dir). */
void policy_of_traffic(const struct kern_traffic *t, unsigned int i, uint8_t dir, struct ipsec_policy *out);

/* The policy that drops what no other is for: src of sel is our side. */
void policy_of_guard(const struct ipsec_selector *sel, uint8_t dir, struct ipsec_policy *out);

/* Each: 0, or -errno; -EEXIST and a sentence in why[n] where somebody else has a policy for the same. */
int policy_traffic_set(struct ipsec *ip, const struct kern_traffic *t, char *why, size_t n);
int policy_traffic_clear(struct ipsec *ip, const struct kern_traffic *t);
int policy_guard_set(struct ipsec *ip, const struct ipsec_selector *sel, char *why, size_t n);
int policy_guard_clear(struct ipsec *ip, const struct ipsec_selector *sel);

#endif
