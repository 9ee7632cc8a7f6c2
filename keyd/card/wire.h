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
#define CARD_WIRE_READERS_MAX 16
#define CARD_WIRE_EXIT_NO_EVENTS 4	/* exit code of a watcher whose module cannot wait: look from time to time instead */

enum card_wire {
	/* to a worker */
	CARD_WIRE_TOKENS = 1,		/* empty. n × TOKEN, DONE */
	CARD_WIRE_CHECK,		/* struct card_token. TOKEN, as it is now, unless it is gone; DONE */
	CARD_WIRE_KEYS,			/* struct card_token. n × KEY, DONE */
	CARD_WIRE_LOGIN,		/* struct card_token, then the PIN; none: the PIN pad. DONE */
	CARD_WIRE_LOGOUT,		/* struct card_token. DONE */
	CARD_WIRE_SIGN,			/* struct card_wire_sign, PIN, octets. SIGNATURE, DONE */
	CARD_WIRE_RESET,		/* empty. DONE */
	CARD_WIRE_MAKE,			/* struct card_wire_make, administrator's secret. KEY, DONE */
	CARD_WIRE_STORE,		/* struct card_wire_store, administrator's secret, certificate. DONE */
	/* from a worker */
	CARD_WIRE_READY,		/* once, when the module is loaded: requests may come. Its driver's name; id 0 */
	CARD_WIRE_TOKEN,		/* struct card_token */
	CARD_WIRE_KEY,			/* card_wire_key_put() */
	CARD_WIRE_SIGNATURE,		/* as IKE has it */
	CARD_WIRE_DONE,			/* struct card_wire_done; in READY's place, with id 0: the module cannot be loaded, and why */
	/* from a watcher */
	CARD_WIRE_CHANGED,		/* empty: a token has come or gone, at first also: look now. At most some tens a second */
	CARD_WIRE_READERS,		/* n × struct card_wire_reader, all with a card; when pcscd answers, and at each change */
	CARD_WIRE_PCSCD,		/* id 1: pcscd answers, 0: it is waited for. At first, and whenever it changes */
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

/* As struct card_make. Whoever must be logged in for it was so by CARD_WIRE_LOGIN. */
struct card_wire_make {
	struct card_token token;
	uint8_t type;			/* enum crypto_key_type */
	uint16_t bits;
	uint8_t id[CARD_ID_MAX];
	uint8_t nid;
	char label[CARD_TEXT_MAX];
	uint8_t replace;		/* 1: a key that is there goes */
	uint16_t nadmin;		/* bytes of the administrator's secret */
};

struct card_wire_store {
	struct card_token token;
	uint8_t key[CRYPTO_DIGEST_LEN];
	uint16_t nadmin;
};

struct card_wire_reader {
	char name[128];			/* what "--reader" wants */
	uint16_t events;		/* another number: another card, or the same one again */
};

/* A key without what only its process needs. w has room for CARD_WIRE_KEY_MAX bytes. A certificate that is too long stays out. */
void card_wire_key_put(struct wr *w, const struct card_key *k);
/*
 * 0, or -1: cut short, forged, or no public key. A certificate is taken only if it is of this key. k is zero-initialised, and the
 * caller's to release by card_key_free, also after -1.
 */
int card_wire_key_get(struct rd *r, struct card_key *k) RD_MUST_CHECK;
/*
 * What came from a worker, as bytes in memory. 0, or -1: too short or too long, or it makes no sense. Texts in it end,
 * and are printable; names of readers are left as they are.
 */
int card_wire_token_get(struct view body, struct card_token *t) RD_MUST_CHECK;
int card_wire_done_get(struct view body, struct card_wire_done *d) RD_MUST_CHECK;
/* *n: the room, and then how many. */
int card_wire_readers_get(struct view body, struct card_wire_reader *out, unsigned *n) RD_MUST_CHECK;

/* The n-th of crypto_sig_next(); NULL: there is none. And the other way round. */
const struct crypto_sig *card_wire_scheme(unsigned n);
unsigned card_wire_scheme_number(const struct crypto_sig *s);

#endif
