// SPDX-License-Identifier: MIT
// INFORMATIONAL: deletes and signs of life (RFC 7296 1.4).
#include "keyd/ike/reauth.h"
#include "keyd/conf/id.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/auth_proof.h"
#include "keyd/ikev2/cp.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/window.h"
#include "keyd/wire/delete.h"

#include <stdio.h>
#include <string.h>

/* --- DELETE of a child --- */

static void put_delete(struct wire_out *out, uint32_t spi)
{
	size_t mark = wire_payload_begin(out, IKEV2_PL_DELETE);

	wire_delete_put_spi(&out->w, IKEV2_PROTO_ESP, spi);
	wire_payload_end(out, mark);
}

static bool delete_child_build(struct exchange *x, struct wire_out *out)
{
	struct child_sa *c = child_find(x->sa->e, x->old_spi);

	/* A child that never came to be here (its answer did not fit) is named all the same. */
	if (!c && !x->tries)
		return false;
	put_delete(out, x->old_spi);
	return true;
}

static void delete_child_answer(struct exchange *x)
{
	struct child_sa *c = child_find(x->sa->e, x->old_spi);

	if (c && child_has_heir(c)) {
		child_end(c, ENGINE_EVENT_TYPES, "replaced");
	} else if (c) {
		report_reason(c->sa, REASON_DELETED);
		child_end(c, ENGINE_CHILD_DOWN, "deleted");
	}
	exchange_done(x);
}

const struct exchange_ops ikev2_delete_child_ops = {
	.kept = KEPT_DELETE_CHILD,
	.name = "INFORMATIONAL delete child",
	.type = IKEV2_EXCH_INFORMATIONAL,
	.build = delete_child_build,
	.answer = delete_child_answer,
};

static void delete_spi(struct ike_sa *sa, uint32_t spi_in, bool never_was, bool urgent)
{
	struct exchange *x = exchange_new(sa, &ikev2_delete_child_ops);

	if (!x)
		return;
	x->old_spi = spi_in;
	x->tries = never_was;
	if (urgent)
		exchange_queue_first(x);
	else
		exchange_queue(x);
}

void info_delete_child_begin(struct child_sa *c)
{
	if (c->deleting)
		return;
	c->deleting = true;
	child_touch(c);
	child_mute(c);
	/* What the kernel has lost holds nobody up: others of its kind may wait for their heirs. */
	delete_spi(c->sa, c->spi_in, false, !c->lost);
}

bool info_closes_child(const struct exchange *x)
{
	return x->ops == &ikev2_delete_child_ops;
}

void info_delete_offered(const struct child_sa *c)
{
	delete_spi(c->sa, c->spi_in, true, true);
}

/* --- DELETE of the IKE SA --- */

static bool delete_ike_build(struct exchange *x, struct wire_out *out)
{
	struct wire_delete d = { .protocol = IKEV2_PROTO_IKE };
	size_t mark = wire_payload_begin(out, IKEV2_PL_DELETE);

	(void)x;
	wire_delete_put(&out->w, &d);
	wire_payload_end(out, mark);
	return true;
}

static void delete_ike_answer(struct exchange *x)
{
	enum engine_reason reason;
	const char *why = proof_why(x->sa, &reason);

	report_reason(x->sa, why ? reason : REASON_DELETED);
	ike_sa_end(x->sa, why ? why : "deleted");
}

const struct exchange_ops ikev2_delete_ike_ops = {
	.kept = KEPT_DELETE_IKE,
	.name = "INFORMATIONAL delete IKE SA",
	.type = IKEV2_EXCH_INFORMATIONAL,
	.build = delete_ike_build,
	.answer = delete_ike_answer,
};

void info_delete_ike_begin(struct ike_sa *sa)
{
	struct exchange *x;

	if (sa->state == IKE_DELETING || sa->state >= IKE_CLOSED)
		return;
	x = exchange_new(sa, &ikev2_delete_ike_ops);
	if (!x) {
		ike_sa_end(sa, "out of memory");
		return;
	}
	ike_sa_set_state(sa, IKE_DELETING);
	reauth_hand_over(sa);
	list_each(c, &sa->children, struct child_sa, link)
		child_mute(c);
	exchange_queue_first(x);
}

/* Once and without waiting for an answer: if it is lost, the peer finds out by its liveness check. */
void info_disown(struct ike_sa *sa, uint16_t notify)
{
	struct wire_out out;
	struct view datagram;

	message_begin(sa, &out, IKEV2_EXCH_INFORMATIONAL, false, sa->next_request);
	message_put_notify(&out, notify, (struct view){ 0 });
	delete_ike_build(NULL, &out);
	if (!message_end(sa, &out, &datagram))
		message_send(sa, datagram);
}

/* --- liveness --- */

static bool liveness_build(struct exchange *x, struct wire_out *out)
{
	(void)x;
	(void)out;
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

/* The peer has rekeyed the IKE SA and deleted this one before it answered: it may still wait for the sign that this was. */
static void liveness_abandon(struct exchange *x)
{
	struct ike_sa *heir = ike_sa_heir(x->sa);

	if (x->sa->state == IKE_CLOSED && heir != x->sa && heir->state == IKE_ESTABLISHED)
		info_confirm_begin(heir, NULL);
}

const struct exchange_ops ikev2_liveness_ops = {
	.kept = KEPT_LIVENESS,
	.name = "INFORMATIONAL liveness",
	.type = IKEV2_EXCH_INFORMATIONAL,
	.build = liveness_build,
	.answer = liveness_answer,
	.abandon = liveness_abandon,
};

/* One that has not been sent yet says as much as another behind it. */
static bool confirm_waits(const struct ike_sa *sa)
{
	list_each(x, &sa->queue, struct exchange, link)
		if (x->ops == &ikev2_liveness_ops)
			return true;
	return false;
}

void info_confirm_begin(struct ike_sa *sa, void (*then)(struct ike_sa *sa))
{
	struct exchange *x;

	if (!then && confirm_waits(sa))
		return;
	x = exchange_new(sa, &ikev2_liveness_ops);
	if (!x)
		return;
	x->then = then;
	exchange_queue(x);
}

void info_liveness_begin(struct ike_sa *sa)
{
	info_confirm_begin(sa, NULL);
}

/* Of the numbers for private use (RFC 7296 3.10.1), where others may mean something else: hence the text. */
#define N_WILL_CONFIRM 48112
static const char will_confirm[] = "gapless: a sign will follow";

void ikev2_put_confirm(struct wire_out *out)
{
	message_put_notify(out, N_WILL_CONFIRM, (struct view){ (const uint8_t *)will_confirm, sizeof(will_confirm) - 1 });
}

bool ikev2_will_confirm(const struct wire_message *m)
{
	struct wire_notify n;

	return message_has_notify(m, N_WILL_CONFIRM, &n) && n.data.n == sizeof(will_confirm) - 1 &&
	       !memcmp(n.data.p, will_confirm, n.data.n);
}

/*
 * Nothing in RFC 7296 tells a responder that we can receive on a new child; any request that follows does, because we
 * only send it when the kernel has our inbound SA. What waits in the queue may say so earlier, or turn out needless.
 */
void ikev2_confirm(struct ike_sa *sa)
{
	info_liveness_begin(sa);
}

/* --- the peer's --- */

/* So many children are deleted by one request; the peer asks again for what its answer does not name. */
#define DELETES_MAX 2048

/* Both sides delete it at once: each names it in its request only, else somebody would delete twice (RFC 7296 1.4.1). */
static bool crossed(const struct ike_sa *sa, const struct child_sa *c)
{
	return c->deleting && sa->active && info_closes_child(sa->active) && sa->active->old_spi == c->spi_in;
}

struct child_sa *info_being_made(const struct ike_sa *sa, uint32_t spi)
{
	const struct exchange *x = sa->active;

	return spi && x && x->child && x->child->spi_out == spi ? x->child : NULL;
}

/* Ends the child that the peer receives on by spi. Returns our SPI for the answer; 0: there is nothing to name. */
static uint32_t serve_delete_spi(struct ike_sa *asked, uint32_t spi)
{
	struct ike_sa *sa = ike_sa_heir(asked);	/* a request may have been sent before its SA was replaced */
	struct child_sa *c = child_find_out(sa, spi);
	uint32_t ours;

	if (info_being_made(asked, spi))
		c = info_being_made(asked, spi);
	if (c && (c->state == CHILD_NEW || c->unfinished)) {
		c->doomed = true;
		child_touch(c);
		return c->spi_in;
	}
	if (!c)
		return 0;
	ours = crossed(sa, c) || crossed(asked, c) ? 0 : c->spi_in;
	if (!child_has_heir(c))
		report_reason(c->sa, REASON_PEER_DELETED);
	child_end(c, child_has_heir(c) ? ENGINE_EVENT_TYPES : ENGINE_CHILD_DOWN, "the peer deleted it");
	return ours;
}

/* All that the request names and we have, in one payload. */
static void serve_deletes(struct exchange *x, struct wire_out *out)
{
	struct wire_delete d, answer = { .protocol = IKEV2_PROTO_ESP, .spi_size = 4 };
	const struct wire_payload *p = NULL;
	uint8_t spis[4 * DELETES_MAX];
	struct wr w = wr_of(spis, sizeof(spis));
	uint32_t spi, ours;
	size_t mark;

	while ((p = wire_next(&x->m, IKEV2_PL_DELETE, p))) {
		if (wire_delete_get(&d, p->body) || d.protocol != IKEV2_PROTO_ESP)
			continue;
		for (unsigned i = 0; answer.count < DELETES_MAX && wire_delete_spi(&d, i, &spi); i++) {
			ours = serve_delete_spi(x->sa, spi);
			if (!ours)
				continue;
			wr_u32(&w, ours);
			answer.count++;
		}
	}
	if (!answer.count)
		return;
	answer.spis = wr_view(&w);
	mark = wire_payload_begin(out, IKEV2_PL_DELETE);
	wire_delete_put(&out->w, &answer);
	wire_payload_end(out, mark);
}

bool info_deletes_child(const struct wire_message *m, uint32_t spi_out)
{
	const struct wire_payload *p = NULL;
	struct wire_delete d;
	uint32_t spi;

	while ((p = wire_next(m, IKEV2_PL_DELETE, p)))
		for (unsigned i = 0; !wire_delete_get(&d, p->body) && d.protocol == IKEV2_PROTO_ESP &&
				     wire_delete_spi(&d, i, &spi); i++)
			if (spi == spi_out)
				return true;
	return false;
}

bool info_closes_ike(const struct wire_message *m)
{
	const struct wire_payload *p = NULL;
	struct wire_delete d;

	while ((p = wire_next(m, IKEV2_PL_DELETE, p)))
		if (!wire_delete_get(&d, p->body) && d.protocol == IKEV2_PROTO_IKE)
			return true;
	return false;
}

/*
 * An initiator that does not take our proof says so in a request of its own, and that ends the IKE SA, with or without a
 * DELETE beside it (RFC 7296 2.21.2).
 */
static bool disowns_us(const struct exchange *x)
{
	return !x->sa->initiator && message_has_notify(&x->m, IKEV2_N_AUTHENTICATION_FAILED, NULL);
}

/* Some just delete what they do not believe in (libreswan): then it is the first thing that they say. */
static const char *why_closed(const struct exchange *x, char *text, size_t n)
{
	char id[CONF_ID_STRLEN];

	if (disowns_us(x)) {
		snprintf(text, n, "the peer does not believe who we are: AUTHENTICATION_FAILED (24); %s", auth_disbelief(x->sa));
		return text;
	}
	/* IKE_SA_INIT has message ID 0, and the rounds of IKE_AUTH follow. */
	if (x->sa->initiator || x->sa->rekeys || x->m.h.message_id != x->sa->auth.round + 1U)
		return "the peer deleted it";
	conf_id_format(&x->sa->local_id, id, sizeof(id));
	snprintf(text, n, "the peer deleted it at once: does it expect that we call ourselves \"%.255s\"?", id);
	return text;
}

static void serve_answer(struct exchange *x)
{
	bool disowned = disowns_us(x), all = disowned || info_closes_ike(&x->m);
	struct ike_sa *sa = x->sa;
	struct wire_out out;
	char text[350];
	const char *why = why_closed(x, text, sizeof(text));

	message_take_auth_lifetime(x);
	window_answer_begin(x, &out);
	serve_deletes(x, &out);
	if (sa->state == IKE_ESTABLISHED) {
		cp_serve(x);
		cp_put_reply(x, &out);
	}
	window_answer_end(x, &out);
	if (!all)
		return;
	rekey_yield(sa);
	if (disowned)
		report_refusal(sa, IKEV2_N_AUTHENTICATION_FAILED, false);
	report_reason(sa, REASON_PEER_DELETED);
	ike_sa_close(sa, why);
}

static void handed_over(struct ask *a, const struct kern_answer *an)
{
	(void)an;
	serve_answer(container_of(a, struct exchange, ask));
}

/*
 * Before an old child goes, the new one must send (RFC 7296 2.8: the DELETE is the sign to switch). Mostly it has begun to,
 * as any request is a sign; but not for children that have gone to the next IKE SA before this one's request came.
 */
static void switch_from_deleted(struct ike_sa *sa, const struct wire_message *m)
{
	list_each(c, &sa->children, struct child_sa, link) {
		const struct child_sa *old = child_find(sa->e, c->replaces);

		if (c->state == CHILD_INBOUND && !c->initiator && old && info_deletes_child(m, old->spi_out))
			child_switch(c, "the peer deletes the old one");
	}
}

/* A child of sa that the kernel was asked to send on, by us or by the exchange that makes it, and has not said that it does. */
static struct child_sa *switching(const struct ike_sa *sa)
{
	list_each(c, &sa->children, struct child_sa, link)
		if (c->state == CHILD_INBOUND && (c->ask.id || c->initiator))
			return c;
	return NULL;
}

/* What must send before the request is answered; NULL: nothing. */
static struct child_sa *awaited(struct exchange *x)
{
	struct ike_sa *heir = ike_sa_heir(x->sa);

	if (info_closes_ike(&x->m) && reauth_hand_over(x->sa))
		return list_entry(x->sa->children.next, struct child_sa, link);
	if (!wire_next(&x->m, IKEV2_PL_DELETE, NULL))
		return NULL;
	switch_from_deleted(heir, &x->m);
	return switching(heir);
}

/*
 * Once the peer has our answer to its DELETE, it receives on what that names no more. So what takes its place sends before:
 * the kernel works in order, and when it answers a question of now, it has done what it was asked before.
 */
void info_serve(struct exchange *x)
{
	struct kern_request rq = { .op = KERN_SA_GET };
	const struct child_sa *c = awaited(x);

	if (!c) {
		serve_answer(x);
		return;
	}
	rq.sa.proto = IPPROTO_ESP;
	rq.sa.dst = x->sa->local;
	rq.sa.spi = c->spi_in;
	ask_kern(x->sa->e, &x->ask, &rq, handed_over);
}
