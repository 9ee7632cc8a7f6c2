/* SPDX-License-Identifier: MIT */
/* gzip (RFC 1952), as PIV cards compress certificates. */
#ifndef KEYD_CARD_GUNZIP_H
#define KEYD_CARD_GUNZIP_H

#include "keyd/util/rd.h"

bool gunzip_is(struct view v);
/* *n: the room in out, and then the length. 0, or -1: it is damaged, or longer than the room. */
int gunzip(struct view v, uint8_t *out, size_t *n) RD_MUST_CHECK;

#endif
