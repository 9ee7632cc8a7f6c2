/* SPDX-License-Identifier: MIT */
/* Commands to smart cards and their answers (ISO/IEC 7816-4): short and extended length, chains, answers fetched in parts. */
#ifndef KEYD_CARD_APDU_H
#define KEYD_CARD_APDU_H

#include "keyd/card/driver.h"

#define APDU_ANSWER_MAX 40960	/* bytes of one, all parts together: a certificate and some more */
#define APDU_DATA_MAX 65535	/* of a command */
#define APDU_SHORT_MAX 256	/* of an answer without extended length */

/* Status words that somebody here asks for by name. */
enum {
	APDU_OK = 0x9000,
	APDU_TERMINATED = 0x6285,
	APDU_TRIES = 0x63c0,		/* and how many are left, in the last four bits */
	APDU_LENGTH = 0x6700,
	APDU_DENIED = 0x6982,
	APDU_BLOCKED = 0x6983,
	APDU_DATA = 0x6a80,
	APDU_NOT_FOUND = 0x6a82,
	APDU_PARAMETERS = 0x6a86,
	APDU_NO_REFERENCE = 0x6a88,
};

/* The way to a card. */
struct apdu_way {
	/* Sends a command, waits for its answer; *n: the room, and then its length. 0, or an enum card_error and a word in why. */
	int (*transmit)(void *arg, struct view command, uint8_t *answer, size_t *n);
	void *arg;
	bool t0;			/* protocol T=0, which has no command with data both ways */
	/* Extended length: bytes of the longest command and answer that the card takes; 0: it has no such thing. */
	size_t command_max, answer_max;
	char *why;			/* CARD_WHY_MAX bytes, for card_driver.error */
	uint8_t frame[APDU_DATA_MAX + 10];
	uint8_t answer[APDU_ANSWER_MAX + APDU_SHORT_MAX + 2];
};

struct apdu {
	const char *name;		/* for people: "VERIFY" */
	uint8_t ins, p1, p2;
	struct view data;
	size_t most;			/* bytes that may be answered, roughly; 0: none */
};

/*
 * The status word, with the answer in *out (may be NULL) until the next command; or an enum card_error, which is negative: it did
 * not come to an answer.
 */
int apdu_send(struct apdu_way *w, const struct apdu *a, struct view *out) RD_MUST_CHECK;
/* As apdu_send, but anything other than 9000 is an error: what the status word means, with a word in why. */
int apdu_ask(struct apdu_way *w, const struct apdu *a, struct view *out) RD_MUST_CHECK;
/* What a result of apdu_send means. */
int apdu_error(struct apdu_way *w, const struct apdu *a, int status);
/* CARD_BROKEN, as the card's answer makes no sense. */
int apdu_nonsense(struct apdu_way *w, const char *what);

#endif
