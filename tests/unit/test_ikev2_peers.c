// SPDX-License-Identifier: MIT
// What other implementations do and ours does not, as seen in the lab with them (docs/interop.md).
#include "keyd/crypto/alg.h"
#include "keyd/ike/timer.h"
#include "tests/unit/rogue.h"
#include "tests/unit/with_crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void say(struct ike_sa *from, uint32_t id, unsigned to, const struct rogue_payload *pl, unsigned n)
{
	struct wire_header h = rogue_header(from, IKEV2_EXCH_INFORMATIONAL, false, id);
	uint8_t buf[1000];
	struct view d = rogue_message(from, &h, pl, n, buf, sizeof(buf));

	world_inject(&w, to, d.p, d.n);
	world_run(&w, SECONDS(1));
}

/* strongSwan, where it has no secret for who we are: AUTHENTICATION_FAILED in a request, without a DELETE, and it forgets the SA. */
static void test_disowned(void **state)
{
	static const struct rogue_payload failed = ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x18");

	(void)state;
	for (unsigned host = 0; host < WORLD_HOSTS; host++) {
		world_init(&w, 1, true);
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(5), world_joined));
		world_run(&w, SECONDS(1));
		world_log_clear(&w);
		say(rogue_sa(&w, !host), rogue_sa(&w, host)->next_expected, host, &failed, 1);
		/* The responder's word for it is IKE_AUTH's answer; later it is nothing. */
		assert_int_equal(w.host[host].events[ENGINE_IKE_DOWN], host ? 1 : 0);
		assert_int_equal(world_count(&w.host[host], true), host ? 0 : 1);
		if (host)
			assert_non_null(strstr(w.host[host].log, "the peer does not believe who we are: AUTHENTICATION_FAILED"));
		world_free(&w);
	}
}

/* libreswan deletes at once what it does not believe in, and says no more; later a DELETE is a DELETE. */
static void test_deleted_at_once(void **state)
{
	static const struct rogue_payload gone = ROGUE(IKEV2_PL_DELETE, "\1\0\0\0");

	(void)state;
	for (unsigned later = 0; later < 2; later++) {
		world_init(&w, 1, true);
		world_packet(&w, 0);
		while (!w.host[1].events[ENGINE_IKE_UP])
			world_run(&w, 1000);
		if (later)
			world_run(&w, SECONDS(2));
		world_log_clear(&w);
		w.host[0].down = true;
		say(rogue_sa(&w, 0), rogue_sa(&w, 1)->next_expected, 1, &gone, 1);
		assert_int_equal(w.host[1].events[ENGINE_IKE_DOWN], 1);
		if (later)
			assert_null(strstr(w.host[1].log, "at once"));
		else
			assert_non_null(strstr(w.host[1].log, "at once: does it expect that we call ourselves \"192.0.2.2\"?"));
		world_free(&w);
	}
}

static bool asked_for_keys(struct world *world)
{
	return world->host[1].datagrams > 0;
}

/* openiked, where it takes none of the proposals for the child: the whole of IKE_AUTH is refused, without a proof. */
static void test_child_refuses_all(void **state)
{
	static const struct rogue_payload none = ROGUE(IKEV2_PL_NOTIFY, "\0\0\0\x0e");
	struct wire_header h;
	uint8_t buf[1000];
	struct view d;

	(void)state;
	world_init(&w, 1, true);
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(5), asked_for_keys));
	w.host[1].down = true;
	world_run(&w, MILLISECONDS(100));
	h = rogue_header(rogue_sa(&w, 1), IKEV2_EXCH_IKE_AUTH, true, 1);
	d = rogue_message(rogue_sa(&w, 1), &h, &none, 1, buf, sizeof(buf));
	world_inject(&w, 0, d.p, d.n);
	world_run(&w, SECONDS(1));
	assert_int_equal(w.host[0].events[ENGINE_FAILED], 1);
	assert_non_null(strstr(w.host[0].log, "NO_PROPOSAL_CHOSEN (14); we offer aes"));
	assert_false(w.host[0].larval);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disowned),
		cmocka_unit_test(test_deleted_at_once),
		cmocka_unit_test(test_child_refuses_all),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
