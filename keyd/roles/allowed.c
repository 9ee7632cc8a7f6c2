// SPDX-License-Identifier: MIT
// What the configuration lets keyd do to policies and addresses by itself, told to the role that does it.
#include "keyd/kern/allow.h"
#include "keyd/roles/message.h"
#include "keyd/roles/parent.h"

#include <ifaddrs.h>
#include <string.h>

static void add_range(struct allow_range *ranges, uint8_t *n, const struct ipsec_addr *first, const struct ipsec_addr *last)
{
	if (*n < ALLOW_RANGES_MAX)
		ranges[(*n)++] = (struct allow_range){ *first, *last };
}

static void add_net(struct allow_range *ranges, uint8_t *n, const struct conf_net *net)
{
	struct ipsec_addr first, last;

	ipsec_addr_prefix_range(&net->addr, net->len, &first, &last);
	add_range(ranges, n, &first, &last);
}

static void add_any(struct allow_range *ranges, uint8_t *n, uint16_t family)
{
	const struct conf_net all = { .addr.family = family };

	add_net(ranges, n, &all);
}

static void add_pool(struct allow_range *ranges, uint8_t *n, const struct conf_pool *pool)
{
	for (unsigned int i = 0; pool && i < pool->nranges; i++)
		add_range(ranges, n, &pool->range[i].first, &pool->range[i].last);
}

/* Is one of them the end itself? */
static bool add_nets(struct allow_range *ranges, uint8_t *n, const struct conf_nets *nets)
{
	bool end = false;

	for (unsigned int i = 0; i < nets->n; i++) {
		if (nets->net[i].addr.family)
			add_net(ranges, n, &nets->net[i]);
		else
			end = true;
	}
	return end;
}

static const struct conf_pool *pool_of(const struct conf *c, const struct conf_peer *peer)
{
	for (unsigned int i = 0; i < c->npools; i++)
		if (!strcmp(c->pools[i].name, peer->pool))
			return &c->pools[i];
	return NULL;
}

static bool allow_of_peer(const struct conf *c, const struct conf_peer *peer, struct kern_allow *k)
{
	const struct conf_traffic *t = &peer->traffic;

	*k = (struct kern_allow){ .local_hosts = t->local.assigned, .remote_hosts = t->remote.assigned, .transport = t->transport };
	memcpy(k->interface, peer->virtual_interface, sizeof(k->interface));
	if (t->local.assigned && peer->virtual_v4)
		add_any(k->local, &k->nlocal, AF_INET);
	if (t->local.assigned && peer->virtual_v6)
		add_any(k->local, &k->nlocal, AF_INET6);
	if (t->remote.assigned)
		add_pool(k->remote, &k->nremote, pool_of(c, peer));
	k->local_end = add_nets(k->local, &k->nlocal, &t->local);
	k->remote_end = add_nets(k->remote, &k->nremote, &t->remote);
	return (k->nlocal || k->local_end) && (k->nremote || k->remote_end);
}

void handover_allowed(struct parent *p)
{
	struct ipc *kern = p->children[ROLE_KERN].ch;
	struct kern_allow k;

	ipc_send(kern, M_ALLOW_BEGIN, 0, NULL, 0);
	for (unsigned int i = 0; i <= p->conf.npeers; i++)
		if (allow_of_peer(&p->conf, i < p->conf.npeers ? &p->conf.peers[i] : &p->conf.defaults, &k))
			ipc_send(kern, M_ALLOW, 0, &k, sizeof(k));
	for (unsigned int i = 0; i < p->conf.npools; i++) {
		k = (struct kern_allow){ .guard = true };
		add_any(k.local, &k.nlocal, AF_INET);
		add_any(k.local, &k.nlocal, AF_INET6);
		add_pool(k.remote, &k.nremote, &p->conf.pools[i]);
		ipc_send(kern, M_ALLOW, 0, &k, sizeof(k));
	}
	for (unsigned int i = 0; i < p->conf.ndrops; i++) {
		k = (struct kern_allow){ .guard = true };
		add_net(k.local, &k.nlocal, &p->conf.drop[i].local);
		add_net(k.remote, &k.nremote, &p->conf.drop[i].remote);
		ipc_send(kern, M_ALLOW, 0, &k, sizeof(k));
	}
	ipc_send(kern, M_ALLOW_END, 0, NULL, 0);
}

static bool in_pool(const struct conf_pool *pool, const struct ipsec_addr *a)
{
	for (unsigned int i = 0; i < pool->nranges; i++)
		if (pool->range[i].first.family == a->family && ipsec_addr_cmp(&pool->range[i].first, a) <= 0 &&
		    ipsec_addr_cmp(a, &pool->range[i].last) <= 0)
			return true;
	return false;
}

/* No client gets an address that is this machine's own. */
void allowed_except_own(struct conf *c)
{
	struct ifaddrs *all;
	struct ipsec_addr a;

	if (!c->npools || getifaddrs(&all))
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		socklen_t len = i->ifa_addr && i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
										 : sizeof(struct sockaddr_in6);

		if (!i->ifa_addr || ipsec_addr_from_sockaddr(&a, NULL, i->ifa_addr, len))
			continue;
		for (unsigned int k = 0; k < c->npools; k++)
			if (c->pools[k].nexcept < CONF_EXCEPT_MAX && in_pool(&c->pools[k], &a))
				c->pools[k].except[c->pools[k].nexcept++] = a;
	}
	freeifaddrs(all);
}
