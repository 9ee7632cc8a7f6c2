// SPDX-License-Identifier: MIT
// Which token and which key each key of the configuration is, and who is told of it.
#include "keyd/hub/inside.h"

#include "keyd/crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hub_conf_free(struct hub_conf *c)
{
	list_each(w, &c->wants, struct want, link) {
		list_del(&w->link);
		card_uri_free(w->uri);
		card_pin_free(w->pin);
		free(w);
	}
	free(c->modules);
	*c = (struct hub_conf){ .rules = c->rules };
	list_init(&c->wants);
}

/* By the name that it has, or by its key: the parent may not have heard of that yet, or just have. */
struct want *want_by_handle(struct hub *h, const struct conf_digest *handle)
{
	list_each(w, &h->now.wants, struct want, link)
		if (!memcmp(&w->w.handle, handle, sizeof(*handle)))
			return w;
	list_each(w, &h->now.wants, struct want, link) {
		const struct card_key *k = want_key(w);

		if (k && !memcmp(k->digest, handle->b, sizeof(k->digest)))
			return w;
	}
	/* Asked for before the configuration had its key. */
	list_each(w, &h->now.wants, struct want, link)
		if (!memcmp(&w->unseen, handle, sizeof(*handle)))
			return w;
	return NULL;
}

const struct card_key *want_key(const struct want *w)
{
	return w->token && w->key >= 0 ? &w->token->keys->key[w->key] : NULL;
}

bool want_may_be_there(const struct want *w)
{
	return w->token && w->token->state.state != TOKEN_ABSENT && w->key == CARD_NO_KEY;
}

void wants_forget_token(struct hub *h, const struct hub_token *t)
{
	list_each(w, &h->now.wants, struct want, link) {
		if (w->token != t)
			continue;
		w->token = NULL;
		w->key = CARD_NO_KEY;
		w->error = CARD_GONE;
	}
}

/* --- which key --- */

/* "opensc-pkcs11" is the file /usr/lib/…/libopensc-pkcs11.so, or without lib. */
static bool file_has_name(const char *file, const char *name)
{
	const char *base = strrchr(file, '/');
	size_t n = strlen(name);

	base = base ? base + 1 : file;
	if (!strncmp(base, "lib", 3) && strncmp(name, "lib", 3))
		base += 3;
	return !strncmp(base, name, n) && (!base[n] || base[n] == '.');
}

/* Our own drivers have the same URIs as a module for those cards. */
static bool fits_module(const struct card_uri *u, const struct hub_token *t)
{
	const char *path = card_uri_module_path(u), *name = card_uri_module_name(u);

	if (t->native || !t->worker)
		return true;
	return (!path || !strcmp(path, t->worker->what)) && (!name || file_has_name(t->worker->what, name));
}

static bool fits(const struct hub *h, const struct want *w, const struct hub_token *t)
{
	return t->state.state != TOKEN_ABSENT && card_uri_fits_token(w->uri, &t->card) && fits_module(w->uri, t) && !token_shadowed(h, t);
}

struct search {
	unsigned tokens, hits, maybes;
	bool many;
	struct hub_token *hit, *maybe;
	int key;
};

static void look_at(const struct want *w, struct hub_token *t, struct search *s)
{
	int i = t->keys ? card_uri_choose(w->uri, t->keys, w->w.known ? w->w.handle.b : NULL) : CARD_NO_KEY;
	bool closed = t->state.state == TOKEN_LOCKED || t->state.state == TOKEN_BLOCKED || t->read || t->reading;

	s->tokens++;
	if (i >= 0) {
		s->hits++;
		s->hit = t;
		s->key = i;
	} else if (i == CARD_MANY_KEYS) {
		s->many = true;
	} else if (closed && card_uri_names_token(w->uri)) {
		s->maybes++;			/* some show their keys only after a login */
		s->maybe = t;
	}
}

static void tell_many(struct hub *h, struct want *w)
{
	char names[CARD_URI_MAX] = "", uri[CARD_URI_MAX];
	size_t n = 0;

	if (w->many)
		return;
	w->many = true;
	list_each(t, &h->tokens, struct hub_token, link) {
		if (!fits(h, w, t))
			continue;
		for (unsigned i = 0; t->keys && i < t->keys->n; i++) {
			const struct card_key *k = &t->keys->key[i];

			if (!card_uri_fits_key(w->uri, k) || n >= sizeof(names))
				continue;
			n += (size_t)snprintf(names + n, sizeof(names) - n, " %s",
					      card_uri_format(&t->card, k, uri, sizeof(uri)));
		}
	}
	hub_log(h, LOG_LEVEL_ERROR, "several keys on tokens fit, and none is used; state which one is meant: "
		"at=%s uri=%s fit:%s", w->w.where, w->w.uri, names);
}

static void mean(struct want *w, struct hub_token *t, int key, int error)
{
	w->token = t;
	w->key = key;
	w->error = error;
}

/* What it meant before stays its own while it is away: so it is known that it is that one which went. */
static void bind_to_nothing(struct want *w, const struct search *s)
{
	bool away = w->token && w->token->state.state == TOKEN_ABSENT;

	w->error = s->tokens ? CARD_NO_KEY : CARD_GONE;
	if (!away)
		mean(w, NULL, CARD_NO_KEY, w->error);
}

static void resolve(struct hub *h, struct want *w)
{
	struct search s = { 0 };

	list_each(t, &h->tokens, struct hub_token, link)
		if (fits(h, w, t))
			look_at(w, t, &s);
	if (s.hits == 1 || (s.hits && w->w.known)) {
		mean(w, s.hit, s.key, CARD_OK);
	} else if (s.hits > 1 || s.many || s.maybes > 1) {
		mean(w, NULL, CARD_NO_KEY, CARD_MANY_KEYS);
		tell_many(h, w);
		return;
	} else if (s.maybes) {
		mean(w, s.maybe, CARD_NO_KEY, CARD_NO_KEY);
	} else {
		bind_to_nothing(w, &s);
	}
	w->many = false;
}

/* --- who is told --- */

static void tell_seen(struct hub *h, struct want *w)
{
	const struct card_key *k = want_key(w);
	struct card_seen head = { .handle = w->w.handle };
	struct secret spki = { 0 };
	struct view parts[3];
	uint8_t digest[CRYPTO_DIGEST_LEN];

	if (!k || w->error || crypto_key_spki(k->public, &spki))
		return;
	parts[0] = (struct view){ (const uint8_t *)&head, sizeof(head) };
	parts[1] = secret_view(&spki);
	parts[2] = secret_view(&k->cert);
	head.nspki = (uint32_t)spki.n;
	head.ncert = (uint32_t)k->cert.n;
	if (!crypto_sha256(parts + 1, 2, digest) && memcmp(digest, w->seen, sizeof(digest))) {
		memcpy(w->seen, digest, sizeof(digest));
		h->hooks->tell(h->arg, HUB_SEEN, 0, parts, 3);
	}
	secret_clear(&spki);
}

bool wants_pin_once(struct hub *h, const struct hub_token *t)
{
	list_each(w, &h->now.wants, struct want, link) {
		const struct card_key *k = want_key(w);

		if (w->token == t && w->w.pin == CARD_PIN_ASK && (k ? k->each : t->read || t->reading))
			return true;
	}
	return false;
}

void wants_resolve(struct hub *h, uint64_t now)
{
	(void)now;
	h->changed = false;
	list_each(w, &h->now.wants, struct want, link) {
		resolve(h, w);
		tell_seen(h, w);
	}
	list_each(t, &h->tokens, struct hub_token, link)
		if (t->once && !wants_pin_once(h, t))
			pin_forget(t);
}

enum token_need want_need(struct hub *h, const struct want *w, struct pin_use *use)
{
	const struct card_key *k = want_key(w);
	enum token_need need;

	*use = (struct pin_use){ 0 };
	if (!w->token || (w->error && w->token->state.state == TOKEN_ABSENT))
		return TOKEN_WANT_TOKEN;
	if (k && k->open)
		return token_open_need(&w->token->state);
	pin_of(w->token, w, use);
	need = pin_need(h, w->token, use, false);
	return need == TOKEN_READY && k && k->each ? pin_need(h, w->token, use, true) : need;
}

/* A try that somebody makes by hand says nothing before it has ended. */
static bool is_usable(const struct hub_token *t, enum token_need need)
{
	bool by_hand = t->state.trial.from == TOKEN_PIN_HUMAN || t->state.trial.from == TOKEN_PIN_PAD_HUMAN;

	return need == TOKEN_READY || need == TOKEN_LOGIN || (need == TOKEN_WANT_TIME && !by_hand);
}

static struct card_state state_of(struct hub *h, const struct want *w)
{
	struct card_state s = { .handle = w->w.handle, .state = TOKEN_ABSENT };
	enum token_need need;
	struct pin_use use;

	if (w->error == CARD_MANY_KEYS) {
		s.state = TOKEN_FAILING;		/* it may well be there */
	} else if (w->token) {
		need = want_need(h, w, &use);
		s.state = (uint8_t)w->token->state.state;
		s.usable = is_usable(w->token, need);
	}
	return s;
}

void wants_tell(struct hub *h, bool all)
{
	list_each(w, &h->now.wants, struct want, link) {
		struct card_state s = state_of(h, w);

		if (w->stated && !all && !memcmp(&s, &w->told, sizeof(s)))
			continue;
		/* Nobody has looked yet: tunnels that are up from before a restart must not go down for it. */
		if (s.state == TOKEN_ABSENT && !w->stated && !h->settled)
			continue;
		w->told = s;
		w->stated = true;
		hub_tell(h, HUB_STATE, 0, &s, sizeof(s));
	}
}

/* Who does not know its key cannot ask it for a signature, and so would never know. */
struct want *want_curious(struct hub *h, const struct hub_worker *on, struct pin_use *use)
{
	list_each(w, &h->now.wants, struct want, link) {
		if (w->w.known || !w->token || w->token->looked || w->token->worker != on || w->key >= 0 ||
		    w->token->state.state != TOKEN_LOCKED || w->token->read || w->token->reading)
			continue;
		if (want_need(h, w, use) == TOKEN_LOGIN && use->pin.from == TOKEN_PIN_CONFIGURED)
			return w;
	}
	return NULL;
}
