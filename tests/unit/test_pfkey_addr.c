// SPDX-License-Identifier: MIT
/* Addresses: text, sockaddr, prefixes. */
#include "pfkey/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct ipsec_addr addr(const char *text)
{
	struct ipsec_addr a;

	assert_int_equal(ipsec_addr_parse(&a, text), 0);
	return a;
}

static void test_text(void **state)
{
	static const char *const good[] = { "0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", "fe80::1",
					    "::ffff:192.0.2.1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/24", "host", "fe80::1%lo",
					   " 1.2.3.4", "1.2.3.4 ", "::g" };
	char buf[IPSEC_ADDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ipsec_addr a = addr(good[i]);

		assert_string_equal(ipsec_addr_format(&a, buf, sizeof(buf)), good[i]);
		assert_int_equal(a.family, strchr(good[i], ':') ? AF_INET6 : AF_INET);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ipsec_addr a = addr("192.0.2.7"), before = a;

		assert_int_equal(ipsec_addr_parse(&a, bad[i]), -EINVAL);
		assert_true(ipsec_addr_equal(&a, &before));
	}
	struct ipsec_addr none = { 0 };

	assert_string_equal(ipsec_addr_format(&none, buf, sizeof(buf)), "any");
	struct ipsec_addr a = addr("2001:db8::1");

	assert_string_equal(ipsec_addr_format(&a, buf, 4), "");		/* too small: empty, not cut */
}

static void test_text_v4(void **state)
{
	char buf[IPSEC_ADDR_STRLEN], wanted[INET_ADDRSTRLEN];

	(void)state;
	for (unsigned int v = 0; v < 4 * 256; v++) {
		struct ipsec_addr a = { .family = AF_INET, .b = { 10, 9, 255, 0 } };

		a.b[v / 256] = v % 256;
		inet_ntop(AF_INET, a.b, wanted, sizeof(wanted));
		assert_string_equal(ipsec_addr_format(&a, buf, strlen(wanted) + 1), wanted);
		assert_string_equal(ipsec_addr_format(&a, buf, strlen(wanted)), "");
	}
}

static void test_bytes(void **state)
{
	static const uint8_t bytes[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	struct ipsec_addr a, b = addr("2001:db8::1");

	(void)state;
	assert_int_equal(ipsec_addr_from_bytes(&a, bytes, 16), 0);
	assert_true(ipsec_addr_equal(&a, &b));
	assert_int_equal(ipsec_addr_from_bytes(&a, bytes, 4), 0);
	b = addr("32.1.13.184");
	assert_true(ipsec_addr_equal(&a, &b));
	assert_int_equal(ipsec_addr_from_bytes(&a, bytes, 0), -EINVAL);
	assert_int_equal(ipsec_addr_from_bytes(&a, bytes, 15), -EINVAL);
}

static void test_sockaddr(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1" };
	struct sockaddr_storage ss;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ipsec_addr a = addr(texts[i]), b;
		socklen_t n = ipsec_addr_to_sockaddr(&a, 4500, &ss);
		uint16_t port = 0;

		assert_int_equal(n, i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
		assert_int_equal(ipsec_addr_from_sockaddr(&b, &port, (struct sockaddr *)&ss, n), 0);
		assert_true(ipsec_addr_equal(&a, &b));
		assert_int_equal(port, 4500);
		for (socklen_t cut = 0; cut < n; cut++)
			assert_int_equal(ipsec_addr_from_sockaddr(&b, NULL, (struct sockaddr *)&ss, cut), -EINVAL);
	}
	struct ipsec_addr none = { 0 };

	assert_int_equal(ipsec_addr_to_sockaddr(&none, 1, &ss), 0);
	ss.ss_family = AF_UNIX;
	assert_int_equal(ipsec_addr_from_sockaddr(&none, NULL, (struct sockaddr *)&ss, sizeof(ss)), -EINVAL);
}

static void test_prefix(void **state)
{
	static const struct { const char *net; uint8_t len; const char *first, *last; } rows[] = {
		{ "10.1.2.3", 24, "10.1.2.0", "10.1.2.255" },
		{ "10.1.2.3", 32, "10.1.2.3", "10.1.2.3" },
		{ "10.1.2.3", 200, "10.1.2.3", "10.1.2.3" },
		{ "10.1.2.3", 0, "0.0.0.0", "255.255.255.255" },
		{ "10.1.2.3", 9, "10.0.0.0", "10.127.255.255" },
		{ "10.1.2.3", 31, "10.1.2.2", "10.1.2.3" },
		{ "2001:db8::1", 33, "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff" },
		{ "2001:db8::1", 128, "2001:db8::1", "2001:db8::1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipsec_addr net = addr(rows[i].net), first, last, want;

		ipsec_addr_prefix_range(&net, rows[i].len, &first, &last);
		want = addr(rows[i].first);
		assert_true(ipsec_addr_equal(&first, &want));
		want = addr(rows[i].last);
		assert_true(ipsec_addr_equal(&last, &want));
		assert_true(ipsec_addr_in_prefix(&first, &net, rows[i].len));
		assert_true(ipsec_addr_in_prefix(&last, &net, rows[i].len));
	}
	struct ipsec_addr net = addr("10.1.2.0"), out = addr("10.1.3.0"), v6 = addr("::");

	assert_false(ipsec_addr_in_prefix(&out, &net, 24));
	assert_true(ipsec_addr_in_prefix(&out, &net, 23));
	assert_false(ipsec_addr_in_prefix(&v6, &net, 0));
}

static void test_compare(void **state)
{
	struct ipsec_addr none = { 0 }, a = addr("10.0.0.1"), b = addr("10.0.0.2"), c = addr("::1"), z = addr("0.0.0.0"),
			  z6 = addr("::");

	(void)state;
	assert_true(ipsec_addr_cmp(&a, &b) < 0 && ipsec_addr_cmp(&b, &a) > 0 && !ipsec_addr_cmp(&a, &a));
	assert_true(ipsec_addr_cmp(&b, &c) < 0 && ipsec_addr_cmp(&none, &z) < 0);
	assert_true(ipsec_addr_is_any(&none) && ipsec_addr_is_any(&z) && ipsec_addr_is_any(&z6));
	assert_false(ipsec_addr_is_any(&a) || ipsec_addr_is_any(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text), cmocka_unit_test(test_text_v4), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_sockaddr),
		cmocka_unit_test(test_prefix), cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
