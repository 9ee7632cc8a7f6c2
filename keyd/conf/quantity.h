/* SPDX-License-Identifier: MIT */
/* Numbers with units, as people write them: 30s 10m 8h 1d, 500ms, 10K 10M 10G, 10%. */
#ifndef KEYD_CONF_QUANTITY_H
#define KEYD_CONF_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Each returns 0, -EINVAL (not written like that) or -ERANGE (more than fits 64 bits). */
int quantity_seconds(const char *text, uint64_t *out);		/* s m h d w; none: seconds */
int quantity_milliseconds(const char *text, uint64_t *out);	/* ms s m; none: not accepted */
int quantity_bytes(const char *text, uint64_t *out);		/* B K M G T, of 1024; none: not accepted */
int quantity_count(const char *text, uint64_t *out);		/* K M G T of 1000; none: as it is */
int quantity_percent(const char *text, uint64_t *out);		/* with or without % */

/* The value of a hexadecimal digit, or -1. */
int quantity_hex_digit(char c);

#define QUANTITY_STRLEN 32
/* The shortest exact text, in buf[QUANTITY_STRLEN], returned. */
const char *quantity_format_seconds(uint64_t v, char *buf);
const char *quantity_format_bytes(uint64_t v, char *buf);

#endif
