// SPDX-License-Identifier: MIT
// Simulated machines.
#include "tests/sim/host.h"

#include "keyd/conf/load.h"
#include "keyd/crypto/keymat.h"
#include "keyd/crypto/prf.h"
#include "keyd/ike/ike_sa.h"
#include "keyd/ike/timer.h"
#include "tests/sim/kernel.h"
#include "tests/sim/net.h"
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define MILLION 1000000
#define EPOCH 1700000000u		/* s, of the wall clocks when the world begins */

static const char *const names[PLAN_HOSTS_MAX] = { "alice", "bob", "carol", "dave", "erin" };
static const char secret[] = "correct horse";

/* --- clocks --- */

static uint64_t rate(const struct host *h)
{
	return (uint64_t)(MILLION + h->w->plan->host[h->index].drift);
}

uint64_t host_clock(const struct host *h)
{
	return (uint64_t)((unsigned __int128)h->w->now * rate(h) / MILLION);
}

uint64_t host_seconds(const struct host *h)
{
	return (uint64_t)((int64_t)(EPOCH + host_clock(h) / SECONDS(1)) + h->wall);
}

/* The first moment at which its clock shows that. */
static uint64_t world_time(const struct host *h, uint64_t clock)
{
	return clock == ENGINE_NEVER ? ENGINE_NEVER :
				       (uint64_t)(((unsigned __int128)clock * MILLION + rate(h) - 1) / rate(h));
}

void host_settle(struct host *h)
{
	if (h->killed && h->engine) {
		host_restart(h, true, h->back_after);
		return;
	}
	h->deadline = h->engine ? world_time(h, engine_deadline(h->engine)) : ENGINE_NEVER;
}

void host_tick(struct host *h)
{
	engine_tick(h->engine, host_clock(h));
	host_settle(h);
}

/* --- hooks --- */

/* One step more; is it dead by now? */
static bool dead(struct host *h)
{
	if (h->countdown && !--h->countdown)
		h->killed = true;
	return h->killed;
}

/* A planted bug: every other time the records stay as they were. */
static bool outdated(const struct host *h)
{
	return h->w->plan->bug == BUG_RECORDS_OLD && h->records.commits % 2;
}

static void on_keep(void *arg, uint64_t id, const void *record, size_t n)
{
	struct host *h = arg;

	if (!dead(h) && plan_has(h->w->plan, OP_KILL))
		records_keep(&h->records, id, record, n);
}

static void on_kept(void *arg)
{
	struct host *h = arg;

	if (dead(h))
		return;
	if (outdated(h))
		h->records.commits++;
	else
		records_commit(&h->records);
}

/* A planted bug: has it been sent before? */
static bool repeated(struct host *h, struct view data)
{
	uint64_t hash = table_hash(0, data.p, data.n);

	for (unsigned i = 0; i < sizeof(h->sent) / sizeof(h->sent[0]); i++)
		if (h->sent[i] == hash)
			return true;
	h->sent[h->nsent++ % (sizeof(h->sent) / sizeof(h->sent[0]))] = hash;
	return false;
}

/* An answer to INFORMATIONAL that is not empty: to the DELETE of a child. */
static bool answers_delete(struct view data)
{
	return data.n > 57 && data.p[18] == 37 && data.p[19] & 0x20;
}

static void on_send(void *arg, const struct engine_datagram *d)
{
	struct host *h = arg;
	enum bug bug = h->w->plan->bug;

	if (dead(h))
		return;
	h->w->verdict.datagrams++;
	if ((bug == BUG_DELETE_UNANSWERED && answers_delete(d->data)) || (bug == BUG_REPEATS_LOST && repeated(h, d->data)))
		return;
	net_ike(h, d);
}

static void on_kern(void *arg, const struct kern_request *rq)
{
	if (!dead(arg))
		kernel_ask(arg, rq);
}

struct proof {
	struct event ev;
	struct host *h;
	unsigned life;
	struct auth_answer an;
};

static void proof_run(struct event *ev)
{
	struct proof *p = (struct proof *)ev;

	if (!p->h->engine || p->h->life != p->life)
		return;
	engine_auth_answer(p->h->engine, host_clock(p->h), &p->an);
	host_settle(p->h);
}

/*
 * Whether the octets are our own to sign: those of a request are, if we began. What a card or a person takes a while for is
 * that; the peer's proof is checked at once.
 */
static bool signs(const struct host *h, struct view message)
{
	bool answer = message.p[19] & 0x20;

	list_each(sa, &h->engine->sas, struct ike_sa, link)
		if (!memcmp(sa->spi_i, message.p, sizeof(sa->spi_i)) && sa->initiator != answer)
			return true;
	return false;
}

static void on_auth(void *arg, const struct auth_request *rq)
{
	struct host *h = arg;
	uint64_t at;
	struct proof *p;
	const struct crypto_alg *prf = crypto_alg_by_id(CRYPTO_PRF, rq->prf, 0);
	struct view psk = { (const uint8_t *)secret, sizeof(secret) - 1 };

	if (dead(h))
		return;
	at = h->w->now + (signs(h, rq->message) ? h->w->plan->host[h->index].auth_delay : 100);
	p = event_add(&h->w->events, at, sizeof(*p), proof_run);
	p->h = h;
	p->life = h->life;
	p->an.id = rq->id;
	p->an.n = prf->prf;
	if (rq->form == AUTH_IKEV1 ? crypto_prf(prf, psk, &rq->message, 1, p->an.data) :
				     ikev2_auth_psk(prf, psk, rq->message, rq->nonce, rq->macid, p->an.data))
		p->an.error = AUTH_FAILED;
}

/* Somebody else has the other end of the IKE SA. */
static bool lives(const struct host *h, const struct engine_event *ev)
{
	for (unsigned i = 0; i < h->w->nhosts; i++) {
		const struct host *o = &h->w->host[i];

		if (o == h || !o->engine)
			continue;
		list_each(sa, &o->engine->sas, struct ike_sa, link)
			if (!memcmp(sa->spi_i, ev->ike_spi_i, sizeof(sa->spi_i)) && sa->state >= IKE_ESTABLISHED &&
			    sa->state < IKE_CLOSED)
				return true;
	}
	return false;
}

/* So much is lost that all sendings of a request may be. */
static bool excusable(const struct sim *w)
{
	if (plan_has(w->plan, OP_PARTITION) || plan_has(w->plan, OP_REBOOT) || plan_has(w->plan, OP_NAT_FORGET) ||
	    plan_has(w->plan, OP_NAT_MOVE))
		return true;
	for (unsigned i = 0; i < w->nhosts; i++)
		if (w->plan->host[i].loss > 20)
			return true;
	return false;
}

/* The daemon has decided that nobody is there: what that one still sends is lost, as it will not be told. */
static void peer_dead(struct host *h, const struct engine_event *ev)
{
	struct sim *w = h->w;
	if (lives(h, ev) && !excusable(w))
		violate(w, h, STUCK, "a peer that lives counts as dead");
	w->verdict.dead++;
	w->ended_at = w->now;
	list_each(s, &h->sad.sas, struct ksa, link)
		if (!s->outbound && ipsec_addr_equal(&s->sa.src, &ev->remote))
			s->excused = true;
}

static void on_event(void *arg, const struct engine_event *ev)
{
	struct host *h = arg;

	if (h->killed)
		return;
	if (ev->type == ENGINE_CHILD_REKEYED)
		h->w->verdict.rekeys++;
	else if (ev->type == ENGINE_IKE_REKEYED)
		h->w->verdict.ike_rekeys++;
	else if (ev->type == ENGINE_IKE_DOWN && ev->reason == REASON_PEER_DEAD)
		peer_dead(h, ev);
}

static void on_log(void *arg, enum log_level level, const char *text)
{
	(void)level;
	if (!((struct host *)arg)->killed)
		sim_trace(((struct host *)arg)->w, arg, "%s", text);
}

static const struct engine_hooks hooks = {
	.keep = on_keep, .kept = on_kept, .send = on_send, .kern = on_kern, .auth = on_auth, .event = on_event, .log = on_log,
};

/* --- what comes in --- */

struct told {
	struct event ev;
	struct host *h;
	unsigned life;
	struct ipsec_event event;
};

static void told_run(struct event *ev)
{
	struct told *t = (struct told *)ev;

	if (!t->h->engine || t->h->life != t->life)
		return;
	engine_kern_event(t->h->engine, host_clock(t->h), &t->event);
	host_settle(t->h);
}

void host_tell(struct host *h, const struct ipsec_event *ev)
{
	struct sim *w = h->w;
	uint64_t at = w->now + 20 + rng_below(&w->world, w->plan->host[h->index].kernel_delay);
	struct told *t;

	if (!h->engine)
		return;
	h->told_until = at = at > h->told_until ? at : h->told_until;
	t = event_add(&w->events, at, sizeof(*t), told_run);
	t->h = h;
	t->life = h->life;
	t->event = *ev;
}

void host_datagram(struct host *h, const struct engine_datagram *d)
{
	void *volatile kept;	/* never freed: that is the bug */

	if (!h->engine || (d->data.n == 1 && d->data.p[0] == ENGINE_KEEPALIVE))
		return;
	if (h->w->plan->bug == BUG_LEAK) {
		kept = malloc(1);
		(void)kept;
	}
	engine_input(h->engine, host_clock(h), d);	/* NOLINT(clang-analyzer-unix.Malloc) */
	host_settle(h);
}

/* --- beginning and end --- */

static void tell_at_once(struct host *h, enum ipsec_event_type type, const struct ipsec_policy *pol)
{
	struct ipsec_event ev = { .type = (uint8_t)type };

	if (pol)
		ev.policy = *pol;
	engine_kern_event(h->engine, host_clock(h), &ev);
}

/* What is given away while that is read is for the time after it. */
static void thaw(struct host *h)
{
	struct records old = h->records;

	h->records = (struct records){ 0 };
	for (size_t i = 0; i < old.n; i++)
		if (old.list[i].n && engine_thaw(h->engine, old.list[i].id, old.list[i].bytes, old.list[i].n))
			abort();
	h->records = old;
	if (old.n)
		engine_thawed(h->engine, host_clock(h));
}

/* As the kern role: all policies, then all SAs. */
void host_start(struct host *h)
{
	h->life++;
	h->killed = false;
	h->countdown = 0;
	h->engine = engine_new(&hooks, h, &h->conf);
	if (!h->engine)
		abort();
	thaw(h);
	sad_delete_larvals(h);
	tell_at_once(h, IPSEC_EVENT_POLICY_FLUSH, NULL);
	for (unsigned i = 0; i < h->spd.n; i++)
		tell_at_once(h, IPSEC_EVENT_POLICY_NEW, &h->spd.pol[i]->pol);
	list_each(s, &h->sad.sas, struct ksa, link)
		if (!s->larval)
			engine_kern_orphan(h->engine, host_clock(h), &s->sa);
	engine_kern_ready(h->engine, host_clock(h));
	host_settle(h);
}

void host_stop(struct host *h, bool executed)
{
	h->killed = true;
	engine_free(h->engine);
	h->engine = NULL;
	if (!executed)
		h->dropped = h->life;
	h->deadline = ENGINE_NEVER;
}

struct back {
	struct event ev;
	struct host *h;
};

static void back_run(struct event *ev)
{
	struct host *h = ((struct back *)ev)->h;

	if (h->engine)
		return;
	h->off = false;
	sim_trace(h->w, h, "a daemon begins, with %zu records", h->records.n);
	host_start(h);
}

void host_restart(struct host *h, bool executed, uint64_t back_after)
{
	struct back *b = event_add(&h->w->events, h->w->now + back_after, sizeof(*b), back_run);

	b->h = h;
	sim_trace(h->w, h, "the daemon ends");
	host_stop(h, executed);
	records_roll_back(&h->records);
}

void host_kill(struct host *h, unsigned steps, uint64_t back_after)
{
	h->back_after = back_after;
	h->countdown = steps;
	h->killed = !steps;
	host_settle(h);
}

void host_forget(struct host *h)
{
	sad_clear(h, true);
	for (unsigned i = 0; i < h->spd.n; i++) {
		h->w->verdict.refused += h->spd.pol[i]->nqueue;
		h->spd.pol[i]->nqueue = 0;
		h->spd.pol[i]->timeout = 0;
	}
}

static void on_mistake(const char *text, void *arg)
{
	(void)arg;
	fprintf(stderr, "sim: %s\n", text);
	abort();
}

/* Daemons that write policies: the first answers, the other one begins. */
static void load_own(struct host *h)
{
	char text[512];
	struct conf_secrets s;

	if (!h->index)
		snprintf(text, sizeof(text), "peer any {\n id local fqdn hub\n id remote fqdn spoke\n"
			 " traffic 10.0.0.0/16 <-> 10.1.0.0/16\n}\n");
	else
		snprintf(text, sizeof(text), "peer hub {\n address 192.0.2.1\n id local fqdn spoke\n id remote fqdn hub\n"
			 " traffic 10.1.0.0/16 <-> 10.0.0.0/16\n start yes\n}\n");
	if (conf_load_buffer(&h->conf, &s, "sim", text, strlen(text), on_mistake, NULL))
		abort();
	conf_secrets_free(&s);
}

static void set_lifetimes(struct conf_peer *c, const struct plan *p)
{
	c->pfs = p->pfs;
	c->version = p->ikev1 ? 1 : 2;
	c->linger = p->linger;
	c->dpd = p->dpd;
	c->retransmit_tries = p->tries;
	c->child_packets = p->child_packets;
	/* A hub sends so much at once that jitter alone puts more than the usual 128 packets out of order. */
	if (p->nhosts > 2)
		c->replay_window = 1024;
	c->reauth_lifetime = p->reauth_lifetime;
	if (p->ike_lifetime)
		c->ike_lifetime = p->ike_lifetime;
	if (p->child_lifetime)
		c->child_lifetime = p->child_lifetime;
}

void host_init(struct sim *w, unsigned index)
{
	struct host *h = &w->host[index];
	char text[32];

	h->w = w;
	h->index = index;
	h->name = names[index];
	h->deadline = ENGINE_NEVER;
	snprintf(text, sizeof(text), "192.0.2.%u", index + 1);
	ipsec_addr_parse(&h->addr, text);
	h->nat = (struct nat){ .there = w->plan->host[index].nat, .patience = w->plan->host[index].nat_patience, .next = 30001 };
	snprintf(text, sizeof(text), "203.0.113.%u", index + 1);
	ipsec_addr_parse(&h->nat.outside, text);
	sad_init(h);
	if (w->plan->own)
		load_own(h);
	else
		conf_defaults(&h->conf);
	set_lifetimes(&h->conf.defaults, w->plan);
	for (unsigned i = 0; i < h->conf.npeers; i++)
		set_lifetimes(&h->conf.peers[i], w->plan);
}

void host_free(struct host *h)
{
	if (h->engine)
		host_stop(h, true);
	sad_clear(h, false);
	free(h->sad.forgotten);
	records_free(&h->records);
	kspd_clear(h);
	conf_free(&h->conf);
}
