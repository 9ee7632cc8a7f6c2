/* SPDX-License-Identifier: MIT */
/* Between the kernel's selectors (prefixes and port masks) and IKEv2's traffic selectors (ranges, RFC 7296 3.13). */
#ifndef KEYD_IKE_SELECTOR_H
#define KEYD_IKE_SELECTOR_H

#include "keyd/ike/ts_list.h"
#include "keyd/util/table.h"
#include "pfkey/ipsec.h"

enum selector_side { SELECTOR_SRC, SELECTOR_DST };

#define SELECTOR_STRLEN (2 * IPSEC_ADDR_STRLEN + 40)

bool selector_equal(const struct ipsec_selector *a, const struct ipsec_selector *b);
/* Does a contain all of b? */
bool selector_covers(const struct ipsec_selector *a, const struct ipsec_selector *b);
/* Have they a packet in common? */
bool selector_meets(const struct ipsec_selector *a, const struct ipsec_selector *b);
/* For a table; h as in table_hash. */
uint64_t selector_hash(uint64_t h, const struct ipsec_selector *s);
/* The other direction: source and destination change places. */
void selector_turn(struct ipsec_selector *s);
/* "10.0.1.0/24[any] 10.0.2.0/24[any] any" into buf[n], returned. */
const char *selector_format(const struct ipsec_selector *s, char *buf, size_t n);

/* One side of a selector as a traffic selector. Types of ICMP stand on both sides: RFC 4301 4.4.1.1. */
void selector_to_ts(const struct ipsec_selector *s, enum selector_side side, struct wire_ts *ts);

/*
 * The kernel has one selector for an SA, of prefixes and masks; agreed are lists of ranges. So an outbound SA gets a
 * selector that lies inside of what was agreed: what it leaves out asks for an SA of its own, and nothing goes where
 * the peer would drop it. It is the largest around near, if near (NULL, or src.family 0: nothing) lies in the lists,
 * else around where their first entries begin. False: the lists have no pair of one family and protocol.
 */
bool selector_inside(const struct wire_ts_list *src, const struct wire_ts_list *dst, const struct ipsec_selector *near,
		     struct ipsec_selector *out);
/*
 * An inbound SA gets the smallest selector around all of it, and what the peer sends beyond is stopped by the policies.
 * src.family is 0 where both families were agreed: then no selector will do.
 */
void selector_around(const struct wire_ts_list *src, const struct wire_ts_list *dst, struct ipsec_selector *out);

#endif
