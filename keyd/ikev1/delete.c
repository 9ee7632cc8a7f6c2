// SPDX-License-Identifier: MIT
// Deletes, ours and the peer's, which nothing acknowledges (RFC 2409 5.7, RFC 2408 5.15).
#include "keyd/ikev1/info.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/straggler.h"
#include "keyd/ikev1/message.h"
#include "keyd/ikev1/window.h"
#include "keyd/wire/isakmp_delete.h"

#include <string.h>

/* One message deletes so many children. */
#define DELETES_MAX 256
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

static bool delete_child_build(struct exchange *x, struct wire_out *out)
{
	uint8_t spi[4];

	if (!child_find(x->sa->e, x->old_spi))
		return false;
	v1_spi_bytes(x->old_spi, spi);
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
	struct v1_said said;
	unsigned n = 0;

	list_each(c, &sa->children, struct child_sa, link)
		if (n < DELETES_MAX)
			v1_spi_bytes(c->spi_in, spis + (size_t)4 * n++);
	if (!n || v1_say_begin(sa, &out, &said))
		return;
	put_delete(&out, ISAKMP_PROTO_ESP, 4, n, spis);
	v1_say_end(sa, &out, &said);
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

/* One without keys waits for the next (v1_delete_go_on). */
bool v1_delete_may_be_lost(struct v1_memo *m, uint64_t time)
{
	struct ipsec_sa_id in = { .dst = m->sa->local, .proto = IPPROTO_ESP, .spi = m->deleted };
	struct ike_sa *sa = ike_sa_heir(m->sa);

	if (sa->state != IKE_ESTABLISHED || !sa->v1->dpd || !sa->peer->conf.dpd)
		return false;
	straggler_keep(sa->e, &in, time + SECONDS(sa->peer->conf.linger));
	if (!sa->v1->gone && !v1_being_asked(sa))
		v1_liveness(sa);
	return true;
}

static void delete_on(struct ike_sa *sa, uint32_t spi)
{
	struct ipsec_sa_id in = { .dst = sa->local, .proto = IPPROTO_ESP, .spi = spi };
	struct wire_out out;
	struct v1_memo *m;
	struct v1_said said;
	uint8_t bytes[4];

	if (v1_say_begin(sa, &out, &said))
		return;
	v1_spi_bytes(spi, bytes);
	put_delete(&out, ISAKMP_PROTO_ESP, 4, 1, bytes);
	v1_say_end(sa, &out, &said);
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
		if (o == c || o->sa != c->sa || o->replaced_by != c->spi_in || o->state != CHILD_REPLACED ||
		    o->deleting || o->muted || !o->out_addr.family)
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

bool v1_take_delete(struct ike_sa *sa, const struct wire_payload *p)
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

/* While names, passwords and addresses are told. Who was refused says so rather than to acknowledge that. */
static void pending_deleted(struct ike_sa *sa)
{
	bool refused = *sa->v1->config.why;

	report_reason(sa, refused ? REASON_PASSWORD_WRONG : REASON_PEER_DELETED);
	ike_sa_end(sa, refused ? sa->v1->config.why : "the peer deleted it");
}

void v1_peer_deleted(struct ike_sa *sa)
{
	end_unfinished(sa);
	if (sa->state == IKE_AUTH) {
		pending_deleted(sa);
	} else if (sa->state == IKE_ESTABLISHED) {
		report_reason(sa, REASON_PEER_DELETED);
		v1_gone(sa, "the peer deleted it");
	} else {
		ike_sa_end(sa, "the peer deleted it");
	}
}
