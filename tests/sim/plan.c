// SPDX-License-Identifier: MIT
// Plans of runs.
#include "tests/sim/plan.h"

#include "keyd/ike/timer.h"
#include "tests/sim/scenario.h"

#include <string.h>

static const struct {
	const char *name;
	bool ends;
} ops[OP_KINDS] = {
	[OP_REKEY_CHILD] = { "rekey the children", false },
	[OP_REKEY_IKE] = { "rekey the IKE SAs", false },
	[OP_REAUTH] = { "reauthenticate", false },
	[OP_DELETE_CHILD] = { "delete a child", true },
	[OP_DOWN] = { "delete the IKE SAs", true },
	[OP_FLUSH] = { "flush the SAD by hand", true },
	[OP_STEAL] = { "delete the outbound SA by hand", true },
	[OP_RESTART] = { "restart the daemon", false },
	[OP_KILL] = { "kill the daemon", false },
	[OP_REBOOT] = { "reboot", true },
	[OP_PARTITION] = { "cut the network", true },
	[OP_NAT_FORGET] = { "let the NAT forget", false },
	[OP_NAT_MOVE] = { "give the NAT another address", true },
	[OP_CLOCK] = { "set the clock", false },
	[OP_FLOOD] = { "flood with first requests", false },
	[OP_RELOAD] = { "load the settings again", false },
};

const char *op_name(enum op_kind kind)
{
	return ops[kind].name;
}

bool op_ends(enum op_kind kind)
{
	return ops[kind].ends;
}

bool plan_ends(const struct plan *p)
{
	for (unsigned i = 0; i < p->nops; i++)
		if (op_ends(p->op[i].kind))
			return true;
	/* With the first child that sends, INITIAL_CONTACT ends what the old daemon had; the other policies' children follow. */
	return p->npolicies > 1 && plan_has(p, OP_RESTART);
}

bool plan_has(const struct plan *p, enum op_kind kind)
{
	for (unsigned i = 0; i < p->nops; i++)
		if (p->op[i].kind == kind)
			return true;
	return false;
}

bool plan_renews(const struct plan *p)
{
	return p->ike_lifetime || p->child_lifetime || p->child_packets || p->reauth_lifetime;
}

bool plan_lossy(const struct plan *p)
{
	for (unsigned i = 0; i < p->nhosts; i++)
		if (p->host[i].loss)
			return true;
	return plan_has(p, OP_PARTITION) || plan_has(p, OP_REBOOT) || plan_has(p, OP_NAT_FORGET) ||
	       plan_has(p, OP_NAT_MOVE);
}

void plan_begin(struct plan *p, const struct scenario *s, uint64_t seed, struct rng *r)
{
	uint64_t delay = MILLISECONDS(1) << rng_below(r, 7);

	*p = (struct plan){ .scenario = s, .seed = seed, .nhosts = 2, .npolicies = 1, .linger = 10, .dpd = 30, .tries = 7,
			    .packet_every = MILLISECONDS(20), .active = SECONDS(5) };
	p->tunnel = rng_chance(r, 60);
	p->pfs = rng_chance(r, 30);
	for (unsigned i = 0; i < PLAN_HOSTS_MAX; i++) {
		struct plan_host *h = &p->host[i];

		h->delay = delay / 2 + rng_below(r, delay);
		h->esp_jitter = rng_chance(r, 50) ? rng_below(r, MILLISECONDS(30)) : 0;
		h->drift = (int)rng_between(r, 0, 400) - 200;
		h->kernel_delay = 50 + rng_below(r, rng_chance(r, 80) ? 300 : MILLISECONDS(5));
		h->auth_delay = 100;
	}
}

void plan_op(struct plan *p, uint64_t at, enum op_kind kind, unsigned host, uint64_t arg)
{
	unsigned i = p->nops;

	if (i == PLAN_OPS_MAX)
		return;
	for (; i && p->op[i - 1].at > at; i--)
		p->op[i] = p->op[i - 1];
	p->op[i] = (struct op){ .at = at, .kind = (uint8_t)kind, .host = (uint8_t)host, .arg = arg };
	p->nops++;
}

void plan_print(const struct plan *p, FILE *out)
{
	fprintf(out, "plan: scenario %s, seed %llu: %u hosts, %u polic%s for each pair (%s%s), pfs %s\n", p->scenario->name,
		(unsigned long long)p->seed, p->nhosts, p->npolicies, p->npolicies == 1 ? "y" : "ies",
		p->tunnel ? "tunnel" : "transport", p->own ? ", the daemons' own" : "", p->pfs ? "yes" : "no");
	fprintf(out, "  lifetimes: ike %u s, reauth %u s, child %u s, %llu packets (0: none); a packet every %.1f ms; %.1f s\n",
		p->ike_lifetime, p->reauth_lifetime, p->child_lifetime, (unsigned long long)p->child_packets,
		(double)p->packet_every / 1e3, (double)p->active / 1e6);
	for (unsigned i = 0; i < p->nhosts; i++) {
		const struct plan_host *h = &p->host[i];

		fprintf(out, "  host %u: delay %.1f ms, jitter %.1f ms (ESP %.1f ms), loss %u %% (ESP %u %%), doubled %u %%, mtu %zu, "
			"clock %+d ppm, kernel %.2f ms, proofs %.1f ms%s\n", i, (double)h->delay / 1e3, (double)h->jitter / 1e3,
			(double)h->esp_jitter / 1e3, h->loss, h->esp_loss, h->dup, h->mtu, h->drift,
			(double)h->kernel_delay / 1e3, (double)h->auth_delay / 1e3, h->nat ? ", behind a NAT" : "");
	}
	for (unsigned i = 0; i < p->nops; i++)
		fprintf(out, "  op %u: at %.6f s host %u: %s (%lld)\n", i, (double)p->op[i].at / 1e6, p->op[i].host,
			op_name(p->op[i].kind), (long long)p->op[i].arg);
}
