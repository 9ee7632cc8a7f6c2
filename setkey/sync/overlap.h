/* SPDX-License-Identifier: MIT */
/* Whether the order of policies of one priority matters, and is wrong. */
#ifndef SETKEY_SYNC_OVERLAP_H
#define SETKEY_SYNC_OVERLAP_H

#include "pfkey/ipsec.h"

/*
 * A policy among those of its priority. The kernel's order is known by two witnesses, and only what both say is certain:
 * the index, which grows with each policy made and survives an update, and the age, which an update makes new. Kernels
 * before 6.12 let a policy that is updated keep its place, later ones move it behind its equals.
 */
struct sync_place {
	struct ipsec_selector sel;
	struct ipsec_mark mark;
	uint64_t treatment;		/* a hash of what is done to packets */
	uint64_t index, age;
	bool rewritten;			/* will be updated in place */
	bool moved;			/* comes from another priority, behind all that is here */
	bool going;			/* what will be deleted or rewritten: comes after the others here, wherever it stands */
	uint32_t parent;		/* used by the search */
	bool meets;			/* found: a packet may match it and another one that stays */
	bool wrong;			/* found: it, or one that it has to do with, has to be put elsewhere */
};

uint64_t sync_treatment(const struct ipsec_policy *pol);
/*
 * Looks for pairs of the n places, which are in the order wanted, whose order certainly or possibly is another. Wrong are
 * then all that overlap with one of the two, and with these, and so on: nobody else can tell where they are. Where
 * finding out would take too long, all are: then the order is made right whether it was wrong or not. Fills in .meets
 * (of those moved, at least) and .wrong.
 */
void sync_places_check(struct sync_place *places, size_t n);

#endif
