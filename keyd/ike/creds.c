// SPDX-License-Identifier: MIT
// Certificates of ours, and the CAs that we name to peers.
#include "keyd/ike/creds.h"
#include "keyd/ike/engine_state.h"

#include <stdlib.h>
#include <string.h>

static void cred_free(struct cred *c)
{
	free(c->conf.chain);
	free(c->conf.spki);
	free(c->staple);
	*c = (struct cred){ 0 };
}

void creds_free(struct creds *c)
{
	for (unsigned i = 0; i < c->ncreds; i++)
		cred_free(&c->creds[i]);
	free(c->creds);
	free(c->cas);
	*c = (struct creds){ 0 };
}

/* NULL for nothing, and without memory. */
static uint8_t *copy(const uint8_t *p, size_t n)
{
	uint8_t *to = n ? malloc(n) : NULL;

	if (to)
		memcpy(to, p, n);
	return to;
}

static bool cred_copy(struct cred *to, const struct conf_cred *from)
{
	to->conf = *from;
	to->conf.chain = copy(from->chain, from->nchain);
	to->conf.spki = copy(from->spki, from->nspki);
	return (to->conf.chain || !from->nchain) && (to->conf.spki || !from->nspki);
}

struct cred *creds_find_own(struct creds *c, const struct conf_digest *key)
{
	for (unsigned i = 0; i < c->ncreds; i++)
		if (!memcmp(&c->creds[i].conf.key, key, sizeof(*key)))
			return &c->creds[i];
	for (unsigned i = 0; i < c->ncreds; i++)
		if (c->creds[i].conf.token && !memcmp(&c->creds[i].conf.uri, key, sizeof(*key)))
			return &c->creds[i];
	return NULL;
}

/* The token, and the staple of a certificate that is still the same one. */
static void keep_known(struct creds *fresh, struct creds *old)
{
	for (unsigned i = 0; i < fresh->ncreds; i++) {
		struct cred *to = &fresh->creds[i], *from = creds_find_own(old, &to->conf.key);

		if (from)
			to->token = from->token;
		if (!from || from->conf.nchain != to->conf.nchain || !from->staple ||
		    memcmp(from->conf.chain, to->conf.chain, to->conf.nchain) != 0)
			continue;
		to->staple = from->staple;
		to->nstaple = from->nstaple;
		from->staple = NULL;
	}
}

int creds_configure(struct creds *c, const struct conf *conf)
{
	struct creds fresh = { 0 };
	bool ok;

	fresh.creds = calloc(conf->ncreds + 1, sizeof(*fresh.creds));
	fresh.cas = calloc(conf->ncas + 1, sizeof(*fresh.cas));
	ok = fresh.creds && fresh.cas;
	for (unsigned i = 0; ok && i < conf->ncreds; i++) {
		fresh.ncreds++;
		ok = cred_copy(&fresh.creds[i], &conf->creds[i]);
	}
	for (unsigned i = 0; ok && i < conf->ncas; i++)
		fresh.cas[fresh.ncas++] = conf->cas[i];
	if (!ok) {
		creds_free(&fresh);
		return -1;
	}
	for (unsigned i = 0; i < fresh.ncas; i++)
		fresh.cas[i].certs = NULL;		/* only the trust role needs them */
	keep_known(&fresh, c);
	creds_free(c);
	*c = fresh;
	return 0;
}

const struct cred *creds_find(const struct creds *c, const struct conf_digest *key)
{
	return creds_find_own((struct creds *)(uintptr_t)c, key);
}

const struct conf_ca *creds_ca(const struct creds *c, const struct conf_digest *set)
{
	for (unsigned i = 0; i < c->ncas; i++)
		if (!memcmp(&c->cas[i].set, set, sizeof(*set)))
			return &c->cas[i];
	return NULL;
}

void engine_staple(struct engine *e, const struct conf_digest *key, const uint8_t *response, size_t n)
{
	struct cred *c = creds_find_own(&e->creds, key);

	if (!c)
		return;
	free(c->staple);
	c->staple = copy(response, n);
	c->nstaple = c->staple ? n : 0;
}
