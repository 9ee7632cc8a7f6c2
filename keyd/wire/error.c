// SPDX-License-Identifier: MIT
// One string for each thing that can be wrong with a message.
#include "keyd/wire/error.h"

#include <stddef.h>

static const char *const texts[] = {
	[-WIRE_OK] = "no error",
	[-WIRE_SHORT] = "ends before what it must contain",
	[-WIRE_LENGTH] = "length field disagrees with the bytes present",
	[-WIRE_TRAILING] = "bytes left over at the end",
	[-WIRE_VALUE] = "field has a value that is not permitted",
	[-WIRE_COUNT] = "count field disagrees with the elements present",
	[-WIRE_LAST] = "last-or-more field disagrees with the elements present",
	[-WIRE_SPI] = "SPI size does not fit the protocol",
	[-WIRE_RANGE] = "range ends before it starts",
	[-WIRE_TOO_MANY] = "too many payloads",
	[-WIRE_VERSION] = "another major version",
	[-WIRE_NESTED] = "encrypted payload inside an encrypted payload",
	[-WIRE_PADDING] = "padding is longer than the text",
	[-WIRE_FULL] = "does not fit into one message",
};

const char *wire_strerror(int error)
{
	if (error > 0 || error < WIRE_FULL)
		return "unknown error";
	return texts[-error];
}
