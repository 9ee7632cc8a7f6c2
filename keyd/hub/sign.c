// SPDX-License-Identifier: MIT
// Signatures: who is served next, what must come first, and who is told no.
#include "keyd/hub/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000ull
#define PATIENCE 2000000u		/* µs that one waits for a token that may just be coming */

static void job_free(struct hub *h, struct job *j)
{
	list_del(&j->link);
	h->njobs--;
	h->noctets -= j->octets.n;
	secret_clear(&j->octets);
	free(j);
}

static void unlink_call(struct hub *h, const struct job *j)
{
	list_each(w, &h->workers, struct hub_worker, link)
		if (w->call.job == j)
			w->call.job = NULL;
}

void jobs_free(struct hub *h)
{
	list_each(j, &h->jobs, struct job, link) {
		unlink_call(h, j);
		job_free(h, j);
	}
}

static void reply(struct hub *h, uint32_t id, struct card_signed *s, const char *token, const char *why, struct view signature)
{
	const struct view parts[] = { { (const uint8_t *)s, sizeof(*s) }, signature };

	snprintf(s->token, sizeof(s->token), "%s", token);
	snprintf(s->why, sizeof(s->why), "%s", why);
	h->hooks->tell(h->arg, HUB_SIGNED, id, parts, 2);
}

/* What somebody could do about it. */
static enum token_need need_after(int error)
{
	static const uint8_t needs[] = {
		[-CARD_GONE] = TOKEN_WANT_TOKEN, [-CARD_LOCKED] = TOKEN_WANT_PIN, [-CARD_PIN_WRONG] = TOKEN_WANT_OTHER_PIN,
		[-CARD_PIN_BLOCKED] = TOKEN_WANT_UNBLOCK, [-CARD_PIN_CANCELLED] = TOKEN_WANT_PIN, [-CARD_BROKEN] = TOKEN_WANT_CURE,
	};

	return error <= 0 && (size_t)-error < sizeof(needs) ? needs[-error] : TOKEN_READY;
}

static void job_end(struct hub *h, struct job *j, int error, enum token_need need, const char *why)
{
	struct want *w = want_by_handle(h, &j->sign.handle);
	struct card_signed s = { .error = error, .need = (uint8_t)need };

	hub_log(h, LOG_LEVEL_DEBUG, "no signature: token=\"%s\" error=\"%s\" need=\"%s\" why=\"%s\"",
		w && w->token ? token_title(w->token) : "", card_strerror(error), token_need_text(need), why);
	reply(h, j->id, &s, w && w->token ? token_title(w->token) : w ? w->w.uri : "", why, (struct view){ 0 });
	unlink_call(h, j);
	job_free(h, j);
	h->again = true;
}

/* --- who asks --- */

static struct job *job_find(struct hub *h, uint32_t id)
{
	list_each(j, &h->jobs, struct job, link)
		if (j->id == id)
			return j;
	return NULL;
}

/* One behind the last of the same source, and not before those who had to wait meanwhile: so sources take turns. */
static uint64_t turn_of(const struct hub *h, const struct ipsec_addr *source)
{
	uint64_t turn = h->turn;

	list_each(j, &h->jobs, struct job, link)
		if (j->turn > turn && ipsec_addr_equal(&j->sign.source, source))
			turn = j->turn;
	return turn + 1;
}

int hub_sign(struct hub *h, uint32_t id, const struct card_sign *sign, struct view octets, uint64_t now)
{
	struct card_signed full = { .error = CARD_FAILED };
	struct job *j;

	if (octets.n > CARD_WIRE_OCTETS_MAX || job_find(h, id))
		return -1;
	j = h->njobs < HUB_JOBS_MAX && octets.n <= HUB_OCTETS_MAX - h->noctets ? calloc(1, sizeof(*j)) : NULL;
	if (!j || secret_set(&j->octets, octets.p, octets.n)) {
		free(j);
		reply(h, id, &full, "", "too many signatures are waited for", (struct view){ 0 });
		return 0;
	}
	j->id = id;
	j->sign = *sign;
	j->since = now;
	j->due = HUB_NEVER;
	j->turn = turn_of(h, &sign->source);
	list_add_tail(&h->jobs, &j->link);
	h->njobs++;
	h->noctets += octets.n;
	hub_run(h, now);
	return 0;
}

void hub_cancel(struct hub *h, uint32_t id, uint64_t now)
{
	struct job *j = job_find(h, id);

	if (!j)
		return;
	unlink_call(h, j);
	job_free(h, j);
	hub_run(h, now);
}

void hub_auth_gone(struct hub *h, uint64_t now)
{
	jobs_free(h);
	hub_run(h, now);
}

/* --- what can be done --- */

enum verdict { JOB_WAITS, JOB_REFUSED, JOB_LOGIN, JOB_SIGNS };

struct verdict_of {
	struct want *want;
	struct pin_use use;
	bool with_pin;			/* it goes with the signature */
	int error;
	enum token_need need;
};

static enum verdict no(struct verdict_of *v, int error, enum token_need need)
{
	v->error = error;
	v->need = need;
	return JOB_REFUSED;
}

/* Until then it is worth waiting. */
static enum verdict wait_until(struct job *j, uint64_t at)
{
	j->due = at;
	return JOB_WAITS;
}

/* Somebody is just looking what is there. */
static bool looking(const struct hub *h, uint64_t now)
{
	list_each(w, &h->workers, struct hub_worker, link)
		if ((w->kind == HUB_MODULE || w->kind == HUB_READER) && !w->failures && hub_worker_mends(w, now))
			return true;
	list_each(t, &h->tokens, struct hub_token, link)
		if (t->read || t->reading)
			return true;
	return false;
}

static enum verdict judge_absent(const struct hub *h, struct job *j, struct verdict_of *v, uint64_t now)
{
	if (!hub_settled(h, now))
		return wait_until(j, h->settle_by);
	if (now < j->since + PATIENCE && looking(h, now))
		return wait_until(j, j->since + PATIENCE);
	if (v->want->error == CARD_GONE || (v->want->token && v->want->token->state.state == TOKEN_ABSENT))
		return no(v, CARD_GONE, TOKEN_WANT_TOKEN);
	return no(v, v->want->error, TOKEN_READY);
}

static enum verdict judge_key(struct hub *h, struct job *j, struct verdict_of *v)
{
	const struct card_key *k = want_key(v->want);

	if (!k)
		return no(v, CARD_NO_KEY, TOKEN_READY);
	if (!(j->sign.schemes & k->schemes))
		return no(v, CARD_NO_SCHEME, TOKEN_READY);
	v->with_pin = k->each;
	if (!k->each)
		return JOB_SIGNS;
	v->need = pin_need(h, v->want->token, &v->use, true);
	return v->need == TOKEN_LOGIN ? JOB_SIGNS : no(v, CARD_LOCKED, v->need);
}

static enum verdict judge(struct hub *h, struct job *j, struct verdict_of *v, uint64_t now)
{
	const struct hub_token *t;
	const struct card_key *k;
	uint64_t cured_by;

	*v = (struct verdict_of){ .want = want_by_handle(h, &j->sign.handle) };
	j->due = HUB_NEVER;
	if (!v->want)
		return no(v, CARD_NO_KEY, TOKEN_READY);
	t = v->want->token;
	if (!t || t->state.state == TOKEN_ABSENT || !t->worker)
		return judge_absent(h, j, v, now);
	cured_by = t->state.since + h->now.rules.call_ms * MS;
	if (t->state.state == TOKEN_FAILING)
		return now < cured_by && hub_worker_mends(t->worker, now) ? wait_until(j, cured_by) : no(v, CARD_BROKEN, TOKEN_WANT_CURE);
	if (t->read || t->reading || t->logout || t->state.trial.from != TOKEN_PIN_NONE || ask_waits(h, t))
		return JOB_WAITS;
	k = want_key(v->want);
	if (k && k->open)
		return judge_key(h, j, v);
	pin_of(t, v->want, &v->use);
	v->need = pin_need(h, v->want->token, &v->use, false);
	if (v->need == TOKEN_READY)
		return judge_key(h, j, v);
	if (v->need == TOKEN_LOGIN)
		return JOB_LOGIN;
	return no(v, v->need == TOKEN_WANT_UNBLOCK ? CARD_PIN_BLOCKED : CARD_LOCKED, v->need);
}

void jobs_refuse(struct hub *h, uint64_t now)
{
	struct verdict_of v;

	list_each(j, &h->jobs, struct job, link)
		if (!j->busy && judge(h, j, &v, now) == JOB_REFUSED)
			job_end(h, j, v.error, v.need, v.want && v.want->token ? v.want->token->why : "");
}

static void job_sign(struct hub *h, struct hub_worker *w, struct job *j, const struct verdict_of *v, uint64_t now)
{
	const struct card_key *k = want_key(v->want);

	memcpy(j->key, k->digest, sizeof(j->key));
	/* Who has asked may not have known what kind of key this is. */
	j->scheme = (unsigned)__builtin_ctz(crypto_sig_good(k->public, j->sign.schemes & k->schemes));
	h->turn = j->turn > h->turn ? j->turn : h->turn;
	call_begin(h, w, CARD_WIRE_SIGN, v->want->token, j, NULL, v->with_pin ? &v->use : NULL, now);
}

bool jobs_serve(struct hub *h, struct hub_worker *w, uint64_t now)
{
	struct job *first = NULL;
	struct verdict_of v;

	list_each(j, &h->jobs, struct job, link)
		if (!j->busy && (!first || j->turn < first->turn) && judge(h, j, &v, now) >= JOB_LOGIN && v.want->token->worker == w)
			first = j;
	if (!first)
		return false;
	if (judge(h, first, &v, now) == JOB_LOGIN)
		call_begin(h, w, CARD_WIRE_LOGIN, v.want->token, first, NULL, &v.use, now);
	else
		job_sign(h, w, first, &v, now);
	return w->call.type != 0;
}

uint64_t jobs_deadline(const struct hub *h)
{
	uint64_t at = HUB_NEVER;

	list_each(j, &h->jobs, struct job, link)
		if (!j->busy && j->due < at)
			at = j->due;
	return at;
}

/* --- what came of it --- */

static void signature_done(struct hub *h, struct job *j, const struct call *c)
{
	struct card_signed s = { .error = CARD_OK, .scheme = (uint8_t)c->scheme };

	reply(h, j->id, &s, token_title(c->token), "", secret_view(&c->signature));
	job_free(h, j);
}

/* The token or its module has lost this one. */
static void drop_scheme(struct hub *h, struct job *j, const struct call *c, const char *why)
{
	const struct crypto_sig *s = card_wire_scheme(c->scheme);
	uint32_t bit = 1u << c->scheme;
	bool news = false;

	j->sign.schemes &= ~bit;
	for (unsigned i = 0; c->token->keys && i < c->token->keys->n; i++) {
		struct card_key *k = &c->token->keys->key[i];

		if (memcmp(k->digest, c->key, sizeof(c->key)))
			continue;
		news |= (k->schemes & bit) != 0;
		k->schemes &= ~bit;
	}
	if (news)
		hub_log(h, LOG_LEVEL_NOTICE, "a token cannot sign in this way, and is asked for another: token=\"%s\" scheme=%s why=\"%s\"",
			token_title(c->token), s ? s->name : "unknown", why);
	h->changed = true;
}

/* Its module says that it wants no PIN, and is wrong. */
static void close_open(struct hub *h, const struct call *c)
{
	for (unsigned i = 0; c->token->keys && i < c->token->keys->n; i++)
		if (!memcmp(c->token->keys->key[i].digest, c->key, sizeof(c->key)))
			c->token->keys->key[i].open = false;
	h->changed = true;
}

static bool has_second_chance(struct job *j, int error, uint64_t now)
{
	if (j->again || (error != CARD_LOCKED && error != CARD_GONE && error != CARD_BROKEN))
		return false;
	j->again = true;
	j->since = now;
	return true;
}

void job_called(struct hub *h, struct job *j, const struct call *c, int error, const char *why, uint64_t now)
{
	j->busy = false;
	h->again = true;
	if (c->type == CARD_WIRE_LOGIN && !error)
		return;
	if (error == CARD_LOCKED && c->type == CARD_WIRE_SIGN)
		close_open(h, c);
	if (!error && c->signature.n)
		signature_done(h, j, c);
	else if (error == CARD_NO_SCHEME && c->type == CARD_WIRE_SIGN)
		drop_scheme(h, j, c, why);
	else if (!has_second_chance(j, error, now))
		job_end(h, j, error ? error : CARD_BROKEN, need_after(error ? error : CARD_BROKEN), why);
}

void job_lost(struct hub *h, struct job *j)
{
	job_end(h, j, CARD_BROKEN, TOKEN_WANT_CURE, "its process died");
}
