/* SPDX-License-Identifier: MIT */
/*
 * A libpcsclite without pcscd, for tests: one reader, in which the cards of tests/card are, in this process. What goes wrong is
 * decided by the test.
 */
#ifndef TESTS_UNIT_CARD_PCSC_H
#define TESTS_UNIT_CARD_PCSC_H

#include "keyd/util/rd.h"

#define MOCK_READER "Mock 00 00"

struct mock_pcsc {
	bool service;			/* pcscd is there */
	bool reader, card;		/* there is one; there is one in it */
	bool exclusive;			/* another program holds the card exclusively */
	bool was_reset;			/* by another program, since our last transaction */
	bool t0;
	/* Called with each command (the n-th since the count was set to 0) and what was answered; *nanswer: the room is 70,000. */
	void (*spoil)(unsigned n, struct view command, uint8_t *answer, size_t *nanswer);
	/* What SCardTransmit returns instead of asking the card; 0: it asks. */
	long (*fail)(unsigned n);
	unsigned count;			/* commands */
	unsigned wrote;			/* bytes of the longest command */
	unsigned contexts, handles, transactions;	/* open now */
};

extern struct mock_pcsc mock_pcsc;

/* All is as at first: pcscd, the reader, and a new card with these applications in it. */
void mock_pcsc_new(bool openpgp, bool piv, bool extended);
void mock_pcsc_free(void);
/* "openpgp" "auth" "rsa2048"; made once, and the same ever after. Returns the key's SubjectPublicKeyInfo in DER. */
struct view mock_pcsc_key(const char *application, const char *slot, const char *kind);
void mock_pcsc_cert(const char *application, const char *slot, struct view der);
/* Both: the key's own certificate, of another key's making; 0 or -1. */
int mock_pcsc_certify(const char *application, const char *slot, const char *kind, const char *cn);
/* A certificate for a key. *n: the room, and then the length. 0 or -1. */
int mock_pcsc_make_cert(struct view spki, const char *cn, uint8_t *out, size_t *n);
/* The value of a data object; empty: there is none. */
struct view mock_pcsc_object(const char *application, uint32_t tag);
void mock_pcsc_object_set(const char *application, uint32_t tag, struct view value);
bool mock_pcsc_may_administrate(const char *application);
/* 0 or -1. */
int mock_pcsc_pin_set(const char *application, const char *pin, struct view value);
int mock_pcsc_tries(const char *application, const char *pin);
/* Another program's command; the status word. */
unsigned mock_pcsc_other(const void *apdu, size_t n);
/* It has gone, and, if it comes again, is without power in between. */
void mock_pcsc_pull(void);
void mock_pcsc_push(void);

#endif
