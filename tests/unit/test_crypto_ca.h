/* SPDX-License-Identifier: MIT */
/* What tests/ca/make has made, for unit tests. */
#ifndef TEST_CRYPTO_CA_H
#define TEST_CRYPTO_CA_H

#include "keyd/crypto/cert.h"
#include "tests/unit/test_crypto_hex.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY 86400
#define FILE_ROOM (8 << 20)

static char folder[PATH_MAX];

/* Beside the folder of unit tests; or where the argument says. */
static inline void ca_folder(int argc, char **argv)
{
	char exe[PATH_MAX];

	snprintf(exe, sizeof(exe), "%s", argv[0]);
	snprintf(folder, sizeof(folder), "%s/../ca", dirname(exe));
	if (argc > 1)
		snprintf(folder, sizeof(folder), "%s", argv[1]);
}

struct file {
	uint8_t *p;
	size_t n;
};

/* All of it, and a NUL behind it. */
static inline struct file load(const char *name)
{
	char path[PATH_MAX + 64];
	struct file f = { malloc(FILE_ROOM), 0 };
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	in = fopen(path, "r");
	if (!in)
		fail_msg("%s: there is no such file", path);
	f.n = fread(f.p, 1, FILE_ROOM, in);
	fclose(in);
	assert_true(f.n > 0 && f.n < FILE_ROOM);
	f.p[f.n] = 0;
	return f;
}

static inline struct crypto_cert *cert(const char *name)
{
	struct crypto_cert *c = NULL;
	char crt[64];
	struct file f;

	snprintf(crt, sizeof(crt), "%s.crt", name);
	f = load(crt);
	assert_int_equal(crypto_cert_from_der(&c, (struct view){ f.p, f.n }), 0);
	free(f.p);
	return c;
}

/* When the last one was made: it begins a day before. */
static inline int64_t made_at(void)
{
	struct crypto_cert *c = cert("looped");
	int64_t t = crypto_cert_begins(c) + DAY;

	crypto_cert_free(c);
	return t;
}

#endif
