// SPDX-License-Identifier: MIT
// The Certificate and Certificate Request payloads of ISAKMP.
#include "keyd/wire/isakmp_cert.h"

static int get(struct isakmp_cert *c, struct view body, size_t min)
{
	struct rd r = rd_of_view(body);
	uint8_t encoding;

	if (rd_u8(&r, &encoding) || rd_left(&r) < min)
		return WIRE_SHORT;
	*c = (struct isakmp_cert){ .encoding = encoding, .data = rd_rest(&r) };
	return WIRE_OK;
}

static void put(struct wr *w, const struct isakmp_cert *c)
{
	wr_u8(w, c->encoding);
	wr_put(w, c->data);
}

int isakmp_cert_get(struct isakmp_cert *c, struct view body)
{
	return get(c, body, 1);
}

void isakmp_cert_put(struct wr *w, const struct isakmp_cert *c)
{
	put(w, c);
}

int isakmp_certreq_get(struct isakmp_cert *c, struct view body)
{
	return get(c, body, 0);
}

void isakmp_certreq_put(struct wr *w, const struct isakmp_cert *c)
{
	put(w, c);
}
