// SPDX-License-Identifier: MIT
// The trust role's whole state, and what happens to it when.
#include "keyd/trust/trust.h"

#include "keyd/trust/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CHANGED_PAUSE 10000000u		/* µs between two times that all tickets are asked about */

void trust_log(struct trust *t, enum log_level level, const char *fmt, ...)
{
	char text[2 * TRUST_URL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->hooks->log(t->arg, level, text);
}

void trust_reply(struct trust *t, struct trust_time now, struct trust_answer *an)
{
	an->ends_in = an->ends == INT64_MAX ? INT64_MAX : an->ends - now.wall;
	t->hooks->answer(t->arg, an);
}

void trust_news(struct trust *t)
{
	t->changed = true;
}

struct trust *trust_new(const struct trust_hooks *hooks, void *arg)
{
	struct trust *t = calloc(1, sizeof(*t));

	if (t)
		t->status = crypto_status_new();
	if (!t || !t->status) {
		free(t);
		return NULL;
	}
	t->hooks = hooks;
	t->arg = arg;
	t->warn_at = INT64_MAX;
	list_init(&t->waiting);
	sources_init(&t->sources, hooks, arg);
	belief_init(&t->now);
	belief_init(&t->next);
	return t;
}

void trust_free(struct trust *t)
{
	if (!t)
		return;
	revoke_forget_waiting(t);
	sources_free(&t->sources);
	belief_free(&t->now);
	belief_free(&t->next);
	crypto_status_free(t->status);
	free(t);
}

static void tell_changed(struct trust *t, struct trust_time now)
{
	if (!t->changed || !t->asker || now.us < t->changed_at)
		return;
	t->changed = false;
	t->changed_at = now.us + CHANGED_PAUSE;
	t->hooks->changed(t->arg);
}

/* --- configuration --- */

void trust_begin(struct trust *t, bool fetch, uint32_t warning_days)
{
	belief_free(&t->next);
	belief_init(&t->next);
	t->next.fetch = fetch;
	t->next.warning_days = warning_days;
	crypto_status_forget_waiting(t->status);
}

void trust_end(struct trust *t, struct trust_time now)
{
	struct belief old = t->now;

	t->now = t->next;
	belief_init(&t->next);
	sources_switch(&t->sources, t->now.fetch && t->fetcher);
	revoke_configure(t, now);
	staple_configure(t, now, &old);
	belief_free(&old);
	/* Another set of CAs may believe somebody no more. */
	t->changed = t->changed || t->configured;
	t->changed_at = now.us;
	t->configured = true;
	t->warn_at = now.wall;
	trust_tick(t, now);
}

/* --- who asks, who fetches --- */

void trust_ask(struct trust *t, struct trust_time now, const struct trust_request *rq)
{
	struct trust_answer an = { .id = rq->id, .error = TRUST_FAILED };
	bool done = true;

	if (!t->configured)
		proof_refuse(&an, TRUST_FAILED, "nothing is configured yet");
	else if (rq->kind == TRUST_PROOF)
		done = judge_proof(t, now, rq, &an);
	else
		judge_still(t, now, rq, &an);
	if (done)
		trust_reply(t, now, &an);
}

void trust_asker(struct trust *t, bool there)
{
	t->asker = there;
	revoke_forget_waiting(t);
	if (!there)
		return;
	/* It may have tickets of an earlier life. */
	t->changed = t->configured;
	t->changed_at = 0;
	staple_tell(t);
}

void trust_fetcher(struct trust *t, struct trust_time now, bool there)
{
	t->fetcher = there;
	sources_switch(&t->sources, there && t->now.fetch);
	trust_tick(t, now);
}

void trust_fetched(struct trust *t, struct trust_time now, uint32_t id, struct view bytes)
{
	struct source *s = source_fetched(&t->sources, id);

	if (!s)
		return;
	revoke_take(t, now, s, bytes);
	if (s->kind == SOURCE_STAPLE && !s->failures)
		staple_take(t, now, s, bytes);
	revoke_look_soon(t, now);
	tell_changed(t, now);
}

void trust_fetch_failed(struct trust *t, struct trust_time now, uint32_t id, struct view why)
{
	struct source *s = source_fetched(&t->sources, id);
	char text[TRUST_WHY_MAX];

	if (!s)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)(why.n < sizeof(text) ? why.n : sizeof(text)), (const char *)why.p);
	source_failed(&t->sources, s, now.us, text);
	revoke_look_soon(t, now);
}

/* --- time --- */

static void warn(struct trust *t, int64_t wall)
{
	for (unsigned i = 0; i < t->now.nowns; i++)
		own_warn(t->now.owns[i], wall, t->now.warning_days, t->hooks->log, t->arg);
	t->warn_at = wall + OWN_DAY;
}

void trust_tick(struct trust *t, struct trust_time now)
{
	if (t->configured && now.wall >= t->warn_at)
		warn(t, now.wall);
	sources_tick(&t->sources, now.us, now.wall);
	if (t->nwaiting && now.us >= t->look)
		revoke_look(t, now);
	tell_changed(t, now);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t trust_deadline(const struct trust *t, struct trust_time now)
{
	uint64_t at = sources_deadline(&t->sources, now.us, now.wall);

	if (t->nwaiting)
		at = sooner(at, t->look);
	if (t->changed && t->asker)
		at = sooner(at, t->changed_at);
	if (t->configured && t->warn_at != INT64_MAX)
		at = sooner(at, t->warn_at > now.wall ? now.us + (uint64_t)(t->warn_at - now.wall) * 1000000u : now.us);
	return at;
}
