// SPDX-License-Identifier: MIT
// Goes on where another engine ended: from records to SAs, and on with what they were in.
#include "keyd/ike/freeze.h"

#include "keyd/crypto/kex.h"
#include "keyd/ike/duplicate.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ike/version.h"

#include <stdlib.h>
#include <string.h>

/* IVs that may have been used without a record of it; there should be none. */
#define COUNTER_SKIP 1024
/* What was under way with a child and has no exchange any more begins again after this. */
#define BEGIN_AGAIN MILLISECONDS(100)

struct thawing {
	struct list link;
	uint64_t id;
	size_t n;
	struct ike_sa *sa;		/* that its first part has become */
	struct frozen_ike ike;
	struct frost rest;		/* of such a record: its exchanges */
	uint8_t bytes[];
};

static void thawing_free(struct thawing *t)
{
	secret_cleanse(t->bytes, t->n);
	list_del(&t->link);
	free(t);
}

void thaw_free(struct engine *e)
{
	list_each(t, &e->thawing, struct thawing, link)
		thawing_free(t);
}

int engine_thaw(struct engine *e, uint64_t id, const void *record, size_t n)
{
	struct thawing *t = n <= ENGINE_RECORD_MAX ? calloc(1, sizeof(*t) + n) : NULL;

	if (id > e->last_keep)
		e->last_keep = id;
	if (!t)
		return -1;
	t->id = id;
	t->n = n;
	memcpy(t->bytes, record, n);
	list_add_tail(&e->thawing, &t->link);
	return 0;
}

static void report_useless(struct engine *e, const char *why)
{
	report_engine(e, LOG_LEVEL_WARNING, "a record of the keyd before this one is of no use (%s): what it was for is "
		      "negotiated anew", why);
}

/* Reasons are static words; these may still be told. */
static const char *why_of(const char *text)
{
	static const char *const words[] = { "time", "bytes", "packets", "messages", "command", "lost", "reauthentication",
					     "its peer has moved", "it cannot follow its peer" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], text))
			return words[i];
	return *text ? "it was under way before a restart" : NULL;
}

/* --- IKE SAs --- */

/* The settings of that name, if there still are any. */
static struct peer *peer_of(struct engine *e, const struct frozen_head *h)
{
	for (unsigned i = 0; i < e->conf.npeers; i++)
		if (!strcmp(e->peers[i]->conf.name, h->peer))
			return peer_get(e->peers[i]);
	return engine_peer(e, &h->local, &h->remote);
}

static void leases_thaw(struct ike_sa *sa, const struct frozen_ike *fz)
{
	struct engine *e = sa->e;

	for (unsigned i = 0; i < 2; i++) {
		struct pool *p = fz->lease[i].pool[0] ? pool_find(&e->pools, fz->lease[i].pool) : NULL;

		if (p && fz->lease[i].addr.family)
			sa->lease[i] = lease_take(&e->pools, p, &sa->remote_id, fz->lease[i].addr.family,
						  &fz->lease[i].addr, e->now);
	}
}

static bool fits_together(const struct ike_sa *sa, const struct frozen_ike *fz)
{
	return sa->suite.encr && sa->suite.prf && (sa->v1 || !sa->suite.encr->aead == !!sa->suite.integ) &&
	       fz->state >= IKE_ESTABLISHED && fz->state < IKE_DEAD && sa->created_at <= sa->e->now &&
	       sa->next_request < UINT32_MAX;
}

static int ike_thaw(struct engine *e, struct thawing *t, struct frost *f)
{
	struct frozen_head h = { 0 };
	struct peer *peer;
	struct ike_sa *sa;

	frost_head(f, &h);
	if (f->broken)
		return -1;
	peer = peer_of(e, &h);
	sa = ike_sa_take(e, peer, h.initiator, h.spi_i, h.spi_r);
	peer_put(peer);
	if (!sa)
		return -1;
	sa->version = h.major == ikev1_version.major ? &ikev1_version : &ikev2_version;
	sa->local = h.local;
	sa->local_port = h.local_port;
	ike_sa_set_remote(sa, &h.remote, h.remote_port);
	frost_ike(f, sa, &t->ike);
	if (f->broken || !fits_together(sa, &t->ike) || (!sa->v1 && (ike_sa_ciphers(sa) ||
	    crypto_cipher_set_counter(sa->seal, t->ike.counter + COUNTER_SKIP)))) {
		ike_sa_end(sa, "its record is of no use");
		return -1;
	}
	sa->keep.id = t->id;
	sa->keep.known = true;
	sa->rekey_why = why_of(t->ike.rekey_why);
	leases_thaw(sa, &t->ike);
	ike_sa_take_up(sa, (enum ike_state)t->ike.state, t->ike.rekey, t->ike.end);
	t->sa = sa;
	t->rest = *f;
	return 0;
}

/* --- children --- */

/* One that was read and is nothing yet. */
static void child_unread(struct child_sa *c)
{
	struct secret *all[] = { &c->nonce, &c->key_in, &c->auth_in, &c->key_out, &c->auth_out };

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		secret_clear(all[i]);
	free(c);
}

/* From f, which may be broken then. NULL: it is of no use. Neither in a list nor in a state. */
static struct child_sa *child_read(struct engine *e, struct frost *f, struct frozen_child *fz)
{
	struct child_sa *c = calloc(1, sizeof(*c));
	struct ike_sa *sa = NULL;

	if (!c)
		return NULL;
	frost_child(f, c, fz);
	if (!f->broken)
		sa = ike_sa_find(e, fz->sa);
	if (sa && sa->state >= IKE_CLOSED)
		sa = NULL;
	/* The children of an SA that was replaced are where its are. */
	if (sa)
		sa = ike_sa_heir(sa);
	if (!sa || (c->encr && !c->encr->aead == !c->integ) || child_take(c, sa, fz->reqid)) {
		child_unread(c);
		return NULL;
	}
	c->thawed = true;
	c->rekey_why = why_of(fz->rekey_why);
	return c;
}

static int child_thaw(struct engine *e, struct frost *f, uint64_t id)
{
	struct frozen_child fz = { 0 };
	struct child_sa *c = child_read(e, f, &fz);
	struct child_timers t;

	if (!c)
		return -1;
	frost_over(f);
	if (f->broken || !c->encr || fz.state == CHILD_NEW || fz.state >= CHILD_STATES) {
		c->thawed = false;	/* what it has in the kernel stays, as orphans */
		child_free(c);
		return -1;
	}
	c->keep.id = id;
	c->keep.known = true;
	t = (struct child_timers){ .rekey = fz.rekey, .switchover = fz.switchover, .drop = fz.drop, .retire = fz.retire };
	c->rekeying = fz.rekeying;
	c->deleting = fz.deleting;
	child_take_up(c, (enum child_state)fz.state, &t);
	if (fz.switching)
		child_switch(c, "it was about to before a restart");
	return 0;
}

/* --- exchanges --- */

static bool zero_spi(const uint8_t spi[8])
{
	static const uint8_t zero[8];

	return !memcmp(spi, zero, sizeof(zero));
}

/* What it makes. False: of no use. */
static bool makes_thaw(struct exchange *x, struct frost *f, struct frozen_exchange *fz)
{
	struct ike_sa *sa = x->sa;

	if (fz->has_child) {
		x->child = child_read(sa->e, f, &fz->child);
		if (!x->child)
			return false;
	}
	if (fz->ke) {
		x->kex = crypto_kex_from_private(fz->ke, secret_view(&fz->kex));
		if (!x->kex)
			return false;
	}
	if (!zero_spi(fz->new_sa)) {
		x->new_sa = ike_sa_take(sa->e, sa->peer, true, fz->new_sa, (const uint8_t[8]){ 0 });
		if (!x->new_sa)
			return false;
		x->new_sa->local = sa->local;
		x->new_sa->local_port = sa->local_port;
		ike_sa_set_remote(x->new_sa, &sa->remote, sa->remote_port);
	}
	return true;
}

static void mark_old(struct exchange *x)
{
	struct child_sa *old = x->child && x->child->replaces ? child_find(x->sa->e, x->child->replaces) : NULL;

	if (old)
		old->rekeying = true;
}

/* What is resumed has a child with keys; what begins anew has at least the child that it is to make. */
static bool can_go_on(const struct exchange *x, const struct frozen_exchange *fz)
{
	if (!x->ops->resume)
		return true;
	return fz->has_child && (fz->active ? x->child->encr != NULL : x->ops->again);
}

static int exchange_thaw(struct ike_sa *sa, struct frost *f)
{
	struct exchange *x = exchange_new(sa, NULL);
	struct frozen_exchange fz = { 0 };

	if (!x)
		return -1;
	frost_exchange(f, x, &fz);
	x->ops = f->broken ? NULL : sa->version->kept(fz.ops);
	if (!x->ops || !makes_thaw(x, f, &fz) || !can_go_on(x, &fz) ||
	    (fz.active && (sa->active || (!x->ops->resume && !sa->sent.n)))) {
		secret_clear(&fz.kex);
		exchange_free(x);
		return -1;
	}
	secret_clear(&fz.kex);
	x->then = fz.then ? reauth_confirmed : NULL;
	if (!sa->v1)
		x->message_id = sa->next_request;
	if (fz.active)
		sa->active = x;
	else
		list_add_tail(&sa->queue, &x->link);
	mark_old(x);
	return 0;
}

static bool exchanges_read(struct thawing *t)
{
	for (unsigned i = 0; i < t->ike.nexchanges; i++)
		if (exchange_thaw(t->sa, &t->rest))
			return false;
	frost_over(&t->rest);
	return !t->rest.broken;
}

/* One that cannot be read leaves the SA without its window: nobody knows what was said with that message ID. */
static void exchanges_thaw(struct engine *e, struct thawing *t)
{
	struct ike_sa *sa = t->sa;

	if (!exchanges_read(t)) {
		report_useless(e, "its exchanges are damaged");
		/* What its children have in the kernel stays, as orphans. */
		list_each(c, &sa->children, struct child_sa, link)
			child_free(c);
		ike_sa_end(sa, "the record of an exchange is of no use");
		return;
	}
	if (!sa->active)
		secret_clear(&sa->sent);
	for (unsigned i = 0; i < t->ike.nleft; i++) {
		struct ipsec_sa_id in = { .dst = sa->local, .proto = IPPROTO_ESP, .spi = t->ike.left[i] };

		straggler_add(sa->e, &in, 0);
	}
}

/* --- going on --- */

static bool has_delete(const struct child_sa *c)
{
	const struct ike_version *v = c->sa->version;
	const struct exchange *a = c->sa->active;

	if (a && v->closes_child(a) && a->old_spi == c->spi_in)
		return true;
	list_each(x, &c->sa->queue, struct exchange, link)
		if (v->closes_child(x) && x->old_spi == c->spi_in)
			return true;
	return false;
}

/* Does an exchange that was thawed rekey it? */
static bool being_rekeyed(const struct child_sa *c)
{
	for (struct child_sa *o = child_first(c->sa->e, &c->pol); o; o = child_next(o, &c->pol))
		if (o->state == CHILD_NEW && o->replaces == c->spi_in)
			return true;
	return false;
}

static void child_go_on(struct child_sa *c)
{
	if (c->deleting && !has_delete(c)) {
		c->deleting = false;
		c->sa->version->delete_child(c);
	}
	if (c->rekeying && !being_rekeyed(c))
		child_rekey_later(c, BEGIN_AGAIN + engine_random_below(BEGIN_AGAIN));
	if (c->state == CHILD_UP)
		path_follow(c);
}

/* Is there something that asks for the peer's answer, or will? Else one that was waited for is waited for in vain. */
static void ike_go_on(struct thawing *t)
{
	struct ike_sa *sa = t->sa;
	bool young = false;

	if (sa->active && sa->active->ops->resume) {
		sa->active->answered = true;
		sa->active->ops->resume(sa->active);
	} else if (sa->active) {
		sa->version->resume(sa);
	}
	list_each(c, &sa->children, struct child_sa, link) {
		child_go_on(c);
		/* It may wait for a sign of ours, which is no exchange of its own. */
		young = young || (c->initiator && c->state == CHILD_UP && sa->e->now - c->up_at < SECONDS(120));
	}
	if (sa->state == IKE_REPLACED && sa->version->thawed)
		sa->version->thawed(sa);
	if (sa->state != IKE_ESTABLISHED && sa->state != IKE_DELETING)
		return;
	if (young && !sa->active && list_empty(&sa->queue))
		sa->version->liveness(sa);
	if (sa->state == IKE_DELETING && !sa->active && list_empty(&sa->queue)) {
		ike_sa_end(sa, "it was being deleted");
		return;
	}
	if (sa->state == IKE_ESTABLISHED) {
		duplicate_look(sa);
		reauth_thawed(sa, t->ike.reauth);
		if (!sa->rekey.pos && !(sa->active && sa->active->new_sa))
			ike_sa_rekey_later(sa, BEGIN_AGAIN);
	}
	if (sa->version->thawed)
		sa->version->thawed(sa);
	ike_sa_kick(sa);
}

static void tell(struct ike_sa *sa)
{
	struct proposal_choice algs = { .encr = sa->suite.encr, .prf = sa->suite.prf, .integ = sa->suite.integ,
					.ke = sa->ke };
	char text[128];

	proposal_choice_format(&algs, text, sizeof(text));
	report_sa(sa, LOG_LEVEL_NOTICE, "IKE_SA", "taken-over", "%s; it goes on after a restart, and was %s", text,
		  ike_state_name(sa->state));
	if (sa->state == IKE_ESTABLISHED)
		report_event(sa, NULL, ENGINE_IKE_TAKEN_OVER, "%s", text);
}

static void drop(struct engine *e, struct thawing *t, const char *why)
{
	struct keep k = { .id = t->id, .known = true };

	report_useless(e, why);
	keep_end(e, &k);
}

/* Those of one kind. */
static void thaw_kind(struct engine *e, enum keep_kind kind)
{
	list_each(t, &e->thawing, struct thawing, link) {
		struct frost f = { .r = rd_of(t->bytes, t->n) };
		bool known;
		uint8_t of;
		int r = -1;

		frost_u8(&f, &f.version);
		frost_u8(&f, &of);
		known = f.version >= FREEZE_VERSION_READ && f.version <= FREEZE_VERSION;
		if (kind == KEEP_KINDS && (!known || of >= KEEP_KINDS || !of))
			drop(e, t, f.broken ? "empty" : !known ? "of another version" : "of no kind");
		if (!known || of != kind)
			continue;
		switch (kind) {
		case KEEP_IKE_SA: r = ike_thaw(e, t, &f); break;
		case KEEP_CHILD: r = child_thaw(e, &f, t->id); break;
		case KEEP_STRAGGLER: r = straggler_thaw(e, &f, t->id); break;
		case KEEP_TRAFFIC: r = traffic_thaw(e, &f, t->id); break;
		case KEEP_TUNNEL: r = tunnel_thaw(e, &f, t->id); break;
		default: break;
		}
		if (r)
			drop(e, t, f.broken ? "damaged" : "it fits nothing else");
	}
}

void engine_thawed(struct engine *e, uint64_t now)
{
	unsigned n = 0;

	e->now = now;
	thaw_kind(e, KEEP_TRAFFIC);
	thaw_kind(e, KEEP_TUNNEL);
	thaw_kind(e, KEEP_IKE_SA);
	thaw_kind(e, KEEP_CHILD);
	thaw_kind(e, KEEP_STRAGGLER);
	thaw_kind(e, KEEP_KINDS);
	list_each(t, &e->thawing, struct thawing, link)
		if (t->sa)
			exchanges_thaw(e, t);
	traffics_thawed(e);
	list_each(u, &e->thawing, struct thawing, link) {
		if (!u->sa || u->sa->state == IKE_DEAD)
			continue;
		tell(u->sa);
		ike_go_on(u);
		n++;
	}
	tunnels_thawed(e);
	if (n)
		report_engine(e, LOG_LEVEL_NOTICE, "%u IKE SAs go on after a restart", n);
	thaw_free(e);
	engine_settle(e);
}
