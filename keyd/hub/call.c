// SPDX-License-Identifier: MIT
// What a worker is asked, in which order, and what its answers mean.
#include "keyd/hub/inside.h"

#include <stdlib.h>
#include <string.h>

#define MS 1000ull
#define SCAN_PAUSE 200000u		/* µs between two looks for tokens, whatever watchers say */

const char *call_name(uint16_t type)
{
	static const char *const names[] = {
		[0] = "none", [CARD_WIRE_TOKENS] = "tokens", [CARD_WIRE_CHECK] = "check", [CARD_WIRE_KEYS] = "keys",
		[CARD_WIRE_LOGIN] = "login", [CARD_WIRE_LOGOUT] = "logout", [CARD_WIRE_SIGN] = "sign", [CARD_WIRE_RESET] = "reset",
	};

	return type < sizeof(names) / sizeof(*names) ? names[type] : "unknown";
}

static void keys_free(struct card_keys *keys)
{
	if (keys)
		card_keys_free(keys);
	free(keys);
}

static void call_clear(struct call *c)
{
	keys_free(c->keys);
	card_pin_free(c->digits);
	secret_clear(&c->signature);
	*c = (struct call){ 0 };
}

/* --- asking --- */

static void send_sign(struct hub *h, const struct hub_worker *w)
{
	const struct call *c = &w->call;
	struct view pin = card_pin_view(c->digits);
	struct card_wire_sign head = { .token = c->token->card, .scheme = (uint8_t)c->scheme, .npin = (uint16_t)pin.n };
	const struct view parts[] = { { (const uint8_t *)&head, sizeof(head) }, pin, secret_view(&c->job->octets) };

	memcpy(head.key, c->key, sizeof(head.key));
	h->hooks->send(h->arg, w->process, c->type, c->id, parts, 3);
}

static void send_other(struct hub *h, const struct hub_worker *w)
{
	const struct call *c = &w->call;
	const struct view parts[] = {
		{ (const uint8_t *)(c->token ? &c->token->card : NULL), c->token ? sizeof(c->token->card) : 0 },
		card_pin_view(c->digits),
	};

	h->hooks->send(h->arg, w->process, c->type, c->id, parts, 2);
}

/* From here on the module has it. */
static void call_send(struct hub *h, struct hub_worker *w, uint64_t now)
{
	struct call *c = &w->call;
	bool pad = c->pin.from == TOKEN_PIN_PAD || c->pin.from == TOKEN_PIN_PAD_HUMAN;

	c->waits = false;
	w->limit = now + (pad ? h->now.rules.pad_ms : h->now.rules.call_ms) * MS;
	if (c->type == CARD_WIRE_SIGN)
		send_sign(h, w);
	else
		send_other(h, w);
	card_pin_free(c->digits);
	c->digits = NULL;
}

static void ask_to_write_down(struct hub *h, struct hub_worker *w, uint64_t now)
{
	struct call *c = &w->call;
	struct card_bad bad = { .stamp = c->pin.stamp, .from = (uint8_t)c->pin.from };

	memcpy(bad.token, c->token->digest, sizeof(bad.token));
	c->waits = true;
	w->limit = now + h->now.rules.call_ms * MS;
	hub_tell(h, HUB_TRIAL, c->id, &bad, sizeof(bad));
}

/* False: the PIN cannot go out, and nothing has changed. */
static bool take_pin(struct hub *h, struct call *c, const struct pin_use *use)
{
	if (card_pin_new(&c->digits, use->digits))
		return false;
	c->pin = use->pin;
	if (!pin_begin(h, c->token, use, c->type == CARD_WIRE_SIGN))
		return true;
	card_pin_free(c->digits);
	return false;
}

void call_begin(struct hub *h, struct hub_worker *w, uint16_t type, struct hub_token *t, struct job *j, struct ask *a,
		const struct pin_use *use, uint64_t now)
{
	struct call *c = &w->call;

	call_clear(c);
	c->type = type;
	c->id = ++h->last_call ? h->last_call : ++h->last_call;
	c->token = t;
	c->job = j;
	c->ask = a;
	if (j) {
		j->busy = true;
		memcpy(c->key, j->key, sizeof(c->key));
		c->scheme = j->scheme;
	}
	if (use && !take_pin(h, c, use)) {
		struct call failed = *c;

		*c = (struct call){ 0 };
		if (j)
			job_called(h, j, &failed, CARD_FAILED, "no memory that can be locked", now);
		if (a)
			ask_called(h, a, CARD_FAILED, "no memory that can be locked", now);
	} else if (use && use->pin.from == TOKEN_PIN_CONFIGURED) {
		ask_to_write_down(h, w, now);
	} else {
		call_send(h, w, now);
	}
}

/* Nobody has seen it yet. */
static void give_up_unsent(struct hub *h, struct hub_worker *w, int error, const char *why, uint64_t now)
{
	struct call c = w->call;

	w->call = (struct call){ 0 };
	w->limit = HUB_NEVER;
	pin_unused(h, c.token, now);
	if (c.job)
		job_called(h, c.job, &c, error, why, now);
	if (c.ask)
		ask_called(h, c.ask, error, why, now);
	call_clear(&c);
	h->again = true;
}

void call_unwritten(struct hub *h, struct hub_worker *w, uint64_t now)
{
	hub_log(h, LOG_LEVEL_ERROR, "a PIN is not used, since nobody has written down that it is: token=\"%s\"",
		token_title(w->call.token));
	give_up_unsent(h, w, CARD_PIN_UNUSED, "", now);
}

void hub_trial_kept(struct hub *h, uint32_t id, uint64_t now)
{
	list_each(w, &h->workers, struct hub_worker, link) {
		if (!w->call.type || !w->call.waits || w->call.id != id)
			continue;
		if (w->call.type == CARD_WIRE_SIGN && !w->call.job)
			give_up_unsent(h, w, CARD_FAILED, "", now);
		else
			call_send(h, w, now);
	}
	hub_run(h, now);
}

static struct hub_token *token_that(struct hub *h, const struct hub_worker *w, size_t flag)
{
	list_each(t, &h->tokens, struct hub_token, link)
		if (t->worker == w && t->state.state != TOKEN_ABSENT && *(const bool *)((const char *)t + flag))
			return t;
	return NULL;
}

/* Once for each time that the flag is raised. True: the worker is busy now. */
static bool do_flagged(struct hub *h, struct hub_worker *w, size_t flag, uint16_t type, uint64_t now)
{
	struct hub_token *t = token_that(h, w, flag);

	if (!t)
		return false;
	*(bool *)((char *)t + flag) = false;
	t->reading = type == CARD_WIRE_KEYS;
	call_begin(h, w, type, t, NULL, NULL, NULL, now);
	return true;
}

static bool do_scan(struct hub *h, struct hub_worker *w, uint64_t now)
{
	if (!w->scan || now < w->scan_after)
		return false;
	w->scan = false;
	w->check = now + h->now.rules.check_ms * MS;
	w->scan_after = now + SCAN_PAUSE;
	call_begin(h, w, CARD_WIRE_TOKENS, NULL, NULL, NULL, NULL, now);
	return true;
}

static bool do_login(struct hub *h, struct hub_worker *w, uint64_t now)
{
	struct ask *a = ask_login(h, w);
	struct pin_use use = { 0 };

	if (!a)
		return false;
	a->step = ASK_CALLED;
	a->deadline = HUB_NEVER;
	ask_pin(h, a, &use);
	h->stamp++;
	call_begin(h, w, CARD_WIRE_LOGIN, a->token, NULL, a, &use, now);
	return w->call.type != 0;
}

static bool do_curious(struct hub *h, struct hub_worker *w, uint64_t now)
{
	struct pin_use use;
	struct want *x = want_curious(h, w, &use);

	if (!x)
		return false;
	call_begin(h, w, CARD_WIRE_LOGIN, x->token, NULL, NULL, &use, now);
	return w->call.type != 0;
}

/* Logins are for one signature each. */
static bool is_for_each(struct hub *h, const struct hub_token *t)
{
	list_each(w, &h->now.wants, struct want, link)
		if (w->token == t && w->w.each)
			return true;
	return false;
}

/* A login that nobody has a use for any more: it was to see keys, or for somebody who is gone. */
static void do_lent(struct hub *h, struct hub_worker *w, uint64_t now)
{
	list_each(t, &h->tokens, struct hub_token, link)
		t->logout |= t->worker == w && t->lent && t->state.state == TOKEN_UNLOCKED && is_for_each(h, t);
	do_flagged(h, w, offsetof(struct hub_token, logout), CARD_WIRE_LOGOUT, now);
}

/* What people wait for, what makes the rest true, then signatures. */
void call_next(struct hub *h, struct hub_worker *w, uint64_t now)
{
	if (w->reset) {
		w->reset = false;
		call_begin(h, w, CARD_WIRE_RESET, NULL, NULL, NULL, NULL, now);
		return;
	}
	if (do_login(h, w, now) || do_flagged(h, w, offsetof(struct hub_token, logout), CARD_WIRE_LOGOUT, now) || do_scan(h, w, now) ||
	    do_flagged(h, w, offsetof(struct hub_token, check), CARD_WIRE_CHECK, now) ||
	    do_flagged(h, w, offsetof(struct hub_token, read), CARD_WIRE_KEYS, now) || do_curious(h, w, now))
		return;
	if (!jobs_serve(h, w, now))
		do_lent(h, w, now);
}

/* --- answers --- */

static void token_gone(struct hub *h, struct hub_worker *w, struct hub_token *t, const char *why, uint64_t now)
{
	token_happened(h, t, TOKEN_GONE, -1, why, now);
	t->worker = NULL;
	t->read = t->check = t->logout = false;
	w->scan = true;
}

static void done_tokens(struct hub *h, struct hub_worker *w, struct call *c, int error, const char *why, uint64_t now)
{
	if (!error)
		tokens_scanned(h, w, c->tokens, c->ntokens, now);
	else
		hub_log(h, LOG_LEVEL_DEBUG, "no list of tokens: error=\"%s\" why=\"%s\"", card_strerror(error), why);
	w->scanned = w->scanned || error != CARD_BROKEN;
	h->changed = true;
}

static void done_check(struct hub *h, struct hub_worker *w, struct call *c, int error, const char *why, uint64_t now)
{
	if (error == CARD_GONE || (!error && !c->ntokens))
		token_gone(h, w, c->token, why, now);
	else if (!error)
		token_looked(h, c->token, &c->tokens[0], now);
}

static void done_keys(struct hub *h, struct hub_worker *w, struct call *c, int error, const char *why, uint64_t now)
{
	c->token->reading = false;
	if (error == CARD_GONE) {
		token_gone(h, w, c->token, why, now);
	} else if (!error) {
		token_set_keys(h, c->token, c->keys);
		c->keys = NULL;
	}
	h->changed = true;
}

static void done_login(struct hub *h, struct hub_worker *w, struct call *c, int error, const char *why, uint64_t now)
{
	pin_ended(h, c->token, error, false, why, now);
	if (!error)
		c->token->read = true;
	else if (error == CARD_GONE)
		token_gone(h, w, c->token, why, now);
	else
		c->token->check = true;		/* how many tries are left? */
}

static void done_logout(struct hub *h, struct hub_worker *w, struct call *c, int error, const char *why, uint64_t now)
{
	if (error == CARD_GONE)
		token_gone(h, w, c->token, why, now);
	else
		token_happened(h, c->token, TOKEN_LOGGED_OUT, -1, "", now);
}

static void done_sign(struct hub *h, struct hub_worker *w, struct call *c, int error, const char *why, uint64_t now)
{
	if (c->pin.from != TOKEN_PIN_NONE)
		pin_ended(h, c->token, error, true, why, now);
	if (error == CARD_GONE)
		token_gone(h, w, c->token, why, now);
	else if (error == CARD_LOCKED)
		token_happened(h, c->token, TOKEN_LOGGED_OUT, -1, why, now);
	else if (error == CARD_PIN_WRONG)
		c->token->check = true;
	else if (error == CARD_NO_KEY || error == CARD_BAD_SIGNATURE)
		c->token->read = true;
	c->token->logout |= c->token->state.state == TOKEN_UNLOCKED && is_for_each(h, c->token);
}

static void done_reset(struct hub *h, struct hub_worker *w, struct call *c, int error, const char *why, uint64_t now)
{
	(void)c;
	(void)error;
	tokens_happened(h, w, TOKEN_LOST, why, now);
	w->scan = true;
	w->scan_after = now;
}

/* An error of the whole module: it begins anew; when that did not help, its process does. */
static void look_for_cure(struct hub *h, struct hub_worker *w, const struct call *c, int error, const char *why,
			  uint64_t now)
{
	char name[HUB_WHAT_MAX + 16];

	if (error != CARD_BROKEN) {
		if (!error && w->broken == c->type)
			w->broken = 0;
		return;
	}
	if (c->token)
		token_happened(h, c->token, TOKEN_ERROR, -1, why, now);
	if (w->broken) {
		hub_worker_fail(h, w, "answers with errors", now);
		return;
	}
	hub_log(h, LOG_LEVEL_INFO, "a module answers with errors and is reset: %s call=%s why=\"%s\"",
		hub_worker_name(w, name, sizeof(name)), call_name(c->type), why);
	w->broken = c->type;
	w->reset = true;
}

typedef void done_fn(struct hub *h, struct hub_worker *w, struct call *c, int error, const char *why, uint64_t now);

static int on_done(struct hub *h, struct hub_worker *w, struct view body, uint64_t now)
{
	static done_fn *const fns[] = {
		[CARD_WIRE_TOKENS] = done_tokens, [CARD_WIRE_CHECK] = done_check, [CARD_WIRE_KEYS] = done_keys,
		[CARD_WIRE_LOGIN] = done_login, [CARD_WIRE_LOGOUT] = done_logout, [CARD_WIRE_SIGN] = done_sign,
		[CARD_WIRE_RESET] = done_reset,
	};
	struct card_wire_done d;
	struct call c = w->call;

	if (card_wire_done_get(body, &d))
		return -1;
	w->call = (struct call){ 0 };
	w->limit = HUB_NEVER;
	if (c.token && d.why[0])
		memcpy(c.token->why, d.why, sizeof(c.token->why));
	fns[c.type](h, w, &c, d.error, d.why, now);
	look_for_cure(h, w, &c, d.error, d.why, now);
	if (c.job)
		job_called(h, c.job, &c, d.error, d.why, now);
	if (c.ask)
		ask_called(h, c.ask, d.error, d.why, now);
	call_clear(&c);
	h->again = true;
	return 0;
}

static int on_token(struct call *c, struct view body)
{
	unsigned most = c->type == CARD_WIRE_TOKENS ? CARD_TOKENS_MAX : c->type == CARD_WIRE_CHECK;

	if (c->ntokens >= most || card_wire_token_get(body, &c->tokens[c->ntokens]))
		return -1;
	c->ntokens++;
	return 0;
}

static int on_key(struct call *c, struct view body)
{
	struct rd r = rd_of_view(body);

	if (c->type != CARD_WIRE_KEYS)
		return -1;
	if (!c->keys)
		c->keys = calloc(1, sizeof(*c->keys));
	if (!c->keys || c->keys->n >= CARD_KEYS_MAX)
		return -1;
	return card_wire_key_get(&r, &c->keys->key[c->keys->n++]);
}

static int on_signature(struct call *c, struct view body)
{
	if (c->type != CARD_WIRE_SIGN || c->signature.n || !body.n || body.n > CRYPTO_SIG_MAX)
		return -1;
	return secret_set(&c->signature, body.p, body.n);
}

int call_said(struct hub *h, struct hub_worker *w, uint16_t type, uint32_t id, struct view body, uint64_t now)
{
	struct call *c = &w->call;

	if (!c->type || c->waits || id != c->id)
		return -1;
	switch (type) {
	case CARD_WIRE_TOKEN:
		return on_token(c, body);
	case CARD_WIRE_KEY:
		return on_key(c, body);
	case CARD_WIRE_SIGNATURE:
		return on_signature(c, body);
	case CARD_WIRE_DONE:
		return on_done(h, w, body, now);
	default:
		return -1;
	}
}

void call_lost(struct hub *h, struct hub_worker *w, uint64_t now)
{
	struct call c = w->call;

	w->call = (struct call){ 0 };
	if (!c.type)
		return;
	if (c.type == CARD_WIRE_KEYS)
		c.token->reading = false;
	if (c.waits)
		pin_unused(h, c.token, now);
	if (c.job && c.waits)
		c.job->busy = false;
	else if (c.job)
		job_lost(h, c.job);
	if (c.ask)
		ask_called(h, c.ask, CARD_BROKEN, "its process died", now);
	call_clear(&c);
}
