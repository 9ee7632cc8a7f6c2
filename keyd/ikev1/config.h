/* SPDX-License-Identifier: MIT */
/*
 * What is said between phase 1 and the first child: a name and a password (XAUTH, draft-beaulieu-ike-xauth-02), addresses and the
 * like (draft-dukes-ike-mode-cfg-02), in transaction exchanges. Until that is through, the SA is not established: nothing is
 * handed over to it, nobody's place is taken, and no child is made.
 */
#ifndef KEYD_IKEV1_CONFIG_H
#define KEYD_IKEV1_CONFIG_H

#include "keyd/ikev1/exchanges.h"
#include "keyd/ikev1/message.h"
#include "keyd/wire/isakmp_cfg.h"

/* --- config.c --- */

/* Phase 1 is through. True: something is waited for, and v1_config_next begins it; false: nothing is. */
bool v1_config_begin(struct ike_sa *sa);
/* Begins what is next, or the SA is established. */
void v1_config_next(struct ike_sa *sa);
/* One of what was waited for is there. */
void v1_config_done(struct ike_sa *sa, uint8_t what);
/* A message of a transaction exchange. */
void v1_config_heard(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m);

/* A request or a SET of ours, to be sent next. */
void v1_config_ask(struct ike_sa *sa, const struct exchange_ops *ops);
/* Attributes of the peer's message. False: it has none. */
bool v1_config_get(const struct exchange *x, struct isakmp_cfg *c);
/* Begins the payload that w's attributes go into. */
size_t v1_config_open(struct wire_out *out, uint8_t type, uint16_t identifier);
/* Answers the peer's exchange with these attributes, and ends it. */
void v1_config_reply(struct exchange *x, uint8_t type, struct view attrs);
/* It comes to nothing: told, and the SA ends; the peer is told that as well. */
void v1_config_fail(struct ike_sa *sa, enum engine_reason reason, const char *why);

/* Attributes of ours. */
#define V1_CONFIG_ATTRS_MAX 2048	/* bytes */

/* --- xauth.c --- */

extern const struct exchange_ops v1_login_ask_ops, v1_login_status_ops;
/* The gateway asks, or says what came of it. True: it was about that. */
bool v1_login_serve(struct exchange *x, const struct isakmp_cfg *c);

/* --- modecfg.c --- */

extern const struct exchange_ops v1_address_ask_ops, v1_address_set_ops;
/* Takes addresses for the peer, which is to be told them. False: there are none (logged). */
bool v1_address_lend(struct ike_sa *sa);
void v1_address_serve(struct exchange *x, const struct isakmp_cfg *c);

#endif
