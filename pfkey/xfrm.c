// SPDX-License-Identifier: MIT
/* The xfrm backend: opening it, requests and dumps, events. */
#include "pfkey/xfrm_batch.h"
#include "pfkey/xfrm_door.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_AT_A_TIME 512	/* datagrams; the rest keeps the descriptor readable */

/* Every message of ours is refused without the right, so ask for something small. */
static int probe(struct ipsec *ip)
{
	struct xfrm_msg m;
	uint32_t *flags = xfrm_msg_start(&m, XFRM_MSG_GETSADINFO, 0, sizeof(*flags));

	*flags = UINT32_MAX;
	return xfrm_sock_request(&xfrm_door(ip)->ask, &m.nlh, NULL, NULL);
}

static void xfrm_close(struct ipsec *ip)
{
	struct xfrm_door *d = ip->state;

	xfrm_sock_close(&d->ask);
	xfrm_sock_close(&d->dump);
	xfrm_sock_close(&d->events);
	xfrm_batch_free(d->batch);
	free(d);
}

static int xfrm_open(struct ipsec *ip)
{
	struct xfrm_door *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	ip->state = d;
	d->dump.fd = d->events.fd = -1;
	err = xfrm_sock_open(&d->ask);
	if (!err)
		err = xfrm_sock_open(&d->dump);
	if (!err)
		err = xfrm_sock_open(&d->events);
	if (!err)
		err = probe(ip);
	if (err) {
		xfrm_explain_open(ip, err);
		xfrm_close(ip);
	}
	return err;
}

int xfrm_request(struct ipsec *ip, struct xfrm_msg *m, xfrm_answer_fn *fn, void *arg)
{
	int err = xfrm_sock_request(&xfrm_door(ip)->ask, &m->nlh, fn, arg);

	explicit_bzero(m, m->nlh.nlmsg_len);
	return err;
}

/* A dump begun by the reader of a dump needs a socket more. */
int xfrm_dump(struct ipsec *ip, uint16_t type, xfrm_answer_fn *fn, void *arg)
{
	struct xfrm_door *d = ip->state;
	struct xfrm_sock inner, *s = &d->dump;
	bool nested = d->dumping;
	struct xfrm_msg m;
	int err;

	if (nested) {
		s = &inner;
		err = xfrm_sock_open(s);
		if (err)
			return err;
	}
	/* Without a fixed part: the kernel reads none, and takes attributes right behind the header. */
	xfrm_msg_start(&m, type, NLM_F_DUMP, 0);
	d->dumping = true;
	err = xfrm_sock_request(s, &m.nlh, fn, arg);
	d->dumping = nested;
	explicit_bzero(s->buf, XFRM_SOCK_BUF);
	if (nested)
		xfrm_sock_close(s);
	return err;
}

/* ---- events ---- */

static int xfrm_subscribe(struct ipsec *ip)
{
	struct xfrm_door *d = ip->state;
	int err;

	if (d->subscribed)
		return 0;
	err = xfrm_sock_listen(&d->events);
	if (err)
		return xfrm_explain(ip, err, "");
	d->subscribed = true;
	return 0;
}

static int xfrm_subscribe_ae(struct ipsec *ip, bool on)
{
	struct xfrm_door *d = ip->state;
	int err = d->subscribed ? xfrm_sock_listen_ae(&d->events, on) : -ENOTCONN;

	return err ? xfrm_explain(ip, err, "") : 0;
}

static int xfrm_event_fd(struct ipsec *ip)
{
	const struct xfrm_door *d = ip->state;

	return d->subscribed ? d->events.fd : -ENOTCONN;
}

struct reading {
	const struct ipsec *ip;
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

/* An event that cannot be read is as good as lost. */
static int take_event(const struct nlmsghdr *nlh, void *arg)
{
	struct reading *r = arg;
	int n;

	if (r->ip->on_raw)
		r->ip->on_raw(nlh, nlh->nlmsg_len, r->ip->raw_arg);
	n = xfrm_event_get(nlh, r->fn, r->arg);
	if (n < 0)
		overrun(r);
	else
		r->count += n;
	return 0;
}

static int xfrm_events_read(struct ipsec *ip, ipsec_event_fn *fn, void *arg)
{
	struct xfrm_door *d = ip->state;
	struct reading r = { .ip = ip, .fn = fn, .arg = arg };

	if (!d->subscribed)
		return ipsec_fail(ip, -ENOTCONN, "nobody has subscribed");
	for (unsigned int i = 0; i < EVENTS_AT_A_TIME; i++) {
		int n = xfrm_sock_read_event(&d->events, take_event, &r);

		if (n == -ENOBUFS || n == -EBADMSG)
			overrun(&r);
		else if (n < 0)
			return xfrm_explain(ip, n, "");
		else if (!n)
			break;
	}
	explicit_bzero(d->events.buf, XFRM_SOCK_BUF);
	return r.count;
}

const struct ipsec_backend ipsec_backend_xfrm = {
	.name = "xfrm",
	.open = xfrm_open,
	.close = xfrm_close,
	.sa_add = xfrm_sad_add,
	.sa_get = xfrm_sad_read,
	.sa_delete = xfrm_sad_delete,
	.sa_flush = xfrm_sad_flush,
	.sa_dump = xfrm_sad_dump,
	.spi_alloc = xfrm_sad_alloc,
	.policy_add = xfrm_spd_add,
	.policy_get = xfrm_spd_read,
	.policy_delete = xfrm_spd_delete,
	.policy_flush = xfrm_spd_flush,
	.policy_dump = xfrm_spd_dump,
	.batch_put = xfrm_bulk_put,
	.batch_end = xfrm_bulk_end,
	.subscribe = xfrm_subscribe,
	.sa_ae = xfrm_sad_ae,
	.subscribe_ae = xfrm_subscribe_ae,
	.event_fd = xfrm_event_fd,
	.events_read = xfrm_events_read,
};
