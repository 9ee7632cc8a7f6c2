/* SPDX-License-Identifier: MIT */
/* Traffic selectors as sets: what two have in common, what lies in what (RFC 7296 2.9, 3.13; RFC 4301 4.4.1.1). */
#ifndef KEYD_IKE_TS_LIST_H
#define KEYD_IKE_TS_LIST_H

#include "keyd/wire/ts.h"
#include "pfkey/addr.h"

#include <stddef.h>

/* Start 65535 and end 0: packets whose ports cannot be seen. Part of "any port", and of no other range. */
bool ts_is_opaque(const struct wire_ts *ts);
/* Does the type of ICMP, ICMPv6 or the mobility header stand where other protocols have ports? */
bool ts_proto_has_types(uint8_t proto);

bool ts_within(const struct wire_ts *inner, const struct wire_ts *outer);
/* False: they have nothing in common, and *out means nothing. */
bool ts_intersect(const struct wire_ts *a, const struct wire_ts *b, struct wire_ts *out);

/* Does every entry of inner lie in one of outer's? False for an empty one. */
bool ts_list_within(const struct wire_ts_list *inner, const struct wire_ts_list *outer);
/* The parts of offered that lie in ts, in the order of offered, none inside another. False when nothing is left. */
bool ts_list_narrow(const struct wire_ts *ts, const struct wire_ts_list *offered, struct wire_ts_list *out);
/* Size of the largest entry: address bits, port bits and 8 for any protocol. */
int ts_list_bits(const struct wire_ts_list *l);

/* One address? */
bool ts_is_host(const struct wire_ts *ts);
/* Every entry is for the same single address. */
bool ts_list_is_host(const struct wire_ts_list *l);
/* The same ports and protocol of another address; a family that ts has not is put in, too. */
void ts_set_host(struct wire_ts *ts, const struct ipsec_addr *a);

/* "10.0.1.0-10.0.1.255 tcp port 80-90, …" into buf[n], returned. */
const char *ts_list_format(const struct wire_ts_list *l, char *buf, size_t n);

#endif
