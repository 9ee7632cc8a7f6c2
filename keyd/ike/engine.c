// SPDX-License-Identifier: MIT
// The engine's outside: it begins, takes what comes, and tells what it holds.
#include "keyd/ike/engine.h"

#include "keyd/crypto/rand.h"
#include "keyd/ike/away.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/freeze.h"
#include "keyd/ike/guard.h"
#include "keyd/ike/orphan.h"
#include "keyd/ike/report.h"
#include "keyd/ike/retry.h"
#include "keyd/ike/story.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ike/version.h"

#include <stdlib.h>
#include <string.h>

#define NOISE_PER_SECOND 10
#define VERSION_AT 17		/* in a datagram */

#define TABLES(e) { &(e)->by_spi, &(e)->by_ends, &(e)->by_ids, &(e)->by_child, &(e)->by_out, &(e)->by_policy, \
		    &(e)->by_retry, &(e)->by_straggler, &(e)->by_reqid, &(e)->by_traffic }

static int tables_init(struct engine *e)
{
	struct table *all[] = TABLES(e);

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (table_init(all[i]))
			return -1;
	return 0;
}

static void tables_free(struct engine *e)
{
	struct table *all[] = TABLES(e);

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		table_free(all[i]);
}

struct engine *engine_new(const struct engine_hooks *hooks, void *arg, const struct conf *conf)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->hooks = hooks;
	e->hooks_arg = arg;
	list_init(&e->sas);
	list_init(&e->dead);
	list_init(&e->asks);
	list_init(&e->touched);
	list_init(&e->leaving);
	list_init(&e->thawing);
	list_init(&e->stragglers);
	list_init(&e->orphans);
	stories_init(&e->stories);
	list_init(&e->retries);
	list_init(&e->away.gone);
	traffics_init(e);
	tunnels_init(e);
	if (pools_init(&e->pools) || half_open_init(&e->half_open) || spd_init(&e->spd) || tables_init(e) ||
	    engine_configure(e, conf) || crypto_rand(e->cookie_secret, sizeof(e->cookie_secret))) {
		engine_free(e);
		return NULL;
	}
	return e;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	keep_close(e);
	thaw_free(e);
	list_each(sa, &e->sas, struct ike_sa, link)
		ike_sa_free(sa);
	engine_settle(e);
	stories_free(&e->stories);
	stragglers_free(e);
	retries_free(e);
	orphans_free(e);
	tunnels_free(e);
	away_free(e);
	traffics_free(e);
	pools_free(&e->pools);
	guards_free(e);
	spd_free(&e->spd);
	timers_free(&e->timers);
	half_open_free(&e->half_open);
	tables_free(e);
	peers_free(e);
	creds_free(&e->creds);
	secret_cleanse(e, sizeof(*e));
	free(e);
}

void engine_input(struct engine *e, uint64_t now, const struct engine_datagram *d)
{
	e->now = now;
	e->stats.datagrams_in++;
	/* The byte after both SPIs and the next payload is major and minor (RFC 2408 3.1, RFC 7296 3.1). */
	if (d->data.n > VERSION_AT && d->data.p[VERSION_AT] >> 4 == ikev1_version.major)
		ikev1_version.input(e, d);
	else
		ikev2_version.input(e, d);
	engine_settle(e);
}

void engine_tick(struct engine *e, uint64_t now)
{
	struct timer *t;

	e->now = now;
	while ((t = timers_first(&e->timers)) && t->at <= now) {
		timer_cancel(&e->timers, t);
		t->fn(t);
	}
	engine_settle(e);
}

uint64_t engine_deadline(const struct engine *e)
{
	struct timer *t = timers_first(&e->timers);

	return t ? t->at : ENGINE_NEVER;
}

bool rate_pass(struct engine *e, struct rate *r, unsigned per_second)
{
	uint64_t second = e->now / SECONDS(1);

	if (second != r->second)
		*r = (struct rate){ .second = second };
	if (r->used < per_second) {
		r->used++;
		return true;
	}
	r->held++;
	return false;
}

bool rate_room(struct engine *e, struct rate *r)
{
	if (r->second != e->now / SECONDS(1) || r->used < NOISE_PER_SECOND)
		return true;
	r->held++;
	return false;
}

bool rate_allow(struct engine *e, struct rate *r)
{
	unsigned held = r->second != e->now / SECONDS(1) ? r->held : 0;
	bool pass = rate_pass(e, r, NOISE_PER_SECOND);

	if (held)
		report_engine(e, LOG_LEVEL_NOTICE, "%u similar lines were held back", held);
	return pass;
}

uint64_t engine_random_below(uint64_t max)
{
	uint64_t r;

	if (max < 2 || crypto_rand(&r, sizeof(r)))
		return 0;
	return r % max;
}

void engine_watch(struct engine *e, bool details)
{
	e->details = details;
}

void engine_stats(const struct engine *e, struct engine_stats *out)
{
	*out = e->stats;
}
