// SPDX-License-Identifier: MIT
// Signatures by a PKCS#11 token: of hashes that are made here, with mechanisms that all modules have.
#include "keyd/card/p11.h"

#include "keyd/crypto/sig_parts.h"

#define CANDIDATES_MAX 8	/* objects that might be the key */
#define ANSWER_MAX 2048		/* bytes: some modules want more room than they need */

/* A mechanism with what it is to sign. */
struct work {
	CK_MECHANISM mechanism;
	CK_RSA_PKCS_PSS_PARAMS pss;
	uint8_t data[CRYPTO_SIG_INFO_MAX];
	size_t n;
};

static const struct {
	CK_MECHANISM_TYPE hash;
	CK_RSA_PKCS_MGF_TYPE mgf;
} hashes[] = {
	[1] = { CKM_SHA_1, CKG_MGF1_SHA1 }, [2] = { CKM_SHA256, CKG_MGF1_SHA256 },
	[3] = { CKM_SHA384, CKG_MGF1_SHA384 }, [4] = { CKM_SHA512, CKG_MGF1_SHA512 },
};

static int prepare(const struct crypto_sig *s, const struct view *parts, unsigned nparts, struct work *w)
{
	uint8_t info[CRYPTO_SIG_INFO_MAX];

	*w = (struct work){ .mechanism.mechanism = p11_mechanism(s) };
	if (w->mechanism.mechanism == CK_UNAVAILABLE_INFORMATION || s->hash >= sizeof(hashes) / sizeof(*hashes))
		return CARD_NO_SCHEME;
	if (crypto_sig_hash(s, parts, nparts, w->data, &w->n))
		return CARD_FAILED;
	if (s->pss) {
		w->pss = (CK_RSA_PKCS_PSS_PARAMS){ hashes[s->hash].hash, hashes[s->hash].mgf, w->n };
		w->mechanism.pParameter = &w->pss;
		w->mechanism.ulParameterLen = sizeof(w->pss);
	} else if (s->key == CRYPTO_KEY_RSA) {
		if (crypto_sig_digest_info(s, (struct view){ w->data, w->n }, info, &w->n))
			return CARD_FAILED;
		for (size_t i = 0; i < w->n; i++)
			w->data[i] = info[i];
	}
	return CARD_OK;
}

/* The private halves that may be meant: their ids need not be unique, and before a login there may be none. */
static int candidates(struct p11 *p, CK_SESSION_HANDLE h, const struct card_key *k, CK_OBJECT_HANDLE *out, unsigned *n)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = crypto_key_type(k->public) == CRYPTO_KEY_RSA ? CKK_RSA : CKK_EC;
	CK_ATTRIBUTE template[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_ID, (void *)k->id, k->nid },
	};

	return p11_find(p, h, template, k->nid ? 3 : 2, out, n);
}

static int sign_with(struct p11 *p, CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, bool each, struct work *w, struct view pin,
		     uint8_t answer[ANSWER_MAX], CK_ULONG *n)
{
	int r = p11_error(p, "C_SignInit", p->f->C_SignInit(h, &w->mechanism, o));

	if (!r && each)
		r = p11_login_error(p, "C_Login", p->f->C_Login(h, CKU_CONTEXT_SPECIFIC,
								pin.n ? (CK_UTF8CHAR *)pin.p : NULL, pin.n));
	*n = ANSWER_MAX;
	if (!r)
		r = p11_error(p, "C_Sign", p->f->C_Sign(h, w->data, w->n, answer, n));
	return r || *n <= ANSWER_MAX ? r : CARD_BROKEN;
}

/* In a session of its own: an operation that fails half-way would stand in the way of the next one. */
static int sign_in(struct p11 *p, CK_SESSION_HANDLE h, const struct card_token *t, const struct card_key *k,
		   const struct crypto_sig *s, const struct view *parts, unsigned nparts, struct view pin, uint8_t *out, size_t *n)
{
	CK_OBJECT_HANDLE found[CANDIDATES_MAX];
	uint8_t answer[ANSWER_MAX];
	unsigned nfound = CANDIDATES_MAX;
	size_t room = *n;
	CK_ULONG got;
	struct work w;
	int r = prepare(s, parts, nparts, &w);

	if (!r)
		r = candidates(p, h, k, found, &nfound);
	if (r)
		return r;
	r = t->login && !p11_session_is_user(p, h) ? CARD_LOCKED : CARD_NO_KEY;
	for (unsigned i = 0; i < nfound; i++) {
		bool each = p11_attr_bool(p, h, found[i], CKA_ALWAYS_AUTHENTICATE, false);

		if (each && !pin.n != t->pad)
			return CARD_LOCKED;
		r = sign_with(p, h, found[i], each, &w, pin, answer, &got);
		if (r)
			return r;
		*n = room;
		if (!crypto_sig_take(s, k->public, parts, nparts, (struct view){ answer, got }, out, n))
			return CARD_OK;
		r = CARD_BAD_SIGNATURE;
	}
	return r;
}

int p11_sign(struct card *c, const struct card_token *t, const struct card_key *k, const struct crypto_sig *s,
	     const struct view *parts, unsigned nparts, struct view pin, uint8_t *out, size_t *n)
{
	struct p11 *p = (struct p11 *)c;
	struct p11_session *login;
	CK_SESSION_HANDLE h;
	int r = *n < CRYPTO_SIG_MAX || pin.n > CARD_PIN_MAX ? CARD_FAILED : p11_session_get(p, t, &login);

	if (r)
		return r;
	if (!crypto_sig_fits(s, k->public))
		return CARD_NO_SCHEME;
	r = p11_error(p, "C_OpenSession", p->f->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &h));
	if (r)
		return r;
	r = sign_in(p, h, t, k, s, parts, nparts, pin, out, n);
	p->f->C_CloseSession(h);
	return r;
}
