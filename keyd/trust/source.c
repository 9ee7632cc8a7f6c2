// SPDX-License-Identifier: MIT
// URLs that are fetched: one at a time each, with pauses after failures.
#include "keyd/trust/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000u			/* µs */
#define LOST (2 * TRUST_FETCH_WAIT_MS * 1000ull)	/* µs after which no answer comes any more */

void sources_init(struct sources *ss, const struct trust_hooks *hooks, void *arg)
{
	*ss = (struct sources){ .hooks = hooks, .arg = arg };
	list_init(&ss->all);
}

static void source_free(struct source *s)
{
	crypto_cert_free(s->issuer);
	free(s->url);
	free(s->post);
	free(s);
}

void source_forget(struct sources *ss, struct source *s)
{
	if (s->id) {
		ss->hooks->cancel(ss->arg, s->id);
		ss->under_way--;
	}
	ss->n--;
	list_del(&s->link);
	source_free(s);
}

void sources_free(struct sources *ss)
{
	list_each(s, &ss->all, struct source, link)
		source_forget(ss, s);
}

static bool is(const struct source *s, enum source_kind kind, struct view url, struct view post)
{
	return s->kind == kind && strlen(s->url) == url.n && !memcmp(s->url, url.p, url.n) && s->npost == post.n &&
	       (!post.n || !memcmp(s->post, post.p, post.n));
}

static struct source *find(struct sources *ss, enum source_kind kind, struct view url, struct view post)
{
	list_each(s, &ss->all, struct source, link)
		if (is(s, kind, url, post))
			return s;
	return NULL;
}

/* Room for one more: the one that was wanted longest ago goes. 0 or -1. */
static int make_room(struct sources *ss)
{
	if (ss->n < SOURCES_MAX)
		return 0;
	list_each(s, &ss->all, struct source, link) {
		if (s->configured || s->id)
			continue;
		source_forget(ss, s);
		return 0;
	}
	return -1;
}

static bool same_cert(const struct crypto_cert *a, const struct crypto_cert *b)
{
	struct view x = crypto_cert_der(a), y = crypto_cert_der(b);

	return x.n == y.n && !memcmp(x.p, y.p, x.n);
}

static struct source *source_new(enum source_kind kind, struct view url, struct view post, const struct crypto_cert *issuer)
{
	struct source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	list_init(&s->link);
	s->kind = kind;
	s->due = INT64_MAX;
	s->url = calloc(1, url.n + 1);
	s->post = post.n ? malloc(post.n) : NULL;
	if (!s->url || (post.n && !s->post) || (issuer && crypto_cert_from_der(&s->issuer, crypto_cert_der(issuer)))) {
		source_free(s);
		return NULL;
	}
	memcpy(s->url, url.p, url.n);
	if (post.n)
		memcpy(s->post, post.p, post.n);
	s->npost = post.n;
	return s;
}

struct source *source_want(struct sources *ss, enum source_kind kind, struct view url, struct view post,
			   const struct crypto_cert *issuer, int64_t wall)
{
	struct source *s = find(ss, kind, url, post);

	if (!s) {
		if (!url.n || url.n > TRUST_URL_MAX || memchr(url.p, 0, url.n) || make_room(ss))
			return NULL;
		s = source_new(kind, url, post, issuer);
		if (!s)
			return NULL;
		ss->n++;
	}
	/*
	 * Two CAs that name one place: the list is taken without an issuer, and waits for whose it is. A question of OCSP says
	 * by itself which name and key it is about; any certificate of them will do.
	 */
	if (kind == SOURCE_CRL && s->issuer && issuer && !same_cert(s->issuer, issuer)) {
		crypto_cert_free(s->issuer);
		s->issuer = NULL;
	}
	s->wanted = wall;
	list_del(&s->link);
	list_add_tail(&ss->all, &s->link);
	return s;
}

bool sources_are_busy(const struct sources *ss)
{
	return ss->under_way >= SOURCE_FETCHES_MAX;
}

bool source_fetch(struct sources *ss, struct source *s, uint64_t now)
{
	struct trust_fetch f = {
		.url = { (const uint8_t *)s->url, strlen(s->url) },
		.post = { s->post, s->npost },
		.most = s->kind == SOURCE_CRL ? CRYPTO_CRL_MAX : CRYPTO_OCSP_MAX,
		.wait_ms = TRUST_FETCH_WAIT_MS,
	};

	if (s->id)
		return true;
	if (!ss->on || s->retry > now || sources_are_busy(ss))
		return false;
	if (!++ss->last_id)
		ss->last_id = 1;
	f.id = s->id = ss->last_id;
	s->since = now;
	ss->under_way++;
	ss->hooks->fetch(ss->arg, &f);
	return true;
}

struct source *source_fetched(struct sources *ss, uint32_t id)
{
	list_each(s, &ss->all, struct source, link) {
		if (!id || s->id != id)
			continue;
		s->id = 0;
		ss->under_way--;
		return s;
	}
	return NULL;
}

void source_good(struct source *s, struct trust_time now, int64_t due)
{
	s->failures = 0;
	s->retry = now.us + SOURCE_SOON_MIN * SECOND;
	s->due = due;
	s->why[0] = 0;
}

void source_failed(struct sources *ss, struct source *s, uint64_t now, const char *why)
{
	uint64_t pause = (uint64_t)SOURCE_BACKOFF_FIRST << (s->failures < 8 ? s->failures : 8);
	char text[TRUST_URL_MAX + TRUST_WHY_MAX + 80];

	s->failures++;
	s->retry = now + (pause < SOURCE_BACKOFF_MAX ? pause : SOURCE_BACKOFF_MAX);
	snprintf(s->why, sizeof(s->why), "%s", why);
	snprintf(text, sizeof(text), "fetch: result=failed url=%s again_in=%us error=\"%s\"", s->url,
		 (unsigned)((s->retry - now) / SECOND), why);
	ss->hooks->log(ss->arg, s->failures > 1 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, text);
}

void sources_switch(struct sources *ss, bool on)
{
	ss->on = on;
	list_each(s, &ss->all, struct source, link) {
		if (!s->id || on)
			continue;
		ss->hooks->cancel(ss->arg, s->id);
		s->id = 0;
		ss->under_way--;
	}
}

/* µs when something is to be done about this: it is due, or its answer is overdue. */
static uint64_t when(const struct source *s, uint64_t now, int64_t wall)
{
	uint64_t at;

	if (s->id)
		return s->since + LOST;
	if (s->due == INT64_MAX || (!s->configured && wall - s->wanted > SOURCE_KEEP))
		return TRUST_NEVER;
	at = s->due > wall ? now + (uint64_t)(s->due - wall) * SECOND : now;
	return at > s->retry ? at : s->retry;
}

void sources_tick(struct sources *ss, uint64_t now, int64_t wall)
{
	list_each(s, &ss->all, struct source, link) {
		if (!ss->on || when(s, now, wall) > now)
			continue;
		if (s->id) {
			ss->hooks->cancel(ss->arg, s->id);
			source_fetched(ss, s->id);
			source_failed(ss, s, now, "no answer came");
		} else {
			source_fetch(ss, s, now);
		}
	}
}

uint64_t sources_deadline(const struct sources *ss, uint64_t now, int64_t wall)
{
	uint64_t first = TRUST_NEVER;

	if (!ss->on)
		return TRUST_NEVER;
	list_each(s, &ss->all, struct source, link) {
		/* With all under way the next one begins when one of them ends. */
		uint64_t at = s->id || !sources_are_busy(ss) ? when(s, now, wall) : TRUST_NEVER;

		first = at < first ? at : first;
	}
	return first;
}
