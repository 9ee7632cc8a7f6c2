// SPDX-License-Identifier: MIT
// The limits of what keyd makes by itself.
#include "keyd/kern/allow.h"

#include <stdlib.h>
#include <string.h>

int allows_add(struct kern_allows *a, const struct kern_allow *one)
{
	unsigned int room = a->room ? 2 * a->room : 8;
	struct kern_allow *list;

	if (one->nlocal > ALLOW_RANGES_MAX || one->nremote > ALLOW_RANGES_MAX || a->n >= ALLOW_MAX)
		return -1;
	if (a->n == a->room) {
		list = reallocarray(a->list, room, sizeof(*list));
		if (!list)
			return -1;
		a->list = list;
		a->room = room;
	}
	a->list[a->n] = *one;
	a->list[a->n++].interface[KERN_INTERFACE_MAX - 1] = 0;
	return 0;
}

void allows_free(struct kern_allows *a)
{
	free(a->list);
	*a = (struct kern_allows){ 0 };
}

static bool within(const struct allow_range *ranges, unsigned int n, const struct ipsec_addr *net, uint8_t len)
{
	struct ipsec_addr first, last;

	ipsec_addr_prefix_range(net, len, &first, &last);
	for (unsigned int i = 0; i < n; i++)
		if (ranges[i].first.family == net->family && ipsec_addr_cmp(&ranges[i].first, &first) <= 0 &&
		    ipsec_addr_cmp(&last, &ranges[i].last) <= 0)
			return true;
	return false;
}

static bool is_host(const struct ipsec_addr *a, uint8_t len)
{
	return len >= ipsec_addr_bits(a->family);
}

static bool is_end(const struct ipsec_addr *net, uint8_t len, const struct ipsec_addr *end)
{
	return is_host(net, len) && ipsec_addr_equal(net, end);
}

bool allows_selector(const struct kern_allows *a, const struct kern_traffic *t, unsigned int i)
{
	const struct ipsec_selector *sel = &t->sel[i];
	bool ours = is_end(&sel->src, sel->src_len, &t->local), theirs = is_end(&sel->dst, sel->dst_len, &t->remote);

	for (const struct kern_allow *k = a->list; k < a->list + a->n; k++) {
		if (k->guard || k->transport != t->transport || (k->local_hosts && !is_host(&sel->src, sel->src_len)) ||
		    (k->remote_hosts && !is_host(&sel->dst, sel->dst_len)))
			continue;
		if (((k->local_end && ours) || within(k->local, k->nlocal, &sel->src, sel->src_len)) &&
		    ((k->remote_end && theirs) || within(k->remote, k->nremote, &sel->dst, sel->dst_len)))
			return true;
	}
	return false;
}

bool allows_guard(const struct kern_allows *a, const struct ipsec_selector *sel)
{
	for (const struct kern_allow *k = a->list; k < a->list + a->n; k++)
		if (k->guard && within(k->local, k->nlocal, &sel->src, sel->src_len) &&
		    within(k->remote, k->nremote, &sel->dst, sel->dst_len))
			return true;
	return false;
}

static bool routes_within(const struct kern_allow *k, const struct kern_virtual *v)
{
	for (unsigned int i = 0; i < v->n; i++)
		if (!within(k->remote, k->nremote, &v->to[i].addr, v->to[i].len))
			return false;
	return true;
}

bool allows_virtual(const struct kern_allows *a, const struct kern_virtual *v)
{
	for (unsigned int i = 0; i < a->n; i++) {
		const struct kern_allow *k = &a->list[i];

		if (k->interface[0] && !strcmp(k->interface, v->interface) &&
		    within(k->local, k->nlocal, &v->addr, ipsec_addr_bits(v->addr.family)) && routes_within(k, v))
			return true;
	}
	return false;
}
