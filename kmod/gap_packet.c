// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets by netfilter's hooks: what is held, sent by a new SA, sent in clear.
 *
 * As long as no gap is open, no new SA waits for its first packet and no policy has just been removed, a packet costs
 * the calls of the hooks and the reading of a counter.
 */
#include "gap.h"

#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ndisc.h>

static unsigned int packets_of(const struct sk_buff *skb)
{
	return max_t(unsigned int, skb_is_gso(skb) ? skb_shinfo(skb)->gso_segs : 1, 1);
}

void gap_count_skb(struct gap_count *c, const struct sk_buff *skb)
{
	atomic64_add(packets_of(skb), &c->packets);
	atomic64_add(skb->len, &c->bytes);
}

/* The policy of a bundle: it belongs to the bundle, which belongs to the packet. */
u32 gap_packet_index(const struct dst_entry *dst)
{
	const struct xfrm_dst *xdst = (const struct xfrm_dst *)dst;

	return xdst->num_pols > 0 && xdst->pols[0] ? xdst->pols[0]->index : 0;
}

/* A transport policy may have many peers; those of a tunnel share one path. */
static bool goes_to(const struct gap_path *p, const struct sk_buff *skb)
{
	if (p->mode != XFRM_MODE_TRANSPORT)
		return true;
	if (p->family == AF_INET6)
		return ipv6_addr_equal(&ipv6_hdr(skb)->daddr, &p->peer.in6);
	return ip_hdr(skb)->daddr == p->peer.a4;
}

struct gap_path *gap_packet_path(struct gap_net *gn, const struct sk_buff *skb)
{
	u32 index = gap_packet_index(skb_dst(skb));
	struct gap_path *p, *any = NULL;

	if (!index)
		return NULL;
	hash_for_each_possible_rcu(gn->paths_index, p, by_index, index) {
		if (READ_ONCE(p->index) != index || !goes_to(p, skb))
			continue;
		any = p;
		if (READ_ONCE(p->gap.open))
			break;
	}
	return p ?: any;
}

/* The kernel holds it until there is an SA. Where no key manager listens, it asks none; and what it tells comes later than what it does. */
static void held(struct gap_net *gn, struct gap_path *p, const struct sk_buff *skb)
{
	bool open = READ_ONCE(p->gap.open);

	if (!open) {
		spin_lock_bh(&gn->lock);
		gap_catch_up(gn);
		if (p->index && !gn->dead && !gap_sa_usable(gn, p, NULL))
			gap_wanted(gn, p, ktime_get());
		spin_unlock_bh(&gn->lock);
		open = READ_ONCE(p->gap.open);
	}
	if (open && !READ_ONCE(p->gap.wanted))
		cmpxchg64(&p->gap.wanted, 0, ktime_get());
	gap_count_skb(open ? &p->now[GAP_HELD] : &p->sum[GAP_HELD], skb);
}

static unsigned int hook_held(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct dst_entry *dst = skb_dst(skb);
	struct gap_net *gn = gap_net(state->net);
	struct gap_path *p;

	if (likely(!dst || !(dst->flags & DST_XFRM_QUEUE)))
		return NF_ACCEPT;
	p = gap_packet_path(gn, skb);
	if (p)
		held(gn, p, skb);
	return NF_ACCEPT;
}

/* A packet leaves by these SAs: does anybody wait for that? */
static void left_by(struct gap_net *gn, const struct dst_entry *dst)
{
	const struct xfrm_state *x;
	u32 index = gap_packet_index(dst);
	struct gap_path *p;

	if (!index)
		return;
	for (; dst && (x = dst->xfrm); dst = xfrm_dst_child(dst)) {
		hash_for_each_possible_rcu(gn->paths_index, p, by_index, index) {
			if (READ_ONCE(p->index) != index || !gap_path_serves(p, x))
				continue;
			if (!READ_ONCE(p->gap.open) && (!READ_ONCE(p->fresh) || READ_ONCE(p->spi) == x->id.spi))
				continue;
			spin_lock_bh(&gn->lock);
			if (p->index == index)
				gap_left(gn, p, x->id.spi, ktime_get());
			spin_unlock_bh(&gn->lock);
		}
	}
}

/* What has gone through IPsec, or must not: IKE, neighbour discovery, sockets with a policy of their own. */
static bool clear_by_right(const struct sk_buff *skb, const struct gap_flow *f)
{
	const struct sock *sk = skb_to_full_sk(skb);

	if (f->family == AF_INET6 ? IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED : IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED)
		return true;
	if (f->proto == IPPROTO_ESP || f->proto == IPPROTO_AH || f->proto == IPPROTO_COMP)
		return true;
	if (sk && sk_fullsock(sk) && rcu_access_pointer(sk->sk_policy[XFRM_POLICY_OUT]))
		return true;
	if (f->proto == IPPROTO_UDP)
		return f->dport == 500 || f->dport == 4500;
	return f->proto == IPPROTO_ICMPV6 && f->sport >= NDISC_ROUTER_SOLICITATION && f->sport <= NDISC_REDIRECT;
}

static void went_clear(struct gap_net *gn, struct gap_path *p, const struct sk_buff *skb)
{
	struct gap_event *e;

	gap_count_skb(&p->now[GAP_CLEAR], skb);
	if (READ_ONCE(p->clear_told))
		return;
	spin_lock_bh(&gn->lock);
	if (p->bare_since && !p->clear_told) {
		p->clear_told = true;
		e = gap_event_of(gn, p, IPSEC_GAP_TYPE_CLEAR, ktime_get());
		if (e)
			gap_event_add(gn, e);
	}
	spin_unlock_bh(&gn->lock);
}

/* An interface's policies have an if_id, and nothing passes it in clear: what goes by other ways was never theirs. */
static void left_clear(struct gap_net *gn, const struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct gap_path *p;
	struct gap_flow f;

	if (state->out && (state->out->flags & IFF_LOOPBACK))
		return;
	if (!gap_flow_of(skb, state->pf == NFPROTO_IPV6 ? AF_INET6 : AF_INET, &f) || clear_by_right(skb, &f))
		return;
	p = gap_path_bare_find(gn, &f);
	if (p)
		went_clear(gn, p, skb);
}

static unsigned int hook_leaves(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct gap_net *gn = gap_net(state->net);
	const struct dst_entry *dst = skb_dst(skb);

	if (dst && dst->xfrm) {
		if (unlikely(atomic_read(&gn->watched)))
			left_by(gn, dst);
	} else if (unlikely(atomic_read(&gn->bare_count))) {
		left_clear(gn, skb, state);
	}
	return NF_ACCEPT;
}

/* Behind everybody else, so that only what others let through is counted */
#define GAP_HOOK(family, point, function) { .hook = (function), .pf = (family), .hooknum = (point), .priority = INT_MAX }
static const struct nf_hook_ops hooks[] = {
	GAP_HOOK(NFPROTO_IPV4, NF_INET_LOCAL_OUT, hook_held),
	GAP_HOOK(NFPROTO_IPV4, NF_INET_FORWARD, hook_held),
	GAP_HOOK(NFPROTO_IPV4, NF_INET_POST_ROUTING, hook_leaves),
	GAP_HOOK(NFPROTO_IPV6, NF_INET_LOCAL_OUT, hook_held),
	GAP_HOOK(NFPROTO_IPV6, NF_INET_FORWARD, hook_held),
	GAP_HOOK(NFPROTO_IPV6, NF_INET_POST_ROUTING, hook_leaves),
};

int gap_packet_net_init(struct net *net)
{
	return nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

void gap_packet_net_exit(struct net *net)
{
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}
