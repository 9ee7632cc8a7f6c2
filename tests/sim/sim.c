// SPDX-License-Identifier: MIT
// A run from its beginning to its end.
#include "tests/sim/sim.h"

#include "keyd/crypto/rand.h"
#include "keyd/ike/timer.h"
#include "tests/sim/memory.h"
#include "tests/sim/net.h"
#include "tests/sim/op.h"
#include "tests/sim/scenario.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_EVERY 300			/* µs */
#define UP_AT_MOST 400			/* s */
#define QUIET_PACKETS MILLISECONDS(200)	/* between those of a flow */
#define AGREE_AT_MOST 700		/* s */
#define STEPS_MAX 4000000		/* in a second: more than any traffic needs */

enum { STREAM_PLAN, STREAM_NET, STREAM_CRYPTO, STREAM_WORLD };

void sim_trace(struct sim *w, const struct host *h, const char *fmt, ...)
{
	va_list ap;

	if (!w->trace)
		return;
	fprintf(w->trace, "%11.6f %-6s ", (double)w->now / 1e6, h ? h->name : "-");
	va_start(ap, fmt);
	vfprintf(w->trace, fmt, ap);
	va_end(ap);
	fputc('\n', w->trace);
}

static int sim_rand(void *arg, void *p, size_t n)
{
	struct sim *w = arg;
	uint8_t *bytes = p;

	if (w->plan->bug == BUG_KEYS_REUSED && n > 8)
		w->crypto = rng_stream(w->plan->seed, STREAM_CRYPTO);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(rng_next(&w->crypto) >> 24);
	if (w->plan->bug == BUG_SPI_REUSED && n == 4)
		bytes[1] = bytes[2] = bytes[3] = (uint8_t)(0x40 | (bytes[0] &= 63));
	return 0;
}

/* --- traffic --- */

static void flow_send(struct sim *w, unsigned i)
{
	struct host *h = &w->host[w->flow[i].from];

	if (h->off)
		return;
	w->verdict.sent++;
	kspd_send(h, (struct packet){ .id = ++w->last_packet, .flow = (uint16_t)i, .sent_at = w->now });
}

struct beat {
	struct event ev;
	struct sim *w;
	unsigned flow;
};

static void beat_next(struct sim *w, unsigned flow, uint64_t at);

static void beat_run(struct event *ev)
{
	struct beat *b = (struct beat *)ev;

	if (b->w->packet_every)
		flow_send(b->w, b->flow);
	beat_next(b->w, b->flow, b->w->now + (b->w->packet_every ? b->w->packet_every : QUIET_PACKETS));
}

static void beat_next(struct sim *w, unsigned flow, uint64_t at)
{
	struct beat *b = event_add(&w->events, at, sizeof(*b), beat_run);

	b->w = w;
	b->flow = flow;
}

static void probe_run(struct event *ev)
{
	struct sim *w = ((struct beat *)ev)->w;

	for (unsigned i = 0; i < w->nflows; i++)
		flow_send(w, i);
}

void sim_probe(struct sim *w)
{
	uint64_t delay = w->plan->host[0].delay + w->plan->host[1].delay;

	if (!w->packet_every || w->now < w->probe_at)
		return;
	w->probe_at = w->now + PROBE_EVERY;
	((struct beat *)event_add(&w->events, w->now, sizeof(struct beat), probe_run))->w = w;
	((struct beat *)event_add(&w->events, w->now + rng_below(&w->world, 2 * delay), sizeof(struct beat), probe_run))->w = w;
}

/* --- time --- */

static struct host *first_due(struct sim *w)
{
	struct host *first = NULL;

	for (unsigned i = 0; i < w->nhosts; i++)
		if (w->host[i].deadline != ENGINE_NEVER && (!first || w->host[i].deadline < first->deadline))
			first = &w->host[i];
	return first;
}

/* Who asks to be called at once, again and again, would keep the clock where it is. */
static void count_step(struct sim *w)
{
	if (w->now - w->steps_at > SECONDS(1)) {
		w->steps_at = w->now;
		w->steps = 0;
	}
	if (++w->steps < STEPS_MAX)
		return;
	violate(w, NULL, STUCK, "time stands still");
	w->over = true;
}

void sim_until(struct sim *w, uint64_t then)
{
	for (;;) {
		const struct event *ev = events_first(&w->events);
		struct host *h = first_due(w);
		uint64_t at = h ? h->deadline : ENGINE_NEVER;
		bool event = ev && ev->at <= at;

		if (event)
			at = ev->at;
		if (at > then || w->over)
			break;
		if (at > w->now)
			w->now = at;
		count_step(w);
		if (event)
			events_run_first(&w->events);
		else
			host_tick(h);
	}
	w->now = then;
}

/* Second by second, until it is so. */
static bool until(struct sim *w, unsigned seconds, bool (*cond)(struct sim *w, char *why), char *why)
{
	for (unsigned i = 0; i < seconds; i++) {
		sim_until(w, w->now + SECONDS(1));
		check_exchanges(w);
		if (cond(w, why))
			return true;
	}
	return false;
}

/* --- beginning --- */

static struct ipsec_selector ends(const char *src, const char *dst, uint8_t len)
{
	struct ipsec_selector s = { .src_len = len, .dst_len = len };

	ipsec_addr_parse(&s.src, src);
	ipsec_addr_parse(&s.dst, dst);
	return s;
}

/* The networks behind the hosts: 10.HOST.POLICY.0/24. In transport mode the hosts themselves, and a protocol for each policy. */
static struct ipsec_selector selector_for(const struct sim *w, unsigned from, unsigned to, unsigned policy, bool packet)
{
	char a[IPSEC_ADDR_STRLEN], b[IPSEC_ADDR_STRLEN];
	struct ipsec_selector s;

	if (!w->plan->tunnel) {
		s = ends(ipsec_addr_format(&w->host[from].addr, a, sizeof(a)),
			 ipsec_addr_format(&w->host[to].addr, b, sizeof(b)), 32);
		s.proto = (uint8_t)(w->plan->npolicies > 1 ? 200 + policy : packet ? IPPROTO_TCP : 0);
		return s;
	}
	snprintf(a, sizeof(a), "10.%u.%u.%u", from, policy, packet ? 1U : 0U);
	snprintf(b, sizeof(b), "10.%u.%u.%u", to, policy, packet ? 1U : 0U);
	s = ends(a, b, packet ? 32 : 24);
	s.proto = packet ? IPPROTO_TCP : 0;
	return s;
}

static void make_policy(struct sim *w, unsigned host, unsigned peer, unsigned number)
{
	struct host *h = &w->host[host];
	struct ipsec_policy p = { .dir = IPSEC_DIR_OUT, .ntmpl = 1, .priority = 100 };

	p.sel = selector_for(w, host, peer, number, false);
	p.tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .reqid = number ? 10 * peer + number : 0,
					 .mode = w->plan->tunnel ? IPSEC_MODE_TUNNEL : IPSEC_MODE_TRANSPORT };
	if (w->plan->tunnel) {
		p.tmpl[0].src = h->addr;
		p.tmpl[0].dst = *net_address(&w->host[peer]);
	} else {
		p.sel.dst = *net_address(&w->host[peer]);
	}
	kspd_add(h, &p);
	p.dir = IPSEC_DIR_IN;
	p.sel = selector_for(w, peer, host, number, false);
	if (w->plan->tunnel) {
		p.tmpl[0].src = *net_address(&w->host[peer]);
		p.tmpl[0].dst = h->addr;
	} else {
		p.sel.src = *net_address(&w->host[peer]);
	}
	kspd_add(h, &p);
}

static void make_flow(struct sim *w, unsigned from, unsigned to, unsigned policy)
{
	struct flow *f = &w->flow[w->nflows];

	f->from = from;
	f->to = to;
	f->sel = selector_for(w, from, to, policy, true);
	beat_next(w, w->nflows, w->now + rng_below(&w->world, w->plan->packet_every));
	w->nflows++;
}

static void make_pairs(struct sim *w)
{
	for (unsigned peer = 1; peer < w->nhosts; peer++)
		for (unsigned i = 0; i < w->plan->npolicies; i++) {
			if (!w->plan->own) {
				make_policy(w, 0, peer, i);
				make_policy(w, peer, 0, i);
			}
			make_flow(w, 0, peer, i);
			make_flow(w, peer, 0, i);
		}
}

static void begin(struct sim *w, const struct plan *p, FILE *trace)
{
	memset(w, 0, sizeof(*w));
	w->plan = p;
	w->trace = trace;
	w->now = SECONDS(1);
	w->well = true;
	w->nhosts = p->nhosts;
	w->net = rng_stream(p->seed, STREAM_NET);
	w->crypto = rng_stream(p->seed, STREAM_CRYPTO);
	w->world = rng_stream(p->seed, STREAM_WORLD);
	if (table_init(&w->keys))
		abort();
	crypto_rand_set(sim_rand, w);
	for (unsigned i = 0; i < w->nhosts; i++)
		host_init(w, i);
	make_pairs(w);
	for (unsigned i = 0; i < w->nhosts; i++)
		host_start(&w->host[i]);
}

/* --- the middle --- */

static void act(struct sim *w)
{
	const struct plan *p = w->plan;

	w->well = false;
	for (unsigned i = 0; i < p->nops; i++) {
		for (; w->up_at + p->op[i].at > w->now + SECONDS(1);) {
			sim_until(w, w->now + SECONDS(1));
			check_exchanges(w);
		}
		sim_until(w, w->up_at + p->op[i].at);
		op_run(w, &p->op[i]);
	}
	while (w->now < w->up_at + p->active) {
		sim_until(w, w->now + SECONDS(1));
		check_exchanges(w);
	}
	w->well = true;
}

static void tell_end(struct sim *w, const char *why)
{
	violate(w, NULL, STUCK, "the sides do not agree in the end: %s", why);
}

static void live(struct sim *w)
{
	char why[256] = "";

	w->packet_every = w->plan->packet_every;
	if (!until(w, UP_AT_MOST, check_joined, why)) {
		violate(w, NULL, STUCK, "the tunnels do not come up: %s", why);
		return;
	}
	sim_until(w, w->now + SECONDS(4));
	w->up = true;
	w->up_at = w->now;
	sim_trace(w, NULL, "--- all tunnels are up");
	act(w);
	sim_trace(w, NULL, "--- the network is well");
	sim_until(w, w->now + SECONDS(5));
	w->packet_every = QUIET_PACKETS;
	if (!until(w, AGREE_AT_MOST, check_agreed, why))
		tell_end(w, why);
}

static void end(struct sim *w)
{
	for (unsigned i = 0; i < w->nhosts; i++)
		host_free(&w->host[i]);
	events_free(&w->events);
	keys_free(w);
	crypto_rand_set(NULL, NULL);
}

void sim_run(const struct plan *p, FILE *trace, struct verdict *out)
{
	long level = memory_level();
	struct sim *w = malloc(sizeof(*w));

	if (!w)
		abort();
	begin(w, p, trace);
	live(w);
	end(w);
	*out = w->verdict;
	free(w);
	level = memory_level() - level;
	if (level) {
		if (verdict_clean(out)) {
			out->first_kind = LEAKED;
			snprintf(out->first, sizeof(out->first), "%ld blocks of memory are left", level);
		}
		out->violations[LEAKED]++;
	}
}
