// SPDX-License-Identifier: MIT
// The scenarios, and how each makes a plan.
#include "tests/sim/scenario.h"

#include "keyd/ike/timer.h"

#include <string.h>

#define PLAN_STREAM 0x706c616e

static enum op_kind one_of(struct rng *r, const uint8_t *kinds, unsigned n)
{
	return (enum op_kind)kinds[rng_below(r, n)];
}

#define ONE_OF(r, ...) one_of(r, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static const uint8_t renewals[] = { OP_REKEY_CHILD, OP_REKEY_CHILD, OP_REKEY_IKE };
static const uint8_t everything[] = { OP_REKEY_CHILD, OP_REKEY_IKE, OP_REAUTH, OP_DELETE_CHILD, OP_DOWN, OP_RELOAD };

/* The time in which exchanges that begin together meet. */
static uint64_t meeting(const struct plan *p)
{
	return 6 * (p->host[0].delay + p->host[1].delay) + MILLISECONDS(2);
}

/* Bursts of ops that meet one another, of these kinds, from a second after the beginning on. */
static void bursts(struct plan *p, struct rng *r, unsigned n, const uint8_t *kinds, unsigned nkinds)
{
	for (uint64_t at = MILLISECONDS(500); n; n--, at += SECONDS(1) + rng_below(r, SECONDS(3))) {
		for (unsigned i = (unsigned)rng_between(r, 1, 3); i; i--)
			plan_op(p, at + rng_below(r, meeting(p)), one_of(r, kinds, nkinds), (unsigned)rng_below(r, p->nhosts),
				rng_below(r, p->npolicies));
		p->active = at + SECONDS(3);
	}
}

#define BURSTS(p, r, n, kinds) bursts(p, r, n, kinds, sizeof(kinds))

/* Of one host's line, so that the way as a whole loses up to that much. */
static void lossy(struct plan *p, struct rng *r, unsigned most)
{
	unsigned who = (unsigned)rng_below(r, p->nhosts);

	p->host[who].loss = (unsigned)rng_below(r, most + 1);
	if (p->host[who].loss > 20)
		p->tries = 20;
	for (unsigned i = 0; i < p->nhosts; i++) {
		p->host[i].dup = (unsigned)rng_below(r, 30);
		p->host[i].jitter = rng_below(r, 4) * MILLISECONDS(10);
	}
	p->active += SECONDS(p->host[who].loss / 2);
}

static void rekey(struct plan *p, struct rng *r)
{
	p->npolicies = rng_chance(r, 30) ? 2 : 1;
	BURSTS(p, r, (unsigned)rng_between(r, 1, 4), renewals);
}

static void rekey_loss(struct plan *p, struct rng *r)
{
	rekey(p, r);
	lossy(p, r, 40);
}

static void deletes(struct plan *p, struct rng *r)
{
	static const uint8_t kinds[] = { OP_REKEY_CHILD, OP_REKEY_IKE, OP_DELETE_CHILD, OP_DOWN };

	p->npolicies = rng_chance(r, 30) ? 2 : 1;
	BURSTS(p, r, (unsigned)rng_between(r, 1, 4), kinds);
}

static void cross(struct plan *p, struct rng *r)
{
	p->npolicies = (unsigned)rng_between(r, 1, 3);
	BURSTS(p, r, (unsigned)rng_between(r, 1, 5), everything);
	lossy(p, r, 40);
	p->host[0].esp_loss = (unsigned)rng_below(r, 10);
	p->host[1].mtu = rng_chance(r, 10) ? 1280 : 0;
}

static void timers(struct plan *p, struct rng *r)
{
	p->linger = (unsigned)rng_between(r, 2, 5);
	p->child_lifetime = (unsigned)rng_between(r, 8, 30);
	p->ike_lifetime = (unsigned)rng_between(r, 10, 60);
	p->packet_every = MILLISECONDS(50);
	p->active = SECONDS(90);
	for (unsigned i = 0; i < p->nhosts; i++)
		p->host[i].drift = (int)rng_between(r, 0, 100000) - 50000;
	if (rng_chance(r, 50))
		lossy(p, r, 20);
}

static void volume(struct plan *p, struct rng *r)
{
	p->child_packets = rng_between(r, 50, 600);
	p->packet_every = MILLISECONDS(rng_between(r, 2, 10));
	p->active = SECONDS(10);
	if (rng_chance(r, 50))
		lossy(p, r, 20);
}

static void restart(struct plan *p, struct rng *r)
{
	uint64_t at = SECONDS(1);

	BURSTS(p, r, (unsigned)rng_between(r, 0, 2), renewals);
	for (unsigned i = (unsigned)rng_between(r, 1, 3); i; i--, at += rng_below(r, SECONDS(4)))
		plan_op(p, at + rng_below(r, meeting(p)), OP_RESTART, (unsigned)rng_below(r, p->nhosts),
			MILLISECONDS(1) + rng_below(r, SECONDS(1)));
	p->active = at + SECONDS(5);
	if (rng_chance(r, 40))
		lossy(p, r, 20);
}

/* At every moment of everything: what outlives a daemon must be whole. */
static void killed(struct plan *p, struct rng *r)
{
	static const uint8_t kinds[] = { OP_REKEY_CHILD, OP_REKEY_CHILD, OP_REKEY_IKE, OP_REAUTH, OP_KILL, OP_KILL };

	p->npolicies = rng_chance(r, 30) ? 2 : 1;
	bursts(p, r, (unsigned)rng_between(r, 1, 4), kinds, sizeof(kinds));
	for (unsigned i = 0; i < p->nops; i++)
		if (p->op[i].kind == OP_KILL)
			p->op[i].arg = MILLISECONDS(1) + rng_below(r, rng_chance(r, 80) ? MILLISECONDS(500) : SECONDS(3));
	p->active += SECONDS(5);
	if (rng_chance(r, 40))
		lossy(p, r, 20);
}

static void reboot(struct plan *p, struct rng *r)
{
	BURSTS(p, r, (unsigned)rng_between(r, 0, 2), renewals);
	plan_op(p, SECONDS(1) + rng_below(r, SECONDS(2)), OP_REBOOT, (unsigned)rng_below(r, p->nhosts),
		SECONDS(1) + rng_below(r, SECONDS(30)));
	p->active = SECONDS(40);
	if (rng_chance(r, 40))
		lossy(p, r, 20);
}

static void flush(struct plan *p, struct rng *r)
{
	BURSTS(p, r, (unsigned)rng_between(r, 0, 2), renewals);
	for (unsigned i = (unsigned)rng_between(r, 1, 2); i; i--)
		plan_op(p, SECONDS(1) + rng_below(r, rng_chance(r, 50) ? SECONDS(3) : meeting(p)),
			ONE_OF(r, OP_FLUSH, OP_FLUSH, OP_STEAL), (unsigned)rng_below(r, p->nhosts), 0);
	if (rng_chance(r, 30))
		lossy(p, r, 20);
}

static void reauth(struct plan *p, struct rng *r)
{
	static const uint8_t kinds[] = { OP_REAUTH, OP_REAUTH, OP_REKEY_CHILD, OP_REKEY_IKE };

	p->npolicies = (unsigned)rng_between(r, 1, 3);
	BURSTS(p, r, (unsigned)rng_between(r, 1, 3), kinds);
	p->active += SECONDS(5);
	if (rng_chance(r, 40))
		lossy(p, r, 20);
}

static void nat(struct plan *p, struct rng *r)
{
	p->tunnel = true;
	p->host[1].nat = true;
	p->host[1].nat_patience = rng_chance(r, 50) ? SECONDS(rng_between(r, 25, 60)) : 0;
	BURSTS(p, r, (unsigned)rng_between(r, 1, 3), renewals);
	for (unsigned i = (unsigned)rng_between(r, 1, 3); i; i--)
		plan_op(p, rng_below(r, p->active), OP_NAT_FORGET, 1, 0);
	p->active += SECONDS(10);
	if (rng_chance(r, 30))
		lossy(p, r, 20);
}

static void move(struct plan *p, struct rng *r)
{
	p->tunnel = p->own = true;
	p->host[1].nat = true;
	BURSTS(p, r, (unsigned)rng_between(r, 0, 2), renewals);
	for (unsigned i = (unsigned)rng_between(r, 1, 3); i; i--)
		plan_op(p, SECONDS(1) + rng_below(r, p->active), OP_NAT_MOVE, 1, rng_below(r, 100));
	p->active += SECONDS(10);
	if (rng_chance(r, 30))
		lossy(p, r, 20);
}

static void cut(struct plan *p, struct rng *r)
{
	BURSTS(p, r, (unsigned)rng_between(r, 1, 3), everything);
	plan_op(p, rng_below(r, p->active), OP_PARTITION, (unsigned)rng_below(r, p->nhosts),
		rng_chance(r, 70) ? rng_below(r, SECONDS(5)) : SECONDS(rng_between(r, 10, 200)));
	p->active += SECONDS(5);
}

static void slow(struct plan *p, struct rng *r)
{
	static const uint8_t kinds[] = { OP_REAUTH, OP_REKEY_CHILD, OP_REKEY_IKE, OP_DOWN };

	p->host[rng_below(r, 2)].auth_delay = SECONDS(rng_chance(r, 70) ? 3 : 30);
	if (rng_chance(r, 30))
		p->host[rng_below(r, 2)].auth_delay = SECONDS(3);
	BURSTS(p, r, (unsigned)rng_between(r, 1, 3), kinds);
	p->active += SECONDS(20);
}

static void flood(struct plan *p, struct rng *r)
{
	BURSTS(p, r, (unsigned)rng_between(r, 1, 3), everything);
	for (unsigned i = 3; i; i--)
		plan_op(p, rng_below(r, p->active), OP_FLOOD, (unsigned)rng_below(r, 2), rng_between(r, 100, 1500));
}

static void clocks(struct plan *p, struct rng *r)
{
	BURSTS(p, r, (unsigned)rng_between(r, 2, 4), renewals);
	for (unsigned i = (unsigned)rng_between(r, 1, 3); i; i--)
		plan_op(p, rng_below(r, p->active), OP_CLOCK, (unsigned)rng_below(r, 2),
			(uint64_t)((int64_t)rng_between(r, 0, 7200) - 3600));
	for (unsigned i = 0; i < p->nhosts; i++)
		p->host[i].drift = (int)rng_between(r, 0, 100000) - 50000;
}

static void hub(struct plan *p, struct rng *r)
{
	static const uint8_t kinds[] = { OP_REKEY_CHILD, OP_REKEY_IKE, OP_REAUTH, OP_DELETE_CHILD, OP_DOWN, OP_FLUSH,
					 OP_STEAL, OP_RELOAD };

	p->nhosts = (unsigned)rng_between(r, 3, PLAN_HOSTS_MAX);
	p->npolicies = (unsigned)rng_between(r, 1, 3);
	p->packet_every = MILLISECONDS(50);
	BURSTS(p, r, (unsigned)rng_between(r, 2, 5), kinds);
	if (rng_chance(r, 50))
		lossy(p, r, 20);
	if (rng_chance(r, 30))
		plan_op(p, rng_below(r, p->active), OP_KILL, (unsigned)rng_below(r, p->nhosts), rng_below(r, SECONDS(1)));
}

/* Many rekeys in one run. */
static void storm(struct plan *p, struct rng *r)
{
	p->linger = 3;
	p->child_lifetime = (unsigned)rng_between(r, 3, 4);
	p->ike_lifetime = (unsigned)rng_between(r, 20, 60);
	p->packet_every = MILLISECONDS(100);
	p->active = SECONDS(600);
	lossy(p, r, 15);
}

const struct scenario scenarios[] = {
	{ "rekey", "rekeys of children and IKE SAs by either or both sides, at every distance", rekey, false },
	{ "rekey-loss", "the same, and 0 to 40 % of IKE datagrams are lost, some doubled and reordered", rekey_loss, false },
	{ "deletes", "rekeys and deletes that cross", deletes, false },
	{ "cross", "everything crosses everything, with loss", cross, false },
	{ "timers", "lifetimes of seconds, clocks that differ by up to 10 %", timers, false },
	{ "volume", "lifetimes of some hundred packets", volume, false },
	{ "restart", "daemons end and begin again, also while they rekey", restart, false },
	{ "kill", "daemons are killed at any moment, and the next ones go on with their records", killed, false },
	{ "reboot", "a machine is away and comes back without its SAs", reboot, false },
	{ "flush", "somebody flushes the SAD, or deletes an SA, at either or both ends", flush, false },
	{ "reauth", "reauthentication beside rekeys", reauth, false },
	{ "nat", "a NAT that forgets its mappings", nat, false },
	{ "move", "a NAT that gets another address", move, false },
	{ "cut", "the network is away, for a moment or for minutes", cut, false },
	{ "slow", "proofs take 3 s (a card) or 30 s (a PIN)", slow, false },
	{ "flood", "first requests from strangers while SAs are negotiated", flood, false },
	{ "clocks", "clocks are set, forward and back, and go wrong by 5 %", clocks, false },
	{ "hub", "up to five hosts, up to three policies each, and everything", hub, false },
	{ "storm", "hundreds of rekeys in a run", storm, true },
};
const unsigned nscenarios = sizeof(scenarios) / sizeof(scenarios[0]);

const struct scenario *scenario_by_name(const char *name)
{
	for (unsigned i = 0; i < nscenarios; i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	return NULL;
}

const struct scenario *scenario_for(uint64_t seed)
{
	unsigned n = 0;

	while (n < nscenarios && !scenarios[n].alone)
		n++;
	return &scenarios[n ? seed % n : 0];
}

void scenario_plan(const struct scenario *s, uint64_t seed, struct plan *p)
{
	struct rng r = rng_stream(seed, PLAN_STREAM + (uint64_t)(s - scenarios));

	plan_begin(p, s, seed, &r);
	s->plan(p, &r);
}
