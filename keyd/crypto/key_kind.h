/* SPDX-License-Identifier: MIT */
/* The kinds of keys that can be made, by the words for them. */
#ifndef KEYD_CRYPTO_KEY_KIND_H
#define KEYD_CRYPTO_KEY_KIND_H

#include "keyd/crypto/key.h"

struct crypto_key_kind {
	const char *name;		/* "ed25519", "p256", "rsa3072" */
	enum crypto_key_type type;
	unsigned bits;			/* of RSA and EC */
};

/* Walks the table, the usual kind first: NULL gives that, the last gives NULL. */
const struct crypto_key_kind *crypto_key_kind_next(const struct crypto_key_kind *k);
/* NULL: unknown. */
const struct crypto_key_kind *crypto_key_kind_by_name(const char *name);

#endif
