// SPDX-License-Identifier: MIT
// Revocation: strict, lenient and off, with lists and OCSP answers that come in time, late, never, old, or from liars.
#include "tests/unit/trust_world.h"

#include "keyd/crypto/trust.h"
#include "tests/unit/with_crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CRL "http://ca.example.org/inter.crl"
#define PART "http://ca.example.org/part.crl"
#define OCSP "http://ca.example.org/ocsp"
#define LIST "http://lists.example.net/all.crl"

static const struct world_proof of_crl = { .show = "crl inter", .revocation = CONF_REVOCATION_STRICT };
static const struct world_proof of_ocsp = { .show = "ocsp inter", .revocation = CONF_REVOCATION_STRICT };
static const struct world_proof of_both = { .show = "crl-ocsp inter", .revocation = CONF_REVOCATION_STRICT };
/* The root's list is there: it names no place. */
static const struct world_conf usual = { .cas = "root", .crls = "root.crl" };

static struct world w;

static int begin(void **state)
{
	(void)state;
	world_begin(&w);
	world_configure(&w, &usual);
	world_wait(&w, 11 * SEC);	/* so long nothing is told after the news of a configuration */
	w.changed = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_end(&w);
	return 0;
}

static void answered(int error, enum crypto_trust_result verdict, const char *text)
{
	const struct trust_answer *an = world_last(&w);

	if (an->error != error || an->verdict != verdict || !strstr(an->text, text))
		fail_msg("error %d verdict %u \"%s\" %s", an->error, an->verdict, an->subject, an->text);
}

static struct world_proof with(struct world_proof p, uint8_t revocation)
{
	p.revocation = revocation;
	return p;
}

/* --- strict --- */

static void test_strict_list(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_crl));
	assert_true(world_fetching(&w, CRL) >= 0);
	world_give(&w, CRL, "inter.crl");
	answered(TRUST_OK, 0, "");
	assert_int_equal(w.n, 1);
	assert_int_equal(w.cached, 1);
	/* What is known needs no fetch. */
	assert_non_null(world_prove(&w, &of_crl));
	answered(TRUST_OK, 0, "");
	assert_int_equal(w.nfetch, 1);
}

static void test_strict_revoked(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &(struct world_proof){ .show = "crl-revoked inter", .revocation = CONF_REVOCATION_STRICT }));
	world_give(&w, CRL, "inter.crl");
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_REVOKED, "is revoked");
	assert_string_equal(world_last(&w)->subject, "C=DE, O=Example Ltd, CN=crl-revoked");
}

static void test_strict_ocsp(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_ocsp));
	world_give_bytes(&w, OCSP, world_ocsp(&w, OCSP, "inter"));
	answered(TRUST_OK, 0, "");
	assert_null(world_prove(&w, &(struct world_proof){ .show = "ocsp-revoked inter", .revocation = CONF_REVOCATION_STRICT }));
	world_give_bytes(&w, OCSP, world_ocsp(&w, OCSP, "responder"));
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_REVOKED, "is revoked");
}

/* A CA whose certificate was renewed: another certificate, the same question. */
static void test_strict_ocsp_renewed(void **state)
{
	struct world_proof renewed = of_ocsp;

	(void)state;
	renewed.show = "ocsp inter-new";
	assert_null(world_prove(&w, &of_ocsp));
	assert_null(world_prove(&w, &renewed));
	assert_int_equal(w.nfetch, 1);
	world_give_bytes(&w, OCSP, world_ocsp(&w, OCSP, "inter"));
	assert_int_equal(w.n, 2);
	answered(TRUST_OK, 0, "");
}

/* Many who ask make one fetch, and each has an answer. */
static void test_strict_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_null(world_prove(&w, &of_crl));
	assert_int_equal(w.nfetch, 1);
	world_give(&w, CRL, "inter.crl");
	assert_int_equal(w.n, 20);
	answered(TRUST_OK, 0, "");
}

static void test_strict_dead(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_crl));
	world_fail(&w, CRL, "cannot be reached: Connection refused");
	/* There is a second place. */
	assert_int_equal(w.n, 0);
	world_fail(&w, PART, "answers 404 Not Found");
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, CRL " cannot be reached: Connection refused");
	/* Both are left alone for a while; the answer comes at once. */
	assert_non_null(world_prove(&w, &of_crl));
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "may be revoked");
	assert_int_equal(w.nfetch, 2);
	world_wait(&w, 31 * SEC);
	assert_null(world_prove(&w, &of_crl));
	assert_int_equal(w.nfetch, 3);
	world_give(&w, CRL, "inter.crl");
	answered(TRUST_OK, 0, "");
}

/* Where many wait, not each of many things that come makes us look at all of them: but soon. */
static void test_strict_many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_null(world_prove(&w, &of_crl));
	world_fail(&w, CRL, "cannot be reached: Connection refused");
	world_fail(&w, PART, "answers 404 Not Found");
	assert_int_equal(w.n, 0);
	world_wait(&w, SEC / 50);
	assert_int_equal(w.n, 100);
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "may be revoked");
}

/* Nobody answers: no fetch ends, and yet the peer has its answer after ten seconds. */
static void test_strict_silent(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_crl));
	world_wait(&w, 9 * SEC);
	assert_int_equal(w.n, 0);
	assert_true(world_fetching(&w, PART) >= 0);	/* the second place was not waited for */
	world_wait(&w, 2 * SEC);
	assert_int_equal(w.n, 1);
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "nothing came in time");
	world_wait(&w, 20 * SEC);
	assert_int_equal(w.cancelled, 2);
	assert_int_equal(world_fetching(&w, CRL), -1);
}

/* Late: after the answer, but not for nothing. */
static void test_strict_late(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_crl));
	world_wait(&w, 11 * SEC);
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "nothing came in time");
	world_give(&w, CRL, "inter.crl");
	assert_non_null(world_prove(&w, &of_crl));
	answered(TRUST_OK, 0, "");
}

static void test_strict_liars(void **state)
{
	struct bytes junk = { calloc(1, 5000), 5000 };

	(void)state;
	assert_null(world_prove(&w, &of_crl));
	world_give(&w, CRL, "impostor.crl");
	assert_int_equal(w.n, 0);
	world_give_bytes(&w, PART, junk);
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "gives what is of no use");
	assert_null(world_prove(&w, &of_ocsp));
	world_give_bytes(&w, OCSP, world_ocsp(&w, OCSP, "responder-no"));
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "gives what is of no use");
	assert_int_equal(w.cached, 0);
}

static void test_strict_old(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_crl));
	world_give(&w, CRL, "stale.crl");
	assert_int_equal(w.n, 0);
	world_fail(&w, PART, "answers 404 Not Found");
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "gives what has run out on 20");
	/* And who is on it is revoked nevertheless. */
	assert_non_null(world_prove(&w, &(struct world_proof){ .show = "revoked inter", .revocation = CONF_REVOCATION_LENIENT }));
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_REVOKED, "is revoked");
}

/* OCSP first; a responder that is silent is not waited for. */
static void test_strict_both(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_both));
	assert_true(world_fetching(&w, OCSP) >= 0 && world_fetching(&w, CRL) < 0);
	world_wait(&w, 3 * SEC);
	assert_true(world_fetching(&w, CRL) >= 0);
	world_give(&w, CRL, "inter.crl");
	answered(TRUST_OK, 0, "");
}

static void test_strict_nowhere(void **state)
{
	(void)state;
	assert_non_null(world_prove(&w, &(struct world_proof){ .show = "good inter", .revocation = CONF_REVOCATION_STRICT }));
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "may be revoked");
	world_configure(&w, &(struct world_conf){ .cas = "root", .crls = "root.crl inter.crl" });
	assert_non_null(world_prove(&w, &(struct world_proof){ .show = "good inter", .revocation = CONF_REVOCATION_STRICT }));
	answered(TRUST_OK, 0, "");
	assert_int_equal(w.nfetch, 0);
}

static void test_no_fetch(void **state)
{
	(void)state;
	world_configure(&w, &(struct world_conf){ .cas = "root", .crls = "root.crl", .urls = LIST, .no_fetch = true });
	assert_non_null(world_prove(&w, &of_crl));
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "fetch no");
	assert_int_equal(w.nfetch, 0);
}

/* Only who has signed well can make us ask anybody anything. */
static void test_forged(void **state)
{
	struct world_proof p = of_crl;

	(void)state;
	p.forge = true;
	assert_non_null(world_prove(&w, &p));
	answered(TRUST_SIGNATURE, 0, "");
	p = of_crl;
	p.id = "else.example.org";
	assert_non_null(world_prove(&w, &p));
	assert_int_equal(w.nfetch, 0);
}

static void test_too_many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TRUST_WAITING_MAX; i++)
		assert_null(world_prove(&w, &of_crl));
	assert_non_null(world_prove(&w, &of_crl));
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "too many wait");
	assert_int_equal(w.nfetch, 1);
	world_give(&w, CRL, "inter.crl");
	assert_int_equal(w.n, TRUST_WAITING_MAX + 1);
}

/* --- others die, or come anew --- */

static void test_fetcher_dies(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_crl));
	trust_fetcher(w.t, w.now, false);
	w.fetch[0].id = 0;
	world_wait(&w, 1 * SEC);
	assert_null(world_prove(&w, &of_crl));
	trust_fetcher(w.t, w.now, true);
	world_wait(&w, 1 * SEC);
	world_give(&w, CRL, "inter.crl");
	assert_int_equal(w.n, 2);
	answered(TRUST_OK, 0, "");
}

static void test_fetcher_never_back(void **state)
{
	(void)state;
	trust_fetcher(w.t, w.now, false);
	assert_null(world_prove(&w, &of_crl));
	world_wait(&w, 11 * SEC);
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "nothing came in time");
}

static void test_asker_dies(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_crl));
	trust_asker(w.t, false);
	trust_asker(w.t, true);
	world_give(&w, CRL, "inter.crl");
	assert_int_equal(w.n, 0);
	world_wait(&w, 1 * SEC);
	assert_int_equal(w.changed, 1);
}

static void test_reload_while_waiting(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_crl));
	world_configure(&w, &(struct world_conf){ .cas = "other", .crls = "root.crl" });
	assert_int_equal(w.changed, 1);
	world_give(&w, CRL, "inter.crl");
	answered(TRUST_OK, 0, "");
	/* By the new configuration it would not have been let in: so the ticket is asked about. */
	world_wait(&w, 11 * SEC);
	assert_int_equal(w.changed, 2);
	world_still(&w, world_last(&w), CONF_REVOCATION_STRICT);
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CA, "none of ours any more");
}

/* A list that comes with the configuration is an answer, too. */
static void test_reload_answers(void **state)
{
	(void)state;
	assert_null(world_prove(&w, &of_ocsp));
	world_configure(&w, &(struct world_conf){ .cas = "root", .crls = "root.crl inter.crl" });
	world_wait(&w, 1 * SEC);
	assert_int_equal(w.n, 1);
	answered(TRUST_OK, 0, "");
}

/* Answers to what was never asked, or was given up. */
static void test_odd_answers(void **state)
{
	(void)state;
	trust_fetched(w.t, w.now, 77, (struct view){ (const uint8_t *)"x", 1 });
	trust_fetch_failed(w.t, w.now, 0, (struct view){ 0 });
	assert_null(world_prove(&w, &of_crl));
	world_wait(&w, 30 * SEC);
	trust_fetched(w.t, w.now, w.fetch[0].id, (struct view){ 0 });
	assert_int_equal(w.n, 1);
}

/* --- lenient, off --- */

static void test_lenient(void **state)
{
	struct world_proof p = { .show = "crl-revoked inter", .revocation = CONF_REVOCATION_LENIENT };
	struct trust_answer an;

	(void)state;
	assert_non_null(world_prove(&w, &p));
	an = *world_last(&w);
	answered(TRUST_OK, 0, "");
	assert_int_equal(an.pending, 1);
	assert_int_equal(world_still(&w, &an, CONF_REVOCATION_LENIENT)->error, TRUST_OK);
	world_give(&w, CRL, "inter.crl");
	assert_int_equal(w.changed, 1);
	world_still(&w, &an, CONF_REVOCATION_LENIENT);
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_REVOKED, "is revoked");
	world_still(&w, &an, CONF_REVOCATION_OFF);
	answered(TRUST_OK, 0, "");
	world_prove(&w, &p);
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_REVOKED, "is revoked");
}

static void test_lenient_good(void **state)
{
	struct world_proof p = with(of_crl, CONF_REVOCATION_LENIENT);

	(void)state;
	assert_int_equal(world_prove(&w, &p)->pending, 1);
	world_give(&w, CRL, "inter.crl");
	assert_int_equal(world_prove(&w, &p)->pending, 0);
	answered(TRUST_OK, 0, "");
}

static void test_off(void **state)
{
	(void)state;
	assert_non_null(world_prove(&w, &(struct world_proof){ .show = "crl-revoked inter" }));
	answered(TRUST_OK, 0, "");
	assert_int_equal(w.nfetch, 0);
}

/* However often lists change, tickets are asked about every ten seconds at most. */
static void test_changed_seldom(void **state)
{
	(void)state;
	world_configure(&w, &(struct world_conf){ .cas = "root", .crls = "root.crl", .urls = LIST " " CRL });
	world_wait(&w, 1 * SEC);
	w.changed = 0;
	assert_non_null(world_prove(&w, &(struct world_proof){ .show = "good inter", .revocation = CONF_REVOCATION_LENIENT }));
	world_give(&w, LIST, "nothing.crl");
	world_give(&w, CRL, "inter.crl");
	assert_int_equal(w.changed, 0);
	world_wait(&w, 12 * SEC);
	assert_int_equal(w.changed, 1);
	world_wait(&w, 60 * SEC);
	assert_int_equal(w.changed, 1);
}

/* --- staples that peers show --- */

static void test_peer_staple(void **state)
{
	char folder[300];
	FILE *out;
	struct bytes b;
	struct world_proof p = of_ocsp;

	(void)state;
	assert_null(world_prove(&w, &of_ocsp));
	b = world_ocsp(&w, OCSP, "inter");
	world_fail(&w, OCSP, "answers 500");
	answered(TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CRL, "answers 500");
	snprintf(folder, sizeof(folder), "%s", world_path("staple.resp"));
	out = fopen(folder, "w");
	assert_int_equal(fwrite(b.p, 1, b.n, out), b.n);
	fclose(out);
	free(b.p);
	p.show = "ocsp inter ocsp:staple.resp";
	assert_non_null(world_prove(&w, &p));
	answered(TRUST_OK, 0, "");
	remove(folder);
}

/* --- places that the configuration names, and the cache --- */

static void test_configured_url(void **state)
{
	(void)state;
	world_configure(&w, &(struct world_conf){ .cas = "root", .crls = "root.crl", .urls = LIST });
	assert_true(world_fetching(&w, LIST) >= 0);
	/* It may be of this CA, so it is waited for. */
	assert_null(world_prove(&w, &(struct world_proof){ .show = "good inter", .revocation = CONF_REVOCATION_STRICT }));
	world_give(&w, LIST, "inter.crl");
	answered(TRUST_OK, 0, "");
	assert_int_equal(w.cached, 1);
	/* It is fetched again well before it runs out, which is in 30 days. */
	world_wait(&w, (DAY + 60ull) * SEC);
	assert_true(w.nfetch > 1);
}

static void test_configured_url_dead(void **state)
{
	unsigned tries = 0;

	(void)state;
	world_configure(&w, &(struct world_conf){ .cas = "root", .urls = LIST });
	for (unsigned minutes = 0; minutes < 24 * 60; minutes++) {
		if (world_fetching(&w, LIST) >= 0) {
			world_fail(&w, LIST, "cannot be reached");
			tries++;
		}
		world_wait(&w, 60 * SEC);
	}
	/* 30 s, 1, 2, 4, … 60 minutes, and then each hour. */
	assert_in_range(tries, 24, 32);
}

static void test_cache(void **state)
{
	(void)state;
	world_configure(&w, &(struct world_conf){ .cas = "root", .crls = "root.crl", .cached = "inter.crl@" CRL });
	assert_non_null(world_prove(&w, &of_crl));
	answered(TRUST_OK, 0, "");
	assert_int_equal(w.nfetch, 0);
	/* It is fetched again by itself. */
	world_wait(&w, (DAY + 60ull) * SEC);
	assert_true(w.nfetch > 0);
}

/* --- our own --- */

static void test_own_expiry(void **state)
{
	(void)state;
	world_configure(&w, &(struct world_conf){ .cas = "root", .owns = "good", .warning = 14 });
	assert_null(strstr(w.log, "expires"));
	world_wait(&w, 352ull * DAY * SEC);
	assert_non_null(strstr(w.log, "1 keyd.conf:7: our certificate \"C=DE, O=Example Ltd, CN=good\" expires on 20"));
	assert_non_null(strstr(w.log, "in 13 days: renew it"));
	w.log[0] = 0;
	world_wait(&w, 5ull * DAY * SEC);
	assert_non_null(strstr(w.log, "in 9 days"));
	w.log[0] = 0;
	world_wait(&w, 10ull * DAY * SEC);
	assert_non_null(strstr(w.log, "0 keyd.conf:7: our certificate \"C=DE, O=Example Ltd, CN=good\" has expired on 20"));
	w.log[0] = 0;
	world_configure(&w, &(struct world_conf){ .cas = "root", .owns = "good" });
	world_wait(&w, 5ull * DAY * SEC);
	assert_string_equal(w.log, "");
}

static void test_own_at_start(void **state)
{
	(void)state;
	world_configure(&w, &(struct world_conf){ .cas = "root", .owns = "expired", .warning = 14 });
	assert_non_null(strstr(w.log, "0 keyd.conf:7: our certificate \"C=DE, O=Example Ltd, CN=expired\" has expired on 20"));
}

static void test_peer_expiry(void **state)
{
	(void)state;
	world_configure(&w, &(struct world_conf){ .cas = "root", .warning = 400 });
	world_prove(&w, &(struct world_proof){ .show = "good inter" });
	world_prove(&w, &(struct world_proof){ .show = "good inter" });
	assert_non_null(strstr(w.log, "the certificate of a peer, or one above it, expires on 20"));
	assert_non_null(strstr(w.log, "subject=\"C=DE, O=Example Ltd, CN=good\""));
	assert_null(strstr(strstr(w.log, "of a peer") + 1, "of a peer"));
}

static void test_own_staple(void **state)
{
	unsigned fetches;

	(void)state;
	world_configure(&w, &(struct world_conf){ .cas = "root", .owns = "ocsp" });
	world_give_bytes(&w, OCSP, world_ocsp(&w, OCSP, "inter"));
	assert_int_equal(w.staples, 1);
	assert_true(w.staple > 100);
	/* A new engine is told; a reload keeps it. */
	trust_asker(w.t, false);
	trust_asker(w.t, true);
	assert_int_equal(w.staples, 2);
	world_configure(&w, &(struct world_conf){ .cas = "root", .owns = "ocsp" });
	assert_int_equal(world_fetching(&w, OCSP), -1);
	trust_asker(w.t, true);
	assert_int_equal(w.staples, 3);
	/* It is renewed before it runs out. */
	fetches = w.nfetch;
	world_wait(&w, 2ull * DAY * SEC);
	assert_true(w.nfetch > fetches);
	/* Another certificate has none. */
	world_configure(&w, &(struct world_conf){ .cas = "root", .owns = "good" });
	assert_int_equal(w.staple, 0);
	assert_int_equal(world_fetching(&w, OCSP), -1);
}

static void test_own_revoked(void **state)
{
	(void)state;
	world_configure(&w, &(struct world_conf){ .cas = "root", .owns = "ocsp-revoked" });
	world_give_bytes(&w, OCSP, world_ocsp(&w, OCSP, "inter"));
	assert_non_null(strstr(w.log, "0 keyd.conf:7: our certificate is revoked, says " OCSP));
	assert_int_equal(w.staple, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_strict_list), TEST(test_strict_revoked), TEST(test_strict_ocsp),
		TEST(test_strict_ocsp_renewed), TEST(test_strict_once), TEST(test_strict_dead), TEST(test_strict_many),
		TEST(test_strict_silent), TEST(test_strict_late), TEST(test_strict_liars), TEST(test_strict_old),
		TEST(test_strict_both), TEST(test_strict_nowhere), TEST(test_no_fetch), TEST(test_forged),
		TEST(test_too_many), TEST(test_fetcher_dies), TEST(test_fetcher_never_back), TEST(test_asker_dies),
		TEST(test_reload_while_waiting), TEST(test_reload_answers), TEST(test_odd_answers), TEST(test_lenient),
		TEST(test_lenient_good), TEST(test_off), TEST(test_changed_seldom), TEST(test_peer_staple),
		TEST(test_configured_url), TEST(test_configured_url_dead), TEST(test_cache), TEST(test_own_expiry),
		TEST(test_own_at_start), TEST(test_peer_expiry), TEST(test_own_staple), TEST(test_own_revoked),
	};

	return cmocka_run_group_tests(tests, world_folder, without_crypto);
}
