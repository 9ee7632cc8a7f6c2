/* SPDX-License-Identifier: MIT */
/* Kinds of trouble: each makes a plan of a seed. */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include "tests/sim/plan.h"

struct scenario {
	const char *name, *what;
	void (*plan)(struct plan *p, struct rng *r);
	bool alone;		/* only when it is asked for by name */
};

extern const struct scenario scenarios[];
extern const unsigned nscenarios;

/* NULL: no such name. */
const struct scenario *scenario_by_name(const char *name);
/* The one whose turn it is when all take turns. */
const struct scenario *scenario_for(uint64_t seed);
void scenario_plan(const struct scenario *s, uint64_t seed, struct plan *p);

#endif
