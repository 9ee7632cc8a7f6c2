/* SPDX-License-Identifier: MIT */
/* Answers requests for proofs out of the secrets; what it gives away is never a secret itself. */
#ifndef KEYD_AUTH_KEEPER_H
#define KEYD_AUTH_KEEPER_H

#include "keyd/auth/request.h"
#include "keyd/conf/psk.h"

/* Fills *an: AUTH_OK with data, AUTH_NO_SECRET, or AUTH_FAILED (a method or PRF that is not there; no memory). */
void keeper_answer(const struct conf_secrets *secrets, const struct auth_request *rq, struct auth_answer *an);

#endif
