// SPDX-License-Identifier: MIT
/* The xfrm backend's batches: which changes may go together, sending them, and results in words. */
#include "pfkey/xfrm_batch.h"
#include "pfkey/xfrm_door.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

/*
 * What one answer takes of the receive buffer: some 40 bytes and the kernel's words, but counted with the kernel's own
 * bookkeeping (skb->truesize, which was 700 to 800 bytes on x86-64). A policy that was asked for takes more.
 */
#define ANSWER_SPACE 2048
#define POLICY_SPACE 6144

#define INDEX_FROM 64		/* deletions in a datagram, from which on it is worth to ask for indexes first */

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

/* ---- deletions by index ---- */

/* One that names a policy with prefixes by its selector. */
static bool is_slow(const struct nlmsghdr *nlh)
{
	const struct xfrm_userpolicy_id *id = mnl_nlmsg_get_payload(nlh);
	uint8_t bits;

	if (nlh->nlmsg_type != XFRM_MSG_DELPOLICY || id->index)
		return false;
	bits = ipsec_addr_bits(id->sel.family);
	return id->sel.prefixlen_s < bits || id->sel.prefixlen_d < bits;
}

static bool all_slow(const struct xfrm_batch *b)
{
	const struct nlmsghdr *nlh = NULL;

	while ((nlh = xfrm_batch_next(b, nlh)))
		if (!is_slow(nlh))
			return false;
	return true;
}

struct finding {
	const struct xfrm_batch *b;
	uint32_t index[XFRM_BATCH_MAX];		/* 0: not found */
	bool finished;
};

static int take_index(const struct nlmsghdr *nlh, void *arg)
{
	struct finding *f = arg;
	uint32_t which = nlh->nlmsg_seq - f->b->first;
	struct ipsec_policy pol;

	if (which >= f->b->count)
		return 0;
	if (nlh->nlmsg_type == XFRM_MSG_NEWPOLICY && !xfrm_policy_get(nlh, &pol))
		f->index[which] = pol.index;
	else if (nlh->nlmsg_type == NLMSG_ERROR)
		f->finished = which == f->b->count - 1;
	return 0;
}

/*
 * After each deletion by selector Linux walks through the tree of all policies with prefixes to remove empty nodes: to
 * delete n takes n² steps, 3 ms each with 40,000 policies. By index it does not. So ask for the indexes first, all with
 * one datagram; where the answer is lost the selector does it. The last deletion of a row goes by selector, for the tree.
 * Between question and deletion an index could come to mean another policy only if 2²⁹ were added meanwhile.
 */
static void find_indexes(struct ipsec *ip, struct xfrm_batch *b, bool last)
{
	struct xfrm_sock *s = &xfrm_door(ip)->ask;
	struct finding f = { .b = b };
	struct nlmsghdr *nlh = NULL;
	ssize_t n;

	while ((nlh = xfrm_batch_next(b, nlh)))
		nlh->nlmsg_type = XFRM_MSG_GETPOLICY;
	xfrm_batch_seal(b, &s->seq, (uint32_t)getpid());
	if (!xfrm_sock_send(s, b->buf, b->used))
		while (!f.finished && ((n = xfrm_sock_receive(s, MSG_DONTWAIT)) >= 0 || n == -ENOBUFS))
			if (n > 0)
				xfrm_each_message(s->buf, (size_t)n, take_index, &f);
	if (last)
		f.index[b->count - 1] = 0;
	for (unsigned int i = 0; (nlh = xfrm_batch_next(b, nlh)); i++) {
		struct xfrm_userpolicy_id *id = mnl_nlmsg_get_payload(nlh);

		nlh->nlmsg_type = XFRM_MSG_DELPOLICY;
		id->index = f.index[i];
	}
}

/* ---- sending ---- */

/* Sends what is queued and tells its results. last: what comes next is of another kind, or nothing. */
static void flush(struct ipsec *ip, bool last)
{
	struct xfrm_sock *s = &xfrm_door(ip)->ask;
	struct xfrm_batch *b = xfrm_door(ip)->batch;
	int err;

	if (!b || !b->count)
		return;
	if (b->count >= INDEX_FROM && all_slow(b))
		find_indexes(ip, b, last);
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
	/*
	 * The kernel's hash tables grow by a worker that waits for every processor to leave the kernel once: without a
	 * turn for both, long loads on a busy machine walk through lists that are far too long.
	 */
	sched_yield();
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
		d->batch = xfrm_batch_new(xfrm_sock_widen(&d->ask, XFRM_BATCH_MAX * POLICY_SPACE) / ANSWER_SPACE);
	return d->batch;
}

int xfrm_bulk_put(struct ipsec *ip, const struct ipsec_op *op)
{
	struct xfrm_batch *b = batch_of(xfrm_door(ip));
	struct xfrm_msg m;

	if (!b || !write_request(ip, op, &m)) {
		flush(ip, true);
		ipsec_batch_result(ip, op->tag, ipsec_do(ip, op));
		return 0;
	}
	if (!xfrm_batch_fits(b, m.nlh.nlmsg_len))
		flush(ip, false);
	xfrm_batch_add(b, &m.nlh, op->tag);
	explicit_bzero(&m, m.nlh.nlmsg_len);
	return 0;
}

int xfrm_bulk_end(struct ipsec *ip)
{
	flush(ip, true);
	return 0;
}
