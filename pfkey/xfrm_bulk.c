// SPDX-License-Identifier: MIT
/* The xfrm backend's batches: which changes may go together, sending them, and results in words. */
#include "pfkey/xfrm_batch.h"
#include "pfkey/xfrm_door.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * What one answer takes of the receive buffer: some 40 bytes and the kernel's words, but counted with the kernel's own
 * bookkeeping (skb->truesize), which is under 1,300 bytes on x86-64 and larger where cache lines are.
 */
#define ANSWER_SPACE 2048

static int explain(struct ipsec *ip, const struct nlmsghdr *req, int err, const char *words)
{
	struct ipsec_sa sa;

	switch (req->nlmsg_type) {
	case XFRM_MSG_FLUSHSA:
		if (err == -ESRCH)	/* it was empty */
			return 0;
		break;
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		if (!xfrm_sa_get(req, &sa))
			xfrm_explain_sa(ip, err, words, &sa);
		explicit_bzero(&sa, sizeof(sa));
		return err;
	case XFRM_MSG_NEWPOLICY:
	case XFRM_MSG_UPDPOLICY:
	case XFRM_MSG_DELPOLICY:
		return xfrm_explain_policy(ip, err, words);
	}
	return xfrm_explain(ip, err, words);
}

static void tell(const struct nlmsghdr *req, uint64_t tag, int err, const char *words, void *arg)
{
	struct ipsec *ip = arg;

	ipsec_batch_result(ip, tag, err ? explain(ip, req, err, words) : 0);
}

/* Sends what is queued and tells its results. */
static void flush(struct ipsec *ip)
{
	struct xfrm_sock *s = &xfrm_door(ip)->ask;
	struct xfrm_batch *b = xfrm_door(ip)->batch;
	int err;

	if (!b || !b->count)
		return;
	xfrm_batch_seal(b, &s->seq, (uint32_t)getpid());
	err = xfrm_sock_send(s, b->buf, b->used);
	while (!err && b->told < b->count) {
		/* All answers were made while it was sent: once one is known to be lost, none needs to be waited for. */
		ssize_t n = xfrm_sock_receive(s, b->lost ? MSG_DONTWAIT : 0);

		if (n == -ENOBUFS)
			xfrm_batch_lost(b);
		else if (n < 0)
			err = n == -EAGAIN ? -ENOBUFS : (int)n;
		else
			err = xfrm_batch_take(b, s->buf, (size_t)n, tell, ip);
	}
	xfrm_batch_finish(b, err, tell, ip);
}

/* Writes the request, or returns false: it has to be done by itself, or ends in a sentence that the single call knows. */
static bool write_request(struct ipsec *ip, const struct ipsec_op *op, struct xfrm_msg *m)
{
	uint32_t has = xfrm_door(ip)->has;

	switch (op->type) {
	case IPSEC_OP_SA_ADD:
	case IPSEC_OP_SA_UPDATE:
		if (op->sa->offload.kind || xfrm_sa_needs(op->sa) & ~has || ipsec_sa_check(op->sa, NULL, 0))
			return false;
		xfrm_sa_put(m, op->sa, op->type == IPSEC_OP_SA_UPDATE);
		return true;
	case IPSEC_OP_SA_DELETE:
		xfrm_sa_id_put(m, XFRM_MSG_DELSA, 0, op->sa_id);
		return true;
	case IPSEC_OP_SA_FLUSH:
		xfrm_sad_flush_put(m, op->proto);
		return true;
	case IPSEC_OP_POLICY_ADD:
	case IPSEC_OP_POLICY_UPDATE:
		if (xfrm_policy_needs(op->policy) & ~has || ipsec_policy_check(op->policy, NULL, 0))
			return false;
		xfrm_policy_put(m, op->policy, op->type == IPSEC_OP_POLICY_UPDATE);
		return true;
	case IPSEC_OP_POLICY_DELETE:
		/* An index alone may need a look at the whole SPD. With a selector it is a key that a dump gave. */
		if ((op->policy->index && !op->policy->sel.src.family) || xfrm_policy_needs(op->policy) & ~has)
			return false;
		xfrm_policy_key_put(m, XFRM_MSG_DELPOLICY, 0, op->policy);
		return true;
	}
	return false;
}

static struct xfrm_batch *batch_of(struct xfrm_door *d)
{
	if (!d->batch)
		d->batch = xfrm_batch_new(xfrm_sock_widen(&d->ask, XFRM_BATCH_MAX * ANSWER_SPACE) / ANSWER_SPACE);
	return d->batch;
}

int xfrm_bulk_put(struct ipsec *ip, const struct ipsec_op *op)
{
	struct xfrm_batch *b = batch_of(xfrm_door(ip));
	struct xfrm_msg m;

	if (!b || !write_request(ip, op, &m)) {
		flush(ip);
		ipsec_batch_result(ip, op->tag, ipsec_do(ip, op));
		return 0;
	}
	if (!xfrm_batch_fits(b, m.nlh.nlmsg_len))
		flush(ip);
	xfrm_batch_add(b, &m.nlh, op->tag);
	explicit_bzero(&m, m.nlh.nlmsg_len);
	return 0;
}

int xfrm_bulk_end(struct ipsec *ip)
{
	flush(ip);
	return 0;
}
