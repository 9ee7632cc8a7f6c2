// SPDX-License-Identifier: GPL-2.0-only
/*
 * In which of the kernel's functions a packet was freed.
 *
 * A packet that is freed may be anything, from anywhere: fields that mean one thing in one place mean another in the
 * next, and share their storage with a third. Only where it happened tells which of them may be believed. The
 * tracepoint has the address; kallsyms has the name, which is looked up once for each address.
 */
#include "gap.h"

#include <linux/hash.h>
#include <linux/kallsyms.h>
#include <linux/module.h>

#define PLACE_BITS	9
#define PLACE_WAYS	4

/* A reader takes what stands between two equal looks at the address; who writes takes that away first, and puts it last. */
struct place {
	unsigned long at;
	u8 where;
};

static struct place places[1 << PLACE_BITS];
static DEFINE_RAW_SPINLOCK(places_lock);

/*
 * Purged queues and lists of segments may be anybody's, but their packets' bundles say what they are. Functions without
 * a symbol of their own have become part of the next one.
 */
static const struct {
	const char *name;
	enum gap_where where;
} names[] = {
	{ "xfrm_input", GAP_AT_INPUT },
	{ "xfrm_output_one", GAP_AT_BUNDLE },
	{ "xfrm_output_resume", GAP_AT_BUNDLE },
	{ "xfrm_output_gso", GAP_AT_BUNDLE },
	{ "xfrm_output2", GAP_AT_BUNDLE },
	{ "xfrm_output", GAP_AT_BUNDLE },
	{ "kfree_skb_list_reason", GAP_AT_BUNDLE },
	{ "xdst_queue_output", GAP_AT_BUNDLE },
	{ "xfrm_policy_queue_process", GAP_AT_BUNDLE },
	{ "skb_queue_purge", GAP_AT_BUNDLE },
	{ "skb_queue_purge_reason", GAP_AT_BUNDLE },
	{ "dst_discard_out", GAP_AT_BLACKHOLE },
	{ "ip_forward", GAP_AT_FORWARD },
	{ "ip6_forward", GAP_AT_FORWARD },
	{ "xfrmi_xmit", GAP_AT_DEVICE },
	{ "vti_xmit", GAP_AT_DEVICE },
	{ "vti_tunnel_xmit", GAP_AT_DEVICE },
	{ "vti6_xmit", GAP_AT_DEVICE },
	{ "vti6_tnl_xmit", GAP_AT_DEVICE },
};

/* As the compiler has left it: xfrm_output_one.isra.0 is xfrm_output_one. */
static bool is_name(const char *symbol, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(symbol, name, len) && (!symbol[len] || symbol[len] == '.' || symbol[len] == ' ');
}

/* A call may be the last of its function, so that it returns to the next one. */
static enum gap_where resolve(unsigned long at)
{
	char symbol[KSYM_SYMBOL_LEN];

	sprint_symbol_no_offset(symbol, at - 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (is_name(symbol, names[i].name))
			return names[i].where;
	return GAP_ELSEWHERE;
}

static bool known(const struct place *p, unsigned long at, enum gap_where *where)
{
	if (READ_ONCE(p->at) != at)
		return false;
	smp_rmb(); /* pairs with those of put() */
	*where = READ_ONCE(p->where);
	smp_rmb(); /* the same */
	return READ_ONCE(p->at) == at;
}

static void put(struct place *p, unsigned long at, enum gap_where where)
{
	WRITE_ONCE(p->at, 0);
	smp_wmb(); /* pairs with those of known() */
	WRITE_ONCE(p->where, where);
	smp_wmb(); /* the same */
	WRITE_ONCE(p->at, at);
}

static struct place *way_of(unsigned long at, unsigned int way)
{
	return &places[(hash_long(at, PLACE_BITS) + way) & ((1 << PLACE_BITS) - 1)];
}

/* Into an empty place, else instead of another. */
static void remember(unsigned long at, enum gap_where where)
{
	struct place *p = way_of(at, at % PLACE_WAYS);
	unsigned long flags;

	raw_spin_lock_irqsave(&places_lock, flags);
	for (unsigned int way = 0; way < PLACE_WAYS; way++)
		if (!way_of(at, way)->at) {
			p = way_of(at, way);
			break;
		}
	put(p, at, where);
	raw_spin_unlock_irqrestore(&places_lock, flags);
}

enum gap_where gap_where_is(const void *location)
{
	unsigned long at = (unsigned long)location;
	enum gap_where where;

	for (unsigned int way = 0; way < PLACE_WAYS; way++)
		if (known(way_of(at, way), at, &where))
			return where;
	where = resolve(at);
	remember(at, where);
	return where;
}

/* Where one module's functions were, another's may be. Nothing runs in either when we are told. */
static int modules_change(struct notifier_block *block, unsigned long event, void *data)
{
	unsigned long flags;

	if (event != MODULE_STATE_COMING && event != MODULE_STATE_GOING)
		return NOTIFY_DONE;
	raw_spin_lock_irqsave(&places_lock, flags);
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++)
		put(&places[i], 0, GAP_ELSEWHERE);
	raw_spin_unlock_irqrestore(&places_lock, flags);
	return NOTIFY_DONE;
}

static struct notifier_block modules = { .notifier_call = modules_change };

int __init gap_where_init(void)
{
	return register_module_notifier(&modules);
}

void gap_where_exit(void)
{
	unregister_module_notifier(&modules);
}
