// SPDX-License-Identifier: MIT
/*
 * What a peer, a server or a file may give to keyd/crypto. The input is records: a letter, three bytes of length, the bytes. CAs and
 * certificates make a chain, of which lists, answers and tickets then speak; all of it at the time that a record says.
 */
#include "keyd/crypto/alg.h"
#include "keyd/crypto/dn.h"
#include "keyd/crypto/p12.h"
#include "keyd/crypto/sig.h"
#include "keyd/crypto/status.h"

#include <stdlib.h>
#include <string.h>

#define CERTS_MAX (CRYPTO_CHAIN_MAX + 2)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t set[1][CRYPTO_DIGEST_LEN] = { { 1 } };

struct world {
	struct crypto_trust *trust;
	struct crypto_status *status;
	struct crypto_cert *cert[CERTS_MAX];
	unsigned n;
	int64_t now;
	struct crypto_chain *chain;
};

/* What may stand in a log. */
static void must_be_text(const char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			abort();
}

static void look_at_dn(struct view der)
{
	char text[4 * CRYPTO_DN_MAX + 1];
	uint8_t again[CRYPTO_DN_MAX];
	size_t n = sizeof(again);
	const char *why;

	must_be_text(crypto_dn_format(der, text, sizeof(text)));
	if (!crypto_dn_parse(text, strlen(text), again, &n, &why))
		crypto_dn_match((struct view){ again, n }, der);
	crypto_dn_match(der, der);
}

/* Of a certificate, whose first names are looked for in it. */
struct names {
	const struct crypto_cert *c;
	unsigned n;
};

static void look_at_name(void *arg, enum crypto_name type, struct view name)
{
	struct names *names = arg;

	if (type == CRYPTO_NAME_DN)
		look_at_dn(name);
	else if (names->n++ < 16 && name.n && !crypto_cert_has_name(names->c, type, name))
		abort();
}

static void look_at_key(struct crypto_key *k)
{
	uint8_t digest[CRYPTO_DIGEST_LEN], bytes[64] = { 0 };
	struct view parts = { bytes, sizeof(bytes) };
	const struct crypto_sig *s = NULL;
	char name[32];

	must_be_text(crypto_key_name(k, name, sizeof(name)));
	if (crypto_key_digest(k, digest))
		abort();
	while ((s = crypto_sig_next(s)))
		if (!crypto_sig_check(s, k, &parts, 1, parts) && crypto_key_type(k) != CRYPTO_KEY_ED25519)
			abort();	/* nobody has signed that; but there are bad keys of this type with which everybody has */
}

static void look_at_cert(struct crypto_cert *c)
{
	struct names names = { .c = c };
	uint8_t hash[CRYPTO_CERT_HASH_LEN];
	struct crypto_cert *again = NULL;
	struct crypto_key *k = NULL;

	if (crypto_cert_der(c).n > CRYPTO_CERT_MAX)
		abort();
	look_at_dn(crypto_cert_subject(c));
	look_at_dn(crypto_cert_issuer(c));
	crypto_cert_names(c, look_at_name, &names);
	if (!crypto_cert_key(c, &k))
		look_at_key(k);
	crypto_key_free(k);
	if (crypto_cert_key_hash(c, hash))
		abort();
	crypto_cert_begins(c);
	crypto_cert_ends(c);
	crypto_cert_is_ca(c);
	if (crypto_cert_from_der(&again, crypto_cert_der(c)))
		abort();
	crypto_cert_free(again);
}

static int drop(void *arg, struct crypto_cert *c)
{
	unsigned *n = arg;

	look_at_cert(c);
	crypto_cert_free(c);
	return ++*n == 16;
}

static void take_ca(struct world *w, struct view v)
{
	struct crypto_cert *c = NULL;

	if (crypto_cert_from_der(&c, v))
		return;
	if (crypto_trust_add_ca(w->trust, set[0], c))
		abort();
	crypto_cert_free(c);
}

static void take_cert(struct world *w, struct view v)
{
	if (w->n < CERTS_MAX && !crypto_cert_from_der(&w->cert[w->n], v))
		look_at_cert(w->cert[w->n++]);
}

static void take_file(struct world *w, struct view v)
{
	unsigned n = 0;

	(void)w;
	if (crypto_certs_from_file(v, drop, &n) > 1)
		abort();
}

static void take_crl(struct world *w, struct view v)
{
	struct crypto_news news;

	for (unsigned i = 1; i < w->n; i++)
		if (!crypto_status_add_crl(w->status, w->cert[i], v, w->now, &news) && news.waits)
			abort();
	if (crypto_status_add_crl(w->status, NULL, v, w->now, &news))
		return;
	if (news.refresh < w->now)
		abort();
}

static void take_answer(struct world *w, struct view v)
{
	struct crypto_news news;
	struct view none = { 0 };

	for (unsigned i = 1; i < w->n; i++)
		if (!crypto_status_add_ocsp(w->status, w->cert[i], v, none, w->now, &news) && news.refresh < w->now && news.until)
			abort();
}

static void take_dn(struct world *w, struct view v)
{
	uint8_t der[CRYPTO_DN_MAX];
	size_t n = sizeof(der);
	const char *why;

	(void)w;
	look_at_dn(v);
	if (!crypto_dn_parse((const char *)v.p, v.n, der, &n, &why))
		look_at_dn((struct view){ der, n });
	else
		must_be_text(why);
}

static void take_algid(struct world *w, struct view v)
{
	const struct crypto_sig *s = crypto_sig_by_algid(v);

	(void)w;
	if (s && s->method != 14)
		abort();
}

static void take_p12(struct world *w, struct view v)
{
	static const uint8_t secret[] = "secret";
	struct crypto_key *k;
	unsigned n = 0;

	(void)w;
	if (!crypto_p12_load(&k, v, (struct view){ secret, 6 }, drop, &n) && k)
		look_at_key(k);
	crypto_key_free(k);
}

static void take_public(struct world *w, struct view v)
{
	struct crypto_key *k = NULL;

	(void)w;
	if (!crypto_key_from_public(&k, v))
		look_at_key(k);
	crypto_key_free(k);
}

static void take_time(struct world *w, struct view v)
{
	w->now = 0;
	for (size_t i = 0; i < v.n && i < 5; i++)
		w->now = w->now << 8 | v.p[i];
}

static void ask(struct world *w, struct view ticket)
{
	struct crypto_verdict v;

	crypto_ticket_check(ticket, w->trust, w->status, set, 1, w->now, CRYPTO_REVOCATION_STRICT, &v);
	must_be_text(v.text);
}

static void look_at_chain(struct world *w)
{
	uint8_t ticket[CRYPTO_TICKET_MAX], request[CRYPTO_OCSP_REQUEST_MAX];
	size_t n = sizeof(ticket), nrequest = sizeof(request);
	enum crypto_trust_result r;
	struct crypto_verdict v;
	struct crypto_link l;
	bool pending;

	for (unsigned i = 0; i + 1 < crypto_chain_length(w->chain); i++) {
		if (crypto_chain_link(w->chain, w->status, i, w->now, &l) || l.refresh < w->now)
			abort();
		for (unsigned j = 0; j < l.ncrls; j++)
			must_be_text(l.crls[j]);
		for (unsigned j = 0; j < l.nocsps; j++)
			must_be_text(l.ocsps[j]);
		if (crypto_chain_ocsp_request(w->chain, i, true, request, &nrequest))
			nrequest = sizeof(request);
	}
	r = crypto_chain_check(w->chain, w->status, w->now, CRYPTO_REVOCATION_LENIENT, &v, &pending);
	must_be_text(v.subject);
	if (crypto_chain_ticket(w->chain, ticket, &n))
		abort();
	/* What the chain says its ticket says, too. */
	if (crypto_ticket_check((struct view){ ticket, n }, w->trust, w->status, set, 1, w->now, CRYPTO_REVOCATION_LENIENT, &v) != r)
		abort();
}

/* The first certificate is the peer's. */
static void judge(struct world *w)
{
	struct crypto_trust_rules rules = { .nsets = 1, .sets = set, .rsa_bits_min = 1024, .ec_bits_min = 256, .allow_sha1 = true };
	struct crypto_verdict v;

	if (!w->n || w->chain)
		return;
	if (crypto_trust_verify(w->trust, w->cert[0], (const struct crypto_cert *const *)w->cert + 1, w->n - 1, w->now, &rules, &v,
				&w->chain) == CRYPTO_TRUSTED && !w->chain)
		abort();
	must_be_text(v.subject);
	must_be_text(v.text);
}

static const struct {
	char letter;
	void (*take)(struct world *w, struct view v);
} kinds[] = {
	{ 'N', take_time }, { 'R', take_ca }, { 'C', take_cert }, { 'F', take_file }, { 'L', take_crl }, { 'O', take_answer },
	{ 'D', take_dn }, { 'A', take_algid }, { 'P', take_p12 }, { 'K', take_public }, { 'T', ask },
};

static void take_all(struct world *w, const uint8_t *data, size_t size)
{
	while (size >= 4) {
		size_t n = (size_t)data[1] << 16 | (size_t)data[2] << 8 | data[3];
		char letter = (char)data[0];

		data += 4;
		size -= 4;
		n = n < size ? n : size;
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (kinds[i].letter == letter)
				kinds[i].take(w, (struct view){ data, n });
		data += n;
		size -= n;
	}
	judge(w);
	if (w->chain)
		look_at_chain(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .now = 1800000000 };

	if (crypto_init())
		abort();
	w.trust = crypto_trust_new();
	w.status = crypto_status_new();
	if (!w.trust || !w.status)
		abort();
	take_all(&w, data, size);
	crypto_chain_free(w.chain);
	for (unsigned i = 0; i < w.n; i++)
		crypto_cert_free(w.cert[i]);
	crypto_trust_free(w.trust);
	crypto_status_free(w.status);
	return 0;
}
