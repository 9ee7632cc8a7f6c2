/* SPDX-License-Identifier: MIT */
/* The readers that pcscd knows, and waiting for what changes there. Nothing in here talks to a card, or polls. */
#ifndef KEYD_CARD_PCSC_WATCH_H
#define KEYD_CARD_PCSC_WATCH_H

#include "keyd/card/driver.h"

#define PCSC_READERS_MAX 16	/* pcscd has no more */
#define PCSC_NAME_MAX 128	/* bytes of a reader's name, with NUL */

struct pcsc_reader {
	char name[PCSC_NAME_MAX];	/* as pcscd has it, and as card_driver_native wants it */
	bool present;			/* a card is in it */
	uint16_t events;		/* pcscd's count of cards that came and went, modulo 65536: another one means another card */
};

struct pcsc_watch;

/* 0 and *out is the caller's, or CARD_FAILED. pcscd need not be there. */
int pcsc_watch_open(struct pcsc_watch **out) RD_MUST_CHECK;
void pcsc_watch_close(struct pcsc_watch *w);
/*
 * The readers that are there now; *n: the room, at least PCSC_READERS_MAX, and then how many. 0; CARD_GONE: pcscd is not
 * there; CARD_BROKEN: it answers with errors.
 */
int pcsc_watch_readers(struct pcsc_watch *w, struct pcsc_reader *out, unsigned *n) RD_MUST_CHECK;
/*
 * Blocks until something differs from what pcsc_watch_readers said last: a reader, a card, pcscd that has gone, or, if it was
 * not there (or answered with errors), one that may be there now: its socket has changed. A timeout in ms, -1: none. 1: look again;
 * 0: the time is over.
 */
int pcsc_watch_wait(struct pcsc_watch *w, int timeout) RD_MUST_CHECK;
/* What pcscd said last when something failed: "SCardListReaders: Service not available."; "" for nothing. */
const char *pcsc_watch_error(const struct pcsc_watch *w);

#endif
