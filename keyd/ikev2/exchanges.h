/* SPDX-License-Identifier: MIT */
/* The exchanges of IKEv2, one file each: how we begin them and how we serve the peer's. */
#ifndef KEYD_IKEV2_EXCHANGES_H
#define KEYD_IKEV2_EXCHANGES_H

#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"

/* init.c: IKE_SA_INIT (RFC 7296 1.2) */
void init_begin(struct ike_sa *sa, struct child_sa *first);
void init_serve(struct engine *e, const struct engine_datagram *d, const struct wire_message *m);

/* auth.c: IKE_AUTH (1.2, 2.15). Takes over child (may be NULL). */
void auth_begin(struct ike_sa *sa, struct child_sa *child);
void auth_serve(struct exchange *x);

/* create.c, create_serve.c: CREATE_CHILD_SA for children (1.3.1, 1.3.3) */
void create_begin(struct ike_sa *sa, struct child_sa *c);
void create_rekey_begin(struct child_sa *old);
void create_serve(struct exchange *x);

/* rekey.c: CREATE_CHILD_SA for the IKE SA itself (1.3.2) */
void rekey_begin(struct ike_sa *sa);
void rekey_serve(struct exchange *x);
/*
 * Both sides rekey sa, and the peer has shown by what it does now that its own IKE SA stays: ours is forgotten, and the
 * children go there. Nothing happens if that is not so.
 */
void rekey_yield(struct ike_sa *sa);
/* The same where the peer asks something of fresh, which its rekey made. */
void rekey_chosen(struct ike_sa *fresh);

/* info.c: INFORMATIONAL (1.4) */
void info_delete_child_begin(struct child_sa *c);
/* For a child that the peer has and we do not want: its answer did not fit. */
void info_delete_offered(const struct child_sa *c);
void info_delete_ike_begin(struct ike_sa *sa);
/* For a peer whose IKE_AUTH answer will not do, and that believes that the SA is up (2.21.2). The caller ends sa. */
void info_disown(struct ike_sa *sa, uint16_t notify);
void info_liveness_begin(struct ike_sa *sa);
void info_confirm_begin(struct ike_sa *sa, void (*then)(struct ike_sa *sa));
void info_serve(struct exchange *x);
/* Is x a DELETE for a child? */
bool info_closes_child(const struct exchange *x);
/*
 * The child that an exchange of ours makes, or makes again after a restart, when the peer receives on it by spi already and
 * our kernel has not got it wholly yet; it is not taken from under that. NULL: none.
 */
struct child_sa *info_being_made(const struct ike_sa *sa, uint32_t spi);
/* Does a message of the peer delete the child that it knows by this SPI? */
bool info_deletes_child(const struct wire_message *m, uint32_t spi_out);
/* Does a message of the peer close the IKE SA? */
bool info_closes_ike(const struct wire_message *m);
/* Shows a responder that we have installed the child it made with us. */
void ikev2_confirm(struct ike_sa *sa);
/* Says in a request for a child that ikev2_confirm, or a DELETE, will follow; that the peer said so. */
void ikev2_put_confirm(struct wire_out *out);
bool ikev2_will_confirm(const struct wire_message *m);

/* As responder: a new child sends after this long even if the peer gave no sign that it can receive. */
#define CHILD_SETTLE MILLISECONDS(300)
/* The same where a sign is sure to come, or an older child works: longer than any peer sends its request again. */
#define CHILD_SETTLE_SIGN SECONDS(120)

/* Those that survive an engine (exchange_ops.kept). Numbers stand in records: none is ever given to another. */
enum {
	KEPT_CREATE = 1, KEPT_REKEY_CHILD, KEPT_REKEY_IKE, KEPT_DELETE_CHILD, KEPT_DELETE_IKE, KEPT_LIVENESS, KEPT_AUTH,
	KEPT_EXCHANGES
};
extern const struct exchange_ops ikev2_create_ops, ikev2_rekey_child_ops, ikev2_rekey_ops, ikev2_delete_child_ops,
	ikev2_delete_ike_ops, ikev2_liveness_ops, ikev2_auth_ops;

/* input.c */
void ikev2_input(struct engine *e, const struct engine_datagram *d);

#endif
