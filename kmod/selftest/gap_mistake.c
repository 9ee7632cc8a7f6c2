// SPDX-License-Identifier: GPL-2.0-only
/* Makes one mistake, named by its parameter, so that a test can see that somebody looks (kmod/debug/control.sh). */
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *what = "";
module_param(what, charp, 0);

struct item {
	struct hlist_node node;
};

static HLIST_HEAD(items);
static DEFINE_SPINLOCK(one);
static DEFINE_SPINLOCK(other);

static void leak(void)
{
	void *p;
	int i;

	/* One that a register or an old stack still names does not count. */
	for (i = 0; i < 8; i++) {
		p = kmalloc(100, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(p);
	}
}

static void list_unprotected(void)
{
	struct item *i;

	hlist_for_each_entry_rcu(i, &items, node)
		pr_info("an item\n");
}

static void sleep_atomic(void)
{
	void *p;

	spin_lock(&one);
	p = kmalloc(100, GFP_KERNEL);
	spin_unlock(&one);
	kfree(p);
}

static void lock_both_ways(void)
{
	spin_lock(&one);
	spin_lock(&other);
	spin_unlock(&other);
	spin_unlock(&one);
	spin_lock(&other);
	spin_lock(&one);
	spin_unlock(&one);
	spin_unlock(&other);
}

static void read_freed(void)
{
	char *p = kmalloc(100, GFP_KERNEL);

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
	pr_info("read %d\n", READ_ONCE(*p));
}

static const struct {
	const char *name;
	void (*make)(void);
} mistakes[] = {
	{ "leak", leak },
	{ "list", list_unprotected },
	{ "sleep", sleep_atomic },
	{ "locks", lock_both_ways },
	{ "freed", read_freed },
};

static int __init mistake_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		if (!strcmp(mistakes[i].name, what)) {
			mistakes[i].make();
			return 0;
		}
	}
	return -EINVAL;
}

static void __exit mistake_exit(void)
{
}

module_init(mistake_init);
module_exit(mistake_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Mistakes for tests");
MODULE_AUTHOR("the gapless authors");
