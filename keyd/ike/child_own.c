// SPDX-License-Identifier: MIT
// Agreeing on traffic that the configuration has, and the SPD has not.
#include "keyd/ike/child_own.h"

#include "keyd/conf/id.h"
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

static void add_net(struct wire_ts_list *l, const struct conf_net *net)
{
	struct ipsec_selector sel = { .src = net->addr, .src_len = net->len, .proto = net->proto, .sport = net->port,
				      .sport_mask = net->port ? UINT16_MAX : 0 };
	struct wire_ts ts;

	selector_to_ts(&sel, SELECTOR_SRC, &ts);
	add_ts(l, &ts);
}

static void add_host(struct wire_ts_list *l, const struct ipsec_addr *addr)
{
	if (addr->family)
		add_net(l, &(struct conf_net){ .addr = *addr, .len = ipsec_addr_bits(addr->family) });
}

/* end: of the SA, which "host" stands for. */
static void add_nets(struct wire_ts_list *l, const struct conf_nets *nets, const struct ipsec_addr *end)
{
	for (unsigned i = 0; i < nets->n; i++) {
		struct conf_net net = nets->net[i];

		if (!net.addr.family) {
			net.addr = *end;
			net.len = ipsec_addr_bits(end->family);
		}
		add_net(l, &net);
	}
}

/* The addresses that this side was given, or may still be given: the initiator of IKE_AUTH does not know yet (2.19). */
static void add_ours(struct wire_ts_list *l, const struct ike_sa *sa, bool before)
{
	const struct conf_peer *conf = &sa->peer->conf;
	static const struct conf_net any[] = { { .addr.family = AF_INET }, { .addr.family = AF_INET6 } };

	if (before && conf->virtual_v4)
		add_net(l, &any[0]);
	if (before && conf->virtual_v6)
		add_net(l, &any[1]);
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
	add_nets(local, &t->local, &sa->local);
	if (sa->narrowed.addr.family)
		add_net(remote, &sa->narrowed);
	else
		add_nets(remote, &t->remote, &sa->remote);
	if (t->local.assigned)
		add_ours(local, sa, before);
	if (t->remote.assigned)
		add_theirs(remote, sa);
}

static bool in_auth(const struct exchange *x)
{
	return x->sa->version == &ikev2_version && x->ops && x->ops->type == IKEV2_EXCH_IKE_AUTH;
}

static bool has_host(const struct conf_nets *nets)
{
	for (unsigned i = 0; i < nets->n; i++)
		if (!nets->net[i].addr.family)
			return true;
	return false;
}

/* "host" is another address when the machine has gone elsewhere; then what was agreed on before is of no use. */
static bool still_agreed(const struct traffic *t, const struct ike_sa *sa)
{
	const struct conf_traffic *conf = &sa->peer->conf.traffic;

	if (sa->narrowed.addr.family && !ipsec_addr_equal(&sa->narrowed.addr, &t->t.sel[0].dst))
		return false;
	return t->agreed && ((!has_host(&conf->local) && !has_host(&conf->remote)) ||
			     (ipsec_addr_equal(&t->t.local, &sa->local) && ipsec_addr_equal(&t->t.remote, &sa->remote)));
}

void child_own_offer(struct exchange *x)
{
	const struct traffic *t = x->child->traffic;
	bool before = in_auth(x) && x->sa->peer->conf.traffic.local.assigned;

	if (still_agreed(t, x->sa) && !before) {
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
	bool transport = x->child->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT;
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
	t = traffic_for(x->sa->e, sel, n, transport, &x->sa->remote_id);
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

/*
 * Two hosts behind one NAT look like one to our kernel: in transport mode it could not tell which of them a packet is
 * for, if both are spoken to at the same port. The same host once more is no other one.
 */
static bool taken_by_neighbour(const struct exchange *x, const struct ipsec_selector *sel, unsigned n,
			       const struct ipsec_addr *real)
{
	const struct ike_sa *sa = x->sa;

	if (!sa->nat_remote)
		return false;
	list_each(t, &sa->e->traffics, struct traffic, link) {
		if (!t->t.transport || !t->refs || !traffic_meets(t, sel, n))
			continue;
		for (struct child_sa *o = child_first(sa->e, &t->pol); o; o = child_next(o, &t->pol))
			if (o->sa != sa && o->state >= CHILD_INBOUND && o->state <= CHILD_UP && ike_sa_alive(o->sa) &&
			    !(conf_id_equal(&o->sa->remote_id, &sa->remote_id) && ipsec_addr_equal(&o->nat_real, real)))
				return true;
	}
	return false;
}

static uint16_t make_child(struct exchange *x, bool transport, const struct ipsec_addr *real)
{
	struct ipsec_selector sel[KERN_TRAFFIC_MAX];
	unsigned n = traffic_pairs(&x->ts_local, &x->ts_remote, sel);
	struct traffic *t;

	if (!n)
		return refuse(x, IKEV2_N_TS_UNACCEPTABLE, "the peer's traffic selectors make more than 32 policies, "
			      "have ranges of ports, or no pair of one address family");
	if (transport && taken_by_neighbour(x, sel, n, real))
		return refuse(x, IKEV2_N_TS_UNACCEPTABLE, "another host behind the same NAT uses these ports already, "
			      "and the kernel could not tell them apart");
	t = traffic_for(x->sa->e, sel, n, transport, &x->sa->remote_id);
	if (!t)
		return IKEV2_N_TEMPORARY_FAILURE;
	x->child = child_new(x->sa, &t->pol, false);
	traffic_put(t);
	if (!x->child)
		return IKEV2_N_TEMPORARY_FAILURE;
	x->child->nat_real = *real;
	return 0;
}

/* Our settings and the peer must mean the same mode; in a tunnel it may have wished for another. */
static uint16_t refuse_tunnel(struct exchange *x)
{
	report_reason(x->sa, REASON_MODE_MISMATCH);
	report_sides(x->sa, "transport", "tunnel");
	report_sa(x->sa, LOG_LEVEL_WARNING, x->sa->version->exchange_name(x->m.h.exchange), "failed",
		  "%s: \"traffic\" says transport mode, and the peer asks for a tunnel",
		  ikev2_notify_name(IKEV2_N_TS_UNACCEPTABLE));
	return IKEV2_N_TS_UNACCEPTABLE;
}

bool child_own_transport(const struct exchange *x)
{
	const struct child_sa *old = x->old_spi ? child_find(x->sa->e, x->old_spi) : NULL;

	return old ? old->traffic && old->traffic->t.transport : x->sa->peer->conf.traffic.transport;
}

bool child_own_choose(struct exchange *x, const struct child_wish *wish, uint16_t *notify)
{
	const struct child_sa *old = x->old_spi ? child_find(x->sa->e, x->old_spi) : NULL;
	const struct conf_traffic *conf = &x->sa->peer->conf.traffic;
	struct wire_ts_list our_local, our_remote;

	if (old ? !old->traffic : !conf->local.n && !conf->local.assigned)
		return false;
	if (old && !old->traffic->t.transport) {
		traffic_side(old->traffic, true, &our_local);
		traffic_side(old->traffic, false, &our_remote);
	} else {
		wished(x->sa, false, &our_local, &our_remote);
	}
	if (!old && conf->remote.assigned && !our_remote.n) {
		*notify = refuse(x, IKEV2_N_FAILED_CP_REQUIRED, "the peer has asked for no address, and its traffic is for one");
		return true;
	}
	common(wish->local, &our_local, &x->ts_local);
	common(wish->remote, &our_remote, &x->ts_remote);
	if (!x->ts_local.n || !x->ts_remote.n)
		return false;
	*notify = child_own_transport(x) && !wish->transport ? refuse_tunnel(x) : make_child(x, child_own_transport(x), &wish->real);
	return true;
}
