/* SPDX-License-Identifier: MIT */
/* Shared secrets, from keyd.conf and from racoon's psk.txt. Only the auth role keeps them; PINs go to the card role. */
#ifndef KEYD_CONF_PSK_H
#define KEYD_CONF_PSK_H

#include "keyd/conf/conf.h"
#include "keyd/conf/report.h"
#include "keyd/util/secret.h"

#include <stddef.h>

/* Whose secret: all that is given here must fit. */
struct psk_entry {
	struct conf_id id;		/* the remote's; CONF_ID_ANY: any. An address also fits the address it talks from */
	struct conf_id local;		/* ours; CONF_ID_ANY: any */
	struct ipsec_addr remote;	/* AF_UNSPEC: from anywhere */
	uint8_t remote_len;		/* prefix length */
	char host[CONF_HOST_MAX];	/* … or where this name is: such an entry is for nobody by itself, see roles/hosts.c */
	struct secret key;
	struct conf_at at;		/* where it stands */
	bool racoon;			/* in a file like psk.txt, where it may be a user's password as well */
};

/* A private key of ours. */
struct conf_key {
	struct conf_digest key;		/* its public part */
	struct conf_at at;
	bool locked;			/* encrypted, and no passphrase was given: bytes are as the file has them */
	bool token;			/* it is on a token: bytes are its public part, SubjectPublicKeyInfo in DER; none: not known yet */
	struct conf_digest uri;		/* of such a key: what it is called by who has not heard yet that it was seen */
	struct secret bytes;		/* PKCS#8 in PEM, in clear unless locked */
};

/* The PIN of the token that a key of ours is on. */
struct conf_token_pin {
	struct conf_digest key;		/* of its struct conf_token */
	struct secret pin;
};

/* A password: ours for a gateway, or what a user of ours has to know. */
struct conf_login {
	struct conf_digest key;		/* conf_peer.login or .users */
	char user[CONF_USER_MAX];
	struct conf_at at;
	bool hashed;			/* a user's: password is crypt(5)'s hash of it */
	struct secret password;		/* empty, unless hashed: it is asked for */
	struct secret totp;		/* hashed: the key of one-time codes (RFC 6238); empty: none are asked for */
};

/* Zero-initialise; release with conf_secrets_free. */
struct conf_secrets {
	struct conf_login *logins;	/* nlogins of them; only the auth role gets them */
	size_t nlogins;
	struct conf_key *keys;		/* nkeys of them, one for each key */
	size_t nkeys;
	struct conf_token_pin *pins;	/* npins of them; only the card role gets them */
	size_t npins;
	struct psk_entry *entries;	/* in file order */
	size_t n;
	size_t room;			/* allocated */
	uint8_t file;			/* of struct conf_at, for entries that psk_file_load adds; 0: not known */
};

#define PSK_KEY_MAX 1024		/* bytes of one secret */
#define PSK_FILE_MAX (8 << 20)		/* bytes of a file of secrets */

struct ipsec_secrets;

/*
 * Appends the lines of path: "identifier blanks key". The key is the rest of the line, blanks at its end included (as
 * racoon has it), or 0x and hexadecimal digits; # in the first column starts a comment; the identifier * is anybody.
 * Returns 0, -EINVAL (mistakes; each was reported with its line), -EACCES (others than root and we can read or write the
 * file), or -errno. After an error s holds what it held before. A file that looks like ipsec.secrets (ipsec_secrets_is) is read as
 * such: what is in it beside shared secrets goes to more, which may be NULL, and the names of files that it includes to c.
 */
int psk_file_load(struct conf_secrets *s, struct ipsec_secrets *more, struct conf *c, const char *path, conf_error_fn *err, void *arg);
/* The same from memory; name stands in messages. */
int psk_buffer_load(struct conf_secrets *s, const char *name, const char *text, size_t n, conf_error_fn *err, void *arg);

/*
 * One key from n bytes of text, taken as they are or, with hex, as 0x and pairs of hexadecimal digits (blanks between
 * them are passed over). NULL, or a sentence saying what is wrong without a byte of it.
 */
const char *psk_key_parse(struct secret *key, const char *text, size_t n, bool hex);

/* Appends a copy of e, whose key is moved out of it. 0 or -ENOMEM (the key is then cleansed). */
int psk_add(struct conf_secrets *s, struct psk_entry *e);

/*
 * The secret for this pair: one for the remote's very address before an exact remote identity before a pattern before
 * prefixes (longest first) before "*"; then one that names our identity; then file order. Each argument may be NULL:
 * not known. Names are compared as text whatever their type, as racoon does. NULL: there is none. Lives as long as s is
 * not changed.
 */
const struct psk_entry *psk_find(const struct conf_secrets *s, const struct conf_id *local, const struct conf_id *remote,
				 const struct ipsec_addr *addr);

void conf_login_clear(struct conf_login *l);

/* Cleanses all entries from the n-th on. */
void psk_truncate(struct conf_secrets *s, size_t n);
/* Cleanses and frees everything. */
void conf_secrets_free(struct conf_secrets *s);

#endif
