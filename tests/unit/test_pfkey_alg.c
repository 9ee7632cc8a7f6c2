// SPDX-License-Identifier: MIT
/* The table of algorithms: every row can be found by each of its names, and says nothing impossible. */
#include "pfkey/alg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void test_rows(void **state)
{
	unsigned int rows = 0;

	(void)state;
	for (const struct ipsec_alg_info *a = ipsec_alg_next(NULL); a; a = ipsec_alg_next(a), rows++) {
		assert_non_null(a->names[0]);
		assert_int_equal(!a->kernel[0], !!(a->flags & IPSEC_ALG_ABSENT));
		for (int i = 0; i < IPSEC_ALG_NAMES && a->names[i]; i++)
			assert_ptr_equal(ipsec_alg_by_name(a->kind, a->names[i]), a);
		for (int i = 0; i < 3 && a->kernel[i]; i++)
			assert_ptr_equal(ipsec_alg_by_kernel(a->kind, a->kernel[i], a->icv_bits), a);
		if (a->sadb)
			assert_ptr_equal(ipsec_alg_by_sadb(a->kind, a->sadb), a);
		assert_true(a->key_min <= a->key_max && a->key_step && a->key_max <= IPSEC_KEY_MAX * 8);
		assert_true((a->key_max - a->key_min) % a->key_step == 0 && a->key_min % 8 == 0);
		assert_true(a->salt_bits <= a->key_min);
		assert_true(a->kind != IPSEC_ALG_AEAD || a->icv_bits);
		assert_true(!a->icv_bits || a->flags & IPSEC_ALG_ABSENT || ipsec_alg_icv_ok(a, a->icv_bits));
		assert_true(ipsec_alg_key_ok(a, a->key_min) && ipsec_alg_key_ok(a, a->key_max));
		assert_false(ipsec_alg_key_ok(a, a->key_max + a->key_step) || ipsec_alg_key_ok(a, a->key_min - 8u));
	}
	assert_true(rows > 30);
}

/* What the dialects of setkey call the same thing, and the sizes that their manuals give. */
static void test_known(void **state)
{
	static const struct { enum ipsec_alg_kind kind; const char *name, *kernel; unsigned int good, bad, icv; } rows[] = {
		{ IPSEC_ALG_ENC, "aes-cbc", "cbc(aes)", 192, 160, 0 },
		{ IPSEC_ALG_ENC, "rijndael-cbc", "cbc(aes)", 256, 512, 0 },
		{ IPSEC_ALG_ENC, "AES-CBC", "cbc(aes)", 128, 64, 0 },
		{ IPSEC_ALG_ENC, "3des-cbc", "cbc(des3_ede)", 192, 128, 0 },
		{ IPSEC_ALG_ENC, "blowfish-cbc", "cbc(blowfish)", 48, 32, 0 },
		{ IPSEC_ALG_ENC, "cast128-cbc", "cbc(cast5)", 40, 136, 0 },
		{ IPSEC_ALG_ENC, "camellia-cbc", "cbc(camellia)", 128, 136, 0 },
		{ IPSEC_ALG_ENC, "aes-ctr", "rfc3686(ctr(aes))", 224, 128, 0 },
		{ IPSEC_ALG_ENC, "null", "ecb(cipher_null)", 0, 8, 0 },
		{ IPSEC_ALG_AEAD, "aes-gcm-16", "rfc4106(gcm(aes))", 160, 128, 128 },
		{ IPSEC_ALG_AEAD, "chacha20-poly1305", "rfc7539esp(chacha20,poly1305)", 288, 256, 128 },
		{ IPSEC_ALG_AEAD, "aes-gmac", "rfc4543(gcm(aes))", 288, 256, 128 },
		{ IPSEC_ALG_AUTH, "hmac-sha256", "hmac(sha256)", 256, 128, 128 },
		{ IPSEC_ALG_AUTH, "hmac-sha2-256", "hmac(sha256)", 256, 512, 128 },
		{ IPSEC_ALG_AUTH, "hmac-sha2-384", "hmac(sha384)", 384, 256, 192 },
		{ IPSEC_ALG_AUTH, "hmac-sha2-512", "hmac(sha512)", 512, 256, 256 },
		{ IPSEC_ALG_AUTH, "hmac-sha1", "hmac(sha1)", 160, 128, 96 },
		{ IPSEC_ALG_AUTH, "hmac-md5", "hmac(md5)", 128, 160, 96 },
		{ IPSEC_ALG_AUTH, "aes-xcbc-mac", "xcbc(aes)", 128, 256, 96 },
		{ IPSEC_ALG_COMP, "deflate", "deflate", 0, 8, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct ipsec_alg_info *a = ipsec_alg_by_name(rows[i].kind, rows[i].name);

		assert_non_null(a);
		assert_string_equal(a->kernel[0], rows[i].kernel);
		assert_true(ipsec_alg_key_ok(a, rows[i].good));
		assert_false(ipsec_alg_key_ok(a, rows[i].bad));
		assert_int_equal(a->icv_bits, rows[i].icv);
	}
	assert_null(ipsec_alg_by_name(IPSEC_ALG_AUTH, "aes-cbc"));
	assert_null(ipsec_alg_by_name(IPSEC_ALG_ENC, "rot13"));
}

static void test_by_kernel(void **state)
{
	const struct ipsec_alg_info *a;

	(void)state;
	a = ipsec_alg_by_kernel(IPSEC_ALG_AEAD, "rfc4106(gcm(aes))", 96);
	assert_string_equal(a->names[0], "aes-gcm-12");
	a = ipsec_alg_by_kernel(IPSEC_ALG_AEAD, "rfc4106(gcm(aes))", 0);
	assert_string_equal(a->names[0], "aes-gcm-16");
	assert_null(ipsec_alg_by_kernel(IPSEC_ALG_AEAD, "rfc4106(gcm(aes))", 104));
	/* An old peer's truncation is still HMAC-SHA-256. */
	a = ipsec_alg_by_kernel(IPSEC_ALG_AUTH, "hmac(sha256)", 96);
	assert_string_equal(a->names[0], "hmac-sha256");
	assert_null(ipsec_alg_by_kernel(IPSEC_ALG_ENC, "hmac(sha256)", 0));
	assert_null(ipsec_alg_by_sadb(IPSEC_ALG_AUTH, 0));
}

/* Rows: what may be asked for as truncation. */
static void test_icv(void **state)
{
	static const struct { enum ipsec_alg_kind kind; const char *name; unsigned int bits; bool ok; } rows[] = {
		{ IPSEC_ALG_AUTH, "hmac-sha256", 96, true }, { IPSEC_ALG_AUTH, "hmac-sha256", 256, true },
		{ IPSEC_ALG_AUTH, "hmac-sha256", 264, false }, { IPSEC_ALG_AUTH, "hmac-sha256", 100, false },
		{ IPSEC_ALG_AUTH, "hmac-sha256", 0, false }, { IPSEC_ALG_AUTH, "hmac-md5", 128, true },
		{ IPSEC_ALG_AUTH, "hmac-md5", 160, false }, { IPSEC_ALG_AUTH, "aes-xcbc-mac", 128, true },
		{ IPSEC_ALG_AUTH, "hmac-sha512", 512, true }, { IPSEC_ALG_AUTH, "null", 96, false },
		{ IPSEC_ALG_AEAD, "aes-gcm-16", 64, true }, { IPSEC_ALG_AEAD, "aes-gcm-16", 72, false },
		{ IPSEC_ALG_AEAD, "chacha20-poly1305", 96, false }, { IPSEC_ALG_AEAD, "chacha20-poly1305", 128, true },
		{ IPSEC_ALG_ENC, "aes-cbc", 96, false }, { IPSEC_ALG_COMP, "deflate", 96, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (ipsec_alg_icv_ok(ipsec_alg_by_name(rows[i].kind, rows[i].name), rows[i].bits) != rows[i].ok)
			fail_msg("row %zu", i);
}

static void test_set(void **state)
{
	const struct ipsec_alg_info *gcm = ipsec_alg_by_name(IPSEC_ALG_AEAD, "aes-gcm-16");
	static const uint8_t key[36] = { 1, 2, 3, [35] = 36 };
	struct ipsec_alg alg = { .name = "before" };

	(void)state;
	assert_int_equal(ipsec_alg_set(&alg, gcm, key, 256), -EINVAL);
	assert_int_equal(ipsec_alg_set(&alg, ipsec_alg_by_name(IPSEC_ALG_ENC, "des-deriv"), key, 64), -EOPNOTSUPP);
	assert_string_equal(alg.name, "before");
	assert_int_equal(ipsec_alg_set(&alg, gcm, key, 288), 0);
	assert_string_equal(alg.name, "rfc4106(gcm(aes))");
	assert_int_equal(alg.key_bits, 288);
	assert_int_equal(alg.icv_bits, 128);
	assert_memory_equal(alg.key, key, 36);
	assert_int_equal(ipsec_alg_set(&alg, ipsec_alg_by_name(IPSEC_ALG_ENC, "null"), NULL, 0), 0);
	assert_int_equal(alg.key_bits, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_known), cmocka_unit_test(test_by_kernel),
		cmocka_unit_test(test_icv), cmocka_unit_test(test_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
