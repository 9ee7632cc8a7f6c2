/* SPDX-License-Identifier: MIT */
/*
 * What is known of one token, and what may be done with it now. No I/O and no clock: who talks to the token says what
 * happened, and asks before it uses a PIN. Nothing in here can use up the tries of a PIN by itself.
 */
#ifndef KEYD_CARD_TOKEN_H
#define KEYD_CARD_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

enum token_state {
	TOKEN_ABSENT,
	TOKEN_PRESENT,			/* it is there, and wants no PIN */
	TOKEN_LOCKED,			/* it wants one */
	TOKEN_UNLOCKED,
	TOKEN_FAILING,			/* it or its module answers with errors: asked nothing but whether it is well */
	TOKEN_BLOCKED,			/* no PIN will do any more: an administrator's has to set a new one */
	TOKEN_STATES
};

enum token_event {
	TOKEN_SEEN_OPEN,		/* it is there and wants no PIN */
	TOKEN_SEEN,			/* it is there and wants one */
	TOKEN_SEEN_BLOCKED,		/* it is there, and says that its PIN is blocked */
	TOKEN_GONE,
	TOKEN_LOGIN_DONE,
	TOKEN_LOGIN_WRONG,
	TOKEN_LOGIN_BLOCKED,
	TOKEN_LOGIN_CANCELLED,		/* nobody typed at the PIN pad */
	TOKEN_LOGIN_UNUSED,		/* it came to nothing before the PIN was looked at */
	TOKEN_LOGGED_OUT,		/* by us, by another program, by a reset of the card */
	TOKEN_ERROR,			/* another error than these */
	TOKEN_LOST,			/* its module is restarted: its logins are over, and nobody knows whether it is there */
	TOKEN_EVENTS
};

enum token_pin_from {
	TOKEN_PIN_NONE,			/* there is none */
	TOKEN_PIN_CONFIGURED,		/* a file, a descriptor, a credential: tried without anybody being there */
	TOKEN_PIN_KEPT,			/* a human gave it, it was right, and it is in locked memory */
	TOKEN_PIN_HUMAN,		/* somebody gives it now, and sees what comes of it */
	TOKEN_PIN_PAD,			/* the reader has a PIN pad, and we ask it unasked */
	TOKEN_PIN_PAD_HUMAN,		/* … and somebody has just told us to */
	TOKEN_PIN_FROMS
};

/* A PIN without its digits. */
struct token_pin {
	enum token_pin_from from;
	uint64_t stamp;			/* another one for each PIN: of a file that was changed, of an occasion to ask the pad; never 0 */
};

#define TOKEN_TRIES_UNKNOWN 3		/* what a token that does not tell is taken to have: as most cards have */

/* Plain data: whoever outlives the module keeps a copy of it. */
struct token {
	enum token_state state;
	uint8_t tries;			/* of its PIN, left at least */
	uint8_t floor;			/* with fewer tries than these only a human may use one */
	uint64_t bad[TOKEN_PIN_FROMS];	/* stamp of the last PIN that failed, or of which nobody knows whether it did; 0: none */
	struct token_pin trial;		/* that a login is going on with; from TOKEN_PIN_NONE: none is */
	uint64_t since;			/* when the state was reached, microseconds */
	uint32_t errors;		/* in a row */
};

void token_init(struct token *t, uint8_t floor);
const char *token_state_name(enum token_state s);

/*
 * The only writer of the state. tries: what the token says is left, or -1: it does not say. now in microseconds. True: the
 * state has changed.
 */
bool token_event(struct token *t, enum token_event ev, int tries, uint64_t now);

/* What comes first when somebody wants a signature, or to log in. */
enum token_need {
	TOKEN_READY,			/* nothing */
	TOKEN_LOGIN,			/* a login with this PIN, which is allowed */
	/* the rest are reasons to say no at once */
	TOKEN_WANT_TOKEN,		/* it is not there */
	TOKEN_WANT_PIN,			/* there is no PIN */
	TOKEN_WANT_OTHER_PIN,		/* this one failed before; it is not tried again by itself */
	TOKEN_WANT_HUMAN,		/* there are too few tries left for a PIN that nobody watches */
	TOKEN_WANT_UNBLOCK,
	TOKEN_WANT_CURE,		/* it fails */
	TOKEN_WANT_TIME,		/* a login is going on */
	TOKEN_WANT_RELEASE,		/* somebody has locked it by hand */
	TOKEN_WANT_PIN_EACH,		/* somebody is logged in, and there is no PIN for this signature */
	TOKEN_NEEDS
};

/* each: this key wants its PIN for each signature (CKA_ALWAYS_AUTHENTICATE), so being unlocked is not enough. */
enum token_need token_need(const struct token *t, const struct token_pin *pin, bool each);
/* For a key that wants no PIN (card_key.open): a PIN that is blocked, or on trial, is nothing to it. */
enum token_need token_open_need(const struct token *t);
/* The end of a sentence for people: "is locked, and there is no PIN". */
const char *token_need_text(enum token_need n);

/*
 * To be called, and kept by somebody who outlives the module, before the PIN goes to the token: should the module hang or
 * crash in the middle, the PIN counts as failed. 0, or -1: token_need says no to it.
 */
int token_login_begin(struct token *t, const struct token_pin *pin, bool each);

/* What the tunnels that a token has authenticated are to do while it is away. */
enum token_pulled { TOKEN_PULLED_KEEP, TOKEN_PULLED_NO_REKEY, TOKEN_PULLED_DOWN };
struct token_pulled_rule {
	enum token_pulled what;
	uint32_t after;			/* seconds that it may be away before they go down */
};

/*
 * What holds now. *deadline, microseconds: when to ask again if nothing happens to the token before; UINT64_MAX: never.
 */
enum token_pulled token_pulled(const struct token *t, const struct token_pulled_rule *r, uint64_t now, uint64_t *deadline);

#endif
