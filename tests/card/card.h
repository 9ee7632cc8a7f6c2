/* SPDX-License-Identifier: MIT */
/* A smart card: PINs, keys, data objects and a signature counter, whatever its kind; and the way of commands through it. */
#ifndef TESTS_CARD_CARD_H
#define TESTS_CARD_CARD_H

#include "keyd/util/rd.h"
#include "keyd/util/wr.h"
#include "tests/card/key.h"

#include <stdbool.h>

#define CARD_PINS 3
#define CARD_KEYS 4
#define CARD_OBJECTS 64
#define CARD_PIN_MAX 64
#define CARD_BODY_MAX 8192		/* of a command or an answer, in bytes, all links of a chain together */
#define CARD_LIMIT 3072			/* what a card says that it takes and gives in one extended APDU, in bytes */
#define CARD_FRAME_MAX (CARD_BODY_MAX + 16)

/* Status words of ISO/IEC 7816-4. */
enum {
	SW_OK = 0x9000,
	SW_TERMINATED = 0x6285,
	SW_TRIES = 0x63c0,		/* and how many are left */
	SW_LENGTH = 0x6700,
	SW_SECURE_MESSAGING = 0x6882,
	SW_CHAIN = 0x6884,
	SW_NOT_ALLOWED = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_NO_CONDITION = 0x6985,
	SW_DATA = 0x6a80,
	SW_NOT_FOUND = 0x6a82,
	SW_PARAMETERS = 0x6a86,
	SW_NO_REFERENCE = 0x6a88,
	SW_INSTRUCTION = 0x6d00,
	SW_CLASS = 0x6e00,
	SW_INTERNAL = 0x6f00
};

struct apdu {
	uint8_t cla, ins, p1, p2;
	struct view data;
	size_t most;			/* of the answer's bytes (Ne) */
	bool extended;
};

struct card_pin {
	uint8_t value[CARD_PIN_MAX], n;	/* n 0: there is none */
	uint8_t tries;
};

struct card_object {
	uint32_t tag;
	size_t n;
	uint8_t *p;
};

struct card;

struct card_kind {
	const char *name;
	struct {
		const char *name, *initial;	/* NULL: the kind has no such PIN; "": not set at first */
		uint8_t least, most, tries;
	} pins[CARD_PINS];
	struct {
		const char *name;
		uint8_t ref;
		uint32_t certificate;		/* object that has its certificate; 0: none */
	} keys[CARD_KEYS];
	/* What a new card has in it. */
	void (*make)(struct card *c);
	/* Writes the answer's body to w, returns the status word. */
	unsigned int (*command)(struct card *c, const struct apdu *a, struct wr *w);
	/* Power came on, or the card was reset. */
	void (*wake)(struct card *c);
	void (*atr)(const struct card *c, struct wr *w);
	/* A key has come to slot i by whatever way; its kind is known. */
	void (*key_new)(struct card *c, unsigned int i);
	/* Writes what a host writes beside a key that it has brought into slot i, so that programs see it. NULL: nothing. */
	void (*enroll)(struct card *c, unsigned int i);
	/* Stores a certificate (DER) in the object. */
	void (*certificate)(struct card *c, uint32_t object, struct view der);
};

struct card {
	const struct card_kind *kind;
	struct card_pin pins[CARD_PINS];
	EVP_PKEY *keys[CARD_KEYS];
	struct card_object objects[CARD_OBJECTS];
	unsigned int nobjects;
	uint32_t signatures;
	bool terminated;
	bool extended;			/* takes APDUs with extended length */
	const char *state;		/* file in which all above stays; NULL: nowhere */

	/* Until the card loses power. */
	unsigned int access;		/* bits of the kind: what the PINs given so far permit */
	unsigned int chosen;		/* of several objects with one tag */
	uint8_t challenge[16], nchallenge, witness;
	uint8_t chain[CARD_BODY_MAX];	/* body of a command that has not come whole */
	size_t nchain;
	struct apdu chained;
	uint8_t body[CARD_BODY_MAX];	/* of an answer */
	size_t nbody, given;
	unsigned int status;
	unsigned long commands[256];	/* how many came, by INS; GET RESPONSE apart */
};

extern const struct card_kind card_openpgp, card_piv;

/* A card as it comes from the factory. */
void card_make(struct card *c, const struct card_kind *kind);
void card_free(struct card *c);
void card_wake(struct card *c);

/* A command as it came (frame), an answer of at most CARD_FRAME_MAX bytes into w. Writes the state if there is a file for it. */
void card_transmit(struct card *c, struct view frame, struct wr *w);

/* Of the slot with this name or reference; -1 if there is none. */
int card_key_by_name(const struct card *c, const char *name);
int card_key_by_ref(const struct card *c, uint8_t ref);
/* Puts a key into a slot, which owns it from now on. */
void card_key_set(struct card *c, unsigned int i, EVP_PKEY *key);

/* Empty when there is none. */
struct view card_object(const struct card *c, uint32_t tag);
/* Stores a copy; an empty value deletes. -1 when the card is full. */
int card_object_set(struct card *c, uint32_t tag, struct view value);

enum pin_result { PIN_RIGHT, PIN_WRONG, PIN_BLOCKED };

/* A try, and what it costs. */
enum pin_result card_pin_try(struct card *c, unsigned int i, struct view value);
/* Does not try; -1 when it is too short or too long. All tries are back. */
int card_pin_set(struct card *c, unsigned int i, struct view value);
int card_pin_by_name(const struct card *c, const char *name);

/* The whole state to the card's file, at once or not at all; -1 with a line on standard error. */
int card_save(const struct card *c);
/* 1: there is no such file; -1: there is, but not of this card, with a line on standard error. */
int card_load(struct card *c);

#endif
