/* SPDX-License-Identifier: MIT */
/*
 * Private to the native driver: OpenPGP cards, "Functional Specification of the OpenPGP application on ISO Smart Card Operating
 * Systems", 2.0 to 3.4.
 */
#ifndef KEYD_CARD_OPENPGP_H
#define KEYD_CARD_OPENPGP_H

#include "keyd/card/native.h"

enum openpgp_slot { OPENPGP_SIGN, OPENPGP_DECRYPT, OPENPGP_AUTH, OPENPGP_SLOTS };
enum openpgp_algorithm { OPENPGP_RSA = 0x01, OPENPGP_ECDH = 0x12, OPENPGP_ECDSA = 0x13, OPENPGP_EDDSA = 0x16 };

#define OPENPGP_PIN_SIGN 0x81		/* PW1 for PSO: COMPUTE DIGITAL SIGNATURE */
#define OPENPGP_PIN_OTHER 0x82		/* PW1 for all else */
#define OPENPGP_PIN_ADMIN 0x83
#define OPENPGP_PIN_LEAST 6
#define OPENPGP_ADMIN_LEAST 8

#define OPENPGP_CERT 0x7f21
#define OPENPGP_CERT_ANSWER 4096	/* bytes that are asked for at once, if the card can */
#define OPENPGP_DATA_ANSWER 1024	/* … of application related data */
#define OPENPGP_KEY_ANSWER 1200		/* … of a public key */

extern const struct openpgp_place {
	uint8_t crt;			/* control reference template */
	uint8_t occurrence;		/* of the certificate */
	const char *label;		/* OpenSC's, for the URI */
} openpgp_places[OPENPGP_SLOTS];

/* Application related data (6E), until the next command. */
struct openpgp_data {
	struct view aid;		/* 16 bytes */
	struct view historical;
	struct view capabilities;
	struct view algorithm[OPENPGP_SLOTS];	/* attributes; empty: not told */
	struct view pins;		/* 7 bytes */
	struct view lengths;		/* 7F66 */
};

int openpgp_read(struct apdu_way *w, struct openpgp_data *d) RD_MUST_CHECK;
/* A data object; *out is empty if there is none. */
int openpgp_get(struct apdu_way *w, unsigned tag, size_t most, struct view *out) RD_MUST_CHECK;
/*
 * The PIN as the card wants it. *n 0: as it is. CARD_UNSUPPORTED: as a hash of a kind that is not known. d's views end.
 */
int openpgp_kdf(struct apdu_way *w, const struct openpgp_data *d, uint8_t ref, struct view pin, uint8_t out[CRYPTO_SIG_HASH_MAX],
		size_t *n);
/* VERIFY with a PIN that is neither too short nor too long for this card, else it is wrong without a try. */
int openpgp_verify(struct apdu_way *w, uint8_t ref, struct view pin);
/* Which certificate OPENPGP_CERT means from now on. -1: the card knows one only, of the authentication key. */
int openpgp_choose_cert(struct apdu_way *w, enum openpgp_slot slot);

int openpgp_keys(struct apdu_way *w, struct card_keys *out);
/* What the key in a slot is called; -1: it is of no card. */
int openpgp_slot_of(const struct card_key *k, enum openpgp_slot *out);
/* 7F49 { … } by the algorithm's attributes. CARD_UNSUPPORTED: of no kind of ours. */
int openpgp_public(struct view template, struct view algorithm, struct crypto_key **out);
/* GENERATE ASYMMETRIC KEY PAIR: p1 80 makes, 81 reads. CARD_NO_KEY: there is none. */
int openpgp_key_pair(struct apdu_way *w, uint8_t p1, enum openpgp_slot slot, struct view *template);
int openpgp_sign(struct apdu_way *w, const struct card_key *k, const struct crypto_sig *s, const struct view *parts, unsigned nparts,
		 struct view pin, struct view *answer);

int openpgp_generate(struct apdu_way *w, const struct card_make *how, struct card_key *out);
int openpgp_store_cert(struct apdu_way *w, const struct card_key *k, struct view der, struct view admin);

#endif
