// SPDX-License-Identifier: MIT
// What people ask by way of ctl, and the sentences that they get.
#include "keyd/hub/inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000ull
#define ANSWER_MOST 5000000u		/* µs that a question waits for a look at tokens */

static void ask_free(struct hub *h, struct ask *a)
{
	list_each(w, &h->workers, struct hub_worker, link)
		if (w->call.ask == a)
			w->call.ask = NULL;
	list_del(&a->link);
	card_pin_free(a->pin);
	free(a);
	h->nasks--;
}

void asks_free(struct hub *h)
{
	list_each(a, &h->asks, struct ask, link)
		ask_free(h, a);
}

void hub_ctl_gone(struct hub *h)
{
	asks_free(h);
	h->watched = false;
}

__attribute__((format(printf, 5, 6)))
static void finish(struct hub *h, struct ask *a, int error, enum token_need need, const char *fmt, ...)
{
	struct card_done d = { .error = error, .need = (uint8_t)need, .tries = -1 };
	va_list ap;

	if (a->token) {
		snprintf(d.token, sizeof(d.token), "%s", token_title(a->token));
		if (a->token->card.tries >= 0)
			d.tries = a->token->card.tries > INT8_MAX ? INT8_MAX : (int8_t)a->token->card.tries;
	}
	va_start(ap, fmt);
	vsnprintf(d.text, sizeof(d.text), fmt, ap);
	va_end(ap);
	hub_tell(h, HUB_DONE, a->id, &d, sizeof(d));
	ask_free(h, a);
	h->again = true;
}

/* --- which token --- */

static bool is_wanted(struct hub *h, const struct hub_token *t)
{
	list_each(w, &h->now.wants, struct want, link)
		if (w->token == t)
			return true;
	return false;
}

/* Where no name is given, those that something can be done with; of them those that the configuration uses, if there are any. */
static bool may_be_meant(struct hub *h, const struct ask *a, struct hub_token *t, bool wanted)
{
	if (t->state.state == TOKEN_ABSENT || token_shadowed(h, t) || (wanted && !is_wanted(h, t)))
		return false;
	if (a->ask.token[0])
		return token_has_name(t, a->ask.token);
	if (a->ask.verb == CARD_ASK_UNLOCK)
		return t->state.state == TOKEN_LOCKED || token_want(h, t) == TOKEN_WANT_PIN_EACH;
	return t->state.state == TOKEN_UNLOCKED || t->kept || t->state.trial.from != TOKEN_PIN_NONE ||
	       (t->state.state == TOKEN_LOCKED && token_want(h, t) == TOKEN_LOGIN);
}

struct candidates {
	unsigned n;
	struct hub_token *first;
	char names[CARD_WHY_MAX];
};

static void look_for(struct hub *h, const struct ask *a, bool any, bool wanted, struct candidates *c)
{
	size_t at = 0;

	*c = (struct candidates){ 0 };
	list_each(t, &h->tokens, struct hub_token, link) {
		if (any ? t->state.state == TOKEN_ABSENT || token_shadowed(h, t) : !may_be_meant(h, a, t, wanted))
			continue;
		c->first = c->n++ ? c->first : t;
		if (at < sizeof(c->names))
			at += (size_t)snprintf(c->names + at, sizeof(c->names) - at, "%s\"%s\" (serial number %s)", at ? ", " : "",
					       t->card.label, t->card.serial);
	}
}

/* True: a->token is it. False: it has been answered. */
static bool find_meant(struct hub *h, struct ask *a)
{
	struct candidates c;

	look_for(h, a, false, !a->ask.token[0], &c);
	if (!c.n)
		look_for(h, a, false, false, &c);
	a->token = c.n == 1 ? c.first : NULL;
	if (c.n == 1)
		return true;
	if (c.n)
		finish(h, a, CARD_MANY_KEYS, TOKEN_READY, "Several tokens could be meant, name one: %s", c.names);
	else if (!a->ask.token[0])
		finish(h, a, CARD_GONE, TOKEN_WANT_TOKEN, "There is no token that is %s.",
		       a->ask.verb == CARD_ASK_UNLOCK ? "locked" : "unlocked");
	else {
		look_for(h, a, true, false, &c);
		finish(h, a, CARD_GONE, TOKEN_WANT_TOKEN, c.n ? "That token is not there; there are: %s" :
		       "That token is not there, nor any other.%s", c.names);
	}
	return false;
}

/* --- check --- */

static bool is_asked_about(const struct ask *a, const struct hub_token *t)
{
	return t->state.state != TOKEN_ABSENT && (!a->token || a->token == t);
}

static bool is_looked_at(const struct hub *h, const struct hub_token *t)
{
	if (t->check || t->read || t->logout)
		return true;
	list_each(w, &h->workers, struct hub_worker, link)
		if (w->call.token == t && w->call.type != CARD_WIRE_SIGN && w->call.type != CARD_WIRE_LOGIN)
			return true;
	return false;
}

static void check_begin(struct hub *h, struct ask *a, uint64_t now)
{
	uint64_t half = h->now.rules.call_ms * MS / 2;

	if (a->ask.token[0] && !find_meant(h, a))
		return;
	list_each(t, &h->tokens, struct hub_token, link)
		if (is_asked_about(a, t) && t->worker)
			t->check = t->read = true;
	a->step = ASK_AFTER;
	a->deadline = now + (half < ANSWER_MOST ? half : ANSWER_MOST);
	h->again = true;
}

static bool is_well(enum token_need need)
{
	return need == TOKEN_READY || need == TOKEN_LOGIN;
}

/* What the configuration uses counts; where it uses none, what there is. */
static void check_end(struct hub *h, struct ask *a)
{
	struct pin_use use;
	enum token_need need;

	list_tokens(h, a->id, a->ask.token);
	list_each(w, &h->now.wants, struct want, link) {
		if (a->token && w->token != a->token)
			continue;
		need = want_need(h, w, &use);
		if ((w->error == CARD_OK || want_may_be_there(w)) && is_well(need))
			continue;
		if (w->error && !want_may_be_there(w))
			finish(h, a, w->error ? w->error : CARD_GONE, need, "%s: %s: %s", w->w.where, w->w.uri,
			       card_strerror(w->error ? w->error : CARD_GONE));
		else
			finish(h, a, CARD_LOCKED, need, "Token \"%s\" %s.", token_title(w->token), token_need_text(need));
		return;
	}
	list_each(t, &h->tokens, struct hub_token, link) {
		need = token_want(h, t);
		if (!is_asked_about(a, t) || is_well(need) || (!a->token && h->now.nwants) || token_shadowed(h, t))
			continue;
		finish(h, a, CARD_LOCKED, need, "Token \"%s\" %s.", token_title(t), token_need_text(need));
		return;
	}
	finish(h, a, CARD_OK, TOKEN_READY, "%s", h->ntokens ? "" : "There is no token.");
}

/* --- unlock and lock --- */

/* A PIN that somebody gives now. Where it is for the next signature only it is tried all the same: he is to know what it is worth. */
void ask_pin(struct hub *h, const struct ask *a, struct pin_use *use)
{
	*use = (struct pin_use){ { a->pin ? TOKEN_PIN_HUMAN : TOKEN_PIN_PAD_HUMAN, h->stamp + 1 }, card_pin_view(a->pin) };
	if (a->configured && !pin_configured(h, a->token, use))
		use->pin = (struct token_pin){ 0 };
}

static enum token_need unlock_need(struct hub *h, const struct ask *a)
{
	struct pin_use use;

	if (a->anew && a->token->state.state == TOKEN_UNLOCKED)
		return TOKEN_WANT_TIME;			/* it is being logged out */
	ask_pin(h, a, &use);
	return pin_need(h, a->token, &use, a->anew && a->token->state.state == TOKEN_PRESENT);
}

static void unlock_begin(struct hub *h, struct ask *a, uint64_t now)
{
	struct pin_use use;
	bool closed;

	if (!find_meant(h, a))
		return;
	a->configured = !a->pin && a->token->shut && pin_configured(h, a->token, &use);
	closed = a->token->state.state == TOKEN_LOCKED || a->token->shut;
	if (closed && !a->configured && !a->pin != a->token->card.pad) {
		finish(h, a, a->pin ? CARD_UNSUPPORTED : CARD_LOCKED, TOKEN_WANT_PIN, "Token \"%s\" %s.", token_title(a->token),
		       a->pin ? "takes its PIN at the reader only" : "wants a PIN, and its reader has no keys to type one at");
		return;
	}
	a->anew = a->token->shut || (token_want(h, a->token) == TOKEN_WANT_PIN_EACH && !a->pin == a->token->card.pad);
	a->token->logout |= a->anew && a->token->state.state == TOKEN_UNLOCKED;
	a->step = ASK_LOGIN;
	a->deadline = now + h->now.rules.call_ms * MS;
	h->again = true;
}

static void unlock_run(struct hub *h, struct ask *a, uint64_t now)
{
	enum token_need need = unlock_need(h, a);

	if (need == TOKEN_READY)
		finish(h, a, CARD_OK, TOKEN_READY, "Token \"%s\" is %s.", token_title(a->token),
		       a->token->state.state == TOKEN_PRESENT ? "there, and wants no PIN" : "unlocked already");
	else if (need != TOKEN_LOGIN && need != TOKEN_WANT_TIME)
		finish(h, a, need == TOKEN_WANT_TOKEN ? CARD_GONE : need == TOKEN_WANT_UNBLOCK ? CARD_PIN_BLOCKED :
		       need == TOKEN_WANT_CURE ? CARD_BROKEN : CARD_LOCKED, need, "Token \"%s\" %s.",
		       token_title(a->token), token_need_text(need));
	else if (now >= a->deadline)
		finish(h, a, CARD_BROKEN, TOKEN_WANT_TIME, "Token \"%s\" is busy.", token_title(a->token));
}

struct ask *ask_login(struct hub *h, const struct hub_worker *w)
{
	list_each(a, &h->asks, struct ask, link)
		if (a->step == ASK_LOGIN && a->token->worker == w && unlock_need(h, a) == TOKEN_LOGIN)
			return a;
	return NULL;
}

bool ask_waits(struct hub *h, const struct hub_token *t)
{
	list_each(a, &h->asks, struct ask, link)
		if (a->step == ASK_LOGIN && a->token == t)
			return true;
	return false;
}

static bool is_to_be_kept(struct hub *h, const struct hub_token *t)
{
	list_each(w, &h->now.wants, struct want, link)
		if (w->token == t && w->w.pin == CARD_PIN_ASK_KEEP)
			return true;
	return false;
}

void ask_called(struct hub *h, struct ask *a, int error, const char *why, uint64_t now)
{
	a->error = error;
	snprintf(a->why, sizeof(a->why), "%s", why);
	a->step = ASK_AFTER;
	a->deadline = now + ANSWER_MOST;
	h->again = true;
	if (error || a->late)
		return;
	pin_shut(h, a->token, false);
	if (a->pin && is_to_be_kept(h, a->token))
		pin_keep(h, a->token, a->pin, false);
	else if (!a->configured && wants_pin_once(h, a->token))
		pin_keep(h, a->token, a->pin, true);
}

static void unlock_end(struct hub *h, struct ask *a)
{
	const struct hub_token *t = a->token;
	bool counts = a->error == CARD_PIN_WRONG && t->card.tries >= 0;

	if (a->late)
		finish(h, a, CARD_LOCKED, token_want(h, a->token),
		       "Token \"%s\" is locked: somebody has locked it meanwhile.", token_title(t));
	else if (!a->error)
		finish(h, a, CARD_OK, TOKEN_READY, "Token \"%s\" is unlocked%s.", token_title(t),
		       t->once ? ", for one signature by a key that wants its PIN again for each" : "");
	else if (counts)
		finish(h, a, a->error, token_want(h, a->token), "Token \"%s\": the PIN is wrong; %d %s left.",
		       token_title(t), t->card.tries, t->card.tries == 1 ? "try is" : "tries are");
	else
		finish(h, a, a->error, token_want(h, a->token), "Token \"%s\": %s%s%s%s.", token_title(t),
		       card_strerror(a->error), a->why[0] ? " (" : "", a->why, a->why[0] ? ")" : "");
}

/* Whoever has spoken last has it his way. */
static void overtake(struct hub *h, const struct hub_token *t, uint64_t now)
{
	list_each(a, &h->asks, struct ask, link) {
		if (a->ask.verb != CARD_ASK_UNLOCK || a->token != t)
			continue;
		a->late = true;
		if (a->step != ASK_LOGIN)
			continue;
		a->step = ASK_AFTER;
		a->deadline = now;
	}
}

/* A login that is going on is over at once, too. */
static void lock_begin(struct hub *h, struct ask *a, uint64_t now)
{
	struct token *state;

	if (!find_meant(h, a))
		return;
	state = &a->token->state;
	if (state->state == TOKEN_PRESENT) {
		finish(h, a, CARD_UNSUPPORTED, TOKEN_READY, "Token \"%s\" wants no PIN, and so it cannot be locked.",
		       token_title(a->token));
		return;
	}
	overtake(h, a->token, now);
	pin_shut(h, a->token, true);
	a->token->logout = state->state == TOKEN_UNLOCKED || state->trial.from != TOKEN_PIN_NONE;
	a->step = ASK_AFTER;
	a->deadline = now + ANSWER_MOST;
	h->again = true;
}

static void lock_end(struct hub *h, struct ask *a)
{
	bool done = a->token->state.state != TOKEN_UNLOCKED;

	finish(h, a, done ? CARD_OK : CARD_BROKEN, TOKEN_READY, done ? "Token \"%s\" is locked." :
	       "Token \"%s\" is busy, and will be locked.", token_title(a->token));
}

/* --- all of them --- */

static void ask_begin(struct hub *h, struct ask *a, uint64_t now)
{
	switch (a->ask.verb) {
	case CARD_ASK_LIST:
		list_tokens(h, a->id, a->ask.token);
		finish(h, a, CARD_OK, TOKEN_READY, "%s", "");
		break;
	case CARD_ASK_CHECK:
		check_begin(h, a, now);
		break;
	case CARD_ASK_UNLOCK:
		unlock_begin(h, a, now);
		break;
	default:
		lock_begin(h, a, now);
	}
}

static bool is_over(const struct hub *h, const struct ask *a, uint64_t now)
{
	if (now >= a->deadline)
		return true;
	list_each(t, &h->tokens, struct hub_token, link)
		if (is_asked_about(a, t) && is_looked_at(h, t))
			return false;
	return true;
}

static void ask_end(struct hub *h, struct ask *a)
{
	if (a->ask.verb == CARD_ASK_CHECK)
		check_end(h, a);
	else if (a->ask.verb == CARD_ASK_UNLOCK)
		unlock_end(h, a);
	else
		lock_end(h, a);
}

void asks_run(struct hub *h, uint64_t now)
{
	list_each(a, &h->asks, struct ask, link) {
		if (a->step == ASK_NEW && (hub_settled(h, now) || now >= a->deadline))
			ask_begin(h, a, now);
		else if (a->step == ASK_LOGIN)
			unlock_run(h, a, now);
		else if (a->step == ASK_AFTER && is_over(h, a, now))
			ask_end(h, a);
	}
}

uint64_t asks_deadline(const struct hub *h)
{
	uint64_t at = HUB_NEVER;

	list_each(a, &h->asks, struct ask, link)
		if (a->deadline < at)
			at = a->deadline;
	return at;
}

static void start_looking(struct hub *h, uint64_t now)
{
	if (h->asked)
		return;
	h->asked = true;
	if (h->now.nwants || h->now.nmodules)
		return;
	h->settle_by = now + ANSWER_MOST;
	watch_configure(h, now);
}

int hub_ask(struct hub *h, uint32_t id, const struct card_ask *ask, struct view pin, uint64_t now)
{
	struct ask *a;

	if (ask->verb >= CARD_ASKS || pin.n > CARD_PIN_MAX || !memchr(ask->token, 0, sizeof(ask->token)))
		return -1;
	if (ask->verb == CARD_ASK_WATCH) {
		h->watched = true;
		return 0;
	}
	start_looking(h, now);
	if (ask->verb == CARD_ASK_LOOK) {
		hub_run(h, now);
		return 0;
	}
	a = h->nasks < HUB_ASKS_MAX ? calloc(1, sizeof(*a)) : NULL;
	if (!a || (pin.n && card_pin_new(&a->pin, pin))) {
		const struct card_done d = { .error = CARD_FAILED, .tries = -1, .text = "Too much is asked of tokens at once." };

		free(a);
		hub_tell(h, HUB_DONE, id, &d, sizeof(d));
		return 0;
	}
	a->id = id;
	a->ask = *ask;
	a->deadline = now + ANSWER_MOST;
	list_add_tail(&h->asks, &a->link);
	h->nasks++;
	hub_run(h, now);
	return 0;
}
