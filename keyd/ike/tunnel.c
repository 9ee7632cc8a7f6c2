// SPDX-License-Identifier: MIT
// Tunnels that are begun by command or setting and kept up.
#include "keyd/ike/tunnel.h"

#include "keyd/conf/load.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/report.h"
#include "keyd/ike/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* From one try to the next: doubled each time, and shortened at random by up to a half. */
#define TRY_MIN SECONDS(1)
#define TRY_MAX SECONDS(60)
/* When the gateway has no address left: such things are not mended quickly (RFC 7296 3.15.4). */
#define TRY_EXHAUSTED SECONDS(300)
/* A name that is not told by then is taken for what it was. */
#define LOOKUP_WAIT SECONDS(8)

void tunnels_init(struct engine *e)
{
	list_init(&e->tunnels);
}

void tunnel_touch(struct tunnel *t)
{
	keep_touch(t->e, &t->keep, KEEP_TUNNEL);
}

static void tunnel_free(struct tunnel *t)
{
	keep_end(t->e, &t->keep);
	timer_cancel(&t->e->timers, &t->retry);
	ask_cancel(&t->ask);
	for (unsigned i = 0; i < TUNNEL_FAMILIES; i++)
		ask_cancel(&t->set[i].ask);
	list_del(&t->link);
	free(t);
}

void tunnels_free(struct engine *e)
{
	list_each(t, &e->tunnels, struct tunnel, link)
		tunnel_free(t);
}

struct tunnel *tunnel_find(const struct engine *e, const char *peer)
{
	list_each(t, &e->tunnels, struct tunnel, link)
		if (!strcmp(t->peer, peer))
			return t;
	return NULL;
}

static struct tunnel *tunnel_new(struct engine *e, const char *peer)
{
	struct tunnel *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->e = e;
	snprintf(t->peer, sizeof(t->peer), "%s", peer);
	snprintf(t->resolv.peer, sizeof(t->resolv.peer), "%s", peer);
	for (unsigned i = 0; i < TUNNEL_FAMILIES; i++)
		t->set[i].tunnel = t;
	list_add_tail(&e->tunnels, &t->link);
	tunnel_touch(t);
	return t;
}

struct tunnel *tunnel_of(const struct ike_sa *sa)
{
	return tunnel_find(sa->e, sa->peer->conf.name);
}

static struct tunnel *with_traffic(const struct engine *e, const struct traffic *traffic)
{
	list_each(t, &e->tunnels, struct tunnel, link)
		if (t->traffic == traffic)
			return t;
	return NULL;
}

bool tunnel_possible(const struct conf_peer *conf)
{
	const struct conf_traffic *t = &conf->traffic;

	return (t->local.assigned || t->local.n) && !t->remote.assigned && conf_peer_is_single(conf);
}

static const struct conf_peer *settings(const struct tunnel *t)
{
	const struct conf_peer *conf = conf_peer_by_name(&t->e->conf, t->peer);

	return conf && tunnel_possible(conf) ? conf : NULL;
}

void tunnel_tell(const struct tunnel *t, enum engine_event_type type, const char *text)
{
	struct engine_event ev = { .type = (uint8_t)type, .local = t->local, .remote = t->remote, .at = t->e->now };

	if (type == ENGINE_FAILED)
		ev.reason = REASON_ADDRESS_FAILURE;

	snprintf(ev.peer, sizeof(ev.peer), "%s", t->peer);
	snprintf(ev.text, sizeof(ev.text), "%s", text);
	t->e->hooks->event(t->e->hooks_arg, &ev);
	report_engine(t->e, type == ENGINE_FAILED ? LOG_LEVEL_ERROR : LOG_LEVEL_NOTICE, "peer=%s: %s", t->peer, text);
}

void tunnel_sends(const struct child_sa *c)
{
	struct tunnel *t = c->traffic ? with_traffic(c->sa->e, c->traffic) : NULL;

	if (!t)
		return;
	t->tries = 0;
	tunnel_touch(t);
	t->pause = 0;
	timer_cancel(&t->e->timers, &t->retry);
	if (c->sa->peer->conf.traffic.local.assigned)
		tunnel_addresses_set(t, &c->sa->peer->conf);
}

/* --- beginning --- */

static void retry_due(struct timer *timer);

static void try_later(struct tunnel *t)
{
	uint64_t wait = t->tries < 6 ? TRY_MIN << t->tries : TRY_MAX;

	if (wait > TRY_MAX)
		wait = TRY_MAX;
	if (t->pause > wait)
		wait = t->pause;
	t->tries++;
	tunnel_touch(t);
	timer_set(&t->e->timers, &t->retry, t->e->now + wait - engine_random_below(wait / 2), retry_due);
}

static bool busy(const struct tunnel *t)
{
	return t->traffic && child_serving(t->e, &t->traffic->pol, &t->local, &t->remote);
}

static void begin_from(struct tunnel *t, const struct ipsec_addr *local)
{
	const struct conf_peer *conf = settings(t);

	t->local = *local;
	tunnel_touch(t);
	if (t->traffic && conf && t->traffic->t.transport != conf->traffic.transport) {
		traffic_put(t->traffic);	/* it was for other settings */
		t->traffic = NULL;
	}
	if (!t->traffic)
		t->traffic = traffic_new(t->e, conf && conf->traffic.transport);
	if (t->traffic)
		child_begin(t->e, &t->traffic->pol, &t->local, &t->remote, NULL);
	if (!busy(t) && !t->retry.pos)
		try_later(t);
}

static void source_answered(struct ask *a, const struct kern_answer *an)
{
	struct tunnel *t = container_of(a, struct tunnel, ask);

	if (!an->error) {
		begin_from(t, &an->addr);
		return;
	}
	if (!t->tries)			/* said once: without a network it stays true for long */
		tunnel_tell(t, ENGINE_FAILED, an->why);
	try_later(t);
}

/* A name may stand for other addresses than it did: nothing is begun before that is known, or nobody tells. */
static bool look_up(struct tunnel *t, const struct conf_peer *conf)
{
	if (!*conf->host || !t->e->hooks->lookup || t->looked) {
		t->looked = false;
		return false;
	}
	t->looked = true;
	timer_set(&t->e->timers, &t->retry, t->e->now + LOOKUP_WAIT, retry_due);
	t->e->hooks->lookup(t->e->hooks_arg, conf->host);
	return true;
}

/* Each of the addresses of a name has its turn. */
static struct ipsec_addr next_address(const struct tunnel *t, const struct conf_peer *conf)
{
	unsigned i = t->tries % (conf->nalso + 1u);

	return i ? conf->also[i - 1] : conf->remote;
}

static void begin(struct tunnel *t)
{
	const struct conf_peer *conf = settings(t);
	struct kern_request rq = { .op = KERN_SOURCE_GET };

	if (!conf) {
		tunnel_end(t);
		return;
	}
	if (t->ask.id || busy(t) || look_up(t, conf))
		return;
	if (!conf->remote.family) {
		if (!t->tries)
			tunnel_tell(t, ENGINE_FAILED, "the name of the peer has no address");
		try_later(t);
		return;
	}
	t->remote = next_address(t, conf);
	tunnel_touch(t);
	if (conf->local.family) {
		begin_from(t, &conf->local);
		return;
	}
	rq.source = t->remote;
	ask_kern(t->e, &t->ask, &rq, source_answered);
}

static void retry_due(struct timer *timer)
{
	begin(container_of(timer, struct tunnel, retry));
}

void tunnels_looked(struct engine *e, const char *host)
{
	list_each(t, &e->tunnels, struct tunnel, link) {
		const struct conf_peer *conf = settings(t);

		if (!t->looked || !conf || strcasecmp(conf->host, host) != 0)
			continue;
		timer_cancel(&e->timers, &t->retry);
		begin(t);
	}
}

void tunnel_up(struct engine *e, const struct conf_peer *conf)
{
	struct tunnel *t = tunnel_find(e, conf->name);

	if (!t)
		t = tunnel_new(e, conf->name);
	if (!t) {
		report_failed(e, &conf->local, &conf->remote, REASON_NO_MEMORY, "out of memory");
		return;
	}
	t->wanted = true;
	tunnel_touch(t);
	t->tries = 0;
	t->pause = 0;
	begin(t);
}

void tunnel_end(struct tunnel *t)
{
	t->wanted = false;
	tunnel_addresses_clear(t);
	if (t->traffic)
		traffic_put(t->traffic);
	tunnel_free(t);
}

void tunnels_hurry(struct engine *e)
{
	list_each(t, &e->tunnels, struct tunnel, link) {
		if (!t->wanted || t->pause || busy(t))
			continue;
		t->tries = 0;
		begin(t);
	}
}

void tunnels_configure(struct engine *e)
{
	if (!e->told)
		return;
	list_each(t, &e->tunnels, struct tunnel, link) {
		if (settings(t))
			continue;
		t->wanted = false;
		tunnel_touch(t);
		if (!busy(t))
			tunnel_end(t);
	}
	for (unsigned i = 0; i < e->conf.npeers; i++)
		if (e->conf.peers[i].start && tunnel_possible(&e->conf.peers[i]) && !tunnel_find(e, e->conf.peers[i].name))
			tunnel_up(e, &e->conf.peers[i]);
}

void tunnel_pause(struct tunnel *t)
{
	t->pause = TRY_EXHAUSTED;
	tunnel_touch(t);
}

void tunnel_adopt(const struct child_sa *c)
{
	struct tunnel *t = tunnel_of(c->sa);
	struct traffic *before = t ? t->traffic : NULL;

	if (!t || before == c->traffic)
		return;
	t->traffic = c->traffic;
	tunnel_touch(t);
	traffic_hold(t->traffic);
	if (before)
		traffic_put(before);
}

void tunnel_child_gone(struct engine *e, struct traffic *traffic)
{
	struct tunnel *t = with_traffic(e, traffic);

	if (!t || busy(t))
		return;
	if (!t->wanted)
		tunnel_end(t);
	else if (!t->retry.pos)
		try_later(t);
}

void tunnel_asked(struct engine *e, struct traffic *traffic)
{
	struct tunnel *t = with_traffic(e, traffic);

	if (t && t->wanted && !t->pause)
		begin(t);
}

/* --- what an earlier keyd left --- */

/* It may be traffic with a peer whose name is not known yet. */
static bool name_missing(const struct engine *e)
{
	for (unsigned i = 0; i < e->conf.npeers; i++)
		if (*e->conf.peers[i].host && !e->conf.peers[i].remote.family)
			return true;
	return false;
}

bool tunnel_found(struct engine *e, struct traffic *traffic)
{
	const struct conf_peer *conf = conf_peer_find(&e->conf, &traffic->t.local, &traffic->t.remote);
	const struct conf_traffic *ct = &conf->traffic;
	struct tunnel *t = tunnel_find(e, conf->name);

	if (!ct->local.assigned && !ct->local.n && name_missing(e))
		return false;
	if (!ct->local.assigned && !ct->local.n) {
		tunnel_addresses_forget(e, traffic);
		traffic_end(traffic);
		return true;
	}
	if (!tunnel_possible(conf) || (t && t->traffic))
		return false;
	t = t ? t : tunnel_new(e, conf->name);
	if (!t)
		return false;
	t->wanted = true;
	t->traffic = traffic;
	traffic_hold(traffic);
	t->local = traffic->t.local;
	t->remote = traffic->t.remote;
	tunnel_touch(t);
	for (unsigned i = 0; ct->local.assigned && i < traffic->t.n; i++)
		t->given[traffic->t.sel[i].src.family == AF_INET6] = traffic->t.sel[i].src;
	begin(t);
	return true;
}

void tunnel_reserve(struct engine *e, const struct traffic *traffic)
{
	for (unsigned i = 0; i < traffic->t.n; i++)
		if (traffic->t.sel[i].dst_len == ipsec_addr_bits(traffic->t.sel[i].dst.family))
			pools_reserve(&e->pools, &traffic->t.sel[i].dst, e->now);
}

/* --- records --- */

static void walk_virtual(struct frost *f, struct tunnel_addr *a)
{
	struct kern_virtual *v = &a->v;

	frost_bool(f, &a->there);
	frost_addr(f, &v->addr);
	frost_addr(f, &v->gateway);
	frost_text(f, v->interface, sizeof(v->interface));
	frost_u8(f, &v->n);
	if (v->n > KERN_ROUTES_MAX)
		f->broken = true;
	for (unsigned i = 0; i < v->n && !f->broken; i++) {
		frost_end(f, &v->to[i].addr);
		frost_u8(f, &v->to[i].len);
		f->broken = f->broken || v->to[i].len > ipsec_addr_bits(v->to[i].addr.family);
	}
}

static void walk_resolv(struct frost *f, struct engine_resolv *r)
{
	frost_text(f, r->peer, sizeof(r->peer));
	frost_u8(f, &r->ndns);
	if (r->ndns > ENGINE_DNS_MAX)
		f->broken = true;
	for (unsigned i = 0; i < r->ndns && !f->broken; i++)
		frost_end(f, &r->dns[i]);
	frost_text(f, r->domain, sizeof(r->domain));
}

static void walk(struct frost *f, struct tunnel *t, uint32_t *reqid)
{
	frost_text(f, t->peer, sizeof(t->peer));
	frost_bool(f, &t->wanted);
	frost_addr(f, &t->local);
	frost_addr(f, &t->remote);
	frost_u32(f, reqid);
	for (unsigned i = 0; i < TUNNEL_FAMILIES; i++) {
		frost_addr(f, &t->given[i]);
		walk_virtual(f, &t->set[i]);
	}
	walk_resolv(f, &t->resolv);
	walk_resolv(f, &t->told);
	frost_u32(f, &t->tries);
	frost_u64(f, &t->pause);
	frost_over(f);
}

bool tunnel_walk(struct frost *f, struct tunnel *t)
{
	uint32_t reqid = t->traffic ? t->traffic->t.reqid : 0;

	walk(f, t, &reqid);
	return true;
}

int tunnel_thaw(struct engine *e, struct frost *f, uint64_t id)
{
	struct tunnel *t = tunnel_new(e, "");
	uint32_t reqid = 0;

	if (!t)
		return -1;
	walk(f, t, &reqid);
	t->traffic = f->broken ? NULL : traffic_find(e, reqid);
	if (f->broken || (reqid && !t->traffic)) {
		tunnel_free(t);
		return -1;
	}
	t->keep.id = id;
	t->keep.known = true;
	if (t->traffic)
		traffic_hold(t->traffic);
	if (t->told.peer[0] && e->hooks->resolv)
		e->hooks->resolv(e->hooks_arg, &t->told);
	return 0;
}

void tunnels_thawed(struct engine *e)
{
	list_each(t, &e->tunnels, struct tunnel, link)
		if (t->wanted && !busy(t))
			try_later(t);
}
