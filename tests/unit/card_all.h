/* SPDX-License-Identifier: MIT */
/* Everything that a card driver can be asked, one after the other, whatever comes of each: for tests of cards that lie. */
#ifndef TESTS_UNIT_CARD_ALL_H
#define TESTS_UNIT_CARD_ALL_H

#include "keyd/card/driver.h"

#define CARD_ALL_PIN "123456"
#define CARD_ALL_ADMIN "12345678"
#define CARD_ALL_MANAGER "010203040506070801020304050607080102030405060708"

/* Aborts when the driver tells what it may not. */
void card_all(struct card *c);

#endif
