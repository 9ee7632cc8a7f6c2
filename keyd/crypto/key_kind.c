// SPDX-License-Identifier: MIT
// Kinds of keys.
#include "keyd/crypto/key_kind.h"

#include <string.h>

static const struct crypto_key_kind kinds[] = {
	{ "ed25519", CRYPTO_KEY_ED25519, 0 }, { "ed448", CRYPTO_KEY_ED448, 0 }, { "p256", CRYPTO_KEY_EC, 256 },
	{ "p384", CRYPTO_KEY_EC, 384 }, { "p521", CRYPTO_KEY_EC, 521 }, { "rsa2048", CRYPTO_KEY_RSA, 2048 },
	{ "rsa3072", CRYPTO_KEY_RSA, 3072 }, { "rsa4096", CRYPTO_KEY_RSA, 4096 },
};

const struct crypto_key_kind *crypto_key_kind_next(const struct crypto_key_kind *k)
{
	k = k ? k + 1 : kinds;
	return k < kinds + sizeof(kinds) / sizeof(*kinds) ? k : NULL;
}

const struct crypto_key_kind *crypto_key_kind_by_name(const char *name)
{
	const struct crypto_key_kind *k = NULL;

	while ((k = crypto_key_kind_next(k)) && strcmp(k->name, name) != 0)
		;
	return k;
}
