/* SPDX-License-Identifier: MIT */
/* Makes a run that fails shorter: ops and troubles are left out as long as it fails in the same way. */
#ifndef TESTS_SIM_SHRINK_H
#define TESTS_SIM_SHRINK_H

#include "tests/sim/check.h"
#include "tests/sim/plan.h"

/* What is left out of a plan. */
struct cut {
	uint64_t ops;			/* bit i: op i */
	uint32_t without;		/* bit i: trouble i */
};

/* "0,3": of these ops nothing is left out; NULL: of none. -1: no such list. */
int cut_only(struct cut *c, const char *list);
/* "loss,jitter". -1: one of them is not known. */
int cut_without(struct cut *c, const char *list);
void cut_print_names(FILE *out);
void cut_apply(const struct cut *c, struct plan *p);
/* As options of the command line. */
void cut_print(const struct cut *c, const struct plan *p, FILE *out);

/* c is what is left out already; returns how many runs it took. */
unsigned shrink(const struct plan *p, const struct verdict *failed, struct cut *c);

#endif
