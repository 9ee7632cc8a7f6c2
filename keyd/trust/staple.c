// SPDX-License-Identifier: MIT
// OCSP responses for our own certificates, for peers that ask for them (RFC 4806).
#include "keyd/trust/state.h"

#include <stdlib.h>
#include <string.h>

static void tell(struct trust *t, const struct own *o)
{
	if (t->asker)
		t->hooks->staple(t->arg, &o->key, (struct view){ o->staple, o->nstaple });
}

void staple_tell(struct trust *t)
{
	for (unsigned i = 0; i < t->now.nowns; i++)
		if (t->now.owns[i]->nstaple)
			tell(t, t->now.owns[i]);
}

/* From our certificate up to whoever has signed it. NULL: nobody whom we know. */
static struct crypto_chain *chain_of(struct trust *t, const struct own *o, int64_t wall)
{
	static const uint8_t everybody[1][CRYPTO_DIGEST_LEN];
	static const struct crypto_trust_rules rules = { .nsets = 1, .sets = everybody, .allow_sha1 = true };
	struct crypto_chain *chain = NULL;
	struct crypto_verdict v;

	if (!o->n || !t->now.issuers)
		return NULL;
	crypto_trust_verify(t->now.issuers, o->chain[0], (const struct crypto_cert *const *)o->chain + 1, o->n - 1, wall, &rules, &v,
			    &chain);
	return chain;
}

/* The response is asked for when there is who answers, and by itself from then on. */
static void want(struct trust *t, struct trust_time now, struct own *o)
{
	struct crypto_chain *chain = chain_of(t, o, now.wall);
	uint8_t request[CRYPTO_OCSP_REQUEST_MAX];
	size_t n = sizeof(request);
	struct crypto_link link;

	if (chain && crypto_chain_length(chain) > 1 && !crypto_chain_link(chain, t->status, 0, now.wall, &link) && link.nocsps &&
	    !crypto_chain_ocsp_request(chain, 0, false, request, &n))
		o->source = source_want(&t->sources, SOURCE_STAPLE, (struct view){ (const uint8_t *)link.ocsps[0], strlen(link.ocsps[0]) },
					(struct view){ request, n }, crypto_chain_cert(chain, 1), now.wall);
	crypto_chain_free(chain);
	if (!o->source)
		return;
	o->source->configured = true;
	if (!o->nstaple)
		o->source->due = INT64_MIN;
}

static const struct own *own_like(const struct belief *b, const struct own *o)
{
	for (unsigned i = 0; i < b->nowns; i++) {
		const struct own *p = b->owns[i];
		struct view x = { 0 }, y = { 0 };

		if (memcmp(p->key.b, o->key.b, sizeof(o->key.b)) || !p->n || !o->n)
			continue;
		x = crypto_cert_der(p->chain[0]);
		y = crypto_cert_der(o->chain[0]);
		if (x.n == y.n && !memcmp(x.p, y.p, x.n))
			return p;
	}
	return NULL;
}

static int keep(struct own *o, struct view response)
{
	uint8_t *copy = malloc(response.n ? response.n : 1);

	if (!copy)
		return -1;
	if (response.n)
		memcpy(copy, response.p, response.n);
	free(o->staple);
	o->staple = copy;
	o->nstaple = response.n;
	return 0;
}

void staple_configure(struct trust *t, struct trust_time now, const struct belief *old)
{
	for (unsigned i = 0; i < t->now.nowns; i++) {
		struct own *o = t->now.owns[i];
		const struct own *before = own_like(old, o);

		if (before && before->nstaple)
			(void)!keep(o, (struct view){ before->staple, before->nstaple });
		want(t, now, o);
	}
	/* What stood for a certificate that is not ours any more. */
	for (unsigned i = 0; t->asker && i < old->nowns; i++)
		if (old->owns[i]->nstaple && !own_like(&t->now, old->owns[i]))
			t->hooks->staple(t->arg, &old->owns[i]->key, (struct view){ 0 });
	list_each(s, &t->sources.all, struct source, link)
		if (s->kind == SOURCE_STAPLE && !s->configured)
			source_forget(&t->sources, s);
}

static struct own *own_of(struct trust *t, const struct source *s)
{
	for (unsigned i = 0; i < t->now.nowns; i++)
		if (t->now.owns[i]->source == s)
			return t->now.owns[i];
	return NULL;
}

void staple_take(struct trust *t, struct trust_time now, struct source *s, struct view response)
{
	struct own *o = own_of(t, s);
	struct crypto_chain *chain = o ? chain_of(t, o, now.wall) : NULL;
	struct crypto_link link = { .state = CRYPTO_STATE_UNKNOWN };

	if (!chain || crypto_chain_link(chain, t->status, 0, now.wall, &link))
		link.state = CRYPTO_STATE_UNKNOWN;
	crypto_chain_free(chain);
	if (!o)
		return;
	if (link.state == CRYPTO_STATE_REVOKED)
		trust_log(t, LOG_LEVEL_ERROR, "%s: our certificate is revoked, says %s: peers refuse it", o->at, s->url);
	if (keep(o, link.state == CRYPTO_STATE_GOOD ? response : (struct view){ 0 }))
		return;
	tell(t, o);
}
