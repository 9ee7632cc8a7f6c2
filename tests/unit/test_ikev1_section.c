// SPDX-License-Identifier: MIT
// What a section says of a peer that speaks IKEv1: how many children it gets, whether it is served, how it may begin.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/load.h"
#include "keyd/crypto/alg.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_children),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
