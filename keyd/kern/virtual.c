// SPDX-License-Identifier: MIT
// Interface, address, rules and routes of an assigned address, through libnl.
#include "keyd/kern/virtual.h"

#include <errno.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#define DUMMY "dummy"

struct virtual {
	struct nl_sock *sock;
};

int virtual_open(struct virtual **out)
{
	struct virtual *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->sock = nl_socket_alloc();
	if (!v->sock || nl_connect(v->sock, NETLINK_ROUTE)) {
		virtual_close(v);
		return -EPROTO;
	}
	*out = v;
	return 0;
}

void virtual_close(struct virtual *v)
{
	if (!v)
		return;
	nl_socket_free(v->sock);
	free(v);
}

/* libnl's errors are its own. Those of the kernel that have a twin there are told by that. */
static int failed(int nl, const char *what, char *why, size_t n)
{
	snprintf(why, n, "%s: %s", what, nl_geterror(nl));
	return nl == -NLE_PERM ? -EPERM : nl == -NLE_NOMEM ? -ENOMEM : -EIO;
}

static struct nl_addr *to_nl(const struct ipsec_addr *a, uint8_t len)
{
	struct nl_addr *nl = nl_addr_build(a->family, a->b, ipsec_addr_size(a->family));

	if (nl)
		nl_addr_set_prefixlen(nl, len);
	return nl;
}

static bool same(const struct nl_addr *nl, const struct ipsec_addr *a)
{
	struct ipsec_addr other;

	return nl && nl_addr_get_family(nl) == a->family &&
	       !ipsec_addr_from_bytes(&other, nl_addr_get_binary_addr(nl), nl_addr_get_len(nl)) && ipsec_addr_equal(&other, a);
}

/* The interface's index, or a negative error of libnl. */
static int link_index(struct virtual *v, const char *name, bool *up)
{
	struct rtnl_link *l;
	int r = rtnl_link_get_kernel(v->sock, 0, name, &l);

	if (r)
		return r;
	r = rtnl_link_get_ifindex(l);
	*up = rtnl_link_get_flags(l) & IFF_UP;
	rtnl_link_put(l);
	return r;
}

static int link_add(struct virtual *v, const char *name)
{
	struct rtnl_link *l = rtnl_link_alloc();
	int r = l ? rtnl_link_set_type(l, DUMMY) : -NLE_NOMEM;

	if (!r) {
		rtnl_link_set_name(l, name);
		rtnl_link_set_flags(l, IFF_UP);
		r = rtnl_link_add(v->sock, l, NLM_F_CREATE | NLM_F_EXCL);
	}
	rtnl_link_put(l);
	return r;
}

static int link_raise(struct virtual *v, int index)
{
	struct rtnl_link *l = rtnl_link_alloc(), *wish = rtnl_link_alloc();
	int r = -NLE_NOMEM;

	if (l && wish) {
		rtnl_link_set_ifindex(l, index);
		rtnl_link_set_flags(wish, IFF_UP);
		r = rtnl_link_change(v->sock, l, wish, 0);
	}
	rtnl_link_put(l);
	rtnl_link_put(wish);
	return r;
}

static int link_ready(struct virtual *v, const char *name)
{
	bool up = true;
	int index = link_index(v, name, &up), r = 0;

	if (index < 0) {
		r = link_add(v, name);
		index = r && r != -NLE_EXIST ? r : link_index(v, name, &up);
	}
	if (index >= 0 && !up)
		r = link_raise(v, index);
	return r < 0 && r != -NLE_EXIST ? r : index;
}

/* No duplicate is looked for: nobody else is on that link. Programs use it where a route says so, and nowhere else. */
static struct rtnl_addr *address(const struct ipsec_addr *a, int index)
{
	struct nl_addr *local = to_nl(a, ipsec_addr_bits(a->family));
	struct rtnl_addr *nl = local ? rtnl_addr_alloc() : NULL;

	if (nl) {
		rtnl_addr_set_ifindex(nl, index);
		rtnl_addr_set_local(nl, local);
		rtnl_addr_set_prefixlen(nl, ipsec_addr_bits(a->family));
		rtnl_addr_set_flags(nl, a->family == AF_INET6 ? IFA_F_NODAD | IFA_F_NOPREFIXROUTE : 0);
		if (a->family == AF_INET6) {
			rtnl_addr_set_valid_lifetime(nl, UINT32_MAX);
			rtnl_addr_set_preferred_lifetime(nl, 0);
		}
	}
	nl_addr_put(local);
	return nl;
}

static int address_set(struct virtual *v, const struct ipsec_addr *a, int index)
{
	struct rtnl_addr *nl = address(a, index);
	int r = nl ? rtnl_addr_add(v->sock, nl, NLM_F_CREATE | NLM_F_REPLACE) : -NLE_NOMEM;

	rtnl_addr_put(nl);
	return r == -NLE_EXIST ? 0 : r;
}

/* Wherever it is: the interface may have another name in the configuration by now. */
static int address_clear(struct virtual *v, const struct ipsec_addr *a)
{
	struct nl_cache *all;
	int r = rtnl_addr_alloc_cache(v->sock, &all);

	if (r)
		return r;
	for (struct nl_object *o = nl_cache_get_first(all); o; o = nl_cache_get_next(o)) {
		struct rtnl_addr *nl = (struct rtnl_addr *)o;

		if (rtnl_addr_get_prefixlen(nl) != ipsec_addr_bits(a->family) || !same(rtnl_addr_get_local(nl), a))
			continue;
		r = rtnl_addr_delete(v->sock, nl, 0);
		break;
	}
	nl_cache_put(all);
	return r == -NLE_NOADDR || r == -NLE_OBJ_NOTFOUND ? 0 : r;
}

/* to: whose packets look into that table; NULL: everybody's. */
static int rule(struct virtual *v, uint16_t family, uint32_t preference, uint32_t table, const struct ipsec_addr *to, bool add)
{
	struct nl_addr *dst = to ? to_nl(to, ipsec_addr_bits(family)) : NULL;
	struct rtnl_rule *nl = rtnl_rule_alloc();
	int r = -NLE_NOMEM;

	if (nl && (dst || !to)) {
		rtnl_rule_set_family(nl, family);
		rtnl_rule_set_prio(nl, preference);
		rtnl_rule_set_table(nl, table);
		rtnl_rule_set_action(nl, FR_ACT_TO_TBL);
		if (dst)
			rtnl_rule_set_dst(nl, dst);
		r = add ? rtnl_rule_add(v->sock, nl, NLM_F_CREATE | NLM_F_EXCL) : rtnl_rule_delete(v->sock, nl, 0);
	}
	rtnl_rule_put(nl);
	nl_addr_put(dst);
	return r == -NLE_EXIST || (!add && r == -NLE_OBJ_NOTFOUND) ? 0 : r;
}

static int route_set(struct virtual *v, const struct kern_prefix *to, const struct ipsec_addr *from, int index)
{
	struct nl_addr *dst = to_nl(&to->addr, to->len), *src = to_nl(from, ipsec_addr_bits(from->family));
	struct rtnl_route *nl = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	int r = -NLE_NOMEM;

	if (dst && src && nl && hop) {
		rtnl_route_set_family(nl, (uint8_t)to->addr.family);
		rtnl_route_set_table(nl, VIRTUAL_TABLE);
		rtnl_route_set_protocol(nl, VIRTUAL_PROTOCOL);
		rtnl_route_set_scope(nl, RT_SCOPE_LINK);
		rtnl_route_set_dst(nl, dst);
		rtnl_route_set_pref_src(nl, src);
		rtnl_route_nh_set_ifindex(hop, index);
		rtnl_route_add_nexthop(nl, hop);	/* its owner from now on */
		hop = NULL;
		r = rtnl_route_add(v->sock, nl, NLM_F_CREATE | NLM_F_REPLACE);
	}
	if (hop)
		rtnl_route_nh_free(hop);
	rtnl_route_put(nl);
	nl_addr_put(dst);
	nl_addr_put(src);
	return r;
}

static bool is_kept(const struct rtnl_route *nl, const struct kern_virtual *keep)
{
	const struct nl_addr *dst = rtnl_route_get_dst((struct rtnl_route *)(uintptr_t)nl);

	for (unsigned int i = 0; keep && i < keep->n; i++)
		if (same(dst, &keep->to[i].addr) && nl_addr_get_prefixlen(dst) == keep->to[i].len)
			return true;
	return false;
}

/* How many routes of ours there are: those that went, and those that use other addresses. */
struct route_count {
	unsigned int gone, others;
};

/* Removes routes that use from, but for those of keep (NULL: none is kept). */
static int routes_clear(struct virtual *v, const struct ipsec_addr *from, const struct kern_virtual *keep,
			struct route_count *n)
{
	struct nl_cache *all;
	int first = 0, r = rtnl_route_alloc_cache(v->sock, from->family, 0, &all);

	if (r)
		return r;
	for (struct nl_object *o = nl_cache_get_first(all); o; o = nl_cache_get_next(o)) {
		struct rtnl_route *nl = (struct rtnl_route *)o;

		if (rtnl_route_get_table(nl) != VIRTUAL_TABLE || rtnl_route_get_protocol(nl) != VIRTUAL_PROTOCOL)
			continue;
		if (!same(rtnl_route_get_pref_src(nl), from)) {
			n->others++;
			continue;
		}
		if (is_kept(nl, keep))
			continue;
		n->gone++;
		r = rtnl_route_delete(v->sock, nl, 0);
		first = first || r == -NLE_OBJ_NOTFOUND ? first : r;
	}
	nl_cache_put(all);
	return first;
}

int virtual_set(struct virtual *v, const struct kern_virtual *rq, char *why, size_t n)
{
	int index = link_ready(v, rq->interface), r;
	struct route_count n_routes = { 0 };

	if (index < 0)
		return failed(index, "the interface for the assigned address cannot be made (kernel module dummy?)", why, n);
	r = rule(v, rq->gateway.family, VIRTUAL_RULE_GATEWAY, RT_TABLE_MAIN, &rq->gateway, true);
	if (!r)
		r = rule(v, rq->addr.family, VIRTUAL_RULE, VIRTUAL_TABLE, NULL, true);
	if (r)
		return failed(r, "the routing rules for the assigned address cannot be made", why, n);
	r = address_set(v, &rq->addr, index);
	if (r)
		return failed(r, "the assigned address cannot be set", why, n);
	for (unsigned int i = 0; !r && i < rq->n; i++)
		if (rq->to[i].addr.family == rq->addr.family)
			r = route_set(v, &rq->to[i], &rq->addr, index);
	if (!r)
		r = routes_clear(v, &rq->addr, rq, &n_routes);
	if (!r)
		return 0;
	address_clear(v, &rq->addr);	/* and with it its routes */
	return failed(r, "a route by the assigned address cannot be made", why, n);
}

/* An address without a route of ours is somebody else's. */
int virtual_clear(struct virtual *v, const struct kern_virtual *rq, char *why, size_t n)
{
	struct route_count n_routes = { 0 };
	int r = routes_clear(v, &rq->addr, NULL, &n_routes);

	if (!r && n_routes.gone)
		r = address_clear(v, &rq->addr);
	if (!r && !n_routes.others)
		r = rule(v, rq->addr.family, VIRTUAL_RULE, VIRTUAL_TABLE, NULL, false);
	if (!r && rq->gateway.family)
		r = rule(v, rq->gateway.family, VIRTUAL_RULE_GATEWAY, RT_TABLE_MAIN, &rq->gateway, false);
	return r ? failed(r, "the assigned address or its routes cannot be removed", why, n) : 0;
}

int virtual_source(struct virtual *v, const struct ipsec_addr *to, struct ipsec_addr *out, char *why, size_t n)
{
	struct nl_addr *dst = to_nl(to, ipsec_addr_bits(to->family)), *src;
	struct rtnl_route *found = NULL;
	int r = dst ? rtnl_route_lookup(v->sock, dst, &found) : -NLE_NOMEM;

	src = r ? NULL : rtnl_route_get_pref_src(found);
	if (!r && (!src || ipsec_addr_from_bytes(out, nl_addr_get_binary_addr(src), nl_addr_get_len(src))))
		r = -NLE_NOADDR;
	if (found)
		rtnl_route_put(found);
	nl_addr_put(dst);
	if (!r)
		return 0;
	failed(r, "there is no route to the peer", why, n);
	return -ENETUNREACH;
}
