// SPDX-License-Identifier: MIT
/*
 * What this kernel's XFRM has. An older one takes an SA and passes over what it does not know about it, so that less
 * would be in force than was asked for. We ask before anything is added, with requests that change nothing.
 */
#include "pfkey/xfrm_door.h"

#include <errno.h>
#include <string.h>

#define NO_IFINDEX 0x7fffffff
#define NO_LSM 0xff		/* no security module has this number for its labels */

/* 1: it is there, 0: it is not, -errno: the question failed. */
typedef int feature_fn(struct ipsec *ip, uint16_t attr);

/* A known attribute is measured before anything else is looked at, in any message; an unknown one is not. */
static int attr_known(struct ipsec *ip, uint16_t attr)
{
	struct xfrm_msg m;
	int err;

	xfrm_msg_start(&m, XFRM_MSG_GETSADINFO, 0, sizeof(uint32_t));
	xfrm_attr_room(&m, attr, 0);
	err = xfrm_request(ip, &m, NULL, NULL);
	if (err == -ERANGE || err == -EINVAL)
		return 1;
	return err == -EOPNOTSUPP ? 0 : err;	/* of the layer between 32-bit programs and 64-bit kernels: unknown */
}

/*
 * No kernel looks at a policy's offload unless it is one that can do it, and that one refuses a device that is not there.
 * The others take the policy: between an address that nobody has and itself, of the least priority. It goes at once.
 */
static int policy_offload_known(struct ipsec *ip, uint16_t attr)
{
	struct ipsec_policy pol = { .dir = IPSEC_DIR_FWD, .action = IPSEC_ACTION_BLOCK, .priority = UINT32_MAX,
				    .offload = { NO_IFINDEX, IPSEC_OFFLOAD_PACKET, false } };
	struct xfrm_msg m;
	int err;

	(void)attr;
	pol.sel.src.family = pol.sel.dst.family = AF_INET;
	pol.sel.src_len = pol.sel.dst_len = 32;
	pol.sel.ifindex = NO_IFINDEX;
	xfrm_policy_put(&m, &pol, false);
	err = xfrm_request(ip, &m, NULL, NULL);
	if (err)
		return err == -EINVAL || err == -ENODEV || err == -EOPNOTSUPP ? 1 : err;
	xfrm_policy_key_put(&m, XFRM_MSG_DELPOLICY, NLM_F_ACK, &pol);
	return xfrm_request(ip, &m, NULL, NULL);
}

/* Who keeps labels refuses one of an unknown kind; who keeps none looks for a policy, and there is none. */
static int labels_known(struct ipsec *ip, uint16_t attr)
{
	struct xfrm_userpolicy_id *id;
	struct xfrm_user_sec_ctx *x;
	struct xfrm_msg m;
	int err;

	id = xfrm_msg_start(&m, XFRM_MSG_GETPOLICY, 0, sizeof(*id));
	id->sel.family = AF_INET;
	id->sel.ifindex = NO_IFINDEX;
	id->dir = XFRM_POLICY_FWD;
	x = xfrm_attr_room(&m, attr, sizeof(*x) + 1);
	x->len = sizeof(*x) + 1;
	x->exttype = attr;
	x->ctx_alg = NO_LSM;
	x->ctx_len = 1;
	err = xfrm_request(ip, &m, NULL, NULL);
	if (err == -EINVAL)
		return 1;
	return err == -ENOENT ? 0 : err;
}

static const struct {
	feature_fn *known;
	uint16_t attr;
	const char *what, *since;
} features[XFRM_FEATURES] = {
	[XFRM_HAS_OUTPUT_MARK] = { attr_known, XFRMA_SET_MARK_MASK, "output marks with a mask", "Linux 4.19 has them" },
	[XFRM_HAS_IF_ID] = { attr_known, XFRMA_IF_ID, "interface IDs", "Linux 4.19 has them" },
	[XFRM_HAS_OFFLOAD] = { attr_known, XFRMA_OFFLOAD_DEV, "offload of SAs", "Linux 4.11 has it" },
	[XFRM_HAS_DIR] = { attr_known, XFRM_ATTR_SA_DIR, "direction for SAs", "Linux 6.10 has it" },
	[XFRM_HAS_NAT_KEEPALIVE] = { attr_known, XFRM_ATTR_NAT_KEEPALIVE, "NAT keepalives", "Linux 6.11 has them" },
	[XFRM_HAS_POLICY_OFFLOAD] = { policy_offload_known, 0, "offload of policies", "Linux 6.2 has it" },
	[XFRM_HAS_LABELS] = { labels_known, XFRMA_SEC_CTX, "security labels", "SELinux has them, and does not run here" },
};

uint32_t xfrm_sa_needs(const struct ipsec_sa *sa)
{
	return (uint32_t)(!!sa->output_mark.mask << XFRM_HAS_OUTPUT_MARK | !!sa->if_id << XFRM_HAS_IF_ID |
			  !!sa->offload.kind << XFRM_HAS_OFFLOAD | !!sa->dir << XFRM_HAS_DIR |
			  !!sa->nat_keepalive << XFRM_HAS_NAT_KEEPALIVE | !!sa->ctx[0] << XFRM_HAS_LABELS);
}

uint32_t xfrm_policy_needs(const struct ipsec_policy *pol)
{
	return (uint32_t)(!!pol->if_id << XFRM_HAS_IF_ID | !!pol->offload.kind << XFRM_HAS_POLICY_OFFLOAD |
			  !!pol->ctx[0] << XFRM_HAS_LABELS);
}

int xfrm_need(struct ipsec *ip, uint32_t needs)
{
	struct xfrm_door *d = xfrm_door(ip);

	for (unsigned int i = 0; i < XFRM_FEATURES; i++) {
		uint32_t bit = 1u << i;
		int known;

		if (!(needs & bit) || d->has & bit)
			continue;
		if (!(d->asked & bit)) {
			known = features[i].known(ip, features[i].attr);
			if (known < 0)
				return xfrm_explain(ip, known, d->ask.words);
			d->asked |= bit;
			if (known)
				d->has |= bit;
		}
		if (!(d->has & bit))
			return ipsec_fail(ip, -EOPNOTSUPP, "this kernel has no %s: %s", features[i].what, features[i].since);
	}
	return 0;
}
