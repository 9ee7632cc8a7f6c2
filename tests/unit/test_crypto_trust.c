// SPDX-License-Identifier: MIT
// Certificates of the tests' own CA (tests/ca/make): what each says, and which are believed, by which rules, and why not.
#include "keyd/crypto/dn.h"
#include "keyd/crypto/hash.h"
#include "keyd/crypto/trust.h"
#include "tests/unit/test_crypto_ca.h"
#include "tests/unit/test_crypto_hex.h"
#include "tests/unit/with_crypto.h"

static const uint8_t ours[1][CRYPTO_DIGEST_LEN] = { { 1 } };

static void add_ca(struct crypto_trust *t, const char *name)
{
	struct crypto_cert *c = cert(name);

	assert_int_equal(crypto_trust_add_ca(t, ours[0], c), 0);
	crypto_cert_free(c);
}

static const struct crypto_trust_rules usual = { .nsets = 1, .sets = ours, .rsa_bits_min = 2048, .ec_bits_min = 256 };

/* When they are judged: not all are made in one moment. */
static int64_t later(void)
{
	return made_at() + 3600;
}

static enum crypto_trust_result judge(const struct crypto_trust *t, const char *name, const struct crypto_trust_rules *rules,
				      struct crypto_verdict *v)
{
	static const char *const sent[] = { "inter", "narrow", "good2", "loop-a", "loop-b", "psskey", "dsa" };
	enum { N = sizeof(sent) / sizeof(*sent) };
	const struct crypto_cert *others[N];
	struct crypto_cert *leaf = cert(name);
	struct crypto_chain *chain;
	enum crypto_trust_result r;

	for (unsigned i = 0; i < N; i++)
		others[i] = cert(sent[i]);
	r = crypto_trust_verify(t, leaf, others, N, later(), rules, v, &chain);
	assert_int_equal(chain != NULL, r == CRYPTO_TRUSTED);
	crypto_chain_free(chain);
	assert_int_equal(r, v->result);
	for (unsigned i = 0; i < N; i++)
		crypto_cert_free((struct crypto_cert *)others[i]);
	crypto_cert_free(leaf);
	return r;
}

static const struct {
	const char *name;
	enum crypto_trust_result result;
	unsigned depth;
	const char *subject, *text;
} cases[] = {
	{ "good", CRYPTO_TRUSTED, 0, "good", "is trusted" },
	{ "rsa", CRYPTO_TRUSTED, 0, "rsa", "is trusted" },
	{ "ed", CRYPTO_TRUSTED, 0, "ed", "is trusted" },
	{ "ed448", CRYPTO_TRUSTED, 0, "ed448", "is trusted" },
	{ "ike", CRYPTO_TRUSTED, 0, "ike", "is trusted" },
	{ "gw", CRYPTO_TRUSTED, 0, "gw.example.org", "is trusted" },
	{ "alice", CRYPTO_TRUSTED, 0, "Alice", "is trusted" },
	{ "address", CRYPTO_TRUSTED, 0, "address", "is trusted" },
	{ "big", CRYPTO_TRUSTED, 0, "big", "is trusted" },
	{ "negative", CRYPTO_TRUSTED, 0, "negative", "is trusted" },
	{ "names", CRYPTO_TRUSTED, 0, "names", "is trusted" },
	{ "guest", CRYPTO_TRUST_NO_CA, 0, "guest", "was signed by nobody whom we know" },
	{ "responder", CRYPTO_TRUST_USAGE, 0, "responder", "has an extended key usage that is not for IKE" },
	{ "noname", CRYPTO_TRUSTED, 0, "noname", "is trusted" },
	{ "revoked", CRYPTO_TRUSTED, 0, "revoked", "is trusted" },	/* nobody asked */
	{ "inside", CRYPTO_TRUSTED, 0, "inside", "is trusted" },
	{ "outside", CRYPTO_TRUST_NAME, 0, "outside", "has a name that a CA above it may not vouch for" },
	{ "expired", CRYPTO_TRUST_EXPIRED, 0, "expired", "has expired on 20" },
	{ "future", CRYPTO_TRUST_NOT_YET, 0, "future", "is not valid before 20" },
	{ "signsnot", CRYPTO_TRUST_USAGE, 0, "signsnot", "has a key usage without digital signatures" },
	{ "codesign", CRYPTO_TRUST_USAGE, 0, "codesign", "has an extended key usage that is not for IKE" },
	{ "weak", CRYPTO_TRUST_WEAK, 0, "weak", "has an RSA key that is too short" },
	{ "oldhash", CRYPTO_TRUST_WEAK, 0, "oldhash", "is signed with SHA-1" },
	{ "underpss", CRYPTO_TRUST_WEAK, 1, "psskey", "has an RSA key that is too short" },
	{ "underdsa", CRYPTO_TRUST_WEAK, 1, "dsa", "has a key that is not supported" },
	{ "under", CRYPTO_TRUST_NOT_CA, 1, "good2", "is no CA and has signed another one" },
	{ "stranger", CRYPTO_TRUST_NO_CA, 0, "stranger", "was signed by nobody whom we know" },
	{ "other", CRYPTO_TRUST_NO_CA, 0, "other", "has signed itself" },
	{ "looped", CRYPTO_TRUST_NO_CA, 2, "loop-a", "was signed by nobody whom we know" },
};

static void test_cases(void **state)
{
	struct crypto_trust *t = crypto_trust_new();
	struct crypto_verdict v;
	char subject[80];

	(void)state;
	add_ca(t, "root");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum crypto_trust_result r = judge(t, cases[i].name, &usual, &v);

		snprintf(subject, sizeof(subject), "C=DE, O=Example Ltd, CN=%s", cases[i].subject);
		if (r != cases[i].result || v.depth != cases[i].depth || strcmp(v.subject, subject) ||
		    strncmp(v.text, cases[i].text, strlen(cases[i].text)))
			fail_msg("%s: result %d at %u: \"%s\" %s", cases[i].name, r, v.depth, v.subject, v.text);
		assert_in_range(v.ends ? v.ends - made_at() : 0, 0, r == CRYPTO_TRUSTED ? 366 * DAY : 0);
	}
	crypto_trust_free(t);
}

/* What RFC 5280 wants of who makes certificates, and not of who validates them. */
static void test_simple(void **state)
{
	static const char *const names_of[] = { "plain", "sparse" };
	struct crypto_trust *t = crypto_trust_new();
	struct crypto_verdict v;

	(void)state;
	add_ca(t, "simple");
	for (size_t i = 0; i < sizeof(names_of) / sizeof(*names_of); i++)
		if (judge(t, names_of[i], &usual, &v) != CRYPTO_TRUSTED)
			fail_msg("%s: result %d at %u: \"%s\" %s", names_of[i], v.result, v.depth, v.subject, v.text);
	assert_int_equal(judge(t, "good", &usual, &v), CRYPTO_TRUST_NO_CA);
	crypto_trust_free(t);
}

static void test_rules(void **state)
{
	struct crypto_trust *t = crypto_trust_new();
	struct crypto_trust_rules rules = usual;
	struct crypto_verdict v;

	(void)state;
	add_ca(t, "root");
	rules.rsa_bits_min = 1024;
	assert_int_equal(judge(t, "weak", &rules, &v), CRYPTO_TRUSTED);
	rules.allow_sha1 = true;
	assert_int_equal(judge(t, "oldhash", &rules, &v), CRYPTO_TRUSTED);
	rules.rsa_bits_min = 3072;
	assert_int_equal(judge(t, "rsa", &rules, &v), CRYPTO_TRUST_WEAK);
	/* Curves of Edwards have lengths, too; and the CA's key counts. */
	rules.ec_bits_min = 384;
	assert_int_equal(judge(t, "ed", &rules, &v), CRYPTO_TRUST_WEAK);
	assert_int_equal(v.depth, 0);
	assert_string_equal(v.text, "has an Ed25519 key, which is too short");
	assert_int_equal(judge(t, "ed448", &rules, &v), CRYPTO_TRUST_WEAK);
	assert_int_equal(v.depth, 1);
	assert_string_equal(v.text, "has an EC key that is too short");
	crypto_trust_free(t);
}

static const struct {
	enum crypto_name type;
	const char *name;	/* addresses in hex */
	bool has;
} names[] = {
	{ CRYPTO_NAME_FQDN, "good.example.org", true },
	{ CRYPTO_NAME_FQDN, "GOOD.Example.ORG", true },
	{ CRYPTO_NAME_FQDN, "good.example.or", false },
	{ CRYPTO_NAME_FQDN, "example.org", false },
	{ CRYPTO_NAME_FQDN, "good@example.org", false },
	{ CRYPTO_NAME_RFC822, "good@example.org", true },
	{ CRYPTO_NAME_RFC822, "good.example.org", false },
	{ CRYPTO_NAME_IPV4, "c0000201", true },
	{ CRYPTO_NAME_IPV4, "c0000202", false },
	{ CRYPTO_NAME_IPV6, "20010db8000000000000000000000001", true },
	{ CRYPTO_NAME_IPV6, "20010db8000000000000000000000002", false },
	{ CRYPTO_NAME_DN, "C=DE, O=Example Ltd, CN=good", true },
	{ CRYPTO_NAME_DN, "C=DE, O=Example Ltd, CN=*", true },
	{ CRYPTO_NAME_DN, "C=DE, O=Example Ltd, CN=goods", false },
	{ CRYPTO_NAME_FQDN, "", false },
};

static void test_names(void **state)
{
	struct crypto_cert *c = cert("good");

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		bool address = names[i].type == CRYPTO_NAME_IPV4 || names[i].type == CRYPTO_NAME_IPV6;
		struct bytes b = address ? hex(names[i].name) : (struct bytes){ .n = strlen(names[i].name) };
		const char *why;

		if (names[i].type == CRYPTO_NAME_DN) {
			b.n = sizeof(b.p);
			assert_int_equal(crypto_dn_parse(names[i].name, strlen(names[i].name), b.p, &b.n, &why), 0);
		} else if (!address) {
			memcpy(b.p, names[i].name, b.n);
		}
		if (crypto_cert_has_name(c, names[i].type, view_of(&b)) != names[i].has)
			fail_msg("%s", names[i].name);
	}
	crypto_cert_free(c);
}

static int count(void *arg, struct crypto_cert *c)
{
	crypto_cert_free(c);
	return ++*(int *)arg == 3 ? 7 : 0;
}

static void test_files(void **state)
{
	struct file a = load("root.pem"), b = load("inter.pem"), k = load("good.key"), der = load("good.crt"), huge = load("huge.crt");
	char *bundle = malloc(a.n * 3 + b.n + k.n + 100);
	struct crypto_cert *c = NULL;
	size_t n;
	int i = 0;

	(void)state;
	n = (size_t)sprintf(bundle, "words before\n%.*s%.*swords between\n%.*s", (int)a.n, a.p, (int)k.n, k.p, (int)b.n, b.p);
	assert_int_equal(crypto_certs_from_file((struct view){ (uint8_t *)bundle, n }, count, &i), 0);
	assert_int_equal(i, 2);
	/* The second one is cut short, or damaged. */
	i = 0;
	assert_int_equal(crypto_certs_from_file((struct view){ (uint8_t *)bundle, n - 40 }, count, &i), CRYPTO_CERT_MALFORMED);
	bundle[n - 200] = '!';
	assert_int_equal(crypto_certs_from_file((struct view){ (uint8_t *)bundle, n }, count, &i), CRYPTO_CERT_MALFORMED);
	n = (size_t)sprintf(bundle, "%.*s%.*s%.*s", (int)a.n, a.p, (int)a.n, a.p, (int)a.n, a.p);
	i = 0;
	assert_int_equal(crypto_certs_from_file((struct view){ (uint8_t *)bundle, n }, count, &i), 7);
	i = 0;
	assert_int_equal(crypto_certs_from_file((struct view){ der.p, der.n }, count, &i), 0);
	assert_int_equal(i, 1);
	assert_int_equal(crypto_certs_from_file((struct view){ k.p, k.n }, count, &i), CRYPTO_CERT_MALFORMED);
	assert_int_equal(crypto_certs_from_file((struct view){ k.p, 0 }, count, &i), CRYPTO_CERT_MALFORMED);
	assert_int_equal(crypto_cert_from_der(&c, (struct view){ huge.p, huge.n }), CRYPTO_CERT_TOO_BIG);
	for (n = 0; n + 14 < der.n; n++)	/* times that are none */
		if (der.p[n] == 0x17 && der.p[n + 1] == 13 && der.p[n + 14] == 'Z') {
			uint8_t digit = der.p[n + 5];

			der.p[n + 5] = '-';
			assert_int_equal(crypto_cert_from_der(&c, (struct view){ der.p, der.n }), CRYPTO_CERT_MALFORMED);
			der.p[n + 5] = digit;
			i++;
		}
	assert_int_equal(i, 3);			/* one from above */
	for (n = 0; n < der.n; n += n < 40 ? 1 : 13)
		assert_int_equal(crypto_cert_from_der(&c, (struct view){ der.p, n }), CRYPTO_CERT_MALFORMED);
	free(bundle);
	free(a.p);
	free(b.p);
	free(k.p);
	free(der.p);
	free(huge.p);
}

/* Larger ones than any should be cost no more than finding that out: by themselves, in a file, among others in a file. */
static void test_sizes(void **state)
{
	static const char *const too_big[] = { "huge", "enormous" };
	struct file good = load("good.pem");

	(void)state;
	for (size_t i = 0; i < sizeof(too_big) / sizeof(*too_big); i++) {
		struct crypto_cert *c = NULL;
		struct file der, pem;
		char name[32];
		int n = 0;

		snprintf(name, sizeof(name), "%s.crt", too_big[i]);
		der = load(name);
		snprintf(name, sizeof(name), "%s.pem", too_big[i]);
		pem = load(name);
		assert_true(der.n > CRYPTO_CERT_MAX && (!i || der.n > 4000000));
		assert_int_equal(crypto_cert_from_der(&c, (struct view){ der.p, der.n }), CRYPTO_CERT_TOO_BIG);
		assert_int_equal(crypto_certs_from_file((struct view){ der.p, der.n }, count, &n), CRYPTO_CERT_TOO_BIG);
		memmove(pem.p + good.n, pem.p, pem.n);
		memcpy(pem.p, good.p, good.n);
		assert_int_equal(crypto_certs_from_file((struct view){ pem.p, good.n + pem.n }, count, &n), CRYPTO_CERT_TOO_BIG);
		assert_int_equal(n, 1);
		assert_int_equal(crypto_certs_from_file((struct view){ pem.p, CRYPTO_CERT_FILE_MAX + 1 }, count, &n), CRYPTO_CERT_TOO_BIG);
		free(der.p);
		free(pem.p);
	}
	free(good.p);
}

/* A set of a peer's does not make another's certificates believed; nor does an unknown one, nor somebody's own certificate. */
static void test_sets(void **state)
{
	static const uint8_t sets[3][CRYPTO_DIGEST_LEN] = { { 1 }, { 2 }, { 3 } };
	struct crypto_trust *t = crypto_trust_new();
	struct crypto_cert *root = cert("root"), *other = cert("other"), *inter = cert("inter"), *good = cert("good");
	struct crypto_trust_rules rules = usual;
	struct crypto_verdict v;

	(void)state;
	assert_int_equal(crypto_trust_add_ca(t, sets[0], other), 0);
	assert_int_equal(crypto_trust_add_ca(t, sets[1], root), 0);
	assert_int_equal(crypto_trust_add_ca(t, sets[1], root), 0);
	assert_int_equal(crypto_trust_add_ca(t, sets[0], good), 0);
	rules.sets = sets;
	assert_int_equal(judge(t, "good", &rules, &v), CRYPTO_TRUST_NO_CA);
	assert_int_equal(judge(t, "stranger", &rules, &v), CRYPTO_TRUSTED);
	rules.nsets = 2;
	assert_int_equal(judge(t, "good", &rules, &v), CRYPTO_TRUSTED);
	rules.sets = sets + 1;
	assert_int_equal(judge(t, "good", &rules, &v), CRYPTO_TRUSTED);
	assert_int_equal(judge(t, "stranger", &rules, &v), CRYPTO_TRUST_NO_CA);
	rules.nsets = 0;
	assert_int_equal(judge(t, "good", &rules, &v), CRYPTO_TRUST_NO_CA);
	/* An intermediate that is believed is the top where no root is. */
	rules.nsets = 1;
	rules.sets = sets + 2;
	assert_int_equal(judge(t, "good", &rules, &v), CRYPTO_TRUST_NO_CA);
	assert_int_equal(crypto_trust_add_ca(t, sets[2], inter), 0);
	assert_int_equal(judge(t, "good", &rules, &v), CRYPTO_TRUSTED);
	assert_int_equal(judge(t, "inside", &rules, &v), CRYPTO_TRUST_NO_CA);
	assert_int_equal(judge(t, "expired", &rules, &v), CRYPTO_TRUST_EXPIRED);
	crypto_cert_free(root);
	crypto_cert_free(other);
	crypto_cert_free(inter);
	crypto_cert_free(good);
	crypto_trust_free(t);
}

/* Any bit of a certificate: it is damaged, or not believed, or was one of those that say nothing. */
static void test_every_bit(void **state)
{
	struct crypto_trust *t = crypto_trust_new();
	struct crypto_cert *inter = cert("inter"), *c;
	const struct crypto_cert *others[] = { inter };
	struct file f = load("good.crt");
	struct crypto_chain *chain;
	struct crypto_verdict v;

	(void)state;
	add_ca(t, "root");
	for (size_t bit = 0; bit < 8 * f.n; bit += 3) {
		f.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (!crypto_cert_from_der(&c, (struct view){ f.p, f.n })) {
			assert_int_not_equal(crypto_trust_verify(t, c, others, 1, made_at(), &usual, &v, &chain), CRYPTO_TRUSTED);
			crypto_cert_free(c);
		}
		f.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	crypto_cert_free(inter);
	crypto_trust_free(t);
	free(f.p);
}

static void test_what_it_says(void **state)
{
	struct crypto_cert *good = cert("good"), *root = cert("root");
	struct crypto_key *k = NULL;
	struct secret spki = { 0 };
	struct view view;
	uint8_t hash[CRYPTO_CERT_HASH_LEN], again[CRYPTO_CERT_HASH_LEN];
	char name[64];

	(void)state;
	assert_true(crypto_cert_is_ca(root) && !crypto_cert_is_ca(good));
	assert_int_equal(crypto_cert_ends(good) - crypto_cert_begins(good), 366 * DAY);
	assert_string_equal(crypto_dn_format(crypto_cert_issuer(good), name, sizeof(name)), "C=DE, O=Example Ltd, CN=inter");
	assert_int_equal(crypto_cert_key(root, &k), 0);
	assert_int_equal(crypto_key_spki(k, &spki), 0);
	view = secret_view(&spki);
	assert_int_equal(crypto_cert_key_hash(root, hash), 0);
	assert_int_equal(crypto_sha1(&view, 1, again), 0);
	assert_memory_equal(hash, again, sizeof(hash));
	assert_int_equal(crypto_cert_key_hash(good, again), 0);
	assert_memory_not_equal(hash, again, sizeof(hash));
	assert_int_equal(crypto_key_bits(k), 256);
	assert_false(crypto_key_is_private(k));
	secret_clear(&spki);
	crypto_key_free(k);
	crypto_cert_free(good);
	crypto_cert_free(root);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_says), cmocka_unit_test(test_names), cmocka_unit_test(test_files),
		cmocka_unit_test(test_cases), cmocka_unit_test(test_simple), cmocka_unit_test(test_rules),
		cmocka_unit_test(test_every_bit), cmocka_unit_test(test_sizes), cmocka_unit_test(test_sets),
	};

	ca_folder(argc, argv);
	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
