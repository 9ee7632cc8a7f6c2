// SPDX-License-Identifier: MIT
// Daemons that are killed and go on with what they have left behind.
#include "tests/unit/world_inside.h"

#include "keyd/ike/freeze.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is it dead, or does it die just before this? */
bool world_dead(struct world_host *h)
{
	if (h->killed)
		return true;
	h->killed = ++h->outputs == h->kill_at;
	return h->killed;
}

static void record_free(struct world_record **slot)
{
	struct world_record *r = *slot;

	*slot = r->next;
	free(r);
}

static void list_free(struct world_record **list)
{
	while (*list)
		record_free(list);
}

void world_records_free(struct world_host *h)
{
	list_free(&h->records);
	list_free(&h->unkept);
}

static struct world_record **record_of(struct world_record **list, uint64_t id)
{
	while (*list && (*list)->id != id)
		list = &(*list)->next;
	return list;
}

void world_keep(void *arg, uint64_t id, const void *record, size_t n)
{
	struct world_host *h = arg;
	struct world_record *r, **end = &h->unkept;

	if (world_dead(h))
		return;
	r = calloc(1, sizeof(*r) + n);
	if (!r)
		abort();
	r->id = id;
	r->n = n;
	if (n)
		memcpy(r->bytes, record, n);
	while (*end)
		end = &(*end)->next;
	*end = r;
}

void world_kept(void *arg)
{
	struct world_host *h = arg;

	if (world_dead(h))
		return;
	while (h->unkept) {
		struct world_record *r = h->unkept, **old = record_of(&h->records, r->id);

		h->unkept = r->next;
		if (*old)
			record_free(old);
		r->next = h->records;
		h->records = r;
		if (!r->n)
			record_free(&h->records);
	}
}

static void check_record(struct world_host *h, struct keep *k, enum keep_kind kind, const char *what)
{
	static uint8_t buf[ENGINE_RECORD_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct world_record *r = k->id ? *record_of(&h->records, k->id) : NULL;
	bool kept;

	k->kind = (uint8_t)kind;
	kept = freeze(h->engine, k, &w);
	if (!kept && !r)
		return;
	if (kept && r && r->n == w.len && !memcmp(r->bytes, buf, w.len))
		return;
	fprintf(stderr, "host %u at %.6f: %s has changed and was not kept (%zu bytes, %zu before)\n", (unsigned)(h - h->w->host),
		(double)h->w->now / 1e6, what, kept ? w.len : 0, r ? r->n : 0);
	for (size_t i = 0; kept && r && i < w.len && i < r->n; i++)
		if (buf[i] != r->bytes[i]) {
			fprintf(stderr, "the first difference is at %zu\n", i);
			break;
		}
	abort();
}

/* What nobody would know after a kill just now. */
static void check_records(struct world_host *h)
{
	struct engine *e = h->engine;

	list_each(sa, &e->sas, struct ike_sa, link) {
		check_record(h, &sa->keep, KEEP_IKE_SA, ike_state_name(sa->state));
		list_each(c, &sa->children, struct child_sa, link)
			check_record(h, &c->keep, KEEP_CHILD, "a child");
	}
	list_each(s, &e->stragglers, struct straggler, link)
		check_record(h, &s->keep, KEEP_STRAGGLER, "a straggler");
	list_each(t, &e->traffics, struct traffic, link)
		check_record(h, &t->keep, KEEP_TRAFFIC, "traffic");
	list_each(u, &e->tunnels, struct tunnel, link)
		check_record(h, &u->keep, KEEP_TUNNEL, "a tunnel");
}

static void wake(struct world_host *h)
{
	struct world *w = h->w;

	h->killed = false;
	h->larval = false;
	h->unchecked = true;
	world_engine_begin(h);
	for (struct world_record *r = h->records; r; r = r->next)
		if (engine_thaw(h->engine, r->id, r->bytes, r->n))
			abort();
	engine_thawed(h->engine, w->now);
	world_tell_kernel(h);
}

void world_kill(struct world *w, unsigned host)
{
	struct world_host *h = &w->host[host];

	h->killed = true;		/* so that nothing leaves it any more */
	engine_free(h->engine);
	h->engine = NULL;
	list_free(&h->unkept);
	world_forget_events(w, host);
	h->kill_at = 0;
	h->wake_at = w->now + w->pause;
	h->kills++;
	if (!w->pause)
		wake(h);
}

void world_look_after(struct world *w)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct world_host *h = &w->host[i];

		if (h->engine && h->killed)
			world_kill(w, i);
		if (!h->engine && h->wake_at <= w->now)
			wake(h);
		if (h->engine && w->strict && h->unchecked)
			check_records(h);
		h->unchecked = false;
	}
}
