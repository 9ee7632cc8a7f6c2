// SPDX-License-Identifier: MIT
// The keys of a PKCS#11 token: certificates, public and private halves, put together.
#include "keyd/card/p11.h"

#include "keyd/crypto/cert.h"
#include "keyd/crypto/key_parts.h"

#include <string.h>

#define OBJECTS_MAX 256		/* of one class; the rest is left out */
#define MECHANISMS_MAX 512

int p11_find(struct p11 *p, CK_SESSION_HANDLE h, CK_ATTRIBUTE *template, unsigned nattrs, CK_OBJECT_HANDLE *out, unsigned *n)
{
	CK_ULONG got = 0, room = *n;
	int r = p11_error(p, "C_FindObjectsInit", p->f->C_FindObjectsInit(h, template, nattrs));

	*n = 0;
	if (r)
		return r;
	do {
		r = p11_error(p, "C_FindObjects", p->f->C_FindObjects(h, out + *n, room - *n, &got));
		*n += !r && got <= room - *n ? (unsigned)got : 0;
	} while (!r && got && *n < room);
	p->f->C_FindObjectsFinal(h);
	return r;
}

struct view p11_attr(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type)
{
	CK_ATTRIBUTE a = { type, p->value, sizeof(p->value) };

	if (p->f->C_GetAttributeValue(h, o, &a, 1) != CKR_OK || a.ulValueLen > sizeof(p->value))
		return (struct view){ 0 };
	return (struct view){ p->value, a.ulValueLen };
}

bool p11_attr_bool(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, bool otherwise)
{
	struct view v = p11_attr(p, h, o, type);

	return v.n == sizeof(CK_BBOOL) ? v.p[0] != CK_FALSE : otherwise;
}

CK_ULONG p11_attr_ulong(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise)
{
	struct view v = p11_attr(p, h, o, type);

	if (v.n == sizeof(otherwise))
		memcpy(&otherwise, v.p, sizeof(otherwise));
	return otherwise;
}

/* One walk over a token's objects. */
struct walk {
	struct p11 *p;
	CK_SESSION_HANDLE h;
	struct card_keys *keys;
	uint32_t schemes;		/* that the token has mechanisms for */
};

/* Two attributes as one key; 0 or an enum crypto_key_error. */
static int key_of(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE_TYPE first, CK_ATTRIBUTE_TYPE second,
		  int (*make)(struct crypto_key **, struct view, struct view), struct crypto_key **out)
{
	struct secret kept = { 0 };
	struct view v = p11_attr(p, h, o, first);
	int r = v.n && !secret_set(&kept, v.p, v.n) ? CRYPTO_KEY_MALFORMED : CRYPTO_KEY_FAILED;

	if (r == CRYPTO_KEY_MALFORMED && (v = p11_attr(p, h, o, second)).n)
		r = make(out, secret_view(&kept), v);
	secret_clear(&kept);
	return r;
}

struct crypto_key *p11_public(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o)
{
	CK_ULONG type = p11_attr_ulong(p, h, o, CKA_KEY_TYPE, CKK_GENERIC_SECRET);
	struct crypto_key *k = NULL;
	struct view v;

	if (type == CKK_RSA && !key_of(p, h, o, CKA_MODULUS, CKA_PUBLIC_EXPONENT, crypto_key_from_rsa, &k))
		return k;
	if (type == CKK_EC && !key_of(p, h, o, CKA_EC_PARAMS, CKA_EC_POINT, crypto_key_from_ec, &k))
		return k;
	v = p11_attr(p, h, o, CKA_PUBLIC_KEY_INFO);
	return v.n && !crypto_key_from_spki(&k, v) ? k : NULL;
}

/* What this key could sign with. */
static uint32_t schemes_of(const struct walk *w, const struct crypto_key *k)
{
	const struct crypto_sig *s = NULL;
	uint32_t bit = 1, found = 0;

	for (; (s = crypto_sig_next(s)); bit <<= 1)
		if ((w->schemes & bit) && crypto_sig_fits(s, k))
			found |= bit;
	return found;
}

/* The entry for a public key, a new one if there is none; k is taken over. NULL: there is no room. */
static struct card_key *entry(struct walk *w, struct crypto_key *k)
{
	struct card_keys *all = w->keys;
	struct card_key *e = NULL;

	for (unsigned i = 0; k && i < all->n; i++)
		if (crypto_key_equal(all->key[i].public, k))
			e = &all->key[i];
	if (!k || e || all->n == CARD_KEYS_MAX) {
		crypto_key_free(k);
		return e;
	}
	e = &all->key[all->n];
	*e = (struct card_key){ .public = k, .schemes = schemes_of(w, k) };
	if (crypto_key_digest(k, e->digest)) {
		crypto_key_free(k);
		return NULL;
	}
	all->n++;
	return e;
}

/* Names, of whichever half has them; the private one's are what it is found by again, so they win. */
static void take_names(struct walk *w, CK_OBJECT_HANDLE o, struct card_key *e, bool win)
{
	struct view v = p11_attr(w->p, w->h, o, CKA_ID);

	if (v.n && v.n <= CARD_ID_MAX && (win || !e->nid)) {
		memcpy(e->id, v.p, v.n);
		e->nid = v.n;
	}
	v = p11_attr(w->p, w->h, o, CKA_LABEL);
	if (v.n && (win || !e->label[0]))
		p11_text(e->label, sizeof(e->label), v);
}

static void on_cert(struct walk *w, CK_OBJECT_HANDLE o)
{
	struct view der = p11_attr(w->p, w->h, o, CKA_VALUE);
	struct crypto_cert *c = NULL;
	struct crypto_key *k = NULL;
	struct card_key *e = NULL;

	if (!der.n || crypto_cert_from_der(&c, der))
		return;
	if (!crypto_cert_is_ca(c) && !crypto_cert_key(c, &k))
		e = entry(w, k);
	if (e && !e->cert.n && secret_set(&e->cert, crypto_cert_der(c).p, crypto_cert_der(c).n))
		e = NULL;
	if (e)
		take_names(w, o, e, false);
	crypto_cert_free(c);
}

static void on_public(struct walk *w, CK_OBJECT_HANDLE o)
{
	struct card_key *e = entry(w, p11_public(w->p, w->h, o));

	if (e)
		take_names(w, o, e, false);
}

/* A private key that does not tell its public half is the one of what has the same id. */
static struct card_key *entry_by_id(struct walk *w, CK_OBJECT_HANDLE o)
{
	struct view id = p11_attr(w->p, w->h, o, CKA_ID);

	for (unsigned i = 0; id.n && i < w->keys->n; i++) {
		struct card_key *e = &w->keys->key[i];

		if (e->nid == id.n && !memcmp(e->id, id.p, id.n))
			return e;
	}
	return NULL;
}

static void on_private(struct walk *w, CK_OBJECT_HANDLE o)
{
	struct crypto_key *k = p11_public(w->p, w->h, o);
	struct card_key *e = k ? entry(w, k) : entry_by_id(w, o);

	if (!e)
		return;
	take_names(w, o, e, true);
	e->seen = true;
	e->each = p11_attr_bool(w->p, w->h, o, CKA_ALWAYS_AUTHENTICATE, false);
	e->open = !e->each && !p11_attr_bool(w->p, w->h, o, CKA_PRIVATE, true);
	if (!p11_attr_bool(w->p, w->h, o, CKA_SIGN, true))
		e->schemes = 0;
}

/* Calls fn with each object of a class. */
static int each_object(struct walk *w, CK_OBJECT_CLASS class, void (*fn)(struct walk *, CK_OBJECT_HANDLE))
{
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &yes, sizeof(yes) } };
	CK_OBJECT_HANDLE found[OBJECTS_MAX];
	unsigned n = OBJECTS_MAX;
	int r = p11_find(w->p, w->h, template, 2, found, &n);

	for (unsigned i = 0; !r && i < n; i++)
		fn(w, found[i]);
	return r;
}

CK_MECHANISM_TYPE p11_mechanism(const struct crypto_sig *s)
{
	if (s->key == CRYPTO_KEY_RSA)
		return s->pss ? CKM_RSA_PKCS_PSS : CKM_RSA_PKCS;
	return s->key == CRYPTO_KEY_EC ? CKM_ECDSA : CK_UNAVAILABLE_INFORMATION;
}

/* Whether the slot signs with it. A module that gives no details is believed. */
static bool signs_with(struct p11 *p, CK_SLOT_ID slot, CK_MECHANISM_TYPE m)
{
	CK_MECHANISM_INFO info;

	return p->f->C_GetMechanismInfo(slot, m, &info) != CKR_OK || (info.flags & CKF_SIGN);
}

static int token_schemes(struct p11 *p, CK_SLOT_ID slot, uint32_t *out)
{
	CK_MECHANISM_TYPE list[MECHANISMS_MAX];
	CK_ULONG n = MECHANISMS_MAX;
	const struct crypto_sig *s = NULL;
	uint32_t bit = 1;
	int r = p11_error(p, "C_GetMechanismList", p->f->C_GetMechanismList(slot, list, &n));

	*out = 0;
	for (; !r && (s = crypto_sig_next(s)); bit <<= 1)
		for (CK_ULONG i = 0; i < n && i < MECHANISMS_MAX; i++)
			if (list[i] == p11_mechanism(s) && signs_with(p, slot, list[i]))
				*out |= bit;
	return r;
}

int p11_keys(struct card *c, const struct card_token *t, struct card_keys *out)
{
	struct p11 *p = (struct p11 *)c;
	struct walk w = { .p = p, .keys = out };
	struct p11_session *s;
	int r = p11_session_get(p, t, &s);

	if (r)
		return r;
	w.h = s->handle;
	r = token_schemes(p, t->slot, &w.schemes);
	if (!r)
		r = each_object(&w, CKO_CERTIFICATE, on_cert);
	if (!r)
		r = each_object(&w, CKO_PUBLIC_KEY, on_public);
	if (!r)
		r = each_object(&w, CKO_PRIVATE_KEY, on_private);
	return r;
}
