// SPDX-License-Identifier: MIT
// Translation of addresses and ports.
#include "tests/sim/nat.h"

#include <string.h>

static bool fresh(const struct nat *nat, const struct nat_mapping *m, uint64_t now)
{
	return !nat->patience || now - m->used_at < nat->patience;
}

static struct nat_mapping *mapping_for(struct nat *nat, uint64_t now, uint16_t inner)
{
	for (unsigned i = 0; i < nat->n; i++)
		if (nat->map[i].inner == inner && fresh(nat, &nat->map[i], now))
			return &nat->map[i];
	if (nat->n == NAT_MAPPINGS)
		memmove(nat->map, nat->map + 1, --nat->n * sizeof(nat->map[0]));
	nat->map[nat->n] = (struct nat_mapping){ .inner = inner, .outer = nat->next++ };
	return &nat->map[nat->n++];
}

bool nat_leave(struct nat *nat, uint64_t now, struct outer *p)
{
	struct nat_mapping *m;

	if (!nat->there)
		return true;
	if (!p->sport)
		return false;
	m = mapping_for(nat, now, p->sport);
	m->used_at = now;
	p->src = nat->outside;
	p->sport = m->outer;
	return true;
}

bool nat_enter(struct nat *nat, uint64_t now, const struct ipsec_addr *inside, struct outer *p)
{
	if (!nat->there)
		return ipsec_addr_equal(&p->dst, inside);
	if (!ipsec_addr_equal(&p->dst, &nat->outside))
		return false;
	for (unsigned i = 0; i < nat->n; i++) {
		if (nat->map[i].outer != p->dport || !fresh(nat, &nat->map[i], now))
			continue;
		p->dst = *inside;
		p->dport = nat->map[i].inner;
		return true;
	}
	return false;
}

void nat_forget(struct nat *nat)
{
	nat->n = 0;
}
