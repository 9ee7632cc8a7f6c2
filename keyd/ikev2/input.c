// SPDX-License-Identifier: MIT
// A datagram's way to its SA and exchange; the table of what is served in which state.
#include "keyd/crypto/hash.h"
#include "keyd/ike/pieces.h"
#include "keyd/ike/report.h"
#include "keyd/ike/version.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/fragment.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/window.h"

#include <string.h>

static void serve_later(struct exchange *x)
{
	window_refuse(x, IKEV2_N_TEMPORARY_FAILURE);
}

static void serve_create(struct exchange *x)
{
	const struct wire_payload *p = wire_find(&x->m, IKEV2_PL_SA);

	/* The first byte after the proposal's generic header and number is its protocol (RFC 7296 3.3.1). */
	if (p && p->body.n > 5 && p->body.p[5] == IKEV2_PROTO_IKE)
		rekey_serve(x);
	else
		create_serve(x);
}

#define IN(state) (1u << (state))

/* What we answer. required: payloads without which the request is refused with INVALID_SYNTAX. */
static const struct {
	uint8_t exchange;
	unsigned states;
	uint64_t required;
	void (*serve)(struct exchange *x);
} served[] = {
	{ IKEV2_EXCH_IKE_AUTH, IN(IKE_INIT), WIRE_BIT(IKEV2_PL_IDI) | WIRE_BIT(IKEV2_PL_AUTH), auth_serve },
	{ IKEV2_EXCH_CREATE_CHILD_SA, IN(IKE_ESTABLISHED), WIRE_BIT(IKEV2_PL_SA) | WIRE_BIT(IKEV2_PL_NONCE),
	  serve_create },
	{ IKEV2_EXCH_CREATE_CHILD_SA, IN(IKE_REPLACED) | IN(IKE_DELETING), 0, serve_later },
	{ IKEV2_EXCH_INFORMATIONAL, IN(IKE_ESTABLISHED) | IN(IKE_REPLACED) | IN(IKE_DELETING), 0, info_serve },
};

static void dispatch(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	if (wire_unknown_critical(&x->m)) {
		report_sa(sa, LOG_LEVEL_NOTICE, ikev2_exchange_name(x->m.h.exchange), "refused",
			  "critical payload type %u is unknown", wire_unknown_critical(&x->m)->type);
		window_refuse(x, IKEV2_N_UNSUPPORTED_CRITICAL_PAYLOAD);
		return;
	}
	for (unsigned i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
		if (served[i].exchange != x->m.h.exchange || !(served[i].states & IN(sa->state)))
			continue;
		if ((x->m.present_sk & served[i].required) == served[i].required) {
			served[i].serve(x);
			return;
		}
		report_sa(sa, LOG_LEVEL_NOTICE, ikev2_exchange_name(x->m.h.exchange), "refused",
			  "a payload that must be there is missing");
		window_refuse(x, IKEV2_N_INVALID_SYNTAX);
		return;
	}
	report_sa(sa, LOG_LEVEL_NOTICE, ikev2_exchange_name(x->m.h.exchange), "refused",
		  "exchange type %u has no place in state %s", x->m.h.exchange, ike_state_name(sa->state));
	window_refuse(x, IKEV2_N_INVALID_SYNTAX);
}

/* A new request shows that the peer has dealt with our answer to the one before: it can receive on what that made. */
static void peer_goes_on(struct ike_sa *sa)
{
	list_each(c, &sa->children, struct child_sa, link)
		child_confirm(c, "the peer goes on");
}

static void request(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_header *h)
{
	uint8_t hash[CRYPTO_SHA256_LEN];
	struct exchange *x;
	int opened;

	if (crypto_sha256(&d->data, 1, hash))
		return;
	if (sa->have_answered && h->message_id + 1 == sa->next_expected) {
		/* A request that is cut anew, for a narrower path, looks different; nobody else sends such a one. */
		if (!memcmp(hash, sa->answered_hash, sizeof(hash)) || fragment_is_first(sa, d->data))
			window_answer_again(sa);
		return;
	}
	if (h->message_id != sa->next_expected || sa->serving || !sa->open)
		return;
	/* Who has not proved yet who it is gets no answer; if its proof was lost, the request comes again. */
	if (sa->initiator && sa->state < IKE_ESTABLISHED)
		return;
	x = exchange_new(sa, NULL);
	if (!x)
		return;
	opened = message_open(x, d->data);
	if (opened == PIECES_MORE) {
		exchange_free(x);
		return;
	}
	if (opened) {
		sa->e->stats.malformed++;
		report_stranger(sa->e, d, ikev2_exchange_name(h->exchange), "forged, or cut short: the check value is wrong");
		exchange_free(x);
		return;
	}
	sa->heard_at = sa->e->now;
	sa->have_answered = false;
	sa->serving = x;
	/* A request that came in pieces is known again by its piece 1, see above. */
	memcpy(sa->answered_hash, x->m.n_clear ? hash : (uint8_t[CRYPTO_SHA256_LEN]){ 0 }, sizeof(hash));
	peer_goes_on(sa);
	dispatch(x);
}

static void answer(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_header *h)
{
	struct exchange *x = sa->active;
	int opened;

	/* Late copies of answers that we had already come here as well, and are no news. */
	if (!x || x->answered || h->message_id != x->message_id || h->exchange != x->ops->type)
		return;
	opened = message_open(x, d->data);
	if (opened == PIECES_MORE)
		return;
	if (opened) {
		sa->e->stats.malformed++;
		report_stranger(sa->e, d, x->ops->name, "forged, or cut short: the check value is wrong");
		return;
	}
	window_answered(sa);
	x->answered = true;
	if (wire_unknown_critical(&x->m)) {
		report_sa(sa, LOG_LEVEL_NOTICE, x->ops->name, "ignored", "the answer has an unknown critical payload");
		exchange_fail(x);
		return;
	}
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

void ikev2_input(struct engine *e, const struct engine_datagram *d)
{
	struct wire_message m;
	struct ike_sa *sa;
	int error = wire_message_get(&m, d->data);
	bool response = m.h.flags & IKEV2_FLAG_RESPONSE;

	if (error) {
		e->stats.malformed++;
		report_stranger(e, d, "datagram", "not IKEv2: %s", wire_strerror(error));
		return;
	}
	if (m.h.exchange == IKEV2_EXCH_IKE_SA_INIT && !response) {
		init_serve(e, d, &m);
		return;
	}
	sa = ike_sa_find(e, m.h.flags & IKEV2_FLAG_INITIATOR ? m.h.spi_r : m.h.spi_i);
	if (!sa || sa->state == IKE_DEAD || !belongs(sa, &m.h)) {
		report_stranger(e, d, ikev2_exchange_name(m.h.exchange), "for an IKE SA that we do not have");
		return;
	}
	if (response)
		answer(sa, d, &m.h);
	else
		request(sa, d, &m.h);
}

const struct ike_version ikev2_version = {
	.initiate = init_begin,
	.create_child = create_begin,
	.rekey_child = create_rekey_begin,
	.delete_child = info_delete_child_begin,
	.rekey_ike = rekey_begin,
	.delete_ike = info_delete_ike_begin,
	.liveness = info_liveness_begin,
	.send_next = window_send_next,
	.input = ikev2_input,
};
