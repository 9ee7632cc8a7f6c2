// SPDX-License-Identifier: MIT
// Old SAs and their last seconds in the kernel.
#include "keyd/ike/straggler.h"

#include <stdlib.h>

static void straggler_free(struct straggler *s)
{
	timer_cancel(&s->e->timers, &s->timer);
	keep_end(s->e, &s->keep);
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
	leave_kern(e, &rq);
}

static void straggler_due(struct timer *t)
{
	struct straggler *s = container_of(t, struct straggler, timer);

	kernel_delete(s->e, &s->id);
	straggler_free(s);
}

static struct straggler *straggler_new(struct engine *e, const struct ipsec_sa_id *id, uint64_t at)
{
	struct straggler *s = calloc(1, sizeof(*s));

	if (!s || timer_set(&e->timers, &s->timer, at, straggler_due)) {
		free(s);
		return NULL;
	}
	s->e = e;
	s->id = *id;
	list_add_tail(&e->stragglers, &s->link);
	table_add(&e->by_straggler, &s->node, id->spi);
	keep_touch(e, &s->keep, KEEP_STRAGGLER);
	return s;
}

void straggler_add(struct engine *e, const struct ipsec_sa_id *id, uint64_t linger)
{
	if (!linger || !straggler_new(e, id, e->now + linger))
		kernel_delete(e, id);
}

void straggler_keep(struct engine *e, const struct ipsec_sa_id *id, uint64_t linger)
{
	struct table_node *node = table_find(&e->by_straggler, id->spi);

	for (; node; node = table_next(node)) {
		struct straggler *s = container_of(node, struct straggler, node);

		if (!ipsec_addr_equal(&s->id.dst, &id->dst) || s->timer.at >= e->now + linger)
			continue;
		timer_set(&e->timers, &s->timer, e->now + linger, straggler_due);
		keep_touch(e, &s->keep, KEEP_STRAGGLER);
	}
}

bool straggler_is(const struct engine *e, const struct ipsec_addr *dst, uint32_t spi)
{
	struct table_node *node = table_find(&e->by_straggler, spi);

	while (node && !ipsec_addr_equal(&container_of(node, struct straggler, node)->id.dst, dst))
		node = table_next(node);
	return node;
}

static void walk(struct frost *f, struct ipsec_sa_id *id, uint64_t *at)
{
	frost_end(f, &id->dst);
	frost_u8(f, &id->proto);
	frost_u32(f, &id->spi);
	frost_u32(f, &id->mark.value);
	frost_u32(f, &id->mark.mask);
	frost_u64(f, at);
	frost_over(f);
}

bool straggler_walk(struct frost *f, struct straggler *s)
{
	walk(f, &s->id, &s->timer.at);
	return true;
}

int straggler_thaw(struct engine *e, struct frost *f, uint64_t id)
{
	struct ipsec_sa_id sa = { 0 };
	struct straggler *s;
	uint64_t at = 0;

	walk(f, &sa, &at);
	s = f->broken ? NULL : straggler_new(e, &sa, at);
	if (!s)
		return -1;
	s->keep.id = id;
	s->keep.known = true;
	return 0;
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
