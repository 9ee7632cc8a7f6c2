// SPDX-License-Identifier: MIT
// The kernels of the simulated hosts: SAs, policies of keyd's own, packets and what becomes of them.
#include "keyd/ike/selector.h"
#include "tests/unit/kernel_mapping.h"
#include "tests/unit/world_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

static void kernel_tell(struct world_host *h, const struct ipsec_event *ev)
{
	world_event_new(h->w, KERN_EVENT, world_index(h), h->w->now + WORLD_KERNEL_DELAY, ev, sizeof(*ev));
}

static void kernel_expire(struct world_host *h, const struct ipsec_sa *sa, bool hard)
{
	const struct ipsec_event ev = { .type = IPSEC_EVENT_EXPIRE, .expire = { .sa = *sa, .hard = hard } };

	kernel_tell(h, &ev);
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

static void kernel_tell_policy(struct world_host *h, enum ipsec_event_type type, const struct ipsec_policy *pol)
{
	const struct ipsec_event ev = { .type = (uint8_t)type, .policy = *pol };

	kernel_tell(h, &ev);
}

struct ipsec_policy world_own_policy(const struct kern_traffic *t, unsigned i)
{
	struct ipsec_policy pol = { .sel = t->sel[i], .dir = IPSEC_DIR_OUT, .index = 8 * i + 9, .ntmpl = 1,
				    .priority = KERN_OWN_PRIORITY };

	pol.tmpl[0] = (struct ipsec_tmpl){ .src = t->local, .dst = t->remote, .proto = IPPROTO_ESP,
					   .mode = IPSEC_MODE_TUNNEL, .reqid = t->reqid };
	if (t->transport)
		pol.tmpl[0] = (struct ipsec_tmpl){ .proto = IPPROTO_ESP, .mode = IPSEC_MODE_TRANSPORT, .reqid = t->reqid };
	return pol;
}

/* The outbound policies of its own; a packet is of the first. */
static void kernel_own(struct world_host *h, const struct kern_traffic *t)
{
	h->own = *t;
	h->sets++;
	for (unsigned i = t->n; i-- > 0;) {
		h->out = world_own_policy(t, i);
		kernel_tell_policy(h, IPSEC_EVENT_POLICY_NEW, &h->out);
	}
}

static void kernel_guard(struct world_host *h, const struct ipsec_selector *sel, bool set)
{
	unsigned i = 0;

	while (i < h->guards && !selector_equal(&h->guard[i], sel))
		i++;
	if (set && i == h->guards && h->guards < 8)
		h->guard[h->guards++] = *sel;
	else if (!set && i < h->guards)
		h->guard[i] = h->guard[--h->guards];
}

static void kernel_disown(struct world_host *h, const struct kern_traffic *t)
{
	if (!h->own.n || h->own.reqid != t->reqid)
		return;
	h->clears++;
	kernel_tell_policy(h, IPSEC_EVENT_POLICY_DELETE, &h->out);
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

void world_kernel_do(struct world_host *h, const struct kern_request *rq)
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
		struct kern_answer an = { .id = rq->id, .error = error };

		if (rq->op == KERN_SOURCE_GET)
			an.addr = h->addr;
		if (rq->op == KERN_SA_GET)
			kernel_get(h, &rq->sa, &an);
		snprintf(an.why, sizeof(an.why), "%s", error ? strerror(-error) : "");
		world_event_new(h->w, KERN_AN, world_index(h), h->w->now + WORLD_KERNEL_DELAY, &an, sizeof(an));
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

	h->unchecked = true;
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
	struct world_path path;
	struct world_esp esp;
	uint64_t at;

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
	at = w->now + w->delay + (w->esp_jitter ? world_random(w) % w->esp_jitter : 0);
	esp = (struct world_esp){ sa->sa.spi, sa->sa.aead.name[0] ? sa->sa.aead : sa->sa.enc };
	world_event_new(w, PACKET, 1 - host, at, &esp, sizeof(esp))->path = path;
}

static bool same_key(const struct ipsec_alg *a, const struct ipsec_alg *b)
{
	return a->key_bits == b->key_bits && !strcmp(a->name, b->name) && !memcmp(a->key, b->key, a->key_bits / 8);
}

static void mapping(struct world_host *h, const struct world_sa *sa, const struct world_path *path)
{
	struct ipsec_event ev;

	if (!kernel_mapping(&sa->sa, &path->src, path->sport, &ev))
		return;
	h->mappings++;
	h->unchecked = true;
	if (h->engine)
		engine_kern_event(h->engine, h->w->now, &ev);
}

/* As keyd/kern/await.c has it told. */
static void first_packet(struct world_host *h, struct world_sa *s)
{
	struct ipsec_event ev;

	if (s->used || s->sa.ae != IPSEC_AE_FIRST || h->old_kernel)
		return;
	s->used = true;
	h->firsts++;
	ev = (struct ipsec_event){ .type = IPSEC_EVENT_AE };
	ev.ae.id = (struct ipsec_sa_id){ .dst = s->sa.dst, .proto = s->sa.proto, .spi = s->sa.spi };
	ev.ae.seq = 1;
	kernel_tell(h, &ev);
}

void world_packet_arrives(struct world *w, const struct world_event *ev)
{
	struct world_host *h = &w->host[ev->host];
	const struct world_esp *esp = (const void *)ev->body;
	struct world_sa *sa = find_sa(h, &h->addr, esp->spi);

	if (h->down) {
		h->lost_link++;
		return;
	}
	if (sa && !kernel_count(h, sa))
		sa = NULL;
	if (sa && h->road && (!h->own.n || h->own.reqid != sa->sa.reqid))
		sa = NULL;		/* the policies do not let it in (XfrmInNoPols, XfrmInTmplMismatch) */
	if (sa && !sa->sa.encap.type == !ev->path.sport &&
	    same_key(&esp->alg, sa->sa.aead.name[0] ? &sa->sa.aead : &sa->sa.enc)) {
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
