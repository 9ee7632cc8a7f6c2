/* SPDX-License-Identifier: MIT */
/*
 * A driver in a process of its own (keyd-card), for a program that may wait for it: each call has a limit in time, and a worker
 * that exceeds it, dies or answers nonsense is ended. After that every call is CARD_BROKEN.
 */
#ifndef KEYD_CARD_REMOTE_H
#define KEYD_CARD_REMOTE_H

#include "keyd/card/wire.h"

#define CARD_REMOTE_USER "gapless"	/* who workers run as when root starts them; without such a user "nobody" */

struct card_remote_how {
	const char *program;		/* of the worker; NULL: keyd-card beside this executable */
	const char *option;		/* "--module", "--reader" */
	const char *what;		/* the module's file, the reader's name */
	unsigned call_ms;		/* for one call, and for loading the module */
	unsigned long_ms;		/* while somebody may be typing at the reader, or a key is made */
};

/*
 * A card whose functions are those of card_driver: all but open and wait. 0, CARD_BROKEN or CARD_FAILED, with a
 * sentence's end in why: "cannot be loaded: …".
 */
int card_remote_open(struct card **out, const struct card_remote_how *how, char why[CARD_WHY_MAX]) RD_MUST_CHECK;
/* Another limit for all calls from now on. */
void card_remote_limit(struct card *c, unsigned ms);
/* How its driver calls itself: "pkcs11". */
const char *card_remote_driver(const struct card *c);
/*
 * The readers of pcscd that have a card now; how->option and what are not used. *n: the room, CARD_WIRE_READERS_MAX at least, and then how
 * many. 0; CARD_GONE: pcscd is not there; or as card_remote_open.
 */
int card_remote_readers(const struct card_remote_how *how, struct card_wire_reader *out, unsigned *n, char why[CARD_WHY_MAX])
	RD_MUST_CHECK;

#endif
