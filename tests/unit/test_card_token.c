// SPDX-License-Identifier: MIT
// The states of a token: where each event leads, which PIN may be used when, what a pulled card means.
#include "keyd/card/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FLOOR 2
#define SECOND 1000000ull

/* A token in a state, reached as it is reached in life. */
static struct token in_state(enum token_state s)
{
	struct token t;
	const struct token_pin human = { TOKEN_PIN_HUMAN, 99 };

	token_init(&t, FLOOR);
	if (s == TOKEN_ABSENT)
		return t;
	token_event(&t, s == TOKEN_PRESENT ? TOKEN_SEEN_OPEN : TOKEN_SEEN, -1, SECOND);
	if (s == TOKEN_UNLOCKED) {
		assert_int_equal(token_login_begin(&t, &human, false), 0);
		token_event(&t, TOKEN_LOGIN_DONE, -1, SECOND);
	} else if (s == TOKEN_FAILING) {
		token_event(&t, TOKEN_ERROR, -1, SECOND);
	} else if (s == TOKEN_BLOCKED) {
		token_event(&t, TOKEN_LOGIN_BLOCKED, -1, SECOND);
	}
	assert_int_equal(t.state, s);
	return t;
}

/* One letter for each state: what each of them becomes. */
static void events_lead_where_the_table_says(void **state)
{
	static const char letters[] = "APLUFB";	/* as enum token_state */
	static const struct {
		enum token_event ev;
		const char *to;		/* from A, P, L, U, F, B */
	} rows[] = {
		{ TOKEN_SEEN_OPEN,	"PPPUPP" },
		{ TOKEN_SEEN,		"LLLULL" },
		{ TOKEN_SEEN_BLOCKED,	"BBBUBB" },
		{ TOKEN_GONE,		"AAAAAA" },
		{ TOKEN_LOGIN_DONE,	"AUUUUU" },
		{ TOKEN_LOGIN_WRONG,	"ALLLLB" },
		{ TOKEN_LOGIN_BLOCKED,	"ABBBBB" },
		{ TOKEN_LOGIN_CANCELLED, "APLUFB" },
		{ TOKEN_LOGIN_UNUSED,	"APLUFB" },
		{ TOKEN_LOGGED_OUT,	"ALLLFB" },
		{ TOKEN_ERROR,		"AFFFFF" },
		{ TOKEN_LOST,		"AFFFFF" },
	};

	(void)state;
	assert_int_equal(sizeof(rows) / sizeof(*rows), TOKEN_EVENTS);
	for (size_t i = 0; i < TOKEN_EVENTS; i++)
		for (unsigned s = 0; s < TOKEN_STATES; s++) {
			struct token t = in_state(s);
			bool changed = token_event(&t, rows[i].ev, -1, 7 * SECOND);

			assert_int_equal(letters[t.state], rows[i].to[s]);
			assert_int_equal(changed, t.state != s);
			assert_int_equal(t.since == 7 * SECOND, changed);
		}
}

static void what_is_needed_follows_from_the_state(void **state)
{
	static const struct {
		enum token_state s;
		enum token_pin_from pin;
		bool each;
		enum token_need need;
	} rows[] = {
		{ TOKEN_ABSENT, TOKEN_PIN_HUMAN, false, TOKEN_WANT_TOKEN },
		{ TOKEN_PRESENT, TOKEN_PIN_NONE, false, TOKEN_READY },
		{ TOKEN_PRESENT, TOKEN_PIN_NONE, true, TOKEN_WANT_PIN_EACH },
		{ TOKEN_LOCKED, TOKEN_PIN_NONE, false, TOKEN_WANT_PIN },
		{ TOKEN_LOCKED, TOKEN_PIN_CONFIGURED, false, TOKEN_LOGIN },
		{ TOKEN_LOCKED, TOKEN_PIN_PAD, false, TOKEN_LOGIN },
		{ TOKEN_LOCKED, TOKEN_PIN_KEPT, true, TOKEN_LOGIN },
		{ TOKEN_UNLOCKED, TOKEN_PIN_NONE, false, TOKEN_READY },
		{ TOKEN_UNLOCKED, TOKEN_PIN_NONE, true, TOKEN_WANT_PIN_EACH },
		{ TOKEN_UNLOCKED, TOKEN_PIN_KEPT, true, TOKEN_LOGIN },
		{ TOKEN_FAILING, TOKEN_PIN_HUMAN, false, TOKEN_WANT_CURE },
		{ TOKEN_BLOCKED, TOKEN_PIN_HUMAN, false, TOKEN_WANT_UNBLOCK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct token t = in_state(rows[i].s);
		struct token_pin pin = { rows[i].pin, 1 };

		assert_int_equal(token_need(&t, &pin, rows[i].each), rows[i].need);
		assert_int_equal(token_login_begin(&t, &pin, rows[i].each), rows[i].need == TOKEN_LOGIN ? 0 : -1);
		assert_true(token_need_text(rows[i].need)[0]);
	}
}

static const struct token_pin configured = { TOKEN_PIN_CONFIGURED, 5 }, changed = { TOKEN_PIN_CONFIGURED, 6 },
			      human = { TOKEN_PIN_HUMAN, 7 }, kept = { TOKEN_PIN_KEPT, 7 };

static void try(struct token *t, const struct token_pin *pin, enum token_event ev, int tries)
{
	assert_int_equal(token_login_begin(t, pin, false), 0);
	assert_int_equal(token_need(t, &human, false), TOKEN_WANT_TIME);
	token_event(t, ev, tries, 2 * SECOND);
}

/* Whatever became of it but a success: the same PIN is not used again, another one is. */
static void a_pin_that_failed_is_not_tried_again(void **state)
{
	static const enum token_event ends[] = {
		TOKEN_LOGIN_WRONG, TOKEN_LOGIN_CANCELLED, TOKEN_ERROR, TOKEN_LOST, TOKEN_GONE,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct token t = in_state(TOKEN_LOCKED);

		try(&t, &configured, ends[i], -1);
		token_event(&t, TOKEN_SEEN, -1, 3 * SECOND);
		assert_int_equal(token_need(&t, &human, false), TOKEN_LOGIN);	/* it is over */
		token_event(&t, TOKEN_GONE, -1, 3 * SECOND);	/* out and in again does not help */
		token_event(&t, TOKEN_SEEN, -1, 4 * SECOND);
		assert_int_equal(token_need(&t, &configured, false), TOKEN_WANT_OTHER_PIN);
		assert_int_equal(token_login_begin(&t, &configured, false), -1);
		assert_int_equal(token_need(&t, &changed, false), TOKEN_LOGIN);
		assert_int_equal(token_need(&t, &human, false), TOKEN_LOGIN);
		try(&t, &human, TOKEN_LOGIN_WRONG, 3);		/* a human's mistake does not give it another chance … */
		assert_int_equal(token_need(&t, &configured, false), TOKEN_WANT_OTHER_PIN);
		try(&t, &human, TOKEN_LOGIN_DONE, -1);
		token_event(&t, TOKEN_LOGGED_OUT, -1, 5 * SECOND);	/* … nor does another PIN that is right */
		assert_int_equal(token_need(&t, &configured, false), TOKEN_WANT_OTHER_PIN);
		try(&t, &kept, TOKEN_LOGIN_WRONG, 3);
		assert_int_equal(token_need(&t, &configured, false), TOKEN_WANT_OTHER_PIN);
	}
}

static void a_pin_that_was_right_or_not_used_may_be_used_again(void **state)
{
	struct token t = in_state(TOKEN_LOCKED);

	(void)state;
	try(&t, &configured, TOKEN_LOGIN_UNUSED, -1);
	assert_int_equal(token_need(&t, &configured, false), TOKEN_LOGIN);
	try(&t, &configured, TOKEN_LOGIN_DONE, -1);
	token_event(&t, TOKEN_GONE, -1, 3 * SECOND);
	token_event(&t, TOKEN_SEEN, -1, 4 * SECOND);
	assert_int_equal(token_need(&t, &configured, false), TOKEN_LOGIN);
	token_event(&t, TOKEN_LOST, -1, 4 * SECOND);		/* not during a login */
	token_event(&t, TOKEN_SEEN, -1, 4 * SECOND);
	assert_int_equal(token_need(&t, &configured, false), TOKEN_LOGIN);
}

static void the_last_tries_are_for_humans(void **state)
{
	struct token t = in_state(TOKEN_LOCKED);

	(void)state;
	token_event(&t, TOKEN_SEEN, 2, SECOND);
	assert_int_equal(token_need(&t, &configured, false), TOKEN_LOGIN);
	token_event(&t, TOKEN_SEEN, 1, SECOND);
	assert_int_equal(token_need(&t, &configured, false), TOKEN_WANT_HUMAN);
	assert_int_equal(token_need(&t, &kept, false), TOKEN_WANT_HUMAN);
	assert_int_equal(token_need(&t, &human, false), TOKEN_LOGIN);
	try(&t, &human, TOKEN_LOGIN_DONE, -1);
	assert_int_equal(t.tries, TOKEN_TRIES_UNKNOWN);
	token_event(&t, TOKEN_LOGGED_OUT, -1, SECOND);
	assert_int_equal(token_need(&t, &configured, false), TOKEN_LOGIN);
}

/* One that does not tell how many are left: three wrong ones are the end of most cards, the last is not ours to use. */
static void a_silent_token_is_counted_for(void **state)
{
	struct token t = in_state(TOKEN_LOCKED);
	struct token_pin pin = { TOKEN_PIN_CONFIGURED, 1 };

	(void)state;
	for (; token_need(&t, &pin, false) == TOKEN_LOGIN; pin.stamp++)
		try(&t, &pin, TOKEN_LOGIN_WRONG, -1);
	assert_int_equal(pin.stamp, 3);
	assert_int_equal(t.tries, 1);
	assert_int_equal(token_need(&t, &pin, false), TOKEN_WANT_HUMAN);
	try(&t, &human, TOKEN_LOGIN_WRONG, -1);
	assert_int_equal(token_need(&t, &human, false), TOKEN_LOGIN);
	try(&t, &human, TOKEN_LOGIN_BLOCKED, -1);
	assert_int_equal(t.tries, 0);
	token_event(&t, TOKEN_SEEN, -1, SECOND);		/* unblocked with a PUK */
	assert_int_equal(token_need(&t, &pin, false), TOKEN_LOGIN);
}

static void a_pulled_token_means_what_the_rule_says(void **state)
{
	static const struct token_pulled_rule keep = { TOKEN_PULLED_KEEP, 0 }, no_rekey = { TOKEN_PULLED_NO_REKEY, 0 },
					      later = { TOKEN_PULLED_DOWN, 30 }, at_once = { TOKEN_PULLED_DOWN, 0 };
	static const struct {
		const struct token_pulled_rule *rule;
		uint64_t after;			/* microseconds since it went */
		enum token_pulled what;
		uint64_t deadline;
	} rows[] = {
		{ &keep, 3600 * SECOND, TOKEN_PULLED_KEEP, UINT64_MAX },
		{ &no_rekey, 0, TOKEN_PULLED_NO_REKEY, UINT64_MAX },
		{ &at_once, 0, TOKEN_PULLED_DOWN, UINT64_MAX },
		{ &later, 0, TOKEN_PULLED_KEEP, 130 * SECOND },
		{ &later, 30 * SECOND - 1, TOKEN_PULLED_KEEP, 130 * SECOND },
		{ &later, 30 * SECOND, TOKEN_PULLED_DOWN, UINT64_MAX },
	};
	uint64_t deadline;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct token t = in_state(TOKEN_UNLOCKED);

		assert_int_equal(token_pulled(&t, rows[i].rule, 90 * SECOND, &deadline), TOKEN_PULLED_KEEP);
		assert_true(deadline == UINT64_MAX);
		token_event(&t, TOKEN_GONE, -1, 100 * SECOND);
		assert_int_equal(token_pulled(&t, rows[i].rule, 100 * SECOND + rows[i].after, &deadline), rows[i].what);
		assert_true(deadline == rows[i].deadline);
		token_event(&t, TOKEN_SEEN, -1, 200 * SECOND);
		token_event(&t, TOKEN_LOST, -1, 200 * SECOND);	/* a module that crashed pulls no card */
		assert_int_equal(token_pulled(&t, rows[i].rule, 300 * SECOND, &deadline), TOKEN_PULLED_KEEP);
		token_event(&t, TOKEN_SEEN, -1, 300 * SECOND);	/* it need not be unlocked to count as there */
		assert_int_equal(token_pulled(&t, rows[i].rule, 300 * SECOND, &deadline), TOKEN_PULLED_KEEP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_lead_where_the_table_says),
		cmocka_unit_test(what_is_needed_follows_from_the_state),
		cmocka_unit_test(a_pin_that_failed_is_not_tried_again),
		cmocka_unit_test(a_pin_that_was_right_or_not_used_may_be_used_again),
		cmocka_unit_test(the_last_tries_are_for_humans),
		cmocka_unit_test(a_silent_token_is_counted_for),
		cmocka_unit_test(a_pulled_token_means_what_the_rule_says),
	};

	return cmocka_run_group_tests_name("card_token", tests, NULL, NULL);
}
