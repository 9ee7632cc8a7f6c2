// SPDX-License-Identifier: MIT
// The ctl role between the card role and ike: what both say becomes one answer, in whichever order it comes, and whatever it is.
#include "keyd/roles/ctl_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- what ctl.c does for it --- */

static struct waiting w;
static json_t *answer;			/* NULL: none yet */
static unsigned events;

struct waiting *waiting_by_id(uint32_t id)
{
	return id && w.id == id ? &w : NULL;
}

void waiting_end(struct waiting *to, json_t *o)
{
	assert_null(answer);
	assert_non_null(o);
	answer = o;
	json_decref(to->parts);
	ctl_token_free(to);
	*to = (struct waiting){ 0 };
}

void waiting_refuse(struct waiting *to, const char *why)
{
	waiting_end(to, json_pack("{s:b, s:s}", "ok", 0, "error", why));
}

void ctl_watch_token(const struct card_event *ev)
{
	(void)ev;
	events++;
}

/* --- */

static void begin(enum card_verb verb, bool ike)
{
	w = (struct waiting){ .id = 7, .verb = CTL_ASK_TOKEN, .parts = json_array() };
	w.tokens.verb = verb;
	w.tokens.card = true;
	w.tokens.ike = ike;
	w.tokens.missing = json_array();
	w.tokens.tunnels = json_object();
	json_decref(answer);
	answer = NULL;
}

/* As the channel would hand it over. 1: no rule lets it in. */
static int say(uint16_t type, uint32_t id, const void *body, size_t n, const void *rest, size_t nrest)
{
	uint8_t *all = malloc(n + nrest + 1);
	struct ipc_msg m = { .type = type, .id = id, .body = { all, n + nrest }, .fd = -1 };
	int r = 1;

	memcpy(all, body, n);
	if (nrest)
		memcpy(all + n, rest, nrest);
	for (const struct ipc_rule *rule = ctl_from_card; rule->fn; rule++)
		if (rule->type == type && m.body.n >= rule->min && m.body.n <= rule->max)
			r = rule->fn(NULL, &m, NULL);
	free(all);
	return r;
}

static void token(const char *label)
{
	struct card_token_info t = { .state = TOKEN_UNLOCKED };

	snprintf(t.token.label, sizeof(t.token.label), "%s", label);
	assert_int_equal(say(M_CARD_TOKEN, 7, &t, sizeof(t), NULL, 0), 0);
}

static void key(uint8_t digest)
{
	struct card_key_info k = { .digest = { digest } };

	assert_int_equal(say(M_CARD_KEY, 7, &k, sizeof(k), NULL, 0), 0);
}

static void done(int error, uint8_t need, const char *text)
{
	struct card_done d = { .error = error, .need = need, .tries = -1 };

	snprintf(d.text, sizeof(d.text), "%s", text);
	assert_int_equal(say(M_CARD_DONE, 7, &d, sizeof(d), NULL, 0), 0);
}

static void ike(const char *peer, uint8_t digest)
{
	struct engine_ike_info i = { .local_key = { { digest } }, .state = "established" };

	snprintf(i.peer, sizeof(i.peer), "%s", peer);
	ctl_token_ike(&w, &i);
}

static json_t *tunnels(size_t t, size_t k)
{
	json_t *one = json_array_get(json_object_get(answer, "tokens"), t);

	return json_object_get(json_array_get(json_object_get(one, "keys"), k), "tunnels");
}

static void joined(void)
{
	assert_non_null(answer);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	assert_int_equal(json_array_size(json_object_get(answer, "tokens")), 2);
	assert_int_equal(json_array_size(tunnels(0, 0)), 2);
	assert_int_equal(json_array_size(tunnels(0, 1)), 0);
	assert_int_equal(json_array_size(tunnels(1, 0)), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(tunnels(1, 0), 0), "peer")), "paris");
}

static void card_says(void)
{
	token("a");
	key(1);
	key(2);
	token("b");
	key(3);
	done(0, 0, "");
}

static void ike_says(void)
{
	ike("berlin", 1);
	ike("paris", 3);
	ike("rome", 1);
	ike("psk", 0);
	ctl_token_ike_end(&w);
}

static void either_order(void **state)
{
	(void)state;
	begin(CARD_ASK_LIST, true);
	card_says();
	assert_null(answer);
	ike_says();
	joined();
	begin(CARD_ASK_LIST, true);
	ike_says();
	assert_null(answer);
	card_says();
	joined();
	/* ike is not there: tokens all the same */
	begin(CARD_ASK_LIST, false);
	card_says();
	assert_int_equal(json_array_size(json_object_get(answer, "tokens")), 2);
}

static void outcomes(void **state)
{
	static const struct {
		enum card_verb verb;
		int error;
		enum token_need need;
		bool ok, ready;
	} cases[] = {
		{ CARD_ASK_CHECK, 0, TOKEN_READY, true, true }, { CARD_ASK_CHECK, 0, TOKEN_LOGIN, true, true },
		{ CARD_ASK_CHECK, CARD_LOCKED, TOKEN_WANT_PIN, true, false },
		{ CARD_ASK_CHECK, 0, TOKEN_WANT_PIN, true, false },
		{ CARD_ASK_CHECK, CARD_GONE, TOKEN_READY, true, false },
		{ CARD_ASK_UNLOCK, 0, TOKEN_READY, true, false },
		{ CARD_ASK_UNLOCK, CARD_PIN_WRONG, TOKEN_WANT_PIN, false, false },
		{ CARD_ASK_LOCK, CARD_GONE, TOKEN_WANT_TOKEN, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		begin(cases[i].verb, false);
		token("a");
		done(cases[i].error, cases[i].need, "so it is");
		assert_int_equal(json_is_true(json_object_get(answer, "ok")), cases[i].ok);
		assert_int_equal(json_is_true(json_object_get(answer, "ready")), cases[i].ready);
		assert_string_equal(json_string_value(json_object_get(answer, cases[i].ok ? "text" : "error")), "so it is");
	}
	begin(CARD_ASK_LIST, false);
	done(CARD_MANY_KEYS, TOKEN_READY, "");
	assert_true(json_is_false(json_object_get(answer, "ok")));
}

/* Lengths that lie, parts of nothing, more than anybody has, and words after the end. */
static void hostile(void **state)
{
	struct card_key_info k = { .nspki = 4 };
	struct card_done d;
	struct card_event ev = { .at = 1 };
	char rest[16] = "";

	(void)state;
	begin(CARD_ASK_LIST, false);
	key(1);				/* of no token */
	token("a");
	assert_int_equal(say(M_CARD_KEY, 7, &k, sizeof(k), rest, 3), -1);
	assert_int_equal(say(M_CARD_KEY, 7, &k, sizeof(k), rest, 5), -1);
	assert_int_equal(say(M_CARD_KEY, 7, &k, sizeof(k), rest, 4), 0);
	k.ncert = UINT32_MAX - 3;
	assert_int_equal(say(M_CARD_KEY, 7, &k, sizeof(k), rest, 0), -1);
	assert_int_equal(say(M_CARD_KEY, 7, &k, sizeof(k), rest, 1), -1);
	assert_int_equal(say(M_CARD_KEY, 7, &k, sizeof(k) - 1, NULL, 0), 1);
	assert_int_equal(say(M_CARD_TOKEN, 7, &k, sizeof(k), NULL, 0), 1);
	for (int i = 0; i < 1000; i++)
		key((uint8_t)i);
	for (int i = 0; i < 1000; i++)
		token("b");
	memset(&d, 0xff, sizeof(d));
	assert_int_equal(say(M_CARD_DONE, 8, &d, sizeof(d), NULL, 0), 0);	/* nobody's */
	assert_null(answer);
	done(0, 0, "");
	assert_int_equal(json_array_size(json_object_get(answer, "tokens")), 512);
	assert_int_equal(json_array_size(json_object_get(json_array_get(json_object_get(answer, "tokens"), 0), "keys")), CARD_KEYS_MAX);
	token("late");
	done(0, 0, "");
	begin(CARD_ASK_UNLOCK, false);
	assert_int_equal(say(M_CARD_DONE, 7, &d, sizeof(d), NULL, 0), 0);	/* texts that do not end */
	assert_non_null(answer);
	assert_int_equal(say(M_CARD_EVENT, 0, &ev, sizeof(ev), NULL, 0), 0);
	assert_int_equal(events, 1);
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(either_order),
		cmocka_unit_test(outcomes),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
