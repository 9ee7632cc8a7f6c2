// SPDX-License-Identifier: MIT
// What goes into a record, and what is left out because it will come again.
#include "keyd/ike/freeze.h"

#include "keyd/crypto/kex.h"
#include "keyd/ike/straggler.h"
#include "keyd/ike/traffic.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ike/version.h"

#include <stdio.h>
#include <string.h>

/* No key is longer, and no message of ours: in fragments it is less than twice as long. */
#define KEY_MAX 128
#define NONCE_MAX 256
#define SENT_MAX (2 * ENGINE_DATAGRAM_MAX)

/* What records have as numbers: in another order it would be another format. */
_Static_assert(IKE_ESTABLISHED == 3 && IKE_REPLACED == 4 && IKE_DELETING == 5 && IKE_CROSSED == 6 && IKE_CLOSED == 7 &&
	       CHILD_INBOUND == 1 && CHILD_UP == 2 && CHILD_REPLACED == 3 && KEEP_IKE_SA == 1 && KEEP_CHILD == 2 &&
	       KEEP_STRAGGLER == 3 && KEEP_TRAFFIC == 4 && KEEP_TUNNEL == 5 && IPSEC_MODE_TUNNEL == 1 &&
	       IPSEC_DIR_OUT == 1 && IPSEC_ACTION_ALLOW == 0, "the format has changed: raise FREEZE_VERSION");

/* --- walks --- */

/* Fields that came with a version are not in records of those before it. */
static bool has(const struct frost *f, uint8_t version)
{
	return !frost_reads(f) || f->version >= version;
}

void frost_head(struct frost *f, struct frozen_head *h)
{
	if (has(f, 4))
		frost_u8(f, &h->major);
	else
		h->major = ikev2_version.major;
	frost_text(f, h->peer, sizeof(h->peer));
	frost_bool(f, &h->initiator);
	frost_mem(f, h->spi_i, sizeof(h->spi_i));
	frost_mem(f, h->spi_r, sizeof(h->spi_r));
	frost_end(f, &h->local);
	frost_end(f, &h->remote);
	frost_u16(f, &h->local_port);
	frost_u16(f, &h->remote_port);
}

static void frost_keys(struct frost *f, struct ike_sa *sa)
{
	struct ikev2_keys *k = &sa->keys;
	struct secret *all[] = { &k->sk_d, &k->sk_ai, &k->sk_ar, &k->sk_ei, &k->sk_er, &k->sk_pi, &k->sk_pr };

	frost_alg(f, &sa->suite.encr, CRYPTO_ENCR);
	frost_alg(f, &sa->suite.prf, CRYPTO_PRF);
	frost_alg(f, &sa->suite.integ, CRYPTO_INTEG);
	frost_alg(f, &sa->ke, CRYPTO_KE);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		frost_secret(f, all[i], KEY_MAX);
}

static void frost_path(struct frost *f, struct ike_sa *sa)
{
	frost_bool(f, &sa->nat_local);
	frost_bool(f, &sa->nat_remote);
	frost_bool(f, &sa->nat_asked);
	frost_bool(f, &sa->encap);
	frost_bool(f, &sa->nat_follow);
	frost_addr(f, &sa->left_addr);
	frost_u16(f, &sa->left_port);
	frost_u64(f, &sa->moved_at);
	frost_u16(f, &sa->fragment_size);
	frost_u64(f, &sa->rtt);
	frost_u64(f, &sa->rtt_var);
}

/* Message IDs, and what is sent again. */
static void frost_window(struct frost *f, struct ike_sa *sa)
{
	uint32_t next = sa->next_request;

	/* What has been taken from an answer comes to nothing unless it is finished: then the request is repeated. */
	if (f->w && sa->active && sa->active->answered && !sa->active->ops->resume)
		next--;
	frost_u32(f, &next);
	sa->next_request = frost_reads(f) ? next : sa->next_request;
	frost_u32(f, &sa->next_expected);
	frost_secret(f, &sa->sent, SENT_MAX);
	frost_bool(f, &sa->have_answered);
	frost_secret(f, &sa->answered, SENT_MAX);
	frost_mem(f, sa->answered_hash, sizeof(sa->answered_hash));
}

static void frost_reauth(struct frost *f, struct ike_sa *sa, struct frozen_ike *fz)
{
	frost_mem(f, sa->reauth.of, sizeof(sa->reauth.of));
	frost_mem(f, sa->reauth.by, sizeof(sa->reauth.by));
	frost_u64(f, &sa->reauth.at);
	frost_u64(f, &sa->reauth.end);
	frost_u32(f, &sa->reauth.tries);
	frost_bool(f, &sa->reauth.confirmed);
	frost_bool(f, &sa->reauth.merges);
	frost_u64(f, &fz->reauth);
}

static void frost_proof(struct frost *f, struct ike_sa *sa)
{
	if (!has(f, 2))
		return;
	frost_secret(f, &sa->proof.ticket, TRUST_TICKET_MAX);
	frost_u64(f, &sa->proof.ends);
	frost_bool(f, &sa->proof.lost);
	frost_text(f, sa->proof.remote, sizeof(sa->proof.remote));
	frost_text(f, sa->proof.local, sizeof(sa->proof.local));
	if (has(f, 3))
		frost_mem(f, sa->proof.key.b, sizeof(sa->proof.key.b));
}

static void frost_times(struct frost *f, struct ike_sa *sa, struct frozen_ike *fz)
{
	uint64_t *all[] = { &sa->refused_since, &sa->origin_at, &sa->redundant_at, &sa->created_at, &sa->established_at,
			    &sa->rekey_at, &sa->heard_at, &sa->hinted_at, &fz->rekey, &fz->end };

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		frost_u64(f, all[i]);
}

void frost_ike(struct frost *f, struct ike_sa *sa, struct frozen_ike *fz)
{
	bool *flags[] = { &sa->childless, &sa->quiet, &sa->full, &sa->newcomer, &sa->initial_contact, &sa->originator,
			  &sa->limit_told };

	frost_u8(f, &fz->state);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		frost_bool(f, flags[i]);
	frost_id(f, &sa->local_id);
	frost_id(f, &sa->remote_id);
	frost_keys(f, sa);
	frost_u64(f, &fz->counter);
	frost_path(f, sa);
	frost_window(f, sa);
	frost_mem(f, sa->origin, sizeof(sa->origin));
	frost_mem(f, sa->predecessor, sizeof(sa->predecessor));
	frost_mem(f, sa->successor, sizeof(sa->successor));
	frost_u32(f, &sa->rekeys);
	frost_text(f, fz->rekey_why, sizeof(fz->rekey_why));
	frost_times(f, sa, fz);
	frost_reauth(f, sa, fz);
	frost_proof(f, sa);
	for (unsigned i = 0; i < 2; i++) {
		frost_text(f, fz->lease[i].pool, sizeof(fz->lease[i].pool));
		frost_addr(f, &fz->lease[i].addr);
		frost_addr(f, &sa->assigned[i]);
	}
	if (has(f, 4))
		frost_u32(f, &sa->life);
	if (sa->version->walk)
		sa->version->walk(f, sa);
	frost_u8(f, &fz->nleft);
	if (fz->nleft > FREEZE_LEFT_MAX)
		f->broken = true;
	for (unsigned i = 0; i < fz->nleft && !f->broken; i++)
		frost_u32(f, &fz->left[i]);
	frost_u8(f, &fz->nexchanges);
}

static void frost_meter(struct frost *f, struct child_meter *m)
{
	frost_u64(f, &m->at);
	frost_u64(f, &m->bytes);
	frost_u64(f, &m->packets);
}

/* A child has either no algorithms yet, or all that its keys need. */
static void frost_child_keys(struct frost *f, struct child_sa *c)
{
	struct secret *all[] = { &c->nonce, &c->key_in, &c->auth_in, &c->key_out, &c->auth_out };

	frost_alg(f, &c->encr, CRYPTO_ENCR);
	frost_alg(f, &c->integ, CRYPTO_INTEG);
	frost_alg(f, &c->ke, CRYPTO_KE);
	frost_bool(f, &c->esn);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		frost_secret(f, all[i], NONCE_MAX);
}

void frost_child(struct frost *f, struct child_sa *c, struct frozen_child *fz)
{
	bool *flags[] = { &c->initiator, &c->first, &c->confirmed, &c->sign_promised, &c->takes_over, &c->lost,
			  &c->redundant, &c->acquired, &c->offered, &c->single_pair, &c->sel_exact, &c->failed,
			  &c->flow_left_out, &c->no_tfc, &c->doomed, &fz->rekeying, &fz->deleting, &fz->switching };
	uint32_t *numbers[] = { &c->spi_out, &c->line, &c->beats, &c->replaces, &c->replaced_by, &c->acquire_seq,
				&c->rekeys, &fz->reqid };
	uint64_t *times[] = { &c->begun_at, &c->up_at, &c->rekey_at, &fz->rekey, &fz->switchover, &fz->drop, &fz->retire };

	frost_mem(f, fz->sa, sizeof(fz->sa));
	frost_u32(f, &c->spi_in);
	frost_policy(f, &c->pol);
	frost_u8(f, &fz->state);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		frost_bool(f, flags[i]);
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		frost_u32(f, numbers[i]);
	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		frost_u64(f, times[i]);
	frost_text(f, fz->rekey_why, sizeof(fz->rekey_why));
	frost_child_keys(f, c);
	frost_selector(f, &c->flow);
	frost_selector(f, &c->sel);
	frost_selector(f, &c->sel_in);
	frost_addr(f, &c->nat_real);
	frost_addr(f, &c->out_addr);
	frost_u16(f, &c->out_port);
	frost_u16(f, &c->in_port);
	frost_lifetime(f, &c->soft);
	frost_lifetime(f, &c->hard);
	frost_meter(f, &c->meter_in);
	frost_meter(f, &c->meter_out);
	frost_u64(f, &c->byte_rate);
	frost_u64(f, &c->packet_rate);
	if (has(f, 4)) {
		frost_bool(f, &c->waits);
		frost_bool(f, &c->muted);
		frost_bool(f, &c->life_longer);
		frost_u32(f, &c->life_seconds);
		frost_u64(f, &c->life_bytes);
	}
}

void frost_exchange(struct frost *f, struct exchange *x, struct frozen_exchange *fz)
{
	bool *flags[] = { &fz->active, &fz->then, &fz->installing, &x->no_kex, &fz->has_child };

	frost_u8(f, &fz->ops);
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		frost_bool(f, flags[i]);
	frost_u64(f, &x->not_before);
	frost_u32(f, &x->old_spi);
	frost_u32(f, &x->tries);
	frost_u16(f, &x->group);
	frost_mem(f, fz->new_sa, sizeof(fz->new_sa));
	frost_alg(f, &fz->ke, CRYPTO_KE);
	frost_secret(f, &fz->kex, CRYPTO_KE_PUBLIC_MAX);
	frost_secret(f, &x->ni, NONCE_MAX);
	frost_secret(f, &x->rival.nonce, NONCE_MAX);
	frost_u32(f, &x->rival.child);
	frost_mem(f, x->rival.ike, sizeof(x->rival.ike));
	frost_ts(f, &x->ts_local);
	frost_ts(f, &x->ts_remote);
	if (has(f, 4)) {
		frost_u32(f, &x->message_id);
		frost_mem(f, x->v1.heard, sizeof(x->v1.heard));
	}
}

/* --- an IKE SA --- */

static uint64_t due(const struct timer *t)
{
	return t->pos ? t->at : 0;
}

static struct child_sa *made_by(const struct exchange *x)
{
	return x->child || !x->made_spi ? x->child : child_find(x->sa->e, x->made_spi);
}

static void child_fill(const struct child_sa *c, struct frozen_child *fz)
{
	struct child_timers t;

	child_timers_get(c, &t);
	*fz = (struct frozen_child){ .state = (uint8_t)c->state, .reqid = c->traffic ? c->traffic->t.reqid : 0,
				     .rekey = t.rekey, .switchover = t.switchover, .drop = t.drop, .retire = t.retire,
				     .rekeying = c->rekeying, .deleting = c->deleting,
				     .switching = c->state == CHILD_INBOUND && c->ask.id };
	memcpy(fz->sa, ike_sa_our_spi(c->sa), sizeof(fz->sa));
	snprintf(fz->rekey_why, sizeof(fz->rekey_why), "%s", c->rekey_why ? c->rekey_why : "");
}

/* The peer's exchange that crosses it counts from our answer on; before, it comes again. */
static bool rival_counts(const struct exchange *x)
{
	const struct child_sa *c = x->rival.nonce.n ? child_find(x->sa->e, x->rival.child) : NULL;

	return !c || c->state != CHILD_NEW;
}

/* It is under way, and the next engine goes on with it; else it begins. */
static bool goes_on(const struct exchange *x)
{
	return x->sa->active == x && (!x->ops->again || x->answered);
}

static void exchange_freeze(struct frost *f, struct exchange *x)
{
	struct frozen_exchange fz = { .ops = x->ops->kept, .active = goes_on(x), .then = x->then,
				      .installing = x->answered && x->ops->resume };
	struct exchange_rival rival = x->rival;
	struct child_sa *c = made_by(x);

	if (x->new_sa)
		memcpy(fz.new_sa, ike_sa_our_spi(x->new_sa), sizeof(fz.new_sa));
	if (x->kex && !crypto_kex_private(x->kex, &fz.kex))
		fz.ke = crypto_kex_alg(x->kex);
	fz.has_child = c;
	if (!rival_counts(x))
		x->rival = (struct exchange_rival){ 0 };
	frost_exchange(f, x, &fz);
	x->rival = rival;
	secret_clear(&fz.kex);
	if (!c)
		return;
	child_fill(c, &fz.child);
	fz.child.state = CHILD_NEW;
	frost_child(f, c, &fz.child);
}

/* Those that are kept; each is written if f is given. How many. */
static unsigned exchanges_freeze(struct frost *f, const struct ike_sa *sa)
{
	unsigned n = 0;

	if (sa->active && sa->active->ops->kept && (!sa->active->ops->resume || sa->active->answered || sa->active->ops->again)) {
		n++;
		if (f)
			exchange_freeze(f, sa->active);
	}
	list_each(x, &sa->queue, struct exchange, link) {
		if (n == FREEZE_QUEUE_MAX)
			break;
		if (!x->ops->kept || (x->ops->resume && !x->ops->again) || x->not_before == ENGINE_NEVER)
			continue;
		n++;
		if (f)
			exchange_freeze(f, x);
	}
	return n;
}

/* What the kernel is being asked for in the peer's name: it asks again, and there will be other SAs. */
static void left_fill(const struct ike_sa *sa, struct frozen_ike *fz)
{
	const struct exchange *x = sa->serving;

	if (x && x->child && x->child->state == CHILD_NEW && x->installed)
		fz->left[fz->nleft++] = x->child->spi_in;
	if (sa->version->left)
		fz->nleft += (uint8_t)sa->version->left(sa, fz->left + fz->nleft, FREEZE_LEFT_MAX - fz->nleft);
}

static void ike_fill(const struct ike_sa *sa, struct frozen_ike *fz)
{
	*fz = (struct frozen_ike){ .state = (uint8_t)sa->state, .rekey = due(&sa->rekey), .end = due(&sa->end),
				   .counter = sa->seal ? crypto_cipher_counter(sa->seal) : 0,
				   .reauth = due(&sa->reauth.timer) };
	snprintf(fz->rekey_why, sizeof(fz->rekey_why), "%s", sa->rekey_why ? sa->rekey_why : "");
	for (unsigned i = 0; i < 2; i++) {
		if (!sa->lease[i])
			continue;
		memcpy(fz->lease[i].pool, sa->lease[i]->pool->conf.name, sizeof(fz->lease[i].pool));
		fz->lease[i].addr = sa->lease[i]->addr;
	}
	left_fill(sa, fz);
	fz->nexchanges = (uint8_t)exchanges_freeze(NULL, sa);
}

static bool ike_freeze(struct frost *f, struct ike_sa *sa)
{
	struct frozen_head h = { .major = sa->version->major, .initiator = sa->initiator, .local = sa->local, .remote = sa->remote,
				 .local_port = sa->local_port, .remote_port = sa->remote_port };
	struct frozen_ike fz;

	if (sa->state < IKE_ESTABLISHED || sa->state >= IKE_DEAD || (!sa->seal && !sa->v1))
		return false;
	snprintf(h.peer, sizeof(h.peer), "%s", sa->peer->conf.name);
	memcpy(h.spi_i, sa->spi_i, sizeof(h.spi_i));
	memcpy(h.spi_r, sa->spi_r, sizeof(h.spi_r));
	ike_fill(sa, &fz);
	frost_head(f, &h);
	frost_ike(f, sa, &fz);
	exchanges_freeze(f, sa);
	return true;
}

/* --- the others --- */

static bool child_freeze(struct frost *f, struct child_sa *c)
{
	struct frozen_child fz;

	/* Until the exchange that makes it is over it is part of that. */
	if (c->state == CHILD_NEW || c->unfinished || c->sa->state < IKE_ESTABLISHED)
		return false;
	child_fill(c, &fz);
	frost_child(f, c, &fz);
	return true;
}

bool freeze(struct engine *e, struct keep *k, struct wr *w)
{
	struct frost f = { .w = w };

	(void)e;
	wr_u8(w, FREEZE_VERSION);
	wr_u8(w, k->kind);
	switch (k->kind) {
	case KEEP_IKE_SA: return ike_freeze(&f, container_of(k, struct ike_sa, keep));
	case KEEP_CHILD: return child_freeze(&f, container_of(k, struct child_sa, keep));
	case KEEP_STRAGGLER: return straggler_walk(&f, container_of(k, struct straggler, keep));
	case KEEP_TRAFFIC: return traffic_walk(&f, container_of(k, struct traffic, keep));
	case KEEP_TUNNEL: return tunnel_walk(&f, container_of(k, struct tunnel, keep));
	default: return false;
	}
}
