// SPDX-License-Identifier: MIT
/* Changes as values: one at a time, and in bulk where the backend can. */
#include "pfkey/handle.h"

#include <errno.h>

static int do_sa_add(struct ipsec *ip, const struct ipsec_op *op)
{
	return ipsec_sa_add(ip, op->sa);
}

static int do_sa_update(struct ipsec *ip, const struct ipsec_op *op)
{
	return ipsec_sa_update(ip, op->sa);
}

static int do_sa_delete(struct ipsec *ip, const struct ipsec_op *op)
{
	return ipsec_sa_delete(ip, op->sa_id);
}

static int do_sa_flush(struct ipsec *ip, const struct ipsec_op *op)
{
	return ipsec_sa_flush(ip, op->proto);
}

static int do_policy_add(struct ipsec *ip, const struct ipsec_op *op)
{
	return ipsec_policy_add(ip, op->policy);
}

static int do_policy_update(struct ipsec *ip, const struct ipsec_op *op)
{
	return ipsec_policy_update(ip, op->policy);
}

static int do_policy_delete(struct ipsec *ip, const struct ipsec_op *op)
{
	return ipsec_policy_delete(ip, op->policy);
}

static int do_policy_flush(struct ipsec *ip, const struct ipsec_op *op)
{
	(void)op;
	return ipsec_policy_flush(ip);
}

int ipsec_do(struct ipsec *ip, const struct ipsec_op *op)
{
	static int (*const calls[IPSEC_OPS])(struct ipsec *, const struct ipsec_op *) = {
		[IPSEC_OP_SA_ADD] = do_sa_add,
		[IPSEC_OP_SA_UPDATE] = do_sa_update,
		[IPSEC_OP_SA_DELETE] = do_sa_delete,
		[IPSEC_OP_SA_FLUSH] = do_sa_flush,
		[IPSEC_OP_POLICY_ADD] = do_policy_add,
		[IPSEC_OP_POLICY_UPDATE] = do_policy_update,
		[IPSEC_OP_POLICY_DELETE] = do_policy_delete,
		[IPSEC_OP_POLICY_FLUSH] = do_policy_flush,
	};

	if (op->type >= IPSEC_OPS)
		return ipsec_fail(ip, -EINVAL, "there is no operation %u", op->type);
	return calls[op->type](ip, op);
}

int ipsec_batch_begin(struct ipsec *ip, ipsec_result_fn *fn, void *arg)
{
	if (ip->batching)
		return ipsec_fail(ip, -EBUSY, "a batch was begun already");
	ip->batching = true;
	ip->on_result = fn;
	ip->result_arg = arg;
	return 0;
}

void ipsec_batch_result(struct ipsec *ip, uint64_t tag, int err)
{
	ip->on_result(tag, ipsec_done(ip, err), ip->result_arg);
	ip->error[0] = '\0';
}

int ipsec_batch_put(struct ipsec *ip, const struct ipsec_op *op)
{
	if (!ip->batching)
		return ipsec_fail(ip, -EINVAL, "no batch was begun");
	if (ip->ops->batch_put)
		return ipsec_done(ip, ip->ops->batch_put(ip, op));
	ipsec_batch_result(ip, op->tag, ipsec_do(ip, op));
	return 0;
}

int ipsec_batch_end(struct ipsec *ip)
{
	int err = 0;

	if (ip->batching && ip->ops->batch_end)
		err = ipsec_done(ip, ip->ops->batch_end(ip));
	ip->batching = false;
	return err;
}
