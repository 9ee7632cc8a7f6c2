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
	*to = (struct key_entry){ .digest = key->key, .at = key->at };
	if (!key->locked && crypto_key_from_private(&to->key, secret_view(&key->bytes), (struct view){ 0 }))
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
		if (!memcmp(&k->entries[i].digest, digest, sizeof(*digest)))
			return &k->entries[i];
	return NULL;
}

/* Whoever names no hashes knows the methods of RFC 7296 and RFC 4754 only; these are the last in the table. */
static bool peer_takes(const struct crypto_sig *s, uint8_t hashes)
{
	return s->method != METHOD_DIGITAL_SIGNATURE || hashes >> s->hash & 1;
}

/* A hash shorter than the curve would be the weakest part of the signature. */
static bool is_as_long(const struct crypto_sig *s, const struct crypto_key *key)
{
	static const unsigned hash_bits[] = { [2] = 256, [3] = 384, [4] = 512 };
	unsigned curve = crypto_key_bits(key) < 512 ? crypto_key_bits(key) : 512;

	return s->key != CRYPTO_KEY_EC || hash_bits[s->hash] >= curve;
}

/* The first that fits; one with a shorter hash only if there is no other. */
static const struct crypto_sig *choose(const struct crypto_key *key, uint32_t schemes, uint8_t hashes)
{
	const struct crypto_sig *s = NULL, *weaker = NULL;

	for (unsigned i = 0; (s = crypto_sig_next(s)); i++) {
		if (!(schemes >> i & 1) || !peer_takes(s, hashes) || !crypto_sig_fits(s, key))
			continue;
		if (is_as_long(s, key))
			return s;
		weaker = weaker ? weaker : s;
	}
	return weaker;
}

static int sign(const struct crypto_sig *s, const struct crypto_key *key, const struct auth_request *rq, struct auth_answer *an)
{
	const struct view octets[] = { rq->message, rq->nonce, rq->macid };
	size_t head = 0, n;

	if (s->algid.n) {
		an->data[0] = (uint8_t)s->algid.n;
		memcpy(an->data + 1, s->algid.p, s->algid.n);
		head = 1 + s->algid.n;
	}
	n = sizeof(an->data) - head;
	if (crypto_sig_make(s, key, octets, 3, an->data + head, &n))
		return AUTH_FAILED;
	an->n = (uint16_t)(head + n);
	an->method = s->method;
	snprintf(an->scheme, sizeof(an->scheme), "%s", s->name);
	return AUTH_OK;
}

void keys_sign(const struct keys *k, const struct auth_request *rq, struct auth_answer *an)
{
	const struct key_entry *e = find(k, &rq->key);
	const struct crypto_sig *s = e && e->key ? choose(e->key, rq->schemes, rq->hashes) : NULL;

	if (e)
		an->at = e->at;
	an->error = !e ? AUTH_NO_KEY : !e->key ? AUTH_LOCKED : !s ? AUTH_NO_SCHEME : sign(s, e->key, rq, an);
}
