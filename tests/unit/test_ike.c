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
		assert_true(selector_from_ts(&src, &dst, &out));
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
	static const struct {
		const char *start, *end, *want;
		uint8_t proto;
		uint16_t p0, p1;
	} t[] = {
		{ "0.0.0.0", "255.255.255.255", "10.0.0.0-10.0.0.255", 0, 0, 65535 },
		{ "10.0.0.7", "10.0.0.7", "10.0.0.7", 0, 0, 65535 },
		{ "10.0.0.200", "10.0.3.1", "10.0.0.200-10.0.0.255 proto 6 port 80-90", 6, 80, 90 },
		{ "10.0.1.0", "10.0.1.255", NULL, 0, 0, 65535 },
		{ "2001:db8::", "2001:db8::1", NULL, 0, 0, 65535 },
	};
	struct wire_ts_list offered, out;
	char text[200];

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		offered = (struct wire_ts_list){ .n = 1 };
		offered.ts[0] = range(t[i].start, t[i].end, t[i].proto, t[i].p0, t[i].p1);
		assert_int_equal(selector_narrow(&policy, SELECTOR_SRC, &offered, &out), t[i].want != NULL);
		if (t[i].want)
			assert_string_equal(ts_list_format(&out, text, sizeof(text)), t[i].want);
	}
	/* The packet's own selector and the whole: one entry is left, the larger. */
	offered = (struct wire_ts_list){ .n = 2 };
	offered.ts[0] = range("10.0.0.7", "10.0.0.7", 17, 5, 5);
	offered.ts[1] = range("10.0.0.0", "10.0.0.255", 0, 0, 65535);
	assert_true(selector_narrow(&policy, SELECTOR_SRC, &offered, &out));
	assert_int_equal(out.n, 1);
	assert_true(ts_list_within(&out, &offered));
	out.ts[0].end[3] = 255;
	out.ts[0].end[2] = 1;
	assert_false(ts_list_within(&out, &offered));
}

/* A range that is no prefix cannot be a selector of the kernel. */
static void test_not_a_prefix(void **state)
{
	struct wire_ts_list src = { .n = 1 }, dst = { .n = 1 };
	struct ipsec_selector out;

	(void)state;
	src.ts[0] = range("10.0.0.1", "10.0.0.2", 0, 0, 65535);
	dst.ts[0] = range("10.0.0.0", "10.0.0.255", 0, 0, 65535);
	assert_false(selector_from_ts(&src, &dst, &out));
	src.ts[0] = range("10.0.0.0", "10.0.0.1", 0, 5, 9);
	assert_false(selector_from_ts(&src, &dst, &out));
	src.ts[0].port_start = src.ts[0].port_end = 9;
	assert_true(selector_from_ts(&src, &dst, &out));
	assert_int_equal(out.src_len, 31);
	assert_int_equal(out.sport, 9);
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
	const struct ipsec_policy *found;
	const char *why;
	struct spd s;

	(void)state;
	ipsec_addr_parse(&here, "192.0.2.1");
	ipsec_addr_parse(&there, "192.0.2.2");
	ipsec_addr_parse(&stranger, "192.0.2.3");
	back.dir = IPSEC_DIR_IN;
	spd_init(&s);
	wide.priority = 200;
	spd_put(&s, &wide);
	spd_put(&s, &exact);
	spd_put(&s, &host);
	spd_put(&s, &back);
	spd_put(&s, &exact);
	assert_int_equal(s.n, 4);
	local.ts[0] = range("10.0.1.0", "10.0.1.255", 0, 0, 65535);
	remote.ts[0] = range("10.0.2.0", "10.0.2.255", 0, 0, 65535);
	found = spd_match(&s, &here, &there, &local, &remote, false, &why);
	assert_non_null(found);
	assert_int_equal(found->index, 2);
	assert_int_equal(spd_inbound_reqid(&s, found), 40);
	assert_null(spd_match(&s, &here, &stranger, &local, &remote, false, &why));
	remote.ts[0] = range("10.9.0.0", "10.9.255.255", 0, 0, 65535);
	found = spd_match(&s, &here, &there, &local, &remote, false, &why);
	assert_non_null(found);
	assert_int_equal(found->index, 1);
	assert_int_equal(spd_inbound_reqid(&s, found), 1);
	local.ts[0] = range("192.0.2.1", "192.0.2.1", 0, 0, 65535);
	remote.ts[0] = range("192.0.2.2", "192.0.2.2", 0, 0, 65535);
	assert_null(spd_match(&s, &here, &there, &local, &remote, false, &why));
	assert_non_null(strstr(why, "transport"));
	assert_int_equal(spd_match(&s, &here, &there, &local, &remote, true, &why)->index, 3);
	/* Gone by index, and by selector where the index is not known. */
	spd_remove(&s, &host);
	assert_null(spd_match(&s, &here, &there, &local, &remote, true, &why));
	exact.index = 0;
	spd_remove(&s, &exact);
	assert_int_equal(s.n, 2);
	spd_free(&s);
	assert_int_equal(s.n, 0);
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
		cmocka_unit_test(test_proposals),
		cmocka_unit_test(test_unknown_transform_type),
		cmocka_unit_test(test_spd),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
