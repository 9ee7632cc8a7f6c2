// SPDX-License-Identifier: MIT
// Certification requests: every scheme that X.509 has, as OpenSSL reads them; names; signatures that are none.
#include "keyd/crypto/alg.h"
#include "keyd/crypto/csr.h"
#include "keyd/crypto/dn.h"
#include "keyd/crypto/self_cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static struct crypto_key *rsa, *p256, *p384, *ed;

static int begin(void **state)
{
	(void)state;
	return crypto_init() || crypto_key_generate(&rsa, CRYPTO_KEY_RSA, 2048) || crypto_key_generate(&p256, CRYPTO_KEY_EC, 256) ||
	       crypto_key_generate(&p384, CRYPTO_KEY_EC, 384) || crypto_key_generate(&ed, CRYPTO_KEY_ED25519, 0);
}

static int end(void **state)
{
	(void)state;
	crypto_key_free(rsa);
	crypto_key_free(p256);
	crypto_key_free(p384);
	crypto_key_free(ed);
	crypto_exit();
	return 0;
}

static struct view text(const char *s)
{
	return (struct view){ (const uint8_t *)s, strlen(s) };
}

static struct view dn_of(const char *s)
{
	static uint8_t der[CRYPTO_DN_MAX];
	size_t n = sizeof(der);
	const char *why;

	assert_int_equal(crypto_dn_parse(s, strlen(s), der, &n, &why), 0);
	return (struct view){ der, n };
}

static const struct crypto_csr_name names[] = {
	{ CRYPTO_NAME_FQDN, { (const uint8_t *)"gate.example.org", 16 } },
	{ CRYPTO_NAME_IPV4, { (const uint8_t *)"\xc0\x00\x02\x01", 4 } },
	{ CRYPTO_NAME_IPV6, { (const uint8_t *)"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16 } },
	{ CRYPTO_NAME_RFC822, { (const uint8_t *)"alice@example.org", 17 } },
};

/* Out of PEM by OpenSSL's own hands. */
static X509_REQ *read_back(const struct secret *pem)
{
	BIO *b = BIO_new_mem_buf(pem->p, (int)pem->n);
	X509_REQ *req = PEM_read_bio_X509_REQ(b, NULL, NULL, NULL);

	BIO_free(b);
	assert_non_null(req);
	return req;
}

static void make(const struct crypto_key *k, const struct crypto_sig *s, struct secret *pem)
{
	uint8_t signature[CRYPTO_SIG_MAX];
	size_t n = sizeof(signature);
	struct crypto_csr *c;
	struct view octets;

	assert_int_equal(crypto_csr_new(&c, k, s, dn_of("C=DE, O=Example, CN=gate"), names, 4), 0);
	octets = crypto_csr_octets(c);
	assert_int_equal(crypto_sig_make(s, k, &octets, 1, signature, &n), 0);
	assert_int_equal(crypto_csr_finish(c, (struct view){ signature, n }, pem), 0);
	crypto_csr_free(c);
}

static void every_scheme(void **state)
{
	const struct crypto_key *const keys[] = { rsa, p256, p384, ed };
	const struct crypto_sig *s = NULL;
	unsigned made = 0;

	(void)state;
	while ((s = crypto_sig_next(s)))
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
			struct secret pem = { 0 };
			X509_REQ *req;

			if (!s->algid.n || s->legacy || !crypto_sig_fits(s, keys[i]))
				continue;
			make(keys[i], s, &pem);
			req = read_back(&pem);
			assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
			X509_REQ_free(req);
			secret_clear(&pem);
			made++;
		}
	assert_int_equal(made, 6 + 3 + 3 + 1);
}

/* As our own reader of certificates sees it. */
static void a_key_signs_for_itself(void **state)
{
	const struct crypto_key *const keys[] = { rsa, p256, p384 };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct crypto_sig *s = crypto_csr_scheme(keys[i], ~0u);
		uint8_t signature[CRYPTO_SIG_MAX];
		size_t n = sizeof(signature);
		struct crypto_self_cert *self;
		struct crypto_cert *cert;
		struct crypto_key *public;
		struct secret der = { 0 };
		struct view octets;

		assert_int_equal(crypto_self_cert_new(&self, keys[i], s, dn_of("CN=gate")), 0);
		octets = crypto_self_cert_octets(self);
		assert_int_equal(crypto_self_cert_finish(self, text("nonsense"), &der), -1);
		assert_int_equal(crypto_sig_make(s, keys[i], &octets, 1, signature, &n), 0);
		assert_int_equal(crypto_self_cert_finish(self, (struct view){ signature, n }, &der), 0);
		crypto_self_cert_free(self);
		assert_int_equal(crypto_cert_from_der(&cert, secret_view(&der)), 0);
		assert_int_equal(crypto_cert_key(cert, &public), 0);
		assert_true(crypto_key_equal(public, keys[i]));
		assert_false(crypto_cert_is_ca(cert));
		assert_true(crypto_cert_ends(cert) > 250000000000);
		crypto_key_free(public);
		crypto_cert_free(cert);
		secret_clear(&der);
	}
}

static void names_are_in_it(void **state)
{
	struct secret pem = { 0 };
	STACK_OF(X509_EXTENSION) *exts;
	GENERAL_NAMES *all;
	X509_REQ *req;
	char line[200];

	(void)state;
	make(p256, crypto_sig_by_name("ecdsa-sha256"), &pem);
	req = read_back(&pem);
	X509_NAME_oneline(X509_REQ_get_subject_name(req), line, sizeof(line));
	assert_string_equal(line, "/C=DE/O=Example/CN=gate");
	exts = X509_REQ_get_extensions(req);
	assert_int_equal(sk_X509_EXTENSION_num(exts), 1);
	all = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(all), 4);
	assert_int_equal(sk_GENERAL_NAME_value(all, 0)->type, GEN_DNS);
	assert_int_equal(sk_GENERAL_NAME_value(all, 1)->type, GEN_IPADD);
	assert_int_equal(ASN1_STRING_length(sk_GENERAL_NAME_value(all, 2)->d.iPAddress), 16);
	assert_int_equal(sk_GENERAL_NAME_value(all, 3)->type, GEN_EMAIL);
	GENERAL_NAMES_free(all);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
	secret_clear(&pem);
}

static void what_is_no_signature_is_refused(void **state)
{
	const struct crypto_sig *s = crypto_sig_by_name("ecdsa-sha256");
	uint8_t signature[CRYPTO_SIG_MAX];
	size_t n = sizeof(signature);
	struct secret pem = { 0 };
	struct crypto_csr *c;
	struct view octets, other = text("other octets");

	(void)state;
	assert_int_equal(crypto_csr_new(&c, p256, s, dn_of("CN=gate"), NULL, 0), 0);
	octets = crypto_csr_octets(c);
	assert_int_equal(crypto_sig_make(s, p256, &other, 1, signature, &n), 0);
	assert_int_equal(crypto_csr_finish(c, (struct view){ signature, n }, &pem), -1);
	assert_int_equal(crypto_csr_finish(c, (struct view){ 0 }, &pem), -1);
	assert_int_equal(pem.n, 0);
	n = sizeof(signature);
	assert_int_equal(crypto_sig_make(s, p256, &octets, 1, signature, &n), 0);
	assert_int_equal(crypto_csr_finish(c, (struct view){ signature, n }, &pem), 0);
	secret_clear(&pem);
	crypto_csr_free(c);
}

static void bad_names_are_refused(void **state)
{
	static const struct crypto_csr_name bad[] = {
		{ CRYPTO_NAME_IPV4, { (const uint8_t *)"abc", 3 } },   { CRYPTO_NAME_IPV6, { (const uint8_t *)"abcd", 4 } },
		{ CRYPTO_NAME_FQDN, { (const uint8_t *)"", 0 } },      { CRYPTO_NAME_FQDN, { (const uint8_t *)"a b", 3 } },
		{ CRYPTO_NAME_FQDN, { (const uint8_t *)"a\0b", 3 } },  { CRYPTO_NAME_DN, { (const uint8_t *)"\x30\0", 2 } },
		{ (enum crypto_name)4, { (const uint8_t *)"abcd", 4 } },
	};
	const struct crypto_sig *s = crypto_sig_by_name("ecdsa-sha256");
	struct crypto_csr *c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(crypto_csr_new(&c, p256, s, dn_of("CN=gate"), &bad[i], 1), -1);
	assert_int_equal(crypto_csr_new(&c, p256, s, text("no DER"), NULL, 0), -1);
	assert_int_equal(crypto_csr_new(&c, p256, s, (struct view){ (const uint8_t *)"\x30\0", 2 }, NULL, 0), 0);
	crypto_csr_free(c);
}

static void the_scheme_is_one_that_every_ca_knows(void **state)
{
	uint32_t only_pss = 0, bit = 1;
	const struct crypto_sig *s = NULL;

	(void)state;
	for (; (s = crypto_sig_next(s)); bit <<= 1)
		only_pss |= s->pss ? bit : 0;
	assert_string_equal(crypto_csr_scheme(rsa, ~0u)->name, "rsa-sha256");
	assert_string_equal(crypto_csr_scheme(rsa, only_pss)->name, "rsapss-sha256");
	assert_string_equal(crypto_csr_scheme(p256, ~0u)->name, "ecdsa-sha256");
	assert_string_equal(crypto_csr_scheme(p384, ~0u)->name, "ecdsa-sha384");
	assert_string_equal(crypto_csr_scheme(ed, ~0u)->name, "ed25519");
	assert_null(crypto_csr_scheme(p256, only_pss));
	assert_null(crypto_csr_scheme(rsa, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_scheme),
		cmocka_unit_test(a_key_signs_for_itself),
		cmocka_unit_test(names_are_in_it),
		cmocka_unit_test(what_is_no_signature_is_refused),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(the_scheme_is_one_that_every_ca_knows),
	};

	return cmocka_run_group_tests_name("crypto_csr", tests, begin, end);
}
