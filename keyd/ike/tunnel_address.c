// SPDX-License-Identifier: MIT
// What a gateway has assigned to a tunnel: addresses on an interface, routes, name servers.
#include "keyd/ike/tunnel.h"

#include "keyd/ike/report.h"
#include "keyd/ike/traffic.h"

#include <stdio.h>
#include <string.h>

static bool other_uses(const struct tunnel *t, const struct tunnel_addr *a, const struct ipsec_addr *gateway)
{
	list_each(other, &t->e->tunnels, struct tunnel, link)
		for (unsigned i = 0; i < TUNNEL_FAMILIES; i++)
			if (&other->set[i] != a && other->set[i].v.addr.family &&
			    ipsec_addr_equal(&other->set[i].v.gateway, gateway))
				return true;
	return false;
}

static void address_clear(struct tunnel_addr *a)
{
	struct engine *e = a->tunnel->e;
	struct kern_request rq = { .op = KERN_VIRTUAL_CLEAR };

	ask_cancel(&a->ask);
	if (!a->v.addr.family)
		return;
	rq.virtual = a->v;
	if (other_uses(a->tunnel, a, &a->v.gateway))
		rq.virtual.gateway = (struct ipsec_addr){ 0 };
	leave_kern(e, &rq);
	a->v = (struct kern_virtual){ 0 };
	tunnel_touch(a->tunnel);
	a->there = false;
}

static void address_answered(struct ask *ask, const struct kern_answer *an)
{
	struct tunnel_addr *a = container_of(ask, struct tunnel_addr, ask);
	char addr[IPSEC_ADDR_STRLEN], text[256];

	a->there = !an->error;
	tunnel_touch(a->tunnel);
	ipsec_addr_format(&a->v.addr, addr, sizeof(addr));
	if (an->error)
		snprintf(text, sizeof(text), "the assigned address %s cannot be used: %s", addr, an->why);
	else
		snprintf(text, sizeof(text), "%s is ours now, on %s", addr, a->v.interface);
	tunnel_tell(a->tunnel, an->error ? ENGINE_FAILED : ENGINE_ADDRESS, text);
}

/* The networks that this address is for. */
static void routes(const struct traffic *t, struct kern_virtual *v)
{
	for (unsigned i = 0; i < t->t.n; i++) {
		const struct ipsec_selector *s = &t->t.sel[i];
		unsigned k = 0;

		while (k < v->n && (v->to[k].len != s->dst_len || !ipsec_addr_equal(&v->to[k].addr, &s->dst)))
			k++;
		if (s->dst.family != v->addr.family || k < v->n || k == KERN_ROUTES_MAX)
			continue;
		v->to[v->n++] = (struct kern_prefix){ s->dst, s->dst_len };
	}
}

static bool same_virtual(const struct kern_virtual *a, const struct kern_virtual *b)
{
	for (unsigned i = 0; i < a->n && i < b->n; i++)
		if (a->to[i].len != b->to[i].len || !ipsec_addr_equal(&a->to[i].addr, &b->to[i].addr))
			return false;
	return a->n == b->n && ipsec_addr_equal(&a->addr, &b->addr) && ipsec_addr_equal(&a->gateway, &b->gateway) &&
	       !strcmp(a->interface, b->interface);
}

/* What has been set already is left alone: a rekey changes nothing of it. */
static void address_set(struct tunnel_addr *a, const struct ipsec_addr *addr, const struct conf_peer *conf)
{
	struct kern_request rq = { .op = KERN_VIRTUAL_SET };
	struct kern_virtual *v = &rq.virtual;

	v->addr = *addr;
	v->gateway = a->tunnel->remote;
	memcpy(v->interface, conf->virtual_interface, sizeof(v->interface));
	routes(a->tunnel->traffic, v);
	if (a->there && same_virtual(v, &a->v))
		return;
	if (!ipsec_addr_equal(&a->v.addr, addr))
		address_clear(a);
	ask_cancel(&a->ask);
	if (!addr->family || !v->n)	/* nothing was assigned, or agreed on, for this family */
		return;
	a->v = *v;
	tunnel_touch(a->tunnel);
	ask_kern(a->tunnel->e, &a->ask, &rq, address_answered);
}

static bool same_resolv(const struct engine_resolv *a, const struct engine_resolv *b)
{
	for (unsigned i = 0; i < a->ndns && i < b->ndns; i++)
		if (!ipsec_addr_equal(&a->dns[i], &b->dns[i]))
			return false;
	return a->ndns == b->ndns && !strcmp(a->domain, b->domain) && !strcmp(a->peer, b->peer);
}

static void tell_resolv(struct tunnel *t, const struct engine_resolv *r)
{
	if (t->e->hooks->resolv && !same_resolv(&t->told, r))
		t->e->hooks->resolv(t->e->hooks_arg, r);
	t->told = *r;
	tunnel_touch(t);
}

void tunnel_addresses_set(struct tunnel *t, const struct conf_peer *conf)
{
	for (unsigned i = 0; i < TUNNEL_FAMILIES; i++)
		address_set(&t->set[i], &t->given[i], conf);
	tell_resolv(t, &t->resolv);
}

void tunnel_addresses_clear(struct tunnel *t)
{
	struct engine_resolv none = { 0 };

	memcpy(none.peer, t->peer, sizeof(none.peer));
	for (unsigned i = 0; i < TUNNEL_FAMILIES; i++)
		address_clear(&t->set[i]);
	tell_resolv(t, &none);
}

void tunnel_addresses_forget(struct engine *e, const struct traffic *traffic)
{
	struct kern_request rq = { .op = KERN_VIRTUAL_CLEAR };

	for (unsigned i = 0; i < traffic->t.n; i++) {
		const struct ipsec_selector *s = &traffic->t.sel[i];

		if (s->src_len != ipsec_addr_bits(s->src.family))
			continue;
		rq.virtual.addr = s->src;
		rq.virtual.gateway = traffic->t.remote;
		leave_kern(e, &rq);
	}
}
