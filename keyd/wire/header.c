// SPDX-License-Identifier: MIT
// The fixed header of every IKE message.
#include "keyd/wire/header.h"

#include <string.h>

#define LENGTH_AT 24

int wire_header_get(struct rd *r, struct wire_header *h)
{
	size_t datagram = rd_left(r);
	struct wire_header got;
	struct view spi_i, spi_r;
	uint8_t version;

	if (rd_view(r, WIRE_IKE_SPI_LEN, &spi_i) || rd_view(r, WIRE_IKE_SPI_LEN, &spi_r) ||
	    rd_u8(r, &got.next_payload) || rd_u8(r, &version) || rd_u8(r, &got.exchange) || rd_u8(r, &got.flags) ||
	    rd_u32(r, &got.message_id) || rd_u32(r, &got.length))
		return WIRE_SHORT;
	memcpy(got.spi_i, spi_i.p, sizeof(got.spi_i));
	memcpy(got.spi_r, spi_r.p, sizeof(got.spi_r));
	got.major = version >> 4;
	got.minor = version & 0x0f;
	*h = got;
	return got.length == datagram ? WIRE_OK : WIRE_LENGTH;
}

void wire_header_put(struct wr *w, const struct wire_header *h)
{
	wr_mem(w, h->spi_i, sizeof(h->spi_i));
	wr_mem(w, h->spi_r, sizeof(h->spi_r));
	wr_u8(w, h->next_payload);
	wr_u8(w, (uint8_t)(h->major << 4 | (h->minor & 0x0f)));
	wr_u8(w, h->exchange);
	wr_u8(w, h->flags);
	wr_u32(w, h->message_id);
	wr_u32(w, h->length);
}

void wire_header_finish(struct wr *w)
{
	if (w->len > UINT32_MAX) {
		w->overflow = true;
		return;
	}
	wr_patch_u16(w, LENGTH_AT, (uint16_t)(w->len >> 16));
	wr_patch_u16(w, LENGTH_AT + 2, (uint16_t)w->len);
}
