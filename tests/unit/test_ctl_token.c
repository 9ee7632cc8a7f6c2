// SPDX-License-Identifier: MIT
// Tokens in the control socket's language: requests, and what the card role tells as JSON.
#include "keyd/ctl/ask.h"
#include "keyd/ctl/token_render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int parse(struct ctl_ask *ask, const char *line, char *why, size_t n)
{
	*why = 0;
	return ctl_ask_parse(ask, line, strlen(line), why, n);
}

static void requests(void **state)
{
	struct ctl_ask ask;
	char why[200];

	(void)state;
	assert_int_equal(parse(&ask, "{\"cmd\":\"token-list\"}", why, sizeof(why)), 0);
	assert_int_equal(ask.verb, CTL_ASK_TOKEN);
	assert_int_equal(ask.token.ask.verb, CARD_ASK_LIST);
	assert_string_equal(ask.token.ask.token, "");
	assert_int_equal(parse(&ask, "{\"cmd\":\"token-unlock\",\"token\":\"gate\",\"pin\":\"12 34\"}", why, sizeof(why)), 0);
	assert_int_equal(ask.token.ask.verb, CARD_ASK_UNLOCK);
	assert_string_equal(ask.token.ask.token, "gate");
	assert_string_equal(ask.token.pin, "12 34");
	assert_int_equal(parse(&ask, "{\"cmd\":\"token-unlock\"}", why, sizeof(why)), 0);
	assert_string_equal(ask.token.pin, "");
	assert_int_equal(parse(&ask, "{\"cmd\":\"token-lock\",\"pin\":\"1234\"}", why, sizeof(why)), 0);
	assert_string_equal(ask.token.pin, "");
	assert_int_equal(parse(&ask, "{\"cmd\":\"token-watch\"}", why, sizeof(why)), 0);
	assert_true(ask.verb == CTL_ASK_WATCH && ask.tokens);
	assert_int_equal(parse(&ask, "{\"cmd\":\"watch\"}", why, sizeof(why)), 0);
	assert_false(ask.tokens);
}

static void bad_requests(void **state)
{
	static const char *const bad[] = {
		"{\"cmd\":\"token-unlock\",\"pin\":\"\"}", "{\"cmd\":\"token-unlock\",\"pin\":1234}",
		"{\"cmd\":\"token-list\",\"token\":7}", "{\"cmd\":\"token\"}",
		"{\"cmd\":\"token-unlock\",\"pin\":\"12\\u000034\"}",
	};
	struct ctl_ask ask;
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&ask, bad[i], why, sizeof(why)), -1);
		assert_true(*why && !strstr(why, "1234"));
	}
}

/* A PIN is as long as it may be, and no longer; so is the name of a token. */
static void limits(void **state)
{
	static char line[2 * CARD_URI_MAX], long_text[CARD_URI_MAX + 1];
	struct ctl_ask ask;
	char why[200];

	(void)state;
	memset(long_text, '7', CARD_PIN_MAX);
	snprintf(line, sizeof(line), "{\"cmd\":\"token-unlock\",\"pin\":\"%s\"}", long_text);
	assert_int_equal(parse(&ask, line, why, sizeof(why)), 0);
	assert_int_equal(strlen(ask.token.pin), CARD_PIN_MAX);
	long_text[CARD_PIN_MAX] = '7';
	snprintf(line, sizeof(line), "{\"cmd\":\"token-unlock\",\"pin\":\"%s\"}", long_text);
	assert_int_equal(parse(&ask, line, why, sizeof(why)), -1);
	assert_null(strstr(why, "777"));
	memset(long_text, 'x', CARD_URI_MAX);
	snprintf(line, sizeof(line), "{\"cmd\":\"token-list\",\"token\":\"%s\"}", long_text);
	assert_int_equal(parse(&ask, line, why, sizeof(why)), -1);
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	assert_non_null(s);
	return s;
}

static void rendered(void **state)
{
	static const uint8_t der[] = { 0x30, 0x03, 0x02, 0x01, 0x07 };
	struct card_token_info t = { .token = { .label = "gate", .model = "SoftHSM v2", .serial = "0123", .login = true, .tries = -1 },
				     .state = TOKEN_LOCKED, .need = TOKEN_WANT_PIN, .tries = 3, .ask = 1, .since = 1000000,
				     .module = "/m.so", .uri = "pkcs11:token=gate" };
	struct card_key_info k = { .digest = { 0xab }, .configured = 1, .label = "vpn", .where = "/etc/gapless/keyd.conf:7", .schemes = 1 };
	struct card_event ev = { .token = t.token, .was = TOKEN_ABSENT, .is = TOKEN_LOCKED, .at = 5000000 };
	struct card_done d = { .error = CARD_PIN_WRONG, .need = TOKEN_WANT_PIN, .tries = 2, .token = "gate" };
	struct card_missing_info m = { .where = "f:1", .uri = "pkcs11:id=%01", .need = TOKEN_WANT_TOKEN };
	struct view spki = { der, sizeof(der) }, none = { NULL, 0 };
	json_t *o = render_token(&t, 3500000);

	(void)state;
	assert_string_equal(text(o, "state"), "locked");
	assert_string_equal(text(o, "need"), "pin");
	assert_string_equal(text(o, "text"), "is locked, and there is no PIN");
	assert_int_equal(json_integer_value(json_object_get(o, "state_age")), 2);
	assert_true(json_is_false(json_object_get(o, "tries_told")));
	json_decref(o);
	o = render_token_key(&k, spki, none);
	assert_string_equal(text(o, "digest"), "ab00000000000000000000000000000000000000000000000000000000000000");
	assert_string_equal(text(o, "public_key"), "MAMCAQc=");
	assert_true(json_is_null(json_object_get(o, "certificate_pem")));
	assert_int_equal(json_array_size(json_object_get(o, "schemes")), 1);
	json_decref(o);
	o = render_token_key(&k, none, spki);
	assert_string_equal(text(o, "certificate_pem"), "-----BEGIN CERTIFICATE-----\nMAMCAQc=\n-----END CERTIFICATE-----\n");
	json_decref(o);
	o = render_token_event(&ev, 0);
	assert_string_equal(text(o, "event"), "token");
	assert_string_equal(text(o, "was"), "absent");
	assert_string_equal(text(o, "state"), "locked");
	json_decref(o);
	o = render_token_done(&d);
	assert_string_equal(text(o, "code"), "pin-wrong");
	assert_int_equal(json_integer_value(json_object_get(o, "tries")), 2);
	json_decref(o);
	o = render_token_missing(&m);
	assert_string_equal(text(o, "text"), "is not there");
	json_decref(o);
}

/* Lines of 64 digits, as PEM has them, for every length around their ends. */
static void pem(void **state)
{
	struct card_key_info k = { .nspki = 0 };
	uint8_t der[150];

	(void)state;
	memset(der, 0xff, sizeof(der));
	for (size_t n = 1; n <= sizeof(der); n++) {
		json_t *o = render_token_key(&k, (struct view){ NULL, 0 }, (struct view){ der, n });
		const char *at = strchr(text(o, "certificate_pem"), '\n') + 1;
		size_t digits = 0, len;

		for (; *at != '-'; at += len + 1) {
			len = strcspn(at, "\n");
			assert_in_range(len, 1, 64);
			digits += len;
			assert_true(len == 64 || at[len + 1] == '-');
		}
		assert_int_equal(digits, (n + 2) / 3 * 4);
		json_decref(o);
	}
}

/* What a card role that was taken over could send. */
static void hostile(void **state)
{
	struct card_token_info t;
	struct card_key_info k;
	struct card_missing_info m;
	struct card_event ev;
	struct card_done d;
	json_t *all[5];

	(void)state;
	memset(&t, 0xff, sizeof(t));
	memset(&k, 0xff, sizeof(k));
	memset(&m, 0xff, sizeof(m));
	memset(&ev, 0xff, sizeof(ev));
	memset(&d, 0xff, sizeof(d));
	d.error = INT32_MIN;
	all[0] = render_token(&t, 0);
	all[1] = render_token_key(&k, (struct view){ NULL, 0 }, (struct view){ NULL, 0 });
	all[2] = render_token_missing(&m);
	all[3] = render_token_event(&ev, 0);
	all[4] = render_token_done(&d);
	for (size_t i = 0; i < 5; i++) {
		assert_non_null(all[i]);
		json_decref(all[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests), cmocka_unit_test(bad_requests), cmocka_unit_test(limits),
		cmocka_unit_test(rendered), cmocka_unit_test(pem),	    cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
