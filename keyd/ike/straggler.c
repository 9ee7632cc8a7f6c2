// SPDX-License-Identifier: MIT
// Old SAs and their last seconds in the kernel.
#include "keyd/ike/straggler.h"

#include <stdlib.h>

struct straggler {
	struct list link;
	struct table_node node;
	struct engine *e;
	struct timer timer;
	struct ipsec_sa_id id;
};

static void straggler_free(struct straggler *s)
{
	timer_cancel(&s->e->timers, &s->timer);
	list_del(&s->link);
	table_del(&s->e->by_straggler, &s->node);
	free(s);
}

static void kernel_delete(struct engine *e, const struct ipsec_sa_id *id)
{
	struct kern_request rq = { .op = KERN_SA_DELETE };

	rq.sa.dst = id->dst;
	rq.sa.proto = id->proto;
	rq.sa.spi = id->spi;
	rq.sa.mark = id->mark;
	e->hooks->kern(e->hooks_arg, &rq);
}

static void straggler_due(struct timer *t)
{
	struct straggler *s = container_of(t, struct straggler, timer);

	kernel_delete(s->e, &s->id);
	straggler_free(s);
}

void straggler_add(struct engine *e, const struct ipsec_sa_id *id, uint64_t linger)
{
	struct straggler *s = linger ? calloc(1, sizeof(*s)) : NULL;

	if (!s || timer_set(&e->timers, &s->timer, e->now + linger, straggler_due)) {
		free(s);
		kernel_delete(e, id);
		return;
	}
	s->e = e;
	s->id = *id;
	list_add_tail(&e->stragglers, &s->link);
	table_add(&e->by_straggler, &s->node, id->spi);
}

void stragglers_forget(struct engine *e, const struct ipsec_sa_id *id)
{
	struct table_node *node = table_find(&e->by_straggler, id->spi), *next;

	for (; node; node = next) {
		struct straggler *s = container_of(node, struct straggler, node);

		next = table_next(node);
		if (ipsec_addr_equal(&s->id.dst, &id->dst))
			straggler_free(s);
	}
}

void stragglers_free(struct engine *e)
{
	list_each(s, &e->stragglers, struct straggler, link)
		straggler_free(s);
}
