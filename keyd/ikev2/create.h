/* SPDX-License-Identifier: MIT */
/* What the two sides of CREATE_CHILD_SA for children know of each other: exchanges that cross (RFC 7296 2.8.1). */
#ifndef KEYD_IKEV2_CREATE_H
#define KEYD_IKEV2_CREATE_H

#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"

/* The child that x is to replace; NULL: none, or it is gone. */
struct child_sa *create_old(const struct exchange *x);
/* What the peer made, when its exchange crossed ours, as long as that is there. */
struct child_sa *create_rival(const struct exchange *x);
/* Ours for the same child, or for a new one with the same policy, which the request x crosses. */
struct exchange *create_crossed_by(const struct exchange *x);
/* A request that may have crossed ours has been answered, with a child or without. */
void create_rival_answered(struct ike_sa *sa, bool made);
/* Two new children, not replacements, are one too many only if they carry the same traffic. */
bool create_same_traffic(const struct child_sa *a, const struct child_sa *b);

#endif
