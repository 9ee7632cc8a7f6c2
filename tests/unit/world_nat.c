// SPDX-License-Identifier: MIT
// Address and port translation between two hosts in memory.
#include "tests/unit/world_nat.h"

#include <stdlib.h>
#include <string.h>

struct world_nat world_nat[WORLD_HOSTS];

static bool fresh(const struct world *w, const struct world_nat *nat, const struct world_mapping *m)
{
	return !nat->patience || w->now - m->used_at < nat->patience;
}

static struct world_mapping *mapping_out(struct world *w, struct world_nat *nat, uint16_t inner)
{
	struct world_mapping *m;

	for (m = nat->map; m < nat->map + nat->n; m++)
		if (m->inner == inner && !m->stale && fresh(w, nat, m))
			return m;
	if (nat->n == WORLD_NAT_MAPPINGS)
		abort();
	nat->n++;
	*m = (struct world_mapping){ .outside = nat->outside, .inner = inner, .outer = nat->next++ };
	return m;
}

static bool leave(struct world *w, struct world_nat *nat, struct world_path *p)
{
	struct world_mapping *m;

	if (!p->sport) {
		p->src = nat->outside;
		return nat->sees_esp;
	}
	if (nat->forwards && (p->sport == 500 || p->sport == 4500)) {
		p->src = nat->outside;
		return true;
	}
	m = mapping_out(w, nat, p->sport);
	m->used_at = w->now;
	p->src = m->outside;
	p->sport = m->outer;
	return true;
}

static bool leads_in(const struct world *w, const struct world_nat *nat, struct world_path *p)
{
	bool here = ipsec_addr_equal(&p->dst, &nat->outside);

	if (!p->dport)
		return here && nat->sees_esp;
	if (here && nat->forwards && (p->dport == 500 || p->dport == 4500))
		return true;
	for (const struct world_mapping *m = nat->map; m < nat->map + nat->n; m++) {
		if (m->outer != p->dport || !fresh(w, nat, m) || !ipsec_addr_equal(&m->outside, &p->dst))
			continue;
		p->dport = m->inner;
		return true;
	}
	return false;
}

static bool enter(struct world *w, unsigned host, struct world_path *p)
{
	if (!leads_in(w, &world_nat[host], p)) {
		world_nat[host].dropped++;
		return false;
	}
	p->dst = w->host[host].addr;
	return true;
}

static bool route(struct world *w, unsigned from, struct world_path *p)
{
	unsigned to = 1 - from;

	if (world_nat[from].there && !leave(w, &world_nat[from], p))
		return false;
	return world_nat[to].there ? enter(w, to, p) : ipsec_addr_equal(&p->dst, &w->host[to].addr);
}

static struct ipsec_addr seen(const struct world *w, unsigned host)
{
	return world_nat[host].there ? world_nat[host].outside : w->host[host].addr;
}

void world_nat_init(struct world *w, uint64_t seed, bool tunnel, unsigned behind)
{
	world_init(w, seed, tunnel);
	memset(world_nat, 0, sizeof(world_nat));
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		world_nat[i].there = behind & 1u << i;
		world_nat[i].forwards = i;
		world_nat[i].next = (uint16_t)(30001 + 1000 * i);
		ipsec_addr_parse(&world_nat[i].outside, i ? "203.0.113.2" : "203.0.113.1");
	}
	w->route = route;
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW };
		struct ipsec_policy *p = &w->host[i].out;

		*(tunnel ? &p->tmpl[0].dst : &p->sel.dst) = seen(w, 1 - i);
		ev.policy = *p;
		engine_kern_event(w->host[i].engine, w->now, &ev);
	}
}

void world_nat_remap(unsigned host, bool keep)
{
	struct world_nat *nat = &world_nat[host];

	if (!keep)
		nat->n = 0;
	for (unsigned i = 0; i < nat->n; i++)
		nat->map[i].stale = true;
}

void world_nat_move(unsigned host, const char *outside, bool keep)
{
	world_nat_remap(host, keep);
	ipsec_addr_parse(&world_nat[host].outside, outside);
}
