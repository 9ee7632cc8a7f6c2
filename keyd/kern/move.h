/* SPDX-License-Identifier: MIT */
/* Moving an SA in the kernel: KERN_SA_MOVE. */
#ifndef KEYD_KERN_MOVE_H
#define KEYD_KERN_MOVE_H

#include "keyd/kern/request.h"

#include <stddef.h>

struct ipsec;

/*
 * Where only ports change, the SA is changed in place: its next packet has them. Where its destination does, a copy is
 * added that sends from now on, further along in its sequence numbers; the caller deletes the other when it has drained.
 * 0 or -errno; why[n] is written where ipsec_error() does not know.
 */
int move_sa(struct ipsec *ip, const struct kern_request *rq, char *why, size_t n);

#endif
