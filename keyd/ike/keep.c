// SPDX-License-Identifier: MIT
// Gives away records of what has changed, and after them what waits for that.
#include "keyd/ike/keep.h"

#include "keyd/ike/freeze.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/report.h"

#include <stdlib.h>
#include <string.h>

/* What waits to leave: a request to the kernel, or a datagram with its bytes behind it. */
struct leaving {
	struct list link;
	bool datagram;
	union {
		struct kern_request rq;
		struct engine_datagram d;
	};
	uint8_t bytes[];
};

static bool keeps(const struct engine *e)
{
	return e->hooks->keep && !e->keep_closed;
}

void keep_touch(struct engine *e, struct keep *k, enum keep_kind kind)
{
	k->kind = (uint8_t)kind;
	if (keeps(e) && !k->link.next)
		list_add_tail(&e->touched, &k->link);
}

static void untouch(struct keep *k)
{
	if (k->link.next)
		list_del(&k->link);
	k->link.next = NULL;
}

/* It counts from the next call of kept on, like the records that are given away by then. */
static void forget(struct engine *e, struct keep *k)
{
	if (k->known && keeps(e))
		e->hooks->keep(e->hooks_arg, k->id, NULL, 0);
	e->unkept = e->unkept || k->known;
	k->known = false;
}

void keep_end(struct engine *e, struct keep *k)
{
	untouch(k);
	forget(e, k);
}

static void keep_one(struct engine *e, struct keep *k)
{
	struct wr w = wr_of(e->record, sizeof(e->record));

	untouch(k);
	if (!k->id)
		k->id = ++e->last_keep;
	if (!freeze(e, k, &w)) {
		forget(e, k);
		return;
	}
	if (!wr_ok(&w)) {
		report_engine(e, LOG_LEVEL_ERROR, "a record is too long and not kept: kind=%u", k->kind);
		forget(e, k);
		return;
	}
	k->known = e->unkept = true;
	e->hooks->keep(e->hooks_arg, k->id, w.buf, w.len);
	secret_cleanse(w.buf, w.len);
}

static void keep_all(struct engine *e)
{
	while (!list_empty(&e->touched))
		keep_one(e, container_of(e->touched.next, struct keep, link));
	if (e->unkept && keeps(e) && e->hooks->kept)
		e->hooks->kept(e->hooks_arg);
	e->unkept = false;
}

static struct leaving *leaving_new(struct engine *e, size_t n)
{
	struct leaving *l = keeps(e) ? calloc(1, sizeof(*l) + n) : NULL;

	if (l)
		list_add_tail(&e->leaving, &l->link);
	return l;
}

/* Without memory it goes now: what is lost then is only that a kill just there would show. */
void leave_send(struct engine *e, const struct engine_datagram *d)
{
	struct leaving *l = leaving_new(e, d->data.n);

	if (!l) {
		e->hooks->send(e->hooks_arg, d);
		return;
	}
	l->datagram = true;
	l->d = *d;
	l->d.data.p = l->bytes;
	memcpy(l->bytes, d->data.p, d->data.n);
}

void leave_kern(struct engine *e, const struct kern_request *rq)
{
	struct leaving *l = leaving_new(e, 0);

	if (l)
		l->rq = *rq;
	else
		e->hooks->kern(e->hooks_arg, rq);
}

static void let_go(struct engine *e)
{
	list_each(l, &e->leaving, struct leaving, link) {
		if (l->datagram) {
			e->hooks->send(e->hooks_arg, &l->d);
		} else {
			e->hooks->kern(e->hooks_arg, &l->rq);
			secret_cleanse(&l->rq, sizeof(l->rq));
		}
		list_del(&l->link);
		free(l);
	}
}

void engine_settle(struct engine *e)
{
	ike_sa_reap(e);
	keep_all(e);
	let_go(e);
}

void keep_close(struct engine *e)
{
	let_go(e);
	e->keep_closed = true;
	while (!list_empty(&e->touched))
		untouch(container_of(e->touched.next, struct keep, link));
}
