/* SPDX-License-Identifier: MIT */
/* Random bytes: from OpenSSL, or from a simulator that wants the same run twice. */
#ifndef KEYD_CRYPTO_RAND_H
#define KEYD_CRYPTO_RAND_H

#include "keyd/util/rd.h"

/* Fills n bytes. 0, or -1 (p is then all zero and must not be used). */
int crypto_rand(void *p, size_t n) RD_MUST_CHECK;

/*
 * From now on crypto_rand, and with it CBC IVs and all key exchange keys, come from fn (0 or -1); NULL goes back to
 * OpenSSL. Only for tests and the simulator.
 */
void crypto_rand_set(int (*fn)(void *arg, void *p, size_t n), void *arg);

#endif
