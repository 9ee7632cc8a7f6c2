/* SPDX-License-Identifier: MIT */
/* Identities (RFC 7296 3.5) as text and back, and which of them are the same. */
#ifndef KEYD_CONF_ID_H
#define KEYD_CONF_ID_H

#include "keyd/conf/conf.h"

#include <stddef.h>

enum {					/* struct conf_id .type, RFC 7296 3.5 */
	CONF_ID_ANY = 0,		/* ours: not given, or "*" */
	CONF_ID_IPV4 = 1,
	CONF_ID_FQDN = 2,
	CONF_ID_RFC822 = 3,
	CONF_ID_IPV6 = 5,
	CONF_ID_DN = 9,
	CONF_ID_KEY_ID = 11,
};

#define CONF_ID_STRLEN (4 * CONF_ID_MAX + 16)	/* every byte escaped, a type in front, and NUL */

/*
 * Guesses what text is: an address, a DN where it has "=" (crypto_dn_parse says how it is written), user@host, a host name, else
 * a key id; "*" is any. Returns 0, or -EINVAL (empty or longer than CONF_ID_MAX).
 */
int conf_id_parse(struct conf_id *id, const char *text);
/* The same without DNs, as racoon's psk.txt is read: there, text with "=" is a key id. */
int conf_id_parse_psk(struct conf_id *id, const char *text);
/* n bytes of text for one type. -EINVAL when they are not of that type (an address that does not parse, no '@', …). */
int conf_id_set(struct conf_id *id, uint8_t type, const char *text, size_t n);
/* A DN of n bytes of text. 0, or -EINVAL with *why saying what is wrong. */
int conf_id_set_dn(struct conf_id *id, const char *text, size_t n, const char **why);
/* The identity of somebody who is known by address; AF_UNSPEC gives CONF_ID_ANY. */
void conf_id_from_addr(struct conf_id *id, const struct ipsec_addr *a);

/*
 * Text for logs into buf[n] (CONF_ID_STRLEN fits all), returned: what conf_id_parse would guess stands as it is, others
 * with their type in front ("keyid:…", "type 9:…"). Bytes that are not printable ASCII, and \, come out as \xHH.
 */
const char *conf_id_format(const struct conf_id *id, char *buf, size_t n);

/* Same type and same data; names compare without case (RFC 4343), DNs as RFC 5280 7.1 says. */
bool conf_id_equal(const struct conf_id *a, const struct conf_id *b);
/*
 * Does id fit pattern? Any fits CONF_ID_ANY; "*.example" fits the names below example, "*@example" its users; in a DN each "*"
 * is any value (crypto_dn_match).
 */
bool conf_id_match(const struct conf_id *pattern, const struct conf_id *id);
/* Whether it is one that fits others, too. */
bool conf_id_is_pattern(const struct conf_id *id);

#endif
