// SPDX-License-Identifier: MIT
// Tokens with our keys that are pulled out, and put back.
#include "keyd/ike/away.h"

#include "keyd/conf/load.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ike/retry.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ike/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A peer whose IKE SA went down, or did not come up, for want of a token: it comes back with the key of its section, whose digest
 * may have become known meanwhile.
 */
struct gone {
	struct list link;
	char peer[CONF_NAME_MAX];
};

void away_free(struct engine *e)
{
	list_each(g, &e->away.gone, struct gone, link)
		free(g);
	list_init(&e->away.gone);
	timer_cancel(&e->timers, &e->away.timer);
}

static const struct cred *token_of(const struct ike_sa *sa)
{
	const struct cred *c = creds_find(&sa->e->creds, &sa->proof.key);

	return c && c->token.away ? c : NULL;
}

/* As the configuration says now; of a section that is not there any more, as it said. */
static const struct conf_peer *section_of(const struct ike_sa *sa)
{
	const struct conf_peer *conf = conf_peer_by_name(&sa->e->conf, sa->peer->conf.name);

	return conf ? conf : &sa->peer->conf;
}

bool away_lost(const struct ike_sa *sa)
{
	return section_of(sa)->pulled == CONF_PULLED_NO_REKEY && token_of(sa);
}

/* When sa must go down; ENGINE_NEVER: it need not. */
static uint64_t due(const struct ike_sa *sa)
{
	const struct conf_peer *conf = section_of(sa);
	const struct cred *c = sa->state == IKE_ESTABLISHED && conf->pulled == CONF_PULLED_DOWN ? token_of(sa) : NULL;

	return c ? c->token.since + SECONDS(conf->pulled_after) : ENGINE_NEVER;
}

/* Without memory it comes back when traffic asks for it. */
static void remember(const struct ike_sa *sa)
{
	struct gone *g;

	list_each(old, &sa->e->away.gone, struct gone, link)
		if (!strcmp(old->peer, sa->peer->conf.name))
			return;
	g = calloc(1, sizeof(*g));
	if (!g)
		return;
	snprintf(g->peer, sizeof(g->peer), "%s", sa->peer->conf.name);
	list_add_tail(&sa->e->away.gone, &g->link);
}

void away_ends(struct ike_sa *sa)
{
	remember(sa);
	sa->proof.why = REASON_TOKEN_ABSENT;
	ike_sa_touch(sa);
}

static void down(struct ike_sa *sa)
{
	report_sa(sa, LOG_LEVEL_WARNING, "token", "pulled", "the token with our key is away: \"pulled down\" in its section");
	away_ends(sa);
	sa->version->delete_ike(sa);
}

void away_failed(const struct ike_sa *sa)
{
	if (sa->initiator)
		remember(sa);
}

static bool proves_by_key(const struct conf_peer *conf)
{
	for (unsigned i = 0; i < CONF_ROUNDS_MAX; i++)
		if (conf->auth_local[i] == CONF_AUTH_CERT || conf->auth_local[i] == CONF_AUTH_KEY)
			return true;
	return false;
}

bool away_stops(struct ike_sa *sa)
{
	static const char why[] = "the token with our key is not there";
	const struct cred *c = creds_find(&sa->e->creds, &sa->peer->conf.key);

	if (!c || !c->token.away || !proves_by_key(&sa->peer->conf))
		return false;
	report_reason(sa, REASON_TOKEN_ABSENT);
	report_sa(sa, LOG_LEVEL_WARNING, "IKE_SA", "failed", "%s", why);
	away_failed(sa);
	ike_sa_end(sa, why);
	return true;
}

static void look_due(struct timer *t)
{
	away_look(container_of(t, struct engine, away.timer));
}

void away_look(struct engine *e)
{
	uint64_t next = ENGINE_NEVER;

	list_each(sa, &e->sas, struct ike_sa, link) {
		uint64_t at = due(sa);

		if (at <= e->now)
			down(sa);
		else if (at < next)
			next = at;
	}
	if (next == ENGINE_NEVER)
		timer_cancel(&e->timers, &e->away.timer);
	else
		timer_set(&e->timers, &e->away.timer, next, look_due);
}

/* What waits for a key, or went down for want of it. */
static void come_back(struct engine *e, const struct conf_digest *key)
{
	retries_hurry(e);
	tunnels_hurry(e);
	list_each(g, &e->away.gone, struct gone, link) {
		const struct conf_peer *conf = conf_peer_by_name(&e->conf, g->peer);

		if (conf && memcmp(&conf->key, key, sizeof(*key)) != 0)
			continue;
		if (conf)
			engine_up(e, e->now, g->peer, NULL);
		list_del(&g->link);
		free(g);
	}
}

void engine_token(struct engine *e, uint64_t now, const struct conf_digest *key, bool there, bool usable)
{
	struct cred *c = creds_find_own(&e->creds, key);
	bool begins;

	e->now = now;
	if (!c)
		return;
	begins = usable && !c->token.usable;
	if (!there && !c->token.away)
		c->token.since = now;
	c->token.away = !there;
	c->token.usable = usable;
	away_look(e);
	if (begins)
		come_back(e, key);
	engine_settle(e);
}
