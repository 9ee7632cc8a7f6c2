// SPDX-License-Identifier: MIT
// The Notification payload of ISAKMP.
#include "keyd/wire/isakmp_notify.h"

/* The whole of v as a number of four bytes. */
static bool whole_u32(struct view v, uint32_t *out)
{
	struct rd r = rd_of_view(v);

	return v.n == sizeof(*out) && !rd_u32(&r, out);
}

int isakmp_notify_get(struct isakmp_notify *n, struct view body)
{
	struct rd r = rd_of_view(body);
	struct isakmp_notify got;
	uint8_t spi_size;

	if (rd_u32(&r, &got.doi) || rd_u8(&r, &got.protocol) || rd_u8(&r, &spi_size) || rd_u16(&r, &got.type) ||
	    rd_view(&r, spi_size, &got.spi))
		return WIRE_SHORT;
	got.data = rd_rest(&r);
	*n = got;
	return WIRE_OK;
}

void isakmp_notify_put(struct wr *w, const struct isakmp_notify *n)
{
	if (n->spi.n > UINT8_MAX)
		w->overflow = true;
	wr_u32(w, n->doi);
	wr_u8(w, n->protocol);
	wr_u8(w, (uint8_t)n->spi.n);
	wr_u16(w, n->type);
	wr_put(w, n->spi);
	wr_put(w, n->data);
}

bool isakmp_notify_spi(const struct isakmp_notify *n, uint32_t *spi)
{
	return (n->protocol == ISAKMP_PROTO_AH || n->protocol == ISAKMP_PROTO_ESP) && whole_u32(n->spi, spi);
}

bool isakmp_notify_dpd(const struct isakmp_notify *n, uint32_t *seq)
{
	return whole_u32(n->data, seq);
}
