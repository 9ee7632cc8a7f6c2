// SPDX-License-Identifier: MIT
// Proofs of identity other than by a shared key: signatures, certificates, more than one round.
#include "tests/unit/cert_world.h"
#include "tests/unit/rogue.h"
#include "tests/unit/with_crypto.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/trust.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/wire/ikev2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

static void test_keys(void **state)
{
	static const struct {
		enum crypto_key_type type;
		unsigned bits;
		const char *scheme;
	} t[] = {
		{ CRYPTO_KEY_RSA, 2048, "rsapss-sha256" }, { CRYPTO_KEY_EC, 256, "ecdsa-sha256" }, { CRYPTO_KEY_EC, 521, "ecdsa-sha512" },
		{ CRYPTO_KEY_ED25519, 0, "ed25519" }, { CRYPTO_KEY_ED448, 0, "ed448" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		begin(&w, i + 1, t[i].type, t[i].bits);
		configured();
		assert_true(world_up(&w));
		for (unsigned h = 0; h < WORLD_HOSTS; h++) {
			struct ike_sa *sa = rogue_sa(&w, h);

			assert_int_equal(of[h].judged, 1);
			assert_int_equal(of[h].certs, 2);
			assert_non_null(strstr(sa->proof.remote, t[i].scheme));
			assert_non_null(strstr(sa->proof.local, t[i].scheme));
			assert_int_equal(sa->secret_at.line, 5);
		}
		end();
	}
}

/* Who proves himself how, in one round or in two; both ends see it alike. */
static void test_ways(void **state)
{
	static const struct {
		uint8_t a[2], b[2];		/* what host 0 proves itself by, and host 1 */
	} t[] = {
		{ { CERT }, { CERT } }, { { KEY }, { KEY } }, { { PSK }, { CERT } }, { { CERT }, { PSK } }, { { KEY }, { CERT } },
		{ { CERT, PSK }, { CERT, PSK } }, { { CERT, PSK }, { CERT } }, { { CERT }, { CERT, PSK } }, { { PSK, CERT }, { PSK } },
		{ { PSK, PSK }, { PSK, PSK } }, { { KEY, CERT }, { PSK } },
	};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(t) / sizeof(t[0]); i++) {
		const uint8_t *a = t[i / 2].a, *b = t[i / 2].b;

		begin(&w, 100 + i, CRYPTO_KEY_ED25519, 0);
		ways(0, a[0], a[1], b[0], b[1]);
		ways(1, b[0], b[1], a[0], a[1]);
		configured();
		world_packet(&w, i % 2);
		if (!world_until(&w, SECONDS(10), world_joined))
			fail_msg("ways %u do not come up:\n%s\n%s", i, w.host[0].log, w.host[1].log);
		world_run(&w, SECONDS(100));	/* nothing is left half-open */
		for (unsigned h = 0; h < WORLD_HOSTS; h++) {
			assert_int_equal(ike_sas(h), 1);
			assert_null(rogue_sa(&w, h)->auth.held);
			assert_int_equal(strstr(rogue_sa(&w, h)->proof.remote, " and ") != NULL, (h ? a : b)[1] != NONE);
		}
		end();
	}
}

/* What does not fit is refused at once, by words, and leaves nothing. */
static void test_refusals(void **state)
{
	static const struct {
		uint8_t a[2], b_wants[2];
		const char *says;
	} t[] = {
		{ { PSK }, { CERT }, "only a certificate is configured here" },
		{ { CERT }, { PSK }, "only a shared key is configured here" },
		{ { CERT }, { CERT, PSK }, "proves its identity once" },
		{ { CERT, PSK }, { CERT }, "wants to prove its identity twice" },
		{ { CERT, PSK }, { CERT, CERT }, "only a certificate is configured here" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		begin(&w, 200 + i, CRYPTO_KEY_ED25519, 0);
		ways(0, t[i].a[0], t[i].a[1], CERT, NONE);
		ways(1, CERT, NONE, t[i].b_wants[0], t[i].b_wants[1]);
		configured();
		world_packet(&w, 0);
		assert_false(world_until(&w, SECONDS(5), world_joined));
		if (!strstr(w.host[1].log, t[i].says))
			fail_msg("refusal %u: no \"%s\" in\n%s", i, t[i].says, w.host[1].log);
		assert_int_equal(ike_sas(0) + ike_sas(1), 0);
		end();
	}
}

/* Each verdict of the other role ends the attempt with its own code and words. */
static void test_verdicts(void **state)
{
	static const struct {
		int error;
		uint8_t verdict;
		const char *says;
	} t[] = {
		{ TRUST_FAILED, 0, "could not be judged: has a reason" },
		{ TRUST_NO_CERT, 0, ": has a reason" },
		{ TRUST_BAD_CERT, 0, "its certificate has a reason" },
		{ TRUST_NOT_TRUSTED, CRYPTO_TRUST_EXPIRED, "not believed: \"CN=peer\" has a reason" },
		{ TRUST_NOT_TRUSTED, CRYPTO_TRUST_REVOKED, "not believed: \"CN=peer\" has a reason" },
		{ TRUST_WRONG_NAME, 0, "is for somebody else: has a reason" },
		{ TRUST_SCHEME, 0, "its signature has a reason" },
		{ TRUST_SIGNATURE, 0, "its signature has a reason: it does not have the private key" },
		{ TRUST_WRONG_KEY, 0, ": has a reason" },
		{ TRUST_REFUSED_URL, 0, ": has a reason" },
	};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(t) / sizeof(t[0]); i++) {
		unsigned judge_is = i % 2;

		begin(&w, 300 + i, CRYPTO_KEY_ED25519, 0);
		configured();
		of[judge_is].error = t[i / 2].error;
		of[judge_is].verdict = t[i / 2].verdict;
		world_packet(&w, 0);
		assert_false(world_until(&w, SECONDS(1), world_joined));
		if (!strstr(w.host[judge_is].log, t[i / 2].says))
			fail_msg("no \"%s\" in\n%s", t[i / 2].says, w.host[judge_is].log);
		world_run(&w, SECONDS(1));
		assert_int_equal(ike_sas(0) + ike_sas(1), 0);
		end();
	}
}

/* A signature that takes a minute, at either end: the peer's repetitions are absorbed, and nobody is given up. */
static void test_slow_signature(void **state)
{
	(void)state;
	begin(&w, 400, CRYPTO_KEY_ED25519, 0);
	configured();
	w.auth_delay = SECONDS(14);	/* four of them for one negotiation */
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(60), world_joined));
	for (unsigned h = 0; h < WORLD_HOSTS; h++) {
		assert_int_equal(of[h].judged, 1);
		assert_int_equal(ike_sas(h), 1);
	}
	end();
}

/* Certificates are large: IKE_AUTH goes in fragments, over a link that drops what is longer, and loses and doubles. */
static void test_large(void **state)
{
	(void)state;
	begin(&w, 500, CRYPTO_KEY_RSA, 4096);
	for (unsigned h = 0; h < WORLD_HOSTS; h++)
		give_cert(h, 2900);
	configured();
	w.mtu = 1300;
	w.loss = 15;
	w.dup = 10;
	world_packet(&w, 0);
	assert_true(world_until(&w, SECONDS(60), world_joined));
	end();
}

/* Whoever names no hashes gets a signature of the old methods, and only if that is allowed. */
static bool drop_hashes;

static void forget_hashes(struct world *world, unsigned from, uint8_t *bytes, size_t n)
{
	(void)world;
	(void)from;
	for (size_t i = 0; drop_hashes && i + 1 < n; i++)
		if (bytes[18] == IKEV2_EXCH_IKE_SA_INIT && bytes[i] == 16431 >> 8 && bytes[i + 1] == (16431 & 0xff))
			bytes[i] = 0xf0;	/* a notify of the private range */
}

static void test_no_hashes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		begin(&w, 600 + i, i ? CRYPTO_KEY_RSA : CRYPTO_KEY_EC, i ? 2048 : 256);
		configured();
		drop_hashes = true;
		w.tap = forget_hashes;
		world_packet(&w, 0);
		/* The notify is part of what is signed, and so nothing can come up; but which scheme was taken shows. */
		world_run(&w, SECONDS(2));
		assert_non_null(strstr(w.host[i ? 0 : 1].log, i ? "our key can do none" : "its signature has a reason"));
		end();
	}
}

/* --- sections --- */

static struct conf_peer sections[3];

/* Host 1 has three sections for anybody; each takes another identity by another proof. */
static void test_section_by_identity(void **state)
{
	static const struct {
		const char *says, *section;
		unsigned proves;
		bool up;
	} t[] = {
		{ "a.example", "exact", CERT, true }, { "x.example", "pattern", PSK, true }, { "elsewhere", "rest", KEY, true },
		{ "a.example", "exact", PSK, false }, { "x.example", "pattern", CERT, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct conf *c = &w.host[1].conf;
		struct engine_stats stats;

		begin(&w, 700 + i, CRYPTO_KEY_ED25519, 0);
		conf_id_parse(&w.host[0].conf.defaults.local_id, t[i].says);
		ways(0, t[i].proves, NONE, CERT, NONE);
		for (unsigned k = 0; k < 3; k++) {
			sections[k] = c->defaults;
			sections[k].section.line = k + 1;
		}
		strcpy(sections[0].name, "rest");
		sections[0].auth_remote[0] = KEY;
		strcpy(sections[1].name, "pattern");
		conf_id_parse(&sections[1].remote_id, "*.example");
		sections[1].auth_remote[0] = PSK;
		strcpy(sections[2].name, "exact");
		conf_id_parse(&sections[2].remote_id, "a.example");
		conf_id_parse(&sections[0].remote_id, "elsewhere");
		c->peers = sections;
		c->npeers = 3;
		configured();
		world_packet(&w, 0);
		assert_int_equal(world_until(&w, SECONDS(5), world_joined), t[i].up);
		if (t[i].up)
			assert_string_equal(rogue_sa(&w, 1)->peer->conf.name, t[i].section);
		else
			assert_non_null(strstr(w.host[1].log, "is configured here"));
		engine_stats(w.host[1].engine, &stats);
		c->peers = NULL;
		c->npeers = 0;
		end();
	}
}

static void test_no_section(void **state)
{
	struct conf *c = &w.host[1].conf;

	(void)state;
	begin(&w, 720, CRYPTO_KEY_ED25519, 0);
	for (unsigned k = 0; k < 2; k++) {
		sections[k] = c->defaults;
		strcpy(sections[k].name, k ? "two" : "one");
		conf_id_parse(&sections[k].remote_id, k ? "two.example" : "one.example");
	}
	c->peers = sections;
	c->npeers = 2;
	configured();
	world_packet(&w, 0);
	assert_false(world_until(&w, SECONDS(5), world_joined));
	assert_non_null(strstr(w.host[1].log, "no section is for it: \"one\": \"id remote\" is another, "
			       "\"two\": \"id remote\" is another"));
	c->peers = NULL;
	c->npeers = 0;
	end();
}

/* Without "id local", we are whoever of our certificate's names the peer asks for; a name that it has not, nobody gives us. */
static void test_name_asked_for(void **state)
{
	static const struct {
		const char *asked;
		bool of_cert, up;
	} t[] = { { "b.example", true, true }, { "alias.example", true, true }, { "alias.example", false, false },
		  { "other.example", true, false } };

	(void)state;
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		begin(&w, 730 + i, CRYPTO_KEY_ED25519, 0);
		conf_id_parse(&w.host[0].conf.defaults.remote_id, t[i].asked);
		w.host[1].conf.defaults.id_of_cert = t[i].of_cert;
		conf_id_parse(&of[1].cred.names[0], "b.example");
		conf_id_parse(&of[1].cred.names[1], "alias.example");
		configured();
		world_packet(&w, 0);
		assert_int_equal(world_until(&w, SECONDS(5), world_joined), t[i].up);
		if (t[i].up)
			assert_true(conf_id_equal(&rogue_sa(&w, 0)->remote_id, &w.host[0].conf.defaults.remote_id));
		else
			assert_non_null(strstr(w.host[0].log, "the peer says it is \"b.example\""));
		end();
	}
}

/* --- OCSP, raw keys, hostile rounds --- */

static void test_staple(void **state)
{
	static const uint8_t response[] = "an OCSP response";

	(void)state;
	begin(&w, 840, CRYPTO_KEY_ED25519, 0);
	configured();
	engine_staple(w.host[0].engine, &of[0].digest, response, sizeof(response));
	engine_staple(w.host[1].engine, &of[0].digest, response, sizeof(response));	/* no key of its */
	assert_true(world_up(&w));
	assert_int_equal(of[1].certs, 3);
	assert_int_equal(of[0].certs, 2);
	/* Taken back, and asked for by nobody. */
	engine_staple(w.host[0].engine, &of[0].digest, NULL, 0);
	engine_reauth(w.host[0].engine, w.now, NULL);
	world_run(&w, SECONDS(10));
	assert_int_equal(of[1].certs, 2);
	end();
}

static void test_raw_key_is_shown(void **state)
{
	(void)state;
	begin(&w, 850, CRYPTO_KEY_ED25519, 0);
	ways(0, KEY, NONE, KEY, NONE);
	ways(1, KEY, NONE, KEY, NONE);
	configured();
	assert_true(world_up(&w));
	for (unsigned h = 0; h < WORLD_HOSTS; h++) {
		assert_int_equal(of[h].certs, 1);
		assert_int_equal(of[h].way, KEY);
		assert_int_equal(rogue_sa(&w, h)->proof.ticket.n, 0);
	}
	end();
}

/* The peer that we began with asks IKE_AUTH of us; and a second one follows that nobody announced. */
static void test_auth_out_of_place(void **state)
{
	static const struct rogue_payload pl[] = { ROGUE(IKEV2_PL_IDI, "\x02\0\0\0a.example"), ROGUE(IKEV2_PL_AUTH, "\x0e\0\0\0junkjunk") };
	uint8_t buf[2000];

	(void)state;
	for (unsigned victim = 0; victim < WORLD_HOSTS; victim++) {
		struct ike_sa *sa;
		struct wire_header h;
		struct view v;

		begin(&w, 860 + victim, CRYPTO_KEY_ED25519, 0);
		configured();
		w.auth_delay = SECONDS(5);
		world_packet(&w, 0);
		world_run(&w, SECONDS(7) + victim * SECONDS(5));
		sa = rogue_sa(&w, !victim);
		assert_non_null(sa);
		assert_int_equal(rogue_sa(&w, victim)->state, IKE_AUTH);
		h = rogue_header(sa, IKEV2_EXCH_IKE_AUTH, false, victim ? 2 : 0);
		v = rogue_message(sa, &h, pl, 2, buf, sizeof(buf));
		world_inject(&w, victim, v.p, v.n);
		world_run(&w, SECONDS(30));
		assert_true(ike_sas(victim) <= 1);
		end();
	}
}

/* Whatever a stranger's AUTH payload has in it, the request that is made of it is one. */
static void test_long_signature(void **state)
{
	static uint8_t body[4 + TRUST_AUTH_MAX + 1] = { 14 }, buf[4000];
	static const char name[] = "\x02\0\0\0a.example";
	struct rogue_payload pl[] = { ROGUE(IKEV2_PL_IDI, ""), { .type = IKEV2_PL_AUTH } };

	(void)state;
	pl[0].body = (struct view){ (const uint8_t *)name, sizeof(name) - 1 };
	for (size_t more = 0; more < 2; more++) {
		struct wire_header h;
		struct view v;

		begin(&w, 868 + more, CRYPTO_KEY_ED25519, 0);
		configured();
		w.auth_delay = SECONDS(5);
		world_packet(&w, 0);
		world_run(&w, SECONDS(2));
		pl[1].body = (struct view){ body, 4 + TRUST_AUTH_MAX + more };
		h = rogue_header(rogue_sa(&w, 0), IKEV2_EXCH_IKE_AUTH, false, 1);
		v = rogue_message(rogue_sa(&w, 0), &h, pl, 2, buf, sizeof(buf));
		world_inject(&w, 1, v.p, v.n);
		world_run(&w, SECONDS(1));
		assert_int_equal(of[1].judged, !more);
		assert_int_equal(strstr(w.host[1].log, "its signature is longer than any that is known: 1301 bytes") != NULL, more);
		end();
	}
}

static bool wants_second_proof(struct world *world)
{
	(void)world;
	return rogue_sa(&w, 1) && rogue_sa(&w, 1)->auth.round == 1;
}

/* Who has proved all that it has, and is told that another proof of ours follows, asks for that with an empty request. */
static void test_empty_round(void **state)
{
	static const struct rogue_payload auth = ROGUE(IKEV2_PL_AUTH, "\x0e\0\0\0junkjunk");
	uint8_t buf[2000];

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		struct wire_header h;
		struct view v;

		begin(&w, 870 + n, CRYPTO_KEY_ED25519, 0);
		ways(0, CERT, NONE, CERT, PSK);
		ways(1, CERT, PSK, CERT, NONE);
		configured();
		world_packet(&w, 0);
		assert_true(world_until(&w, SECONDS(5), wants_second_proof));
		w.loss = 100;			/* nobody else says anything from now on */
		h = rogue_header(rogue_sa(&w, 0), IKEV2_EXCH_IKE_AUTH, false, 2);
		v = rogue_message(rogue_sa(&w, 0), &h, &auth, n, buf, sizeof(buf));
		world_inject(&w, 1, v.p, v.n);
		world_run(&w, SECONDS(3));
		assert_int_equal(ike_sas(1), !n);	/* with a proof that was not asked for, and no name, it is none */
		end();
	}
}

/* And a first request without a name is none. */
static void test_empty_first(void **state)
{
	uint8_t buf[2000];
	struct wire_header h;
	struct view v;

	(void)state;
	begin(&w, 880, CRYPTO_KEY_ED25519, 0);
	configured();
	w.auth_delay = SECONDS(5);
	world_packet(&w, 0);
	world_run(&w, SECONDS(2));
	h = rogue_header(rogue_sa(&w, 0), IKEV2_EXCH_IKE_AUTH, false, 1);
	v = rogue_message(rogue_sa(&w, 0), &h, NULL, 0, buf, sizeof(buf));
	world_inject(&w, 1, v.p, v.n);
	world_run(&w, SECONDS(1));
	assert_non_null(strstr(w.host[1].log, "INVALID_SYNTAX: there is no IDi payload"));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_slow_signature),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_no_hashes),
		cmocka_unit_test(test_section_by_identity),
		cmocka_unit_test(test_no_section),
		cmocka_unit_test(test_name_asked_for),
		cmocka_unit_test(test_staple),
		cmocka_unit_test(test_raw_key_is_shown),
		cmocka_unit_test(test_auth_out_of_place),
		cmocka_unit_test(test_long_signature),
		cmocka_unit_test(test_empty_round),
		cmocka_unit_test(test_empty_first),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
