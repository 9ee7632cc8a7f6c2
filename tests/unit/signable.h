/* SPDX-License-Identifier: MIT */
/* Octets that a scheme signs: a text of fixed length, or as many bytes as the hash that a bare scheme wants. */
#ifndef TESTS_UNIT_SIGNABLE_H
#define TESTS_UNIT_SIGNABLE_H

#include "keyd/crypto/sig.h"

static inline struct view signable(const struct crypto_sig *s)
{
	static const uint8_t octets[] = "sixty-four bytes of a message, or fewer of them where it is hash";
	size_t n = sizeof(octets) - 1;

	while (s->bare && n && !crypto_sig_takes_hash(s, n))
		n--;
	return (struct view){ octets, n };
}

#endif
