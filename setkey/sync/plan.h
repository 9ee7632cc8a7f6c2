/* SPDX-License-Identifier: MIT */
/* The difference between what a script wants and what the kernel has, and the order in which it is made up for. */
#ifndef SETKEY_SYNC_PLAN_H
#define SETKEY_SYNC_PLAN_H

#include "setkey/sync/model.h"

enum sync_op {
	SYNC_ADD,
	SYNC_UPDATE,
	SYNC_REPLACE,		/* of an SA: what no update can change, so it goes and comes again under its SPI */
	SYNC_DELETE,
};

struct sync_change {
	const struct sync_wish *wish;	/* NULL: the script does not name it */
	const void *old;		/* packed: what the kernel has. NULL: nothing, or (with an index) what is wanted */
	unsigned int diff;		/* SYNC_DIFF_* */
	uint8_t op;			/* enum sync_op */
	bool policy;
	bool in_use;			/* SAs: packets went through it */
	bool again;			/* policies: made anew, see order.h */
	uint32_t priority, index, age;	/* of the policy that the kernel has */
};

/* In the order in which they are carried out. */
enum sync_phase {
	SYNC_PHASE_SA_NEW,		/* SAs: additions and updates */
	SYNC_PHASE_POLICY_NEW,
	SYNC_PHASE_SA_REPLACE,
	SYNC_PHASE_POLICY_OLD,
	SYNC_PHASE_POLICY_AGAIN,
	SYNC_PHASE_BRIDGE_OLD,
	SYNC_PHASE_SA_OLD,
	SYNC_PHASES
};

enum sync_value { SYNC_VALUE_NEW, SYNC_VALUE_OLD, SYNC_VALUE_BRIDGE_0, SYNC_VALUE_BRIDGE_1 };

/* One request to the kernel. */
struct sync_deed {
	uint8_t phase;			/* enum sync_phase */
	uint8_t type;			/* enum ipsec_op_type */
	uint8_t value;			/* enum sync_value: what it adds, or what it deletes */
	bool done;			/* by us, and not taken back */
	uint32_t change;		/* its index in the plan */
	uint64_t rank_high, rank_low;	/* within the phase, ascending */
};

/* Zero-initialise it; release with sync_plan_clear. */
struct sync_plan {
	struct sync_change *changes;
	size_t n, size;
	struct sync_deed *deeds;
	size_t ndeeds, deeds_size;
	size_t added, changed, deleted, kept;
	bool keys_hidden;		/* the kernel may not show keys, and has not shown one */
	bool keys_trusted;		/* therefore some were taken as equal */
	struct arena arena;
};

/* Compares; the kernel is only asked. 0, or -errno (and told, if it belongs to a statement). */
int sync_plan_make(struct sync_plan *plan, struct sync_model *m, struct apply *ap);
void sync_plan_clear(struct sync_plan *plan);
/* A new one, zeroed; NULL without memory. Moves the others. */
struct sync_change *sync_plan_change(struct sync_plan *plan);
struct sync_deed *sync_plan_deed(struct sync_plan *plan);

/* The values on both sides of a change; what is old may be asked for only when there is something. */
int sync_change_new_sa(const struct sync_change *c, struct ipsec_sa *sa);
int sync_change_new_policy(const struct sync_change *c, struct ipsec_policy *pol);
void sync_change_old_sa(const struct sync_change *c, struct ipsec_sa *sa);
int sync_change_old_policy(const struct sync_change *c, struct ipsec_policy *pol);

#endif
