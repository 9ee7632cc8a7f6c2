// SPDX-License-Identifier: MIT
// Many policies in a world, and what a kernel does with a packet.
#include "tests/unit/world_spd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world w;
struct ipsec_policy policies[WORLD_HOSTS][2 * POLICIES_MAX];
unsigned npolicies[WORLD_HOSTS];
unsigned acquires;

/* "10.0.0.0/24[80]": address, prefix length, port. */
static void parse_end(const char *text, struct ipsec_addr *a, uint8_t *len, uint16_t *port, uint16_t *mask)
{
	char addr[IPSEC_ADDR_STRLEN] = "";
	unsigned bits, p = 0;
	int n = sscanf(text, "%55[^/]/%u[%u]", addr, &bits, &p);

	assert_true(n >= 2);
	assert_int_equal(ipsec_addr_parse(a, addr), 0);
	*len = (uint8_t)bits;
	*port = (uint16_t)p;
	*mask = n == 3 ? 0xffff : 0;
}

struct ipsec_selector selector(const char *src, const char *dst, uint8_t proto)
{
	struct ipsec_selector s = { .proto = proto };

	parse_end(src, &s.src, &s.src_len, &s.sport, &s.sport_mask);
	parse_end(dst, &s.dst, &s.dst_len, &s.dport, &s.dport_mask);
	return s;
}

struct ipsec_policy *load(unsigned host, uint8_t dir, const struct ipsec_selector *sel, bool tunnel)
{
	struct world_host *h = &w.host[host];
	struct ipsec_policy *p = &policies[host][npolicies[host]];
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_NEW };
	bool out = dir == IPSEC_DIR_OUT;

	*p = (struct ipsec_policy){ .sel = *sel, .dir = dir, .index = 100 + ++npolicies[host], .ntmpl = 1 };
	p->tmpl[0].proto = IPPROTO_ESP;
	p->tmpl[0].mode = tunnel ? IPSEC_MODE_TUNNEL : IPSEC_MODE_TRANSPORT;
	if (tunnel) {
		p->tmpl[0].src = out ? h->addr : w.host[1 - host].addr;
		p->tmpl[0].dst = out ? w.host[1 - host].addr : h->addr;
	}
	ev.policy = *p;
	engine_kern_event(h->engine, w.now, &ev);
	return p;
}

/* Out and back. */
void policy(unsigned host, const char *src, const char *dst, uint8_t proto)
{
	struct ipsec_selector sel = selector(src, dst, proto);

	load(host, IPSEC_DIR_OUT, &sel, true);
	selector_turn(&sel);
	load(host, IPSEC_DIR_IN, &sel, true);
}

/* A world whose hosts have no policy but those that follow. */
void begin(uint64_t seed)
{
	struct ipsec_event ev = { .type = IPSEC_EVENT_POLICY_FLUSH };

	world_init(&w, seed, true);
	acquires = 0;
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		npolicies[i] = 0;
		engine_kern_event(w.host[i].engine, w.now, &ev);
	}
}

/* As the kernel sees it: the policy with the smallest priority, then the oldest. */
const struct ipsec_policy *policy_for(unsigned host, const struct ipsec_selector *flow)
{
	for (unsigned i = 0; i < npolicies[host]; i++)
		if (policies[host][i].dir == IPSEC_DIR_OUT && selector_covers(&policies[host][i].sel, flow))
			return &policies[host][i];
	return NULL;
}

struct world_sa *sender(unsigned host, const struct ipsec_selector *flow)
{
	const struct ipsec_policy *pol = policy_for(host, flow);
	struct world_host *h = &w.host[host];
	struct world_sa *best = NULL;

	for (unsigned i = 0; pol && i < h->nsas; i++) {
		struct ipsec_sa *sa = &h->sas[i].sa;

		if (ipsec_addr_equal(&sa->src, &h->addr) && sa->reqid == pol->tmpl[0].reqid &&
		    sa->sel.src.family == flow->src.family && selector_covers(&sa->sel, flow) &&
		    (!best || h->sas[i].order > best->order))
			best = &h->sas[i];
	}
	return best;
}

/* Its other half at the other host lets the packet in. */
bool arrives(unsigned host, const struct ipsec_selector *flow)
{
	struct world_sa *out = sender(host, flow);
	struct world_host *peer = &w.host[1 - host];

	for (unsigned i = 0; out && i < peer->nsas; i++) {
		const struct ipsec_sa *in = &peer->sas[i].sa;

		if (in->spi == out->sa.spi && ipsec_addr_equal(&in->dst, &peer->addr))
			return !in->sel.src.family || selector_covers(&in->sel, flow);
	}
	return false;
}

/* A packet: it is sent, or held, or the kernel asks; while an SA is being made, it does not ask again. */
void packet(unsigned host, const struct ipsec_selector *flow)
{
	const struct ipsec_policy *pol = policy_for(host, flow);
	struct world_host *h = &w.host[host];
	struct ipsec_event ev = { .type = IPSEC_EVENT_ACQUIRE };

	assert_non_null(pol);
	if (sender(host, flow) || h->larval)
		return;
	h->larval = true;
	acquires++;
	ev.acquire.seq = ++h->acquire_seq;
	ev.acquire.src = h->addr;
	ev.acquire.dst = w.host[1 - host].addr;
	ev.acquire.proto = IPPROTO_ESP;
	ev.acquire.sel = *flow;
	ev.acquire.policy = *pol;
	engine_kern_event(h->engine, w.now, &ev);
}

struct ipsec_selector tcp(const char *src, const char *dst)
{
	return selector(src, dst, IPPROTO_TCP);
}

/* Until the flow gets through, packets every 10 ms. */
bool gets_through(unsigned host, const struct ipsec_selector *flow, unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++) {
		packet(host, flow);
		if (arrives(host, flow))
			return true;
		world_run(&w, MILLISECONDS(10));
	}
	return false;
}

const char *sent_by(unsigned host, const struct ipsec_selector *flow)
{
	static char text[SELECTOR_STRLEN];
	struct world_sa *sa = sender(host, flow);

	return sa ? selector_format(&sa->sa.sel, text, sizeof(text)) : "nothing";
}

struct child_sa *child_sending(unsigned host, const struct ipsec_selector *flow)
{
	struct world_sa *sa = sender(host, flow);

	return sa ? child_find_sent_to(w.host[host].engine, &w.host[1 - host].addr, sa->sa.spi) : NULL;
}

