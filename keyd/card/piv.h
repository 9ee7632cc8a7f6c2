/* SPDX-License-Identifier: MIT */
/* Private to the native driver: PIV cards, NIST SP 800-73-4 parts 1 and 2. */
#ifndef KEYD_CARD_PIV_H
#define KEYD_CARD_PIV_H

#include "keyd/card/native.h"

enum piv_slot { PIV_AUTH, PIV_SIGN, PIV_MANAGE, PIV_CARD, PIV_SLOTS };

#define PIV_PIN 0x80
#define PIV_PIN_LEN 8			/* padded with FF */
#define PIV_ADMIN_KEY 0x9b
#define PIV_CHUID 0x5fc102
#define PIV_NO_SERIAL "00000000"	/* of a card that has no CHUID, as OpenSC calls it */
#define PIV_OBJECT_ANSWER 4096		/* bytes that are asked for at once, if the card can */

/* Dynamic authentication template (part 2, table 7) */
enum { PIV_TEMPLATE = 0x7c, PIV_WITNESS = 0x80, PIV_CHALLENGE = 0x81, PIV_RESPONSE = 0x82 };

extern const struct piv_place {
	uint8_t ref;
	uint32_t cert;			/* object */
	const char *label;		/* OpenSC's, for the URI */
	bool signs;
	bool each, open;		/* as card_key has them */
} piv_places[PIV_SLOTS];

/* The value of a data object (of 53); *out is empty if there is none, or none that is shown. */
int piv_get(struct apdu_way *w, uint32_t object, struct view *out) RD_MUST_CHECK;
int piv_verify(struct apdu_way *w, struct view pin);

/* A certificate out of its object (70, 71), uncompressed if it must be; *k: its key, which may be NULL. CARD_NO_KEY: none. */
int piv_cert(struct apdu_way *w, enum piv_slot slot, struct secret *der, struct crypto_key **k);
int piv_keys(struct apdu_way *w, struct card_keys *out);
/* -1: the key is of no card. */
int piv_slot_of(const struct card_key *k, enum piv_slot *out);
/* SP 800-78-4 table 6-2; 0: there is none. */
uint8_t piv_algorithm(enum crypto_key_type type, unsigned bits);
/* The i-th of those that signatures are made with, and the bits of its input; 0: there are no more. */
uint8_t piv_algorithm_next(unsigned i, unsigned *bits);
/* What 7F49 says of such a key. */
int piv_public(struct view template, uint8_t algorithm, struct crypto_key **out);
/* GENERAL AUTHENTICATE with data as it is; the template's contents in *out. */
int piv_ask(struct apdu_way *w, uint8_t algorithm, uint8_t ref, struct view data, struct view *out);
/* … asking for a signature of the input, which stands in 82. */
int piv_ask_signature(struct apdu_way *w, enum piv_slot slot, uint8_t algorithm, struct view input, struct view *out);
int piv_sign(struct apdu_way *w, const struct card_key *k, const struct crypto_sig *s, const struct view *parts, unsigned nparts,
	     struct view pin, struct view *answer);

int piv_generate(struct apdu_way *w, const struct card_make *how, struct card_key *out);
int piv_store_cert(struct apdu_way *w, const struct card_key *k, struct view der, struct view admin);

#endif
