// SPDX-License-Identifier: MIT
// What a section says of a peer that speaks IKEv1: how many children it gets, whether it is served, how it may begin.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/load.h"
#include "keyd/crypto/alg.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/ikev1/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void configure(unsigned host, const char *text)
{
	char name[8] = { (char)('a' + (int)host) };
	struct conf_secrets s;

	conf_free(&w.host[host].conf);
	assert_int_equal(conf_load_buffer(&w.host[host].conf, &s, name, text, strlen(text), NULL, NULL), 0);
	conf_secrets_free(&s);
	world_configure(&w, host);
}

static void begin(const char *alice, const char *bob)
{
	world_init(&w, 7, true);
	configure(0, alice);
	configure(1, bob);
}

static void end(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		conf_free(&w.host[i].conf);
	world_free(&w);
}

#define TO_BOB "peer 192.0.2.2 {\n\tversion 1\n"
#define TO_ALICE "peer 192.0.2.1 {\n\tversion 1\n"

static void create_other(unsigned host)
{
	struct ipsec_policy pol = world_other(&w, host);
	struct world_host *h = &w.host[host];

	h->engine->now = w.now;
	child_begin(h->engine, &pol, &h->addr, &w.host[1 - host].addr, NULL);
	engine_settle(h->engine);
}

static void assert_one_child(void)
{
	assert_true(world_joined(&w));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].nsas, 2);
		assert_int_equal(w.host[i].lost_keying, 0);
	}
}

/* No more children than allowed, of either side; but what there is, the peer renews as often as it likes. */
static void test_children(void **state)
{
	(void)state;
	begin(TO_BOB "}\n", TO_ALICE "\tchildren 1\n}\n");
	world_load_other(&w);
	assert_true(world_up(&w));
	w.traffic = true;
	for (unsigned i = 0; i < 4; i++) {
		engine_rekey(w.host[i & 1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, SECONDS(8));
	}
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	engine_rekey(w.host[1].engine, w.now, NULL, ENGINE_REKEY_CHILD);
	world_run(&w, SECONDS(100));
	w.traffic = false;
	assert_one_child();
	assert_true(w.host[0].events[ENGINE_CHILD_REKEYED] >= 5);
	assert_null(strstr(w.host[1].log, "as many children"));
	create_other(0);
	world_run(&w, SECONDS(100));
	assert_non_null(strstr(w.host[1].log, "there are as many children as \"children\" allows"));
	assert_one_child();
	end();
}

static void attempt(unsigned host)
{
	world_packet(&w, host);
	world_run(&w, SECONDS(5));
}

/* Why nothing came of the newest attempt at host. */
static enum engine_reason told;

static void on_story(void *arg, const struct engine_story *s)
{
	(void)arg;
	told = (enum engine_reason)s->reason;
}

static enum engine_reason reason_at(unsigned host)
{
	struct engine_explain_end at_end;

	told = REASON_NONE;
	engine_explain(w.host[host].engine, w.now, "", on_story, NULL, &at_end);
	return told;
}

/* Who is to get nothing gets nothing, whichever way its section is found, and nothing is begun with it. */
static void test_refused(void **state)
{
	static const char *const ways[] = { "main", "aggressive" };
	/* by its address; by the defaults; by its name, where another section serves the address */
	static const char *const before[] = { TO_ALICE, "default {\n\tversion 1\n", "peer serves {\n\taddress 192.0.2.1\n\tversion 1\n" };
	static const char *const after[] = {
		"\tserve no\n}\n", "\tserve no\n}\n",
		"}\npeer refuses {\n\taddress 192.0.2.1\n\tversion 1\n\tid remote fqdn alice\n"
		"\tike aes256-sha1-modp2048\n\tserve no\n}\n",
	};
	char alice[400], bob[1200];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(alice, sizeof(alice), TO_BOB "\texchange %s\n\tid local fqdn alice\n}\n", ways[i]);
		for (unsigned k = 0; k < 3; k++) {
			snprintf(bob, sizeof(bob), "%s exchange %s\n%s", before[k], ways[i], after[k]);
			begin(alice, bob);
			attempt(0);
			world_run(&w, SECONDS(100));
			assert_false(world_joined(&w));
			assert_int_equal(w.host[1].events[ENGINE_IKE_UP], 0);
			assert_int_equal(w.host[1].nsas, 0);
			assert_int_equal(reason_at(1), k == 2 ? REASON_NO_SECTION : REASON_NOT_SERVED);
			assert_non_null(strstr(w.host[1].log, k == 1 ? "no section is for this peer" : "says \"serve no\""));
			end();
		}
	}
}

static void test_begins_nothing(void **state)
{
	(void)state;
	begin(TO_BOB "\tserve no\n}\n", TO_ALICE "}\n");
	attempt(0);
	assert_int_equal(reason_at(0), REASON_NOT_SERVED);
	assert_int_equal(w.host[1].datagrams, 0);
	engine_up(w.host[0].engine, w.now, "", NULL);
	world_run(&w, SECONDS(5));
	assert_int_equal(w.host[0].datagrams + w.host[1].datagrams, 0);
	end();
}

/* What a section names is answered, and nothing else; the first is begun with. */
static void test_exchanges(void **state)
{
	static const struct { const char *alice, *bob; bool up; } rows[] = {
		{ "main", "main", true }, { "aggressive", "main", false }, { "main", "aggressive", false },
		{ "main", "aggressive, main", true }, { "aggressive", "main, aggressive", true },
		{ "main, aggressive", "main", true }, { "aggressive, main", "main", false },
	};
	char alice[300], bob[300];

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(alice, sizeof(alice), TO_BOB "\texchange %s\n}\n", rows[i].alice);
		snprintf(bob, sizeof(bob), TO_ALICE "\texchange %s\n}\n", rows[i].bob);
		begin(alice, bob);
		attempt(0);
		assert_int_equal(world_joined(&w), rows[i].up);
		assert_non_null(strstr(w.host[0].log, rows[i].alice[0] == 'm' ? "Main Mode result=begin" : "Aggressive Mode result=begin"));
		if (!rows[i].up) {
			assert_int_equal(reason_at(1), REASON_EXCHANGE);
			assert_non_null(strstr(w.host[1].log, "in its section \"exchange\" says otherwise"));
		}
		end();
	}
}

static const struct ike_sa *sa_of(unsigned host)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		if (sa->state == IKE_ESTABLISHED)
			return sa;
	return NULL;
}

/* Rekeys begin by the settings that are in force then, as in IKEv2 a new proof does. */
static void test_reload(void **state)
{
	(void)state;
	begin(TO_BOB "\tike aes128-sha256-modp2048\n}\n", TO_ALICE "\tike aes128-sha256-modp2048, aes256-sha512-ecp384\n}\n");
	assert_true(world_up(&w));
	w.traffic = true;
	configure(0, TO_BOB "\tike aes256-sha512-ecp384\n\tdpd 7s\n}\n");
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
	world_run(&w, SECONDS(20));
	assert_non_null(sa_of(0));
	assert_string_equal(sa_of(0)->v1->suite.prf->name, "prfsha512");
	assert_int_equal(sa_of(0)->peer->conf.dpd, 7);
	assert_one_child();
	/* Not for one that is not to be served any more; what there is, goes on. */
	configure(0, TO_BOB "\tserve no\n}\n");
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
	world_run(&w, SECONDS(20));
	w.traffic = false;
	assert_non_null(strstr(w.host[0].log, "it is not renewed: the section \"192.0.2.2\" (a:1) says \"serve no\""));
	assert_one_child();
	assert_int_equal(w.host[0].events[ENGINE_IKE_REKEYED], 1);
	end();
}

/* The next one is of the version that is spoken now. */
static void test_other_version(void **state)
{
	(void)state;
	begin(TO_BOB "}\n", TO_ALICE "}\n");
	assert_true(world_up(&w));
	w.traffic = true;
	configure(0, "peer 192.0.2.2 {\n}\n");
	configure(1, "peer 192.0.2.1 {\n}\n");
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
	world_run(&w, SECONDS(100));
	w.traffic = false;
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_non_null(sa_of(i));
		assert_null(sa_of(i)->v1);
	}
	world_run(&w, SECONDS(100));
	assert_one_child();
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_begins_nothing),
		cmocka_unit_test(test_exchanges),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_other_version),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
