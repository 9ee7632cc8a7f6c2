// SPDX-License-Identifier: MIT
// Keys made in a PKCS#11 token, and certificates stored beside them.
#include "keyd/card/p11.h"

#include "keyd/crypto/cert.h"

#include <stdlib.h>
#include <string.h>

#define OLD_MAX 16		/* objects of one id and class that are replaced */
#define ATTRS_MAX 12
#define SERIAL_MAX 64		/* bytes of a serial number, in DER */

struct template {
	CK_ATTRIBUTE a[ATTRS_MAX];
	CK_ULONG n;
};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void add(struct template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t n)
{
	t->a[t->n++] = (CK_ATTRIBUTE){ type, (void *)value, n };
}

static void add_bool(struct template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
	add(t, type, value ? &yes : &no, sizeof(yes));
}

/* A session that may write, of its own; whoever must be logged in is. */
static int begin(struct p11 *p, const struct card_token *t, CK_SESSION_HANDLE *h)
{
	struct p11_session *s;
	int r = p11_session_get(p, t, &s);

	if (r)
		return r;
	if (t->login && !p11_session_is_user(p, s->handle))
		return CARD_LOCKED;
	return p11_error(p, "C_OpenSession", p->f->C_OpenSession(t->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, h));
}

/* What lies under an id. */
struct old {
	CK_OBJECT_HANDLE o[3 * OLD_MAX];
	unsigned n;
};

static int find_class(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_CLASS class, struct view id, struct old *old)
{
	CK_ATTRIBUTE a[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, sizeof(yes) }, { CKA_ID, (void *)id.p, id.n } };
	unsigned n = OLD_MAX;
	int r = p11_find(p, h, a, 3, old->o + old->n, &n);

	old->n += r ? 0 : n;
	return r;
}

static int find_old(struct p11 *p, CK_SESSION_HANDLE h, struct view id, struct old *old)
{
	int r = find_class(p, h, CKO_PRIVATE_KEY, id, old);

	if (!r)
		r = find_class(p, h, CKO_PUBLIC_KEY, id, old);
	return r ? r : find_class(p, h, CKO_CERTIFICATE, id, old);
}

/* All but what has come in its place: a token may have overwritten it by itself, and kept the handle. */
static int destroy(struct p11 *p, CK_SESSION_HANDLE h, const struct old *old, CK_OBJECT_HANDLE new1, CK_OBJECT_HANDLE new2)
{
	int r = CARD_OK;

	for (unsigned i = 0; !r && i < old->n; i++) {
		if (old->o[i] == new1 || old->o[i] == new2)
			continue;
		r = p->f->C_DestroyObject ? p11_error(p, "C_DestroyObject", p->f->C_DestroyObject(h, old->o[i])) : CARD_UNSUPPORTED;
		if (r == CARD_NO_KEY)
			r = CARD_OK;
	}
	return r;
}

/* --- keys --- */

/* RFC 5480 2.1.1.1 */
static const struct curve {
	unsigned bits;
	struct view oid;
} curves[] = {
	{ 256, { (const uint8_t *)"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10 } },
	{ 384, { (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x22", 7 } },
	{ 521, { (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x23", 7 } },
};

static const struct curve *curve_of(const struct card_make *how)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++)
		if (curves[i].bits == how->bits)
			return &curves[i];
	return NULL;
}

/* The lowest id that nothing has. */
static int free_id(struct p11 *p, CK_SESSION_HANDLE h, uint8_t *id)
{
	for (*id = 1; *id; ++*id) {
		struct old old = { 0 };
		int r = find_old(p, h, (struct view){ id, 1 }, &old);

		if (r || !old.n)
			return r;
	}
	return CARD_KEY_THERE;
}

static void both_halves(struct template *public, struct template *private, struct view id, const char *label)
{
	struct template *const both[] = { public, private };

	for (unsigned i = 0; i < 2; i++) {
		add_bool(both[i], CKA_TOKEN, true);
		add_bool(both[i], CKA_PRIVATE, i == 1);
		add_bool(both[i], i ? CKA_SIGN : CKA_VERIFY, true);
		add(both[i], CKA_ID, id.p, id.n);
		add(both[i], CKA_LABEL, label, strlen(label));
	}
	add_bool(private, CKA_SENSITIVE, true);
	add_bool(private, CKA_EXTRACTABLE, false);
}

static int make_pair(struct p11 *p, CK_SESSION_HANDLE h, const struct card_make *how, struct view id, CK_OBJECT_HANDLE *public,
		     CK_OBJECT_HANDLE *private)
{
	static const uint8_t exponent[] = { 1, 0, 1 };
	const struct curve *curve = how->type == CRYPTO_KEY_EC ? curve_of(how) : NULL;
	CK_MECHANISM m = { how->type == CRYPTO_KEY_RSA ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	struct template pub = { 0 }, priv = { 0 };
	CK_ULONG bits = how->bits;

	if (how->type != CRYPTO_KEY_RSA && !curve)
		return CARD_NO_SCHEME;
	both_halves(&pub, &priv, id, how->label);
	if (curve) {
		add(&pub, CKA_EC_PARAMS, curve->oid.p, curve->oid.n);
	} else {
		add(&pub, CKA_MODULUS_BITS, &bits, sizeof(bits));
		add(&pub, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
	}
	return p11_error(p, "C_GenerateKeyPair", p->f->C_GenerateKeyPair(h, &m, pub.a, pub.n, priv.a, priv.n, public, private));
}

/* The one with this public half, as the token shows it. */
static int take_key(struct card *c, const struct card_token *t, struct crypto_key *public, struct card_key *out)
{
	struct card_keys *keys = calloc(1, sizeof(*keys));
	int r = keys ? p11_keys(c, t, keys) : CARD_FAILED;

	if (!r)
		r = CARD_NO_KEY;
	for (unsigned i = 0; r == CARD_NO_KEY && i < keys->n; i++) {
		if (!crypto_key_equal(keys->key[i].public, public))
			continue;
		*out = keys->key[i];
		keys->key[i].public = NULL;
		keys->key[i].cert = (struct secret){ 0 };
		r = CARD_OK;
	}
	if (keys)
		card_keys_free(keys);
	free(keys);
	return r;
}

/* The new one comes first: a token that cannot make it keeps the old one. */
static int generate_in(struct p11 *p, CK_SESSION_HANDLE h, const struct card_make *how, struct crypto_key **public)
{
	CK_OBJECT_HANDLE new_public = CK_INVALID_HANDLE, new_private = CK_INVALID_HANDLE;
	uint8_t lowest;
	struct view id = { how->nid ? how->id : &lowest, how->nid ? how->nid : 1 };
	struct old old = { 0 };
	int r = how->nid ? find_old(p, h, id, &old) : free_id(p, h, &lowest);

	if (!r && old.n && !how->replace)
		r = CARD_KEY_THERE;
	if (!r)
		r = make_pair(p, h, how, id, &new_public, &new_private);
	if (r)
		return r;
	*public = p11_public(p, h, new_public);
	return *public ? destroy(p, h, &old, new_public, new_private) : CARD_BROKEN;
}

int p11_generate(struct card *c, const struct card_token *t, const struct card_make *how, struct card_key *out)
{
	struct p11 *p = (struct p11 *)c;
	struct crypto_key *public = NULL;
	CK_SESSION_HANDLE h;
	int r = p->f->C_GenerateKeyPair ? begin(p, t, &h) : CARD_UNSUPPORTED;

	if (r)
		return r;
	r = generate_in(p, h, how, &public);
	p->f->C_CloseSession(h);
	if (!r)
		r = take_key(c, t, public, out);
	crypto_key_free(public);
	return r;
}

/* --- certificates --- */

static int create_cert(struct p11 *p, CK_SESSION_HANDLE h, const struct card_key *k, const struct crypto_cert *cert, CK_OBJECT_HANDLE *out)
{
	struct view der = crypto_cert_der(cert), subject = crypto_cert_subject(cert), issuer = crypto_cert_issuer(cert);
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	uint8_t serial[SERIAL_MAX];
	struct template t = { 0 };

	add(&t, CKA_CLASS, &class, sizeof(class));
	add(&t, CKA_CERTIFICATE_TYPE, &type, sizeof(type));
	add_bool(&t, CKA_TOKEN, true);
	add_bool(&t, CKA_PRIVATE, false);
	add(&t, CKA_ID, k->id, k->nid);
	add(&t, CKA_LABEL, k->label, strlen(k->label));
	add(&t, CKA_SUBJECT, subject.p, subject.n);
	add(&t, CKA_ISSUER, issuer.p, issuer.n);
	add(&t, CKA_SERIAL_NUMBER, serial, crypto_cert_serial(cert, serial, sizeof(serial)));
	add(&t, CKA_VALUE, der.p, der.n);
	return p11_error(p, "C_CreateObject", p->f->C_CreateObject(h, t.a, t.n, out));
}

int p11_store_cert(struct card *c, const struct card_token *t, const struct card_key *k, struct view der, struct view admin)
{
	struct p11 *p = (struct p11 *)c;
	struct crypto_cert *cert = NULL;
	CK_OBJECT_HANDLE new = CK_INVALID_HANDLE;
	CK_SESSION_HANDLE h;
	struct old old = { 0 };
	int r = p->f->C_CreateObject ? begin(p, t, &h) : CARD_UNSUPPORTED;

	(void)admin;
	if (r)
		return r;
	if (crypto_cert_from_der(&cert, der))
		r = CARD_FAILED;
	/* Without an id, nothing tells which one is the key's. */
	if (!r && k->nid)
		r = find_class(p, h, CKO_CERTIFICATE, (struct view){ k->id, k->nid }, &old);
	if (!r)
		r = create_cert(p, h, k, cert, &new);
	if (!r)
		r = new == CK_INVALID_HANDLE ? CARD_BROKEN : destroy(p, h, &old, new, new);
	crypto_cert_free(cert);
	p->f->C_CloseSession(h);
	return r;
}
