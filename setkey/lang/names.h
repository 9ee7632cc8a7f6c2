/* SPDX-License-Identifier: MIT */
/* Names of upper-layer protocols, priorities and the kernel's algorithms; small systems have no /etc/protocols. */
#ifndef SETKEY_LANG_NAMES_H
#define SETKEY_LANG_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number, or -1. */
int upper_by_name(const char *name);
/* What a dump shows: the name of /etc/protocols, or the number; 255 for 0, as PF_KEY calls "any". */
const char *upper_name(uint8_t proto, char *buf, size_t n);
/* The name that every system reads, as it is known here; NULL: none. */
const char *upper_known(uint8_t proto);
/* Does it have a type and a code in the place of ports (ICMP and MH)? */
bool upper_has_types(uint8_t proto);

/*
 * Is this what the kernel may call an algorithm? One that we do not know must have parentheses, as "cbc(serpent)" has:
 * without them it may as well be a key in the wrong place, which no message must show.
 */
bool kernel_alg_name(const char *name);

/* The kernel's priorities behind the words. */
#define PRIORITY_HIGH 1073741824u
#define PRIORITY_DEF 2147483648u
#define PRIORITY_LOW 3221225472u

/* "high", "def + 5", …: the nearest word and the distance, where + is sooner. Writes into buf[n] and returns buf. */
const char *priority_text(uint32_t priority, char *buf, size_t n);
#define PRIORITY_TEXT_LEN 24

#endif
