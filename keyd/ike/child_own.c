// SPDX-License-Identifier: MIT
// Agreeing on traffic that the configuration has, and the SPD has not.
#include "keyd/ike/child_own.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/report.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ike/version.h"
#include "keyd/wire/ikev2.h"

#include <string.h>

static void add_ts(struct wire_ts_list *l, const struct wire_ts *ts)
{
	if (l->n < WIRE_TS_MAX)
		l->ts[l->n++] = *ts;
}

static void add_net(struct wire_ts_list *l, const struct ipsec_addr *addr, uint8_t len)
{
	struct ipsec_selector sel = { .src = *addr, .src_len = len };
	struct wire_ts ts;

	selector_to_ts(&sel, SELECTOR_SRC, &ts);
	add_ts(l, &ts);
}

static void add_host(struct wire_ts_list *l, const struct ipsec_addr *addr)
{
	if (addr->family)
		add_net(l, addr, ipsec_addr_bits(addr->family));
}

static void add_nets(struct wire_ts_list *l, const struct conf_nets *nets)
{
	for (unsigned i = 0; i < nets->n; i++)
		add_net(l, &nets->net[i].addr, nets->net[i].len);
}

/* The addresses that this side was given, or may still be given: the initiator of IKE_AUTH does not know yet (2.19). */
static void add_ours(struct wire_ts_list *l, const struct ike_sa *sa, bool before)
{
	const struct conf_peer *conf = &sa->peer->conf;
	static const struct ipsec_addr any[] = { { .family = AF_INET }, { .family = AF_INET6 } };

	if (before && conf->virtual_v4)
		add_net(l, &any[0], 0);
	if (before && conf->virtual_v6)
		add_net(l, &any[1], 0);
	for (unsigned f = 0; !before && f < TUNNEL_FAMILIES; f++)
		add_host(l, &sa->assigned[f]);
}

static void add_theirs(struct wire_ts_list *l, const struct ike_sa *sa)
{
	for (unsigned f = 0; f < TUNNEL_FAMILIES; f++)
		if (sa->lease[f])
			add_host(l, &sa->lease[f]->addr);
}

/* What the settings say, for this IKE SA. before: in IKE_AUTH of ours, before anything is assigned. */
static void wished(const struct ike_sa *sa, bool before, struct wire_ts_list *local, struct wire_ts_list *remote)
{
	const struct conf_traffic *t = &sa->peer->conf.traffic;

	local->n = remote->n = 0;
	add_nets(local, &t->local);
	add_nets(remote, &t->remote);
	if (t->local.assigned)
		add_ours(local, sa, before);
	if (t->remote.assigned)
		add_theirs(remote, sa);
}

static bool in_auth(const struct exchange *x)
{
	return x->sa->version == &ikev2_version && x->ops && x->ops->type == IKEV2_EXCH_IKE_AUTH;
}

void child_own_offer(struct exchange *x)
{
	const struct traffic *t = x->child->traffic;
	bool before = in_auth(x) && x->sa->peer->conf.traffic.local.assigned;

	if (t->agreed && !before) {
		traffic_side(t, true, &x->ts_local);
		traffic_side(t, false, &x->ts_remote);
	} else {
		wished(x->sa, before, &x->ts_local, &x->ts_remote);
	}
	x->child->offered = true;
}

/* What lies in both, in the order of offered, nothing twice. */
static void common(const struct wire_ts_list *offered, const struct wire_ts_list *ours, struct wire_ts_list *out)
{
	struct wire_ts ts;

	out->n = 0;
	for (unsigned i = 0; i < offered->n; i++) {
		for (unsigned k = 0; k < ours->n; k++) {
			struct wire_ts_list one = { .n = 1 };

			if (!ts_intersect(&offered->ts[i], &ours->ts[k], &ts))
				continue;
			one.ts[0] = ts;
			if (!ts_list_within(&one, out))
				add_ts(out, &ts);
		}
	}
}

const char *child_own_take(struct exchange *x, struct wire_ts_list *local, const struct wire_ts_list *remote)
{
	struct ipsec_selector sel[KERN_TRAFFIC_MAX];
	struct wire_ts_list ours = { 0 }, mine;
	struct child_sa *c = x->child;
	struct traffic *t;
	unsigned n;

	if (in_auth(x) && x->sa->peer->conf.traffic.local.assigned) {
		add_ours(&ours, x->sa, false);
		common(local, &ours, &mine);
		*local = mine;
		if (!local->n)
			return "the peer's traffic selectors leave out the address that it assigned to us";
	}
	n = traffic_pairs(local, remote, sel);
	if (!n)
		return "the peer's traffic selectors have no pair of one family, more than 32 networks, or ranges of ports";
	t = traffic_for(x->sa->e, sel, n, &x->sa->remote_id);
	if (!t)
		return "out of memory";
	child_adopt(c, t);
	traffic_put(t);
	tunnel_adopt(c);
	return NULL;
}

static uint16_t refuse(struct exchange *x, uint16_t notify, const char *why)
{
	report_reason(x->sa, notify == IKEV2_N_FAILED_CP_REQUIRED ? REASON_ADDRESS_FAILURE : REASON_TS_UNACCEPTABLE);
	report_sa(x->sa, LOG_LEVEL_WARNING, x->sa->version->exchange_name(x->m.h.exchange), "failed", "%s: %s",
		  ikev2_notify_name(notify), why);
	return notify;
}

static uint16_t make_child(struct exchange *x)
{
	struct ipsec_selector sel[KERN_TRAFFIC_MAX];
	unsigned n = traffic_pairs(&x->ts_local, &x->ts_remote, sel);
	struct traffic *t;

	if (!n)
		return refuse(x, IKEV2_N_TS_UNACCEPTABLE, "the peer's traffic selectors make more than 32 policies, have ranges of "
							  "ports, or no pair of one address family");
	t = traffic_for(x->sa->e, sel, n, &x->sa->remote_id);
	if (!t)
		return IKEV2_N_TEMPORARY_FAILURE;
	x->child = child_new(x->sa, &t->pol, false);
	traffic_put(t);
	return x->child ? 0 : IKEV2_N_TEMPORARY_FAILURE;
}

bool child_own_choose(struct exchange *x, const struct wire_ts_list *local, const struct wire_ts_list *remote,
		      uint16_t *notify)
{
	const struct child_sa *old = x->old_spi ? child_find(x->sa->e, x->old_spi) : NULL;
	const struct conf_traffic *conf = &x->sa->peer->conf.traffic;
	struct wire_ts_list our_local, our_remote;

	if (old ? !old->traffic : !conf->local.n && !conf->local.assigned)
		return false;
	if (old) {
		traffic_side(old->traffic, true, &our_local);
		traffic_side(old->traffic, false, &our_remote);
	} else {
		wished(x->sa, false, &our_local, &our_remote);
	}
	if (!old && conf->remote.assigned && !our_remote.n) {
		*notify = refuse(x, IKEV2_N_FAILED_CP_REQUIRED, "the peer has asked for no address, and its traffic is for one");
		return true;
	}
	common(local, &our_local, &x->ts_local);
	common(remote, &our_remote, &x->ts_remote);
	if (!x->ts_local.n || !x->ts_remote.n)
		return false;
	*notify = make_child(x);
	return true;
}
