/* SPDX-License-Identifier: MIT */
/* Whether /etc/resolv.conf or /etc/hosts has changed, for who has read it and has no files any more. */
#ifndef KEYD_FETCH_FOLLOW_H
#define KEYD_FETCH_FOLLOW_H

#include "keyd/util/loop.h"

struct follow;

/* While there are files. changed is called from the loop, perhaps several times for one change. NULL: that cannot be (told). */
struct follow *follow_new(struct loop *l, loop_fn *changed, void *arg);
/* NULL is allowed. */
void follow_free(struct follow *f);

#endif
