// SPDX-License-Identifier: MIT
// Keys in pieces, and signatures by keys that are elsewhere: whatever form they come in, IKE gets its own.
#include "keyd/crypto/block.h"
#include "keyd/crypto/key_parts.h"
#include "keyd/crypto/sig_parts.h"
#include "tests/unit/signable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static const struct view parts[] = { { (const uint8_t *)"message", 7 }, { NULL, 0 }, { (const uint8_t *)"nonce", 5 } };
#define PARTS 3

static EVP_PKEY *evp_of(const struct crypto_key *k)
{
	struct secret pem = { 0 };
	EVP_PKEY *pkey;
	BIO *bio;

	assert_int_equal(crypto_key_private_pem(k, &pem), 0);
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	secret_clear(&pem);
	assert_non_null(pkey);
	return pkey;
}

static struct view number(EVP_PKEY *pkey, const char *name, uint8_t *buf)
{
	BIGNUM *n = NULL;
	int len;

	assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &n), 1);
	len = BN_bn2bin(n, buf);
	BN_free(n);
	return (struct view){ buf, (size_t)len };
}

static void rsa_keys_are_put_together(void **state)
{
	struct crypto_key *k, *again;
	uint8_t n[512], e[8];
	EVP_PKEY *pkey;

	(void)state;
	assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_RSA, 2048), 0);
	pkey = evp_of(k);
	assert_int_equal(crypto_key_from_rsa(&again, number(pkey, "n", n), number(pkey, "e", e)), 0);
	assert_true(crypto_key_equal(k, again));
	assert_false(crypto_key_is_private(again));
	crypto_key_free(again);
	assert_int_equal(crypto_key_from_rsa(&again, (struct view){ n, 0 }, number(pkey, "e", e)), CRYPTO_KEY_MALFORMED);
	assert_int_equal(crypto_key_from_rsa(&again, (struct view){ n, 16 }, number(pkey, "e", e)), CRYPTO_KEY_UNSUPPORTED);
	EVP_PKEY_free(pkey);
	crypto_key_free(k);
}

static void ec_keys_are_put_together(void **state)
{
	static const struct {
		unsigned bits;
		struct view oid;
	} rows[] = {
		{ 256, { (const uint8_t *)"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10 } },
		{ 384, { (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x22", 7 } },
		{ 521, { (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x23", 7 } },
	};
	static const struct view other_curve = { (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x0a", 7 };	/* secp256k1 */
	struct crypto_key *k, *again;
	uint8_t point[256], *framed = NULL;
	size_t n;
	int len;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		EVP_PKEY *pkey;
		ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();

		assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_EC, rows[i].bits), 0);
		pkey = evp_of(k);
		assert_int_equal(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n), 1);
		assert_int_equal(crypto_key_from_ec(&again, rows[i].oid, (struct view){ point, n }), 0);
		assert_true(crypto_key_equal(k, again));
		crypto_key_free(again);
		ASN1_OCTET_STRING_set(s, point, (int)n);
		framed = NULL;
		len = i2d_ASN1_OCTET_STRING(s, &framed);
		assert_int_equal(crypto_key_from_ec(&again, rows[i].oid, (struct view){ framed, (size_t)len }), 0);
		assert_true(crypto_key_equal(k, again));
		crypto_key_free(again);
		for (size_t cut = 0; cut < (size_t)len; cut++)
			assert_int_equal(crypto_key_from_ec(&again, rows[i].oid, (struct view){ framed, cut }), CRYPTO_KEY_MALFORMED);
		assert_int_not_equal(crypto_key_from_ec(&again, other_curve, (struct view){ point, n }), 0);
		assert_int_equal(crypto_key_from_ec(&again, (struct view){ rows[i].oid.p, 4 }, (struct view){ point, n }),
				 CRYPTO_KEY_UNSUPPORTED);
		point[10] ^= 1;		/* not on the curve */
		assert_int_equal(crypto_key_from_ec(&again, rows[i].oid, (struct view){ point, n }), CRYPTO_KEY_MALFORMED);
		OPENSSL_free(framed);
		ASN1_OCTET_STRING_free(s);
		EVP_PKEY_free(pkey);
		crypto_key_free(k);
	}
}

/* What a card does: pads and signs the DigestInfo that it is given. */
static void rsa_signs_a_digest_info(void **state)
{
	static const char *const names[] = { "rsa-sha256", "rsa-sha384", "rsa-sha512", "rsa-sha1", "rsa" };
	struct crypto_key *k;
	EVP_PKEY *pkey;

	(void)state;
	assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_RSA, 2048), 0);
	pkey = evp_of(k);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct crypto_sig *s = crypto_sig_by_name(names[i]);
		uint8_t hash[CRYPTO_SIG_HASH_MAX], info[CRYPTO_SIG_INFO_MAX], answer[CRYPTO_SIG_MAX], out[CRYPTO_SIG_MAX];
		size_t nhash, ninfo, nanswer = sizeof(answer), n = sizeof(out);
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);

		assert_int_equal(crypto_sig_hash(s, parts, PARTS, hash, &nhash), 0);
		assert_int_equal(crypto_sig_digest_info(s, (struct view){ hash, nhash - 1 }, info, &ninfo), -1);
		assert_int_equal(crypto_sig_digest_info(s, (struct view){ hash, nhash }, info, &ninfo), 0);
		assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
		assert_int_equal(EVP_PKEY_sign(ctx, answer, &nanswer, info, ninfo), 1);
		assert_int_equal(crypto_sig_take(s, k, parts, PARTS, (struct view){ answer, nanswer }, out, &n), 0);
		assert_int_equal(n, nanswer);
		assert_memory_equal(out, answer, n);
		n = sizeof(out);
		answer[100] ^= 1;
		assert_int_equal(crypto_sig_take(s, k, parts, PARTS, (struct view){ answer, nanswer }, out, &n), -1);
		EVP_PKEY_CTX_free(ctx);
	}
	EVP_PKEY_free(pkey);
	crypto_key_free(k);
}

/* Whatever a card or a module answers, DER or halves of any length, gives both forms that IKE has. */
static void ecdsa_is_taken_in_every_form(void **state)
{
	static const struct {
		unsigned bits;
		const char *raw, *der;
	} rows[] = { { 256, "ecdsa256", "ecdsa-sha256" }, { 384, "ecdsa384", "ecdsa-sha384" }, { 521, "ecdsa521", "ecdsa-sha512" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct crypto_sig *raw = crypto_sig_by_name(rows[i].raw), *der = crypto_sig_by_name(rows[i].der);
		const size_t half = (rows[i].bits + 7) / 8;
		uint8_t a[CRYPTO_SIG_MAX], b[CRYPTO_SIG_MAX], wide[2 * 67] = { 0 }, out[CRYPTO_SIG_MAX];
		size_t na = sizeof(a), nb = sizeof(b), n = sizeof(out);
		struct crypto_key *k;

		assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_EC, rows[i].bits), 0);
		assert_int_equal(crypto_sig_make(raw, k, parts, PARTS, a, &na), 0);
		assert_int_equal(crypto_sig_make(der, k, parts, PARTS, b, &nb), 0);
		memcpy(wide + 1, a, half);
		memcpy(wide + half + 2, a + half, half);
		for (unsigned form = 0; form < 3; form++) {
			struct view answer = form == 0 ? (struct view){ a, na } : form == 1 ? (struct view){ b, nb } :
									(struct view){ wide, 2 * half + 2 };

			n = sizeof(out);
			assert_int_equal(crypto_sig_take(raw, k, parts, PARTS, answer, out, &n), 0);
			assert_int_equal(n, 2 * half);
			assert_int_equal(crypto_sig_check(raw, k, parts, PARTS, (struct view){ out, n }), 0);
			n = sizeof(out);
			assert_int_equal(crypto_sig_take(der, k, parts, PARTS, answer, out, &n), 0);
			assert_int_equal(crypto_sig_check(der, k, parts, PARTS, (struct view){ out, n }), 0);
			for (size_t cut = 0; cut < answer.n; cut++) {
				n = sizeof(out);
				assert_int_equal(crypto_sig_take(der, k, parts, PARTS, (struct view){ answer.p, cut }, out, &n), -1);
			}
			n = sizeof(out);
			assert_int_equal(crypto_sig_take(der, k, parts, 1, answer, out, &n), -1);
		}
		crypto_key_free(k);
	}
}

static void eddsa_has_no_hash(void **state)
{
	uint8_t hash[CRYPTO_SIG_HASH_MAX];
	size_t n;

	(void)state;
	assert_int_equal(crypto_sig_hash(crypto_sig_by_name("ed25519"), parts, PARTS, hash, &n), -1);
}

/* RSA without padding of its own, as on a PIV card, makes what every verifier takes. */
static void rsa_is_padded_here(void **state)
{
	static const unsigned bits[] = { 2048, 2050, 2054, 3072 };
	const struct crypto_sig *s = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits[i]);
		uint8_t n[512], e[8];
		struct crypto_key *k;
		unsigned done = 0;

		assert_int_equal(crypto_key_from_rsa(&k, number(pkey, "n", n), number(pkey, "e", e)), 0);
		while ((s = crypto_sig_next(s))) {
			uint8_t hash[CRYPTO_SIG_HASH_MAX], padded[CRYPTO_SIG_MAX], raw[CRYPTO_SIG_MAX], out[CRYPTO_SIG_MAX];
			size_t nhash, npadded = sizeof(padded), nraw = sizeof(raw), nout = sizeof(out);
			EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
			const struct view octets = signable(s);

			if (s->key == CRYPTO_KEY_RSA) {
				assert_int_equal(crypto_sig_hash(s, &octets, 1, hash, &nhash), 0);
				assert_int_equal(crypto_sig_pad(s, k, (struct view){ hash, nhash }, padded, &npadded), 0);
				assert_int_equal(npadded, (bits[i] + 7) / 8);
				assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
				assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
				assert_int_equal(EVP_PKEY_sign(ctx, raw, &nraw, padded, npadded), 1);
				assert_int_equal(crypto_sig_take(s, k, &octets, 1, (struct view){ raw, nraw }, out, &nout), 0);
				done++;
			} else {
				assert_int_equal(crypto_sig_pad(s, k, (struct view){ hash, 32 }, padded, &npadded), -1);
			}
			EVP_PKEY_CTX_free(ctx);
		}
		assert_int_equal(done, 9);
		crypto_key_free(k);
		EVP_PKEY_free(pkey);
	}
}

static void ed25519_keys_are_put_together(void **state)
{
	uint8_t point[33] = { 0x40 };
	struct crypto_key *k, *again;
	size_t n = 32;
	EVP_PKEY *pkey;

	(void)state;
	assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_ED25519, 0), 0);
	pkey = evp_of(k);
	assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, point + 1, &n), 1);
	assert_int_equal(crypto_key_from_ed25519(&again, (struct view){ point, 33 }), 0);
	assert_true(crypto_key_equal(k, again));
	crypto_key_free(again);
	assert_int_equal(crypto_key_from_ed25519(&again, (struct view){ point + 1, 32 }), 0);
	assert_true(crypto_key_equal(k, again));
	crypto_key_free(again);
	assert_int_equal(crypto_key_from_ed25519(&again, (struct view){ point, 32 - 1 }), CRYPTO_KEY_MALFORMED);
	point[0] = 0x41;
	assert_int_equal(crypto_key_from_ed25519(&again, (struct view){ point, 33 }), CRYPTO_KEY_MALFORMED);
	crypto_key_free(k);
	EVP_PKEY_free(pkey);
}

/* FIPS 197 appendix C; the first of the variable plaintexts of SP 800-20. */
static void blocks_are_enciphered(void **state)
{
	static const struct {
		enum crypto_block cipher;
		const char *key, *in, *out;
	} rows[] = {
		{ CRYPTO_BLOCK_3DES, "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1", "\x80\0\0\0\0\0\0\0",
		  "\x95\xf8\xa5\xe5\xdd\x31\xd9\x00" },
		{ CRYPTO_BLOCK_AES128, "\0\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf",
		  "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff",
		  "\x69\xc4\xe0\xd8\x6a\x7b\x04\x30\xd8\xcd\xb7\x80\x70\xb4\xc5\x5a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = crypto_block_len(rows[i].cipher), nkey = crypto_block_key_len(rows[i].cipher);
		struct view key = { (const uint8_t *)rows[i].key, nkey };
		uint8_t out[CRYPTO_BLOCK_MAX], back[CRYPTO_BLOCK_MAX];

		assert_int_equal(crypto_block_run(rows[i].cipher, true, key,
						  (struct view){ (const uint8_t *)rows[i].in, n }, out), 0);
		assert_memory_equal(out, rows[i].out, n);
		assert_int_equal(crypto_block_run(rows[i].cipher, false, key, (struct view){ out, n }, back), 0);
		assert_memory_equal(back, rows[i].in, n);
		assert_int_equal(crypto_block_run(rows[i].cipher, true, key, (struct view){ out, n - 1 }, back), -1);
		assert_int_equal(crypto_block_run(rows[i].cipher, true, (struct view){ key.p, nkey - 1 },
						  (struct view){ out, n }, back), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsa_keys_are_put_together),
		cmocka_unit_test(ec_keys_are_put_together),
		cmocka_unit_test(rsa_signs_a_digest_info),
		cmocka_unit_test(ecdsa_is_taken_in_every_form),
		cmocka_unit_test(eddsa_has_no_hash),
		cmocka_unit_test(rsa_is_padded_here),
		cmocka_unit_test(ed25519_keys_are_put_together),
		cmocka_unit_test(blocks_are_enciphered),
	};

	return cmocka_run_group_tests_name("crypto_parts", tests, NULL, NULL);
}
