/* SPDX-License-Identifier: MIT */
/* Our own certificates, which run out, too. */
#ifndef KEYD_TRUST_OWN_H
#define KEYD_TRUST_OWN_H

#include "keyd/crypto/trust.h"
#include "keyd/trust/trust.h"

#define OWN_AT_MAX 288			/* bytes of "FILE:LINE", with NUL */
#define OWN_CHAIN_MAX (CRYPTO_CHAIN_MAX + 1)
#define OWN_DAY 86400			/* seconds */

struct source;

struct own {
	struct conf_digest key;
	char at[OWN_AT_MAX];
	struct crypto_cert *chain[OWN_CHAIN_MAX];	/* ours first */
	unsigned n;
	struct source *source;		/* where its OCSP response comes from; NULL: nowhere */
	uint8_t *staple;		/* owned: that response */
	size_t nstaple;
};

/* chain as conf_cred.chain. 0 and *out is the caller's, or -1 with *why, the end of a sentence. */
int own_new(struct own **out, const struct conf_digest *key, const char *at, struct view chain, const char **why);
void own_free(struct own *o);
/* Tells through log who of the chain has run out, or does so within days. */
void own_warn(const struct own *o, int64_t wall, uint32_t days, void (*log)(void *arg, enum log_level level, const char *text),
	      void *arg);

#endif
