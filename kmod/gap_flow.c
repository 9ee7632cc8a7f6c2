// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a packet is, as policies' selectors see it.
 *
 * xfrm_decode_session() pulls headers together for it, and a packet that is being freed must not be changed; so this reads only.
 */
#include "gap.h"

#include <linux/icmpv6.h>
#include <net/ip.h>
#include <net/ipv6.h>

const void *gap_header_at(const struct sk_buff *skb, const unsigned char *at, unsigned int len)
{
	return at >= skb->head && at + len <= skb_tail_pointer(skb) ? at : NULL;
}

/* offset: of what follows the IP header, from skb->data */
static void upper(const struct sk_buff *skb, int offset, struct gap_flow *f)
{
	__be16 ports[2];
	const __be16 *p;
	const u8 *b;

	p = skb_header_pointer(skb, offset, sizeof(ports), ports);
	if (!p)
		return;
	b = (const u8 *)p;
	switch (f->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		f->sport = be16_to_cpu(p[0]);
		f->dport = be16_to_cpu(p[1]);
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		f->sport = b[0];
		f->dport = b[1];
		return;
	case IPPROTO_MH:
		f->sport = b[2];
		return;
	}
}

static bool flow_ipv4(const struct sk_buff *skb, struct gap_flow *f)
{
	const struct iphdr *ip = gap_header_at(skb, skb_network_header(skb), sizeof(*ip));

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return false;
	f->from.a4 = ip->saddr;
	f->to.a4 = ip->daddr;
	f->proto = ip->protocol;
	if (!ip_is_fragment(ip))
		upper(skb, skb_network_offset(skb) + ip->ihl * 4, f);
	return true;
}

static bool flow_ipv6(const struct sk_buff *skb, struct gap_flow *f)
{
	const struct ipv6hdr *ip = gap_header_at(skb, skb_network_header(skb), sizeof(*ip));
	__be16 fragment = 0;
	int offset;

	if (!ip || ip->version != 6)
		return false;
	f->from.in6 = ip->saddr;
	f->to.in6 = ip->daddr;
	f->proto = ip->nexthdr;
	offset = ipv6_skip_exthdr(skb, skb_network_offset(skb) + sizeof(*ip), &f->proto, &fragment);
	if (offset >= 0 && !fragment)
		upper(skb, offset, f);
	return true;
}

bool gap_flow_of(const struct sk_buff *skb, u16 family, struct gap_flow *f)
{
	const struct dst_entry *dst = skb_dst(skb);

	memset(f, 0, sizeof(*f));
	f->family = family;
	f->mark = skb->mark;
	f->oif = dst && dst->dev ? dst->dev->ifindex : 0;
	/* What is behind the header is read from skb->data on. */
	if (skb_network_offset(skb) < 0)
		return false;
	return family == AF_INET6 ? flow_ipv6(skb, f) : flow_ipv4(skb, f);
}

/* A transport policy may have many peers; those of a tunnel share one path. */
static bool goes_to(const struct gap_path *p, const struct gap_flow *f)
{
	return p->mode != XFRM_MODE_TRANSPORT || gap_addr_equal(&f->to, &p->peer, p->family);
}

bool gap_flow_fits(const struct gap_path *p, const struct gap_flow *f)
{
	const struct xfrm_selector *sel = &p->sel;

	return f->family == sel->family && f->if_id == p->if_id && (f->mark & p->mark.m) == p->mark.v &&
	       addr_match(&f->to, &sel->daddr, sel->prefixlen_d) && addr_match(&f->from, &sel->saddr, sel->prefixlen_s) &&
	       !((f->dport ^ be16_to_cpu(sel->dport)) & be16_to_cpu(sel->dport_mask)) &&
	       !((f->sport ^ be16_to_cpu(sel->sport)) & be16_to_cpu(sel->sport_mask)) && (!sel->proto || f->proto == sel->proto) &&
	       (!sel->ifindex || f->oif == sel->ifindex) && goes_to(p, f);
}
