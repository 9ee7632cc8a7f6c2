// SPDX-License-Identifier: MIT
// Which token and which key the hub takes for the one that is meant, what it tells people, and whom it does not believe.
#include "tests/unit/test_card_hub.h"

/* --- which token --- */

/* ike may have tunnels by its key, from before a restart. */
static void not_away_before_anybody_looked(void **state)
{
	(void)state;
	w.late = true;
	world_configure(&w, "a", &want_a, 1);
	world_pass(&w, 20 * SECOND);
	assert_null(world_state(&w, 0));
	hub_ike_up(w.hub);
	while (world_answer(&w, "/m/a.so") && !w.nstate)
		;			/* seen, and read */
	is_state(0, TOKEN_LOCKED, true);
	w.late = false;
	world_run(&w);
	/* Whoever asks anew (M_CARD_TELL: what was said before its configuration was lost) hears all of it. */
	w.nstate = 0;
	world_pass(&w, SECOND);
	assert_null(world_state(&w, 0));
	hub_ike_up(w.hub);
	is_state(0, TOKEN_LOCKED, true);
	w.nstate = 0;
	w.token[0].where[0] = 0;
	world_again(&w);
	world_configure(&w, "a", &want_a, 1);
	is_state(0, TOKEN_ABSENT, false);
	/* A process that never comes so far. */
	w.nstate = 0;
	world_again(&w);
	world_fate(&w, CARD_WIRE_TOKENS, FATE_HANG, 0, 99);
	world_configure(&w, "a", &want_a, 1);
	assert_null(world_state(&w, 0));
	world_pass(&w, 31 * SECOND);
	is_state(0, TOKEN_ABSENT, false);
}

/* Its section has the key's digest before the signature is made. */
static void asked_for_before_it_was_seen(void **state)
{
	const struct world_want known = { A, 0, CARD_PIN_GIVEN, "1234", 5, false };
	const struct world_want unknown = { A, -1, CARD_PIN_GIVEN, "1234", 5, false };
	const struct card_sign s = { .handle = world_handle(-1, A), .schemes = UINT32_MAX };

	(void)state;
	w.late = true;
	world_configure(&w, "a", &unknown, 1);
	assert_int_equal(hub_sign(w.hub, 1, &s, (struct view){ 0 }, w.now), 0);
	w.late = false;
	world_run(&w);
	assert_int_equal(world_signed(&w, 1)->s.error, CARD_OK);
	w.late = true;
	world_forgets(&w, 0);
	assert_int_equal(hub_sign(w.hub, 2, &s, (struct view){ 0 }, w.now), 0);
	world_configure(&w, "a", &known, 1);
	w.late = false;
	world_run(&w);
	assert_int_equal(world_signed(&w, 2)->s.error, CARD_OK);
}

static void tokens_with_the_same_name(void **state)
{
	const struct world_want known = { A, 1, CARD_PIN_GIVEN, "1234", 5, false };
	const struct world_want unknown = { "pkcs11:token=a", -1, CARD_PIN_GIVEN, "1234", 5, false };
	const struct world_want by_serial = { "pkcs11:serial=2", -1, CARD_PIN_GIVEN, "1234", 5, false };

	(void)state;
	strcpy(w.token[1].card.label, "a");
	world_configure(&w, "ab", &unknown, 1);
	world_pass(&w, SECOND);
	refuses(1, 0, CARD_NO_KEY, TOKEN_READY);
	assert_int_equal(world_logged(&w, "several keys on tokens fit, and none is used"), 1);
	assert_int_equal(world_logged(&w, "pkcs11:model=M;manufacturer=maker;serial=1;token=a;id=%01 "
				      "pkcs11:model=M;manufacturer=maker;serial=2;token=a;id=%02"), 1);
	assert_int_equal(w.token[0].logins + w.token[1].logins, 0);
	world_configure(&w, "ab", &known, 1);
	signs(2, 1);
	assert_int_equal(w.token[0].logins, 0);
	assert_int_equal(w.token[1].logins, 1);
	world_configure(&w, "ab", &by_serial, 1);
	signs(3, 1);
	world_moves(&w, 1, "");
	world_moves(&w, 1, "/m/b.so");
	world_pass(&w, SECOND);
	world_ask(&w, 2, CARD_ASK_UNLOCK, "a", "h1234");
	says(2, CARD_MANY_KEYS, "Several tokens could be meant, name one: "
	     "\"a\" (serial number 1), \"a\" (serial number 2)");
}

/* A PIN is for the token that it was given for. */
static void another_token_in_the_reader(void **state)
{
	const struct world_want any = { "pkcs11:", 0, CARD_PIN_GIVEN, "9999", 5, false };

	(void)state;
	w.token[0].where[0] = 0;
	w.token[1].shy = true;
	world_configure(&w, "b", &any, 1);
	world_pass(&w, SECOND);
	refuses(1, 0, CARD_NO_KEY, TOKEN_READY);
	assert_int_equal(w.token[1].logins, 0);
}

static void keys_that_show_after_a_login(void **state)
{
	const struct world_want unknown = { A, -1, CARD_PIN_GIVEN, "1234", 5, true };

	(void)state;
	w.token[0].shy = true;
	world_configure(&w, "a", &want_a, 1);
	signs(1, 0);
	assert_int_equal(w.nseen, 1);
	world_again(&w);
	/* Whoever does not know the key cannot ask for it: the hub looks by itself. */
	world_configure(&w, "a", &unknown, 1);
	assert_int_equal(w.nseen, 2);
	signs(2, 0);
	/* What was seen is not forgotten when it does not show; and nobody looks again by himself. */
	world_ask(&w, 2, CARD_ASK_CHECK, "", "");
	says(2, CARD_OK, "");
	assert_int_equal(w.info[0].state, TOKEN_LOCKED);
	assert_int_equal(w.nkey, 1);
	world_pass(&w, 600 * SECOND);
	world_ask(&w, 3, CARD_ASK_LIST, "", "");
	assert_int_equal(w.info[0].state, TOKEN_LOCKED);
	assert_int_equal(w.nkey, 1);
	signs(4, 0);
	world_again(&w);
	w.token[0].keys = 1u << 2;
	world_configure(&w, "a", &want_a, 1);
	refuses(3, 0, CARD_NO_KEY, TOKEN_READY);
	is_state(0, TOKEN_ABSENT, false);
}

static const struct world_want by_serial = { "pkcs11:serial=1001", 0, CARD_PIN_GIVEN, "1234", 5, false };

/* As PIV cards are, once another certificate is stored. */
static void called_otherwise(void **state)
{
	const struct world_want wrong = { "pkcs11:serial=1001", 0, CARD_PIN_GIVEN, "9999", 6, false };

	(void)state;
	strcpy(w.token[0].card.serial, "1001");
	world_configure(&w, "a", &by_serial, 1);
	signs(1, 0);
	strcpy(w.token[0].card.label, "gate");
	world_says(&w, world_process(&w, HUB_WATCH_MODULE, "/m/a.so"), CARD_WIRE_CHANGED, 0, NULL, 0);
	world_pass(&w, SECOND);
	is_state(0, TOKEN_UNLOCKED, true);
	assert_int_equal(world_logged(&w, "state=absent"), 0);
	assert_int_equal(world_logged(&w, "a token is called otherwise now: label=\"gate\" was=\"a\""), 1);
	signs(2, 0);
	assert_int_equal(w.token[0].logins, 1);
	/* A PIN that failed did so whatever it is called, also where the label has changed while nobody looked. */
	world_configure(&w, "a", &wrong, 1);
	world_forgets(&w, 0);
	refuses(3, 0, CARD_PIN_WRONG, TOKEN_WANT_OTHER_PIN);
	world_moves(&w, 0, "");
	strcpy(w.token[0].card.label, "gate 2");
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, SECOND);
	refuses(4, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	world_again(&w);
	strcpy(w.token[0].card.label, "gate 3");
	world_configure(&w, "a", &wrong, 1);
	refuses(5, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	assert_int_equal(w.token[0].logins, 2);
	/* One that has no serial number of its own may be another one. */
	strcpy(w.token[1].card.serial, "00000000");
	world_configure(&w, "b", &want_b, 1);
	signs(6, 1);
	strcpy(w.token[1].card.label, "bb");
	world_says(&w, world_process(&w, HUB_WATCH_MODULE, "/m/b.so"), CARD_WIRE_CHANGED, 0, NULL, 0);
	world_pass(&w, SECOND);
	refuses(7, 1, CARD_GONE, TOKEN_WANT_TOKEN);
}

/* A module that shows a token for each PIN of a card. */
static void tokens_of_one_card(void **state)
{
	const struct world_want a = { "pkcs11:serial=1001;token=a", 0, CARD_PIN_GIVEN, "1234", 5, false };

	(void)state;
	strcpy(w.token[0].card.serial, "1001");
	strcpy(w.token[1].card.serial, "1001");
	strcpy(w.token[1].where, "/m/a.so");
	world_configure(&w, "a", &a, 1);
	signs(1, 0);
	strcpy(w.token[1].card.label, "bb");		/* it is not taken for the other one */
	world_says(&w, world_process(&w, HUB_WATCH_MODULE, "/m/a.so"), CARD_WIRE_CHANGED, 0, NULL, 0);
	world_pass(&w, SECOND);
	world_ask(&w, 1, CARD_ASK_LIST, "", "");
	assert_int_equal(w.ntoken, 2);
	signs(2, 0);
	assert_int_equal(w.token[0].logins, 1);
	assert_int_equal(w.token[1].logins, 0);
}

static void pulled_and_put_back(void **state)
{
	(void)state;
	world_configure(&w, "", &want_a, 1);
	is_state(0, TOKEN_ABSENT, false);
	world_moves(&w, 0, "reader 0");
	is_state(0, TOKEN_LOCKED, true);
	signs(1, 0);
	world_moves(&w, 0, "");
	is_state(0, TOKEN_ABSENT, false);
	refuses(2, 0, CARD_GONE, TOKEN_WANT_TOKEN);
	/* In another reader it is still the same. */
	world_moves(&w, 0, "reader 1");
	is_state(0, TOKEN_LOCKED, true);
	world_configure(&w, "", &wrong_a, 1);
	refuses(3, 0, CARD_PIN_WRONG, TOKEN_WANT_OTHER_PIN);
	world_moves(&w, 0, "reader 0");
	refuses(4, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	world_moves(&w, 0, "");
	assert_null(world_process(&w, HUB_READER, "reader 0"));
	assert_null(world_process(&w, HUB_READER, "reader 1"));
	/* Pulled in the middle of it. */
	world_configure(&w, "", &want_a, 1);
	world_moves(&w, 0, "reader 0");
	signs(5, 0);
	w.late = true;
	world_sign(&w, 6, 0, 0);
	world_moves(&w, 0, "");
	world_pass(&w, 3 * SECOND);
	assert_int_not_equal(world_signed(&w, 6)->s.error, CARD_OK);
}

static void put_back_before_anybody_looked(void **state)
{
	struct world_process *watcher;
	struct card_wire_reader r = { "reader 0", 7 };

	(void)state;
	strcpy(w.token[0].where, "reader 0");
	world_configure(&w, "", &want_a, 1);
	signs(1, 0);
	watcher = world_process(&w, HUB_WATCH_READERS, "");
	memset(world_process(&w, HUB_READER, "reader 0")->logged, 0, sizeof(watcher->logged));
	world_pass(&w, SECOND);
	world_says(&w, watcher, CARD_WIRE_READERS, 0, &r, sizeof(r));
	world_pass(&w, SECOND);
	is_state(0, TOKEN_LOCKED, true);
	signs(2, 0);
	assert_int_equal(w.token[0].logins, 2);
}

static void our_own_driver_serves(void **state)
{
	(void)state;
	w.token[1].card = w.token[0].card;		/* one card, seen by a module … */
	strcpy(w.token[1].card.label, "a (user PIN)");
	w.token[1].keys = w.token[0].keys;
	strcpy(w.token[0].where, "reader 0");		/* … and by us */
	world_configure(&w, "b", &(struct world_want){ "pkcs11:serial=1", 0, CARD_PIN_GIVEN, "1234", 5, false }, 1);
	world_pass(&w, SECOND);
	signs(1, 0);
	assert_string_equal(world_signed(&w, 1)->signature, "a signs A1");
	world_ask(&w, 1, CARD_ASK_LIST, "", "");
	assert_int_equal(w.ntoken, 2);
	/* What fails there is not tried here. */
	world_configure(&w, "b", &(struct world_want){ "pkcs11:serial=1", 0, CARD_PIN_GIVEN, "9999", 6, false }, 1);
	world_forgets(&w, 0);
	refuses(2, 0, CARD_PIN_WRONG, TOKEN_WANT_OTHER_PIN);
	world_moves(&w, 0, "");
	world_pass(&w, SECOND);
	refuses(3, 0, CARD_LOCKED, TOKEN_WANT_OTHER_PIN);
	assert_int_equal(w.token[1].logins, 0);
}

static void pcscd_is_away(void **state)
{
	struct world_process *watcher;

	(void)state;
	strcpy(w.token[0].where, "reader 0");
	world_configure(&w, "", &want_a, 1);
	signs(1, 0);
	watcher = world_process(&w, HUB_WATCH_READERS, "");
	for (int i = 0; i < 3; i++)
		world_says(&w, watcher, CARD_WIRE_PCSCD, 0, NULL, 0);
	is_state(0, TOKEN_FAILING, false);		/* nobody has pulled it */
	refuses(2, 0, CARD_BROKEN, TOKEN_WANT_CURE);
	world_pass(&w, 3600 * SECOND);
	assert_int_equal(world_logged(&w, "pcscd is not there"), 1);
	assert_int_equal(w.started, 2);
	world_says(&w, watcher, CARD_WIRE_PCSCD, 1, NULL, 0);
	world_readers(&w);
	world_run(&w);
	assert_int_equal(world_logged(&w, "pcscd is there again"), 1);
	is_state(0, TOKEN_LOCKED, true);
	signs(3, 0);
	world_says(&w, watcher, CARD_WIRE_PCSCD, 0, NULL, 0);
	w.token[0].where[0] = 0;
	world_says(&w, watcher, CARD_WIRE_PCSCD, 1, NULL, 0);
	world_readers(&w);
	is_state(0, TOKEN_FAILING, false);		/* pcscd is just looking for readers */
	world_pass(&w, 9 * SECOND);
	is_state(0, TOKEN_FAILING, false);
	world_pass(&w, 2 * SECOND);
	is_state(0, TOKEN_ABSENT, false);
	assert_int_equal(world_logged(&w, "state=absent"), 1);
}

/* --- people --- */

static void people_unlock(void **state)
{
	(void)state;
	world_configure(&w, "a", &asked_a, 1);
	refuses(1, 0, CARD_LOCKED, TOKEN_WANT_PIN);
	w.late = true;
	world_ask(&w, 1, CARD_ASK_UNLOCK, "", "h1");
	is_state(0, TOKEN_LOCKED, false);
	w.late = false;
	world_run(&w);
	is_state(0, TOKEN_LOCKED, false);
	says(1, CARD_PIN_WRONG, "Token \"a\": the PIN is wrong; 2 tries are left.");
	assert_int_equal(world_done(&w, 1)->d.tries, 2);
	world_ask(&w, 2, CARD_ASK_UNLOCK, "", "h2");
	says(2, CARD_PIN_WRONG, "Token \"a\": the PIN is wrong; 1 try is left.");
	world_ask(&w, 3, CARD_ASK_UNLOCK, A, "h1234");
	says(3, CARD_OK, "Token \"a\" is unlocked.");
	assert_string_equal(world_done(&w, 3)->d.token, "a");
	is_state(0, TOKEN_UNLOCKED, true);
	signs(2, 0);
	world_ask(&w, 4, CARD_ASK_UNLOCK, "a", "h1");
	says(4, CARD_OK, "Token \"a\" is unlocked already.");
	world_ask(&w, 5, CARD_ASK_UNLOCK, "", "h1");
	says(5, CARD_GONE, "There is no token that is locked.");
	world_ask(&w, 6, CARD_ASK_UNLOCK, "x", "h1");
	says(6, CARD_GONE, "That token is not there; there are: \"a\" (serial number 1)");
	world_ask(&w, 7, CARD_ASK_LOCK, "", "");
	says(7, CARD_OK, "Token \"a\" is locked.");
	refuses(3, 0, CARD_LOCKED, TOKEN_WANT_RELEASE);
	/* It is not kept: out is out. */
	world_ask(&w, 8, CARD_ASK_UNLOCK, "", "h1234");
	world_moves(&w, 0, "");
	world_pass(&w, SECOND);
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, SECOND);
	refuses(4, 0, CARD_LOCKED, TOKEN_WANT_PIN);
	assert_int_equal(world_logged(&w, "h1"), 0);
}

static void people_let_it_be_kept(void **state)
{
	const struct world_want keep = { A, 0, CARD_PIN_ASK_KEEP, NULL, 0, false };

	(void)state;
	world_configure(&w, "a", &keep, 1);
	world_ask(&w, 1, CARD_ASK_UNLOCK, "", "h1234");
	world_moves(&w, 0, "");
	world_pass(&w, SECOND);
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, SECOND);
	is_state(0, TOKEN_LOCKED, true);
	signs(1, 0);
	/* Somebody has changed it: tried once, then forgotten. */
	w.token[0].pin = "4321";
	world_moves(&w, 0, "");
	world_pass(&w, SECOND);
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, SECOND);
	w.token[0].logins = 0;
	refuses(2, 0, CARD_PIN_WRONG, TOKEN_WANT_OTHER_PIN);
	refuses(3, 0, CARD_LOCKED, TOKEN_WANT_PIN);
	assert_int_equal(w.token[0].logins, 1);
	world_ask(&w, 2, CARD_ASK_UNLOCK, "", "h4321");
	signs(4, 0);
	world_ask(&w, 3, CARD_ASK_LOCK, "", "");
	refuses(5, 0, CARD_LOCKED, TOKEN_WANT_RELEASE);
	world_ask(&w, 4, CARD_ASK_UNLOCK, "", "");
	says(4, CARD_LOCKED, "Token \"a\" wants a PIN, and its reader has no keys to type one at.");
}

static void people_look(void **state)
{
	const struct world_want wants[] = { asked_a, want_b, { "pkcs11:token=x", -1, CARD_PIN_ASK, NULL, 0, false } };

	(void)state;
	world_configure(&w, "ab", wants, 2);
	world_ask(&w, 1, CARD_ASK_CHECK, "", "");
	says(1, CARD_LOCKED, "Token \"a\" is locked, and there is no PIN.");
	assert_int_equal(world_done(&w, 1)->d.need, TOKEN_WANT_PIN);
	assert_int_equal(w.ntoken, 2);
	world_ask(&w, 10, CARD_ASK_LIST, "2", "");
	assert_int_equal(w.ntoken, 1);
	assert_int_equal(w.nkey, 1);
	assert_string_equal(w.info[0].token.label, "b");
	world_ask(&w, 11, CARD_ASK_LIST, "x", "");
	assert_int_equal(w.ntoken, 0);
	world_ask(&w, 2, CARD_ASK_CHECK, "b", "");
	says(2, CARD_OK, "");
	assert_int_equal(w.ntoken, 1);
	assert_int_equal(w.token[0].logins + w.token[1].logins, 0);
	world_configure(&w, "ab", wants + 1, 2);
	world_ask(&w, 3, CARD_ASK_CHECK, "", "");
	says(3, CARD_GONE, "keyd.conf:2: pkcs11:token=x: the token is not there");
	assert_int_equal(w.nmissing, 1);
	/* Also while its process hangs. */
	world_fate(&w, CARD_WIRE_CHECK, FATE_HANG, 0, 1);
	world_ask(&w, 4, CARD_ASK_CHECK, "b", "");
	assert_null(world_done(&w, 4));
	world_pass(&w, 6 * SECOND);
	assert_non_null(world_done(&w, 4));
	world_pass(&w, 40 * SECOND);
	world_ask(&w, 5, CARD_ASK_WATCH, "", "");
	assert_null(world_done(&w, 5));
	world_moves(&w, 0, "");
	world_pass(&w, SECOND);
	assert_int_equal(w.nevent, 1);
	hub_ctl_gone(w.hub);
	world_moves(&w, 0, "/m/a.so");
	world_pass(&w, SECOND);
	assert_int_equal(w.nevent, 1);
}

static void nobody_asks_too_much(void **state)
{
	struct card_ask a = { .verb = CARD_ASKS };

	(void)state;
	world_configure(&w, "a", &want_a, 1);
	assert_int_equal(hub_ask(w.hub, 1, &a, (struct view){ 0 }, w.now), -1);
	a.verb = CARD_ASK_LIST;
	memset(a.token, 'x', sizeof(a.token));
	assert_int_equal(hub_ask(w.hub, 1, &a, (struct view){ 0 }, w.now), -1);
	w.late = true;
	for (uint32_t i = 1; i <= HUB_ASKS_MAX + 1; i++)
		world_ask(&w, i, CARD_ASK_CHECK, "", "");
	assert_int_equal(world_done(&w, HUB_ASKS_MAX + 1)->d.error, CARD_FAILED);
	hub_ctl_gone(w.hub);
	w.late = false;
}

/* --- liars --- */

static void lies_end_a_process(void **state)
{
	static const struct {
		uint16_t type;
		size_t n;
	} lies[] = {
		{ CARD_WIRE_READY, 4 }, { CARD_WIRE_TOKEN, sizeof(struct card_token) }, { CARD_WIRE_TOKEN, 3 },
		{ CARD_WIRE_KEY, 10 }, { CARD_WIRE_SIGNATURE, 5 }, { CARD_WIRE_DONE, sizeof(struct card_wire_done) },
		{ CARD_WIRE_CHANGED, 0 }, { CARD_WIRE_READERS, 0 }, { CARD_WIRE_PCSCD, 0 }, { 99, 0 },
	};
	static const uint8_t zero[4096];

	(void)state;
	world_configure(&w, "a", &want_a, 1);
	for (unsigned i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct world_process *p = world_process(&w, HUB_MODULE, "/m/a.so");

		assert_non_null(p);
		assert_int_equal(world_says(&w, p, lies[i].type, 7, zero, lies[i].n), -1);
		assert_int_equal(p->number, 0);
		world_pass(&w, 62 * SECOND);
	}
	signs(1, 0);
	/* In the middle of a request, too. */
	w.late = true;
	world_sign(&w, 2, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		struct world_process *p = world_process(&w, HUB_MODULE, "/m/a.so");

		assert_int_equal(p->type, CARD_WIRE_SIGN);
		if (i)
			world_says(&w, p, CARD_WIRE_SIGNATURE, p->id, "x", 1);
		assert_int_equal(world_says(&w, p, i ? CARD_WIRE_SIGNATURE : CARD_WIRE_TOKEN, p->id, zero,
					    i ? 1 : sizeof(struct card_token)), -1);
		assert_int_equal(world_signed(&w, 2 + i)->s.error, CARD_BROKEN);
		w.late = false;
		world_pass(&w, SECOND);
		signs(10 + i, 0);
		w.late = true;
		world_sign(&w, 3 + i, 0, 0);
	}
	w.late = false;
	world_run(&w);
	/* A signature that is none. */
	world_fate(&w, CARD_WIRE_SIGN, FATE_ERROR, CARD_OK, 1);
	refuses(20, 0, CARD_BROKEN, TOKEN_WANT_CURE);
}

static void answers_that_come_too_late(void **state)
{
	const struct card_wire_done d = { 0 };

	(void)state;
	world_configure(&w, "a", &want_a, 1);
	assert_int_equal(hub_said(w.hub, 4711, CARD_WIRE_DONE, 1, (struct view){ (const uint8_t *)&d, sizeof(d) }, w.now), 0);
	hub_ended(w.hub, 4711, 0, w.now);
	signs(1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(not_away_before_anybody_looked), TEST(asked_for_before_it_was_seen),
		TEST(tokens_with_the_same_name), TEST(another_token_in_the_reader), TEST(keys_that_show_after_a_login),
		TEST(called_otherwise), TEST(tokens_of_one_card), TEST(pulled_and_put_back),
		TEST(put_back_before_anybody_looked), TEST(our_own_driver_serves), TEST(pcscd_is_away),
		TEST(people_unlock), TEST(people_let_it_be_kept), TEST(people_look), TEST(nobody_asks_too_much),
		TEST(lies_end_a_process), TEST(answers_that_come_too_late),
	};

	return cmocka_run_group_tests_name("card_hub_people", tests, NULL, NULL);
}
