// SPDX-License-Identifier: GPL-2.0-only
/* What is asked about SAs: SADB_GETSPI, ADD, UPDATE, DELETE, GET, ACQUIRE, FLUSH. All under xfrm_cfg_mutex. */
#include "pfkey.h"

#define NO_MARK		0
#define ANY_CPU		UINT_MAX
#define SPI_MIN		0x100		/* those below are reserved (RFC 4303 2.1) */
#define SPI_MAX		0x0fffffff
#define CPI_MAX		0xffff		/* of IPComp 16 bits (RFC 3173) */

static const struct xfrm_mark no_mark;

static struct xfrm_state *lookup(const struct pfkey_req *rq)
{
	const struct sadb_sa *sa = rq->ext[SADB_EXT_SA];

	return xfrm_state_lookup(rq->net, NO_MARK, &rq->dst.a, sa->sadb_sa_spi, rq->proto, rq->dst.family);
}

/* ---- SADB_ADD, SADB_UPDATE ---- */

/* A mature SA takes over the values of the new one, which is then dead: others are told of the one that lives. */
static struct xfrm_state *living(const struct pfkey_req *rq, struct xfrm_state *x)
{
	struct xfrm_state *old;

	if (x->km.state != XFRM_STATE_DEAD)
		return x;
	old = lookup(rq);
	if (!old)
		return x;
	xfrm_state_put(x);
	return old;
}

int pfkey_do_add(const struct pfkey_req *rq)
{
	bool update = rq->msg->sadb_msg_type == SADB_UPDATE;
	struct xfrm_state *x = pfkey_state_new(rq);
	struct km_event c = pfkey_event_of(rq, update ? XFRM_MSG_UPDSA : XFRM_MSG_NEWSA);
	int err;

	if (IS_ERR(x))
		return PTR_ERR(x);
	xfrm_state_hold(x);
	err = update ? xfrm_state_update(x) : xfrm_state_add(x);
	xfrm_audit_state_add(x, !err, true);
	if (err) {
		x->km.state = XFRM_STATE_DEAD;
		__xfrm_state_put(x);
	} else {
		x = living(rq, x);
		km_state_notify(x, &c);
	}
	xfrm_state_put(x);
	return err;
}

/* ---- SADB_DELETE, SADB_GET ---- */

static int delete(struct xfrm_state *x)
{
	int err = security_xfrm_state_delete(x);

	if (err)
		return err;
	/* The tunnel under an IPComp SA is the kernel's own. */
	return xfrm_state_kern(x) ? -EPERM : xfrm_state_delete(x);
}

int pfkey_do_delete(const struct pfkey_req *rq)
{
	struct km_event c = pfkey_event_of(rq, XFRM_MSG_DELSA);
	struct xfrm_state *x = lookup(rq);
	int err;

	if (!x)
		return -ESRCH;
	err = delete(x);
	if (!err)
		km_state_notify(x, &c);
	xfrm_audit_state_delete(x, !err, true);
	xfrm_state_put(x);
	return err;
}

int pfkey_do_get(const struct pfkey_req *rq)
{
	struct xfrm_state *x = lookup(rq);
	struct sk_buff *skb;

	if (!x)
		return -ESRCH;
	skb = pfkey_state_msg(x, SADB_GET, rq->msg->sadb_msg_seq, rq->msg->sadb_msg_pid);
	xfrm_state_put(x);
	return pfkey_answer(rq->sk, skb);
}

/* ---- SADB_GETSPI, SADB_ACQUIRE ---- */

/* The larval SA of the ACQUIRE that is answered, or a new one. */
static struct xfrm_state *larval(const struct pfkey_req *rq, u8 mode, u32 reqid)
{
	struct xfrm_state *x = NULL;

	if (rq->msg->sadb_msg_seq)
		x = xfrm_find_acq_byseq(rq->net, NO_MARK, rq->msg->sadb_msg_seq, ANY_CPU);
	/* Of an ACQUIRE for the other direction, or one that another program has numbered the same */
	if (x && (x->props.family != rq->dst.family || x->id.proto != rq->proto ||
		  !xfrm_addr_equal(&x->id.daddr, &rq->dst.a, rq->dst.family))) {
		xfrm_state_put(x);
		x = NULL;
	}
	return x ? x : xfrm_find_acq(rq->net, &no_mark, mode, reqid, 0, ANY_CPU, rq->proto, &rq->dst.a, &rq->src.a, 1,
				     rq->dst.family);
}

int pfkey_do_getspi(const struct pfkey_req *rq)
{
	const struct sadb_spirange *range = rq->ext[SADB_EXT_SPIRANGE];
	const struct sadb_x_sa2 *sa2 = rq->ext[SADB_X_EXT_SA2];
	int mode = pfkey_mode_get(sa2 ? sa2->sadb_x_sa2_mode : IPSEC_MODE_ANY), err;
	u32 min = range ? range->sadb_spirange_min : SPI_MIN;
	u32 max = range ? range->sadb_spirange_max : rq->proto == IPPROTO_COMP ? CPI_MAX : SPI_MAX;
	struct xfrm_state *x;
	struct sk_buff *skb;

	if (mode < 0)
		return mode;
	err = verify_spi_info(rq->proto, min, max, NULL);
	if (err)
		return err;
	x = larval(rq, mode, sa2 ? sa2->sadb_x_sa2_reqid : 0);
	if (!x)
		return -ENOENT;
	err = xfrm_alloc_spi(x, min, max, NULL);
	skb = err ? ERR_PTR(err) : pfkey_state_msg(x, SADB_GETSPI, rq->msg->sadb_msg_seq, rq->msg->sadb_msg_pid);
	xfrm_state_put(x);
	return pfkey_answer(rq->sk, skb);
}

/* Nothing will come of a negotiation: what waits for its SA is told. There is no answer. */
int pfkey_do_acquire(const struct pfkey_req *rq)
{
	struct xfrm_state *x;

	if (rq->len != sizeof(*rq->msg))
		return -EOPNOTSUPP;
	if (!rq->msg->sadb_msg_seq || !rq->msg->sadb_msg_errno)
		return 0;
	x = xfrm_find_acq_byseq(rq->net, NO_MARK, rq->msg->sadb_msg_seq, ANY_CPU);
	if (!x)
		return 0;
	spin_lock_bh(&x->lock);
	if (x->km.state == XFRM_STATE_ACQ)
		x->km.state = XFRM_STATE_ERROR;
	spin_unlock_bh(&x->lock);
	xfrm_state_put(x);
	return 0;
}

/* ---- SADB_FLUSH ---- */

/* One answer: what all are told; when there was nothing to flush only who asked is told. */
int pfkey_do_flush(const struct pfkey_req *rq)
{
	struct km_event c = pfkey_event_of(rq, XFRM_MSG_FLUSHSA);
	int err;

	if (!rq->proto)
		return -EINVAL;
	err = xfrm_state_flush(rq->net, rq->proto, true);
	if (err == -ESRCH)
		return pfkey_answer(rq->sk, pfkey_msg_head(rq->msg, 0, GFP_KERNEL));
	if (err)
		return err;
	c.data.proto = rq->proto;
	km_state_notify(NULL, &c);
	return 0;
}
