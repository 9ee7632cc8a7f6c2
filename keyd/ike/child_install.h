/* SPDX-License-Identifier: MIT */
/* From what two sides have agreed on to SAs of the kernel; and which algorithms there are to agree on. */
#ifndef KEYD_IKE_CHILD_INSTALL_H
#define KEYD_IKE_CHILD_INSTALL_H

#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"

/*
 * Puts x->child into the kernel, inbound first; as initiator outbound too. done is called when the kernel has answered:
 * error 0, then x->child is NULL and *child lives in its SA; else the child is gone and the reason logged.
 */
void child_install(struct exchange *x, void (*done)(struct exchange *x, struct child_sa *child));

/*
 * The ESP proposals of a peer; where there may be a key exchange and they name no group, with those of its IKE
 * proposals.
 */
void child_proposals(const struct conf_peer *conf, enum proposal_ke ke, struct conf_proposals *out);

#endif
