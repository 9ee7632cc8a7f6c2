/* SPDX-License-Identifier: MIT */
/* The Delete payload of ISAKMP (RFC 2408 3.15). */
#ifndef KEYD_WIRE_ISAKMP_DELETE_H
#define KEYD_WIRE_ISAKMP_DELETE_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "keyd/wire/error.h"
#include "keyd/wire/isakmp.h"

#define ISAKMP_COOKIES_LEN 16	/* the SPI of an ISAKMP SA: both cookies */

struct isakmp_delete {
	uint32_t doi;
	uint8_t protocol;	/* enum isakmp_protocol */
	uint8_t spi_size;	/* 16 for ISAKMP, 4 for AH and ESP */
	uint16_t count;
	struct view spis;	/* count * spi_size bytes */
};

/* WIRE_SHORT, WIRE_SPI (a size that does not fit the protocol), WIRE_COUNT. */
RD_MUST_CHECK int isakmp_delete_get(struct isakmp_delete *d, struct view body);
/* Writes spi_size, count and spis as they stand; they must agree. */
void isakmp_delete_put(struct wr *w, const struct isakmp_delete *d);
/* The AH or ESP SPI at index i in host order; false behind the last one, and for sizes other than 4. */
bool isakmp_delete_spi(const struct isakmp_delete *d, unsigned i, uint32_t *spi);
/* Both cookies at index i; false behind the last one, and for sizes other than 16. */
bool isakmp_delete_cookies(const struct isakmp_delete *d, unsigned i, struct view *cookies);

#endif
