// SPDX-License-Identifier: MIT
/* What the kernel tells by itself: XFRM multicast messages to events. */
#include "pfkey/xfrm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define PROTO_ANY 255		/* the kernel's IPSEC_PROTO_ANY, in flushes of everything */

/* p: the fixed part of the message, as long as the table says; fills *ev. */
typedef int event_get_fn(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev);

/*
 * The message does not say of which family its addresses are, nor which template asks. Walk the templates as the
 * kernel does: each tunnel gives the addresses to what follows, the packet's own are used before the first.
 */
static void find_asking_tmpl(const struct xfrm_user_acquire *x, struct ipsec_event *ev)
{
	const struct ipsec_policy *pol = &ev->acquire.policy;
	uint16_t family = x->sel.family;
	xfrm_address_t to = x->sel.daddr;

	ev->acquire.tmpl = 0;
	for (unsigned int i = 0; i < pol->ntmpl; i++) {
		const struct ipsec_tmpl *t = &pol->tmpl[i];

		if (t->mode == IPSEC_MODE_TUNNEL || t->mode == IPSEC_MODE_BEET) {
			family = t->dst.family;
			/* A tunnel to "any" goes where the packet goes. */
			if (!ipsec_addr_is_any(&t->dst))
				xfrm_addr_put(&to, &t->dst);
		}
		if (t->proto == x->id.proto && !memcmp(&to, &x->id.daddr, ipsec_addr_size(family))) {
			ev->acquire.tmpl = (uint8_t)i;
			break;
		}
	}
	xfrm_addr_get(&ev->acquire.src, &x->saddr, family);
	xfrm_addr_get(&ev->acquire.dst, &x->id.daddr, family);
}

static int acquire_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	struct xfrm_user_acquire x;

	(void)nlh;
	memcpy(&x, p, sizeof(x));
	ev->type = IPSEC_EVENT_ACQUIRE;
	ev->acquire.seq = x.seq;
	ev->acquire.proto = x.id.proto;
	xfrm_selector_get(&ev->acquire.sel, &x.sel);
	if (xfrm_policy_from(&x.policy, t, &ev->acquire.policy))
		return -EBADMSG;
	find_asking_tmpl(&x, ev);
	return 0;
}

static int expire_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	struct xfrm_user_expire x;

	(void)nlh;
	memcpy(&x, p, sizeof(x));
	ev->type = IPSEC_EVENT_EXPIRE;
	ev->expire.hard = x.hard;
	if (xfrm_sa_from(&x.state, t, &ev->expire.sa))
		return -EBADMSG;
	/* The algorithms are not told, so xfrm_sa_from could not know; a larval SA that dies has no SPI. */
	if (x.hard)
		ev->expire.sa.state = IPSEC_STATE_DEAD;
	else
		ev->expire.sa.state = IPSEC_STATE_DYING;
	return 0;
}

static int sa_new_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	struct xfrm_usersa_info x;

	memcpy(&x, p, sizeof(x));
	ev->type = nlh->nlmsg_type == XFRM_MSG_UPDSA ? IPSEC_EVENT_SA_UPDATE : IPSEC_EVENT_SA_NEW;
	return xfrm_sa_from(&x, t, &ev->sa);
}

static int sa_delete_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	struct xfrm_usersa_id x;

	(void)nlh;
	memcpy(&x, p, sizeof(x));
	ev->type = IPSEC_EVENT_SA_DELETE;
	return xfrm_sa_id_from(&x, t, &ev->sa_id);
}

static int sa_flush_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	struct xfrm_usersa_flush x;

	(void)nlh;
	(void)t;
	memcpy(&x, p, sizeof(x));
	ev->type = IPSEC_EVENT_SA_FLUSH;
	ev->flush_proto = x.proto == PROTO_ANY ? 0 : x.proto;
	return 0;
}

static int policy_new_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	struct xfrm_userpolicy_info x;

	memcpy(&x, p, sizeof(x));
	ev->type = nlh->nlmsg_type == XFRM_MSG_UPDPOLICY ? IPSEC_EVENT_POLICY_UPDATE : IPSEC_EVENT_POLICY_NEW;
	return xfrm_policy_from(&x, t, &ev->policy);
}

/* The whole policy stands in an attribute; the fixed part has its selector or its index only. */
static int policy_delete_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	struct xfrm_userpolicy_info info = { 0 };
	struct xfrm_userpolicy_id x;

	(void)nlh;
	memcpy(&x, p, sizeof(x));
	ev->type = IPSEC_EVENT_POLICY_DELETE;
	if (!xfrm_attr_copy(t, XFRMA_POLICY, &info, sizeof(info))) {
		info.sel = x.sel;
		info.index = x.index;
		info.dir = x.dir;
	}
	return xfrm_policy_from(&info, t, &ev->policy);
}

static int policy_flush_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	(void)nlh;
	(void)p;
	(void)t;
	ev->type = IPSEC_EVENT_POLICY_FLUSH;
	return 0;
}

static int policy_expire_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	struct xfrm_user_polexpire x;

	(void)nlh;
	memcpy(&x, p, sizeof(x));
	ev->type = IPSEC_EVENT_POLICY_EXPIRE;
	ev->policy_expire.hard = x.hard;
	return xfrm_policy_from(&x.pol, t, &ev->policy_expire.policy);
}

static int mapping_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	struct xfrm_user_mapping x;

	(void)nlh;
	memcpy(&x, p, sizeof(x));
	ev->type = IPSEC_EVENT_MAPPING;
	ev->mapping.reqid = x.reqid;
	xfrm_addr_get(&ev->mapping.old_addr, &x.old_saddr, x.id.family);
	xfrm_addr_get(&ev->mapping.new_addr, &x.new_saddr, x.id.family);
	ev->mapping.old_port = ntohs(x.old_sport);
	ev->mapping.new_port = ntohs(x.new_sport);
	return xfrm_sa_id_from(&x.id, t, &ev->mapping.id);
}

static int ae_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, struct ipsec_event *ev)
{
	struct xfrm_replay_state_esn esn;
	struct xfrm_lifetime_cur cur;
	struct xfrm_replay_state old;
	struct xfrm_aevent_id x;

	(void)nlh;
	memcpy(&x, p, sizeof(x));
	ev->type = IPSEC_EVENT_AE;
	ev->ae.reqid = x.reqid;
	xfrm_addr_get(&ev->ae.src, &x.saddr, x.sa_id.family);
	if (xfrm_attr_copy(t, XFRMA_REPLAY_VAL, &old, sizeof(old))) {
		ev->ae.seq = old.seq;
		ev->ae.oseq = old.oseq;
	}
	if (xfrm_attr_copy(t, XFRMA_REPLAY_ESN_VAL, &esn, sizeof(esn))) {
		ev->ae.seq = (uint64_t)esn.seq_hi << 32 | esn.seq;
		ev->ae.oseq = (uint64_t)esn.oseq_hi << 32 | esn.oseq;
	}
	if (xfrm_attr_copy(t, XFRMA_LTIME_VAL, &cur, sizeof(cur))) {
		ev->ae.bytes = cur.bytes;
		ev->ae.packets = cur.packets;
	}
	return xfrm_sa_id_from(&x.sa_id, t, &ev->ae.id);
}

/* One event for each thing that moves, once all of them have been read. */
static int migrate_get(const struct nlmsghdr *nlh, const void *p, const struct xfrm_attrs *t, ipsec_event_fn *fn, void *arg)
{
	const struct nlattr *attr = t->a[XFRMA_MIGRATE];
	struct ipsec_event ev = { .type = IPSEC_EVENT_MIGRATE, .pid = nlh->nlmsg_pid };
	struct xfrm_userpolicy_id id;
	struct xfrm_user_migrate x;
	size_t n = attr ? mnl_attr_get_payload_len(attr) : 0;

	memcpy(&id, p, sizeof(id));
	if (!n || n % sizeof(x) || n / sizeof(x) > IPSEC_TMPL_MAX || id.dir >= XFRM_POLICY_MAX)
		return -EBADMSG;
	xfrm_selector_get(&ev.migrate.sel, &id.sel);
	ev.migrate.dir = id.dir;
	for (size_t i = 0; i < n / sizeof(x); i++) {
		memcpy(&x, (const uint8_t *)mnl_attr_get_payload(attr) + i * sizeof(x), sizeof(x));
		xfrm_addr_get(&ev.migrate.old_src, &x.old_saddr, x.old_family);
		xfrm_addr_get(&ev.migrate.old_dst, &x.old_daddr, x.old_family);
		xfrm_addr_get(&ev.migrate.new_src, &x.new_saddr, x.new_family);
		xfrm_addr_get(&ev.migrate.new_dst, &x.new_daddr, x.new_family);
		ev.migrate.proto = x.proto;
		ev.migrate.mode = xfrm_mode_get(x.mode);
		ev.migrate.reqid = x.reqid;
		fn(&ev, arg);
	}
	return (int)(n / sizeof(x));
}

static const struct {
	size_t head;			/* of the fixed part */
	event_get_fn *get;		/* NULL: migrate_get */
} rows[XFRM_NR_MSGTYPES] = {
#define ROW(type) [XFRM_MSG_##type - XFRM_MSG_BASE]
	ROW(ACQUIRE) = { sizeof(struct xfrm_user_acquire), acquire_get },
	ROW(EXPIRE) = { sizeof(struct xfrm_user_expire), expire_get },
	ROW(NEWSA) = { sizeof(struct xfrm_usersa_info), sa_new_get },
	ROW(UPDSA) = { sizeof(struct xfrm_usersa_info), sa_new_get },
	ROW(DELSA) = { sizeof(struct xfrm_usersa_id), sa_delete_get },
	ROW(FLUSHSA) = { sizeof(struct xfrm_usersa_flush), sa_flush_get },
	ROW(NEWPOLICY) = { sizeof(struct xfrm_userpolicy_info), policy_new_get },
	ROW(UPDPOLICY) = { sizeof(struct xfrm_userpolicy_info), policy_new_get },
	ROW(DELPOLICY) = { sizeof(struct xfrm_userpolicy_id), policy_delete_get },
	ROW(FLUSHPOLICY) = { 0, policy_flush_get },
	ROW(POLEXPIRE) = { sizeof(struct xfrm_user_polexpire), policy_expire_get },
	ROW(MIGRATE) = { sizeof(struct xfrm_userpolicy_id), NULL },
	ROW(MAPPING) = { sizeof(struct xfrm_user_mapping), mapping_get },
	ROW(NEWAE) = { sizeof(struct xfrm_aevent_id), ae_get },
#undef ROW
};

int xfrm_event_get(const struct nlmsghdr *nlh, ipsec_event_fn *fn, void *arg)
{
	unsigned int at = nlh->nlmsg_type - XFRM_MSG_BASE;
	const void *p = mnl_nlmsg_get_payload(nlh);
	struct ipsec_event ev;
	struct xfrm_attrs t;

	if (at >= XFRM_NR_MSGTYPES || (!rows[at].get && nlh->nlmsg_type != XFRM_MSG_MIGRATE))
		return 0;
	if (xfrm_attrs_get(&t, nlh, rows[at].head))
		return -EBADMSG;
	if (!rows[at].get)
		return migrate_get(nlh, p, &t, fn, arg);
	memset(&ev, 0, sizeof(ev));
	ev.pid = nlh->nlmsg_pid;
	if (rows[at].get(nlh, p, &t, &ev))
		return -EBADMSG;
	fn(&ev, arg);
	return 1;
}
