/* SPDX-License-Identifier: MIT */
/* What a daemon asks of its kernel: carried out a little later, one after the other, and answered. */
#ifndef TESTS_SIM_KERNEL_H
#define TESTS_SIM_KERNEL_H

#include "keyd/kern/request.h"

struct host;

void kernel_ask(struct host *h, const struct kern_request *rq);

#endif
