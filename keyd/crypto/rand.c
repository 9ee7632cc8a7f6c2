// SPDX-License-Identifier: MIT
// Random bytes.
#include "keyd/crypto/rand.h"

#include "keyd/crypto/evp.h"

#include <limits.h>
#include <openssl/rand.h>
#include <string.h>

static int (*source)(void *arg, void *p, size_t n);
static void *source_arg;

void crypto_rand_set(int (*fn)(void *arg, void *p, size_t n), void *arg)
{
	source = fn;
	source_arg = arg;
}

bool crypto_rand_is_set(void)
{
	return source != NULL;
}

int crypto_rand(void *p, size_t n)
{
	int ok;

	if (source)
		ok = source(source_arg, p, n) == 0;
	else
		ok = n <= INT_MAX && RAND_bytes(p, (int)n) == 1;
	if (ok)
		return 0;
	memset(p, 0, n);
	return -1;
}
