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
	INIT_LIST_HEAD(&e->spi_node);
	e->type = type;
	e->time = now;
	return e;
}

static void event_free(struct gap_net *gn, struct gap_event *e)
{
	list_del(&e->node);
	if (!list_empty(&e->spi_node)) {
		list_del(&e->spi_node);
		gn->spi_event_count--;
	}
	gn->event_count--;
	kfree(e);
}

/* Inbound SPIs are others' doing: they drive out each other, and nothing else. */
void gap_event_add(struct gap_net *gn, struct gap_event *e)
{
	e->seq = ++gn->seq;
	list_add_tail(&e->node, &gn->events);
	gn->event_count++;
	if (e->type == IPSEC_GAP_TYPE_SPI || e->type == IPSEC_GAP_TYPE_SPI_KNOWN) {
		list_add_tail(&e->spi_node, &gn->spi_events);
		gn->spi_event_count++;
	}
	if (gn->spi_event_count > IPSEC_GAP_RING / 4)
		event_free(gn, list_first_entry(&gn->spi_events, struct gap_event, spi_node));
	if (gn->event_count > IPSEC_GAP_RING)
		event_free(gn, list_first_entry(&gn->events, struct gap_event, node));
	schedule_work(&gn->tell);
}

/* Copies the first event that nobody was told of. */
static bool next_untold(struct gap_net *gn, struct gap_event *to)
{
	struct gap_event *e, *first = NULL;

	spin_lock_bh(&gn->lock);
	list_for_each_entry_reverse(e, &gn->events, node) {
		if (e->seq <= gn->told)
			break;
		first = e;
	}
	if (first) {
		*to = *first;
		gn->told = first->seq;
	}
	spin_unlock_bh(&gn->lock);
	return first;
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
		event_free(gn, e);
}
