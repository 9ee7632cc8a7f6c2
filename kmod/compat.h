/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the kernels that the modules are built for: the code is written to the newest, older ones are taught here. */
#ifndef GAPLESS_COMPAT_H
#define GAPLESS_COMPAT_H

#include <linux/version.h>
#include <net/genetlink.h>
#include <net/xfrm.h>

/* 6.7: what a dump was asked with is where it is for single requests, too. */
static inline struct nlattr **compat_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return genl_dumpit_info(cb)->info.attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* 6.11: the tracepoint kfree_skb names the receiving socket, too. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define COMPAT_PROBE_KFREE_SKB(name, skb, location, reason) \
	void name(void *data, struct sk_buff *skb, void *location, enum skb_drop_reason reason, struct sock *rx_sk)
#else
#define COMPAT_PROBE_KFREE_SKB(name, skb, location, reason) \
	void name(void *data, struct sk_buff *skb, void *location, enum skb_drop_reason reason)
#endif

/* 6.3: a device says in words why it takes no SA. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define COMPAT_XDO_STATE_ADD(name, x) int name(struct xfrm_state *x, struct netlink_ext_ack *extack)
#else
#define COMPAT_XDO_STATE_ADD(name, x) int name(struct xfrm_state *x)
#endif

/*
 * Since 2025, also in later versions of 6.1 and 6.12: a migration is told with its namespace. WITHOUT is the same
 * function without it; which of them is right no version number says.
 */
typedef int compat_migrate_fn(const struct xfrm_selector *sel, u8 dir, u8 type, const struct xfrm_migrate *m, int count,
			      const struct xfrm_kmaddress *k, struct net *net, const struct xfrm_encap_tmpl *encap);
#define COMPAT_MIGRATE(with, without) __builtin_choose_expr(							\
	__builtin_types_compatible_p(typeof(((struct xfrm_mgr *)NULL)->migrate), compat_migrate_fn *), with, without)

/* Errors in words for netlink, per-CPU SAs (6.12). Only for files that include <net/xfrm.h> before. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define verify_spi_info(proto, min, max, extack) (verify_spi_info)(proto, min, max)
#define xfrm_alloc_spi(x, min, max, extack) (xfrm_alloc_spi)(x, min, max)
#define xfrm_find_acq_byseq(net, mark, seq, cpu) (xfrm_find_acq_byseq)(net, mark, seq)
#define xfrm_find_acq(net, mark, mode, reqid, if_id, cpu, ...) \
	(xfrm_find_acq)(net, mark, mode, reqid, if_id, __VA_ARGS__)
#define xfrm_migrate(sel, dir, type, m, num, k, net, encap, if_id, extack) \
	(xfrm_migrate)(sel, dir, type, m, num, k, net, encap, if_id)
#endif

#endif
