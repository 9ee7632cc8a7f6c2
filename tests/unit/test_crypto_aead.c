// SPDX-License-Identifier: MIT
// Protection of SK payloads: published vectors for each cipher, and what must hold for all of them.
#include "keyd/crypto/aead.h"
#include "keyd/crypto/prf.h"
#include "keyd/crypto/rand.h"
#include "tests/unit/test_crypto_hex.h"
#include "tests/unit/with_crypto.h"

#include <stdlib.h>

#define GCM_TEXT										\
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"	\
	"b16aedf5aa0de657ba637b39"
#define GCM_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define AES_BLOCKS										\
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"				\
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"

/* key has its salt at the end; an empty icv means "with HMAC, whose result is computed beside it". */
struct cipher_vector {
	const char *source, *alg, *key, *iv, *aad, *text, *encrypted, *icv;
};

static const struct cipher_vector vectors[] = {
	{ "McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test case 4", "aes128gcm16",
	  "feffe9928665731c6d6a8f9467308308cafebabe", "facedbaddecaf888", GCM_AAD, GCM_TEXT,
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05"
	  "1ba30b396a0aac973d58e091", "5bc94fbc3221a5db94fae95ae7121a47" },
	{ "ibid., test case 10", "aes192gcm16",
	  "feffe9928665731c6d6a8f9467308308feffe9928665731ccafebabe", "facedbaddecaf888", GCM_AAD, GCM_TEXT,
	  "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f47"
	  "18e2448b2fe324d9ccda2710", "2519498e80f1478f37ba55bd6d27618c" },
	{ "ibid., test case 16", "aes256gcm16",
	  "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308cafebabe", "facedbaddecaf888", GCM_AAD,
	  GCM_TEXT,
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
	  "c5f61e6393ba7a0abcc9f662", "76fc6ece0f4e1768cddf8853bb2d551b" },
	{ "test case 16 cut as SP 800-38D 5.2.1.2 allows", "aes256gcm12",
	  "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308cafebabe", "facedbaddecaf888", GCM_AAD,
	  GCM_TEXT,
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
	  "c5f61e6393ba7a0abcc9f662", "76fc6ece0f4e1768cddf8853" },
	{ "test case 4 cut", "aes128gcm8",
	  "feffe9928665731c6d6a8f9467308308cafebabe", "facedbaddecaf888", GCM_AAD, GCM_TEXT,
	  "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05"
	  "1ba30b396a0aac973d58e091", "5bc94fbc3221a5db" },
	{ "RFC 7539 2.8.2", "chacha20poly1305",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f07000000", "4041424344454647",
	  "50515253c0c1c2c3c4c5c6c7",
	  "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20496620492063"
	  "6f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
	  "637265656e20776f756c642062652069742e",
	  "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
	  "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	  "3ff4def08e4b7a9de576d26586cec64b6116", "1ae10b594f09e26a7e902ecbd0600691" },
	{ "RFC 7634, the example for IKEv2", "chacha20poly1305",
	  "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3", "1011121314151617",
	  "c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029", "0000000c000040010000000a00",
	  "610394701f8d017f7c12924889", "6b71bfe25236efd7cdc67066906315b2" },
	{ "RFC 3602 4, case 1", "aes128", "06a9214036b8a15b512e03d534120006", "3dafba429d9eb430b422da802c9fac41", "",
	  "53696e676c6520626c6f636b206d7367", "e353779c1079aeb82708942dbe77181a", "" },
	{ "RFC 3602 4, case 2", "aes128", "c286696d887c9aa0611bbb3e2025a45a", "562e17996d093d28ddb3ba695a2e6f58", "",
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1", "" },
	{ "NIST SP 800-38A F.2.3", "aes192", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
	  "000102030405060708090a0b0c0d0e0f", "", AES_BLOCKS,
	  "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
	  "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd", "" },
	{ "NIST SP 800-38A F.2.5", "aes256", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
	  "000102030405060708090a0b0c0d0e0f", "", AES_BLOCKS,
	  "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
	  "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b", "" },
	{ "RFC 3686 6, test vector 1", "aes128ctr", "ae6852f8121067cc4bf7a5765577f39e00000030", "0000000000000000", "",
	  "53696e676c6520626c6f636b206d7367", "e4095d4fb7a7b3792d6175a3261311b8", "" },
	{ "RFC 3686 6, test vector 2", "aes128ctr", "7e24067817fae0d743d6ce1f32539163006cb6db", "c0543b59da48d90b", "",
	  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "5104a106168a72d9790d41ee8edad388eb2e1efc46da57c8fce630df9141be28", "" },
};

static const char integ_secret[] = "an integrity key that is long enough for each of the hash functions";

static struct crypto_cipher *cipher_of(const struct crypto_alg *encr, const char *integ, struct view key)
{
	const struct crypto_alg *a = encr->aead ? NULL : crypto_alg_by_name(CRYPTO_INTEG, integ);
	struct view integ_key = { (const uint8_t *)integ_secret, a ? a->key : 0 };

	return crypto_cipher_new(encr, a, key, integ_key);
}

static uint64_t be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* Gives the bytes it was told to give. */
static int from_bytes(void *arg, void *p, size_t n)
{
	const struct bytes *b = arg;

	assert_int_equal(n, b->n);
	memcpy(p, b->p, n);
	return 0;
}

/* RFC 7296 3.14: HMAC over aad | iv | ciphertext, cut. */
static void assert_hmac(const char *integ, struct view aad, struct view iv, struct view text_, const uint8_t *icv)
{
	const struct crypto_alg *a = crypto_alg_by_name(CRYPTO_INTEG, integ);
	const struct crypto_alg *prf = crypto_alg_by_name(CRYPTO_PRF, integ[3] == '1' ? "prfsha1" :
							  integ[3] == '2' ? "prfsha256" :
							  integ[3] == '3' ? "prfsha384" : "prfsha512");
	const struct view parts[] = { aad, iv, text_ }, key = { (const uint8_t *)integ_secret, a->key };
	uint8_t out[CRYPTO_PRF_MAX];

	assert_int_equal(crypto_prf(prf, key, parts, 3, out), 0);
	assert_memory_equal(icv, out, a->icv);
}

static void check_vector(const struct cipher_vector *v, const char *integ)
{
	const struct crypto_alg *encr = crypto_alg_by_name(CRYPTO_ENCR, v->alg);
	struct bytes key = hex(v->key), iv = hex(v->iv), aad = hex(v->aad), data = hex(v->text);
	struct crypto_cipher *c = cipher_of(encr, integ, view_of(&key));
	uint8_t got_iv[CRYPTO_IV_MAX], icv[CRYPTO_ICV_MAX];

	print_message("%s\n", v->source);
	assert_non_null(c);
	assert_int_equal(crypto_cipher_iv_len(c), iv.n);
	if (encr->salt)
		assert_int_equal(crypto_cipher_set_counter(c, be64(iv.p)), 0);
	crypto_rand_set(from_bytes, &iv);
	assert_int_equal(crypto_seal(c, view_of(&aad), got_iv, data.p, data.n, icv), 0);
	crypto_rand_set(NULL, NULL);
	assert_memory_equal(got_iv, iv.p, iv.n);
	assert_hex(data.p, data.n, v->encrypted);
	if (encr->aead)
		assert_hex(icv, crypto_cipher_icv_len(c), v->icv);
	else
		assert_hmac(integ, view_of(&aad), view_of(&iv), view_of(&data), icv);
	assert_int_equal(crypto_open(c, view_of(&aad), iv.p, data.p, data.n, icv), 0);
	assert_hex(data.p, data.n, v->text);
	crypto_cipher_free(c);
}

static void published_vectors(void **state)
{
	static const char *const integs[] = { "sha256", "sha384", "sha512", "sha1" };

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		check_vector(&vectors[i], integs[i % 4]);
}

/* Calls check with a pair of ciphers for each thing an IKE SA can be protected by. */
static void for_each_suite(void (*check)(struct crypto_cipher *seal, struct crypto_cipher *open))
{
	static const char *const integs[] = { "sha256", "sha384", "sha512", "sha1" };

	for (const struct crypto_alg *a = NULL; (a = crypto_alg_next(a, CRYPTO_ENCR));)
		for (int i = 0; i < (a->aead ? 1 : 4); i++) {
			struct view key = { (const uint8_t *)integ_secret, crypto_alg_encr_key_len(a) };
			struct crypto_cipher *seal = cipher_of(a, integs[i], key), *open = cipher_of(a, integs[i], key);

			if (a->flags & CRYPTO_ESP_ONLY) {
				assert_null(seal);
				continue;
			}
			assert_true(seal && open);
			check(seal, open);
			crypto_cipher_free(seal);
			crypto_cipher_free(open);
		}
}

#define MESSAGE 96

struct sealed {
	uint8_t iv[CRYPTO_IV_MAX], text[MESSAGE], icv[CRYPTO_ICV_MAX];
};

static const uint8_t aad[32] = { 1, 2, 3 }, plain[MESSAGE] = "what is protected";

static struct sealed sealed_by(struct crypto_cipher *c)
{
	struct sealed s = { .iv = { 0 } };

	memcpy(s.text, plain, MESSAGE);
	assert_int_equal(crypto_seal(c, (struct view){ aad, sizeof(aad) }, s.iv, s.text, MESSAGE, s.icv), 0);
	assert_memory_not_equal(s.text, plain, MESSAGE);
	return s;
}

static int opened(struct crypto_cipher *c, const uint8_t *head, struct sealed s, size_t n)
{
	int ret = crypto_open(c, (struct view){ head, sizeof(aad) }, s.iv, s.text, n, s.icv);

	if (n == MESSAGE)
		assert_int_equal(ret == 0, memcmp(s.text, plain, MESSAGE) == 0);
	return ret;
}

static void check_round_trips(struct crypto_cipher *seal, struct crypto_cipher *open)
{
	size_t block = crypto_cipher_block(seal);
	uint8_t text_[1024], iv[CRYPTO_IV_MAX], icv[CRYPTO_ICV_MAX + 1];

	for (size_t n = 0; n <= sizeof(text_); n += n < 4 * block ? block : 7 * 16) {
		memset(text_, (int)n, sizeof(text_));
		icv[crypto_cipher_icv_len(seal)] = 0x5a;
		assert_int_equal(crypto_seal(seal, (struct view){ aad, n % 33 }, iv, text_, n, icv), 0);
		assert_int_equal(icv[crypto_cipher_icv_len(seal)], 0x5a);
		assert_int_equal(crypto_open(open, (struct view){ aad, n % 33 }, iv, text_, n, icv), 0);
		for (size_t i = 0; i < sizeof(text_); i++)
			assert_int_equal(text_[i], (uint8_t)n);
	}
}

static void what_is_sealed_opens(void **state)
{
	(void)state;
	for_each_suite(check_round_trips);
}

static void flip_each_bit(struct crypto_cipher *open, struct sealed *s, uint8_t *p, size_t n)
{
	for (size_t bit = 0; bit < 8 * n; bit++) {
		p[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(opened(open, aad, *s, MESSAGE), -1);
		p[bit / 8] ^= 1 << bit % 8;
	}
}

static void check_forgeries(struct crypto_cipher *seal, struct crypto_cipher *open)
{
	struct sealed s = sealed_by(seal);
	uint8_t head[sizeof(aad)];

	flip_each_bit(open, &s, s.iv, crypto_cipher_iv_len(seal));
	flip_each_bit(open, &s, s.icv, crypto_cipher_icv_len(seal));
	flip_each_bit(open, &s, s.text, 17);
	for (size_t i = 0; i < sizeof(aad); i++) {
		memcpy(head, aad, sizeof(aad));
		head[i] ^= 0x80;
		assert_int_equal(opened(open, head, s, MESSAGE), -1);
	}
	for (size_t n = 0; n < MESSAGE; n++)
		assert_int_equal(opened(open, aad, s, n), -1);
	/* and after all that the right one still opens */
	assert_int_equal(opened(open, aad, s, MESSAGE), 0);
}

static void what_was_touched_does_not_open(void **state)
{
	(void)state;
	for_each_suite(check_forgeries);
}

static void check_ivs(struct crypto_cipher *seal, struct crypto_cipher *open)
{
	struct sealed a = sealed_by(seal), b = sealed_by(seal);

	(void)open;
	assert_memory_not_equal(a.iv, b.iv, crypto_cipher_iv_len(seal));
	assert_memory_not_equal(a.text, b.text, MESSAGE);
	if (crypto_cipher_iv_len(seal) == crypto_cipher_block(seal))
		return;		/* of CBC: chosen at random */
	assert_int_equal(be64(b.iv), be64(a.iv) + 1);
	assert_int_equal(crypto_cipher_counter(seal), be64(b.iv) + 1);
	/* never back; and at the end nothing more is sealed, what was there is gone */
	assert_int_equal(crypto_cipher_set_counter(seal, 1), -1);
	assert_int_equal(crypto_cipher_set_counter(seal, UINT64_MAX - 1), 0);
	b = sealed_by(seal);
	assert_int_equal(crypto_seal(seal, (struct view){ NULL, 0 }, b.iv, b.text, MESSAGE, b.icv), -1);
	for (size_t i = 0; i < MESSAGE; i++)
		assert_int_equal(b.text[i], 0);
}

static void no_iv_comes_twice(void **state)
{
	(void)state;
	for_each_suite(check_ivs);
}

static void check_blocks(struct crypto_cipher *seal, struct crypto_cipher *open)
{
	size_t block = crypto_cipher_block(seal);
	struct sealed s = { .iv = { 0 } };

	(void)open;
	for (size_t n = 1; n < block; n++)
		assert_int_equal(crypto_seal(seal, (struct view){ NULL, 0 }, s.iv, s.text, n, s.icv), -1);
}

static void text_is_whole_blocks(void **state)
{
	(void)state;
	for_each_suite(check_blocks);
}

static void what_does_not_fit_is_no_cipher(void **state)
{
	const struct crypto_alg *gcm = crypto_alg_by_name(CRYPTO_ENCR, "aes128gcm16");
	const struct crypto_alg *cbc = crypto_alg_by_name(CRYPTO_ENCR, "aes128");
	const struct crypto_alg *sha = crypto_alg_by_name(CRYPTO_INTEG, "sha256");
	const struct view k16 = { aad, 16 }, k20 = { aad, 20 }, k32 = { aad, 32 }, none = { NULL, 0 };

	(void)state;
	assert_null(crypto_cipher_new(gcm, NULL, k16, none));	/* without salt */
	assert_null(crypto_cipher_new(gcm, NULL, none, none));
	assert_null(crypto_cipher_new(gcm, sha, k20, k32));
	assert_null(crypto_cipher_new(gcm, NULL, k20, k16));
	assert_null(crypto_cipher_new(cbc, NULL, k16, none));	/* never unauthenticated */
	assert_null(crypto_cipher_new(cbc, sha, k16, k16));
	assert_null(crypto_cipher_new(cbc, sha, k20, k32));
	assert_null(crypto_cipher_new(cbc, gcm, k16, k32));
	assert_null(crypto_cipher_new(sha, NULL, k32, none));
	crypto_cipher_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(what_is_sealed_opens),
		cmocka_unit_test(what_was_touched_does_not_open),
		cmocka_unit_test(no_iv_comes_twice),
		cmocka_unit_test(text_is_whole_blocks),
		cmocka_unit_test(what_does_not_fit_is_no_cipher),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
