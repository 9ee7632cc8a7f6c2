/* SPDX-License-Identifier: MIT */
/* Between the files of Child SAs (child_*.c): what nobody else calls. */
#ifndef KEYD_IKE_CHILD_INSIDE_H
#define KEYD_IKE_CHILD_INSIDE_H

#include "keyd/ike/child_sa.h"

/* A child that is not ready yet for what is to be done with it is looked at again after this. */
#define CHILD_LOOK_AGAIN MILLISECONDS(500)

/* The one place that changes a child's state. */
void child_set_state(struct child_sa *c, enum child_state to);
/* It is found by its policy, by its outbound SPI, as they are now. */
void child_index_policy(struct child_sa *c);
void child_index_out(struct child_sa *c);
void child_forget_keys(struct child_sa *c);

/* The rekey begins at that time. */
void child_rekey_at(struct child_sa *c, uint64_t at);
/* Before c ends: if it never came to send, its predecessor is left to be replaced by another. */
void child_give_back(struct child_sa *c);
/* c sends no more (the kernel takes the newest), and waits for its DELETE. */
void child_retire(struct child_sa *c);

#endif
