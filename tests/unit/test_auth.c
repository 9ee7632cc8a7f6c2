// SPDX-License-Identifier: MIT
// The keeper of keys: its codec round trip and cut short, and its answers.
#include "keyd/auth/codec.h"
#include "keyd/auth/keeper.h"
#include "keyd/auth/queue.h"
#include "keyd/conf/id.h"
#include "keyd/crypto/keymat.h"
#include "keyd/crypto/sig.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#define PRF_HMAC_SHA2_256 5

#define VIEW(text) ((struct view){ (const uint8_t *)(text), sizeof(text) - 1 })

static struct auth_request sample(void)
{
	struct auth_request rq = { .id = 9, .method = 3, .way = CONF_AUTH_PSK, .prf = PRF_HMAC_SHA2_256 };

	assert_int_equal(conf_id_parse(&rq.local, "left.example"), 0);
	assert_int_equal(conf_id_parse(&rq.remote, "right.example"), 0);
	assert_int_equal(ipsec_addr_parse(&rq.local_addr, "192.0.2.1"), 0);
	assert_int_equal(ipsec_addr_parse(&rq.remote_addr, "2001:db8::2"), 0);
	rq.message = VIEW("first message");
	rq.nonce = VIEW("nonce nonce nonce");
	rq.macid = VIEW("macid");
	return rq;
}

static bool same(struct view a, struct view b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

static void request_round_trip(void **state)
{
	struct auth_request in = sample(), out;
	uint8_t buf[1024];
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r;

	(void)state;
	auth_request_put(&w, &in);
	assert_true(wr_ok(&w));
	r = rd_of_view(wr_view(&w));
	assert_int_equal(auth_request_get(&r, &out), 0);
	assert_int_equal(out.form, in.form);
	assert_int_equal(out.method, in.method);
	assert_int_equal(out.way, in.way);
	assert_int_equal(out.prf, in.prf);
	assert_true(conf_id_equal(&out.local, &in.local) && conf_id_equal(&out.remote, &in.remote));
	assert_true(ipsec_addr_equal(&out.local_addr, &in.local_addr));
	assert_true(ipsec_addr_equal(&out.remote_addr, &in.remote_addr));
	assert_true(same(out.message, in.message) && same(out.nonce, in.nonce) && same(out.macid, in.macid));
	for (size_t n = 0; n < w.len; n++) {
		r = rd_of(buf, n);
		assert_int_equal(auth_request_get(&r, &out), -1);
	}
	r = rd_of(buf, w.len + 1);
	assert_int_equal(auth_request_get(&r, &out), -1);
}

static void longest_request_fits(void **state)
{
	struct auth_request rq = sample();
	uint8_t *octets = calloc(1, AUTH_OCTETS_MAX), *buf = malloc(AUTH_REQUEST_MAX);
	struct wr w = wr_of(buf, AUTH_REQUEST_MAX);

	(void)state;
	rq.local.len = rq.remote.len = CONF_ID_MAX;
	rq.local_addr = rq.remote_addr;
	rq.message = (struct view){ octets, AUTH_OCTETS_MAX };
	rq.nonce = (struct view){ octets, 256 };
	rq.macid = (struct view){ octets, 64 };
	auth_request_put(&w, &rq);
	assert_true(wr_ok(&w));
	free(octets);
	free(buf);
}

static void secret_round_trip(void **state)
{
	struct psk_entry in = { .remote_len = 24 }, out;
	uint8_t buf[AUTH_SECRET_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r;

	(void)state;
	assert_int_equal(conf_id_parse(&in.id, "*@example.net"), 0);
	assert_int_equal(ipsec_addr_parse(&in.remote, "198.51.100.0"), 0);
	assert_int_equal(secret_set(&in.key, "key", 3), 0);
	auth_secret_put(&w, &in);
	assert_true(wr_ok(&w));
	r = rd_of_view(wr_view(&w));
	assert_int_equal(auth_secret_get(&r, &out), 0);
	assert_true(conf_id_equal(&out.id, &in.id) && out.local.type == 0);
	assert_true(ipsec_addr_equal(&out.remote, &in.remote));
	assert_int_equal(out.remote_len, 24);
	assert_true(secret_equal(secret_view(&out.key), secret_view(&in.key)));
	secret_clear(&out.key);
	for (size_t n = 0; n < w.len; n++) {
		r = rd_of(buf, n);
		assert_int_equal(auth_secret_get(&r, &out), -1);
		assert_null(out.key.p);
	}
	secret_clear(&in.key);
}

static void hostile_lengths(void **state)
{
	struct auth_request rq;
	struct psk_entry e;
	uint8_t bytes[64];
	struct rd r;

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	r = rd_of(bytes, sizeof(bytes));
	assert_int_equal(auth_request_get(&r, &rq), -1);
	r = rd_of(bytes, sizeof(bytes));
	assert_int_equal(auth_secret_get(&r, &e), -1);
}

static void add(struct conf_secrets *s, const char *id, const char *key)
{
	struct psk_entry e = { 0 };

	assert_int_equal(conf_id_parse(&e.id, id), 0);
	assert_int_equal(secret_set(&e.key, key, strlen(key)), 0);
	assert_int_equal(psk_add(s, &e), 0);
}

static void answers(void **state)
{
	const struct crypto_alg *prf = crypto_alg_by_id(CRYPTO_PRF, PRF_HMAC_SHA2_256, 0);
	struct auth_request rq = sample();
	struct keeper k = { 0 };
	uint8_t expected[CRYPTO_PRF_MAX];
	struct auth_answer an;

	(void)state;
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_NO_SECRET);
	assert_int_equal(an.id, 9);
	add(&k.secrets, "other.example", "not this one");
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_NO_SECRET);
	assert_int_equal(an.n, 0);
	add(&k.secrets, "right.example", "the secret");
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_OK);
	assert_int_equal(an.n, 32);
	assert_int_equal(ikev2_auth_psk(prf, VIEW("the secret"), rq.message, rq.nonce, rq.macid, expected), 0);
	assert_memory_equal(an.data, expected, 32);
	/* By address, when the identity is not known. */
	add(&k.secrets, "2001:db8::2", "by address");
	rq.remote = (struct conf_id){ 0 };
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_OK);
	assert_int_equal(ikev2_auth_psk(prf, VIEW("by address"), rq.message, rq.nonce, rq.macid, expected), 0);
	assert_memory_equal(an.data, expected, 32);
	rq.prf = 4711;
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_FAILED);
	rq = sample();
	rq.way = CONF_AUTH_NONE;
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_FAILED);
	keeper_free(&k);
}

static void add_key(struct keys *keys, struct crypto_key *key, uint8_t number)
{
	struct conf_key k = { .at = { .line = number } };

	memset(k.key.b, number, sizeof(k.key.b));
	assert_int_equal(crypto_key_private_pem(key, &k.bytes), 0);
	assert_int_equal(keys_add(keys, &k), 0);
	secret_clear(&k.bytes);
}

/* The data of a Digital Signature as a verifier takes it apart (RFC 7427 3). */
static const struct crypto_sig *scheme_of(const struct auth_answer *an, struct view *signature)
{
	size_t n = 1 + (size_t)an->data[0];

	if (an->method != 14) {
		*signature = (struct view){ an->data, an->n };
		return crypto_sig_by_method(an->method);
	}
	*signature = (struct view){ an->data + n, an->n - n };
	return crypto_sig_by_algid((struct view){ an->data + 1, an->data[0] });
}

static uint32_t bit_of(const char *name)
{
	const struct crypto_sig *s = NULL;

	for (unsigned i = 0; (s = crypto_sig_next(s)); i++)
		if (!strcmp(s->name, name))
			return 1U << i;
	fail();
	return 0;
}

static void signs(void **state)
{
	static const struct {
		enum crypto_key_type type;
		unsigned bits;
		const char *allowed[3];
		uint8_t hashes;
		int error;
		const char *scheme;
	} rows[] = {
		{ CRYPTO_KEY_RSA, 2048, { "rsapss-sha256", "rsa-sha256" }, 0x1c, AUTH_OK, "rsapss-sha256" },
		{ CRYPTO_KEY_RSA, 2048, { "rsapss-sha256", "rsa-sha512" }, 1 << 4, AUTH_OK, "rsa-sha512" },
		{ CRYPTO_KEY_RSA, 2048, { "rsapss-sha256", "rsa" }, 0, AUTH_OK, "rsa" },
		{ CRYPTO_KEY_RSA, 2048, { "rsapss-sha256" }, 0, AUTH_NO_SCHEME, "" },
		{ CRYPTO_KEY_RSA, 2048, { "ecdsa-sha256" }, 0x1c, AUTH_NO_SCHEME, "" },
		{ CRYPTO_KEY_EC, 384, { "ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512" }, 0x1c, AUTH_OK, "ecdsa-sha384" },
		{ CRYPTO_KEY_EC, 384, { "ecdsa-sha256", "ecdsa-sha512" }, 0x1c, AUTH_OK, "ecdsa-sha512" },
		{ CRYPTO_KEY_EC, 384, { "ecdsa-sha256", "ecdsa-sha384" }, 1 << 2, AUTH_OK, "ecdsa-sha256" },
		{ CRYPTO_KEY_EC, 521, { "ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512" }, 0x1c, AUTH_OK, "ecdsa-sha512" },
		{ CRYPTO_KEY_EC, 256, { "ecdsa-sha256", "ecdsa-sha512" }, 0x1c, AUTH_OK, "ecdsa-sha256" },
		{ CRYPTO_KEY_EC, 384, { "ecdsa-sha256", "ecdsa384" }, 0, AUTH_OK, "ecdsa384" },
		{ CRYPTO_KEY_EC, 384, { "ecdsa256" }, 0, AUTH_NO_SCHEME, "" },
		{ CRYPTO_KEY_ED25519, 0, { "ed25519", "ed448" }, 1 << 5, AUTH_OK, "ed25519" },
		{ CRYPTO_KEY_ED25519, 0, { "ed25519" }, 0x1c, AUTH_NO_SCHEME, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct auth_request rq = sample();
		const struct view octets[] = { rq.message, rq.nonce, rq.macid };
		struct keeper k = { 0 };
		const struct crypto_sig *scheme;
		struct crypto_key *key;
		struct view signature;
		struct auth_answer an;

		assert_int_equal(crypto_key_generate(&key, rows[i].type, rows[i].bits), 0);
		add_key(&k.keys, key, 7);
		rq.way = CONF_AUTH_CERT;
		memset(rq.key.b, 7, sizeof(rq.key.b));
		rq.hashes = rows[i].hashes;
		for (unsigned j = 0; j < 3 && rows[i].allowed[j]; j++)
			rq.schemes |= bit_of(rows[i].allowed[j]);
		keeper_answer(&k, &rq, &an);
		assert_int_equal(an.error, rows[i].error);
		assert_string_equal(an.scheme, rows[i].scheme);
		assert_int_equal(an.at.line, 7);
		if (!an.error) {
			scheme = scheme_of(&an, &signature);
			assert_string_equal(scheme->name, rows[i].scheme);
			assert_int_equal(crypto_sig_check(scheme, key, octets, 3, signature), 0);
		}
		rq.key.b[0] ^= 1;
		keeper_answer(&k, &rq, &an);
		assert_int_equal(an.error, AUTH_NO_KEY);
		crypto_key_free(key);
		keeper_free(&k);
	}
}

/* RFC 2409 5, with what OpenSSL's HMAC makes of the same. */
static void ikev1_skeyid(void **state)
{
	static const struct { unsigned prf, n; const char *digest; } rows[] = {
		{ 2, 20, "SHA1" }, { 5, 32, "SHA256" }, { 6, 48, "SHA384" }, { 7, 64, "SHA512" },
	};
	struct view nonces = VIEW("initiator's nonce|responder's nonce");
	struct auth_request rq = sample();
	struct keeper k = { 0 };
	struct auth_answer an;

	(void)state;
	add(&k.secrets, "2001:db8::2", "by address");
	add(&k.secrets, "right.example", "by name");
	rq.form = AUTH_IKEV1;
	rq.message = nonces;
	rq.nonce = rq.macid = (struct view){ 0 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (unsigned main_mode = 0; main_mode < 2; main_mode++) {
			const char *key = main_mode ? "by address" : "by name";
			uint8_t expected[64];
			size_t n = 0;

			rq.prf = (uint16_t)rows[i].prf;
			rq.remote = (struct conf_id){ 0 };
			assert_int_equal(ipsec_addr_parse(&rq.remote_addr, main_mode ? "2001:db8::2" : "2001:db8::3"), 0);
			if (!main_mode)
				assert_int_equal(conf_id_parse(&rq.remote, "right.example"), 0);
			keeper_answer(&k, &rq, &an);
			assert_int_equal(an.error, AUTH_OK);
			assert_int_equal(an.method, AUTH_IKEV1_PSK);
			assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, rows[i].digest, NULL, key, strlen(key), nonces.p, nonces.n, expected,
						  sizeof(expected), &n));
			assert_int_equal(an.n, rows[i].n);
			assert_int_equal(an.n, n);
			assert_memory_equal(an.data, expected, n);
		}
	}
	/* Nobody gets out of it what IKEv2 would make of the secret. */
	rq.message = VIEW("Key Pad for IKEv2");
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_FAILED);
	rq.message = (struct view){ nonces.p, 15 };
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_FAILED);
	rq.message = nonces;
	rq.macid = VIEW("more");
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_FAILED);
	assert_int_equal(an.data[0], 0);
	keeper_free(&k);
}

static void ikev1_signs(void **state)
{
	static const struct {
		enum crypto_key_type type;
		unsigned bits;
		uint8_t method;
		size_t hash;
		int error;
	} rows[] = {
		{ CRYPTO_KEY_RSA, 2048, AUTH_IKEV1_RSA, 16, AUTH_OK },
		{ CRYPTO_KEY_RSA, 2048, AUTH_IKEV1_RSA, 20, AUTH_OK },
		{ CRYPTO_KEY_RSA, 2048, AUTH_IKEV1_RSA, 32, AUTH_OK },
		{ CRYPTO_KEY_RSA, 2048, AUTH_IKEV1_RSA, 64, AUTH_OK },
		{ CRYPTO_KEY_RSA, 2048, AUTH_IKEV1_RSA, 35, AUTH_NO_SCHEME },	/* a DigestInfo */
		{ CRYPTO_KEY_RSA, 2048, AUTH_IKEV1_RSA, 0, AUTH_NO_SCHEME },
		{ CRYPTO_KEY_RSA, 2048, AUTH_IKEV1_PSK, 32, AUTH_NO_SCHEME },
		{ CRYPTO_KEY_RSA, 2048, 14, 32, AUTH_NO_SCHEME },
		{ CRYPTO_KEY_RSA, 2048, AUTH_IKEV1_ECDSA256, 32, AUTH_NO_SCHEME },
		{ CRYPTO_KEY_EC, 256, AUTH_IKEV1_ECDSA256, 32, AUTH_OK },
		{ CRYPTO_KEY_EC, 256, AUTH_IKEV1_ECDSA256, 20, AUTH_NO_SCHEME },
		{ CRYPTO_KEY_EC, 384, AUTH_IKEV1_ECDSA384, 48, AUTH_OK },
		{ CRYPTO_KEY_EC, 384, AUTH_IKEV1_ECDSA256, 32, AUTH_NO_SCHEME },
		{ CRYPTO_KEY_EC, 521, AUTH_IKEV1_ECDSA521, 64, AUTH_OK },
		{ CRYPTO_KEY_ED25519, 0, AUTH_IKEV1_RSA, 32, AUTH_NO_SCHEME },
	};
	static const uint8_t hash[64] = "whatever HASH_I is, sixty-four bytes of it are as good as others";

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct auth_request rq = { .id = 1, .form = AUTH_IKEV1, .way = CONF_AUTH_CERT, .method = rows[i].method,
					   .message = { hash, rows[i].hash } };
		struct keeper k = { 0 };
		struct crypto_key *key;
		struct auth_answer an;

		assert_int_equal(crypto_key_generate(&key, rows[i].type, rows[i].bits), 0);
		add_key(&k.keys, key, 7);
		memset(rq.key.b, 7, sizeof(rq.key.b));
		keeper_answer(&k, &rq, &an);
		assert_int_equal(an.error, rows[i].error);
		if (!an.error) {
			assert_int_equal(an.method, rows[i].method);
			assert_int_equal(crypto_sig_check(crypto_sig_by_ikev1_method(an.method), key, &rq.message, 1,
							  (struct view){ an.data, an.n }), 0);
		}
		/* What IKEv2 may sign with is another thing. */
		rq.form = AUTH_IKEV2;
		rq.schemes = bit_of("ikev1-rsa") | bit_of("ikev1-ecdsa256");
		rq.hashes = 0xff;
		keeper_answer(&k, &rq, &an);
		assert_int_equal(an.error, AUTH_NO_SCHEME);
		rq.form = 200;
		keeper_answer(&k, &rq, &an);
		assert_int_equal(an.error, AUTH_FAILED);
		crypto_key_free(key);
		keeper_free(&k);
	}
}

static void locked_key_signs_nothing(void **state)
{
	struct conf_key locked = { .locked = true };
	struct auth_request rq = sample();
	struct keeper k = { 0 };
	struct auth_answer an;

	(void)state;
	assert_int_equal(secret_set(&locked.bytes, "encrypted", 9), 0);
	assert_int_equal(keys_add(&k.keys, &locked), 0);
	rq.way = CONF_AUTH_CERT;
	rq.schemes = UINT32_MAX;
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_LOCKED);
	locked.locked = false;
	assert_int_equal(keys_add(&k.keys, &locked), -1);
	secret_clear(&locked.bytes);
	keeper_free(&k);
}

static void key_round_trip(void **state)
{
	struct conf_key in = { .at = { .line = 300, .file = 2 }, .locked = true }, out;
	uint8_t buf[256];
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r;

	(void)state;
	memset(in.key.b, 9, sizeof(in.key.b));
	assert_int_equal(secret_set(&in.bytes, "PEM", 3), 0);
	auth_key_put(&w, &in);
	assert_true(wr_ok(&w));
	r = rd_of_view(wr_view(&w));
	assert_int_equal(auth_key_get(&r, &out), 0);
	assert_memory_equal(&out.key, &in.key, sizeof(in.key));
	assert_true(out.at.line == 300 && out.at.file == 2 && out.locked && same(secret_view(&out.bytes), secret_view(&in.bytes)));
	secret_clear(&out.bytes);
	for (size_t n = 0; n < w.len; n++) {
		r = rd_of(buf, n);
		assert_int_equal(auth_key_get(&r, &out), -1);
	}
	secret_clear(&in.bytes);
}

/* A hundred from one source do not hold up one from another. */
static void queue_takes_turns(void **state)
{
	static const uint32_t expected[] = { 1, 201, 301, 2, 302, 3, 4 };
	struct ipsec_addr a, b, c;
	struct secret body = { 0 };
	struct queue q;
	uint32_t id;

	(void)state;
	queue_init(&q);
	assert_int_equal(ipsec_addr_parse(&a, "192.0.2.1") | ipsec_addr_parse(&b, "192.0.2.2") | ipsec_addr_parse(&c, "2001:db8::1"), 0);
	for (uint32_t i = 1; i <= 100; i++)
		assert_int_equal(queue_put(&q, &a, i, VIEW("octets")), 0);
	assert_int_equal(queue_put(&q, &b, 201, VIEW("octets")), 0);
	assert_int_equal(queue_put(&q, &c, 301, VIEW("octets")), 0);
	assert_int_equal(queue_put(&q, &c, 302, VIEW("octets")), 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_true(queue_take(&q, &id, &body));
		assert_int_equal(id, expected[i]);
		assert_true(same(secret_view(&body), VIEW("octets")));
		secret_clear(&body);
	}
	queue_free(&q);
	assert_false(queue_take(&q, &id, &body));
	for (uint32_t i = 0; i < QUEUE_JOBS_MAX; i++)
		assert_int_equal(queue_put(&q, &a, i, VIEW("octets")), 0);
	assert_int_equal(queue_put(&q, &b, 0, VIEW("octets")), -1);
	queue_free(&q);
	assert_int_equal(q.bytes, 0);
}

/* A key on a token is asked for there; before its public half is known by any scheme that the peer takes, and nothing is believed. */
static void key_on_a_token(void **state)
{
	struct conf_key k = { .token = true, .key = { { 1 } }, .uri = { { 2 } } };
	struct auth_request rq = sample();
	struct crypto_key *made = NULL;
	struct keys keys = { 0 };
	struct auth_answer an;
	uint8_t signature[CRYPTO_SIG_MAX];
	const struct view octets[] = { rq.message, rq.nonce, rq.macid };
	size_t n = sizeof(signature);
	uint32_t schemes;
	unsigned scheme;

	(void)state;
	assert_int_equal(crypto_key_generate(&made, CRYPTO_KEY_ED25519, 0), 0);
	rq.schemes = UINT32_MAX;
	rq.hashes = 0xff;
	rq.key = k.uri;
	assert_int_equal(keys_add(&keys, &k), 0);
	assert_true(keys_on_token(&keys, &rq, &schemes));
	assert_true(schemes & (schemes - 1));
	keys_signed(&keys, &rq, 0, (struct view){ signature, 64 }, &an);
	assert_int_equal(an.error, AUTH_NO_KEY);
	keys_sign(&keys, &rq, &an);
	assert_int_equal(an.error, AUTH_NO_KEY);
	keys_free(&keys);
	/* Seen: only what that key can do, by either name, and only when it has really signed. */
	assert_int_equal(crypto_key_spki(made, &k.bytes), 0);
	assert_int_equal(keys_add(&keys, &k), 0);
	assert_true(keys_on_token(&keys, &rq, &schemes));
	assert_true(schemes && !(schemes & (schemes - 1)));
	scheme = (unsigned)__builtin_ctz(schemes);
	assert_int_equal(crypto_sig_make(crypto_sig_by_name("ed25519"), made, octets, 3, signature, &n), 0);
	rq.key = k.key;
	keys_signed(&keys, &rq, scheme, (struct view){ signature, n }, &an);
	assert_int_equal(an.error, AUTH_OK);
	assert_string_equal(an.scheme, "ed25519");
	signature[5] ^= 1;
	keys_signed(&keys, &rq, scheme, (struct view){ signature, n }, &an);
	assert_int_equal(an.error, AUTH_FAILED);
	rq.form = AUTH_IKEV1;			/* no method of it is for such a key */
	rq.method = AUTH_IKEV1_RSA;
	assert_true(keys_on_token(&keys, &rq, &schemes));
	assert_int_equal(schemes, 0);
	rq.key.b[0] = 9;
	assert_false(keys_on_token(&keys, &rq, &schemes));
	keys_free(&keys);
	secret_clear(&k.bytes);
	crypto_key_free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_on_a_token), cmocka_unit_test(request_round_trip),
		cmocka_unit_test(longest_request_fits),
		cmocka_unit_test(secret_round_trip),
		cmocka_unit_test(hostile_lengths),
		cmocka_unit_test(answers),
		cmocka_unit_test(signs),
		cmocka_unit_test(ikev1_skeyid),
		cmocka_unit_test(ikev1_signs),
		cmocka_unit_test(locked_key_signs_nothing),
		cmocka_unit_test(key_round_trip),
		cmocka_unit_test(queue_takes_turns),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
