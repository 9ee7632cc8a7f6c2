// SPDX-License-Identifier: MIT
// A datagram's way to its SA and exchange; the table of what is served in which state.
#include "keyd/crypto/hash.h"
#include "keyd/ike/pieces.h"
#include "keyd/ike/proof.h"
#include "keyd/ike/report.h"
#include "keyd/ike/version.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/fragment.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/payloads.h"
#include "keyd/ikev2/stateless.h"
#include "keyd/ikev2/window.h"

#include <stdio.h>
#include <string.h>

static void serve_later(struct exchange *x)
{
	window_refuse(x, IKEV2_N_TEMPORARY_FAILURE);
}

static void serve_create(struct exchange *x)
{
	const struct wire_payload *p = wire_find(&x->m, IKEV2_PL_SA);

	if (proof_lost(x->sa)) {
		/* A peer may have a better certificate by now, and reauthenticates; until our token is back, that would end what works. */
		window_refuse(x, x->sa->proof.lost ? IKEV2_N_NO_ADDITIONAL_SAS : IKEV2_N_TEMPORARY_FAILURE);
		return;
	}
	/* The first byte after the proposal's generic header and number is its protocol (RFC 7296 3.3.1). */
	if (p && p->body.n > 5 && p->body.p[5] == IKEV2_PROTO_IKE)
		rekey_serve(x);
	else
		create_serve(x);
}

#define IN(state) (1u << (state))

/* What we answer in which state; which payloads must be there is in payloads.c. */
static const struct {
	uint8_t exchange;
	unsigned states;
	void (*serve)(struct exchange *x);
} served[] = {
	{ IKEV2_EXCH_IKE_AUTH, IN(IKE_INIT) | IN(IKE_AUTH), auth_serve },
	{ IKEV2_EXCH_CREATE_CHILD_SA, IN(IKE_ESTABLISHED), serve_create },
	{ IKEV2_EXCH_CREATE_CHILD_SA, IN(IKE_REPLACED) | IN(IKE_DELETING) | IN(IKE_CROSSED), serve_later },
	{ IKEV2_EXCH_INFORMATIONAL, IN(IKE_ESTABLISHED) | IN(IKE_REPLACED) | IN(IKE_DELETING) | IN(IKE_CROSSED),
	  info_serve },
};

/* The whole message is refused, and the SA is none if it was not one before (RFC 7296 2.5, 2.21.2). */
static void refuse_critical(struct exchange *x, uint8_t type)
{
	struct ike_sa *sa = x->sa;

	report_sa(sa, LOG_LEVEL_NOTICE, ikev2_exchange_name(x->m.h.exchange), "refused",
		  "the peer insists on a payload of type %u, which nobody here knows", type);
	window_refuse_with(x, IKEV2_N_UNSUPPORTED_CRITICAL_PAYLOAD, (struct view){ &type, sizeof(type) });
	if (sa->state < IKE_ESTABLISHED)
		ike_sa_end(sa, "the peer insists on a payload that nobody here knows");
}

static void refuse_syntax(struct exchange *x, const char *why)
{
	report_sa(x->sa, LOG_LEVEL_WARNING, ikev2_exchange_name(x->m.h.exchange), "refused",
		  "INVALID_SYNTAX: %s in the peer's request", why);
	window_refuse(x, IKEV2_N_INVALID_SYNTAX);
}

static void dispatch(struct exchange *x, bool readable)
{
	const struct wire_payload *critical = wire_unknown_critical(&x->m);
	char why[PAYLOADS_WHY];
	const char *wrong;

	if (critical) {
		refuse_critical(x, critical->type);
		return;
	}
	wrong = readable ? payloads_wrong(&x->m, why) : "what is encrypted is no chain of payloads";
	if (wrong) {
		refuse_syntax(x, wrong);
		return;
	}
	for (unsigned i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
		if (served[i].exchange == x->m.h.exchange && served[i].states & IN(x->sa->state)) {
			served[i].serve(x);
			return;
		}
	}
	snprintf(why, sizeof(why), "exchange type %u has no place in state %s", x->m.h.exchange,
		 ike_state_name(x->sa->state));
	refuse_syntax(x, why);
}

/*
 * A new request shows that the peer has dealt with our answer to the one before: it can receive on what that made; unless it
 * deletes just that, because it did not like it.
 */
static void peer_goes_on(struct exchange *x)
{
	list_each(c, &x->sa->children, struct child_sa, link)
		if (c->state > CHILD_INBOUND || !info_deletes_child(&x->m, c->spi_out))
			child_confirm(c, "the peer goes on");
}

/*
 * A copy of the last request gets the last answer, byte for byte (RFC 7296 2.1). A request that is cut anew, for a narrower
 * path, looks different; nobody else sends such a one.
 */
static void repeated(struct ike_sa *sa, const struct engine_datagram *d, const uint8_t hash[CRYPTO_SHA256_LEN])
{
	struct path from = path_of_datagram(d);

	if (!memcmp(hash, sa->answered_hash, CRYPTO_SHA256_LEN) || fragment_is_first(sa, d->data))
		window_answer_again(sa, &from);
}

static void forged(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_header *h)
{
	sa->e->stats.malformed++;
	report_stranger(sa->e, d, ikev2_exchange_name(h->exchange), "forged, or cut short: the check value is wrong");
}

static void request(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_header *h)
{
	uint8_t hash[CRYPTO_SHA256_LEN];
	struct exchange *x;
	int fault;

	if (crypto_sha256(&d->data, 1, hash))
		return;
	if (sa->have_answered && h->message_id + 1 == sa->next_expected) {
		repeated(sa, d, hash);
		return;
	}
	if (h->message_id != sa->next_expected || sa->serving || !sa->open || sa->state == IKE_CLOSED)
		return;
	/* Who has not proved yet who it is gets no answer; if its proof was lost, the request comes again. */
	if (sa->initiator && sa->state < IKE_ESTABLISHED)
		return;
	x = exchange_new(sa, NULL);
	if (!x)
		return;
	fault = message_open(x, d->data);
	if (fault == PIECES_MORE || fault == MESSAGE_FORGED) {
		if (fault == MESSAGE_FORGED)
			forged(sa, d, h);
		exchange_free(x);
		return;
	}
	report_detail(sa, NULL, ENGINE_REQUEST_RECEIVED, ikev2_exchange_name(h->exchange), h->message_id, "%zu bytes",
		      d->data.n);
	x->from = path_of_datagram(d);
	path_heard(sa, &x->from);
	ike_sa_touch(sa);
	sa->heard_at = sa->e->now;
	sa->have_answered = false;
	sa->serving = x;
	/* A request that came in pieces is known again by its piece 1, see above. */
	memcpy(sa->answered_hash, x->m.n_clear ? hash : (uint8_t[CRYPTO_SHA256_LEN]){ 0 }, sizeof(hash));
	if (sa->state == IKE_CROSSED && !info_closes_ike(&x->m))
		rekey_chosen(sa);
	peer_goes_on(x);
	dispatch(x, !fault);
}

/*
 * The peer's answer is its own and breaks the rules. There is no answer to an answer (RFC 7296 2.21.3): the exchange has
 * failed; of a notice it does not matter, and without IKE_AUTH there is no SA.
 */
static void bad_answer(struct exchange *x, const char *why, bool critical)
{
	struct ike_sa *sa = x->sa;
	char reason[PAYLOADS_WHY + 64];

	report_sa(sa, LOG_LEVEL_WARNING, x->ops->name, "failed", "%s in the peer's answer", why);
	if (x->ops->type == IKEV2_EXCH_INFORMATIONAL) {
		x->m.n = x->m.n_clear = 0;
		x->ops->answer(x);
	} else if (sa->state < IKE_ESTABLISHED) {
		snprintf(reason, sizeof(reason), "the peer's %s answer is unusable: %s", x->ops->name, why);
		info_disown(sa, critical ? IKEV2_N_UNSUPPORTED_CRITICAL_PAYLOAD : IKEV2_N_INVALID_SYNTAX);
		ike_sa_end(sa, reason);
	} else {
		exchange_fail(x);
	}
}

static void answer(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_header *h)
{
	const struct wire_payload *critical;
	struct exchange *x = sa->active;
	char why[PAYLOADS_WHY];
	const char *wrong;
	int fault;

	/* Late copies of answers that we had already come here as well, and are no news. */
	if (!x || x->answered || h->message_id != x->message_id || h->exchange != x->ops->type)
		return;
	fault = message_open(x, d->data);
	if (fault == MESSAGE_FORGED)
		forged(sa, d, h);
	if (fault == PIECES_MORE || fault == MESSAGE_FORGED)
		return;
	x->from = path_of_datagram(d);
	if (x->ops->unproven) {
		x->ops->answer(x);
		return;
	}
	path_heard(sa, &x->from);
	window_answered(sa);
	x->answered = true;
	critical = wire_unknown_critical(&x->m);
	wrong = fault	 ? "what is encrypted is no chain of payloads" :
		critical ? "a critical payload of a type that nobody here knows" :
			   payloads_wrong(&x->m, why);
	if (wrong)
		bad_answer(x, wrong, critical);
	else
		x->ops->answer(x);
}

static bool zero_spi(const uint8_t spi[8])
{
	static const uint8_t zero[8];

	return !memcmp(spi, zero, sizeof(zero));
}

static bool belongs(const struct ike_sa *sa, const struct wire_header *h)
{
	const uint8_t *theirs = sa->initiator ? sa->spi_r : sa->spi_i;
	const uint8_t *named = sa->initiator ? h->spi_r : h->spi_i;

	if (sa->initiator == !!(h->flags & IKEV2_FLAG_INITIATOR))
		return false;	/* a message of our own, reflected */
	return !memcmp(theirs, named, 8) || (sa->initiator && sa->state <= IKE_INIT && zero_spi(theirs));
}

/* One that we sent ourselves comes back: its SPIs are ours, seen from the other end. */
static bool reflected(struct engine *e, const struct wire_header *h)
{
	struct ike_sa *sa = ike_sa_find(e, h->flags & IKEV2_FLAG_INITIATOR ? h->spi_i : h->spi_r);

	return sa && sa->initiator == !!(h->flags & IKEV2_FLAG_INITIATOR);
}

/* A request for an SA that we do not have may come from a peer that believes in it: he is told (RFC 7296 2.21.4). */
static void homeless(struct engine *e, const struct engine_datagram *d, const struct wire_message *m)
{
	if (zero_spi(m->h.spi_i) && zero_spi(m->h.spi_r)) {
		stateless_hint_child(e, d, m);
		return;
	}
	report_stranger(e, d, ikev2_exchange_name(m->h.exchange), "for an IKE SA that we do not have");
	if (m->h.exchange >= IKEV2_EXCH_IKE_AUTH && !reflected(e, &m->h))
		stateless_answer(e, d, &m->h, IKEV2_N_INVALID_IKE_SPI);
}

static void unreadable(struct engine *e, const struct engine_datagram *d, const struct wire_header *h, int error)
{
	e->stats.malformed++;
	if (error != WIRE_VERSION) {
		report_stranger(e, d, "datagram", "not IKEv2: %s", wire_strerror(error));
		return;
	}
	report_stranger(e, d, "datagram", "IKE version %u, and IKEv2 alone is spoken here", h->major);
	if (h->major > IKEV2_MAJOR)
		stateless_answer(e, d, h, IKEV2_N_INVALID_MAJOR_VERSION);
}

/* Everything that proves anything is inside SK; the first exchange has nothing to prove it with. */
static bool in_clear(const struct wire_message *m)
{
	return m->h.exchange != IKEV2_EXCH_IKE_SA_INIT &&
	       !(m->present_clear & (WIRE_BIT(IKEV2_PL_SK) | WIRE_BIT(IKEV2_PL_SKF)));
}

void ikev2_input(struct engine *e, const struct engine_datagram *d)
{
	struct wire_message m;
	struct ike_sa *sa;
	int error = wire_message_get(&m, d->data);
	bool response = m.h.flags & IKEV2_FLAG_RESPONSE;

	if (error) {
		unreadable(e, d, &m.h, error);
		return;
	}
	if (m.h.exchange == IKEV2_EXCH_IKE_SA_INIT && !response) {
		init_serve(e, d, &m);
		return;
	}
	sa = ike_sa_find(e, m.h.flags & IKEV2_FLAG_INITIATOR ? m.h.spi_r : m.h.spi_i);
	if (!sa || sa->version != &ikev2_version || sa->state == IKE_DEAD || !belongs(sa, &m.h))
		homeless(e, d, &m);
	else if (in_clear(&m))
		stateless_hint(sa, d, &m);
	else if (response)
		answer(sa, d, &m.h);
	else
		request(sa, d, &m.h);
}

/* Which exchanges may begin in which state of the SA. */
static bool may_begin(const struct ike_sa *sa, const struct exchange *x)
{
	switch (sa->state) {
	case IKE_NEW:
		return x->ops->type == IKEV2_EXCH_IKE_SA_INIT;
	case IKE_INIT:
	case IKE_AUTH:
		return x->ops->type == IKEV2_EXCH_IKE_SA_INIT || x->ops->type == IKEV2_EXCH_IKE_AUTH;
	case IKE_ESTABLISHED:
		return true;
	case IKE_REPLACED:
	case IKE_DELETING:
		return x->ops->type == IKEV2_EXCH_INFORMATIONAL;
	default:
		return false;
	}
}

static const struct exchange_ops *const kept[KEPT_EXCHANGES] = {
	[KEPT_CREATE] = &ikev2_create_ops,
	[KEPT_REKEY_CHILD] = &ikev2_rekey_child_ops,
	[KEPT_REKEY_IKE] = &ikev2_rekey_ops,
	[KEPT_DELETE_CHILD] = &ikev2_delete_child_ops,
	[KEPT_DELETE_IKE] = &ikev2_delete_ike_ops,
	[KEPT_LIVENESS] = &ikev2_liveness_ops,
	[KEPT_AUTH] = &ikev2_auth_ops,
};

static const struct exchange_ops *kept_by_number(uint8_t number)
{
	return number < KEPT_EXCHANGES ? kept[number] : NULL;
}

const struct ike_version ikev2_version = {
	.major = IKEV2_MAJOR,
	.exchange_name = ikev2_exchange_name,
	.may_begin = may_begin,
	.closes_child = info_closes_child,
	.kept = kept_by_number,
	.resume = window_resume,
	.initiate = init_begin,
	.create_child = create_begin,
	.rekey_child = create_rekey_begin,
	.delete_child = info_delete_child_begin,
	.rekey_ike = rekey_begin,
	.delete_ike = info_delete_ike_begin,
	.liveness = info_liveness_begin,
	.confirm = info_confirm_begin,
	.send_next = window_send_next,
	.input = ikev2_input,
};
