/* SPDX-License-Identifier: MIT */
/* Public keys as one word that people pass on; crypto_key_from_public reads it. */
#ifndef KEYD_CRYPTO_KEY_TEXT_H
#define KEYD_CRYPTO_KEY_TEXT_H

#include "keyd/crypto/key.h"

#define CRYPTO_SPKI_TEXT_MAX (4 * ((CRYPTO_SPKI_MAX + 2) / 3) + 1)	/* with NUL */

/* Base64 of a SubjectPublicKeyInfo of at most CRYPTO_SPKI_MAX bytes into buf, which is returned; "" when it is longer. */
const char *crypto_spki_text(struct view spki, char buf[CRYPTO_SPKI_TEXT_MAX]);

#endif
