// SPDX-License-Identifier: GPL-2.0-only
/* The generic netlink family: uapi/ipsec_gap.h is its contract. */
#include "gap.h"

#include <net/genetlink.h>

static struct genl_family family;

static u64 real_ns(ktime_t t)
{
	return ktime_to_ns(ktime_mono_to_real(t));
}

static int put_u64(struct sk_buff *skb, int type, u64 value)
{
	return nla_put_u64_64bit(skb, type, value, IPSEC_GAP_A_PAD);
}

static int put_addr(struct sk_buff *skb, int type, const xfrm_address_t *a, u16 af)
{
	return nla_put(skb, type, af == AF_INET6 ? sizeof(a->in6) : sizeof(a->a4), a);
}

static int put_sa(struct sk_buff *skb, int type, const struct gap_sa_seen *sa)
{
	struct nlattr *nest;

	if (!sa->spi)
		return 0;
	nest = nla_nest_start(skb, type);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_be32(skb, IPSEC_GAP_SA_SPI, sa->spi) || nla_put_u64_64bit(skb, IPSEC_GAP_SA_AGE_US, sa->age_us, IPSEC_GAP_SA_PAD) ||
	    nla_put_u64_64bit(skb, IPSEC_GAP_SA_PACKETS, sa->packets, IPSEC_GAP_SA_PAD) ||
	    nla_put_u64_64bit(skb, IPSEC_GAP_SA_BYTES, sa->bytes, IPSEC_GAP_SA_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_by(struct sk_buff *skb, const struct gap_by *by)
{
	if (!by->pid)
		return 0;
	return nla_put_u32(skb, IPSEC_GAP_A_BY_PID, by->pid) ?: nla_put_string(skb, IPSEC_GAP_A_BY_COMM, by->comm);
}

static int put_ends(struct sk_buff *skb, u16 af, const xfrm_address_t *local, const xfrm_address_t *peer, u8 proto)
{
	return nla_put_u16(skb, IPSEC_GAP_A_FAMILY, af) ?: put_addr(skb, IPSEC_GAP_A_LOCAL, local, af) ?:
	       put_addr(skb, IPSEC_GAP_A_PEER, peer, af) ?: nla_put_u8(skb, IPSEC_GAP_A_PROTO, proto);
}

static int put_mark(struct sk_buff *skb, const struct xfrm_mark *mark)
{
	if (!mark->m)
		return 0;
	return nla_put_u32(skb, IPSEC_GAP_A_MARK, mark->v) ?: nla_put_u32(skb, IPSEC_GAP_A_MARK_MASK, mark->m);
}

static int put_policy(struct sk_buff *skb, u32 index, const struct xfrm_selector *sel, u8 mode, u32 reqid, u32 if_id)
{
	return nla_put_u32(skb, IPSEC_GAP_A_POLICY_INDEX, index) ?: nla_put(skb, IPSEC_GAP_A_SELECTOR, sizeof(*sel), sel) ?:
	       nla_put_u8(skb, IPSEC_GAP_A_MODE, mode) ?: nla_put_u32(skb, IPSEC_GAP_A_REQID, reqid) ?:
	       nla_put_u32(skb, IPSEC_GAP_A_IF_ID, if_id);
}

static const struct {
	int packets, bytes;
} kinds[GAP_KINDS] = {
	[GAP_HELD] = { IPSEC_GAP_A_HELD_PACKETS, IPSEC_GAP_A_HELD_BYTES },
	[GAP_DROPPED] = { IPSEC_GAP_A_DROPPED_PACKETS, IPSEC_GAP_A_DROPPED_BYTES },
	[GAP_CLEAR] = { IPSEC_GAP_A_CLEAR_PACKETS, IPSEC_GAP_A_CLEAR_BYTES },
};

static int put_kind(struct sk_buff *skb, enum gap_kind kind, u64 packets, u64 bytes)
{
	return put_u64(skb, kinds[kind].packets, packets) ?: put_u64(skb, kinds[kind].bytes, bytes);
}

static int put_times(struct sk_buff *skb, u64 lasted, bool keyed, u64 keyed_us, bool waited, u64 waited_us, u32 acquires)
{
	return put_u64(skb, IPSEC_GAP_A_LASTED_US, lasted) ?: (keyed ? put_u64(skb, IPSEC_GAP_A_KEYED_US, keyed_us) : 0) ?:
	       (waited ? put_u64(skb, IPSEC_GAP_A_WAITED_US, waited_us) : 0) ?: nla_put_u32(skb, IPSEC_GAP_A_ACQUIRES, acquires);
}

static int put_gap_event(struct sk_buff *skb, const struct gap_event *e)
{
	int err = nla_put_u32(skb, IPSEC_GAP_A_CAUSE, e->cause) ?: nla_put_u32(skb, IPSEC_GAP_A_END, e->end) ?: put_by(skb, &e->by);

	if (!err)
		err = put_times(skb, e->lasted_us, e->keyed, e->keyed_us, e->waited, e->waited_us, e->acquires);
	for (enum gap_kind kind = 0; kind < GAP_KINDS && !err; kind++)
		err = put_kind(skb, kind, e->packets[kind], e->bytes[kind]);
	return err;
}

static int put_spi(struct sk_buff *skb, __be32 spi, u32 fate, u64 known_us, u64 packets, u64 bytes, ktime_t first, ktime_t last)
{
	return nla_put_be32(skb, IPSEC_GAP_A_SPI, spi) ?: nla_put_u32(skb, IPSEC_GAP_A_FATE, fate) ?:
	       put_u64(skb, IPSEC_GAP_A_PACKETS, packets) ?: put_u64(skb, IPSEC_GAP_A_BYTES, bytes) ?:
	       put_u64(skb, IPSEC_GAP_A_FIRST, real_ns(first)) ?: put_u64(skb, IPSEC_GAP_A_LAST, real_ns(last)) ?:
	       (known_us ? put_u64(skb, IPSEC_GAP_A_KNOWN_US, known_us) : 0);
}

static bool of_path(const struct gap_event *e)
{
	return e->type != IPSEC_GAP_TYPE_SPI && e->type != IPSEC_GAP_TYPE_SPI_KNOWN;
}

static int put_event(struct sk_buff *skb, const struct gap_event *e)
{
	int err = put_u64(skb, IPSEC_GAP_A_SEQ, e->seq) ?: nla_put_u32(skb, IPSEC_GAP_A_TYPE, e->type) ?:
		  put_u64(skb, IPSEC_GAP_A_TIME, real_ns(e->time)) ?: put_ends(skb, e->family, &e->local, &e->peer, e->proto);

	if (err)
		return err;
	if (!of_path(e))
		return put_spi(skb, e->spi, e->fate, e->known_us, e->spi_packets, e->spi_bytes, e->first, e->last);
	err = put_policy(skb, e->index, &e->sel, e->mode, e->reqid, e->if_id) ?: put_mark(skb, &e->mark);
	if (!err && (e->type == IPSEC_GAP_TYPE_OPEN || e->type == IPSEC_GAP_TYPE_CLOSED))
		err = put_gap_event(skb, e);
	else if (!err && e->type != IPSEC_GAP_TYPE_SWITCH)
		err = put_kind(skb, GAP_CLEAR, e->packets[GAP_CLEAR], e->bytes[GAP_CLEAR]);
	return err ?: put_sa(skb, IPSEC_GAP_A_OUT_OLD, &e->out_old) ?: put_sa(skb, IPSEC_GAP_A_OUT_NEW, &e->out_new) ?:
	       put_sa(skb, IPSEC_GAP_A_IN_OLD, &e->in_old) ?: put_sa(skb, IPSEC_GAP_A_IN_NEW, &e->in_new);
}

static int put_open(struct sk_buff *skb, const struct gap_path *p, ktime_t now)
{
	const struct gap *g = &p->gap;

	return nla_put_flag(skb, IPSEC_GAP_A_OPEN) ?: nla_put_u32(skb, IPSEC_GAP_A_CAUSE, g->cause) ?: put_by(skb, &g->by) ?:
	       put_times(skb, gap_us(g->lost, now), g->keyed, gap_us(g->lost, g->keyed), g->wanted, gap_us(g->wanted, now), g->acquires) ?:
	       put_sa(skb, IPSEC_GAP_A_OUT_OLD, &g->old) ?: put_sa(skb, IPSEC_GAP_A_IN_OLD, &g->old_in);
}

/* The pair that is in use, as it is now */
static int put_pair(struct sk_buff *skb, struct gap_net *gn, const struct gap_path *p)
{
	struct gap_sa_seen out, in = {};

	gap_sa_look(gn, p, p->spi, &out);
	out.spi = p->spi;
	gap_sa_inbound(gn, p, &in, NULL);
	return put_sa(skb, IPSEC_GAP_A_OUT_NEW, &out) ?: put_sa(skb, IPSEC_GAP_A_IN_NEW, &in);
}

static int put_path(struct sk_buff *skb, struct gap_net *gn, const struct gap_path *p)
{
	int err = put_ends(skb, p->family, &p->local, &p->peer, p->proto) ?:
		  put_policy(skb, p->index, &p->sel, p->mode, p->reqid, p->if_id) ?: put_mark(skb, &p->mark) ?:
		  put_pair(skb, gn, p) ?:
		  put_u64(skb, IPSEC_GAP_A_GAPS, p->gaps) ?: put_u64(skb, IPSEC_GAP_A_SWITCHES, p->switches) ?:
		  put_u64(skb, IPSEC_GAP_A_LONGEST_US, p->longest_us) ?: put_u64(skb, IPSEC_GAP_A_TOTAL_US, p->total_us);

	for (enum gap_kind kind = 0; kind < GAP_KINDS && !err; kind++)
		err = put_kind(skb, kind, atomic64_read(&p->sum[kind].packets) + atomic64_read(&p->now[kind].packets),
			       atomic64_read(&p->sum[kind].bytes) + atomic64_read(&p->now[kind].bytes));
	if (!err && p->last)
		err = put_u64(skb, IPSEC_GAP_A_TIME, real_ns(p->last));
	if (!err && p->gap.open)
		err = put_open(skb, p, ktime_get());
	return err;
}

/* One message: its head, what PUT writes, its end. */
#define MESSAGE(skb, portid, seq, flags, cmd, put) ({							\
	void *head_ = genlmsg_put(skb, portid, seq, &family, flags, cmd);				\
	int err_ = head_ ? (put) : -EMSGSIZE;								\
													\
	if (head_ && err_)										\
		genlmsg_cancel(skb, head_);								\
	else if (head_)											\
		genlmsg_end(skb, head_);								\
	err_;												\
})

#define ANSWER(skb, cb, cmd, put) MESSAGE(skb, NETLINK_CB((cb)->skb).portid, (cb)->nlh->nlmsg_seq, NLM_F_MULTI, cmd, put)
#define REPLY(skb, info, cmd, put) MESSAGE(skb, (info)->snd_portid, (info)->snd_seq, 0, cmd, put)

static bool is_peer(const struct nlattr *wanted, const xfrm_address_t *peer, u16 af)
{
	if (!wanted)
		return true;
	return nla_len(wanted) == (af == AF_INET6 ? 16 : 4) && !memcmp(nla_data(wanted), peer, nla_len(wanted));
}

/* Lists grow at their ends, and numbers with them: whatever comes or goes meanwhile, what stays is told, and once. */
static u64 *told_last(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(u64) > sizeof(cb->ctx));
	return (u64 *)cb->ctx;
}

static int dump_paths(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct gap_net *gn = gap_net(sock_net(skb->sk));
	struct nlattr **attrs = compat_dump_attrs(cb);
	u64 *last = told_last(cb);
	struct gap_path *p;

	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	list_for_each_entry(p, &gn->paths, all) {
		if (p->id <= *last || !is_peer(attrs[IPSEC_GAP_A_PEER], &p->peer, p->family))
			continue;
		if (ANSWER(skb, cb, IPSEC_GAP_CMD_PATH, put_path(skb, gn, p)))
			break;
		*last = p->id;
	}
	spin_unlock_bh(&gn->lock);
	return skb->len;
}

static int dump_events(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct gap_net *gn = gap_net(sock_net(skb->sk));
	struct nlattr **attrs = compat_dump_attrs(cb);
	u64 after = attrs[IPSEC_GAP_A_SINCE_SEQ] ? nla_get_u64(attrs[IPSEC_GAP_A_SINCE_SEQ]) : 0;
	u64 since = attrs[IPSEC_GAP_A_SINCE_TIME] ? nla_get_u64(attrs[IPSEC_GAP_A_SINCE_TIME]) : 0;
	u64 *last = told_last(cb);
	struct gap_event *e;

	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	list_for_each_entry(e, &gn->events, node) {
		if (e->seq <= max(after, *last) || real_ns(e->time) < since ||
		    !is_peer(attrs[IPSEC_GAP_A_PEER], &e->peer, e->family))
			continue;
		if (ANSWER(skb, cb, IPSEC_GAP_CMD_EVENT, put_event(skb, e)))
			break;
		*last = e->seq;
	}
	spin_unlock_bh(&gn->lock);
	return skb->len;
}

static int put_spi_entry(struct sk_buff *skb, const struct gap_spi *s)
{
	return put_ends(skb, s->family, &s->local, &s->source, s->proto) ?:
	       put_spi(skb, s->spi, s->fate, s->known_us, atomic64_read(&s->count.packets), atomic64_read(&s->count.bytes), s->first,
		       READ_ONCE(s->last));
}

static int dump_spis(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct gap_net *gn = gap_net(sock_net(skb->sk));
	struct nlattr **attrs = compat_dump_attrs(cb);
	u64 *last = told_last(cb);
	struct gap_spi *s;

	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	list_for_each_entry(s, &gn->spi_list, all) {
		if (s->id <= *last || !is_peer(attrs[IPSEC_GAP_A_PEER], &s->source, s->family))
			continue;
		if (ANSWER(skb, cb, IPSEC_GAP_CMD_SPI, put_spi_entry(skb, s)))
			break;
		*last = s->id;
	}
	spin_unlock_bh(&gn->lock);
	return skb->len;
}

/* Of all there has been: unlike sums over paths and SPIs, these never become less. */
static int put_totals(struct sk_buff *skb, const struct gap_net *gn)
{
	u64 packets[GAP_KINDS], bytes[GAP_KINDS], gaps = gn->past_gaps;
	const struct gap_path *p;
	enum gap_kind kind;
	int err;

	for (kind = 0; kind < GAP_KINDS; kind++) {
		packets[kind] = atomic64_read(&gn->past[kind].packets);
		bytes[kind] = atomic64_read(&gn->past[kind].bytes);
	}
	list_for_each_entry(p, &gn->paths, all) {
		gaps += p->gaps;
		for (kind = 0; kind < GAP_KINDS; kind++) {
			packets[kind] += atomic64_read(&p->sum[kind].packets) + atomic64_read(&p->now[kind].packets);
			bytes[kind] += atomic64_read(&p->sum[kind].bytes) + atomic64_read(&p->now[kind].bytes);
		}
	}
	err = put_u64(skb, IPSEC_GAP_A_GAPS, gaps) ?: put_u64(skb, IPSEC_GAP_A_PACKETS, atomic64_read(&gn->strays_all.packets)) ?:
	      put_u64(skb, IPSEC_GAP_A_BYTES, atomic64_read(&gn->strays_all.bytes));
	for (kind = 0; kind < GAP_KINDS && !err; kind++)
		err = put_kind(skb, kind, packets[kind], bytes[kind]);
	return err;
}

static int put_info(struct sk_buff *skb, struct gap_net *gn)
{
	return nla_put_u32(skb, IPSEC_GAP_A_VERSION, IPSEC_GAP_VERSION) ?: nla_put_u32(skb, IPSEC_GAP_A_PATHS, gn->path_count) ?:
	       nla_put_u32(skb, IPSEC_GAP_A_SAS, gn->sa_count) ?: nla_put_u32(skb, IPSEC_GAP_A_SPIS, gn->spi_count[0] + gn->spi_count[1]) ?:
	       put_u64(skb, IPSEC_GAP_A_SEQ, gn->seq) ?: put_u64(skb, IPSEC_GAP_A_MISSED, atomic64_read(&gn->missed)) ?:
	       put_u64(skb, IPSEC_GAP_A_OTHER_PACKETS, atomic64_read(&gn->other_packets)) ?:
	       put_u64(skb, IPSEC_GAP_A_FORGOTTEN, atomic64_read(&gn->forgotten)) ?: put_totals(skb, gn);
}

/* err: what became of writing the answer */
static int send_reply(struct sk_buff *skb, struct genl_info *info, int err)
{
	if (!err)
		return genlmsg_reply(skb, info);
	nlmsg_free(skb);
	return err;
}

static int do_info(struct sk_buff *request, struct genl_info *info)
{
	struct gap_net *gn = gap_net(genl_info_net(info));
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	int err;

	if (!skb)
		return -ENOMEM;
	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	err = REPLY(skb, info, IPSEC_GAP_CMD_INFO, put_info(skb, gn));
	spin_unlock_bh(&gn->lock);
	return send_reply(skb, info, err);
}

static int do_path(struct sk_buff *request, struct genl_info *info)
{
	struct gap_net *gn = gap_net(genl_info_net(info));
	struct sk_buff *skb;
	struct gap_path *p;
	int err = -ENOENT;
	u32 index;

	if (GENL_REQ_ATTR_CHECK(info, IPSEC_GAP_A_POLICY_INDEX))
		return -EINVAL;
	index = nla_get_u32(info->attrs[IPSEC_GAP_A_POLICY_INDEX]);
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	hash_for_each_possible(gn->paths_index, p, by_index, index)
		if (p->index == index && index) {
			err = REPLY(skb, info, IPSEC_GAP_CMD_PATH, put_path(skb, gn, p));
			break;
		}
	spin_unlock_bh(&gn->lock);
	return send_reply(skb, info, err);
}

static int do_event(struct sk_buff *request, struct genl_info *info)
{
	struct gap_net *gn = gap_net(genl_info_net(info));
	struct gap_event *e;
	struct sk_buff *skb;
	int err = -ENOENT;
	u64 seq;

	if (GENL_REQ_ATTR_CHECK(info, IPSEC_GAP_A_SEQ))
		return -EINVAL;
	seq = nla_get_u64(info->attrs[IPSEC_GAP_A_SEQ]);
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	list_for_each_entry(e, &gn->events, node)
		if (e->seq == seq) {
			err = REPLY(skb, info, IPSEC_GAP_CMD_EVENT, put_event(skb, e));
			break;
		}
	spin_unlock_bh(&gn->lock);
	return send_reply(skb, info, err);
}

void gap_netlink_tell(struct gap_net *gn, const struct gap_event *e)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&family, gn->net, 0))
		return;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb)
		return;
	if (MESSAGE(skb, 0, 0, 0, IPSEC_GAP_CMD_EVENT, put_event(skb, e)))
		nlmsg_free(skb);
	else
		genlmsg_multicast_netns(&family, gn->net, skb, 0, 0, GFP_KERNEL);
}

/* Whatever is not named is refused, as these have no type. */
static const struct nla_policy no_policy[IPSEC_GAP_A_MAX + 1] = {};

static const struct nla_policy path_policy[IPSEC_GAP_A_MAX + 1] = {
	[IPSEC_GAP_A_PEER] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
	[IPSEC_GAP_A_POLICY_INDEX] = { .type = NLA_U32 },
};

static const struct nla_policy event_policy[IPSEC_GAP_A_MAX + 1] = {
	[IPSEC_GAP_A_PEER] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
	[IPSEC_GAP_A_SEQ] = { .type = NLA_U64 },
	[IPSEC_GAP_A_SINCE_SEQ] = { .type = NLA_U64 },
	[IPSEC_GAP_A_SINCE_TIME] = { .type = NLA_U64 },
};

static const struct nla_policy spi_policy[IPSEC_GAP_A_MAX + 1] = {
	[IPSEC_GAP_A_PEER] = NLA_POLICY_RANGE(NLA_BINARY, 4, 16),
};

/* Addresses and SPIs of tunnels are an administrator's. */
#define GAP_OP(command, rules, single, all) { .cmd = (command), .policy = (rules), .maxattr = IPSEC_GAP_A_MAX, .doit = (single), \
	.dumpit = (all), .flags = GENL_UNS_ADMIN_PERM }
static const struct genl_ops ops[] = {
	GAP_OP(IPSEC_GAP_CMD_INFO, no_policy, do_info, NULL),
	GAP_OP(IPSEC_GAP_CMD_PATH, path_policy, do_path, dump_paths),
	GAP_OP(IPSEC_GAP_CMD_EVENT, event_policy, do_event, dump_events),
	GAP_OP(IPSEC_GAP_CMD_SPI, spi_policy, NULL, dump_spis),
};

static const struct genl_multicast_group groups[] = {
	{ .name = IPSEC_GAP_GROUP, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

static struct genl_family family __ro_after_init = {
	.name = IPSEC_GAP_FAMILY,
	.version = IPSEC_GAP_VERSION,
	.maxattr = IPSEC_GAP_A_MAX,
	.policy = no_policy,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.resv_start_op = IPSEC_GAP_CMD_UNSPEC,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

int __init gap_netlink_init(void)
{
	return genl_register_family(&family);
}

void gap_netlink_exit(void)
{
	genl_unregister_family(&family);
}
