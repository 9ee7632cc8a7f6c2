// SPDX-License-Identifier: MIT
/* The fake backend's SAD. */
#include "pfkey/fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_AT_START 64

static struct fake_sa_list *bucket(struct fake *f, uint32_t spi)
{
	return &f->by_spi[(spi * 2654435761u) & (f->buckets - 1)];
}

int fake_sa_init(struct fake *f)
{
	TAILQ_INIT(&f->sas);
	LIST_INIT(&f->larval);
	f->buckets = BUCKETS_AT_START;
	f->by_spi = calloc(f->buckets, sizeof(*f->by_spi));
	return f->by_spi ? 0 : -ENOMEM;
}

/* Doubles the table; without memory it stays as it is and is only slower. */
static void grow(struct fake *f)
{
	struct fake_sa_list *bigger = calloc((size_t)f->buckets * 2, sizeof(*bigger));
	struct fake_sa *s;

	if (!bigger)
		return;
	free(f->by_spi);
	f->by_spi = bigger;
	f->buckets *= 2;
	TAILQ_FOREACH(s, &f->sas, all)
		if (s->sa.spi)
			LIST_INSERT_HEAD(bucket(f, s->sa.spi), s, by_spi);
}

/* Counts from nothing, or goes on as struct ipsec_sa says of .resume. There is no clock: add_time stays 0 or as it was. */
static void start_usage(struct ipsec_sa *sa)
{
	struct ipsec_usage was = sa->usage;

	memset(&sa->usage, 0, sizeof(sa->usage));
	if (!sa->resume)
		return;
	sa->resume = false;
	sa->usage.seq = was.seq;
	sa->usage.oseq = was.oseq;
	if (!was.add_time)
		return;
	sa->usage.bytes = was.bytes;
	sa->usage.packets = was.packets;
	sa->usage.add_time = was.add_time;
	sa->usage.use_time = was.use_time;
}

static struct fake_sa *insert(struct fake *f, const struct ipsec_sa *sa, uint8_t state)
{
	struct fake_sa *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->sa = *sa;
	s->sa.state = state;
	start_usage(&s->sa);
	TAILQ_INSERT_HEAD(&f->sas, s, all);
	if (sa->spi)
		LIST_INSERT_HEAD(bucket(f, sa->spi), s, by_spi);
	if (state == IPSEC_STATE_LARVAL)
		LIST_INSERT_HEAD(&f->larval, s, larval);
	if (++f->count > f->buckets)
		grow(f);
	return s;
}

static void drop(struct fake *f, struct fake_sa *s)
{
	TAILQ_REMOVE(&f->sas, s, all);
	if (s->sa.spi)
		LIST_REMOVE(s, by_spi);
	if (s->sa.state == IPSEC_STATE_LARVAL)
		LIST_REMOVE(s, larval);
	f->count--;
	explicit_bzero(s, sizeof(*s));
	free(s);
}

void fake_sa_free_all(struct fake *f)
{
	struct fake_sa *s;

	while ((s = TAILQ_FIRST(&f->sas)))
		drop(f, s);
	free(f->by_spi);
}

static bool mark_takes(const struct ipsec_mark *of, const struct ipsec_mark *asked)
{
	return (asked->value & asked->mask & of->mask) == of->value;
}

static struct fake_sa *find(struct fake *f, const struct ipsec_sa_id *id)
{
	struct fake_sa *s;

	LIST_FOREACH(s, bucket(f, id->spi), by_spi)
		if (s->sa.spi == id->spi && s->sa.proto == id->proto && ipsec_addr_equal(&s->sa.dst, &id->dst) &&
		    mark_takes(&s->sa.mark, &id->mark))
			return s;
	return NULL;
}

static struct ipsec_sa_id id_of(const struct ipsec_sa *sa)
{
	return (struct ipsec_sa_id){ .dst = sa->dst, .proto = sa->proto, .spi = sa->spi, .mark = sa->mark };
}

/* xfrm_find_acq_byseq() */
static struct fake_sa *larval_by_seq(struct fake *f, uint32_t seq)
{
	struct fake_sa *s;

	if (!seq)
		return NULL;
	LIST_FOREACH(s, &f->larval, larval)
		if (s->sa.acquire_seq == seq)
			return s;
	return NULL;
}

/* xfrm_find_acq(): only those without an SPI */
static struct fake_sa *larval_by_ends(struct fake *f, const struct ipsec_sa *sa)
{
	struct fake_sa *s;

	LIST_FOREACH(s, &f->larval, larval)
		if (!s->sa.spi && s->sa.reqid == sa->reqid && s->sa.mode == sa->mode && s->sa.proto == sa->proto &&
		    s->sa.if_id == sa->if_id && s->sa.mark.value == sa->mark.value && s->sa.mark.mask == sa->mark.mask &&
		    ipsec_addr_equal(&s->sa.dst, &sa->dst) && ipsec_addr_equal(&s->sa.src, &sa->src))
			return s;
	return NULL;
}

/*
 * SADB_UPDATE of a living SA changes what may change under way, and neither keys nor selector, window or flags
 * (xfrm_state_update()). It cannot give it encapsulation nor take it away, nor turn its direction.
 */
static int update_living(struct ipsec *ip, struct ipsec_sa *of, const struct ipsec_sa *from)
{
	if (of->dir != from->dir)
		return ipsec_fail(ip, -ESRCH, "there is no such SA with this direction");
	if (of->encap.type != from->encap.type)
		return ipsec_fail(ip, -EINVAL, "an SA has UDP encapsulation from its beginning or never");
	of->encap = from->encap;
	of->soft = from->soft;
	of->hard = from->hard;
	of->state = IPSEC_STATE_MATURE;
	if (from->output_mark.mask || from->output_mark.value)
		of->output_mark = from->output_mark;
	if (from->if_id)
		of->if_id = from->if_id;
	return 0;
}

/* The larval SA in whose place sa comes: the one an update names, or the one that an ACQUIRE left; NULL: none. */
static struct fake_sa *larval_of(struct fake *f, const struct ipsec_sa *sa, struct fake_sa *named)
{
	struct fake_sa *s = named ? named : larval_by_seq(f, sa->acquire_seq);

	if (s && (s->sa.proto != sa->proto || !ipsec_addr_equal(&s->sa.dst, &sa->dst)))
		s = NULL;
	return s ? s : larval_by_ends(f, sa);
}

int fake_sa_add(struct ipsec *ip, const struct ipsec_sa *sa, bool update)
{
	struct ipsec_event ev = { .type = update ? IPSEC_EVENT_SA_UPDATE : IPSEC_EVENT_SA_NEW };
	struct fake *f = ip->state;
	struct ipsec_sa_id id = id_of(sa);
	struct fake_sa *old = find(f, &id), *now = old;
	int err = fake_refuse(ip);

	if (err)
		return err;
	if (old && !update)
		return ipsec_fail(ip, -EEXIST, "there is an SA with this SPI already");
	if (!old && update)
		return ipsec_fail(ip, -ESRCH, "there is no such SA");
	if (old && old->sa.state != IPSEC_STATE_LARVAL) {
		err = update_living(ip, &old->sa, sa);
		if (err)
			return err;
	} else {
		if (old && sa->dir && old->sa.dir != sa->dir)
			return ipsec_fail(ip, -ESRCH, "there is no such SA with this direction");
		old = larval_of(f, sa, old);
		now = insert(f, sa, IPSEC_STATE_MATURE);
		if (!now)
			return -ENOMEM;
		if (old)
			drop(f, old);
	}
	ev.sa = now->sa;
	fake_raise(f, &ev);
	explicit_bzero(&ev, sizeof(ev));
	return 0;
}

int fake_sa_get(struct ipsec *ip, const struct ipsec_sa_id *id, struct ipsec_sa *out)
{
	struct fake_sa *s = find(ip->state, id);

	if (!s)
		return ipsec_fail(ip, -ESRCH, "there is no such SA");
	*out = s->sa;
	return 0;
}

int fake_sa_ae(struct ipsec *ip, const struct ipsec_sa_id *id, enum ipsec_ae_when when)
{
	struct fake_sa *s = find(ip->state, id);

	if (!s)
		return ipsec_fail(ip, -ESRCH, "there is no such SA");
	s->sa.ae = (uint8_t)when;
	return 0;
}

int fake_sa_delete(struct ipsec *ip, const struct ipsec_sa_id *id)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_SA_DELETE };
	struct fake_sa *s = find(ip->state, id);
	int err = fake_refuse(ip);

	if (err)
		return err;
	if (!s)
		return ipsec_fail(ip, -ESRCH, "there is no such SA");
	ev.sa_id = id_of(&s->sa);
	drop(ip->state, s);
	fake_raise(ip->state, &ev);
	return 0;
}

int fake_sa_flush(struct ipsec *ip, uint8_t proto)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_SA_FLUSH, .flush_proto = proto };
	struct fake *f = ip->state;
	struct fake_sa *s, *next;
	int err = fake_refuse(ip);
	bool any = false;

	if (err)
		return err;
	for (s = TAILQ_FIRST(&f->sas); s; s = next) {
		next = TAILQ_NEXT(s, all);
		if (proto && s->sa.proto != proto)
			continue;
		drop(f, s);
		any = true;
	}
	if (!any)
		return -ESRCH;
	fake_raise(f, &ev);
	return 0;
}

/* Over a copy: fn may add and delete. */
int fake_sa_dump(struct ipsec *ip, ipsec_sa_fn *fn, void *arg)
{
	struct fake *f = ip->state;
	struct ipsec_sa *copy = malloc(sizeof(*copy) * (f->count + 1));
	struct fake_sa *s;
	size_t n = 0;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	TAILQ_FOREACH(s, &f->sas, all)
		copy[n++] = s->sa;
	for (size_t i = 0; i < n && !err; i++)
		err = fn(&copy[i], arg);
	explicit_bzero(copy, sizeof(*copy) * n);
	free(copy);
	return err;
}

static uint32_t free_spi(struct fake *f, const struct ipsec_sa *larval, uint32_t min, uint32_t max)
{
	struct ipsec_sa_id id = { .dst = larval->dst, .proto = larval->proto, .mark = larval->mark };
	uint64_t tries = (uint64_t)max - min + 1;

	/* Counting, not random as in the kernel: the same run gives the same SPIs. */
	for (; tries; tries--) {
		f->last_spi = f->last_spi < min || f->last_spi >= max ? min : f->last_spi + 1;
		id.spi = f->last_spi;
		if (!find(f, &id))
			return id.spi;
	}
	return 0;
}

int fake_spi_alloc(struct ipsec *ip, const struct ipsec_sa *larval, uint32_t min, uint32_t max, uint32_t *spi)
{
	struct fake *f = ip->state;
	struct fake_sa *s = larval_by_seq(f, larval->acquire_seq);
	struct ipsec_sa fresh = { .src = larval->src, .dst = larval->dst, .proto = larval->proto, .mode = larval->mode,
				  .reqid = larval->reqid, .mark = larval->mark, .if_id = larval->if_id, .dir = larval->dir };

	if (s && !ipsec_addr_equal(&s->sa.dst, &larval->dst))
		s = NULL;
	if (!s)
		s = larval_by_ends(f, larval);
	if (!s)
		s = insert(f, &fresh, IPSEC_STATE_LARVAL);
	if (!s)
		return -ENOMEM;
	if (!s->sa.spi) {
		uint32_t got = free_spi(f, larval, min, max);

		if (!got)
			return ipsec_fail(ip, -ENOENT, "no SPI between %#x and %#x is free", min, max);
		s->sa.spi = got;
		LIST_INSERT_HEAD(bucket(f, got), s, by_spi);
	}
	*spi = s->sa.spi;
	return 0;
}

int fake_sa_acquired(struct fake *f, const struct ipsec_event *ev)
{
	const struct ipsec_policy *pol = &ev->acquire.policy;
	struct ipsec_sa sa = { .src = ev->acquire.src, .dst = ev->acquire.dst, .proto = ev->acquire.proto,
			       .acquire_seq = ev->acquire.seq, .mark = pol->mark, .if_id = pol->if_id };

	if (ev->acquire.tmpl < pol->ntmpl) {
		sa.mode = pol->tmpl[ev->acquire.tmpl].mode;
		sa.reqid = pol->tmpl[ev->acquire.tmpl].reqid;
	}
	if (larval_by_seq(f, sa.acquire_seq))
		return 0;
	return insert(f, &sa, IPSEC_STATE_LARVAL) ? 0 : -ENOMEM;
}

void fake_sa_expired(struct fake *f, const struct ipsec_event *ev)
{
	struct ipsec_sa_id id = id_of(&ev->expire.sa);
	struct fake_sa *s = find(f, &id);

	if (s && ev->expire.hard)
		drop(f, s);
	else if (s && s->sa.state == IPSEC_STATE_MATURE)
		s->sa.state = IPSEC_STATE_DYING;
}
