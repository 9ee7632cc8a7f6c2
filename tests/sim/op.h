/* SPDX-License-Identifier: MIT */
/* What is done to hosts while a run is under way. */
#ifndef TESTS_SIM_OP_H
#define TESTS_SIM_OP_H

#include "tests/sim/plan.h"

struct sim;

void op_run(struct sim *w, const struct op *op);

#endif
