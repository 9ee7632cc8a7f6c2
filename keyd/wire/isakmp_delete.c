// SPDX-License-Identifier: MIT
// The Delete payload of ISAKMP.
#include "keyd/wire/isakmp_delete.h"

#define IPSEC_SPI_LEN 4

static bool spi_size_fits(uint8_t protocol, uint8_t size)
{
	switch (protocol) {
	case ISAKMP_PROTO_ISAKMP:
		return size == ISAKMP_COOKIES_LEN;
	case ISAKMP_PROTO_AH:
	case ISAKMP_PROTO_ESP:
		return size == IPSEC_SPI_LEN;
	default:
		return true;
	}
}

int isakmp_delete_get(struct isakmp_delete *d, struct view body)
{
	struct rd r = rd_of_view(body);
	struct isakmp_delete got;

	if (rd_u32(&r, &got.doi) || rd_u8(&r, &got.protocol) || rd_u8(&r, &got.spi_size) || rd_u16(&r, &got.count))
		return WIRE_SHORT;
	if (!spi_size_fits(got.protocol, got.spi_size))
		return WIRE_SPI;
	got.spis = rd_rest(&r);
	if (got.spis.n != (size_t)got.spi_size * got.count || (!got.spi_size && got.count))
		return WIRE_COUNT;
	*d = got;
	return WIRE_OK;
}

void isakmp_delete_put(struct wr *w, const struct isakmp_delete *d)
{
	wr_u32(w, d->doi);
	wr_u8(w, d->protocol);
	wr_u8(w, d->spi_size);
	wr_u16(w, d->count);
	wr_put(w, d->spis);
}

static bool nth(const struct isakmp_delete *d, unsigned i, uint8_t size, struct rd *r)
{
	*r = rd_of_view(d->spis);
	return d->spi_size == size && i < d->count && !rd_skip(r, (size_t)i * size);
}

bool isakmp_delete_spi(const struct isakmp_delete *d, unsigned i, uint32_t *spi)
{
	struct rd r;

	return nth(d, i, IPSEC_SPI_LEN, &r) && !rd_u32(&r, spi);
}

bool isakmp_delete_cookies(const struct isakmp_delete *d, unsigned i, struct view *cookies)
{
	struct rd r;

	return nth(d, i, ISAKMP_COOKIES_LEN, &r) && !rd_view(&r, ISAKMP_COOKIES_LEN, cookies);
}
