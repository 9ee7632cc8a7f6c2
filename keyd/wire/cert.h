/* SPDX-License-Identifier: MIT */
/* The Certificate and Certificate Request payloads (RFC 7296 3.6, 3.7), which look alike. */
#ifndef KEYD_WIRE_CERT_H
#define KEYD_WIRE_CERT_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

#define WIRE_CERTREQ_HASH_LEN 20

struct wire_cert {
	uint8_t encoding;	/* enum ikev2_cert_encoding */
	struct view data;	/* CERT: never empty; CERTREQ: SHA-1 hashes of CA keys one after the other, or nothing */
};

RD_MUST_CHECK int wire_cert_get(struct wire_cert *c, struct view body);
void wire_cert_put(struct wr *w, const struct wire_cert *c);
/* WIRE_LENGTH when the encoding is X.509 and data is no whole number of hashes. */
RD_MUST_CHECK int wire_certreq_get(struct wire_cert *c, struct view body);
void wire_certreq_put(struct wr *w, const struct wire_cert *c);

#endif
