/* SPDX-License-Identifier: MIT */
/*
 * What other roles ask of the card role, and what it tells them. Plain data. A key on a token is named by its handle: the
 * SHA-256 of its SubjectPublicKeyInfo once that is known, of the text of its URI until then.
 */
#ifndef KEYD_CARD_REQUEST_H
#define KEYD_CARD_REQUEST_H

#include "keyd/card/driver.h"
#include "keyd/card/token.h"
#include "keyd/card/uri.h"
#include "keyd/conf/conf.h"

/* parent to card: M_CARD_BEGIN (struct card_rules), n × M_CARD_MODULE (its file), n × M_CARD_WANT, M_CARD_END */
struct card_rules {
	uint32_t call_ms, pad_ms;	/* for one call of a module's; while somebody may be typing */
	uint32_t check_ms;		/* between looks at tokens whose readers may have lost an event */
	uint8_t floor;			/* tries of a PIN below which only a human may use one */
	uint8_t native;			/* OpenPGP and PIV cards without a module */
	uint16_t modules;		/* how many follow */
};

enum card_pin_way {
	CARD_PIN_ASK,			/* whoever is there gives it: keydctl up, keydctl token unlock */
	CARD_PIN_ASK_KEEP,		/* … and it is used again after the card was away */
	CARD_PIN_GIVEN,			/* it follows */
	CARD_PIN_PAD,			/* it is typed at the reader */
};

/* A key that the configuration names. */
struct card_want {
	struct conf_digest handle;
	uint8_t known;			/* 1: handle is of the public key, and only that one will do */
	uint8_t pin;			/* enum card_pin_way */
	uint8_t each;			/* 1: logged out after each signature */
	uint64_t stamp;			/* of a PIN that is given: another one for each file's contents; never 0 */
	char where[CONF_PATH_MAX + 16];	/* "FILE:LINE" of the statement */
	char uri[CARD_URI_MAX];
};					/* then the PIN, 0 to CARD_PIN_MAX bytes */

/* card to parent: M_CARD_SEEN, the key of a want is there (first sight, or another one than known) */
struct card_seen {
	struct conf_digest handle;	/* of the want */
	uint32_t nspki;			/* bytes that follow: SubjectPublicKeyInfo in DER */
	uint32_t ncert;			/* then: its certificate in DER; 0: the token has none */
};

/*
 * card to parent: M_CARD_TRIAL, a PIN is about to be used; the parent writes it down and answers with the same id
 * (M_CARD_TRIAL_KEPT), so that no restart of anything tries it twice. parent to card, before M_CARD_END: M_CARD_BAD with each
 * that is written down. M_CARD_FORGIVE: it was right, or never reached the token.
 */
struct card_bad {
	/* SHA-256 of its manufacturer, model and serial, each with NUL; and label, if that is no serial number */
	uint8_t token[CRYPTO_DIGEST_LEN];
	uint64_t stamp;
	uint8_t from;			/* enum token_pin_from; TOKEN_PIN_NONE: about no PIN, somebody has locked the token by hand */
};

/* auth to card: M_CARD_SIGN, id is the caller's. Then the octets, up to CARD_WIRE_OCTETS_MAX. M_CARD_CANCEL: nobody waits any more. */
struct card_sign {
	struct conf_digest handle;
	uint32_t schemes;		/* bit n: the n-th of crypto_sig_next() will do; the first that the key has is taken */
	struct ipsec_addr source;	/* whose turn it is, see queue.h */
};

/* card to auth: M_CARD_SIGNED, the same id. Then the signature, as IKE has it. */
struct card_signed {
	int32_t error;			/* enum card_error */
	uint8_t need;			/* enum token_need: with an error, what is missing; TOKEN_READY: nothing that anybody could give */
	uint8_t scheme;			/* the n-th of crypto_sig_next() */
	char token[CARD_TEXT_MAX];	/* its label, or the URI where none was seen */
	char why[CARD_WHY_MAX];		/* in the module's own words, "" for none */
};

/* card to ike: M_CARD_STATE, at each change and, all of them, after M_CARD_END */
struct card_state {
	struct conf_digest handle;
	uint8_t state;			/* enum token_state; TOKEN_ABSENT also where the token has no such key */
	uint8_t usable;			/* 1: a signature would be made, without anybody being asked for anything */
};

/* ctl to card: M_CARD_ASK, id comes back in each answer. Then the PIN of an unlock, up to CARD_PIN_MAX bytes; none: the pad. */
enum card_verb { CARD_ASK_LIST, CARD_ASK_CHECK, CARD_ASK_UNLOCK, CARD_ASK_LOCK, CARD_ASK_WATCH, CARD_ASK_LOOK, CARD_ASKS };
struct card_ask {
	/*
	 * enum card_verb. CARD_ASK_WATCH: events from now on, answered by nothing, and nothing is started for it. CARD_ASK_LOOK: somebody
	 * wants to see them, so tokens are looked for though none is configured; answered by nothing but events.
	 */
	uint8_t verb;
	/* a label, a serial number or a URI; "": all, or the only one that it can mean. CARD_ASK_LIST: all that fit */
	char token[CARD_URI_MAX];
};

/* card to ctl: n × (M_CARD_TOKEN, n × M_CARD_KEY of it), n × M_CARD_MISSING, M_CARD_DONE */
struct card_token_info {
	struct card_token token;
	uint8_t state;			/* enum token_state */
	uint8_t need;			/* enum token_need of a signature now; TOKEN_READY: none */
	uint8_t tries;			/* of its PIN, left at least */
	uint8_t ask;			/* 1: unlocking it wants a PIN from whoever asks */
	uint64_t since;			/* when the state was reached, microseconds of CLOCK_MONOTONIC */
	char module[CONF_PATH_MAX];	/* its file, or "openpgp", "piv" */
	char uri[CARD_URI_MAX];
	char why[CARD_WHY_MAX];		/* what went wrong last, "" for nothing */
};

struct card_key_info {
	uint8_t digest[CRYPTO_DIGEST_LEN];
	uint8_t configured;		/* 1: a want fits it */
	uint8_t each;			/* 1: it wants the PIN for each signature */
	uint8_t open;			/* 1: it wants none */
	uint32_t schemes;		/* bit n: the n-th of crypto_sig_next() */
	char label[CARD_TEXT_MAX];
	char uri[CARD_URI_MAX];
	char where[CONF_PATH_MAX + 16];	/* of the want, or "" */
	uint32_t nspki, ncert;		/* bytes that follow, one after the other; ncert 0: there is none */
};

/* A want whose token is not there, or has no such key. */
struct card_missing_info {
	char where[CONF_PATH_MAX + 16];
	char uri[CARD_URI_MAX];
	uint8_t need;			/* enum token_need */
};

/* The last answer. */
struct card_done {
	int32_t error;			/* 0, or enum card_error */
	uint8_t need;			/* enum token_need, of the token that was meant */
	int8_t tries;			/* of its PIN, after a login; -1: not known */
	char token[CARD_TEXT_MAX];	/* its label */
	char text[CARD_WHY_MAX + 120];	/* one sentence */
};

/* card to ctl, while somebody watches: M_CARD_EVENT */
struct card_event {
	struct card_token token;
	uint8_t was, is;		/* enum token_state */
	uint64_t at;			/* microseconds of CLOCK_MONOTONIC */
	char why[CARD_WHY_MAX];		/* "" for nothing to add */
};

#endif
