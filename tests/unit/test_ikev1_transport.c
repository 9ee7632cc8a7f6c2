// SPDX-License-Identifier: MIT
// Transport mode with policies of keyd's, for L2TP clients: any peer, one protocol and port, behind NATs, IKEv1 and IKEv2.
#include "tests/unit/world_nat.h"
#include "tests/unit/with_crypto.h"

#include "keyd/ike/timer.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CLIENT, GATEWAY };

static struct world w;

/* port: that the client sends from. */
static void configure_client(const char *version, const char *name, const char *port)
{
	char text[300];

	snprintf(text, sizeof(text), "peer gw {\n address 192.0.2.2\n version %s\n psk \"group\"\n pfs no\n id local %s\n"
		 " traffic transport host[udp/%s] <-> host[udp/1701]\n}\n", version, name, port);
	world_road(&w, CLIENT, text);
}

static void configure_gateway(const char *version, const char *traffic)
{
	char text[300];

	snprintf(text, sizeof(text), "peer any {\n version %s\n psk \"group\"\n pfs no\n traffic %s\n}\n", version, traffic);
	world_road(&w, GATEWAY, text);
}

static void begin(uint64_t seed, unsigned behind, const char *version, const char *traffic)
{
	if (behind)
		world_nat_init(&w, seed, false, behind);
	else
		world_init(&w, seed, false);
	configure_client(version, "one.example", "1701");
	configure_gateway(version, traffic);
	w.strict = true;
}

static void up(void)
{
	assert_int_equal(engine_up(w.host[CLIENT].engine, w.now, "gw", NULL), 1);
}

static bool joined(struct world *world)
{
	return world->host[GATEWAY].own.n && world_joined(world);
}

/* The gateway's policy: in transport mode, of UDP, from its port to the client's where that is seen. */
static void assert_policy(const struct ipsec_addr *seen, uint16_t port)
{
	const struct kern_traffic *t = &w.host[GATEWAY].own;

	assert_true(t->transport);
	assert_int_equal(t->n, 1);
	assert_true(ipsec_addr_equal(&t->sel[0].src, &w.host[GATEWAY].addr));
	assert_true(ipsec_addr_equal(&t->sel[0].dst, seen));
	assert_int_equal(t->sel[0].dst_len, 32);
	assert_int_equal(t->sel[0].proto, IPPROTO_UDP);
	assert_int_equal(t->sel[0].sport, 1701);
	assert_int_equal(t->sel[0].dport, port);
	assert_int_equal(world_newest(&w.host[GATEWAY], true)->sa.mode, IPSEC_MODE_TRANSPORT);
	assert_int_equal(world_newest(&w.host[GATEWAY], false)->sa.mode, IPSEC_MODE_TRANSPORT);
	assert_int_equal(world_newest(&w.host[GATEWAY], true)->sa.reqid, t->reqid);
}

static const char *const versions[] = { "1", "2" };

static void test_any_peer(void **state)
{
	static const unsigned behinds[] = { 0, ALICE, BOB, ALICE | BOB };

	(void)state;
	for (unsigned k = 0; k < 8; k++) {
		const struct ipsec_addr *seen = behinds[k / 2] & ALICE ? &world_nat[CLIENT].outside : &w.host[CLIENT].addr;

		begin(k + 1, behinds[k / 2], versions[k % 2], "transport host[udp/1701] <-> host[udp]");
		if (behinds[k / 2] & BOB) {	/* its address is another for the client */
			char text[300], at[IPSEC_ADDR_STRLEN];

			snprintf(text, sizeof(text), "peer gw {\n address %s\n version %s\n psk \"group\"\n pfs no\n id local one.example\n"
				 " traffic transport host[udp/1701] <-> host[udp/1701]\n}\n",
				 ipsec_addr_format(&world_nat[GATEWAY].outside, at, sizeof(at)), versions[k % 2]);
			world_road(&w, CLIENT, text);
		}
		up();
		assert_true(world_until(&w, SECONDS(20), joined));
		world_run(&w, SECONDS(2));
		assert_policy(seen, 1701);
		assert_int_equal(w.host[GATEWAY].sets, 1);
		assert_true(engine_rekey(w.host[GATEWAY].engine, w.now, NULL, ENGINE_REKEY_CHILD) == 1);
		world_run(&w, SECONDS(20));
		assert_policy(seen, 1701);
		assert_int_equal(world_count(&w.host[GATEWAY], true), 1);
		world_free(&w);
	}
}

/* Killed and begun again: the policies stay what they are, and go when the client does. */
static void test_killed(void **state)
{
	uint32_t reqid;

	(void)state;
	begin(9, ALICE, "1", "transport host[udp/1701] <-> host[udp]");
	up();
	assert_true(world_until(&w, SECONDS(20), joined));
	world_run(&w, SECONDS(2));
	reqid = w.host[GATEWAY].own.reqid;
	w.pause = SECONDS(3);
	world_kill(&w, GATEWAY);
	world_run(&w, SECONDS(10));
	assert_policy(&world_nat[CLIENT].outside, 1701);
	assert_int_equal(w.host[GATEWAY].own.reqid, reqid);
	assert_int_equal(engine_down(w.host[CLIENT].engine, w.now, "gw"), 1);
	world_run(&w, SECONDS(60));
	assert_int_equal(w.host[GATEWAY].own.n, 0);
	assert_int_equal(w.host[CLIENT].own.n, 0);
	world_free(&w);
}

/* What the policies of a keyd without records say is enough to go on with. */
static void test_found(void **state)
{
	(void)state;
	begin(10, 0, "1", "transport host[udp/1701] <-> host[udp]");
	up();
	assert_true(world_until(&w, SECONDS(20), joined));
	world_run(&w, SECONDS(2));
	world_restart(&w, CLIENT, true);
	world_run(&w, SECONDS(30));
	assert_true(w.host[CLIENT].own.transport);
	assert_int_equal(w.host[CLIENT].clears, 0);
	assert_true(world_joined(&w));
	world_free(&w);
}

/* Another client behind the same NAT: let in if it sends from a port of its own, as the kernel can tell the two apart then. */
static void test_neighbours(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		bool other_port = k & 1;
		uint32_t spi;

		begin(11 + k, ALICE, versions[k / 2], "transport host[udp/1701] <-> host[udp]");
		up();
		assert_true(world_until(&w, SECONDS(20), joined));
		world_run(&w, SECONDS(2));
		spi = world_newest(&w.host[GATEWAY], true)->sa.spi;
		ipsec_addr_parse(&w.host[CLIENT].addr, "192.0.2.77");
		world_nat_remap(CLIENT, false);
		world_restart(&w, CLIENT, false);
		w.host[CLIENT].own = (struct kern_traffic){ 0 };
		configure_client(versions[k / 2], "two.example", other_port ? "40001" : "1701");
		up();
		world_run(&w, SECONDS(5));
		assert_int_equal(w.host[GATEWAY].sets, other_port ? 2 : 1);
		if (other_port) {
			assert_policy(&world_nat[CLIENT].outside, 40001);
		} else {
			assert_int_equal(world_newest(&w.host[GATEWAY], true)->sa.spi, spi);
			assert_non_null(strstr(w.host[GATEWAY].log, "another host behind the same NAT uses these ports already"));
		}
		world_free(&w);
	}
}

/* What is not of the protocol and port, or not in this mode, is refused. */
static void test_refused(void **state)
{
	static const struct { const char *traffic, *says; } cases[] = {
		{ "transport host[tcp/1701] <-> host[tcp]", "no outbound policy" },
		{ "transport host[udp/1702] <-> host[udp]", "no outbound policy" },
		{ "host[udp/1701] <-> host[udp]", "tunnel" },
	};

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		begin(21 + k, 0, "1", cases[k].traffic);
		up();
		world_run(&w, SECONDS(5));
		assert_int_equal(w.host[GATEWAY].own.n, 0);
		assert_int_equal(w.host[GATEWAY].nsas, 0);
		assert_non_null(strstr(w.host[GATEWAY].log, cases[k].says));
		world_free(&w);
	}
}

/* The ends themselves in a tunnel, and of other traffic one protocol. */
static void test_tunnels(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		world_init(&w, 31 + k, true);
		world_road(&w, CLIENT, k ? "peer gw { address 192.0.2.2; version 1; psk \"x\"; traffic host <-> 10.0.0.0/24[tcp/80] }" :
					   "peer gw { address 192.0.2.2; psk \"x\"; traffic host <-> 10.0.0.0/24[tcp/80] }");
		world_road(&w, GATEWAY, k ? "peer any { version 1; psk \"x\"; traffic 10.0.0.0/24[tcp] <-> host }" :
					    "peer any { psk \"x\"; traffic 10.0.0.0/24[tcp] <-> host }");
		up();
		assert_true(world_until(&w, SECONDS(20), joined));
		assert_false(w.host[GATEWAY].own.transport);
		assert_true(ipsec_addr_equal(&w.host[GATEWAY].own.sel[0].dst, &w.host[CLIENT].addr));
		assert_int_equal(w.host[GATEWAY].own.sel[0].dst_len, 32);
		assert_int_equal(w.host[GATEWAY].own.sel[0].proto, IPPROTO_TCP);
		assert_int_equal(w.host[GATEWAY].own.sel[0].sport, 80);
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_peer),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tunnels),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
