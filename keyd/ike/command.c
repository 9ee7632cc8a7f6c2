// SPDX-License-Identifier: MIT
// What keydctl asks of the engine.
#include "keyd/conf/load.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/orphan.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/retry.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ike/version.h"

#include <stdio.h>
#include <string.h>

/* The ends that a policy leaves no doubt about. */
static bool policy_ends(const struct ipsec_policy *pol, struct ipsec_addr *local, struct ipsec_addr *remote)
{
	const struct ipsec_tmpl *t = &pol->tmpl[0];

	if (t->mode == IPSEC_MODE_TUNNEL) {
		*local = t->src;
		*remote = t->dst;
	} else {
		if (pol->sel.src_len != ipsec_addr_bits(pol->sel.src.family) ||
		    pol->sel.dst_len != ipsec_addr_bits(pol->sel.dst.family))
			return false;
		*local = pol->sel.src;
		*remote = pol->sel.dst;
	}
	return !ipsec_addr_is_any(local) && !ipsec_addr_is_any(remote);
}

static int tunnels_up(struct engine *e, const char *peer)
{
	int n = 0;

	for (unsigned i = 0; i < e->conf.npeers; i++) {
		const struct conf_peer *conf = &e->conf.peers[i];

		if (!tunnel_possible(conf) || !peer_named(conf, &conf->remote, peer))
			continue;
		tunnel_up(e, conf);
		n++;
	}
	return n;
}

static void policy_up(struct engine *e, const struct ipsec_policy *pol, const struct conf_peer *conf,
		      const struct ipsec_addr *local, const struct ipsec_addr *remote)
{
	const struct ipsec_selector *sel = &pol->sel;
	bool pair = sel->src_len == ipsec_addr_bits(sel->src.family) && sel->dst_len == ipsec_addr_bits(sel->dst.family);

	if (child_serving(e, pol, local, remote))
		return;
	if (conf->single_pair && !pair && pol->tmpl[0].mode == IPSEC_MODE_TUNNEL) {
		report_failed(e, local, remote, REASON_POLICY_UNSUPPORTED,
			      "\"single-pair\" makes a child for each pair of addresses: a packet brings it up");
		return;
	}
	retry_forget(e, pol, local, remote);
	child_begin(e, pol, local, remote, NULL);
}

/* Every policy of the peer that names its ends. */
static int policies_up(struct engine *e, const char *peer)
{
	int n = 0;

	list_each(p, &e->spd.policies, struct spd_policy, link) {
		struct ipsec_addr local, remote;
		struct peer *conf;

		if (spd_policy_unfit(&p->pol) || !policy_ends(&p->pol, &local, &remote))
			continue;
		conf = engine_peer(e, &local, &remote);
		if (peer_named(&conf->conf, &remote, peer)) {
			n++;
			policy_up(e, &p->pol, &conf->conf, &local, &remote);
		}
		peer_put(conf);
	}
	return n;
}

/* Where we speak from, if no policy says it: the section does, or the only address that there is. */
static bool own_address(const struct engine *e, const struct conf_peer *conf, struct ipsec_addr *local)
{
	const struct ipsec_addr *found = conf->local.family ? &conf->local : NULL;

	for (unsigned i = 0; !conf->local.family && i < e->conf.nlisten; i++) {
		if (e->conf.listen[i].family != conf->remote.family)
			continue;
		if (found)
			return false;
		found = &e->conf.listen[i];
	}
	if (!found || ipsec_addr_is_any(found))
		return false;
	*local = *found;
	return true;
}

/* A peer with an address and without a policy gets an IKE SA without a child (RFC 6023). */
static int childless_up(struct engine *e, struct peer *peer)
{
	const struct conf_peer *conf = &peer->conf;
	struct ipsec_addr local;
	struct ike_sa *sa;

	if (!own_address(e, conf, &local)) {
		report_failed(e, &conf->local, &conf->remote, REASON_NO_POLICY,
			      "there is no policy for this peer, and its section does not say which address is ours: "
			      "add \"local ADDRESS\" to it");
		return 1;
	}
	if (ike_sa_between(e, &local, &conf->remote))
		return 1;
	sa = ike_sa_new(e, peer, true, &local, e->conf.port, &conf->remote, e->conf.port);
	if (sa)
		sa->version->initiate(sa, NULL);
	return sa ? 1 : 0;
}

int engine_up(struct engine *e, uint64_t now, const char *peer, bool *childless)
{
	int n;

	e->now = now;
	n = policies_up(e, peer) + tunnels_up(e, peer);
	if (childless)
		*childless = !n;
	for (unsigned i = 0; !n && peer && *peer && i < e->conf.npeers; i++) {
		const struct conf_peer *conf = &e->peers[i]->conf;

		if (peer_named(conf, &conf->remote, peer) && !conf->refuse && conf->childless != CONF_CHILDLESS_NEVER &&
		    conf->remote.family && conf->remote_len == ipsec_addr_bits(conf->remote.family))
			n += childless_up(e, e->peers[i]);
	}
	engine_settle(e);
	return n;
}

/* Those that have an IKE SA end with it, and are told of by it. */
static int tunnels_down(struct engine *e, const char *peer)
{
	int n = 0;

	list_each(t, &e->tunnels, struct tunnel, link) {
		const struct conf_peer *conf = conf_peer_by_name(&e->conf, t->peer);

		if (!conf || !peer_named(conf, &t->remote, peer))
			continue;
		if (!ike_sa_between(e, &t->local, &t->remote)) {
			tunnel_tell(t, ENGINE_IKE_DOWN, "not wanted any more");
			n++;
		}
		tunnel_end(t);
	}
	return n;
}

int engine_down(struct engine *e, uint64_t now, const char *peer)
{
	int n;

	e->now = now;
	n = tunnels_down(e, peer) + (int)orphans_down(e, peer);
	list_each(sa, &e->sas, struct ike_sa, link) {
		if (!ike_sa_alive(sa) || !peer_named(&sa->peer->conf, &sa->remote, peer))
			continue;
		n++;
		if (sa->state == IKE_ESTABLISHED) {
			sa->version->delete_ike(sa);
			continue;
		}
		sa->unwanted = true;
		report_reason(sa, REASON_DELETED);
		ike_sa_end(sa, "taken down by command");
	}
	engine_settle(e);
	return n;
}

int engine_rekey(struct engine *e, uint64_t now, const char *peer, int what)
{
	int n = 0;

	e->now = now;
	list_each(sa, &e->sas, struct ike_sa, link) {
		if (sa->state != IKE_ESTABLISHED || !peer_named(&sa->peer->conf, &sa->remote, peer))
			continue;
		if (what & ENGINE_REKEY_CHILD) {
			list_each(c, &sa->children, struct child_sa, link) {
				n += c->state != CHILD_REPLACED;
				child_rekey(c, "command");
			}
		}
		if (what & ENGINE_REKEY_IKE) {
			n++;
			sa->rekey_why = "command";
			ike_sa_touch(sa);
			sa->version->rekey_ike(sa);
		}
	}
	engine_settle(e);
	return n;
}

int engine_reauth(struct engine *e, uint64_t now, const char *peer)
{
	int n = 0;

	e->now = now;
	list_each(sa, &e->sas, struct ike_sa, link)
		if (sa->state == IKE_ESTABLISHED && peer_named(&sa->peer->conf, &sa->remote, peer))
			n += reauth_begin(sa, "command");
	engine_settle(e);
	return n;
}

void engine_looked(struct engine *e, uint64_t now, const char *host)
{
	e->now = now;
	tunnels_looked(e, host);
	engine_settle(e);
}

static uint64_t seconds_since(uint64_t now, uint64_t then)
{
	return then && now > then ? (now - then) / SECONDS(1) : 0;
}

static void child_tell(const struct child_sa *c, void (*child)(void *arg, const struct engine_child_info *), void *arg)
{
	struct proposal_choice algs = { .encr = c->encr, .integ = c->integ, .ke = c->ke, .esn = c->esn };
	struct engine_child_info info = { .spi_in = c->spi_in, .spi_out = c->spi_out, .proto = IPPROTO_ESP };
	uint64_t now = c->sa->e->now;

	info.reqid = c->pol.tmpl[0].reqid;
	info.mode = c->pol.tmpl[0].mode;
	info.outbound_used = c->state == CHILD_UP;
	info.old = c->state == CHILD_REPLACED;
	info.sel = c->sel_exact ? c->sel : c->pol.sel;
	info.more_sels = c->traffic && c->traffic->t.n ? c->traffic->t.n - 1u : 0;
	proposal_choice_format(&algs, info.algs, sizeof(info.algs));
	info.age_s = seconds_since(now, c->up_at);
	info.rekey_in_s = seconds_since(c->rekey_at, now);
	info.expires_in_s = seconds_since(c->up_at + SECONDS(c->hard.add_seconds), now);
	info.soft_bytes = c->soft.bytes;
	info.hard_bytes = c->hard.bytes;
	info.soft_packets = c->soft.packets;
	info.hard_packets = c->hard.packets;
	info.rekeys = c->rekeys;
	child(arg, &info);
	for (info.nth = 1; c->traffic && info.nth <= info.more_sels; info.nth++) {
		info.sel = c->traffic->t.sel[info.nth];
		child(arg, &info);
	}
}

/* Whose name and password were good; "": nobody was asked. */
static void tell_user(const struct ike_sa *sa, struct engine_ike_info *info)
{
	const struct conf_peer *conf = &sa->peer->conf;

	if (conf->version == 1 && conf->xauth == CONF_XAUTH_CLIENT)
		memcpy(info->user, conf->xauth_user, sizeof(info->user));
	else if (conf->version == 1 && conf->xauth == CONF_XAUTH_SERVER && sa->state >= IKE_ESTABLISHED)
		snprintf(info->user, sizeof(info->user), "%.*s", (int)sa->remote_id.len, (const char *)sa->remote_id.data);
}

static void ike_tell(const struct ike_sa *sa, void (*ike)(void *arg, const struct engine_ike_info *), void *arg)
{
	struct proposal_choice algs = { .encr = sa->suite.encr, .prf = sa->suite.prf, .integ = sa->suite.integ,
					.ke = sa->ke };
	struct engine_ike_info info = { .local = sa->local, .remote = sa->remote, .initiator = sa->initiator };
	uint64_t now = sa->e->now;

	report_peer(sa, info.peer, sizeof(info.peer));
	snprintf(info.state, sizeof(info.state), "%s", ike_state_name(sa->state));
	info.local_port = sa->local_port;
	info.remote_port = sa->remote_port;
	info.nat_local = sa->nat_local;
	info.nat_remote = sa->nat_remote;
	info.encap = sa->encap;
	memcpy(info.spi_i, sa->spi_i, sizeof(info.spi_i));
	memcpy(info.spi_r, sa->spi_r, sizeof(info.spi_r));
	info.local_id = sa->local_id;
	info.remote_id = sa->remote_id;
	tell_user(sa, &info);
	proposal_choice_format(&algs, info.algs, sizeof(info.algs));
	info.age_s = seconds_since(now, sa->established_at);
	info.rekey_in_s = sa->state == IKE_ESTABLISHED ? seconds_since(sa->rekey_at, now) : 0;
	info.reauth_in_s = sa->reauth.at != sa->reauth.end ? seconds_since(sa->reauth.at, now) : 0;
	info.expires_in_s = seconds_since(sa->reauth.end, now);
	snprintf(info.local_auth, sizeof(info.local_auth), "%s", sa->proof.local);
	snprintf(info.remote_auth, sizeof(info.remote_auth), "%s", sa->proof.remote);
	info.local_key = sa->proof.key;
	info.cert_expires_in_s = seconds_since(sa->proof.ends, now);
	info.local_key = sa->proof.key;
	info.rtt_us = sa->rtt;
	info.rekeys = sa->rekeys;
	info.taken_over = sa->thawed_at;
	info.taken_over_s = seconds_since(now, sa->thawed_at);
	info.assigned_to_us = sa->assigned[0].family || sa->assigned[1].family;
	for (unsigned f = 0; f < 2; f++)
		if (info.assigned_to_us)
			info.assigned[f] = sa->assigned[f];
		else if (sa->lease[f])
			info.assigned[f] = sa->lease[f]->addr;
	list_each(c, &sa->children, struct child_sa, link)
		info.nchildren++;
	ike(arg, &info);
}

void engine_walk(struct engine *e, uint64_t now, void (*ike)(void *arg, const struct engine_ike_info *),
		 void (*child)(void *arg, const struct engine_child_info *), void *arg)
{
	e->now = now;
	list_each(sa, &e->sas, struct ike_sa, link) {
		if (sa->state >= IKE_CLOSED)
			continue;
		ike_tell(sa, ike, arg);
		list_each(c, &sa->children, struct child_sa, link)
			child_tell(c, child, arg);
	}
}

static void lease_tell(const struct lease *l, uint64_t now, void (*lease)(void *arg, const struct engine_lease_info *), void *arg)
{
	struct engine_lease_info info = { .addr = l->addr, .users = l->users, .for_s = seconds_since(now, l->since) };

	info.id.type = l->id_type;
	info.id.len = l->id_len;
	memcpy(info.id.data, l->id_data, l->id_len);
	lease(arg, &info);
}

void engine_pools(struct engine *e, uint64_t now, void (*pool)(void *arg, const struct engine_pool_info *),
		  void (*lease)(void *arg, const struct engine_lease_info *), void *arg)
{
	e->now = now;
	list_each(p, &e->pools.list, struct pool, link) {
		struct engine_pool_info info = { .size = pool_size(p), .online = p->online, .known = p->known };

		memcpy(info.name, p->conf.name, sizeof(info.name));
		pool(arg, &info);
		list_each(l, &p->leases, struct lease, link)
			lease_tell(l, now, lease, arg);
	}
}
