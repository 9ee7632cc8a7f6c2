/* SPDX-License-Identifier: MIT */
/* The Certificate and Certificate Request payloads of ISAKMP (RFC 2408 3.9, 3.10), which look alike. */
#ifndef KEYD_WIRE_ISAKMP_CERT_H
#define KEYD_WIRE_ISAKMP_CERT_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"
#include "keyd/wire/isakmp.h"

struct isakmp_cert {
	uint8_t encoding;	/* enum isakmp_cert_encoding */
	struct view data;	/* CERT: never empty; CERTREQ: the name of one CA (DER), or nothing: any */
};

/* WIRE_SHORT. */
RD_MUST_CHECK int isakmp_cert_get(struct isakmp_cert *c, struct view body);
void isakmp_cert_put(struct wr *w, const struct isakmp_cert *c);
RD_MUST_CHECK int isakmp_certreq_get(struct isakmp_cert *c, struct view body);
void isakmp_certreq_put(struct wr *w, const struct isakmp_cert *c);

#endif
