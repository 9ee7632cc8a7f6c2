/* SPDX-License-Identifier: MIT */
/* Answers requests for proofs out of the secrets and keys; what it gives away is never one of them itself. */
#ifndef KEYD_AUTH_KEEPER_H
#define KEYD_AUTH_KEEPER_H

#include "keyd/auth/keys.h"

/* Zero-initialise; release with keeper_free. */
struct keeper {
	struct conf_secrets secrets;	/* its keys stay empty: they are in keys */
	struct keys keys;
};

void keeper_free(struct keeper *k);
/* Fills *an: AUTH_OK with data, or why not (AUTH_FAILED: a way or PRF that is not there; no memory). */
void keeper_answer(const struct keeper *k, const struct auth_request *rq, struct auth_answer *an);

#endif
