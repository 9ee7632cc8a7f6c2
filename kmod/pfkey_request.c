// SPDX-License-Identifier: GPL-2.0-only
/* What each message asks for, and what must be in it. */
#include "pfkey.h"

#define HAS(type)	BIT_ULL(type)
#define ENDS		(HAS(SADB_EXT_ADDRESS_SRC) | HAS(SADB_EXT_ADDRESS_DST))

static const struct {
	int (*serve)(const struct pfkey_req *rq);	/* NULL: the kernel alone says it */
	u64 needs;					/* bits 1 << SADB_EXT_* */
	bool unlocked;					/* touches neither SAD nor SPD, and may take long */
} requests[SADB_MAX + 1] = {
	[SADB_GETSPI] = { pfkey_do_getspi, ENDS },
	[SADB_UPDATE] = { pfkey_do_add, ENDS | HAS(SADB_EXT_SA) },
	[SADB_ADD] = { pfkey_do_add, ENDS | HAS(SADB_EXT_SA) },
	[SADB_DELETE] = { pfkey_do_delete, ENDS | HAS(SADB_EXT_SA) },
	[SADB_GET] = { pfkey_do_get, ENDS | HAS(SADB_EXT_SA) },
	[SADB_ACQUIRE] = { pfkey_do_acquire },
	[SADB_REGISTER] = { pfkey_do_register, .unlocked = true },
	[SADB_FLUSH] = { pfkey_do_flush },
	[SADB_DUMP] = { pfkey_do_dump },
	[SADB_X_PROMISC] = { pfkey_do_promisc },
	[SADB_X_SPDUPDATE] = { pfkey_do_spdadd, ENDS | HAS(SADB_X_EXT_POLICY) },
	[SADB_X_SPDADD] = { pfkey_do_spdadd, ENDS | HAS(SADB_X_EXT_POLICY) },
	[SADB_X_SPDDELETE] = { pfkey_do_spddelete, ENDS | HAS(SADB_X_EXT_POLICY) },
	[SADB_X_SPDGET] = { pfkey_do_spdget, HAS(SADB_X_EXT_POLICY) },
	[SADB_X_SPDDUMP] = { pfkey_do_dump },
	[SADB_X_SPDFLUSH] = { pfkey_do_spdflush },
	[SADB_X_SPDSETIDX] = { pfkey_do_spdadd, ENDS | HAS(SADB_X_EXT_POLICY) },
	[SADB_X_SPDDELETE2] = { pfkey_do_spdget, HAS(SADB_X_EXT_POLICY) },
	[SADB_X_MIGRATE] = { pfkey_do_migrate, ENDS | HAS(SADB_X_EXT_POLICY) },
};

static bool has_all(const struct pfkey_req *rq, u64 needs)
{
	unsigned int type;

	for (type = 1; type <= PFKEY_EXT_TOP; type++)
		if (needs & HAS(type) && !rq->ext[type])
			return false;
	return true;
}

static bool speaks_ours(const struct pfkey_req *rq)
{
	return rq->ext[SADB_X_EXT_REPLAY] || rq->ext[SADB_X_EXT_ICV] || rq->ext[SADB_X_EXT_EXTENDED] ||
	       rq->ext[SADB_X_EXT_SELECTOR];
}

static int serve_locked(const struct pfkey_req *rq)
{
	struct pfkey_net *pn = pfkey_net(rq->net);
	int err;

	mutex_lock(&rq->net->xfrm.xfrm_cfg_mutex);
	WRITE_ONCE(pn->server, current);
	WRITE_ONCE(pn->asking, rq->sk);
	err = requests[rq->msg->sadb_msg_type].serve(rq);
	WRITE_ONCE(pn->asking, NULL);
	mutex_unlock(&rq->net->xfrm.xfrm_cfg_mutex);
	return err;
}

int pfkey_request(struct pfkey_req *rq)
{
	int err = pfkey_parse(rq);
	u8 type = rq->msg->sadb_msg_type;

	BUILD_BUG_ON(PFKEY_EXT_TOP >= 64);
	if (err)
		return err;
	pfkey_tell_promisc(rq);
	if (!requests[type].serve)
		return -EOPNOTSUPP;
	if (!has_all(rq, requests[type].needs))
		return -EINVAL;
	if (speaks_ours(rq))
		WRITE_ONCE(pfkey_sk(rq->sk)->extended, true);
	return requests[type].unlocked ? requests[type].serve(rq) : serve_locked(rq);
}

/* Asks the crypto layer for each algorithm, which sends for the modules of those that are missing. */
int pfkey_do_register(const struct pfkey_req *rq)
{
	struct pfkey_sock *pfk = pfkey_sk(rq->sk);
	u8 satype = rq->msg->sadb_msg_satype;
	struct pfkey_msg m;
	struct sk_buff *skb;
	int err;

	if (satype > SADB_SATYPE_MAX)
		return -EINVAL;
	if (satype && READ_ONCE(pfk->registered) & BIT(satype))
		return -EEXIST;
	pfkey_msg_start(&m, SADB_REGISTER, satype, GFP_KERNEL);
	pfkey_put_supported(&m);
	pfkey_msg_extended(&m);
	pfkey_put(&m, SADB_X_EXT_EXTENDED, sizeof(struct sadb_x_extended));
	skb = pfkey_msg_end(&m, rq->msg->sadb_msg_seq, rq->msg->sadb_msg_pid);
	if (!satype)
		return pfkey_answer(rq->sk, skb);
	err = pfkey_answer_registered(rq->sk, skb, satype);
	if (err)
		return err;
	lock_sock(rq->sk);
	WRITE_ONCE(pfk->registered, pfk->registered | BIT(satype));
	release_sock(rq->sk);
	return 0;
}

/* The other use, to have the kernel hand round what it does not understand (RFC 2367 3.1.11), has found no user. */
int pfkey_do_promisc(const struct pfkey_req *rq)
{
	if (rq->len != sizeof(*rq->msg))
		return -EOPNOTSUPP;
	if (rq->msg->sadb_msg_satype > 1)
		return -EINVAL;
	lock_sock(rq->sk);
	atomic_add(rq->msg->sadb_msg_satype - pfkey_sk(rq->sk)->promisc, &pfkey_net(rq->net)->promisc);
	WRITE_ONCE(pfkey_sk(rq->sk)->promisc, rq->msg->sadb_msg_satype);
	release_sock(rq->sk);
	pfkey_tell_all(rq->net, pfkey_msg_head(rq->msg, 0, GFP_KERNEL));
	return 0;
}
