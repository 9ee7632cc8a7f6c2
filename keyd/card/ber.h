/* SPDX-License-Identifier: MIT */
/* Data objects of smart cards: BER-TLV (ISO/IEC 7816-4, 5.2.2), read out of hostile bytes, and written. */
#ifndef KEYD_CARD_BER_H
#define KEYD_CARD_BER_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"

/* The next object of a row; tags have at most 3 bytes. 1; 0: there is none left; -1: what is left is no object, or cut short. */
RD_MUST_CHECK int ber_next(struct rd *r, uint32_t *tag, struct view *value);
/* The first object with this tag in a row of objects. 0, or -1: there is none; *value is unchanged then. */
RD_MUST_CHECK int ber_find(struct view row, uint32_t tag, struct view *value);
/* … inside of others, from the outermost tag to the innermost; 0 ends the tags. */
RD_MUST_CHECK int ber_find_in(struct view row, const uint32_t *tags, struct view *value);

/* Tag and length of a value of n bytes, which follows. */
void ber_head(struct wr *w, uint32_t tag, size_t n);
void ber_put(struct wr *w, uint32_t tag, struct view value);
/* How many bytes ber_put writes. */
size_t ber_size(uint32_t tag, size_t n);

#endif
