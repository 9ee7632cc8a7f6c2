// SPDX-License-Identifier: MIT
// Which peer's section is meant: by the addresses, and then by what the peer says of itself and of us.
#include "keyd/conf/id.h"
#include "keyd/conf/load.h"

#include <string.h>

bool conf_peer_is_single(const struct conf_peer *peer)
{
	return *peer->host || (peer->remote.family && peer->remote_len == ipsec_addr_bits(peer->remote.family));
}

/* Of a name: is it one of the addresses that it stands for now? */
static bool is_at(const struct conf_peer *peer, const struct ipsec_addr *remote)
{
	for (unsigned i = 0; i < peer->nalso; i++)
		if (ipsec_addr_equal(&peer->also[i], remote))
			return true;
	return peer->remote.family && ipsec_addr_equal(&peer->remote, remote);
}

/* 0: does not fit; else the larger the more specific. An address that is written down goes before what a name stands for. */
static unsigned peer_fit(const struct conf_peer *peer, const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	bool local_known = local && local->family;
	unsigned fit = 1;

	if (*peer->host) {
		if (!is_at(peer, remote))
			return 0;
		fit += 2 + 4U * ipsec_addr_bits(remote->family);
	} else if (peer->remote.family) {
		if (!ipsec_addr_in_prefix(remote, &peer->remote, peer->remote_len))
			return 0;
		fit += 4 + 4U * peer->remote_len;
	}
	if (peer->local.family && local_known) {
		if (!ipsec_addr_equal(&peer->local, local))
			return 0;
		fit++;
	}
	return fit;
}

/* The first of those that fit best, with how well in *best; NULL: none fits. */
static const struct conf_peer *fittest(const struct conf *c, const struct ipsec_addr *local, const struct ipsec_addr *remote,
				       unsigned *best)
{
	const struct conf_peer *found = NULL;

	*best = 0;
	for (unsigned i = 0; i < c->npeers; i++) {
		unsigned fit = peer_fit(&c->peers[i], local, remote);

		if (fit > *best) {
			*best = fit;
			found = &c->peers[i];
		}
	}
	return found;
}

const struct conf_peer *conf_peer_find(const struct conf *c, const struct ipsec_addr *local,
				       const struct ipsec_addr *remote)
{
	unsigned best;
	const struct conf_peer *found = fittest(c, local, remote, &best);

	return found ? found : &c->defaults;
}

const struct conf_peer *conf_peer_by_name(const struct conf *c, const char *name)
{
	for (unsigned i = 0; i < c->npeers; i++)
		if (!strcmp(c->peers[i].name, name))
			return &c->peers[i];
	return strcmp(name, c->defaults.name) ? NULL : &c->defaults;
}

/* How well "id remote" fits: the larger the more specific; 0, and why: not at all. */
static unsigned remote_fit(const struct conf_peer *peer, const struct conf_claim *claim, enum conf_misfit *why)
{
	const struct conf_id *want = &peer->remote_id, *is = claim->remote_id;
	struct conf_id here;

	if (want->type != CONF_ID_ANY) {
		*why = CONF_MISFIT_REMOTE;
		return !conf_id_match(want, is) ? 0 : conf_id_equal(want, is) ? 3 : 2;
	}
	if ((is->type != CONF_ID_IPV4 && is->type != CONF_ID_IPV6) || claim->nat)
		return 1;
	conf_id_from_addr(&here, claim->remote);
	*why = CONF_MISFIT_ADDRESS;
	return conf_id_equal(&here, is);
}

bool conf_cred_has_name(const struct conf_cred *cred, const struct conf_id *id)
{
	for (unsigned i = 0; cred && i < CONF_CRED_NAMES_MAX && cred->names[i].type; i++)
		if (conf_id_equal(&cred->names[i], id))
			return true;
	return false;
}

/* Are we whom it asks for? */
static bool local_fits(const struct conf_peer *peer, const struct conf_claim *claim)
{
	const struct conf_id *is = claim->local_id;

	if (!is || peer->local_id.type == CONF_ID_ANY || conf_id_match(&peer->local_id, is))
		return true;
	return peer->id_of_cert && claim->in_our_cert && claim->in_our_cert(claim->arg, peer, is);
}

/* The same of a whole section; *why is CONF_FITS where it does. */
static unsigned claim_fit(const struct conf_peer *peer, const struct conf_claim *claim, conf_peer_may *may, void *arg,
			  enum conf_misfit *why)
{
	unsigned fit = 0;

	*why = CONF_MISFIT_LOCAL;
	if (local_fits(peer, claim))
		fit = remote_fit(peer, claim, why);
	if (fit && may && !may(arg, peer)) {
		*why = CONF_MISFIT_MAY;
		fit = 0;
	}
	if (fit)
		*why = CONF_FITS;
	return fit;
}

enum conf_misfit conf_peer_fits(const struct conf_peer *peer, const struct conf_claim *claim)
{
	enum conf_misfit why;

	claim_fit(peer, claim, NULL, NULL, &why);
	return why;
}

const struct conf_peer *conf_peer_choose(const struct conf *c, const struct conf_claim *claim, conf_peer_may *may, void *arg,
					 struct conf_choice *choice)
{
	unsigned best, best_claim = 0;
	const struct conf_peer *first = fittest(c, claim->local, claim->remote, &best), *found = NULL;
	const struct conf_peer *end = first ? c->peers + c->npeers : &c->defaults + 1;

	*choice = (struct conf_choice){ 0 };
	for (const struct conf_peer *peer = first ? first : &c->defaults; peer < end; peer++) {
		enum conf_misfit why;
		unsigned fit;

		if (first && peer_fit(peer, claim->local, claim->remote) != best)
			continue;
		fit = claim_fit(peer, claim, may, arg, &why);
		if (choice->n < CONF_TRIED_MAX)
			choice->tried[choice->n] = (struct conf_tried){ .peer = peer, .why = why };
		choice->n++;
		if (fit > best_claim) {
			best_claim = fit;
			found = peer;
		}
	}
	if (!found || !found->refuse)
		return found;
	*choice = (struct conf_choice){ .n = 1, .tried[0] = { .peer = found, .why = CONF_MISFIT_REFUSED } };
	return NULL;
}
