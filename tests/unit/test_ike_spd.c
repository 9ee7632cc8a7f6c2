// SPDX-License-Identifier: MIT
// The mirror of the SPD: kept, found, matched.
#include "keyd/crypto/alg.h"
#include "keyd/ike/spd.h"
#include "keyd/wire/ikev2.h"
#include "tests/unit/ts_range.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct ipsec_selector sel(const char *src, uint8_t src_len, const char *dst, uint8_t dst_len, uint8_t proto)
{
	struct ipsec_selector s = { .src_len = src_len, .dst_len = dst_len, .proto = proto };

	assert_int_equal(ipsec_addr_parse(&s.src, src), 0);
	assert_int_equal(ipsec_addr_parse(&s.dst, dst), 0);
	return s;
}

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
	local.ts[0] = ts_range("10.0.1.0", "10.0.1.255", 0, 0, 65535);
	remote.ts[0] = ts_range("10.0.2.0", "10.0.2.255", 0, 0, 65535);
	found = spd_match(&s, &q, &why);
	assert_non_null(found);
	assert_int_equal(found->index, 2);
	assert_int_equal(spd_inbound_reqid(&s, found), 40);
	q.remote = &stranger;
	assert_null(spd_match(&s, &q, &why));
	q.remote = &there;
	remote.ts[0] = ts_range("10.9.0.0", "10.9.255.255", 0, 0, 65535);
	found = spd_match(&s, &q, &why);
	assert_non_null(found);
	assert_int_equal(found->index, 1);
	assert_int_equal(spd_inbound_reqid(&s, found), 1);
	local.ts[0] = ts_range("192.0.2.1", "192.0.2.1", 0, 0, 65535);
	remote.ts[0] = ts_range("192.0.2.2", "192.0.2.2", 0, 0, 65535);
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

/*
 * As many as a hub has: each is found by its selectors, by index, and by the way back, without walking all the others.
 */
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

		local.ts[0] = ts_range("10.0.0.5", "10.0.0.5", 6, 1024, 1024);
		remote.ts[0] = ts_range("10.128.0.5", "10.128.0.5", 6, 80, 80);
		local.ts[1] = ts_range("10.0.0.0", "10.255.255.255", 0, 0, 65535);
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
			p = policy(i, "10.0.0.0", (uint8_t)(8 + x % 25), "10.0.0.0", (uint8_t)(8 + (x >> 8) % 25),
				   true);
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
			local.ts[0] = ts_range("10.0.0.0", "10.0.0.0", 6, 80, 80);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spd),
		cmocka_unit_test(test_spd_many),
		cmocka_unit_test(test_spd_any),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
