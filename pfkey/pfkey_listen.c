// SPDX-License-Identifier: MIT
/* The pfkey backend's events: what broadcasts leave out is asked for. */
#include "pfkey/pfkey_door.h"
#include "pfkey/pfkey_error.h"

#include <errno.h>
#include <string.h>

#define EVENTS_AT_A_TIME 512	/* messages; the rest keeps the descriptor readable */

static struct pfkey_door *door(struct ipsec *ip)
{
	return ip->state;
}

int pfkey_subscribe(struct ipsec *ip)
{
	struct pfkey_door *d = door(ip);
	int err;

	if (d->subscribed)
		return 0;
	err = pfkey_sock_listen(&d->events);
	if (err)
		return pfkey_explain(ip, err);
	d->subscribed = true;
	return 0;
}

int pfkey_subscribe_ae(struct ipsec *ip, bool on)
{
	if (!on)
		return 0;
	return ipsec_fail(ip, -EOPNOTSUPP, "PF_KEY does not tell where an SA's packets have got to: use the backend xfrm");
}

int pfkey_sa_ae(struct ipsec *ip, const struct ipsec_sa_id *id, enum ipsec_ae_when when)
{
	(void)id;
	return when == IPSEC_AE_FIRST ? pfkey_subscribe_ae(ip, true) : 0;
}

int pfkey_event_fd(struct ipsec *ip)
{
	const struct pfkey_door *d = door(ip);

	return d->subscribed ? d->events.fd : -ENOTCONN;
}

struct reading {
	struct ipsec *ip;
	ipsec_event_fn *fn;
	void *arg;
	int count;
};

static void overrun(struct reading *r)
{
	const struct ipsec_event ev = { .type = IPSEC_EVENT_OVERRUN };

	r->fn(&ev, r->arg);
	r->count++;
}

/* The message has the index only. A policy that is gone meanwhile stays without templates. */
static void complete_acquire(struct reading *r, struct ipsec_event *ev)
{
	struct ipsec_policy pol;

	if (ev->acquire.policy.index && !pfkey_policy_by_index(r->ip, ev->acquire.policy.index, &pol))
		ev->acquire.policy = pol;
	pfkey_acquire_complete(ev);
}

static int look_for_mapped(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg)
{
	struct ipsec_event *ev = arg;
	struct ipsec_sa sa;
	bool found = !pfkey_sa_get(msg, t, &sa) && sa.spi == ev->mapping.id.spi;

	if (found) {
		ev->mapping.id.dst = sa.dst;
		ev->mapping.reqid = sa.reqid;
	}
	explicit_bzero(&sa, sizeof(sa));
	return found;
}

/* The message has neither destination nor reqid. */
static void complete_mapping(struct reading *r, struct ipsec_event *ev)
{
	const struct ipsec_addr any = { 0 };
	struct pfkey_msg m;

	pfkey_msg_start(&m, SADB_DUMP, pfkey_satype(ev->mapping.id.proto));
	pfkey_filter_put(&m, &ev->mapping.old_addr, &any);
	pfkey_door_dump(r->ip, &m, look_for_mapped, ev);
}

static void take_event(const struct ipsec_event *ev, void *arg)
{
	struct ipsec_event whole = *ev;
	struct reading *r = arg;

	if (ev->type == IPSEC_EVENT_ACQUIRE)
		complete_acquire(r, &whole);
	else if (ev->type == IPSEC_EVENT_MAPPING)
		complete_mapping(r, &whole);
	r->fn(&whole, r->arg);
	r->count++;
	explicit_bzero(&whole, sizeof(whole));
}

/* An event that cannot be read is as good as lost. */
static void take_message(struct reading *r, const struct pfkey_sock *s)
{
	if (r->ip->on_raw)
		r->ip->on_raw(s->buf, s->n, r->ip->raw_arg);
	if (pfkey_event_get((const struct sadb_msg *)s->buf, s->n, take_event, r) < 0)
		overrun(r);
}

int pfkey_events_read(struct ipsec *ip, ipsec_event_fn *fn, void *arg)
{
	struct reading r = { .ip = ip, .fn = fn, .arg = arg };
	struct pfkey_door *d = door(ip);

	if (!d->subscribed)
		return ipsec_fail(ip, -ENOTCONN, "nobody has subscribed");
	for (unsigned int i = 0; i < EVENTS_AT_A_TIME; i++) {
		int n = pfkey_sock_read(&d->events);

		if (n == -EBADMSG)
			overrun(&r);
		else if (n < 0)
			return pfkey_explain(ip, n);
		else if (!n)
			break;
		else
			take_message(&r, &d->events);
		if (n == 2)
			overrun(&r);
	}
	ip->error[0] = '\0';		/* of a policy or an SA that was looked for */
	return r.count;
}
