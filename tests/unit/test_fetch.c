// SPDX-License-Identifier: MIT
// URLs that are fetched and those that are not, where answers lead, and who is refused at once.
#include "keyd/fetch/fetcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct view text(const char *s)
{
	return (struct view){ (const uint8_t *)s, strlen(s) };
}

static void urls_are_taken_apart(void **state)
{
	static const struct {
		const char *url, *host, *path, *again;
		uint16_t port;
	} rows[] = {
		{ "http://crl.example.com/ca.crl", "crl.example.com", "/ca.crl", "http://crl.example.com/ca.crl", 80 },
		{ "HTTP://crl.example.com", "crl.example.com", "/", "http://crl.example.com/", 80 },
		{ "http://a_b.example:8080/x?y=z#part", "a_b.example", "/x?y=z", "http://a_b.example:8080/x?y=z", 8080 },
		{ "http://192.0.2.1:65535/", "192.0.2.1", "/", "http://192.0.2.1:65535/", 65535 },
		{ "http://[2001:db8::1]/a%20b", "2001:db8::1", "/a%20b", "http://[2001:db8::1]/a%20b", 80 },
		{ "http://[::ffff:192.0.2.1]:81/", "::ffff:192.0.2.1", "/", "http://[::ffff:192.0.2.1]:81/", 81 },
		{ "http://x?only-query", "x", "/?only-query", "http://x/?only-query", 80 },
	};
	char buf[URL_STRLEN];
	const char *why;
	struct url u;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(url_parse(&u, text(rows[i].url), &why), 0);
		assert_string_equal(u.host, rows[i].host);
		assert_string_equal(u.path, rows[i].path);
		assert_int_equal(u.port, rows[i].port);
		assert_string_equal(url_format(&u, buf, sizeof(buf)), rows[i].again);
	}
}

static void others_are_refused_with_a_word(void **state)
{
	static const struct {
		const char *url, *why;
	} rows[] = {
		{ "", "is no URL" },
		{ "/etc/passwd", "is no URL" },
		{ "crl.example.com/ca.crl", "is no URL" },
		{ "https://crl.example.com/", "is not http" },
		{ "ldap:///CN=CA,O=Example?certificateRevocationList?base", "is not http" },
		{ "ftp://crl.example.com/", "is not http" },
		{ "file:///etc/shadow", "is not http" },
		{ "gopher://crl.example.com/", "is not http" },
		{ "http://user@crl.example.com/", "has a user name in it" },
		{ "http://user:secret@crl.example.com/", "has a user name in it" },
		{ "http:///ca.crl", "has no valid host" },
		{ "http:ca.crl", "has no valid host" },
		{ "http://a%2eb.example/", "has no valid host" },
		{ "http://[fe80::1%25eth0]/", "is no URL" },
		{ "http://x:0/", "has no valid port" },
		{ "http://x:65536/", "is no URL" },
		{ "http://x:port/", "is no URL" },
		{ "http://x/a b", "is no URL" },
		{ "http://x/\r\nHost: y", "is no URL" },
		{ "http://x/\xc3\xa4", "is no URL" },
	};
	const char *why;
	struct url u;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(url_parse(&u, text(rows[i].url), &why), -1);
		assert_string_equal(why, rows[i].why);
	}
	assert_int_equal(url_parse(&u, (struct view){ (const uint8_t *)"http://x/\0y", 11 }, &why), -1);
}

static void long_ones_are_refused(void **state)
{
	char url[URL_MAX + 2] = "http://x/";
	const char *why;
	struct url u;

	(void)state;
	memset(url + 9, 'a', sizeof(url) - 10);
	assert_int_equal(url_parse(&u, text(url), &why), -1);
	assert_string_equal(why, "is too long");
	url[URL_MAX] = 0;
	assert_int_equal(url_parse(&u, text(url), &why), 0);
	memcpy(url + 7, "aaaaaaaa", 8);
	memset(url + 7, 'h', 300);
	url[307] = '/';
	assert_int_equal(url_parse(&u, text(url), &why), -1);
	assert_string_equal(why, "has no valid host");
}

static void answers_lead_elsewhere(void **state)
{
	static const struct {
		const char *location, *url;	/* NULL: refused */
	} rows[] = {
		{ "http://b.example/y", "http://b.example/y" },
		{ "/y?z", "http://a.example:81/y?z" },
		{ "y", "http://a.example:81/d/y" },
		{ "?q", "http://a.example:81/d/?q" },
		{ "//b.example/y", "http://b.example/y" },
		{ "https://b.example/y", NULL },
		{ "file:///etc/passwd", NULL },
		{ "mailto:x", NULL },
		{ "//u:p@b.example/y", NULL },
		{ "a\tb", NULL },
	};
	char buf[URL_STRLEN];
	const char *why;
	struct url from, u;

	(void)state;
	assert_int_equal(url_parse(&from, text("http://a.example:81/d/x?a/b"), &why), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		u = from;
		assert_int_equal(url_follow(&u, &u, rows[i].location, &why), rows[i].url ? 0 : -1);
		if (rows[i].url)
			assert_string_equal(url_format(&u, buf, sizeof(buf)), rows[i].url);
	}
}

struct said {
	unsigned int n;
	uint32_t id;
	char why[FETCHER_WHY_MAX];
};

static void on_end(void *arg, uint32_t id, int fd, const char *why)
{
	struct said *s = arg;

	assert_int_equal(fd, -1);
	s->n++;
	s->id = id;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

static void on_stale(void *arg)
{
	(void)arg;
	fail_msg("nothing has changed");
}

static struct fetcher_want want(const char *url)
{
	return (struct fetcher_want){ .url = text(url), .most = 1000, .wait_ms = 1000 };
}

static void what_is_refused_is_told_at_once(void **state)
{
	struct loop *l = loop_new();
	struct said said = { 0 };
	struct fetcher *f = fetcher_new(l, on_end, on_stale, &said);
	struct fetcher_want w = want("https://x/");

	(void)state;
	assert_non_null(f);
	fetcher_begin(f, 7, &w);
	assert_int_equal(said.n, 1);
	assert_int_equal(said.id, 7);
	assert_string_equal(said.why, "is not http");
	fetcher_free(f);
	loop_free(l);
}

static void the_queue_is_bounded(void **state)
{
	struct loop *l = loop_new();
	struct said said = { 0 };
	struct fetcher *f = fetcher_new(l, on_end, on_stale, &said);
	struct fetcher_want w = want("http://127.0.0.1:1/");
	uint32_t id = 0;

	(void)state;
	while (id < FETCHER_SERVER_AT_ONCE + FETCHER_WAITING)
		fetcher_begin(f, ++id, &w);
	assert_int_equal(said.n, 0);
	assert_true(fetcher_has(f, id));
	fetcher_begin(f, ++id, &w);
	assert_int_equal(said.n, 1);
	assert_string_equal(said.why, "is one of too many that are to be fetched");
	assert_false(fetcher_has(f, id));
	fetcher_cancel(f, 1);			/* then one of those that wait begins, and there is room for another */
	fetcher_cancel(f, 1);
	fetcher_begin(f, ++id, &w);
	assert_int_equal(said.n, 1);
	fetcher_cancel_all(f);
	assert_false(fetcher_has(f, 2));
	assert_false(fetcher_has(f, id));
	fetcher_free(f);
	loop_free(l);
}

static void on_time(void *arg)
{
	loop_stop(arg, 0);
}

/* Everything that is open when the time comes to go is let go of. */
static void a_loop_that_runs_ends_cleanly(void **state)
{
	struct loop *l = loop_new();
	struct said said = { 0 };
	struct fetcher *f = fetcher_new(l, on_end, on_stale, &said);
	struct loop_timer *t = loop_timer_new(l, on_time, l);
	struct fetcher_want w = want("http://127.0.0.1:1/");

	(void)state;
	fetcher_begin(f, 1, &w);
	loop_timer_set(t, loop_now() + 200000);
	assert_int_equal(loop_run(l), 0);
	assert_int_equal(said.n, 1);
	assert_string_equal(said.why, "refuses the connection");
	fetcher_begin(f, 2, &w);
	loop_timer_free(t);
	fetcher_free(f);
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_taken_apart),
		cmocka_unit_test(others_are_refused_with_a_word),
		cmocka_unit_test(long_ones_are_refused),
		cmocka_unit_test(answers_lead_elsewhere),
		cmocka_unit_test(what_is_refused_is_told_at_once),
		cmocka_unit_test(the_queue_is_bounded),
		cmocka_unit_test(a_loop_that_runs_ends_cleanly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
