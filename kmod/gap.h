/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Insides of the gap meter.
 *
 * All objects of a namespace hang on its struct gap_net. Its lock guards every list and every field without another word; it is taken by what
 * happens to SAs and policies, and by the one packet that begins or ends something. Other packets read hash tables under RCU and
 * count by atomics. Order of locks: the kernel's own (xfrm_state.lock, xfrm_state_lock, xfrm_policy_lock), then gap_net.lock; under it nothing
 * of the kernel's is called that takes one of those, and no skb is freed.
 */
#ifndef GAPLESS_GAP_H
#define GAPLESS_GAP_H

#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/netdevice.h>
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
#define GAP_SPIS_MAX	1024	/* SPIs without an SA … */
#define GAP_SPIS_SOURCE	32	/* … of which one source may have so many, lest it drive out the others' */
#define GAP_GONE_MAX	512	/* SPIs of SAs that are gone */
#define GAP_SPI_SECONDS	600	/* an SPI that was not seen for so long is forgotten */
#define GAP_SEARCH_MAX	1024	/* a dropped packet without a bundle is compared with so many paths */
#define GAP_BARE_MAX	64	/* paths whose packets might leave in clear: each plain packet is compared with these */

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

/* What is told of an SA, copied when it is looked at. */
struct gap_sa_seen {
	__be32 spi;	/* 0: none */
	u64 age_us;
	u64 packets;
	u64 bytes;
};

/* An SA. Holds a reference to the kernel's while that is in use. */
struct gap_sa {
	struct hlist_node by_state;	/* RCU */
	struct hlist_node by_key;
	struct rcu_head rcu;
	struct xfrm_state *x;
	ktime_t since;
};

/* One gap, from its beginning. */
struct gap {
	bool open;			/* read without the lock */
	u32 cause;			/* enum ipsec_gap_cause */
	struct gap_by by;
	struct gap_sa_seen old;
	ktime_t lost;
	ktime_t keyed;			/* 0: there is no SA yet */
	ktime_t wanted;			/* 0: no packet has asked; set without the lock by the first one */
	u32 acquires;
};

/* What a policy sends through. A wide one is the model for paths to the single peers of a transport policy, and has none of its own. */
struct gap_path {
	struct hlist_node by_index;	/* RCU */
	struct hlist_node by_key;
	struct list_head all;		/* RCU; gap_net.paths or gap_net.wide */
	struct list_head bare;		/* RCU, gap_net.bare */
	struct rcu_head rcu;

	u32 index;			/* of the policy; 0: it is gone */
	u8 number;			/* of the template */
	bool wide;
	bool optional;			/* without an SA the kernel sends in clear */
	u8 proto, mode;
	u16 family;			/* of the addresses */
	u32 reqid, if_id;
	xfrm_address_t local, peer;
	struct xfrm_selector sel;

	struct gap gap;
	__be32 spi;			/* by which packets leave, as far as we have looked; read without the lock */
	bool fresh;			/* there is a newer SA: counted in gap_net.watched until a packet has left by it */
	ktime_t bare_since;		/* 0: it is not bare */
	bool clear_told;
	struct gap_count now[GAP_KINDS];	/* of this gap */
	struct gap_count sum[GAP_KINDS];	/* of those before */
	u64 gaps, switches, longest_us, total_us;
	ktime_t last;			/* when the last gap began */
};

/* An inbound SPI that found no SA. */
struct gap_spi {
	struct hlist_node node;		/* RCU */
	struct rcu_head rcu;
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
	xfrm_address_t local;
	__be32 spi;
	u16 family;
	u8 proto;
	ktime_t when;
};

/* What is kept and told; a plain value. */
struct gap_event {
	struct list_head node;
	u64 seq;
	ktime_t time;
	u32 type;			/* enum ipsec_gap_type */

	u32 index;
	struct xfrm_selector sel;
	u16 family;
	u8 proto, mode;
	u32 reqid, if_id;
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
	bool dead;			/* nothing is added any more */

	/* read without the lock, by every packet */
	atomic_t watched;		/* paths with an open gap, or a new SA by which no packet has left */
	atomic_t bare_count;

	DECLARE_HASHTABLE(sas, GAP_HASH_BITS);		/* by struct xfrm_state */
	DECLARE_HASHTABLE(sa_keys, GAP_HASH_BITS);
	DECLARE_HASHTABLE(paths_index, GAP_HASH_BITS);
	DECLARE_HASHTABLE(path_keys, GAP_HASH_BITS);
	DECLARE_HASHTABLE(spis, GAP_HASH_BITS);
	struct list_head paths, wide, bare;
	struct gap_gone *gone;		/* a ring; made with the first SA */
	u32 gone_next;
	u32 path_count, sa_count, spi_count;
	atomic64_t missed, other_packets;

	struct list_head events;	/* oldest first */
	u64 seq, told;
	u32 event_count;
	struct work_struct tell;	/* events to the multicast group */
	struct delayed_work age;	/* ends what was bare for long enough */
};

extern unsigned int gap_net_id;

static inline struct gap_net *gap_net(const struct net *net)
{
	return net_generic(net, gap_net_id);
}

static inline bool gap_addr_equal(const xfrm_address_t *a, const xfrm_address_t *b, u16 family)
{
	return family == AF_INET6 ? ipv6_addr_equal(&a->in6, &b->in6) : a->a4 == b->a4;
}

static inline u32 gap_addr_hash(const xfrm_address_t *a, u16 family)
{
	return family == AF_INET6 ? ipv6_addr_hash(&a->in6) : (__force u32)a->a4;
}

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

/* gap_sa.c: what the kernel's key managers are told of SAs */
int gap_sa_notify(struct xfrm_state *x, const struct km_event *c);
int gap_sa_acquire(struct xfrm_state *x, struct xfrm_tmpl *t, struct xfrm_policy *pol);
void gap_sa_walk(struct gap_net *gn);
void gap_sa_exit(struct gap_net *gn);
/* The lock, for all of these: whether a path has an SA to send by, not counting the one with this SPI; what an SA's counters say (zero when there
 * is none with this SPI); the newest SA by which the other end sends on this path, and the one before it.
 */
bool gap_sa_usable(struct gap_net *gn, const struct gap_path *p, __be32 except);
void gap_sa_look(struct gap_net *gn, const struct gap_path *p, __be32 spi, struct gap_sa_seen *to);
void gap_sa_inbound(struct gap_net *gn, const struct gap_path *p, struct gap_sa_seen *now, struct gap_sa_seen *before);

/* gap_path.c: policies */
int gap_path_notify(struct xfrm_policy *pol, int dir, const struct km_event *c);
void gap_path_walk(struct gap_net *gn);
void gap_path_exit(struct gap_net *gn);
bool gap_path_serves(const struct gap_path *p, const struct xfrm_state *x);
/* The lock, for all of these. */
struct gap_path *gap_path_asked(struct gap_net *gn, const struct xfrm_policy *pol, const struct xfrm_tmpl *t, const struct xfrm_state *x);
/* Paths of single peers that a wide policy has by this SA */
void gap_path_widen(struct gap_net *gn, const struct xfrm_state *x);
void gap_path_bare(struct gap_net *gn, struct gap_path *p, ktime_t now);
void gap_path_dressed(struct gap_net *gn, struct gap_path *p, ktime_t now);
void gap_path_age(struct gap_net *gn, ktime_t now);

/* gap_open.c: beginnings and ends. The lock, for all of these. */
void gap_lost(struct gap_net *gn, struct gap_path *p, u32 cause, const struct gap_by *by, const struct gap_sa_seen *old, ktime_t now);
void gap_wanted(struct gap_net *gn, struct gap_path *p, ktime_t now);		/* by a packet */
void gap_acquired(struct gap_net *gn, struct gap_path *p, ktime_t now);
void gap_keyed(struct gap_net *gn, struct gap_path *p, __be32 spi, ktime_t now);
void gap_left(struct gap_net *gn, struct gap_path *p, __be32 spi, ktime_t now);	/* a packet, by this SA */
void gap_ended(struct gap_net *gn, struct gap_path *p, u32 end, const struct gap_sa_seen *new, ktime_t now);
void gap_stale(struct gap_net *gn, struct gap_path *p);				/* no new SA is waited for any more */
struct gap_event *gap_event_of(struct gap_net *gn, const struct gap_path *p, u32 type, ktime_t now);

/* gap_packet.c */
int gap_packet_net_init(struct net *net);
void gap_packet_net_exit(struct net *net);
int gap_packet_init(void);
void gap_packet_exit(void);

/* gap_spi.c: inbound packets without an SA */
void gap_spi_seen(struct gap_net *gn, const struct gap_spi *what, unsigned int bytes);
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
