/* SPDX-License-Identifier: MIT */
/* A PIN: in memory that is never swapped out nor dumped, and that is cleansed. */
#ifndef KEYD_CARD_PIN_H
#define KEYD_CARD_PIN_H

#include "keyd/util/rd.h"

struct card_pin;

/* A copy. 0 and *out is the caller's, or -1: longer than CARD_PIN_MAX, or no memory that can be locked. */
int card_pin_new(struct card_pin **out, struct view pin) RD_MUST_CHECK;
/* One of n zero bytes, for whoever reads them from elsewhere: into *room, which lives as long as *out. 0 or -1, as above. */
int card_pin_alloc(struct card_pin **out, size_t n, uint8_t **room) RD_MUST_CHECK;
/* Makes it shorter: n bytes of it count from now on. */
void card_pin_cut(struct card_pin *p, size_t n);
/* Cleanses it. NULL is allowed. */
void card_pin_free(struct card_pin *p);
/* Lives as long as p. Of NULL: empty. */
struct view card_pin_view(const struct card_pin *p);

#endif
