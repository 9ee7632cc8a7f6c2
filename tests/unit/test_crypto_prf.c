// SPDX-License-Identifier: MIT
// PRFs, prf+, hashes and randomness: RFC 2202, RFC 4231, RFC 4868, the FIPS 180 examples, NIST's IKEv2 KDF vectors.
#include "keyd/crypto/hash.h"
#include "keyd/crypto/prf.h"
#include "keyd/crypto/rand.h"
#include "tests/unit/test_crypto_hex.h"
#include "tests/unit/with_crypto.h"

static void check(const char *name, struct view key, const char *data, const char *expected)
{
	const struct crypto_alg *prf = crypto_alg_by_name(CRYPTO_PRF, name);
	uint8_t out[CRYPTO_PRF_MAX];
	struct view whole = text(data), parts[3];

	assert_int_equal(crypto_prf(prf, key, &whole, 1, out), 0);
	assert_hex(out, prf->prf, expected);
	/* the same in three parts, one of them empty */
	parts[0] = (struct view){ whole.p, 3 };
	parts[1] = (struct view){ NULL, 0 };
	parts[2] = (struct view){ whole.p + 3, whole.n - 3 };
	assert_int_equal(crypto_prf(prf, key, parts, 3, out), 0);
	assert_hex(out, prf->prf, expected);
}

/* RFC 4231 4.2, RFC 2202 3: test case 1 */
static void case_1(void **state)
{
	struct bytes key = hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b");

	(void)state;
	check("prfsha256", view_of(&key), "Hi There",
	      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	check("prfsha384", view_of(&key), "Hi There",
	      "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6");
	check("prfsha512", view_of(&key), "Hi There",
	      "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
	      "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854");
	check("prfsha1", view_of(&key), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00");
}

/* RFC 4231 4.3, RFC 2202 3: test case 2 */
static void case_2(void **state)
{
	const char *data = "what do ya want for nothing?";

	(void)state;
	check("prfsha256", text("Jefe"), data, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	check("prfsha384", text("Jefe"), data,
	      "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649");
	check("prfsha512", text("Jefe"), data,
	      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
	      "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
	check("prfsha1", text("Jefe"), data, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

/* RFC 4231 4.7: test case 6, a key longer than a block */
static void case_6(void **state)
{
	const char *data = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[131];

	(void)state;
	memset(key, 0xaa, sizeof(key));
	check("prfsha256", (struct view){ key, sizeof(key) }, data,
	      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	check("prfsha384", (struct view){ key, sizeof(key) }, data,
	      "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952");
	check("prfsha512", (struct view){ key, sizeof(key) }, data,
	      "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
	      "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
}

/* RFC 4868 2.7.2.1: test case AUTH256-1 */
static void key_as_long_as_the_output(void **state)
{
	uint8_t key[32];

	(void)state;
	memset(key, 0x0b, sizeof(key));
	check("prfsha256", (struct view){ key, sizeof(key) }, "Hi There",
	      "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7");
}

/* An empty key must not mean "the key before": HMAC of an empty key is that of a zero byte (RFC 2104 2 pads both). */
static void an_empty_key_is_a_key(void **state)
{
	const struct crypto_alg *prf = crypto_alg_by_name(CRYPTO_PRF, "prfsha256");
	const uint8_t zero[1] = { 0 };
	const struct view data = text("data");
	uint8_t a[32], b[32];

	(void)state;
	assert_int_equal(crypto_prf(prf, text("another key"), &data, 1, a), 0);
	assert_int_equal(crypto_prf(prf, (struct view){ NULL, 0 }, &data, 1, a), 0);
	assert_int_equal(crypto_prf(prf, (struct view){ zero, 1 }, &data, 1, b), 0);
	assert_memory_equal(a, b, sizeof(a));
}

/* NIST CAVS 800-135 IKEv2 sample (ikev2.zip), SHA-1; the first two blocks of its DKM. Also asked for byte by byte. */
static void prf_plus(void **state)
{
	const char *dkm = "6f1b12cad3cbe097b35430356d869d54cddb0198ec859174d53ceb92dddedbe2436db69f60977c58";
	const struct crypto_alg *prf = crypto_alg_by_name(CRYPTO_PRF, "prfsha1");
	struct bytes key = hex("cd2e8050137832245f1dbacc6e4f0a92f94d45d6");
	struct bytes seed = hex("3651fef5c9c35e93c09a8b90a3f04d598e5c3ae507221684b1f201bb155c3acd");
	struct bytes expected = hex(dkm);
	struct view parts[] = { { seed.p, 16 }, { seed.p + 16, 8 }, { seed.p + 24, 8 } };
	uint8_t out[41];

	(void)state;
	for (size_t n = 0; n <= expected.n; n++) {
		memset(out, 0xee, sizeof(out));
		assert_int_equal(crypto_prf_plus(prf, view_of(&key), parts, 3, out, n), 0);
		assert_memory_equal(out, expected.p, n);
		assert_int_equal(out[n], 0xee);
	}
}

/* RFC 7296 2.13: at most 255 blocks, the counter is one byte. */
static void prf_plus_has_an_end(void **state)
{
	static uint8_t out[255 * 20 + 1], zero[sizeof(out)];
	const struct crypto_alg *prf = crypto_alg_by_name(CRYPTO_PRF, "prfsha1");
	struct view seed[CRYPTO_PRF_PARTS_MAX + 1] = { { NULL, 0 } };

	(void)state;
	assert_int_equal(crypto_prf_plus(prf, text("key"), seed, 1, out, sizeof(out) - 1), 0);
	assert_memory_not_equal(out + sizeof(out) - 21, zero, 20);
	assert_int_equal(crypto_prf_plus(prf, text("key"), seed, 1, out, sizeof(out)), -1);
	assert_memory_equal(out, zero, sizeof(out));
	assert_int_equal(crypto_prf_plus(prf, text("key"), seed, CRYPTO_PRF_PARTS_MAX + 1, out, 20), -1);
}

static void only_a_prf_is_a_prf(void **state)
{
	const struct view data = text("data");
	uint8_t out[CRYPTO_PRF_MAX];

	(void)state;
	assert_int_equal(crypto_prf(crypto_alg_by_name(CRYPTO_INTEG, "sha256"), text("key"), &data, 1, out), -1);
}

/* FIPS 180 examples ("abc"); RFC 4231 4.3 */
static void hashes(void **state)
{
	const struct view parts[] = { text("a"), text(""), text("bc") }, want = text("what do ya want for nothing?");
	uint8_t out[CRYPTO_SHA256_LEN];

	(void)state;
	assert_int_equal(crypto_sha1(parts, 3, out), 0);
	assert_hex(out, CRYPTO_SHA1_LEN, "a9993e364706816aba3e25717850c26c9cd0d89d");
	assert_int_equal(crypto_sha256(parts, 3, out), 0);
	assert_hex(out, CRYPTO_SHA256_LEN, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(crypto_hmac_sha256(text("Jefe"), &want, 1, out), 0);
	assert_hex(out, CRYPTO_SHA256_LEN, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static int sevens(void *arg, void *p, size_t n)
{
	*(size_t *)arg += n;
	memset(p, 7, n);
	return 0;
}

static int broken(void *arg, void *p, size_t n)
{
	(void)arg;
	memset(p, 7, n);
	return -1;
}

static void randomness(void **state)
{
	uint8_t a[32], b[32], zero[32] = { 0 };
	size_t asked = 0;

	(void)state;
	assert_int_equal(crypto_rand(a, sizeof(a)), 0);
	assert_int_equal(crypto_rand(b, sizeof(b)), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	crypto_rand_set(sevens, &asked);
	assert_int_equal(crypto_rand(a, sizeof(a)), 0);
	assert_int_equal(asked, sizeof(a));
	assert_int_equal(a[0] + a[31], 14);
	crypto_rand_set(broken, NULL);
	assert_int_equal(crypto_rand(a, sizeof(a)), -1);
	assert_memory_equal(a, zero, sizeof(a));
	crypto_rand_set(NULL, NULL);
	assert_int_equal(crypto_rand(a, sizeof(a)), 0);
	assert_memory_not_equal(a, zero, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_1),
		cmocka_unit_test(case_2),
		cmocka_unit_test(case_6),
		cmocka_unit_test(key_as_long_as_the_output),
		cmocka_unit_test(an_empty_key_is_a_key),
		cmocka_unit_test(prf_plus),
		cmocka_unit_test(prf_plus_has_an_end),
		cmocka_unit_test(only_a_prf_is_a_prf),
		cmocka_unit_test(hashes),
		cmocka_unit_test(randomness),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
