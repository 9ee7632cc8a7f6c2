// SPDX-License-Identifier: MIT
// The Notify payload.
#include "keyd/wire/notify.h"
#include "keyd/wire/header.h"
#include "keyd/wire/ikev2.h"

#define CHILD_SPI_LEN 4

static bool spi_size_fits(uint8_t protocol, uint8_t size)
{
	if (!size)
		return true;
	switch (protocol) {
	case IKEV2_PROTO_NONE:
		return false;
	case IKEV2_PROTO_IKE:
		return size == WIRE_IKE_SPI_LEN;
	case IKEV2_PROTO_AH:
	case IKEV2_PROTO_ESP:
		return size == CHILD_SPI_LEN;
	default:
		return true;
	}
}

int wire_notify_get(struct wire_notify *n, struct view body)
{
	struct rd r = rd_of_view(body);
	struct wire_notify got;
	uint8_t spi_size;

	if (rd_u8(&r, &got.protocol) || rd_u8(&r, &spi_size) || rd_u16(&r, &got.type))
		return WIRE_SHORT;
	if (!spi_size_fits(got.protocol, spi_size)) {
		n->type = got.type;
		return WIRE_SPI;
	}
	if (rd_view(&r, spi_size, &got.spi))
		return WIRE_SHORT;
	got.data = rd_rest(&r);
	*n = got;
	return WIRE_OK;
}

void wire_notify_put(struct wr *w, const struct wire_notify *n)
{
	if (n->spi.n > UINT8_MAX)
		w->overflow = true;
	wr_u8(w, n->protocol);
	wr_u8(w, (uint8_t)n->spi.n);
	wr_u16(w, n->type);
	wr_put(w, n->spi);
	wr_put(w, n->data);
}
