// SPDX-License-Identifier: MIT
/* model_probe: the world of the model. What the simulator's files want from their surroundings is here, too. */
#include "tests/netns/model_probe.h"
#include "tests/sim/kernel.h"
#include "tests/sim/net.h"
#include "tests/sim/sim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct plan plan = { .nhosts = HOSTS };
static struct sim sim;
static uint64_t wall_begin;
static uint64_t tellings;		/* events and frames so far */
static struct {
	const char *last;		/* what a packet has met; NULL: nothing */
	unsigned expired;		/* alice's XfrmOutStateExpired */
} counter;
static struct kern_answer answered;

static struct {
	struct esp esp;
	struct outer path;
} kept[PROBE_FRAMES];

/* --- what becomes of packets, in the kernel's words --- */

/* By what the model calls it. */
static const struct { const char *text, *counter; } counters[] = {
	{ "there is no such SA", "XfrmInNoStates" },
	{ "the SA has another key", "XfrmInStateProtoError" },
	{ "in UDP or not", "XfrmInStateMismatch" },
	{ "older than the replay window", "XfrmInStateSeqError" },
	{ "there was one with its sequence number", "XfrmInStateSeqError" },
	{ "its policy asks for another SA", "XfrmInTmplMismatch" },
	{ "there is no policy", "XfrmInNoPols" },
	{ "outside of the SA's selector", "XfrmInStateMismatch" },
	{ "it meets the hard limit", "XfrmInStateExpired" },
};

void violate(struct sim *w, const struct host *h, enum violation kind, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	(void)w, (void)h;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);	/* NOLINT(clang-analyzer-valist.Uninitialized): it is not */
	va_end(ap);
	if (kind != LOST)
		return;
	counter.expired += strstr(text, "meets the hard limit of") != NULL;
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (strstr(text, counters[i].text))
			counter.last = counters[i].counter;
}

/* --- surroundings --- */

uint64_t host_clock(const struct host *h)
{
	return h->w->now;
}

uint64_t host_seconds(const struct host *h)
{
	return (wall_begin + h->w->now) / 1000000;
}

void host_settle(struct host *h)
{
	(void)h;
}

void host_tell(struct host *h, const struct ipsec_event *ev)
{
	if (!h->engine)
		return;
	tellings++;
	probe_event(h->index, h->w->now, ev);
}

void engine_kern_answer(struct engine *e, uint64_t now, const struct kern_answer *an)
{
	(void)e, (void)now;
	answered = *an;
}

void sim_trace(struct sim *w, const struct host *h, const char *fmt, ...)
{
	(void)w, (void)h, (void)fmt;
}

void sim_probe(struct sim *w)
{
	(void)w;
}

void check_number(struct sim *w, const struct host *h)
{
	(void)w, (void)h;
}

void check_forgotten(struct sim *w, const struct host *h, const struct packet *p)
{
	(void)w, (void)h, (void)p;
	counter.last = "XfrmInNoStates";
}

void net_esp(struct host *from, const struct esp *esp, const struct outer *path)
{
	const struct frame f = { .spi = esp->spi, .seq = esp->seq, .at = from->w->now };
	unsigned i = probe_frame(&f);

	tellings++;
	kept[i].esp = *esp;
	kept[i].path = *path;
	if (probe_through())
		probe_model.deliver(i, 0);
}

/* --- the world --- */

static struct ipsec_selector flow_selector(unsigned i)
{
	struct ipsec_selector s = { .src_len = 32, .dst_len = 32, .proto = IPPROTO_UDP, .sport = PROBE_FROM, .sport_mask = 0xffff,
				    .dport = (uint16_t)(PROBE_TO + i), .dport_mask = 0xffff };

	s.src = sim.host[ALICE].addr;
	s.dst = sim.host[BOB].addr;
	return s;
}

static void end(void)
{
	for (unsigned i = 0; i < sim.nhosts; i++) {
		sad_clear(&sim.host[i], false);
		free(sim.host[i].sad.forgotten);
		kspd_clear(&sim.host[i]);
	}
	if (sim.nhosts) {
		events_free(&sim.events);
		keys_free(&sim);
	}
}

static void model_begin(uint64_t wall)
{
	end();
	memset(&sim, 0, sizeof(sim));
	memset(&counter, 0, sizeof(counter));
	sim.plan = &plan;
	sim.nhosts = HOSTS;
	sim.up = true;
	wall_begin = wall;
	if (table_init(&sim.keys))
		abort();
	for (unsigned i = 0; i < HOSTS; i++) {
		struct host *h = &sim.host[i];

		h->w = &sim;
		h->index = i;
		h->life = 1;
		ipsec_addr_parse(&h->addr, i == ALICE ? "192.0.2.1" : "192.0.2.2");
		sad_init(h);
		h->sad.acquire_expires = PROBE_ACQUIRE_EXPIRES;
		probe_model.listen(i, true);
	}
	sim.nflows = PROBE_FLOWS;
	for (unsigned i = 0; i < PROBE_FLOWS; i++) {
		sim.flow[i].to = BOB;
		sim.flow[i].sel = flow_selector(i);
	}
}

static uint64_t model_now(void)
{
	return sim.now;
}

/* The next thing that happens; false: nothing does until then. */
static bool step(uint64_t then)
{
	const struct event *ev = events_first(&sim.events);

	if (!ev || ev->at > then)
		return false;
	if (ev->at > sim.now)
		sim.now = ev->at;
	events_run_first(&sim.events);
	return true;
}

static void model_until(uint64_t then)
{
	while (step(then))
		;
	if (then > sim.now)
		sim.now = then;
}

static void model_until_told(uint64_t then)
{
	uint64_t before = tellings;

	while (before == tellings && step(then))
		;
	if (before == tellings)
		sim.now = then;
}

static void model_ask(unsigned host, const struct kern_request *rq, struct kern_answer *an)
{
	answered = (struct kern_answer){ 0 };
	if (!sim.host[host].engine)
		return;
	kernel_ask(&sim.host[host], rq);
	while (!answered.id && step(UINT64_MAX))
		;
	*an = answered;
}

/* The model only asks whether there is one. */
static void model_listen(unsigned host, bool on)
{
	static char keyd;

	sim.host[host].engine = on ? (struct engine *)&keyd : NULL;
}

static int model_policy_add(unsigned host, const struct ipsec_policy *pol)
{
	kspd_add(&sim.host[host], pol);
	return 0;
}

static int model_policy_delete(unsigned host, const struct ipsec_policy *pol)
{
	return kspd_delete(&sim.host[host], pol);
}

static int model_sa_delete(unsigned host, const struct ipsec_sa_id *id)
{
	const struct ipsec_sa sa = { .dst = id->dst, .proto = id->proto, .spi = id->spi };

	return sad_delete(&sim.host[host], &sa);
}

static void model_flush(unsigned host)
{
	sad_flush(&sim.host[host]);
}

static bool model_send(unsigned flow, unsigned number, bool connected)
{
	uint64_t refused = sim.verdict.refused;

	(void)connected;	/* the model looks for an SA for each packet */
	kspd_send(&sim.host[ALICE], (struct packet){ .id = number, .flow = (uint16_t)flow, .sent_at = sim.now });
	return sim.verdict.refused == refused;
}

static const char *model_losses(void)
{
	static char text[64];

	text[0] = 0;
	if (counter.expired)
		snprintf(text, sizeof(text), ", XfrmOutStateExpired=%u", counter.expired);
	return text;
}

static void model_deliver(unsigned i, uint16_t sport)
{
	struct outer path = kept[i].path;

	if (sport)
		path.sport = sport;
	counter.last = NULL;
	kspd_receive(&sim.host[BOB], &kept[i].esp, &path);
	probe_arrived(i, kept[i].esp.packet.id, counter.last);
}

const struct world probe_model = {
	.begin = model_begin, .now = model_now, .until = model_until, .until_told = model_until_told, .ask = model_ask,
	.listen = model_listen, .policy_add = model_policy_add, .policy_delete = model_policy_delete, .sa_delete = model_sa_delete,
	.flush = model_flush, .send = model_send, .losses = model_losses, .deliver = model_deliver,
};
