// SPDX-License-Identifier: MIT
// NAT traversal in memory: who is found behind a NAT, ESP in UDP over rekeys, mappings that change, keepalives.
#include "tests/unit/test_nat_inside.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void come_up(void)
{
	assert_true(world_up(&w));
}

/* --- who is behind a NAT --- */

static void test_no_nat(void **state)
{
	(void)state;
	world_nat_init(&w, 1, true, 0);
	come_up();
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct engine_ike_info info = ike_of(i);

		assert_false(info.nat_local || info.nat_remote || info.encap);
		assert_ports(i, 500, 500);
		assert_esp(i, 0, 0);
		assert_null(strstr(w.host[i].log, "NAT result"));
	}
	world_free(&w);
}

static void check_found(unsigned behind)
{
	uint16_t alice_at = behind & ALICE ? 30002 : 4500;	/* 30001 was that of IKE_SA_INIT */

	for (int tunnel = 0; tunnel < 2; tunnel++) {
		world_nat_init(&w, 1, tunnel, behind);
		come_up();
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			struct engine_ike_info info = ike_of(i);

			assert_true(info.encap);
			assert_int_equal(info.nat_local, !!(behind & 1u << i));
			assert_int_equal(info.nat_remote, !!(behind & 1u << (1 - i)));
			assert_ports(i, 4500, i ? alice_at : 4500);
			assert_esp(i, 4500, i ? alice_at : 4500);
			assert_non_null(strstr(w.host[i].log, "NAT result=found"));
		}
		world_free(&w);
	}
}

static void test_found(void **state)
{
	(void)state;
	check_found(ALICE);
	check_found(BOB);
	check_found(ALICE | BOB);
}

/* Only one end wants it: the other one follows. */
static void test_forced(void **state)
{
	(void)state;
	for (unsigned who = 0; who < WORLD_HOSTS; who++) {
		world_nat_init(&w, 1, true, 0);
		w.host[who].conf.defaults.nat = CONF_NAT_FORCE;
		world_configure(&w, who);
		come_up();
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_ports(i, 4500, 4500);
			assert_esp(i, 4500, 4500);
			assert_false(ike_of(i).nat_local);
			assert_int_equal(ike_of(i).nat_remote, i != who);
		}
		world_free(&w);
	}
}

/* One end says nothing about NATs, or listens on no such port: nothing is put into UDP, and nobody goes to 4500. */
static void test_off(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		world_nat_init(&w, 1, true, ALICE);
		world_nat[0].sees_esp = true;
		conf_id_parse(&w.host[0].conf.defaults.local_id, "alice.example");
		world_configure(&w, 0);
		if (k & 1)
			w.host[k >> 1].conf.nat_port = 0;
		else
			w.host[k >> 1].conf.defaults.nat = CONF_NAT_OFF;
		world_configure(&w, k >> 1);
		come_up();
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_false(ike_of(i).encap);
			assert_esp(i, 0, 0);
		}
		assert_ports(0, 500, 500);
		world_free(&w);
	}
}

/* A peer whose one port is its NAT port is asked there at once, also where there is no NAT. */
static void test_begins_on_nat_port(void **state)
{
	(void)state;
	for (unsigned behind = 0; behind <= ALICE; behind++) {
		world_nat_init(&w, 1, true, behind);
		w.host[0].conf.defaults.port = 4500;
		world_configure(&w, 0);
		come_up();
		assert_ports(0, 4500, 4500);
		assert_ports(1, 4500, behind ? 30001 : 4500);
		assert_int_equal(ike_of(0).encap, !!behind);
		world_free(&w);
	}
}

static void test_other_ports(void **state)
{
	(void)state;
	world_nat_init(&w, 1, true, 0);
	w.host[0].conf.defaults.nat = CONF_NAT_FORCE;
	w.host[0].conf.defaults.port = 5500;
	w.host[0].conf.defaults.nat_port = 14500;
	w.host[1].conf.port = 5500;
	w.host[1].conf.nat_port = 14500;
	world_configure(&w, 0);
	world_configure(&w, 1);
	come_up();
	assert_ports(0, 4500, 14500);
	assert_ports(1, 14500, 4500);
	assert_esp(0, 4500, 14500);
	world_free(&w);
}

/* --- life behind a NAT --- */

static void test_rekeys(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		world_nat_init(&w, seed, seed & 1, seed & 2 ? ALICE : ALICE | BOB);
		come_up();
		w.traffic = true;
		for (int i = 0; i < 12; i++) {
			assert_int_equal(engine_rekey(w.host[i & 1].engine, w.now, NULL,
						      i % 3 == 2 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD), 1);
			world_run(&w, SECONDS(2));
		}
		w.traffic = false;
		world_run(&w, SECONDS(30));
		assert_nothing_lost();
		assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 8);
		assert_int_equal(w.host[1].events[ENGINE_IKE_REKEYED], 4);
		assert_ports(1, 4500, 30002);
		assert_esp(1, 4500, 30002);
		assert_int_equal(w.host[1].mappings, 0);
		world_free(&w);
	}
}

/* A new IKE SA beside the old one goes over the mapping that is there; also when the side begins that could not otherwise. */
static void test_reauth(void **state)
{
	static const unsigned behind[] = { ALICE, BOB, ALICE | BOB };

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		for (unsigned who = 0; who < WORLD_HOSTS; who++) {
			world_nat_init(&w, 3, true, behind[k]);
			come_up();
			w.traffic = true;
			for (unsigned i = 0; i < 3; i++) {
				assert_int_equal(engine_reauth(w.host[who].engine, w.now, NULL), 1);
				world_run(&w, SECONDS(5));
				assert_int_equal(w.host[who].events[ENGINE_IKE_REAUTHENTICATED], i + 1);
			}
			w.traffic = false;
			world_run(&w, SECONDS(70));
			assert_true(world_joined(&w));
			for (unsigned i = 0; i < WORLD_HOSTS; i++) {
				assert_true(ike_of(i).encap);
				assert_int_equal(world_count(&w.host[i], true), 1);
				assert_int_equal(world_count(&w.host[i], false), 1);
			}
			assert_nothing_lost();
			world_free(&w);
		}
	}
}

/* The mapping changes under traffic; what comes by the old one still gets in. Nothing is lost, and Bob knows at once. */
static void test_remapped_under_traffic(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		world_nat_init(&w, seed, seed & 1, seed & 2 ? ALICE : ALICE | BOB);
		w.jitter = seed & 4 ? 20000 : 0;
		come_up();
		w.traffic = true;
		for (unsigned i = 1; i <= 10; i++) {
			world_run(&w, SECONDS(1));
			world_nat_remap(0, true);
			if (i % 3 == 0)
				engine_rekey(w.host[i & 1].engine, w.now, NULL,
					     i & 1 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD);
			world_run(&w, SECONDS(1));
			assert_ports(1, 4500, (uint16_t)(30002 + i));
		}
		w.traffic = false;
		world_run(&w, SECONDS(30));
		assert_nothing_lost();
		assert_esp(1, 4500, 30012);
		assert_int_equal(world_count(&w.host[1], true), 1);
		/* The one that is behind the moving NAT sees nothing of it. */
		assert_ports(0, 4500, 4500);
		world_free(&w);
	}
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

/* Packets of the old mapping arrive after those of the new one: they move nothing back. */
static void test_stragglers(void **state)
{
	(void)state;
	world_nat_init(&w, 11, true, ALICE);
	come_up();
	w.esp_jitter = 50000;
	w.traffic = true;
	for (unsigned i = 1; i <= 5; i++) {
		world_nat_remap(0, true);
		world_run(&w, SECONDS(2));
		assert_ports(1, 4500, (uint16_t)(30002 + i));
		assert_int_equal(count(w.host[1].log, "NAT result=moved"), i);
	}
	w.traffic = false;
	world_run(&w, SECONDS(1));
	assert_nothing_lost();
	world_free(&w);
}

static void raise_mapping(uint16_t port)
{
	struct world_sa *in = world_newest(&w.host[1], false);
	struct ipsec_event ev = { .type = IPSEC_EVENT_MAPPING };

	ev.mapping.id = (struct ipsec_sa_id){ .dst = in->sa.dst, .proto = in->sa.proto, .spi = in->sa.spi };
	ev.mapping.new_addr = world_nat[0].outside;
	ev.mapping.new_port = port;
	engine_kern_event(w.host[1].engine, w.now, &ev);
}

/* The second move comes while the kernel is busy with the first. */
static void test_moves_twice_at_once(void **state)
{
	(void)state;
	world_nat_init(&w, 12, true, ALICE);
	come_up();
	raise_mapping(31111);
	raise_mapping(31112);
	raise_mapping(31113);
	world_run(&w, SECONDS(1));
	assert_ports(1, 4500, 31113);
	assert_esp(1, 4500, 31113);
	world_free(&w);
}

/* The path changes at every moment of a rekey: the SAs that come of it lead to where the peer is. */
static void test_remapped_during_rekey(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < 45000; at += at < 1000 || at > 19000 ? 60 : 700) {
		world_nat_init(&w, at + 1, true, ALICE);
		come_up();
		engine_rekey(w.host[at & 4 ? 1 : 0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, at);
		world_nat_remap(0, true);
		w.traffic = true;
		world_run(&w, SECONDS(3));
		w.traffic = false;
		world_run(&w, SECONDS(1));
		assert_nothing_lost();
		assert_ports(1, 4500, 30003);
		assert_esp(1, 4500, 30003);
		world_free(&w);
	}
}

/* Forgotten: what is on its way to Alice is lost by the NAT until she speaks, and not a packet longer. */
static void test_forgotten_under_traffic(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		world_nat_init(&w, seed, true, ALICE);
		come_up();
		w.traffic = true;
		world_run(&w, SECONDS(1));
		world_nat_remap(0, false);
		world_run(&w, SECONDS(5));
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
		assert_int_equal(w.host[1].lost_link, 0);
		/* 10 ms until her next packet is there, and two waits for the kernel of 150 µs. */
		assert_in_range(w.host[0].lost_link, 1, 13);
		assert_ports(1, 4500, 30003);
		world_free(&w);
	}
}

/* Nothing but IKE is left: her next IKE message tells where she is. */
static void test_forgotten_in_silence(void **state)
{
	(void)state;
	for (int what = ENGINE_REKEY_CHILD; what <= ENGINE_REKEY_IKE; what++) {
		world_nat_init(&w, 3, true, ALICE);
		come_up();
		world_nat_remap(0, false);
		engine_rekey(w.host[0].engine, w.now, NULL, what);
		world_run(&w, SECONDS(2));
		assert_ports(1, 4500, 30003);
		assert_esp(1, 4500, 30003);
		assert_int_equal(w.host[0].events[what == ENGINE_REKEY_CHILD ? ENGINE_CHILD_REKEYED : ENGINE_IKE_REKEYED],
				 1);
		w.traffic = true;
		world_run(&w, SECONDS(1));
		w.traffic = false;
		assert_nothing_lost();
		world_free(&w);
	}
}

/* A policy that names no end of the tunnel. */
static void open_policy(unsigned host)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW };

	memset(&w.host[host].out.tmpl[0].dst, 0, sizeof(w.host[host].out.tmpl[0].dst));
	ev.policy = w.host[host].out;
	engine_kern_event(w.host[host].engine, w.now, &ev);
}

/* Another address: the tunnel goes on by a copy of the outbound SA there, and the old one goes. */
static void test_other_address(void **state)
{
	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		struct engine_ike_info info;
		struct ipsec_addr to;

		ipsec_addr_parse(&to, "203.0.113.77");
		world_nat_init(&w, 9, true, ALICE);
		open_policy(1);
		come_up();
		w.traffic = true;
		world_run(&w, SECONDS(1));
		world_nat_move(0, "203.0.113.77", keep);
		world_run(&w, SECONDS(5));
		info = ike_of(1);
		assert_true(ipsec_addr_equal(&info.remote, &to));
		assert_true(ipsec_addr_equal(&world_newest(&w.host[1], true)->sa.dst, &to));
		assert_int_equal(world_count(&w.host[1], true), 1);
		/* The kernel's events, one for each packet of 1 ms, end with a rekey, and do not cause work of their own. */
		assert_int_equal(w.host[1].events[ENGINE_CHILD_REKEYED], 1);
		assert_in_range(w.host[1].mappings, 1, 100);
		assert_in_range(w.host[1].moves, 2, 6);
		w.traffic = false;
		world_run(&w, SECONDS(1));
		assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying + w.host[1].lost_link, 0);
		if (keep)
			assert_int_equal(w.host[0].lost_link, 0);
		world_free(&w);
	}
}

/* A policy that names it stays as it is: the child goes, and its owner is told why. When the address is back, so is it. */
static void test_other_address_than_the_policy(void **state)
{
	struct engine_ike_info info;
	struct ipsec_addr to;

	(void)state;
	ipsec_addr_parse(&to, "203.0.113.77");
	for (int tunnel = 0; tunnel < 2; tunnel++) {
		world_nat_init(&w, 10, tunnel, ALICE);
		come_up();
		world_nat_move(0, "203.0.113.77", true);
		world_packet(&w, 0);
		world_run(&w, SECONDS(3));
		info = ike_of(1);
		assert_true(ipsec_addr_equal(&info.remote, &to));
		assert_null(world_newest(&w.host[0], true));
		assert_null(world_newest(&w.host[1], true));
		assert_non_null(strstr(w.host[1].log, "its policy is for a peer at 203.0.113.1, which is at 203.0.113.77"));
		world_nat_move(0, "203.0.113.1", true);
		for (int i = 0; i < 60 && !world_joined(&w); i++) {
			world_packet(&w, 0);
			world_run(&w, SECONDS(2));
		}
		assert_true(world_joined(&w));
		assert_nothing_lost();
		world_free(&w);
	}
}

/* A road warrior changes networks: the policies are keyd's own, and go with it. */
static void test_road_warrior_moves(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		struct ipsec_addr to;
		char text[20];

		world_nat_init(&w, 20 + (uint64_t)i, true, ALICE);
		world_road(&w, 0, "peer gw {\n address 192.0.2.2\n id local alice@example.org\n virtual-address ipv4\n"
				  " traffic assigned <-> 10.0.0.0/8\n}\n");
		world_road(&w, 1, "pool p {\n address 10.3.0.0/24\n}\npeer any {\n id remote *@example.org\n pool p\n"
				  " traffic 10.0.0.0/24 <-> assigned\n}\n");
		world_run(&w, MILLISECONDS(10));
		assert_int_equal(engine_up(w.host[0].engine, w.now, "gw", NULL), 1);
		world_run(&w, SECONDS(2));
		assert_true(world_joined(&w));
		w.traffic = true;
		for (int k = 0; k < 5; k++) {
			world_run(&w, MILLISECONDS(500 + 37 * i));
			snprintf(text, sizeof(text), "203.0.113.%d", 77 + k);
			world_nat_move(0, text, true);
			if (k & 1)
				engine_rekey(w.host[k >> 1 & 1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
			world_run(&w, SECONDS(2));
			ipsec_addr_parse(&to, text);
			assert_true(ipsec_addr_equal(&w.host[1].own.remote, &to));
		}
		w.traffic = false;
		world_run(&w, SECONDS(15));
		assert_nothing_lost();
		assert_int_equal(w.host[0].in_clear + w.host[1].in_clear + w.host[1].held, 0);
		assert_true(world_joined(&w));
		assert_int_equal(world_count(&w.host[1], true), 1);
		world_free(&w);
	}
}

/* --- who may move it --- */

static uint8_t captured[8][2048];
static size_t captured_len[8];
static unsigned ncaptured;

static void capture(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	if (from || n <= 1 || n > sizeof(captured[0]) || ncaptured == 8)
		return;
	memcpy(captured[ncaptured], bytes, n);
	captured_len[ncaptured++] = n;
}

static void test_replay_moves_nothing(void **state)
{
	struct world_path evil = { .sport = 6666, .dport = 4500 };

	(void)state;
	ncaptured = 0;
	world_nat_init(&w, 4, true, ALICE);
	w.tap = capture;
	come_up();
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(2));
	assert_true(ncaptured >= 4);
	ipsec_addr_parse(&evil.src, "198.51.100.66");
	evil.dst = w.host[1].addr;
	for (unsigned i = 0; i < ncaptured; i++) {
		world_inject_from(&w, 1, &evil, captured[i], captured_len[i]);
		world_run(&w, SECONDS(1));
		assert_ports(1, 4500, 30002);
		/* Forged: the message ID is the next one, and the check value does not fit. */
		captured[i][23] = (uint8_t)(captured[ncaptured - 1][23] + 1);
		world_inject_from(&w, 1, &evil, captured[i], captured_len[i]);
		world_run(&w, SECONDS(1));
		assert_ports(1, 4500, 30002);
	}
	assert_esp(1, 4500, 30002);
	world_free(&w);
}

/* Where no NAT was found, an authentic request from elsewhere is answered there, and moves nothing. */
static void test_no_nat_no_move(void **state)
{
	(void)state;
	world_nat_init(&w, 5, true, 0);
	w.host[0].conf.defaults.nat = CONF_NAT_OFF;
	world_configure(&w, 0);
	come_up();
	world_nat[0].there = true;
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, MILLISECONDS(100));
	assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 1);
	assert_ports(1, 500, 500);
	world_free(&w);
}

/* Alice began and is behind a NAT herself: she goes on speaking to where she found Bob. */
static void test_behind_nat_moves_nothing(void **state)
{
	(void)state;
	world_nat_init(&w, 6, true, ALICE | BOB);
	come_up();
	world_nat[1].forwards = false;
	world_packet(&w, 1);
	engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(1));
	assert_int_equal(w.host[0].mappings, 1);
	assert_ports(0, 4500, 4500);
	assert_esp(0, 4500, 4500);
	world_free(&w);
}

/* --- keepalives --- */

/* Ten minutes of silence: the NAT waits 30 s. Then Bob has something to say. */
static void silence(uint32_t keepalive, bool works)
{
	world_nat_init(&w, 7, true, ALICE);
	world_nat[0].patience = SECONDS(30);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.dpd = 0;
		w.host[i].conf.defaults.keepalive = keepalive;
		world_configure(&w, i);
	}
	come_up();
	world_run(&w, SECONDS(600));
	world_packet(&w, 1);
	world_run(&w, SECONDS(1));
	assert_int_equal(w.host[0].lost_link, works ? 0 : 1);
}

static void test_keepalive(void **state)
{
	(void)state;
	silence(20, true);
	assert_in_range(w.host[1].keepalives, 29, 31);
	assert_int_equal(w.host[0].keepalives, 0);
	world_free(&w);
	silence(0, false);
	assert_int_equal(w.host[1].keepalives, 0);
	world_free(&w);
}

/* While ESP leaves, and for a keepalive's time after it, there is nothing to be done. */
static void test_no_keepalive_under_traffic(void **state)
{
	(void)state;
	world_nat_init(&w, 8, true, ALICE);
	come_up();
	for (int i = 0; i < 60; i++) {
		world_packet(&w, 0);
		world_run(&w, SECONDS(2));
	}
	assert_int_equal(w.host[1].keepalives, 0);
	world_run(&w, SECONDS(21));
	assert_int_equal(w.host[1].keepalives, 1);
	/* Rekeyed or not, it goes on. */
	engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_IKE);
	world_run(&w, SECONDS(61));
	assert_in_range(w.host[1].keepalives, 3, 4);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_nat),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_forced),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_begins_on_nat_port),
		cmocka_unit_test(test_other_ports),
		cmocka_unit_test(test_rekeys),
		cmocka_unit_test(test_reauth),
		cmocka_unit_test(test_remapped_under_traffic),
		cmocka_unit_test(test_stragglers),
		cmocka_unit_test(test_moves_twice_at_once),
		cmocka_unit_test(test_remapped_during_rekey),
		cmocka_unit_test(test_forgotten_under_traffic),
		cmocka_unit_test(test_forgotten_in_silence),
		cmocka_unit_test(test_other_address),
		cmocka_unit_test(test_other_address_than_the_policy),
		cmocka_unit_test(test_road_warrior_moves),
		cmocka_unit_test(test_replay_moves_nothing),
		cmocka_unit_test(test_no_nat_no_move),
		cmocka_unit_test(test_behind_nat_moves_nothing),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_no_keepalive_under_traffic),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
