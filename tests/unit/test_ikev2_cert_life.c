// SPDX-License-Identifier: MIT
// What becomes of an IKE SA whose peer's certificate expires, is revoked, or is asked about again; and what many of them leave.
#include "tests/unit/cert_world.h"
#include "tests/unit/rogue.h"
#include "tests/unit/with_crypto.h"

#include "keyd/crypto/trust.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/timer.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

/* In three hours; before that it is asked for again, and has a new one or not. */
static void expiring(uint64_t seed, enum conf_lost_cert how)
{
	begin(&w, seed, CRYPTO_KEY_ED25519, 0);
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		w.host[i].conf.defaults.trust.expired = (uint8_t)how;
	configured();
	of[1].ends_at = w.now + SECONDS(3 * 3600);
	assert_true(world_up(&w));
	assert_int_equal(of[1].judged, 1);
}

static void test_renewed_in_time(void **state)
{
	(void)state;
	expiring(800, CONF_LOST_CERT_DOWN);
	w.traffic = true;
	of[1].ends_at = w.now + SECONDS(300 * 86400ULL);
	world_run(&w, SECONDS(3 * 3600 + 60));
	assert_int_equal(of[1].judged, 2);
	assert_null(strstr(w.host[1].log, "has expired"));
	assert_int_equal(ike_sas(1), 1);
	assert_int_equal(w.host[0].lost_keying + w.host[1].lost_keying, 0);
	end();
}

/* Many whose CA expires do not all begin anew at one moment. */
static void test_expiry_spread(void **state)
{
	uint64_t at[16], first = UINT64_MAX, last = 0;

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		expiring(900 + i, CONF_LOST_CERT_DOWN);
		at[i] = of[1].ends_at - rogue_sa(&w, 1)->reauth.at;
		assert_in_range(at[i], SECONDS(20 * 60), SECONDS(46 * 60));
		first = at[i] < first ? at[i] : first;
		last = at[i] > last ? at[i] : last;
		end();
	}
	assert_true(last - first > SECONDS(5 * 60));
}

static void test_expired(void **state)
{
	for (int how = CONF_LOST_CERT_DOWN; how <= CONF_LOST_CERT_KEEP; how++) {
		(void)state;
		expiring(810 + (uint64_t)how, (enum conf_lost_cert)how);
		world_run(&w, SECONDS(3 * 3600 - 30));
		assert_int_equal(ike_sas(1), 1);
		assert_true(of[1].judged > 1 && of[1].judged < 10);
		/* From now on it proves nothing any more. */
		of[1].error = TRUST_NOT_TRUSTED;
		of[1].verdict = CRYPTO_TRUST_EXPIRED;
		world_log_clear(&w);
		world_run(&w, SECONDS(60));
		of[1].judged = 0;
		assert_non_null(strstr(w.host[1].log, "certificate has expired"));
		assert_int_equal(ike_sas(1), how != CONF_LOST_CERT_DOWN);
		assert_int_equal(world_newest(&w.host[1], true) != NULL, how != CONF_LOST_CERT_DOWN);
		world_run(&w, SECONDS(6 * 3600));
		/* Who is kept is not asked again and again for what it cannot have. */
		assert_true(how != CONF_LOST_CERT_KEEP || of[1].judged == 0);
		assert_int_equal(ike_sas(1), how == CONF_LOST_CERT_KEEP);
		assert_int_equal(world_newest(&w.host[1], true) != NULL, how == CONF_LOST_CERT_KEEP);
		end();
	}
}

static void test_revoked(void **state)
{
	for (int how = CONF_LOST_CERT_DOWN; how <= CONF_LOST_CERT_KEEP; how++) {
		(void)state;
		begin(&w, 820 + (uint64_t)how, CRYPTO_KEY_ED25519, 0);
		w.host[1].conf.defaults.trust.revoked = (uint8_t)how;
		configured();
		assert_true(world_up(&w));
		engine_trust_changed(w.host[1].engine, w.now);
		world_run(&w, SECONDS(1));
		assert_int_equal(of[1].still, 1);
		assert_int_equal(ike_sas(1), 1);
		of[1].verdict = CRYPTO_TRUST_REVOKED;
		engine_trust_changed(w.host[1].engine, w.now);
		world_run(&w, SECONDS(5));
		assert_non_null(strstr(w.host[1].log, "\"CN=peer\" is revoked"));
		assert_int_equal(ike_sas(1), how != CONF_LOST_CERT_DOWN);
		assert_int_equal(ike_sas(0), how != CONF_LOST_CERT_DOWN);
		of[1].error = TRUST_NOT_TRUSTED;
		if (how == CONF_LOST_CERT_NO_REKEY) {
			engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_CHILD | ENGINE_REKEY_IKE);
			world_run(&w, SECONDS(10));
			assert_true(rogue_sa(&w, 1)->proof.lost);
			assert_int_equal(rogue_sa(&w, 1)->rekeys, 0);
			world_run(&w, SECONDS(6 * 3600));
			assert_int_equal(ike_sas(1), 0);
		}
		end();
	}
}

/* Nobody vouches for it any more: that is another reason, with other things to do about it. */
static void test_untrusted(void **state)
{
	(void)state;
	begin(&w, 827, CRYPTO_KEY_ED25519, 0);
	configured();
	assert_true(world_up(&w));
	of[1].verdict = CRYPTO_TRUST_NO_CA;
	engine_trust_changed(w.host[1].engine, w.now);
	world_run(&w, SECONDS(5));
	assert_int_equal(ike_sas(0) + ike_sas(1), 0);
	assert_non_null(strstr(w.host[1].log, "deleted: the CA of the peer's certificate is not believed any more"));
	end();
}

/* The question was asked about an SA that is rekeyed when the answer comes. */
static void test_revoked_in_a_rekey(void **state)
{
	(void)state;
	begin(&w, 828, CRYPTO_KEY_ED25519, 0);
	configured();
	assert_true(world_up(&w));
	of[1].verdict = CRYPTO_TRUST_REVOKED;
	w.auth_delay = SECONDS(2);
	engine_trust_changed(w.host[1].engine, w.now);
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
	world_run(&w, SECONDS(1));
	assert_int_equal(rogue_sa(&w, 1)->rekeys, 1);
	assert_int_equal(ike_sas(1), 1);
	world_run(&w, SECONDS(5));
	assert_int_equal(ike_sas(0) + ike_sas(1), 0);
	end();
}

/* The word that it is revoked comes after its proof was found good, and before the SA is there: a PIN may take a minute. */
static void test_revoked_meanwhile(void **state)
{
	(void)state;
	begin(&w, 829, CRYPTO_KEY_ED25519, 0);
	configured();
	w.auth_delay = SECONDS(5);
	world_packet(&w, 0);
	world_run(&w, SECONDS(12));
	assert_int_equal(of[1].judged, 1);
	assert_int_equal(rogue_sa(&w, 1)->state, IKE_AUTH);
	assert_true(rogue_sa(&w, 1)->proof.ticket.n);
	of[1].verdict = CRYPTO_TRUST_REVOKED;
	engine_trust_changed(w.host[1].engine, w.now);
	of[1].error = TRUST_NOT_TRUSTED;
	world_run(&w, SECONDS(40));
	assert_int_equal(of[1].still, 1);
	assert_int_equal(ike_sas(1), 0);
	end();
}

/* The file of CAs is another after a reload, and so is the name of the set: the ticket is asked about by that. */
static void test_reload_other_cas(void **state)
{
	struct conf *c = &w.host[1].conf;

	(void)state;
	begin(&w, 831, CRYPTO_KEY_ED25519, 0);
	c->defaults.trust.ncas = 1;
	c->defaults.trust.ca[0].b[0] = 1;
	configured();
	assert_true(world_up(&w));
	c->defaults.trust.ca[0].b[0] = 2;
	c->defaults.trust.revoked = CONF_LOST_CERT_KEEP;
	world_configure(&w, 1);
	world_run(&w, SECONDS(1));
	assert_int_equal(of[1].still, 1);
	assert_int_equal(of[1].set, 2);
	of[1].verdict = CRYPTO_TRUST_REVOKED;
	engine_trust_changed(w.host[1].engine, w.now);
	world_run(&w, SECONDS(1));
	assert_non_null(strstr(w.host[1].log, "\"revoked keep\" in its section"));
	/* The section proves by a shared key now: what was proved by a certificate is asked about as it was. */
	c->defaults.trust.ncas = 0;
	world_configure(&w, 1);
	world_run(&w, SECONDS(1));
	assert_int_equal(of[1].still, 3);
	assert_int_equal(of[1].set, 1);
	end();
}

/* A rekeyed IKE SA rests on the same proof, and so does one that was taken over after a restart. */
static void test_ticket_survives(void **state)
{
	(void)state;
	begin(&w, 830, CRYPTO_KEY_ED25519, 0);
	configured();
	assert_true(world_up(&w));
	engine_rekey(w.host[0].engine, w.now, NULL, ENGINE_REKEY_IKE);
	world_run(&w, SECONDS(10));
	assert_int_equal(rogue_sa(&w, 1)->rekeys, 1);
	world_kill(&w, 1);
	world_run(&w, SECONDS(10));
	assert_int_equal(ike_sas(1), 1);
	assert_non_null(strstr(rogue_sa(&w, 1)->proof.remote, "CN=peer"));
	of[1].verdict = CRYPTO_TRUST_REVOKED;
	engine_trust_changed(w.host[1].engine, w.now);
	world_run(&w, SECONDS(5));
	assert_int_equal(of[1].still, 1);
	assert_int_equal(ike_sas(1), 0);
	end();
}

/* What comes up and is deleted leaves nothing, a minute after. In simulated time, so each byte counts. */
static void handshakes(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(10), world_joined));
		engine_down(w.host[0].engine, w.now, NULL);
		world_run(&w, SECONDS(70));
		world_log_clear(&w);
	}
	assert_int_equal(ike_sas(0) + ike_sas(1), 0);
}

static void test_no_growth(void **state)
{
	size_t before;

	(void)state;
	begin(&w, 835, CRYPTO_KEY_ED25519, 0);
	configured();
	handshakes(100);		/* stories and tables are full */
	before = mallinfo2().uordblks;
	handshakes(400);
	assert_true(mallinfo2().uordblks < before + 400 * 8);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_renewed_in_time),
		cmocka_unit_test(test_expiry_spread),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_revoked),
		cmocka_unit_test(test_untrusted),
		cmocka_unit_test(test_revoked_in_a_rekey),
		cmocka_unit_test(test_revoked_meanwhile),
		cmocka_unit_test(test_reload_other_cas),
		cmocka_unit_test(test_ticket_survives),
		cmocka_unit_test(test_no_growth),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
