/* SPDX-License-Identifier: MIT */
/* RFC 7512 URIs: which token, which key, which certificate is meant. */
#ifndef KEYD_CARD_URI_H
#define KEYD_CARD_URI_H

#include "keyd/card/driver.h"

#define CARD_URI_MAX 1024	/* bytes, with NUL */

struct card_uri;

/*
 * 0 and *out is the caller's, or -1 with *why as a sentence's end: "is no pkcs11 URI". One with a PIN in it is refused: it
 * would stand where it is shown.
 */
int card_uri_parse(struct card_uri **out, const char *text, const char **why) RD_MUST_CHECK;
void card_uri_free(struct card_uri *u);

/* Of the module that it names: a path, or a file's name without "lib" and ".so"; NULL: none. They live as long as u. */
const char *card_uri_module_path(const struct card_uri *u);
const char *card_uri_module_name(const struct card_uri *u);
/* Where the PIN is (2.4); NULL: it does not say. */
const char *card_uri_pin_source(const struct card_uri *u);

/* It says which token by label or serial number, so that no other one that comes along can be taken for it. */
bool card_uri_names_token(const struct card_uri *u);
bool card_uri_fits_token(const struct card_uri *u, const struct card_token *t);
/* Of its object, id and label; type, where it is stated, must be private, public or cert. */
bool card_uri_fits_key(const struct card_uri *u, const struct card_key *k);

/*
 * The key that is meant, of a token that u fits: the one with this digest, or, without one (NULL), the only one that fits and
 * can sign; of several, the only one that has a certificate. Its number, CARD_NO_KEY or CARD_MANY_KEYS.
 */
int card_uri_choose(const struct card_uri *u, const struct card_keys *keys, const uint8_t *digest);

/* The token's URI, or, with k, the key's, into buf[n], which is returned; "" if there is no room. Empty texts of t are left out. */
const char *card_uri_format(const struct card_token *t, const struct card_key *k, char *buf, size_t n);

#endif
