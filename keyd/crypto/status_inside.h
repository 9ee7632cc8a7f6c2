/* SPDX-License-Identifier: MIT */
/* Private to keyd/crypto: where what is known of revocation is kept. */
#ifndef KEYD_CRYPTO_STATUS_INSIDE_H
#define KEYD_CRYPTO_STATUS_INSIDE_H

#include "keyd/crypto/crl.h"
#include "keyd/util/list.h"
#include "keyd/util/table.h"

/* What a responder has said of one certificate. */
struct ocsp_entry {
	struct table_node node;
	struct list all;
	struct issuer_id issuer;
	struct serial serial;
	bool revoked;
	uint8_t reason;
	int64_t since, until;
};

struct known_issuer {
	struct issuer_id id;
	X509 *x;			/* a reference */
};

/* A CRL of a CA that is not known. */
struct waiting {
	struct secret der;		/* not that it were secret */
	int64_t until;
};

struct crypto_status {
	uint64_t version;
	unsigned ncrls, nwaiting, nissuers, oldest_issuer;
	struct crl *crl[CRYPTO_CRLS_MAX];
	struct waiting waiting[CRYPTO_CRLS_MAX];
	struct known_issuer issuer[CRYPTO_ISSUERS_MAX];
	struct table ocsp;
	struct list ocsps;
};

/* What is known of one certificate. */
struct status_found {
	enum crypto_state state;
	uint8_t reason;			/* of REVOKED */
	int64_t until;			/* of GOOD and STALE */
};

/* l: where it says that its CRL is; NULL: not known, then nothing but an OCSP answer says that it is good. */
struct status_found status_find(const struct crypto_status *s, const struct issuer_id *issuer, const struct serial *serial,
				const struct chain_link *l, int64_t now);
/* Times of news, out of when something runs out. */
void news_times(struct crypto_news *news, int64_t until, int64_t now);
int64_t status_refresh(int64_t until, int64_t now);
/* " (keyCompromise)", or "" where nothing is to be said. */
const char *status_reason(uint8_t reason);

/* ocsp.c */
void ocsp_forget(struct crypto_status *s);
const struct ocsp_entry *ocsp_find(const struct crypto_status *s, const struct issuer_id *issuer, const struct serial *serial);

#endif
