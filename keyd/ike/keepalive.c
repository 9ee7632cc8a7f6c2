// SPDX-License-Identifier: MIT
// Sends the one byte that keeps a NAT's mapping, unless IKE or ESP has left in that time.
#include "keyd/ike/keepalive.h"

#include "keyd/ike/child_sa.h"

static uint64_t every(const struct ike_sa *sa)
{
	return SECONDS(sa->peer->conf.keepalive);
}

static void due(struct timer *t);

/*
 * What the kernel has sent since the last look may have left right after that one. Looks are half as far apart as
 * keepalives, so that silence is never longer than it may be.
 */
static void looked(struct ike_sa *sa, bool sent)
{
	static const uint8_t byte = ENGINE_KEEPALIVE;
	struct engine_datagram d = { .local = sa->local, .remote = sa->remote, .local_port = sa->local_port,
				     .remote_port = sa->remote_port, .data = { &byte, 1 } };
	struct engine *e = sa->e;
	uint64_t next;

	if (sent && sa->looked_at > sa->spoke_at)
		sa->spoke_at = sa->looked_at;
	if (e->now >= sa->spoke_at + every(sa)) {
		sa->spoke_at = e->now;
		e->stats.datagrams_out++;
		leave_send(e, &d);
	}
	sa->looked_at = e->now;
	next = e->now + every(sa) / 2;
	timer_set(&e->timers, &sa->keepalive, next < sa->spoke_at + every(sa) ? next : sa->spoke_at + every(sa), due);
}

static void count_answered(struct ask *a, const struct kern_answer *an);

/* Asks the kernel how much the next child has sent; after is the inbound SPI of the one before, 0: none. */
static void count_next(struct ike_sa *sa, uint32_t after)
{
	struct kern_request rq = { .op = KERN_SA_GET };

	list_each(c, &sa->children, struct child_sa, link) {
		if (after || c->state < CHILD_UP || c->lost) {
			if (after == c->spi_in)
				after = 0;
			continue;
		}
		rq.sa.dst = c->out_addr;
		rq.sa.proto = IPPROTO_ESP;
		rq.sa.spi = c->spi_out;
		rq.sa.mark = c->pol.mark;
		sa->counting = c->spi_in;
		ask_kern(sa->e, &sa->count, &rq, count_answered);
		return;
	}
	looked(sa, false);
}

static void count_answered(struct ask *a, const struct kern_answer *an)
{
	struct ike_sa *sa = container_of(a, struct ike_sa, count);
	struct child_sa *c = child_find(sa->e, sa->counting);
	bool sent = c && !an->error && c->packets_out != an->usage.packets;

	if (c)
		c->packets_out = an->usage.packets;
	if (sent || !c)
		looked(sa, sent);
	else
		count_next(sa, sa->counting);
}

static void due(struct timer *t)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, keepalive);

	if (!sa->count.id)
		count_next(sa, 0);
}

void keepalive_start(struct ike_sa *sa)
{
	if (!sa->nat_local || !sa->encap || !sa->peer->conf.keepalive)
		return;
	sa->looked_at = sa->e->now;
	timer_set(&sa->e->timers, &sa->keepalive, sa->e->now + every(sa) / 2, due);
}

void keepalive_stop(struct ike_sa *sa)
{
	timer_cancel(&sa->e->timers, &sa->keepalive);
	ask_cancel(&sa->count);
}
