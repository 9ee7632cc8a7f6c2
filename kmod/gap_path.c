// SPDX-License-Identifier: GPL-2.0-only
/* Paths: which outbound policies there are, and through what they send. */
#include "gap.h"

#include <linux/inetdevice.h>
#include <linux/slab.h>
#include <net/addrconf.h>
#include <net/route.h>

static u32 key_of(const struct gap_path *p)
{
	return gap_key(p->proto, p->reqid, &p->peer, p->family);
}

/* Field by field: what is between them is anybody's. */
static bool same_selector(const struct xfrm_selector *a, const struct xfrm_selector *b)
{
	return a->family == b->family && a->proto == b->proto && a->ifindex == b->ifindex && a->prefixlen_d == b->prefixlen_d &&
	       a->prefixlen_s == b->prefixlen_s && a->dport == b->dport && a->dport_mask == b->dport_mask && a->sport == b->sport &&
	       a->sport_mask == b->sport_mask && gap_addr_equal(&a->daddr, &b->daddr, a->family) &&
	       gap_addr_equal(&a->saddr, &b->saddr, a->family);
}

static bool same_path(const struct gap_path *a, const struct gap_path *b)
{
	return a->number == b->number && a->proto == b->proto && a->mode == b->mode && a->reqid == b->reqid && a->if_id == b->if_id &&
	       a->mark.v == b->mark.v && a->mark.m == b->mark.m &&
	       a->family == b->family && a->wide == b->wide && a->optional == b->optional &&
	       gap_addr_equal(&a->peer, &b->peer, a->family) && gap_addr_equal(&a->local, &b->local, a->family) &&
	       same_selector(&a->sel, &b->sel);
}

bool gap_path_serves(const struct gap_path *p, const struct xfrm_state *x)
{
	return x->id.proto == p->proto && x->props.reqid == p->reqid && x->props.mode == p->mode &&
	       x->if_id == p->if_id && (p->mark.v & p->mark.m & x->mark.m) == x->mark.v &&
	       x->props.family == p->family && gap_addr_equal(&x->id.daddr, &p->peer, p->family) &&
	       (xfrm_addr_any(&p->local, p->family) || gap_addr_equal(&x->props.saddr, &p->local, p->family));
}

struct gap_path *gap_path_by_sa(struct gap_net *gn, const struct xfrm_state *x, u32 index)
{
	struct gap_path *p, *gone = NULL;
	u32 index_now;

	hash_for_each_possible_rcu(gn->path_keys, p, by_key, gap_key(x->id.proto, x->props.reqid, &x->id.daddr, x->props.family)) {
		if (!gap_path_serves(p, x))
			continue;
		index_now = READ_ONCE(p->index);
		if (index_now && (!index || index_now == index))
			return p;
		if (!index_now)
			gone = p;
	}
	return gone;
}

static bool whole(u16 family, u8 prefixlen)
{
	return prefixlen == (family == AF_INET6 ? 128 : 32);
}

/* What a template of a policy asks for; wide when it may be SAs with more than one other end. */
static void describe(struct gap_path *p, const struct xfrm_policy *pol, unsigned int number)
{
	const struct xfrm_tmpl *t = &pol->xfrm_vec[number];

	memset(p, 0, sizeof(*p));
	INIT_LIST_HEAD(&p->bare);
	INIT_LIST_HEAD(&p->unmet);
	p->index = pol->index;
	p->number = number;
	p->optional = t->optional;
	p->proto = t->id.proto;
	p->mode = t->mode;
	p->reqid = t->reqid;
	p->if_id = pol->if_id;
	p->mark = pol->mark;
	p->sel = pol->selector;
	if (t->mode != XFRM_MODE_TRANSPORT && !xfrm_addr_any(&t->id.daddr, t->encap_family)) {
		p->family = t->encap_family;
		p->peer = t->id.daddr;
		p->local = t->saddr;
		return;
	}
	p->family = p->sel.family;
	p->wide = !whole(p->family, p->sel.prefixlen_d);
	if (!p->wide)
		p->peer = p->sel.daddr;
	if (whole(p->family, p->sel.prefixlen_s))
		p->local = p->sel.saddr;
}

/* Paths that are bare leave that list first. What a path has counted stays in the totals. */
void gap_path_free(struct gap_net *gn, struct gap_path *p)
{
	gn->path_count--;
	gap_stale(gn, p);
	gn->past_gaps += p->gaps;
	gap_count_move(&gn->past[GAP_DROPPED], &p->early);
	for (enum gap_kind kind = 0; kind < GAP_KINDS; kind++) {
		gap_count_move(&gn->past[kind], &p->sum[kind]);
		gap_count_move(&gn->past[kind], &p->now[kind]);
	}
	list_del_rcu(&p->all);
	if (!p->wide) {
		hash_del_rcu(&p->by_index);
		hash_del_rcu(&p->by_key);
	}
	kfree_rcu(p, rcu);
}

void gap_path_met(struct gap_net *gn, struct gap_path *p)
{
	if (list_empty(&p->unmet))
		return;
	list_del_init(&p->unmet);
	gn->unmet_count--;
}

/* One to an end that there was never an SA with goes without a word: it has neither ended nor let anything through. */
static void path_unmet_free(struct gap_net *gn, struct gap_path *p)
{
	gap_path_met(gn, p);
	if (p->gap.open)
		atomic_dec(&gn->watched);
	WRITE_ONCE(p->gap.open, false);
	WRITE_ONCE(p->index, 0);
	gap_path_free(gn, p);
}

/* Who was asked for longest ago and never met has to go, then whose policy went longest ago. */
static bool path_room(struct gap_net *gn, bool unmet)
{
	if (gn->path_count < GAP_PATHS_MAX && (!unmet || gn->unmet_count < GAP_UNMET_MAX))
		return true;
	if (!gn->unmet_count)
		return gap_path_bare_goes(gn);
	path_unmet_free(gn, list_first_entry(&gn->unmet, struct gap_path, unmet));
	atomic64_inc(&gn->forgotten);
	return true;
}

static struct gap_path *path_new(struct gap_net *gn, const struct gap_path *model, bool unmet)
{
	struct gap_path *p = path_room(gn, unmet) ? kmemdup(model, sizeof(*p), GFP_ATOMIC | __GFP_NOWARN) : NULL;

	if (!p) {
		atomic64_inc(&gn->missed);
		return NULL;
	}
	gn->path_count++;
	p->id = ++gn->last_id;
	INIT_LIST_HEAD(&p->bare);
	INIT_LIST_HEAD(&p->unmet);
	if (unmet) {
		list_add_tail(&p->unmet, &gn->unmet);
		gn->unmet_count++;
	}
	if (p->wide) {
		list_add_tail(&p->all, &gn->wide);
		return p;
	}
	list_add_tail_rcu(&p->all, &gn->paths);
	hash_add_rcu(gn->paths_index, &p->by_index, p->index);
	hash_add_rcu(gn->path_keys, &p->by_key, key_of(p));
	return p;
}

static struct gap_path *path_find(struct gap_net *gn, const struct gap_path *model)
{
	struct gap_path *p;

	hash_for_each_possible(gn->paths_index, p, by_index, model->index)
		if (p->index == model->index && same_path(p, model))
			return p;
	return NULL;
}

/* A policy that comes back takes over what is known of the one that went. */
static struct gap_path *path_take_over(struct gap_net *gn, const struct gap_path *model, ktime_t now)
{
	struct gap_path *p;

	hash_for_each_possible(gn->path_keys, p, by_key, key_of(model)) {
		if (p->index || !same_path(p, model))
			continue;
		gap_path_dressed(gn, p, now);
		hash_del_rcu(&p->by_index);
		WRITE_ONCE(p->index, model->index);
		hash_add_rcu(gn->paths_index, &p->by_index, p->index);
		return p;
	}
	return NULL;
}

static struct gap_path *path_of(struct gap_net *gn, const struct gap_path *model, ktime_t now, bool unmet)
{
	return path_find(gn, model) ?: path_take_over(gn, model, now) ?: path_new(gn, model, unmet);
}

static void policy_gone(struct gap_net *gn, struct gap_path *p, ktime_t now)
{
	if (!list_empty(&p->unmet)) {
		path_unmet_free(gn, p);
		return;
	}
	gap_ended(gn, p, IPSEC_GAP_END_POLICY, NULL, now);
	gap_stale(gn, p);
	if (p->bare_since)
		gap_path_dressed(gn, p, now);
	WRITE_ONCE(p->index, 0);
	gap_count_move(&p->sum[GAP_DROPPED], &p->early);
	gap_path_bare(gn, p, now);
}

/* Forgets what the policy with this index was, but for what it still is. */
static void policy_leaves(struct gap_net *gn, u32 index, const struct xfrm_policy *now_is, ktime_t now)
{
	struct gap_path *p, *next, model;
	struct hlist_node *node;

	list_for_each_entry_safe(p, next, &gn->wide, all)
		if (p->index == index)
			gap_path_free(gn, p);
	/* One that goes may make another go, which may be the next; under the lock, and so with RCU, that still leads on. */
	hash_for_each_possible_safe(gn->paths_index, p, node, by_index, index) {
		if (p->index != index)
			continue;
		if (now_is && p->number < now_is->xfrm_nr) {
			describe(&model, now_is, p->number);
			if (model.wide) {
				model.wide = false;
				model.peer = p->peer;
			}
			if (same_path(p, &model))
				continue;
		}
		policy_gone(gn, p, now);
	}
}

static bool is_ours(const struct xfrm_policy *pol, int dir)
{
	return dir == XFRM_POLICY_OUT && pol->type == XFRM_POLICY_TYPE_MAIN;
}

static void policy_is(struct gap_net *gn, const struct xfrm_policy *pol, ktime_t now)
{
	struct gap_path model;

	if (gn->dead || pol->action != XFRM_POLICY_ALLOW)
		return;
	for (unsigned int i = 0; i < pol->xfrm_nr; i++) {
		describe(&model, pol, i);
		if (model.wide)
			path_new(gn, &model, false);
		else
			path_of(gn, &model, now, false);
	}
}

static void policies_leave(struct gap_net *gn, ktime_t now)
{
	struct gap_path *p, *next;

	list_for_each_entry_safe(p, next, &gn->wide, all)
		gap_path_free(gn, p);
	list_for_each_entry_safe(p, next, &gn->paths, all)
		if (p->index)
			policy_gone(gn, p, now);
}

static void take(struct gap_net *gn, struct xfrm_policy *pol, const struct km_event *c, ktime_t now)
{
	switch (c->event) {
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
		policy_leaves(gn, pol->index, pol, now);
		policy_is(gn, pol, now);
		return;
	case XFRM_MSG_POLEXPIRE:
		if (!c->data.hard)
			return;
		fallthrough;
	case XFRM_MSG_DELPOLICY:
		policy_leaves(gn, pol->index, NULL, now);
		return;
	}
}

int gap_path_notify(struct xfrm_policy *pol, int dir, const struct km_event *c)
{
	struct gap_net *gn = gap_net(pol ? xp_net(pol) : c->net);
	ktime_t now;

	if (pol && !is_ours(pol, dir))
		return 0;
	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	now = ktime_get();
	if (pol)
		take(gn, pol, c, now);
	else if (c->event == XFRM_MSG_FLUSHPOLICY && c->data.type != XFRM_POLICY_TYPE_SUB)
		policies_leave(gn, now);
	spin_unlock_bh(&gn->lock);
	return 0;
}

/* ACQUIRE names the other end; a policy of a socket is not told of before. */
struct gap_path *gap_path_asked(struct gap_net *gn, const struct xfrm_policy *pol, const struct xfrm_tmpl *t, const struct xfrm_state *x)
{
	struct gap_path model;
	bool unmet;

	if (!pol || t < pol->xfrm_vec || t >= pol->xfrm_vec + pol->xfrm_nr)
		return NULL;
	describe(&model, pol, t - pol->xfrm_vec);
	unmet = model.wide;
	if (unmet) {
		model.wide = false;
		model.peer = x->id.daddr;
	}
	return path_of(gn, &model, ktime_get(), unmet);
}

static bool is_local(struct net *net, const xfrm_address_t *a, u16 family)
{
	if (family == AF_INET)
		return inet_addr_type(net, a->a4) == RTN_LOCAL;
#if IS_ENABLED(CONFIG_IPV6)
	return ipv6_chk_addr(net, &a->in6, NULL, 0);
#else
	return false;
#endif
}

void gap_path_widen(struct gap_net *gn, const struct xfrm_state *x)
{
	struct gap_path *w, model;
	bool ours = false;

	list_for_each_entry(w, &gn->wide, all) {
		if (x->props.family != w->family || !addr_match(&x->id.daddr, &w->sel.daddr, w->sel.prefixlen_d))
			continue;
		model = *w;
		model.wide = false;
		model.peer = x->id.daddr;
		if (!gap_path_serves(&model, x))
			continue;
		/* It may serve the way back as well, which only the addresses of this host can tell. */
		ours = ours || is_local(gn->net, &x->props.saddr, w->family);
		if (ours)
			path_of(gn, &model, ktime_get(), false);
	}
}

struct walk {
	struct gap_net *gn;
	const struct xfrm_selector *sel;	/* NULL: all */
};

static int walk(struct xfrm_policy *pol, int dir, int n, void *arg)
{
	const struct walk *what = arg;
	struct gap_net *gn = what->gn;

	if (!is_ours(pol, dir) || (what->sel && !same_selector(what->sel, &pol->selector)))
		return 0;
	spin_lock_bh(&gn->lock);
	policy_leaves(gn, pol->index, pol, ktime_get());
	policy_is(gn, pol, ktime_get());
	spin_unlock_bh(&gn->lock);
	return 0;
}

static void walk_all(struct gap_net *gn, const struct xfrm_selector *sel)
{
	struct walk what = { gn, sel };
	struct xfrm_policy_walk w;

	xfrm_policy_walk_init(&w, XFRM_POLICY_TYPE_MAIN);
	xfrm_policy_walk(gn->net, &w, walk, &what);
	xfrm_policy_walk_done(&w, gn->net);
}

void gap_path_walk(struct gap_net *gn)
{
	walk_all(gn, NULL);
}

void gap_path_moved(struct gap_net *gn, const struct xfrm_selector *sel)
{
	walk_all(gn, sel);
}

void gap_path_exit(struct gap_net *gn)
{
	struct gap_path *p, *next;

	list_for_each_entry_safe(p, next, &gn->wide, all)
		gap_path_free(gn, p);
	list_for_each_entry_safe(p, next, &gn->paths, all) {
		gap_path_dressed(gn, p, 0);
		gap_path_free(gn, p);
	}
}
