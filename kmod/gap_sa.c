// SPDX-License-Identifier: GPL-2.0-only
/* SAs: what the kernel tells its key managers of them, and what it leaves out. */
#include "gap.h"

#include <linux/netdevice.h>
#include <linux/sched.h>
#include <linux/slab.h>

static u32 key_of(const struct xfrm_state *x)
{
	return gap_key(x->id.proto, x->props.reqid, &x->id.daddr, x->props.family);
}

static bool usable(const struct gap_sa *sa)
{
	return READ_ONCE(sa->x->km.state) == XFRM_STATE_VALID;
}

static struct gap_sa *sa_of(struct gap_net *gn, const struct xfrm_state *x)
{
	struct gap_sa *sa;

	hash_for_each_possible(gn->sas, sa, by_state, (unsigned long)x)
		if (sa->x == x)
			return sa;
	return NULL;
}

static void look(const struct gap_sa *sa, struct gap_sa_seen *to)
{
	to->spi = sa->x->id.spi;
	to->age_us = gap_us(sa->since, ktime_get());
	to->packets = READ_ONCE(sa->x->curlft.packets);
	to->bytes = READ_ONCE(sa->x->curlft.bytes);
}

bool gap_sa_usable(struct gap_net *gn, const struct gap_path *p, const struct xfrm_state *except)
{
	struct gap_sa *sa;

	hash_for_each_possible(gn->sa_keys, sa, by_key, gap_key(p->proto, p->reqid, &p->peer, p->family))
		if (usable(sa) && sa->x != except && gap_path_serves(p, sa->x))
			return true;
	return false;
}

void gap_sa_look(struct gap_net *gn, const struct gap_path *p, __be32 spi, struct gap_sa_seen *to)
{
	struct gap_sa *sa;

	memset(to, 0, sizeof(*to));
	hash_for_each_possible(gn->sa_keys, sa, by_key, gap_key(p->proto, p->reqid, &p->peer, p->family))
		if (sa->x->id.spi == spi && gap_path_serves(p, sa->x))
			look(sa, to);
}

/* The way back of a path: the same but for the ends, and perhaps the reqid */
static bool comes_back(const struct gap_path *p, const struct xfrm_state *x)
{
	return x->id.proto == p->proto && x->props.mode == p->mode && x->props.family == p->family &&
	       x->if_id == p->if_id && gap_addr_equal(&x->props.saddr, &p->peer, p->family) &&
	       (xfrm_addr_any(&p->local, p->family) || gap_addr_equal(&x->id.daddr, &p->local, p->family));
}

/*
 * Policies of level "unique" have a reqid for each direction, and nothing says which belong together: where no SA comes
 * back with the path's, and all that do have the same, it is that.
 */
static u32 reqid_back(struct gap_net *gn, const struct gap_path *p)
{
	u32 reqid = p->reqid;
	struct gap_sa *sa;

	hash_for_each_possible(gn->sa_sources, sa, by_source, gap_addr_hash(&p->peer, p->family)) {
		if (!comes_back(p, sa->x))
			continue;
		if (sa->x->props.reqid == p->reqid || (reqid != p->reqid && sa->x->props.reqid != reqid))
			return p->reqid;
		reqid = sa->x->props.reqid;
	}
	return reqid;
}

/* In a flush SAs are dead before they are told of: those are the ones before. Without a switch so far, it is the second newest one. */
void gap_sa_inbound(struct gap_net *gn, const struct gap_path *p, struct gap_sa_seen *now, struct gap_sa_seen *before)
{
	struct gap_sa *sa, *first = NULL, *second = NULL, *was = NULL;
	u32 reqid = reqid_back(gn, p);

	hash_for_each_possible(gn->sa_sources, sa, by_source, gap_addr_hash(&p->peer, p->family)) {
		if (sa->x->props.reqid != reqid || !comes_back(p, sa->x))
			continue;
		if (sa->x->id.spi == p->spi_in)
			was = sa;
		if (now && !usable(sa))
			continue;
		if (!first || ktime_after(sa->since, first->since)) {
			second = first;
			first = sa;
		} else if (!second || ktime_after(sa->since, second->since)) {
			second = sa;
		}
	}
	if (now && first)
		look(first, now);
	if (!before || (now && first && first->x->id.spi == p->spi_in))
		return;
	if (!p->spi_in)
		was = now ? second : first;
	if (was)
		look(was, before);
	else if (!p->spi_in || p->was_in.spi == p->spi_in)
		*before = p->was_in;
}

/* Another one that can be used and that the kernel prefers: it was added later, by its seconds. Of an SA that is gone, any. */
bool gap_sa_newer(struct gap_net *gn, const struct gap_path *p, __be32 spi)
{
	struct gap_sa *sa, *this = NULL, *newest = NULL;

	hash_for_each_possible(gn->sa_keys, sa, by_key, gap_key(p->proto, p->reqid, &p->peer, p->family)) {
		if (!usable(sa) || !gap_path_serves(p, sa->x))
			continue;
		if (sa->x->id.spi == spi)
			this = sa;
		else if (!newest || sa->x->curlft.add_time > newest->x->curlft.add_time)
			newest = sa;
	}
	return newest && (!this || newest->x->curlft.add_time >= this->x->curlft.add_time);
}

bool gap_sa_from(struct gap_net *gn, const xfrm_address_t *source, u16 family)
{
	struct gap_sa *sa;

	hash_for_each_possible(gn->sa_sources, sa, by_source, gap_addr_hash(source, family))
		if (sa->x->props.family == family && gap_addr_equal(&sa->x->props.saddr, source, family))
			return true;
	return false;
}

static bool served_by(const struct gap_path *p, const struct gap_sa *sa)
{
	return gap_path_serves(p, sa->x);
}

/* The kernel knows the second in which an SA was added, which is worth something of those that were there before us. */
static ktime_t since(const struct xfrm_state *x, ktime_t now)
{
	s64 age = ktime_get_real_seconds() - (s64)x->curlft.add_time;

	return clamp_t(s64, ktime_sub(now, age * NSEC_PER_SEC), 0, now);
}

static void add(struct gap_net *gn, struct xfrm_state *x, ktime_t from, ktime_t now)
{
	struct gap_sa *sa;
	struct gap_path *p;

	if (gn->dead || sa_of(gn, x))
		return;
	sa = gn->sa_count < GAP_SAS_MAX ? kzalloc(sizeof(*sa), GFP_ATOMIC | __GFP_NOWARN) : NULL;
	if (!sa) {
		atomic64_inc(&gn->missed);
		return;
	}
	xfrm_state_hold(x);
	sa->x = x;
	sa->dev = x->xso.dev;
	sa->since = from;
	hash_add(gn->sas, &sa->by_state, (unsigned long)x);
	hash_add(gn->sa_keys, &sa->by_key, key_of(x));
	hash_add(gn->sa_sources, &sa->by_source, gap_addr_hash(&x->props.saddr, x->props.family));
	gn->sa_count++;
	gap_path_widen(gn, x);
	hash_for_each_possible(gn->path_keys, p, by_key, key_of(x))
		if (served_by(p, sa))
			gap_keyed(gn, p, x->id.spi, now);
	gap_spi_known(gn, x, now);
}

static void forget(struct gap_net *gn, struct gap_sa *sa)
{
	hash_del(&sa->by_state);
	hash_del(&sa->by_key);
	hash_del(&sa->by_source);
	gn->sa_count--;
	xfrm_state_put(sa->x);
	kfree(sa);
}

static void lose_path(struct gap_net *gn, struct gap_path *p, const struct xfrm_state *x, u32 cause, const struct gap_by *by,
		      const struct gap_sa_seen *old, ktime_t now)
{
	struct gap_sa_seen in_use;
	__be32 spi = old->spi;

	if (p->spi == spi)
		p->was = *old;
	if (!gap_sa_usable(gn, p, x)) {
		/* Of several that go at once, the one that packets left by is still to be told of. */
		gap_sa_look(gn, p, p->spi, &in_use);
		gap_lost(gn, p, cause, by, in_use.spi ? &in_use : old, now);
		return;
	}
	/* Another takes over: what this one lost at its end is no gap's. */
	gap_count_move(&p->sum[GAP_DROPPED], &p->early);
	if (p->spi == spi)
		gap_fresh(gn, p);
	else if (p->spi && !gap_sa_newer(gn, p, p->spi))
		gap_stale(gn, p);
}

/* The paths that it was the way back of, by the same reqid, remember it until the next switch. */
static void lose_inbound(struct gap_net *gn, const struct xfrm_state *x, const struct gap_sa_seen *old)
{
	struct gap_path *p;

	hash_for_each_possible(gn->path_keys, p, by_key, gap_key(x->id.proto, x->props.reqid, &x->props.saddr, x->props.family))
		if (x->props.reqid == p->reqid && comes_back(p, x) && (!p->spi_in || p->spi_in == old->spi))
			p->was_in = *old;
}

static void lose(struct gap_net *gn, struct gap_sa *sa, u32 cause, const struct gap_by *by, ktime_t now)
{
	struct xfrm_state *x = sa->x;
	struct gap_sa_seen old;
	struct gap_path *p;

	look(sa, &old);
	lose_inbound(gn, x, &old);
	hash_for_each_possible(gn->path_keys, p, by_key, key_of(x))
		if (served_by(p, sa))
			lose_path(gn, p, x, cause, by, &old, now);
	gap_spi_gone(gn, x, now);
	forget(gn, sa);
}

/* A flush is not told SA by SA, and what a device takes with it is not told at all. dev: of SAs that are offloaded to it; NULL: of all */
static void lose_dead(struct gap_net *gn, const struct net_device *dev, u32 cause, const struct gap_by *by, ktime_t now)
{
	struct hlist_node *next;
	struct gap_sa *sa;
	int i;

	hash_for_each_safe(gn->sas, i, next, sa, by_state)
		if (!usable(sa) && (!dev || sa->dev == dev))
			lose(gn, sa, cause, by, now);
}

/*
 * Who asked for it is who is running: netlink and PF_KEY do it in the caller's context, lifetimes in a timer's. The
 * name is read without the task's lock, which must not be taken below those of SAs: a timer takes those, too. A name
 * that is just being changed may be half of each.
 */
static void whoever(struct gap_by *by)
{
	memset(by, 0, sizeof(*by));
	if (!in_task())
		return;
	by->pid = task_tgid_nr(current);
	strscpy_pad(by->comm, current->comm, sizeof(by->comm));
}

static u32 expired_by(const struct xfrm_state *x, u32 portid)
{
	if (portid)
		return IPSEC_GAP_CAUSE_EXPIRED;
	if (x->curlft.bytes >= x->lft.hard_byte_limit)
		return IPSEC_GAP_CAUSE_BYTES;
	if (x->curlft.packets >= x->lft.hard_packet_limit)
		return IPSEC_GAP_CAUSE_PACKETS;
	return IPSEC_GAP_CAUSE_TIME;
}

/* The one with the same SPI at its new ends. Packets do not change to it, as they leave by the same SPI. */
static void move(struct gap_net *gn, struct gap_sa *sa, const struct xfrm_migrate *m, const struct gap_by *by, ktime_t now)
{
	struct xfrm_state *old = sa->x, *new;
	struct gap_path *p;

	new = xfrm_state_lookup(gn->net, old->mark.v, &m->new_daddr, old->id.spi, old->id.proto, m->new_family);
	if (!new)
		return;
	add(gn, new, sa->since, now);
	hash_for_each_possible(gn->path_keys, p, by_key, key_of(old))
		if (p->spi == old->id.spi && gap_path_serves(p, old) && gap_path_serves(p, new))
			WRITE_ONCE(p->spi, 0);
	xfrm_state_put(new);
	lose(gn, sa, IPSEC_GAP_CAUSE_MIGRATED, by, now);
}

static bool is_moved(const struct xfrm_state *x, const struct xfrm_migrate *m)
{
	return x->id.proto == m->proto && x->props.mode == m->mode && x->props.family == m->old_family &&
	       (!m->reqid || x->props.reqid == m->reqid) &&
	       gap_addr_equal(&x->id.daddr, &m->old_daddr, m->old_family) &&
	       gap_addr_equal(&x->props.saddr, &m->old_saddr, m->old_family);
}

/* A migration removes SAs without a word, and adds others. */
void gap_sa_moved(struct gap_net *gn, const struct xfrm_migrate *m, int count)
{
	const struct xfrm_migrate *end = m + count;
	struct hlist_node *next;
	struct gap_sa *sa;
	struct gap_by by;

	whoever(&by);
	for (; m < end; m++)
		hash_for_each_possible_safe(gn->sa_sources, sa, next, by_source, gap_addr_hash(&m->old_saddr, m->old_family))
			if (!usable(sa) && is_moved(sa->x, m))
				move(gn, sa, m, &by, ktime_get());
}

/* Of SAs as they come and go; under the lock. */
static void take(struct gap_net *gn, struct xfrm_state *x, const struct km_event *c, ktime_t now)
{
	struct gap_by by = {};
	struct gap_sa *sa;

	switch (c->event) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		/* An update of an SA that is in use ends in the old one's place: this one is dead, and the other is known. */
		if (READ_ONCE(x->km.state) == XFRM_STATE_VALID)
			add(gn, x, now, now);
		return;
	case XFRM_MSG_DELSA:
	case XFRM_MSG_EXPIRE:
		if (c->event == XFRM_MSG_EXPIRE && !c->data.hard)
			return;
		sa = sa_of(gn, x);
		if (!sa)
			return;
		if (c->event == XFRM_MSG_DELSA || c->portid)
			whoever(&by);
		lose(gn, sa, c->event == XFRM_MSG_DELSA ? IPSEC_GAP_CAUSE_DELETED : expired_by(x, c->portid), &by, now);
		return;
	}
}

int gap_sa_notify(struct xfrm_state *x, const struct km_event *c)
{
	struct gap_net *gn = gap_net(x ? xs_net(x) : c->net);
	struct gap_by by;
	ktime_t now;

	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	now = ktime_get();
	if (c->event == XFRM_MSG_FLUSHSA) {
		whoever(&by);
		lose_dead(gn, NULL, IPSEC_GAP_CAUSE_FLUSHED, &by, now);
	} else if (x) {
		take(gn, x, c, now);
	}
	spin_unlock_bh(&gn->lock);
	return 0;
}

/* -ESRCH: whether anybody negotiates is for others to say. */
int gap_sa_acquire(struct xfrm_state *x, struct xfrm_tmpl *t, struct xfrm_policy *pol)
{
	struct gap_net *gn = gap_net(xs_net(x));
	struct gap_path *p;

	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	p = gn->dead ? NULL : gap_path_asked(gn, pol, t, x);
	if (p)
		gap_acquired(gn, p, ktime_get());
	spin_unlock_bh(&gn->lock);
	return -ESRCH;
}

static int walk(struct xfrm_state *x, int n, void *arg)
{
	struct gap_net *gn = arg;
	ktime_t now;

	spin_lock_bh(&gn->lock);
	now = ktime_get();
	if (READ_ONCE(x->km.state) == XFRM_STATE_VALID)
		add(gn, x, since(x, now), now);
	spin_unlock_bh(&gn->lock);
	return 0;
}

void gap_sa_walk(struct gap_net *gn)
{
	struct xfrm_state_walk w;

	xfrm_state_walk_init(&w, IPSEC_PROTO_ANY, NULL);
	xfrm_state_walk(gn->net, &w, walk, gn);
	xfrm_state_walk_done(&w, gn->net);
}

void gap_sa_exit(struct gap_net *gn)
{
	struct hlist_node *next;
	struct gap_sa *sa;
	int i;

	hash_for_each_safe(gn->sas, i, next, sa, by_state)
		forget(gn, sa);
}

/*
 * A device that goes takes the SAs with it that are offloaded to it, and tells no key manager. It cannot go as long as
 * one of them is there, so our reference must not be the last.
 */
static int device_goes(struct notifier_block *block, unsigned long event, void *info)
{
	const struct net_device *dev = netdev_notifier_info_to_dev(info);
	struct gap_net *gn = gap_net(dev_net(dev));
	struct gap_by by;

	if (event != NETDEV_DOWN && event != NETDEV_UNREGISTER)
		return NOTIFY_DONE;
	whoever(&by);
	spin_lock_bh(&gn->lock);
	lose_dead(gn, dev, IPSEC_GAP_CAUSE_VANISHED, &by, ktime_get());
	spin_unlock_bh(&gn->lock);
	return NOTIFY_DONE;
}

/* After XFRM, which removes them. */
static struct notifier_block devices = {
	.notifier_call = device_goes,
	.priority = -1,
};

int __init gap_sa_init(void)
{
	return register_netdevice_notifier(&devices);
}

void gap_sa_done(void)
{
	unregister_netdevice_notifier(&devices);
}
