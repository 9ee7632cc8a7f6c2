// SPDX-License-Identifier: MIT
// The simulated surroundings of two engines: their network, their secrets, and time.
#include "tests/unit/world_inside.h"

#include "keyd/conf/load.h"
#include "keyd/crypto/keymat.h"
#include "keyd/crypto/prf.h"
#include "keyd/crypto/rand.h"
#include "keyd/ike/timer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTH_DELAY 100			/* µs */
#define PACKET_EVERY 1000

uint64_t world_random(struct world *w)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return w->rng;
}

static bool chance(struct world *w, unsigned percent)
{
	return world_random(w) % 100 < percent;
}

static int world_rand(void *arg, void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = (uint8_t)(world_random(arg) >> 24);
	return 0;
}

struct world_event *world_event_new(struct world *w, enum what what, unsigned host, uint64_t at, const void *body, size_t n)
{
	struct world_event *ev = calloc(1, sizeof(*ev) + n);
	struct list *before = w->events.prev;

	if (!ev)
		abort();
	ev->what = what;
	ev->host = host;
	ev->at = at;
	ev->n = n;
	memcpy(ev->body, body, n);
	while (before != &w->events && list_entry(before, struct world_event, link)->at > at)
		before = before->prev;
	list_add_head(before, &ev->link);
	return ev;
}

/* --- hooks --- */

unsigned world_index(const struct world_host *h)
{
	return (unsigned)(h - h->w->host);
}

static void deliver(struct world *w, unsigned to, const struct world_path *path, const void *bytes, size_t n)
{
	uint64_t at = w->now + w->delay + (w->jitter ? world_random(w) % w->jitter : 0);

	world_event_new(w, DATAGRAM, to, at, bytes, n)->path = *path;
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
	unsigned to = 1 - world_index(h);
	uint8_t on_wire[65536];		/* the sender keeps its own copy as it is */
	struct world_path path = { d->local, d->remote, d->local_port, d->remote_port };

	if (world_dead(h))
		return;
	h->datagrams++;
	memcpy(on_wire, d->data.p, d->data.n);
	if (w->tap)
		w->tap(w, world_index(h), on_wire, d->data.n);
	if (chance(w, w->loss) || (w->mtu && d->data.n > w->mtu) || (w->route && !w->route(w, world_index(h), &path)))
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
	world_event_new(h->w, KERN_RQ, world_index(h), h->w->now + h->kernel_delay, rq, sizeof(*rq));
}

static void on_auth(void *arg, const struct auth_request *rq)
{
	struct world_host *h = arg;
	const struct crypto_alg *prf = crypto_alg_by_id(CRYPTO_PRF, rq->prf, 0);
	struct auth_answer an = { .id = rq->id, .n = prf ? prf->prf : 0 };

	if (rq->way != CONF_AUTH_PSK) {
		an = (struct auth_answer){ .id = rq->id, .error = AUTH_NO_KEY };
		if (h->w->sign)
			h->w->sign(h->w, world_index(h), rq, &an);
	} else if (!h->psk)
		an.error = AUTH_NO_SECRET;
	else if (rq->form == AUTH_IKEV1)
		an.error = crypto_prf(prf, (struct view){ (const uint8_t *)h->psk, strlen(h->psk) }, &rq->message, 1,
				      an.data) ? AUTH_FAILED : 0;
	else if (ikev2_auth_psk(prf, (struct view){ (const uint8_t *)h->psk, strlen(h->psk) }, rq->message, rq->nonce,
				rq->macid, an.data))
		an.error = AUTH_FAILED;
	world_event_new(h->w, AUTH_AN, world_index(h), h->w->now + h->w->auth_delay, &an, sizeof(an));
}

static void on_trust(void *arg, const struct trust_request *rq)
{
	struct world_host *h = arg;
	struct trust_answer an = { .id = rq->id, .error = TRUST_FAILED };

	if (h->w->judge)
		h->w->judge(h->w, world_index(h), rq, &an);
	world_event_new(h->w, TRUST_AN, world_index(h), h->w->now + h->w->auth_delay, &an, sizeof(an));
}

static void on_event(void *arg, const struct engine_event *ev)
{
	struct world_host *h = arg;

	h->events[ev->type]++;
	if (ev->type < ENGINE_DETAILS)
		snprintf(h->last_text, sizeof(h->last_text), "%s", ev->text);
	if (h->w->event)
		h->w->event(h->w, world_index(h), ev);
}

static void on_keys(void *arg, enum engine_key_table table, const char *line, size_t n)
{
	struct world_host *h = arg;

	if (h->w->keys)
		h->w->keys(h->w, world_index(h), table, line, n);
}

static void on_log(void *arg, enum log_level level, const char *text)
{
	struct world_host *h = arg;
	size_t used = strlen(h->log);

	if (getenv("WORLD_TRACE"))
		fprintf(stderr, "%9.3f host%u %d %s\n", (double)h->w->now / 1e6, world_index(h), level, text);
	snprintf(h->log + used, sizeof(h->log) - used, "%s\n", text);
}

static void on_resolv(void *arg, const struct engine_resolv *r)
{
	struct world_host *h = arg;

	h->resolv = *r;
}

static void on_lookup(void *arg, const char *name)
{
	struct world_host *h = arg;

	if (h->w->lookup)
		h->w->lookup(h->w, (unsigned)(h - h->w->host), name);
}

static const struct engine_hooks hooks = {
	.send = on_send, .kern = on_kern, .auth = on_auth, .trust = on_trust, .keep = world_keep, .kept = world_kept, .event = on_event,
	.log = on_log, .keys = on_keys, .resolv = on_resolv, .lookup = on_lookup,
};

/* --- time --- */

static void datagram_arrives(struct world *w, const struct world_event *ev)
{
	struct world_host *h = &w->host[ev->host];
	struct engine_datagram d = { .local = ev->path.dst, .remote = ev->path.src, .local_port = ev->path.dport,
				     .remote_port = ev->path.sport, .data = { ev->body, ev->n } };

	if (ev->n == 1)
		h->keepalives++;	/* the kernel eats them */
	else if (h->down)
		return;
	else if (h->engine)
		engine_input(h->engine, w->now, &d);
	else	/* it waits in the socket */
		world_event_new(w, DATAGRAM, ev->host, h->wake_at, ev->body, ev->n)->path = ev->path;
}

static void event_run(struct world *w, const struct world_event *ev)
{
	struct world_host *h = &w->host[ev->host];
	const void *body = ev->body;

	if (!h->engine && (ev->what == KERN_AN || ev->what == AUTH_AN || ev->what == TRUST_AN || ev->what == KERN_EVENT))
		return;
	h->unchecked = h->unchecked || (ev->what != PACKET && ev->what != KERN_RQ);
	switch (ev->what) {
	case DATAGRAM:
		datagram_arrives(w, ev);
		break;
	case KERN_RQ:
		world_kernel_do(h, body);
		break;
	case KERN_AN:
		engine_kern_answer(h->engine, w->now, body);
		break;
	case AUTH_AN:
		engine_auth_answer(h->engine, w->now, body);
		break;
	case TRUST_AN:
		engine_trust_answer(h->engine, w->now, body);
		break;
	case PACKET:
		world_packet_arrives(w, ev);
		break;
	case KERN_EVENT:
		engine_kern_event(h->engine, w->now, body);
		break;
	}
}

/* What is next, if its time is not later than that; NULL: nothing. */
static struct world_event *event_due(struct world *w, uint64_t at)
{
	struct world_event *ev = list_entry(w->events.next, struct world_event, link);

	return !list_empty(&w->events) && ev->at <= at ? ev : NULL;
}

static void event_free(struct world_event *ev)
{
	list_del(&ev->link);
	free(ev);
}

static uint64_t next_at(struct world *w, uint64_t packet_at)
{
	const struct world_event *ev = event_due(w, ENGINE_NEVER);
	uint64_t at = ev ? ev->at : ENGINE_NEVER;

	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		uint64_t next = w->host[i].engine ? engine_deadline(w->host[i].engine) : w->host[i].wake_at;

		if (next < at)
			at = next;
	}
	return w->traffic && packet_at < at ? packet_at : at;
}

static void tick(struct world *w)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		struct world_host *h = &w->host[i];

		if (!h->engine)
			continue;
		h->unchecked = h->unchecked || engine_deadline(h->engine) <= w->now;
		engine_tick(h->engine, w->now);
	}
}

bool world_until(struct world *w, uint64_t us, bool (*cond)(struct world *w))
{
	uint64_t end = w->now + us, packet_at = w->now;
	struct world_event *ev;

	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		w->host[i].unchecked = true;
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
		while ((ev = event_due(w, w->now))) {
			list_del(&ev->link);
			event_run(w, ev);
			free(ev);
			world_look_after(w);
		}
		tick(w);
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
		struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW, .policy = world_own_policy(&h->own, i) };

		engine_kern_event(h->engine, h->w->now, &ev);
	}
	if (h->out.ntmpl && !h->own.n)
		tell_policy(h);
}

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
	unsigned me = world_index(h), you = 1 - me;
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
	w->auth_delay = AUTH_DELAY;
	w->weight = 1;
	w->bytes = 1500;
	list_init(&w->events);
	crypto_rand_set(world_rand, w);
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w->host[i].w = w;
		w->host[i].kernel_delay = WORLD_KERNEL_DELAY;
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

void world_forget_events(struct world *w, unsigned host)
{
	bool deaf = w->host[host].deaf;

	list_each(ev, &w->events, struct world_event, link)
		if (ev->host == host && (ev->what == KERN_AN || ev->what == AUTH_AN || ev->what == TRUST_AN || ev->what == KERN_EVENT ||
					 (deaf && ev->what == KERN_RQ)))
			event_free(ev);
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
	list_each(ev, &w->events, struct world_event, link)
		event_free(ev);
	crypto_rand_set(NULL, NULL);
}
