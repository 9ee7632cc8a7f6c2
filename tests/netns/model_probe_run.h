/* SPDX-License-Identifier: MIT */
/* model_probe: a script that runs, and what has been answered so far. */
#ifndef TESTS_NETNS_MODEL_PROBE_RUN_H
#define TESTS_NETNS_MODEL_PROBE_RUN_H

#include "tests/netns/model_probe.h"

#include <stddef.h>

#define SECOND 1000000u			/* µs */
#define STATEMENTS_MAX 40
#define TEXT_MAX 8192

/* What a world has answered. The order within each is compared, not that between them. */
enum stream { ANSWERS, EVENTS_ALICE, EVENTS_BOB, LINE, STREAMS };

struct transcript {
	struct {
		char text[TEXT_MAX];
		size_t n;
	} stream[STREAMS];
	uint64_t at[STATEMENTS_MAX];		/* when each statement was begun, */
	uint64_t waited[STATEMENTS_MAX];	/* and what it has waited for came; 0: it has not waited */
	unsigned n;
};

struct run {
	const struct world *world;
	struct transcript *out;
	struct frame frame[PROBE_FRAMES];
	unsigned nframes, npackets;
	bool through;
	struct {
		unsigned n[IPSEC_EVENT_TYPES], waited[IPSEC_EVENT_TYPES];
		uint64_t at[IPSEC_EVENT_TYPES];		/* of the last */
		struct ipsec_sa larval;			/* of the last ACQUIRE */
	} told[HOSTS];
};

extern struct run run;

void say(enum stream s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A script makes no sense. */
_Noreturn void mistake(const char *what, const char *text);

/* A statement of a script, n bytes of it. */
struct args {
	char word[4][24];		/* what has no = in it; the first is the statement's name */
	unsigned nwords;
	struct ipsec_sa sa;		/* alice to bob; spi from the number */
	unsigned port, priority, key, encap;
	uint64_t number;		/* the last word that is one */
	bool tunnel, connected, answers;
};
void statement_parse(struct args *a, const char *text, size_t n);
void statement_run(const struct args *a);

#endif
