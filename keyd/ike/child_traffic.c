// SPDX-License-Identifier: MIT
// Which traffic a child is for: from the policy to an offer, and from what was agreed to the kernel's selectors.
#include "keyd/ike/child_traffic.h"

#include "keyd/conf/id.h"
#include "keyd/ike/child_own.h"
#include "keyd/ike/report.h"
#include "keyd/ike/version.h"
#include "keyd/wire/ikev2.h"

#include <string.h>

static bool is_transport(const struct child_sa *c)
{
	return c->pol.tmpl[0].mode == IPSEC_MODE_TRANSPORT;
}

/*
 * Transport mode through a NAT (2.23.1): who stands behind one is known by another address than its own. Both sides put
 * the address that they see in the place of it, as every policy and every packet has that one. False: the selectors are
 * not of one host, and so there can be no transport mode.
 */
static bool see_through_nat(const struct ike_sa *sa, struct wire_ts_list *local, struct wire_ts_list *remote)
{
	if ((sa->nat_local && !ts_list_is_host(local)) || (sa->nat_remote && !ts_list_is_host(remote)))
		return false;
	for (unsigned i = 0; sa->nat_local && i < local->n; i++)
		ts_set_host(&local->ts[i], &sa->local);
	for (unsigned i = 0; sa->nat_remote && i < remote->n; i++)
		ts_set_host(&remote->ts[i], &sa->remote);
	return true;
}

/* --- initiator --- */

/* Which types of ICMP will follow a packet is for the policy to say: an echo comes back as another type. */
static struct ipsec_selector asking_flow(const struct child_sa *c)
{
	struct ipsec_selector flow = c->flow;

	if (ts_proto_has_types(flow.proto)) {
		flow.sport = c->pol.sel.proto ? c->pol.sel.sport : 0;
		flow.sport_mask = c->pol.sel.proto ? c->pol.sel.sport_mask : 0;
		flow.dport = c->pol.sel.proto ? c->pol.sel.dport : 0;
		flow.dport_mask = c->pol.sel.proto ? c->pol.sel.dport_mask : 0;
	}
	return flow;
}

/* The packet that asks first, then all that the policy covers (2.9). */
static void make_offer(struct exchange *x)
{
	struct wire_ts_list *local = &x->ts_local, *remote = &x->ts_remote;
	struct spd_query q = { .local = &x->sa->local, .remote = &x->sa->remote };
	struct child_sa *c = x->child;
	struct ipsec_selector flow = asking_flow(c);
	bool asked = c->flow.src.family && selector_covers(&c->pol.sel, &c->flow);
	struct wire_ts l, r;

	local->n = remote->n = 0;
	spd_policy_ts(&x->sa->e->spd, &c->pol, &q, SELECTOR_SRC, &l);
	spd_policy_ts(&x->sa->e->spd, &c->pol, &q, SELECTOR_DST, &r);
	if (asked && (c->single_pair || x->sa->peer->conf.single_pair)) {
		ts_set_host(&l, &c->flow.src);
		ts_set_host(&r, &c->flow.dst);
	} else if (asked) {
		selector_to_ts(&flow, SELECTOR_SRC, &local->ts[0]);
		selector_to_ts(&flow, SELECTOR_DST, &remote->ts[0]);
		local->n = remote->n = ts_within(&l, &local->ts[0]) && ts_within(&r, &remote->ts[0]) ? 0 : 1;
	}
	local->ts[local->n++] = l;
	remote->ts[remote->n++] = r;
	c->offered = true;
}

void child_traffic_offer(struct exchange *x)
{
	if (x->child->traffic)
		child_own_offer(x);
	else
		make_offer(x);
}

/*
 * The peer lets through something, but not the packet that asks: when there is a child for that something already,
 * another one is of no use, and would be asked for again and again.
 */
static bool leaves_out_the_packet(struct exchange *x)
{
	struct child_sa *c = x->child;

	if (!c->flow.src.family || selector_covers(&c->sel, &c->flow))
		return false;
	c->flow_left_out = true;
	list_each(other, &x->sa->children, struct child_sa, link)
		if (other->state == CHILD_UP && other->spi_in != c->replaces && !other->lost &&
		    other->pol.tmpl[0].reqid == c->pol.tmpl[0].reqid && selector_covers(&other->sel, &c->sel))
			return true;
	return false;
}

const char *child_traffic_take(struct exchange *x, struct wire_ts_list *local, struct wire_ts_list *remote)
{
	struct child_sa *c = x->child;
	char text[SELECTOR_STRLEN];

	if (is_transport(c) && !see_through_nat(x->sa, local, remote))
		return "the peer's traffic selectors are not of one host each, and transport mode goes through a NAT";
	if (!ts_list_within(local, &x->ts_local) || !ts_list_within(remote, &x->ts_remote))
		return "the peer widened the traffic selectors beyond our policy";
	if (c->traffic)
		return child_own_take(x, local, remote);
	if (!selector_inside(local, remote, &c->flow, &c->sel))
		return "the peer's traffic selectors have no pair of one address family and protocol";
	selector_around(remote, local, &c->sel_in);
	c->sel_exact = true;
	if (leaves_out_the_packet(x))
		return "the peer's policy leaves out the packet that asks, and there is a child for the rest already";
	if (c->flow_left_out)
		report_child(c, LOG_LEVEL_WARNING, x->ops->name, "narrowed",
			     "the peer's policy leaves out %s, which asked",
			     selector_format(&c->flow, text, sizeof(text)));
	return NULL;
}

/* --- responder --- */

static void say_no_policy(struct exchange *x, const char *why, const struct spd_query *q)
{
	char a[300], b[300];

	if (q->ts_local->n && q->ts_remote->n)
		report_policies(x->sa, NULL, q->ts_local, q->ts_remote, q->transport);
	report_sa(x->sa, LOG_LEVEL_WARNING, x->sa->version->exchange_name(x->m.h.exchange), "failed",
		  "TS_UNACCEPTABLE: %s; the peer asks for its %s to our %s", why,
		  ts_list_format(q->ts_remote, a, sizeof(a)), ts_list_format(q->ts_local, b, sizeof(b)));
}

/*
 * Two hosts behind one NAT look like one to our kernel: in transport mode it could not tell which of them a packet is
 * for. The same host once more is no other one.
 */
static bool taken_by_neighbour(const struct exchange *x, const struct child_sa *c)
{
	const struct ike_sa *sa = x->sa;

	if (!is_transport(c) || !sa->nat_remote)
		return false;
	for (struct child_sa *o = child_first(sa->e, &c->pol); o; o = child_next(o, &c->pol)) {
		bool same_host = conf_id_equal(&o->sa->remote_id, &sa->remote_id) &&
				 ipsec_addr_equal(&o->nat_real, &c->nat_real);

		if (o->sa != sa && !same_host && o->state >= CHILD_INBOUND && o->state <= CHILD_UP &&
		    ike_sa_alive(o->sa) && ipsec_addr_equal(&o->sa->remote, &sa->remote) &&
		    selector_meets(&o->sel, &c->sel))
			return true;
	}
	return false;
}

/* One pair of addresses, if the policy wants that and the peer's first selectors name one. False: they do not. */
static bool to_single_pair(const struct exchange *x, const struct spd_query *q, struct wire_ts_list *local,
			   struct wire_ts_list *remote, bool *narrowed)
{
	const struct wire_ts *l = &q->ts_local->ts[0], *r = &q->ts_remote->ts[0];
	struct wire_ts_list all_local = *local, all_remote = *remote;
	struct wire_ts pair = *l;

	if (!x->sa->peer->conf.single_pair || (ts_list_is_host(local) && ts_list_is_host(remote)))
		return true;
	if (!ts_is_host(l) || !ts_is_host(r))
		return false;
	*narrowed = true;
	pair.proto = 0;
	pair.port_start = 0;
	pair.port_end = UINT16_MAX;
	if (!ts_list_narrow(&pair, &all_local, local))
		return false;
	memcpy(pair.start, r->start, sizeof(pair.start));
	memcpy(pair.end, r->end, sizeof(pair.end));
	pair.type = r->type;
	pair.addr_len = r->addr_len;
	return ts_list_narrow(&pair, &all_remote, remote);
}

/* What the peer asked for first, as far as the policy has it: the kernel's selector shall be around it. */
static struct ipsec_selector first_choice(const struct exchange *x, const struct spd_query *q, const struct wire_ts *l,
					  const struct wire_ts *r)
{
	const struct child_sa *old = x->old_spi ? child_find(x->sa->e, x->old_spi) : NULL;
	struct wire_ts_list local = { .n = 1 }, remote = { .n = 1 };
	struct ipsec_selector near = { 0 };

	if (old && old->sel_exact)
		return old->sel;
	if (ts_intersect(&q->ts_local->ts[0], l, &local.ts[0]) && ts_intersect(&q->ts_remote->ts[0], r, &remote.ts[0]))
		selector_inside(&local, &remote, NULL, &near);
	return near;
}

/* x->child for pol, with the part of q that pol lets through. 0, or the notify to answer with. */
static uint16_t narrow_to(struct exchange *x, const struct ipsec_policy *pol, const struct spd_query *q,
			  const struct ipsec_addr *nat_real)
{
	const struct spd *spd = &x->sa->e->spd;
	bool single = false, whole;
	struct ipsec_selector near;
	struct wire_ts l, r;

	spd_policy_ts(spd, pol, q, SELECTOR_SRC, &l);
	spd_policy_ts(spd, pol, q, SELECTOR_DST, &r);
	if (!ts_list_narrow(&l, q->ts_local, &x->ts_local) || !ts_list_narrow(&r, q->ts_remote, &x->ts_remote)) {
		say_no_policy(x, "nothing in common", q);
		return IKEV2_N_TS_UNACCEPTABLE;
	}
	if (!to_single_pair(x, q, &x->ts_local, &x->ts_remote, &single)) {
		say_no_policy(x, "\"single-pair\" wants one pair of addresses, which the peer can still ask for", q);
		return IKEV2_N_SINGLE_PAIR_REQUIRED;
	}
	x->child = child_new(x->sa, pol, false);
	if (!x->child)
		return IKEV2_N_TEMPORARY_FAILURE;
	x->child->nat_real = *nat_real;
	near = first_choice(x, q, &l, &r);
	if (!selector_inside(&x->ts_local, &x->ts_remote, &near, &x->child->sel)) {
		say_no_policy(x, "no pair of one address family and protocol", q);
		return IKEV2_N_TS_UNACCEPTABLE;
	}
	selector_around(&x->ts_remote, &x->ts_local, &x->child->sel_in);
	x->child->sel_exact = true;
	if (taken_by_neighbour(x, x->child)) {
		say_no_policy(x, "another host behind the same NAT has transport mode to us already, and the kernel "
			      "could not tell them apart; use tunnel mode", q);
		return IKEV2_N_TS_UNACCEPTABLE;
	}
	whole = ts_list_within(q->ts_local, &x->ts_local) && ts_list_within(q->ts_remote, &x->ts_remote);
	x->more_ts = single || (!whole && spd_has_more(spd, q, pol, &x->ts_local, &x->ts_remote));
	return 0;
}

/* The peer may have moved away from where the policy knows it: then the one of the child that it rekeys will do. */
static const struct ipsec_policy *find_policy(const struct exchange *x, const struct spd_query *q, const char **why)
{
	const struct child_sa *old = x->old_spi ? child_find(x->sa->e, x->old_spi) : NULL;
	const struct ipsec_policy *pol = spd_match(&x->sa->e->spd, q, why);

	return pol || !old ? pol : spd_find(&x->sa->e->spd, &old->pol);
}

static uint16_t choose_for(struct exchange *x, const struct spd_query *q, const struct ipsec_addr *nat_real)
{
	const char *why;
	const struct ipsec_policy *pol = find_policy(x, q, &why);

	if (pol)
		return narrow_to(x, pol, q, nat_real);
	say_no_policy(x, why, q);
	return IKEV2_N_TS_UNACCEPTABLE;
}

/* The NAT's address stands for the host behind it in transport mode only; a tunnel carries the addresses of both. */
static bool through_nat(const struct exchange *x, const struct wire_ts_list *asked_local,
			const struct wire_ts_list *asked_remote, struct spd_query *q, struct wire_ts_list *local,
			struct wire_ts_list *remote)
{
	const struct ipsec_policy *pol;
	const char *why;

	if (!q->transport || (!x->sa->nat_local && !x->sa->nat_remote))
		return false;
	*local = *asked_local;
	*remote = *asked_remote;
	q->ts_local = local;
	q->ts_remote = remote;
	pol = see_through_nat(x->sa, local, remote) ? find_policy(x, q, &why) : NULL;
	if (pol && pol->tmpl[0].mode == IPSEC_MODE_TRANSPORT)
		return true;
	q->ts_local = asked_local;
	q->ts_remote = asked_remote;
	q->transport = false;
	return false;
}

/* The same for traffic whose policies keyd makes. False: that is nothing of it, or not in this mode. */
static bool choose_own(struct exchange *x, const struct spd_query *q, uint16_t *notify)
{
	struct child_wish wish = { q->ts_local, q->ts_remote, q->transport, { 0 } };
	struct wire_ts_list local = *q->ts_local, remote = *q->ts_remote;

	if (!q->transport || !child_own_transport(x))
		return child_own_choose(x, &wish, notify);
	if (x->sa->nat_remote && ipsec_addr_from_bytes(&wish.real, remote.ts[0].start, remote.ts[0].addr_len))
		return false;
	if (!see_through_nat(x->sa, &local, &remote))
		return false;
	wish.local = &local;
	wish.remote = &remote;
	return child_own_choose(x, &wish, notify);
}

uint16_t child_traffic_choose(struct exchange *x, const struct wire_ts_list *local, const struct wire_ts_list *remote,
			      bool transport)
{
	struct wire_ts_list seen_local, seen_remote;
	struct spd_query q = { &x->sa->local, &x->sa->remote, local, remote, transport };
	struct ipsec_addr real = { 0 };
	uint16_t notify;

	if (!local->n || !remote->n) {
		q.transport = false;
		say_no_policy(x, "the peer's traffic selectors are of types that nobody here knows", &q);
		return IKEV2_N_TS_UNACCEPTABLE;
	}
	if (choose_own(x, &q, &notify))
		return notify;
	if (through_nat(x, local, remote, &q, &seen_local, &seen_remote) && x->sa->nat_remote &&
	    ipsec_addr_from_bytes(&real, remote->ts[0].start, remote->ts[0].addr_len))
		return IKEV2_N_INVALID_SYNTAX;
	return choose_for(x, &q, &real);
}
