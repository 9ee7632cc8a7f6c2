/* SPDX-License-Identifier: MIT */
/* Private to the reader of ipsec.secrets: its tokens, and the values that they stand for. Nothing here is copied but into secrets. */
#ifndef KEYD_CONF_IPSEC_INSIDE_H
#define KEYD_CONF_IPSEC_INSIDE_H

#include "keyd/conf/ipsec_secrets.h"

#define IPSEC_TOKENS_MAX 96		/* of one entry; a private RSA key has 20 */

struct ipsec_token {
	const char *s;			/* n bytes of the file */
	size_t n;
	unsigned line;
	char quote;			/* that it stood in, which is not part of it; 0: none */
	bool first, indented;		/* of its line; and not at its left margin */
};

struct ipsec_scanner {
	const char *at, *end, *line_start;
	unsigned line;
};

enum { IPSEC_SCAN_TOKEN = 1, IPSEC_SCAN_END = 0, IPSEC_SCAN_OPEN_QUOTE = -1, IPSEC_SCAN_NUL = -2 };

/* The next token that is no comment; after an error the scanner stands behind that line. */
int ipsec_scan(struct ipsec_scanner *s, struct ipsec_token *t);

/* Each returns NULL, or a sentence saying what is wrong without a byte of it. */
/* A secret of at most max bytes: in quotes as it is, else by 0x, 0s (base64), 0t (text), or as it is. */
const char *ipsec_value_secret(struct secret *out, const struct ipsec_token *t, size_t max);
/* %smartcard and what may follow it, or a pkcs11 URI. */
const char *ipsec_value_token(char uri[IPSEC_URI_MAX], const struct ipsec_token *t);
/* A selector: an identity, or (remote->family not AF_UNSPEC) a network. */
const char *ipsec_value_selector(struct conf_id *id, struct ipsec_addr *remote, uint8_t *len, const struct ipsec_token *t);
/* The n tokens between { and }: names and numbers of a private RSA key, into PKCS#1 in DER. */
const char *ipsec_value_rsa(struct secret *der, const struct ipsec_token *t, unsigned n);

/* Whether it is that word, in any case. */
bool ipsec_token_is(const struct ipsec_token *t, const char *word);

#define IPSEC_ERRORS_MAX 20

/* What is being read. */
struct ipsec_reader {
	struct ipsec_secrets *out;
	struct conf_secrets *psks;
	struct conf *c;			/* NULL: from memory, no files */
	conf_error_fn *err;
	void *arg;
	unsigned errors, files, depth;
	uint32_t passed;		/* bit n: the n-th kind was told to be passed over */
	int error;
	const char *base;		/* the first file */
	/* the file that is being read */
	const char *name;
	uint8_t file;			/* its number */
};

void __attribute__((format(printf, 3, 4))) ipsec_complain(struct ipsec_reader *r, unsigned line, const char *fmt, ...);
void __attribute__((format(printf, 3, 4))) ipsec_warn(struct ipsec_reader *r, unsigned line, const char *fmt, ...);

/* What stands in front of the colon. */
struct ipsec_selectors {
	const struct ipsec_token *t;
	unsigned n, line;
};

struct ipsec_kind;			/* PSK, RSA, PIN and the like */

/* NULL: this token is none. */
const struct ipsec_kind *ipsec_kind_of(const struct ipsec_token *t);
/* Adds to what is read what an entry says, t being its n tokens after the kind; or complains. */
void ipsec_kind_take(struct ipsec_reader *r, const struct ipsec_kind *kind, const struct ipsec_selectors *who, const struct ipsec_token *t,
		     unsigned n);

#endif
