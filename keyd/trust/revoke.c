// SPDX-License-Identifier: MIT
// Who waits for a word about revocation, and where that word is fetched.
#include "keyd/trust/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPATIENCE 2000000u		/* µs that one source may be silent before the next one is asked, too */
#define LOOK_EVERY 500000u		/* µs between two looks at those that wait */
#define LOOK_LEAST 20000u		/* the same, where there are more than… */
#define LOOK_FEW 32			/* …so many, at whatever rate things come */

static struct view text(const char *s)
{
	return (struct view){ (const uint8_t *)s, strlen(s) };
}

/* --- what is fetched for a chain --- */

/* What pursuing has come to. */
struct pursuit {
	struct trust *t;
	struct trust_time now;
	bool hope;			/* something is under way, or will be */
	bool enough;			/* of this certificate: no further source is to be asked now */
	char *why;
	size_t n;
};

static void try_source(struct pursuit *p, enum source_kind kind, const char *url, struct view post, const struct crypto_cert *issuer)
{
	struct sources *ss = &p->t->sources;
	struct source *s = p->enough ? NULL : source_want(ss, kind, text(url), post, issuer, p->now.wall);

	if (!s)
		return;
	if (source_fetch(ss, s, p->now.us)) {
		p->hope = true;
		p->enough = p->now.us - s->since < IMPATIENCE;
	} else if (s->retry <= p->now.us) {
		p->hope = p->enough = true;	/* it has to wait for its turn, or for a new fetch role */
	} else if (!*p->why && s->failures) {
		snprintf(p->why, p->n, "%s %s", s->url, s->why);
	}
}

static void pursue_link(struct pursuit *p, const struct crypto_chain *chain, unsigned depth, const struct crypto_link *link)
{
	const struct crypto_cert *issuer = crypto_chain_cert(chain, depth + 1);
	uint8_t request[CRYPTO_OCSP_REQUEST_MAX];
	size_t n = sizeof(request);

	p->enough = false;
	if (link->nocsps && !crypto_chain_ocsp_request(chain, depth, false, request, &n))
		for (unsigned i = 0; i < link->nocsps; i++)
			try_source(p, SOURCE_OCSP, link->ocsps[i], (struct view){ request, n }, issuer);
	for (unsigned i = 0; i < link->ncrls; i++)
		try_source(p, SOURCE_CRL, link->crls[i], (struct view){ 0 }, issuer);
}

bool revoke_pursue(struct trust *t, struct trust_time now, const struct crypto_chain *chain, char *why, size_t n)
{
	struct pursuit p = { .t = t, .now = now, .why = why, .n = n };
	struct crypto_link link;

	*why = 0;
	if (!t->now.fetch) {
		snprintf(why, n, "nothing is fetched (\"fetch no\")");
		return false;
	}
	for (unsigned i = 0; i + 1 < crypto_chain_length(chain); i++)
		if (!crypto_chain_link(chain, t->status, i, now.wall, &link) && link.state != CRYPTO_STATE_REVOKED &&
		    link.refresh <= now.wall)
			pursue_link(&p, chain, i, &link);
	/* A list that somebody put into the configuration may be of just this CA. */
	list_each(s, &t->sources.all, struct source, link)
		p.hope = p.hope || (s->configured && s->kind == SOURCE_CRL && s->id);
	return p.hope;
}

/* --- who waits --- */

static void waiting_free(struct trust *t, struct waiting *w)
{
	list_del(&w->link);
	crypto_chain_free(w->chain);
	free(w);
	t->nwaiting--;
}

void revoke_forget_waiting(struct trust *t)
{
	list_each(w, &t->waiting, struct waiting, link)
		waiting_free(t, w);
}

int revoke_wait(struct trust *t, struct trust_time now, struct crypto_chain *chain, const struct trust_answer *an)
{
	struct waiting *w = t->nwaiting < TRUST_WAITING_MAX ? calloc(1, sizeof(*w)) : NULL;

	if (!w) {
		crypto_chain_free(chain);
		return -1;
	}
	*w = (struct waiting){ .chain = chain, .until = now.us + TRUST_STRICT_WAIT, .an = *an };
	list_add_tail(&t->waiting, &w->link);
	t->nwaiting++;
	if (t->nwaiting == 1)
		t->look = now.us + LOOK_EVERY;
	return 0;
}

void revoke_look(struct trust *t, struct trust_time now)
{
	t->looked = now.us;
	t->look = now.us + LOOK_EVERY;
	list_each(w, &t->waiting, struct waiting, link) {
		char why[TRUST_URL_MAX + TRUST_WHY_MAX];
		bool known = judge_waiting(t, now, w->chain, &w->an);
		/* While no further fetch may begin nobody's can fail. */
		bool hope = !known && (sources_are_busy(&t->sources) || revoke_pursue(t, now, w->chain, why, sizeof(why)));

		if (!known && hope && now.us < w->until)
			continue;
		if (!known)
			judge_unknown(&w->an, hope ? "nothing came in time" : why);
		trust_reply(t, now, &w->an);
		waiting_free(t, w);
	}
}

void revoke_look_soon(struct trust *t, struct trust_time now)
{
	uint64_t soon = t->looked + LOOK_LEAST;

	if (t->nwaiting <= LOOK_FEW || now.us >= soon)
		revoke_look(t, now);
	else if (soon < t->look)
		t->look = soon;
}

/* --- what came --- */

/* Of a list whose CA is not said: that of one we know, or it waits. */
static int add_list(struct trust *t, const struct belief *b, const struct crypto_cert *issuer, struct view bytes, int64_t wall,
		    struct crypto_news *news)
{
	int r = CRYPTO_STATUS_ISSUER;

	if (issuer)
		return crypto_status_add_crl(t->status, issuer, bytes, wall, news);
	for (unsigned i = 0; r == CRYPTO_STATUS_ISSUER && i < b->nissuers; i++)
		r = crypto_status_add_crl(t->status, b->issuer[i], bytes, wall, news);
	return r == CRYPTO_STATUS_ISSUER ? crypto_status_add_crl(t->status, NULL, bytes, wall, news) : r;
}

static int64_t later(int64_t refresh, int64_t wall)
{
	return refresh > wall + SOURCE_SOON_MIN ? refresh : wall + SOURCE_SOON_MIN;
}

static void took(struct trust *t, struct trust_time now, struct source *s, const struct crypto_news *news)
{
	char date[CRYPTO_DAY_LEN], why[TRUST_WHY_MAX];

	s->waits = news->waits;
	if (news->until > now.wall) {
		source_good(s, now, later(news->refresh, now.wall));
	} else {
		snprintf(why, sizeof(why), "gives what has run out on %s", crypto_day(news->until, date));
		source_failed(&t->sources, s, now.us, why);
	}
	if (news->changed)
		trust_news(t);
	trust_log(t, LOG_LEVEL_INFO, "fetch: result=ok url=%s news=%s", s->url, news->changed ? "yes" : "no");
}

void revoke_take(struct trust *t, struct trust_time now, struct source *s, struct view bytes)
{
	struct crypto_news news = { 0 };
	char why[TRUST_WHY_MAX];
	int r;

	if (s->kind == SOURCE_CRL)
		r = add_list(t, &t->now, s->issuer, bytes, now.wall, &news);
	else
		r = crypto_status_add_ocsp(t->status, s->issuer, bytes, (struct view){ s->post, s->npost }, now.wall, &news);
	if (r) {
		snprintf(why, sizeof(why), "gives what is of no use: %s", crypto_status_strerror(r));
		source_failed(&t->sources, s, now.us, why);
		return;
	}
	took(t, now, s, &news);
	if (s->kind == SOURCE_CRL && !s->failures)
		t->hooks->cache(t->arg, text(s->url), bytes);
}

/* --- what is configured --- */

int trust_crl(struct trust *t, struct trust_time now, struct view bytes, const char **why)
{
	struct crypto_news news = { 0 };
	int r = add_list(t, &t->next, NULL, bytes, now.wall, &news);

	if (!r && news.changed)
		trust_news(t);
	/* The same file again, or its successor was fetched meanwhile: no mistake of anybody. */
	if (!r || r == CRYPTO_STATUS_OLD)
		return 0;
	*why = crypto_status_strerror(r);
	return -1;
}

int trust_cached(struct trust *t, struct trust_time now, struct view url, struct view bytes, const char **why)
{
	struct crypto_news news = { 0 };
	struct source *s;
	int r = add_list(t, &t->next, NULL, bytes, now.wall, &news);

	if (r == CRYPTO_STATUS_OLD)
		return 0;
	if (r) {
		*why = crypto_status_strerror(r);
		return -1;
	}
	if (news.changed)
		trust_news(t);
	s = source_want(&t->sources, SOURCE_CRL, url, (struct view){ 0 }, NULL, now.wall);
	if (s && s->due == INT64_MAX)
		s->due = later(news.refresh, now.wall);
	if (s)
		s->waits = false;
	return 0;
}

void revoke_configure(struct trust *t, struct trust_time now)
{
	list_each(s, &t->sources.all, struct source, link)
		s->configured = false;
	for (unsigned i = 0; i < t->now.nurls; i++) {
		struct source *s = source_want(&t->sources, SOURCE_CRL, text(t->now.urls[i]), (struct view){ 0 }, NULL, now.wall);

		if (!s)
			continue;
		s->configured = true;
		if (s->due == INT64_MAX)
			s->due = INT64_MIN;
	}
	/* What had no CA was forgotten with the configuration before. */
	list_each(s, &t->sources.all, struct source, link) {
		if (!s->waits)
			continue;
		s->waits = false;
		s->due = INT64_MIN;
		s->retry = 0;
	}
}
