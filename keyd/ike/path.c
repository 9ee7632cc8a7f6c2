// SPDX-License-Identifier: MIT
// Where an IKE SA talks, and its move to where the peer is now.
#include "keyd/ike/path.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/report.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/version.h"

#include <stdio.h>

/* What was on its way when the mapping changed may arrive later than what came after: it moves nothing back. */
#define SETTLE MILLISECONDS(500)

struct path path_of(const struct ike_sa *sa)
{
	return (struct path){ sa->local, sa->remote, sa->local_port, sa->remote_port };
}

struct path path_of_datagram(const struct engine_datagram *d)
{
	return (struct path){ d->local, d->remote, d->local_port, d->remote_port };
}

bool path_equal(const struct path *a, const struct path *b)
{
	return a->local_port == b->local_port && a->remote_port == b->remote_port &&
	       ipsec_addr_equal(&a->local, &b->local) && ipsec_addr_equal(&a->remote, &b->remote);
}

const char *path_format(const struct path *p, char *buf, size_t n)
{
	char local[IPSEC_ADDR_STRLEN], remote[IPSEC_ADDR_STRLEN];

	snprintf(buf, n, "%s:%u - %s:%u", ipsec_addr_format(&p->local, local, sizeof(local)), p->local_port,
		 ipsec_addr_format(&p->remote, remote, sizeof(remote)), p->remote_port);
	return buf;
}

static uint16_t nat_port_of(const struct engine *e, const struct conf_peer *conf)
{
	return conf->nat_port ? conf->nat_port : e->conf.nat_port;
}

struct path path_to(const struct engine *e, const struct peer *peer, const struct ipsec_addr *local,
		    const struct ipsec_addr *remote)
{
	struct path p = { *local, *remote, e->conf.port, peer->conf.port ? peer->conf.port : e->conf.port };

	if (e->conf.nat_port && p.remote_port == nat_port_of(e, &peer->conf))
		p.local_port = e->conf.nat_port;
	return p;
}

void path_float(struct ike_sa *sa)
{
	if (sa->local_port == sa->e->conf.nat_port)
		return;
	sa->local_port = sa->e->conf.nat_port;
	sa->remote_port = nat_port_of(sa->e, &sa->peer->conf);
}

/* --- the kernel's SAs of a child --- */

static bool leads_there(const struct child_sa *c)
{
	return c->out_port == c->sa->remote_port && ipsec_addr_equal(&c->out_addr, &c->sa->remote);
}

static void moved(struct ask *a, const struct kern_answer *an)
{
	struct child_sa *c = container_of(a, struct child_sa, move);
	struct ipsec_sa_id old = { .dst = c->out_addr, .proto = IPPROTO_ESP, .spi = c->spi_out, .mark = c->pol.mark };

	if (an->error) {
		report_child(c, LOG_LEVEL_WARNING, "CHILD_SA", "unmoved", "the kernel does not let it follow its peer: %s",
			     an->why);
		child_rekey(c, "it cannot follow its peer");
		return;
	}
	c->out_port = c->move_port;
	child_touch(c);
	if (!ipsec_addr_equal(&c->out_addr, &c->move_addr)) {
		straggler_add(c->sa->e, &old, OUTBOUND_DRAIN);
		c->out_addr = c->move_addr;
		traffic_follow(c);
		/* The inbound SA keeps its old source, and the kernel would tell of that with each packet. */
		child_rekey(c, "its peer has moved");
	}
	path_follow(c);
}

static void move_inbound(struct child_sa *c)
{
	struct kern_request rq;

	child_inbound_move(c, &rq);
	leave_kern(c->sa->e, &rq);
}

/* The policy sends to one address, and the peer is at another: no SA that leads there would be found. */
static bool tied(const struct child_sa *c)
{
	return !ipsec_addr_equal(&c->out_addr, &c->sa->remote) &&
	       !spd_policy_joins(&c->pol, &c->sa->local, &c->sa->remote);
}

void path_follow(struct child_sa *c)
{
	struct kern_request rq;

	if (c->state < CHILD_UP || c->lost || c->move.id || !c->sa->encap || leads_there(c) || tied(c))
		return;
	c->move_addr = c->sa->remote;
	c->move_port = c->sa->remote_port;
	child_outbound_move(c, &rq);
	ask_kern(c->sa->e, &c->move, &rq, moved);
}

/* Policies are their owner's affair: the peer begins anew, and is told which one it needs. */
static void left_behind(struct child_sa *c)
{
	char was[IPSEC_ADDR_STRLEN], is[IPSEC_ADDR_STRLEN];

	report_child(c, LOG_LEVEL_WARNING, "CHILD_SA", "left",
		     "its policy is for a peer at %s, which is at %s now: write one for that address (setkey)",
		     ipsec_addr_format(&c->out_addr, was, sizeof(was)),
		     ipsec_addr_format(&c->sa->remote, is, sizeof(is)));
	c->sa->version->delete_child(c);
}

/* --- the IKE SA --- */

static void move(struct ike_sa *sa, const struct path *to, const char *why)
{
	bool again = sa->moved_at && sa->e->now - sa->moved_at < SECONDS(1);	/* a peer may do that with every packet */
	struct path from = path_of(sa);
	char a[PATH_STRLEN], b[PATH_STRLEN];

	sa->left_addr = sa->remote;
	sa->left_port = sa->remote_port;
	sa->moved_at = sa->e->now;
	ike_sa_set_remote(sa, &to->remote, to->remote_port);
	report_sa(sa, again ? LOG_LEVEL_DEBUG : LOG_LEVEL_NOTICE, "NAT", "moved", "%s, by %s: was %s",
		  path_format(to, a, sizeof(a)), why, path_format(&from, b, sizeof(b)));
	list_each(c, &sa->children, struct child_sa, link) {
		if (sa->encap)
			move_inbound(c);
		if (c->state == CHILD_UP && tied(c))
			left_behind(c);
		else
			path_follow(c);
	}
}

/* The responder before IKE_AUTH is answered: to the ports that the initiator goes on with. */
static void follow_float(struct ike_sa *sa, const struct path *from)
{
	if (!ipsec_addr_equal(&sa->remote, &from->remote) && !sa->nat_remote)
		return;
	ike_sa_set_remote(sa, &from->remote, from->remote_port);
	sa->local_port = from->local_port;
}

void path_heard(struct ike_sa *sa, const struct path *from)
{
	struct path here = path_of(sa);

	if (path_equal(from, &here))
		return;
	if (sa->state < IKE_ESTABLISHED && !sa->initiator)
		follow_float(sa, from);
	else if (sa->state >= IKE_ESTABLISHED && sa->nat_follow && from->local_port == sa->local_port)
		move(sa, from, "an IKE message");
}

static bool straggles(const struct ike_sa *sa, const struct path *from)
{
	return sa->moved_at && sa->e->now - sa->moved_at < SETTLE && from->remote_port == sa->left_port &&
	       ipsec_addr_equal(&from->remote, &sa->left_addr);
}

void path_mapped(struct engine *e, const struct ipsec_event *ev)
{
	struct child_sa *c = child_find(e, ev->mapping.id.spi);
	struct path here, from;

	if (!c || c->state < CHILD_INBOUND || !c->sa->encap || !c->sa->nat_follow)
		return;
	from = here = path_of(c->sa);
	from.remote = ev->mapping.new_addr;
	from.remote_port = ev->mapping.new_port;
	if (path_equal(&from, &here)) {
		/* The SA was being made while the path changed: it alone is behind. */
		if (c->in_port != here.remote_port)
			move_inbound(c);
	} else if (from.remote.family == here.remote.family && from.remote_port && !straggles(c->sa, &from)) {
		move(c->sa, &from, "ESP");
	}
}
