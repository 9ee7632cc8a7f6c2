/* SPDX-License-Identifier: MIT */
/*
 * The inbound SA of the first child before IKE_AUTH leaves. Its keys are known since IKE_SA_INIT (RFC 7296 2.17), and where a
 * new IKE SA takes over from an old one, so is what the peer will most likely choose: the same as before. Many a peer sends
 * on a child as soon as it has answered; we can receive by then.
 */
#ifndef KEYD_IKEV2_CHILD_EARLY_H
#define KEYD_IKEV2_CHILD_EARLY_H

#include "keyd/ike/exchange.h"

/* As initiator of IKE_AUTH: asks the kernel, and then is called. False: there is nothing to go by; then is not called. */
bool child_early(struct exchange *x, void (*then)(struct exchange *x));

#endif
