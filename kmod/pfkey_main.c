// SPDX-License-Identifier: GPL-2.0-only
/* pfkeyv2.ko: PF_KEY sockets on top of XFRM, for kernels without CONFIG_NET_KEY. Loading, unloading, namespaces. */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "pfkey.h"

unsigned int pfkey_net_id __read_mostly;

/* ---- /proc/net/pfkeyv2; af_key has /proc/net/pfkey, and must find it free to be refused in peace ---- */

#ifdef CONFIG_PROC_FS
static int proc_show(struct seq_file *f, void *v)
{
	const struct pfkey_sock *pfk;
	struct sock *sk;

	if (v == SEQ_START_TOKEN) {
		seq_puts(f, "sk       RefCnt Rmem   Wmem   User   Inode  Drops  Registered\n");
		return 0;
	}
	sk = sk_entry(v);
	pfk = pfkey_sk(sk);
	seq_printf(f, "%pK %-6d %-6u %-6u %-6u %-6lu %-6d %03x\n", sk, refcount_read(&sk->sk_refcnt),
		   sk_rmem_alloc_get(sk), sk_wmem_alloc_get(sk), from_kuid_munged(seq_user_ns(f), sock_i_uid(sk)),
		   sock_i_ino(sk), atomic_read(&sk->sk_drops), READ_ONCE(pfk->registered));
	return 0;
}

static void *proc_start(struct seq_file *f, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return seq_hlist_start_head_rcu(&pfkey_net(seq_file_net(f))->socks, *pos);
}

static void *proc_next(struct seq_file *f, void *v, loff_t *pos)
{
	return seq_hlist_next_rcu(v, &pfkey_net(seq_file_net(f))->socks, pos);
}

static void proc_stop(struct seq_file *f, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static const struct seq_operations proc_ops = {
	.start = proc_start,
	.next = proc_next,
	.stop = proc_stop,
	.show = proc_show,
};

static int __net_init proc_begin(struct net *net)
{
	return proc_create_net("pfkeyv2", 0, net->proc_net, &proc_ops, sizeof(struct seq_net_private)) ? 0 : -ENOMEM;
}

static void __net_exit proc_end(struct net *net)
{
	remove_proc_entry("pfkeyv2", net->proc_net);
}
#else
static int __net_init proc_begin(struct net *net)
{
	return 0;
}

static void __net_exit proc_end(struct net *net)
{
}
#endif

/* ---- namespaces ---- */

static int __net_init net_begin(struct net *net)
{
	struct pfkey_net *pn = pfkey_net(net);

	INIT_HLIST_HEAD(&pn->socks);
	spin_lock_init(&pn->lock);
	atomic_set(&pn->reqid, IPSEC_MANUAL_REQID_MAX);
	return proc_begin(net);
}

/* Sockets hold their namespace: when it ends there are none. */
static struct pernet_operations net_ops = {
	.init = net_begin,
	.exit = proc_end,
	.id = &pfkey_net_id,
	.size = sizeof(struct pfkey_net),
};

/* ---- the module ---- */

static int family_register(void)
{
	int err = sock_register(&pfkey_family);

	if (err == -EEXIST)
		pr_err("pfkeyv2: this kernel has PF_KEY sockets already (af_key): rmmod af_key, or go on with it\n");
	return err;
}

static int __init pfkey_init(void)
{
	int err;

	sock_skb_cb_check_size(sizeof(struct pfkey_cb));
	err = proto_register(&pfkey_proto, 0);
	if (err)
		return err;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto no_net;
	err = family_register();
	if (err)
		goto no_family;
	xfrm_register_km(&pfkey_mgr);
	return 0;

no_family:
	unregister_pernet_subsys(&net_ops);
no_net:
	proto_unregister(&pfkey_proto);
	return err;
}

/* Sockets hold the module: here are none, but the last ones may still wait to be freed. */
static void __exit pfkey_exit(void)
{
	xfrm_unregister_km(&pfkey_mgr);
	sock_unregister(PF_KEY);
	rcu_barrier();
	unregister_pernet_subsys(&net_ops);
	proto_unregister(&pfkey_proto);
}

module_init(pfkey_init);
module_exit(pfkey_exit);

MODULE_DESCRIPTION("PF_KEYv2 sockets (RFC 2367) on top of XFRM");
MODULE_LICENSE("GPL");
MODULE_VERSION("1");
MODULE_ALIAS_NETPROTO(PF_KEY);
