// SPDX-License-Identifier: MIT
// Distinguished names: as text, as DER, and which fit which.
#include "keyd/crypto/dn.h"
#include "tests/unit/test_crypto_hex.h"

struct der {
	uint8_t p[CRYPTO_DN_MAX];
	size_t n;
};

static struct view view(const struct der *d)
{
	return (struct view){ d->p, d->n };
}

static struct der parse(const char *s)
{
	struct der d = { .n = sizeof(d.p) };
	const char *why = NULL;

	if (crypto_dn_parse(s, strlen(s), d.p, &d.n, &why))
		fail_msg("%s: %s", s, why);
	assert_null(why);
	return d;
}

/* How it is written, and how it comes back. */
static const struct {
	const char *text, *again;
} texts[] = {
	{ "C=DE, O=Example Ltd, CN=moon", "C=DE, O=Example Ltd, CN=moon" },
	{ "/C=DE/O=Example Ltd/CN=moon", "C=DE, O=Example Ltd, CN=moon" },
	{ "  c=DE ,o = Example Ltd;cn= moon  ", "C=DE, O=Example Ltd, CN=moon" },
	{ "CN=\"Doe, John\", E=john@example.org", "CN=Doe\\, John, emailAddress=john@example.org" },
	{ "CN=Doe\\, John + UID=7", "UID=7 + CN=Doe\\, John" },
	{ "CN=a\\2cb\\C3\\A9", "CN=a\\,b\\C3\\A9" },
	{ "CN=\\ blank\\ ", "CN=\\ blank\\ " },
	{ "2.5.4.3=moon, OID.2.5.4.10=x", "CN=moon, O=x" },
	{ "DC=org, DC=example, CN=*", "DC=org, DC=example, CN=*" },
	{ "O=a/b, CN=c", "O=a/b, CN=c" },
	{ "/O=a,b/CN=c", "O=a\\,b, CN=c" },
	{ "O=a\\/b, CN=\\#1", "O=a/b, CN=\\#1" },
	{ "1.3.6.1.4.1.99999.1=x", "1.3.6.1.4.1.99999.1=#130178" },
};

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct der d = parse(texts[i].text);
		char buf[200], cut[5];

		assert_string_equal(crypto_dn_format(view(&d), buf, sizeof(buf)), texts[i].again);
		crypto_dn_format(view(&d), cut, sizeof(cut));
		assert_int_equal(strlen(cut), 4);
		if (!strstr(buf, "=#")) {
			struct der again = parse(buf);

			assert_int_equal(again.n, d.n);
			assert_memory_equal(again.p, d.p, d.n);
		}
	}
}

/* The DER of "openssl req -x509 -subj '/C=DE/O=Example Ltd/CN=moon' -utf8": other kinds of strings, the same name. */
static const char from_openssl[] = "3032310b30090603550406130244453114301206035504"
				   "0a0c0b4578616d706c65204c7464310d300b06035504030c046d6f6f6e";

static void test_from_certificate(void **state)
{
	struct der ours = parse("C=DE, O=Example Ltd, CN=moon");
	struct bytes theirs = hex(from_openssl);
	char buf[100];

	(void)state;
	assert_true(crypto_dn_match(view(&ours), view_of(&theirs)));
	assert_string_equal(crypto_dn_format(view_of(&theirs), buf, sizeof(buf)), "C=DE, O=Example Ltd, CN=moon");
	for (size_t n = 0; n < theirs.n; n++) {
		assert_false(crypto_dn_match(view(&ours), (struct view){ theirs.p, n }));
		assert_string_equal(crypto_dn_format((struct view){ theirs.p, n }, buf, sizeof(buf)), "(malformed)");
	}
	theirs.p[theirs.n++] = 0;
	assert_false(crypto_dn_match(view(&ours), view_of(&theirs)));
}

static const struct {
	bool match;
	const char *pattern, *name;
} matches[] = {
	{ true, "C=DE, O=x, CN=moon", "C=DE, O=x, CN=moon" },
	{ true, "C=DE, O=x, CN=MOON", "C=de, O=X, CN=moon" },
	{ true, "O=Example   Ltd", "O=example ltd" },
	{ false, "O=Example Ltd", "O=ExampleLtd" },
	{ true, "C=DE, O=x, CN=*", "C=DE, O=x, CN=moon" },
	{ true, "C=*, O=*, CN=*", "C=DE, O=x, CN=moon" },
	{ false, "C=DE, O=x, CN=*", "C=DE, O=x" },
	{ false, "C=DE, O=x, CN=*", "C=DE, O=x, OU=y, CN=moon" },
	{ false, "C=DE, O=x, CN=*", "C=DE, O=x, OU=moon" },
	{ false, "C=DE, O=x, CN=m*", "C=DE, O=x, CN=moon" },
	{ true, "CN=moon, O=x, C=DE", "C=DE, O=x, CN=moon" },
	{ true, "CN=*, O=x, C=DE", "C=DE, O=x, CN=moon" },
	{ false, "O=x, C=DE, CN=moon", "C=DE, O=x, CN=moon" },
	{ true, "O=x, CN=a + UID=7", "O=x, CN=a + UID=7" },
	{ true, "O=x, UID=7 + CN=*", "O=x, CN=somebody else + UID=7" },
	{ false, "O=x, UID=7 + CN=*", "O=x, CN=somebody else + OU=7" },
	{ false, "O=x, UID=7", "O=x, CN=a + UID=7" },
	{ false, "O=x, CN=a + UID=7", "O=x, CN=a, UID=7" },
	{ false, "O=x, CN=a, UID=7", "O=x, CN=a + UID=7" },
	{ false, "CN=moon", "CN=moon, CN=moon" },
	{ false, "CN=moon", "O=moon" },
	{ false, "CN=moon", "CN=*" },
};

static void test_match(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++) {
		struct der a = parse(matches[i].pattern), b = parse(matches[i].name);

		if (crypto_dn_match(view(&a), view(&b)) != matches[i].match)
			fail_msg("%s and %s", matches[i].pattern, matches[i].name);
	}
}

static const struct {
	const char *text, *why;
} refused[] = {
	{ "", "an attribute's name" },
	{ "moon", "an attribute's name" },
	{ "CN", "an attribute's name" },
	{ "=moon", "an attribute's name" },
	{ "CN=moon,", "an attribute's name" },
	{ "CN=moon, , O=x", "no such attribute" },
	{ "CN=", "a value is empty" },
	{ "CN=, O=x", "a value is empty" },
	{ "CN=\"moon", "a quotation mark is missing" },
	{ "CN=\\FF", "a value is not UTF-8" },
	{ "CN=\"moon\"x", "something follows" },
	{ "CN=moon\\", "nothing follows" },
	{ "CN=moon\\x", "a backslash stands" },
	{ "CN=moon\\4", "a backslash stands" },
	{ "NOSUCH=moon", "no such attribute" },
	{ "1.x=moon", "no such attribute" },
	{ "an-attribute-with-a-name-that-is-longer-than-any-attribute-has-ever-been=x", "an attribute's name" },
};

/* The first one, as long as there is room; what a terminal would obey is shown otherwise. */
static void test_common_name(void **state)
{
	static const struct {
		const char *dn, *cn;
	} rows[] = {
		{ "C=DE, CN=moon, CN=sun", "moon" }, { "CN=a longer name", "a longe" }, { "CN=b\\C3\\A9", "b\303\251" },
		{ "CN=a\\0Ab", "a?b" }, { "C=DE, O=x", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct der d = parse(rows[i].dn);
		char buf[8] = "as it is";

		buf[7] = 0;
		assert_int_equal(crypto_dn_common_name(view(&d), buf, sizeof(buf)), rows[i].cn ? 0 : -1);
		assert_string_equal(buf, rows[i].cn ? rows[i].cn : "as it i");
	}
	assert_int_equal(crypto_dn_common_name((struct view){ (const uint8_t *)"x", 1 }, NULL, 0), -1);
}

static void test_refused(void **state)
{
	uint8_t der[CRYPTO_DN_MAX];
	char many[40 * 5], big[CRYPTO_DN_MAX + 10];
	const char *why;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		n = sizeof(der);
		if (!crypto_dn_parse(refused[i].text, strlen(refused[i].text), der, &n, &why))
			fail_msg("\"%s\" is taken", refused[i].text);
		if (strncmp(why, refused[i].why, strlen(refused[i].why)))
			fail_msg("\"%s\": %s", refused[i].text, why);
	}
	for (size_t i = 0; i < sizeof(many); i += 5)
		memcpy(many + i, "CN=x,", 5);
	n = sizeof(der);
	assert_int_equal(crypto_dn_parse(many, sizeof(many) - 1, der, &n, &why), -1);
	assert_string_equal(why, "there are too many parts");
	n = sizeof(der);
	assert_int_equal(crypto_dn_parse(many, CRYPTO_DN_RDNS_MAX * 5 - 1, der, &n, &why), 0);
	n = 10;
	assert_int_equal(crypto_dn_parse(many, 9, der, &n, &why), -1);
	assert_string_equal(why, "it is too long");
	memset(big, 'x', sizeof(big));
	memcpy(big, "CN=", 3);
	n = sizeof(der);
	assert_int_equal(crypto_dn_parse(big, CRYPTO_DN_MAX + 3, der, &n, &why), -1);
	assert_string_equal(why, "it is too long");
	n = sizeof(der);
	assert_int_equal(crypto_dn_parse(big, sizeof(big), der, &n, &why), -1);
	assert_string_equal(why, "a value is too long");
	/* A NUL in the middle of an attribute's name or a value. */
	n = sizeof(der);
	assert_int_equal(crypto_dn_parse("C\0N=x", 5, der, &n, &why), -1);
	n = sizeof(der);
	assert_int_equal(crypto_dn_parse("CN=a\0b", 6, der, &n, &why), 0);
	assert_string_equal(crypto_dn_format((struct view){ der, n }, big, sizeof(big)), "CN=a\\00b");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text), cmocka_unit_test(test_from_certificate), cmocka_unit_test(test_match),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_common_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
