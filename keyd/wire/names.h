/* SPDX-License-Identifier: MIT */
/* Inside of keyd/wire: numbers and their names, made of the tables of numbers.h and isakmp_numbers.h. */
#ifndef KEYD_WIRE_NAMES_H
#define KEYD_WIRE_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct wire_name {
	uint16_t value;
	const char *text;
};

/* Sorted by value. */
struct wire_names {
	const struct wire_name *row;
	size_t n;
};

#define WIRE_NAMES_ROW(constant, number, name) { number, name },
/* A static table id of the rows that list has. */
#define WIRE_NAMES(id, list) \
	static const struct wire_name id##_rows[] = { list(WIRE_NAMES_ROW) }; \
	static const struct wire_names id = { id##_rows, sizeof(id##_rows) / sizeof(id##_rows[0]) }

/* "?" for a number that is not there. */
const char *wire_name_of(const struct wire_names *t, uint16_t value);

#endif
