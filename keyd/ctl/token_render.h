/* SPDX-License-Identifier: MIT */
/* What the card role tells of tokens, as JSON. All of it may come from somebody who has taken that role over. */
#ifndef KEYD_CTL_TOKEN_RENDER_H
#define KEYD_CTL_TOKEN_RENDER_H

#include "keyd/card/request.h"

#include <jansson.h>

/* All return a new reference, or NULL without memory. now: microseconds of CLOCK_MONOTONIC. */
json_t *render_token(const struct card_token_info *t, uint64_t now);	/* with an empty array "keys" */
/* With an empty array "tunnels"; spki and cert in DER, cert may be empty. */
json_t *render_token_key(const struct card_key_info *k, struct view spki, struct view cert);
json_t *render_token_missing(const struct card_missing_info *m);
/* wall: seconds since 1970 at time 0 of CLOCK_MONOTONIC */
json_t *render_token_event(const struct card_event *ev, double wall);
/* "error", "need", "token", "tries": to be merged into the answer to an unlock, a lock or a check. */
json_t *render_token_done(const struct card_done *d);

/* Of a key: how "local_key" of an IKE SA and "digest" of a key on a token name it. null: all zero, there is none. */
json_t *render_digest(const uint8_t digest[CONF_DIGEST_LEN]);

#endif
