// SPDX-License-Identifier: MIT
// When the hub asks which process of a token's for what: some hang and die, PINs are wrong, others are at the same token.
#include "tests/unit/test_card_hub.h"

/* --- what runs --- */

static void without_tokens_nothing_runs(void **state)
{
	(void)state;
	w.token[0].where[0] = 0;
	world_configure(&w, "", NULL, 0);
	world_ask(&w, 9, CARD_ASK_WATCH, "", "");	/* ctl says so at its start */
	world_pass(&w, 3600 * SECOND);
	assert_int_equal(w.started, 0);
	world_ask(&w, 9, CARD_ASK_WATCH, "", "");
	assert_int_equal(w.started, 0);
	world_ask(&w, 1, CARD_ASK_LIST, "", "");
	assert_int_equal(w.started, 1);
	assert_non_null(world_process(&w, HUB_WATCH_READERS, ""));
	says(1, CARD_OK, "");
	assert_int_equal(w.ntoken, 0);
	world_moves(&w, 0, "reader 0");
	world_ask(&w, 2, CARD_ASK_LIST, "", "");
	assert_int_equal(w.ntoken, 1);
	assert_int_equal(w.nkey, 1);
	world_configure(&w, "", NULL, 0);
	w.rules.native = 0;
	world_configure(&w, "", NULL, 0);
	assert_null(world_process(&w, HUB_WATCH_READERS, ""));
	assert_null(world_process(&w, HUB_READER, "reader 0"));
}

static void whoever_watches_sees_what_comes(void **state)
{
	(void)state;
	w.token[0].where[0] = 0;
	world_configure(&w, "", NULL, 0);
	world_ask(&w, 9, CARD_ASK_WATCH, "", "");
	world_ask(&w, 9, CARD_ASK_LOOK, "", "");
	assert_non_null(world_process(&w, HUB_WATCH_READERS, ""));
	world_moves(&w, 0, "reader 0");
	world_pass(&w, SECOND);
	assert_int_equal(w.nevent, 1);
	world_moves(&w, 0, "");
	world_pass(&w, SECOND);
	assert_int_equal(w.nevent, 2);
	assert_int_equal(w.ndone, 0);
	assert_int_equal(w.token[0].logins, 0);
}

static void what_is_configured_runs(void **state)
{
	(void)state;
	world_configure(&w, "ab", &want_a, 1);
	assert_non_null(world_process(&w, HUB_MODULE, "/m/a.so"));
	assert_non_null(world_process(&w, HUB_WATCH_MODULE, "/m/a.so"));
	assert_non_null(world_process(&w, HUB_MODULE, "/m/b.so"));
	world_configure(&w, "b", &want_a, 1);
	assert_null(world_process(&w, HUB_MODULE, "/m/a.so"));
	assert_int_equal(w.killed, 2);
	is_state(0, TOKEN_ABSENT, false);
	/* One that cannot wait says so and is left alone; the module is looked at from time to time. */
	world_dies(&w, world_process(&w, HUB_WATCH_MODULE, "/m/b.so"), CARD_WIRE_EXIT_NO_EVENTS);
	world_pass(&w, SECOND);
	assert_null(world_process(&w, HUB_WATCH_MODULE, "/m/b.so"));
	w.token[1].checks = 0;
	world_pass(&w, 600 * SECOND);
	assert_in_range(w.token[1].checks, 9, 11);
	/* One that died is started again. */
	world_dies(&w, world_process(&w, HUB_WATCH_READERS, ""), 1);
	world_pass(&w, SECOND);
	assert_non_null(world_process(&w, HUB_WATCH_READERS, ""));
}

static void a_module_that_cannot_begin_is_told_once(void **state)
{
	const struct card_wire_done d = { .error = CARD_BROKEN, .why = "is no module" };
	struct world_process *p;

	(void)state;
	world_fate(&w, CARD_WIRE_READY, FATE_HANG, 0, 1000);
	world_configure(&w, "a", &want_a, 1);
	for (int i = 0; i < 20; i++) {
		while (!(p = world_process(&w, HUB_MODULE, "/m/a.so")))
			world_pass(&w, 100 * MS);
		world_says(&w, p, CARD_WIRE_DONE, 0, &d, sizeof(d));
		world_dies(&w, p, 1);
	}
	assert_in_range(w.started, 20, 100);
	assert_int_equal(world_logged(&w, "a token's process ended and is started again: module=/m/a.so call=start "
				      "why=\"is no module\""), 1);
	refuses(1, 0, CARD_GONE, TOKEN_WANT_TOKEN);
	/* And when it can, it does. */
	world_fate(&w, 0, FATE_ANSWER, 0, 0);
	world_pass(&w, 61 * SECOND);
	signs(2, 0);
}

static void restarts_are_ever_further_apart(void **state)
{
	(void)state;
	world_configure(&w, "a", &want_a, 1);
	for (unsigned i = 0; i < 14; i++) {
		struct world_process *p = world_process(&w, HUB_MODULE, "/m/a.so");
		uint64_t pause = i < 10 ? 100 * MS << i : 60 * SECOND, died = w.now;

		assert_non_null(p);
		world_dies(&w, p, -1);
		while (!world_process(&w, HUB_MODULE, "/m/a.so"))
			world_pass(&w, 50 * MS);
		assert_in_range(w.now - died, pause, pause + 50 * MS);
	}
	assert_int_equal(world_logged(&w, "died and is started again"), 1);
	/* A minute in peace, and all is forgotten. */
	world_pass(&w, 61 * SECOND);
	world_dies(&w, world_process(&w, HUB_MODULE, "/m/a.so"), -1);
	world_pass(&w, 150 * MS);
	assert_non_null(world_process(&w, HUB_MODULE, "/m/a.so"));
	assert_int_equal(world_logged(&w, "died and is started again"), 2);
}

/* --- signatures and PINs --- */

static void a_signature(void **state)
{
	(void)state;
	w.late = true;
	world_configure(&w, "a", &want_a, 1);
	assert_null(world_state(&w, 0));
	w.late = false;
	world_run(&w);
	is_state(0, TOKEN_LOCKED, true);
	assert_int_equal(w.nseen, 1);
	signs(1, 0);
	assert_string_equal(world_signed(&w, 1)->signature, "a signs A1");
	assert_string_equal(world_signed(&w, 1)->s.token, "a");
	is_state(0, TOKEN_UNLOCKED, true);
	assert_int_equal(w.nbad, 0);
	signs(2, 0);
	assert_int_equal(w.token[0].logins, 1);
	assert_int_equal(w.nseen, 1);
	assert_int_equal(world_logged(&w, "token: state=unlocked was=locked label=\"a\" serial=1 tries=3 module=/m/a.so"), 1);
	assert_int_equal(world_logged(&w, "1234"), 0);
	refuses(3, 1, CARD_NO_KEY, TOKEN_READY);
}

static void a_pin_is_written_down_before_it_is_used(void **state)
{
	(void)state;
	world_configure(&w, "a", &want_a, 1);
	w.mute = true;
	world_sign(&w, 1, 0, 0);
	assert_int_not_equal(w.trial, 0);
	assert_int_equal(w.token[0].logins, 0);
	hub_trial_kept(w.hub, w.trial + 1, w.now);
	world_run(&w);
	assert_int_equal(w.token[0].logins, 0);
	hub_trial_kept(w.hub, w.trial, w.now);
	world_run(&w);
	assert_int_equal(w.token[0].logins, 1);
	assert_int_equal(world_signed(&w, 1)->s.error, CARD_OK);
	/* Nobody answers: it is not used, and may be later. */
	world_moves(&w, 0, "");
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, SECOND);
	w.trial = 0;
	world_sign(&w, 2, 0, 0);
	assert_int_not_equal(w.trial, 0);
	world_pass(&w, 31 * SECOND);
	assert_int_equal(world_signed(&w, 2)->s.error, CARD_PIN_UNUSED);
	assert_int_equal(w.token[0].logins, 1);
	w.mute = false;
	w.trial = 0;
	signs(3, 0);
}

static void a_wrong_pin_is_tried_once(void **state)
{
	(void)state;
	world_configure(&w, "a", &wrong_a, 1);
	refuses(1, 0, CARD_PIN_WRONG, TOKEN_WANT_OTHER_PIN);
	is_state(0, TOKEN_LOCKED, false);
	refuses(2, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	world_dies(&w, world_process(&w, HUB_MODULE, "/m/a.so"), -1);
	world_pass(&w, SECOND);
	refuses(3, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	world_moves(&w, 0, "");
	world_pass(&w, SECOND);
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, SECOND);
	refuses(4, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	world_configure(&w, "a", &wrong_a, 1);
	refuses(5, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	for (unsigned i = 0; i < 10; i++) {
		world_again(&w);
		world_configure(&w, "a", &wrong_a, 1);
		refuses(10 + i, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	}
	assert_int_equal(w.token[0].logins, 1);
	assert_int_equal(w.token[0].tries, 2);
	/* Another one is another one. */
	world_configure(&w, "a", &want_a, 1);
	is_state(0, TOKEN_LOCKED, true);
	signs(30, 0);
	assert_int_equal(w.nbad, 1);
}

/* A token has one counter, and whoever names two of its keys, one PIN. */
static void two_keys_with_the_same_wrong_pin(void **state)
{
	const struct world_want wants[] = { { "pkcs11:token=a;id=%01", 0, CARD_PIN_GIVEN, "9999", 13, false },
					    { "pkcs11:token=a;id=%02", 1, CARD_PIN_GIVEN, "9999", 13, false },
					    { "pkcs11:token=a;id=%03", 2, CARD_PIN_GIVEN, "8888", 14, false } };

	(void)state;
	w.token[0].keys = 7;
	w.token[0].tells = false;
	world_configure(&w, "a", wants, 3);
	refuses(1, 0, CARD_PIN_WRONG, TOKEN_WANT_OTHER_PIN);
	refuses(2, 1, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	refuses(3, 2, CARD_PIN_WRONG, TOKEN_WANT_OTHER_PIN);
	for (uint32_t i = 0; i < 5; i++) {
		refuses(10 + 10 * i, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
		refuses(12 + 10 * i, 2, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
		world_again(&w);
		world_configure(&w, "a", wants, 3);
	}
	assert_int_equal(w.token[0].logins, 2);
}

static void the_last_tries_are_for_people(void **state)
{
	(void)state;
	w.token[0].tries = 1;
	world_configure(&w, "a", &want_a, 1);
	is_state(0, TOKEN_LOCKED, false);
	refuses(1, 0, CARD_LOCKED, TOKEN_WANT_HUMAN);
	assert_int_equal(w.token[0].logins, 0);
	w.token[0].tries = 0;
	world_pass(&w, 61 * SECOND);
	is_state(0, TOKEN_BLOCKED, false);
	refuses(2, 0, CARD_PIN_BLOCKED, TOKEN_WANT_UNBLOCK);
	world_ask(&w, 1, CARD_ASK_UNLOCK, "a", "h1234");
	says(1, CARD_PIN_BLOCKED, "Token \"a\" has a blocked PIN: it has to be unblocked with the tools that come with it.");
	w.token[0].tries = 3;
	world_pass(&w, 61 * SECOND);
	signs(3, 0);
	assert_int_equal(w.token[0].logins, 1);
}

/* A module that dies or hangs in C_Login costs one try. */
static void a_login_that_never_ends(void **state)
{
	const enum fate fates[] = { FATE_DIE, FATE_HANG };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct world_want want = want_a;

		want.stamp = 100 + i;
		want.digits = i ? "7777" : "8888";
		world_configure(&w, "a", &want, 1);
		world_fate(&w, CARD_WIRE_LOGIN, fates[i], 0, 1);
		world_sign(&w, 10 * i + 1, 0, 0);
		world_pass(&w, 29 * SECOND);
		assert_true(fates[i] == FATE_DIE || !world_signed(&w, 10 * i + 1));
		world_pass(&w, 2 * SECOND);
		assert_int_equal(world_signed(&w, 10 * i + 1)->s.error, CARD_BROKEN);
		refuses(10 * i + 2, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
		world_again(&w);
		world_configure(&w, "a", &want, 1);
		refuses(10 * i + 3, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
		assert_int_equal(w.token[0].logins, 0);
	}
	assert_int_equal(world_logged(&w, "does not answer in time and is started again: module=/m/a.so call=login"), 1);
}

static void what_never_reached_the_token_may_be_tried_again(void **state)
{
	(void)state;
	world_configure(&w, "a", &want_a, 1);
	world_fate(&w, CARD_WIRE_LOGIN, FATE_ERROR, CARD_PIN_UNUSED, 1);
	world_sign(&w, 1, 0, 0);
	assert_int_equal(world_signed(&w, 1)->s.error, CARD_PIN_UNUSED);
	assert_int_equal(w.nbad, 0);
	signs(2, 0);
}

static void a_pad_has_time(void **state)
{
	const struct world_want want = { A, 0, CARD_PIN_PAD, NULL, 0, false };

	(void)state;
	w.token[0].card.pad = true;
	world_configure(&w, "a", &want, 1);
	is_state(0, TOKEN_LOCKED, true);
	world_fate(&w, CARD_WIRE_LOGIN, FATE_HANG, 0, 1);
	world_sign(&w, 1, 0, 0);
	world_pass(&w, 119 * SECOND);
	assert_null(world_signed(&w, 1));
	world_pass(&w, 2 * SECOND);
	assert_int_equal(world_signed(&w, 1)->s.error, CARD_BROKEN);
	world_pass(&w, SECOND);
	/* It is not asked again by itself, before the token was away or somebody says so. */
	refuses(2, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	world_moves(&w, 0, "");
	world_pass(&w, SECOND);
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, SECOND);
	world_fate(&w, CARD_WIRE_LOGIN, FATE_ERROR, CARD_PIN_CANCELLED, 1);
	refuses(3, 0, CARD_PIN_CANCELLED, TOKEN_WANT_PIN);
	refuses(4, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	world_ask(&w, 1, CARD_ASK_UNLOCK, "", "");
	says(1, CARD_OK, "Token \"a\" is unlocked.");
	signs(5, 0);
}

static void no_pad_is_asked_where_there_is_none(void **state)
{
	const struct world_want want = { A, 0, CARD_PIN_PAD, NULL, 0, false };

	(void)state;
	world_configure(&w, "a", &want, 1);
	refuses(1, 0, CARD_LOCKED, TOKEN_WANT_PIN);
	world_ask(&w, 1, CARD_ASK_UNLOCK, "", "");
	says(1, CARD_LOCKED, "Token \"a\" wants a PIN, and its reader has no keys to type one at.");
	/* … nor does a PIN go to one that has a pad. */
	w.token[0].card.pad = true;
	world_configure(&w, "a", &want_a, 1);
	world_pass(&w, 61 * SECOND);
	refuses(2, 0, CARD_LOCKED, TOKEN_WANT_PIN);
	world_ask(&w, 2, CARD_ASK_UNLOCK, "", "h1234");
	says(2, CARD_UNSUPPORTED, "Token \"a\" takes its PIN at the reader only.");
	assert_int_equal(w.token[0].logins, 0);
}

static void keys_that_want_it_each_time(void **state)
{
	(void)state;
	w.token[0].each = true;
	world_configure(&w, "a", &want_a, 1);
	signs(1, 0);
	signs(2, 0);
	assert_int_equal(w.token[0].logins, 3);		/* one login, and two signatures */
	world_fate(&w, CARD_WIRE_SIGN, FATE_DIE, 0, 1);
	world_sign(&w, 3, 0, 0);
	assert_int_equal(world_signed(&w, 3)->s.error, CARD_BROKEN);
	assert_int_equal(w.nbad, 1);
	world_pass(&w, SECOND);
	refuses(4, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	assert_int_equal(w.token[0].logins, 3);
}

/* It is not opened again by itself, whatever happens. */
static void locked_by_hand(void **state)
{
	const struct world_want another = { A, 0, CARD_PIN_GIVEN, "1234", 99, false };

	(void)state;
	world_configure(&w, "a", &want_a, 1);
	world_ask(&w, 1, CARD_ASK_LOCK, "", "");	/* before its first use */
	says(1, CARD_OK, "Token \"a\" is locked.");
	is_state(0, TOKEN_LOCKED, false);
	refuses(1, 0, CARD_LOCKED, TOKEN_WANT_RELEASE);
	world_ask(&w, 2, CARD_ASK_CHECK, "", "");
	says(2, CARD_LOCKED, "Token \"a\" was locked by hand, and stays so until somebody says \"keydctl token unlock\".");
	assert_int_equal(w.info[0].ask, 0);
	world_configure(&w, "a", &another, 1);
	world_moves(&w, 0, "");
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, 100 * SECOND);
	refuses(2, 0, CARD_LOCKED, TOKEN_WANT_RELEASE);
	assert_int_equal(w.nbad, 1);
	world_again(&w);
	world_configure(&w, "a", &another, 1);
	world_pass(&w, SECOND);
	refuses(3, 0, CARD_LOCKED, TOKEN_WANT_RELEASE);
	assert_int_equal(w.token[0].logins, 0);
	/* The PIN of the configuration will do. */
	world_ask(&w, 3, CARD_ASK_UNLOCK, "", "");
	says(3, CARD_OK, "Token \"a\" is unlocked.");
	assert_int_equal(w.nbad, 0);
	signs(4, 0);
	assert_int_equal(w.token[0].logins, 1);
	world_ask(&w, 4, CARD_ASK_LOCK, "", "");
	refuses(5, 0, CARD_LOCKED, TOKEN_WANT_RELEASE);
	/* So will another one, but not a wrong one. */
	world_ask(&w, 5, CARD_ASK_UNLOCK, "", "h9999");
	refuses(6, 0, CARD_LOCKED, TOKEN_WANT_RELEASE);
	world_ask(&w, 6, CARD_ASK_UNLOCK, "", "h1234");
	signs(7, 0);
	world_moves(&w, 0, "");
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, SECOND);
	signs(8, 0);
}

/* One that has failed is not tried by that, either. */
static void locked_by_hand_with_a_bad_pin(void **state)
{
	(void)state;
	world_configure(&w, "a", &wrong_a, 1);
	refuses(1, 0, CARD_PIN_WRONG, TOKEN_WANT_OTHER_PIN);
	world_ask(&w, 1, CARD_ASK_LOCK, "a", "");
	world_ask(&w, 2, CARD_ASK_LIST, "", "");
	assert_int_equal(w.info[0].ask, 1);
	world_ask(&w, 3, CARD_ASK_UNLOCK, "", "");
	says(3, CARD_LOCKED, "Token \"a\" is locked, and its PIN has failed before; it is not tried again.");
	assert_int_equal(w.token[0].logins, 1);
	world_ask(&w, 4, CARD_ASK_UNLOCK, "", "h1234");
	says(4, CARD_OK, "Token \"a\" is unlocked.");
	signs(2, 0);
}

/* Who says so in the middle of a login. */
static void locked_by_hand_meanwhile(void **state)
{
	(void)state;
	world_configure(&w, "a", &want_a, 1);
	w.late = true;
	world_sign(&w, 1, 0, 0);			/* the login of a signature */
	world_ask(&w, 1, CARD_ASK_LOCK, "", "");
	w.late = false;
	world_run(&w);
	is_state(0, TOKEN_LOCKED, false);
	assert_int_equal(world_signed(&w, 1)->s.need, TOKEN_WANT_RELEASE);
	says(1, CARD_OK, "Token \"a\" is locked.");
	w.late = true;
	world_ask(&w, 2, CARD_ASK_UNLOCK, "", "h1234");	/* a login by hand */
	world_ask(&w, 3, CARD_ASK_UNLOCK, "", "h1234");	/* … and one that is not begun */
	world_ask(&w, 4, CARD_ASK_LOCK, "a", "");
	w.late = false;
	world_run(&w);
	for (uint32_t id = 2; id <= 3; id++)
		says(id, CARD_LOCKED, "Token \"a\" is locked: somebody has locked it meanwhile.");
	is_state(0, TOKEN_LOCKED, false);
	refuses(2, 0, CARD_LOCKED, TOKEN_WANT_RELEASE);
	assert_int_equal(w.token[0].logins, 2);
	/* The other way round, before the logout. */
	world_ask(&w, 5, CARD_ASK_UNLOCK, "", "");
	w.late = true;
	world_sign(&w, 3, 0, 0);
	world_ask(&w, 6, CARD_ASK_LOCK, "", "");
	world_ask(&w, 7, CARD_ASK_UNLOCK, "a", "");
	w.late = false;
	world_run(&w);
	says(7, CARD_OK, "Token \"a\" is unlocked.");
	is_state(0, TOKEN_UNLOCKED, true);
	signs(4, 0);
}

/* With "pin ask", what somebody has typed is good for one signature. */
static void keys_that_want_a_person_each_time(void **state)
{
	(void)state;
	w.token[0].each = true;
	world_configure(&w, "a", &asked_a, 1);
	refuses(1, 0, CARD_LOCKED, TOKEN_WANT_PIN);
	world_ask(&w, 1, CARD_ASK_UNLOCK, "", "h1234");
	says(1, CARD_OK, "Token \"a\" is unlocked, for one signature by a key that wants its PIN again for each.");
	is_state(0, TOKEN_UNLOCKED, true);
	signs(2, 0);
	is_state(0, TOKEN_UNLOCKED, false);
	refuses(3, 0, CARD_LOCKED, TOKEN_WANT_PIN_EACH);
	world_ask(&w, 2, CARD_ASK_CHECK, "", "");
	says(2, CARD_LOCKED, "Token \"a\" wants the PIN for each signature with this key, and there is none: \"keydctl token "
	     "unlock\" gives it for one, \"pin ask keep\" in keyd.conf keeps it for all.");
	assert_int_equal(w.info[0].need, TOKEN_WANT_PIN_EACH);
	assert_int_equal(w.info[0].ask, 1);
	/* It is tried at once, though somebody is logged in; whoever asks meanwhile waits. */
	w.late = true;
	world_ask(&w, 3, CARD_ASK_UNLOCK, "", "h9999");
	world_sign(&w, 4, 0, 0);
	w.late = false;
	world_run(&w);
	says(3, CARD_PIN_WRONG, "Token \"a\": the PIN is wrong; 2 tries are left.");
	assert_int_equal(world_signed(&w, 4)->s.need, TOKEN_WANT_PIN);
	world_ask(&w, 4, CARD_ASK_UNLOCK, "", "h1234");
	w.late = true;
	world_ask(&w, 5, CARD_ASK_UNLOCK, "a", "h1234");		/* it is there already */
	world_sign(&w, 5, 0, 0);
	w.late = false;
	world_run(&w);
	says(5, CARD_OK, "Token \"a\" is unlocked already.");
	assert_int_equal(world_signed(&w, 5)->s.error, CARD_OK);
	/* It is not kept for longer than the login. */
	world_ask(&w, 6, CARD_ASK_UNLOCK, "", "h1234");
	w.late = true;
	world_sign(&w, 6, 0, 0);
	world_ask(&w, 7, CARD_ASK_LOCK, "", "");
	w.late = false;
	world_run(&w);
	world_ask(&w, 8, CARD_ASK_UNLOCK, "", "h1234");
	world_moves(&w, 0, "");
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, SECOND);
	refuses(7, 0, CARD_LOCKED, TOKEN_WANT_PIN);
	/* Nor for keys that do not want it. */
	w.token[0].each = false;
	world_configure(&w, "a", &asked_a, 1);
	world_pass(&w, SECOND);
	world_ask(&w, 9, CARD_ASK_UNLOCK, "", "h1234");
	says(9, CARD_OK, "Token \"a\" is unlocked.");
}

static void pads_that_are_wanted_each_time(void **state)
{
	(void)state;
	w.token[0].each = w.token[0].card.pad = true;
	world_configure(&w, "a", &asked_a, 1);
	refuses(1, 0, CARD_LOCKED, TOKEN_WANT_PIN);
	world_ask(&w, 1, CARD_ASK_UNLOCK, "", "");
	signs(2, 0);
	refuses(3, 0, CARD_LOCKED, TOKEN_WANT_PIN_EACH);
	world_ask(&w, 2, CARD_ASK_UNLOCK, "", "");
	signs(4, 0);
	refuses(5, 0, CARD_LOCKED, TOKEN_WANT_PIN_EACH);
}

static void keys_that_want_no_pin(void **state)
{
	(void)state;
	w.token[0].open = true;
	world_configure(&w, "a", &asked_a, 1);
	is_state(0, TOKEN_LOCKED, true);
	signs(1, 0);
	world_ask(&w, 1, CARD_ASK_CHECK, "", "");
	says(1, CARD_OK, "");
	assert_int_equal(w.info[0].need, TOKEN_READY);
	w.token[0].tries = 0;			/* what is it to them? */
	world_ask(&w, 2, CARD_ASK_CHECK, "", "");
	is_state(0, TOKEN_BLOCKED, true);
	signs(2, 0);
	assert_int_equal(w.token[0].logins, 0);
	world_moves(&w, 0, "");
	world_pass(&w, SECOND);
	refuses(3, 0, CARD_GONE, TOKEN_WANT_TOKEN);
}

/* A module's word that a key is public is not the last one. */
static void keys_that_want_a_pin_after_all(void **state)
{
	(void)state;
	w.token[0].open = w.token[0].lies = true;
	world_configure(&w, "a", &want_a, 1);
	signs(1, 0);
	assert_int_equal(w.token[0].logins, 1);
	world_again(&w);
	world_configure(&w, "a", &asked_a, 1);
	refuses(2, 0, CARD_LOCKED, TOKEN_WANT_PIN);
	is_state(0, TOKEN_LOCKED, false);
}

static void logged_out_after_each_signature(void **state)
{
	struct world_want want = want_a;

	(void)state;
	want.each = true;
	world_configure(&w, "a", &want, 1);
	signs(1, 0);
	is_state(0, TOKEN_LOCKED, true);
	signs(2, 0);
	is_state(0, TOKEN_LOCKED, true);
	assert_int_equal(w.token[0].logins, 2);
	/* Also where nobody waits for it any more. */
	w.late = true;
	world_sign(&w, 3, 0, 0);
	world_answer(&w, "/m/a.so");			/* the login, */
	hub_trial_kept(w.hub, w.trial, w.now);
	hub_cancel(w.hub, 3, w.now);
	w.late = false;
	world_run(&w);
	is_state(0, TOKEN_LOCKED, true);
	w.late = true;
	world_sign(&w, 4, 0, 0);
	w.late = false;
	while (world_process(&w, HUB_MODULE, "/m/a.so")->type != CARD_WIRE_SIGN)
		assert_true(world_answer(&w, "/m/a.so"));
	hub_cancel(w.hub, 4, w.now);
	world_run(&w);
	is_state(0, TOKEN_LOCKED, true);
	assert_null(world_signed(&w, 4));
	/* And after a login that only shows keys. */
	world_again(&w);
	w.token[0].shy = true;
	want.key = -1;
	world_configure(&w, "a", &want, 1);
	assert_int_equal(world_logged(&w, "state=unlocked was=locked"), 5);
	assert_int_equal(world_logged(&w, "state=locked was=unlocked"), 5);
	assert_int_equal(w.nseen, 2);
}

static void schemes_that_it_cannot(void **state)
{
	const struct card_sign none = { .handle = world_handle(0, ""), .schemes = 0 };
	uint32_t all = w.token[0].schemes, first = all & -all, second = (all & ~first) & -(all & ~first);

	(void)state;
	world_configure(&w, "a", &want_a, 1);
	signs(1, 0);
	assert_int_equal(1u << world_signed(&w, 1)->s.scheme, first);
	w.token[0].schemes = second;
	signs(2, 0);
	assert_int_equal(1u << world_signed(&w, 2)->s.scheme, second);
	assert_int_equal(world_logged(&w, "a token cannot sign in this way"), 1);
	signs(4, 0);
	assert_int_equal(world_logged(&w, "a token cannot sign in this way"), 1);
	assert_int_equal(hub_sign(w.hub, 3, &none, (struct view){ 0 }, w.now), 0);
	assert_int_equal(world_signed(&w, 3)->s.error, CARD_NO_SCHEME);
}

/* Who asks before it has seen the key asks for any scheme: a hash as long as the curve comes first. */
static void a_key_that_nobody_knew(void **state)
{
	const struct world_want last = { "pkcs11:token=d", -1, CARD_PIN_GIVEN, "1234", 14, false };
	const struct crypto_sig *s = NULL;

	(void)state;
	world_configure(&w, "d", &last, 1);
	signs(1, WORLD_KEYS - 1);
	for (unsigned i = 0; i <= world_signed(&w, 1)->s.scheme; i++)
		s = crypto_sig_next(s);
	assert_non_null(s);
	assert_true(s->hash >= 3);	/* SHA-384 */
}

/* --- who else is there --- */

static void somebody_else_has_reset_it(void **state)
{
	(void)state;
	world_configure(&w, "a", &want_a, 1);
	signs(1, 0);
	memset(world_process(&w, HUB_MODULE, "/m/a.so")->logged, 0, sizeof(w.process[0].logged));
	signs(2, 0);
	assert_int_equal(w.token[0].logins, 2);
	/* Not for ever. */
	world_fate(&w, CARD_WIRE_SIGN, FATE_ERROR, CARD_LOCKED, 2);
	refuses(3, 0, CARD_LOCKED, TOKEN_WANT_PIN);
	assert_int_equal(w.token[0].logins, 3);
	signs(4, 0);
}

static void errors_are_cured_by_a_reset(void **state)
{
	(void)state;
	world_configure(&w, "a", &want_a, 1);
	signs(1, 0);
	world_fate(&w, CARD_WIRE_SIGN, FATE_ERROR, CARD_BROKEN, 1);
	world_sign(&w, 2, 0, 0);
	world_pass(&w, SECOND);
	assert_int_equal(world_signed(&w, 2)->s.error, CARD_OK);
	assert_int_equal(w.killed, 0);
	/* And by a new process where that does not help. */
	world_fate(&w, CARD_WIRE_SIGN, FATE_ERROR, CARD_BROKEN, 2);
	world_sign(&w, 3, 0, 0);
	world_pass(&w, SECOND);
	assert_int_equal(world_signed(&w, 3)->s.error, CARD_BROKEN);
	assert_int_equal(world_signed(&w, 3)->s.need, TOKEN_WANT_CURE);
	assert_string_equal(world_signed(&w, 3)->s.why, "C_Test: CKR_9");
	assert_int_equal(w.killed, 1);
	signs(4, 0);
}

/* Whatever the call is in which a process dies or hangs. */
static void it_dies_in_each_call(void **state)
{
	static const uint16_t types[] = {
		CARD_WIRE_TOKENS, CARD_WIRE_KEYS, CARD_WIRE_SIGN, CARD_WIRE_CHECK, CARD_WIRE_RESET, CARD_WIRE_LOGOUT,
	};
	uint32_t id = 1;

	(void)state;
	world_configure(&w, "a", &want_a, 1);
	for (unsigned i = 0; i < 2 * sizeof(types) / sizeof(*types); i++) {
		uint16_t type = types[i / 2];

		signs(id++, 0);
		world_fate(&w, type, i % 2 ? FATE_HANG : FATE_DIE, 0, 1);
		if (type == CARD_WIRE_TOKENS)
			world_moves(&w, 0, "/m/a.so");
		else if (type == CARD_WIRE_KEYS || type == CARD_WIRE_CHECK)
			world_ask(&w, id++, CARD_ASK_CHECK, "a", "");
		else if (type == CARD_WIRE_LOGOUT)
			world_ask(&w, id++, CARD_ASK_LOCK, "a", "");
		else if (type == CARD_WIRE_RESET)
			assert_int_equal(world_says(&w, world_process(&w, HUB_MODULE, "/m/a.so"), CARD_WIRE_SIGNATURE,
						    0, "x", 1), -1);
		world_sign(&w, id, 0, 0);
		world_sign(&w, id + 1, 0, 1);
		world_pass(&w, 31 * SECOND);
		assert_non_null(world_signed(&w, id));
		assert_non_null(world_signed(&w, id + 1));
		if (type == CARD_WIRE_SIGN) {
			assert_int_equal(world_signed(&w, id)->s.error, CARD_BROKEN);
			assert_int_equal(world_signed(&w, id + 1)->s.error, CARD_OK);	/* not begun: the new process has it */
		}
		id += 2;
		world_fate(&w, 0, FATE_ANSWER, 0, 0);
		world_pass(&w, 100 * SECOND);
		if (type == CARD_WIRE_LOGOUT)
			world_ask(&w, id++, CARD_ASK_UNLOCK, "a", "");
	}
	signs(id, 0);
	for (uint32_t i = 1; i < id; i++)
		assert_true(world_signed(&w, i) || world_done(&w, i));
}

static void other_tokens_go_on(void **state)
{
	const struct world_want wants[] = { want_a, want_b };

	(void)state;
	world_configure(&w, "ab", wants, 2);
	signs(1, 0);
	world_fate(&w, CARD_WIRE_SIGN, FATE_HANG, 0, 1);
	world_sign(&w, 2, 0, 0);
	world_sign(&w, 3, 0, 0);
	for (uint32_t i = 10; i < 20; i++)
		signs(i, 1);
	assert_null(world_signed(&w, 2));
	world_pass(&w, 31 * SECOND);
	assert_int_equal(world_signed(&w, 2)->s.error, CARD_BROKEN);
	assert_int_equal(world_signed(&w, 3)->s.error, CARD_OK);
}

static void sources_take_turns(void **state)
{
	(void)state;
	world_configure(&w, "a", &want_a, 1);
	signs(1, 0);
	w.order[0] = 0;
	memset(w.order, 0, sizeof(w.order));
	w.late = true;
	for (uint32_t i = 0; i < 6; i++)
		world_sign(&w, 10 + i, 0, 0);
	world_sign(&w, 20, 0, 1);
	world_sign(&w, 21, 0, 1);
	world_sign(&w, 22, 0, 2);
	w.late = false;
	world_run(&w);
	assert_string_equal(w.order, "AABCABAAA");
}

static void nobody_waits_any_more(void **state)
{
	(void)state;
	world_configure(&w, "a", &want_a, 1);
	signs(1, 0);
	w.late = true;
	world_sign(&w, 2, 0, 0);
	world_sign(&w, 3, 0, 0);
	world_sign(&w, 4, 0, 0);
	hub_cancel(w.hub, 2, w.now);		/* the process is at it */
	hub_cancel(w.hub, 3, w.now);
	hub_cancel(w.hub, 99, w.now);
	w.late = false;
	world_run(&w);
	assert_null(world_signed(&w, 2));
	assert_null(world_signed(&w, 3));
	assert_non_null(world_signed(&w, 4));
	w.late = true;
	world_sign(&w, 5, 0, 0);
	hub_auth_gone(w.hub, w.now);
	w.late = false;
	world_run(&w);
	assert_null(world_signed(&w, 5));
	/* The same number means something else to the next one. */
	signs(5, 0);
}

static void what_is_just_coming_is_waited_for(void **state)
{
	(void)state;
	w.late = true;
	world_configure(&w, "a", &want_a, 1);
	world_sign(&w, 1, 0, 0);
	assert_null(world_signed(&w, 1));
	world_pass(&w, 2 * SECOND);
	assert_null(world_signed(&w, 1));
	w.late = false;
	world_run(&w);
	assert_int_equal(world_signed(&w, 1)->s.error, CARD_OK);
	/* Not for long. */
	world_again(&w);
	w.late = true;
	world_configure(&w, "a", &want_a, 1);
	world_sign(&w, 2, 0, 0);
	world_pass(&w, 6 * SECOND);
	assert_int_equal(world_signed(&w, 2)->s.error, CARD_GONE);
	w.late = false;
}

static void too_many_are_refused(void **state)
{
	uint32_t n = HUB_JOBS_MAX;
	struct card_sign s = { .handle = world_handle(0, ""), .schemes = UINT32_MAX };

	(void)state;
	world_configure(&w, "a", &want_a, 1);
	w.late = true;
	for (uint32_t i = 1; i <= n; i++)
		assert_int_equal(hub_sign(w.hub, i, &s, (struct view){ (const uint8_t *)"x", 1 }, w.now), 0);
	assert_int_equal(w.nsigned, 0);
	assert_int_equal(hub_sign(w.hub, n + 1, &s, (struct view){ (const uint8_t *)"x", 1 }, w.now), 0);
	assert_int_equal(world_signed(&w, n + 1)->s.error, CARD_FAILED);
	assert_int_equal(hub_sign(w.hub, 1, &s, (struct view){ (const uint8_t *)"x", 1 }, w.now), -1);
	hub_auth_gone(w.hub, w.now);
	w.late = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_tokens_nothing_runs), TEST(whoever_watches_sees_what_comes), TEST(what_is_configured_runs),
		TEST(a_module_that_cannot_begin_is_told_once), TEST(restarts_are_ever_further_apart),
		TEST(a_signature), TEST(a_pin_is_written_down_before_it_is_used), TEST(a_wrong_pin_is_tried_once),
		TEST(two_keys_with_the_same_wrong_pin), TEST(the_last_tries_are_for_people),
		TEST(a_login_that_never_ends), TEST(what_never_reached_the_token_may_be_tried_again),
		TEST(a_pad_has_time), TEST(no_pad_is_asked_where_there_is_none), TEST(keys_that_want_it_each_time),
		TEST(locked_by_hand), TEST(locked_by_hand_with_a_bad_pin), TEST(locked_by_hand_meanwhile),
		TEST(keys_that_want_a_person_each_time), TEST(pads_that_are_wanted_each_time),
		TEST(keys_that_want_no_pin), TEST(keys_that_want_a_pin_after_all),
		TEST(logged_out_after_each_signature), TEST(schemes_that_it_cannot), TEST(a_key_that_nobody_knew),
		TEST(somebody_else_has_reset_it),
		TEST(errors_are_cured_by_a_reset), TEST(it_dies_in_each_call), TEST(other_tokens_go_on),
		TEST(sources_take_turns), TEST(nobody_waits_any_more), TEST(what_is_just_coming_is_waited_for),
		TEST(too_many_are_refused),
	};

	return cmocka_run_group_tests_name("card_hub", tests, NULL, NULL);
}
