// SPDX-License-Identifier: MIT
// The name of a number: sorted tables, searched by value.
#include "keyd/wire/names.h"

const char *wire_name_of(const struct wire_names *t, uint16_t value)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (t->row[mid].value == value)
			return t->row[mid].text;
		if (t->row[mid].value < value)
			low = mid + 1;
		else
			high = mid;
	}
	return "?";
}
