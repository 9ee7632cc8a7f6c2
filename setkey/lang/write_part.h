/* SPDX-License-Identifier: MIT */
/* Parts of statements that associations and policies share, as text. Callers have made sure that there are words for them. */
#ifndef SETKEY_LANG_WRITE_PART_H
#define SETKEY_LANG_WRITE_PART_H

#include "pfkey/ipsec.h"

#include <stdio.h>

struct write_reason {
	char *why;
	size_t n;
};

/* Puts a sentence into the reason and returns -EOPNOTSUPP. */
int write_refuse(const struct write_reason *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* 0 where the language has words for it, or -EOPNOTSUPP and a sentence. */
int write_label_check(const char *label, const struct write_reason *r);

/* "10.0.0.0/8[any] 10.1.2.3[80] tcp" */
void write_selector(FILE *out, const struct ipsec_selector *sel);
/* What stands behind a protocol that has no ports: GRE's key, or a type and a code: " 128,0". */
void write_upper_detail(FILE *out, const struct ipsec_selector *sel);
/* The rest begins with a blank, and is empty where there is nothing to say. */
void write_number(FILE *out, const char *option, uint64_t v);
void write_lifetimes(FILE *out, const struct ipsec_lifetime *hard, const struct ipsec_lifetime *soft);
void write_mark(FILE *out, const char *option, const struct ipsec_mark *mark);
/* By its name, or by its number if it has none that can be read again. */
void write_device(FILE *out, const char *option, uint32_t ifindex);
void write_label(FILE *out, const char *label);

#endif
