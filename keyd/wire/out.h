/* SPDX-License-Identifier: MIT */
/*
 * Building an IKEv2 message: next-payload fields and lengths are patched behind the writer's back. Overflow is sticky;
 * it is asked for once, by wire_out_end() or wire_sk_end().
 *
 *	wire_out_begin(&out, buf, sizeof(buf), &header);
 *	mark = wire_payload_begin(&out, IKEV2_PL_NOTIFY);
 *	wire_notify_put(&out.w, &notify);
 *	wire_payload_end(&out, mark);
 *	error = wire_out_end(&out, &datagram);
 *
 * For an encrypted message see sk.h.
 */
#ifndef KEYD_WIRE_OUT_H
#define KEYD_WIRE_OUT_H

#include "keyd/util/wr.h"
#include "keyd/wire/error.h"
#include "keyd/wire/header.h"

struct wire_out {
	struct wr w;		/* from the header's first byte on */
	size_t next_at;		/* where the next-payload byte stands that the next payload sets */
	size_t sk_at;		/* where the generic header of SK or SKF stands; 0 before wire_sk_begin */
	size_t iv_at, iv_len;	/* set by wire_sk_begin */
};

/* buf is the caller's and stays so. h->next_payload and h->length are ignored; major and minor are taken from h. */
void wire_out_begin(struct wire_out *out, void *buf, size_t cap, const struct wire_header *h);
/* Starts a payload; returns the mark that wire_payload_end wants. The body is written to out->w in between. */
size_t wire_payload_begin(struct wire_out *out, uint8_t type);
/* The same with the critical bit set: only for types that RFC 7296 does not define. */
size_t wire_payload_begin_critical(struct wire_out *out, uint8_t type);
/* Patches the payload's length; more than 65535 bytes counts as overflow. */
void wire_payload_end(struct wire_out *out, size_t mark);
/* A payload whose body is at hand: begin, put, end. */
void wire_payload_put(struct wire_out *out, uint8_t type, struct view body);
/* Patches the message's length. 0 and the whole datagram, or WIRE_FULL. Messages with SK are ended by wire_sk_end. */
RD_MUST_CHECK int wire_out_end(struct wire_out *out, struct view *datagram);

#endif
