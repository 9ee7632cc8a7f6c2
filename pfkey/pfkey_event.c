// SPDX-License-Identifier: MIT
/* What the kernel tells by itself: PF_KEY broadcasts to events. */
#include "pfkey/pfkey.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

typedef int event_get_fn(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_event *ev);

static int acquire_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_event *ev)
{
	const struct sadb_x_policy *x = t->e[SADB_X_EXT_POLICY];
	struct pfkey_addr src, dst;

	pfkey_addr_get(&src, t, SADB_EXT_ADDRESS_SRC);
	pfkey_addr_get(&dst, t, SADB_EXT_ADDRESS_DST);
	if (!dst.addr.family || src.addr.family != dst.addr.family)
		return -EBADMSG;
	ev->type = IPSEC_EVENT_ACQUIRE;
	ev->acquire.seq = msg->sadb_msg_seq;
	ev->acquire.proto = pfkey_proto(msg->sadb_msg_satype);
	ev->acquire.src = src.addr;
	ev->acquire.dst = dst.addr;
	ev->acquire.policy.dir = IPSEC_DIR_OUT;
	if (x) {
		ev->acquire.policy.index = x->sadb_x_policy_id;
		ev->acquire.policy.priority = x->sadb_x_policy_priority;
	}
	return 0;
}

static int expire_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_event *ev)
{
	ev->type = IPSEC_EVENT_EXPIRE;
	ev->expire.hard = t->e[SADB_EXT_LIFETIME_HARD];		/* the one that has come is the one that is told */
	if (pfkey_sa_get(msg, t, &ev->expire.sa))
		return -EBADMSG;
	ev->expire.sa.state = ev->expire.hard ? IPSEC_STATE_DEAD : IPSEC_STATE_DYING;
	return 0;
}

static int sa_new_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_event *ev)
{
	int err = pfkey_sa_get(msg, t, &ev->sa);

	ev->type = msg->sadb_msg_type == SADB_UPDATE ? IPSEC_EVENT_SA_UPDATE : IPSEC_EVENT_SA_NEW;
	/* Linux shows the SA whose values the other has taken over, and which is dead by then. */
	if (!err && ev->sa.state == IPSEC_STATE_DEAD)
		ev->sa.state = IPSEC_STATE_MATURE;
	return err;
}

static int sa_delete_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_event *ev)
{
	struct ipsec_sa sa;
	int err = pfkey_sa_get(msg, t, &sa);

	ev->type = IPSEC_EVENT_SA_DELETE;
	ev->sa_id = (struct ipsec_sa_id){ .dst = sa.dst, .proto = sa.proto, .spi = sa.spi };
	explicit_bzero(&sa, sizeof(sa));
	return err;
}

static int sa_flush_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_event *ev)
{
	(void)t;
	ev->type = IPSEC_EVENT_SA_FLUSH;
	ev->flush_proto = pfkey_proto(msg->sadb_msg_satype);
	return 0;
}

static int policy_changed_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_event *ev)
{
	switch (msg->sadb_msg_type) {
	case SADB_X_SPDUPDATE:
		ev->type = IPSEC_EVENT_POLICY_UPDATE;
		break;
	case SADB_X_SPDDELETE:
	case SADB_X_SPDDELETE2:
		ev->type = IPSEC_EVENT_POLICY_DELETE;
		break;
	default:
		ev->type = IPSEC_EVENT_POLICY_NEW;
	}
	return pfkey_policy_get(t, &ev->policy);
}

static int policy_flush_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_event *ev)
{
	(void)msg;
	(void)t;
	ev->type = IPSEC_EVENT_POLICY_FLUSH;
	return 0;
}

/* Linux has the number and never sends it; others do. */
static int policy_expire_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_event *ev)
{
	(void)msg;
	ev->type = IPSEC_EVENT_POLICY_EXPIRE;
	ev->policy_expire.hard = t->e[SADB_EXT_LIFETIME_HARD] && !t->e[SADB_EXT_LIFETIME_SOFT];
	return pfkey_policy_get(t, &ev->policy_expire.policy);
}

static uint16_t port_get(const struct pfkey_exts *t, uint16_t type)
{
	const struct sadb_x_nat_t_port *x = t->e[type];

	return x ? ntohs(x->sadb_x_nat_t_port_port) : 0;
}

/* "Source" is the peer's old address, "destination" its new one. */
static int mapping_get(const struct sadb_msg *msg, const struct pfkey_exts *t, struct ipsec_event *ev)
{
	const struct sadb_sa *x = t->e[SADB_EXT_SA];
	struct pfkey_addr old, new;

	pfkey_addr_get(&old, t, SADB_EXT_ADDRESS_SRC);
	pfkey_addr_get(&new, t, SADB_EXT_ADDRESS_DST);
	if (!x || !old.addr.family || old.addr.family != new.addr.family)
		return -EBADMSG;
	ev->type = IPSEC_EVENT_MAPPING;
	ev->mapping.id.proto = pfkey_proto(msg->sadb_msg_satype);
	ev->mapping.id.spi = ntohl(x->sadb_sa_spi);
	ev->mapping.old_addr = old.addr;
	ev->mapping.new_addr = new.addr;
	ev->mapping.old_port = port_get(t, SADB_X_EXT_NAT_T_SPORT);
	ev->mapping.new_port = port_get(t, SADB_X_EXT_NAT_T_DPORT);
	return 0;
}

/* A request at p: its length, or 0 when it has no addresses. */
static size_t move_get(struct sadb_x_ipsecrequest *rq, struct ipsec_addr *src, struct ipsec_addr *dst, const uint8_t *p, size_t n)
{
	if (n < sizeof(*rq))
		return 0;
	memcpy(rq, p, sizeof(*rq));
	if (pfkey_pair_get(src, dst, p + sizeof(*rq), rq->sadb_x_ipsecrequest_len - sizeof(*rq)))
		return 0;
	return rq->sadb_x_ipsecrequest_len;
}

/* Pairs of requests, the old one and the new one. All are read before the first is told. */
static int migrate_get(const struct sadb_msg *msg, const struct pfkey_exts *t, ipsec_event_fn *fn, void *arg)
{
	const struct sadb_x_policy *x = t->e[SADB_X_EXT_POLICY];
	struct ipsec_event ev[IPSEC_TMPL_MAX];
	struct sadb_x_ipsecrequest rq;
	int count = 0;
	size_t n;

	memset(ev, 0, sizeof(ev));
	if (!x || x->sadb_x_policy_dir - 1u > IPSEC_DIR_FWD || pfkey_selector_get(&ev[0].migrate.sel, t))
		return -EBADMSG;
	n = x->sadb_x_policy_len * sizeof(uint64_t);
	for (size_t at = sizeof(*x), old, new; at < n; at += old + new, count++) {
		const uint8_t *p = (const uint8_t *)x + at;
		struct ipsec_event *e = &ev[count];

		if (count == IPSEC_TMPL_MAX)
			return -EBADMSG;
		old = move_get(&rq, &e->migrate.old_src, &e->migrate.old_dst, p, n - at);
		new = old ? move_get(&rq, &e->migrate.new_src, &e->migrate.new_dst, p + old, n - at - old) : 0;
		if (!new || rq.sadb_x_ipsecrequest_proto > UINT8_MAX)
			return -EBADMSG;
		e->type = IPSEC_EVENT_MIGRATE;
		e->pid = msg->sadb_msg_pid;
		e->migrate.sel = ev[0].migrate.sel;
		e->migrate.dir = (uint8_t)(x->sadb_x_policy_dir - 1);
		e->migrate.proto = (uint8_t)rq.sadb_x_ipsecrequest_proto;
		e->migrate.mode = pfkey_mode_get(rq.sadb_x_ipsecrequest_mode);
		e->migrate.reqid = rq.sadb_x_ipsecrequest_reqid;
	}
	for (int i = 0; i < count; i++)
		fn(&ev[i], arg);
	return count ? count : -EBADMSG;
}

/* SADB_GETSPI, GET, DUMP, X_SPDGET, X_SPDDUMP answer; REGISTER, X_PROMISC, X_PCHANGE, X_SPDACQUIRE tell nothing of ours. */
static event_get_fn *const rows[SADB_MAX + 1] = {
	[SADB_ACQUIRE] = acquire_get,
	[SADB_EXPIRE] = expire_get,
	[SADB_ADD] = sa_new_get,
	[SADB_UPDATE] = sa_new_get,
	[SADB_DELETE] = sa_delete_get,
	[SADB_FLUSH] = sa_flush_get,
	[SADB_X_SPDADD] = policy_changed_get,
	[SADB_X_SPDSETIDX] = policy_changed_get,
	[SADB_X_SPDUPDATE] = policy_changed_get,
	[SADB_X_SPDDELETE] = policy_changed_get,
	[SADB_X_SPDDELETE2] = policy_changed_get,
	[SADB_X_SPDFLUSH] = policy_flush_get,
	[SADB_X_SPDEXPIRE] = policy_expire_get,
	[SADB_X_NAT_T_NEW_MAPPING] = mapping_get,
};

int pfkey_event_get(const struct sadb_msg *msg, size_t n, ipsec_event_fn *fn, void *arg)
{
	struct ipsec_event ev;
	struct pfkey_exts t;

	if (pfkey_exts_get(&t, msg, n))
		return -EBADMSG;
	/* An ACQUIRE with an error is a key manager's. */
	if (msg->sadb_msg_errno || msg->sadb_msg_type > SADB_MAX)
		return 0;
	if (msg->sadb_msg_type == SADB_X_MIGRATE)
		return migrate_get(msg, &t, fn, arg);
	if (!rows[msg->sadb_msg_type])
		return 0;
	memset(&ev, 0, sizeof(ev));
	ev.pid = msg->sadb_msg_pid;
	if (rows[msg->sadb_msg_type](msg, &t, &ev))
		return -EBADMSG;
	fn(&ev, arg);
	explicit_bzero(&ev, sizeof(ev));
	return 1;
}

/* A tunnel is known by its end; in transport mode, and where the tunnel's end is "any", the packet's own is not told. */
void pfkey_acquire_complete(struct ipsec_event *ev)
{
	const struct ipsec_policy *pol = &ev->acquire.policy;

	ev->acquire.sel = pol->sel;
	ev->acquire.tmpl = 0;
	for (unsigned int i = 0; i < pol->ntmpl; i++) {
		const struct ipsec_tmpl *t = &pol->tmpl[i];

		if (t->proto != ev->acquire.proto)
			continue;
		if (ipsec_addr_is_any(&t->dst) || ipsec_addr_equal(&t->dst, &ev->acquire.dst)) {
			ev->acquire.tmpl = (uint8_t)i;
			return;
		}
	}
}
