/* SPDX-License-Identifier: MIT */
/* IKEv2 messages of one SA: begun, sealed, opened, sent (RFC 7296 3.1, 3.14). */
#ifndef KEYD_IKEV2_MESSAGE_H
#define KEYD_IKEV2_MESSAGE_H

#include "keyd/ike/exchange.h"
#include "keyd/wire/ke.h"
#include "keyd/wire/notify.h"
#include "keyd/wire/sa.h"

/* Starts a message in the engine's buffer; all but IKE_SA_INIT open their SK payload too. */
void message_begin(struct ike_sa *sa, struct wire_out *out, uint8_t exchange, bool response, uint32_t id);
/* Pads and seals. 0 and the datagram, or its fragments one behind the other (in the engine's buffers), or -1. */
int message_end(struct ike_sa *sa, struct wire_out *out, struct view *datagrams);
/* Takes the first one off datagrams. False: there is none. */
bool message_each(struct view *datagrams, struct view *one);
void message_send(struct ike_sa *sa, struct view datagrams);
/* The same over another path than that of sa: answers go to where the request came from (RFC 7296 2.11). */
void message_send_over(struct ike_sa *sa, const struct path *path, struct view datagrams);

/* What can be said of a datagram that is no good. */
enum message_fault {
	MESSAGE_FORGED = -1,		/* nothing proves that the peer sent it: it changes nothing */
	MESSAGE_MALFORMED = -2,		/* the peer did send it, and what is encrypted cannot be read; m has the header */
};
/*
 * Decrypts a datagram in place. 0: *sk is its SK or SKF payload, *inner the text without padding. Else enum message_fault;
 * bytes then hold no text.
 */
int message_decrypt(struct crypto_cipher *c, uint8_t *bytes, size_t n, struct wire_message *m,
		    const struct wire_payload **sk, struct view *inner);
/*
 * Copies the datagram into x, decrypts it there and lists its payloads in x->m. 0; PIECES_MORE: it was a piece, and
 * others are missing; or enum message_fault.
 */
int message_open(struct exchange *x, struct view datagram);

/* Payloads that every exchange writes. */
void message_put_notify(struct wire_out *out, uint16_t type, struct view data);
void message_put_notify_spi(struct wire_out *out, uint16_t type, uint8_t protocol, uint32_t spi);
void message_put_sa(struct wire_out *out, const struct wire_sa *sa);
void message_put_nonce(struct wire_out *out, struct view nonce);
void message_put_ke(struct wire_out *out, const struct crypto_kex *kex);

/* The first notify of this type. */
bool message_has_notify(const struct wire_message *m, uint16_t type, struct wire_notify *out);
void message_put_auth_lifetime(struct wire_out *out, uint32_t seconds);
/* The peer says how long it takes our proof (AUTH_LIFETIME, RFC 4478). */
void message_take_auth_lifetime(struct exchange *x);
/* The first notify that reports an error, 0 if none. */
uint16_t message_error(const struct wire_message *m);
/* The first error notify of a type that nobody has told us of: the whole request has failed (RFC 7296 3.10.1). Or 0. */
uint16_t message_unknown_error(const struct wire_message *m);
/* Decodes the only or first payload of a type. 0; -1: absent or malformed. */
int message_get_sa(const struct wire_message *m, struct wire_sa *sa);
int message_get_nonce(const struct wire_message *m, struct view *nonce);
int message_get_ke(const struct wire_message *m, struct wire_ke *ke);

#endif
