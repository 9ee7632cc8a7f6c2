// SPDX-License-Identifier: MIT
// The engine's outside: it begins, takes what comes, and tells what it holds.
#include "keyd/ike/engine.h"

#include "keyd/conf/load.h"
#include "keyd/crypto/rand.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/orphan.h"
#include "keyd/ike/report.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/version.h"

#include <stdlib.h>
#include <string.h>

#define NOISE_PER_SECOND 10

struct peer *peer_get(struct peer *p)
{
	p->refs++;
	return p;
}

void peer_put(struct peer *p)
{
	if (p && !--p->refs)
		free(p);
}

static struct peer *peer_new(const struct conf_peer *conf)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->refs = 1;
	p->conf = *conf;
	return p;
}

static void peers_free(struct peer **peers, unsigned n)
{
	for (unsigned i = 0; peers && i < n; i++)
		peer_put(peers[i]);
	free(peers);
}

int engine_configure(struct engine *e, const struct conf *conf)
{
	struct peer *standard = peer_new(&conf->defaults);
	struct peer **peers = calloc(conf->npeers + 1, sizeof(*peers));
	struct conf_peer *flat = calloc(conf->npeers + 1, sizeof(*flat));
	bool ok = standard && peers && flat;

	for (unsigned i = 0; ok && i < conf->npeers; i++) {
		flat[i] = conf->peers[i];
		peers[i] = peer_new(&conf->peers[i]);
		ok = peers[i] != NULL;
	}
	if (!ok) {
		peers_free(peers, conf->npeers);
		peer_put(standard);
		free(flat);
		return -1;
	}
	peers_free(e->peers, e->conf.npeers);
	peer_put(e->default_peer);
	free(e->conf.peers);
	e->conf = *conf;
	e->conf.peers = flat;
	e->peers = peers;
	e->default_peer = standard;
	return 0;
}

struct peer *engine_peer(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	const struct conf_peer *conf = conf_peer_find(&e->conf, local, remote);

	if (conf == &e->conf.defaults)
		return peer_get(e->default_peer);
	return peer_get(e->peers[conf - e->conf.peers]);
}

struct engine *engine_new(const struct engine_hooks *hooks, void *arg, const struct conf *conf)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->hooks = hooks;
	e->hooks_arg = arg;
	list_init(&e->sas);
	list_init(&e->asks);
	list_init(&e->stragglers);
	list_init(&e->orphans);
	spd_init(&e->spd);
	if (table_init(&e->by_spi) || table_init(&e->by_child) || engine_configure(e, conf) ||
	    crypto_rand(e->cookie_secret, sizeof(e->cookie_secret))) {
		engine_free(e);
		return NULL;
	}
	return e;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	list_each(sa, &e->sas, struct ike_sa, link)
		ike_sa_free(sa);
	ike_sa_reap(e);
	stragglers_forget(e, 0);
	orphans_free(e);
	spd_free(&e->spd);
	timers_free(&e->timers);
	table_free(&e->by_spi);
	table_free(&e->by_child);
	peers_free(e->peers, e->conf.npeers);
	peer_put(e->default_peer);
	free(e->conf.peers);
	secret_cleanse(e, sizeof(*e));
	free(e);
}

void engine_input(struct engine *e, uint64_t now, const struct engine_datagram *d)
{
	e->now = now;
	e->stats.datagrams_in++;
	ikev2_version.input(e, d);
	ike_sa_reap(e);
}

void engine_tick(struct engine *e, uint64_t now)
{
	struct timer *t;

	e->now = now;
	while ((t = timers_first(&e->timers)) && t->at <= now) {
		timer_cancel(&e->timers, t);
		t->fn(t);
	}
	ike_sa_reap(e);
}

uint64_t engine_deadline(const struct engine *e)
{
	struct timer *t = timers_first(&e->timers);

	return t ? t->at : ENGINE_NEVER;
}

bool rate_allow(struct engine *e, struct rate *r)
{
	uint64_t second = e->now / SECONDS(1);

	if (second != r->second) {
		unsigned held = r->held;

		*r = (struct rate){ .second = second };
		if (held)
			report_engine(e, LOG_LEVEL_NOTICE, "%u similar lines were held back", held);
	}
	if (r->used++ < NOISE_PER_SECOND)
		return true;
	r->held++;
	return false;
}

uint64_t engine_random_below(uint64_t max)
{
	uint64_t r;

	if (max < 2 || crypto_rand(&r, sizeof(r)))
		return 0;
	return r % max;
}

void engine_stats(const struct engine *e, struct engine_stats *out)
{
	*out = e->stats;
}
