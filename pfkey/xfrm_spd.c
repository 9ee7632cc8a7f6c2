// SPDX-License-Identifier: MIT
/* The xfrm backend's calls about policies. */
#include "pfkey/xfrm_door.h"

#include <errno.h>
#include <string.h>

int xfrm_spd_add(struct ipsec *ip, const struct ipsec_policy *pol, bool update)
{
	struct xfrm_msg m;
	int err = xfrm_need(ip, xfrm_policy_needs(pol));

	if (err)
		return err;
	xfrm_policy_put(&m, pol, update);
	err = xfrm_request(ip, &m, NULL, NULL);
	return err ? xfrm_explain_policy(ip, err, xfrm_door(ip)->ask.words) : 0;
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

int xfrm_spd_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg)
{
	struct policy_dump d = { .fn = fn, .arg = arg };
	int err = xfrm_dump(ip, XFRM_MSG_GETPOLICY, dump_one_policy, &d);

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
	/* Else a policy without the label (or if_id) would be taken for the one with it. */
	int err = xfrm_need(ip, xfrm_policy_needs(key) & ~(1u << XFRM_HAS_POLICY_OFFLOAD));

	if (err)
		return err;
	xfrm_policy_key_put(&m, type, flags, key);
	err = xfrm_request(ip, &m, fn, arg);
	if (err == -ENOENT && key->index && xfrm_spd_dump(ip, find_index, &whole) == 1) {
		xfrm_policy_key_put(&m, type, flags, &whole);
		err = xfrm_request(ip, &m, fn, arg);
	}
	return err ? xfrm_explain_policy(ip, err, xfrm_door(ip)->ask.words) : 0;
}

int xfrm_spd_read(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out)
{
	return request_by_key(ip, XFRM_MSG_GETPOLICY, 0, key, take_policy, out);
}

int xfrm_spd_delete(struct ipsec *ip, const struct ipsec_policy *key)
{
	return request_by_key(ip, XFRM_MSG_DELPOLICY, NLM_F_ACK, key, NULL, NULL);
}

static int flush_type(struct ipsec *ip, uint8_t type)
{
	struct xfrm_userpolicy_type *x;
	struct xfrm_msg m;

	xfrm_msg_start(&m, XFRM_MSG_FLUSHPOLICY, NLM_F_ACK, 0);
	x = xfrm_attr_room(&m, XFRMA_POLICY_TYPE, sizeof(*x));
	x->type = type;
	return xfrm_request(ip, &m, NULL, NULL);
}

/* The kernel flushes one type at a time. -EINVAL for the second: it was built without CONFIG_XFRM_SUB_POLICY. */
int xfrm_spd_flush(struct ipsec *ip)
{
	int err = flush_type(ip, XFRM_POLICY_TYPE_MAIN), sub;

	if (err && err != -ESRCH)
		return xfrm_explain(ip, err, xfrm_door(ip)->ask.words);
	sub = flush_type(ip, XFRM_POLICY_TYPE_SUB);
	if (sub && sub != -ESRCH && sub != -EINVAL)
		return xfrm_explain(ip, sub, xfrm_door(ip)->ask.words);
	return 0;
}
