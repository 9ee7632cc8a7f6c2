// SPDX-License-Identifier: MIT
// Events for those who watch.
#include "keyd/roles/ctl_watch.h"

#include "keyd/ctl/render.h"
#include "keyd/ctl/token_render.h"

#include <string.h>
#include <time.h>

/* In the client's own bytes. */
struct watch {
	bool on, details, tokens;
	uint32_t missed;
	struct ctl_who who;
};
_Static_assert(sizeof(struct watch) <= CLIENT_STATE_MAX, "raise CLIENT_STATE_MAX");

/* The last events, the oldest at next once it is full. */
static struct {
	struct engine_event ev[WATCH_KEPT];
	unsigned int n, next;
} kept;

double watch_wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - (double)loop_now() / 1e6;
}

static bool concerns(const struct watch *w, const struct engine_event *ev)
{
	char addr[IPSEC_ADDR_STRLEN];

	if (ev->type >= ENGINE_DETAILS && !w->details && ev->type != ENGINE_MISSED)
		return false;
	if (!*w->who.peer || ev->type == ENGINE_MISSED)
		return true;
	return !strncmp(ev->peer, w->who.peer, sizeof(ev->peer)) ||
	       (ev->remote.family && !strcmp(ipsec_addr_format(&ev->remote, addr, sizeof(addr)), w->who.peer));
}

static void tell_missed(struct client *c, struct watch *w)
{
	struct engine_event ev = { .type = ENGINE_MISSED, .at = loop_now(), .message_id = w->missed };

	if (!w->missed)
		return;
	w->missed = 0;
	client_send(c, render_event(&ev, watch_wall()));
}

void watch_drained(struct client *c)
{
	tell_missed(c, client_state(c));
}

/* o is the caller's. */
static void tell(struct client *c, struct watch *w, json_t *o)
{
	if (client_queued(c) > WATCH_QUEUE_MAX) {
		w->missed++;
		return;
	}
	tell_missed(c, w);
	client_send(c, json_incref(o));
}

void watch_begin(struct client *c, const struct ctl_ask *ask)
{
	struct watch *w = client_state(c);
	uint64_t back = (uint64_t)((ask->since < 1e9 ? ask->since : 1e9) * 1e6), now = loop_now();
	unsigned int first = kept.n < WATCH_KEPT ? 0 : kept.next;

	if (ask->tokens) {
		w->tokens = true;
		return;
	}
	w->on = true;
	w->details = w->details || ask->details;
	w->who = ask->who;
	for (unsigned int i = 0; ask->since > 0 && i < kept.n; i++) {
		const struct engine_event *ev = &kept.ev[(first + i) % WATCH_KEPT];
		json_t *o;

		if (now - ev->at > back || !concerns(w, ev))
			continue;
		o = render_event(ev, watch_wall());
		tell(c, w, o);
		json_decref(o);
	}
}

bool watch_details(struct client *const *clients, int n)
{
	for (int i = 0; i < n; i++) {
		const struct watch *w = clients[i] ? client_state(clients[i]) : NULL;

		if (w && w->on && w->details)
			return true;
	}
	return false;
}

void watch_event(struct client *const *clients, int n, const struct engine_event *ev)
{
	json_t *o = NULL;

	kept.ev[kept.next] = *ev;
	kept.next = (kept.next + 1) % WATCH_KEPT;
	kept.n += kept.n < WATCH_KEPT;
	for (int i = 0; i < n; i++) {
		struct watch *w = clients[i] ? client_state(clients[i]) : NULL;

		if (!w || !w->on || !concerns(w, ev))
			continue;
		o = o ? o : render_event(ev, watch_wall());
		tell(clients[i], w, o);
	}
	json_decref(o);
}

bool watch_tokens(struct client *const *clients, int n)
{
	for (int i = 0; i < n; i++) {
		const struct watch *w = clients[i] ? client_state(clients[i]) : NULL;

		if (w && w->tokens)
			return true;
	}
	return false;
}

void watch_token(struct client *const *clients, int n, const struct card_event *ev)
{
	json_t *o = NULL;

	for (int i = 0; i < n; i++) {
		struct watch *w = clients[i] ? client_state(clients[i]) : NULL;

		if (!w || !w->tokens)
			continue;
		o = o ? o : render_token_event(ev, watch_wall());
		tell(clients[i], w, o);
	}
	json_decref(o);
}
