/* SPDX-License-Identifier: MIT */
/* Between the kernel's selectors (prefixes and port masks) and IKEv2's traffic selectors (ranges, RFC 7296 3.13). */
#ifndef KEYD_IKE_SELECTOR_H
#define KEYD_IKE_SELECTOR_H

#include "keyd/wire/ts.h"
#include "pfkey/ipsec.h"

enum selector_side { SELECTOR_SRC, SELECTOR_DST };

#define SELECTOR_STRLEN (2 * IPSEC_ADDR_STRLEN + 40)

bool selector_equal(const struct ipsec_selector *a, const struct ipsec_selector *b);
/* Does a contain all of b? */
bool selector_covers(const struct ipsec_selector *a, const struct ipsec_selector *b);
/* The other direction: source and destination change places. */
void selector_turn(struct ipsec_selector *s);
/* "10.0.1.0/24[any] 10.0.2.0/24[any] any" into buf[n], returned. */
const char *selector_format(const struct ipsec_selector *s, char *buf, size_t n);

/* One side of a selector as a traffic selector. */
void selector_to_ts(const struct ipsec_selector *s, enum selector_side side, struct wire_ts *ts);
/*
 * The part of offered that one side of s covers, RFC 7296 2.9: each intersection once, none inside another. False when
 * nothing is left.
 */
bool selector_narrow(const struct ipsec_selector *s, enum selector_side side, const struct wire_ts_list *offered,
		     struct wire_ts_list *out);
/*
 * The selector whose sides are exactly src and dst, if each list has one entry and that is a prefix and one port or
 * all. False where a kernel selector cannot say it.
 */
bool selector_from_ts(const struct wire_ts_list *src, const struct wire_ts_list *dst, struct ipsec_selector *out);
/* Does every entry of inner lie in one of outer's? */
bool ts_list_within(const struct wire_ts_list *inner, const struct wire_ts_list *outer);
/* Size of the largest entry: address bits, port bits and 8 for any protocol. */
int ts_list_bits(const struct wire_ts_list *l);
/* "10.0.1.0-10.0.1.255 proto 6 port 80, …" into buf[n], returned. */
const char *ts_list_format(const struct wire_ts_list *l, char *buf, size_t n);

#endif
