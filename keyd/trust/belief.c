// SPDX-License-Identifier: MIT
// A configuration: CAs, pinned keys, certificates of our own, and where revocation lists are.
#include "keyd/trust/state.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t everybody[CRYPTO_DIGEST_LEN];	/* the one set of belief.issuers */

void belief_init(struct belief *b)
{
	*b = (struct belief){ .cas = crypto_trust_new(), .issuers = crypto_trust_new() };
}

void belief_free(struct belief *b)
{
	crypto_trust_free(b->cas);
	crypto_trust_free(b->issuers);
	for (unsigned i = 0; i < b->nissuers; i++)
		crypto_cert_free(b->issuer[i]);
	for (unsigned i = 0; i < b->npins; i++)
		crypto_key_free(b->pins[i].key);
	for (unsigned i = 0; i < b->nowns; i++)
		own_free(b->owns[i]);
	for (unsigned i = 0; i < b->nurls; i++)
		free(b->urls[i]);
	free(b->pins);
	free(b->owns);
	free(b->urls);
	*b = (struct belief){ 0 };
}

/* Room for one more of size bytes behind n of them, in steps of powers of two. 0 or -1. */
static int grow(void *array, unsigned n, unsigned most, size_t size, const char **why)
{
	void **p = array, *more;

	if (n >= most) {
		*why = "there are too many of them";
		return -1;
	}
	if (n & (n - 1))
		return 0;
	more = realloc(*p, (n ? 2 * (size_t)n : 1) * size);
	if (!more) {
		*why = "there is no memory";
		return -1;
	}
	*p = more;
	return 0;
}

/* Somebody whose revocation lists we may be given, and who may have signed our own certificate. */
static void issuer_add(struct belief *b, const struct crypto_cert *c)
{
	const struct view der = crypto_cert_der(c);

	if (b->issuers && crypto_trust_add_ca(b->issuers, everybody, c))
		return;
	for (unsigned i = 0; i < b->nissuers; i++)
		if (crypto_cert_der(b->issuer[i]).n == der.n && !memcmp(crypto_cert_der(b->issuer[i]).p, der.p, der.n))
			return;
	if (b->nissuers < BELIEF_ISSUERS_MAX && !crypto_cert_from_der(&b->issuer[b->nissuers], der))
		b->nissuers++;
}

int trust_ca(struct trust *t, const struct conf_digest *set, struct view der, const char **why)
{
	struct belief *b = &t->next;
	struct crypto_cert *c;
	int error;

	if (b->ncas >= BELIEF_CAS_MAX) {
		*why = "there are too many of them";
		return -1;
	}
	error = crypto_cert_from_der(&c, der);
	if (error) {
		*why = crypto_cert_strerror(error);
		return -1;
	}
	error = b->cas ? crypto_trust_add_ca(b->cas, set->b, c) : -1;
	if (error)
		*why = "there is no memory";
	else
		issuer_add(b, c);
	b->ncas += !error;
	crypto_cert_free(c);
	return error;
}

int trust_pin(struct trust *t, struct view spki, const char **why)
{
	struct belief *b = &t->next;
	struct pin p;
	int error;

	if (grow(&b->pins, b->npins, BELIEF_PINS_MAX, sizeof(*b->pins), why))
		return -1;
	error = crypto_key_from_spki(&p.key, spki);
	if (error) {
		*why = crypto_key_strerror(error);
		return -1;
	}
	if (crypto_key_digest(p.key, p.digest.b)) {
		crypto_key_free(p.key);
		*why = "there is no memory";
		return -1;
	}
	b->pins[b->npins++] = p;
	return 0;
}

const struct pin *belief_pin(const struct belief *b, const struct conf_digest *digest)
{
	for (unsigned i = 0; i < b->npins; i++)
		if (!memcmp(b->pins[i].digest.b, digest->b, sizeof(digest->b)))
			return &b->pins[i];
	return NULL;
}

int trust_own(struct trust *t, const struct conf_digest *key, const char *at, struct view chain, const char **why)
{
	struct belief *b = &t->next;
	struct own *o;

	if (grow(&b->owns, b->nowns, BELIEF_OWNS_MAX, sizeof(struct own *), why) || own_new(&o, key, at, chain, why))
		return -1;
	for (unsigned i = 1; i < o->n; i++)
		issuer_add(b, o->chain[i]);
	b->owns[b->nowns++] = o;
	return 0;
}

static char *text_of(struct view v)
{
	char *s = v.n && v.n <= TRUST_URL_MAX && !memchr(v.p, 0, v.n) ? calloc(1, v.n + 1) : NULL;

	if (s)
		memcpy(s, v.p, v.n);
	return s;
}

int trust_crl_url(struct trust *t, struct view url, const char **why)
{
	struct belief *b = &t->next;
	char *s;

	if (grow(&b->urls, b->nurls, CRYPTO_CRLS_MAX, sizeof(char *), why))
		return -1;
	s = text_of(url);
	if (!s) {
		*why = "it is empty, or too long";
		return -1;
	}
	b->urls[b->nurls++] = s;
	return 0;
}
