// SPDX-License-Identifier: MIT
// The tokens that are there, and those that were: who comes back is known again, with what is known of its PINs.
#include "keyd/hub/inside.h"

#include "keyd/crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keys_free(struct hub_token *t)
{
	if (t->keys)
		card_keys_free(t->keys);
	free(t->keys);
	t->keys = NULL;
}

static void token_free(struct hub *h, struct hub_token *t)
{
	keys_free(t);
	pin_forget(t);
	list_del(&t->link);
	free(t);
	h->ntokens--;
}

void tokens_free(struct hub *h)
{
	list_each(t, &h->tokens, struct hub_token, link)
		token_free(h, t);
}

const char *token_title(const struct hub_token *t)
{
	return t->card.label[0] ? t->card.label : t->card.serial;
}

bool token_has_name(const struct hub_token *t, const char *name)
{
	struct card_uri *u;
	const char *why;
	bool fits;

	if (!strcmp(t->card.label, name) || !strcmp(t->card.serial, name))
		return true;
	if (card_uri_parse(&u, name, &why))
		return false;
	fits = card_uri_fits_token(u, &t->card);
	card_uri_free(u);
	return fits;
}

static void tell_event(struct hub *h, const struct hub_token *t, enum token_state was, const char *why, uint64_t now)
{
	struct card_event e = { .token = t->card, .was = (uint8_t)was, .is = (uint8_t)t->state.state, .at = now };

	snprintf(e.why, sizeof(e.why), "%s", why);
	if (h->watched)
		hub_tell(h, HUB_EVENT, 0, &e, sizeof(e));
}

void token_happened(struct hub *h, struct hub_token *t, enum token_event ev, int tries, const char *why, uint64_t now)
{
	enum token_state was = t->state.state;
	char name[HUB_WHAT_MAX + 16];

	h->again = true;
	if (!token_event(&t->state, ev, tries, now))
		return;
	h->changed = true;
	if (t->once && t->state.state != TOKEN_UNLOCKED)
		pin_forget(t);
	snprintf(t->why, sizeof(t->why), "%s", why);
	hub_log(h, LOG_LEVEL_NOTICE, "token: state=%s was=%s label=\"%s\" serial=%s tries=%u %s%s%s%s", token_state_name(t->state.state),
		token_state_name(was), t->card.label, t->card.serial, t->state.tries,
		t->worker ? hub_worker_name(t->worker, name, sizeof(name)) : "", *why ? " why=\"" : "", why, *why ? "\"" : "");
	tell_event(h, t, was, why, now);
}

void tokens_happened(struct hub *h, const struct hub_worker *w, enum token_event ev, const char *why, uint64_t now)
{
	list_each(t, &h->tokens, struct hub_token, link)
		if (t->worker == w)
			token_happened(h, t, ev, -1, why, now);
}

void token_looked(struct hub *h, struct hub_token *t, const struct card_token *c, uint64_t now)
{
	bool fresh = t->state.state == TOKEN_ABSENT;

	if (fresh)
		t->pad_stamp = ++h->stamp;
	if (fresh || t->state.state == TOKEN_FAILING) {
		t->read = true;
		t->looked = false;
	}
	if (strcmp(t->card.label, c->label) != 0) {
		hub_log(h, LOG_LEVEL_NOTICE, "a token is called otherwise now: label=\"%s\" was=\"%s\" serial=%s",
			c->label, t->card.label, c->serial);
		t->read = h->changed = true;		/* as its certificate is, perhaps */
	}
	t->card = *c;
	if (!c->login)
		token_happened(h, t, TOKEN_SEEN_OPEN, c->tries, "", now);
	else
		token_happened(h, t, c->tries == 0 ? TOKEN_SEEN_BLOCKED : TOKEN_SEEN, c->tries, "", now);
}

/* --- looking for them --- */

/* It may be what w sees now. */
static bool may_be_at(const struct hub_token *t, const struct hub_worker *w)
{
	return !t->worker || t->worker == w || (t->native && w->kind == HUB_READER);
}

/* The one of its card, which is called otherwise by now. Not if the card has, or had, several: a PIN of one would be tried at the other. */
static struct hub_token *find_renamed(struct hub *h, const struct hub_worker *w, const struct card_token *c)
{
	struct hub_token *there = NULL, *away = NULL;
	unsigned nthere = 0, naway = 0;

	list_each(t, &h->tokens, struct hub_token, link) {
		if (!card_token_same_card(&t->card, c) || !may_be_at(t, w))
			continue;
		if (t->worker) {
			there = t;
			nthere++;
		} else {
			away = t;
			naway++;
		}
	}
	return nthere == 1 ? there : !nthere && naway == 1 ? away : NULL;
}

/* alone: its card shows no other token. */
static struct hub_token *find(struct hub *h, const struct hub_worker *w, const struct card_token *c, bool alone)
{
	list_each(t, &h->tokens, struct hub_token, link)
		if (card_token_same(&t->card, c) && may_be_at(t, w))
			return t;
	return alone ? find_renamed(h, w, c) : NULL;
}

/* PINs that failed did so at the card, whatever it is called now. */
static int digest_of(const struct card_token *c, uint8_t out[CRYPTO_DIGEST_LEN])
{
	const struct view parts[] = {
		{ (const uint8_t *)c->manufacturer, strlen(c->manufacturer) + 1 },
		{ (const uint8_t *)c->model, strlen(c->model) + 1 },
		{ (const uint8_t *)c->serial, strlen(c->serial) + 1 },
		{ (const uint8_t *)c->label, card_token_has_serial(c) ? 0 : strlen(c->label) + 1 },
	};

	return crypto_sha256(parts, 4, out);
}

static bool is_used(const struct hub *h, const struct hub_token *t)
{
	list_each(w, &h->workers, struct hub_worker, link)
		if (w->call.token == t)
			return true;
	list_each(a, &h->asks, struct ask, link)
		if (a->token == t)
			return true;
	return false;
}

/* What failed there stays known: that is in a list of its own. */
static bool make_room(struct hub *h)
{
	if (h->ntokens < HUB_TOKENS_MAX)
		return true;
	list_each(t, &h->tokens, struct hub_token, link) {
		if (t->worker || t->state.state != TOKEN_ABSENT || is_used(h, t))
			continue;
		wants_forget_token(h, t);
		token_free(h, t);
		return true;
	}
	if (!h->full)
		hub_log(h, LOG_LEVEL_WARNING, "there are too many tokens: others than the first %u are passed over", HUB_TOKENS_MAX);
	h->full = true;
	return false;
}

static struct hub_token *meet(struct hub *h, const struct card_token *c)
{
	struct hub_token *t = make_room(h) ? calloc(1, sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	if (digest_of(c, t->digest)) {
		free(t);
		return NULL;
	}
	t->card = *c;
	token_init(&t->state, h->now.rules.floor);
	t->shut = pin_was_shut(h, t);
	list_add_tail(&h->tokens, &t->link);
	h->ntokens++;
	return t;
}

static void scanned_one(struct hub *h, struct hub_worker *w, const struct card_token *c, bool alone, uint64_t now)
{
	struct hub_token *t = find(h, w, c, alone);
	bool moved;

	if (!t)
		t = meet(h, c);
	if (!t || t->seen)
		return;
	moved = t->worker && (t->worker != w || w->renewed);
	t->seen = true;
	if (moved)
		token_happened(h, t, TOKEN_GONE, -1, "", now);
	t->worker = w;
	t->native = w->kind == HUB_READER;
	token_looked(h, t, c, now);
}

static bool is_alone(const struct card_token *seen, unsigned n, unsigned i)
{
	for (unsigned k = 0; k < n; k++)
		if (k != i && card_token_same_card(&seen[k], &seen[i]))
			return false;
	return true;
}

void tokens_scanned(struct hub *h, struct hub_worker *w, const struct card_token *seen, unsigned n, uint64_t now)
{
	list_each(t, &h->tokens, struct hub_token, link)
		t->seen = false;
	for (unsigned i = 0; i < n; i++)
		scanned_one(h, w, &seen[i], is_alone(seen, n, i), now);
	list_each(t, &h->tokens, struct hub_token, link) {
		if (t->worker != w || t->seen)
			continue;
		token_happened(h, t, TOKEN_GONE, -1, "", now);
		t->worker = NULL;
		t->read = t->check = t->logout = false;
	}
	w->renewed = false;
}

/* It, or another one in its place. */
static bool has_key(const struct card_keys *keys, const struct card_key *k)
{
	for (unsigned i = 0; i < keys->n; i++) {
		const struct card_key *x = &keys->key[i];

		if (!memcmp(x->digest, k->digest, sizeof(x->digest)) || (k->nid && x->nid == k->nid && !memcmp(x->id, k->id, k->nid)))
			return true;
	}
	return false;
}

/* What was seen after a login is still there, though it does not show. */
static void keep_hidden(struct card_keys *old, struct card_keys *keys)
{
	for (unsigned i = 0; i < old->n; i++) {
		struct card_key *k = &old->key[i];

		if (keys->n == CARD_KEYS_MAX || has_key(keys, k))
			continue;
		keys->key[keys->n++] = *k;
		*k = old->key[--old->n];
		i--;
	}
}

void token_set_keys(struct hub *h, struct hub_token *t, struct card_keys *keys)
{
	keys = keys ? keys : calloc(1, sizeof(*keys));
	if (!keys)
		return;
	if (t->keys && t->state.state == TOKEN_LOCKED)
		keep_hidden(t->keys, keys);
	t->looked |= t->state.state == TOKEN_UNLOCKED;
	keys_free(t);
	t->keys = keys;
	list_each(w, &h->now.wants, struct want, link)
		if (w->token == t)
			w->key = CARD_NO_KEY;		/* numbers of the old list */
	h->changed = true;
}

/* Our own drivers serve before modules, and of modules the first. */
bool token_shadowed(const struct hub *h, const struct hub_token *t)
{
	bool before = true;

	list_each(u, &h->tokens, struct hub_token, link) {
		if (u == t) {
			before = false;
			continue;
		}
		if (!t->card.serial[0] || strcmp(u->card.serial, t->card.serial) || strcmp(u->card.model, t->card.model) ||
		    (!card_token_has_serial(&t->card) && strcmp(u->card.label, t->card.label)) ||
		    u->state.state == TOKEN_ABSENT || t->native)
			continue;
		if (u->native || (before && u->worker != t->worker && card_token_same(&u->card, &t->card)))
			return true;
	}
	return false;
}
