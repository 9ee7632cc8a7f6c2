// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gap meter: a passive key manager that tells when and for how long keying cost traffic. README.md says what is
 * looked at where; uapi/ipsec_gap.h how it is told.
 */
#include "gap.h"

#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/random.h>

/* What packets ask for is seen to at once, but not more often than this. */
#define CATCH_UP_JIFFIES	(HZ / 50)

unsigned int gap_net_id __read_mostly;
static u32 hash_seed __ro_after_init;

u32 gap_addr_hash(const xfrm_address_t *a, u16 family)
{
	return jhash2((__force const u32 *)a->a6, family == AF_INET6 ? 4 : 1, hash_seed);
}

/* Whoever goes on after this either sees that it is dead, or is waited for before the work is cancelled. */
void gap_soon(struct gap_net *gn)
{
	bool just = time_before(jiffies, READ_ONCE(gn->caught_up) + CATCH_UP_JIFFIES);

	if (!READ_ONCE(gn->dead))
		schedule_delayed_work(&gn->catch_up, just ? CATCH_UP_JIFFIES : 0);
}

void gap_catch_up(struct gap_net *gn)
{
	ktime_t now = ktime_get();
	struct gap_path *p;

	WRITE_ONCE(gn->caught_up, jiffies);
	if (atomic_xchg(&gn->asked, 0))
		list_for_each_entry(p, &gn->paths, all)
			if (READ_ONCE(p->asked))
				gap_asked(gn, p, now);
	gap_spi_catch_up(gn);
}

static void catch_up(struct work_struct *work)
{
	struct gap_net *gn = container_of(to_delayed_work(work), struct gap_net, catch_up);

	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	spin_unlock_bh(&gn->lock);
}

/* Goes on as long as there is something to grow old. */
static void age(struct work_struct *work)
{
	struct gap_net *gn = container_of(to_delayed_work(work), struct gap_net, age);
	ktime_t now = ktime_get();

	spin_lock_bh(&gn->lock);
	gap_path_age(gn, now);
	gap_spi_age(gn, now, false);
	if (!gn->dead && (gn->spi_count[0] || gn->spi_count[1] || atomic_read(&gn->bare_count)))
		schedule_delayed_work(&gn->age, HZ);
	spin_unlock_bh(&gn->lock);
}

static void net_setup(struct gap_net *gn, struct net *net)
{
	gn->net = net;
	spin_lock_init(&gn->lock);
	raw_spin_lock_init(&gn->stray_lock);
	hash_init(gn->sas);
	hash_init(gn->sa_keys);
	hash_init(gn->sa_sources);
	hash_init(gn->paths_index);
	hash_init(gn->path_keys);
	hash_init(gn->spis);
	hash_init(gn->bare_nets);
	INIT_LIST_HEAD(&gn->paths);
	INIT_LIST_HEAD(&gn->wide);
	INIT_LIST_HEAD(&gn->bare);
	INIT_LIST_HEAD(&gn->unmet);
	INIT_LIST_HEAD(&gn->spi_kin[false]);
	INIT_LIST_HEAD(&gn->spi_kin[true]);
	INIT_LIST_HEAD(&gn->spi_list);
	INIT_LIST_HEAD(&gn->events);
	INIT_LIST_HEAD(&gn->spi_events);
	ratelimit_state_init(&gn->strangers, 10 * HZ, 20);
	ratelimit_state_init(&gn->kin, 10 * HZ, 100);
	ratelimit_set_flags(&gn->strangers, RATELIMIT_MSG_ON_RELEASE);
	ratelimit_set_flags(&gn->kin, RATELIMIT_MSG_ON_RELEASE);
	INIT_WORK(&gn->tell, gap_event_tell);
	INIT_DELAYED_WORK(&gn->age, age);
	INIT_DELAYED_WORK(&gn->catch_up, catch_up);
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

static void cancel(struct gap_net *gn)
{
	cancel_delayed_work_sync(&gn->catch_up);
	cancel_delayed_work_sync(&gn->age);
	cancel_work_sync(&gn->tell);
}

/* From now on nobody with the lock adds or schedules anything; what was scheduled is over when this is. */
static void stop(struct gap_net *gn)
{
	spin_lock_bh(&gn->lock);
	WRITE_ONCE(gn->dead, true);
	spin_unlock_bh(&gn->lock);
	cancel(gn);
}

/* After this the core waits until nobody is in a hook any more, nor where packets are freed. */
static void __net_exit net_pre_exit(struct net *net)
{
	gap_packet_net_exit(net);
	stop(gap_net(net));
}

/* Who was in one while we stopped, without the lock, may have scheduled. */
static void __net_exit net_exit(struct net *net)
{
	struct gap_net *gn = gap_net(net);

	cancel(gn);
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

/* By RCU, in the caller's context. Policies first: then what they sent by is no loss. */
static int migrate(const struct xfrm_selector *sel, u8 dir, u8 type, const struct xfrm_migrate *m, int count,
		   const struct xfrm_kmaddress *k, struct net *net, const struct xfrm_encap_tmpl *encap)
{
	struct gap_net *gn = gap_net_alive(net);

	if (!gn || type != XFRM_POLICY_TYPE_MAIN)
		return -EOPNOTSUPP;
	if (dir == XFRM_POLICY_OUT)
		gap_path_moved(gn, sel);
	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	gap_sa_moved(gn, m, count);
	spin_unlock_bh(&gn->lock);
	return -EOPNOTSUPP;
}

/* Only where such an SA was, and is no more, something happens. */
static int __maybe_unused migrate_somewhere(const struct xfrm_selector *sel, u8 dir, u8 type, const struct xfrm_migrate *m, int count,
					    const struct xfrm_kmaddress *k, const struct xfrm_encap_tmpl *encap)
{
	struct net *net;

	for_each_net_rcu(net)
		migrate(sel, dir, type, m, count, k, net, encap);
	return -EOPNOTSUPP;
}

static struct xfrm_mgr manager = {
	.notify = gap_sa_notify,
	.acquire = gap_sa_acquire,
	.compile_policy = compile_policy,
	.notify_policy = gap_path_notify,
	.migrate = COMPAT_MIGRATE(migrate, migrate_somewhere),
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
	int err;

	hash_seed = get_random_u32();
	err = register_pernet_subsys(&net_ops);
	if (err)
		return err;
	err = gap_drop_init();
	if (err)
		goto no_drops;
	err = gap_sa_init();
	if (err)
		goto no_devices;
	err = gap_netlink_init();
	if (err)
		goto no_netlink;
	xfrm_register_km(&manager);
	look_around();
	return 0;

no_netlink:
	gap_sa_done();
no_devices:
	gap_drop_exit();
no_drops:
	unregister_pernet_subsys(&net_ops);
	return err;
}

static void __exit gap_exit(void)
{
	struct net *net;

	xfrm_unregister_km(&manager);
	gap_sa_done();
	gap_drop_exit();
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
