// SPDX-License-Identifier: GPL-2.0-only
/* /proc/net/ipsec_gap: a line for each path, for a quick look; keydctl gaps tells more. */
#include "gap.h"

#include <linux/proc_fs.h>
#include <linux/seq_file.h>

const char *const gap_cause_names[] = {
	[IPSEC_GAP_CAUSE_NONE] = "-",
	[IPSEC_GAP_CAUSE_ACQUIRE] = "acquire",
	[IPSEC_GAP_CAUSE_TIME] = "time",
	[IPSEC_GAP_CAUSE_BYTES] = "bytes",
	[IPSEC_GAP_CAUSE_PACKETS] = "packets",
	[IPSEC_GAP_CAUSE_EXPIRED] = "expired",
	[IPSEC_GAP_CAUSE_DELETED] = "deleted",
	[IPSEC_GAP_CAUSE_FLUSHED] = "flushed",
	[IPSEC_GAP_CAUSE_VANISHED] = "vanished",
	[IPSEC_GAP_CAUSE_MIGRATED] = "migrated",
};

/* Places are ids, so that what goes meanwhile takes nobody else's. 0 is the head's. */
static struct list_head *from(struct gap_net *gn, struct list_head *at, loff_t *pos)
{
	const struct gap_path *p = list_entry(at, struct gap_path, all);

	list_for_each_entry_continue(p, &gn->paths, all)
		if (p->id >= *pos) {
			*pos = p->id;
			return (struct list_head *)&p->all;
		}
	return NULL;
}

static void *start(struct seq_file *m, loff_t *pos)
	__acquires(&gn->lock)
{
	struct gap_net *gn = gap_net(seq_file_net(m));

	spin_lock_bh(&gn->lock);
	gap_catch_up(gn);
	return *pos ? from(gn, &gn->paths, pos) : &gn->paths;
}

static void *next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return from(gap_net(seq_file_net(m)), v, pos);
}

static void stop(struct seq_file *m, void *v)
	__releases(&gn->lock)
{
	spin_unlock_bh(&gap_net(seq_file_net(m))->lock);
}

static u64 total(const struct gap_path *p, enum gap_kind kind)
{
	return atomic64_read(&p->sum[kind].packets) + atomic64_read(&p->now[kind].packets);
}

static void show_addr(struct seq_file *m, const xfrm_address_t *a, u16 family)
{
	if (family == AF_INET6)
		seq_printf(m, "%pI6c", &a->in6);
	else
		seq_printf(m, "%pI4", &a->a4);
}

static int show(struct seq_file *m, void *v)
{
	struct gap_net *gn = gap_net(seq_file_net(m));
	const struct gap_path *p;

	if (v == &gn->paths) {
		seq_puts(m, "local peer policy reqid spi state cause gaps switches held dropped clear longest_us\n");
		return 0;
	}
	p = list_entry(v, struct gap_path, all);
	show_addr(m, &p->local, p->family);
	seq_putc(m, ' ');
	show_addr(m, &p->peer, p->family);
	seq_printf(m, " %u %u 0x%08x %s %s %llu %llu %llu %llu %llu %llu\n", p->index, p->reqid, be32_to_cpu(p->spi),
		   !p->index ? "removed" : p->gap.open ? "gap" : p->spi ? "up" : "idle", gap_cause_names[p->gap.cause], p->gaps,
		   p->switches, total(p, GAP_HELD), total(p, GAP_DROPPED), total(p, GAP_CLEAR), p->longest_us);
	return 0;
}

static const struct seq_operations seq_ops = {
	.start = start,
	.next = next,
	.stop = stop,
	.show = show,
};

int gap_proc_init(struct net *net)
{
	return proc_create_net("ipsec_gap", 0400, net->proc_net, &seq_ops, sizeof(struct seq_net_private)) ? 0 : -ENOMEM;
}

void gap_proc_exit(struct net *net)
{
	remove_proc_entry("ipsec_gap", net->proc_net);
}
