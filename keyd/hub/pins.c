// SPDX-License-Identifier: MIT
// Which PIN there is for a token, whether it may be tried, and what is remembered of those that failed.
#include "keyd/hub/inside.h"

#include <stdlib.h>
#include <string.h>

#define BADS_MAX 1024
#define SHUT_STAMP 1			/* of a record that is about no PIN: the token was locked by hand */

void pin_of(const struct hub_token *t, const struct want *w, struct pin_use *use)
{
	*use = (struct pin_use){ 0 };
	if (t->shut)
		return;
	if (t->card.pad) {
		if (w->w.pin == CARD_PIN_PAD)
			use->pin = (struct token_pin){ TOKEN_PIN_PAD, t->pad_stamp };
		else if (t->once)
			use->pin = (struct token_pin){ TOKEN_PIN_PAD, t->kept_stamp };
	} else if (w->w.pin == CARD_PIN_GIVEN && card_pin_view(w->pin).n) {
		*use = (struct pin_use){ { TOKEN_PIN_CONFIGURED, w->w.stamp }, card_pin_view(w->pin) };
	} else if (t->kept) {
		*use = (struct pin_use){ { TOKEN_PIN_KEPT, t->kept_stamp }, card_pin_view(t->kept) };
	}
}

bool pin_configured(struct hub *h, const struct hub_token *t, struct pin_use *use)
{
	list_each(w, &h->now.wants, struct want, link) {
		if (w->token != t || t->card.pad || w->w.pin != CARD_PIN_GIVEN || !card_pin_view(w->pin).n)
			continue;
		*use = (struct pin_use){ { TOKEN_PIN_CONFIGURED, w->w.stamp }, card_pin_view(w->pin) };
		return true;
	}
	return false;
}

static struct bad *bad_find(struct hub *h, const uint8_t *token, uint64_t stamp, uint8_t from)
{
	list_each(b, &h->bads, struct bad, link)	/* NOLINT(clang-analyzer-unix.Malloc): see list_del */
		if (b->bad.stamp == stamp && b->bad.from == from && !memcmp(b->bad.token, token, sizeof(b->bad.token)))
			return b;
	return NULL;
}

static void bad_free(struct hub *h, struct bad *b)
{
	list_del(&b->link);
	free(b);
	h->nbads--;
}

int pin_bad_add(struct hub *h, const struct card_bad *bad)
{
	struct bad *b;

	if (bad->from >= TOKEN_PIN_FROMS)
		return -1;
	if (bad_find(h, bad->token, bad->stamp, bad->from))
		return 0;
	if (h->nbads == BADS_MAX)
		bad_free(h, list_entry(h->bads.next, struct bad, link));
	b = calloc(1, sizeof(*b));
	if (!b)
		return -1;
	b->bad = *bad;
	list_add_tail(&h->bads, &b->link);
	h->nbads++;
	return 0;
}

/* The same card, through whichever driver: it has one counter. */
static bool is_twin(const struct hub_token *a, const struct hub_token *b)
{
	return a == b || ((card_token_has_serial(&a->card) || !strcmp(a->card.label, b->card.label)) &&
			  !strcmp(a->card.serial, b->card.serial) && !strcmp(a->card.model, b->card.model));
}

static int mark(struct hub *h, const struct hub_token *t, const struct token_pin *pin)
{
	int r = 0;

	list_each(u, &h->tokens, struct hub_token, link) {
		struct card_bad bad = { .stamp = pin->stamp, .from = (uint8_t)pin->from };

		memcpy(bad.token, u->digest, sizeof(bad.token));
		if (is_twin(t, u))
			r |= pin_bad_add(h, &bad);
	}
	return r;
}

static void forgive(struct hub *h, const struct hub_token *t, const struct token_pin *pin)
{
	struct card_bad told = { .stamp = pin->stamp, .from = (uint8_t)pin->from };

	list_each(u, &h->tokens, struct hub_token, link) {
		struct bad *b = is_twin(t, u) ? bad_find(h, u->digest, pin->stamp, (uint8_t)pin->from) : NULL;

		if (b)
			bad_free(h, b);
	}
	memcpy(told.token, t->digest, sizeof(told.token));
	hub_tell(h, HUB_FORGIVE, 0, &told, sizeof(told));
}

static struct card_bad shut_record(const struct hub_token *t)
{
	struct card_bad bad = { .stamp = SHUT_STAMP, .from = TOKEN_PIN_NONE };

	memcpy(bad.token, t->digest, sizeof(bad.token));
	return bad;
}

bool pin_was_shut(struct hub *h, const struct hub_token *t)
{
	return bad_find(h, t->digest, SHUT_STAMP, TOKEN_PIN_NONE);
}

static void shut_one(struct hub *h, struct hub_token *t, bool shut)
{
	struct card_bad bad = shut_record(t);
	struct bad *b = bad_find(h, t->digest, SHUT_STAMP, TOKEN_PIN_NONE);

	t->shut = shut;
	if (shut)
		pin_forget(t);
	if (shut && !b)
		pin_bad_add(h, &bad);
	else if (!shut && b)
		bad_free(h, b);
	if (shut != (b != NULL))
		hub_tell(h, shut ? HUB_TRIAL : HUB_FORGIVE, 0, &bad, sizeof(bad));
}

void pin_shut(struct hub *h, struct hub_token *t, bool shut)
{
	list_each(u, &h->tokens, struct hub_token, link)
		if (is_twin(t, u))
			shut_one(h, u, shut);
	h->changed = true;
}

enum token_need pin_need(struct hub *h, struct hub_token *t, const struct pin_use *use, bool each)
{
	enum token_need need;

	if (use->pin.from == TOKEN_PIN_CONFIGURED && t->state.trial.from == TOKEN_PIN_NONE &&
	    bad_find(h, t->digest, use->pin.stamp, TOKEN_PIN_CONFIGURED))
		t->state.bad[TOKEN_PIN_CONFIGURED] = use->pin.stamp;
	need = token_need(&t->state, &use->pin, each);
	return t->shut && (need == TOKEN_WANT_PIN || need == TOKEN_WANT_PIN_EACH) ? TOKEN_WANT_RELEASE : need;
}

int pin_begin(struct hub *h, struct hub_token *t, const struct pin_use *use, bool each)
{
	if (pin_need(h, t, use, each) != TOKEN_LOGIN)
		return -1;
	/* What cannot be remembered is not tried. */
	if (use->pin.from == TOKEN_PIN_CONFIGURED && mark(h, t, &use->pin))
		return -1;
	return token_login_begin(&t->state, &use->pin, each);
}

/* Whatever is not known to have spared the PIN is taken to have tried it. */
static enum token_event event_of(int error, bool each)
{
	switch (error) {
	case CARD_OK:
		return TOKEN_LOGIN_DONE;
	case CARD_PIN_WRONG:
		return TOKEN_LOGIN_WRONG;
	case CARD_PIN_BLOCKED:
		return TOKEN_LOGIN_BLOCKED;
	case CARD_PIN_UNUSED:
		return TOKEN_LOGIN_UNUSED;
	case CARD_LOCKED:		/* a signature's own PIN comes after a login, */
	case CARD_NO_SCHEME:		/* and after all that can be wrong with what is asked */
	case CARD_NO_KEY:
		return each ? TOKEN_LOGIN_UNUSED : TOKEN_LOGIN_CANCELLED;
	case CARD_BAD_SIGNATURE:
		return each ? TOKEN_LOGIN_DONE : TOKEN_LOGIN_CANCELLED;
	case CARD_GONE:
		return TOKEN_GONE;
	case CARD_BROKEN:
		return TOKEN_ERROR;
	default:
		return TOKEN_LOGIN_CANCELLED;
	}
}

void pin_ended(struct hub *h, struct hub_token *t, int error, bool each, const char *why, uint64_t now)
{
	struct token_pin pin = t->state.trial;
	enum token_event ev = event_of(error, each);

	if (ev == TOKEN_LOGIN_WRONG || ev == TOKEN_LOGIN_BLOCKED)
		hub_log(h, LOG_LEVEL_WARNING, "a token says that its PIN is %s: label=\"%s\" serial=%s given=%s",
			ev == TOKEN_LOGIN_WRONG ? "wrong" : "blocked", t->card.label, t->card.serial,
			pin.from == TOKEN_PIN_CONFIGURED ? "configuration" : pin.from == TOKEN_PIN_KEPT ? "kept" : "human");
	if (ev == TOKEN_LOGIN_DONE && !each)
		t->lent = pin.from != TOKEN_PIN_HUMAN && pin.from != TOKEN_PIN_PAD_HUMAN;
	token_happened(h, t, ev, -1, why, now);
	if (pin.from == TOKEN_PIN_CONFIGURED && (ev == TOKEN_LOGIN_DONE || ev == TOKEN_LOGIN_UNUSED))
		forgive(h, t, &pin);
	if (pin.from == TOKEN_PIN_KEPT && (ev == TOKEN_LOGIN_WRONG || ev == TOKEN_LOGIN_BLOCKED))
		pin_forget(t);
	if (each && t->once && ev != TOKEN_LOGIN_UNUSED)
		pin_forget(t);
}

void pin_unused(struct hub *h, struct hub_token *t, uint64_t now)
{
	if (t->state.trial.from != TOKEN_PIN_NONE)
		pin_ended(h, t, CARD_PIN_UNUSED, false, "", now);
}

void pin_keep(struct hub *h, struct hub_token *t, const struct card_pin *pin, bool once)
{
	pin_forget(t);
	if (pin && card_pin_new(&t->kept, card_pin_view(pin))) {
		t->kept = NULL;
		return;
	}
	t->once = once;
	t->kept_stamp = ++h->stamp;
}

void pin_forget(struct hub_token *t)
{
	card_pin_free(t->kept);
	t->kept = NULL;
	t->once = false;
}
