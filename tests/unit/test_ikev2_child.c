// SPDX-License-Identifier: MIT
// Children in memory: which of several carries a packet, pairs, modes, NATs, and where nothing can be agreed on.
#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "keyd/wire/ikev2.h"
#include "tests/unit/world_nat.h"
#include "tests/unit/world_spd.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- several children of one policy --- */

/* The peer lets through parts of our policy: each gets its child, its SA and its traffic, and nothing goes astray. */
static void test_narrowed(void **state)
{
	struct ipsec_selector one = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");
	struct ipsec_selector two = tcp("10.0.0.5/32[1025]", "10.1.2.7/32[80]");
	struct ipsec_selector again = tcp("10.0.0.9/32[1026]", "10.1.1.200/32[22]");
	struct ipsec_selector back = tcp("10.1.2.7/32[80]", "10.0.0.5/32[1025]");

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		begin(1 + round);
		policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
		policy(1, "10.1.1.0/24", "10.0.0.0/24", 0);
		policy(1, "10.1.2.0/24", "10.0.0.0/24", 0);
		if (round)	/* the other one begins */
			assert_true(gets_through(1, &back, 1000));
		assert_true(gets_through(0, &one, 1000));
		assert_string_equal(sent_by(0, &one), "10.0.0.0/24[any] 10.1.1.0/24[any] any");
		assert_true(gets_through(0, &two, 1000));
		assert_string_equal(sent_by(0, &two), "10.0.0.0/24[any] 10.1.2.0/24[any] any");
		world_run(&w, SECONDS(2));
		acquires = 0;
		assert_true(gets_through(0, &again, 1000) && gets_through(1, &back, 1000));
		assert_int_equal(acquires, 0);
		assert_int_equal(world_count(&w.host[0], true), 2);
		assert_int_equal(world_count(&w.host[1], true), 2);
		/* Each keeps what it carries over rekeys by either side. */
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(engine_rekey(w.host[i].engine, w.now, NULL, ENGINE_REKEY_CHILD), 2);
			world_run(&w, SECONDS(20));
			assert_string_equal(sent_by(0, &two), "10.0.0.0/24[any] 10.1.2.0/24[any] any");
			assert_string_equal(sent_by(0, &one), "10.0.0.0/24[any] 10.1.1.0/24[any] any");
			assert_true(arrives(0, &one) && arrives(0, &two) && arrives(1, &back));
		}
		assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 4);
		assert_int_equal(acquires, 0);
		world_free(&w);
	}
}

/* A packet that the peer does not let through costs a negotiation now and then, and not one for each packet. */
static void test_left_out(void **state)
{
	struct ipsec_selector in = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");
	struct ipsec_selector outside = tcp("10.0.0.5/32[1024]", "10.1.9.9/32[80]");
	struct ipsec_selector back = tcp("10.1.1.7/32[80]", "10.0.0.5/32[1024]");
	unsigned before;

	(void)state;
	begin(3);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	policy(1, "10.1.1.0/24", "10.0.0.0/24", 0);
	assert_true(gets_through(0, &in, 1000));
	world_run(&w, SECONDS(1));
	before = w.host[0].datagrams;
	world_log_clear(&w);
	/* What the peer makes for it, and we do not want, carries nothing at any moment. */
	for (unsigned ms = 0; ms < 5000; ms++) {
		packet(0, &outside);
		world_run(&w, MILLISECONDS(1));
		assert_true(arrives(0, &in) && arrives(1, &back));
	}
	assert_null(strstr(w.host[1].log, "result=switch"));
	assert_false(gets_through(0, &outside, 115000));
	/* At most one exchange, a DELETE with it, in 2, 4, 6, 6… seconds. */
	assert_true(w.host[0].datagrams - before <= 2 * 24);
	assert_true(w.host[0].datagrams - before >= 2 * 18);
	assert_string_equal(sent_by(0, &outside), "nothing");
	assert_non_null(strstr(w.host[0].log, "leaves out the packet that asks"));
	assert_true(arrives(0, &in));
	assert_int_equal(world_count(&w.host[0], true), 1);
	world_free(&w);
}

/* What is left out must not keep waiting what is not: the kernel asks for nothing else while it has a larval SA. */
static void test_left_out_beside(void **state)
{
	struct ipsec_selector in = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");
	struct ipsec_selector other = tcp("10.0.0.5/32[1024]", "10.1.2.7/32[80]");
	struct ipsec_selector outside = tcp("10.0.0.5/32[1024]", "10.1.9.9/32[80]");
	unsigned ms, before;

	(void)state;
	begin(31);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	policy(1, "10.1.1.0/24", "10.0.0.0/24", 0);
	policy(1, "10.1.2.0/24", "10.0.0.0/24", 0);
	assert_true(gets_through(0, &in, 1000));
	assert_false(gets_through(0, &outside, 20000));
	/* A hundred packets a second ask in vain, one in two hundred milliseconds asks for what there is. */
	for (ms = 0; ms < 5000 && !arrives(0, &other); ms++) {
		if (ms % 10 == 0)
			packet(0, &outside);
		if (ms % 200 == 5)
			packet(0, &other);
		world_run(&w, MILLISECONDS(1));
	}
	assert_true(ms < 3000);
	/* One after the other, all addresses that there are: the peer is not asked more often than each two seconds. */
	world_run(&w, SECONDS(60));
	before = w.host[0].datagrams;
	for (ms = 0; ms < 20000; ms += 10) {
		outside.dst.b[2] = (uint8_t)(10 + ms / 1000);
		outside.dst.b[3] = (uint8_t)(ms / 10);
		packet(0, &outside);
		world_run(&w, MILLISECONDS(10));
	}
	assert_true(w.host[0].datagrams - before <= 2 * 12);
	world_free(&w);
}

/* A policy whose peer always refuses: the IKE SA stays, the kernel is never left without an answer. */
static void test_refused(void **state)
{
	struct ipsec_selector flow = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");
	unsigned before;

	(void)state;
	begin(4);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	policy(1, "10.7.0.0/24", "10.8.0.0/24", 0);
	assert_false(gets_through(0, &flow, 60000));
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 1);
	assert_int_equal(w.host[0].events[ENGINE_IKE_DOWN], 0);
	assert_true(w.host[0].events[ENGINE_FAILED] >= 8);
	assert_true(w.host[0].events[ENGINE_FAILED] <= 12);
	assert_non_null(strstr(w.host[0].log, "TS_UNACCEPTABLE"));
	assert_non_null(strstr(w.host[1].log, "covers the peer's traffic selectors"));
	/*
	 * The administrator mends it: the next attempt finds it so, on the same IKE SA; a command does not wait for it.
	 */
	policy(1, "10.1.0.0/16", "10.0.0.0/24", 0);
	before = w.host[0].events[ENGINE_CHILD_UP];
	assert_int_equal(engine_up(w.host[0].engine, w.now, NULL, NULL), 1);
	world_run(&w, SECONDS(1));
	assert_int_equal(w.host[0].events[ENGINE_CHILD_UP], before + 1);
	assert_true(arrives(0, &flow));
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 1);
	/* What waited is not asked for once more. */
	world_run(&w, SECONDS(60));
	assert_int_equal(world_count(&w.host[0], true), 1);
	world_free(&w);
}

/* The same where the IKE SA does not come up. */
static void test_storm(void **state)
{
	struct ipsec_selector flow = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");
	struct engine_stats st;

	(void)state;
	begin(5);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	policy(1, "10.1.0.0/16", "10.0.0.0/24", 0);
	w.host[1].psk = "battery staple";
	assert_false(gets_through(0, &flow, 60000));
	engine_stats(w.host[0].engine, &st);
	assert_true(w.host[0].datagrams <= 12 * 2);
	assert_true(w.host[0].datagrams >= 8 * 2);
	w.host[1].psk = w.host[0].psk;
	assert_true(gets_through(0, &flow, 7000));	/* held by the kernel meanwhile, and sent then */
	world_free(&w);
	/* New settings are a reason to try at once. */
	begin(6);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	policy(1, "10.1.0.0/16", "10.0.0.0/24", 0);
	w.host[0].psk = "battery staple";
	assert_false(gets_through(0, &flow, 13000));
	w.host[0].psk = w.host[1].psk;
	world_configure(&w, 0);
	assert_true(gets_through(0, &flow, 500));
	world_free(&w);
}

/* A policy that goes takes its waiting packets with it. */
static void test_policy_goes(void **state)
{
	struct ipsec_selector flow = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_DELETE };
	unsigned before;

	(void)state;
	begin(6);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	assert_false(gets_through(0, &flow, 1000));
	assert_true(w.host[0].larval);		/* waits for the next attempt */
	ev.policy = policies[0][0];
	engine_kern_event(w.host[0].engine, w.now, &ev);
	world_run(&w, MILLISECONDS(1));
	assert_false(w.host[0].larval);
	before = w.host[0].datagrams;
	world_run(&w, SECONDS(20));
	assert_int_equal(w.host[0].datagrams, before);
	world_free(&w);
}

/* --- ports, types, families --- */

static void test_ports(void **state)
{
	struct ipsec_selector web = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");
	struct ipsec_selector ssh = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[22]");
	struct ipsec_selector dns = selector("10.0.0.5/32[1024]", "10.1.1.7/32[53]", IPPROTO_UDP);

	(void)state;
	begin(7);
	policy(0, "10.0.0.0/24", "10.1.1.7/32", 0);
	policy(1, "10.1.1.7/32[80]", "10.0.0.0/24", IPPROTO_TCP);
	policy(1, "10.1.1.7/32", "10.0.0.0/24", IPPROTO_UDP);
	assert_true(gets_through(0, &web, 1000));
	assert_string_equal(sent_by(0, &web), "10.0.0.0/24[any] 10.1.1.7/32[80] 6");
	assert_string_equal(sent_by(0, &ssh), "nothing");
	assert_true(gets_through(0, &dns, 1000));
	assert_string_equal(sent_by(0, &dns), "10.0.0.0/24[any] 10.1.1.7/32[any] 17");
	assert_false(gets_through(0, &ssh, 5000));
	assert_int_equal(world_count(&w.host[0], true), 2);
	world_free(&w);
}

/* Echoes go out as one type and come back as another: each side's policies say which. */
static void test_icmp(void **state)
{
	struct ipsec_selector ask = selector("10.0.0.5/32[8]", "10.1.1.7/32[0]", IPPROTO_ICMP);
	struct ipsec_selector tell = selector("10.1.1.7/32[0]", "10.0.0.5/32[0]", IPPROTO_ICMP);
	struct ipsec_selector out = selector("10.0.0.0/24[8]", "10.1.0.0/16", IPPROTO_ICMP);
	struct ipsec_selector back = selector("10.1.0.0/16[0]", "10.0.0.0/24", IPPROTO_ICMP);
	struct ipsec_selector other = selector("10.0.0.5/32[13]", "10.1.1.7/32[0]", IPPROTO_ICMP);

	(void)state;
	begin(8);
	load(0, IPSEC_DIR_OUT, &out, true);
	load(0, IPSEC_DIR_IN, &back, true);
	load(1, IPSEC_DIR_OUT, &back, true);
	load(1, IPSEC_DIR_IN, &out, true);
	assert_true(gets_through(0, &ask, 1000));
	world_run(&w, SECONDS(1));
	assert_true(arrives(1, &tell));
	assert_int_equal(sender(0, &ask)->sa.sel.sport, 8);
	assert_int_equal(sender(0, &ask)->sa.sel.sport_mask, 0xffff);
	assert_int_equal(sender(1, &tell)->sa.sel.sport_mask, 0xffff);
	assert_null(policy_for(0, &other));
	assert_int_equal(world_count(&w.host[0], true), 1);
	world_free(&w);
	/* All of ICMP: the packet does not make it narrower, or the answer would need another child. */
	begin(9);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", IPPROTO_ICMP);
	policy(1, "10.1.0.0/16", "10.0.0.0/24", 0);
	assert_true(gets_through(0, &ask, 1000));
	world_run(&w, SECONDS(1));
	assert_true(arrives(1, &tell) && arrives(0, &other));
	assert_string_equal(sent_by(0, &ask), "10.0.0.0/24[any] 10.1.0.0/16[any] 1");
	world_free(&w);
}

static void test_inner_family(void **state)
{
	struct ipsec_selector v6 = tcp("2001:db8::5/128[1024]", "2001:db8:1::7/128[80]");
	struct ipsec_selector v4 = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");

	(void)state;
	begin(10);
	policy(0, "2001:db8::/64", "2001:db8:1::/48", 0);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	policy(1, "2001:db8:1::/48", "2001:db8::/64", 0);
	policy(1, "10.1.0.0/16", "10.0.0.0/24", 0);
	assert_true(gets_through(0, &v6, 1000));
	assert_string_equal(sent_by(0, &v6), "2001:db8::/64[any] 2001:db8:1::/48[any] any");
	assert_true(gets_through(0, &v4, 1000));
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 1);
	world_free(&w);
}

/* Of two policies that both fit, the responder serves the one that its own kernel would take. */
static void test_overlapping(void **state)
{
	struct ipsec_selector flow = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");
	struct ipsec_selector back = tcp("10.1.1.7/32[80]", "10.0.0.5/32[1024]");

	(void)state;
	begin(11);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	policy(1, "10.1.1.0/24", "10.0.0.0/24", 0);	/* older, and so the one that counts */
	policy(1, "10.1.0.0/16", "10.0.0.0/16", 0);
	policies[1][0].tmpl[0].reqid = 11;
	policies[1][2].tmpl[0].reqid = 22;
	for (unsigned i = 0; i < 4; i += 2) {
		struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_UPDATE, .policy = policies[1][i] };

		engine_kern_event(w.host[1].engine, w.now, &ev);
	}
	assert_true(gets_through(0, &flow, 1000));
	world_run(&w, SECONDS(1));
	assert_true(arrives(1, &back));
	assert_int_equal(sender(1, &back)->sa.reqid, 11);
	assert_string_equal(sent_by(0, &flow), "10.0.0.0/24[any] 10.1.1.0/24[any] any");
	world_free(&w);
}

/* --- many --- */

/* One IKE SA, the first child in IKE_AUTH, the others one after the other; a restart renews each. */
static void test_many(void **state)
{
	char here[40], there[40];
	unsigned n = 100;

	(void)state;
	begin(12);
	for (unsigned i = 0; i < n; i++) {
		snprintf(here, sizeof(here), "10.0.%u.0/24", i);
		snprintf(there, sizeof(there), "10.1.%u.0/24", i);
		policy(0, here, there, 0);
		policy(1, there, here, 0);
	}
	assert_int_equal(engine_up(w.host[0].engine, w.now, NULL, NULL), n);
	world_run(&w, SECONDS(20));
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 1);
	assert_int_equal(w.host[0].events[ENGINE_CHILD_UP], n);
	assert_int_equal(w.host[1].events[ENGINE_CHILD_UP], n);
	assert_int_equal(engine_up(w.host[0].engine, w.now, NULL, NULL), n);
	world_run(&w, SECONDS(20));
	assert_int_equal(w.host[0].events[ENGINE_CHILD_UP], n);
	for (unsigned i = 0; i < n; i++) {
		struct ipsec_selector flow;

		snprintf(here, sizeof(here), "10.0.%u.9/32", i);
		snprintf(there, sizeof(there), "10.1.%u.9/32", i);
		flow = selector(here, there, IPPROTO_UDP);
		assert_true(arrives(0, &flow));
		assert_non_null(child_sending(0, &flow));
	}
	assert_int_equal(engine_down(w.host[0].engine, w.now, NULL), 1);
	world_run(&w, SECONDS(60));
	assert_int_equal(w.host[0].nsas + w.host[1].nsas, 0);
	world_free(&w);
}

/* --- single pairs --- */

static void test_single_pair(void **state)
{
	struct ipsec_selector one = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");
	struct ipsec_selector port = tcp("10.0.0.5/32[1025]", "10.1.1.7/32[22]");
	struct ipsec_selector two = tcp("10.0.0.6/32[1024]", "10.1.1.7/32[80]");

	(void)state;
	for (unsigned who = 0; who < WORLD_HOSTS; who++) {
		begin(13 + who);
		policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
		policy(1, "10.1.0.0/16", "10.0.0.0/24", 0);
		w.host[who].conf.defaults.single_pair = true;
		world_configure(&w, who);
		assert_true(gets_through(0, &one, 1000));	/* the first in IKE_AUTH */
		assert_string_equal(sent_by(0, &one), "10.0.0.5/32[any] 10.1.1.7/32[any] any");
		assert_true(arrives(0, &port));
		assert_string_equal(sent_by(0, &two), "nothing");
		assert_true(gets_through(0, &two, 1000));
		assert_int_equal(world_count(&w.host[0], true), 2);
		assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 1);
		assert_int_equal(w.host[0].events[ENGINE_FAILED], 0);
		engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, SECONDS(30));
		engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, SECONDS(30));
		assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 4);
		assert_string_equal(sent_by(0, &one), "10.0.0.5/32[any] 10.1.1.7/32[any] any");
		assert_string_equal(sent_by(0, &two), "10.0.0.6/32[any] 10.1.1.7/32[any] any");
		world_free(&w);
	}
}

/* Without a packet nobody knows which pair: the peer's demand is told, and a packet brings the child. */
static void test_single_pair_by_command(void **state)
{
	struct ipsec_selector one = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");

	(void)state;
	begin(15);
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	policy(1, "10.1.0.0/16", "10.0.0.0/24", 0);
	w.host[1].conf.defaults.single_pair = true;
	world_configure(&w, 1);
	assert_int_equal(engine_up(w.host[0].engine, w.now, NULL, NULL), 1);
	world_run(&w, SECONDS(3));
	assert_non_null(strstr(w.host[0].log, "SINGLE_PAIR_REQUIRED"));
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 1);
	assert_true(gets_through(0, &one, 3000));
	/* And where it is we who want it. */
	assert_int_equal(engine_down(w.host[0].engine, w.now, NULL), 1);
	world_run(&w, SECONDS(5));
	w.host[0].conf.defaults.single_pair = true;
	world_configure(&w, 0);
	assert_int_equal(engine_up(w.host[0].engine, w.now, NULL, NULL), 1);
	assert_non_null(strstr(w.host[0].last_text, "a packet brings it up"));
	assert_true(gets_through(0, &one, 3000));
	world_free(&w);
}

/* --- modes --- */

static void transport_policy(unsigned host)
{
	struct ipsec_selector sel = { .src = w.host[host].addr, .dst = w.host[1 - host].addr, .src_len = 24,
				      .dst_len = 24 };

	sel.src.b[3] = sel.dst.b[3] = 0;
	load(host, IPSEC_DIR_OUT, &sel, false);
	load(host, IPSEC_DIR_IN, &sel, false);
}

/* In transport mode a policy for many hosts makes SAs between two. */
static void test_transport_of_many(void **state)
{
	struct ipsec_selector flow = tcp("192.0.2.1/32[1024]", "192.0.2.2/32[80]");

	(void)state;
	begin(16);
	transport_policy(0);
	transport_policy(1);
	assert_true(gets_through(0, &flow, 1000));
	assert_string_equal(sent_by(0, &flow), "192.0.2.1/32[any] 192.0.2.2/32[any] any");
	assert_int_equal(sender(0, &flow)->sa.mode, IPSEC_MODE_TRANSPORT);
	engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(20));
	assert_string_equal(sent_by(0, &flow), "192.0.2.1/32[any] 192.0.2.2/32[any] any");
	world_free(&w);
}

/* Transport here, tunnel there, and the reverse: refused, each with the sentence that says it, and no half remains. */
static void test_modes_differ(void **state)
{
	struct ipsec_selector flow = tcp("192.0.2.1/32[1024]", "192.0.2.2/32[80]");

	(void)state;
	for (unsigned who = 0; who < WORLD_HOSTS; who++) {
		begin(17 + who);
		transport_policy(who);
		policy(1 - who, who ? "192.0.2.1/32" : "192.0.2.2/32", who ? "192.0.2.2/32" : "192.0.2.1/32", 0);
		assert_false(gets_through(0, &flow, 1500));
		assert_non_null(strstr(w.host[who].log, who ? "our policy says transport, the peer asks for tunnel" :
							      "our policy says transport mode, the peer wants tunnel"));
		world_run(&w, SECONDS(30));
		assert_int_equal(w.host[0].nsas + w.host[1].nsas, 0);
		world_free(&w);
	}
}

static void test_modes_unknown(void **state)
{
	struct ipsec_selector sel = selector("192.0.2.1/32", "192.0.2.2/32", 0);
	struct ipsec_selector flow = tcp("192.0.2.1/32[1024]", "192.0.2.2/32[80]");
	struct ipsec_policy *p;

	(void)state;
	begin(19);
	p = load(0, IPSEC_DIR_OUT, &sel, false);
	p->tmpl[0].mode = IPSEC_MODE_BEET;
	packet(0, &flow);
	assert_non_null(strstr(w.host[0].last_text, "a mode that IKEv2 does not have"));
	world_run(&w, MILLISECONDS(10));
	assert_false(w.host[0].larval);
	assert_int_equal(w.host[0].datagrams, 0);
	world_free(&w);
}

/* --- transport mode through NATs (RFC 7296 2.23.1) --- */

static void test_transport_nat(void **state)
{
	(void)state;
	for (unsigned behind = 1; behind <= (ALICE | BOB); behind++) {
		world_nat_init(&w, 20 + behind, false, behind);
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(10), world_joined));
		world_run(&w, SECONDS(2));
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			struct world_sa *out = world_newest(&w.host[i], true), *in = world_newest(&w.host[i], false);

			assert_int_equal(out->sa.mode, IPSEC_MODE_TRANSPORT);
			assert_true(ipsec_addr_equal(&out->sa.sel.src, &w.host[i].addr));
			assert_true(ipsec_addr_equal(&out->sa.sel.dst, &out->sa.dst));
			assert_int_equal(out->sa.sel.dst_len, 32);
			assert_true(ipsec_addr_equal(&in->sa.sel.dst, &w.host[i].addr));
			engine_rekey(w.host[i].engine, w.now, NULL, ENGINE_REKEY_CHILD);
			world_run(&w, SECONDS(20));
			assert_true(world_joined(&w));
		}
		assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 2);
		world_free(&w);
	}
}

/*
 * Another host behind the same NAT: our kernel could not tell which of the two a packet is for, so the second one is
 * refused. The first one, when it comes again, is welcome.
 */
static void test_transport_nat_neighbour(void **state)
{
	(void)state;
	for (unsigned other = 0; other < 2; other++) {
		struct world_sa *first;
		uint32_t spi;

		world_nat_init(&w, 25, false, ALICE);
		conf_id_parse(&w.host[0].conf.defaults.local_id, "one.example");
		world_configure(&w, 0);
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(10), world_joined));
		world_run(&w, SECONDS(2));
		first = world_newest(&w.host[1], true);
		spi = first->sa.spi;
		if (other) {
			conf_id_parse(&w.host[0].conf.defaults.local_id, "two.example");
			ipsec_addr_parse(&w.host[0].addr, "192.0.2.77");
			w.host[0].out.sel.src = w.host[0].addr;
		}
		world_nat_remap(0, false);
		world_restart(&w, 0, false);
		world_packet(&w, 0);
		world_run(&w, SECONDS(1));
		assert_int_equal(world_joined(&w), !other);
		assert_int_equal(world_newest(&w.host[1], true)->sa.spi == spi, other);
		if (other) {
			assert_non_null(strstr(w.host[1].log, "another host behind the same NAT has transport mode"));
			assert_non_null(strstr(w.host[0].log, "TS_UNACCEPTABLE"));
		}
		world_free(&w);
	}
}

/* --- extended sequence numbers, padding, key exchange --- */

static void set_esp(unsigned host, const char *text)
{
	struct conf_secrets s;
	struct conf c;
	char line[128];

	snprintf(line, sizeof(line), "default { esp %s }\n", text);
	assert_int_equal(conf_load_buffer(&c, &s, "test", line, strlen(line), NULL, NULL), 0);
	w.host[host].conf.defaults.esp = c.defaults.esp;
	conf_free(&c);
	conf_secrets_free(&s);
	world_configure(&w, host);
}

static void test_esn(void **state)
{
	static const struct {
		const char *a, *b;
		uint32_t window;	/* of host 1 */
		bool esn;
	} t[] = {
		{ "aes128gcm16-esn", "aes128gcm16-noesn-esn", 128, true },
		{ "aes128gcm16-esn-noesn", "aes128gcm16-noesn-esn", 128, false },
		{ "aes128-sha256-noesn-esn", "aes128-sha256-esn", 2048, true },
		{ "aes128gcm16-esn-noesn", "aes128gcm16-esn-noesn", 0, false },	/* the kernel needs a window for it */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct world_sa *sa;

		world_init(&w, 30 + i, true);
		set_esp(0, t[i].a);
		w.host[1].conf.defaults.replay_window = t[i].window;
		set_esp(1, t[i].b);
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(5), world_joined));
		for (unsigned side = 0; side < 2; side++) {
			sa = world_newest(&w.host[1], side);
			assert_int_equal(!!(sa->sa.flags & IPSEC_SA_ESN), t[i].esn);
			assert_int_equal(sa->sa.replay_window, t[i].window);
			assert_int_equal(!!(world_newest(&w.host[0], side)->sa.flags & IPSEC_SA_ESN), t[i].esn);
		}
		world_free(&w);
	}
}

/* Padding where we may, and never to a peer that cannot tell it from the packet. */
static void test_tfc(void **state)
{
	(void)state;
	for (unsigned tunnel = 0; tunnel < 2; tunnel++) {
		world_init(&w, 40, tunnel);
		w.host[0].conf.defaults.tfc = 1400;
		world_configure(&w, 0);
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(5), world_joined));
		assert_int_equal(world_newest(&w.host[0], true)->sa.tfc_pad, tunnel ? 1400 : 0);
		assert_int_equal(world_newest(&w.host[0], false)->sa.tfc_pad, 0);
		assert_int_equal(world_newest(&w.host[1], true)->sa.tfc_pad, 0);
		world_free(&w);
	}
}

/* A peer without a group in common for children is asked again without one, unless ours are named. */
static void test_no_pfs_there(void **state)
{
	(void)state;
	for (unsigned named = 0; named < 2; named++) {
		world_init(&w, 41 + named, true);
		set_esp(0, named ? "aes128gcm16-ecp384" : "aes128gcm16");
		/* The first proposal's groups are those of children. */
		for (unsigned i = 0; i < w.host[0].conf.defaults.ike.p[0].n; i++) {
			struct conf_transform *t = &w.host[0].conf.defaults.ike.p[0].t[i];

			if (t->type == IKEV2_TRANSFORM_DH && t->id != 20)
				*t-- = w.host[0].conf.defaults.ike.p[0].t[--w.host[0].conf.defaults.ike.p[0].n], i--;
		}
		world_configure(&w, 0);
		for (unsigned p = 0; p < w.host[1].conf.defaults.ike.n; p++)
			for (unsigned i = 0; i < w.host[1].conf.defaults.ike.p[p].n; i++)
				if (w.host[1].conf.defaults.ike.p[p].t[i].id == 20 &&
				    w.host[1].conf.defaults.ike.p[p].t[i].type == IKEV2_TRANSFORM_DH)
					w.host[1].conf.defaults.ike.p[p].t[i].id = 31;
		world_configure(&w, 1);
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(5), world_joined));
		world_run(&w, SECONDS(1));
		engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, SECONDS(3));
		assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], !named);
		if (!named)
			assert_non_null(strstr(w.host[0].log, "asked again without one"));
		assert_true(world_joined(&w));
		world_free(&w);
	}
}

/* --- childless (RFC 6023) --- */

static void peer_section(unsigned host, enum conf_childless how, bool local)
{
	struct world_host *h = &w.host[host];

	h->conf.peers = calloc(1, sizeof(*h->conf.peers));
	assert_non_null(h->conf.peers);
	h->conf.npeers = 1;
	h->conf.peers[0] = h->conf.defaults;
	snprintf(h->conf.peers[0].name, sizeof(h->conf.peers[0].name), "other");
	h->conf.peers[0].remote = w.host[1 - host].addr;
	h->conf.peers[0].remote_len = 32;
	h->conf.peers[0].childless = (uint8_t)how;
	if (local)
		h->conf.peers[0].local = h->addr;
	world_configure(&w, host);
}

static void test_childless_up(void **state)
{
	struct ipsec_selector flow = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");

	(void)state;
	begin(50);
	peer_section(0, CONF_CHILDLESS_ALLOW, true);
	assert_int_equal(engine_up(w.host[0].engine, w.now, "other", NULL), 1);
	world_run(&w, SECONDS(2));
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 1);
	assert_int_equal(w.host[1].events[ENGINE_IKE_UP], 1);
	assert_int_equal(w.host[0].nsas, 0);
	/* Policies come later, and their children use it. */
	policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
	policy(1, "10.1.0.0/16", "10.0.0.0/24", 0);
	assert_true(gets_through(0, &flow, 1000));
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 1);
	world_free(&w);
	/* Where nothing says which address is ours, that is said. */
	begin(51);
	peer_section(0, CONF_CHILDLESS_ALLOW, false);
	assert_int_equal(engine_up(w.host[0].engine, w.now, "other", NULL), 1);
	assert_non_null(strstr(w.host[0].last_text, "\"local ADDRESS\""));
	w.host[0].conf.listen[0] = w.host[0].addr;
	w.host[0].conf.nlisten = 1;
	world_configure(&w, 0);
	assert_int_equal(engine_up(w.host[0].engine, w.now, "other", NULL), 1);
	world_run(&w, SECONDS(2));
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 1);
	world_free(&w);
	/* A peer that does not let us. */
	begin(52);
	peer_section(0, CONF_CHILDLESS_ALLOW, true);
	w.host[1].conf.defaults.childless = CONF_CHILDLESS_NEVER;
	world_configure(&w, 1);
	assert_int_equal(engine_up(w.host[0].engine, w.now, "other", NULL), 1);
	world_run(&w, SECONDS(2));
	assert_int_equal(w.host[0].events[ENGINE_IKE_UP], 0);
	assert_non_null(strstr(w.host[0].last_text, "CHILDLESS_IKEV2_SUPPORTED"));
	world_free(&w);
	/* And we who do not want it. */
	begin(53);
	peer_section(0, CONF_CHILDLESS_NEVER, true);
	assert_int_equal(engine_up(w.host[0].engine, w.now, "other", NULL), 0);
	world_free(&w);
}

static void test_childless_preferred(void **state)
{
	struct ipsec_selector flow = tcp("10.0.0.5/32[1024]", "10.1.1.7/32[80]");

	(void)state;
	for (unsigned never = 0; never < 2; never++) {
		begin(54 + never);
		policy(0, "10.0.0.0/24", "10.1.0.0/16", 0);
		policy(1, "10.1.0.0/16", "10.0.0.0/24", 0);
		w.host[0].conf.defaults.childless = CONF_CHILDLESS_PREFER;
		w.host[1].conf.defaults.childless = never ? CONF_CHILDLESS_NEVER : CONF_CHILDLESS_ALLOW;
		world_configure(&w, 0);
		world_configure(&w, 1);
		assert_true(gets_through(0, &flow, 1000));
		assert_int_equal(acquires, 1);
		/* It had a key exchange of its own, or came with IKE_AUTH after all. */
		if (never)
			assert_null(child_sending(0, &flow)->ke);
		else
			assert_non_null(child_sending(0, &flow)->ke);
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrowed),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_left_out_beside),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_policy_goes),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_inner_family),
		cmocka_unit_test(test_overlapping),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_single_pair),
		cmocka_unit_test(test_single_pair_by_command),
		cmocka_unit_test(test_transport_of_many),
		cmocka_unit_test(test_modes_differ),
		cmocka_unit_test(test_modes_unknown),
		cmocka_unit_test(test_transport_nat),
		cmocka_unit_test(test_transport_nat_neighbour),
		cmocka_unit_test(test_esn),
		cmocka_unit_test(test_tfc),
		cmocka_unit_test(test_no_pfs_there),
		cmocka_unit_test(test_childless_up),
		cmocka_unit_test(test_childless_preferred),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
