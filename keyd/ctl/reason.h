/* SPDX-License-Identifier: MIT */
/* The words for each reason: its name for programs, what happened, and what to change. One table holds all of them. */
#ifndef KEYD_CTL_REASON_H
#define KEYD_CTL_REASON_H

#include "keyd/ike/engine.h"

#define REASON_SENTENCES 8

/*
 * Sentences are templates. {word} stands for what a story says of it (ctl/explain.c has the words), and a sentence goes
 * where there is nothing; {?word} keeps it only if there is something, {!word} only if there is nothing.
 */
struct reason {
	const char *name;			/* kebab-case; never changed */
	const char *happened[REASON_SENTENCES];
	const char *change[REASON_SENTENCES];
};

/* Never NULL; an unknown number is REASON_OTHER. */
const struct reason *reason_by_number(unsigned number);

#endif
