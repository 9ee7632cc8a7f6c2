/* SPDX-License-Identifier: MIT */
/*
 * Private to the native driver: the applications on cards that it knows. Each function talks to a card that is ours alone while
 * it runs, and returns 0 or an enum card_error with a word in way->why.
 */
#ifndef KEYD_CARD_NATIVE_H
#define KEYD_CARD_NATIVE_H

#include "keyd/card/apdu.h"
#include "keyd/crypto/sig_parts.h"

struct native_app {
	/* Selects it, which may end logins. CARD_GONE: the card has no such application, or it is out of operation. */
	int (*select)(struct apdu_way *w);
	/* Of the application that is selected: names, tries, and how long its commands may be. */
	int (*token)(struct apdu_way *w, struct card_token *t);
	/* Whether it is selected, on this very card. Harms no other application. */
	bool (*is_here)(struct apdu_way *w, const struct card_token *t);
	/* The serial number of cards that have none, of which that is little to go by; NULL: all have one. */
	const char *nobody;
	/* Tries that are left, without using one; -1: it does not tell now. */
	int (*tries)(struct apdu_way *w, int *tries);
	int (*keys)(struct apdu_way *w, struct card_keys *out);
	int (*login)(struct apdu_way *w, struct view pin);
	int (*logout)(struct apdu_way *w);
	/* pin: empty, or for a key with each. The card's own answer, until the next command. */
	int (*sign)(struct apdu_way *w, const struct card_key *k, const struct crypto_sig *s, const struct view *parts,
		    unsigned nparts, struct view pin, struct view *answer);
	int (*generate)(struct apdu_way *w, const struct card_make *how, struct card_key *out);
	int (*store_cert)(struct apdu_way *w, const struct card_key *k, struct view der, struct view admin);
};

extern const struct native_app native_openpgp, native_piv;

/* VERIFY (ISO/IEC 7816-4, 11.5.6) against reference ref. Errors are those of a login. */
int native_verify(struct apdu_way *w, uint8_t ref, struct view pin);
/* Its result as an error of whoever administrates. */
int native_admin_error(int error);
/* Forgets that it was given. */
int native_forget(struct apdu_way *w, uint8_t ref);

/* Schemes that the key fits, all or those without PSS. */
uint32_t native_schemes(const struct crypto_key *k, bool pss);
/*
 * What ECDSA signs: of the hash as much as the curve takes; pad: with zeros in front to the length of the curve, which some cards
 * insist on. *n is its length.
 */
int native_ec_input(const struct crypto_sig *s, const struct crypto_key *k, const struct view *parts, unsigned nparts, bool pad,
		    uint8_t out[CRYPTO_SIG_HASH_MAX], size_t *n);
/* Fills in public (taken over), digest, id and label. The key is not the caller's to free, whatever the result. */
int native_key_set(struct card_key *k, struct crypto_key *public, uint8_t id, const char *label);
/*
 * What stands in 7F49: 81 modulus, 82 exponent; or 86 point, with the curve's object identifier, without tag and length. CARD_BROKEN: it
 * is none; CARD_UNSUPPORTED: of a kind that keyd does not know.
 */
int native_rsa_get(struct view template, struct crypto_key **out);
int native_ec_get(struct view template, struct view curve, struct crypto_key **out);
/* The object identifier of NIST's curve with so many bits; empty: there is none. */
struct view native_curve(unsigned bits);

#endif
