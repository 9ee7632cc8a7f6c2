// SPDX-License-Identifier: MIT
// Refusals without an SA, and hints without proof.
#include "keyd/ikev2/stateless.h"

#include "keyd/ike/liveness.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/child.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/window.h"

#include <string.h>

#define ANSWERS_PER_SECOND 100

static void answer(struct engine *e, const struct engine_datagram *d, const struct wire_header *h, uint16_t notify,
		   struct view data)
{
	struct engine_datagram reply = *d;
	struct wire_out out;

	wire_out_begin(&out, e->out, sizeof(e->out), h);
	message_put_notify(&out, notify, data);
	if (wire_out_end(&out, &reply.data))
		return;
	e->stats.datagrams_out++;
	leave_send(e, &reply);
}

void stateless_refuse(struct engine *e, const struct engine_datagram *d, const struct wire_header *h, uint16_t notify,
		      struct view data)
{
	struct wire_header reply = { .major = IKEV2_MAJOR, .exchange = IKEV2_EXCH_IKE_SA_INIT,
				     .flags = IKEV2_FLAG_RESPONSE };

	memcpy(reply.spi_i, h->spi_i, sizeof(reply.spi_i));
	answer(e, d, &reply, notify, data);
}

void stateless_answer(struct engine *e, const struct engine_datagram *d, const struct wire_header *h, uint16_t notify)
{
	struct wire_header reply = { .major = IKEV2_MAJOR, .exchange = h->exchange, .message_id = h->message_id };

	if (h->flags & IKEV2_FLAG_RESPONSE || !rate_pass(e, &e->replies, ANSWERS_PER_SECOND))
		return;
	memcpy(reply.spi_i, h->spi_i, sizeof(reply.spi_i));
	memcpy(reply.spi_r, h->spi_r, sizeof(reply.spi_r));
	/* We stand for the other end of the SA that the request believes in (RFC 7296 3.1). */
	reply.flags = (uint8_t)(IKEV2_FLAG_RESPONSE | (~h->flags & IKEV2_FLAG_INITIATOR));
	answer(e, d, &reply, notify, (struct view){ 0 });
}

void stateless_hint(struct ike_sa *sa, const struct engine_datagram *d, const struct wire_message *m)
{
	uint16_t error = message_error(m);

	report_stranger(sa->e, d, ikev2_exchange_name(m->h.exchange), "%s (%u) without proof that it is the peer's",
			error ? ikev2_notify_name(error) : "a message in clear", error);
	if (!ipsec_addr_equal(&sa->remote, &d->remote))
		return;
	if (m->h.flags & IKEV2_FLAG_RESPONSE)
		sa->hint = error;
	window_hinted(sa);
	if (error == IKEV2_N_INVALID_IKE_SPI || error == IKEV2_N_INVALID_SPI || error == IKEV2_N_INVALID_MAJOR_VERSION)
		liveness_hint(sa);
}

void stateless_hint_child(struct engine *e, const struct engine_datagram *d, const struct wire_message *m)
{
	struct wire_notify n;

	if (!message_has_notify(m, IKEV2_N_INVALID_SPI, &n) || n.data.n != 4) {
		report_stranger(e, d, ikev2_exchange_name(m->h.exchange), "for no IKE SA at all");
		return;
	}
	report_stranger(e, d, "INVALID_SPI", "the sender has no SA for ESP with SPI %08x", child_spi(n.data));
	if (!rate_pass(e, &e->hints, LIVENESS_HINTS_PER_SECOND))
		return;
	for (struct ike_sa *sa = ike_sa_first_between(e, &d->local, &d->remote); sa; sa = ike_sa_next_between(sa))
		if (child_find_out(sa, child_spi(n.data)))
			liveness_hint(sa);
}
