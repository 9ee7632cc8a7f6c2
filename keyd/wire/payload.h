/* SPDX-License-Identifier: MIT */
/* The chain of payloads of an IKEv2 message (RFC 7296 3.2): from a datagram to a table of typed views. */
#ifndef KEYD_WIRE_PAYLOAD_H
#define KEYD_WIRE_PAYLOAD_H

#include "keyd/util/rd.h"
#include "keyd/wire/error.h"
#include "keyd/wire/header.h"
#include "keyd/wire/ikev2.h"

#include <stdbool.h>

#define WIRE_PAYLOADS_MAX 64	/* in one message, inner ones included */
#define WIRE_GENERIC_LEN 4	/* generic payload header */

struct wire_payload {
	uint8_t type;
	bool critical;
	struct view body;	/* without the generic header */
};

/* The views point into the datagram, and into the plaintext that was given to wire_inner_get. */
struct wire_message {
	struct wire_header h;
	unsigned n;		/* payloads in pl: the clear ones first, then the inner ones */
	unsigned n_clear;	/* how many of them stood in the datagram itself, SK or SKF included */
	uint8_t sk_next;	/* the type of the first inner payload: next-payload field of SK or SKF; 0 without them */
	uint64_t present_clear, present_sk;	/* WIRE_BIT() of the types seen in clear and inside SK */
	struct wire_payload pl[WIRE_PAYLOADS_MAX];
};

/* The bit of a payload type in the masks: types 33 to 96; the others (private use) have none. */
#define WIRE_BIT(type) ((type) >= 33 && (type) <= 96 ? UINT64_C(1) << (((type) - 33) & 63) : UINT64_C(0))

/*
 * Decodes the header and the chain in clear. It ends behind SK or SKF, which must be the last payload. After an error n
 * is 0; m->h is filled in when the datagram has at least WIRE_HEADER_LEN bytes (to answer INVALID_MAJOR_VERSION, or to
 * log), and zero otherwise.
 * Types and critical bits are not judged: see wire_unknown_critical().
 */
RD_MUST_CHECK int wire_message_get(struct wire_message *m, struct view datagram);
/*
 * Appends the decrypted payloads (padding already removed) to m; first is m->sk_next. After an error m is as before.
 * The views live as long as plain does.
 */
RD_MUST_CHECK int wire_inner_get(struct wire_message *m, uint8_t first, struct view plain);

/* The first payload of this type, in clear or inside SK, or NULL. */
const struct wire_payload *wire_find(const struct wire_message *m, uint8_t type);
/* The next one of this type behind prev (NULL: the first), or NULL. */
const struct wire_payload *wire_next(const struct wire_message *m, uint8_t type, const struct wire_payload *prev);
unsigned wire_count(const struct wire_message *m, uint8_t type);
/*
 * The first payload that has the critical bit and a type that RFC 7296 and RFC 7383 do not define, or NULL: the message
 * must be refused with UNSUPPORTED_CRITICAL_PAYLOAD and this type (RFC 7296 2.5). The bit on known types is ignored.
 */
const struct wire_payload *wire_unknown_critical(const struct wire_message *m);

#endif
