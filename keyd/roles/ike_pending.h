/* SPDX-License-Identifier: MIT */
/* Which requests to another role wait for their answer, so that its death answers them too. */
#ifndef KEYD_ROLES_IKE_PENDING_H
#define KEYD_ROLES_IKE_PENDING_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise; release with pending_free. */
struct pending {
	uint32_t *ids;
	unsigned int n, room;
};

/* Without memory the id is forgotten: its answer is then refused, which ends the channel and fails all that wait. */
void pending_add(struct pending *p, uint32_t id);
/* An answer came. false: nobody waits for it. */
bool pending_done(struct pending *p, uint32_t id);
/* Takes any one out. false: there is none. */
bool pending_take(struct pending *p, uint32_t *id);
void pending_free(struct pending *p);

#endif
