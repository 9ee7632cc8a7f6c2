/* SPDX-License-Identifier: MIT */
/* Keepalives for the NAT that we are behind (RFC 3948 2.3, 4): it forgets whom it does not hear for a while. */
#ifndef KEYD_IKE_KEEPALIVE_H
#define KEYD_IKE_KEEPALIVE_H

#include "keyd/ike/ike_sa.h"

/* From now on, if we are behind a NAT: never longer silent than the setting "keepalive" says. */
void keepalive_start(struct ike_sa *sa);
void keepalive_stop(struct ike_sa *sa);

#endif
