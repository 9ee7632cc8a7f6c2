/* SPDX-License-Identifier: MIT */
/* Which payloads each exchange may have, must have, and may have once (RFC 7296 1.2 to 1.5, 2.5 and 3). */
#ifndef KEYD_IKEV2_PAYLOADS_H
#define KEYD_IKEV2_PAYLOADS_H

#include "keyd/wire/payload.h"

#define PAYLOADS_WHY 128

/*
 * What m breaks of its exchange's rules, in words that stand in buf, or NULL: a payload that must be there and is not
 * (requests only: answers may consist of one notify), one that is there twice, one that has no place there, one whose body
 * is malformed; outside SK anything known but SK itself. The order of payloads is free, unknown types are skipped,
 * and exchanges that we do not know have no rules. m is opened: what is inside SK is in it.
 */
const char *payloads_wrong(const struct wire_message *m, char buf[PAYLOADS_WHY]);

#endif
