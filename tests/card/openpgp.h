/* SPDX-License-Identifier: MIT */
/* An OpenPGP card, "Functional Specification of the OpenPGP application on ISO Smart Card Operating Systems" 3.4. */
#ifndef TESTS_CARD_OPENPGP_H
#define TESTS_CARD_OPENPGP_H

#include "tests/card/card.h"

enum { OPENPGP_SIGN, OPENPGP_DECRYPT, OPENPGP_AUTH };			/* keys */
enum { OPENPGP_USER, OPENPGP_RESET, OPENPGP_ADMIN };			/* PINs: PW1, resetting code, PW3 */
enum { OPENPGP_MAY_SIGN = 1, OPENPGP_MAY_USE = 2, OPENPGP_MAY_ADMIN = 4 };	/* access: VERIFY 81, 82, 83 */

#define OPENPGP_ALGORITHM 0xc1		/* + key */
#define OPENPGP_PW_STATUS 0xc4
#define OPENPGP_CERTIFICATE 0x7f21	/* + 0x10000 * occurrence: AUT, DEC, SIG */

extern const uint8_t openpgp_aid[16];
/* Ten bytes; they tell of chaining and extended length, and whether the card is in operation. */
void openpgp_historical(const struct card *c, struct wr *w);

void openpgp_make_objects(struct card *c);
/* A fingerprint and a time, without which programs do not believe in the key. */
void openpgp_enroll(struct card *c, unsigned int i);
/* Attributes of the algorithm of key i; NULL when the card has no such algorithm. */
const struct key_kind *openpgp_algorithm(const struct card *c, unsigned int i);
void openpgp_algorithm_set(struct card *c, unsigned int i, const struct key_kind *kind);
bool openpgp_pin_for_each(const struct card *c);

/* Commands on data objects, each with its status word. */
unsigned int openpgp_get_data(struct card *c, const struct apdu *a, struct wr *w);
unsigned int openpgp_put_data(struct card *c, const struct apdu *a, struct wr *w);
unsigned int openpgp_select_data(struct card *c, const struct apdu *a, struct wr *w);

#endif
