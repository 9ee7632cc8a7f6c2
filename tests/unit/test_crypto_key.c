// SPDX-License-Identifier: MIT
// Keys as administrators have them: PKCS#12 of many makes, encrypted files, public keys in each form.
#include "keyd/crypto/hash.h"
#include "keyd/crypto/p12.h"
#include "tests/unit/test_crypto_ca.h"
#include "tests/unit/with_crypto.h"

/* Certificates that came, by their subjects' last words. */
struct got {
	char names[256];
	unsigned n, stop_at;
};

static int take(void *arg, struct crypto_cert *c)
{
	struct got *g = arg;
	struct view der = crypto_cert_subject(c);
	size_t at = der.n, len = strlen(g->names);

	while (at && der.p[at - 1] >= '0')
		at--;
	snprintf(g->names + len, sizeof(g->names) - len, "%s%.*s", len ? " " : "", (int)(der.n - at), der.p + at);
	crypto_cert_free(c);
	return ++g->n == g->stop_at ? 7 : 0;
}

static int load_p12(const char *name, const char *pass, struct crypto_key **k, struct got *g)
{
	struct file f = load(name);
	int r = crypto_p12_load(k, (struct view){ f.p, f.n }, text(pass), take, g);

	free(f.p);
	return r;
}

static const struct {
	const char *file, *pass;
	int error;
	const char *key, *certs;	/* the key is that of this file; NULL: there is none */
} p12s[] = {
	{ "good.p12", "secret", 0, "good.key", "good inter" },
	{ "rsa.p12", "secret", 0, "rsa.key", "rsa inter root" },
	{ "ed.p12", "secret", 0, "ed.key", "ed" },
	{ "des.p12", "secret", 0, "good.key", "good inter" },
	{ "open.p12", "", 0, "good.key", "good" },
	{ "certs.p12", "secret", 0, NULL, "inter" },
	{ "good.p12", "Secret", CRYPTO_P12_PASSPHRASE, NULL, "" },
	{ "good.p12", "", CRYPTO_P12_PASSPHRASE, NULL, "" },
	{ "des.p12", "wrong", CRYPTO_P12_PASSPHRASE, NULL, "" },
	{ "open.p12", "wrong", CRYPTO_P12_PASSPHRASE, NULL, "" },
	{ "good.crt", "secret", CRYPTO_P12_MALFORMED, NULL, "" },
	{ "good.pem", "secret", CRYPTO_P12_MALFORMED, NULL, "" },
};

static struct crypto_key *private_key(const char *name, const char *pass)
{
	struct file f = load(name);
	struct crypto_key *k = NULL;

	assert_int_equal(crypto_key_from_private(&k, (struct view){ f.p, f.n }, text(pass)), 0);
	free(f.p);
	return k;
}

static void test_p12(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(p12s) / sizeof(*p12s); i++) {
		struct crypto_key *k, *want = p12s[i].key ? private_key(p12s[i].key, "") : NULL;
		struct got g = { .n = 0 };
		int r = load_p12(p12s[i].file, p12s[i].pass, &k, &g);

		if (r != p12s[i].error || strcmp(g.names, p12s[i].certs))
			fail_msg("%s: %d \"%s\" %s", p12s[i].file, r, g.names, crypto_p12_strerror(r));
		assert_int_equal(k != NULL, want != NULL);
		assert_true(!want || (crypto_key_is_private(k) && crypto_key_equal(k, want)));
		crypto_key_free(k);
		crypto_key_free(want);
	}
}

/* As OpenSSL 1.1 made it: where the legacy provider is not installed, one is told of it. */
static void test_p12_old(void **state)
{
	char path[PATH_MAX + 64];
	struct crypto_key *k;
	struct got g = { .n = 0 };
	int r;

	(void)state;
	snprintf(path, sizeof(path), "%s/old.p12", folder);
	if (access(path, R_OK))
		skip();
	r = load_p12("old.p12", "secret", &k, &g);
	if (r == CRYPTO_P12_LEGACY) {
		assert_non_null(strstr(crypto_p12_strerror(r), "legacy provider"));
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(g.names, "good inter");
	crypto_key_free(k);
	assert_int_equal(load_p12("old.p12", "wrong", &k, &g), CRYPTO_P12_PASSPHRASE);
	/* It has been read, and the provider is gone again. */
	assert_int_equal(load_p12("good.p12", "secret", &k, &g), 0);
	crypto_key_free(k);
	crypto_key_free(private_key("good.key", ""));
}

static void test_p12_hostile(void **state)
{
	struct file f = load("good.p12");
	struct got g = { .stop_at = 1 };
	struct crypto_key *k = (void *)1;
	uint8_t *at;

	(void)state;
	/* Who takes certificates may have had enough. */
	assert_int_equal(crypto_p12_load(&k, (struct view){ f.p, f.n }, text("secret"), take, &g), 7);
	assert_null(k);
	assert_true(crypto_is_p12((struct view){ f.p, f.n }));
	for (size_t n = 0; n < f.n; n += 9) {
		assert_false(crypto_is_p12((struct view){ f.p, n }));
		assert_int_equal(crypto_p12_load(&k, (struct view){ f.p, n }, text("secret"), take, &g), CRYPTO_P12_MALFORMED);
	}
	for (size_t i = 0; i < f.n; i += 5) {
		f.p[i] ^= 0x40;
		if (!crypto_p12_load(&k, (struct view){ f.p, f.n }, text("secret"), take, &g))
			crypto_key_free(k);
		f.p[i] ^= 0x40;
	}
	/* How often the passphrase is hashed stands at its end; nobody waits for 2^31 times. */
	assert_memory_equal(f.p + f.n - 4, "\x02\x02\x08\x00", 4);
	assert_memory_equal(f.p + 4, "\x02\x01\x03\x30\x82", 5);
	at = f.p + 4 + 3 + 4 + (f.p[9] << 8 | f.p[10]);
	memcpy(f.p + f.n - 4, "\x02\x04\x7f\xff\xff\xff", 6);
	assert_int_equal(at[0], 0x30);
	at[1] += 2;
	f.p[2] += f.p[3] > 0xfd;
	f.p[3] += 2;
	assert_true(crypto_is_p12((struct view){ f.p, f.n + 2 }));
	assert_int_equal(crypto_p12_load(&k, (struct view){ f.p, f.n + 2 }, text("secret"), take, &g), CRYPTO_P12_COSTLY);
	free(f.p);
}

static void test_encrypted(void **state)
{
	static const struct {
		const char *file;
		bool encrypted;
	} files[] = {
		{ "good.key", false }, { "good-pkcs8.key", true }, { "good-old.key", true }, { "good-ec.key", false },
		{ "rsa-old.key", false }, { "big.key", false }, { "good.pem", false },
	};
	struct crypto_key *want = private_key("good.key", ""), *k;
	char name[32];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct file f = load(files[i].file);
		struct view v = { f.p, f.n };

		if (crypto_key_is_encrypted(v) != files[i].encrypted)
			fail_msg("%s", files[i].file);
		if (files[i].encrypted) {
			assert_int_equal(crypto_key_from_private(&k, v, text("wrong")), CRYPTO_KEY_PASSPHRASE);
			assert_int_equal(crypto_key_from_private(&k, v, text("secret")), 0);
			assert_true(crypto_key_equal(k, want));
			crypto_key_free(k);
		}
		free(f.p);
	}
	k = private_key("good-ec.key", "");
	assert_true(crypto_key_equal(k, want));
	crypto_key_free(k);
	k = private_key("big.key", "");
	assert_string_equal(crypto_key_name(k, name, sizeof(name)), "RSA-8192");
	crypto_key_free(k);
	crypto_key_free(want);
}

static const char base64_of_ed[] = "MCowBQYDK2VwAyEA";	/* how any Ed25519 key begins */

static void test_public(void **state)
{
	struct file der = load("ed.spki"), pem = load("ed.pub"), private = load("ed.key");
	struct crypto_key *want = private_key("ed.key", ""), *k = NULL;
	uint8_t digest[CRYPTO_DIGEST_LEN], again[CRYPTO_DIGEST_LEN];
	struct view v = { der.p, der.n };
	char word[200], *start = strchr((char *)pem.p, '\n') + 1, *end = strstr(start, "\n-----");

	(void)state;
	assert_int_equal(crypto_key_from_public(&k, v), 0);
	assert_true(crypto_key_equal(k, want) && !crypto_key_is_private(k));
	assert_int_equal(crypto_key_digest(k, digest), 0);
	assert_int_equal(crypto_sha256(&v, 1, again), 0);
	assert_memory_equal(digest, again, sizeof(digest));
	crypto_key_free(k);
	assert_int_equal(crypto_key_from_public(&k, (struct view){ pem.p, pem.n }), 0);
	assert_true(crypto_key_equal(k, want));
	crypto_key_free(k);
	snprintf(word, sizeof(word), " %.*s \n", (int)(end - start), start);
	assert_memory_equal(word + 1, base64_of_ed, sizeof(base64_of_ed) - 1);
	assert_int_equal(crypto_key_from_public(&k, text(word)), 0);
	assert_true(crypto_key_equal(k, want));
	crypto_key_free(k);
	for (size_t n = 0; n < strlen(word) - 3; n++)
		assert_int_equal(crypto_key_from_public(&k, (struct view){ (uint8_t *)word, n }), CRYPTO_KEY_MALFORMED);
	for (size_t n = 0; n < der.n; n++)
		assert_int_equal(crypto_key_from_public(&k, (struct view){ der.p, n }), CRYPTO_KEY_MALFORMED);
	assert_int_equal(crypto_key_from_public(&k, (struct view){ private.p, private.n }), CRYPTO_KEY_MALFORMED);
	crypto_key_free(want);
	free(der.p);
	free(pem.p);
	free(private.p);
}

/* A word in base64 has no lines: an RSA key's is 392 characters. */
static void test_public_long(void **state)
{
	char command[3 * PATH_MAX];
	struct crypto_key *want, *k = NULL;
	struct file f;

	(void)state;
	snprintf(command, sizeof(command), "cd %s && openssl pkey -in rsa.key -pubout -outform DER | base64 -w 0 >rsa.word", folder);
	assert_int_equal(system(command), 0);
	f = load("rsa.word");
	want = private_key("rsa.key", "");
	assert_int_equal(crypto_key_from_public(&k, (struct view){ f.p, f.n }), 0);
	assert_true(crypto_key_equal(k, want));
	crypto_key_free(k);
	crypto_key_free(want);
	free(f.p);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_p12), cmocka_unit_test(test_p12_old), cmocka_unit_test(test_p12_hostile),
		cmocka_unit_test(test_encrypted), cmocka_unit_test(test_public), cmocka_unit_test(test_public_long),
	};

	ca_folder(argc, argv);
	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
