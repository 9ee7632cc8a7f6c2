// SPDX-License-Identifier: GPL-2.0-only
/* A device for tests that takes any SA for offload, and does nothing with it. */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <net/xfrm.h>

#include "compat.h"

static struct net_device *device;

static netdev_tx_t xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops ops = {
	.ndo_start_xmit = xmit,
};

static COMPAT_XDO_STATE_ADD(state_add, x)
{
	return 0;
}

static void state_delete(struct xfrm_state *x)
{
}

static bool offload_ok(struct sk_buff *skb, struct xfrm_state *x)
{
	return false;
}

static const struct xfrmdev_ops xfrm_ops = {
	.xdo_dev_state_add = state_add,
	.xdo_dev_state_delete = state_delete,
	.xdo_dev_offload_ok = offload_ok,
};

static void setup(struct net_device *dev)
{
	ether_setup(dev);
	eth_hw_addr_random(dev);
	dev->netdev_ops = &ops;
	dev->xfrmdev_ops = &xfrm_ops;
	dev->features |= NETIF_F_HW_ESP;
	dev->hw_features |= NETIF_F_HW_ESP;
	dev->flags |= IFF_NOARP;
}

static int __init dev_init(void)
{
	int err;

	device = alloc_netdev(0, "gapdev%d", NET_NAME_ENUM, setup);
	if (!device)
		return -ENOMEM;
	dev_net_set(device, current->nsproxy->net_ns);	/* whoever loads it wants to use it */
	err = register_netdev(device);
	if (err)
		free_netdev(device);
	return err;
}

static void __exit dev_exit(void)
{
	unregister_netdev(device);
	free_netdev(device);
}

module_init(dev_init);
module_exit(dev_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test device for offloaded SAs");
MODULE_AUTHOR("the gapless authors");
