// SPDX-License-Identifier: MIT
// What there is, as it is shown to people.
#include "keyd/hub/inside.h"

#include <stdio.h>
#include <string.h>

#define CERTS_MAX (8u << 20)		/* bytes of certificates in one answer; a module may have made up any number */

enum token_need token_want(struct hub *h, struct hub_token *t)
{
	enum token_need need = TOKEN_READY, n;
	struct pin_use use = { 0 };
	bool used = false;

	list_each(w, &h->now.wants, struct want, link) {
		if (w->token != t)
			continue;
		n = want_need(h, w, &use);
		need = n == TOKEN_READY || (used && need > TOKEN_LOGIN) ? need : n;
		used = true;
	}
	return used ? need : pin_need(h, t, &use, false);
}

static void fill_token(struct hub *h, struct hub_token *t, struct card_token_info *i)
{
	struct pin_use use;

	*i = (struct card_token_info){
		.token = t->card, .state = (uint8_t)t->state.state, .need = (uint8_t)token_want(h, t), .tries = t->state.tries,
		.since = t->state.since,
	};
	i->ask = !t->card.pad && (t->state.state == TOKEN_LOCKED || i->need == TOKEN_WANT_PIN_EACH) &&
		 !(t->shut && pin_configured(h, t, &use) && pin_need(h, t, &use, false) == TOKEN_LOGIN);
	snprintf(i->module, sizeof(i->module), "%s", !t->worker ? "" : t->native ? t->worker->driver : t->worker->what);
	card_uri_format(&t->card, NULL, i->uri, sizeof(i->uri));
	memcpy(i->why, t->why, sizeof(i->why));
}

static const struct want *wanted(struct hub *h, const struct card_key *k)
{
	list_each(w, &h->now.wants, struct want, link)
		if (want_key(w) && !w->error && !memcmp(want_key(w)->digest, k->digest, sizeof(k->digest)))
			return w;
	return NULL;
}

static void list_key(struct hub *h, uint32_t id, const struct hub_token *t, const struct card_key *k, size_t *room)
{
	struct card_key_info i = { .each = k->each, .open = k->open, .schemes = k->schemes };
	const struct want *w = token_shadowed(h, t) ? NULL : wanted(h, k);
	struct secret spki = { 0 };
	struct view cert = secret_view(&k->cert);
	struct view parts[3];

	if (crypto_key_spki(k->public, &spki))
		return;
	if (cert.n > *room)
		cert.n = 0;
	*room -= cert.n;
	memcpy(i.digest, k->digest, sizeof(i.digest));
	i.configured = w != NULL;
	snprintf(i.label, sizeof(i.label), "%s", k->label);
	snprintf(i.where, sizeof(i.where), "%s", w ? w->w.where : "");
	card_uri_format(&t->card, k, i.uri, sizeof(i.uri));
	i.nspki = (uint32_t)spki.n;
	i.ncert = (uint32_t)cert.n;
	parts[0] = (struct view){ (const uint8_t *)&i, sizeof(i) };
	parts[1] = secret_view(&spki);
	parts[2] = cert;
	h->hooks->tell(h->arg, HUB_KEY, id, parts, 3);
	secret_clear(&spki);
}

static void list_missing(struct hub *h, uint32_t id)
{
	list_each(w, &h->now.wants, struct want, link) {
		struct card_missing_info i = { .need = TOKEN_WANT_TOKEN };
		struct pin_use use;

		if (want_may_be_there(w) || (want_key(w) && w->token->state.state != TOKEN_ABSENT))
			continue;
		if (w->token)
			i.need = (uint8_t)want_need(h, w, &use);
		snprintf(i.where, sizeof(i.where), "%s", w->w.where);
		snprintf(i.uri, sizeof(i.uri), "%s", w->w.uri);
		hub_tell(h, HUB_MISSING, id, &i, sizeof(i));
	}
}

void list_tokens(struct hub *h, uint32_t id, const char *name)
{
	struct card_token_info info;
	size_t room = CERTS_MAX;

	list_each(t, &h->tokens, struct hub_token, link) {
		if (t->state.state == TOKEN_ABSENT || (*name && !token_has_name(t, name)))
			continue;
		fill_token(h, t, &info);
		hub_tell(h, HUB_TOKEN, id, &info, sizeof(info));
		for (unsigned i = 0; t->keys && i < t->keys->n; i++)
			list_key(h, id, t, &t->keys->key[i], &room);
	}
	if (!*name)
		list_missing(h, id);
}
