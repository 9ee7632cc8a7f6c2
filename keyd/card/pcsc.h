/* SPDX-License-Identifier: MIT */
/* The way to the card in one reader of pcscd's, which other programs share. Functions return 0 or an enum card_error. */
#ifndef KEYD_CARD_PCSC_H
#define KEYD_CARD_PCSC_H

#include "keyd/card/pcsc_watch.h"

#include <winscard.h>

struct pcsc {
	char reader[PCSC_NAME_MAX];
	SCARDCONTEXT context;
	SCARDHANDLE handle;
	DWORD protocol;
	bool has_context, connected, failed;
	unsigned power;			/* another number whenever the card may have forgotten what it was told, or is another one */
	char *why;			/* CARD_WHY_MAX bytes, for card_driver.error */
};

/* Keeps what a function said, as pcsc-lite words it, and tells what it means. */
int pcsc_error(char why[CARD_WHY_MAX], const char *function, LONG rv);

/*
 * The card is ours alone until pcsc_end; connects to it, and to pcscd, if need be. CARD_GONE: there is no card, or no such
 * reader.
 */
int pcsc_begin(struct pcsc *p) RD_MUST_CHECK;
void pcsc_end(struct pcsc *p);
/* apdu_way.transmit, with p as its arg. CARD_LOCKED: the card was reset meanwhile. */
int pcsc_transmit(void *p, struct view command, uint8_t *answer, size_t *n) RD_MUST_CHECK;
/* Lets go of the card; reset: it forgets all logins. */
void pcsc_release(struct pcsc *p, bool reset);
/* … and of pcscd. */
void pcsc_close(struct pcsc *p);

#endif
