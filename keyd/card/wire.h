/* SPDX-License-Identifier: MIT */
/*
 * What keyd-card is asked, and its answers: the functions of driver.h for a process that must neither block nor crash. They are
 * messages of util/ipc.h over descriptor CARD_WIRE_FD. One request at a time; its answers repeat its id, and CARD_WIRE_DONE is
 * the last. A module may have taken the process over: whoever reads answers takes them for bytes of a stranger's.
 */
#ifndef KEYD_CARD_WIRE_H
#define KEYD_CARD_WIRE_H

#include "keyd/card/driver.h"
#include "keyd/util/rd.h"
#include "keyd/util/wr.h"

#define CARD_WIRE_FD 3
#define CARD_WIRE_CERT_MAX 16384	/* bytes; a longer certificate is left out, with a word in the log */
#define CARD_WIRE_KEY_MAX (CARD_WIRE_CERT_MAX + 4096)
#define CARD_WIRE_OCTETS_MAX 65536	/* to be signed */

enum card_wire {
	/* to a worker */
	CARD_WIRE_TOKENS = 1,		/* empty. n × TOKEN, DONE */
	CARD_WIRE_CHECK,		/* struct card_token. TOKEN, as it is now, unless it is gone; DONE */
	CARD_WIRE_KEYS,			/* struct card_token. n × KEY, DONE */
	CARD_WIRE_LOGIN,		/* struct card_token, then the PIN; none: the PIN pad. DONE */
	CARD_WIRE_LOGOUT,		/* struct card_token. DONE */
	CARD_WIRE_SIGN,			/* struct card_wire_sign, PIN, octets. SIGNATURE, DONE */
	CARD_WIRE_RESET,		/* empty. DONE */
	CARD_WIRE_MAKE,			/* struct card_wire_make, administrator's secret, PIN. KEY, DONE */
	CARD_WIRE_STORE,		/* struct card_wire_store, administrator's secret, PIN, certificate. DONE */
	/* from a worker */
	CARD_WIRE_READY,		/* once, when the module is loaded: requests may come. Its driver's name */
	CARD_WIRE_TOKEN,		/* struct card_token */
	CARD_WIRE_KEY,			/* card_wire_key_put() */
	CARD_WIRE_SIGNATURE,		/* as IKE has it */
	CARD_WIRE_DONE,			/* struct card_wire_done */
	/* from a watcher */
	CARD_WIRE_CHANGED,		/* empty: a token has come or gone */
	CARD_WIRE_READERS,		/* of pcscd's with a card in them: names, each with NUL. At first, and whenever they change */
	CARD_WIRE_PCSCD,		/* id 1: pcscd answers, 0: it is waited for */
};

struct card_wire_done {
	int32_t error;			/* enum card_error */
	char why[CARD_WHY_MAX];		/* in the module's own words, "" for none */
};

struct card_wire_sign {
	struct card_token token;
	uint8_t key[CRYPTO_DIGEST_LEN];
	uint8_t scheme;			/* the n-th of crypto_sig_next() */
	uint16_t npin;			/* bytes of the PIN that follows, for a key that wants it each time; 0: none, or the pad */
};

struct card_wire_make {
	struct card_token token;
	char kind[16];			/* "rsa2048", "p256": crypto_key_kind names */
	uint8_t id[CARD_ID_MAX];
	uint8_t nid;			/* 0: the token's own choice */
	char label[CARD_TEXT_MAX];
	uint8_t replace;		/* 1: a key that is there goes */
	uint16_t nadmin, npin;
};

struct card_wire_store {
	struct card_token token;
	uint8_t key[CRYPTO_DIGEST_LEN];
	uint16_t nadmin, npin;
};

/* A key without what only its process needs. w has room for CARD_WIRE_KEY_MAX bytes. */
void card_wire_key_put(struct wr *w, const struct card_key *k);
/* 0, or -1: cut short, forged, or no public key. k is zero-initialised, and the caller's to release also after -1. */
int card_wire_key_get(struct rd *r, struct card_key *k) RD_MUST_CHECK;
/* Makes the texts end, and be printable. False: it makes no sense (tries, say). */
bool card_wire_token_ok(struct card_token *t);

#endif
