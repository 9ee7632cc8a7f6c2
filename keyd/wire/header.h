/* SPDX-License-Identifier: MIT */
/* The fixed header of every IKE message (RFC 7296 3.1; the layout is that of RFC 2408 3.1 too). */
#ifndef KEYD_WIRE_HEADER_H
#define KEYD_WIRE_HEADER_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

#define WIRE_HEADER_LEN 28
#define WIRE_IKE_SPI_LEN 8

struct wire_header {
	uint8_t spi_i[WIRE_IKE_SPI_LEN], spi_r[WIRE_IKE_SPI_LEN];
	uint8_t next_payload, major, minor, exchange, flags;
	uint32_t message_id, length;
};

/*
 * r must stand at the start of the datagram and hold all of it (without the non-ESP marker). WIRE_SHORT: *h is
 * untouched. WIRE_LENGTH: the length field is not the datagram's size; *h is filled in all the same. Versions are not
 * judged here.
 */
RD_MUST_CHECK int wire_header_get(struct rd *r, struct wire_header *h);
/* Writes h as it stands, length included; to be called on an empty writer. */
void wire_header_put(struct wr *w, const struct wire_header *h);
/* Patches the length of the header at the start of w with what w holds now. */
void wire_header_finish(struct wr *w);

#endif
