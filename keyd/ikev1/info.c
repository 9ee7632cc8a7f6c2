// SPDX-License-Identifier: MIT
// Informational exchanges: deletes, notifications, signs of life (RFC 2409 5.7, RFC 2408 5.14, 5.15, RFC 3706).
#include "keyd/ike/child_sa.h"
#include "keyd/ike/liveness.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/straggler.h"
#include "keyd/ikev1/exchanges.h"
#include "keyd/ikev1/message.h"
#include "keyd/ikev1/window.h"
#include "keyd/wire/isakmp_attr.h"
#include "keyd/wire/isakmp_delete.h"

#include <string.h>

/* One message deletes so many children. */
#define DELETES_MAX 256
/* What a message says beside others is looked at so far. */
#define PAYLOADS_LOOKED_AT 16
/* What deletes an ISAKMP SA goes so often at most, also for messages that still come in it. */
#define BYE_AGAIN 30

/* --- ours --- */

static void put_delete(struct wire_out *out, uint8_t protocol, uint8_t spi_size, unsigned n, const uint8_t *spis)
{
	struct isakmp_delete d = { .doi = ISAKMP_DOI_IPSEC, .protocol = protocol, .spi_size = spi_size, .count = (uint16_t)n,
				   .spis = { spis, (size_t)n * spi_size } };
	size_t mark = wire_payload_begin(out, ISAKMP_PL_DELETE);

	isakmp_delete_put(&out->w, &d);
	wire_payload_end(out, mark);
}

static void spi_bytes(uint32_t spi, uint8_t *out)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(spi >> (24 - 8 * i));
}

/* A message that nothing answers, and that waits for nothing. */
struct said {
	uint32_t id;
	uint8_t iv[CRYPTO_IV_MAX];
	size_t at;
};

RD_MUST_CHECK static int say_begin(struct ike_sa *sa, struct wire_out *out, struct said *m)
{
	if (v1_fresh_message_id(sa, &m->id) || ikev1_iv_phase2(&sa->v1->suite, sa->v1->iv, m->id, m->iv))
		return -1;
	v1_message_begin(sa, out, ISAKMP_EXCH_INFORMATIONAL, m->id, true);
	m->at = v1_hash_begin(sa, out);
	return 0;
}

static void say_end(struct ike_sa *sa, struct wire_out *out, struct said *m)
{
	struct path path = path_of(sa);
	struct view datagram;

	if (!v1_hash_end(sa, out, m->at, m->id, (struct view){ 0 }) && !v1_message_end(sa, out, m->iv, &datagram))
		v1_message_send(sa, &path, datagram);
}

void v1_notify(struct ike_sa *sa, uint8_t protocol, uint16_t type, struct view spi, struct view data)
{
	struct wire_out out;
	struct said said;

	if (say_begin(sa, &out, &said))
		return;
	v1_put_notify(&out, protocol, type, spi, data);
	say_end(sa, &out, &said);
}

static bool delete_child_build(struct exchange *x, struct wire_out *out)
{
	uint8_t spi[4];

	if (!child_find(x->sa->e, x->old_spi))
		return false;
	spi_bytes(x->old_spi, spi);
	put_delete(out, ISAKMP_PROTO_ESP, 4, 1, spi);
	return true;
}

/* Nothing says whether a peer has heard of a delete. Until it is said for the last time we take what the peer still sends. */
static uint64_t until_heard(const struct ike_sa *sa)
{
	uint64_t time = 0;

	for (unsigned i = 1; i < sa->peer->conf.retransmit_tries; i++)
		time += v1_wait(sa, i);
	return time;
}

/*
 * Another one sends in its place, at both ends: it may have been deleted itself, or the peer not have seen that the two crossed, and
 * let this one stay.
 */
static bool carried_on(const struct child_sa *c)
{
	const struct child_sa *heir = c->replaced_by ? child_find(c->sa->e, c->replaced_by) : NULL;

	return heir && heir->state == CHILD_UP && !heir->deleting && !c->redundant;
}

/* Nothing answers it: it is gone when that is said. */
static void delete_child_sent(struct exchange *x)
{
	struct child_sa *c = child_find(x->sa->e, x->old_spi);
	struct v1_memo *m = c && !carried_on(c) ? v1_memo_new(x->sa, x->message_id) : NULL;

	if (c && !carried_on(c))
		c->lingers = until_heard(x->sa);
	if (m) {		/* a peer that does not hear of it sends on it for ever */
		secret_move(&m->answer, &x->sa->sent);
		m->deleted = c->spi_in;
		v1_memo_repeat(m, x->sa->peer->conf.retransmit_tries);
	}
	if (c && child_has_heir(c)) {
		child_end(c, ENGINE_EVENT_TYPES, "replaced");
	} else if (c) {
		report_reason(c->sa, REASON_DELETED);
		child_end(c, ENGINE_CHILD_DOWN, "deleted");
	}
	exchange_done(x);
}

const struct exchange_ops v1_delete_child_ops = {
	.kept = V1_KEPT_DELETE_CHILD, .again = true, .one_way = true, .name = "Informational delete child",
	.type = ISAKMP_EXCH_INFORMATIONAL, .build = delete_child_build, .answer = delete_child_sent,
};

bool v1_closes_child(const struct exchange *x)
{
	return x->ops == &v1_delete_child_ops;
}

void v1_delete_child(struct child_sa *c)
{
	struct exchange *x;

	if (c->deleting)
		return;
	c->deleting = true;
	child_touch(c);
	child_mute(c);
	if (c->sa->v1->gone) {		/* nobody can be told */
		child_end(c, child_has_heir(c) ? ENGINE_EVENT_TYPES : ENGINE_CHILD_DOWN, "deleted");
		return;
	}
	x = exchange_new(c->sa, &v1_delete_child_ops);
	if (!x)
		return;
	x->old_spi = c->spi_in;
	exchange_queue_first(x);
}

/* The children first, or a peer may keep them; in a message of their own, as some look at one payload only (strongSwan). */
static void delete_children(struct ike_sa *sa)
{
	uint8_t spis[4 * DELETES_MAX];
	struct wire_out out;
	struct said said;
	unsigned n = 0;

	list_each(c, &sa->children, struct child_sa, link)
		if (n < DELETES_MAX)
			spi_bytes(c->spi_in, spis + (size_t)4 * n++);
	if (!n || say_begin(sa, &out, &said))
		return;
	put_delete(&out, ISAKMP_PROTO_ESP, 4, n, spis);
	say_end(sa, &out, &said);
	if (secret_set(&sa->v1->bye.children, out.w.buf, out.w.len))
		secret_clear(&sa->v1->bye.children);
}

static void bye(struct ike_sa *sa)
{
	struct path path = path_of(sa);

	v1_message_send(sa, &path, secret_view(&sa->v1->bye.children));
	v1_message_send(sa, &path, secret_view(&sa->v1->bye.isakmp));
}

static void bye_due(struct timer *t)
{
	struct ikev1_state *s = container_of(t, struct ikev1_state, bye.timer);

	bye(s->sa);
	if (++s->bye.sendings < s->sa->peer->conf.retransmit_tries)
		timer_set(&s->sa->e->timers, t, s->sa->e->now + v1_wait(s->sa, s->bye.sendings), bye_due);
}

void v1_bye_again(struct ike_sa *sa)
{
	if (sa->v1->bye.sendings && sa->v1->bye.sendings++ < BYE_AGAIN)
		bye(sa);
}

static bool delete_ike_build(struct exchange *x, struct wire_out *out)
{
	uint8_t cookies[16];

	v1_cookies(x->sa, cookies);
	put_delete(out, ISAKMP_PROTO_ISAKMP, sizeof(cookies), 1, cookies);
	return true;
}

static void delete_ike_sent(struct exchange *x)
{
	enum engine_reason reason;
	const char *why = proof_why(x->sa, &reason);

	secret_move(&x->sa->v1->bye.isakmp, &x->sa->sent);
	x->sa->v1->bye.sendings = 1;
	timer_set(&x->sa->e->timers, &x->sa->v1->bye.timer, x->sa->e->now + v1_wait(x->sa, 1), bye_due);
	list_each(c, &x->sa->children, struct child_sa, link)
		c->lingers = until_heard(x->sa);
	report_reason(x->sa, why ? reason : REASON_DELETED);
	ike_sa_close(x->sa, why ? why : "deleted");
}

const struct exchange_ops v1_delete_ike_ops = {
	.kept = V1_KEPT_DELETE_IKE, .again = true, .of_this_sa = true, .one_way = true, .name = "Informational delete ISAKMP SA",
	.type = ISAKMP_EXCH_INFORMATIONAL, .build = delete_ike_build, .answer = delete_ike_sent,
};

/* What is under way has no answer to wait for any more. */
static void stop(struct ike_sa *sa)
{
	struct exchange *x = sa->active;

	if (!x || x->answered)
		return;
	timer_cancel(&sa->e->timers, &sa->retransmit);
	if (x->ops->abandon)
		x->ops->abandon(x);
	exchange_free(x);
}

/* Those that it has taken over from, and that wait for their end. */
static void delete_replaced(struct ike_sa *sa)
{
	for (struct ike_sa *o = ike_sa_first_between(sa->e, &sa->local, &sa->remote); o; o = ike_sa_next_between(o))
		if (o != sa && o->v1 && o->state == IKE_REPLACED && ike_sa_heir(o) == sa)
			v1_delete_ike(o);
}

void v1_delete_ike(struct ike_sa *sa)
{
	struct exchange *x;

	if (sa->state == IKE_DELETING || sa->state >= IKE_CLOSED)
		return;
	x = sa->state < IKE_ESTABLISHED || sa->v1->gone ? NULL : exchange_new(sa, &v1_delete_ike_ops);
	if (!x) {
		report_reason(sa, REASON_DELETED);
		ike_sa_end(sa, "deleted");
		return;
	}
	ike_sa_set_state(sa, IKE_DELETING);
	reauth_hand_over(sa);
	list_each(c, &sa->children, struct child_sa, link)
		child_mute(c);
	stop(sa);
	delete_replaced(sa);
	delete_children(sa);
	exchange_queue_first(x);
}

/* --- signs of life --- */

static bool liveness_build(struct exchange *x, struct wire_out *out)
{
	struct ike_sa *sa = x->sa;
	uint8_t cookies[16], seq[4];

	if (!x->tries++)
		sa->v1->dpd_ours++;
	spi_bytes(sa->v1->dpd_ours, seq);
	v1_cookies(sa, cookies);
	v1_put_notify(out, ISAKMP_PROTO_ISAKMP, ISAKMP_N_R_U_THERE, (struct view){ cookies, sizeof(cookies) },
		      (struct view){ seq, sizeof(seq) });
	return true;
}

static void liveness_answer(struct exchange *x)
{
	void (*then)(struct ike_sa *sa) = x->then;
	struct ike_sa *sa = x->sa;

	exchange_done(x);
	if (then)
		then(sa);
}

const struct exchange_ops v1_liveness_ops = {
	.kept = V1_KEPT_LIVENESS, .again = true, .anew = true, .name = "R-U-THERE", .type = ISAKMP_EXCH_INFORMATIONAL,
	.build = liveness_build, .answer = liveness_answer,
};

void v1_confirm(struct ike_sa *sa, void (*then)(struct ike_sa *sa))
{
	/* Without children nobody wants to know whether the peer of an SA without keys lives. */
	bool idle = sa->v1->gone && list_empty(&sa->children);
	struct exchange *x = sa->v1->dpd && !idle ? exchange_new(sa, &v1_liveness_ops) : NULL;

	if (!x)
		return;
	x->then = then;
	exchange_queue(x);
	if (sa->v1->gone)
		v1_rekey_ike(sa);
}

void v1_liveness(struct ike_sa *sa)
{
	v1_confirm(sa, NULL);
}

static bool being_asked(const struct ike_sa *sa)
{
	bool asked = sa->active && sa->active->ops == &v1_liveness_ops;

	list_each(x, &sa->queue, struct exchange, link)
		asked = asked || x->ops == &v1_liveness_ops;
	return asked;
}

/* One without keys waits for the next (v1_delete_go_on). */
bool v1_delete_may_be_lost(struct v1_memo *m, uint64_t time)
{
	struct ipsec_sa_id in = { .dst = m->sa->local, .proto = IPPROTO_ESP, .spi = m->deleted };
	struct ike_sa *sa = ike_sa_heir(m->sa);

	if (sa->state != IKE_ESTABLISHED || !sa->v1->dpd || !sa->peer->conf.dpd)
		return false;
	straggler_keep(sa->e, &in, time + SECONDS(sa->peer->conf.linger));
	if (!sa->v1->gone && !being_asked(sa))
		v1_liveness(sa);
	return true;
}

static void delete_on(struct ike_sa *sa, uint32_t spi)
{
	struct ipsec_sa_id in = { .dst = sa->local, .proto = IPPROTO_ESP, .spi = spi };
	struct wire_out out;
	struct v1_memo *m;
	struct said said;
	uint8_t bytes[4];

	if (say_begin(sa, &out, &said))
		return;
	spi_bytes(spi, bytes);
	put_delete(&out, ISAKMP_PROTO_ESP, 4, 1, bytes);
	say_end(sa, &out, &said);
	straggler_keep(sa->e, &in, until_heard(sa) + SECONDS(sa->peer->conf.linger));
	m = v1_memo_new(sa, said.id);
	if (!m)
		return;
	m->deleted = spi;
	if (secret_set(&m->answer, out.w.buf, out.w.len))
		v1_memo_free(m);
	else
		v1_memo_repeat(m, sa->peer->conf.retransmit_tries);
}

void v1_delete_go_on(struct ike_sa *old, struct ike_sa *fresh)
{
	list_each(m, &old->v1->memos, struct v1_memo, link) {
		uint32_t spi = m->deleted;

		if (!spi)
			continue;
		v1_memo_rest(m);
		delete_on(fresh, spi);
	}
}

/* --- the peer's --- */

/* A child that an exchange of ours makes, and that the peer has already. */
static struct child_sa *being_made(const struct ike_sa *sa, uint32_t spi)
{
	const struct exchange *x = sa->active;

	return spi && x && x->child && x->child->spi_out == spi ? x->child : NULL;
}

/* The peer lets another stay than we do: what c had taken the place of is in the kernel yet, and goes on. */
static void restore_replaced(const struct child_sa *c)
{
	for (struct child_sa *o = child_first(c->sa->e, &c->pol); o; o = child_next(o, &c->pol)) {
		if (o == c || o->sa != c->sa || o->replaced_by != c->spi_in || o->state != CHILD_REPLACED || o->deleting || o->muted || !o->out_addr.family)
			continue;
		o->replaced_by = 0;
		o->redundant = false;
		child_restore(o);
		return;
	}
}

static void delete_spi(struct ike_sa *asked, uint32_t spi)
{
	struct ike_sa *sa = ike_sa_heir(asked);
	struct child_sa *c = child_find_out(sa, spi);

	if (being_made(asked, spi))
		c = being_made(asked, spi);
	if (!c)
		return;
	if (c->state == CHILD_NEW || c->unfinished) {
		c->doomed = true;
		child_touch(c);
		return;
	}
	if (!child_has_heir(c)) {
		restore_replaced(c);
		report_reason(c->sa, REASON_PEER_DELETED);
	}
	child_end(c, child_has_heir(c) ? ENGINE_EVENT_TYPES : ENGINE_CHILD_DOWN, "the peer deleted it");
}

/* True: the ISAKMP SA itself. */
static bool take_delete(struct ike_sa *sa, const struct wire_payload *p)
{
	uint8_t ours[16];
	struct isakmp_delete d;
	struct view cookies;
	uint32_t spi;

	if (isakmp_delete_get(&d, p->body))
		return false;
	for (unsigned i = 0; d.protocol == ISAKMP_PROTO_ESP && i < DELETES_MAX && isakmp_delete_spi(&d, i, &spi); i++)
		delete_spi(sa, spi);
	v1_cookies(sa, ours);
	for (unsigned i = 0; d.protocol == ISAKMP_PROTO_ISAKMP && i < DELETES_MAX && isakmp_delete_cookies(&d, i, &cookies); i++)
		if (!memcmp(cookies.p, ours, sizeof(ours)))
			return true;
	return false;
}

static bool for_us(const struct ike_sa *sa, const struct isakmp_notify *n)
{
	uint8_t cookies[16];

	v1_cookies(sa, cookies);
	return n->spi.n != sizeof(cookies) || !memcmp(n->spi.p, cookies, sizeof(cookies));
}

static void r_u_there(struct ike_sa *sa, const struct isakmp_notify *n)
{
	uint8_t cookies[16];
	uint32_t seq;

	if (!isakmp_notify_dpd(n, &seq) || !for_us(sa, n))
		return;
	v1_cookies(sa, cookies);
	v1_notify(sa, ISAKMP_PROTO_ISAKMP, ISAKMP_N_R_U_THERE_ACK, (struct view){ cookies, sizeof(cookies) }, n->data);
}

static void r_u_there_ack(struct ike_sa *sa, const struct isakmp_notify *n)
{
	struct exchange *x = sa->active;
	uint32_t seq;

	if (!x || x->ops != &v1_liveness_ops || !isakmp_notify_dpd(n, &seq) || seq != sa->v1->dpd_ours || !for_us(sa, n))
		return;
	v1_answered(sa);
	x->answered = true;
	x->ops->answer(x);
}

/* Some say it only when phase 1 is over. What was made before this one, the peer has lost: it is made anew at once. */
static void initial_contact(struct ike_sa *sa, const struct isakmp_notify *n)
{
	(void)n;
	if (sa->peer->conf.unique == CONF_UNIQUE_NEVER || sa->e->now - sa->established_at > SECONDS(60))
		return;
	sa->initial_contact = true;
	list_each(c, &sa->children, struct child_sa, link)
		if (c->up_at < sa->created_at && c->state == CHILD_UP)
			child_lost(c, "the peer has begun anew (INITIAL-CONTACT)");
}

/* In a message of its own, behind quick mode. */
static void responder_lifetime(struct ike_sa *sa, const struct isakmp_notify *n)
{
	struct isakmp_ipsec_attrs a;
	struct child_sa *c;
	uint32_t spi;

	if (n->protocol != ISAKMP_PROTO_ESP || !isakmp_notify_spi(n, &spi) || isakmp_ipsec_attrs_get(&a, n->data) || !a.life.seconds)
		return;
	c = child_find_out(ike_sa_heir(sa), spi);
	if (c && c->state == CHILD_UP && sa->e->now + SECONDS(a.life.seconds) * 9 / 10 < c->rekey_at)
		child_rekey_later(c, SECONDS(a.life.seconds) * 9 / 10);
}

/* Who has set the commit bit says when it can receive (RFC 2408 3.1); which end's SPI it names is nowhere said. */
static void connected(struct ike_sa *sa, const struct isakmp_notify *n)
{
	struct ike_sa *heir = ike_sa_heir(sa);
	struct child_sa *c;
	uint32_t spi;

	if (n->protocol != ISAKMP_PROTO_ESP || !isakmp_notify_spi(n, &spi))
		return;
	c = child_find_out(heir, spi);
	if (!c)
		c = child_find(sa->e, spi);
	if (c && c->sa == heir && c->waits && c->state == CHILD_INBOUND)
		child_confirm(c, "the peer says CONNECTED");
}

static const struct {
	uint16_t type;
	void (*take)(struct ike_sa *sa, const struct isakmp_notify *n);
} notifies[] = {
	{ ISAKMP_N_R_U_THERE, r_u_there },
	{ ISAKMP_N_R_U_THERE_ACK, r_u_there_ack },
	{ ISAKMP_N_INITIAL_CONTACT, initial_contact },
	{ ISAKMP_N_RESPONDER_LIFETIME, responder_lifetime },
	{ ISAKMP_N_CONNECTED, connected },
};

/* A quick mode that is not answered yet is what a refusal is about, unless it names another SPI. */
static void take_error(struct ike_sa *sa, const struct isakmp_notify *n)
{
	struct exchange *x = sa->active;
	uint32_t spi;

	report_sa(sa, LOG_LEVEL_NOTICE, "Informational", "heard", "the peer says %s (%u)", isakmp_notify_name(n->type), n->type);
	if (!x || x->answered || x->ops->type != ISAKMP_EXCH_QUICK)
		return;
	if (n->protocol == ISAKMP_PROTO_ESP && isakmp_notify_spi(n, &spi) && spi && spi != x->child->spi_in)
		return;
	v1_quick_refused(x, n->type);
}

static void take_notify(struct ike_sa *sa, const struct wire_payload *p)
{
	struct isakmp_notify n;

	if (isakmp_notify_get(&n, p->body))
		return;
	if (n.type < ISAKMP_N_FIRST_STATUS) {
		take_error(sa, &n);
		return;
	}
	for (unsigned i = 0; i < sizeof(notifies) / sizeof(notifies[0]); i++)
		if (notifies[i].type == n.type)
			notifies[i].take(sa, &n);
}

/* What it had begun, and never said that it has it, it has not. */
static void end_unfinished(struct ike_sa *sa)
{
	list_each(x, &sa->v1->serving, struct exchange, link)
		exchange_free(x);
	list_each(m, &sa->v1->memos, struct v1_memo, link) {
		struct child_sa *c = m->child ? child_find(sa->e, m->child) : NULL;

		if (c && !c->confirmed)
			child_end(c, ENGINE_CHILD_DOWN, "the peer has deleted the ISAKMP SA before it had the child");
	}
}

static void peer_deleted(struct ike_sa *sa)
{
	end_unfinished(sa);
	if (sa->state == IKE_ESTABLISHED) {
		report_reason(sa, REASON_PEER_DELETED);
		v1_gone(sa, "the peer deleted it");
	} else {
		ike_sa_end(sa, "the peer deleted it");
	}
}

/* Each may end what the next is about, but not the SA before the last. */
static void take_all(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	bool deleted = false;

	for (unsigned i = 0; i < x->m.n && i < PAYLOADS_LOOKED_AT && sa->state < IKE_CLOSED; i++) {
		if (x->m.pl[i].type == ISAKMP_PL_DELETE)
			deleted = take_delete(sa, &x->m.pl[i]) || deleted;
		else if (x->m.pl[i].type == ISAKMP_PL_NOTIFY)
			take_notify(sa, &x->m.pl[i]);
	}
	exchange_free(x);
	if (deleted && sa->state < IKE_CLOSED)
		peer_deleted(sa);
}

/* It has the message id of its quick mode, which is known already: nothing else counts in such a message, as it may be played back. */
static void take_connected(struct exchange *x)
{
	struct isakmp_notify n;

	if (v1_message_has_notify(&x->m, ISAKMP_N_CONNECTED, &n))
		connected(x->sa, &n);
	exchange_free(x);
}

void v1_info_heard(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m)
{
	bool of_quick = v1_memo_find(sa, m->h.message_id);
	struct exchange *x;

	if (!m->h.message_id || (!of_quick && v1_seen(sa, m->h.message_id)))
		return;
	x = exchange_new(sa, NULL);
	if (!x)
		return;
	x->message_id = m->h.message_id;
	if (ikev1_iv_phase2(&sa->v1->suite, sa->v1->iv, x->message_id, x->v1.iv) ||
	    v1_message_open(x, d->data, true, x->v1.iv, x->v1.next) || !v1_hash_fits(sa, &x->m, (struct view){ 0 })) {
		sa->e->stats.malformed++;
		report_stranger(sa->e, d, "Informational", "forged: its HASH(1) is wrong");
		exchange_free(x);
		return;
	}
	if (of_quick) {
		take_connected(x);
		return;
	}
	if (v1_see(sa, x->message_id)) {
		exchange_free(x);
		return;
	}
	x->from = path_of_datagram(d);
	path_heard(sa, &x->from);
	sa->heard_at = sa->e->now;
	take_all(x);
}
