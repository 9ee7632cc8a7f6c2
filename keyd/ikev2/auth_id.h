/* SPDX-License-Identifier: MIT */
/* Who both ends are, and which section serves a peer (RFC 7296 3.5; docs/keyd.conf.md has the rule). */
#ifndef KEYD_IKEV2_AUTH_ID_H
#define KEYD_IKEV2_AUTH_ID_H

#include "keyd/ike/exchange.h"

#define ID_BODY_MAX (4 + CONF_ID_MAX)

/* Our identity: configured, or the address that we speak from. */
void auth_id_ours(struct ike_sa *sa);
/* Whom we mean to reach: what it then says of itself must not choose the secret that it is measured by. */
struct conf_id auth_id_expected(const struct ike_sa *sa);
/* The body of an identification payload, in buf. */
struct view auth_id_body(const struct conf_id *id, uint8_t buf[ID_BODY_MAX]);
void auth_id_put(struct wire_out *out, uint8_t type, const struct conf_id *id);

/* As initiator: IDr in x->m is the peer that we mean. 0 or -1 (told). */
int auth_id_check(struct exchange *x) RD_MUST_CHECK;
/*
 * As responder, in the first round: takes IDi from x->m, and the section that serves such a peer; in later ones: it is the
 * same peer. 0 or -1 (told).
 */
int auth_id_choose(struct exchange *x) RD_MUST_CHECK;

#endif
