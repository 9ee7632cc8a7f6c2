/* SPDX-License-Identifier: MIT */
/* A PIV card, NIST SP 800-73-4 part 2. */
#ifndef TESTS_CARD_PIV_H
#define TESTS_CARD_PIV_H

#include "tests/card/card.h"

enum { PIV_9A, PIV_9C, PIV_9D, PIV_9E };		/* keys */
enum { PIV_PIN, PIV_PUK };				/* PINs */
/* access; the PIN is fresh until the next command: the key 9C wants that. */
enum { PIV_MAY_USE = 1, PIV_MAY_ADMIN = 2, PIV_FRESH = 4 };

/* GENERAL AUTHENTICATE, with the keys and with the administrator's. */
unsigned int piv_authenticate(struct card *c, const struct apdu *a, struct wr *w);

#endif
