/* SPDX-License-Identifier: MIT */
/*
 * In which order the SPD is changed so that each packet is treated, at every moment, either as before or as in the end.
 * docs/sync.md has the proof; in short:
 *
 * Of the policies that match a packet the one with the smallest priority decides, and among equals the one that was there
 * first. New policies are put in from the one that decides first to the one that decides last, then old ones are taken
 * out the other way round. A policy whose value changes in place is one step; if its priority becomes worse, that step
 * belongs to the taking out.
 *
 * The order of equals is the script's. Where the kernel's is another, and it matters (they overlap, and treat packets
 * differently), these and all that overlap with them are made again: first each is put in once more as two halves, told
 * apart by a bit of the mark, behind the old ones; then the old ones go; then the policies come again, and the halves go.
 */
#ifndef SETKEY_SYNC_ORDER_H
#define SETKEY_SYNC_ORDER_H

#include "setkey/sync/plan.h"

/* Makes the plan's deeds; may add changes of order. 0, or -ENOMEM. */
int sync_order(struct sync_plan *plan, const struct sync_model *m);

/* One half (0, 1) of a policy, for which some bit of its mark must be free: 0 or -EOPNOTSUPP. */
int sync_bridge(struct ipsec_policy *pol, unsigned int half);

#endif
