// SPDX-License-Identifier: MIT
// Passwords and one-time codes of users: hashes by openssl passwd, codes of RFC 6238, and how soon somebody may try again.
#include "keyd/auth/codec.h"
#include "keyd/auth/keeper.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SEC 1000000u
#define RFC6238_KEY "12345678901234567890"

static const struct conf_digest users = { { 7 } }, others = { { 8 } };
static struct tries tries;
static struct logins logins;
static uint64_t now;
static int64_t wall;

static void add(const struct conf_digest *key, const char *user, const char *password, bool hashed, const char *totp)
{
	struct conf_login l = { .key = *key, .hashed = hashed, .at = { .line = 3 } };

	strcpy(l.user, user);
	assert_int_equal(secret_set(&l.password, password, strlen(password)), 0);
	assert_int_equal(secret_set(&l.totp, totp, strlen(totp)), 0);
	assert_int_equal(logins_add(&logins, &l), 0);
	assert_null(l.password.p);
}

static int fresh(void **state)
{
	(void)state;
	memset(&tries, 0, sizeof(tries));
	now = 5 * SEC;
	wall = 1700000000;
	add(&users, "locked",
	    "!$6$saltsalt$pqxtaP8VN9msji06dnBCbUbaSGTOXyo9jZDqZxik1rPexoqRIW4UKuiD0ZHZchCSd7S4/HoRU8bcFbnz2ihUr.", true, "");
	/* openssl passwd -5, -6 and -1 -salt saltsalt */
	add(&users, "hatter", "$5$saltsalt$ZF4K7gAClJdsdJyWPfaJZ5/qPgTq/E7ahF2LL4TP5Y2", true, "");
	add(&users, "alice",
	    "$6$saltsalt$pqxtaP8VN9msji06dnBCbUbaSGTOXyo9jZDqZxik1rPexoqRIW4UKuiD0ZHZchCSd7S4/HoRU8bcFbnz2ihUr.", true, "");
	add(&users, "rabbit", "$1$saltsalt$czbX58I2vBxI8rdYAdIYd.", true, "");
	add(&users, "bob", "$5$saltsalt$ZF4K7gAClJdsdJyWPfaJZ5/qPgTq/E7ahF2LL4TP5Y2", true, RFC6238_KEY);
	add(&others, "carol", "$5$saltsalt$ZF4K7gAClJdsdJyWPfaJZ5/qPgTq/E7ahF2LL4TP5Y2", true, "");
	add(&others, "road", "to the gateway", false, "");
	add(&others, "asked", "", false, "");
	return 0;
}

static int gone(void **state)
{
	(void)state;
	logins_free(&logins);
	return 0;
}

static struct view text(const char *s)
{
	return (struct view){ (const uint8_t *)s, strlen(s) };
}

static struct auth_answer ask(const char *user, const char *password, const char *code, const char *from)
{
	struct auth_request rq = { .id = 4, .form = AUTH_LOGIN, .key = users, .message = text(user), .nonce = text(password),
				   .macid = text(code) };
	struct auth_answer an;

	assert_int_equal(ipsec_addr_parse(&rq.remote_addr, from), 0);
	logins_check(&logins, &tries, &rq, now, wall, &an);
	assert_int_equal(an.id, 4);
	assert_int_equal(an.n, 0);
	return an;
}

static int check(const char *user, const char *password, const char *code)
{
	now += 1000ull * SEC;
	return ask(user, password, code, "192.0.2.9").error;
}

static void passwords(void **state)
{
	char longest[CONF_PASSWORD_MAX + 40];

	(void)state;
	assert_int_equal(check("alice", "wonderland", ""), AUTH_OK);
	assert_int_equal(check("hatter", "hatter", ""), AUTH_OK);
	assert_int_equal(check("rabbit", "rabbit", ""), AUTH_OK);
	assert_int_equal(check("alice", "hatter", ""), AUTH_WRONG);
	assert_int_equal(check("alice", "wonderland1", ""), AUTH_WRONG);
	assert_int_equal(check("alice", "", ""), AUTH_WRONG);
	assert_int_equal(check("Alice", "wonderland", ""), AUTH_WRONG);
	assert_int_equal(check("alic", "wonderland", ""), AUTH_WRONG);
	assert_int_equal(check("nobody", "wonderland", ""), AUTH_WRONG);
	assert_int_equal(check("", "wonderland", ""), AUTH_WRONG);
	assert_int_equal(check("locked", "wonderland", ""), AUTH_WRONG);
	assert_int_equal(check("carol", "hatter", ""), AUTH_WRONG);	/* of another file */
	assert_int_equal(check("road", "to the gateway", ""), AUTH_WRONG);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(check("alice", longest, ""), AUTH_WRONG);
	assert_int_equal(check(longest, "wonderland", ""), AUTH_WRONG);
	assert_int_equal(ask("alice", "wonderland", "", "2001:db8::1").at.line, 3);
}

/* RFC 6238 appendix B, of which IKE's users type the last six digits, or all eight. */
static void codes(void **state)
{
	(void)state;
	wall = 1111111109;
	assert_int_equal(check("bob", "hatter", ""), AUTH_WRONG);
	assert_int_equal(check("bob", "hatter081804", ""), AUTH_OK);
	assert_int_equal(check("bob", "hatter081804", ""), AUTH_WRONG);		/* a second time */
	wall = 1111111111;
	assert_int_equal(check("bob", "hatter", "14050471"), AUTH_OK);
	assert_int_equal(check("bob", "hatter081804", ""), AUTH_WRONG);		/* one step before */
	wall = 1234567890 + 30;
	assert_int_equal(check("bob", "hatter", "005924"), AUTH_OK);		/* a clock that is a step behind */
	wall = 2000000000 + 61;
	assert_int_equal(check("bob", "hatter", "279037"), AUTH_WRONG);		/* … two steps */
	wall = 2000000000;
	assert_int_equal(check("bob", "wrong279037", ""), AUTH_WRONG);
	assert_int_equal(check("bob", "hatter27903", ""), AUTH_WRONG);
	assert_int_equal(check("bob", "hatter", "2790 7"), AUTH_WRONG);
	assert_int_equal(check("bob", "hatter", "27903"), AUTH_WRONG);
	assert_int_equal(check("bob", "hatter", "669279037"), AUTH_WRONG);
	assert_int_equal(check("bob", "279037", ""), AUTH_WRONG);
	assert_int_equal(check("bob", "hatter279037", ""), AUTH_OK);
	/* Who has no codes types none. */
	assert_int_equal(check("hatter", "hatter279037", ""), AUTH_WRONG);
}

static void used_codes_outlive_a_reload(void **state)
{
	struct logins before;

	wall = 1111111109;
	assert_int_equal(check("bob", "hatter081804", ""), AUTH_OK);
	before = logins;
	logins = (struct logins){ 0 };
	fresh(state);
	wall = 1111111109;
	logins_keep(&logins, &before);
	logins_free(&before);
	assert_int_equal(check("bob", "hatter081804", ""), AUTH_WRONG);
	wall = 1111111111;
	assert_int_equal(check("bob", "hatter050471", ""), AUTH_OK);
}

static void who_guesses_waits(void **state)
{
	struct auth_answer an;
	unsigned waited = 0;

	(void)state;
	for (int i = 0; i < TRIES_FREE; i++)
		assert_int_equal(ask("alice", "guess", "", "192.0.2.9").error, AUTH_WRONG);
	for (unsigned wait = 1; wait <= TRIES_WAIT_MAX; wait *= 2) {
		an = ask("alice", "wonderland", "", "192.0.2.9");
		assert_int_equal(an.error, AUTH_TOO_OFTEN);	/* even with the right one: nothing is tried */
		assert_int_equal(an.wait, wait);
		now += (uint64_t)wait * SEC - 1;
		assert_int_equal(ask("alice", "wonderland", "", "192.0.2.9").error, AUTH_TOO_OFTEN);
		now++;
		assert_int_equal(ask("alice", "guess", "", "192.0.2.9").error, AUTH_WRONG);
		waited += wait;
	}
	assert_int_equal(ask("alice", "guess", "", "192.0.2.9").wait, TRIES_WAIT_MAX);
	/* Others are not meant, nor the user from elsewhere for long. */
	assert_int_equal(ask("hatter", "hatter", "", "192.0.2.9").error, AUTH_OK);
	an = ask("alice", "wonderland", "", "198.51.100.1");
	assert_int_equal(an.error, AUTH_TOO_OFTEN);
	assert_in_range(an.wait, 1, TRIES_WAIT_ALL_MAX);
	now += (uint64_t)TRIES_WAIT_ALL_MAX * SEC;
	assert_int_equal(ask("alice", "wonderland", "", "198.51.100.1").error, AUTH_OK);
	/* Who guessed still waits. */
	assert_int_equal(ask("alice", "wonderland", "", "192.0.2.9").error, AUTH_TOO_OFTEN);
	now += (uint64_t)TRIES_FORGET * SEC;
	assert_int_equal(ask("alice", "wonderland", "", "192.0.2.9").error, AUTH_OK);
}

/* IPv6 hosts have many addresses; users who are not there are counted as well; made-up names drive out nobody's count. */
static void guessing_is_counted_well(void **state)
{
	char user[32];

	(void)state;
	for (int i = 0; i < TRIES_FREE; i++) {
		assert_int_equal(ask("alice", "guess", "", i ? "2001:db8:0:1::1" : "2001:db8:0:1:ffff::2").error, AUTH_WRONG);
		assert_int_equal(ask("nobody", "guess", "", "192.0.2.9").error, AUTH_WRONG);
	}
	assert_int_equal(ask("alice", "guess", "", "2001:db8:0:1::3").error, AUTH_TOO_OFTEN);
	assert_int_equal(ask("alice", "guess", "", "2001:db8:0:2::3").error, AUTH_WRONG);
	assert_int_equal(ask("nobody", "guess", "", "192.0.2.9").error, AUTH_TOO_OFTEN);
	for (unsigned i = 0; i < 2 * TRIES_MAX; i++) {
		const struct conf_digest key = users;
		struct ipsec_addr from;
		int n = snprintf(user, sizeof(user), "made-up-%u", i);

		assert_int_equal(ipsec_addr_parse(&from, "203.0.113.1"), 0);
		tries_failed(&tries, &key, (struct view){ (const uint8_t *)user, (size_t)n }, &from, now);
	}
	assert_int_equal(ask("alice", "guess", "", "2001:db8:0:1::3").error, AUTH_TOO_OFTEN);
	/* A right password ends the count. */
	now += 1000ull * SEC;
	assert_int_equal(ask("alice", "wonderland", "", "2001:db8:0:1::3").error, AUTH_OK);
	for (int i = 0; i < TRIES_FREE; i++)
		assert_int_equal(ask("alice", "guess", "", "2001:db8:0:1::3").error, AUTH_WRONG);
}

static void our_own_password(void **state)
{
	struct auth_request rq = { .id = 5, .form = AUTH_PASSWORD, .key = others, .message = text("road") };
	struct keeper k = { .logins = logins };
	struct auth_answer an;

	(void)state;
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_OK);
	assert_int_equal(an.n, 14);
	assert_memory_equal(an.data, "to the gateway", 14);
	rq.message = text("asked");
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_LOCKED);
	rq.message = text("carol");		/* hashes are told nobody */
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_NO_SECRET);
	rq.key = users;
	rq.message = text("road");
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_NO_SECRET);
	assert_int_equal(an.n, 0);
	/* A password is looked at by logins_check alone. */
	rq.form = AUTH_LOGIN;
	keeper_answer(&k, &rq, &an);
	assert_int_equal(an.error, AUTH_FAILED);
}

static void type(const struct conf_digest *key, const char *user, const char *password, int expected)
{
	struct conf_login l = { .key = *key };

	strcpy(l.user, user);
	assert_int_equal(secret_set(&l.password, password, strlen(password)), 0);
	assert_int_equal(logins_type(&logins, &l), expected);
	assert_null(l.password.p);
}

/*
 * What is typed outlives a reload, is asked for again when the gateway has refused it, and takes the place of nothing
 * that is configured.
 */
static void typed_passwords(void **state)
{
	struct auth_request rq = { .id = 5, .form = AUTH_PASSWORD, .key = others, .message = text("asked") };
	struct logins before;
	struct auth_answer an;

	type(&others, "road", "another", -1);
	type(&others, "stranger", "x", -1);
	type(&users, "alice", "x", -1);
	type(&others, "asked", "typed", 0);
	before = logins;
	logins = (struct logins){ 0 };
	fresh(state);
	logins_keep(&logins, &before);
	logins_free(&before);
	logins_password(&logins, &rq, &an);
	assert_int_equal(an.error, AUTH_OK);
	assert_memory_equal(an.data, "typed", 5);
	type(&others, "asked", "better", 0);
	logins_password(&logins, &rq, &an);
	assert_memory_equal(an.data, "better", 6);
	logins_forget(&logins, &rq, &an);
	assert_int_equal(an.error, AUTH_OK);
	logins_password(&logins, &rq, &an);
	assert_int_equal(an.error, AUTH_LOCKED);
	rq.message = text("road");
	logins_forget(&logins, &rq, &an);
	logins_password(&logins, &rq, &an);
	assert_int_equal(an.error, AUTH_OK);
}

static void round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < logins.n; i++) {
		const struct conf_login *in = &logins.e[i].l;
		uint8_t buf[AUTH_LOGIN_MAX];
		struct wr w = wr_of(buf, sizeof(buf));
		struct conf_login out;
		struct rd r;

		auth_login_put(&w, in);
		assert_true(wr_ok(&w));
		r = rd_of_view(wr_view(&w));
		assert_int_equal(auth_login_get(&r, &out), 0);
		assert_memory_equal(&out.key, &in->key, sizeof(in->key));
		assert_string_equal(out.user, in->user);
		assert_true(out.hashed == in->hashed && out.at.line == in->at.line);
		assert_true(secret_equal(secret_view(&out.password), secret_view(&in->password)));
		assert_true(secret_equal(secret_view(&out.totp), secret_view(&in->totp)));
		conf_login_clear(&out);
		for (size_t n = 0; n < w.len; n++) {
			r = rd_of(buf, n);
			assert_int_equal(auth_login_get(&r, &out), -1);
			assert_null(out.password.p);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(passwords, fresh, gone),
		cmocka_unit_test_setup_teardown(codes, fresh, gone),
		cmocka_unit_test_setup_teardown(used_codes_outlive_a_reload, fresh, gone),
		cmocka_unit_test_setup_teardown(who_guesses_waits, fresh, gone),
		cmocka_unit_test_setup_teardown(guessing_is_counted_well, fresh, gone),
		cmocka_unit_test_setup_teardown(our_own_password, fresh, gone),
		cmocka_unit_test_setup_teardown(typed_passwords, fresh, gone),
		cmocka_unit_test_setup_teardown(round_trip, fresh, gone),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
