// SPDX-License-Identifier: GPL-2.0-only
/* PF_KEY sockets: opened, closed, written to, read from; and who is told what. */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/security.h>

#include "pfkey.h"

/* ---- who is told ---- */

void pfkey_queue(struct sock *sk, struct sk_buff *skb)
{
	skb_set_owner_r(skb, sk);
	sock_skb_set_dropcount(sk, skb);
	skb_queue_tail(&sk->sk_receive_queue, skb);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

static bool sees_all(const struct sock *sk, const struct sk_buff *skb)
{
	u32 plain = PFKEY_CB(skb)->plain;

	return !plain || plain == skb->len || READ_ONCE(pfkey_sk(sk)->extended);
}

/* Our own words stand at the end, and not all know them. */
static void cut(struct sk_buff *skb)
{
	struct sadb_msg *msg = (void *)skb->data;

	skb_trim(skb, PFKEY_CB(skb)->plain);
	msg->sadb_msg_len = skb->len / PFKEY_WORD;
}

/* As sk is to see it. */
static struct sk_buff *copy_for(const struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *copy;

	if (sees_all(sk, skb))
		return skb_clone(skb, GFP_ATOMIC);
	copy = skb_copy(skb, GFP_ATOMIC);
	if (copy)
		cut(copy);
	return copy;
}

/*
 * Who asks gets the answer even when the queue is full; it was not when he asked. What others lose is counted, and what
 * there was no memory for (an ERR_PTR) is lost by all.
 */
static int tell(struct sock *sk, struct sk_buff *skb, bool surely)
{
	struct sk_buff *copy = NULL;

	if (!IS_ERR(skb) && (surely || sk_rmem_alloc_get(sk) <= READ_ONCE(sk->sk_rcvbuf)))
		copy = copy_for(sk, skb);
	if (!copy) {
		atomic_inc(&sk->sk_drops);
		return -ENOBUFS;
	}
	pfkey_queue(sk, copy);
	return 0;
}

/* What is said now comes of sk's request, and not of a timer, a packet or somebody else meanwhile. */
static bool is_asking(const struct pfkey_net *pn, const struct sock *sk)
{
	return sk == READ_ONCE(pn->asking) && READ_ONCE(pn->server) == current && in_task();
}

typedef bool tell_fn(const struct pfkey_sock *pfk, const void *arg);

/* Takes skb. Promiscuous sockets, but one, hear all. 0 when one of those that want it was told. */
static int tell_those(struct net *net, struct sk_buff *skb, tell_fn *wants, const void *arg, const struct sock *but)
{
	struct pfkey_net *pn = pfkey_net(net);
	int err = -ESRCH;
	struct sock *sk;

	rcu_read_lock();
	sk_for_each_rcu(sk, &pn->socks) {
		const struct pfkey_sock *pfk = pfkey_sk(sk);
		bool wanted = wants(pfk, arg);

		if (!wanted && (sk == but || !READ_ONCE(pfk->promisc)))
			continue;
		if (!tell(sk, skb, is_asking(pn, sk)) && wanted)
			err = 0;
	}
	rcu_read_unlock();
	if (!IS_ERR(skb))
		consume_skb(skb);
	return err;
}

static bool is_any(const struct pfkey_sock *pfk, const void *arg)
{
	return true;
}

static bool is_nobody(const struct pfkey_sock *pfk, const void *arg)
{
	return false;
}

static bool is_registered(const struct pfkey_sock *pfk, const void *arg)
{
	u8 satype = *(const u8 *)arg;

	return READ_ONCE(pfk->registered) & (satype ? BIT(satype) : U16_MAX);
}

void pfkey_tell_all(struct net *net, struct sk_buff *skb)
{
	tell_those(net, skb, is_any, NULL, NULL);
}

int pfkey_tell_registered(struct net *net, struct sk_buff *skb, u8 satype)
{
	return tell_those(net, skb, is_registered, &satype, NULL);
}

/* Takes skb. */
static int give(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *copy;

	if (!sees_all(sk, skb) && !skb_cloned(skb)) {
		cut(skb);
	} else if (!sees_all(sk, skb)) {
		copy = copy_for(sk, skb);
		consume_skb(skb);
		skb = copy;
	}
	if (!skb) {
		atomic_inc(&sk->sk_drops);
		return -ENOBUFS;
	}
	pfkey_queue(sk, skb);
	return 0;
}

int pfkey_answer(struct sock *sk, struct sk_buff *skb)
{
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	if (atomic_read(&pfkey_net(sock_net(sk))->promisc))
		tell_those(sock_net(sk), skb_get(skb), is_nobody, NULL, sk);
	return give(sk, skb);
}

int pfkey_answer_registered(struct sock *sk, struct sk_buff *skb, u8 satype)
{
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	tell_those(sock_net(sk), skb_get(skb), is_registered, &satype, sk);
	return give(sk, skb);
}

/* In copy, which is of rq's message */
static void hide_key(void *copy, const struct pfkey_req *rq, u16 type)
{
	const struct sadb_key *x = rq->ext[type];
	size_t at = (const void *)x - (const void *)rq->msg;

	if (x)
		memset(copy + at + sizeof(*x), 0, x->sadb_key_len * PFKEY_WORD - sizeof(*x));
}

void pfkey_tell_promisc(const struct pfkey_req *rq)
{
	struct sk_buff *skb;

	if (!atomic_read(&pfkey_net(rq->net)->promisc))
		return;
	skb = alloc_skb(rq->len, GFP_KERNEL);
	if (!skb) {
		tell_those(rq->net, ERR_PTR(-ENOMEM), is_nobody, NULL, rq->sk);
		return;
	}
	memset(skb->cb, 0, sizeof(skb->cb));
	skb_put_data(skb, rq->msg, rq->len);
	if (security_locked_down(LOCKDOWN_XFRM_SECRET)) {
		hide_key(skb->data, rq, SADB_EXT_KEY_AUTH);
		hide_key(skb->data, rq, SADB_EXT_KEY_ENCRYPT);
	}
	tell_those(rq->net, skb, is_nobody, NULL, rq->sk);
}

bool pfkey_is_registered(const struct net *net, u8 satype)
{
	const struct pfkey_net *pn = pfkey_net(net);
	bool found = false;
	struct sock *sk;

	if (!atomic_read(&pn->open))
		return false;
	rcu_read_lock();
	sk_for_each_rcu(sk, &pn->socks) {
		u16 registered = READ_ONCE(pfkey_sk(sk)->registered);

		found = satype ? registered & BIT(satype) : registered;
		if (found)
			break;
	}
	rcu_read_unlock();
	return found;
}

/* ---- open and close ---- */

struct proto pfkey_proto = {
	.name = "KEY",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct pfkey_sock),
};

/* After the last reader of the list of sockets. */
static void pfkey_destruct(struct sock *sk)
{
	skb_queue_purge(&sk->sk_receive_queue);
}

static int pfkey_release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct pfkey_net *pn;

	if (!sk)
		return 0;
	pn = pfkey_net(sock_net(sk));
	spin_lock_bh(&pn->lock);
	sk_del_node_init_rcu(sk);
	spin_unlock_bh(&pn->lock);
	atomic_dec(&pn->open);
	atomic_sub(pfkey_sk(sk)->promisc, &pn->promisc);
	pfkey_dump_end(pfkey_sk(sk));
	sock_orphan(sk);
	sock->sk = NULL;
	sock_put(sk);
	return 0;
}

/* ---- write ---- */

/* What is wrong with the head is told to who called; all else is told in an answer. */
static int head_check(const struct sadb_msg *msg, size_t len)
{
	if (msg->sadb_msg_version != PF_KEY_V2 || msg->sadb_msg_reserved || msg->sadb_msg_type == SADB_RESERVED ||
	    msg->sadb_msg_type > SADB_MAX)
		return -EINVAL;
	return msg->sadb_msg_len * PFKEY_WORD == len ? 0 : -EMSGSIZE;
}

static int answer_error(const struct pfkey_req *rq, int err)
{
	if (err == -ERESTARTSYS)
		err = -EINTR;
	if (err < -U8_MAX)		/* sadb_msg_errno has no more */
		err = -EINVAL;
	return pfkey_answer(rq->sk, pfkey_msg_head(rq->msg, -err, GFP_KERNEL));
}

static int serve(struct sock *sk, const void *buf, size_t len)
{
	struct pfkey_req rq = { .net = sock_net(sk), .sk = sk, .msg = buf, .len = len };
	int err = head_check(rq.msg, len);

	if (err)
		return err;
	err = pfkey_request(&rq);
	return err ? answer_error(&rq, err) : 0;
}

static int pfkey_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct sock *sk = sock->sk;
	void *buf;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (len < sizeof(struct sadb_msg) || len > PFKEY_MSG_MAX)
		return -EMSGSIZE;
	/* Nothing is done of which there is no room to tell. */
	if (sk_rmem_alloc_get(sk) > READ_ONCE(sk->sk_rcvbuf))
		return -ENOBUFS;
	buf = kvmalloc(len, GFP_KERNEL);
	if (!buf)
		return -ENOBUFS;
	err = memcpy_from_msg(buf, msg, len);
	if (!err)
		err = serve(sk, buf, len);
	kvfree_sensitive(buf, len);	/* keys */
	return err ? err : len;
}

/* ---- read ---- */

static int pfkey_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sock *sk = sock->sk;
	struct sk_buff *skb;
	size_t copied;
	int err;

	if (flags & ~(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_COMPAT))
		return -EINVAL;
	skb = skb_recv_datagram(sk, flags, &err);
	if (!skb)
		return err;
	copied = min_t(size_t, skb->len, len);
	if (copied < skb->len)
		msg->msg_flags |= MSG_TRUNC;
	err = skb_copy_datagram_msg(skb, 0, msg, copied);
	if (!err) {
		sock_recv_cmsgs(msg, sk, skb);
		err = flags & MSG_TRUNC ? skb->len : copied;
	}
	skb_free_datagram(sk, skb);
	pfkey_dump_more(pfkey_sk(sk));
	return err;
}

static const struct proto_ops pfkey_ops = {
	.family = PF_KEY,
	.owner = THIS_MODULE,
	.release = pfkey_release,
	.bind = sock_no_bind,
	.connect = sock_no_connect,
	.socketpair = sock_no_socketpair,
	.accept = sock_no_accept,
	.getname = sock_no_getname,
	.poll = datagram_poll,
	.ioctl = sock_no_ioctl,
	.listen = sock_no_listen,
	.shutdown = sock_no_shutdown,
	.sendmsg = pfkey_sendmsg,
	.recvmsg = pfkey_recvmsg,
	.mmap = sock_no_mmap,
};

static int pfkey_create(struct net *net, struct socket *sock, int protocol, int kern)
{
	struct pfkey_net *pn = pfkey_net(net);
	struct sock *sk;

	/*
	 * Once and for all: who may open it may hand it to whom he trusts. openiked's process that speaks to the network
	 * and to the kernel has given up all other rights; netlink, which looks at who writes as well, would refuse it.
	 */
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (sock->type != SOCK_RAW)
		return -ESOCKTNOSUPPORT;
	if (protocol != PF_KEY_V2)
		return -EPROTONOSUPPORT;
	sk = sk_alloc(net, PF_KEY, GFP_KERNEL, &pfkey_proto, kern);
	if (!sk)
		return -ENOMEM;
	sock->ops = &pfkey_ops;
	sock_init_data(sock, sk);
	sk->sk_family = PF_KEY;
	sk->sk_destruct = pfkey_destruct;
	sock_set_flag(sk, SOCK_RCU_FREE);
	mutex_init(&pfkey_sk(sk)->dump_lock);
	atomic_inc(&pn->open);
	spin_lock_bh(&pn->lock);
	sk_add_node_rcu(sk, &pn->socks);
	spin_unlock_bh(&pn->lock);
	return 0;
}

const struct net_proto_family pfkey_family = {
	.family = PF_KEY,
	.create = pfkey_create,
	.owner = THIS_MODULE,
};
