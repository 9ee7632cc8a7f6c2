// SPDX-License-Identifier: MIT
// IKEv1 by signatures: main and aggressive mode, RSA and ECDSA, certificates and known keys, hybrid mode, what is refused.
#include "tests/unit/cert_world.h"
#include "tests/unit/rogue.h"
#include "tests/unit/with_crypto.h"

#include "keyd/crypto/trust.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct world w;
static struct secret spki[WORLD_HOSTS];

/* What is public of a key tells which method is offered. */
static void show_keys(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(crypto_key_spki(of[i].key, &spki[i]), 0);
		of[i].cred.spki = spki[i].p;
		of[i].cred.nspki = (uint32_t)spki[i].n;
	}
}

static void begin_v1(uint64_t seed, enum crypto_key_type type, unsigned bits, uint8_t exchange)
{
	begin(&w, seed, type, bits);
	show_keys();
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w.host[i].conf.defaults.version = 1;
		w.host[i].conf.defaults.exchange = exchange;
	}
}

static void end_v1(void)
{
	end();
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		secret_clear(&spki[i]);
}

static void must_come_up(const char *what)
{
	world_packet(&w, 0);
	if (!world_until(&w, SECONDS(20), world_joined))
		fail_msg("%s does not come up:\n%s\n%s", what, w.host[0].log, w.host[1].log);
}

static void test_signatures(void **state)
{
	static const struct {
		enum crypto_key_type type;
		unsigned bits;
		uint8_t way;
		const char *scheme;
	} t[] = {
		{ CRYPTO_KEY_RSA, 2048, CERT, "ikev1-rsa" }, { CRYPTO_KEY_EC, 256, CERT, "ikev1-ecdsa256" },
		{ CRYPTO_KEY_EC, 384, CERT, "ikev1-ecdsa384" }, { CRYPTO_KEY_EC, 521, CERT, "ikev1-ecdsa521" },
		{ CRYPTO_KEY_RSA, 2048, KEY, "ikev1-rsa" }, { CRYPTO_KEY_EC, 256, KEY, "ikev1-ecdsa256" },
	};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(t) / sizeof(t[0]); i++) {
		uint8_t exchange = i % 2 ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN;

		begin_v1(i + 1, t[i / 2].type, t[i / 2].bits, exchange);
		for (unsigned h = 0; h < WORLD_HOSTS; h++)
			ways(h, t[i / 2].way, NONE, t[i / 2].way, NONE);
		configured();
		must_come_up(t[i / 2].scheme);
		for (unsigned h = 0; h < WORLD_HOSTS; h++) {
			struct ike_sa *sa = rogue_sa(&w, h);

			assert_int_equal(of[h].judged, 1);
			assert_int_equal(of[h].certs, t[i / 2].way == CERT ? 2 : 0);
			assert_non_null(strstr(sa->proof.remote, t[i / 2].scheme));
			assert_non_null(strstr(sa->proof.local, t[i / 2].scheme));
			assert_int_equal(sa->secret_at.line, 5);
			assert_int_equal(ike_sas(h), 1);
		}
		end_v1();
	}
}

/* Both prove themselves anew with each phase 1, and nothing is lost meanwhile. */
static void test_rekeys(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		begin_v1(50 + i, CRYPTO_KEY_EC, 256, i & 2 ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN);
		configured();
		must_come_up("what is to be rekeyed");
		w.traffic = true;
		for (unsigned k = 0; k < 4; k++) {
			assert_int_equal(engine_rekey(w.host[(i + k) & 1].engine, w.now, NULL,
						      k & 1 ? ENGINE_REKEY_IKE : ENGINE_REKEY_CHILD), 1);
			world_run(&w, SECONDS(20));
		}
		w.traffic = false;
		world_run(&w, SECONDS(60));
		for (unsigned h = 0; h < WORLD_HOSTS; h++) {
			assert_int_equal(of[h].judged, 3);
			assert_int_equal(ike_sas(h), 1);
			assert_int_equal(w.host[h].lost_keying, 0);
			assert_int_equal(w.host[h].events[ENGINE_IKE_REKEYED], 2);
		}
		end_v1();
	}
}

static void test_verdicts(void **state)
{
	static const struct {
		int error;
		uint8_t verdict;
		const char *says;
	} t[] = {
		{ TRUST_SIGNATURE, 0, "its signature has a reason" },
		{ TRUST_NOT_TRUSTED, CRYPTO_TRUST_REVOKED, "has a reason" },
		{ TRUST_WRONG_NAME, 0, "its certificate is for somebody else: has a reason" },
	};

	(void)state;
	for (unsigned i = 0; i < 4 * sizeof(t) / sizeof(t[0]); i++) {
		unsigned judge = i % 2;

		begin_v1(100 + i, CRYPTO_KEY_RSA, 2048, i & 2 ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN);
		of[judge].error = t[i / 4].error;
		of[judge].verdict = t[i / 4].verdict;
		configured();
		world_packet(&w, 0);
		assert_false(world_until(&w, SECONDS(5), world_joined));
		if (!strstr(w.host[judge].log, t[i / 4].says))
			fail_msg("verdict %u: no \"%s\" in\n%s", i, t[i / 4].says, w.host[judge].log);
		/* With it nobody has been let in. */
		assert_int_equal(ike_sas(judge), 0);
		assert_int_equal(world_count(&w.host[judge], true), 0);
		end_v1();
	}
}

static void add_login(unsigned host, const struct conf_digest *key, const char *user, const char *password, bool hashed)
{
	struct conf_login l = { .key = *key, .hashed = hashed };

	strcpy(l.user, user);
	assert_int_equal(secret_set(&l.password, password, strlen(password)), 0);
	assert_int_equal(logins_add(&of[host].keeper.logins, &l), 0);
}

/* client: the host with the password; hybrid: it has nothing else. openssl passwd -5 -salt saltsalt hatter */
static void with_password(unsigned client, bool hybrid, const char *password)
{
	struct conf_peer *c = &w.host[client].conf.defaults, *g = &w.host[!client].conf.defaults;

	c->xauth = CONF_XAUTH_CLIENT;
	strcpy(c->xauth_user, "alice");
	memset(&c->login, 9, sizeof(c->login));
	g->xauth = CONF_XAUTH_SERVER;
	memset(&g->users, 8, sizeof(g->users));
	add_login(client, &c->login, "alice", password, false);
	add_login(!client, &g->users, "alice", "$5$saltsalt$ZF4K7gAClJdsdJyWPfaJZ5/qPgTq/E7ahF2LL4TP5Y2", true);
	if (!hybrid)
		return;
	ways(client, NONE, NONE, CERT, NONE);
	ways(!client, CERT, NONE, NONE, NONE);
	memset(&c->key, 0, sizeof(c->key));
}

/* Whoever of the two begins; with certificates at both ends, or (hybrid) at the gateway alone. */
static void test_passwords(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		unsigned client = i & 1;
		bool hybrid = i & 2, good = !(i & 8);

		begin_v1(300 + i, CRYPTO_KEY_RSA, 2048, i & 4 ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN);
		with_password(client, hybrid, good ? "hatter" : "rabbit");
		configured();
		if (good) {
			must_come_up("with a password");
			assert_int_equal(of[client].judged, 1);
			assert_int_equal(of[!client].judged, hybrid ? 0 : 1);
			assert_non_null(strstr(rogue_sa(&w, !client)->proof.remote, hybrid ? "password of \"alice\"" :
					       " and password of \"alice\""));
		} else {
			world_packet(&w, 0);
			assert_false(world_until(&w, SECONDS(3), world_joined));
			assert_non_null(strstr(w.host[!client].log, "user \"alice\" is not known, or the password is another"));
			for (unsigned h = 0; h < WORLD_HOSTS; h++) {
				assert_int_equal(ike_sas(h), 0);
				assert_int_equal(world_count(&w.host[h], true), 0);
			}
		}
		end_v1();
	}
	/* P-256 has no number that says so: who does not answer gets nothing. */
	begin_v1(320, CRYPTO_KEY_EC, 256, CONF_EXCHANGE_MAIN);
	with_password(0, false, "hatter");
	w.host[0].conf.defaults.xauth = CONF_XAUTH_OFF;
	configured();
	world_packet(&w, 0);
	assert_false(world_until(&w, SECONDS(5), world_joined));
	assert_non_null(strstr(w.host[1].log, "the peer tells no name and password"));
	assert_non_null(strstr(w.host[0].log, "its section has no \"xauth client\""));
	assert_int_equal(ike_sas(1), 0);
	assert_int_equal(world_count(&w.host[1], true), 0);
	end_v1();
}

/* Both must mean the same method. */
static void test_refusals(void **state)
{
	static const struct { uint8_t a, b; } t[] = { { PSK, CERT }, { CERT, PSK } };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		begin_v1(200 + i, CRYPTO_KEY_RSA, 2048, i & 2 ? CONF_EXCHANGE_AGGRESSIVE : CONF_EXCHANGE_MAIN);
		ways(0, t[i % 2].a, NONE, t[i % 2].a, NONE);
		ways(1, t[i % 2].b, NONE, t[i % 2].b, NONE);
		configured();
		world_packet(&w, 0);
		assert_false(world_until(&w, SECONDS(5), world_joined));
		assert_non_null(strstr(w.host[1].log, "the peer wants to prove itself in another way than its section says"));
		assert_int_equal(ike_sas(0) + ike_sas(1), 0);
		end_v1();
	}
	/* Ed25519 has no number. */
	begin_v1(210, CRYPTO_KEY_ED25519, 0, CONF_EXCHANGE_MAIN);
	configured();
	world_packet(&w, 0);
	assert_false(world_until(&w, SECONDS(5), world_joined));
	assert_non_null(strstr(w.host[0].log, "IKEv1 has no authentication method for our key"));
	end_v1();
	/* RSA here, P-256 there: each waits for what the other cannot do. */
	begin_v1(211, CRYPTO_KEY_RSA, 2048, CONF_EXCHANGE_MAIN);
	of[1].cred.nspki = 0;
	crypto_key_free(of[1].key);
	assert_int_equal(crypto_key_generate(&of[1].key, CRYPTO_KEY_EC, 256), 0);
	secret_clear(&spki[1]);
	assert_int_equal(crypto_key_spki(of[1].key, &spki[1]), 0);
	of[1].cred.spki = spki[1].p;
	of[1].cred.nspki = (uint32_t)spki[1].n;
	configured();
	world_packet(&w, 0);
	assert_false(world_until(&w, SECONDS(5), world_joined));
	assert_non_null(strstr(w.host[1].log, "the peer wants to prove itself in another way than its section says"));
	end_v1();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures), cmocka_unit_test(test_rekeys),
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_refusals), cmocka_unit_test(test_passwords),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
