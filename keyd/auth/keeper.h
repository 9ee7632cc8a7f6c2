/* SPDX-License-Identifier: MIT */
/* Answers requests for proofs out of the secrets and keys; what it gives away is never one of them itself. */
#ifndef KEYD_AUTH_KEEPER_H
#define KEYD_AUTH_KEEPER_H

#include "keyd/auth/keys.h"
#include "keyd/auth/logins.h"

/* Zero-initialise; release with keeper_free. */
struct keeper {
	struct conf_secrets secrets;	/* its keys and logins stay empty: they are in keys and logins */
	struct keys keys;
	struct logins logins;
};

void keeper_free(struct keeper *k);
/* Fills *an: AUTH_OK with data, or why not (AUTH_FAILED: a way or PRF that is not there; no memory). For AUTH_LOGIN see logins_check. */
void keeper_answer(const struct keeper *k, const struct auth_request *rq, struct auth_answer *an);

#endif
