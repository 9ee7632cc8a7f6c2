// SPDX-License-Identifier: MIT
// NAT traversal of IKEv1 in memory: by RFC 3947 and by its drafts, in both modes of phase 1; rekeys, mappings that change, keepalives.
#include "tests/unit/test_nat_inside.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/id.h"
#include "keyd/ike/timer.h"
#include "keyd/wire/isakmp_message.h"
#include "keyd/wire/isakmp_vendor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void begin(uint64_t seed, bool tunnel, unsigned behind, bool aggressive)
{
	world_nat_init(&w, seed, tunnel, behind);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.version = 1;
		w.host[i].conf.defaults.exchange = aggressive ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN;
		world_configure(&w, i);
	}
}

static void come_up(void)
{
	bool up = world_up(&w);

	for (unsigned i = 0; !up && i < WORLD_HOSTS; i++)
		fputs(w.host[i].log, stderr);
	assert_true(up);
}

/* --- what is on the wire --- */

static enum isakmp_vid forget[4];	/* vendor ids that never arrive, up to the first 0 */
static unsigned put[256];		/* payloads in clear, by type */

static bool forgotten(enum isakmp_vid vid)
{
	for (unsigned i = 0; i < 4 && forget[i]; i++)
		if (forget[i] == vid)
			return true;
	return false;
}

static void tap(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	static struct wire_message m;
	struct view text;

	(void)world;
	(void)from;
	if (isakmp_message_get(&m, (struct view){ bytes, n }, &text))
		return;
	for (unsigned i = 0; i < m.n; i++) {
		put[m.pl[i].type]++;
		if (m.pl[i].type == ISAKMP_PL_VENDOR && forgotten(isakmp_vendor_get(m.pl[i].body)))
			memset(bytes + (m.pl[i].body.p - bytes), 0, m.pl[i].body.n);
	}
}

static void tap_wire(const enum isakmp_vid vids[4])
{
	memcpy(forget, vids, sizeof(forget));
	memset(put, 0, sizeof(put));
	w.tap = tap;
}

/* --- who is behind a NAT --- */

static void test_no_nat(void **state)
{
	(void)state;
	for (int aggressive = 0; aggressive < 2; aggressive++) {
		begin(1, true, 0, aggressive);
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
}

static void check_found(unsigned behind, bool tunnel, const char *by)
{
	uint16_t alice_at = behind & ALICE ? 30002 : 4500;	/* 30001 was that of the first messages */

	come_up();
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct engine_ike_info info = ike_of(i);

		assert_true(info.encap);
		assert_int_equal(info.nat_local, !!(behind & 1u << i));
		assert_int_equal(info.nat_remote, !!(behind & 1u << (1 - i)));
		assert_ports(i, 4500, i ? alice_at : 4500);
		assert_esp(i, 4500, i ? alice_at : 4500);
		assert_int_equal(world_newest(&w.host[i], true)->sa.mode, tunnel ? IPSEC_MODE_TUNNEL : IPSEC_MODE_TRANSPORT);
		assert_non_null(strstr(w.host[i].log, "NAT result=found"));
		assert_non_null(strstr(w.host[i].log, by));
	}
	w.traffic = true;
	world_run(&w, SECONDS(2));
	w.traffic = false;
	world_run(&w, SECONDS(1));
	assert_nothing_lost();
}

static const unsigned behinds[] = { ALICE, BOB, ALICE | BOB };

static void test_found(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 12; k++) {
		unsigned behind = behinds[k % 3];

		begin(k + 1, k / 3 & 1, behind, k / 6);
		check_found(behind, k / 3 & 1, "(NAT-T (RFC 3947))");
		world_free(&w);
	}
}

/* Whoever knows drafts only gets their payloads and modes. */
static void test_drafts(void **state)
{
	static const struct { enum isakmp_vid forget[4]; const char *by; } cases[] = {
		{ { ISAKMP_VID_NAT_T }, "(NAT-T (draft 03))" },
		{ { ISAKMP_VID_NAT_T, ISAKMP_VID_NAT_T_03 }, "(NAT-T (draft 02, with a newline))" },
		{ { ISAKMP_VID_NAT_T, ISAKMP_VID_NAT_T_03, ISAKMP_VID_NAT_T_02_N }, "(NAT-T (draft 02))" },
	};

	(void)state;
	for (unsigned k = 0; k < 12; k++) {
		begin(k + 1, k & 1, ALICE, k / 6);
		tap_wire(cases[k % 3].forget);
		check_found(ALICE, k & 1, cases[k % 3].by);
		assert_int_equal(put[ISAKMP_PL_NAT_D], 0);
		assert_int_equal(put[ISAKMP_PL_NAT_D_DRAFT], k / 6 ? 2 : 4);	/* aggressive mode encrypts the initiator's */
		world_free(&w);
	}
}

/* Her address is not the one that she is seen at, and nothing explains that. */
static void name_alice(void)
{
	assert_int_equal(conf_id_parse(&w.host[0].conf.defaults.local_id, "alice.example"), 0);
	world_configure(&w, 0);
}

/* Who knows nothing of it is told nothing. */
static void test_unknown(void **state)
{
	static const enum isakmp_vid all[4] = { ISAKMP_VID_NAT_T, ISAKMP_VID_NAT_T_03, ISAKMP_VID_NAT_T_02_N, ISAKMP_VID_NAT_T_02 };

	(void)state;
	for (int aggressive = 0; aggressive < 2; aggressive++) {
		begin(1, true, ALICE, aggressive);
		world_nat[0].sees_esp = true;
		tap_wire(all);
		name_alice();
		come_up();
		assert_false(ike_of(0).encap || ike_of(1).encap);
		assert_ports(0, 500, 500);
		assert_esp(0, 0, 0);
		assert_int_equal(put[ISAKMP_PL_NAT_D] + put[ISAKMP_PL_NAT_D_DRAFT], 0);
		world_free(&w);
	}
}

static void test_forced(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		unsigned who = k & 1;

		begin(1, true, 0, k >> 1);
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

static void test_off(void **state)
{
	(void)state;
	for (unsigned k = 0; k < 8; k++) {
		begin(1, true, ALICE, k >> 2);
		world_nat[0].sees_esp = true;
		if (k & 1)
			w.host[k >> 1 & 1].conf.nat_port = 0;
		else
			w.host[k >> 1 & 1].conf.defaults.nat = CONF_NAT_OFF;
		name_alice();
		world_configure(&w, k >> 1 & 1);
		come_up();
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_false(ike_of(i).encap);
			assert_esp(i, 0, 0);
		}
		assert_ports(0, 500, 500);
		world_free(&w);
	}
}

/* --- life behind a NAT --- */

static void test_rekeys(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		begin(seed, seed & 1, seed & 2 ? ALICE : ALICE | BOB, seed & 4);
		come_up();
		w.traffic = true;
		for (int i = 0; i < 12; i++) {
			assert_int_equal(engine_rekey(w.host[i & 1].engine, w.now, NULL,
						      i % 3 == 2 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD), 1);
			world_run(&w, SECONDS(7));
		}
		w.traffic = false;
		world_run(&w, SECONDS(100));
		assert_nothing_lost();
		assert_int_equal(w.host[0].events[ENGINE_CHILD_REKEYED], 8);
		assert_int_equal(w.host[1].events[ENGINE_IKE_REKEYED], 4);
		assert_ports(1, 4500, 30002);
		assert_esp(1, 4500, 30002);
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_true(ike_of(i).encap);
			assert_true(ike_of(i).nat_local == !!(seed & 2 ? !i : true));
		}
		world_free(&w);
	}
}

/* The mapping changes under traffic; what comes by the old one still gets in. */
static void test_remapped_under_traffic(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		begin(seed, seed & 1, seed & 2 ? ALICE : ALICE | BOB, seed & 4);
		come_up();
		w.traffic = true;
		for (unsigned i = 1; i <= 6; i++) {
			world_run(&w, SECONDS(1));
			world_nat_remap(0, true);
			if (i % 3 == 0)
				engine_rekey(w.host[i & 1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
			world_run(&w, SECONDS(6));
			assert_ports(1, 4500, (uint16_t)(30002 + i));
		}
		w.traffic = false;
		world_run(&w, SECONDS(60));
		assert_nothing_lost();
		assert_esp(1, 4500, 30008);
		assert_int_equal(world_count(&w.host[1], true), 1);
		world_free(&w);
	}
}

/* Whoever begins again still counts payloads and modes as the peer does, and is where the peer knows it. */
static void test_killed(void **state)
{
	static const enum isakmp_vid no_rfc[4] = { ISAKMP_VID_NAT_T, ISAKMP_VID_NAT_T_03 }, all[4];

	(void)state;
	for (unsigned k = 0; k < 8; k++) {
		unsigned who = k & 1;

		begin(k + 1, k >> 1 & 1, ALICE, false);
		w.strict = true;
		w.pause = MILLISECONDS(300);
		tap_wire(k >> 2 ? no_rfc : all);
		come_up();
		w.traffic = true;
		world_kill(&w, who);
		world_run(&w, SECONDS(2));
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_int_equal(engine_rekey(w.host[i].engine, w.now, NULL, ENGINE_REKEY_CHILD), 1);
			world_run(&w, SECONDS(7));
		}
		w.traffic = false;
		world_run(&w, SECONDS(60));
		assert_nothing_lost();
		assert_int_equal(w.host[1 - who].events[ENGINE_CHILD_REKEYED], 2);
		assert_ports(1, 4500, 30002);
		assert_esp(1, 4500, 30002);
		world_free(&w);
	}
}

/* Nothing else goes: the one behind the NAT keeps the mapping, and the other one does not. */
static void test_keepalives(void **state)
{
	(void)state;
	begin(1, true, ALICE, false);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.keepalive = 20;
		w.host[i].conf.defaults.dpd = 0;
		world_configure(&w, i);
	}
	world_nat[0].patience = SECONDS(25);
	come_up();
	world_run(&w, SECONDS(300));
	assert_in_range(w.host[1].keepalives, 14, 16);
	assert_int_equal(w.host[0].keepalives, 0);
	w.host[0].mute = true;
	w.traffic = true;
	world_run(&w, SECONDS(1));
	w.traffic = false;
	world_run(&w, SECONDS(1));
	assert_nothing_lost();
	world_free(&w);
}

/* What gets lost or comes twice on the way is had again. */
static void test_lossy(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		begin(seed, seed & 1, behinds[seed % 3], false);
		w.loss = 10;
		w.dup = 20;
		w.jitter = 30000;
		come_up();
		assert_true(ike_of(0).encap && ike_of(1).encap);
		w.loss = w.dup = 0;
		w.jitter = 0;
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_nat),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_drafts),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_forced),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_rekeys),
		cmocka_unit_test(test_remapped_under_traffic),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_keepalives),
		cmocka_unit_test(test_lossy),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
