// SPDX-License-Identifier: MIT
// Signs with our private keys.
#include "keyd/auth/keys.h"

#include "keyd/crypto/sig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METHOD_DIGITAL_SIGNATURE 14	/* RFC 7427 3 */

_Static_assert(CRYPTO_SIG_MAX + 256 <= AUTH_DATA_MAX, "a signature with its AlgorithmIdentifier is AUTH data");

int keys_add(struct keys *k, const struct conf_key *key)
{
	struct key_entry *to = reallocarray(k->entries, k->n + 1, sizeof(*to));

	if (!to)
		return -1;
	k->entries = to;
	to += k->n;
	*to = (struct key_entry){ .digest = key->key, .uri = key->uri, .at = key->at, .token = key->token };
	if (key->token ? key->bytes.n && crypto_key_from_spki(&to->key, secret_view(&key->bytes)) :
	    !key->locked && crypto_key_from_private(&to->key, secret_view(&key->bytes), (struct view){ 0 }))
		return -1;
	k->n++;
	return 0;
}

void keys_free(struct keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		crypto_key_free(k->entries[i].key);
	free(k->entries);
	*k = (struct keys){ 0 };
}

static const struct key_entry *find(const struct keys *k, const struct conf_digest *digest)
{
	for (size_t i = 0; i < k->n; i++)
		if (!memcmp(&k->entries[i].digest, digest, sizeof(*digest)) ||
		    (k->entries[i].token && !memcmp(&k->entries[i].uri, digest, sizeof(*digest))))
			return &k->entries[i];
	return NULL;
}

/* Whoever names no hashes knows the methods of RFC 7296 and RFC 4754 only; these are the last in the table. */
static bool peer_takes(const struct crypto_sig *s, uint8_t hashes)
{
	return s->method != METHOD_DIGITAL_SIGNATURE || hashes >> s->hash & 1;
}

/* Whether the n-th scheme is an answer to this. IKEv1's is what was agreed on, and nothing but a hash is signed with it. */
static bool answers(const struct crypto_sig *s, unsigned n, const struct auth_request *rq)
{
	if (rq->form == AUTH_IKEV1)
		return s->bare && s->method == rq->method && crypto_sig_takes_hash(s, rq->message.n) && !rq->nonce.n && !rq->macid.n;
	return !s->bare && rq->schemes >> n & 1 && peer_takes(s, rq->hashes);
}

/* Those of any key, in bits. */
static uint32_t taken(const struct auth_request *rq)
{
	const struct crypto_sig *s = NULL;
	uint32_t all = 0;

	for (unsigned i = 0; (s = crypto_sig_next(s)); i++)
		if (answers(s, i, rq))
			all |= 1U << i;
	return all;
}

static uint32_t fitting(const struct crypto_key *key, const struct auth_request *rq)
{
	return crypto_sig_good(key, taken(rq));
}

static const struct crypto_sig *scheme_of(unsigned i)
{
	const struct crypto_sig *s = crypto_sig_next(NULL);

	while (s && i--)
		s = crypto_sig_next(s);
	return s;
}

/* What stands before the signature: its length is returned. */
static size_t begin(const struct crypto_sig *s, struct auth_answer *an)
{
	if (!s->algid.n)
		return 0;
	an->data[0] = (uint8_t)s->algid.n;
	memcpy(an->data + 1, s->algid.p, s->algid.n);
	return 1 + s->algid.n;
}

static int end(const struct crypto_sig *s, size_t n, struct auth_answer *an)
{
	an->n = (uint16_t)n;
	an->method = s->method;
	snprintf(an->scheme, sizeof(an->scheme), "%s", s->name);
	return AUTH_OK;
}

static int sign(const struct crypto_sig *s, const struct crypto_key *key, const struct auth_request *rq, struct auth_answer *an)
{
	const struct view octets[] = { rq->message, rq->nonce, rq->macid };
	size_t head = begin(s, an), n = sizeof(an->data) - head;

	if (crypto_sig_make(s, key, octets, 3, an->data + head, &n))
		return AUTH_FAILED;
	return end(s, head + n, an);
}

void keys_sign(const struct keys *k, const struct auth_request *rq, struct auth_answer *an)
{
	const struct key_entry *e = find(k, &rq->key);
	uint32_t fit = e && e->key ? fitting(e->key, rq) : 0;

	if (e)
		an->at = e->at;
	an->error = !e || e->token ? AUTH_NO_KEY : !e->key ? AUTH_LOCKED : !fit ? AUTH_NO_SCHEME :
		    sign(scheme_of((unsigned)__builtin_ctz(fit)), e->key, rq, an);
}

struct conf_at keys_at(const struct keys *k, const struct conf_digest *key)
{
	const struct key_entry *e = find(k, key);

	return e ? e->at : (struct conf_at){ .line = 0 };
}

bool keys_on_token(const struct keys *k, const struct auth_request *rq, uint32_t *schemes)
{
	const struct key_entry *e = find(k, &rq->key);

	*schemes = 0;
	if (e && e->token)
		*schemes = e->key ? fitting(e->key, rq) : taken(rq);
	return e && e->token;
}

void keys_signed(const struct keys *k, const struct auth_request *rq, unsigned scheme, struct view signature,
		 struct auth_answer *an)
{
	const struct view octets[] = { rq->message, rq->nonce, rq->macid };
	const struct key_entry *e = find(k, &rq->key);
	const struct crypto_sig *s = scheme_of(scheme);
	size_t head;

	*an = (struct auth_answer){ .id = rq->id, .error = AUTH_FAILED };
	if (!e || !e->token || !e->key) {
		an->error = AUTH_NO_KEY;	/* reloaded meanwhile */
		return;
	}
	an->at = e->at;
	if (!s || !(fitting(e->key, rq) >> scheme & 1) ||
	    crypto_sig_check(s, e->key, octets, 3, signature))
		return;
	head = begin(s, an);
	if (signature.n > sizeof(an->data) - head)
		return;
	memcpy(an->data + head, signature.p, signature.n);
	an->error = end(s, head + signature.n, an);
}
