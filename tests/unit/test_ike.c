// SPDX-License-Identifier: MIT
// The engine's small parts: timers, tables, selectors, proposals, the mirror of the SPD.
#include "keyd/conf/load.h"
#include "keyd/ike/proposal.h"
#include "keyd/ike/selector.h"
#include "keyd/ike/spd.h"
#include "keyd/ike/timer.h"
#include "keyd/util/table.h"
#include "keyd/wire/ikev2.h"

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

static struct wire_ts range(const char *start, const char *end, uint8_t proto, uint16_t p0, uint16_t p1)
{
	struct wire_ts ts = { .proto = proto, .port_start = p0, .port_end = p1 };
	struct ipsec_addr a, b;

	ipsec_addr_parse(&a, start);
	ipsec_addr_parse(&b, end);
	ts.addr_len = (uint8_t)ipsec_addr_size(a.family);
	ts.type = a.family == AF_INET ? IKEV2_TS_IPV4_ADDR_RANGE : IKEV2_TS_IPV6_ADDR_RANGE;
	memcpy(ts.start, a.b, ts.addr_len);
	memcpy(ts.end, b.b, ts.addr_len);
	return ts;
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
		offered.ts[0] = range(t[i].start, t[i].end, t[i].proto, t[i].p0, t[i].p1);
		assert_int_equal(ts_list_narrow(&ours, &offered, &out), t[i].want != NULL);
		if (t[i].want)
			assert_string_equal(ts_list_format(&out, text, sizeof(text)), t[i].want);
	}
	/* The packet's own selector and the whole: one entry is left, the larger. */
	offered = (struct wire_ts_list){ .n = 2 };
	offered.ts[0] = range("10.0.0.7", "10.0.0.7", 17, 5, 5);
	offered.ts[1] = range("10.0.0.0", "10.0.0.255", 0, 0, 65535);
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

/* The kernel's selector lies inside of ranges that are no prefixes, around what is near, and the other one around them. */
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
	struct wire_ts_list dst = one(range("10.1.0.0", "10.1.0.255", 0, 0, 65535));
	char text[SELECTOR_STRLEN];

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct wire_ts_list src = one(range(t[i].start, t[i].end, IPPROTO_UDP, t[i].p0, t[i].p1));
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
	src.ts[0] = range("10.0.0.0", "10.0.0.255", IPPROTO_TCP, 0, 65535);
	src.ts[1] = range("10.0.2.0", "10.0.2.255", 0, 0, 65535);
	src.ts[2] = range("2001:db8::", "2001:db8::ff", 0, 0, 65535);
	dst.ts[0] = range("10.1.0.0", "10.1.0.255", IPPROTO_UDP, 53, 53);
	dst.ts[1] = range("10.1.4.0", "10.1.4.255", IPPROTO_UDP, 53, 53);
	dst.ts[2] = range("2001:db8:1::", "2001:db8:1::ff", 0, 0, 65535);
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
	struct wire_ts any = range("10.0.0.0", "10.0.0.255", IPPROTO_UDP, 0, 65535), out;
	struct wire_ts opaque = range("10.0.0.0", "10.0.0.255", IPPROTO_UDP, 65535, 0);
	struct wire_ts some = range("10.0.0.0", "10.0.0.255", IPPROTO_UDP, 0, 65534);
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
	struct wire_ts_list here = one(range("10.0.0.1", "10.0.0.1", IPPROTO_ICMP, 8 << 8, 8 << 8 | 255));
	struct wire_ts_list there = one(range("10.0.0.2", "10.0.0.2", IPPROTO_ICMP, 0, 255));
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

/* --- proposals --- */

static struct conf conf_of(const char *text)
{
	struct conf_secrets s;
	struct conf c;

	assert_int_equal(conf_load_buffer(&c, &s, "test", text, strlen(text), NULL, NULL), 0);
	conf_secrets_free(&s);
	return c;
}

static void test_proposals(void **state)
{
	static const struct {
		const char *ours, *theirs, *chosen;
	} t[] = {
		{ "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-x25519" },
		{ "aes256-sha256-modp2048", "aes128gcm16-prfsha256-x25519, aes256-aes128-sha512-sha256-modp2048-ecp256",
		  "aes256-sha256-prfsha256-modp2048" },
		/* our order counts, not theirs */
		{ "aes256gcm16-aes128gcm16-prfsha384-prfsha256-ecp256-x25519",
		  "aes128gcm16-aes256gcm16-prfsha256-prfsha384-x25519-ecp256", "aes256gcm16-prfsha384-ecp256" },
		{ "aes128gcm16-prfsha256-x25519", "aes256gcm16-prfsha256-x25519", NULL },
		{ "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha384-x25519", NULL },
		{ "aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-ecp256", NULL },
		{ "aes128gcm16-prfsha256-x25519", "aes128-sha256-x25519", NULL },
	};
	char text[256];

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct proposal_choice choice, checked;
		struct wire_sa offer, answer;
		struct conf ours, theirs;

		snprintf(text, sizeof(text), "default { ike %s }\n", t[i].ours);
		ours = conf_of(text);
		snprintf(text, sizeof(text), "default { ike %s }\n", t[i].theirs);
		theirs = conf_of(text);
		proposal_offer(&theirs.defaults.ike, IKEV2_PROTO_IKE, (struct view){ 0 }, PROPOSAL_KE_REQUIRED, &offer);
		assert_int_equal(proposal_choose(&ours.defaults.ike, &offer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED,
						 &choice), t[i].chosen != NULL);
		if (t[i].chosen) {
			proposal_answer(&choice, IKEV2_PROTO_IKE, (struct view){ 0 }, &answer);
			assert_string_equal(proposal_format(&answer, text, sizeof(text)), t[i].chosen);
			/* The other side recognises it, and nothing that it has not offered. */
			assert_true(proposal_check(&theirs.defaults.ike, &answer, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED,
						   &checked));
			assert_ptr_equal(checked.ke, choice.ke);
			answer.p[0].t[0].key_bits = 192;
			assert_false(proposal_check(&theirs.defaults.ike, &answer, IKEV2_PROTO_IKE,
						    PROPOSAL_KE_REQUIRED, &checked));
			proposal_answer(&choice, IKEV2_PROTO_IKE, (struct view){ 0 }, &answer);
			answer.p[0].t[answer.p[0].n++] = answer.p[0].t[0];
			assert_false(proposal_check(&theirs.defaults.ike, &answer, IKEV2_PROTO_IKE,
						    PROPOSAL_KE_REQUIRED, &checked));
			answer.p[0].n--;
			answer.p[0].number = 9;
			assert_false(proposal_check(&theirs.defaults.ike, &answer, IKEV2_PROTO_IKE,
						    PROPOSAL_KE_REQUIRED, &checked));
		}
		conf_free(&ours);
		conf_free(&theirs);
	}
}

/* A transform type that we do not understand makes a proposal unacceptable (RFC 7296 3.3.6). */
static void test_unknown_transform_type(void **state)
{
	struct proposal_choice choice;
	struct wire_sa offer;
	struct conf c;

	(void)state;
	conf_defaults(&c);
	proposal_offer(&c.defaults.esp, IKEV2_PROTO_ESP, (struct view){ 0 }, PROPOSAL_KE_NONE, &offer);
	offer.n = 1;
	assert_true(proposal_choose(&c.defaults.esp, &offer, IKEV2_PROTO_ESP, PROPOSAL_KE_NONE, &choice));
	offer.p[0].t[offer.p[0].n++] = (struct wire_transform){ .type = 9, .id = 1 };
	assert_false(proposal_choose(&c.defaults.esp, &offer, IKEV2_PROTO_ESP, PROPOSAL_KE_NONE, &choice));
	conf_free(&c);
}

static void format_wire(struct wire_sa *sa, const char *text)
{
	/* "12:128 3:12 5:0 | …": type by place; a word is TYPE:ID or TYPE:ID:BITS */
	char copy[300], *proposal, *word, *save, *save2;

	*sa = (struct wire_sa){ 0 };
	snprintf(copy, sizeof(copy), "%s", text);
	for (proposal = strtok_r(copy, "|", &save); proposal; proposal = strtok_r(NULL, "|", &save)) {
		struct wire_proposal *p = &sa->p[sa->n++];

		p->number = (uint8_t)sa->n;
		p->protocol = IKEV2_PROTO_ESP;
		for (word = strtok_r(proposal, " ", &save2); word; word = strtok_r(NULL, " ", &save2)) {
			unsigned type = 0, id = 0, bits = 0;

			if (!strcmp(word, "AH")) {
				p->protocol = IKEV2_PROTO_AH;
				continue;
			}
			assert_true(sscanf(word, "%u:%u:%u", &type, &id, &bits) >= 2);
			p->t[p->n++] = (struct wire_transform){ (uint8_t)type, (uint16_t)id, (uint16_t)bits };
		}
	}
}

/* What a peer may write, and what we make of it. Types: 1 ENCR, 3 INTEG, 4 KE, 5 ESN; 20 GCM, 12 CBC and SHA-256. */
static void test_offers(void **state)
{
	static const struct {
		const char *ours, *theirs, *answer;
		enum proposal_ke ke;
	} t[] = {
		{ "aes128gcm16", "1:20:128 5:0", "1:20:128 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128", NULL, PROPOSAL_KE_NONE },			/* ESN is a must */
		{ "aes128gcm16", "1:20:128 5:1", NULL, PROPOSAL_KE_NONE },
		{ "aes128gcm16-esn-noesn", "1:20:128 5:0 5:1", "1:20:128 5:1", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128 3:0 5:0", "1:20:128 3:0 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128 3:0 3:12 5:0", "1:20:128 3:0 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128 3:12 5:0", NULL, PROPOSAL_KE_NONE },		/* RFC 5282 8 */
		{ "aes128gcm16", "1:20:0 5:0", NULL, PROPOSAL_KE_NONE },		/* a key length is a must */
		{ "aes128gcm16", "1:20:256 1:99:128 1:20:128 5:7 5:0", "1:20:128 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128 5:0 4:0", "1:20:128 4:0 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16", "1:20:128 5:0 4:31", NULL, PROPOSAL_KE_NONE },
		{ "aes128gcm16-x25519", "1:20:128 5:0 4:0", "1:20:128 4:0 5:0", PROPOSAL_KE_OPTIONAL },
		{ "aes128gcm16-x25519", "1:20:128 5:0 4:0 4:31", "1:20:128 4:31 5:0", PROPOSAL_KE_OPTIONAL },
		{ "aes128gcm16-x25519", "1:20:128 5:0", "1:20:128 5:0", PROPOSAL_KE_OPTIONAL },
		{ "aes128gcm16", "1:20:128 5:0 6:35", NULL, PROPOSAL_KE_NONE },		/* a type that we do not know */
		{ "aes128gcm16", "AH 3:12 5:0|1:20:128 5:0", "1:20:128 5:0", PROPOSAL_KE_NONE },
		{ "aes128gcm16, aes128-sha256", "1:12:256 3:12 5:0|1:12:128 3:2 3:12 5:0", "1:12:128 3:12 5:0",
		  PROPOSAL_KE_NONE },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct proposal_choice choice;
		struct wire_sa offer, answer, want;
		char text[256];
		struct conf c;

		snprintf(text, sizeof(text), "default { esp %s }\n", t[i].ours);
		c = conf_of(text);
		format_wire(&offer, t[i].theirs);
		if (proposal_choose(&c.defaults.esp, &offer, IKEV2_PROTO_ESP, t[i].ke, &choice) != (t[i].answer != NULL))
			fail_msg("%s of %s", t[i].theirs, t[i].ours);
		if (t[i].answer) {
			proposal_answer(&choice, IKEV2_PROTO_ESP, (struct view){ 0 }, &answer);
			format_wire(&want, t[i].answer);
			assert_int_equal(answer.p[0].n, want.p[0].n);
			assert_int_equal(answer.p[0].number, offer.n);
			for (unsigned k = 0; k < want.p[0].n; k++)
				assert_memory_equal(&answer.p[0].t[k], &want.p[0].t[k], sizeof(want.p[0].t[k]));
		}
		conf_free(&c);
	}
}

/* What a peer may answer to "aes128gcm16-x25519-noesn, aes128-aes256-sha256-x25519-noesn". */
static void test_answers(void **state)
{
	static const struct {
		const char *text;
		unsigned number;
		enum proposal_ke ke;
		bool ok;
	} t[] = {
		{ "1:20:128 4:31 5:0", 1, PROPOSAL_KE_OPTIONAL, true },
		{ "1:20:128 3:0 4:31 5:0", 1, PROPOSAL_KE_OPTIONAL, true },
		{ "1:20:128 5:0", 1, PROPOSAL_KE_OPTIONAL, false },	/* takes the key exchange away */
		{ "1:20:128 4:0 5:0", 1, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 5:0", 1, PROPOSAL_KE_NONE, true },
		{ "1:20:128 4:31 5:0", 1, PROPOSAL_KE_NONE, false },	/* was not offered */
		{ "1:20:128 4:31", 1, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 4:31 5:1", 1, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 4:31 5:0", 2, PROPOSAL_KE_OPTIONAL, false },	/* another number */
		{ "1:20:128 4:31 5:0", 3, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 4:31 5:0", 0, PROPOSAL_KE_OPTIONAL, false },
		{ "1:12:256 3:12 4:31 5:0", 2, PROPOSAL_KE_OPTIONAL, true },
		{ "1:12:256 1:12:128 3:12 4:31 5:0", 2, PROPOSAL_KE_OPTIONAL, false },	/* two of one type */
		{ "1:12:256 4:31 5:0", 2, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 4:31 5:0|1:20:128 4:31 5:0", 1, PROPOSAL_KE_OPTIONAL, false },
		{ "1:20:128 2:5 4:31 5:0", 1, PROPOSAL_KE_OPTIONAL, false },
	};
	struct conf c = conf_of("default { esp aes128gcm16-x25519, aes128-aes256-sha256-x25519 }\n");

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct proposal_choice choice;
		struct wire_sa answer;

		format_wire(&answer, t[i].text);
		answer.p[0].number = (uint8_t)t[i].number;
		if (proposal_check(&c.defaults.esp, &answer, IKEV2_PROTO_ESP, t[i].ke, &choice) != t[i].ok)
			fail_msg("%s as number %u", t[i].text, t[i].number);
	}
	conf_free(&c);
}

static void test_explain(void **state)
{
	static const struct {
		const char *ours, *theirs, *want;
	} t[] = {
		{ "aes128-sha256", "1:20:256 5:0|1:12:128 3:2 5:0",
		  "the peer's proposal 2 is nearest to ours, and differs in integrity (the peer has sha1, we have sha256): "
		  "add sha1 to \"esp\" here, or sha256 there" },
		{ "aes128gcm16-aes256gcm16", "1:3 3:2 5:0",
		  "the peer's proposal 1 is nearest to ours, and differs in encryption (the peer has ENCR_3DES, we have "
		  "aes128gcm16/aes256gcm16) and integrity (the peer has sha1, we have none): give the peer "
		  "aes128gcm16" },
		{ "aes128gcm16", "1:20:128 5:1",
		  "the peer's proposal 1 is nearest to ours, and differs in extended sequence numbers (the peer has esn, we "
		  "have noesn): add esn to \"esp\" here, or noesn there" },
		{ "aes128gcm16", "1:20:128 5:0 7:3",
		  "the peer's proposal 1 is nearest to ours, and differs in a kind of transform that nobody here knows" },
		{ "aes128gcm16", "AH 3:12 5:0", "the peer proposes nothing for ESP that has only transforms known here" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char text[600], small[40];
		struct wire_sa offer;
		struct conf c;

		snprintf(text, sizeof(text), "default { esp %s }\n", t[i].ours);
		c = conf_of(text);
		format_wire(&offer, t[i].theirs);
		assert_string_equal(proposal_explain(&c.defaults.esp, &offer, IKEV2_PROTO_ESP, PROPOSAL_KE_NONE, text,
						     sizeof(text)), t[i].want);
		for (size_t n = 1; n <= sizeof(small); n++)
			assert_true(strlen(proposal_explain(&c.defaults.esp, &offer, IKEV2_PROTO_ESP, PROPOSAL_KE_NONE,
							    small, n)) < n);
		conf_free(&c);
	}
}

/* --- the SPD --- */

static struct ipsec_policy policy(uint32_t index, const char *src, uint8_t src_len, const char *dst, uint8_t dst_len,
				  bool tunnel)
{
	struct ipsec_policy p = { .dir = IPSEC_DIR_OUT, .index = index, .ntmpl = 1, .priority = 100 };

	p.sel = sel(src, src_len, dst, dst_len, 0);
	p.tmpl[0].proto = IPPROTO_ESP;
	p.tmpl[0].reqid = index;
	p.tmpl[0].mode = tunnel ? IPSEC_MODE_TUNNEL : IPSEC_MODE_TRANSPORT;
	if (tunnel) {
		ipsec_addr_parse(&p.tmpl[0].src, "192.0.2.1");
		ipsec_addr_parse(&p.tmpl[0].dst, "192.0.2.2");
	}
	return p;
}

static void test_spd(void **state)
{
	struct ipsec_policy wide = policy(1, "10.0.0.0", 8, "10.0.0.0", 8, true);
	struct ipsec_policy exact = policy(2, "10.0.1.0", 24, "10.0.2.0", 24, true);
	struct ipsec_policy host = policy(3, "192.0.2.1", 32, "192.0.2.2", 32, false);
	struct ipsec_policy back = policy(40, "10.0.2.0", 24, "10.0.1.0", 24, true);
	struct wire_ts_list local = { .n = 1 }, remote = { .n = 1 };
	struct ipsec_addr here, there, stranger;
	struct spd_query q = { &here, &there, &local, &remote, false };
	const struct ipsec_policy *found;
	const char *why;
	struct spd s;

	(void)state;
	ipsec_addr_parse(&here, "192.0.2.1");
	ipsec_addr_parse(&there, "192.0.2.2");
	ipsec_addr_parse(&stranger, "192.0.2.3");
	back.dir = IPSEC_DIR_IN;
	assert_int_equal(spd_init(&s), 0);
	wide.priority = 200;
	spd_put(&s, &wide);
	spd_put(&s, &exact);
	spd_put(&s, &host);
	spd_put(&s, &back);
	spd_put(&s, &exact);
	assert_int_equal(s.n, 4);
	local.ts[0] = range("10.0.1.0", "10.0.1.255", 0, 0, 65535);
	remote.ts[0] = range("10.0.2.0", "10.0.2.255", 0, 0, 65535);
	found = spd_match(&s, &q, &why);
	assert_non_null(found);
	assert_int_equal(found->index, 2);
	assert_int_equal(spd_inbound_reqid(&s, found), 40);
	q.remote = &stranger;
	assert_null(spd_match(&s, &q, &why));
	q.remote = &there;
	remote.ts[0] = range("10.9.0.0", "10.9.255.255", 0, 0, 65535);
	found = spd_match(&s, &q, &why);
	assert_non_null(found);
	assert_int_equal(found->index, 1);
	assert_int_equal(spd_inbound_reqid(&s, found), 1);
	local.ts[0] = range("192.0.2.1", "192.0.2.1", 0, 0, 65535);
	remote.ts[0] = range("192.0.2.2", "192.0.2.2", 0, 0, 65535);
	assert_null(spd_match(&s, &q, &why));
	assert_non_null(strstr(why, "transport"));
	q.transport = true;
	assert_int_equal(spd_match(&s, &q, &why)->index, 3);
	/* Gone by index, and by selector where the index is not known. */
	spd_remove(&s, &host);
	assert_null(spd_match(&s, &q, &why));
	exact.index = 0;
	spd_remove(&s, &exact);
	assert_int_equal(s.n, 2);
	spd_free(&s);
	assert_int_equal(s.n, 0);
}

/* As many as a hub has: each is found by its selectors, by index, and by the way back, without walking all the others. */
static void test_spd_many(void **state)
{
	enum { N = 20000 };
	struct wire_ts_list local = { .n = 2 }, remote = { .n = 2 };
	struct ipsec_addr here, there;
	struct spd_query q = { &here, &there, &local, &remote, false };
	struct spd s;
	const char *why;

	(void)state;
	ipsec_addr_parse(&here, "192.0.2.1");
	ipsec_addr_parse(&there, "192.0.2.2");
	assert_int_equal(spd_init(&s), 0);
	for (unsigned i = 0; i < N; i++) {
		struct ipsec_policy p = policy(8 * i + 1, "10.0.0.0", 24, "10.128.0.0", 24, true);

		p.sel.src.b[1] = p.sel.dst.b[1] = (uint8_t)(i >> 8);
		p.sel.dst.b[1] |= 0x80;
		p.sel.src.b[2] = p.sel.dst.b[2] = (uint8_t)i;
		spd_put(&s, &p);
		p.dir = IPSEC_DIR_IN;
		p.index += 4;
		p.tmpl[0].reqid = p.index;
		selector_turn(&p.sel);
		spd_put(&s, &p);
	}
	assert_int_equal(s.n, 2 * N);
	assert_int_equal(s.nshapes, 1);
	for (unsigned i = 0; i < N; i++) {
		const struct ipsec_policy *p;

		local.ts[0] = range("10.0.0.5", "10.0.0.5", 6, 1024, 1024);
		remote.ts[0] = range("10.128.0.5", "10.128.0.5", 6, 80, 80);
		local.ts[1] = range("10.0.0.0", "10.255.255.255", 0, 0, 65535);
		remote.ts[1] = local.ts[1];
		local.ts[0].start[1] = local.ts[0].end[1] = (uint8_t)(i >> 8);
		remote.ts[0].start[1] = remote.ts[0].end[1] = (uint8_t)(i >> 8 | 0x80);
		local.ts[0].start[2] = local.ts[0].end[2] = remote.ts[0].start[2] = remote.ts[0].end[2] = (uint8_t)i;
		p = spd_match(&s, &q, &why);
		assert_non_null(p);
		assert_int_equal(p->index, 8 * i + 1);
		assert_int_equal(spd_inbound_reqid(&s, p), 8 * i + 5);
	}
	for (unsigned i = 0; i < N; i++)
		spd_remove(&s, &(struct ipsec_policy){ .index = 8 * i + 1, .dir = IPSEC_DIR_OUT });
	assert_int_equal(s.n, N);
	assert_int_equal(s.nshapes, 0);
	assert_null(spd_match(&s, &q, &why));
	spd_free(&s);
}

/* Whatever overlaps, and however many shapes there are: what the hashes find is what walking over all would find. */
static void test_spd_any(void **state)
{
	struct wire_ts_list local = { .n = 1 }, remote = { .n = 1 };
	struct ipsec_addr here, there;
	struct spd_query q = { &here, &there, &local, &remote, true };
	uint64_t x = 88172645463325252u;
	const char *why;

	(void)state;
	ipsec_addr_parse(&here, "192.0.2.1");
	ipsec_addr_parse(&there, "192.0.2.2");
	for (unsigned round = 0; round < 300; round++) {
		struct spd s, walked;

		assert_true(!spd_init(&s) && !spd_init(&walked));
		walked.shapeless = true;
		for (unsigned i = 1; i <= 60; i++) {
			struct ipsec_policy p;

			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			p = policy(i, "10.0.0.0", (uint8_t)(8 + x % 25), "10.0.0.0", (uint8_t)(8 + (x >> 8) % 25), true);
			memcpy(p.sel.src.b + 1, (uint8_t *)&x + 2, 3);
			memcpy(p.sel.dst.b + 1, (uint8_t *)&x + 5, 3);
			ipsec_addr_prefix_range(&p.sel.src, p.sel.src_len, &p.sel.src, &here);
			ipsec_addr_prefix_range(&p.sel.dst, p.sel.dst_len, &p.sel.dst, &here);
			ipsec_addr_parse(&here, "192.0.2.1");
			p.priority = (uint32_t)(x >> 60) % 3;
			p.sel.proto = x >> 59 & 1 ? IPPROTO_TCP : 0;
			if (x >> 58 & 1)
				p.tmpl[0].dst = (struct ipsec_addr){ .family = AF_INET };
			spd_put(&s, &p);
			spd_put(&walked, &p);
			walked.shapeless = true;
		}
		for (unsigned i = 0; i < 20; i++) {
			const struct ipsec_policy *a, *b;

			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			local.ts[0] = range("10.0.0.0", "10.0.0.0", 6, 80, 80);
			remote.ts[0] = local.ts[0];
			memcpy(local.ts[0].start + 1, &x, 3);
			memcpy(remote.ts[0].start + 1, (uint8_t *)&x + 4, 3);
			memcpy(local.ts[0].end, local.ts[0].start, 4);
			memcpy(remote.ts[0].end, remote.ts[0].start, 4);
			if (x >> 63)
				local.ts[0].end[2] = local.ts[0].end[3] = 0xff;
			a = spd_match(&s, &q, &why);
			b = spd_match(&walked, &q, &why);
			assert_int_equal(a ? a->index : 0, b ? b->index : 0);
		}
		spd_free(&s);
		spd_free(&walked);
	}
}

static int setup(void **state)
{
	(void)state;
	return crypto_init();
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
		cmocka_unit_test(test_proposals),
		cmocka_unit_test(test_unknown_transform_type),
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_spd),
		cmocka_unit_test(test_spd_many),
		cmocka_unit_test(test_spd_any),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
