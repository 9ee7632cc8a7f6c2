// SPDX-License-Identifier: MIT
// The settings of peers: replaced by a reload, kept by the SAs that were made with them.
#include "keyd/conf/load.h"
#include "keyd/ike/away.h"
#include "keyd/ike/engine_state.h"
#include "keyd/ike/guard.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/retry.h"
#include "keyd/ike/tunnel.h"

#include <stdlib.h>
#include <string.h>

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

static void list_free(struct peer **peers, unsigned n)
{
	for (unsigned i = 0; peers && i < n; i++)
		peer_put(peers[i]);
	free(peers);
}

void peers_free(struct engine *e)
{
	list_free(e->peers, e->conf.npeers);
	peer_put(e->default_peer);
	free(e->conf.peers);
	free(e->conf.pools);
}

int engine_configure(struct engine *e, const struct conf *conf)
{
	struct peer *standard = peer_new(&conf->defaults);
	struct peer **peers = calloc(conf->npeers + 1, sizeof(*peers));
	struct conf_peer *flat = calloc(conf->npeers + 1, sizeof(*flat));
	struct conf_pool *pools = calloc(conf->npools + 1, sizeof(*pools));
	bool ok = standard && peers && flat && pools;

	for (unsigned i = 0; ok && i < conf->npeers; i++) {
		flat[i] = conf->peers[i];
		peers[i] = peer_new(&conf->peers[i]);
		ok = peers[i] != NULL;
	}
	for (unsigned i = 0; ok && i < conf->npools; i++)
		pools[i] = conf->pools[i];
	if (!ok || creds_configure(&e->creds, conf)) {
		list_free(peers, conf->npeers);
		peer_put(standard);
		free(flat);
		free(pools);
		return -1;
	}
	peers_free(e);
	e->conf = *conf;
	e->conf.peers = flat;
	e->conf.pools = pools;
	e->conf.creds = NULL;
	e->conf.cas = NULL;
	e->conf.pins = NULL;
	e->conf.crls = NULL;
	e->conf.tokens = NULL;
	e->conf.ncreds = e->conf.ncas = e->conf.npins = e->conf.ncrls = e->conf.ntokens = 0;	/* in creds, or of no use here */
	e->peers = peers;
	e->default_peer = standard;
	if (pools_configure(&e->pools, &e->conf) || guards_configure(e))
		return -1;
	tunnels_configure(e);
	retries_hurry(e);
	proof_ask_all(e);		/* by what their sections believe now */
	away_look(e);
	engine_settle(e);
	return 0;
}

struct peer *engine_peer(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	const struct conf_peer *conf = conf_peer_find(&e->conf, local, remote);

	if (conf == &e->conf.defaults)
		return peer_get(e->default_peer);
	return peer_get(e->peers[conf - e->conf.peers]);
}

bool peer_named(const struct conf_peer *conf, const struct ipsec_addr *remote, const char *peer)
{
	char text[IPSEC_ADDR_STRLEN];

	if (!peer || !*peer)
		return true;
	return !strcmp(conf->name, peer) || !strcmp(ipsec_addr_format(remote, text, sizeof(text)), peer);
}
