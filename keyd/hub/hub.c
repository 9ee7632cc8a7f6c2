// SPDX-License-Identifier: MIT
// The hub's whole state, its configuration, and what wakes it.
#include "keyd/crypto/hash.h"
#include "keyd/hub/inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000ull
#define ABSENT_MOST 30000000u		/* µs that a token may take to be seen after the start, before its tunnels hear that it is away */
#define TIME_LEAST 100			/* ms, of all that is configured */
#define SETTLE_MOST 5000000u		/* µs that whoever wants what is not there waits for processes that start */

void hub_log(struct hub *h, enum log_level level, const char *fmt, ...)
{
	char text[2 * CARD_URI_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	h->hooks->log(h->arg, level, text);
}

void hub_tell(struct hub *h, enum hub_word word, uint32_t id, const void *body, size_t n)
{
	h->hooks->tell(h->arg, word, id, &(struct view){ body, n }, 1);
}

struct hub *hub_new(const struct hub_hooks *hooks, void *arg)
{
	struct hub *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->hooks = hooks;
	h->arg = arg;
	h->pcscd = -1;
	h->now.rules = (struct card_rules){ .call_ms = 30000, .pad_ms = 120000, .check_ms = 60000, .floor = 2, .native = 1 };
	list_init(&h->now.wants);
	list_init(&h->next.wants);
	list_init(&h->workers);
	list_init(&h->tokens);
	list_init(&h->jobs);
	list_init(&h->asks);
	list_init(&h->bads);
	return h;
}

void hub_free(struct hub *h)
{
	if (!h)
		return;
	jobs_free(h);
	asks_free(h);
	list_each(w, &h->workers, struct hub_worker, link)
		hub_worker_free(h, w, 0);
	hub_conf_free(&h->now);
	hub_conf_free(&h->next);
	tokens_free(h);
	list_each(b, &h->bads, struct bad, link) {
		list_del(&b->link);
		free(b);
	}
	free(h);
}

/* --- the configuration --- */

static uint32_t at_least(uint32_t ms)
{
	return ms > TIME_LEAST ? ms : TIME_LEAST;
}

void hub_begin(struct hub *h, const struct card_rules *rules)
{
	hub_conf_free(&h->next);
	h->next.rules = *rules;
	h->next.rules.call_ms = at_least(rules->call_ms);
	h->next.rules.pad_ms = at_least(rules->pad_ms);
	h->next.rules.check_ms = at_least(rules->check_ms);
}

int hub_module(struct hub *h, struct view file)
{
	struct hub_conf *c = &h->next;
	char (*more)[HUB_WHAT_MAX];

	if (!file.n || file.n >= HUB_WHAT_MAX || memchr(file.p, 0, file.n) || c->nmodules >= c->rules.modules)
		return -1;
	more = realloc(c->modules, (c->nmodules + 1) * sizeof(*more));
	if (!more)
		return -1;
	c->modules = more;
	memset(more[c->nmodules], 0, sizeof(*more));
	memcpy(more[c->nmodules++], file.p, file.n);
	return 0;
}

int hub_want(struct hub *h, const struct card_want *want, struct view pin)
{
	struct want *w = calloc(1, sizeof(*w));
	struct view uri;
	const char *why;

	if (!w)
		return -1;
	w->w = *want;
	w->key = CARD_NO_KEY;
	w->error = CARD_GONE;
	w->w.where[sizeof(w->w.where) - 1] = 0;
	w->w.uri[sizeof(w->w.uri) - 1] = 0;
	list_init(&w->link);
	uri = (struct view){ (const uint8_t *)w->w.uri, strlen(w->w.uri) };
	if (crypto_sha256(&uri, 1, w->unseen.b) || want->pin > CARD_PIN_PAD || (want->pin == CARD_PIN_GIVEN && !want->stamp) ||
	    card_uri_parse(&w->uri, w->w.uri, &why) || pin.n > CARD_PIN_MAX) {
		card_uri_free(w->uri);
		free(w);
		return -1;
	}
	if (want->pin == CARD_PIN_GIVEN && card_pin_new(&w->pin, pin))
		hub_log(h, LOG_LEVEL_ERROR, "no memory can be locked for a PIN, and it is not used: at=%s (RLIMIT_MEMLOCK)", w->w.where);
	list_add_tail(&h->next.wants, &w->link);
	h->next.nwants++;
	return 0;
}

int hub_bad(struct hub *h, const struct card_bad *bad)
{
	return pin_bad_add(h, bad);
}

/* What parent and ike know already of a want that was there before need not be told again. */
static void inherit(struct hub *h)
{
	list_each(w, &h->next.wants, struct want, link) {
		list_each(old, &h->now.wants, struct want, link) {
			if (strcmp(old->w.uri, w->w.uri) ||
			    (old->w.known && memcmp(&old->w.handle, &w->w.handle, sizeof(w->w.handle)) != 0))
				continue;
			w->token = old->token;
			w->key = old->key;
			w->many = old->many;
			memcpy(w->seen, old->seen, sizeof(w->seen));
		}
	}
}

/* A list's items know its head, which stays where it is. */
static void swap(struct hub_conf *a, struct hub_conf *b)
{
	struct hub_conf was = *a;

	list_init(&was.wants);
	list_splice_tail(&was.wants, &a->wants);
	*a = *b;
	list_init(&a->wants);
	list_splice_tail(&a->wants, &b->wants);
	*b = was;
	list_init(&b->wants);
	list_splice_tail(&b->wants, &was.wants);
}

int hub_end(struct hub *h, uint64_t now)
{
	if (h->next.nmodules != h->next.rules.modules)
		return -1;
	inherit(h);
	swap(&h->now, &h->next);
	hub_conf_free(&h->next);
	list_each(t, &h->tokens, struct hub_token, link) {
		t->state.floor = h->now.rules.floor;
		t->read = t->worker != NULL;
		t->looked = false;
	}
	h->settle_by = now + (h->now.rules.call_ms * MS < SETTLE_MOST ? h->now.rules.call_ms * MS : SETTLE_MOST);
	h->absent_by = now + ABSENT_MOST;
	h->settled = false;
	watch_configure(h, now);
	h->changed = true;
	hub_run(h, now);
	wants_tell(h, true);
	return 0;
}

void hub_ike_up(struct hub *h)
{
	wants_tell(h, true);
}

/* --- all that waits --- */

static bool worker_settled(const struct hub_worker *w)
{
	return w->scanned || w->failures || w->held || w->never || w->kind == HUB_WATCH_MODULE;
}

static bool all_have_looked(const struct hub *h)
{
	list_each(w, &h->workers, struct hub_worker, link)
		if (w->kind == HUB_WATCH_READERS ? !h->readers_known && !w->failures : !worker_settled(w))
			return false;
	return true;
}

/* A token whose keys are being read may be the one that is wanted. */
static bool all_are_read(const struct hub *h)
{
	list_each(t, &h->tokens, struct hub_token, link)
		if ((t->read || t->reading) && t->worker)
			return false;
	return true;
}

bool hub_settled(const struct hub *h, uint64_t now)
{
	return now >= h->settle_by || all_have_looked(h);
}

void hub_run(struct hub *h, uint64_t now)
{
	do {
		h->again = false;
		if (h->changed)
			wants_resolve(h, now);
		asks_run(h, now);
		jobs_refuse(h, now);
		list_each(w, &h->workers, struct hub_worker, link) {
			if (w->held && now >= w->gone)
				hub_worker_free(h, w, now);
			else
				hub_worker_run(h, w, now);
		}
	} while (h->again || h->changed);
	h->settled = h->settled || now >= h->absent_by || (all_have_looked(h) && all_are_read(h));
	wants_tell(h, false);
}

void hub_tick(struct hub *h, uint64_t now)
{
	hub_run(h, now);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t hub_deadline(const struct hub *h)
{
	uint64_t at = sooner(asks_deadline(h), jobs_deadline(h));

	if (!h->settled && h->now.nwants)
		at = sooner(at, h->absent_by);
	list_each(w, &h->workers, struct hub_worker, link) {
		if (w->limit != HUB_NEVER)
			at = sooner(at, w->limit);
		else if (w->held)
			at = sooner(at, w->gone);
		else if (!w->process && !w->never)
			at = sooner(at, w->restart);
		else if (hub_worker_idle(w))
			at = sooner(at, w->scan ? w->scan_after : w->check);
	}
	return at;
}
