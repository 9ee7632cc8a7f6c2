// SPDX-License-Identifier: MIT
// The algorithm table: every row is whole, and is found by what it is called.
#include "keyd/crypto/alg.h"
#include "tests/unit/test_crypto_hex.h"

static void check_encr(const struct crypto_alg *a)
{
	assert_non_null(a->kernel_name);
	assert_int_equal(a->key_bits ? a->key_bits : a->key * 8, a->key * 8);
	assert_int_equal(a->icv_bits, a->icv * 8);
	assert_int_equal(a->aead, a->icv != 0);
	assert_true(a->iv <= CRYPTO_IV_MAX && a->icv <= CRYPTO_ICV_MAX && a->block >= 1);
}

static void check_sizes(const struct crypto_alg *a)
{
	switch (a->kind) {
	case CRYPTO_ENCR:
		check_encr(a);
		break;
	case CRYPTO_PRF:
		assert_true(a->prf && a->prf <= CRYPTO_PRF_MAX && a->key == a->prf);
		break;
	case CRYPTO_INTEG:
		assert_non_null(a->kernel_name);
		assert_true(a->key && a->icv && a->icv <= CRYPTO_ICV_MAX && a->icv_bits == a->icv * 8);
		break;
	case CRYPTO_KE:
		assert_true(a->public_len && a->public_len <= CRYPTO_KE_PUBLIC_MAX);
		assert_true(a->shared_len && a->shared_len <= CRYPTO_KE_SHARED_MAX);
		break;
	}
}

static void every_row_is_whole(void **state)
{
	unsigned rows = 0;

	(void)state;
	for (unsigned kind = CRYPTO_ENCR; kind <= CRYPTO_KE; kind++)
		for (const struct crypto_alg *a = NULL; (a = crypto_alg_next(a, kind)); rows++) {
			assert_int_equal(a->kind, kind);
			check_sizes(a);
			assert_ptr_equal(crypto_alg_by_name(kind, a->name), a);
			assert_ptr_equal(crypto_alg_by_id(kind, a->ikev2_id, a->key_bits), a);
		}
	assert_true(rows >= 30);
}

static void names_and_numbers(void **state)
{
	static const struct { unsigned kind; const char *name; unsigned id, key_bits, key, icv; } rows[] = {
		{ CRYPTO_ENCR, "aes256gcm16", 20, 256, 32, 16 },
		{ CRYPTO_ENCR, "AES128GCM", 20, 128, 16, 16 },
		{ CRYPTO_ENCR, "aes192gcm8", 18, 192, 24, 8 },
		{ CRYPTO_ENCR, "aes128gcm12", 19, 128, 16, 12 },
		{ CRYPTO_ENCR, "chacha20poly1305", 28, 0, 32, 16 },
		{ CRYPTO_ENCR, "aes256", 12, 256, 32, 0 },
		{ CRYPTO_ENCR, "null", 11, 0, 0, 0 },
		{ CRYPTO_PRF, "prfsha384", 6, 0, 48, 0 },
		{ CRYPTO_INTEG, "sha256", 12, 0, 32, 16 },
		{ CRYPTO_INTEG, "sha2_384", 13, 0, 48, 24 },
		{ CRYPTO_INTEG, "sha512", 14, 0, 64, 32 },
		{ CRYPTO_INTEG, "sha1", 2, 0, 20, 12 },
		{ CRYPTO_KE, "curve25519", 31, 0, 0, 0 },
		{ CRYPTO_KE, "ecp521", 21, 0, 0, 0 },
		{ CRYPTO_KE, "modp3072", 15, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct crypto_alg *a = crypto_alg_by_name(rows[i].kind, rows[i].name);

		assert_non_null(a);
		assert_int_equal(a->ikev2_id, rows[i].id);
		assert_int_equal(a->key_bits, rows[i].key_bits);
		assert_int_equal(a->key, rows[i].key);
		assert_int_equal(a->icv, rows[i].icv);
	}
}

static void the_unknown_is_not_found(void **state)
{
	(void)state;
	assert_null(crypto_alg_by_name(CRYPTO_ENCR, "rot13"));
	assert_null(crypto_alg_by_name(CRYPTO_ENCR, ""));
	assert_null(crypto_alg_by_name(CRYPTO_INTEG, "aes256"));
	assert_null(crypto_alg_by_id(CRYPTO_ENCR, 20, 0));	/* AES without a Key Length: RFC 7296 3.3.5 */
	assert_null(crypto_alg_by_id(CRYPTO_ENCR, 20, 64));
	assert_null(crypto_alg_by_id(CRYPTO_ENCR, 28, 256));	/* ChaCha20 with one: RFC 7634 4 */
	assert_null(crypto_alg_by_id(CRYPTO_KE, 0, 0));
	assert_null(crypto_alg_by_id(CRYPTO_PRF, 65535, 0));
}

static void init_and_exit(void **state)
{
	(void)state;
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(crypto_init(), 0);
	crypto_exit();
	crypto_exit();
	assert_int_equal(crypto_init(), 0);
	crypto_exit();
	assert_non_null(crypto_error());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(names_and_numbers),
		cmocka_unit_test(the_unknown_is_not_found),
		cmocka_unit_test(init_and_exit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
