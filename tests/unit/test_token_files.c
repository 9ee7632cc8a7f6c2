// SPDX-License-Identifier: MIT
// What the parent keeps of tokens in files: what was seen of keys, and which PINs must not be tried again.
#include "keyd/crypto/hash.h"
#include "keyd/crypto/key.h"
#include "keyd/roles/sights.h"
#include "keyd/roles/trials.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define URI "pkcs11:token=gate"

static char dir[] = "/tmp/test_token_files.XXXXXX";

static struct view view(const struct secret *s)
{
	return secret_view(s);
}

/* A new public key each time. */
static void spki_new(struct secret *spki)
{
	struct crypto_key *k = NULL;

	assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_ED25519, 0), 0);
	secret_clear(spki);
	assert_int_equal(crypto_key_spki(k, spki), 0);
	crypto_key_free(k);
}

static void command(const char *text)
{
	assert_int_equal(system(text), 0);
}

static void test_sights(void **state)
{
	struct secret a = { 0 }, b = { 0 };
	struct sights s;

	(void)state;
	spki_new(&a);
	spki_new(&b);
	sights_open(&s, "cache");
	assert_int_equal(s.seen.n, 0);
	assert_true(sights_see(&s, URI, view(&a), (struct view){ 0 }));
	assert_false(sights_see(&s, URI, view(&a), (struct view){ 0 }));
	assert_true(sights_see(&s, "pkcs11:", view(&a), (struct view){ 0 }));
	assert_true(sights_see(&s, URI, view(&b), (struct view){ 0 }));	/* another card in its place */
	assert_int_equal(s.seen.n, 2);
	sights_free(&s);
	/* The next process knows both. */
	sights_open(&s, "cache");
	assert_int_equal(s.seen.n, 2);
	assert_false(sights_see(&s, URI, view(&b), (struct view){ 0 }));
	assert_false(sights_see(&s, "pkcs11:", view(&a), (struct view){ 0 }));
	sights_free(&s);
	secret_clear(&a);
	secret_clear(&b);
}

static void test_sights_hostile(void **state)
{
	static const char *const damage[] = {
		"for f in cache/tokens/*; do printf x >>$f; done",		/* longer than it says */
		"for f in cache/tokens/*; do truncate -s 20 $f; done",
		"for f in cache/tokens/*; do : >$f; done",
		"for f in cache/tokens/*; do printf '\\377\\377\\377\\377\\377\\377\\377\\377' >$f; done",
		"for f in cache/tokens/*; do rm $f; mkfifo $f; done",
		"for f in cache/tokens/*; do rm $f; ln -s /etc/passwd $f; done",
		"chmod 777 cache/tokens",
		"rm -rf cache/tokens && ln -s /etc cache/tokens",
	};
	struct secret a = { 0 };
	struct sights s;

	(void)state;
	spki_new(&a);
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		command("rm -rf cache");
		sights_open(&s, "cache");
		assert_true(sights_see(&s, URI, view(&a), (struct view){ 0 }));
		sights_free(&s);
		command(damage[i]);
		sights_open(&s, "cache");
		assert_int_equal(s.seen.n, 0);
		sights_free(&s);
	}
	command("rm -rf cache");
	sights_open(&s, "cache");
	/* No key, and a certificate that is none: never kept. */
	assert_false(sights_see(&s, URI, (struct view){ (const uint8_t *)"key", 3 }, (struct view){ 0 }));
	assert_false(sights_see(&s, URI, view(&a), view(&a)));
	/* Where nothing can be written it is known all the same. */
	command("rm -rf cache && : >cache");
	assert_true(sights_see(&s, URI, view(&a), (struct view){ 0 }));
	assert_int_equal(s.seen.n, 1);
	sights_free(&s);
	command("rm cache");
	secret_clear(&a);
}

static void test_sights_bounded(void **state)
{
	struct secret a = { 0 };
	struct sights s;
	char uri[64];

	(void)state;
	spki_new(&a);
	sights_open(&s, "cache");
	for (unsigned i = 0; i < SIGHTS_MAX + 20; i++) {
		snprintf(uri, sizeof(uri), "pkcs11:id=%u", i);
		assert_true(sights_see(&s, uri, view(&a), (struct view){ 0 }));
	}
	assert_int_equal(s.seen.n, SIGHTS_MAX);
	sights_free(&s);
	secret_clear(&a);
}

static struct card_bad bad(uint8_t token, uint8_t from, uint64_t stamp)
{
	struct card_bad b = { .stamp = stamp, .from = from };

	memset(b.token, token, sizeof(b.token));
	return b;
}

static struct view pin(const char *text)
{
	return (struct view){ (const uint8_t *)text, strlen(text) };
}

static void test_trials(void **state)
{
	struct card_bad a = bad(1, 1, 77), b = bad(2, 1, 88), other = bad(1, 1, 99);
	struct trials t;
	uint64_t stamp;

	(void)state;
	trials_open(&t, ".");
	assert_true(t.opened);
	assert_int_equal(t.n, 0);
	stamp = trials_stamp(&t, pin("1234"));
	assert_int_not_equal(stamp, 0);
	assert_int_not_equal(stamp, trials_stamp(&t, pin("1235")));
	assert_int_equal(trials_keep(&t, &a), 0);
	assert_int_equal(trials_keep(&t, &b), 0);
	/* After a restart: the same PIN has the same number, and what was tried is known. */
	trials_open(&t, ".");
	assert_int_equal(t.n, 2);
	assert_int_equal(t.bad[0].stamp, 77);
	assert_int_equal(trials_stamp(&t, pin("1234")), stamp);
	/* Two of one token are two; only the one that is meant is forgiven. */
	assert_int_equal(trials_keep(&t, &other), 0);
	assert_int_equal(trials_keep(&t, &other), 0);
	assert_int_equal(t.n, 3);
	trials_forgive(&t, &a);
	trials_forgive(&t, &a);
	assert_int_equal(t.n, 2);
	trials_open(&t, ".");
	assert_int_equal(t.n, 2);
	assert_int_equal(t.bad[0].stamp, 88);
	assert_int_equal(t.bad[1].stamp, 99);
}

static void test_trials_hostile(void **state)
{
	static const char *const damage[] = {
		"printf x >tokens", "head -c 100000 /dev/zero >tokens", "chmod 644 tokens",
		"rm tokens && mkfifo tokens && chmod 600 tokens", "rm tokens && ln -s /etc/passwd tokens",
	};
	struct trials t;
	struct card_bad a = bad(1, 1, 77);
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		command("rm -f tokens");
		trials_open(&t, ".");
		assert_int_equal(trials_keep(&t, &a), 0);
		assert_int_equal(stat("tokens", &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		command(damage[i]);
		trials_open(&t, ".");
		assert_true(t.opened);
		assert_int_equal(t.n, 0);
	}
	command("rm -f tokens");
	trials_open(&t, ".");
	for (unsigned i = 0; i < TRIALS_MAX + 10; i++) {
		struct card_bad b = bad((uint8_t)i, (uint8_t)(1 + i / 256), i + 1);

		assert_int_equal(trials_keep(&t, &b), 0);
	}
	assert_int_equal(t.n, TRIALS_MAX);
	trials_open(&t, ".");
	assert_int_equal(t.n, TRIALS_MAX);
	assert_int_equal(t.bad[TRIALS_MAX - 1].stamp, TRIALS_MAX + 10);
	/* Where it cannot be written down, it is said. */
	trials_open(&t, "/nonexistent");
	assert_true(trials_keep(&t, &a) < 0);
}

static int enter(void **state)
{
	return with_crypto(state) || !mkdtemp(dir) || chdir(dir) ? -1 : 0;
}

static int leave(void **state)
{
	char text[sizeof(dir) + 16];

	snprintf(text, sizeof(text), "rm -rf %s", dir);
	return chdir("/") || system(text) || without_crypto(state) ? -1 : 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sights), cmocka_unit_test(test_sights_hostile), cmocka_unit_test(test_sights_bounded),
		cmocka_unit_test(test_trials), cmocka_unit_test(test_trials_hostile),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
