// SPDX-License-Identifier: MIT
// Public keys as words.
#include "keyd/crypto/key_text.h"

#include <openssl/evp.h>

const char *crypto_spki_text(struct view spki, char buf[CRYPTO_SPKI_TEXT_MAX])
{
	buf[0] = 0;
	if (spki.n <= CRYPTO_SPKI_MAX)
		EVP_EncodeBlock((unsigned char *)buf, spki.p, (int)spki.n);
	return buf;
}
