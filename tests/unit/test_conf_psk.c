// SPDX-License-Identifier: MIT
// Files of secrets as racoon reads them, and which secret is meant.
#include "keyd/conf/id.h"
#include "keyd/conf/psk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void listen_to(const char *line, void *arg)
{
	size_t n = strlen(arg);

	snprintf((char *)arg + n, 2048 - n, "%s\n", line);
}

static const struct {
	const char *line;
	const char *id;			/* NULL: no entry */
	const char *key;
	size_t n;
	const char *said;
} lines[] = {
	{ "192.0.2.1 secret\n", "192.0.2.1", "secret", 6, "" },
	{ "192.0.2.1\t \tsecret", "192.0.2.1", "secret", 6, "" },
	{ "bob@example two words # not a comment\n", "bob@example", "two words # not a comment", 25, "" },
	{ "gw.example 0x00fF 10\n", "gw.example", "\x00\xff\x10", 3, "" },
	{ "gw.example 0X0102\n", "gw.example", "0X0102", 6, "" },
	{ "* anybody\n", "any", "anybody", 7, "" },
	{ "a#b x\n", "keyid:a#b", "x", 1, "" },
	{ "# comment\n", NULL, NULL, 0, "" },
	{ "\n  \n\t# comment\n", NULL, NULL, 0, "" },
	{ "  2001:db8::1 x\n", "2001:db8::1", "x", 1, "" },
	{ "a b \n", "a", "b ", 2, "t:1: warning: the key ends in a blank, which is part of it (as in racoon)\n" },
	{ "a b\r\n", "a", "b\r", 2,
	  "t:1: warning: the key ends in a carriage return (a line end of Windows?), which is part of it (as in racoon)\n" },
	{ "\nhunter2\n", NULL, NULL, 0, "t:2: an identifier without a key: expected 'identifier key'\n" },
	{ "a 0xhunter2\n", NULL, NULL, 0,
	  "t:1: the key begins with 0x, but not all that follows are hexadecimal digits\n" },
	{ "a 0x123\nb 0x\n", NULL, NULL, 0,
	  "t:1: the key begins with 0x, but what follows are no pairs of hexadecimal digits\n"
	  "t:2: the key begins with 0x, but what follows are no pairs of hexadecimal digits\n" },
};

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct conf_secrets s = { 0 };
		char said[2048] = "", text[CONF_ID_STRLEN];
		int r = psk_buffer_load(&s, "t", lines[i].line, strlen(lines[i].line), listen_to, said);
		bool bad = *lines[i].said && !lines[i].id;

		assert_string_equal(said, lines[i].said);
		assert_int_equal(r, bad ? -EINVAL : 0);
		assert_int_equal(s.n, lines[i].id ? 1 : 0);
		if (s.n) {
			assert_string_equal(conf_id_format(&s.entries[0].id, text, sizeof(text)), lines[i].id);
			assert_int_equal(s.entries[0].key.n, lines[i].n);
			assert_memory_equal(s.entries[0].key.p, lines[i].key, lines[i].n);
		}
		conf_secrets_free(&s);
	}
}

static void test_limits(void **state)
{
	struct conf_secrets s = { 0 };
	char said[2048] = "", text[2 + PSK_KEY_MAX + 1];

	(void)state;
	memset(text, 'k', sizeof(text));
	text[1] = ' ';
	assert_int_equal(psk_buffer_load(&s, "t", text, sizeof(text) - 1, listen_to, said), 0);
	assert_int_equal(s.entries[0].key.n, PSK_KEY_MAX);
	/* A mistake leaves what was there before. */
	assert_int_equal(psk_buffer_load(&s, "t", "b x\na \0\n", 8, listen_to, said), -EINVAL);
	assert_string_equal(said, "t:2: this line has a NUL byte\n");
	assert_int_equal(psk_buffer_load(&s, "t", text, sizeof(text), listen_to, said), -EINVAL);
	assert_int_equal(s.n, 1);
	conf_secrets_free(&s);
	assert_null(s.entries);
}

static void add(struct conf_secrets *s, const char *id, const char *local, const char *net, uint8_t len, const char *key)
{
	struct psk_entry e = { .remote_len = len };

	assert_int_equal(conf_id_parse(&e.id, id), 0);
	if (local)
		assert_int_equal(conf_id_parse(&e.local, local), 0);
	if (net)
		assert_int_equal(ipsec_addr_parse(&e.remote, net), 0);
	assert_int_equal(secret_set(&e.key, key, strlen(key)), 0);
	assert_int_equal(psk_add(s, &e), 0);
	assert_null(e.key.p);
}

static void test_find(void **state)
{
	static const struct {
		const char *local, *id, *addr, *want;
	} cases[] = {
		{ NULL, NULL, NULL, "any" },
		{ NULL, "192.0.2.1", NULL, "host" },
		{ NULL, NULL, "192.0.2.1", "host" },
		/* Whoever speaks from a host that has a secret of its own must know that one. */
		{ NULL, "bob@example", "192.0.2.1", "host" },
		{ NULL, "192.0.2.7", "192.0.2.1", "host" },
		{ NULL, "bob@example", "192.0.2.7", "bob" },
		{ "me.example", "bob@example", "203.0.113.7", "bob and me" },
		{ NULL, "eve@example", "203.0.113.1", "users" },
		{ NULL, "nobody", "192.0.2.9", "net" },
		{ NULL, "nobody", "192.0.3.9", "wide" },
		{ NULL, "nobody", "203.0.113.1", "any" },
		{ NULL, "GW.EXAMPLE", NULL, "first" },
	};
	struct conf_secrets s = { 0 };
	struct conf_id key_id;

	(void)state;
	add(&s, "*", NULL, NULL, 0, "any");
	add(&s, "*", NULL, "192.0.0.0", 16, "wide");
	add(&s, "*", NULL, "192.0.2.0", 24, "net");
	add(&s, "192.0.2.1", NULL, NULL, 0, "host");
	add(&s, "*@example", NULL, NULL, 0, "users");
	add(&s, "bob@example", NULL, NULL, 0, "bob");
	add(&s, "bob@example", "me.example", NULL, 0, "bob and me");
	add(&s, "gw.example", NULL, NULL, 0, "first");
	add(&s, "gw.example", NULL, NULL, 0, "second");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct psk_entry *e;
		struct conf_id local, id;
		struct ipsec_addr addr;

		if (cases[i].local)
			conf_id_parse(&local, cases[i].local);
		if (cases[i].id)
			conf_id_parse(&id, cases[i].id);
		if (cases[i].addr)
			ipsec_addr_parse(&addr, cases[i].addr);
		e = psk_find(&s, cases[i].local ? &local : NULL, cases[i].id ? &id : NULL, cases[i].addr ? &addr : NULL);
		assert_non_null(e);
		assert_int_equal(e->key.n, strlen(cases[i].want));
		assert_memory_equal(e->key.p, cases[i].want, e->key.n);
	}
	/* racoon compares text: the type that the peer gives its name does not matter. */
	assert_int_equal(conf_id_set(&key_id, CONF_ID_KEY_ID, "gw.example", 10), 0);
	assert_memory_equal(psk_find(&s, NULL, &key_id, NULL)->key.p, "first", 5);
	conf_secrets_free(&s);
	assert_null(psk_find(&s, NULL, &key_id, NULL));
	add(&s, "gw.example", "me.example", "192.0.2.1", 32, "x");
	assert_null(psk_find(&s, NULL, &key_id, NULL));
	conf_secrets_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_limits), cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
