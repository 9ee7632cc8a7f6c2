/* SPDX-License-Identifier: MIT */
/* Distinguished names (X.501 Name in DER, ID_DER_ASN1_DN of RFC 7296 3.5) as text and back, and which of them are the same. */
#ifndef KEYD_CRYPTO_DN_H
#define KEYD_CRYPTO_DN_H

#include "keyd/util/rd.h"

#include <stdbool.h>

#define CRYPTO_DN_MAX 1024	/* bytes of DER */
#define CRYPTO_DN_RDNS_MAX 32

/*
 * Text as administrators write it: "C=DE, O=Example Ltd, CN=moon" or "/C=DE/O=Example Ltd/CN=moon", attributes by name or as
 * an OID with dots, "+" between those of one RDN, escapes of RFC 4514 2.4 and "quoted" values. The order is that of the
 * certificate (as openssl x509 -subject prints it). n bytes of text; *len is the room in der, and then what it took. 0, or -1
 * with *why saying what is wrong.
 */
int crypto_dn_parse(const char *text, size_t n, uint8_t *der, size_t *len, const char **why) RD_MUST_CHECK;
/*
 * Text that crypto_dn_parse takes, in ASCII without control characters, into buf[n], which is returned; cut when it is
 * longer. What is no name in DER comes out as "(malformed)".
 */
const char *crypto_dn_format(struct view der, char *buf, size_t n);

/*
 * Whether der fits pattern, which may have "*" as values: RDN by RDN the same attributes with the same values, which compare
 * as RFC 5280 7.1 says (case and runs of blanks do not count, nor the kind of string). The order of RDNs counts, but
 * pattern may have all of it the other way round, as LDAP writes it. False for what is no name.
 */
bool crypto_dn_match(struct view pattern, struct view der);
/* Whether a value in it is "*". */
bool crypto_dn_is_pattern(struct view der);
/* Its first commonName in UTF-8, ? for control characters, cut to n bytes with NUL. 0, or -1: there is none (buf is unchanged). */
int crypto_dn_common_name(struct view der, char *buf, size_t n) RD_MUST_CHECK;

#endif
