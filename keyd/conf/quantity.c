// SPDX-License-Identifier: MIT
// Numbers with units: tables of units, one reader for all.
#include "keyd/conf/quantity.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* From small to large: formatting takes the last that divides. */
static const struct unit unit_seconds[] = {
	{ "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 604800 }, { NULL, 0 }
};
static const struct unit unit_milliseconds[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { NULL, 0 } };
static const struct unit unit_bytes[] = {
	{ "B", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { "T", 1ULL << 40 }, { NULL, 0 }
};
static const struct unit unit_count[] = {
	{ "", 1 }, { "K", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, { "T", 1000000000000 }, { NULL, 0 }
};
static const struct unit unit_percent[] = { { "", 1 }, { "%", 1 }, { NULL, 0 } };

static int quantity_parse(const struct unit *units, const char *text, uint64_t *out)
{
	const char *p = text;
	uint64_t v = 0;
	bool large = false;

	for (; *p >= '0' && *p <= '9'; p++)
		large |= __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v);
	if (p == text)
		return -EINVAL;
	for (; units->name; units++) {
		if (strcmp(units->name, p))
			continue;
		return large || __builtin_mul_overflow(v, units->factor, out) ? -ERANGE : 0;
	}
	return -EINVAL;
}

int quantity_seconds(const char *text, uint64_t *out)
{
	return quantity_parse(unit_seconds, text, out);
}

int quantity_milliseconds(const char *text, uint64_t *out)
{
	return quantity_parse(unit_milliseconds, text, out);
}

int quantity_bytes(const char *text, uint64_t *out)
{
	return quantity_parse(unit_bytes, text, out);
}

int quantity_count(const char *text, uint64_t *out)
{
	return quantity_parse(unit_count, text, out);
}

int quantity_percent(const char *text, uint64_t *out)
{
	return quantity_parse(unit_percent, text, out);
}

int quantity_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static const char *quantity_format(const struct unit *units, uint64_t v, char *buf)
{
	const struct unit *u = units;

	for (; units->name; units++)
		if (v % units->factor == 0 && (v || units->factor == 1))
			u = units;
	snprintf(buf, QUANTITY_STRLEN, "%" PRIu64 "%s", v / u->factor, u->name);
	return buf;
}

const char *quantity_format_seconds(uint64_t v, char *buf)
{
	return quantity_format(unit_seconds, v, buf);
}

const char *quantity_format_bytes(uint64_t v, char *buf)
{
	return quantity_format(unit_bytes, v, buf);
}
