// SPDX-License-Identifier: GPL-2.0-only
/* Events of a namespace: a bounded list, and telling them to those who listen. */
#include "gap.h"

#include <linux/slab.h>

struct gap_event *gap_event_new(struct gap_net *gn, u32 type, ktime_t now)
{
	struct gap_event *e = gn->dead ? NULL : kzalloc(sizeof(*e), GFP_ATOMIC | __GFP_NOWARN);

	if (!e) {
		atomic64_inc(&gn->missed);
		return NULL;
	}
	e->type = type;
	e->time = now;
	return e;
}

void gap_event_add(struct gap_net *gn, struct gap_event *e)
{
	struct gap_event *oldest;

	e->seq = ++gn->seq;
	list_add_tail(&e->node, &gn->events);
	if (++gn->event_count > IPSEC_GAP_RING) {
		oldest = list_first_entry(&gn->events, struct gap_event, node);
		list_del(&oldest->node);
		kfree(oldest);
		gn->event_count--;
	}
	schedule_work(&gn->tell);
}

/* Copies the first event that nobody was told of. */
static bool next_untold(struct gap_net *gn, struct gap_event *to)
{
	struct gap_event *e;
	bool found = false;

	spin_lock_bh(&gn->lock);
	list_for_each_entry_reverse(e, &gn->events, node) {
		if (e->seq <= gn->told)
			break;
		*to = *e;
		found = true;
	}
	if (found)
		gn->told = to->seq;
	spin_unlock_bh(&gn->lock);
	return found;
}

void gap_event_tell(struct work_struct *work)
{
	struct gap_net *gn = container_of(work, struct gap_net, tell);
	struct gap_event *e = kmalloc(sizeof(*e), GFP_KERNEL);

	while (e && next_untold(gn, e)) {
		gap_netlink_tell(gn, e);
		cond_resched();
	}
	kfree(e);
}

void gap_event_exit(struct gap_net *gn)
{
	struct gap_event *e, *next;

	list_for_each_entry_safe(e, next, &gn->events, node)
		kfree(e);
	INIT_LIST_HEAD(&gn->events);
}
