// SPDX-License-Identifier: MIT
// Identities: what a text is taken for, how hostile ones are shown, which are the same.
#include "keyd/conf/id.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_guess(void **state)
{
	static const struct {
		const char *text, *shown;
		uint8_t type, len;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", CONF_ID_IPV4, 4 },
		{ "2001:db8::1", "2001:db8::1", CONF_ID_IPV6, 16 },
		{ "gw.example", "gw.example", CONF_ID_FQDN, 10 },
		{ "gw", "gw", CONF_ID_FQDN, 2 },
		{ "*.example", "*.example", CONF_ID_FQDN, 9 },
		{ "bob@gw.example", "bob@gw.example", CONF_ID_RFC822, 14 },
		{ "@gw", "keyid:@gw", CONF_ID_KEY_ID, 3 },
		{ "a b", "keyid:a\\x20b", CONF_ID_KEY_ID, 3 },
		{ "a..b", "keyid:a..b", CONF_ID_KEY_ID, 4 },
		{ "192.0.2.1/24", "keyid:192.0.2.1/24", CONF_ID_KEY_ID, 12 },
		{ "a\\\x1b[2J", "keyid:a\\x5c\\x1b[2J", CONF_ID_KEY_ID, 6 },
		{ "*", "any", CONF_ID_ANY, 0 },
		{ "CN=moon", "CN=moon", CONF_ID_DN, 17 },
		{ "C=DE, O=Example Ltd, CN=moon", "C=DE, O=Example Ltd, CN=moon", CONF_ID_DN, 52 },
		{ "/C=DE/O=Example Ltd/CN=moon", "C=DE, O=Example Ltd, CN=moon", CONF_ID_DN, 52 },
		{ "CN=bob@example.org", "CN=bob@example.org", CONF_ID_DN, 28 },
		{ "C=DE+O=a\\, b, CN=\\*", "C=DE + O=a\\, b, CN=*", CONF_ID_DN, 40 },
		{ "colour=red", "keyid:colour=red", CONF_ID_KEY_ID, 10 },
		{ "SRS0=x@example", "SRS0=x@example", CONF_ID_RFC822, 14 },
		{ "CN=", "keyid:CN=", CONF_ID_KEY_ID, 3 },
	};
	char text[CONF_ID_STRLEN];
	struct conf_id id;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(conf_id_parse(&id, cases[i].text), 0);
		assert_int_equal(id.type, cases[i].type);
		assert_int_equal(id.len, cases[i].len);
		assert_string_equal(conf_id_format(&id, text, sizeof(text)), cases[i].shown);
	}
	assert_int_equal(conf_id_parse(&id, ""), -EINVAL);
	assert_int_equal(conf_id_parse_psk(&id, "CN=moon"), 0);
	assert_int_equal(id.type, CONF_ID_KEY_ID);
}

static void test_hostile(void **state)
{
	struct conf_id id = { .type = 201, .len = CONF_ID_MAX };
	char text[CONF_ID_STRLEN], small[9];

	(void)state;
	memset(id.data, 0xff, sizeof(id.data));
	conf_id_format(&id, text, sizeof(text));
	assert_int_equal(strlen(text), strlen("type 201:") + 4 * CONF_ID_MAX);
	assert_string_equal(conf_id_format(&id, small, sizeof(small)), "type 201");
	id.len = 65535;			/* must not be believed */
	assert_string_equal(conf_id_format(&id, small, sizeof(small)), "type 201");
	id = (struct conf_id){ .type = CONF_ID_FQDN, .len = 3, .data = "a\nb" };
	assert_string_equal(conf_id_format(&id, text, sizeof(text)), "type 2:a\\x0ab");
	id = (struct conf_id){ .type = CONF_ID_IPV4, .len = 3 };
	assert_string_equal(conf_id_format(&id, text, sizeof(text)), "type 1:\\x00\\x00\\x00");
	id = (struct conf_id){ .type = CONF_ID_DN, .len = 2, .data = "\x30\x05" };
	assert_string_equal(conf_id_format(&id, text, sizeof(text)), "type 9:0\\x05");
	id = (struct conf_id){ .type = CONF_ID_DN, .len = 2, .data = "\x30" };	/* a name without anything in it */
	assert_string_equal(conf_id_format(&id, text, sizeof(text)), "type 9:0\\x00");
}

static void test_set(void **state)
{
	char longest[CONF_ID_MAX + 1];
	struct conf_id id;

	(void)state;
	memset(longest, 'k', sizeof(longest));
	assert_int_equal(conf_id_set(&id, CONF_ID_KEY_ID, longest, CONF_ID_MAX), 0);
	assert_int_equal(conf_id_set(&id, CONF_ID_KEY_ID, longest, CONF_ID_MAX + 1), -EINVAL);
	assert_int_equal(conf_id_set(&id, CONF_ID_KEY_ID, "\0\1", 2), 0);
	assert_int_equal(conf_id_set(&id, CONF_ID_FQDN, "a\0b", 3), -EINVAL);
	assert_int_equal(conf_id_set(&id, CONF_ID_FQDN, "a@b", 3), -EINVAL);
	assert_int_equal(conf_id_set(&id, CONF_ID_RFC822, "ab", 2), -EINVAL);
	assert_int_equal(conf_id_set(&id, CONF_ID_IPV4, "1.2.3", 5), -EINVAL);
	assert_int_equal(conf_id_set(&id, CONF_ID_IPV4, "::1", 3), 0);
	assert_int_equal(id.type, CONF_ID_IPV6);
	assert_int_equal(conf_id_set(&id, CONF_ID_DN, "x", 1), -EINVAL);
	assert_int_equal(conf_id_set(&id, 10, "x", 1), -EINVAL);
}

/* A DN's text may be longer than what is kept of it: then it is none. */
static void test_set_dn(void **state)
{
	char longest[CONF_ID_MAX + 8] = "O=x, CN=";
	const char *why = NULL;
	struct conf_id id;

	(void)state;
	memset(longest + 8, 'm', sizeof(longest) - 8);
	assert_int_equal(conf_id_set_dn(&id, longest, sizeof(longest), &why), -EINVAL);
	assert_string_equal(why, "it is too long");
	assert_int_equal(conf_id_set_dn(&id, "C=DE, XY=z", 10, &why), -EINVAL);
	assert_string_equal(why, "no such attribute is known; write its OID with dots");
	assert_int_equal(conf_id_set_dn(&id, longest, CONF_ID_MAX / 2, &why), 0);
	assert_int_equal(id.type, CONF_ID_DN);
}

static void test_pattern(void **state)
{
	static const struct {
		const char *text;
		bool pattern;
	} cases[] = {
		{ "*", true }, { "*.example", true }, { "gw.example", false }, { "*@example", true }, { "k*", false },
		{ "192.0.2.42", false }, { "CN=*", true }, { "C=DE, O=*, CN=moon", true }, { "C=DE, O=a*, CN=*b", false },
		{ "C=*+O=x", true }, { "C=DE, O=\\*\\, \\*", false }, { "CN=a\\=*", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct conf_id id;

		assert_int_equal(conf_id_parse(&id, cases[i].text), 0);
		if (conf_id_is_pattern(&id) != cases[i].pattern)
			fail_msg("%s", cases[i].text);
	}
}

static void test_match(void **state)
{
	static const struct {
		const char *pattern, *id;
		bool match, equal;
	} cases[] = {
		{ "*", "192.0.2.1", true, false },
		{ "192.0.2.1", "192.0.2.1", true, true },
		{ "192.0.2.1", "192.0.2.2", false, false },
		{ "gw.example", "GW.Example", true, true },
		{ "gw.example", "gw.example.com", false, false },
		{ "*.example", "a.b.example", true, false },
		{ "*.example", "example", false, false },
		{ "*.example", ".example", false, false },
		{ "*.example", "bob@a.example", false, false },
		{ "*@example", "bob@example", true, false },
		{ "*@example", "bob@b.example", false, false },
		{ "a b", "A b", false, false },
		{ "C=DE, O=*, CN=moon", "C=DE, O=Example Ltd, CN=moon", true, false },
		{ "C=DE, O=*, CN=moon", "C=DE, O=Example Ltd, CN=sun", false, false },
		{ "C=DE, O=*, CN=moon", "C=DE, CN=moon", false, false },
		{ "CN=*", "CN=*", true, true },
		{ "CN=moon", "CN=*", false, false },
		{ "C=DE, CN=moon", "c=de,  cn=Moon", true, true },
		{ "C=DE, CN=moon", "CN=moon, C=DE", true, true },
		{ "C=DE, CN=*", "CN=moon, C=DE", true, false },
		{ "CN=moon", "moon", false, false },
		{ "*", "CN=moon", true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct conf_id pattern, id;

		assert_int_equal(conf_id_parse(&pattern, cases[i].pattern), 0);
		assert_int_equal(conf_id_parse(&id, cases[i].id), 0);
		assert_int_equal(conf_id_match(&pattern, &id), cases[i].match);
		assert_int_equal(conf_id_equal(&pattern, &id), cases[i].equal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guess), cmocka_unit_test(test_hostile), cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_dn), cmocka_unit_test(test_match), cmocka_unit_test(test_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
