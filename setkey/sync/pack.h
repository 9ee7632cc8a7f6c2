/* SPDX-License-Identifier: MIT */
/* SAs and policies kept for the way back: they are mostly zeros, and packed they take a tenth of the room. */
#ifndef SETKEY_SYNC_PACK_H
#define SETKEY_SYNC_PACK_H

#include "setkey/lang/arena.h"

/* A copy of the n bytes at p without its longer runs of zeros, in the arena (which cleanses it); NULL without memory. */
const void *sync_pack(struct arena *a, const void *p, size_t n);
/* Writes the same n bytes to p. */
void sync_unpack(const void *packed, void *p, size_t n);

#endif
