// SPDX-License-Identifier: MIT
// What workers say of keys and tokens, as bytes and back; cut short, changed and made up.
#include "keyd/card/wire.h"

#include "keyd/crypto/alg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static struct crypto_key *ec, *rsa;

static int make_keys(void **state)
{
	(void)state;
	return crypto_init() || crypto_key_generate(&ec, CRYPTO_KEY_EC, 256) || crypto_key_generate(&rsa, CRYPTO_KEY_RSA, 2048);
}

static int free_keys(void **state)
{
	(void)state;
	crypto_key_free(ec);
	crypto_key_free(rsa);
	return 0;
}

/* Of a key, signed by itself. */
static void cert_of(const struct crypto_key *k, struct secret *out)
{
	struct secret pem = { 0 };
	uint8_t *der = NULL;
	X509 *x = X509_new();
	EVP_PKEY *pkey;
	BIO *b;
	int n;

	assert_int_equal(crypto_key_private_pem(k, &pem), 0);
	b = BIO_new_mem_buf(pem.p, (int)pem.n);
	pkey = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"card", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, pkey);
	assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
	n = i2d_X509(x, &der);
	assert_int_equal(secret_set(out, der, (size_t)n), 0);
	OPENSSL_free(der);
	X509_free(x);
	EVP_PKEY_free(pkey);
	BIO_free(b);
	secret_clear(&pem);
}

static struct card_key key_of(struct crypto_key *public)
{
	struct card_key k = { .id = { 0xca, 0xfe }, .nid = 2, .label = "vpn", .public = public, .seen = true, .schemes = ~0u };

	assert_int_equal(crypto_key_digest(public, k.digest), 0);
	return k;
}

static size_t put(const struct card_key *k, uint8_t *buf)
{
	struct wr w = wr_of(buf, CARD_WIRE_KEY_MAX);

	card_wire_key_put(&w, k);
	assert_true(wr_ok(&w));
	return w.len;
}

/* From memory of exactly this size, so that a sanitizer sees a step too far. */
static int get(const uint8_t *bytes, size_t n, struct card_key *out)
{
	uint8_t *exact = malloc(n + !n);
	struct rd r;
	int rc;

	memcpy(exact, bytes, n);
	r = rd_of(exact, n);
	*out = (struct card_key){ 0 };
	rc = card_wire_key_get(&r, out);
	free(exact);
	return rc;
}

static void test_key(void **state)
{
	static uint8_t buf[CARD_WIRE_KEY_MAX];
	struct card_key k = key_of(ec), out;
	const struct crypto_sig *s = NULL;
	uint32_t bit = 1;

	(void)state;
	cert_of(ec, &k.cert);
	assert_int_equal(get(buf, put(&k, buf), &out), 0);
	assert_memory_equal(out.id, k.id, sizeof(k.id));
	assert_int_equal(out.nid, 2);
	assert_string_equal(out.label, "vpn");
	assert_memory_equal(out.digest, k.digest, sizeof(k.digest));
	assert_true(crypto_key_equal(out.public, ec));
	assert_false(crypto_key_is_private(out.public));
	assert_true(secret_equal(secret_view(&out.cert), secret_view(&k.cert)));
	assert_true(out.seen);
	assert_false(out.each || out.open);
	for (; (s = crypto_sig_next(s)); bit <<= 1)
		assert_int_equal(!!(out.schemes & bit), crypto_sig_fits(s, ec));
	assert_int_equal(out.schemes & ~(bit - 1), 0);
	card_key_free(&out);
	k.open = true;
	assert_int_equal(get(buf, put(&k, buf), &out), 0);
	assert_true(out.open && !out.each);
	card_key_free(&out);
	k.each = true;			/* it cannot be both */
	assert_int_equal(get(buf, put(&k, buf), &out), 0);
	assert_true(out.each && !out.open);
	card_key_free(&out);
	secret_clear(&k.cert);
}

/* A certificate of another key, or of none, is none; one that is too long is not sent. */
static void test_key_other_cert(void **state)
{
	static uint8_t buf[CARD_WIRE_KEY_MAX];
	struct card_key k = key_of(ec), out;

	(void)state;
	cert_of(rsa, &k.cert);
	assert_int_equal(get(buf, put(&k, buf), &out), 0);
	assert_int_equal(out.cert.n, 0);
	card_key_free(&out);
	assert_int_equal(secret_set(&k.cert, "junk", 4), 0);
	assert_int_equal(get(buf, put(&k, buf), &out), 0);
	assert_int_equal(out.cert.n, 0);
	card_key_free(&out);
	assert_int_equal(secret_alloc(&k.cert, CARD_WIRE_CERT_MAX + 1), 0);
	assert_true(put(&k, buf) < 1000);
	secret_clear(&k.cert);
}

static void test_key_cut_short(void **state)
{
	static uint8_t buf[CARD_WIRE_KEY_MAX + 1];
	struct card_key k = key_of(rsa), out;
	size_t n;

	(void)state;
	cert_of(rsa, &k.cert);
	n = put(&k, buf);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(get(buf, i, &out), -1);
		card_key_free(&out);
	}
	assert_int_equal(get(buf, n + 1, &out), -1);
	card_key_free(&out);
	/* Each byte changed: whatever comes of it, it is in order. */
	for (size_t i = 0; i < n; i++) {
		buf[i] ^= 0xff;
		if (!get(buf, n, &out)) {
			assert_true(out.nid <= CARD_ID_MAX);
			assert_non_null(memchr(out.label, 0, sizeof(out.label)));
		}
		card_key_free(&out);
		buf[i] ^= 0xff;
	}
	secret_clear(&k.cert);
}

static void test_key_too_long(void **state)
{
	static uint8_t buf[CARD_WIRE_KEY_MAX];
	struct card_key k = key_of(ec), out;
	size_t n = put(&k, buf);

	(void)state;
	buf[5] = CARD_ID_MAX + 1;
	assert_int_equal(get(buf, n, &out), -1);
	card_key_free(&out);
	buf[5] = 2;
	buf[8] = CARD_TEXT_MAX;
	assert_int_equal(get(buf, n, &out), -1);
	card_key_free(&out);
	buf[8] = 3;
	buf[9] = '\n';
	assert_int_equal(get(buf, n, &out), 0);
	assert_string_equal(out.label, "?pn");
	card_key_free(&out);
}

static struct view bytes(const void *p, size_t n)
{
	return (struct view){ p, n };
}

static void test_token(void **state)
{
	struct card_token t = { .label = "gate\x1b[2J", .slot = 7, .login = true, .tries = 3 }, out;
	uint8_t two = 2;

	(void)state;
	memset(t.serial, 'x', sizeof(t.serial));
	strcpy(t.model, "m");
	strcpy(t.model + 3, "left over");
	assert_int_equal(card_wire_token_get(bytes(&t, sizeof(t)), &out), 0);
	assert_string_equal(out.label, "gate?[2J");
	assert_int_equal(strlen(out.serial), sizeof(out.serial) - 1);
	assert_int_equal(out.model[3], 0);
	assert_int_equal(out.slot, 7);
	assert_true(out.login);
	assert_false(out.pad);
	assert_int_equal(out.tries, 3);
	assert_int_equal(card_wire_token_get(bytes(&t, sizeof(t) - 1), &out), -1);
	t.tries = -2;
	assert_int_equal(card_wire_token_get(bytes(&t, sizeof(t)), &out), -1);
	t.tries = 256;
	assert_int_equal(card_wire_token_get(bytes(&t, sizeof(t)), &out), -1);
	t.tries = 0;
	memcpy(&t.pad, &two, 1);
	assert_int_equal(card_wire_token_get(bytes(&t, sizeof(t)), &out), -1);
}

static void test_done(void **state)
{
	struct card_wire_done d = { .error = CARD_ADMIN_BLOCKED }, out;

	(void)state;
	memset(d.why, '\n', sizeof(d.why));
	assert_int_equal(card_wire_done_get(bytes(&d, sizeof(d)), &out), 0);
	assert_int_equal(out.error, CARD_ADMIN_BLOCKED);
	assert_int_equal(strspn(out.why, "?"), sizeof(out.why) - 1);
	assert_int_equal(card_wire_done_get(bytes(&d, 4), &out), -1);
	d.error = 1;
	assert_int_equal(card_wire_done_get(bytes(&d, sizeof(d)), &out), -1);
	d.error = INT32_MIN;
	assert_int_equal(card_wire_done_get(bytes(&d, sizeof(d)), &out), -1);
}

static void test_readers(void **state)
{
	struct card_wire_reader in[3] = { { "one", 1 }, { "two", 2 }, { "three", 3 } }, out[2];
	unsigned n = 2;

	(void)state;
	assert_int_equal(card_wire_readers_get(bytes(in, 2 * sizeof(*in)), out, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(out[1].name, "two");
	assert_int_equal(out[1].events, 2);
	assert_int_equal(card_wire_readers_get(bytes(in, sizeof(in)), out, &n), -1);
	n = 2;
	assert_int_equal(card_wire_readers_get(bytes(in, sizeof(*in) + 1), out, &n), -1);
	n = 2;
	memset(in[0].name, 'x', sizeof(in[0].name));
	assert_int_equal(card_wire_readers_get(bytes(in, sizeof(*in)), out, &n), -1);
	n = 2;
	assert_int_equal(card_wire_readers_get(bytes(NULL, 0), out, &n), 0);
	assert_int_equal(n, 0);
}

static void test_schemes(void **state)
{
	const struct crypto_sig *s = NULL;
	unsigned n = 0;

	(void)state;
	for (; (s = crypto_sig_next(s)); n++) {
		assert_ptr_equal(card_wire_scheme(n), s);
		assert_int_equal(card_wire_scheme_number(s), n);
	}
	assert_null(card_wire_scheme(n));
	assert_null(card_wire_scheme(UINT8_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),	      cmocka_unit_test(test_key_other_cert),
		cmocka_unit_test(test_key_cut_short), cmocka_unit_test(test_key_too_long),
		cmocka_unit_test(test_token),	      cmocka_unit_test(test_done),
		cmocka_unit_test(test_readers),	      cmocka_unit_test(test_schemes),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
