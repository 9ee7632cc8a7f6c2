// SPDX-License-Identifier: MIT
// Processes of workers: started, limited in time, killed, and started again for as long as it takes.
#include "keyd/hub/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000ull
#define PEACE 60000000u			/* µs of life after which earlier failures are forgotten */
#define SOON 2000000u			/* µs that are worth waiting for a restart */
#define TOLD_START 31			/* bit of hub_worker.told: that it could not be started */

static bool is_watcher(const struct hub_worker *w)
{
	return w->kind == HUB_WATCH_READERS || w->kind == HUB_WATCH_MODULE;
}

const char *hub_worker_name(const struct hub_worker *w, char *buf, size_t n)
{
	static const char *const words[] = {
		[HUB_MODULE] = "module=", [HUB_READER] = "reader=\"",
		[HUB_WATCH_READERS] = "watcher=readers", [HUB_WATCH_MODULE] = "watcher=",
	};

	snprintf(buf, n, "%s%s%s", words[w->kind], w->what, w->kind == HUB_READER ? "\"" : "");
	return buf;
}

struct hub_worker *hub_worker_find(struct hub *h, enum hub_kind kind, const char *what)
{
	list_each(w, &h->workers, struct hub_worker, link)
		if (w->kind == kind && !strcmp(w->what, what))
			return w;
	return NULL;
}

struct hub_worker *hub_worker_new(struct hub *h, enum hub_kind kind, const char *what)
{
	struct hub_worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->kind = kind;
	snprintf(w->what, sizeof(w->what), "%s", what);
	w->limit = HUB_NEVER;
	list_add_tail(&h->workers, &w->link);
	h->again = true;
	return w;
}

bool hub_worker_idle(const struct hub_worker *w)
{
	return w->process && w->ready && !w->call.type && !is_watcher(w);
}

bool hub_worker_mends(const struct hub_worker *w, uint64_t now)
{
	if (w->held || w->never)
		return false;
	if (!w->process)
		return w->restart < now + SOON;
	return !w->ready || !w->scanned || w->reset || w->scan || w->call.type == CARD_WIRE_RESET || w->call.type == CARD_WIRE_TOKENS;
}

/* Its process is no more. */
static void ended(struct hub *h, struct hub_worker *w, uint64_t now)
{
	w->process = 0;
	w->ready = w->scanned = w->reset = w->scan = false;
	w->limit = HUB_NEVER;
	w->broken = 0;
	call_lost(h, w, now);
	h->again = true;
}

void hub_worker_free(struct hub *h, struct hub_worker *w, uint64_t now)
{
	if (w->process)
		h->hooks->kill(h->arg, w->process);
	ended(h, w, now);
	list_each(t, &h->tokens, struct hub_token, link) {
		if (t->worker != w)
			continue;
		token_happened(h, t, TOKEN_GONE, -1, "", now);
		t->worker = NULL;
		t->read = t->check = t->logout = false;
	}
	list_del(&w->link);
	free(w);
}

/* Each kind of failure is told once, until there was peace. */
static bool is_news(struct hub_worker *w, unsigned what)
{
	bool news = !(w->told & 1u << what);

	w->told |= 1u << what;
	return news;
}

static void put_off(struct hub_worker *w, uint64_t now)
{
	uint64_t pause;

	if (w->started && now - w->started > PEACE) {
		w->failures = 0;
		w->told = 0;
	}
	pause = w->failures < 10 ? (uint64_t)HUB_RESTART_FIRST << w->failures : HUB_RESTART_MOST;
	w->failures++;
	w->restart = now + (pause < HUB_RESTART_MOST ? pause : HUB_RESTART_MOST);
}

/* The process is over, by itself or by us. */
static void failed(struct hub *h, struct hub_worker *w, const char *how, uint64_t now)
{
	char name[HUB_WHAT_MAX + 16];
	unsigned type = w->call.type ? w->call.type : w->broken;

	put_off(w, now);
	hub_log(h, is_news(w, type) ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
		"a token's process %s and is started again: %s call=%s%s%s%s", how,
		hub_worker_name(w, name, sizeof(name)), w->ready ? call_name((uint16_t)type) : "start",
		w->why[0] ? " why=\"" : "", w->why, w->why[0] ? "\"" : "");
	w->why[0] = 0;
	ended(h, w, now);
	tokens_happened(h, w, TOKEN_LOST, "its process is started again", now);
}

void hub_worker_fail(struct hub *h, struct hub_worker *w, const char *how, uint64_t now)
{
	if (!w->process)
		return;
	h->hooks->kill(h->arg, w->process);
	failed(h, w, how, now);
}

void hub_worker_hold(struct hub *h, struct hub_worker *w, uint64_t now)
{
	if (w->process)
		h->hooks->kill(h->arg, w->process);
	ended(h, w, now);
	w->held = true;
	w->gone = HUB_NEVER;
	w->failures = 0;
	tokens_happened(h, w, TOKEN_LOST, "pcscd is gone", now);
}

static void start(struct hub *h, struct hub_worker *w, uint64_t now)
{
	char name[HUB_WHAT_MAX + 16];

	w->process = h->hooks->start(h->arg, w->kind, w->what);
	if (!w->process) {
		put_off(w, now);
		hub_log(h, is_news(w, TOLD_START) ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG, "a token's process cannot be started: %s",
			hub_worker_name(w, name, sizeof(name)));
		return;
	}
	w->started = now;
	w->scan = !is_watcher(w);
	w->scan_after = now;
	w->limit = is_watcher(w) ? HUB_NEVER : now + h->now.rules.call_ms * MS;
}

void hub_worker_run(struct hub *h, struct hub_worker *w, uint64_t now)
{
	if (!w->process) {
		if (!w->held && !w->never && now >= w->restart)
			start(h, w, now);
		return;
	}
	if (now >= w->limit) {
		if (w->call.type && w->call.waits)
			call_unwritten(h, w, now);
		else
			hub_worker_fail(h, w, "does not answer in time", now);
		return;
	}
	if (!hub_worker_idle(w))
		return;
	if (now >= w->check)
		w->scan = true;
	call_next(h, w, now);
}

static struct hub_worker *by_process(struct hub *h, uint32_t process)
{
	list_each(w, &h->workers, struct hub_worker, link)
		if (process && w->process == process)
			return w;
	return NULL;
}

/* The module is loaded; its name is for people. */
static int on_ready(struct hub *h, struct hub_worker *w, struct view body)
{
	if (w->ready || body.n >= sizeof(w->driver))
		return -1;
	memset(w->driver, 0, sizeof(w->driver));
	for (size_t i = 0; i < body.n; i++)
		w->driver[i] = body.p[i] < 0x20 || body.p[i] >= 0x7f ? '?' : (char)body.p[i];
	w->ready = true;
	w->limit = HUB_NEVER;
	h->again = true;
	return 0;
}

/* What is said before that is why it is not. */
static int on_failure(struct hub_worker *w, struct view body)
{
	struct card_wire_done d;

	if (card_wire_done_get(body, &d))
		return -1;
	memcpy(w->why, d.why, sizeof(w->why));
	return 0;
}

static int said(struct hub *h, struct hub_worker *w, uint16_t type, uint32_t id, struct view body, uint64_t now)
{
	if (type == CARD_WIRE_READY)
		return on_ready(h, w, body);
	if (!w->ready && type == CARD_WIRE_DONE)
		return on_failure(w, body);
	return is_watcher(w) ? watch_said(h, w, type, id, body, now) : call_said(h, w, type, id, body, now);
}

int hub_said(struct hub *h, uint32_t process, uint16_t type, uint32_t id, struct view body, uint64_t now)
{
	struct hub_worker *w = by_process(h, process);
	int r = w ? said(h, w, type, id, body, now) : 0;

	if (r)
		hub_worker_fail(h, w, "says what makes no sense", now);
	hub_run(h, now);
	return r;
}

void hub_ended(struct hub *h, uint32_t process, int code, uint64_t now)
{
	struct hub_worker *w = by_process(h, process);

	if (!w)
		return;
	if (w->kind == HUB_WATCH_MODULE && code == CARD_WIRE_EXIT_NO_EVENTS) {
		w->never = true;
		ended(h, w, now);
	} else {
		failed(h, w, code < 0 ? "died" : "ended", now);
	}
	hub_run(h, now);
}
