// SPDX-License-Identifier: MIT
// IKE SAs: how they begin, are found, and change state.
#include "keyd/ike/ike_sa.h"

#include "keyd/conf/id.h"
#include "keyd/crypto/rand.h"
#include "keyd/ike/away.h"
#include "keyd/ike/duplicate.h"
#include "keyd/ike/keepalive.h"
#include "keyd/ike/keylog.h"
#include "keyd/ike/lifetime.h"
#include "keyd/ike/liveness.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ike/version.h"

#include <stdlib.h>
#include <string.h>

/* A rekey that is not wanted now is looked at again after this. */
#define REKEY_POSTPONED SECONDS(10)

static const char *const state_names[IKE_STATES] = {
	[IKE_NEW] = "new",
	[IKE_INIT] = "init",
	[IKE_AUTH] = "auth",
	[IKE_ESTABLISHED] = "established",
	[IKE_REPLACED] = "replaced",
	[IKE_DELETING] = "deleting",
	[IKE_CROSSED] = "crossed",
	[IKE_CLOSED] = "closed",
	[IKE_DEAD] = "dead",
};

/* From (row) to (bits): everything may die, and what has been established may be closed. */
static const unsigned state_steps[IKE_STATES] = {
	[IKE_NEW] = 1u << IKE_INIT | 1u << IKE_ESTABLISHED | 1u << IKE_CROSSED,
	[IKE_INIT] = 1u << IKE_AUTH,
	[IKE_AUTH] = 1u << IKE_ESTABLISHED | 1u << IKE_DELETING,
	[IKE_ESTABLISHED] = 1u << IKE_REPLACED | 1u << IKE_DELETING,
	[IKE_REPLACED] = 1u << IKE_DELETING,
	[IKE_DELETING] = 0,
	[IKE_CROSSED] = 1u << IKE_ESTABLISHED | 1u << IKE_DELETING,
	[IKE_CLOSED] = 0,
	[IKE_DEAD] = 0,
};

const char *ike_state_name(enum ike_state s)
{
	return s < IKE_STATES ? state_names[s] : "?";
}

bool ike_state_half_open(enum ike_state s)
{
	return s < IKE_ESTABLISHED;
}

static uint64_t spi_key(const uint8_t spi[8])
{
	uint64_t key;

	memcpy(&key, spi, sizeof(key));
	return key;
}

const uint8_t *ike_sa_our_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

struct ike_sa *ike_sa_find(struct engine *e, const uint8_t spi[8])
{
	struct table_node *node = table_find(&e->by_spi, spi_key(spi));

	return node ? container_of(node, struct ike_sa, node) : NULL;
}

/* Zero is no SPI (RFC 7296 2.6), and ours are unique among ours. */
static int fresh_spi(struct engine *e, uint8_t spi[8])
{
	do {
		if (crypto_rand(spi, 8))
			return -1;
	} while (!spi_key(spi) || ike_sa_find(e, spi));
	return 0;
}

static uint64_t ends_key(const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	uint64_t h = table_hash(0, local->b, ipsec_addr_bits(local->family) / 8);

	return table_hash(h, remote->b, ipsec_addr_bits(remote->family) / 8);
}

void ike_sa_set_remote(struct ike_sa *sa, const struct ipsec_addr *remote, uint16_t port)
{
	table_del(&sa->e->by_ends, &sa->by_ends);
	sa->remote = *remote;
	sa->remote_port = port;
	ike_sa_touch(sa);
	table_add(&sa->e->by_ends, &sa->by_ends, ends_key(&sa->local, remote));
}

static struct ike_sa *between_or_next(struct table_node *node, const struct ipsec_addr *local,
				      const struct ipsec_addr *remote)
{
	for (; node; node = table_next(node)) {
		struct ike_sa *sa = container_of(node, struct ike_sa, by_ends);

		if (ipsec_addr_equal(&sa->local, local) && ipsec_addr_equal(&sa->remote, remote))
			return sa;
	}
	return NULL;
}

struct ike_sa *ike_sa_first_between(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	return between_or_next(table_find(&e->by_ends, ends_key(local, remote)), local, remote);
}

struct ike_sa *ike_sa_next_between(const struct ike_sa *sa)
{
	return between_or_next(table_next(&sa->by_ends), &sa->local, &sa->remote);
}

struct ike_sa *ike_sa_heir(struct ike_sa *sa)
{
	struct ike_sa *next = sa;

	while (spi_key(next->successor) && (next = ike_sa_find(sa->e, next->successor)))
		if (next->state < IKE_CLOSED)
			sa = next;
	return sa;
}

bool ike_sa_same_peer(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b && a->state == IKE_ESTABLISHED && conf_id_equal(&a->remote_id, &b->remote_id) &&
	       conf_id_equal(&a->local_id, &b->local_id);
}

void ike_sa_touch(struct ike_sa *sa)
{
	keep_touch(sa->e, &sa->keep, KEEP_IKE_SA);
}

struct ike_sa *ike_sa_take(struct engine *e, struct peer *peer, bool initiator, const uint8_t spi_i[8],
			   const uint8_t spi_r[8])
{
	const uint8_t *ours = initiator ? spi_i : spi_r;
	struct ike_sa *sa = spi_key(ours) && !ike_sa_find(e, ours) ? calloc(1, sizeof(*sa)) : NULL;

	if (!sa)
		return NULL;
	sa->e = e;
	sa->initiator = initiator;
	memcpy(sa->spi_i, spi_i, sizeof(sa->spi_i));
	memcpy(sa->spi_r, spi_r, sizeof(sa->spi_r));
	sa->peer = peer_get(peer);
	sa->version = ike_version_of(&peer->conf);
	sa->created_at = sa->heard_at = e->now;
	list_init(&sa->queue);
	list_init(&sa->dead);
	list_init(&sa->half_open.link);
	list_init(&sa->half_open.unshown);
	list_init(&sa->children);
	list_init(&sa->unborn);
	list_add_tail(&e->sas, &sa->link);
	table_add(&e->by_spi, &sa->node, spi_key(ike_sa_our_spi(sa)));
	e->stats.ike_now++;
	e->stats.half_open_now++;
	return sa;
}

struct ike_sa *ike_sa_new(struct engine *e, struct peer *peer, bool initiator, const struct ipsec_addr *local,
			  uint16_t local_port, const struct ipsec_addr *remote, uint16_t remote_port)
{
	uint8_t spi[2][8] = { { 0 } };
	struct ike_sa *sa = fresh_spi(e, spi[!initiator]) ? NULL : ike_sa_take(e, peer, initiator, spi[0], spi[1]);

	if (!sa)
		return NULL;
	sa->local = *local;
	sa->local_port = local_port;
	ike_sa_set_remote(sa, remote, remote_port);
	return sa;
}

void ike_sa_set_state(struct ike_sa *sa, enum ike_state to)
{
	enum ike_state from = sa->state;

	if (from == to)
		return;
	if (to < IKE_CLOSED && !(state_steps[from] & 1u << to)) {
		report_sa(sa, LOG_LEVEL_ERROR, "state", "refused", "no step from %s to %s", ike_state_name(from),
			  ike_state_name(to));
		return;
	}
	sa->state = to;
	ike_sa_touch(sa);
	/* One that only answers copies of its DELETE is nobody's tunnel any more. */
	if (from < IKE_CLOSED && to >= IKE_CLOSED)
		sa->e->stats.ike_now--;
	report_state(sa, NULL, ike_state_name(from), ike_state_name(to));
	/* The first state in which the peer speaks by these keys. */
	if (to == IKE_AUTH || (to == IKE_ESTABLISHED && from == IKE_NEW))
		keylog_ike(sa);
	if (ike_state_half_open(from) && !ike_state_half_open(to)) {
		sa->e->stats.half_open_now--;
		half_open_done(sa);
	}
	if (from == IKE_ESTABLISHED)
		duplicate_forget(sa);
	if (to == IKE_DEAD)
		list_add_tail(&sa->e->dead, &sa->dead);
	report_sa(sa, LOG_LEVEL_DEBUG, "state", ike_state_name(to), "was %s", ike_state_name(from));
}

int ike_sa_ciphers(struct ike_sa *sa)
{
	const struct ikev2_keys *k = &sa->keys;
	struct crypto_cipher *i = crypto_cipher_new(sa->suite.encr, sa->suite.integ, secret_view(&k->sk_ei),
						    secret_view(&k->sk_ai));
	struct crypto_cipher *r = crypto_cipher_new(sa->suite.encr, sa->suite.integ, secret_view(&k->sk_er),
						    secret_view(&k->sk_ar));

	sa->seal = sa->initiator ? i : r;
	sa->open = sa->initiator ? r : i;
	return i && r ? 0 : -1;
}

bool ike_sa_alive(const struct ike_sa *sa)
{
	/* One that a rekey is making has no exchange of its own yet: it belongs to that rekey, and goes with it. */
	bool own = sa->state != IKE_NEW || sa->active || !list_empty(&sa->queue);

	return sa->state < IKE_REPLACED && own;
}

struct ike_sa *ike_sa_between(struct engine *e, const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	struct ike_sa *best = NULL;

	for (struct ike_sa *sa = ike_sa_first_between(e, local, remote); sa; sa = ike_sa_next_between(sa)) {
		if (!ike_sa_alive(sa) || sa->full || proof_lost(sa))
			continue;
		/* A half-open SA that a stranger began must not swallow our traffic. */
		if (ike_state_half_open(sa->state) && !sa->initiator)
			continue;
		/* Behind one NAT may be many: who has no child yet is likelier the one that this is for. */
		if (best && best->state == IKE_ESTABLISHED && best->nat_remote && list_empty(&best->children) &&
		    !list_empty(&sa->children))
			continue;
		if (!best || best->redundant_at || (sa->state == IKE_ESTABLISHED && !sa->redundant_at))
			best = sa;
	}
	return best;
}

static void rekey_due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, rekey);

	if (proof_lost(sa)) {
		report_sa(sa, LOG_LEVEL_NOTICE, "IKE_SA", "expired", "it is not renewed, as %s", proof_lost(sa));
		if (away_lost(sa))
			away_ends(sa);
		sa->version->delete_ike(sa);
		return;
	}
	if (ike_sa_find(sa->e, sa->reauth.by)) {	/* the next SA takes over: no use in fresh keys for this one */
		ike_sa_rekey_later(sa, REKEY_POSTPONED);
		return;
	}
	if (!sa->rekey_why)
		sa->rekey_why = "time";
	ike_sa_touch(sa);
	sa->version->rekey_ike(sa);
}

void ike_sa_rekey_later(struct ike_sa *sa, uint64_t delay)
{
	report_detail(sa, NULL, ENGINE_REKEY_FAILED, NULL, 0, "again in %.1f s", (double)delay / 1e6);
	sa->rekey_at = sa->e->now + delay;
	timer_set(&sa->e->timers, &sa->rekey, sa->rekey_at, rekey_due);
	ike_sa_touch(sa);
}

void ike_sa_established(struct ike_sa *sa, const char *how)
{
	const struct conf_peer *conf = &sa->peer->conf;
	struct proposal_choice algs = { .encr = sa->suite.encr, .prf = sa->suite.prf, .integ = sa->suite.integ,
					.ke = sa->ke };
	struct engine *e = sa->e;
	char text[128];

	ike_sa_set_state(sa, IKE_ESTABLISHED);
	duplicate_know(sa);
	if (!sa->rekeys) {
		memcpy(sa->origin, sa->spi_i, sizeof(sa->origin));
		sa->originator = sa->initiator;
		sa->origin_at = sa->e->now;
	}
	timer_cancel(&e->timers, &sa->end);
	secret_clear(&sa->init_request);	/* proved over, and long */
	secret_clear(&sa->init_response);
	proof_established(sa);
	sa->established_at = sa->heard_at = e->now;
	sa->rekey_at = e->now + lifetime_soft(conf, SECONDS(sa->life ? sa->life : conf->ike_lifetime), sa->initiator);
	timer_set(&e->timers, &sa->rekey, sa->rekey_at, rekey_due);
	liveness_start(sa);
	proposal_choice_format(&algs, text, sizeof(text));
	report_sa(sa, LOG_LEVEL_NOTICE, "IKE_SA", how, "%s as %s%s%s", text, sa->initiator ? "initiator" : "responder",
		  sa->rekey_why ? "; reason: " : "", sa->rekey_why ? sa->rekey_why : "");
	sa->rekey_why = NULL;
	report_event(sa, NULL, sa->rekeys ? ENGINE_IKE_REKEYED : ENGINE_IKE_UP, "%s", text);
	if (sa->rekeys)
		e->stats.ike_rekeyed++;
	else
		e->stats.ike_up++;
	keepalive_start(sa);
	if (!sa->rekeys)
		reauth_established(sa);
	ike_sa_kick(sa);
}

void ike_sa_take_up(struct ike_sa *sa, enum ike_state state, uint64_t rekey_at, uint64_t end_at)
{
	struct engine *e = sa->e;

	sa->thawed_at = e->now;
	sa->state = state;
	e->stats.half_open_now--;
	if (state >= IKE_CLOSED)
		e->stats.ike_now--;
	ike_sa_touch(sa);
	if (end_at && sa->redundant_at && state == IKE_ESTABLISHED)
		duplicate_goes(sa, end_at);
	else if (end_at && state != IKE_ESTABLISHED)
		ike_sa_end_at(sa, end_at);
	if (state != IKE_ESTABLISHED)
		return;
	keylog_ike(sa);
	duplicate_know(sa);
	if (rekey_at)
		timer_set(&e->timers, &sa->rekey, rekey_at, rekey_due);
	liveness_start(sa);
	keepalive_start(sa);
}
