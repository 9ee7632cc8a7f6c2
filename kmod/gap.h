/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Insides of the gap meter.
 *
 * All objects of a namespace hang on its struct gap_net. Its lock guards every list and every field without another
 * word; it is taken by what happens to SAs and policies, and by the one packet that begins or ends something. Other
 * packets read hash tables under RCU and count by atomics. Order of locks: the kernel's own (xfrm_state.lock,
 * xfrm_state_lock, xfrm_policy_lock), then gap_net.lock; under it nothing of the kernel's is called that takes one of
 * those, and no skb is freed.
 *
 * Where packets are freed (gap_drop.c) preemption is off, and a spinlock_t of PREEMPT_RT would sleep: nothing is locked
 * or allocated there. What asks for it is noted, and gap_catch_up() sees to it.
 */
#ifndef GAPLESS_GAP_H
#define GAPLESS_GAP_H

#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/netdevice.h>
#include <linux/ratelimit.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include <net/xfrm.h>

#include "compat.h"
#include "uapi/ipsec_gap.h"

#define GAP_HASH_BITS	8
#define GAP_PATHS_MAX	16384	/* of a namespace */
#define GAP_SAS_MAX	65536
#define GAP_UNMET_MAX	256	/* paths by wide policies to ends that there has never been an SA with: anybody's address may be one */
#define GAP_SPIS_KNOWN	256	/* SPIs without an SA, from where we have SAs with … */
#define GAP_SPIS_OTHER	768	/* … and from anywhere else … */
#define GAP_SPIS_SOURCE	32	/* … of which one source may have so many, lest it drive out the others' */
#define GAP_STRAYS	128	/* packets with such SPIs that are noted until they are looked at */
#define GAP_GONE_MAX	512	/* SPIs of SAs that are gone */
#define GAP_SPI_SECONDS	600	/* an SPI that was not seen for so long is forgotten */
#define GAP_SEARCH_MAX	1024	/* a dropped packet without a bundle is compared with so many paths */
#define GAP_BARE_MAX	4096	/* paths whose packets might leave in clear */

struct gap_count {
	atomic64_t packets;
	atomic64_t bytes;
};

enum gap_kind {
	GAP_HELD,
	GAP_DROPPED,
	GAP_CLEAR,
	GAP_KINDS
};

/* Who did it; of a timer, nobody. */
struct gap_by {
	u32 pid;
	char comm[TASK_COMM_LEN];
};

/* Microseconds between two looks at the clock. They may have been taken on two processors, and the second may not be the later one. */
static inline u64 gap_us(ktime_t from, ktime_t to)
{
	return max_t(s64, ktime_us_delta(to, from), 0);
}

/* What is told of an SA, copied when it is looked at. */
struct gap_sa_seen {
	__be32 spi;	/* 0: none */
	u64 age_us;
	u64 packets;
	u64 bytes;
};

/* An SA. Holds a reference to the kernel's while that is in use. */
struct gap_sa {
	struct hlist_node by_state;
	struct hlist_node by_key;
	struct hlist_node by_source;
	struct xfrm_state *x;
	const struct net_device *dev;	/* that it is offloaded to; compared only */
	ktime_t since;
};

/* One gap, from its beginning. */
struct gap {
	bool open;			/* read without the lock */
	u32 cause;			/* enum ipsec_gap_cause */
	struct gap_by by;
	struct gap_sa_seen old, old_in;	/* the last pair */
	ktime_t lost;
	ktime_t keyed;			/* 0: there is no SA yet */
	ktime_t wanted;			/* 0: no packet has asked; set without the lock by the first one */
	u32 acquires;
};

/* What a policy sends through. A wide one is the model for paths to the single peers of a transport policy, and has none of its own. */
struct gap_path {
	struct hlist_node by_index;	/* RCU */
	struct hlist_node by_key;	/* RCU */
	struct list_head all;		/* RCU; gap_net.paths or gap_net.wide: in the order of their ids */
	struct list_head bare;		/* gap_net.bare */
	struct hlist_node by_net;	/* RCU, gap_net.bare_nets */
	struct list_head unmet;		/* gap_net.unmet; empty: there has been an SA, or the policy names the other end */
	struct rcu_head rcu;
	u64 id;				/* counted up; never again */

	u32 index;			/* of the policy; 0: it is gone */
	u8 number;			/* of the template */
	bool wide;
	bool optional;			/* without an SA the kernel sends in clear */
	u8 proto, mode;
	u16 family;			/* of the addresses */
	u32 reqid, if_id;
	struct xfrm_mark mark;
	xfrm_address_t local, peer;
	struct xfrm_selector sel;

	struct gap gap;
	__be32 spi;			/* by which packets leave, as far as we have looked; read without the lock */
	struct gap_sa_seen was;		/* that SA, when it is gone */
	__be32 spi_in;			/* the inbound SA that there was beside it; 0: none */
	struct gap_sa_seen was_in;	/* that SA, when it is gone; without spi_in any that there was */
	bool fresh;			/* there is a newer SA: counted in gap_net.watched until a packet has left by it */
	ktime_t bare_since;		/* 0: it is not bare */
	bool clear_told;
	ktime_t asked;			/* a packet was dropped while no gap was open; 0: there is nothing to catch up with */
	bool asks;			/* … and a gap shall be open if there is no SA */
	struct gap_count early;		/* dropped because its SA is over, of which we shall be told */
	struct gap_count guess;		/* dropped, and its flow is this path's: for want of an SA, if there is none */
	struct gap_count now[GAP_KINDS];	/* of this gap */
	struct gap_count sum[GAP_KINDS];	/* of those before */
	u64 gaps, switches, longest_us, total_us;
	ktime_t last;			/* when the last gap began */
};

/* An inbound packet that found no SA. */
struct gap_stray {
	xfrm_address_t source, local;
	__be32 spi;
	u16 family;
	u8 proto;
	u8 fate;			/* enum ipsec_gap_fate */
	u32 bytes;
	ktime_t when;
};

/* An inbound SPI that found no SA. */
struct gap_spi {
	struct hlist_node node;		/* RCU */
	struct list_head turn;		/* of gap_net.spi_kin: who goes first when there is no room */
	struct list_head all;		/* gap_net.spi_list: in the order of their ids */
	struct rcu_head rcu;
	u64 id;
	bool known;			/* we have SAs with the source */
	ktime_t looked;			/* the last packet, when it was its turn */
	xfrm_address_t source, local;
	__be32 spi;
	u16 family;
	u8 proto;
	u32 fate;			/* enum ipsec_gap_fate */
	u64 known_us;
	ktime_t first, last;
	struct gap_count count;
};

/* An SA that was. */
struct gap_gone {
	xfrm_address_t source, local;
	__be32 spi;
	u16 family;
	u8 proto;
	ktime_t when;
};

/* What is kept and told; a plain value. */
struct gap_event {
	struct list_head node;
	struct list_head spi_node;	/* gap_net.spi_events */
	u64 seq;
	ktime_t time;
	u32 type;			/* enum ipsec_gap_type */

	u32 index;
	struct xfrm_selector sel;
	u16 family;
	u8 proto, mode;
	u32 reqid, if_id;
	struct xfrm_mark mark;
	xfrm_address_t local, peer;

	u32 cause, end, acquires, fate;
	struct gap_by by;
	u64 lasted_us, keyed_us, waited_us, known_us;
	bool keyed, waited;
	u64 packets[GAP_KINDS], bytes[GAP_KINDS];
	struct gap_sa_seen out_old, out_new, in_old, in_new;
	__be32 spi;
	u64 spi_packets, spi_bytes;
	ktime_t first, last;
};

struct gap_net {
	struct net *net;
	spinlock_t lock;
	bool dead;			/* nothing is added or scheduled any more */

	/* read without the lock, by every packet */
	atomic_t watched;		/* paths with an open gap, or a new SA by which no packet has left */
	atomic_t bare_count;

	DECLARE_HASHTABLE(sas, GAP_HASH_BITS);		/* by struct xfrm_state */
	DECLARE_HASHTABLE(sa_keys, GAP_HASH_BITS);
	DECLARE_HASHTABLE(paths_index, GAP_HASH_BITS);
	DECLARE_HASHTABLE(path_keys, GAP_HASH_BITS);
	DECLARE_HASHTABLE(spis, GAP_HASH_BITS);
	DECLARE_HASHTABLE(sa_sources, GAP_HASH_BITS);
	DECLARE_HASHTABLE(bare_nets, GAP_HASH_BITS);
	DECLARE_BITMAP(bare_used[2], 129);		/* by family and length of prefix, the longest first; read without the lock */
	u32 bare_lengths[2][129];
	struct list_head paths, wide, bare, unmet;
	struct list_head spi_kin[2];	/* by gap_spi.known */
	struct list_head spi_list;
	u64 last_id;			/* of paths and SPIs: a dump goes on behind the one that it has told last */
	struct gap_gone *gone;		/* a ring; made with the first SA */
	u32 gone_next;
	u32 path_count, unmet_count, sa_count, spi_count[2];
	atomic64_t missed, other_packets, forgotten;
	struct gap_count past[GAP_KINDS];	/* of paths that are forgotten … */
	u64 past_gaps;
	struct gap_count strays_all;		/* … and of all inbound SPIs without an SA, also those that are */
	struct ratelimit_state strangers, kin;	/* what is told of SPIs, and of unmet paths */

	struct list_head events, spi_events;	/* oldest first */
	u64 seq, told;
	u32 event_count, spi_event_count;
	struct work_struct tell;	/* events to the multicast group */
	struct delayed_work age;	/* ends what was bare for long enough */

	struct delayed_work catch_up;
	unsigned long caught_up;	/* jiffies */
	atomic_t asked;			/* some path is */
	raw_spinlock_t stray_lock;	/* innermost */
	u32 stray_first, stray_count;
	struct gap_stray strays[GAP_STRAYS];
};

extern unsigned int gap_net_id;

static inline struct gap_net *gap_net(const struct net *net)
{
	return net_generic(net, gap_net_id);
}

/* With RCU, where a packet may outlive what it was in; NULL: that goes, or has gone. */
static inline struct gap_net *gap_net_alive(const struct net *net)
{
	return check_net(net) ? gap_net(net) : NULL;
}

static inline bool gap_addr_equal(const xfrm_address_t *a, const xfrm_address_t *b, u16 family)
{
	return family == AF_INET6 ? ipv6_addr_equal(&a->in6, &b->in6) : a->a4 == b->a4;
}

/* Strangers choose addresses as well, and shall not choose where they fall. */
u32 gap_addr_hash(const xfrm_address_t *a, u16 family);

/* For hash tables of paths and SAs alike: what a template and an SA that serves it have in common */
static inline u32 gap_key(u8 proto, u32 reqid, const xfrm_address_t *peer, u16 family)
{
	return gap_addr_hash(peer, family) ^ reqid * 31 ^ proto;
}

static inline void gap_count(struct gap_count *c, unsigned int bytes)
{
	atomic64_inc(&c->packets);
	atomic64_add(bytes, &c->bytes);
}

void gap_count_skb(struct gap_count *c, const struct sk_buff *skb);

static inline void gap_count_move(struct gap_count *to, struct gap_count *from)
{
	atomic64_add(atomic64_xchg(&from->packets, 0), &to->packets);
	atomic64_add(atomic64_xchg(&from->bytes, 0), &to->bytes);
}

/* gap_main.c */
void gap_soon(struct gap_net *gn);		/* any context: what was noted will be caught up with */
void gap_catch_up(struct gap_net *gn);		/* the lock */

/* gap_sa.c: what the kernel's key managers are told of SAs */
int gap_sa_notify(struct xfrm_state *x, const struct km_event *c);
int gap_sa_acquire(struct xfrm_state *x, struct xfrm_tmpl *t, struct xfrm_policy *pol);
void gap_sa_moved(struct gap_net *gn, const struct xfrm_migrate *m, int count);	/* policies first: gap_path_moved() */
void gap_sa_walk(struct gap_net *gn);
void gap_sa_exit(struct gap_net *gn);
int gap_sa_init(void);
void gap_sa_done(void);
/*
 * The lock, for all of these: whether a path has an SA to send by, not counting this one; what an SA's counters say
 * (zero when there is none with this SPI); the newest SA by which the other end sends on this path, and the one that
 * was there at the last switch, if that is another (either may be NULL); whether there are newer SAs than the one with
 * this SPI; whether there is an SA with this source.
 */
bool gap_sa_usable(struct gap_net *gn, const struct gap_path *p, const struct xfrm_state *except);
void gap_sa_look(struct gap_net *gn, const struct gap_path *p, __be32 spi, struct gap_sa_seen *to);
void gap_sa_inbound(struct gap_net *gn, const struct gap_path *p, struct gap_sa_seen *now, struct gap_sa_seen *before);
bool gap_sa_newer(struct gap_net *gn, const struct gap_path *p, __be32 spi);
bool gap_sa_from(struct gap_net *gn, const xfrm_address_t *source, u16 family);

/* gap_path.c: policies */
int gap_path_notify(struct xfrm_policy *pol, int dir, const struct km_event *c);
void gap_path_walk(struct gap_net *gn);
void gap_path_moved(struct gap_net *gn, const struct xfrm_selector *sel);	/* policies with this selector have other ends */
void gap_path_exit(struct gap_net *gn);
bool gap_path_serves(const struct gap_path *p, const struct xfrm_state *x);
/* RCU: that sends by this SA, of this policy if it is not 0; if that is no more, one whose policy has just gone */
struct gap_path *gap_path_by_sa(struct gap_net *gn, const struct xfrm_state *x, u32 index);
/* The lock, for all of these. */
struct gap_path *gap_path_asked(struct gap_net *gn, const struct xfrm_policy *pol, const struct xfrm_tmpl *t, const struct xfrm_state *x);
/* Paths of single peers that a wide policy has by this SA */
void gap_path_widen(struct gap_net *gn, const struct xfrm_state *x);
void gap_path_met(struct gap_net *gn, struct gap_path *p);	/* there is an SA */
void gap_path_free(struct gap_net *gn, struct gap_path *p);	/* those that are bare are dressed first */

/* gap_bare.c: paths whose packets might leave in clear. The lock, but for the last one. */
void gap_path_bare(struct gap_net *gn, struct gap_path *p, ktime_t now);
void gap_path_dressed(struct gap_net *gn, struct gap_path *p, ktime_t now);
void gap_path_age(struct gap_net *gn, ktime_t now);
bool gap_path_bare_goes(struct gap_net *gn);	/* the one whose policy went first; false: there is none */
struct gap_flow;
struct gap_path *gap_path_bare_find(struct gap_net *gn, const struct gap_flow *f);	/* RCU */

/* gap_open.c: beginnings and ends. The lock, for all of these. */
void gap_lost(struct gap_net *gn, struct gap_path *p, u32 cause, const struct gap_by *by, const struct gap_sa_seen *old, ktime_t now);
void gap_wanted(struct gap_net *gn, struct gap_path *p, ktime_t now);		/* by a packet */
void gap_acquired(struct gap_net *gn, struct gap_path *p, ktime_t now);
void gap_keyed(struct gap_net *gn, struct gap_path *p, __be32 spi, ktime_t now);
void gap_left(struct gap_net *gn, struct gap_path *p, __be32 spi, ktime_t now);	/* a packet, by this SA */
void gap_ended(struct gap_net *gn, struct gap_path *p, u32 end, const struct gap_sa_seen *new, ktime_t now);
void gap_fresh(struct gap_net *gn, struct gap_path *p);				/* packets may change to another SA */
void gap_stale(struct gap_net *gn, struct gap_path *p);				/* … and are not waited for any more */
void gap_asked(struct gap_net *gn, struct gap_path *p, ktime_t now);		/* packets were dropped while it was not open */
struct gap_event *gap_event_of(struct gap_net *gn, const struct gap_path *p, u32 type, ktime_t now);

/* gap_flow.c: what a packet is, for policies. The packet is not changed. */
struct gap_flow {
	u16 family;
	u8 proto;
	xfrm_address_t from, to;
	u16 sport, dport;	/* for ICMP type and code, as XFRM has them */
	u32 mark, if_id;
	int oif;
};

bool gap_flow_of(const struct sk_buff *skb, u16 family, struct gap_flow *f);	/* false: it has no sound header */
bool gap_flow_fits(const struct gap_path *p, const struct gap_flow *f);
/* The header at this place, if it is there; NULL: a freed packet may be anything */
const void *gap_header_at(const struct sk_buff *skb, const unsigned char *at, unsigned int len);

/* gap_packet.c: packets that leave, or are held */
int gap_packet_net_init(struct net *net);
void gap_packet_net_exit(struct net *net);
u32 gap_packet_index(const struct dst_entry *dst);	/* of its bundle's policy; 0: none */
/* RCU: the path of a packet with this bundle, best one with an open gap */
struct gap_path *gap_packet_path(struct gap_net *gn, const struct sk_buff *skb);

/* gap_drop.c: packets that are freed instead */
int gap_drop_init(void);
void gap_drop_exit(void);

/* gap_where.c: in which of the kernel's functions a packet was freed */
enum gap_where {
	GAP_ELSEWHERE,
	GAP_AT_INPUT,
	GAP_AT_BUNDLE,		/* it had a bundle, as far as we are concerned */
	GAP_AT_BLACKHOLE,
	GAP_AT_FORWARD,
	GAP_AT_DEVICE,		/* of an xfrm or vti interface */
	GAP_WHERES
};

enum gap_where gap_where_is(const void *location);	/* any context */
int gap_where_init(void);
void gap_where_exit(void);

/* gap_spi.c: inbound packets without an SA */
void gap_spi_seen(struct gap_net *gn, const struct gap_stray *s);			/* any context */
void gap_spi_catch_up(struct gap_net *gn);						/* the lock */
void gap_spi_known(struct gap_net *gn, const struct xfrm_state *x, ktime_t now);		/* the lock */
void gap_spi_gone(struct gap_net *gn, const struct xfrm_state *x, ktime_t now);		/* the lock */
void gap_spi_age(struct gap_net *gn, ktime_t now, bool all);				/* the lock */

/* gap_event.c: the ring. The lock, for the first two. */
struct gap_event *gap_event_new(struct gap_net *gn, u32 type, ktime_t now);	/* NULL: no memory, and it is counted */
void gap_event_add(struct gap_net *gn, struct gap_event *e);
void gap_event_tell(struct work_struct *work);
void gap_event_exit(struct gap_net *gn);

/* gap_netlink.c */
int gap_netlink_init(void);
void gap_netlink_exit(void);
/* To whoever listens; process context. */
void gap_netlink_tell(struct gap_net *gn, const struct gap_event *e);

/* gap_proc.c */
int gap_proc_init(struct net *net);
void gap_proc_exit(struct net *net);
extern const char *const gap_cause_names[];

#endif
