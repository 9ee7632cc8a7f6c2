// SPDX-License-Identifier: MIT
// The key on the token: the one that is there, or a new one; its certificate.
#include "keyd/crypto/self_cert.h"
#include "keyd/ctl/enroll_inside.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The keys as the token shows them now. */
static int look(struct enroll *e)
{
	int error;

	card_keys_free(&e->keys);
	memset(&e->keys, 0, sizeof(e->keys));
	error = e->d->keys(e->card, &e->t, &e->keys);
	return error ? enroll_fail_card(e, error) : 0;
}

static struct card_key *find(struct enroll *e, const uint8_t *digest)
{
	for (unsigned i = 0; i < e->keys.n; i++)
		if (!memcmp(e->keys.key[i].digest, digest, CRYPTO_DIGEST_LEN))
			return &e->keys.key[i];
	return NULL;
}

static bool has_id(const struct enroll *e, const struct card_key *k)
{
	return !e->nid || (k->nid == e->nid && !memcmp(k->id, e->id, e->nid));
}

static const char *describe(const struct card_key *k, char *buf, size_t n)
{
	char name[32];
	size_t at = (size_t)snprintf(buf, n, "%s, id ", crypto_key_name(k->public, name, sizeof(name)));

	for (size_t i = 0; i < k->nid && at < n; i++)
		at += (size_t)snprintf(buf + at, n - at, "%02x", k->id[i]);
	return buf;
}

/* Those that could be meant: how many, and the last of them; their names for a message. */
static unsigned candidates(struct enroll *e, struct card_key **out, char *names, size_t n)
{
	unsigned found = 0;
	char one[64 + 2 * CARD_ID_MAX];
	size_t at = 0;

	names[0] = 0;
	for (unsigned i = 0; i < e->keys.n; i++) {
		struct card_key *k = &e->keys.key[i];

		if (!k->seen || !k->schemes || !has_id(e, k))
			continue;
		*out = k;
		if (at < n)
			at += (size_t)snprintf(names + at, n - at, "%s(%s)", found ? " " : "", describe(k, one, sizeof(one)));
		found++;
	}
	return found;
}

static bool is_kind(const struct card_key *k, const struct crypto_key_kind *kind)
{
	return crypto_key_type(k->public) == kind->type && (!kind->bits || crypto_key_bits(k->public) == kind->bits);
}

/* Of a key that is replaced, the new one has the kind and the place, unless others are stated. */
static void describe_new(const struct enroll *e, const struct card_key *old, struct card_make *m)
{
	const struct crypto_key_kind *kind = e->kind ? e->kind : crypto_key_kind_by_name("p256");

	m->type = old && !e->kind ? crypto_key_type(old->public) : kind->type;
	m->bits = old && !e->kind ? crypto_key_bits(old->public) : kind->bits;
	m->nid = old ? old->nid : e->nid;
	memcpy(m->id, old ? old->id : e->id, m->nid);
	snprintf(m->label, sizeof(m->label), "%s", e->label ? e->label : old && *old->label ? old->label : ENROLL_LABEL);
	m->replace = e->replace;
}

/* A card that makes a key may forget who is logged in; the PIN was right. */
static int sign(struct enroll *e, const struct card_key *k, const struct crypto_sig *s, struct view octets, uint8_t *out, size_t *n)
{
	struct view pin = k->each ? card_pin_view(e->pin) : (struct view){ 0 };
	size_t room = *n;
	int error = e->d->sign(e->card, &e->t, k, s, &octets, 1, pin, out, n);

	if (error == CARD_LOCKED && !k->each && !e->d->login(e->card, &e->t, card_pin_view(e->pin))) {
		*n = room;
		error = e->d->sign(e->card, &e->t, k, s, &octets, 1, pin, out, n);
	}
	return error;
}

/* Stores a certificate that the key has signed for itself. */
static int store_own(struct enroll *e, const struct card_key *k, const struct crypto_sig *s, struct crypto_self_cert *c)
{
	uint8_t signature[CRYPTO_SIG_MAX];
	size_t n = sizeof(signature);
	struct secret der = { 0 };
	int error = sign(e, k, s, crypto_self_cert_octets(c), signature, &n);

	if (!error && crypto_self_cert_finish(c, (struct view){ signature, n }, &der))
		error = CARD_BAD_SIGNATURE;
	if (!error)
		error = e->d->store_cert(e->card, &e->t, k, secret_view(&der), card_pin_view(e->admin));
	secret_clear(&der);
	return error ? enroll_fail_card(e, error) : 0;
}

/*
 * Many PIV cards cannot tell the public half of a key that has no certificate, so nobody would find it again: it gets one of its own
 * for the time being.
 */
static int show(struct enroll *e, const struct card_key *made)
{
	const struct crypto_sig *s = crypto_csr_scheme(made->public, made->schemes);
	struct crypto_self_cert *c;
	int r = look(e);

	if (r || find(e, made->digest) || !s)
		return r;
	if (crypto_self_cert_new(&c, made->public, s, (struct view){ e->dn, e->ndn }))
		return enroll_fail(e, "out of memory");
	r = store_own(e, made, s, c);
	crypto_self_cert_free(c);
	return r ? r : look(e);
}

static int make(struct enroll *e, const struct card_key *old, struct card_key **out)
{
	struct card_make m = { 0 };
	struct card_key made;
	const char *said;
	int r = enroll_admin(e, &m.admin), error;

	if (r)
		return r;
	describe_new(e, old, &m);
	if (!e->json)
		fprintf(stderr, "a key is being made on %s; that may take minutes\n", e->place);
	error = e->d->generate(e->card, &e->t, &m, &made);
	said = e->d->error(e->card);
	if (error == CARD_KEY_THERE)
		return enroll_fail(e, "%s has a key there already: --replace makes a new one in its place", e->place);
	if (error == CARD_NO_KEY)
		return enroll_fail(e, "%s has no place for a key with this id", e->place);
	if (error == CARD_NO_SCHEME || error == CARD_UNSUPPORTED)
		return enroll_fail(e, "%s cannot make such a key: try another --key%s%s%s", e->place,
				   *said ? " (" : "", said, *said ? ")" : "");
	if (error)
		return enroll_fail_card(e, error);
	r = show(e, &made);
	*out = r ? NULL : find(e, made.digest);
	card_key_free(&made);
	return r || *out ? r : enroll_fail(e, "%s has made a key, and does not show it", e->place);
}

/* Of several keys of a card, the one that is for authentication (OpenPGP: 03, PIV: 01) is meant, unless another is stated. */
static unsigned choose(struct enroll *e, struct card_key **out, char *names, size_t n)
{
	unsigned found = candidates(e, out, names, n);
	char those[400];

	if (found < 2 || e->nid || !enroll_is_native(e))
		return found;
	e->id[0] = enroll_is_piv(e) ? 1 : 3;
	e->nid = 1;
	if (candidates(e, out, those, sizeof(those)) == 1)
		return 1;
	e->nid = 0;
	return found;
}

int enroll_key(struct enroll *e, struct card_key **out, bool *made)
{
	struct card_key *k = NULL;
	char names[400];
	int r = enroll_login(e);
	unsigned n;

	if (!r)
		r = look(e);
	if (r)
		return r;
	n = choose(e, &k, names, sizeof(names));
	*made = !n || e->replace;
	if (n > 1)
		return enroll_fail(e, "%s has several keys: say which with --id: %s", e->place, names);
	if (*made)
		return make(e, k, out);
	if (e->kind && !is_kind(k, e->kind))
		return enroll_fail(e, "%s has another key already: %s: --replace makes a new one in its place, another --id one beside it",
				   e->place, names);
	*out = k;
	return 0;
}

/* --- the request --- */

int enroll_request(struct enroll *e, const struct card_key *k, struct secret *pem)
{
	const struct crypto_sig *s = crypto_csr_scheme(k->public, k->schemes);
	uint8_t signature[CRYPTO_SIG_MAX];
	size_t n = sizeof(signature);
	struct crypto_csr *c;
	int r = 0, error;

	if (!s)
		return enroll_fail(e, "%s cannot sign in any way that certificates know with this key", e->place);
	if (crypto_csr_new(&c, k->public, s, (struct view){ e->dn, e->ndn }, e->names, e->nsan))
		return enroll_fail(e, "the request cannot be written: a name in it makes no sense");
	error = sign(e, k, s, crypto_csr_octets(c), signature, &n);
	if (error)
		r = enroll_fail_card(e, error);
	else if (crypto_csr_finish(c, (struct view){ signature, n }, pem))
		r = enroll_fail_card(e, CARD_BAD_SIGNATURE);
	crypto_csr_free(c);
	return r;
}

/* --- the certificate --- */

struct match {
	struct enroll *e;
	struct card_key *key;
	struct crypto_cert *cert;	/* owned */
	unsigned n;
};

/* The first of the file that is of a key on the token. */
static int match_one(void *arg, struct crypto_cert *c)
{
	struct match *m = arg;
	struct crypto_key *k = NULL;

	m->n++;
	if (!crypto_cert_key(c, &k))
		for (unsigned i = 0; i < m->e->keys.n && !m->key; i++)
			if (has_id(m->e, &m->e->keys.key[i]) && crypto_key_equal(m->e->keys.key[i].public, k))
				m->key = &m->e->keys.key[i];
	crypto_key_free(k);
	if (!m->key) {
		crypto_cert_free(c);
		return 0;
	}
	m->cert = c;
	return 1;
}

/* As the token shows it now. */
static int is_stored(struct enroll *e, const uint8_t *digest, struct view der, struct card_key **out)
{
	int r = look(e);

	*out = r ? NULL : find(e, digest);
	if (r || (*out && secret_equal(secret_view(&(*out)->cert), der)))
		return r;
	return enroll_fail(e, "%s has taken the certificate, and does not show it", e->place);
}

static int store(struct enroll *e, struct match *m, struct card_key **out)
{
	struct view der = crypto_cert_der(m->cert), admin;
	uint8_t digest[CRYPTO_DIGEST_LEN];
	int r, error;

	memcpy(digest, m->key->digest, sizeof(digest));
	if (der.n > CARD_WIRE_CERT_MAX)
		return enroll_fail(e, "%s: the certificate is longer than %u bytes", e->cert_file, CARD_WIRE_CERT_MAX);
	if (crypto_cert_ends(m->cert) < time(NULL))
		return enroll_fail(e, "%s: the certificate has run out", e->cert_file);
	r = enroll_admin(e, &admin);
	if (r)
		return r;
	error = e->d->store_cert(e->card, &e->t, m->key, der, admin);
	return error ? enroll_fail_card(e, error) : is_stored(e, digest, der, out);
}

int enroll_store(struct enroll *e, struct card_key **out)
{
	struct match m = { .e = e };
	int r = enroll_is_native(e) ? 0 : enroll_login(e), found;

	if (!r)
		r = look(e);
	if (r)
		return r;
	found = crypto_certs_from_file(secret_view(&e->certs), match_one, &m);
	if (found == 1)
		r = store(e, &m, out);
	else if (found < 0)
		r = enroll_fail(e, "%s: %s", e->cert_file, crypto_cert_strerror(found));
	else
		r = enroll_fail(e, "%s: %s of a key that is on %s: nothing was stored", e->cert_file,
				m.n == 1 ? "the certificate is not" : "no certificate in it is", e->place);
	crypto_cert_free(m.cert);
	return r;
}
