/* SPDX-License-Identifier: MIT */
/* Our private keys, found by their public part, and what they sign. */
#ifndef KEYD_AUTH_KEYS_H
#define KEYD_AUTH_KEYS_H

#include "keyd/auth/request.h"
#include "keyd/conf/psk.h"

struct crypto_key;

struct key_entry {
	struct conf_digest digest;
	struct conf_digest uri;		/* of a key on a token: by which it is known until it is seen */
	struct conf_at at;
	bool token;			/* it is on a token, and key is its public part */
	struct crypto_key *key;		/* owned; NULL: it is locked, or not known yet */
};

/* Zero-initialise; release with keys_free. */
struct keys {
	struct key_entry *entries;
	size_t n;
};

/* Adds k, whose bytes are read and stay the caller's to clear. 0, or -1: no key, or no memory. */
int keys_add(struct keys *k, const struct conf_key *key) RD_MUST_CHECK;
void keys_free(struct keys *k);

/*
 * Fills *an with the AUTH data of a signature by rq->key: the first scheme that is allowed, that the peer knows the
 * hash of, and that the key can do (RFC 7427 3, RFC 7296 2.15); for AUTH_IKEV1 the one that was agreed on. AUTH_OK,
 * AUTH_NO_KEY, AUTH_LOCKED, AUTH_NO_SCHEME or AUTH_FAILED.
 */
void keys_sign(const struct keys *k, const struct auth_request *rq, struct auth_answer *an);

/* Where that key stands in the configuration; line 0: it is not there. */
struct conf_at keys_at(const struct keys *k, const struct conf_digest *key);

/* Whether rq's key is on a token. *schemes: those that will do, bit n the n-th of crypto_sig_next(). */
bool keys_on_token(const struct keys *k, const struct auth_request *rq, uint32_t *schemes);
/*
 * The same answer out of what a token has signed by that scheme, the n-th of crypto_sig_next(). AUTH_OK only if the signature
 * is right; else AUTH_NO_KEY or AUTH_FAILED.
 */
void keys_signed(const struct keys *k, const struct auth_request *rq, unsigned scheme, struct view signature,
		 struct auth_answer *an);

#endif
