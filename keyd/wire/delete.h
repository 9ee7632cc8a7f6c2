/* SPDX-License-Identifier: MIT */
/* The Delete payload (RFC 7296 3.11). */
#ifndef KEYD_WIRE_DELETE_H
#define KEYD_WIRE_DELETE_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"

#include <stdbool.h>

struct wire_delete {
	uint8_t protocol;	/* enum ikev2_protocol */
	uint8_t spi_size;	/* 0 for IKE, 4 for AH and ESP */
	uint16_t count;		/* 0 for IKE */
	struct view spis;	/* count * spi_size bytes */
};

/* WIRE_SHORT, WIRE_SPI, WIRE_COUNT. */
RD_MUST_CHECK int wire_delete_get(struct wire_delete *d, struct view body);
/* Writes spi_size, count and spis as they stand; they must agree. */
void wire_delete_put(struct wr *w, const struct wire_delete *d);
/* The SPI at index i in host order; false behind the last one, and for sizes other than 4. */
bool wire_delete_spi(const struct wire_delete *d, unsigned i, uint32_t *spi);
/* One AH or ESP SPI (host order), the usual case. */
void wire_delete_put_spi(struct wr *w, uint8_t protocol, uint32_t spi);

#endif
