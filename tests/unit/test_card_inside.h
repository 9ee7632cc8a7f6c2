/* SPDX-License-Identifier: MIT */
/* What the tests of card drivers have in common: a folder of their own, and what a token that is well must do. */
#ifndef TEST_CARD_INSIDE_H
#define TEST_CARD_INSIDE_H

#include "keyd/card/driver.h"
#include "keyd/crypto/alg.h"
#include "tests/unit/signable.h"

#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef CARD_DRIVER
#define CARD_DRIVER card_driver_pkcs11
#endif

static char folder[] = "/tmp/test_card_XXXXXX";
static const struct card_driver *const d = &CARD_DRIVER;

static inline struct view text(const char *s)
{
	return (struct view){ (const uint8_t *)s, strlen(s) };
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int folder_end(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct card *open_module(const char *path)
{
	char why[CARD_WHY_MAX] = "";
	struct card *c = NULL;

	if (d->open(&c, path, why))
		fail_msg("%s %s", path, why);
	return c;
}

/* The only token. */
static inline struct card_token only_token(struct card *c)
{
	struct card_token t[CARD_TOKENS_MAX];
	unsigned n = CARD_TOKENS_MAX;

	assert_int_equal(d->tokens(c, t, &n), 0);
	assert_int_equal(n, 1);
	return t[0];
}

static inline int sign(struct card *c, const struct card_token *t, const struct card_key *k, const char *scheme, const char *pin)
{
	const struct crypto_sig *s = crypto_sig_by_name(scheme);
	const struct view all = signable(s), two[] = { { all.p, 7 }, { all.p + 7, all.n - 7 } };
	uint8_t out[CRYPTO_SIG_MAX];
	size_t n = sizeof(out);
	int r = d->sign(c, t, k, s, two, 2, text(pin), out, &n);

	if (!r)
		assert_int_equal(crypto_sig_check(s, k->public, &all, 1, (struct view){ out, n }), 0);
	return r;
}

/* With every scheme that the key is said to be able to; how many these are. */
static inline unsigned sign_all(struct card *c, const struct card_token *t, const struct card_key *k)
{
	const struct crypto_sig *s = NULL;
	unsigned done = 0;

	for (uint32_t bit = 1; (s = crypto_sig_next(s)); bit <<= 1) {
		if (!(k->schemes & bit))
			continue;
		assert_int_equal(sign(c, t, k, s->name, ""), 0);
		done++;
	}
	return done;
}

#endif
