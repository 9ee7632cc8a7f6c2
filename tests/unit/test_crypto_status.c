// SPDX-License-Identifier: MIT
// What is known of revocation: lists and OCSP answers of the tests' own CA, those that lie, and tickets.
#include "keyd/crypto/status.h"
#include "tests/unit/test_crypto_ca.h"
#include "tests/unit/with_crypto.h"

#include <openssl/pem.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <time.h>

static const uint8_t ours[1][CRYPTO_DIGEST_LEN] = { { 1 } };
static const uint8_t theirs[1][CRYPTO_DIGEST_LEN] = { { 2 } };
static const struct crypto_trust_rules usual = { .nsets = 1, .sets = ours, .rsa_bits_min = 2048, .ec_bits_min = 256 };

/* CAs, what is known, and a certificate that is asked about. */
struct world {
	struct crypto_trust *trust;
	struct crypto_status *status;
	struct crypto_cert *inter, *other, *impostor;
	int64_t now;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct crypto_cert *root = cert("root");

	w->trust = crypto_trust_new();
	w->status = crypto_status_new();
	w->inter = cert("inter");
	w->other = cert("other");
	w->impostor = cert("impostor");
	w->now = made_at();
	assert_int_equal(crypto_trust_add_ca(w->trust, ours[0], root), 0);
	assert_int_equal(crypto_trust_add_ca(w->trust, theirs[0], w->other), 0);
	crypto_cert_free(root);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	crypto_trust_free(w->trust);
	crypto_status_free(w->status);
	crypto_cert_free(w->inter);
	crypto_cert_free(w->other);
	crypto_cert_free(w->impostor);
	free(w);
	return 0;
}

static struct crypto_chain *chain(struct world *w, const char *name)
{
	const struct crypto_cert *others[] = { w->inter };
	struct crypto_cert *leaf = cert(name);
	struct crypto_chain *c;
	struct crypto_verdict v;

	assert_int_equal(crypto_trust_verify(w->trust, leaf, others, 1, w->now, &usual, &v, &c), CRYPTO_TRUSTED);
	assert_int_equal(crypto_chain_length(c), 3);
	crypto_cert_free(leaf);
	return c;
}

static enum crypto_trust_result check(struct world *w, const char *name, enum crypto_revocation revocation,
				      struct crypto_verdict *v, bool *pending)
{
	struct crypto_chain *c = chain(w, name);
	enum crypto_trust_result r = crypto_chain_check(c, w->status, w->now, revocation, v, pending);

	assert_int_equal(r, v->result);
	crypto_chain_free(c);
	return r;
}

static enum crypto_state state_of(struct world *w, const char *name)
{
	struct crypto_chain *c = chain(w, name);
	struct crypto_link l;

	assert_int_equal(crypto_chain_link(c, w->status, 0, w->now, &l), 0);
	crypto_chain_free(c);
	return l.state;
}

static int add_crl(struct world *w, const struct crypto_cert *issuer, const char *name, struct crypto_news *news)
{
	struct file f = load(name);
	int r = crypto_status_add_crl(w->status, issuer, (struct view){ f.p, f.n }, w->now, news);

	free(f.p);
	return r;
}

static int add_ocsp(struct world *w, const struct crypto_cert *issuer, const char *name, struct crypto_news *news)
{
	struct file f = load(name);
	int r = crypto_status_add_ocsp(w->status, issuer, (struct view){ f.p, f.n }, (struct view){ 0 }, w->now, news);

	free(f.p);
	return r;
}

/* Which lists are there, what is asked for, what becomes of "good" and of "revoked". */
static const struct {
	const char *root, *inter;
	int64_t days;	/* until inter's next one */
	enum crypto_revocation revocation;
	enum crypto_trust_result good, revoked;
} lists[] = {
	{ "root.crl", "inter.crl", 30, CRYPTO_REVOCATION_STRICT, CRYPTO_TRUSTED, CRYPTO_TRUST_REVOKED },
	{ "root.crl", "inter.crl", 30, CRYPTO_REVOCATION_LENIENT, CRYPTO_TRUSTED, CRYPTO_TRUST_REVOKED },
	{ "root.crl", "inter.crl", 30, CRYPTO_REVOCATION_OFF, CRYPTO_TRUSTED, CRYPTO_TRUSTED },
	{ "root.crl", "nothing.crl", 30, CRYPTO_REVOCATION_STRICT, CRYPTO_TRUSTED, CRYPTO_TRUSTED },
	{ "root.crl", "many.crl", 30, CRYPTO_REVOCATION_STRICT, CRYPTO_TRUSTED, CRYPTO_TRUST_REVOKED },
	{ "root.crl", "stale.crl", -10, CRYPTO_REVOCATION_STRICT, CRYPTO_TRUST_NO_CRL, CRYPTO_TRUST_REVOKED },
	{ "root.crl", "stale.crl", -10, CRYPTO_REVOCATION_LENIENT, CRYPTO_TRUSTED, CRYPTO_TRUST_REVOKED },
	{ "root.crl", NULL, 0, CRYPTO_REVOCATION_STRICT, CRYPTO_TRUST_NO_CRL, CRYPTO_TRUST_NO_CRL },
	{ "root.crl", NULL, 0, CRYPTO_REVOCATION_LENIENT, CRYPTO_TRUSTED, CRYPTO_TRUSTED },
	{ NULL, "inter.crl", 30, CRYPTO_REVOCATION_STRICT, CRYPTO_TRUST_NO_CRL, CRYPTO_TRUST_REVOKED },
	{ NULL, "inter.crl", 30, CRYPTO_REVOCATION_LENIENT, CRYPTO_TRUSTED, CRYPTO_TRUST_REVOKED },
};

static void test_lists(void **state)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct crypto_verdict v;
		struct crypto_news news;
		struct world *w;
		bool pending, all = lists[i].root && lists[i].inter && lists[i].days > 0;

		teardown(state);
		setup(state);
		w = *state;
		if (lists[i].root)
			assert_int_equal(add_crl(w, NULL, lists[i].root, &news), 0);
		if (lists[i].inter) {
			assert_int_equal(add_crl(w, NULL, lists[i].inter, &news), 0);
			assert_true(news.waits && !news.changed);
			assert_in_range(news.until - w->now + DAY, (lists[i].days + 1) * DAY - 600, (lists[i].days + 1) * DAY + 600);
			assert_int_equal(news.refresh, lists[i].days > 0 ? w->now + DAY : w->now);
		}
		if (check(w, "good", lists[i].revocation, &v, &pending) != lists[i].good)
			fail_msg("list %zu, good: %s", i, v.text);
		assert_int_equal(pending, !all && lists[i].revocation != CRYPTO_REVOCATION_OFF);
		if (check(w, "revoked", lists[i].revocation, &v, &pending) != lists[i].revoked)
			fail_msg("list %zu, revoked: %s", i, v.text);
		if (v.result == CRYPTO_TRUST_REVOKED)
			assert_string_equal(v.text, "is revoked (keyCompromise)");
	}
}

/* Whoever answers for a CA's list may lie: what the CA has not signed, or signed for others, or signed before, changes nothing. */
static void test_lies(void **state)
{
	struct world *w = *state;
	struct file f = load("inter.crl");
	struct crypto_news news;
	uint64_t version;

	assert_int_equal(add_crl(w, w->inter, "inter.crl", &news), 0);
	assert_true(news.changed && !news.waits);
	version = crypto_status_version(w->status);
	assert_int_equal(add_crl(w, w->inter, "inter.crl", &news), 0);
	assert_false(news.changed);
	assert_int_equal(add_crl(w, w->inter, "nothing.crl", &news), CRYPTO_STATUS_OLD);
	assert_int_equal(add_crl(w, w->inter, "stale.crl", &news), CRYPTO_STATUS_OLD);
	assert_int_equal(add_crl(w, w->inter, "other.crl", &news), CRYPTO_STATUS_ISSUER);
	assert_int_equal(add_crl(w, w->inter, "impostor.crl", &news), CRYPTO_STATUS_SIGNATURE);
	for (size_t at = f.n - 8; at < f.n; at++) {
		f.p[at] ^= 1;
		assert_int_not_equal(crypto_status_add_crl(w->status, w->inter, (struct view){ f.p, f.n }, w->now, &news), 0);
		f.p[at] ^= 1;
	}
	for (size_t n = 0; n < f.n; n += 7)
		assert_int_equal(crypto_status_add_crl(w->status, w->inter, (struct view){ f.p, n }, w->now, &news),
				 CRYPTO_STATUS_MALFORMED);
	assert_int_equal(crypto_status_add_crl(w->status, w->inter, (struct view){ f.p, f.n }, w->now - DAY, &news),
			 CRYPTO_STATUS_NOT_YET);
	assert_int_equal(crypto_status_add_crl(w->status, w->inter, (struct view){ f.p, CRYPTO_CRL_MAX + 1 }, w->now, &news),
			 CRYPTO_STATUS_TOO_BIG);
	assert_int_equal(crypto_status_version(w->status), version);
	assert_int_equal(state_of(w, "revoked"), CRYPTO_STATE_REVOKED);
	assert_int_equal(state_of(w, "good"), CRYPTO_STATE_GOOD);
	/* The next one is heeded; 20,000 others do not hide who is in it. */
	assert_int_equal(add_crl(w, w->inter, "many.crl", &news), 0);
	assert_true(news.changed);
	assert_int_not_equal(crypto_status_version(w->status), version);
	assert_int_equal(state_of(w, "revoked"), CRYPTO_STATE_REVOKED);
	free(f.p);
}

/* A CA of the same name is another one: its list speaks of what it has signed. */
static void test_impostor(void **state)
{
	struct world *w = *state;
	struct crypto_news news;

	assert_int_equal(add_crl(w, NULL, "impostor.crl", &news), 0);
	assert_int_equal(state_of(w, "good"), CRYPTO_STATE_UNKNOWN);
	assert_int_equal(add_crl(w, w->impostor, "impostor.crl", &news), 0);
	assert_int_equal(state_of(w, "good"), CRYPTO_STATE_UNKNOWN);
	assert_int_equal(crypto_status_add_issuer(w->status, w->impostor, w->now), 0);
	assert_int_equal(add_crl(w, NULL, "inter.crl", &news), 0);
	assert_false(news.waits);	/* state_of has shown it the CA */
	assert_int_equal(state_of(w, "good"), CRYPTO_STATE_GOOD);
}

static void test_delta(void **state)
{
	struct world *w = *state;
	struct crypto_news news;

	/* It is to inter.crl: what went before it, it does not bring up to date; and yet whom it names is revoked. */
	assert_int_equal(add_crl(w, w->inter, "delta.crl", &news), 0);
	assert_int_equal(state_of(w, "good"), CRYPTO_STATE_REVOKED);
	assert_int_equal(state_of(w, "rsa"), CRYPTO_STATE_UNKNOWN);
	assert_int_equal(add_crl(w, w->inter, "stale.crl", &news), 0);
	assert_int_equal(state_of(w, "crl-revoked"), CRYPTO_STATE_REVOKED);
	assert_int_equal(state_of(w, "rsa"), CRYPTO_STATE_STALE);
	assert_int_equal(add_crl(w, w->inter, "inter.crl", &news), 0);
	assert_int_equal(state_of(w, "good"), CRYPTO_STATE_REVOKED);
	assert_int_equal(state_of(w, "revoked"), CRYPTO_STATE_REVOKED);
	assert_int_equal(state_of(w, "crl-revoked"), CRYPTO_STATE_GOOD);
	assert_int_equal(state_of(w, "rsa"), CRYPTO_STATE_GOOD);
	/* A complete list after it. */
	assert_int_equal(add_crl(w, w->inter, "many.crl", &news), 0);
	assert_int_equal(state_of(w, "good"), CRYPTO_STATE_GOOD);
	assert_int_equal(state_of(w, "crl-revoked"), CRYPTO_STATE_REVOKED);
}

/* A list for some certificates says nothing good of others. */
static void test_part(void **state)
{
	struct world *w = *state;
	struct crypto_news news;

	assert_int_equal(add_crl(w, w->inter, "part.crl", &news), 0);
	assert_int_equal(state_of(w, "crl"), CRYPTO_STATE_GOOD);
	assert_int_equal(state_of(w, "crl-revoked"), CRYPTO_STATE_REVOKED);
	assert_int_equal(state_of(w, "good"), CRYPTO_STATE_UNKNOWN);
	assert_int_equal(state_of(w, "crl-ocsp"), CRYPTO_STATE_UNKNOWN);
	assert_int_equal(state_of(w, "revoked"), CRYPTO_STATE_REVOKED);
	/* Beside it the one for all, which is older and not the same kind. */
	assert_int_equal(add_crl(w, w->inter, "inter.crl", &news), 0);
	assert_int_equal(state_of(w, "good"), CRYPTO_STATE_GOOD);
}

/* The same list again and again waits once; there is an end to how many do. */
static void test_waiting(void **state)
{
	struct world *w = *state;
	struct crypto_news news;
	struct file f = load("inter.crl");
	unsigned n = 0;

	/* A stale one still says who is revoked; that another CA becomes known does not end its waiting. */
	assert_int_equal(add_crl(w, NULL, "stale.crl", &news), 0);
	assert_int_equal(crypto_status_add_issuer(w->status, w->other, w->now), 0);
	assert_int_equal(state_of(w, "revoked"), CRYPTO_STATE_REVOKED);
	crypto_status_free(w->status);
	w->status = crypto_status_new();
	for (unsigned i = 0; i < 2 * CRYPTO_CRLS_MAX; i++)
		assert_int_equal(add_crl(w, NULL, "root.crl", &news), 0);
	while (n < 2 * CRYPTO_CRLS_MAX) {
		f.p[f.n - 1] = (uint8_t)n;	/* of the signature, which nobody can check yet */
		f.p[f.n - 2] = (uint8_t)(n >> 8);
		if (crypto_status_add_crl(w->status, NULL, (struct view){ f.p, f.n }, w->now, &news))
			break;
		n++;
	}
	assert_int_equal(n, CRYPTO_CRLS_MAX - 1);
	w->now += 31 * DAY;	/* all have run out */
	assert_int_equal(crypto_status_add_crl(w->status, NULL, (struct view){ f.p, f.n }, w->now, &news), 0);
	free(f.p);
}

static void test_pem(void **state)
{
	struct world *w = *state;
	struct crypto_news news;
	char command[3 * PATH_MAX];
	struct file f;

	snprintf(command, sizeof(command), "cd %s && (openssl crl -in root.crl; openssl crl -in inter.crl) >both.pem", folder);
	assert_int_equal(system(command), 0);
	f = load("both.pem");
	assert_int_equal(crypto_status_add_crl(w->status, NULL, (struct view){ f.p, f.n }, w->now, &news), 0);
	assert_true(news.waits);
	assert_int_equal(state_of(w, "revoked"), CRYPTO_STATE_REVOKED);
	crypto_status_forget_waiting(w->status);	/* root.crl, whose CA nobody has asked about yet */
	assert_int_equal(crypto_status_add_crl(w->status, NULL, (struct view){ f.p, f.n - 40 }, w->now, &news), CRYPTO_STATUS_MALFORMED);
	assert_int_equal(crypto_status_add_crl(w->status, NULL, (struct view){ (const uint8_t *)"nothing", 7 }, w->now, &news),
			 CRYPTO_STATUS_MALFORMED);
	free(f.p);
}

static unsigned asked;

static int on_ask(UI *ui)
{
	(void)ui;
	asked++;
	return 0;
}

static int count_cert(void *arg, struct crypto_cert *c)
{
	++*(unsigned *)arg;
	crypto_cert_free(c);
	return 0;
}

/* PEM that is said to be encrypted: OpenSSL would ask whoever sits at the terminal, or wait for standard input. */
static void test_pem_encrypted(void **state)
{
	static const char body[] = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
				   "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n";
	UI_METHOD *method = UI_create_method("test");
	const UI_METHOD *usual_method = UI_get_default_method();
	struct world *w = *state;
	struct crypto_news news;
	unsigned certs = 0;
	char pem[400];
	int n;

	asked = 0;
	UI_method_set_opener(method, on_ask);
	UI_set_default_method(method);
	n = snprintf(pem, sizeof(pem), "-----BEGIN X509 CRL-----\n%s-----END X509 CRL-----\n", body);
	assert_int_equal(crypto_status_add_crl(w->status, w->inter, (struct view){ (const uint8_t *)pem, (size_t)n },
					       w->now, &news), CRYPTO_STATUS_MALFORMED);
	n = snprintf(pem, sizeof(pem), "-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n", body);
	assert_int_equal(crypto_certs_from_file((struct view){ (const uint8_t *)pem, (size_t)n }, count_cert, &certs),
			 CRYPTO_CERT_MALFORMED);
	UI_set_default_method(usual_method);
	UI_destroy_method(method);
	assert_int_equal(certs, 0);
	assert_int_equal(asked, 0);
}

/* inter's list with one more entry, and a critical extension in that. */
static struct file with_entry(const char *oid)
{
	struct file list = load("inter.crl"), key = load("inter.key");
	const uint8_t *p = list.p;
	X509_CRL *x = d2i_X509_CRL(NULL, &p, (long)list.n);
	BIO *bio = BIO_new_mem_buf(key.p, (int)key.n);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	uint8_t *der = NULL;

	ASN1_OCTET_STRING_set(value, (const uint8_t *)"\x0a\x01\x01", 3);
	e = X509_EXTENSION_create_by_OBJ(NULL, o, 1, value);
	ASN1_INTEGER_set(serial, 77);
	assert_int_equal(X509_REVOKED_set_serialNumber(r, serial) &&
			 X509_REVOKED_set_revocationDate(r, (ASN1_TIME *)X509_CRL_get0_lastUpdate(x)) &&
			 X509_REVOKED_add_ext(r, e, -1) && X509_CRL_add0_revoked(x, r) && X509_CRL_sort(x), 1);
	assert_true(X509_CRL_sign(x, pkey, EVP_sha256()) > 0);
	free(list.p);
	list.n = (size_t)i2d_X509_CRL(x, &der);
	list.p = memcpy(malloc(list.n), der, list.n);
	OPENSSL_free(der);
	ASN1_INTEGER_free(serial);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(o);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	X509_CRL_free(x);
	free(key.p);
	return list;
}

/* RFC 5280 5.3: an entry that cannot be understood, such as one of another CA, makes the list useless. */
static void test_entries(void **state)
{
	static const struct {
		const char *oid;
		int error;
	} t[] = { { "1.2.3.4", CRYPTO_STATUS_UNSUPPORTED }, { "2.5.29.29", CRYPTO_STATUS_UNSUPPORTED }, { "2.5.29.21", 0 } };
	struct world *w = *state;
	struct crypto_news news;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct file f = with_entry(t[i].oid);

		assert_int_equal(crypto_status_add_crl(w->status, w->inter, (struct view){ f.p, f.n }, w->now, &news), t[i].error);
		assert_int_equal(state_of(w, "revoked"), t[i].error ? CRYPTO_STATE_UNKNOWN : CRYPTO_STATE_REVOKED);
		free(f.p);
	}
}

static const struct {
	const char *answer;
	int error;
	enum crypto_state ocsp, revoked;
} answers[] = {
	{ "good.ocsp", 0, CRYPTO_STATE_GOOD, CRYPTO_STATE_UNKNOWN },
	{ "by-ca.ocsp", 0, CRYPTO_STATE_GOOD, CRYPTO_STATE_UNKNOWN },
	{ "sha256.ocsp", 0, CRYPTO_STATE_GOOD, CRYPTO_STATE_UNKNOWN },
	{ "before.ocsp", 0, CRYPTO_STATE_UNKNOWN, CRYPTO_STATE_GOOD },
	{ "ocsp-revoked.ocsp", 0, CRYPTO_STATE_UNKNOWN, CRYPTO_STATE_REVOKED },
	{ "responder-no.ocsp", CRYPTO_STATUS_ISSUER, CRYPTO_STATE_UNKNOWN, CRYPTO_STATE_UNKNOWN },
	{ "by-gw.ocsp", CRYPTO_STATUS_ISSUER, CRYPTO_STATE_UNKNOWN, CRYPTO_STATE_UNKNOWN },
	{ "responder-old.ocsp", CRYPTO_STATUS_ISSUER, CRYPTO_STATE_UNKNOWN, CRYPTO_STATE_UNKNOWN },
	{ "no-certs.ocsp", CRYPTO_STATUS_ISSUER, CRYPTO_STATE_UNKNOWN, CRYPTO_STATE_UNKNOWN },
	{ "inter.crl", CRYPTO_STATUS_MALFORMED, CRYPTO_STATE_UNKNOWN, CRYPTO_STATE_UNKNOWN },
};

static void test_ocsp(void **state)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct crypto_news news;
		struct world *w;

		teardown(state);
		setup(state);
		w = *state;
		if (add_ocsp(w, w->inter, answers[i].answer, &news) != answers[i].error)
			fail_msg("%s", answers[i].answer);
		assert_int_equal(news.changed, !answers[i].error);
		if (!answers[i].error)
			assert_in_range(news.until - w->now, 30 * DAY - 600, 30 * DAY + 600);
		if (state_of(w, "ocsp") != answers[i].ocsp || state_of(w, "ocsp-revoked") != answers[i].revoked)
			fail_msg("%s: %d, %d", answers[i].answer, state_of(w, "ocsp"), state_of(w, "ocsp-revoked"));
	}
}

static void test_ocsp_lies(void **state)
{
	struct world *w = *state;
	struct file f = load("good.ocsp");
	struct crypto_chain *c = chain(w, "ocsp");
	struct crypto_news news;
	struct view v = { f.p, f.n }, none = { 0 };

	assert_int_equal(add_ocsp(w, w->other, "good.ocsp", &news), CRYPTO_STATUS_ISSUER);
	assert_int_equal(add_ocsp(w, w->impostor, "good.ocsp", &news), CRYPTO_STATUS_ISSUER);
	assert_int_equal(crypto_status_add_ocsp(w->status, w->inter, v, none, w->now - DAY, &news), CRYPTO_STATUS_NOT_YET);
	assert_int_equal(crypto_status_add_ocsp(w->status, w->inter, v, none, w->now + 31 * DAY, &news), CRYPTO_STATUS_STALE);
	assert_int_equal(state_of(w, "ocsp"), CRYPTO_STATE_UNKNOWN);
	/* No bit of it may be changed: it is refused, or says what it said. */
	for (size_t bit = 0; bit < 8 * f.n; bit += 5) {
		f.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (!crypto_status_add_ocsp(w->status, w->inter, v, none, w->now, &news))
			assert_int_equal(state_of(w, "ocsp"), CRYPTO_STATE_GOOD);
		assert_int_not_equal(state_of(w, "ocsp"), CRYPTO_STATE_REVOKED);
		f.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n < f.n; n += 11)
		assert_int_equal(crypto_status_add_ocsp(w->status, w->inter, (struct view){ f.p, n }, none, w->now, &news),
				 CRYPTO_STATUS_MALFORMED);
	/* Once it is revoked, what was said before does not count. Stale words of good are none, those of revoked are. */
	assert_int_equal(add_ocsp(w, w->inter, "ocsp-revoked.ocsp", &news), 0);
	assert_int_equal(add_ocsp(w, w->inter, "before.ocsp", &news), CRYPTO_STATUS_OLD);
	assert_int_equal(state_of(w, "ocsp-revoked"), CRYPTO_STATE_REVOKED);
	w->now += 40 * DAY;
	assert_int_equal(state_of(w, "ocsp-revoked"), CRYPTO_STATE_REVOKED);
	assert_int_equal(crypto_chain_add_ocsp(c, w->status, v, none, w->now - 40 * DAY, &news), 0);
	assert_int_equal(state_of(w, "ocsp"), CRYPTO_STATE_STALE);
	crypto_chain_free(c);
	free(f.p);
}

/* A responder that the CA has revoked does not answer for it any more. */
static void test_responder_revoked(void **state)
{
	struct world *w = *state;
	struct crypto_news news;
	char command[3 * PATH_MAX];

	snprintf(command, sizeof(command),
		 "cd %s && rm -rf late && mkdir late && cp index late/ && echo 99 >late/number && "
		 "printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=late/index\\ncrlnumber=late/number\\ndefault_md=sha256\\n"
		 "private_key=inter.key\\ncertificate=inter.pem\\n' >late/conf && "
		 "openssl ca -config late/conf -revoke responder.pem 2>/dev/null && "
		 "openssl ca -config late/conf -gencrl -crldays 3 2>/dev/null | openssl crl -outform DER -out late.crl", folder);
	assert_int_equal(system(command), 0);
	w->now = time(NULL);
	assert_int_equal(add_crl(w, w->inter, "late.crl", &news), 0);
	w->now = made_at();
	assert_int_equal(add_ocsp(w, w->inter, "good.ocsp", &news), CRYPTO_STATUS_ISSUER);
	assert_int_equal(add_ocsp(w, w->inter, "by-ca.ocsp", &news), 0);
}

static void test_ocsp_request(void **state)
{
	struct world *w = *state;
	struct crypto_chain *c = chain(w, "crl-ocsp");
	uint8_t q[CRYPTO_OCSP_REQUEST_MAX], again[CRYPTO_OCSP_REQUEST_MAX];
	size_t n = sizeof(q), m = sizeof(again);
	char command[3 * PATH_MAX];
	struct crypto_news news;
	struct file f;
	FILE *out;

	assert_int_equal(crypto_chain_ocsp_request(c, 0, true, q, &n), 0);
	assert_int_equal(crypto_chain_ocsp_request(c, 0, true, again, &m), 0);
	assert_int_equal(n, m);
	assert_memory_not_equal(q, again, n);
	assert_int_equal(crypto_chain_ocsp_request(c, 2, true, again, &m), -1);
	snprintf(command, sizeof(command), "%s/request", folder);
	out = fopen(command, "w");
	assert_int_equal(fwrite(q, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
	snprintf(command, sizeof(command), "cd %s && openssl ocsp -index index -CA inter.pem -rsigner responder.pem "
		 "-rkey responder.key -reqin request -respout answer >/dev/null 2>&1", folder);
	assert_int_equal(system(command), 0);
	f = load("answer");
	w->now = time(NULL);
	assert_int_equal(crypto_chain_add_ocsp(c, w->status, (struct view){ f.p, f.n }, (struct view){ again, m }, w->now, &news),
			 CRYPTO_STATUS_NONCE);
	assert_int_equal(crypto_chain_add_ocsp(c, w->status, (struct view){ f.p, f.n }, (struct view){ q, n }, w->now, &news), 0);
	assert_int_equal(state_of(w, "crl-ocsp"), CRYPTO_STATE_GOOD);
	/* It does not say how long it counts. */
	assert_in_range(news.until - w->now, 3500, 3600);
	assert_in_range(news.refresh - w->now, 1700, 1800);
	crypto_chain_free(c);
	free(f.p);
}

static void test_link(void **state)
{
	struct world *w = *state;
	struct crypto_chain *c = chain(w, "crl-ocsp");
	struct crypto_news news;
	struct crypto_link l;

	assert_int_equal(crypto_chain_link(c, w->status, 2, w->now, &l), -1);
	assert_int_equal(crypto_chain_link(c, w->status, 0, w->now, &l), 0);
	assert_int_equal(l.state, CRYPTO_STATE_UNKNOWN);
	assert_int_equal(l.refresh, w->now);
	assert_int_equal(l.ncrls, 1);
	assert_int_equal(l.nocsps, 1);
	assert_string_equal(l.crls[0], "http://ca.example.org/inter.crl");
	assert_string_equal(l.ocsps[0], "http://ca.example.org/ocsp");
	assert_int_equal(add_crl(w, w->inter, "inter.crl", &news), 0);
	assert_int_equal(crypto_chain_link(c, w->status, 0, w->now, &l), 0);
	assert_int_equal(l.state, CRYPTO_STATE_GOOD);
	assert_int_equal(l.until, news.until);
	assert_int_equal(l.refresh, w->now + DAY);
	assert_int_equal(crypto_chain_link(c, w->status, 0, l.until - 60, &l), 0);
	assert_int_equal(l.refresh, l.until - 30);
	assert_int_equal(crypto_chain_link(c, w->status, 0, l.until, &l), 0);
	assert_int_equal(l.state, CRYPTO_STATE_STALE);
	assert_int_equal(crypto_chain_link(c, w->status, 1, w->now, &l), 0);
	assert_int_equal(l.ncrls + l.nocsps, 0);
	crypto_chain_free(c);
}

static enum crypto_trust_result still(struct world *w, struct view ticket, const uint8_t (*sets)[CRYPTO_DIGEST_LEN],
				      struct crypto_verdict *v)
{
	return crypto_ticket_check(ticket, w->trust, w->status, sets, 1, w->now, CRYPTO_REVOCATION_LENIENT, v);
}

static void test_ticket(void **state)
{
	struct world *w = *state;
	struct crypto_chain *c = chain(w, "crl-revoked");
	uint8_t bytes[CRYPTO_TICKET_MAX + 1];
	size_t n = CRYPTO_TICKET_MAX - 1;
	struct crypto_verdict v;
	struct crypto_news news;
	struct view ticket;

	assert_int_equal(crypto_chain_ticket(c, bytes, &n), -1);
	n = sizeof(bytes);
	assert_int_equal(crypto_chain_ticket(c, bytes, &n), 0);
	assert_in_range(n, 1, CRYPTO_TICKET_MAX);
	ticket = (struct view){ bytes, n };
	assert_int_equal(still(w, ticket, ours, &v), CRYPTO_TRUSTED);
	assert_int_equal(v.ends, crypto_chain_ends(c));
	assert_string_equal(v.subject, "C=DE, O=Example Ltd, CN=crl-revoked");
	assert_int_equal(still(w, ticket, theirs, &v), CRYPTO_TRUST_NO_CA);
	assert_int_equal(crypto_ticket_check(ticket, w->trust, w->status, ours, 0, w->now, CRYPTO_REVOCATION_OFF, &v), CRYPTO_TRUST_NO_CA);
	assert_int_equal(add_crl(w, w->inter, "nothing.crl", &news), 0);
	assert_int_equal(still(w, ticket, ours, &v), CRYPTO_TRUSTED);
	w->now += 366 * DAY;
	assert_int_equal(still(w, ticket, ours, &v), CRYPTO_TRUST_EXPIRED);
	w->now -= 366 * DAY;
	assert_int_equal(add_crl(w, w->inter, "inter.crl", &news), 0);
	assert_int_equal(still(w, ticket, ours, &v), CRYPTO_TRUST_REVOKED);
	assert_string_equal(v.text, "is revoked (keyCompromise)");
	assert_int_equal(crypto_ticket_check(ticket, w->trust, w->status, ours, 1, w->now, CRYPTO_REVOCATION_OFF, &v), CRYPTO_TRUSTED);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(still(w, ticket, ours, &v), CRYPTO_TRUST_REFUSED);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(still(w, (struct view){ bytes, cut }, ours, &v), CRYPTO_TRUST_REFUSED);
	crypto_chain_free(c);
}

/* The longest chain there may be has a ticket, too. */
static void test_long_ticket(void **state)
{
	struct world *w = *state;
	struct crypto_cert *between[12], *leaf = cert("shallow");
	struct crypto_chain *c;
	struct crypto_verdict v;
	uint8_t bytes[CRYPTO_TICKET_MAX];
	size_t n = sizeof(bytes);
	char name[16];

	for (unsigned i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "deep%u", i + 1);
		between[i] = cert(name);
	}
	assert_int_equal(crypto_trust_verify(w->trust, leaf, (const struct crypto_cert **)between, 10, w->now,
					     &usual, &v, &c), CRYPTO_TRUSTED);
	assert_int_equal(crypto_chain_length(c), 12);
	assert_int_equal(crypto_chain_ticket(c, bytes, &n), 0);
	assert_int_equal(still(w, (struct view){ bytes, n }, ours, &v), CRYPTO_TRUSTED);
	assert_string_equal(v.subject, "C=DE, O=Example Ltd, CN=shallow");
	crypto_chain_free(c);
	crypto_cert_free(leaf);
	leaf = cert("deep");
	assert_int_equal(crypto_trust_verify(w->trust, leaf, (const struct crypto_cert **)between, 12, w->now,
					     &usual, &v, &c), CRYPTO_TRUST_REFUSED);
	assert_int_equal(crypto_trust_verify(w->trust, leaf, (const struct crypto_cert **)between + 2, 10, w->now,
					     &usual, &v, &c), CRYPTO_TRUST_NO_CA);
	for (unsigned i = 0; i < 12; i++)
		crypto_cert_free(between[i]);
	crypto_cert_free(leaf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_lists), TEST(test_lies), TEST(test_impostor), TEST(test_delta), TEST(test_part),
		TEST(test_waiting), TEST(test_pem), TEST(test_pem_encrypted), TEST(test_entries), TEST(test_ocsp),
		TEST(test_ocsp_lies), TEST(test_responder_revoked), TEST(test_ocsp_request), TEST(test_link),
		TEST(test_ticket), TEST(test_long_ticket),
	};

	ca_folder(argc, argv);
	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
