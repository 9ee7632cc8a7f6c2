/* SPDX-License-Identifier: MIT */
/* Between the files of the auth role: signatures that a token makes. */
#ifndef KEYD_ROLES_AUTH_H
#define KEYD_ROLES_AUTH_H

#include "keyd/auth/keeper.h"
#include "keyd/roles/worker.h"

/*
 * Asks the card role; the answer goes to the ike role when it is there, however long that takes. body is the whole request,
 * and schemes those that will do.
 */
void auth_token_ask(struct worker *w, const struct auth_request *rq, struct view body, uint32_t schemes);
/* The ike role is gone: nobody waits any more. */
void auth_token_forget(struct worker *w);
/* The card role is gone: it will not answer. */
void auth_token_fail(struct worker *w);

/* What is in use, for who checks a signature. */
const struct keys *auth_keys(void);

extern const struct ipc_rule auth_from_card[];

#endif
