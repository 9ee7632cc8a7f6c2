// SPDX-License-Identifier: MIT
// The keeper of keys: its codec round trip and cut short, and its answers.
#include "keyd/auth/codec.h"
#include "keyd/auth/keeper.h"
#include "keyd/conf/id.h"
#include "keyd/crypto/keymat.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PRF_HMAC_SHA2_256 5

#define VIEW(text) ((struct view){ (const uint8_t *)(text), sizeof(text) - 1 })

static struct auth_request sample(void)
{
	struct auth_request rq = { .id = 9, .way = CONF_AUTH_PSK, .prf = PRF_HMAC_SHA2_256 };

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
	struct conf_secrets s = { 0 };
	uint8_t expected[CRYPTO_PRF_MAX];
	struct auth_answer an;

	(void)state;
	keeper_answer(&s, &rq, &an);
	assert_int_equal(an.error, AUTH_NO_SECRET);
	assert_int_equal(an.id, 9);
	add(&s, "other.example", "not this one");
	keeper_answer(&s, &rq, &an);
	assert_int_equal(an.error, AUTH_NO_SECRET);
	assert_int_equal(an.n, 0);
	add(&s, "right.example", "the secret");
	keeper_answer(&s, &rq, &an);
	assert_int_equal(an.error, AUTH_OK);
	assert_int_equal(an.n, 32);
	assert_int_equal(ikev2_auth_psk(prf, VIEW("the secret"), rq.message, rq.nonce, rq.macid, expected), 0);
	assert_memory_equal(an.data, expected, 32);
	/* By address, when the identity is not known. */
	add(&s, "2001:db8::2", "by address");
	rq.remote = (struct conf_id){ 0 };
	keeper_answer(&s, &rq, &an);
	assert_int_equal(an.error, AUTH_OK);
	assert_int_equal(ikev2_auth_psk(prf, VIEW("by address"), rq.message, rq.nonce, rq.macid, expected), 0);
	assert_memory_equal(an.data, expected, 32);
	rq.prf = 4711;
	keeper_answer(&s, &rq, &an);
	assert_int_equal(an.error, AUTH_FAILED);
	rq = sample();
	rq.way = CONF_AUTH_NONE;
	keeper_answer(&s, &rq, &an);
	assert_int_equal(an.error, AUTH_FAILED);
	conf_secrets_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_round_trip),
		cmocka_unit_test(longest_request_fits),
		cmocka_unit_test(secret_round_trip),
		cmocka_unit_test(hostile_lengths),
		cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
