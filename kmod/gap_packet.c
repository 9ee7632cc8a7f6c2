// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets: what is held, dropped, sent by a new SA, sent in clear, and what comes in and finds no SA.
 *
 * Netfilter's hooks see what leaves, the tracepoint kfree_skb what is freed without having been sent or taken. As long as no gap is open, no new SA
 * waits for its first packet and no policy has just been removed, a packet costs the calls of the hooks and the reading of a counter.
 */
#include "gap.h"

#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <trace/events/skb.h>

static unsigned int packets_of(const struct sk_buff *skb)
{
	return max_t(unsigned int, skb_is_gso(skb) ? skb_shinfo(skb)->gso_segs : 1, 1);
}

static void count_skb(struct gap_count *c, const struct sk_buff *skb)
{
	atomic64_add(packets_of(skb), &c->packets);
	atomic64_add(skb->len, &c->bytes);
}

/* The policy of a bundle: it belongs to the bundle, which belongs to the packet. */
static u32 index_of(const struct dst_entry *dst)
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

/* As xfrm_selector_match(), which is not for modules. */
static bool selected(const struct xfrm_selector *sel, const struct flowi *fl, u16 family)
{
	const union flowi_uli *uli = family == AF_INET6 ? &fl->u.ip6.uli : &fl->u.ip4.uli;
	const void *source = family == AF_INET6 ? (const void *)&fl->u.ip6.saddr : &fl->u.ip4.saddr;
	const void *to = family == AF_INET6 ? (const void *)&fl->u.ip6.daddr : &fl->u.ip4.daddr;

	return family == sel->family && addr_match(to, &sel->daddr, sel->prefixlen_d) && addr_match(source, &sel->saddr, sel->prefixlen_s) &&
	       !((xfrm_flowi_dport(fl, uli) ^ sel->dport) & sel->dport_mask) &&
	       !((xfrm_flowi_sport(fl, uli) ^ sel->sport) & sel->sport_mask) && (!sel->proto || fl->flowi_proto == sel->proto) &&
	       (!sel->ifindex || fl->flowi_oif == sel->ifindex);
}

/* A packet that wants an SA and gets none. early: count it for the gap that is about to begin */
static void suffered(struct gap_net *gn, struct gap_path *p, const struct sk_buff *skb, enum gap_kind kind, bool early)
{
	bool open = READ_ONCE(p->gap.open);

	/* Where no key manager listens, the kernel asks none; and what it tells comes later than what it does. */
	if (!open && !early) {
		spin_lock_bh(&gn->lock);
		if (p->index && !gap_sa_usable(gn, p, 0))
			gap_wanted(gn, p, ktime_get());
		spin_unlock_bh(&gn->lock);
		open = READ_ONCE(p->gap.open);
	}

	if (open && !READ_ONCE(p->gap.wanted))
		cmpxchg64(&p->gap.wanted, 0, ktime_get());
	count_skb(open || early ? &p->now[kind] : &p->sum[kind], skb);
}

/* Of a packet whose bundle is known; early: its SA is over, and the gap has perhaps not begun. */
static void suffered_bundle(struct gap_net *gn, const struct sk_buff *skb, enum gap_kind kind, bool early)
{
	u32 index = index_of(skb_dst(skb));
	struct gap_path *p, *any = NULL;

	if (!index)
		return;
	hash_for_each_possible_rcu(gn->paths_index, p, by_index, index) {
		if (READ_ONCE(p->index) != index || !goes_to(p, skb))
			continue;
		any = p;
		if (READ_ONCE(p->gap.open))
			break;
	}
	if (any)
		suffered(gn, p ?: any, skb, kind, early);
}

static unsigned int hook_held(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct dst_entry *dst = skb_dst(skb);

	if (unlikely(dst && (dst->flags & DST_XFRM_QUEUE)))
		suffered_bundle(gap_net(state->net), skb, GAP_HELD, false);
	return NF_ACCEPT;
}

/* A packet leaves by these SAs: does anybody wait for that? */
static void left_by(struct gap_net *gn, const struct dst_entry *dst)
{
	const struct xfrm_state *x;
	u32 index = index_of(dst);
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
static bool clear_by_right(const struct sk_buff *skb, u16 family, const struct flowi *fl)
{
	const union flowi_uli *uli = family == AF_INET6 ? &fl->u.ip6.uli : &fl->u.ip4.uli;
	const struct sock *sk = skb_to_full_sk(skb);
	u8 proto = fl->flowi_proto;
	u16 port, type;

	if (family == AF_INET6 ? IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED : IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED)
		return true;
	if (proto == IPPROTO_ESP || proto == IPPROTO_AH || proto == IPPROTO_COMP)
		return true;
	if (sk && sk_fullsock(sk) && rcu_access_pointer(sk->sk_policy[XFRM_POLICY_OUT]))
		return true;
	if (proto == IPPROTO_UDP) {
		port = be16_to_cpu(xfrm_flowi_dport(fl, uli));
		return port == 500 || port == 4500;
	}
	type = be16_to_cpu(xfrm_flowi_sport(fl, uli));
	return proto == IPPROTO_ICMPV6 && type >= 133 && type <= 137;
}

static void went_clear(struct gap_net *gn, struct gap_path *p, const struct sk_buff *skb)
{
	struct gap_event *e;

	count_skb(&p->now[GAP_CLEAR], skb);
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

static void left_clear(struct gap_net *gn, struct sk_buff *skb, const struct nf_hook_state *state)
{
	u16 family = state->pf == NFPROTO_IPV6 ? AF_INET6 : AF_INET;
	struct gap_path *p;
	struct flowi fl;

	if (state->out && (state->out->flags & IFF_LOOPBACK))
		return;
	if (compat_decode_session(gn->net, skb, &fl, family) < 0 || clear_by_right(skb, family, &fl))
		return;
	list_for_each_entry_rcu(p, &gn->bare, bare) {
		if (!selected(&p->sel, &fl, family) || !goes_to(p, skb))
			continue;
		went_clear(gn, p, skb);
		return;
	}
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

/* No bundle, as there is no SA: the kernel drops at once. Who it was is found by the packet's flow. */
static void dropped_flow(struct gap_net *gn, struct sk_buff *skb, u16 family)
{
	unsigned int left = GAP_SEARCH_MAX;
	struct gap_path *p;
	struct flowi fl;

	if (compat_decode_session(gn->net, skb, &fl, family) < 0)
		return;
	list_for_each_entry_rcu(p, &gn->paths, all) {
		if (!left--)
			return;
		if (!READ_ONCE(p->index) || !selected(&p->sel, &fl, family) || !goes_to(p, skb))
			continue;
		suffered(gn, p, skb, GAP_DROPPED, false);
		return;
	}
}

/* The header at this place, if it is there; a freed packet may be anything. */
static const void *header_at(const struct sk_buff *skb, const unsigned char *at, unsigned int len)
{
	return at >= skb->head && at + len <= skb_tail_pointer(skb) ? at : NULL;
}

struct header {
	u8 proto;
	unsigned int len;	/* of the IP header */
};

static bool local_ipv4(const struct sk_buff *skb, struct gap_spi *to, struct header *h)
{
	const struct iphdr *ip = header_at(skb, skb_network_header(skb), sizeof(*ip));

	if (!ip || ip->version != 4 || !(skb_rtable(skb)->rt_flags & RTCF_LOCAL))
		return false;
	to->source.a4 = ip->saddr;
	to->local.a4 = ip->daddr;
	h->proto = ip->protocol;
	h->len = ip->ihl * 4;
	return true;
}

static bool local_ipv6(const struct sk_buff *skb, struct gap_spi *to, struct header *h)
{
	const struct ipv6hdr *ip = header_at(skb, skb_network_header(skb), sizeof(*ip));
	const u8 *next = header_at(skb, skb_network_header(skb) + IP6CB(skb)->nhoff, 1);

	if (!ip || ip->version != 6 || !next || !(dst_rt6_info(skb_dst(skb))->rt6i_flags & RTF_LOCAL))
		return false;
	to->source.in6 = ip->saddr;
	to->local.in6 = ip->daddr;
	h->proto = *next;
	h->len = skb_network_header_len(skb);
	return true;
}

/*
 * Inbound ESP or AH, as it is when xfrm_input() gives it up: at its own header. From a UDP datagram, that one's header was passed already, which
 * is how such a packet differs from a datagram that nobody wants.
 */
static bool ipsec_of(const struct sk_buff *skb, u16 family, struct gap_spi *to)
{
	const unsigned char *at = skb_transport_header(skb);
	const __be32 *spi;
	struct header h;

	if (!skb_dst(skb) || !skb_transport_header_was_set(skb) || at != skb->data)
		return false;
	if (!(family == AF_INET6 ? local_ipv6(skb, to, &h) : local_ipv4(skb, to, &h)))
		return false;
	if (h.proto == IPPROTO_UDP && skb_network_header_len(skb) == h.len + sizeof(struct udphdr) && family == AF_INET)
		h.proto = IPPROTO_ESP;
	if (h.proto == IPPROTO_AH)
		at += 4;
	else if (h.proto != IPPROTO_ESP)
		return false;
	spi = header_at(skb, at, sizeof(*spi));
	if (!spi || !*spi)
		return false;
	to->family = family;
	to->proto = h.proto;
	to->spi = *spi;
	return true;
}

static void inbound(struct gap_net *gn, const struct sk_buff *skb, u16 family)
{
	struct gap_spi what = {};
	struct xfrm_state *x;
	u8 state;

	if (!ipsec_of(skb, family, &what))
		return;
	x = xfrm_state_lookup(gn->net, skb->mark, &what.local, what.spi, what.proto, family);
	if (x) {
		state = READ_ONCE(x->km.state);
		xfrm_state_put(x);
		if (state == XFRM_STATE_VALID)
			return;		/* another reason than keys */
		what.fate = state == XFRM_STATE_ACQ ? IPSEC_GAP_FATE_LARVAL : IPSEC_GAP_FATE_LATE;
	}
	gap_spi_seen(gn, &what, skb->len);
}

static struct gap_net *net_of(const struct sk_buff *skb, const struct dst_entry *dst)
{
	const struct net_device *dev = skb->dev ?: dst ? dst->dev : NULL;

	return dev ? gap_net(dev_net(dev)) : NULL;
}

static void freed(struct sk_buff *skb, u16 family, enum skb_drop_reason reason)
{
	const struct dst_entry *dst = skb_dst(skb);
	struct gap_net *gn = net_of(skb, dst);

	if (!gn || reason == SKB_DROP_REASON_NETFILTER_DROP)
		return;
	if (dst && (dst->flags & DST_XFRM_QUEUE))
		suffered_bundle(gn, skb, GAP_DROPPED, false);
	else if (dst && dst->xfrm && READ_ONCE(dst->xfrm->km.state) != XFRM_STATE_VALID)
		suffered_bundle(gn, skb, GAP_DROPPED, true);
	else if (reason == SKB_DROP_REASON_XFRM_POLICY || (dst && dst->output == dst_discard_out))
		dropped_flow(gn, skb, family);
	else
		inbound(gn, skb, family);
}

/* Every packet that is freed in vain, whatever it is and wherever that happens; what must not be looked into here is let go. */
static COMPAT_PROBE_KFREE_SKB(probe_kfree_skb, skb, location, reason)
{
	u16 family = skb->protocol == htons(ETH_P_IP) ? AF_INET : skb->protocol == htons(ETH_P_IPV6) ? AF_INET6 : 0;

	if (!family || in_hardirq() || irqs_disabled())
		return;
	rcu_read_lock();
	if (header_at(skb, skb_network_header(skb), family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)))
		freed(skb, family, reason);
	rcu_read_unlock();
}

int gap_packet_net_init(struct net *net)
{
	return nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

void gap_packet_net_exit(struct net *net)
{
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

int gap_packet_init(void)
{
	return register_trace_kfree_skb(probe_kfree_skb, NULL);
}

void gap_packet_exit(void)
{
	unregister_trace_kfree_skb(probe_kfree_skb, NULL);
	tracepoint_synchronize_unregister();
}
