// SPDX-License-Identifier: MIT
// The Certificate and Certificate Request payloads.
#include "keyd/wire/cert.h"
#include "keyd/wire/ikev2.h"

static int encoded_get(struct wire_cert *c, struct view body)
{
	struct rd r = rd_of_view(body);

	if (rd_u8(&r, &c->encoding))
		return WIRE_SHORT;
	c->data = rd_rest(&r);
	return WIRE_OK;
}

int wire_cert_get(struct wire_cert *c, struct view body)
{
	int error = encoded_get(c, body);

	if (!error && !c->data.n)
		error = WIRE_SHORT;
	return error;
}

void wire_cert_put(struct wr *w, const struct wire_cert *c)
{
	wr_u8(w, c->encoding);
	wr_put(w, c->data);
}

int wire_certreq_get(struct wire_cert *c, struct view body)
{
	int error = encoded_get(c, body);

	if (!error && c->encoding == IKEV2_CERT_X509_SIGNATURE && c->data.n % WIRE_CERTREQ_HASH_LEN)
		error = WIRE_LENGTH;
	return error;
}

void wire_certreq_put(struct wr *w, const struct wire_cert *c)
{
	wire_cert_put(w, c);
}
