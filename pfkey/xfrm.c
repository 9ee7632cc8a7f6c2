// SPDX-License-Identifier: MIT
/* The xfrm backend: each call of the API as a request to the kernel, and its errors in words. */
#include "pfkey/handle.h"
#include "pfkey/xfrm.h"
#include "pfkey/xfrm_error.h"
#include "pfkey/xfrm_sock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVENTS_AT_A_TIME 512	/* datagrams; the rest keeps the descriptor readable */

/*
 * All sockets are made at the start: they belong to the network namespace (and the rights) the process had then, whatever
 * becomes of it later.
 */
struct xfrm_door {
	struct xfrm_sock ask;
	struct xfrm_sock dump;		/* apart from ask: who reads a dump may make requests meanwhile */
	struct xfrm_sock events;
	bool dumping, subscribed;
};

static struct xfrm_sock *ask(struct ipsec *ip)
{
	return &((struct xfrm_door *)ip->state)->ask;
}

/* Every message of ours is refused without the right, so ask for something small. */
static int probe(struct ipsec *ip)
{
	struct xfrm_msg m;
	uint32_t *flags = xfrm_msg_start(&m, XFRM_MSG_GETSADINFO, 0, sizeof(*flags));

	*flags = UINT32_MAX;
	return xfrm_sock_request(ask(ip), &m.nlh, NULL, NULL);
}

static void xfrm_close(struct ipsec *ip)
{
	struct xfrm_door *d = ip->state;

	xfrm_sock_close(&d->ask);
	xfrm_sock_close(&d->dump);
	xfrm_sock_close(&d->events);
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

/* Sends and forgets: messages may hold keys. */
static int request(struct ipsec *ip, struct xfrm_msg *m, xfrm_answer_fn *fn, void *arg)
{
	int err = xfrm_sock_request(ask(ip), &m->nlh, fn, arg);

	explicit_bzero(m, m->nlh.nlmsg_len);
	return err;
}

/* A dump begun by the reader of a dump needs a socket more. */
static int dump(struct ipsec *ip, uint16_t type, xfrm_answer_fn *fn, void *arg)
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

/* ---- SAs ---- */

static int xfrm_sa_add(struct ipsec *ip, const struct ipsec_sa *sa, bool update)
{
	struct xfrm_msg m;
	int err;

	xfrm_sa_put(&m, sa, update);
	err = request(ip, &m, NULL, NULL);
	return err ? xfrm_explain_sa(ip, err, ask(ip)->words, sa) : 0;
}

static int take_sa(const struct nlmsghdr *nlh, void *arg)
{
	struct ipsec_sa *out = arg;
	int err;

	if (nlh->nlmsg_type != XFRM_MSG_NEWSA && nlh->nlmsg_type != XFRM_MSG_UPDSA)
		return 0;
	err = xfrm_sa_get(nlh, out);
	xfrm_sa_age(out, (uint64_t)time(NULL));
	return err;
}

static int xfrm_sa_read(struct ipsec *ip, const struct ipsec_sa_id *id, struct ipsec_sa *out)
{
	struct xfrm_msg m;
	int err;

	xfrm_sa_id_put(&m, XFRM_MSG_GETSA, 0, id);
	err = request(ip, &m, take_sa, out);
	explicit_bzero(ask(ip)->buf, XFRM_SOCK_BUF);
	return err ? xfrm_explain(ip, err, ask(ip)->words) : 0;
}

static int xfrm_sa_delete(struct ipsec *ip, const struct ipsec_sa_id *id)
{
	struct xfrm_msg m;
	int err;

	xfrm_sa_id_put(&m, XFRM_MSG_DELSA, NLM_F_ACK, id);
	err = request(ip, &m, NULL, NULL);
	return err ? xfrm_explain(ip, err, ask(ip)->words) : 0;
}

static int xfrm_sa_flush(struct ipsec *ip, uint8_t proto)
{
	struct xfrm_msg m;
	struct xfrm_usersa_flush *x = xfrm_msg_start(&m, XFRM_MSG_FLUSHSA, NLM_F_ACK, sizeof(*x));
	int err;

	x->proto = proto;
	err = request(ip, &m, NULL, NULL);
	return err && err != -ESRCH ? xfrm_explain(ip, err, ask(ip)->words) : err;
}

struct sa_dump {
	ipsec_sa_fn *fn;
	void *arg;
	uint64_t now;
	bool ended;			/* by fn: then the result is its own, not an error of ours */
};

static int dump_one_sa(const struct nlmsghdr *nlh, void *arg)
{
	struct sa_dump *d = arg;
	struct ipsec_sa sa;
	int err;

	if (nlh->nlmsg_type != XFRM_MSG_NEWSA)
		return 0;
	err = xfrm_sa_get(nlh, &sa);
	if (!err) {
		xfrm_sa_age(&sa, d->now);
		err = d->fn(&sa, d->arg);
		d->ended = err != 0;
	}
	explicit_bzero(&sa, sizeof(sa));
	return err;
}

static int xfrm_sa_dump(struct ipsec *ip, ipsec_sa_fn *fn, void *arg)
{
	struct sa_dump d = { .fn = fn, .arg = arg, .now = (uint64_t)time(NULL) };
	int err = dump(ip, XFRM_MSG_GETSA, dump_one_sa, &d);

	return err && !d.ended ? xfrm_explain(ip, err, "") : err;
}

static int xfrm_spi_alloc(struct ipsec *ip, const struct ipsec_sa *larval, uint32_t min, uint32_t max, uint32_t *spi)
{
	struct ipsec_sa got = { 0 };
	struct xfrm_msg m;
	int err;

	xfrm_spi_put(&m, larval, min, max);
	err = request(ip, &m, take_sa, &got);
	if (err == -ENOENT)
		return ipsec_fail(ip, err, "no SPI between %#x and %#x is free", min, max);
	if (err)
		return xfrm_explain(ip, err, ask(ip)->words);
	*spi = got.spi;
	return 0;
}

/* ---- policies ---- */

static int xfrm_policy_add(struct ipsec *ip, const struct ipsec_policy *pol, bool update)
{
	struct xfrm_msg m;
	int err;

	xfrm_policy_put(&m, pol, update);
	err = request(ip, &m, NULL, NULL);
	return err ? xfrm_explain_policy(ip, err, ask(ip)->words) : 0;
}

static int take_policy(const struct nlmsghdr *nlh, void *arg)
{
	if (nlh->nlmsg_type != XFRM_MSG_NEWPOLICY && nlh->nlmsg_type != XFRM_MSG_UPDPOLICY)
		return 0;
	return xfrm_policy_get(nlh, arg);
}

struct policy_dump {
	ipsec_policy_fn *fn;
	void *arg;
	bool ended;
};

static int dump_one_policy(const struct nlmsghdr *nlh, void *arg)
{
	struct policy_dump *d = arg;
	struct ipsec_policy pol;
	int err;

	if (nlh->nlmsg_type != XFRM_MSG_NEWPOLICY)
		return 0;
	err = xfrm_policy_get(nlh, &pol);
	if (err)
		return err;
	err = d->fn(&pol, d->arg);
	d->ended = err != 0;
	return err;
}

static int xfrm_policy_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg)
{
	struct policy_dump d = { .fn = fn, .arg = arg };
	int err = dump(ip, XFRM_MSG_GETPOLICY, dump_one_policy, &d);

	return err && !d.ended ? xfrm_explain(ip, err, "") : err;
}

static int find_index(const struct ipsec_policy *pol, void *arg)
{
	struct ipsec_policy *key = arg;

	if (pol->index != key->index || pol->socket)
		return 0;
	*key = *pol;
	return 1;
}

/*
 * The kernel finds an index only together with its mark, if_id and type. Callers need not know them: on a miss the SPD
 * is looked through for it.
 */
static int request_by_key(struct ipsec *ip, uint16_t type, uint16_t flags, const struct ipsec_policy *key,
			  xfrm_answer_fn *fn, void *arg)
{
	struct ipsec_policy whole = *key;
	struct xfrm_msg m;
	int err;

	xfrm_policy_key_put(&m, type, flags, key);
	err = request(ip, &m, fn, arg);
	if (err == -ENOENT && key->index && xfrm_policy_dump(ip, find_index, &whole) == 1) {
		xfrm_policy_key_put(&m, type, flags, &whole);
		err = request(ip, &m, fn, arg);
	}
	return err ? xfrm_explain_policy(ip, err, ask(ip)->words) : 0;
}

static int xfrm_policy_read(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out)
{
	return request_by_key(ip, XFRM_MSG_GETPOLICY, 0, key, take_policy, out);
}

static int xfrm_policy_delete(struct ipsec *ip, const struct ipsec_policy *key)
{
	return request_by_key(ip, XFRM_MSG_DELPOLICY, NLM_F_ACK, key, NULL, NULL);
}

static int xfrm_policy_flush(struct ipsec *ip)
{
	struct xfrm_msg m;
	int err;

	xfrm_msg_start(&m, XFRM_MSG_FLUSHPOLICY, NLM_F_ACK, 0);
	err = request(ip, &m, NULL, NULL);
	return err && err != -ESRCH ? xfrm_explain(ip, err, ask(ip)->words) : err;
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
	int n = xfrm_event_get(nlh, r->fn, r->arg);

	if (n < 0)
		overrun(r);
	else
		r->count += n;
	return 0;
}

static int xfrm_events_read(struct ipsec *ip, ipsec_event_fn *fn, void *arg)
{
	struct xfrm_door *d = ip->state;
	struct reading r = { .fn = fn, .arg = arg };

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
	.sa_add = xfrm_sa_add,
	.sa_get = xfrm_sa_read,
	.sa_delete = xfrm_sa_delete,
	.sa_flush = xfrm_sa_flush,
	.sa_dump = xfrm_sa_dump,
	.spi_alloc = xfrm_spi_alloc,
	.policy_add = xfrm_policy_add,
	.policy_get = xfrm_policy_read,
	.policy_delete = xfrm_policy_delete,
	.policy_flush = xfrm_policy_flush,
	.policy_dump = xfrm_policy_dump,
	.subscribe = xfrm_subscribe,
	.subscribe_ae = xfrm_subscribe_ae,
	.event_fd = xfrm_event_fd,
	.events_read = xfrm_events_read,
};
