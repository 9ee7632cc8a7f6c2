// SPDX-License-Identifier: MIT
// A peer begins a second IKE SA: INITIAL_CONTACT, "unique", from where it was and from elsewhere (RFC 7296 2.4).
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/alg.h"
#include "keyd/ike/engine_state.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/wire/ikev2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void up(uint64_t seed, enum conf_unique unique, bool says_contact)
{
	world_init(&w, seed, true);
	conf_id_parse(&w.host[0].conf.defaults.local_id, "a.example");
	conf_id_parse(&w.host[1].conf.defaults.local_id, "b.example");
	conf_id_parse(&w.host[0].conf.defaults.remote_id, "b.example");
	w.host[0].conf.defaults.unique = says_contact ? CONF_UNIQUE_NO : CONF_UNIQUE_NEVER;
	w.host[1].conf.defaults.unique = (uint8_t)unique;
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		world_configure(&w, i);
	assert_true(world_up(&w));
}

static void tell_policy(unsigned host)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW, .policy = w.host[host].out };

	engine_kern_event(w.host[host].engine, w.now, &ev);
}

static struct ipsec_addr left;

static bool nobody_at_left(struct world *world, unsigned from, struct world_path *p)
{
	(void)world;
	(void)from;
	return !ipsec_addr_equal(&p->dst, &left);
}

/* Host 0 goes somewhere else, and forgets all. */
static void move_away(void)
{
	struct world_host *h = &w.host[0];

	left = h->addr;
	w.route = nobody_at_left;
	ipsec_addr_parse(&h->addr, "198.51.100.7");
	h->out.tmpl[0].src = w.host[1].out.tmpl[0].dst = h->addr;
	w.host[1].out.index++;
	world_restart(&w, 0, false);
	tell_policy(0);
	tell_policy(1);
}

static unsigned ike_sas(unsigned host)
{
	unsigned n = 0;

	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		n += sa->state == IKE_ESTABLISHED;
	return n;
}

static bool contact_said(void)
{
	return strstr(w.host[1].log, "INITIAL_CONTACT)") != NULL;
}

/* What host 1 does when host 0 comes back from elsewhere, as it said or not that it has no other. */
static void test_from_elsewhere(void **state)
{
	static const struct {
		enum conf_unique unique;
		bool contact, welcome;
		unsigned left;
	} t[] = {
		{ CONF_UNIQUE_REPLACE, true, true, 1 }, { CONF_UNIQUE_REPLACE, false, true, 1 },
		{ CONF_UNIQUE_NO, true, true, 1 }, { CONF_UNIQUE_NO, false, true, 2 },
		{ CONF_UNIQUE_KEEP, true, true, 1 }, { CONF_UNIQUE_KEEP, false, false, 1 },
		{ CONF_UNIQUE_NEVER, true, true, 2 }, { CONF_UNIQUE_NEVER, false, true, 2 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		up(1 + i, t[i].unique, t[i].contact);
		move_away();
		world_packet(&w, 0);
		assert_int_equal(world_until(&w, SECONDS(5), world_joined), t[i].welcome);
		world_run(&w, SECONDS(2));
		assert_int_equal(ike_sas(1), t[i].left);
		assert_int_equal(ike_sas(0), t[i].welcome);
		if (!t[i].welcome) {
			assert_non_null(strstr(w.host[1].log, "\"unique keep\" lets that stay"));
			assert_non_null(strstr(w.host[0].last_text, "AUTHENTICATION_FAILED"));
		}
		world_free(&w);
	}
}

/* "keep" asks the old one whether it lives: a peer that has moved gets in as soon as it is known to be gone. */
static void test_keep_finds_the_dead(void **state)
{
	(void)state;
	up(1, CONF_UNIQUE_KEEP, false);
	move_away();
	for (unsigned i = 0; i < 12 && !world_joined(&w); i++) {
		world_packet(&w, 0);
		world_run(&w, SECONDS(10));
	}
	assert_true(world_joined(&w));
	assert_int_equal(ike_sas(1), 1);
	world_free(&w);
}

/* From where it was: it reauthenticates, or makes a second one on purpose. Nothing ends but by INITIAL_CONTACT. */
static void test_from_the_same_place(void **state)
{
	(void)state;
	for (enum conf_unique unique = CONF_UNIQUE_REPLACE; unique <= CONF_UNIQUE_NEVER; unique++) {
		for (unsigned contact = 0; contact < 2; contact++) {
			up(10 + unique, unique, contact);
			w.traffic = true;
			world_run(&w, SECONDS(130));	/* two young SAs are none to reauthenticate */
			assert_true(engine_reauth(w.host[0].engine, w.now, NULL) > 0);
			world_run(&w, SECONDS(5));
			w.traffic = false;
			world_run(&w, SECONDS(20));
			assert_false(contact_said());
			assert_int_equal(ike_sas(1), 1);
			assert_int_equal(w.host[0].events[ENGINE_IKE_REAUTHENTICATED], 1);
			assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
			assert_int_equal(w.host[0].held, 1);
			assert_int_equal(w.host[1].held, 0);
			world_free(&w);
		}
	}
}

/* Said exactly when it is true: at first, after a restart; not while another SA with that identity is there. */
static void test_contact_is_said(void **state)
{
	(void)state;
	up(1, CONF_UNIQUE_NO, true);
	assert_false(contact_said());	/* nothing was there to end */
	world_restart(&w, 0, false);
	assert_true(world_up(&w));
	assert_true(contact_said());
	assert_int_equal(ike_sas(1), 1);
	world_free(&w);
}

static void lose_informational(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)from;
	world->loss = n > 18 && bytes[18] == IKEV2_EXCH_INFORMATIONAL ? 100 : 0;
}

/* Nor while one is being deleted: what the peer still sends by that would end before its time. The DELETE ends it. */
static void test_not_said_while_deleting(void **state)
{
	(void)state;
	up(3, CONF_UNIQUE_NO, true);
	w.tap = lose_informational;
	world_log_clear(&w);
	assert_int_equal(engine_down(w.host[0].engine, w.now, NULL), 1);
	world_run(&w, MILLISECONDS(10));
	w.traffic = true;
	world_run(&w, SECONDS(1));
	w.traffic = false;
	assert_non_null(strstr(w.host[1].log, "the peer sends on it"));	/* which is when it would end */
	assert_int_equal(ike_sas(1), 2);
	assert_false(contact_said());
	w.tap = NULL;
	w.loss = 0;
	world_run(&w, SECONDS(60));
	assert_int_equal(ike_sas(1), 1);
	assert_true(world_joined(&w));
	world_free(&w);
}

/* Who says it of himself ends nothing of others: the identity must be the same, and proved. */
static void test_only_the_same_identity(void **state)
{
	(void)state;
	up(1, CONF_UNIQUE_REPLACE, true);
	conf_id_parse(&w.host[0].conf.defaults.local_id, "c.example");
	move_away();
	assert_true(world_up(&w));
	assert_int_equal(ike_sas(1), 2);
	assert_false(contact_said());
	world_free(&w);

	up(2, CONF_UNIQUE_REPLACE, true);
	w.host[0].psk = "battery staple";
	move_away();
	world_packet(&w, 0);
	world_run(&w, SECONDS(5));
	assert_int_equal(ike_sas(1), 1);
	assert_false(contact_said());
	world_free(&w);
}

/* The old one carries what there is until the new one does: the restarted host keeps its SAs and not a packet is lost. */
static void test_without_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		up(seed, CONF_UNIQUE_REPLACE, true);
		w.delay = 20000;
		w.traffic = true;
		world_restart(&w, 0, true);
		world_run(&w, SECONDS(2));
		w.traffic = false;
		world_run(&w, SECONDS(60));
		assert_true(contact_said());
		assert_int_equal(ike_sas(1), 1);
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_int_equal(w.host[i].lost_keying, 0);
			assert_int_equal(w.host[i].held, i == 0 ? 1 : 0);
			assert_int_equal(w.host[i].nsas, 2);
		}
		assert_true(world_joined(&w));
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_elsewhere),
		cmocka_unit_test(test_keep_finds_the_dead),
		cmocka_unit_test(test_from_the_same_place),
		cmocka_unit_test(test_contact_is_said),
		cmocka_unit_test(test_not_said_while_deleting),
		cmocka_unit_test(test_only_the_same_identity),
		cmocka_unit_test(test_without_loss),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
