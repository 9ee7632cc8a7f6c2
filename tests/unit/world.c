// SPDX-License-Identifier: MIT
// The simulated surroundings of two engines.
#include "tests/unit/world.h"
#include "tests/unit/world_kill.h"

#include "keyd/conf/load.h"
#include "keyd/crypto/keymat.h"
#include "keyd/crypto/rand.h"
#include "keyd/ike/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_DELAY 150
#define AUTH_DELAY 100
#define PACKET_EVERY 1000

enum what { DATAGRAM, KERN_RQ, KERN_AN, AUTH_AN, PACKET, EXPIRE };

struct world_event {
	struct world_event *next;
	uint64_t at, order;
	enum what what;
	unsigned host;
	struct world_path path;		/* as it arrives */
	uint32_t spi;
	struct ipsec_alg alg;
	struct kern_request rq;
	struct kern_answer kan;
	struct auth_answer aan;
	struct ipsec_event expire;
	size_t n;
	uint8_t bytes[];
};

static uint64_t rnd(struct world *w)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return w->rng;
}

static bool chance(struct world *w, unsigned percent)
{
	return rnd(w) % 100 < percent;
}

static int world_rand(void *arg, void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = (uint8_t)(rnd(arg) >> 24);
	return 0;
}

static struct world_event *event_new(struct world *w, enum what what, unsigned host, uint64_t at, size_t n)
{
	struct world_event *ev = calloc(1, sizeof(*ev) + n), **slot = &w->events;

	if (!ev)
		abort();
	ev->what = what;
	ev->host = host;
	ev->at = at;
	ev->order = ++w->order;
	ev->n = n;
	while (*slot && (*slot)->at <= at)
		slot = &(*slot)->next;
	ev->next = *slot;
	*slot = ev;
	return ev;
}

/* --- hooks --- */

static unsigned index_of(const struct world_host *h)
{
	return (unsigned)(h - h->w->host);
}

static void deliver(struct world *w, unsigned to, const struct world_path *path, const void *bytes, size_t n)
{
	struct world_event *ev = event_new(w, DATAGRAM, to, w->now + w->delay + (w->jitter ? rnd(w) % w->jitter : 0), n);

	ev->path = *path;
	memcpy(ev->bytes, bytes, n);
}

void world_inject_from(struct world *w, unsigned host, const struct world_path *p, const void *bytes, size_t n)
{
	deliver(w, host, p, bytes, n);
}

void world_inject(struct world *w, unsigned host, const void *bytes, size_t n)
{
	struct world_path path = { w->host[1 - host].addr, w->host[host].addr, 500, 500 };

	deliver(w, host, &path, bytes, n);
}

static void on_send(void *arg, const struct engine_datagram *d)
{
	struct world_host *h = arg;
	struct world *w = h->w;
	unsigned to = 1 - index_of(h);
	uint8_t on_wire[65536];		/* the sender keeps its own copy as it is */
	struct world_path path = { d->local, d->remote, d->local_port, d->remote_port };

	if (world_dead(h))
		return;
	h->datagrams++;
	memcpy(on_wire, d->data.p, d->data.n);
	if (w->tap)
		w->tap(w, index_of(h), on_wire, d->data.n);
	if (chance(w, w->loss) || (w->mtu && d->data.n > w->mtu) || (w->route && !w->route(w, index_of(h), &path)))
		return;
	deliver(w, to, &path, on_wire, d->data.n);
	if (chance(w, w->dup))
		deliver(w, to, &path, on_wire, d->data.n);
}

static void on_kern(void *arg, const struct kern_request *rq)
{
	struct world_host *h = arg;

	if (world_dead(h))
		return;
	event_new(h->w, KERN_RQ, index_of(h), h->w->now + h->kernel_delay, 0)->rq = *rq;
}

static void on_auth(void *arg, const struct auth_request *rq)
{
	struct world_host *h = arg;
	struct world_event *ev = event_new(h->w, AUTH_AN, index_of(h), h->w->now + AUTH_DELAY, 0);
	const struct crypto_alg *prf = crypto_alg_by_id(CRYPTO_PRF, rq->prf, 0);

	ev->aan.id = rq->id;
	if (!h->psk) {
		ev->aan.error = AUTH_NO_SECRET;
		return;
	}
	ev->aan.n = prf->prf;
	if (ikev2_auth_psk(prf, (struct view){ (const uint8_t *)h->psk, strlen(h->psk) }, rq->message, rq->nonce,
			   rq->macid, ev->aan.data))
		ev->aan.error = AUTH_FAILED;
}

static void on_event(void *arg, const struct engine_event *ev)
{
	struct world_host *h = arg;

	h->events[ev->type]++;
	if (ev->type < ENGINE_DETAILS)
		snprintf(h->last_text, sizeof(h->last_text), "%s", ev->text);
	if (h->w->event)
		h->w->event(h->w, index_of(h), ev);
}

static void on_keys(void *arg, enum engine_key_table table, const char *line, size_t n)
{
	struct world_host *h = arg;

	if (h->w->keys)
		h->w->keys(h->w, index_of(h), table, line, n);
}

static void on_log(void *arg, enum log_level level, const char *text)
{
	struct world_host *h = arg;
	size_t used = strlen(h->log);

	if (getenv("WORLD_TRACE"))
		fprintf(stderr, "%9.3f host%u %d %s\n", (double)h->w->now / 1e6, index_of(h), level, text);
	snprintf(h->log + used, sizeof(h->log) - used, "%s\n", text);
}

static void on_resolv(void *arg, const struct engine_resolv *r)
{
	struct world_host *h = arg;

	h->resolv = *r;
}

static const struct engine_hooks hooks = {
	.keep = world_keep, .kept = world_kept, .send = on_send, .kern = on_kern, .auth = on_auth, .event = on_event, .log = on_log, .keys = on_keys, .resolv = on_resolv,
};

/* --- the kernel --- */

static struct world_sa *find_sa(struct world_host *h, const struct ipsec_addr *dst, uint32_t spi)
{
	for (unsigned i = 0; i < h->nsas; i++)
		if (h->sas[i].sa.spi == spi && ipsec_addr_equal(&h->sas[i].sa.dst, dst))
			return &h->sas[i];
	return NULL;
}

static int kernel_add(struct world_host *h, const struct ipsec_sa *sa)
{
	if (find_sa(h, &sa->dst, sa->spi))
		return -EEXIST;
	if (h->nsas == WORLD_SAS_MAX)
		return -ENOMEM;
	h->sas[h->nsas++] = (struct world_sa){ .sa = *sa, .order = ++h->w->order };
	if (ipsec_addr_equal(&sa->src, &h->addr))
		h->larval = false;
	return 0;
}

static int kernel_delete(struct world_host *h, const struct ipsec_sa *sa)
{
	struct world_sa *found = find_sa(h, &sa->dst, sa->spi);

	if (!found)
		return -ESRCH;
	*found = h->sas[--h->nsas];
	return 0;
}

static void kernel_expire(struct world_host *h, const struct ipsec_sa *sa, bool hard)
{
	struct world_event *ev = event_new(h->w, EXPIRE, index_of(h), h->w->now + KERNEL_DELAY, 0);

	ev->expire = (struct ipsec_event){ .type = IPSEC_EVENT_EXPIRE, .expire = { .sa = *sa, .hard = hard } };
	*(hard ? &h->hard_met : &h->soft_met) += 1;
}

/* As xfrm_state_check_expiry(): first the limits, then the count. False: the SA is over, and gone. */
static bool kernel_count(struct world_host *h, struct world_sa *s)
{
	struct ipsec_usage *u = &s->sa.usage;

	if ((s->sa.hard.bytes && u->bytes >= s->sa.hard.bytes) ||
	    (s->sa.hard.packets && u->packets >= s->sa.hard.packets)) {
		kernel_expire(h, &s->sa, true);
		kernel_delete(h, &s->sa);
		return false;
	}
	if (!s->dying && ((s->sa.soft.bytes && u->bytes >= s->sa.soft.bytes) ||
			  (s->sa.soft.packets && u->packets >= s->sa.soft.packets))) {
		s->dying = true;
		kernel_expire(h, &s->sa, false);
	}
	u->packets += h->w->weight;
	u->bytes += (uint64_t)h->w->weight * h->w->bytes;
	return true;
}

static void kernel_get(struct world_host *h, const struct ipsec_sa *sa, struct kern_answer *an)
{
	struct world_sa *found = find_sa(h, &sa->dst, sa->spi);

	h->gets++;
	if (found)
		an->usage = found->sa.usage;
}

/* As kern/move.c does it: in place, or a copy beside it. */
static int kernel_move(struct world_host *h, const struct kern_request *rq)
{
	struct world_sa *found = find_sa(h, &rq->old_dst, rq->sa.spi);
	struct ipsec_sa copy;

	h->moves++;
	if (!found)
		return -ESRCH;
	if (ipsec_addr_equal(&rq->old_dst, &rq->sa.dst)) {
		found->sa.encap = rq->sa.encap;
		return 0;
	}
	copy = found->sa;
	copy.src = rq->sa.src;
	copy.dst = rq->sa.dst;
	copy.encap = rq->sa.encap;
	return kernel_add(h, &copy);
}

static void kernel_tell(struct world_host *h, enum ipsec_event_type type, const struct ipsec_policy *pol)
{
	struct world_event *ev = event_new(h->w, EXPIRE, index_of(h), h->w->now + KERNEL_DELAY, 0);

	ev->expire = (struct ipsec_event){ .type = (uint8_t)type, .policy = *pol };
}

static struct ipsec_policy own_policy(const struct kern_traffic *t, unsigned i)
{
	struct ipsec_policy pol = { .sel = t->sel[i], .dir = IPSEC_DIR_OUT, .index = 8 * i + 9, .ntmpl = 1,
				    .priority = KERN_OWN_PRIORITY };

	pol.tmpl[0] = (struct ipsec_tmpl){ .src = t->local, .dst = t->remote, .proto = IPPROTO_ESP,
					   .mode = IPSEC_MODE_TUNNEL, .reqid = t->reqid };
	return pol;
}

/* The outbound policies of its own; a packet is of the first. */
static void kernel_own(struct world_host *h, const struct kern_traffic *t)
{
	h->own = *t;
	h->sets++;
	for (unsigned i = t->n; i-- > 0;) {
		h->out = own_policy(t, i);
		kernel_tell(h, IPSEC_EVENT_POLICY_NEW, &h->out);
	}
}

static void kernel_guard(struct world_host *h, const struct kern_prefix *p, bool set)
{
	unsigned i = 0;

	while (i < h->guards && (h->guard[i].len != p->len || !ipsec_addr_equal(&h->guard[i].addr, &p->addr)))
		i++;
	if (set && i == h->guards && h->guards < 8)
		h->guard[h->guards++] = *p;
	else if (!set && i < h->guards)
		h->guard[i] = h->guard[--h->guards];
}

static void kernel_disown(struct world_host *h, const struct kern_traffic *t)
{
	if (!h->own.n || h->own.reqid != t->reqid)
		return;
	h->clears++;
	kernel_tell(h, IPSEC_EVENT_POLICY_DELETE, &h->out);
	h->own = (struct kern_traffic){ 0 };
	h->out = (struct ipsec_policy){ 0 };
	h->larval = false;
}

static struct kern_virtual *virtual_of(struct world_host *h, const struct kern_virtual *v)
{
	return &h->virtual[v->addr.family == AF_INET6];
}

/* What keyd makes by itself. False: it is about something else. */
static bool kernel_do_own(struct world_host *h, const struct kern_request *rq)
{
	switch (rq->op) {
	case KERN_TRAFFIC_SET: kernel_own(h, &rq->traffic); return true;
	case KERN_TRAFFIC_CLEAR: kernel_disown(h, &rq->traffic); return true;
	case KERN_GUARD_SET: kernel_guard(h, &rq->guard, true); return true;
	case KERN_GUARD_CLEAR: kernel_guard(h, &rq->guard, false); return true;
	case KERN_VIRTUAL_SET: *virtual_of(h, &rq->virtual) = rq->virtual; return true;
	case KERN_VIRTUAL_CLEAR:
		if (ipsec_addr_equal(&virtual_of(h, &rq->virtual)->addr, &rq->virtual.addr))
			*virtual_of(h, &rq->virtual) = (struct kern_virtual){ 0 };
		return true;
	default: return false;
	}
}

static void kernel_do(struct world_host *h, const struct kern_request *rq)
{
	int error = 0;

	if (kernel_do_own(h, rq) && !rq->id)
		return;

	if (rq->op == KERN_SA_ADD)
		error = kernel_add(h, &rq->sa);
	else if (rq->op == KERN_SA_DELETE)
		error = kernel_delete(h, &rq->sa);
	else if (rq->op == KERN_SA_GET)
		error = find_sa(h, &rq->sa.dst, rq->sa.spi) ? 0 : -ESRCH;
	else if (rq->op == KERN_LARVAL_DELETE)
		h->larval = false;
	else if (rq->op == KERN_SA_MOVE)
		error = kernel_move(h, rq);
	if (rq->id) {
		struct world_event *ev = event_new(h->w, KERN_AN, index_of(h), h->w->now + KERNEL_DELAY, 0);

		ev->kan.id = rq->id;
		ev->kan.error = error;
		if (rq->op == KERN_SOURCE_GET)
			ev->kan.addr = h->addr;
		if (rq->op == KERN_SA_GET)
			kernel_get(h, &rq->sa, &ev->kan);
		snprintf(ev->kan.why, sizeof(ev->kan.why), "%s", error ? strerror(-error) : "");
	}
}

/* An outbound policy finds the SAs that lead to where its tunnel does. */
static bool leads_there(const struct world_host *h, const struct ipsec_sa *sa)
{
	const struct ipsec_tmpl *t = &h->out.tmpl[0];

	return t->mode != IPSEC_MODE_TUNNEL || ipsec_addr_is_any(&t->dst) || ipsec_addr_equal(&t->dst, &sa->dst);
}

struct world_sa *world_newest(struct world_host *h, bool outbound)
{
	struct world_sa *best = NULL;

	for (unsigned i = 0; i < h->nsas; i++)
		if (ipsec_addr_equal(&h->sas[i].sa.src, &h->addr) == outbound &&
		    h->sas[i].sa.reqid == h->out.tmpl[0].reqid && (!outbound || leads_there(h, &h->sas[i].sa)) &&
		    (!best || h->sas[i].order > best->order))
			best = &h->sas[i];
	return best;
}

unsigned world_count(struct world_host *h, bool outbound)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->nsas; i++)
		n += ipsec_addr_equal(&h->sas[i].sa.src, &h->addr) == outbound;
	return n;
}

void world_acquire(struct world *w, unsigned host)
{
	struct world_host *h = &w->host[host];

	struct ipsec_event ev = { .type = IPSEC_EVENT_ACQUIRE };

	h->larval = !world_newest(h, true);
	h->acquires++;
	ev.acquire.seq = ++h->acquire_seq;
	ev.acquire.src = h->addr;
	ev.acquire.dst = h->out.tmpl[0].mode == IPSEC_MODE_TUNNEL ? h->out.tmpl[0].dst : h->out.sel.dst;
	ev.acquire.proto = IPPROTO_ESP;
	ev.acquire.sel = h->out.sel;
	ev.acquire.policy = h->out;
	if (h->engine)
		engine_kern_event(h->engine, h->w->now, &ev);
}

void world_packet(struct world *w, unsigned host)
{
	struct world_host *h = &w->host[host];
	struct world_sa *sa = world_newest(h, true);
	struct world_event *ev;
	struct world_path path;

	if (h->road && !h->own.n) {
		h->in_clear += h->virtual[0].addr.family || h->virtual[1].addr.family;
		return;
	}
	if (!sa) {
		h->held++;
		if (!h->larval)
			world_acquire(w, host);
		return;
	}
	h->sent++;
	if (!kernel_count(h, sa)) {
		h->lost_keying++;
		return;
	}
	path = (struct world_path){ sa->sa.src, sa->sa.dst, sa->sa.encap.sport, sa->sa.encap.dport };
	if (w->route && !w->route(w, host, &path)) {
		w->host[1 - host].lost_link++;
		return;
	}
	ev = event_new(w, PACKET, 1 - host, w->now + w->delay + (w->esp_jitter ? rnd(w) % w->esp_jitter : 0), 0);
	ev->path = path;
	ev->spi = sa->sa.spi;
	ev->alg = sa->sa.aead.name[0] ? sa->sa.aead : sa->sa.enc;
}

static bool same_key(const struct ipsec_alg *a, const struct ipsec_alg *b)
{
	return a->key_bits == b->key_bits && !strcmp(a->name, b->name) && !memcmp(a->key, b->key, a->key_bits / 8);
}

/* The kernel takes ESP in UDP from anywhere, and tells when that is not where the SA says. */
static void mapping(struct world_host *h, const struct world_sa *sa, const struct world_path *path)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_MAPPING };

	if (!sa->sa.encap.type ||
	    (sa->sa.encap.sport == path->sport && ipsec_addr_equal(&sa->sa.src, &path->src)))
		return;
	ev.mapping.id = (struct ipsec_sa_id){ .dst = sa->sa.dst, .proto = sa->sa.proto, .spi = sa->sa.spi };
	ev.mapping.old_addr = sa->sa.src;
	ev.mapping.old_port = sa->sa.encap.sport;
	ev.mapping.new_addr = path->src;
	ev.mapping.new_port = path->sport;
	h->mappings++;
	if (h->engine)
		engine_kern_event(h->engine, h->w->now, &ev);
}

/* As keyd/kern/await.c has it told. */
static void first_packet(struct world_host *h, struct world_sa *s)
{
	struct world_event *ev;

	if (s->used || s->sa.ae != IPSEC_AE_FIRST || h->old_kernel)
		return;
	s->used = true;
	h->firsts++;
	ev = event_new(h->w, EXPIRE, index_of(h), h->w->now + KERNEL_DELAY, 0);
	ev->expire = (struct ipsec_event){ .type = IPSEC_EVENT_AE };
	ev->expire.ae.id = (struct ipsec_sa_id){ .dst = s->sa.dst, .proto = s->sa.proto, .spi = s->sa.spi };
	ev->expire.ae.seq = 1;
}

static void packet_arrives(struct world *w, const struct world_event *ev)
{
	struct world_host *h = &w->host[ev->host];
	struct world_sa *sa = find_sa(h, &h->addr, ev->spi);

	if (h->down) {
		h->lost_link++;
		return;
	}
	if (sa && !kernel_count(h, sa))
		sa = NULL;
	if (sa && h->road && (!h->own.n || h->own.reqid != sa->sa.reqid))
		sa = NULL;		/* the policies do not let it in (XfrmInNoPols, XfrmInTmplMismatch) */
	if (sa && !sa->sa.encap.type == !ev->path.sport &&
	    same_key(&ev->alg, sa->sa.aead.name[0] ? &sa->sa.aead : &sa->sa.enc)) {
		h->received++;
		first_packet(h, sa);
		mapping(h, sa, &ev->path);
	} else {
		h->lost_keying++;
	}
}

void world_flush(struct world *w, unsigned host)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_SA_FLUSH };

	w->host[host].nsas = 0;
	w->host[host].larval = false;
	engine_kern_event(w->host[host].engine, w->now, &ev);
}

bool world_joined(struct world *w)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct world_sa *out = world_newest(&w->host[i], true);
		struct world_host *peer = &w->host[1 - i];
		struct world_sa *in = out ? find_sa(peer, &peer->addr, out->sa.spi) : NULL;

		if (!in || !same_key(&out->sa.aead, &in->sa.aead) || !same_key(&out->sa.enc, &in->sa.enc) ||
		    !same_key(&out->sa.auth, &in->sa.auth))
			return false;
	}
	return true;
}

/* --- time --- */

static struct world_event *event_wait(struct world *w, const struct world_event *ev, uint64_t at)
{
	struct world_event *again = event_new(w, ev->what, ev->host, at, ev->n);

	again->path = ev->path;
	return again;
}

static void datagram_arrives(struct world *w, const struct world_event *ev)
{
	struct world_host *h = &w->host[ev->host];
	struct engine_datagram d = { .local = ev->path.dst, .remote = ev->path.src, .local_port = ev->path.dport,
				     .remote_port = ev->path.sport, .data = { ev->bytes, ev->n } };

	if (ev->n == 1)
		h->keepalives++;	/* the kernel eats them */
	else if (h->down)
		return;
	else if (h->engine)
		engine_input(h->engine, w->now, &d);
	else	/* it waits in the socket */
		memcpy(event_wait(w, ev, h->wake_at)->bytes, ev->bytes, ev->n);
}

static void event_run(struct world *w, const struct world_event *ev)
{
	struct world_host *h = &w->host[ev->host];

	if (!h->engine && (ev->what == KERN_AN || ev->what == AUTH_AN || ev->what == EXPIRE))
		return;
	switch (ev->what) {
	case DATAGRAM:
		datagram_arrives(w, ev);
		break;
	case KERN_RQ:
		kernel_do(h, &ev->rq);
		break;
	case KERN_AN:
		engine_kern_answer(h->engine, w->now, &ev->kan);
		break;
	case AUTH_AN:
		engine_auth_answer(h->engine, w->now, &ev->aan);
		break;
	case PACKET:
		packet_arrives(w, ev);
		break;
	case EXPIRE:
		engine_kern_event(h->engine, w->now, &ev->expire);
		break;
	}
}

static uint64_t next_at(struct world *w, uint64_t packet_at)
{
	uint64_t at = w->events ? w->events->at : ENGINE_NEVER;

	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		uint64_t next = w->host[i].engine ? engine_deadline(w->host[i].engine) : w->host[i].wake_at;

		if (next < at)
			at = next;
	}
	return w->traffic && packet_at < at ? packet_at : at;
}

bool world_until(struct world *w, uint64_t us, bool (*cond)(struct world *w))
{
	uint64_t end = w->now + us, packet_at = w->now;

	while (!cond || !cond(w)) {
		uint64_t at = next_at(w, packet_at);

		if (at > end) {
			w->now = end;
			return false;
		}
		if (at > w->now)
			w->now = at;
		if (w->traffic && packet_at <= w->now) {
			packet_at = w->now + PACKET_EVERY;
			for (unsigned i = 0; i < WORLD_HOSTS; i++)
				if (!w->host[i].mute)
					world_packet(w, i);
		}
		while (w->events && w->events->at <= w->now) {
			struct world_event *ev = w->events;

			w->events = ev->next;
			event_run(w, ev);
			free(ev);
			world_look_after(w);
		}
		for (unsigned i = 0; i < WORLD_HOSTS; i++)
			if (w->host[i].engine)
				engine_tick(w->host[i].engine, w->now);
		world_look_after(w);
	}
	return true;
}

void world_run(struct world *w, uint64_t us)
{
	world_until(w, us, NULL);
}

bool world_up(struct world *w)
{
	world_packet(w, 0);
	if (!world_until(w, SECONDS(60), world_joined))
		return false;
	world_run(w, SECONDS(2));
	return true;
}

struct ipsec_policy world_other(struct world *w, unsigned host)
{
	struct ipsec_policy pol = w->host[host].out;

	pol.index++;
	pol.tmpl[0].reqid = WORLD_OTHER_REQID;
	ipsec_addr_parse(&pol.sel.src, host ? "10.1.1.0" : "10.1.0.0");
	ipsec_addr_parse(&pol.sel.dst, host ? "10.1.0.0" : "10.1.1.0");
	return pol;
}

void world_load_other(struct world *w)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW, .policy = world_other(w, i) };

		engine_kern_event(w->host[i].engine, w->now, &ev);
	}
}

/* --- beginning and end --- */

static void tell_policy(struct world_host *h)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW, .policy = h->out };

	engine_kern_event(h->engine, h->w->now, &ev);
}

/* As the kern role does when it begins: first that all is told anew. */
static void tell_policies(struct world_host *h)
{
	const struct ipsec_event flush = { .type = IPSEC_EVENT_POLICY_FLUSH };

	engine_kern_event(h->engine, h->w->now, &flush);
	for (unsigned i = 0; i < h->own.n; i++) {
		struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW, .policy = own_policy(&h->own, i) };

		engine_kern_event(h->engine, h->w->now, &ev);
	}
	if (h->out.ntmpl && !h->own.n)
		tell_policy(h);
}

/* Policies, SAs, and that this was all. */
void world_tell_kernel(struct world_host *h)
{
	tell_policies(h);
	for (unsigned i = 0; i < h->nsas; i++) {
		h->sas[i].sa.state = IPSEC_STATE_MATURE;
		engine_kern_orphan(h->engine, h->w->now, &h->sas[i].sa);
	}
	engine_kern_ready(h->engine, h->w->now);
}

static void make_policy(struct world_host *h, bool tunnel)
{
	unsigned me = index_of(h), you = 1 - me;
	struct ipsec_policy *p = &h->out;
	char net[2][32];

	*p = (struct ipsec_policy){ .dir = IPSEC_DIR_OUT, .index = 9, .ntmpl = 1, .priority = 100 };
	p->tmpl[0].proto = IPPROTO_ESP;
	if (tunnel) {
		snprintf(net[0], sizeof(net[0]), "10.0.%u.0", me);
		snprintf(net[1], sizeof(net[1]), "10.0.%u.0", you);
		ipsec_addr_parse(&p->sel.src, net[0]);
		ipsec_addr_parse(&p->sel.dst, net[1]);
		p->sel.src_len = p->sel.dst_len = 24;
		p->tmpl[0].mode = IPSEC_MODE_TUNNEL;
		p->tmpl[0].src = h->addr;
		p->tmpl[0].dst = h->w->host[you].addr;
	} else {
		p->sel.src = h->addr;
		p->sel.dst = h->w->host[you].addr;
		p->sel.src_len = p->sel.dst_len = 32;
		p->tmpl[0].mode = IPSEC_MODE_TRANSPORT;
	}
}

void world_init(struct world *w, uint64_t seed, bool tunnel)
{
	memset(w, 0, sizeof(*w));
	w->now = 1000000;
	w->rng = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	w->delay = 10000;
	w->weight = 1;
	w->bytes = 1500;
	crypto_rand_set(world_rand, w);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w->host[i].w = w;
		w->host[i].kernel_delay = KERNEL_DELAY;
		ipsec_addr_parse(&w->host[i].addr, i ? "192.0.2.2" : "192.0.2.1");
	}
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct world_host *h = &w->host[i];

		h->psk = "correct horse";
		conf_defaults(&h->conf);
		make_policy(h, tunnel);
		h->engine = engine_new(&hooks, h, &h->conf);
		tell_policies(h);
	}
}

static void on_mistake(const char *text, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s\n", text);
	abort();
}

void world_road(struct world *w, unsigned host, const char *conf)
{
	struct world_host *h = &w->host[host];
	struct conf_secrets s;

	conf_free(&h->conf);
	conf_load_buffer(&h->conf, &s, "road", conf, strlen(conf), on_mistake, NULL);
	conf_secrets_free(&s);
	h->road = true;
	if (!h->own.n)
		h->out = (struct ipsec_policy){ 0 };
	world_configure(w, host);
	if (!h->own.n)
		tell_policies(h);
}

void world_configure(struct world *w, unsigned host)
{
	if (engine_configure(w->host[host].engine, &w->host[host].conf))
		abort();
}

void world_engine_begin(struct world_host *h)
{
	h->engine = engine_new(&hooks, h, &h->conf);
}

/* What was asked by an engine that is gone must not reach the next one. */
void world_forget_events(struct world *w, unsigned host)
{
	bool deaf = w->host[host].deaf;

	for (struct world_event **slot = &w->events; *slot;) {
		struct world_event *ev = *slot;

		if (ev->host == host && (ev->what == KERN_AN || ev->what == AUTH_AN || ev->what == EXPIRE ||
					       (deaf && ev->what == KERN_RQ))) {
			*slot = ev->next;
			free(ev);
		} else {
			slot = &ev->next;
		}
	}
}

void world_restart(struct world *w, unsigned host, bool keep_sas)
{
	struct world_host *h = &w->host[host];

	engine_free(h->engine);
	world_forget_events(w, host);
	world_records_free(h);
	if (!keep_sas)
		h->nsas = 0;
	h->larval = false;
	world_engine_begin(h);
	world_tell_kernel(h);
}

void world_log_clear(struct world *w)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		w->host[i].log[0] = '\0';
}

void world_free(struct world *w)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w->host[i].killed = true;
		engine_free(w->host[i].engine);
		world_records_free(&w->host[i]);
		conf_free(&w->host[i].conf);
	}
	while (w->events) {
		struct world_event *ev = w->events;

		w->events = ev->next;
		free(ev);
	}
	crypto_rand_set(NULL, NULL);
}
