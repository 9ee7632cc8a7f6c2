/* SPDX-License-Identifier: MIT */
/* Upper-layer protocols by name. The common ones are known here, as small systems have no /etc/protocols. */
#ifndef SETKEY_NAMES_H
#define SETKEY_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* The number, or -1. */
int upper_by_name(const char *name);
/* What a dump shows: the name of /etc/protocols, or the number; 255 for 0, as PF_KEY calls "any". */
const char *upper_name(uint8_t proto, char *buf, size_t n);

#endif
