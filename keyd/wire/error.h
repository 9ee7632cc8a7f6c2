/* SPDX-License-Identifier: MIT */
/* What can be wrong with a message: every decoder of this folder returns one of these. */
#ifndef KEYD_WIRE_ERROR_H
#define KEYD_WIRE_ERROR_H

enum wire_error {
	WIRE_OK = 0,
	WIRE_SHORT = -1,	/* ends before what it must contain */
	WIRE_LENGTH = -2,	/* a length field, or a fixed length, disagrees with the bytes that are there */
	WIRE_TRAILING = -3,	/* bytes left over behind the last element */
	WIRE_VALUE = -4,	/* a field has a value that RFC 7296 does not permit */
	WIRE_COUNT = -5,	/* a count field disagrees with the elements that are there */
	WIRE_LAST = -6,		/* a "last or more" field disagrees with the elements that are there */
	WIRE_SPI = -7,		/* SPI size that does not fit the protocol */
	WIRE_RANGE = -8,	/* a range that ends before it starts */
	WIRE_TOO_MANY = -9,	/* more payloads than WIRE_PAYLOADS_MAX */
	WIRE_VERSION = -10,	/* another major version: IKEv2 wants 2, ISAKMP 1 */
	WIRE_NESTED = -11,	/* an SK payload inside an SK payload */
	WIRE_PADDING = -12,	/* pad length larger than the plaintext */
	WIRE_FULL = -13,	/* encoding: does not fit the buffer or a length field */
};

/* One static sentence part, never NULL: "length field disagrees with the bytes present". */
const char *wire_strerror(int error);

#endif
