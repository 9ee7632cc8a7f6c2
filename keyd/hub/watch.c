// SPDX-License-Identifier: MIT
// Which processes there are to be, and what those tell that watch for tokens.
#include "keyd/hub/inside.h"

#include <string.h>

#define READERS_LATE 10000000u		/* µs that pcscd may need, from its start, to find its readers */

static void look(struct hub *h, struct hub_worker *w)
{
	w->scan = true;
	h->again = true;
}

static void look_at_modules(struct hub *h)
{
	list_each(w, &h->workers, struct hub_worker, link)
		if (w->kind == HUB_MODULE && w->process)
			look(h, w);
}

/* Readers' processes wait for pcscd, modules look for themselves. */
static void on_pcscd(struct hub *h, bool there, uint64_t now)
{
	if (h->pcscd == there)
		return;
	if (there && h->pcscd == 0)
		hub_log(h, LOG_LEVEL_NOTICE, "pcscd is there again: readers are looked at");
	else if (!there)
		hub_log(h, LOG_LEVEL_NOTICE, "pcscd is not there: tokens in readers are waited for");
	h->pcscd = there;
	h->readers_known = h->readers_known || !there;
	list_each(w, &h->workers, struct hub_worker, link) {
		if (w->kind == HUB_READER && !there)
			hub_worker_hold(h, w, now);
		else if (w->held)
			w->gone = now + READERS_LATE;
	}
	look_at_modules(h);
}

static void reader_is_there(struct hub *h, const struct card_wire_reader *r)
{
	struct hub_worker *w = hub_worker_find(h, HUB_READER, r->name);

	if (!w) {
		w = hub_worker_new(h, HUB_READER, r->name);
		if (!w)
			return;
		w->events = r->events;
	}
	w->wanted = true;
	w->held = false;
	if (w->events != r->events && w->process) {
		w->renewed = true;
		look(h, w);
	}
	w->events = r->events;
}

/* Once more what the list says: who is not in it has no card any more. */
static int on_readers(struct hub *h, struct view body, uint64_t now)
{
	struct card_wire_reader r[CARD_WIRE_READERS_MAX];
	unsigned n = CARD_WIRE_READERS_MAX;

	if (card_wire_readers_get(body, r, &n))
		return -1;
	h->readers_known = true;
	if (h->pcscd == 0)
		return 0;
	list_each(w, &h->workers, struct hub_worker, link)
		w->wanted = w->kind != HUB_READER || (w->held && now < w->gone);
	for (unsigned i = 0; i < n; i++)
		reader_is_there(h, &r[i]);
	list_each(w, &h->workers, struct hub_worker, link)
		if (!w->wanted)
			hub_worker_free(h, w, now);
	look_at_modules(h);
	h->again = true;
	return 0;
}

static int on_changed(struct hub *h, const struct hub_worker *watcher)
{
	struct hub_worker *w = hub_worker_find(h, HUB_MODULE, watcher->what);

	if (w && w->process)
		look(h, w);
	return 0;
}

int watch_said(struct hub *h, struct hub_worker *w, uint16_t type, uint32_t id, struct view body, uint64_t now)
{
	if (type == CARD_WIRE_CHANGED && !body.n)
		return on_changed(h, w);
	if (w->kind != HUB_WATCH_READERS)
		return -1;
	if (type == CARD_WIRE_PCSCD && !body.n) {
		on_pcscd(h, id == 1, now);
		return 0;
	}
	return type == CARD_WIRE_READERS ? on_readers(h, body, now) : -1;
}

static void want_worker(struct hub *h, enum hub_kind kind, const char *what)
{
	struct hub_worker *w = hub_worker_find(h, kind, what);

	if (!w)
		w = hub_worker_new(h, kind, what);
	if (w)
		w->wanted = true;
}

/* A daemon without tokens touches neither pcscd nor a module. */
void watch_configure(struct hub *h, uint64_t now)
{
	bool native = h->now.rules.native && (h->now.nwants || h->now.nmodules || h->asked);

	list_each(w, &h->workers, struct hub_worker, link)
		w->wanted = w->kind == HUB_READER && native;
	if (native)
		want_worker(h, HUB_WATCH_READERS, "");
	for (unsigned i = 0; i < h->now.nmodules; i++) {
		want_worker(h, HUB_MODULE, h->now.modules[i]);
		want_worker(h, HUB_WATCH_MODULE, h->now.modules[i]);
	}
	list_each(w, &h->workers, struct hub_worker, link)
		if (!w->wanted)
			hub_worker_free(h, w, now);
	if (!native) {
		h->readers_known = false;
		h->pcscd = -1;
	}
}
