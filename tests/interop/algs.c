// SPDX-License-Identifier: MIT
// Prints keyd's table of algorithms, a line each: kind, name, and what is special about it. The suites of check-interop come from it.
#include "keyd/crypto/alg.h"

#include <stdio.h>

int main(void)
{
	static const char *const kinds[] = { [CRYPTO_ENCR] = "encr", [CRYPTO_PRF] = "prf", [CRYPTO_INTEG] = "integ",
					     [CRYPTO_KE] = "ke" };

	for (enum crypto_kind kind = CRYPTO_ENCR; kind <= CRYPTO_KE; kind++)
		for (const struct crypto_alg *a = crypto_alg_next(NULL, kind); a; a = crypto_alg_next(a, kind))
			printf("%s %s%s%s\n", kinds[kind], a->name, a->aead ? " aead" : "",
			       a->flags & CRYPTO_ESP_ONLY ? " esp-only" : "");
	return 0;
}
