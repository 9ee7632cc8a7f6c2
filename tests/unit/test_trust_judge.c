// SPDX-License-Identifier: MIT
// What a peer signs and shows, and what is said of it: a table over the certificates of the tests' own CA.
#include "tests/unit/trust_world.h"

#include "keyd/crypto/trust.h"
#include "keyd/trust/codec.h"
#include "tests/unit/with_crypto.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1	/* it has a malloc of its own, and tells of leaks */
#else
#define SANITIZED 0
#endif
#define MAIL CRYPTO_NAME_RFC822
#define DN CRYPTO_NAME_DN
#define KEY_ID 11
#define GOOD_DN "C=DE, O=Example Ltd, CN=good"

static const struct {
	struct world_proof p;
	enum trust_error error;
	enum crypto_trust_result verdict;
	const char *text;		/* that the answer's begins with, or subject where it is TRUST_OK */
} cases[] = {
	/* chains */
	{ { .show = "good inter" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter root" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good other good2 loop-a inter" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good good inter inter" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CA, "was signed by nobody whom we know" },
	{ { .show = "inter good", .key = "good" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_USAGE, "has a key usage without digital" },
	{ { .show = "expired inter" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_EXPIRED, "has expired on 20" },
	{ { .show = "future inter" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_NOT_YET, "is not valid before 20" },
	{ { .show = "signsnot inter" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_USAGE, "has a key usage without" },
	{ { .show = "codesign inter" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_USAGE, "has an extended key usage" },
	{ { .show = "ike inter" }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=ike" },
	{ { .show = "inside narrow" }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=inside" },
	{ { .show = "outside narrow", .id = "outside.example.net" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_NAME, "has a name that a CA" },
	{ { .show = "weak inter" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_WEAK, "has an RSA key that is too short" },
	{ { .show = "weak inter", .rsa = 1024 }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=weak" },
	{ { .show = "rsa inter", .rsa = 3072 }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_WEAK, "has an RSA key that is too short" },
	{ { .show = "good inter", .ec = 384 }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_WEAK, "has an EC key that is too short" },
	{ { .show = "oldhash inter" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_WEAK, "is signed with SHA-1" },
	{ { .show = "oldhash inter", .schemes = "ecdsa-sha256 rsa-sha1" }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=oldhash" },
	{ { .show = "under good2" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_NOT_CA, "is no CA and has signed another one" },
	{ { .show = "stranger other" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CA, "" },
	{ { .show = "looped loop-a loop-b" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CA, "was signed by nobody" },
	{ { .show = "guest impostor inter" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CA, "" },
	{ { .show = "good inter", .no_ca = true }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CA, "" },
	{ { .show = "good inter revoked rsa ed ed448 ike noname narrow good2 loop-a" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter revoked rsa ed ed448 ike noname narrow good2 loop-a loop-b expired" }, TRUST_BAD_CERT, 0,
	  "has more than 10 others beside it" },

	/* payloads */
	{ { .show = "", .key = "good" }, TRUST_NO_CERT, 0, "it has shown no certificate, though we asked for one" },
	{ { .show = "url", .key = "good" }, TRUST_REFUSED_URL, 0, "it has shown a hash and a URL, which is not followed" },
	{ { .show = "good url inter" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "pkcs7", .key = "good" }, TRUST_BAD_CERT, 0, "is in an encoding that is not supported: PKCS #7 (1)" },
	{ { .show = "good pkcs7 crl:inter.crl inter" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "cut:good inter", .key = "good" }, TRUST_BAD_CERT, 0, "(number 1 of what it shows) cannot be read" },
	{ { .show = "good cut:inter" }, TRUST_BAD_CERT, 0, "(number 2 of what it shows) cannot be read" },
	{ { .show = "empty good inter", .key = "good" }, TRUST_BAD_CERT, 0, "came with an empty CERT payload" },
	{ { .show = "huge inter" }, TRUST_BAD_CERT, 0, "(number 1 of what it shows) cannot be read: it is larger than" },
	{ { .show = "4mb", .key = "good" }, TRUST_BAD_CERT, 0, "(number 1 of what it shows) cannot be read: it is larger than" },
	{ { .show = "good inter ocsp:inter.crl" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "raw:good", .key = "good" }, TRUST_NO_CERT, 0, "it has shown a raw public key where a certificate is asked for" },
	{ { .show = "raw:good raw:ed", .key = "good" }, TRUST_BAD_CERT, 0, "is one of several raw public keys" },

	/* names */
	{ { .show = "good inter", .id = "GOOD.Example.ORG" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .id = "bad.example.org" }, TRUST_WRONG_NAME, 0,
	  "it is for " GOOD_DN "; good.example.org; good@example.org; 192.0.2.1; 2001:db8::1" },
	{ { .show = "good inter", .id = "*.example.org" }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "good inter", .id = "good.example.org." }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "good inter", .id = "good" }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "good inter", .id_type = MAIL, .id = "good@example.org" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .id_type = MAIL, .id = "good.example.org" }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "good inter", .id_type = CRYPTO_NAME_IPV4, .id = "192.0.2.1" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .id_type = CRYPTO_NAME_IPV4, .id = "192.0.2.2" }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "good inter", .id_type = CRYPTO_NAME_IPV6, .id = "2001:db8::1" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .id_type = CRYPTO_NAME_IPV6, .id = "2001:db8::2" }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "good inter", .id_type = DN, .id = GOOD_DN }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .id_type = DN, .id = "c=DE, o=example  ltd, cn=GOOD" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .id_type = DN, .id = "CN=good, O=Example Ltd, C=DE" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .id_type = DN, .id = "O=Example Ltd, C=DE, CN=good" }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "good inter", .id_type = DN, .id = "C=DE, O=Example Ltd, CN=good, CN=x" }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "good inter", .id_type = DN, .id = "C=DE, O=*, CN=*" }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "noname inter" }, TRUST_WRONG_NAME, 0, "it is for C=DE, O=Example Ltd, CN=noname" },
	{ { .show = "good inter", .id_type = KEY_ID, .id = "good.example.org" }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "good inter", .id_type = KEY_ID, .id = "anything", .pins = "good" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .id_type = 77, .id = "good" }, TRUST_WRONG_NAME, 0, "it is for " },
	{ { .show = "good inter", .id = "" }, TRUST_WRONG_NAME, 0, "it is for " },

	/* signatures */
	{ { .show = "good inter", .forge = true }, TRUST_SIGNATURE, 0, "(ecdsa-sha256) was not made over this exchange" },
	{ { .show = "good inter", .key = "ike", .id = "good.example.org" }, TRUST_SIGNATURE, 0, "(ecdsa-sha256) was not made over" },
	{ { .show = "good inter", .scheme = "ecdsa-sha512" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .scheme = "ecdsa256" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .scheme = "ecdsa384" }, TRUST_SCHEME, 0, "says that it is made with ecdsa384, which a key of P-256" },
	{ { .show = "good inter", .scheme = "rsa-sha256" }, TRUST_SCHEME, 0, "says that it is made with rsa-sha256, which a key of P-256" },
	{ { .show = "rsa inter", .scheme = "rsa-sha256" }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=rsa" },
	{ { .show = "rsa inter", .scheme = "rsapss-sha512" }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=rsa" },
	{ { .show = "rsa inter", .scheme = "rsa" }, TRUST_SCHEME, 0, "is made with rsa, which \"signatures\" does not allow" },
	{ { .show = "rsa inter", .scheme = "rsa", .schemes = "rsa" }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=rsa" },
	{ { .show = "rsa inter", .scheme = "rsa-sha1" }, TRUST_SCHEME, 0, "is made with rsa-sha1, which" },
	{ { .show = "ed inter" }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=ed" },
	{ { .show = "ed448 inter" }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=ed448" },
	{ { .show = "ed inter", .schemes = "ed448 ecdsa-sha256" }, TRUST_SCHEME, 0, "is made with ed25519, which" },
	{ { .show = "ed inter", .method = 5 }, TRUST_SCHEME, 0, "is of authentication method 5, which is not known" },
	{ { .show = "rsa inter", .scheme = "rsa", .method = 14 }, TRUST_SCHEME, 0, "is " },
	/* IKEv1: whatever "signatures" allows */
	{ { .show = "rsa inter", .scheme = "ikev1-rsa" }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=rsa" },
	{ { .show = "rsa inter", .scheme = "ikev1-rsa", .forge = true }, TRUST_SIGNATURE, 0, "(ikev1-rsa) was not made over this" },
	{ { .show = "good inter", .scheme = "ikev1-ecdsa256", .schemes = "ed25519" }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "good inter", .scheme = "ikev1-ecdsa256", .forge = true }, TRUST_SIGNATURE, 0, "(ikev1-ecdsa256) was not" },
	{ { .show = "good inter", .scheme = "ikev1-ecdsa384" }, TRUST_SCHEME, 0, "says that it is made with ikev1-ecdsa384, which a" },
	{ { .show = "ed inter", .scheme = "ikev1-rsa" }, TRUST_SCHEME, 0, "says that it is made with ikev1-rsa, which a key of Ed25519" },
	{ { .show = "rsa inter", .scheme = "ikev1-rsa", .method = 1 }, TRUST_SCHEME, 0, "is of IKEv1's authentication method 1, which" },
	{ { .show = "rsa inter", .scheme = "ikev1-rsa", .id = "else.example.org" }, TRUST_WRONG_NAME, 0, "it is for" },
	{ { .show = "rsa inter", .scheme = "rsa", .schemes = "rsa", .method = 3 }, TRUST_SCHEME, 0, "is of authentication method 3" },
	{ { .way = CONF_AUTH_KEY, .show = "", .key = "rsa", .scheme = "ikev1-rsa", .pins = "rsa" }, TRUST_OK, 0, "" },

	/* keys that the configuration names */
	{ { .way = CONF_AUTH_KEY, .show = "raw:ed", .key = "ed", .pins = "ed" }, TRUST_OK, 0, "" },
	{ { .way = CONF_AUTH_KEY, .show = "raw:rsa", .key = "rsa", .pins = "ed rsa", .id_type = KEY_ID, .id = "x" }, TRUST_OK, 0, "" },
	{ { .way = CONF_AUTH_KEY, .show = "", .key = "ed", .pins = "good ed" }, TRUST_OK, 0, "" },
	{ { .way = CONF_AUTH_KEY, .show = "ed", .key = "ed", .pins = "ed" }, TRUST_OK, 0, "" },
	{ { .way = CONF_AUTH_KEY, .show = "raw:good", .key = "good", .pins = "ed rsa" }, TRUST_WRONG_KEY, 0,
	  "its key, P-256, is none that \"remote-key\" names" },
	{ { .way = CONF_AUTH_KEY, .show = "raw:good", .key = "good" }, TRUST_WRONG_KEY, 0,
	  "its key, P-256, is none that \"remote-key\" names" },
	{ { .way = CONF_AUTH_KEY, .show = "raw:ed", .key = "ed", .pins = "ed", .forge = true }, TRUST_SIGNATURE, 0, "(ed25519) was not" },
	{ { .way = CONF_AUTH_KEY, .show = "", .key = "ed", .pins = "ed good", .forge = true }, TRUST_SIGNATURE, 0, "(ed25519) was not" },
	{ { .way = CONF_AUTH_KEY, .show = "", .key = "ed", .pins = "good" }, TRUST_SCHEME, 0, "says that it is made with ed25519" },
	{ { .way = CONF_AUTH_KEY, .show = "", .key = "ed" }, TRUST_NO_CERT, 0, "it has shown no key" },
	{ { .way = CONF_AUTH_KEY, .show = "raw:weak", .key = "weak", .pins = "weak" }, TRUST_SCHEME, 0, "is made with a key (RSA-1024)" },
	{ { .way = CONF_AUTH_KEY, .show = "raw:ed", .key = "ed", .pins = "ed", .ec = 384 }, TRUST_SCHEME, 0,
	  "is made with a key (Ed25519)" },
	{ { .way = CONF_AUTH_PSK, .show = "good inter" }, TRUST_FAILED, 0, "nothing is signed" },
	{ { .show = "good inter", .pins = "ed" }, TRUST_WRONG_KEY, 0, "the key of its certificate, P-256, is none that" },
	{ { .show = "good", .pins = "ed good", .no_ca = true }, TRUST_OK, 0, GOOD_DN },
	{ { .show = "stranger", .pins = "stranger", .no_ca = true }, TRUST_OK, 0, "C=DE, O=Example Ltd, CN=stranger" },
	{ { .show = "stranger", .pins = "stranger" }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_NO_CA, "" },
	{ { .show = "expired", .pins = "expired", .no_ca = true }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_EXPIRED, "has expired on 20" },
	{ { .show = "future", .pins = "future", .no_ca = true }, TRUST_NOT_TRUSTED, CRYPTO_TRUST_NOT_YET, "is not valid before 20" },
	{ { .show = "good", .pins = "good", .no_ca = true, .id = "else.example.org" }, TRUST_WRONG_NAME, 0, "it is for" },
	{ { .show = "good", .pins = "good", .no_ca = true, .forge = true }, TRUST_SIGNATURE, 0, "(ecdsa-sha256)" },
};

static const struct world_conf believed = { .cas = "root", .pins = "ed good rsa weak stranger expired future" };

static void test_table(void **state)
{
	static struct world w;

	(void)state;
	world_begin(&w);
	world_configure(&w, &believed);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct world_proof *p = &cases[i].p;
		const struct trust_answer *an = world_prove(&w, p);
		const char *said;

		assert_non_null(an);
		said = an->error ? an->text : an->subject;
		if (an->error != (int)cases[i].error || an->verdict != cases[i].verdict ||
		    strncmp(said, cases[i].text, strlen(cases[i].text)))
			fail_msg("%zu: %s as %s: error %d verdict %u \"%s\" %s", i, p->show,
				 p->id ? p->id : "itself", an->error, an->verdict, an->subject, an->text);
		if (!an->error && !p->way && !p->no_ca)
			assert_true(an->nticket && an->ends_in > 300 * DAY && an->ends == w.now.wall + an->ends_in);
		else if (an->error || p->way)
			assert_int_equal(an->nticket, 0);
	}
	/* Nobody's words have made us fetch anything. */
	assert_int_equal(w.nfetch, 0);
	world_end(&w);
}

static void test_scheme_is_told(void **state)
{
	static struct world w;
	const struct trust_answer *an;

	(void)state;
	world_begin(&w);
	an = world_prove(&w, &(struct world_proof){ .show = "rsa inter", .scheme = "rsapss-sha384" });
	assert_string_equal(an->scheme, "rsapss-sha384");
	assert_string_equal(an->key, "RSA-2048");
	an = world_prove(&w, &(struct world_proof){ .show = "good inter", .forge = true });
	assert_string_equal(an->scheme, "ecdsa-sha256");
	assert_string_equal(an->key, "P-256");
	world_end(&w);
}

/* Bytes of AUTH that are no signature, and requests that make no sense. */
static void test_odd_auth(void **state)
{
	static const uint8_t lengths[] = { 0, 1, 11, 200, 255 };
	static struct world w;
	uint8_t bytes[12] = { 0 };

	(void)state;
	world_begin(&w);
	for (size_t i = 0; i < sizeof(lengths); i++)
		for (size_t n = 0; n <= sizeof(bytes); n++) {
			struct trust_request rq = { .id = 1, .kind = TRUST_PROOF, .way = CONF_AUTH_CERT, .method = 14,
						    .auth = { bytes, n } };

			bytes[0] = lengths[i];
			trust_ask(w.t, w.now, &rq);
			assert_int_equal(world_last(&w)->error, TRUST_SCHEME);
		}
	world_end(&w);
}

/* The file of CAs is another, and who asks does not know of it yet: nothing is said of anybody. */
static void test_other_configuration(void **state)
{
	static struct world w;
	struct trust_answer an;

	(void)state;
	world_begin(&w);
	an = *world_prove(&w, &(struct world_proof){ .show = "good inter" });
	assert_int_equal(an.error, TRUST_OK);
	world_configure(&w, &(struct world_conf){ .cas = "root other", .other_set = true });
	assert_int_equal(world_still(&w, &an, CONF_REVOCATION_LENIENT)->error, TRUST_FAILED);
	assert_int_equal(world_prove(&w, &(struct world_proof){ .show = "good inter" })->error, TRUST_FAILED);
	assert_non_null(strstr(world_last(&w)->text, "the configuration is being changed"));
	/* The same set without that CA: now something is said. */
	world_configure(&w, &(struct world_conf){ .cas = "other" });
	assert_int_equal(world_still(&w, &an, CONF_REVOCATION_LENIENT)->verdict, CRYPTO_TRUST_NO_CA);
	world_end(&w);
}

/* Who cannot be asked for its length is not asked, and a request that may leave can be read. */
static void test_lengths(void **state)
{
	static uint8_t bytes[TRUST_AUTH_MAX + 1], buf[4096];

	(void)state;
	for (size_t n = TRUST_TICKET_MAX; n <= sizeof(bytes); n++) {
		struct trust_request rq = { .kind = TRUST_PROOF, .auth = { bytes, n } }, again;
		struct wr w = wr_of(buf, sizeof(buf));
		struct rd r;

		if (n <= TRUST_TICKET_MAX + 1)
			rq.ticket = (struct view){ bytes, n };
		trust_request_put(&w, &rq);
		assert_int_equal(wr_ok(&w), n <= TRUST_AUTH_MAX && rq.ticket.n <= TRUST_TICKET_MAX);
		r = rd_of_view(wr_view(&w));
		assert_int_equal(trust_request_get(&r, &again), wr_ok(&w) ? 0 : -1);
	}
}

static void test_before_configuration(void **state)
{
	static struct world w;
	struct trust_request rq = { .id = 5, .kind = TRUST_PROOF };
	struct trust *t;

	(void)state;
	world_begin(&w);
	t = w.t;
	trust_begin(t, true, 0);
	/* Until the end the one before it holds. */
	assert_int_equal(world_prove(&w, &(struct world_proof){ .show = "good inter" })->error, TRUST_OK);
	trust_end(t, w.now);
	assert_int_equal(world_prove(&w, &(struct world_proof){ .show = "good inter" })->error, TRUST_FAILED);
	rq.kind = TRUST_STILL;
	trust_ask(t, w.now, &rq);
	assert_int_equal(world_last(&w)->error, TRUST_NOT_TRUSTED);
	world_end(&w);
}

static void test_no_growth(void **state)
{
	static const struct world_proof kinds[] = {
		{ .show = "good inter" }, { .show = "good inter", .forge = true }, { .show = "good cut:inter" },
		{ .show = "looped loop-a loop-b" }, { .way = CONF_AUTH_KEY, .show = "raw:ed", .key = "ed", .pins = "ed" },
		{ .show = "rsa inter", .revocation = CONF_REVOCATION_LENIENT },
	};
	const unsigned rounds = SANITIZED ? 600 : 5000;
	static struct world w;
	size_t before = 0;

	(void)state;
	world_begin(&w);
	world_configure(&w, &believed);
	for (unsigned i = 0; i < rounds; i++) {
		const struct trust_answer *an;

		if (i == rounds / 10)
			before = mallinfo2().uordblks;
		an = world_prove(&w, &kinds[i % (sizeof(kinds) / sizeof(*kinds))]);
		assert_int_equal(!an->error, i % 6 == 0 || i % 6 > 3);
		if (!an->error && an->nticket)
			assert_int_equal(world_still(&w, an, 0)->error, TRUST_OK);
	}
	assert_in_range(mallinfo2().uordblks, SANITIZED ? 0 : 1, before + 32768);
	world_end(&w);
}

static const struct trust_answer *still_of(struct world *w, const struct trust_answer *an)
{
	return world_still(w, an, CONF_REVOCATION_LENIENT);
}

/* A ticket outlives the process; it is about the chain, the CA and the time. */
static void test_tickets(void **state)
{
	static struct world w, later;
	struct trust_answer an, odd;

	(void)state;
	world_begin(&w);
	an = *world_prove(&w, &(struct world_proof){ .show = "good inter" });
	assert_int_equal(still_of(&w, &an)->error, TRUST_OK);
	world_end(&w);

	world_begin(&later);
	assert_int_equal(still_of(&later, &an)->error, TRUST_OK);
	assert_int_equal(world_last(&later)->nticket, an.nticket);
	world_configure(&later, &(struct world_conf){ .cas = "other" });
	assert_int_equal(still_of(&later, &an)->error, TRUST_NOT_TRUSTED);
	assert_int_equal(world_last(&later)->verdict, CRYPTO_TRUST_NO_CA);
	world_configure(&later, &(struct world_conf){ .cas = "other root" });
	assert_int_equal(still_of(&later, &an)->error, TRUST_OK);
	for (unsigned n = 0; n < an.nticket; n++) {
		odd = an;
		odd.nticket = (uint16_t)n;
		assert_int_equal(still_of(&later, &odd)->error, TRUST_NOT_TRUSTED);
	}
	later.now.wall += 400 * DAY;
	assert_int_equal(still_of(&later, &an)->verdict, CRYPTO_TRUST_EXPIRED);
	world_end(&later);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_scheme_is_told),
		cmocka_unit_test(test_odd_auth),
		cmocka_unit_test(test_other_configuration),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_before_configuration),
		cmocka_unit_test(test_tickets),
		cmocka_unit_test(test_no_growth),
	};

	return cmocka_run_group_tests(tests, world_folder, without_crypto);
}
