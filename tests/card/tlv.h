/* SPDX-License-Identifier: MIT */
/* Data objects of smart cards: BER-TLV of ISO/IEC 7816-4, tags of up to three bytes, lengths up to 65,535. */
#ifndef TESTS_CARD_TLV_H
#define TESTS_CARD_TLV_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"

/* The next object; -1 at the end and for what is no object. */
RD_MUST_CHECK int tlv_next(struct rd *r, uint32_t *tag, struct view *value);
/* The first object with this tag in a row of objects; -1 if there is none. */
RD_MUST_CHECK int tlv_find(struct view row, uint32_t tag, struct view *value);

void tlv_tag(struct wr *w, uint32_t tag);
void tlv_put(struct wr *w, uint32_t tag, struct view value);
/* What is written between the two is the value; tlv_close gets what tlv_open returned. */
size_t tlv_open(struct wr *w, uint32_t tag);
void tlv_close(struct wr *w, size_t begin);

#endif
