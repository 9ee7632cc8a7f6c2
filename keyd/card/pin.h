/* SPDX-License-Identifier: MIT */
/* A PIN: in memory that is never swapped out nor dumped, and that is cleansed. */
#ifndef KEYD_CARD_PIN_H
#define KEYD_CARD_PIN_H

#include "keyd/util/rd.h"

struct card_pin;

/* A copy. 0 and *out is the caller's, or -1: longer than CARD_PIN_MAX, or no memory that can be locked. */
int card_pin_new(struct card_pin **out, struct view pin) RD_MUST_CHECK;
/* Cleanses it. NULL is allowed. */
void card_pin_free(struct card_pin *p);
/* Lives as long as p. Of NULL: empty. */
struct view card_pin_view(const struct card_pin *p);

#endif
