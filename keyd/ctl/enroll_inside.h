/* SPDX-License-Identifier: MIT */
/* Private to keydctl token enroll: what was asked, and of which token. Functions return 0 or an exit code, all being said. */
#ifndef KEYD_CTL_ENROLL_INSIDE_H
#define KEYD_CTL_ENROLL_INSIDE_H

#include "keyd/card/pin.h"
#include "keyd/card/remote.h"
#include "keyd/card/uri.h"
#include "keyd/crypto/csr.h"
#include "keyd/crypto/dn.h"
#include "keyd/crypto/key_kind.h"
#include "keyd/ctl/client.h"
#include "keyd/ctl/output.h"

#include <limits.h>

#define ENROLL_VERB "token enroll"
#define ENROLL_LABEL "gapless"		/* of a key that is made, unless another is stated */

struct enroll {
	/* as it was asked for */
	const char *who;		/* the token's label, serial number or URI; NULL: the only one */
	const char *module, *worker;	/* worker: another keyd-card than the one beside us */
	const struct crypto_key_kind *kind;	/* NULL: not stated */
	uint8_t id[CARD_ID_MAX];
	size_t nid;
	const char *label, *dn_text, *csr_file, *cert_file;
	const char *san[CRYPTO_CSR_NAMES_MAX];
	unsigned nsan;
	bool replace, json;
	int pin_fd, admin_fd;		/* -1: whoever sits there is asked */
	const char *pinentry, *pinentry_usual;	/* by this program, see passphrase.h; NULL: at the terminal */
	unsigned call_ms, long_ms;
	/* what was read of it, before anything is done */
	uint8_t dn[CRYPTO_DN_MAX], addr[CRYPTO_CSR_NAMES_MAX][16];
	size_t ndn;
	struct crypto_csr_name names[CRYPTO_CSR_NAMES_MAX];
	struct secret certs;		/* the bytes of cert_file */
	/* the token */
	struct card *card;
	const struct card_driver *d;
	struct card_token t;
	char module_room[PATH_MAX];	/* the module's whole name, or one out of the URI */
	char place[CARD_TEXT_MAX];	/* how it is called: by its label, or its serial number */
	struct card_pin *pin, *admin;	/* NULL: nobody was asked yet */
	struct card_keys keys;
};

/* Prints why it failed: KEYDCTL_FAILED. */
int enroll_fail(const struct enroll *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* … after an enum card_error of the token's, with what its module says. */
int enroll_fail_card(struct enroll *e, int error);

/* The token, and the worker that has it. */
int enroll_find(struct enroll *e);
/* Whether it is our own driver's: an OpenPGP or a PIV card. */
bool enroll_is_native(const struct enroll *e);
bool enroll_is_piv(const struct enroll *e);

/* Logs in, if the token wants that. Each PIN is asked for once, and tried once. */
int enroll_login(struct enroll *e);
/* The administrator's PIN or management key, for cards that want it. */
int enroll_admin(struct enroll *e, struct view *out);

/* Subject and subjectAltNames out of what was typed. */
int enroll_names(struct enroll *e);
/* The key to be certified: one that is there, or a new one. *made: which. */
int enroll_key(struct enroll *e, struct card_key **out, bool *made);
/* A request for k's certificate in PEM; *pem is the caller's. */
int enroll_request(struct enroll *e, const struct card_key *k, struct secret *pem);
/* Stores the certificate of cert_file; *out is the key that it belongs to. */
int enroll_store(struct enroll *e, struct card_key **out);

#endif
