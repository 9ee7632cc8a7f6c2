/* SPDX-License-Identifier: MIT */
/* The file ipsec.secrets of FreeS/WAN and its descendants, as it stands: shared secrets, where private keys are, PINs of tokens. */
#ifndef KEYD_CONF_IPSEC_SECRETS_H
#define KEYD_CONF_IPSEC_SECRETS_H

#include "keyd/conf/psk.h"

#define IPSEC_URI_MAX 320		/* bytes of what stands for a token or a key on it, with NUL */
#define IPSEC_PIN_MAX 255
#define IPSEC_SELECTORS_MAX 16		/* identities of one line */
#define IPSEC_DEPTH_MAX 8		/* files that include files */
#define IPSEC_FILES_MAX 256		/* included, in all */

enum ipsec_secret_from {
	IPSEC_SECRET_NONE,		/* nothing stands there */
	IPSEC_SECRET_GIVEN,
	IPSEC_SECRET_PROMPT,		/* %prompt */
	IPSEC_SECRET_PAD,		/* %pinpad */
};

/* ": RSA FILE", ": ECDSA FILE", ": PKCS8 FILE", ": P12 FILE", or RSA with all its numbers. */
struct ipsec_key {
	struct conf_at at;
	char file[CONF_PATH_MAX];	/* "": bytes has it */
	struct secret bytes;		/* in DER */
	enum ipsec_secret_from from;	/* of the passphrase */
	struct secret passphrase;
};

/* ": PIN %smartcard…"; and ": RSA %smartcard…", a key on a token. */
struct ipsec_pin {
	struct conf_at at;
	bool key;			/* it names a key, and no PIN */
	char uri[IPSEC_URI_MAX];	/* RFC 7512: of tokens and of keys on them that are meant */
	enum ipsec_secret_from from;
	struct secret pin;
};

/* "GATEWAY USER : XAUTH PASSWORD" */
struct ipsec_login {
	struct conf_at at;
	struct conf_id gateway;		/* that it is for; CONF_ID_ANY: whichever */
	struct ipsec_addr gateway_addr;	/* … and where; AF_UNSPEC: anywhere */
	uint8_t gateway_len;
	char user[CONF_USER_MAX];
	struct secret password;
};

/* Zero-initialise; release with ipsec_secrets_free. */
struct ipsec_secrets {
	struct ipsec_key *keys;		/* nkeys of them, in file order */
	size_t nkeys;
	struct ipsec_pin *pins;
	size_t npins;
	struct ipsec_login *logins;
	size_t nlogins;
};

/* Whether a file's bytes look like ipsec.secrets, and not like psk.txt. */
bool ipsec_secrets_is(const char *text, size_t n);

/*
 * Reads the file path, whose n bytes text were read already, and what it includes. Shared secrets are appended to psks,
 * the rest to out; c gets the names of the files that are included. Names of private keys are relative to
 * ipsec.d/private beside the file, or, where there is none of that name, to its folder. Lines of kinds that are not for
 * us (EAP, …), and files that are not there, are told with "warning:" and passed over. Returns 0, -EINVAL (mistakes;
 * each was reported with its line), -EACCES (others can get at an included file) or -errno; psks and out then hold what
 * they held before.
 */
int ipsec_secrets_read(struct ipsec_secrets *out, struct conf_secrets *psks, struct conf *c, const char *path, const char *text,
		       size_t n, conf_error_fn *err, void *arg);
/* The same without files: include is a mistake, and names stay as they are. */
int ipsec_secrets_buffer(struct ipsec_secrets *out, struct conf_secrets *psks, const char *name, const char *text, size_t n,
			 conf_error_fn *err, void *arg);
void ipsec_secrets_free(struct ipsec_secrets *s);

#endif
