/* SPDX-License-Identifier: MIT */
/*
 * What talks to tokens: a table of functions for each way to them. Calls may block for as long as a reader, a module or
 * whoever types at a PIN pad likes, and a module may crash in them: they are made in a process of their own, by one thread, after
 * crypto_init().
 */
#ifndef KEYD_CARD_DRIVER_H
#define KEYD_CARD_DRIVER_H

#include "keyd/crypto/sig.h"

#define CARD_TOKENS_MAX 16		/* in one module's readers */
#define CARD_KEYS_MAX 64		/* in one token */
#define CARD_ID_MAX 64			/* bytes of CKA_ID */
#define CARD_TEXT_MAX 68		/* of names, with NUL; they are made printable: ? for control characters */
#define CARD_PIN_MAX 255		/* bytes */
#define CARD_WHY_MAX 200

enum card_error {
	CARD_OK = 0,
	CARD_GONE = -1,			/* the token is not there (any more) */
	CARD_LOCKED = -2,		/* it wants its PIN */
	CARD_PIN_WRONG = -3,
	CARD_PIN_BLOCKED = -4,
	CARD_PIN_CANCELLED = -5,	/* nobody typed, or somebody pressed "cancel" */
	CARD_PIN_UNUSED = -6,		/* the login came to nothing before the token looked at the PIN */
	CARD_NO_KEY = -7,
	CARD_NO_SCHEME = -8,		/* the key or the token cannot do it */
	CARD_BROKEN = -9,		/* the module answers with errors: reset may help, or a new process */
	CARD_BAD_SIGNATURE = -10,	/* it has signed, but not what it was given */
	CARD_UNSUPPORTED = -11,		/* this driver, or its module, has no such thing */
	CARD_FAILED = -12,		/* memory, OpenSSL, or the caller */
	CARD_MANY_KEYS = -13,		/* more than one fits, and nothing says which is meant */
	CARD_KEY_THERE = -14,		/* where one was to be made */
	CARD_ADMIN_WRONG = -15,		/* the administrator's PIN or key */
	CARD_ADMIN_BLOCKED = -16,
};

const char *card_strerror(int error);

struct card_token {
	char label[CARD_TEXT_MAX], manufacturer[CARD_TEXT_MAX], model[CARD_TEXT_MAX], serial[CARD_TEXT_MAX];
	char reader[CARD_TEXT_MAX];
	uint64_t slot;			/* the driver's; another one after each insertion, perhaps */
	bool login;			/* it wants a PIN */
	bool pad;			/* … that is typed at the reader: login with an empty one, which may take long */
	int tries;			/* of the PIN, left at least; -1: it does not tell, 0: it is blocked */
};

/* A key pair that the token may have the private half of; before a login many tokens do not show it. */
struct card_key {
	uint8_t id[CARD_ID_MAX];
	size_t nid;
	char label[CARD_TEXT_MAX];
	struct crypto_key *public;	/* owned */
	uint8_t digest[CRYPTO_DIGEST_LEN];	/* SHA-256 of its SubjectPublicKeyInfo, which names it */
	struct secret cert;		/* in DER; empty: there is none */
	bool seen;			/* the private half */
	bool each;			/* it wants the PIN for each signature */
	bool open;			/* it wants none, whoever is logged in */
	uint32_t schemes;		/* bit n: the n-th of crypto_sig_next() */
};

struct card_keys {
	unsigned n;
	struct card_key key[CARD_KEYS_MAX];
};

/* A key pair that is to be made in a token. */
struct card_make {
	enum crypto_key_type type;
	unsigned bits;			/* of an RSA modulus, of a curve: 256, 384, 521 */
	/*
	 * As card_key has them. OpenPGP: 01 for signatures, 03 for authentication; PIV: 01 to 04 for 9A, 9C, 9D, 9E; empty: 03 and
	 * 01. Of other tokens any one; empty: one that is not taken yet. Cards keep no labels.
	 */
	uint8_t id[CARD_ID_MAX];
	size_t nid;
	char label[CARD_TEXT_MAX];
	struct view admin;		/* see store_cert */
	bool replace;			/* a key that is in its place, which is lost then, and the certificate with it */
};

void card_key_free(struct card_key *k);
void card_keys_free(struct card_keys *k);
/* The same token, wherever it is now. */
bool card_token_same(const struct card_token *a, const struct card_token *b);
/*
 * Of one card, by maker, model and serial number; false also where that is no number. Mostly it is the same token then,
 * under another label: PIV cards are called as their certificate is. But a module may show a token for each of a card's
 * PINs, which only labels tell apart.
 */
bool card_token_same_card(const struct card_token *a, const struct card_token *b);
/* It has a serial number of its own: another one than "" and zeros. */
bool card_token_has_serial(const struct card_token *t);

struct card;

struct card_driver {
	const char *name;
	/* what: the module's file, the reader's name. 0, or CARD_BROKEN with a sentence's end in why. */
	int (*open)(struct card **out, const char *what, char why[CARD_WHY_MAX]);
	void (*close)(struct card *c);
	/* As if closed and opened: all logins are over. */
	int (*reset)(struct card *c);
	/* The tokens that are there now; *n: the room, and then how many. Uses up no try. */
	int (*tokens)(struct card *c, struct card_token *out, unsigned *n);
	/* t as it is now; CARD_GONE when another one, or none, is in its slot. */
	int (*check)(struct card *c, struct card_token *t);
	/* out is zero-initialised, and released by card_keys_free, also after an error. */
	int (*keys)(struct card *c, const struct card_token *t, struct card_keys *out);
	/* The login stays until logout, close, or the token goes. CARD_OK also where somebody is logged in already. */
	int (*login)(struct card *c, const struct card_token *t, struct view pin);
	int (*logout)(struct card *c, const struct card_token *t);
	/*
	 * Signs the parts as crypto_sig_make does, and checks what came. pin: for a key with each; empty for a PIN pad. After
	 * CARD_LOCKED a login helps.
	 */
	int (*sign)(struct card *c, const struct card_token *t, const struct card_key *k, const struct crypto_sig *s,
		    const struct view *parts, unsigned nparts, struct view pin, uint8_t *out, size_t *n);
	/*
	 * Waits until a token has come or gone, for ever if block. 1: one has; 0 (never if block): none; CARD_UNSUPPORTED: look
	 * at the tokens from time to time instead.
	 */
	int (*wait)(struct card *c, bool block);
	/* What the last error was in the module's own words, "" for none: "C_Sign: CKR_DEVICE_REMOVED". */
	const char *(*error)(const struct card *c);
	/*
	 * For enrolment; NULL: the driver cannot. Makes a key pair; out is released by card_key_free. It is the caller's only if
	 * 0 is returned. CARD_KEY_THERE: there is one, and it is not to be replaced.
	 */
	int (*generate)(struct card *c, const struct card_token *t, const struct card_make *how, struct card_key *out);
	/*
	 * Stores a key's certificate in place of the one that is there. admin: as text; OpenPGP: the administrator's PIN; PIV: the
	 * management key in hexadecimal digits. PKCS#11 wants none but a login before; CARD_LOCKED says so.
	 */
	int (*store_cert)(struct card *c, const struct card_token *t, const struct card_key *k, struct view der, struct view admin);
};

/* Every driver's struct card begins with it. */
struct card {
	const struct card_driver *driver;
};

extern const struct card_driver card_driver_pkcs11;
/*
 * OpenPGP and PIV cards through pcsc-lite: the applications of the card in one reader (open wants its name), each a token. Other
 * programs may use the card at the same time; what they do to a login shows as CARD_LOCKED.
 */
extern const struct card_driver card_driver_native;

#endif
