/* SPDX-License-Identifier: MIT */
/* What goes wrong with a card on command: rules for the commands that come next. */
#ifndef TESTS_CARD_FAULT_H
#define TESTS_CARD_FAULT_H

#include "keyd/util/wr.h"

#include <stdbool.h>

#define FAULTS_MAX 16
#define FAULT_ANY -1
#define FAULT_ALWAYS 0

enum fault_kind {
	FAULT_NONE,
	FAULT_DELAY,			/* carried out; the answer comes value ms later */
	FAULT_SILENCE,			/* carried out; the answer is kept back */
	FAULT_GARBAGE,			/* carried out; noise instead of the answer */
	FAULT_SHORT,			/* carried out; the answer's first byte alone */
	FAULT_LONG,			/* carried out; 60,000 bytes of noise that end well */
	FAULT_STATUS,			/* not carried out; the answer is the status word value */
	FAULT_PULL,			/* not carried out; the card is gone */
};

struct fault {
	enum fault_kind kind;
	int ins;			/* instruction byte, or FAULT_ANY */
	unsigned int left;		/* times, or FAULT_ALWAYS */
	unsigned int value;
};

struct faults {
	struct fault list[FAULTS_MAX];
	unsigned int n;
	uint32_t noise;
};

/* -1 when there are too many. A delay takes the place of the one that there is for the same commands. */
int fault_add(struct faults *f, struct fault fault);
/* What befalls a command now, apart from delays; the rule is used up by one. *delay_ms is 0 without one. */
struct fault fault_take(struct faults *f, uint8_t ins, unsigned int *delay_ms);
/* Replaces the answer in w as the fault demands it. */
void fault_spoil(struct faults *f, enum fault_kind kind, struct wr *w);

#endif
