// SPDX-License-Identifier: MIT
// Which token and which key a URI means.
#include "keyd/card/pin.h"
#include "keyd/card/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct card_token token = {
	.label = "My token", .manufacturer = "Maker", .model = "M 1", .serial = "0815", .reader = "Reader 00 00", .slot = 3,
};

static struct card_uri *parse(const char *text)
{
	struct card_uri *u;
	const char *why;

	assert_int_equal(card_uri_parse(&u, text, &why), 0);
	return u;
}

static void others_are_refused_with_a_word(void **state)
{
	static const struct {
		const char *uri, *why;
	} rows[] = {
		{ "", "is no pkcs11 URI" },
		{ "/etc/key.pem", "is no pkcs11 URI" },
		{ "pkcs11:token=%zz", "is no pkcs11 URI" },
		{ "pkcs11:token", "is no pkcs11 URI" },
		{ "pkcs11:colour=red", "has an attribute that is not known" },
		{ "pkcs11:token=a?pin-value=1234", "has a PIN in it, which would be shown: state it with \"pin\"" },
	};
	char long_one[CARD_URI_MAX + 16] = "pkcs11:token=";
	struct card_uri *u;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(card_uri_parse(&u, rows[i].uri, &why), -1);
		assert_string_equal(why, rows[i].why);
	}
	memset(long_one + strlen(long_one), 'a', CARD_URI_MAX);
	assert_int_equal(card_uri_parse(&u, long_one, &why), -1);
	assert_string_equal(why, "is too long");
}

static void tokens_are_told_apart(void **state)
{
	static const struct {
		const char *uri;
		bool fits;
	} rows[] = {
		{ "pkcs11:", true },
		{ "pkcs11:token=My%20token", true },
		{ "pkcs11:token=My%20toke", false },
		{ "pkcs11:token=My%20token;serial=0815;manufacturer=Maker;model=M%201", true },
		{ "pkcs11:token=My%20token;serial=0816", false },
		{ "pkcs11:slot-id=3", true },
		{ "pkcs11:slot-id=4", false },
		{ "pkcs11:slot-description=Reader%2000%2000", true },
		{ "pkcs11:slot-description=Reader%2001%2000", false },
		{ "pkcs11:object=anything;id=%01", true },	/* that is the key's affair */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct card_uri *u = parse(rows[i].uri);

		assert_int_equal(card_uri_fits_token(u, &token), rows[i].fits);
		card_uri_free(u);
	}
}

static void modules_and_pins_are_read(void **state)
{
	struct card_uri *u = parse("pkcs11:?module-path=/usr/lib/x.so&pin-source=file:/etc/pin");

	(void)state;
	assert_string_equal(card_uri_module_path(u), "/usr/lib/x.so");
	assert_null(card_uri_module_name(u));
	assert_string_equal(card_uri_pin_source(u), "file:/etc/pin");
	card_uri_free(u);
	u = parse("pkcs11:token=a?module-name=opensc-pkcs11");
	assert_string_equal(card_uri_module_name(u), "opensc-pkcs11");
	card_uri_free(u);
}

/* Three keys: the first has a certificate, the last cannot sign. */
static void fill(struct card_keys *keys)
{
	*keys = (struct card_keys){ .n = 3 };
	for (uint8_t i = 0; i < 3; i++) {
		struct card_key *k = &keys->key[i];

		k->id[0] = i + 1;
		k->nid = 1;
		k->label[0] = (char)('a' + i);
		k->digest[0] = i;
		k->schemes = i < 2;
	}
	assert_int_equal(secret_set(&keys->key[0].cert, "x", 1), 0);
}

static void keys_are_chosen(void **state)
{
	static const uint8_t first[CRYPTO_DIGEST_LEN] = { 0 }, second[CRYPTO_DIGEST_LEN] = { 1 };
	static const struct {
		const char *uri;
		const uint8_t *digest;
		int with, without;	/* a certificate there */
	} rows[] = {
		{ "pkcs11:", NULL, 0, CARD_MANY_KEYS },
		{ "pkcs11:", second, 1, 1 },
		{ "pkcs11:id=%01", NULL, 0, 0 },
		{ "pkcs11:id=%02", NULL, 1, 1 },
		{ "pkcs11:object=b;type=private", NULL, 1, 1 },
		{ "pkcs11:object=b;id=%01", NULL, CARD_NO_KEY, CARD_NO_KEY },
		{ "pkcs11:object=b", first, CARD_NO_KEY, CARD_NO_KEY },
		{ "pkcs11:type=cert", NULL, 0, CARD_NO_KEY },
		{ "pkcs11:type=data", NULL, CARD_NO_KEY, CARD_NO_KEY },
		{ "pkcs11:id=%03", NULL, CARD_NO_KEY, CARD_NO_KEY },
		{ "pkcs11:id=%01%00", NULL, CARD_NO_KEY, CARD_NO_KEY },
	};
	struct card_keys keys;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct card_uri *u = parse(rows[i].uri);

		fill(&keys);
		assert_int_equal(card_uri_choose(u, &keys, rows[i].digest), rows[i].with);
		secret_clear(&keys.key[0].cert);
		assert_int_equal(card_uri_choose(u, &keys, rows[i].digest), rows[i].without);
		card_keys_free(&keys);
		card_uri_free(u);
	}
}

static void what_is_written_is_read_again(void **state)
{
	char buf[CARD_URI_MAX], tiny[20];
	struct card_token unnamed = token;
	struct card_keys keys;
	struct card_uri *u;

	(void)state;
	fill(&keys);
	u = parse(card_uri_format(&token, NULL, buf, sizeof(buf)));
	assert_true(card_uri_fits_token(u, &token));
	assert_true(card_uri_fits_key(u, &keys.key[1]));
	card_uri_free(u);
	u = parse(card_uri_format(&token, &keys.key[1], buf, sizeof(buf)));
	assert_true(card_uri_fits_token(u, &token));
	assert_true(card_uri_fits_key(u, &keys.key[1]));
	assert_false(card_uri_fits_key(u, &keys.key[0]));
	card_uri_free(u);
	keys.key[1].nid = 0;		/* some have a label only */
	u = parse(card_uri_format(&token, &keys.key[1], buf, sizeof(buf)));
	assert_int_equal(card_uri_choose(u, &keys, NULL), 1);
	card_uri_free(u);
	assert_string_equal(card_uri_format(&token, NULL, tiny, sizeof(tiny)), "");
	unnamed.label[0] = 0;		/* fits whatever its label is */
	u = parse(card_uri_format(&unnamed, NULL, buf, sizeof(buf)));
	assert_true(card_uri_fits_token(u, &token));
	card_uri_free(u);
	card_keys_free(&keys);
}

static void pins_are_kept_apart(void **state)
{
	static const uint8_t longest[CARD_PIN_MAX + 1];
	struct card_pin *p;

	(void)state;
	assert_int_equal(card_pin_new(&p, (struct view){ (const uint8_t *)"1234", 4 }), 0);
	assert_int_equal(card_pin_view(p).n, 4);
	assert_memory_equal(card_pin_view(p).p, "1234", 4);
	card_pin_free(p);
	assert_int_equal(card_pin_new(&p, (struct view){ longest, CARD_PIN_MAX }), 0);
	card_pin_free(p);
	assert_int_equal(card_pin_new(&p, (struct view){ longest, CARD_PIN_MAX + 1 }), -1);
	assert_int_equal(card_pin_view(NULL).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_are_refused_with_a_word),
		cmocka_unit_test(tokens_are_told_apart),
		cmocka_unit_test(modules_and_pins_are_read),
		cmocka_unit_test(keys_are_chosen),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(pins_are_kept_apart),
	};

	return cmocka_run_group_tests_name("card_uri", tests, NULL, NULL);
}
