/* SPDX-License-Identifier: MIT */
/* Group setup and teardown of tests that compute with keyd/crypto. */
#ifndef TESTS_UNIT_WITH_CRYPTO_H
#define TESTS_UNIT_WITH_CRYPTO_H

#include "keyd/crypto/alg.h"

static inline int with_crypto(void **state)
{
	(void)state;
	return crypto_init();
}

static inline int without_crypto(void **state)
{
	(void)state;
	crypto_exit();
	return 0;
}

#endif
