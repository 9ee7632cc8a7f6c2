// SPDX-License-Identifier: MIT
// The simulated network.
#include "tests/sim/net.h"

#include "keyd/ike/timer.h"
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

struct arrival {
	struct event ev;
	struct sim *w;
	struct host *to;
	struct outer path;
	bool is_esp;
	struct esp esp;
	size_t n;
	uint8_t bytes[];
};

const struct ipsec_addr *net_address(const struct host *h)
{
	return h->nat.there ? &h->nat.outside : &h->addr;
}

static const struct plan_host *line(const struct host *h)
{
	return &h->w->plan->host[h->index];
}

static bool reachable(const struct host *h)
{
	return !h->off && h->w->now >= h->cut_until;
}

/* The network took it. */
static void lose(struct sim *w, bool is_esp)
{
	w->verdict.by_link += is_esp;
}

static void arrive(struct event *ev)
{
	struct arrival *a = (struct arrival *)ev;
	struct host *h = a->to;

	if (!reachable(h) || !nat_enter(&h->nat, a->w->now, &h->addr, &a->path)) {
		lose(a->w, a->is_esp);
	} else if (a->is_esp) {
		kspd_receive(h, &a->esp, &a->path);
	} else {
		struct engine_datagram d = { .local = a->path.dst, .remote = a->path.src, .local_port = a->path.dport,
					     .remote_port = a->path.sport, .data = { a->bytes, a->n } };

		host_datagram(h, &d);
	}
}

static struct host *whose(struct sim *w, const struct ipsec_addr *dst)
{
	for (unsigned i = 0; i < w->nhosts; i++)
		if (ipsec_addr_equal(net_address(&w->host[i]), dst))
			return &w->host[i];
	return NULL;
}

static struct arrival *under_way(struct host *from, struct host *to, const struct outer *path, uint64_t jitter, size_t n)
{
	struct sim *w = to->w;
	uint64_t delay = line(to)->delay + (from ? line(from)->delay : 0) + rng_below(&w->net, jitter);
	struct arrival *a = event_add(&w->events, w->now + delay, sizeof(*a) + n, arrive);

	a->w = w;
	a->to = to;
	a->path = *path;
	a->n = n;
	return a;
}

static bool lost(struct sim *w, unsigned a, unsigned b)
{
	return !w->well && (rng_chance(&w->net, a) || rng_chance(&w->net, b));
}

void net_ike(struct host *from, const struct engine_datagram *d)
{
	struct sim *w = from->w;
	struct outer path = { d->local, d->remote, d->local_port, d->remote_port };
	bool through = reachable(from) && nat_leave(&from->nat, w->now, &path);
	struct host *to = through ? whose(w, &path.dst) : NULL;
	unsigned copies;

	if (!to || lost(w, line(from)->loss, line(to)->loss) || (line(from)->mtu && d->data.n > line(from)->mtu) ||
	    (line(to)->mtu && d->data.n > line(to)->mtu)) {
		sim_trace(w, from, "network: a datagram of %zu bytes is lost", d->data.n);
		return;
	}
	copies = 1 + (!w->well && (rng_chance(&w->net, line(from)->dup) || rng_chance(&w->net, line(to)->dup)));
	for (; copies; copies--)
		memcpy(under_way(from, to, &path, line(from)->jitter + line(to)->jitter, d->data.n)->bytes, d->data.p,
		       d->data.n);
}

void net_esp(struct host *from, const struct esp *esp, const struct outer *p)
{
	struct sim *w = from->w;
	struct outer path = *p;
	bool through = reachable(from) && nat_leave(&from->nat, w->now, &path);
	struct host *to = through ? whose(w, &path.dst) : NULL;
	bool doubled;

	if (!to || lost(w, line(from)->esp_loss, line(to)->esp_loss)) {
		lose(w, true);
		return;
	}
	doubled = !w->well && rng_chance(&w->net, line(from)->dup);
	for (unsigned copies = 1 + doubled; copies; copies--) {
		struct arrival *a = under_way(from, to, &path, line(from)->esp_jitter + line(to)->esp_jitter, 0);

		a->is_esp = true;
		a->esp = *esp;
		a->esp.doubled = doubled;
	}
}

/* Headers of IKE_SA_INIT with nothing sensible behind: each costs a look, and none may cost more. */
void net_flood(struct host *to, unsigned n)
{
	struct outer path = { .dst = *net_address(to), .sport = 500, .dport = 500 };

	ipsec_addr_parse(&path.src, "198.51.100.0");
	for (unsigned i = 0; i < n; i++) {
		struct arrival *a;

		path.src.b[3] = (uint8_t)rng_next(&to->w->net);
		a = under_way(NULL, to, &path, MILLISECONDS(200), 64 + rng_below(&to->w->net, 200));
		for (size_t k = 0; k < a->n; k++)
			a->bytes[k] = (uint8_t)rng_next(&to->w->net);
		memset(a->bytes + 8, 0, 8);
		memcpy(a->bytes + 16, "\x21\x20\x22\x08\0\0\0\0\0\0", 10);
		a->bytes[26] = (uint8_t)(a->n >> 8);
		a->bytes[27] = (uint8_t)a->n;
	}
}
