// SPDX-License-Identifier: MIT
// What others say in IKEv1 and keyd does not: the commit bit, CONNECTED, INVALID-COOKIE.
#include "tests/unit/world.h"
#include "tests/unit/with_crypto.h"

#include "keyd/crypto/alg.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/ikev1/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void begin(enum conf_exchange exchange)
{
	world_init(&w, 5, true);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.version = 1;
		w.host[i].conf.defaults.exchange = (uint8_t)exchange;
		world_configure(&w, i);
	}
}

static struct ike_sa *sa_of(unsigned host)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		if (sa->state == IKE_ESTABLISHED)
			return sa;
	return NULL;
}

static struct child_sa *child_of(unsigned host, enum child_state state)
{
	list_each(sa, &w.host[host].engine->sas, struct ike_sa, link)
		list_each(c, &sa->children, struct child_sa, link)
			if (c->state == state)
				return c;
	return NULL;
}

static void set_commit(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	(void)from;
	if (n > 20)
		bytes[19] |= ISAKMP_FLAG_COMMIT;
}

/* In every message of both ends: nothing is otherwise than without. */
static void test_commit_bit(void **state)
{
	(void)state;
	for (int exchange = CONF_EXCHANGE_MAIN; exchange <= CONF_EXCHANGE_AGGRESSIVE; exchange++) {
		begin((enum conf_exchange)exchange);
		w.tap = set_commit;
		assert_true(world_up(&w));
		w.traffic = true;
		for (unsigned i = 0; i < 4; i++) {
			engine_rekey(w.host[i & 1].engine, w.now, NULL, i < 2 ? ENGINE_REKEY_CHILD : ENGINE_REKEY_IKE);
			world_run(&w, SECONDS(8));
		}
		w.traffic = false;
		world_run(&w, SECONDS(100));
		assert_true(world_joined(&w));
		for (unsigned i = 0; i < WORLD_HOSTS; i++) {
			assert_int_equal(w.host[i].lost_keying, 0);
			assert_int_equal(w.host[i].nsas, 2);
			assert_int_equal(w.host[i].events[ENGINE_CHILD_REKEYED], 2);
			assert_int_equal(w.host[i].events[ENGINE_IKE_REKEYED], 2);
		}
		world_free(&w);
	}
}

/* From host 1, with the commit bit: CONNECTED for spi, in an exchange of that type and message id. */
static void say_connected(uint8_t exchange, uint32_t id, uint32_t spi)
{
	struct ike_sa *sa = sa_of(1);
	uint8_t iv[CRYPTO_IV_MAX], bytes[4] = { (uint8_t)(spi >> 24), (uint8_t)(spi >> 16), (uint8_t)(spi >> 8), (uint8_t)spi };
	struct wire_out out;
	struct view datagram;
	size_t at;

	assert_int_equal(ikev1_iv_phase2(&sa->v1->suite, sa->v1->iv, id, iv), 0);
	v1_message_begin(sa, &out, exchange, id, true);
	at = v1_hash_begin(sa, &out);
	v1_put_notify(&out, ISAKMP_PROTO_ESP, ISAKMP_N_CONNECTED, (struct view){ bytes, sizeof(bytes) }, (struct view){ 0 });
	assert_int_equal(v1_hash_end(sa, &out, at, id, (struct view){ 0 }), 0);
	assert_int_equal(v1_message_end(sa, &out, iv, &datagram), 0);
	sa->e->out[19] |= ISAKMP_FLAG_COMMIT;
	world_inject(&w, 0, datagram.p, datagram.n);
	world_run(&w, MILLISECONDS(50));
}

/* The fourth message of quick mode, or an Informational exchange with its message id: the initiator need not wait any longer. */
static void test_connected(void **state)
{
	(void)state;
	for (unsigned ours = 0; ours < 2; ours++) {
		struct child_sa *c;
		uint32_t id = 0;

		begin(CONF_EXCHANGE_MAIN);
		assert_true(world_up(&w));
		engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD);
		world_run(&w, MILLISECONDS(200));
		c = child_of(0, CHILD_INBOUND);
		assert_non_null(c);
		list_each(m, &sa_of(1)->v1->memos, struct v1_memo, link)
			id = m->message_id;
		say_connected(ISAKMP_EXCH_QUICK, id, c->spi_out);
		say_connected(ISAKMP_EXCH_INFORMATIONAL, id + 1, 0x12345678);
		assert_int_equal(c->state, CHILD_INBOUND);
		say_connected(ISAKMP_EXCH_INFORMATIONAL, id, ours ? c->spi_in : c->spi_out);
		assert_int_equal(c->state, CHILD_UP);
		world_run(&w, SECONDS(100));
		assert_true(world_joined(&w));
		assert_int_equal(w.host[0].nsas + w.host[1].nsas, 4);
		world_free(&w);
	}
}

/* What anybody may say to host 0 who sees cookies pass: that host 1 does not know its ISAKMP SA. */
static void disown(const char *from)
{
	struct ike_sa *sa = sa_of(0);
	uint8_t cookies[16], bytes[200];
	struct world_path p = { .src = w.host[1].addr, .dst = w.host[0].addr, .sport = 500, .dport = 500 };
	struct wire_out out;
	struct view datagram;

	assert_non_null(sa);
	v1_cookies(sa, cookies);
	v1_message_begin(sa, &out, ISAKMP_EXCH_INFORMATIONAL, 0, false);
	v1_put_notify(&out, ISAKMP_PROTO_ISAKMP, ISAKMP_N_INVALID_COOKIE, (struct view){ cookies, sizeof(cookies) }, (struct view){ 0 });
	assert_int_equal(v1_message_end(sa, &out, NULL, &datagram), 0);
	memcpy(bytes, datagram.p, datagram.n);
	if (from)
		ipsec_addr_parse(&p.src, from);
	world_inject_from(&w, 0, &p, bytes, datagram.n);
}

/* A peer that has lost all, and says so: it need not be asked for life in vain for long. */
static void test_invalid_cookie(void **state)
{
	(void)state;
	for (unsigned told = 0; told < 2; told++) {
		begin(CONF_EXCHANGE_MAIN);
		assert_true(world_up(&w));
		world_restart(&w, 1, false);
		if (told)
			disown(NULL);
		assert_int_equal(world_until(&w, SECONDS(2), world_joined), told);
		assert_true(world_until(&w, SECONDS(60), world_joined));
		world_free(&w);
	}
}

/* Where it is a lie, there is a question every ten seconds, and an answer. */
static void test_false_cookie(void **state)
{
	unsigned said;

	(void)state;
	begin(CONF_EXCHANGE_MAIN);
	assert_true(world_up(&w));
	said = w.host[1].datagrams;
	for (unsigned i = 0; i < 50; i++) {
		disown("192.0.2.77");
		world_run(&w, MILLISECONDS(10));
	}
	assert_int_equal(w.host[1].datagrams, said);
	for (unsigned i = 0; i < 250; i++) {
		disown(NULL);
		world_run(&w, MILLISECONDS(100));
	}
	assert_int_equal(w.host[1].datagrams, said + 3);
	assert_int_equal(w.host[0].events[ENGINE_IKE_REKEYED], 0);
	assert_true(world_joined(&w));
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commit_bit),
		cmocka_unit_test(test_connected),
		cmocka_unit_test(test_invalid_cookie),
		cmocka_unit_test(test_false_cookie),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
