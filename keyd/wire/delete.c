// SPDX-License-Identifier: MIT
// The Delete payload.
#include "keyd/wire/delete.h"
#include "keyd/wire/ikev2.h"

#define CHILD_SPI_LEN 4

static bool spi_size_fits(uint8_t protocol, uint8_t size)
{
	switch (protocol) {
	case IKEV2_PROTO_IKE:
		return size == 0;
	case IKEV2_PROTO_AH:
	case IKEV2_PROTO_ESP:
		return size == CHILD_SPI_LEN;
	default:
		return true;
	}
}

int wire_delete_get(struct wire_delete *d, struct view body)
{
	struct rd r = rd_of_view(body);
	struct wire_delete got;

	if (rd_u8(&r, &got.protocol) || rd_u8(&r, &got.spi_size) || rd_u16(&r, &got.count))
		return WIRE_SHORT;
	if (!spi_size_fits(got.protocol, got.spi_size))
		return WIRE_SPI;
	got.spis = rd_rest(&r);
	if (got.spis.n != (size_t)got.spi_size * got.count || (!got.spi_size && got.count))
		return WIRE_COUNT;
	*d = got;
	return WIRE_OK;
}

void wire_delete_put(struct wr *w, const struct wire_delete *d)
{
	wr_u8(w, d->protocol);
	wr_u8(w, d->spi_size);
	wr_u16(w, d->count);
	wr_put(w, d->spis);
}

bool wire_delete_spi(const struct wire_delete *d, unsigned i, uint32_t *spi)
{
	struct rd r = rd_of_view(d->spis);

	if (d->spi_size != CHILD_SPI_LEN || i >= d->count)
		return false;
	return !rd_skip(&r, (size_t)i * CHILD_SPI_LEN) && !rd_u32(&r, spi);
}

void wire_delete_put_spi(struct wr *w, uint8_t protocol, uint32_t spi)
{
	wr_u8(w, protocol);
	wr_u8(w, CHILD_SPI_LEN);
	wr_u16(w, 1);
	wr_u32(w, spi);
}
