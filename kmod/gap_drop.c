// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets that are freed instead of sent or taken, by the tracepoint kfree_skb: every packet that is freed in vain,
 * whatever it is and wherever that happens. Which function freed it says what may be read of it, and of what namespace
 * it is. Preemption is off: nothing is locked or allocated here.
 */
#include "gap.h"

#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/ip6_tunnel.h>
#include <net/ip_tunnels.h>
#include <net/ipv6.h>
#include <net/rtnetlink.h>
#include <trace/events/skb.h>

/*
 * meanwhile: where it is counted as long as no gap is open; gap_asked() sees to it. Where the policy has gone since the
 * packet asked for an SA, its gap is over, and nothing will see to it.
 */
static void dropped(struct gap_net *gn, struct gap_path *p, const struct sk_buff *skb, struct gap_count *meanwhile,
		    bool asks)
{
	ktime_t now = ktime_get();

	if (!READ_ONCE(p->index)) {
		gap_count_skb(&p->sum[GAP_DROPPED], skb);
		return;
	}
	if (READ_ONCE(p->gap.open)) {
		if (!READ_ONCE(p->gap.wanted))
			cmpxchg64(&p->gap.wanted, 0, now);
		gap_count_skb(&p->now[GAP_DROPPED], skb);
		return;
	}
	gap_count_skb(meanwhile, skb);
	if (asks)
		WRITE_ONCE(p->asks, true);
	smp_mb(); /* pairs with that of gap_asked(): it is counted before it is asked, or asked once more */
	cmpxchg64(&p->asked, 0, now);
	atomic_set(&gn->asked, 1);
	gap_soon(gn);
}

/* A device that is one for everybody says nothing of a namespace. */
static struct gap_net *net_of_dst(const struct dst_entry *dst)
{
	return dst->dev && dst->dev != blackhole_netdev ? gap_net_alive(dev_net(dst->dev)) : NULL;
}

/*
 * Held ones have the policy in their bundle (overflow, time over). Others were sent by an SA; when that is over, it is
 * for want of another.
 */
static void at_bundle(const struct sk_buff *skb, u16 family)
{
	const struct dst_entry *dst = skb_dst(skb);
	const struct xfrm_dst *xdst = (const struct xfrm_dst *)dst;
	struct gap_path *p;
	struct gap_net *gn;

	if (!skb_valid_dst(skb))
		return;
	if (dst->flags & DST_XFRM_QUEUE) {
		gn = gap_packet_index(dst) ? gap_net_alive(xp_net(xdst->pols[0])) : NULL;
		p = gn ? gap_packet_path(gn, skb) : NULL;
		if (p)
			dropped(gn, p, skb, &p->early, true);
	} else if (dst->xfrm && READ_ONCE(dst->xfrm->km.state) != XFRM_STATE_VALID) {
		gn = gap_net_alive(xs_net(dst->xfrm));
		p = gn ? gap_path_by_sa(gn, dst->xfrm, gap_packet_index(dst)) : NULL;
		if (p)
			dropped(gn, p, skb, &p->early, false);
	}
}

/*
 * No bundle, as there is no SA. Whose it was is found by the packet's flow; if two policies fit, it is the one with a
 * gap. sure: that it is for want of an SA; then it may as well have been a policy that has just gone.
 */
static void by_flow(struct gap_net *gn, const struct sk_buff *skb, const struct gap_flow *f, bool sure)
{
	unsigned int left = GAP_SEARCH_MAX;
	struct gap_path *p, *any = NULL, *gone = NULL;

	list_for_each_entry_rcu(p, &gn->paths, all) {
		if (!left--)
			break;
		if (!gap_flow_fits(p, f))
			continue;
		if (!READ_ONCE(p->index)) {
			gone = p;
			continue;
		}
		any = any ?: p;
		if (READ_ONCE(p->gap.open)) {
			any = p;
			break;
		}
	}
	if (!any && sure)
		any = gone;
	if (any)
		dropped(gn, any, skb, sure ? &any->early : &any->guess, true);
}

/* xfrm_larval_drop 1: XFRM gives such a packet a route that only it makes. Others discard, too, for reasons of their own. */
static void at_blackhole(const struct sk_buff *skb, u16 family)
{
	struct gap_net *gn;
	struct gap_flow f;

	if (!skb_valid_dst(skb) || skb_dst(skb)->ops->update_pmtu != dst_blackhole_update_pmtu)
		return;
	gn = net_of_dst(skb_dst(skb));
	if (gn && gap_flow_of(skb, family, &f))
		by_flow(gn, skb, &f, true);
}

/*
 * A packet that found no bundle has lost its route; others were dropped for other reasons. It is still the one that
 * came in by this device.
 */
static void at_forward(const struct sk_buff *skb, u16 family)
{
	struct gap_net *gn;
	struct gap_flow f;

	if (skb_dst(skb) || !skb->dev)
		return;
	gn = gap_net_alive(dev_net(skb->dev));
	if (gn && gap_flow_of(skb, family, &f))
		by_flow(gn, skb, &f, false);
}

/* What interfaces add to the flow, and the namespace in which its policies are */
static const struct net *device_xfrm(const struct sk_buff *skb, struct gap_flow *f)
{
	const struct xfrm_if *xi = netdev_priv(skb->dev);
	const struct xfrm_md_info *info;

	f->if_id = xi->p.if_id;
	if (xi->p.collect_md) {
		info = skb_xfrm_md_info(skb);
		if (!info)
			return NULL;
		f->if_id = info->if_id;
	}
	return xi->net;
}

static const struct net *device_vti(const struct sk_buff *skb, struct gap_flow *f)
{
	const struct ip_tunnel *tunnel = netdev_priv(skb->dev);

	f->mark = be32_to_cpu(tunnel->parms.o_key);
	return tunnel->net;
}

static const struct net *device_vti6(const struct sk_buff *skb, struct gap_flow *f)
{
	const struct ip6_tnl *tunnel = netdev_priv(skb->dev);

	f->mark = be32_to_cpu(tunnel->parms.o_key);
	return tunnel->net;
}

static const struct {
	const char *kind;
	const struct net *(*net_of)(const struct sk_buff *skb, struct gap_flow *f);
} devices[] = {
	{ "xfrm", device_xfrm },
	{ "vti", device_vti },
	{ "vti6", device_vti6 },
};

/* By the function that sends for the interface: skb->dev is that. */
static void at_device(const struct sk_buff *skb, u16 family)
{
	const struct rtnl_link_ops *ops = skb->dev ? skb->dev->rtnl_link_ops : NULL;
	const struct net *net = NULL;
	struct gap_net *gn;
	struct gap_flow f;

	if (!ops || !gap_flow_of(skb, family, &f))
		return;
	f.oif = skb->dev->ifindex;
	for (unsigned int i = 0; i < ARRAY_SIZE(devices); i++)
		if (!strcmp(ops->kind, devices[i].kind))
			net = devices[i].net_of(skb, &f);
	gn = net ? gap_net_alive(net) : NULL;
	if (gn)
		by_flow(gn, skb, &f, false);
}

static u8 ipv4_ends(const struct sk_buff *skb, struct gap_stray *s)
{
	const struct iphdr *ip = gap_header_at(skb, skb_network_header(skb), sizeof(*ip));

	if (!ip || ip->version != 4)
		return 0;
	s->source.a4 = ip->saddr;
	s->local.a4 = ip->daddr;
	return ip->protocol;
}

static u8 ipv6_ends(const struct sk_buff *skb, struct gap_stray *s)
{
	const struct ipv6hdr *ip = gap_header_at(skb, skb_network_header(skb), sizeof(*ip));
	const u8 *next = gap_header_at(skb, skb_network_header(skb) + IP6CB(skb)->nhoff, 1);

	if (!ip || ip->version != 6 || !next)
		return 0;
	s->source.in6 = ip->saddr;
	s->local.in6 = ip->daddr;
	return *next;
}

/* xfrm_input() gives it up at its ESP or AH header; that of UDP was passed already. */
static bool spi_of(const struct sk_buff *skb, u16 family, struct gap_stray *s)
{
	const unsigned char *at = skb_transport_header(skb);
	const __be32 *spi;

	if (!skb_transport_header_was_set(skb) || at != skb->data)
		return false;
	s->proto = family == AF_INET6 ? ipv6_ends(skb, s) : ipv4_ends(skb, s);
	if (s->proto == IPPROTO_UDP)
		s->proto = IPPROTO_ESP;
	if (s->proto != IPPROTO_ESP && s->proto != IPPROTO_AH)
		return false;
	spi = gap_header_at(skb, s->proto == IPPROTO_AH ? at + 4 : at, sizeof(*spi));
	s->spi = spi ? *spi : 0;
	return s->spi;
}

/* The SA that was found is the last of the path of SAs; none is left there when none was found. */
static void at_input(const struct sk_buff *skb, u16 family)
{
	const struct sec_path *sp = skb_sec_path(skb);
	struct gap_stray s = { .family = family, .bytes = skb->len, .when = ktime_get() };
	struct gap_net *gn;
	u8 state;

	if (!skb_valid_dst(skb))
		return;
	if (sp && sp->len) {
		state = READ_ONCE(sp->xvec[sp->len - 1]->km.state);
		if (state == XFRM_STATE_VALID)
			return;		/* another reason than keys */
		s.fate = state == XFRM_STATE_ACQ ? IPSEC_GAP_FATE_LARVAL : IPSEC_GAP_FATE_LATE;
	}
	gn = net_of_dst(skb_dst(skb));
	if (gn && spi_of(skb, family, &s))
		gap_spi_seen(gn, &s);
}

static void (*const at[GAP_WHERES])(const struct sk_buff *skb, u16 family) = {
	[GAP_AT_INPUT] = at_input,
	[GAP_AT_BUNDLE] = at_bundle,
	[GAP_AT_BLACKHOLE] = at_blackhole,
	[GAP_AT_FORWARD] = at_forward,
	[GAP_AT_DEVICE] = at_device,
};

static COMPAT_PROBE_KFREE_SKB(probe_kfree_skb, skb, location, reason)
{
	u16 family = skb->protocol == htons(ETH_P_IP) ? AF_INET : skb->protocol == htons(ETH_P_IPV6) ? AF_INET6 : 0;
	enum gap_where where;

	if (!family || in_nmi())
		return;
	where = gap_where_is(location);
	if (!at[where])
		return;
	rcu_read_lock();
	if (gap_header_at(skb, skb_network_header(skb), family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)))
		at[where](skb, family);
	rcu_read_unlock();
}

int __init gap_drop_init(void)
{
	int err = gap_where_init();

	if (err)
		return err;
	err = register_trace_kfree_skb(probe_kfree_skb, NULL);
	if (err)
		gap_where_exit();
	return err;
}

/* Callable from init as well, so not in .exit.text. */
void gap_drop_exit(void)
{
	unregister_trace_kfree_skb(probe_kfree_skb, NULL);
	tracepoint_synchronize_unregister();
	gap_where_exit();
}
