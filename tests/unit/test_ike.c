// SPDX-License-Identifier: MIT
// The engine's small parts: timers, tables, selectors.
#include "keyd/crypto/alg.h"
#include "keyd/ike/selector.h"
#include "keyd/ike/timer.h"
#include "keyd/util/table.h"
#include "keyd/wire/ikev2.h"
#include "tests/unit/ts_range.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- timers and tables --- */

#define MANY 500

static void nothing(struct timer *t)
{
	(void)t;
}

static void test_timers(void **state)
{
	struct timer all[MANY] = { 0 };
	struct timers ts = { 0 };
	uint64_t last = 0;
	unsigned left = 0;

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(timer_set(&ts, &all[i], (i * 7919) % 1000, nothing), 0);
	for (unsigned i = 0; i < MANY; i += 3)
		timer_cancel(&ts, &all[i]);
	for (unsigned i = 1; i < MANY; i += 3)
		assert_int_equal(timer_set(&ts, &all[i], (i * 104729) % 1000, nothing), 0);
	for (struct timer *t; (t = timers_first(&ts)); left++) {
		assert_true(t->at >= last);
		last = t->at;
		timer_cancel(&ts, t);
		timer_cancel(&ts, t);
	}
	assert_int_equal(left, MANY - (MANY + 2) / 3);
	timers_free(&ts);
}

static void test_table(void **state)
{
	static struct table_node nodes[MANY];
	struct table t;

	(void)state;
	assert_int_equal(table_init(&t), 0);
	for (uint64_t i = 0; i < MANY; i++)
		table_add(&t, &nodes[i], i << 32 | i);
	for (uint64_t i = 0; i < MANY; i += 2)
		table_del(&t, &nodes[i]);
	for (uint64_t i = 0; i < MANY; i++)
		assert_ptr_equal(table_find(&t, i << 32 | i), i % 2 ? &nodes[i] : NULL);
	assert_int_equal(t.n, MANY / 2);
	table_free(&t);
}

/* --- selectors --- */

static struct ipsec_selector sel(const char *src, uint8_t src_len, const char *dst, uint8_t dst_len, uint8_t proto)
{
	struct ipsec_selector s = { .src_len = src_len, .dst_len = dst_len, .proto = proto };

	assert_int_equal(ipsec_addr_parse(&s.src, src), 0);
	assert_int_equal(ipsec_addr_parse(&s.dst, dst), 0);
	return s;
}

static void test_ts_round_trip(void **state)
{
	struct ipsec_selector in[] = {
		sel("10.0.1.0", 24, "10.0.2.0", 24, 0), sel("192.0.2.1", 32, "0.0.0.0", 0, IPPROTO_TCP),
		sel("2001:db8::", 32, "::", 0, IPPROTO_UDP), sel("fd00::1", 128, "fd00::2", 128, 0),
	};

	(void)state;
	in[1].dport = 443;
	in[1].dport_mask = 0xffff;
	for (unsigned i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		struct wire_ts_list src = { .n = 1 }, dst = { .n = 1 };
		struct ipsec_selector out;

		selector_to_ts(&in[i], SELECTOR_SRC, &src.ts[0]);
		selector_to_ts(&in[i], SELECTOR_DST, &dst.ts[0]);
		assert_true(selector_inside(&src, &dst, NULL, &out));
		assert_true(selector_equal(&in[i], &out));
		selector_around(&src, &dst, &out);
		assert_true(selector_equal(&in[i], &out));
		assert_true(selector_covers(&in[i], &out));
		selector_turn(&out);
		selector_turn(&out);
		assert_true(selector_equal(&in[i], &out));
	}
}

static void test_ts_icmp(void **state)
{
	struct ipsec_selector s = sel("::", 0, "::", 0, IPPROTO_ICMPV6);
	struct wire_ts ts;

	(void)state;
	s.sport = 135;
	s.sport_mask = 0xffff;
	for (int side = SELECTOR_SRC; side <= SELECTOR_DST; side++) {
		selector_to_ts(&s, side, &ts);
		assert_int_equal(ts.port_start, 135 << 8);
		assert_int_equal(ts.port_end, 135 << 8 | 255);
	}
	s.dport = 1;
	s.dport_mask = 0xffff;
	selector_to_ts(&s, SELECTOR_DST, &ts);
	assert_int_equal(ts.port_start, 135 << 8 | 1);
	assert_int_equal(ts.port_end, 135 << 8 | 1);
}

static void test_narrow(void **state)
{
	struct ipsec_selector policy = sel("10.0.0.0", 24, "10.1.0.0", 16, 0);
	struct wire_ts ours;
	static const struct {
		const char *start, *end, *want;
		uint8_t proto;
		uint16_t p0, p1;
	} t[] = {
		{ "0.0.0.0", "255.255.255.255", "10.0.0.0-10.0.0.255", 0, 0, 65535 },
		{ "10.0.0.7", "10.0.0.7", "10.0.0.7", 0, 0, 65535 },
		{ "10.0.0.200", "10.0.3.1", "10.0.0.200-10.0.0.255 tcp port 80-90", 6, 80, 90 },
		{ "10.0.1.0", "10.0.1.255", NULL, 0, 0, 65535 },
		{ "2001:db8::", "2001:db8::1", NULL, 0, 0, 65535 },
	};
	struct wire_ts_list offered, out;
	char text[200];

	(void)state;
	selector_to_ts(&policy, SELECTOR_SRC, &ours);
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		offered = (struct wire_ts_list){ .n = 1 };
		offered.ts[0] = ts_range(t[i].start, t[i].end, t[i].proto, t[i].p0, t[i].p1);
		assert_int_equal(ts_list_narrow(&ours, &offered, &out), t[i].want != NULL);
		if (t[i].want)
			assert_string_equal(ts_list_format(&out, text, sizeof(text)), t[i].want);
	}
	/* The packet's own selector and the whole: one entry is left, the larger. */
	offered = (struct wire_ts_list){ .n = 2 };
	offered.ts[0] = ts_range("10.0.0.7", "10.0.0.7", 17, 5, 5);
	offered.ts[1] = ts_range("10.0.0.0", "10.0.0.255", 0, 0, 65535);
	assert_true(ts_list_narrow(&ours, &offered, &out));
	assert_int_equal(out.n, 1);
	assert_true(ts_list_within(&out, &offered));
	out.ts[0].end[3] = 255;
	out.ts[0].end[2] = 1;
	assert_false(ts_list_within(&out, &offered));
}

static struct wire_ts_list one(struct wire_ts ts)
{
	struct wire_ts_list l = { .n = 1 };

	l.ts[0] = ts;
	return l;
}

/*
 * The kernel's selector lies inside of ranges that are no prefixes, around what is near, and the other one around them.
 */
static void test_not_a_prefix(void **state)
{
	static const struct {
		const char *start, *end, *near, *inside, *around;
		uint16_t p0, p1, near_port;
	} t[] = {
		{ "10.0.0.1", "10.0.0.2", NULL, "10.0.0.1/32[any]", "10.0.0.0/30[any]", 0, 65535, 0 },
		{ "10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.2/32[any]", "10.0.0.0/30[any]", 0, 65535, 0 },
		{ "10.0.0.4", "10.0.0.200", "10.0.0.70", "10.0.0.64/26[any]", "10.0.0.0/24[any]", 0, 65535, 0 },
		{ "10.0.0.4", "10.0.0.200", "10.9.0.1", "10.0.0.4/30[any]", "10.0.0.0/24[any]", 0, 65535, 0 },
		{ "10.0.0.0", "10.0.0.1", NULL, "10.0.0.0/31[9]", "10.0.0.0/31[9]", 9, 9, 0 },
		{ "10.0.0.0", "10.0.0.1", "10.0.0.1", "10.0.0.0/31[8]", "10.0.0.0/31[0]", 5, 9, 8 },
		{ "10.0.0.0", "10.0.0.1", NULL, "10.0.0.0/31[0]", "10.0.0.0/31[0]", 65535, 0, 0 },	/* OPAQUE */
		{ "0.0.0.0", "255.255.255.255", "10.0.0.1", "0.0.0.0/0[any]", "0.0.0.0/0[any]", 0, 65535, 0 },
	};
	struct wire_ts_list dst = one(ts_range("10.1.0.0", "10.1.0.255", 0, 0, 65535));
	char text[SELECTOR_STRLEN];

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct wire_ts_list src = one(ts_range(t[i].start, t[i].end, IPPROTO_UDP, t[i].p0, t[i].p1));
		struct ipsec_selector near = { 0 }, out;

		if (t[i].near)
			near = sel(t[i].near, 32, "10.1.0.7", 32, IPPROTO_UDP);
		near.sport = t[i].near_port;
		near.sport_mask = t[i].near_port ? 0xffff : 0;
		if (t[i].near && t[i].p0 == 0)
			near.sport_mask = 0;
		assert_true(selector_inside(&src, &dst, &near, &out));
		assert_int_equal(out.proto, IPPROTO_UDP);
		selector_format(&out, text, sizeof(text));
		assert_int_equal(strncmp(text, t[i].inside, strlen(t[i].inside)), 0);
		if (t[i].near && ipsec_addr_in_prefix(&near.src, &out.src, out.src_len))
			assert_true(selector_covers(&out, &near));
		selector_around(&src, &dst, &out);
		selector_format(&out, text, sizeof(text));
		assert_int_equal(strncmp(text, t[i].around, strlen(t[i].around)), 0);
	}
}

/* Every selector that comes out lies in the ranges, whatever they are, and contains what is near if that does. */
static void test_inside_and_around(void **state)
{
	uint64_t x = 88172645463325252u;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct wire_ts_list src, dst, from, to;
		struct ipsec_selector near, in, around;
		uint8_t a[4][4];
		uint16_t p[4];

		for (unsigned i = 0; i < 4; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			memcpy(a[i], &x, 4);
			a[i][0] = 10;
			a[i][1] &= 1;
			a[i][2] &= round & 1 ? 0 : 0xff;
			p[i] = (uint16_t)(x >> 40);
		}
		for (unsigned i = 0; i < 4; i += 2) {
			if (memcmp(a[i], a[i + 1], 4) > 0) {
				memcpy(&x, a[i], 4);
				memcpy(a[i], a[i + 1], 4);
				memcpy(a[i + 1], &x, 4);
			}
			if (p[i] > p[i + 1]) {
				uint16_t q = p[i];

				p[i] = p[i + 1];
				p[i + 1] = q;
			}
		}
		src = one((struct wire_ts){ IKEV2_TS_IPV4_ADDR_RANGE, IPPROTO_TCP, p[0], p[1], { 0 }, { 0 }, 4 });
		dst = one((struct wire_ts){ IKEV2_TS_IPV4_ADDR_RANGE, IPPROTO_TCP, p[2], p[3], { 0 }, { 0 }, 4 });
		memcpy(src.ts[0].start, a[0], 4);
		memcpy(src.ts[0].end, a[1], 4);
		memcpy(dst.ts[0].start, a[2], 4);
		memcpy(dst.ts[0].end, a[3], 4);
		near = sel("10.0.0.5", 32, "10.0.0.9", 32, IPPROTO_TCP);
		memcpy(near.src.b, round & 2 ? a[0] : a[1], 4);
		memcpy(near.dst.b, round & 4 ? a[2] : a[3], 4);
		near.sport = round & 8 ? p[0] : p[1];
		near.dport = round & 16 ? p[2] : p[3];
		near.sport_mask = near.dport_mask = 0xffff;
		assert_true(selector_inside(&src, &dst, round & 32 ? &near : NULL, &in));
		assert_true(!(round & 32) || selector_covers(&in, &near));
		from = one(src.ts[0]);
		to = one(dst.ts[0]);
		selector_to_ts(&in, SELECTOR_SRC, &from.ts[0]);
		selector_to_ts(&in, SELECTOR_DST, &to.ts[0]);
		assert_true(ts_list_within(&from, &src) && ts_list_within(&to, &dst));
		selector_around(&src, &dst, &around);
		assert_true(selector_covers(&around, &in));
		selector_to_ts(&around, SELECTOR_SRC, &from.ts[0]);
		selector_to_ts(&around, SELECTOR_DST, &to.ts[0]);
		assert_true(ts_list_within(&src, &from) && ts_list_within(&dst, &to));
	}
}

/* Several selectors and both families: pairs of one family and protocol, in the order of the lists. */
static void test_several_selectors(void **state)
{
	struct wire_ts_list src = { .n = 3 }, dst = { .n = 3 };
	struct ipsec_selector near = sel("2001:db8::7", 128, "2001:db8:1::7", 128, 0), out;
	char text[SELECTOR_STRLEN];

	(void)state;
	src.ts[0] = ts_range("10.0.0.0", "10.0.0.255", IPPROTO_TCP, 0, 65535);
	src.ts[1] = ts_range("10.0.2.0", "10.0.2.255", 0, 0, 65535);
	src.ts[2] = ts_range("2001:db8::", "2001:db8::ff", 0, 0, 65535);
	dst.ts[0] = ts_range("10.1.0.0", "10.1.0.255", IPPROTO_UDP, 53, 53);
	dst.ts[1] = ts_range("10.1.4.0", "10.1.4.255", IPPROTO_UDP, 53, 53);
	dst.ts[2] = ts_range("2001:db8:1::", "2001:db8:1::ff", 0, 0, 65535);
	assert_true(selector_inside(&src, &dst, NULL, &out));
	assert_string_equal(selector_format(&out, text, sizeof(text)), "10.0.2.0/24[any] 10.1.0.0/24[53] 17");
	assert_true(selector_inside(&src, &dst, &near, &out));
	assert_string_equal(selector_format(&out, text, sizeof(text)),
			    "2001:db8::/120[any] 2001:db8:1::/120[any] any");
	near = sel("10.0.2.9", 32, "10.1.4.1", 32, IPPROTO_UDP);
	near.dport = 53;
	near.dport_mask = 0xffff;
	assert_true(selector_inside(&src, &dst, &near, &out));
	assert_string_equal(selector_format(&out, text, sizeof(text)), "10.0.2.0/24[any] 10.1.4.0/24[53] 17");
	selector_around(&src, &dst, &out);
	assert_int_equal(out.src.family, AF_UNSPEC);
	src.n = dst.n = 2;
	selector_around(&src, &dst, &out);
	assert_string_equal(selector_format(&out, text, sizeof(text)), "10.0.0.0/22[any] 10.1.0.0/21[53] 17");
	src.n = dst.n = 1;
	assert_false(selector_inside(&src, &dst, NULL, &out));
	assert_false(selector_inside(&(struct wire_ts_list){ 0 }, &dst, NULL, &out));
}

static void test_opaque(void **state)
{
	struct wire_ts any = ts_range("10.0.0.0", "10.0.0.255", IPPROTO_UDP, 0, 65535), out;
	struct wire_ts opaque = ts_range("10.0.0.0", "10.0.0.255", IPPROTO_UDP, 65535, 0);
	struct wire_ts some = ts_range("10.0.0.0", "10.0.0.255", IPPROTO_UDP, 0, 65534);
	struct wire_ts_list l = one(opaque);
	char text[100];

	(void)state;
	assert_true(ts_within(&opaque, &any));
	assert_true(ts_within(&opaque, &opaque));
	assert_false(ts_within(&opaque, &some));
	assert_false(ts_within(&some, &opaque));
	assert_false(ts_within(&any, &opaque));
	assert_true(ts_intersect(&any, &opaque, &out) && ts_is_opaque(&out));
	assert_true(ts_intersect(&opaque, &any, &out) && ts_is_opaque(&out));
	assert_false(ts_intersect(&some, &opaque, &out));
	assert_true(ts_intersect(&some, &any, &out) && out.port_end == 65534);
	assert_string_equal(ts_list_format(&l, text, sizeof(text)), "10.0.0.0-10.0.0.255 udp port opaque");
}

/* Each side's types are those that it sends (RFC 4301 4.4.1.1): the outbound SA has ours, the inbound SA the peer's. */
static void test_types(void **state)
{
	struct wire_ts_list here = one(ts_range("10.0.0.1", "10.0.0.1", IPPROTO_ICMP, 8 << 8, 8 << 8 | 255));
	struct wire_ts_list there = one(ts_range("10.0.0.2", "10.0.0.2", IPPROTO_ICMP, 0, 255));
	struct ipsec_selector near = sel("10.0.0.1", 32, "10.0.0.2", 32, IPPROTO_ICMP), out;
	char text[100];

	(void)state;
	assert_true(selector_inside(&here, &there, NULL, &out));
	assert_int_equal(out.sport, 8);
	assert_int_equal(out.sport_mask, 0xffff);
	assert_int_equal(out.dport_mask, 0);
	selector_around(&there, &here, &out);
	assert_int_equal(out.sport, 0);
	assert_int_equal(out.sport_mask, 0xffff);
	assert_string_equal(ts_list_format(&here, text, sizeof(text)), "10.0.0.1 icmp type 8");
	/* A range of types and codes: around the packet. */
	here.ts[0].port_start = 3 << 8;
	here.ts[0].port_end = 11 << 8 | 255;
	near.sport = 5;
	near.dport = 1;
	near.sport_mask = near.dport_mask = 0xffff;
	assert_true(selector_inside(&here, &there, &near, &out));
	assert_true(selector_covers(&out, &near));
	assert_int_equal(out.sport, 4);
	assert_int_equal(out.sport_mask, 0xfffc);
	assert_int_equal(out.dport_mask, 0);
	/* One that may send no message at all. */
	here.ts[0].port_start = 65535;
	here.ts[0].port_end = 0;
	assert_true(selector_inside(&here, &there, NULL, &out));
	assert_true(out.sport > 255 && out.sport_mask == 0xffff);
	/* A mobility header has a type and no code. */
	near = sel("fd00::1", 128, "fd00::2", 128, 135);
	near.sport = 5;
	near.sport_mask = 0xffff;
	selector_to_ts(&near, SELECTOR_SRC, &here.ts[0]);
	selector_to_ts(&near, SELECTOR_DST, &there.ts[0]);
	assert_int_equal(here.ts[0].port_start, 5 << 8);
	assert_int_equal(here.ts[0].port_end, 5 << 8);
	assert_true(selector_inside(&here, &there, NULL, &out));
	assert_true(selector_equal(&out, &near));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_ts_round_trip),
		cmocka_unit_test(test_ts_icmp),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_not_a_prefix),
		cmocka_unit_test(test_inside_and_around),
		cmocka_unit_test(test_several_selectors),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
