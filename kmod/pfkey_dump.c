// SPDX-License-Identifier: GPL-2.0-only
/*
 * SADB_DUMP and SADB_X_SPDDUMP of any size: entries are made as far as the reader's buffer has room for them, and the
 * rest as he reads, from a place in the kernel's list that stays right whatever is added and deleted. None is lost.
 */
#include <linux/slab.h>

#include "pfkey.h"

#define AT_A_TIME 64		/* entries under the lock of the SAD, or SPD */

struct pfkey_dump {
	struct net *net;
	struct sadb_msg msg;		/* the request */
	bool policies;
	union {
		struct xfrm_state_walk states;
		struct xfrm_policy_walk spd;
	};
	struct sk_buff *last;		/* the entry before: whether it was the last one is known at the next */
	struct sk_buff_head made;
	unsigned int left;		/* entries of this time */
	long room;			/* bytes of the reader's buffer */
};

/* ---- one entry, under the lock ---- */

static int take(struct pfkey_dump *d, struct sk_buff *skb)
{
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	d->left--;
	d->room -= skb->truesize;
	if (d->last)
		__skb_queue_tail(&d->made, d->last);
	d->last = skb;
	return 0;
}

static bool is_full(const struct pfkey_dump *d)
{
	return !d->left || d->room <= 0;
}

static int take_state(struct xfrm_state *x, int count, void *arg)
{
	struct pfkey_dump *d = arg;

	if (is_full(d))
		return -EAGAIN;
	return take(d, pfkey_state_msg(x, SADB_DUMP, count + 1, d->msg.sadb_msg_pid));
}

static int take_policy(struct xfrm_policy *xp, int dir, int count, void *arg)
{
	struct pfkey_dump *d = arg;

	if (is_full(d))
		return -EAGAIN;
	return take(d, pfkey_policy_msg(xp, dir, SADB_X_SPDDUMP, count + 1, d->msg.sadb_msg_pid));
}

/* ---- the whole ---- */

static int walk(struct pfkey_dump *d)
{
	d->left = AT_A_TIME;
	return d->policies ? xfrm_policy_walk(d->net, &d->spd, take_policy, d) :
			     xfrm_state_walk(d->net, &d->states, take_state, d);
}

static void deliver(struct pfkey_sock *pfk, struct pfkey_dump *d)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&d->made)))
		pfkey_answer(&pfk->sk, skb);
}

static void end(struct pfkey_sock *pfk)
{
	struct pfkey_dump *d = pfk->dump;

	if (!d)
		return;
	if (d->policies)
		xfrm_policy_walk_done(&d->spd, d->net);
	else
		xfrm_state_walk_done(&d->states, d->net);
	kfree_skb(d->last);
	__skb_queue_purge(&d->made);
	kfree(d);
	WRITE_ONCE(pfk->dump, NULL);
}

/* The last entry has number 0; where there is none, and after a failure, an error says so. */
static void finish(struct pfkey_sock *pfk, struct pfkey_dump *d, int err)
{
	struct sk_buff *skb = d->last;

	d->last = NULL;
	if (!err && skb) {
		((struct sadb_msg *)skb->data)->sadb_msg_seq = 0;
		pfkey_answer(&pfk->sk, skb);
		return;
	}
	kfree_skb(skb);
	pfkey_answer(&pfk->sk, pfkey_msg_head(&d->msg, err ? -err : ENOENT, GFP_KERNEL));
}

static long room_of(const struct sock *sk)
{
	return READ_ONCE(sk->sk_rcvbuf) / 2 - sk_rmem_alloc_get(sk);
}

/* -EAGAIN: when more has been read. */
static int go_on(struct pfkey_sock *pfk, struct pfkey_dump *d)
{
	int rc;

	do {
		d->room = room_of(&pfk->sk);
		/* A buffer smaller than one entry still takes one. */
		if (d->room <= 0 && skb_queue_empty_lockless(&pfk->sk.sk_receive_queue))
			d->room = 1;
		if (d->room <= 0)
			return -EAGAIN;
		rc = walk(d);
		deliver(pfk, d);
		cond_resched();
	} while (rc == -EAGAIN);
	/* Memory is short for now, and the reader will come again: he has something to read. */
	if (rc == -ENOMEM && !skb_queue_empty_lockless(&pfk->sk.sk_receive_queue))
		return -EAGAIN;
	return rc;
}

void pfkey_dump_more(struct pfkey_sock *pfk)
{
	int rc;

	if (!READ_ONCE(pfk->dump))
		return;
	mutex_lock(&pfk->dump_lock);
	if (pfk->dump) {
		rc = go_on(pfk, pfk->dump);
		if (rc != -EAGAIN) {
			finish(pfk, pfk->dump, rc);
			end(pfk);
		}
	}
	mutex_unlock(&pfk->dump_lock);
}

void pfkey_dump_end(struct pfkey_sock *pfk)
{
	mutex_lock(&pfk->dump_lock);
	end(pfk);
	mutex_unlock(&pfk->dump_lock);
}

static struct xfrm_address_filter *filter_get(const struct sadb_x_filter *x)
{
	struct xfrm_address_filter *filter;

	/* Of no family: of all. */
	if (!x || (x->sadb_x_filter_family != AF_INET && x->sadb_x_filter_family != AF_INET6))
		return NULL;
	filter = kzalloc(sizeof(*filter), GFP_KERNEL);
	if (!filter)
		return ERR_PTR(-ENOMEM);
	memcpy(&filter->saddr, x->sadb_x_filter_saddr, sizeof(filter->saddr));
	memcpy(&filter->daddr, x->sadb_x_filter_daddr, sizeof(filter->daddr));
	filter->family = x->sadb_x_filter_family;
	filter->splen = x->sadb_x_filter_splen;
	filter->dplen = x->sadb_x_filter_dplen;
	return filter;
}

static int begin(struct pfkey_dump *d, const struct pfkey_req *rq)
{
	struct xfrm_address_filter *filter;

	d->net = rq->net;
	d->msg = *rq->msg;
	d->policies = rq->msg->sadb_msg_type == SADB_X_SPDDUMP;
	__skb_queue_head_init(&d->made);
	if (d->policies) {
		xfrm_policy_walk_init(&d->spd, XFRM_POLICY_TYPE_MAIN);
		return 0;
	}
	filter = filter_get(rq->ext[SADB_X_EXT_FILTER]);
	if (IS_ERR(filter))
		return PTR_ERR(filter);
	xfrm_state_walk_init(&d->states, rq->proto, filter);
	return 0;
}

static int start(struct pfkey_sock *pfk, const struct pfkey_req *rq)
{
	struct pfkey_dump *d;
	int err;

	if (pfk->dump)
		return -EBUSY;
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	err = begin(d, rq);
	if (err)
		kfree(d);
	else
		WRITE_ONCE(pfk->dump, d);
	return err;
}

int pfkey_do_dump(const struct pfkey_req *rq)
{
	struct pfkey_sock *pfk = pfkey_sk(rq->sk);
	int err;

	if (!rq->proto && rq->msg->sadb_msg_type == SADB_DUMP)
		return -EINVAL;
	mutex_lock(&pfk->dump_lock);
	err = start(pfk, rq);
	mutex_unlock(&pfk->dump_lock);
	if (!err)
		pfkey_dump_more(pfk);
	return err;
}
