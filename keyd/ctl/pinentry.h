/* SPDX-License-Identifier: MIT */
/* Asks for a PIN or a passphrase by a program of the pinentry family, which speaks Assuan. */
#ifndef KEYD_CTL_PINENTRY_H
#define KEYD_CTL_PINENTRY_H

#include <stddef.h>

enum pinentry_result {
	PINENTRY_OK = 0,
	PINENTRY_CANCELLED = -1,	/* whoever was asked did not want to */
	PINENTRY_FAILED = -2,		/* it cannot be run, or does not speak as it should: said in why */
};

struct pinentry_question {
	const char *title, *desc, *prompt;
	const char *error;		/* what was wrong with the last answer; NULL: nothing */
};

/*
 * Runs program (found by PATH), asks, and ends it. What was typed comes into buf[n] with NUL at its end, and is the caller's to
 * cleanse. The program may be anything: its lines are bounded in length and number, and it has 10 s for each but the answer itself.
 */
int pinentry_ask(const char *program, const struct pinentry_question *q, char *buf, size_t n, char *why, size_t nwhy);

#endif
