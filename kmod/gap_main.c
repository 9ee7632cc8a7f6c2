// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gap meter: a passive key manager that tells when and for how long keying cost traffic. README.md says what is looked at where; uapi/ipsec_gap.h
 * how it is told.
 */
#include "gap.h"

#include <linux/module.h>

unsigned int gap_net_id __read_mostly;

/* Goes on as long as there is something to grow old. */
static void age(struct work_struct *work)
{
	struct gap_net *gn = container_of(to_delayed_work(work), struct gap_net, age);
	ktime_t now = ktime_get();

	spin_lock_bh(&gn->lock);
	gap_path_age(gn, now);
	gap_spi_age(gn, now, false);
	if (!gn->dead && (gn->spi_count || atomic_read(&gn->bare_count)))
		schedule_delayed_work(&gn->age, HZ);
	spin_unlock_bh(&gn->lock);
}

static void net_setup(struct gap_net *gn, struct net *net)
{
	gn->net = net;
	spin_lock_init(&gn->lock);
	hash_init(gn->sas);
	hash_init(gn->sa_keys);
	hash_init(gn->paths_index);
	hash_init(gn->path_keys);
	hash_init(gn->spis);
	INIT_LIST_HEAD(&gn->paths);
	INIT_LIST_HEAD(&gn->wide);
	INIT_LIST_HEAD(&gn->bare);
	INIT_LIST_HEAD(&gn->events);
	INIT_WORK(&gn->tell, gap_event_tell);
	INIT_DELAYED_WORK(&gn->age, age);
}

static int __net_init net_init(struct net *net)
{
	int err;

	net_setup(gap_net(net), net);
	err = gap_proc_init(net);
	if (err)
		return err;
	err = gap_packet_net_init(net);
	if (err)
		gap_proc_exit(net);
	return err;
}

static void stop(struct gap_net *gn)
{
	spin_lock_bh(&gn->lock);
	gn->dead = true;
	spin_unlock_bh(&gn->lock);
	cancel_delayed_work_sync(&gn->age);
	cancel_work_sync(&gn->tell);
}

/* After this the core waits until nobody is in a hook any more. */
static void __net_exit net_pre_exit(struct net *net)
{
	gap_packet_net_exit(net);
	stop(gap_net(net));
}

static void __net_exit net_exit(struct net *net)
{
	struct gap_net *gn = gap_net(net);

	gap_proc_exit(net);
	spin_lock_bh(&gn->lock);
	gap_sa_exit(gn);
	gap_path_exit(gn);
	gap_spi_age(gn, 0, true);
	gap_event_exit(gn);
	kfree(gn->gone);
	gn->gone = NULL;
	spin_unlock_bh(&gn->lock);
}

static struct pernet_operations net_ops = {
	.init = net_init,
	.pre_exit = net_pre_exit,
	.exit = net_exit,
	.id = &gap_net_id,
	.size = sizeof(struct gap_net),
};

/* Must be there, and say what would be said without it. */
static struct xfrm_policy *compile_policy(struct sock *sk, int opt, u8 *data, int len, int *dir)
{
	*dir = -EINVAL;
	return NULL;
}

static struct xfrm_mgr manager = {
	.notify = gap_sa_notify,
	.acquire = gap_sa_acquire,
	.compile_policy = compile_policy,
	.notify_policy = gap_path_notify,
};

/* What was there before us; what comes meanwhile is told of, and known by then. */
static void look_around(void)
{
	struct net *net;

	down_read(&net_rwsem);
	for_each_net(net) {
		gap_path_walk(gap_net(net));
		gap_sa_walk(gap_net(net));
	}
	up_read(&net_rwsem);
}

static int __init gap_init(void)
{
	int err = register_pernet_subsys(&net_ops);

	if (err)
		return err;
	err = gap_packet_init();
	if (err)
		goto no_packets;
	err = gap_netlink_init();
	if (err)
		goto no_netlink;
	xfrm_register_km(&manager);
	look_around();
	return 0;

no_netlink:
	gap_packet_exit();
no_packets:
	unregister_pernet_subsys(&net_ops);
	return err;
}

static void __exit gap_exit(void)
{
	struct net *net;

	xfrm_unregister_km(&manager);
	gap_packet_exit();
	/* Nobody may be telling, nor asking, when family and namespaces' data go. */
	down_read(&net_rwsem);
	for_each_net(net)
		stop(gap_net(net));
	up_read(&net_rwsem);
	gap_netlink_exit();
	unregister_pernet_subsys(&net_ops);
}

module_init(gap_init);
module_exit(gap_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("IPsec gap meter: when and for how long keying cost traffic");
MODULE_AUTHOR("the gapless authors");
MODULE_ALIAS_GENL_FAMILY(IPSEC_GAP_FAMILY);
